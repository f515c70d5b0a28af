/*
 * What people say at this moment and nobody keeps: the latest of each sender and event, and the
 * pace at which it is told. A frame takes those who have waited longest, as many as the budget of
 * half a second allows; the rest waits for the next one. The invariant: after a frame, nothing is
 * due before its bytes, in the longest encoding that a member has, are paid for at
 * LANE_BYTES_PER_S.
 */
#ifndef STACGATE_REALTIME_LANE_H
#define STACGATE_REALTIME_LANE_H

#include "stacgate/actor.h"
#include "stacgate/table.h"

#define LANE_TICK_MIN_MS 50
#define LANE_TICK_MAX_MS 500
#define LANE_QUIET_MS 200 /* after so long without a frame, one goes out at once */
#define LANE_BYTES_PER_S                                                                           \
    60000                 /* 512 kbit/s a member, less what TCP, IP and TLS put around the bytes */
#define LANE_ENVELOPE 192 /* bytes of a frame around its payload: topic, event, header */
/* A payload's; only one that a single sender fills may be longer. */
#define LANE_FRAME_MAX (LANE_BYTES_PER_S * LANE_TICK_MAX_MS / 1000 - LANE_ENVELOPE)
#define LANE_EVENTS 8 /* different ones a frame may have */

/* What one sender says of one event; key: "<event>:<user id>". */
struct says {
    struct says *next;
    const char *event;  /* a literal; told apart by address */
    struct body *value; /* msgpack */
    actor_id from;      /* the connection it came by */
    uint16_t user_at, key_len;
    char key[];
};
static inline struct str says_user(const struct says *s)
{
    return (struct str){s->key + s->user_at, (size_t)(s->key_len - s->user_at)};
}
void says_free(struct says *list);

struct lane {
    struct table by_key;        /* what waits … */
    struct says *first, **last; /* … in the order in which it began to */
    int64_t told_ms;            /* when the last frame went */
    uint32_t interval_ms;       /* what that frame's size costs */
};

/* The sender's latest; it keeps the place of what it replaces. The value is copied. */
void lane_say(struct lane *l, const char *event, struct str user, struct mp value, actor_id from);
struct mp lane_pending(const struct lane *l, const char *event, struct str user); /* or absent */
/* Milliseconds until a frame may go: 0 now, if something was just said. */
uint32_t lane_wait(const struct lane *l, int64_t now_ms);
/*
 * Takes the next frame's senders out of the lane (for says_free) and appends its payload,
 * {event:{user:value}}, in the wanted forms. NULL when nothing waits.
 */
struct says *lane_take(struct lane *l, struct buf *json, struct buf *mp); /* NULL: not wanted */
void lane_told(struct lane *l, int64_t now_ms, size_t bytes); /* the longest form's payload */
void lane_finish(struct lane *l);

#endif
