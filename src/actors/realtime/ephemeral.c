/*
 * The ephemeral lane: what is worth knowing only now. Latest wins per sender and event; a channel's
 * members get one frame a tick, the same for all. Nothing here is stored, numbered or answered.
 */
#include <stdlib.h>

#include "chan.h"

#define TICK_MIN_MS 50
#define TICK_MAX_MS 500
#define LANE_BYTES_PER_S 64000 /* 512 kbit/s a member */
#define QUIET_MS 200           /* after so long without a frame, one goes out at once */

struct says {
    struct says *next;
    const char *event; /* a literal */
    char *user_id;
    struct body *value; /* msgpack */
    actor_id from;
};

static actor_step ephemeral_tick;

static void says_free(struct says *s)
{
    free(s->user_id);
    body_unref(s->value);
    free(s);
}

void ephemeral_finish(struct channel *c)
{
    for (struct says *s = c->ephemeral.says, *next; s; s = next) {
        next = s->next;
        says_free(s);
    }
    c->ephemeral.says = NULL;
}

/* {"typing":{user:…},"read":{user:…}}: events in the order of their first sender. */
static void put_frame(struct buf *b, struct says *list)
{
    uint32_t events = 0, users;

    for (struct says *s = list; s; s = s->next) {
        struct says *before = list;

        while (before != s && before->event != s->event)
            before = before->next;
        events += before == s;
    }
    mp_put_map(b, events);
    for (struct says *s = list; s; s = s->next) {
        struct says *before = list, *other;

        while (before != s && before->event != s->event)
            before = before->next;
        if (before != s)
            continue;
        for (users = 0, other = s; other; other = other->next)
            users += other->event == s->event;
        mp_put_cstr(b, s->event);
        mp_put_map(b, users);
        for (other = s; other; other = other->next)
            if (other->event == s->event) {
                mp_put_cstr(b, other->user_id);
                mp_put_raw(b, body_mp(other->value));
            }
    }
}

static void send_frame(struct channel *c)
{
    struct ephemeral *e = &c->ephemeral;
    struct buf b = BUF_INIT;
    bool alone = e->says && !e->says->next;

    put_frame(&b, e->says);
    channel_broadcast(c, WS_EPHEMERAL, "ephemeral", value_mp(mp_view(b.data, b.len)),
                      alone ? e->says->from : 0);
    int64_t ms = (int64_t)b.len * 1000 / LANE_BYTES_PER_S;
    e->interval_ms = (uint32_t)(ms < TICK_MIN_MS   ? TICK_MIN_MS
                                : ms > TICK_MAX_MS ? TICK_MAX_MS
                                                   : ms);
    e->last_ms = loop_now();
    ephemeral_finish(c);
    buf_finish(&b);
}

static int ephemeral_tick(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    (void)m;
    c->ephemeral.armed = false;
    if (c->ephemeral.says)
        send_frame(c);
    return 0;
}

void ephemeral_put(struct channel *c, const char *event, struct user *u, struct value v,
                   actor_id from)
{
    struct ephemeral *e = &c->ephemeral;
    struct buf b = BUF_INIT;
    struct says **at = &e->says;

    while (*at && ((*at)->event != event || strcmp((*at)->user_id, u->id) != 0))
        at = &(*at)->next;
    if (!*at) {
        *at = xcalloc(1, sizeof(**at));
        (*at)->event = event;
        (*at)->user_id = xstrdup(u->id);
    }
    value_put(&b, ENC_MP, v);
    body_unref((*at)->value);
    (*at)->value = body_of(&b);
    (*at)->from = from;
    buf_finish(&b);
    if (e->armed)
        return;
    int64_t quiet = loop_now() - e->last_ms;
    if (quiet >= QUIET_MS) {
        send_frame(c);
        return;
    }
    e->armed = true;
    uint32_t wait = e->interval_ms > quiet ? (uint32_t)(e->interval_ms - quiet) : 1;
    actor_after(c->self, wait, ephemeral_tick);
}
