/*
 * Buffers that a loop thread uses again and again while it encodes, one a purpose, so that no two
 * uses that may nest share one. They live until the loop's real-time service stops.
 */
#ifndef STACGATE_REALTIME_SCRATCH_H
#define STACGATE_REALTIME_SCRATCH_H

#include "stacgate/buf.h"

enum scratch {
    SCRATCH_INBOUND, /* session.c: what a client sent, as msgpack */
    SCRATCH_WIRE,    /* envelope.c: a message before its header */
    SCRATCH_SPLICE,  /* envelope.c: a map in its other form */
    SCRATCH_EVENT,   /* replay.c: an event's payload */
    SCRATCH_REPLY,   /* replay.c, commit.c: a reply's response */
    SCRATCH_JSON,    /* commit.c: a payload for the log */
    SCRATCH_HASH,    /* channel.c: a push's canonical content */
    SCRATCHES
};

struct buf *scratch(enum scratch which); /* empty */
void scratch_finish(void);               /* this thread's */

#endif
