/*
 * Joining a channel, and what a member reads before it is live: a resume from the log's tail, the
 * last messages or the state as they stand, in pages that the reader pulls. The invariant: a member
 * gets every event after the seq it was told, in order, before any live one.
 */
#include <stdlib.h>

#include "chan.h"
#include "chan_mail.h"
#include "figures.h"
#include "scratch.h"
#include "sql.h"
#include "stacgate/config.h"
#include "stacgate/json.h"
#include "ticket.h"

#define LAST_MAX 200
#define RECENT_BEHIND                                                                              \
    20 /* events by which the list of last messages may be older than the head                     \
        */

static actor_step tail_loaded, recent_loaded, fetched;

/* ---- joining ---- */

static struct mp join_params(const struct joiner *j)
{
    return mp_at(body_mp(j->mail), 7);
}

struct mp joiner_user(const struct joiner *j)
{
    return mp_at(body_mp(j->mail), 6);
}

static enum resume resume_of(const struct channel *c, struct mp params, int64_t since)
{
    if (!str_is(mp_str(mp_get(params, "epoch")), c->epoch))
        return RESUME_EPOCH;
    if (since > c->last_seq)
        return RESUME_BEYOND;
    if (since < c->first_seq - 1)
        return RESUME_GONE;
    return c->last_seq - since <= config.replay_max ? RESUME_RECOVERED : RESUME_TOO_MANY;
}

/* Can this member go on from where it says it stands? */
static bool resumes(const struct channel *c, struct mp params, int64_t *ret_since)
{
    *ret_since = mp_int(mp_get(params, "since"), -1);
    return *ret_since >= 0 && resume_of(c, params, *ret_since) == RESUME_RECOVERED;
}

static uint32_t wants_last(const struct channel *c, struct mp params)
{
    int64_t n = c->kind->recent ? mp_int(mp_get(params, "last"), 0) : 0;

    return n <= 0 ? 0 : n > LAST_MAX ? LAST_MAX : (uint32_t)n;
}

static bool absent(struct mp v)
{
    return mp_type(v) == MP_NONE || mp_type(v) == MP_NIL;
}

/* Join params that could never be meant: said, rather than guessed at. */
static int check_params(struct mp params, struct refusal *why)
{
    struct mp epoch = mp_get(params, "epoch"), since = mp_get(params, "since"),
              last = mp_get(params, "last");

    if (!absent(epoch) && mp_type(epoch) != MP_STR)
        return refuse(why, REASON_invalid, "epoch", "type");
    if (!absent(since) && mp_int(since, -1) < 0)
        return refuse(why, REASON_invalid, "since", mp_type(since) == MP_INT ? "range" : "type");
    if (!absent(last) && (mp_int(last, -1) < 0 || mp_int(last, -1) > LAST_MAX))
        return refuse(why, REASON_invalid, "last", mp_type(last) == MP_INT ? "range" : "type");
    if (!absent(mp_get(params, "ticket")) && mp_type(mp_get(params, "ticket")) != MP_STR)
        return refuse(why, REASON_invalid, "ticket", "type");
    return 0;
}

static struct pages *last_pages(struct channel *c, enum encoding enc, uint32_t n)
{
    struct mp list = body_mp(c->recent);
    uint32_t count = mp_count(list), skip = count > n ? count - n : 0;
    struct pages *p = pages_create("message", c->recent_seq, n);
    struct buf payload = BUF_INIT;

    for (struct mp_iter it = mp_iter(list); mp_next(&it);) {
        if (skip) {
            skip--;
            continue;
        }
        value_put(&payload, enc, value_mp(it.value));
        pages_add(p, &payload);
    }
    buf_finish(&payload);
    return p;
}

/* What a member reads before the log: the last messages, or the state as it stands. The same for
 * all who ask for it at the same head, so it is made once. NULL: nothing. */
static struct pages *pages_for(struct channel *c, enum encoding enc, uint32_t last)
{
    struct pages **kept = &c->pages[enc];

    if (!last && !c->kind->snapshot)
        return NULL;
    int64_t seq = last ? c->recent_seq : c->last_seq;
    if (!*kept || (*kept)->seq != seq || (*kept)->asked != last) {
        pages_unref(*kept);
        *kept = last ? last_pages(c, enc, last) : c->kind->snapshot(c, enc);
    }
    return *kept && (*kept)->count ? pages_ref(*kept) : NULL;
}

void replay_forget_pages(struct channel *c)
{
    for (int e = 0; e < ENCODINGS; e++) {
        pages_unref(c->pages[e]);
        c->pages[e] = NULL;
    }
}

static void replay_begin(struct channel *c, struct member *m, struct pages *pages, int64_t after,
                         struct str join_ref)
{
    m->replay = xcalloc(1, sizeof(*m->replay));
    *m->replay = (struct replay){.pages = pages, .after = after};
    if (join_ref.p)
        m->replay->join_ref = xstrndup(join_ref.p, join_ref.n);
    c->replaying++;
}

void replay_end(struct channel *c, struct member *m)
{
    if (!m->replay)
        return;
    c->behind.waiting -= m->replay->behind;
    pages_unref(m->replay->pages);
    free(m->replay->join_ref);
    free(m->replay);
    m->replay = NULL;
    c->replaying--;
}

void page_send(const struct member *m, struct buf *page, bool whole)
{
    struct hub_msg *h;
    struct body *b = hub_msg(&h);

    h->session = m->key.session;
    h->nonce = (uint32_t)m->key.nonce;
    h->lane = WS_REPLAY;
    h->flags = whole ? SUB_LIVE : 0;
    h->more = !whole;
    if (page->len)
        h->wire[m->enc] = body_of(page);
    hub_send(loop_of(m->key.session), HUB_SEND, b);
}

static void put_pages(const struct channel *c, struct buf *out, const struct member *m,
                      struct str join_ref)
{
    struct replay *r = m->replay;
    struct pages *p = r->pages;

    do {
        const struct body *b = p->payload[r->next++];

        envelope_wire(out, (enum encoding)m->enc, join_ref, (struct str){0}, channel_topic(c),
                      str_of(p->event), value_encoded((enum encoding)m->enc, b));
    } while (r->next < p->count && out->len + p->payload[r->next]->len <= PAGE_BYTES);
    if (r->next == p->count) {
        pages_unref(p);
        r->pages = NULL;
    }
}

static void replay_step(struct channel *c, struct member *m)
{
    struct replay *r = m->replay;
    struct str join_ref = r->join_ref ? str_of(r->join_ref) : (struct str){0};
    struct buf out = BUF_INIT;

    if (r->pages)
        put_pages(c, &out, m, join_ref);
    else
        r->after = tail_put(&c->tail, &out, (enum encoding)m->enc, c, join_ref, r->after);
    bool whole = !r->pages && r->after >= c->last_seq;
    if (whole)
        replay_end(c, m);
    page_send(m, &out, whole);
    buf_finish(&out);
    if (whole)
        presence_wanted(c);
}

/* The reader took most of the last page. What it misses is in the tail, or still in the log. */
void replay_next(struct channel *c, struct member *m)
{
    if (!m->replay)
        return;
    if (!m->replay->pages && m->replay->after + 1 < tail_first(c))
        behind_wait(c, m);
    else
        replay_step(c, m);
}

static void put_reply(struct channel *c, struct buf *wire, struct joiner *j, const struct member *m,
                      int64_t stands_at, bool recovered)
{
    struct buf *response = scratch(SCRATCH_REPLY);
    struct mp mail = body_mp(j->mail);
    char ticket[TICKET_MAX + 1];
    struct object o;

    ticket_make(ticket, m->user->id, c->tenant, c->topic);
    object_begin(&o, response, m->enc);
    if (!c->kind->unnumbered) {
        object_str(&o, "epoch", str_of(c->epoch));
        object_int(&o, "seq", stands_at);
        object_int(&o, "head", c->last_seq);
        object_bool(&o, "recovered", recovered);
    }
    object_str(&o, "ticket", str_of(ticket));
    c->kind->describe(c, m->user, &o);
    object_end(&o);
    envelope_reply(wire, m->enc, mp_str(mp_at(mail, 1)), mp_str(mp_at(mail, 2)), channel_topic(c),
                   true, value_put_together(m->enc, response));
}

static void join_reply(struct channel *c, struct joiner *j, struct member *m, int64_t stands_at,
                       bool recovered, bool live)
{
    struct buf wire = BUF_INIT;
    struct hub_msg *h;

    if (is_old((enum encoding)m->enc))
        old_room_joined(c, &wire, m, mp_str(mp_at(body_mp(j->mail), 1)));
    else
        put_reply(c, &wire, j, m, stands_at, recovered);
    struct body *b = hub_msg(&h);
    h->session = j->key.session;
    h->channel = actor_self(c->self);
    h->nonce = (uint32_t)j->key.nonce;
    h->ok = true;
    h->flags = live ? SUB_LIVE : 0;
    if (recovered && loop_now() - c->opened_ms < config.grace)
        h->flags |= SUB_DEFERRED;
    h->key = body_ref(c->key);
    if (wire.len)
        h->wire[m->enc] = body_of(&wire);
    hub_send(loop_of(j->key.session), HUB_JOINED, b);
    buf_finish(&wire);
}

static void join_refuse(struct channel *c, struct joiner *j, const struct refusal *why)
{
    struct mp mail = body_mp(j->mail);
    enum encoding enc = (enum encoding)mp_int(mp_at(mail, 3), ENC_JSON);
    struct buf r = BUF_INIT, wire = BUF_INIT;
    struct hub_msg *h;

    refusal_put(&r, enc, why, mp_bool(mp_at(mail, 4), false));
    envelope_reply(&wire, enc, mp_str(mp_at(mail, 1)), mp_str(mp_at(mail, 2)), channel_topic(c),
                   false, value_put_together(enc, &r));
    struct body *b = hub_msg(&h);
    h->session = j->key.session;
    h->nonce = (uint32_t)j->key.nonce;
    h->channel = actor_self(c->self);
    if (wire.len)
        h->wire[enc] = body_of(&wire);
    hub_send(loop_of(j->key.session), HUB_JOINED, b);
    buf_finish(&r);
    buf_finish(&wire);
}

static struct member *member_of(struct channel *c, struct joiner *j, struct user *u)
{
    struct mp mail = body_mp(j->mail);
    struct str sid = mp_str(mp_at(mail, 5));
    uint64_t sid_hash = siphash(sid.p, sid.n);
    struct member *m = presence_take_over(c, u, sid_hash);

    if (m)
        members_rekey(&c->members, m, j->key.session, j->key.nonce);
    else
        m = members_add(&c->members, u, j->key.session, j->key.nonce);
    m->sid_hash = sid_hash;
    m->enc = (uint8_t)mp_int(mp_at(mail, 3), ENC_JSON);
    m->lang = mp_bool(mp_at(mail, 4), false);
    members_connected(&c->members, m, 1);
    return m;
}

static void admit(struct channel *c, struct joiner *j, struct user *u)
{
    struct mp params = join_params(j);
    struct str join_ref = mp_str(mp_at(body_mp(j->mail), 1));
    int64_t since;
    bool recovered = resumes(c, params, &since);
    uint32_t last = recovered ? 0 : wants_last(c, params);
    int64_t stands = recovered ? since : last ? c->recent_seq : c->last_seq;
    struct member *m = member_of(c, j, u);
    bool plain = recovered || is_old((enum encoding)m->enc); /* old clients read over REST */
    struct pages *pages = plain ? NULL : pages_for(c, (enum encoding)m->enc, last);
    bool live = stands == c->last_seq && !pages;

    tally_add(&figures->joins, 1);
    if (since >= 0)
        tally_add(&figures->resumes[resume_of(c, params, since)], 1);
    join_reply(c, j, m, stands, recovered, live);
    presence_came(c, m, recovered);
    if (live)
        return;
    replay_begin(c, m, pages, stands, join_ref);
    replay_step(c, m);
}

static void load_tail(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct db_group *g = db_group(DB_READ, &ctx);
    int64_t upto = tail_first(c) - 1, from = c->last_seq - config.replay_max;

    db_stmt(g, SQL_REALTIME_EVENTS_BETWEEN);
    db_str(g, c->topic);
    db_i64(g, from > 0 ? from : 0);
    db_i64(g, upto);
    c->loading = db_ask(c->self, g, 10000, tail_loaded) == 0;
}

static void load_recent(struct channel *c, uint32_t n)
{
    struct db_context ctx = channel_context(c);
    struct db_group *g = db_group(DB_READ, &ctx);

    c->kind->recent(c, g, n);
    c->recent_asked = n;
    c->loading = db_ask(c->self, g, 10000, recent_loaded) == 0;
}

/* What of the database this join still needs; true: it is being read. */
static bool must_read(struct channel *c, struct mp params)
{
    int64_t since;
    uint32_t last = wants_last(c, params);

    if (resumes(c, params, &since)) {
        if (since == c->last_seq || since + 1 >= tail_first(c))
            return false;
        if (!c->loading)
            load_tail(c);
        return true;
    }
    if (last == 0)
        return false;
    /* A list a little older will do: what came since follows it from the tail. */
    if (c->recent && c->recent_count >= last && c->recent_seq + 1 >= tail_first(c) &&
        c->last_seq - c->recent_seq <= RECENT_BEHIND)
        return false;
    if (!c->loading)
        load_recent(c, last < 50 ? 50 : last);
    return true;
}

static void joiner_destroy(struct joiner *j)
{
    body_unref(j->mail);
    free(j);
}

/* ---- those who wait ---- */

void joiner_wait(struct channel *c, struct joiner *j)
{
    j->next = NULL;
    j->at = c->joiners_end;
    *c->joiners_end = j;
    c->joiners_end = &j->next;
    table_put(&c->joiners_by_key, (const char *)&j->key, sizeof(j->key), j);
}

struct joiner *joiners_take(struct channel *c)
{
    struct joiner *all = c->joiners;

    c->joiners = NULL;
    c->joiners_end = &c->joiners;
    table_finish(&c->joiners_by_key);
    return all;
}

void joiner_left(struct channel *c, actor_id session, uint32_t nonce)
{
    struct member_key key = {session, nonce};
    struct joiner *j = table_remove(&c->joiners_by_key, (const char *)&key, sizeof(key));

    if (!j)
        return;
    *j->at = j->next;
    *(j->next ? &j->next->at : &c->joiners_end) = j->at;
    joiner_destroy(j);
}

/* Who was cut and may still come back takes no room from others, nor loses it. */
static bool full(const struct channel *c)
{
    uint32_t connected = 0;

    for (int e = 0; e < ENCODINGS; e++)
        connected += c->members.by_enc[e];
    return connected >= config.members_max;
}

void replay_join(struct channel *c, struct joiner *j)
{
    struct mp packed = joiner_user(j);
    struct user *u = members_user(&c->members, mp_str(mp_at(packed, 0)));
    struct refusal why;

    members_see(u, packed);
    if (look_wanted(c) && c->kind->may_join(c, u, &why) < 0) {
        members_user_release(&c->members, u);
        joiner_wait(c, j);
        return;
    }
    if (full(c) || c->kind->may_join(c, u, &why) < 0 || check_params(join_params(j), &why) < 0) {
        if (full(c))
            why = (struct refusal){.reason = REASON_unavailable};
        join_refuse(c, j, &why);
        members_user_release(&c->members, u);
        joiner_destroy(j);
        return;
    }
    if (c->kind->fetch && !j->fetched) {
        members_user_release(&c->members, u);
        joiner_wait(c, j);
        return;
    }
    if (!must_read(c, join_params(j))) {
        admit(c, j, u);
        joiner_destroy(j);
        return;
    }
    members_user_release(&c->members, u);
    joiner_wait(c, j);
    if (!c->loading)
        replay_failed(c);
}

/* One question for all who came while the last one was under way. */
void replay_fetch(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    bool any = false;

    for (struct joiner *j = c->joiners; j && !c->loading && c->kind->fetch; j = j->next)
        any = any || !j->asked;
    if (!any)
        return;
    struct db_group *g = db_group(DB_READ, &ctx);
    c->kind->fetch(c, g, c->joiners);
    for (struct joiner *j = c->joiners; j; j = j->next)
        j->asked = true;
    c->loading = db_ask(c->self, g, 10000, fetched) == 0;
    if (!c->loading)
        replay_failed(c);
}

static int fetched(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    c->loading = false;
    c->kind->fetched(c, m);
    for (struct joiner *j = c->joiners; j; j = j->next)
        j->fetched = j->asked;
    replay_again(c);
    return 0;
}

void replay_again(struct channel *c)
{
    for (struct joiner *j = joiners_take(c), *next; j; j = next) {
        next = j->next;
        replay_join(c, j);
    }
    replay_fetch(c);
}

void replay_refuse(struct channel *c, struct joiner *j, enum reason reason)
{
    join_refuse(c, j, &(struct refusal){.reason = reason});
    joiner_destroy(j);
}

void replay_failed(struct channel *c)
{
    c->loading = false;
    for (struct joiner *j = joiners_take(c), *next; j; j = next) {
        next = j->next;
        replay_refuse(c, j, REASON_unavailable);
    }
}

/* What was read goes before what came meanwhile: the log below the tail never changes, but for
 * deletions. */
static int tail_loaded(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;
    struct tail old = c->tail, *t = &c->tail;
    int64_t first = tail_first(c);

    (void)self;
    c->loading = false;
    if (c->stale) {
        c->stale = false;
        replay_again(c);
        return 0;
    }
    if (db_rows(m, 0) &&
        db_int(m, 0, db_rows(m, 0) - 1, 0) < first - 1) { /* the tail moved on meanwhile: again */
        replay_again(c);
        return 0;
    }
    *t = (struct tail){0};
    for (int row = 0; row < db_rows(m, 0); row++)
        if (db_int(m, 0, row, 0) < first)
            tail_push(t, db_int(m, 0, row, 0), event_loaded(c, m, 0, row));
    for (uint32_t i = 0; i < old.count; i++)
        tail_push(t, tail_at(&old, i)->seq, tail_at(&old, i)->data);
    free(old.events);
    if (db_rows(m, 0) == 0 && first > c->first_seq)
        c->first_seq = first; /* older ones are no longer kept: a gap, said openly */
    replay_again(c);
    return 0;
}

static int recent_loaded(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;
    struct buf b = BUF_INIT;

    (void)self;
    c->loading = false;
    if (c->stale) {
        c->stale = false;
        replay_again(c);
        return 0;
    }
    value_put(&b, ENC_MP, value_json(db_strv(m, 0, 0, 0)));
    replay_forget_pages(c);
    body_unref(c->recent);
    c->recent = body_of(&b);
    c->recent_seq = db_int(m, 0, 0, 3);
    c->recent_count = c->recent_asked;
    buf_finish(&b);
    replay_again(c);
    return 0;
}
