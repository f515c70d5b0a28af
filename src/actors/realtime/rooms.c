/*
 * A loop's schools, each with its channels and a minute of counts. A school that was busy here once
 * stays (it takes two kilobytes, and there are as many as establishments). The invariant: a channel
 * is in its school's list from its start to its end.
 */
#include "rooms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chan_mail.h"

#define MINUTE 60
#define PEOPLE_MAX 500 /* named in a room's answer */

/* A count a second; what is older than a minute is forgotten when it is met. */
struct minute {
    uint32_t second[MINUTE];
    int64_t upto; /* s: the last one that counts */
};
struct school {
    struct channel *first; /* linked by next_room */
    struct minute counts[LIVE_COUNTS];
    uint32_t id_len;
    char id[];
};
static _Thread_local struct table schools;

/* ---- a minute ---- */

static void minute_move(struct minute *m, int64_t now)
{
    if (now - m->upto >= MINUTE)
        memset(m->second, 0, sizeof(m->second));
    else
        while (m->upto < now)
            m->second[++m->upto % MINUTE] = 0;
    m->upto = now;
}

static uint64_t minute_sum(struct minute *m, int64_t now)
{
    uint64_t n = 0;

    minute_move(m, now);
    for (int i = 0; i < MINUTE; i++)
        n += m->second[i];
    return n;
}

/* ---- schools ---- */

static struct school *school_of(struct str id)
{
    struct school *s = table_get(&schools, id.p, id.n);

    if (!s) {
        s = xcalloc(1, sizeof(*s) + id.n + 1);
        memcpy(s->id, id.p, id.n);
        s->id_len = (uint32_t)id.n;
        table_put(&schools, s->id, id.n, s);
    }
    return s;
}

void rooms_count(struct str tenant, enum live_count what, uint64_t n)
{
    int64_t now = loop_now() / 1000;
    struct minute *m = &school_of(tenant)->counts[what];

    minute_move(m, now);
    m->second[now % MINUTE] += (uint32_t)n;
}

void rooms_opened(struct channel *c)
{
    struct school *s = school_of(str_of(c->tenant));

    c->next_room = s->first;
    if (s->first)
        s->first->at_room = &c->next_room;
    c->at_room = &s->first;
    s->first = c;
}

void rooms_closed(struct channel *c)
{
    if (!c->at_room)
        return;
    *c->at_room = c->next_room;
    if (c->next_room)
        c->next_room->at_room = c->at_room;
    c->at_room = NULL;
}

void rooms_finish(void)
{
    struct school *s;

    for (uint32_t i = 0; (s = table_each(&schools, &i));)
        free(s);
    table_finish(&schools);
    schools = TABLE_INIT;
}

/* ---- what is said of them ---- */

static void add_school(struct live_figures *f, struct school *s)
{
    for (const struct channel *c = s->first; c; c = c->next_room) {
        if (c->members.connected == 0)
            continue; /* kept for a while, with nobody in it */
        f->rooms[c->kind_at]++;
        f->connections[c->kind_at] += c->members.connected;
        f->people[c->kind_at] += c->members.people;
    }
    for (int i = 0; i < LIVE_COUNTS; i++)
        f->minute[i] += minute_sum(&s->counts[i], loop_now() / 1000);
}

struct body *rooms_figures(struct mp tenant)
{
    struct live_figures f = {0};
    struct str id = mp_str(tenant);
    struct school *s;

    if (id.n) {
        s = table_get(&schools, id.p, id.n);
        if (s)
            add_school(&f, s);
    } else {
        for (uint32_t i = 0; (s = table_each(&schools, &i));)
            add_school(&f, s);
    }
    return body_make(&f, sizeof(f));
}

/* Somebody with several connections came with the first of them. */
static void put_person(struct buf *b, const struct channel *c, const struct user *u)
{
    const char *first = user_name(u, NAME_FIRST), *last = user_name(u, NAME_LAST), *status = NULL;
    int64_t since = INT64_MAX;
    struct buf name = BUF_INIT;
    char at[ISO_SIZE];

    for (const struct member *m = u->members; m; m = m->next_of_user)
        if (!m->grace_until && m->online_at < since) {
            since = m->online_at;
            status = m->status;
        }
    iso_time(at, since * 1000);
    buf_printf(&name, "%s%s%s", first, *first && *last ? " " : "", last);
    mp_put_map(b, 6);
    mp_put_cstr(b, "id");
    mp_put_cstr(b, u->id);
    mp_put_cstr(b, "name");
    mp_put_str(b, (const char *)name.data, name.len);
    mp_put_cstr(b, "role");
    mp_put_cstr(b, member_shown_role(c, u));
    mp_put_cstr(b, "onlineSince");
    mp_put_cstr(b, at);
    mp_put_cstr(b, "connections");
    mp_put_uint(b, u->here);
    mp_put_cstr(b, "status");
    mp_put_cstr(b, status ? status : "online");
    buf_finish(&name);
}

static void put_people(struct buf *b, const struct channel *c, bool wanted)
{
    struct buf list = BUF_INIT;
    const struct user *u;
    uint32_t n = 0;

    for (uint32_t i = 0; wanted && n < PEOPLE_MAX && (u = table_each(&c->members.users, &i));)
        if (u->here) {
            put_person(&list, c, u);
            n++;
        }
    mp_put_array(b, n);
    buf_put(b, list.data, list.len);
    buf_finish(&list);
}

static void put_number(struct buf *b, const char *name, int64_t n)
{
    mp_put_cstr(b, name);
    mp_put_int(b, n);
}

static void put_locks(struct buf *b, struct channel *c)
{
    struct object o;

    if (!c->kind->locks) {
        mp_put_nil(b);
        return;
    }
    object_begin(&o, b, ENC_MP);
    c->kind->locks(c, &o);
    object_end(&o);
}

static void put_room(struct buf *b, struct channel *c, bool people)
{
    mp_put_map(b, 8);
    mp_put_cstr(b, "locks");
    put_locks(b, c);
    mp_put_cstr(b, "epoch");
    mp_put_cstr(b, *c->epoch ? c->epoch : NULL); /* without a log there is none */
    put_number(b, "headSeq", c->last_seq);
    put_number(b, "connections", c->members.connected);
    put_number(b, "people", c->members.people);
    put_number(b, "queued", c->queued);
    put_number(b, "committing", c->batched);
    mp_put_cstr(b, "members");
    put_people(b, c, people);
}

struct body *rooms_room(struct mp tenant, struct mp topic, bool people)
{
    struct str id = mp_str(tenant), name = mp_str(topic);
    struct school *s = table_get(&schools, id.p, id.n);
    struct channel *c = s ? s->first : NULL;
    struct buf b = BUF_INIT;

    while (c && !str_is(name, c->topic))
        c = c->next_room;
    if (c && c->stage == CHANNEL_OPEN)
        put_room(&b, c, people);
    else
        mp_put_nil(&b);
    struct body *body = body_of(&b);
    buf_finish(&b);
    return body;
}

/* ---- asked from any loop ---- */

static int ask(struct actor *self, unsigned loop, uint16_t kind, struct buf *b, uint32_t ms,
               actor_step *next)
{
    int r = actor_ask(self, loop_actor(loop, HUB_ACTOR), kind, body_of(b), ms, next);

    buf_finish(b);
    return r;
}

int live_ask(struct actor *self, unsigned loop, const char *establishment_id, uint32_t ms,
             actor_step *next)
{
    struct buf b = BUF_INIT;

    mp_put_cstr(&b, establishment_id);
    return ask(self, loop, HUB_FIGURES, &b, ms, next);
}

const char *live_kind(unsigned at)
{
    return channel_kind_name(at);
}

void live_add(struct live_figures *total, const struct msg *m)
{
    struct live_figures f;
    uint64_t *to = (uint64_t *)total;
    const uint64_t *from = (const uint64_t *)&f;

    memcpy(&f, m->body->bytes, sizeof(f));
    for (size_t i = 0; i < sizeof(f) / sizeof(*to); i++)
        to[i] += from[i];
}

int live_room(struct actor *self, const char *establishment_id, const char *topic, bool people,
              uint32_t ms, actor_step *next)
{
    char name[TOPIC_MAX + 66];
    struct buf b = BUF_INIT;

    if (snprintf(name, sizeof(name), "%s/%s", establishment_id, topic) >= (int)sizeof(name))
        return -ENOENT;
    mp_put_array(&b, 3);
    mp_put_cstr(&b, establishment_id);
    mp_put_cstr(&b, topic);
    mp_put_bool(&b, people);
    return ask(self, actor_home(name), HUB_ROOM, &b, ms, next);
}
