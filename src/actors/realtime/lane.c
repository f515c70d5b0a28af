/*
 * The lane's memory and arithmetic; no actor and no clock of its own.
 */
#include "lane.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/json.h"

#define KEY_MAX 128 /* an event's name and a user's id */

/* A frame while it is put together: the members of each event's map, in the wanted forms. */
struct part {
    const char *event;
    uint32_t count;
    struct buf json, mp;
};
struct parts {
    struct part part[LANE_EVENTS];
    unsigned count;
    bool json, mp;
    size_t json_n, mp_n; /* of the payload so far */
};

/* ---- who waits ---- */

static size_t key_of(char key[KEY_MAX], const char *event, struct str user)
{
    int n = snprintf(key, KEY_MAX, "%s:%.*s", event, (int)user.n, user.p);

    assert(n > 0 && n < KEY_MAX);
    return (size_t)n;
}

static struct says *lane_add(struct lane *l, const char *event, const char *key, size_t n)
{
    struct says *s = xcalloc(1, sizeof(*s) + n);

    memcpy(s->key, key, n);
    s->event = event;
    s->key_len = (uint16_t)n;
    s->user_at = (uint16_t)(strlen(event) + 1);
    table_put(&l->by_key, s->key, s->key_len, s);
    if (!l->first)
        l->last = &l->first;
    *l->last = s;
    l->last = &s->next;
    return s;
}

void lane_say(struct lane *l, const char *event, struct str user, struct mp value, actor_id from)
{
    char key[KEY_MAX];
    size_t n = key_of(key, event, user);
    struct str bytes = mp_bytes(value);
    struct says *s = table_get(&l->by_key, key, n);

    if (!s)
        s = lane_add(l, event, key, n);
    body_unref(s->value);
    s->value = body_make(bytes.p, bytes.n);
    s->from = from;
}

struct mp lane_pending(const struct lane *l, const char *event, struct str user)
{
    char key[KEY_MAX];
    const struct says *s = table_get(&l->by_key, key, key_of(key, event, user));

    return s ? body_mp(s->value) : (struct mp){0};
}

void says_free(struct says *list)
{
    for (struct says *s = list, *next; s; s = next) {
        next = s->next;
        body_unref(s->value);
        free(s);
    }
}

void lane_finish(struct lane *l)
{
    says_free(l->first);
    table_finish(&l->by_key);
    l->first = NULL;
}

/* ---- the pace ---- */

uint32_t lane_wait(const struct lane *l, int64_t now_ms)
{
    int64_t quiet = now_ms - l->told_ms;

    if (quiet >= LANE_QUIET_MS && quiet >= l->interval_ms)
        return 0;
    return l->interval_ms > quiet ? (uint32_t)(l->interval_ms - quiet) : 1;
}

void lane_told(struct lane *l, int64_t now_ms, size_t bytes)
{
    uint64_t ms =
        ((uint64_t)(bytes + LANE_ENVELOPE) * 1000 + LANE_BYTES_PER_S - 1) / LANE_BYTES_PER_S;

    l->told_ms = now_ms;
    l->interval_ms = ms < LANE_TICK_MIN_MS ? LANE_TICK_MIN_MS : (uint32_t)ms;
}

/* ---- a frame ---- */

static struct part *part_of(struct parts *p, const char *event)
{
    unsigned i = 0;

    while (i < p->count && p->part[i].event != event)
        i++;
    if (i == p->count) {
        assert(i < LANE_EVENTS);
        p->part[p->count++] = (struct part){.event = event};
        p->json_n += strlen(event) + 6; /* "":{}, */
        p->mp_n += strlen(event) + 8;   /* both headers */
    }
    return &p->part[i];
}

static void put_json(struct part *t, const struct says *s)
{
    struct str user = says_user(s);

    if (t->count)
        buf_putc(&t->json, ',');
    json_put_str(&t->json, user.p, user.n);
    buf_putc(&t->json, ':');
    mp_to_json(body_mp(s->value), &t->json);
}

static void put_mp(struct part *t, const struct says *s)
{
    struct str user = says_user(s);

    mp_put_str(&t->mp, user.p, user.n);
    mp_put_raw(&t->mp, body_mp(s->value));
}

/* false: it does not fit beside those that are there, and is not in. */
static bool part_add(struct parts *p, const struct says *s)
{
    bool first = p->count == 0;
    struct part *t = part_of(p, s->event);
    size_t json_was = t->json.len, mp_was = t->mp.len;

    if (p->json)
        put_json(t, s);
    if (p->mp)
        put_mp(t, s);
    size_t json_n = p->json_n + t->json.len - json_was, mp_n = p->mp_n + t->mp.len - mp_was;
    if (!first && (json_n > LANE_FRAME_MAX || mp_n > LANE_FRAME_MAX)) {
        t->json.len = json_was;
        t->mp.len = mp_was;
        return false;
    }
    p->json_n = json_n;
    p->mp_n = mp_n;
    t->count++;
    return true;
}

/* {"typing":{user:…},"read":{user:…}}: events in the order of their first sender. The last part is
 * empty when its only sender did not fit. */
static void parts_put(struct parts *p, struct buf *json, struct buf *mp)
{
    unsigned n = p->count - (p->part[p->count - 1].count == 0);

    if (mp)
        mp_put_map(mp, n);
    for (unsigned i = 0; i < n; i++) {
        struct part *t = &p->part[i];
        if (json) {
            buf_printf(json, "%c\"%s\":{", i ? ',' : '{', t->event);
            buf_put(json, t->json.data, t->json.len);
            buf_putc(json, '}');
        }
        if (mp) {
            mp_put_cstr(mp, t->event);
            mp_put_map(mp, t->count);
            buf_put(mp, t->mp.data, t->mp.len);
        }
    }
    if (json)
        buf_putc(json, '}');
    for (unsigned i = 0; i < p->count; i++) {
        buf_finish(&p->part[i].json);
        buf_finish(&p->part[i].mp);
    }
}

struct says *lane_take(struct lane *l, struct buf *json, struct buf *mp)
{
    struct parts p = {.json = json != NULL, .mp = mp != NULL};
    struct says *taken = l->first, **end = &taken;

    while (*end && part_add(&p, *end)) {
        table_remove(&l->by_key, (*end)->key, (*end)->key_len);
        end = &(*end)->next;
    }
    l->first = *end;
    *end = NULL;
    if (!l->first)
        table_finish(&l->by_key); /* an idle channel holds no table */
    if (taken)
        parts_put(&p, json, mp);
    return taken;
}
