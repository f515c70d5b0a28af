/*
 * group:unread on `user:`: each loop keeps, for the sockets that joined their `user:` topic there,
 * the groups that the person belongs to and how many messages of others came after their read mark.
 * Channels say once per commit and loop what happened.
 */
#ifndef STACGATE_REALTIME_UNREAD_H
#define STACGATE_REALTIME_UNREAD_H

#include "stacgate/actor.h"
#include "stacgate/mp.h"

#include <stdbool.h>

struct session;

void unread_watch(struct session *s); /* it joined user: — loads its groups and watches them */
void unread_unwatch(struct session *s);
bool unread_wanted(void); /* does anybody on any loop watch? From any thread */
/* {"g":group id,"m":[[seq,sender],…]?,"r":[user,seq]?,"j":user?,"l":user?,"h":head}: messages, a
 * read mark, somebody joined or left. */
void unread_activity(struct mp what);
void unread_tell_loops(struct buf *b); /* sends the packed map to every loop's hub; clears b */
void unread_sweep(void);               /* every 250 ms: tells what became due */
void unread_finish(void);              /* this loop's, when every session is gone */

#endif
