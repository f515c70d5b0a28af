/*
 * The Phoenix Channels V2 envelope, [join_ref, ref, topic, event, payload], in both encodings: what
 * a connection says, read into one form; what a connection is told, written as wire bytes
 * (WebSocket header included), ready for its queue.
 */
#ifndef STACGATE_REALTIME_ENVELOPE_H
#define STACGATE_REALTIME_ENVELOPE_H

#include "stacgate/actor.h"
#include "stacgate/mp.h"
#include "stacgate/ws.h"

/* What goes over a connection: JSON or msgpack, and whether it takes compressed messages (RFC 7692,
 * no context kept). */
enum encoding {
    ENC_JSON,
    ENC_MP,
    ENC_DEFLATED,
    ENC_JSON_DEFLATED = ENC_DEFLATED,
    ENC_MP_DEFLATED,
    ENVELOPES, /* above: encodings of the envelope; below: the old clients' dialects (old.h) */
    ENC_COLLAB = ENVELOPES, /* /ws/collaboration */
    ENC_FLAT,               /* /ws */
    ENCODINGS
};
static inline bool is_old(enum encoding enc)
{
    return enc >= ENVELOPES;
}
static inline bool is_json(enum encoding enc)
{
    return !(enc & ENC_MP) || is_old(enc);
}

#define REF_MAX 39    /* characters of join_ref and ref */
#define TOPIC_MAX 160 /* bytes of a topic that can exist */

/* Views into the bytes that were read (JSON: into the scratch buffer). */
struct envelope {
    struct str join_ref, ref, topic, event; /* {NULL,0}: null */
    struct mp payload;
    bool has_nul; /* it held U+0000 somewhere: to be refused */
};

/* 0, or -EINVAL: not this encoding at all (the connection ends, 1007), or -EBADMSG: not an envelope
 * (1008). */
int envelope_read(enum encoding enc, const uint8_t *bytes, size_t n, struct buf *scratch,
                  struct envelope *ret, const char **ret_why);

/* A value in whichever form it is at hand; the other is made when it is asked for. Neither: an
 * empty map. */
struct value {
    struct mp mp;
    struct str json;
};
static inline struct value value_mp(struct mp v)
{
    return (struct value){.mp = v};
}
static inline struct value value_json(struct str s)
{
    return (struct value){.json = s};
}
/* What was put together in b for enc. */
static inline struct value value_put_together(enum encoding enc, const struct buf *b)
{
    return is_json(enc) ? value_json((struct str){(const char *)b->data, b->len})
                        : value_mp(mp_view(b->data, b->len));
}
/* The same of finished bytes that are shared. */
static inline struct value value_encoded(enum encoding enc, const struct body *b)
{
    return is_json(enc) ? value_json((struct str){(const char *)b->bytes, b->len})
                        : value_mp(mp_view(b->bytes, b->len));
}
void value_put(struct buf *out, enum encoding enc, struct value v);

/* Appends one message's wire bytes to out. A {NULL,0} ref is null. Old clients have no envelope:
 * they are told of a refusal, and of nothing else here. */
void envelope_wire(struct buf *out, enum encoding enc, struct str join_ref, struct str ref,
                   struct str topic, struct str event, struct value payload);
/* The reply to a push or join: status "ok" or "error". */
void envelope_reply(struct buf *out, enum encoding enc, struct str join_ref, struct str ref,
                    struct str topic, bool ok, struct value response);

/*
 * A payload put together from named fields and the members of a stored map, in either encoding:
 * begin, fields, splice or not, end. In msgpack the count is written at the end, so fields need not
 * be counted.
 */
struct object {
    struct buf *out;
    enum encoding enc;
    uint32_t count;
    size_t at; /* where the map's header stands in out */
};
void object_begin(struct object *o, struct buf *out, enum encoding enc);
void object_str(struct object *o, const char *key, struct str v); /* {NULL,0}: null */
void object_int(struct object *o, const char *key, int64_t v);
void object_bool(struct object *o, const char *key, bool v);
void object_value(struct object *o, const char *key, struct value v);
void object_splice(struct object *o, struct value map); /* its members, as they are */
void object_end(struct object *o);

#endif
