/*
 * How many sockets each user has in the whole process: the one over the limit takes the place of
 * the one that was silent longest. Behind one mutex, touched at open and close only.
 */
#ifndef STACGATE_REALTIME_SOCKETS_H
#define STACGATE_REALTIME_SOCKETS_H

struct session;

void sockets_add(struct session *s);    /* may tell another session of the user to close */
void sockets_remove(struct session *s); /* no harm when it was never added */

#endif
