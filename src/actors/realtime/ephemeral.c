/*
 * The ephemeral lane: what is worth knowing only now. Latest wins per sender and event; a channel's
 * members get one frame a tick, the same for all. Nothing here is stored, numbered or answered.
 */
#include <assert.h>
#include <stdlib.h>

#include "chan.h"

#define TICK_MIN_MS 50
#define TICK_MAX_MS 500
#define LANE_BYTES_PER_S 64000 /* 512 kbit/s a member */
#define EPHEMERAL_KEY_MAX 128  /* an event's name and a user's id */
#define QUIET_MS 200           /* after so long without a frame, one goes out at once */

/* What one sender says of one event; key: "<event>:<user id>". */
struct says {
    struct says *next;  /* links said.first */
    struct body *value; /* msgpack */
    actor_id from;
    uint16_t user_at, key_len;
    char key[];
};

static actor_step ephemeral_tick;

const char typing_event[] = "typing", cursor_event[] = "cursor";

void ephemeral_finish(struct channel *c)
{
    struct ephemeral *e = &c->ephemeral;

    for (unsigned i = 0; i < e->events; i++)
        for (struct says *s = e->said[i].first, *next; s; s = next) {
            next = s->next;
            body_unref(s->value);
            free(s);
        }
    table_finish(&e->by_key);
    e->events = 0;
}

/* {"typing":{user:…},"read":{user:…}}: events in the order of their first sender. */
static void put_frame(struct buf *b, const struct ephemeral *e)
{
    mp_put_map(b, e->events);
    for (unsigned i = 0; i < e->events; i++) {
        mp_put_cstr(b, e->said[i].event);
        mp_put_map(b, e->said[i].count);
        for (const struct says *s = e->said[i].first; s; s = s->next) {
            mp_put_str(b, s->key + s->user_at, (size_t)(s->key_len - s->user_at));
            mp_put_raw(b, body_mp(s->value));
        }
    }
}

/* Old clients do not skip their own: to them it goes sender by sender. */
static void tell_old(struct channel *c)
{
    const struct ephemeral *e = &c->ephemeral;

    for (unsigned i = 0; i < e->events; i++)
        for (const struct says *s = e->said[i].first; s; s = s->next)
            old_tell_said(c, e->said[i].event,
                          (struct str){s->key + s->user_at, (size_t)(s->key_len - s->user_at)},
                          body_mp(s->value), s->from);
}

static void send_frame(struct channel *c)
{
    struct ephemeral *e = &c->ephemeral;
    struct buf b = BUF_INIT;
    bool alone = e->by_key.count == 1;

    put_frame(&b, e);
    channel_broadcast(c, WS_EPHEMERAL, "ephemeral", value_mp(mp_view(b.data, b.len)),
                      alone ? e->said[0].first->from : 0);
    if (old_here(c))
        tell_old(c);
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
    if (c->ephemeral.events)
        send_frame(c);
    return 0;
}

static struct said *said_of(struct ephemeral *e, const char *event)
{
    unsigned i = 0;

    while (i < e->events && e->said[i].event != event)
        i++;
    if (i == e->events) {
        assert(i < EPHEMERAL_EVENTS);
        e->said[e->events++] = (struct said){.event = event, .last = &e->said[i].first};
    }
    return &e->said[i];
}

static struct says *says_of(struct ephemeral *e, const char *event, const struct user *u)
{
    char key[EPHEMERAL_KEY_MAX];
    int n = snprintf(key, sizeof(key), "%s:%s", event, u->id);

    assert(n < (int)sizeof(key));
    struct says *s = table_get(&e->by_key, key, (size_t)n);
    if (s)
        return s;
    struct said *said = said_of(e, event);
    s = xcalloc(1, sizeof(*s) + (size_t)n);
    memcpy(s->key, key, (size_t)n);
    s->key_len = (uint16_t)n;
    s->user_at = (uint16_t)(strlen(event) + 1);
    table_put(&e->by_key, s->key, s->key_len, s);
    *said->last = s;
    said->last = &s->next;
    said->count++;
    return s;
}

struct mp ephemeral_pending(const struct channel *c, const char *event, const struct user *u)
{
    char key[EPHEMERAL_KEY_MAX];
    int n = snprintf(key, sizeof(key), "%s:%s", event, u->id);
    const struct says *s = table_get(&c->ephemeral.by_key, key, (size_t)n);

    return s ? body_mp(s->value) : (struct mp){0};
}

void ephemeral_put(struct channel *c, const char *event, struct user *u, struct value v,
                   actor_id from)
{
    struct ephemeral *e = &c->ephemeral;
    struct says *s = says_of(e, event, u);
    struct buf b = BUF_INIT;

    value_put(&b, ENC_MP, v);
    body_unref(s->value);
    s->value = body_of(&b);
    s->from = from;
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
