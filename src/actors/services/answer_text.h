/* What somebody typed as an answer, as it is compared: keyboards write one sign in several ways. */
#ifndef STACGATE_SERVICES_ANSWER_TEXT_H
#define STACGATE_SERVICES_ANSWER_TEXT_H

#include "stacgate/buf.h"
#include "stacgate/mp.h"

/*
 * Appends the text with outer blanks gone and inner ones single; every kind of blank, apostrophe
 * and minus is ASCII's, an accent is one with its letter. Unless case matters: lower case of ASCII
 * and of the Latin letters with accents.
 */
void answer_plain(struct str s, bool case_matters, struct buf *out);

/* Whether it is one of the accepted texts, both plain; nothing typed is none. */
bool answer_fits(struct mp accepted, struct str given, bool case_matters);

/* A number, or one as text: with a point or a comma, thousands apart or not. */
bool answer_number(struct mp v, double *ret);

#endif
