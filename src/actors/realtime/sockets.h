/*
 * How many sockets each user has in the whole process, and how many handshakes of an address nobody
 * knows yet whose they are: the socket over the limit takes the place of the one that was silent
 * longest, the handshake over it is refused. Behind one mutex, touched at open and close only.
 */
#ifndef STACGATE_REALTIME_SOCKETS_H
#define STACGATE_REALTIME_SOCKETS_H

#include <stdbool.h>

struct session;

/* A handshake of this address is being looked at; false: too many are. Each true is followed by one
 * sockets_answered(). */
bool sockets_knock(const char *address);
void sockets_answered(const char *address);
void sockets_add(struct session *s);    /* may tell another session of the user to close */
void sockets_remove(struct session *s); /* no harm when it was never added */

#endif
