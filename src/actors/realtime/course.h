/* What the channels of a course and of an establishment share: announcements. */
#ifndef STACGATE_REALTIME_COURSE_H
#define STACGATE_REALTIME_COURSE_H

#include "chan.h"

#define ANNOUNCEMENT_TITLE_MAX 200 /* characters, as over REST */
#define ANNOUNCEMENT_BODY_MAX 5000

/* {title, body} of the push are well formed: stores them as a map with room for `more` pairs. 0, or
 * what refuse() returns. */
int announcement_check(struct op *op, uint32_t more, struct refusal *ret);
int belongs_or_staff(struct channel *c, struct user *u, struct refusal *ret); /* a may_join */

#endif
