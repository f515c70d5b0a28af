/*
 * Who works with whom right now: the live rooms of a school in figures, and one room with the
 * people in it. The figures come from the loops, asked by mail; what is not in memory answers from
 * its row, and is not woken by the question.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "op.h"
#include "stacgate/channel.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"
#include "stacgate/loop.h"

#define LIVE_MS 2000 /* a loop that does not answer by then is worse off than these figures */

static void put_count(struct buf *b, const char *key, uint64_t n)
{
    mp_put_cstr(b, key);
    mp_put_uint(b, n);
}

/* ---- GET /api/collaboration/stats ---- */

struct asked {
    unsigned left; /* loops that have not answered */
    struct live_figures all;
};

static void put_rooms(struct buf *b, const struct live_figures *f)
{
    uint32_t n = 0;

    while (live_kind(n))
        n++;
    mp_put_cstr(b, "rooms");
    mp_put_array(b, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_put_map(b, 4);
        mp_put_cstr(b, "kind");
        mp_put_cstr(b, live_kind(i));
        put_count(b, "rooms", f->rooms[i]);
        put_count(b, "connections", f->connections[i]);
        put_count(b, "people", f->people[i]);
    }
}

static void put_minute(struct buf *b, const struct live_figures *f)
{
    static const char *const names[LIVE_COUNTS] = {"messages", "operations", "ephemeralFrames",
                                                   "droppedFrames", "closedSlow"};

    mp_put_cstr(b, "lastMinute");
    mp_put_map(b, LIVE_COUNTS);
    for (unsigned i = 0; i < LIVE_COUNTS; i++)
        put_count(b, names[i], f->minute[i]);
}

static int answer_stats(struct rest *r, const struct asked *a)
{
    struct live_sockets sockets = live_sockets(r->tenant);
    struct buf b = BUF_INIT;
    char at[ISO_SIZE];

    iso_time(at, wall_ms());
    mp_put_map(&b, 6);
    mp_put_cstr(&b, "at");
    mp_put_cstr(&b, at);
    mp_put_cstr(&b, "establishmentId");
    mp_put_cstr(&b, *r->tenant ? r->tenant : NULL);
    put_count(&b, "connections", sockets.connections);
    put_count(&b, "people", sockets.people);
    put_rooms(&b, &a->all);
    put_minute(&b, &a->all);
    int end = rest_reply_mp(r, 200, mp_view(b.data, b.len));
    buf_finish(&b);
    return end;
}

static int loop_said(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct asked *a = r->own;

    (void)self;
    live_add(&a->all, m);
    return --a->left ? 0 : answer_stats(r, a);
}

int op_collaboration_stats(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct asked *a = rest_own(r, sizeof(*a));

    (void)m;
    for (a->left = 0; a->left < loop_count(); a->left++) {
        int err = live_ask(self, a->left, r->tenant, LIVE_MS, loop_said);
        if (err < 0)
            return rest_fail(r, err);
    }
    return 0;
}

/* ---- GET /api/collaboration/rooms/:id ---- */

enum { WORD, TOPIC, KIND, FACTS, EPOCH, HEAD, LOCKS };

/* What the database said of it. */
struct row {
    int64_t head;
    char epoch[64]; /* "": it never was in memory */
    size_t facts_n, locks_n;
    char json[]; /* the facts, then the locks */
};

static void put_live(struct buf *b, const struct row *row, struct mp live)
{
    static const char *const counts[] = {"connections", "people"};
    struct mp members = mp_get(live, "members");

    mp_put_map(b, 7);
    mp_put_cstr(b, "active");
    mp_put_bool(b, mp_type(live) == MP_MAP);
    mp_put_cstr(b, "epoch");
    if (mp_type(live) == MP_MAP)
        mp_put_raw(b, mp_get(live, "epoch"));
    else
        mp_put_cstr(b, *row->epoch ? row->epoch : NULL);
    put_count(b, "headSeq", (uint64_t)mp_int(mp_get(live, "headSeq"), row->head));
    for (int i = 0; i < 2; i++)
        put_count(b, counts[i], (uint64_t)mp_int(mp_get(live, counts[i]), 0));
    mp_put_cstr(b, "pending");
    mp_put_map(b, 2);
    put_count(b, "queued", (uint64_t)mp_int(mp_get(live, "queued"), 0));
    put_count(b, "committing", (uint64_t)mp_int(mp_get(live, "committing"), 0));
    mp_put_cstr(b, "members");
    if (members.p)
        mp_put_raw(b, members);
    else
        mp_put_array(b, 0);
}

static int room_said(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    const struct row *row = r->own;
    struct mp locks = mp_get(body_mp(m->body), "locks");
    struct buf live = BUF_INIT, json = BUF_INIT, all = BUF_INIT;

    (void)self;
    put_live(&live, row, body_mp(m->body));
    mp_to_json(mp_view(live.data, live.len), &json);
    buf_put(&all, row->json, row->facts_n - 1); /* without its closing brace */
    buf_puts(&all, ",\"locks\":");
    if (locks.p)
        mp_to_json(locks, &all);
    else
        buf_put(&all, row->json + row->facts_n, row->locks_n);
    buf_putc(&all, ',');
    buf_put(&all, json.data + 1, json.len - 1); /* without its opening one */
    int end = rest_reply_json(r, 200, (struct str){(const char *)all.data, all.len});
    buf_finish(&live);
    buf_finish(&json);
    buf_finish(&all);
    return end;
}

static bool sees_all(const struct rest *r)
{
    return identity_can(r->who, "analytics:read");
}

static void keep_row(struct rest *r, const struct msg *m)
{
    struct str facts = db_strv(m, 0, 0, FACTS), locks = db_strv(m, 0, 0, LOCKS);
    struct row *row = rest_own(r, sizeof(*row) + facts.n + locks.n);

    snprintf(row->epoch, sizeof(row->epoch), "%s", db_text(m, 0, 0, EPOCH));
    row->head = db_int(m, 0, 0, HEAD);
    row->facts_n = facts.n;
    row->locks_n = locks.n;
    memcpy(row->json, facts.p, facts.n);
    memcpy(row->json + facts.n, locks.p, locks.n);
}

static int room_found(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    rest_took(r, m);
    if (db_rows(m, 0) == 0)
        return rest_refuse(r, P_not_found);
    if (!db_null(m, 0, 0, WORD))
        return rest_refuse(r, P_forbidden);
    keep_row(r, m);
    /* Who of a whole school is here: its members see a number, as in its channel. */
    bool people = sees_all(r) || strcmp(db_text(m, 0, 0, KIND), "establishment") != 0;
    int err = live_room(self, r->tenant, db_text(m, 0, 0, TOPIC), people, LIVE_MS, room_said);
    return err < 0 ? rest_fail(r, err) : 0;
}

/* A super_admin of no school works in that of the room. */
int op_collaboration_room(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_COLLABORATION_ROOM);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_str(g, http_param(r->http, "id"));
    db_bool(g, sees_all(r));
    db_bool(g, identity_can(r->who, "study_groups:manage"));
    db_bool(g, identity_can(r->who, "courses:manage") || identity_can(r->who, "courses:approve"));
    db_bool(g, identity_can(r->who, "assessments:manage") ||
                   identity_can(r->who, "assessments:approve"));
    return rest_ask(self, g, room_found);
}
