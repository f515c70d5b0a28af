/*
 * The old clients' two JSON dialects, in the rooms that everybody else is in: /ws/collaboration
 * ({"type","roomId","data":{…}}) and /ws (flat, {"type","studyGroupId",…}). A dialect is one more
 * encoding: a channel that has members of it is given their frames as wire bytes like any other.
 * What the envelope knows and these do not (replies, seq, presence lists) is not said to them.
 */
#ifndef STACGATE_REALTIME_OLD_H
#define STACGATE_REALTIME_OLD_H

#include "envelope.h"

struct session;
struct membership;

/* ---- old_wire.c: one frame. begin, fields of its data (object_*), end: appends its wire bytes.
 * ----
 */
struct old_frame {
    struct object data; /* ENC_FLAT: the frame itself */
    struct buf *text;
    enum encoding enc;
};
struct object *old_begin(struct old_frame *f, enum encoding enc, const char *type, struct str room);
void old_end(struct old_frame *f, struct buf *out);
void old_time(struct object *o, const char *name, int64_t wall_ms);
/* `refusal`: the response object of a refused push (refusal_put), in any form. */
void old_error(struct buf *out, enum encoding enc, struct str room, struct value refusal);

/* ---- old_session.c: what such a client says ---- */
void old_opened(struct session *s); /* its handshake was accepted */
void old_message(struct session *s, const uint8_t *bytes, size_t n);
/* Its channel let it go, and it knows no way to come back: joins again in its place. */
void old_rejoin(struct session *s, struct membership *m);
void old_rejoin_all(struct session *s); /* all that it has joined by now */

#endif
