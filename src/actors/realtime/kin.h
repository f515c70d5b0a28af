/*
 * Channels that live by a study group's membership (its boards, its classes, its breakout rooms):
 * they hear who joined, left or got another role, and when the group is archived, on whichever loop
 * they live. One message a loop and change; a loop without such channels drops it.
 */
#ifndef STACGATE_REALTIME_KIN_H
#define STACGATE_REALTIME_KIN_H

#include "members.h"

enum kin_interest { KIN_ALL, KIN_LEAVERS }; /* leavers: only of who is no longer of the group */

/* This loop's channel `who` lives by the group; until kin_unwatch. Group ids are copied. */
void kin_watch(const char *group_id, actor_id who, enum kin_interest what);
void kin_unwatch(const char *group_id, actor_id who);

/* From whoever wrote it: this is what the user is in the group now (MEMBER_NONE: nothing). */
void kin_tell(const char *group_id, const char *user_id, enum member_role now);
void kin_tell_archived(const char *group_id, bool archived);
void kin_heard(struct mp mail); /* from the loop's hub: mails CH_KIN [user id, role] to the
                                   channels, or [nil, archived] */
void kin_finish(void);          /* this loop's */

#endif
