/*
 * The tail of a channel's log in memory, and everything that is sent from it: resumes in pages
 * pulled by the reader, and the last messages as they stand. The invariant: the tail has no gap,
 * and ends at last_seq.
 */
#include <stdlib.h>

#include "chan.h"
#include "chan_mail.h"
#include "scratch.h"
#include "sql.h"
#include "stacgate/config.h"
#include "stacgate/json.h"

#define LAST_MAX 200
#define RECENT_BEHIND                                                                              \
    20 /* events by which the list of last messages may be older than the head                     \
        */

static actor_step tail_loaded, recent_loaded;

/* ---- the tail ---- */

static struct event *tail_at(const struct tail *t, uint32_t i)
{
    return &t->events[(t->start + i) & (t->cap - 1)];
}

static int64_t tail_first(const struct channel *c)
{
    return c->tail.count ? tail_at(&c->tail, 0)->seq : c->last_seq + 1;
}

static void tail_grow(struct tail *t)
{
    struct event *old = t->events;
    uint32_t cap = t->cap ? t->cap * 2 : 16;

    t->events = xmalloc(cap * sizeof(*t->events));
    for (uint32_t i = 0; i < t->count; i++)
        t->events[i] = old[(t->start + i) & (t->cap - 1)];
    t->cap = cap;
    t->start = 0;
    free(old);
}

void tail_trim(struct channel *c)
{
    struct tail *t = &c->tail;

    /* A reader under way may keep twice as much; one that is slower than that rejoins. What is
     * being read must fit before the tail. */
    uint32_t times = c->loading || c->joiners || c->replaying ? 2 : 1;
    if (c->loading)
        return;
    while (t->count > times * config.replay_max || t->bytes > times * TAIL_BYTES_MAX) {
        struct event *e = tail_at(t, 0);

        t->bytes -= e->data->len;
        body_unref(e->data);
        t->start = (t->start + 1) & (t->cap - 1);
        t->count--;
    }
}

static void tail_push(struct tail *t, int64_t seq, struct body *data)
{
    if (t->count == t->cap)
        tail_grow(t);
    *tail_at(t, t->count++) = (struct event){seq, data};
    t->bytes += data->len;
}

void tail_append(struct channel *c, int64_t seq, struct body *data)
{
    tail_push(&c->tail, seq, data);
}

void tail_finish(struct tail *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        body_unref(tail_at(t, i)->data);
    free(t->events);
    *t = (struct tail){0};
}

/* ---- events ---- */

static void pack_event(struct buf *b, struct str event, struct str by, struct str op_id,
                       struct str at)
{
    mp_put_array(b, 6);
    mp_put_str(b, event.p, event.n);
    mp_put_str(b, by.p, by.n);
    if (op_id.p)
        mp_put_str(b, op_id.p, op_id.n);
    else
        mp_put_nil(b);
    mp_put_str(b, at.p, at.n);
}

struct body *event_data(const struct op *op, const struct user *by)
{
    struct buf b = BUF_INIT;

    pack_event(&b, str_of(op->kind->event), str_of(by->id),
               op->own_op_id ? (struct str){0} : str_of(op->op_id), str_of(op->at));
    mp_put_raw(&b, mp_view(op->stored.data, op->stored.len));
    if (op->kind->flags & PUSH_CARD)
        user_card(&b, by);
    else
        mp_put_nil(&b);
    struct body *data = body_of(&b);
    buf_finish(&b);
    return data;
}

/* Only events that show a message carry who said it. */
void event_put(struct buf *out, enum encoding enc, const struct channel *c, int64_t seq,
               struct str join_ref, struct mp data)
{
    struct buf *payload = scratch(SCRATCH_EVENT);
    struct mp part[6] = {{0}};
    struct object o;
    int n = 0;

    for (struct mp_iter it = mp_iter(data); n < 6 && mp_next(&it);)
        part[n++] = it.value;
    object_begin(&o, payload, enc);
    object_int(&o, "seq", seq);
    object_str(&o, "at", mp_str(part[3]));
    object_str(&o, "by", mp_str(part[1]));
    if (mp_type(part[2]) == MP_STR)
        object_str(&o, "opId", mp_str(part[2]));
    if (mp_type(part[5]) == MP_MAP && !str_is(mp_str(part[0]), "message")) {
        object_value(&o, "user", value_mp(part[5]));
    } else if (mp_type(part[5]) == MP_MAP) {
        object_str(&o, "senderId", mp_str(part[1]));
        object_value(&o, "sender", value_mp(part[5]));
        object_str(&o, "createdAt", mp_str(part[3]));
    }
    object_splice(&o, value_mp(part[4]));
    object_end(&o);
    envelope_wire(out, enc, join_ref, (struct str){0}, channel_topic(c), mp_str(part[0]),
                  value_put_together(enc, payload));
}

void event_put_op(struct buf *out, enum encoding enc, const struct channel *c, const struct op *op)
{
    const struct event *e = tail_at(&c->tail, (uint32_t)(op->seq - tail_first(c)));

    event_put(out, enc, c, op->seq, (struct str){0}, body_mp(e->data));
}

static void pages_forget(struct channel *c)
{
    for (int e = 0; e < ENCODINGS; e++) {
        pages_unref(c->pages[e]);
        c->pages[e] = NULL;
    }
}

/* A deleted message's text leaves the tail too, in every event that carried it. */
void tail_blank(struct channel *c, const char *message_id)
{
    c->stale = c->loading; /* what is being read may still have the text */
    pages_forget(c);
    body_unref(c->recent);
    c->recent = NULL;
    for (uint32_t i = 0; i < c->tail.count; i++) {
        struct event *e = tail_at(&c->tail, i);
        struct mp data = body_mp(e->data), stored = mp_at(data, 4);
        struct str event = mp_str(mp_at(data, 0));
        struct buf b = BUF_INIT;

        if (!str_is(mp_str(mp_get(stored, "id")), message_id) ||
            (!str_is(event, "message") && !str_is(event, "message:updated")))
            continue;
        pack_event(&b, event, mp_str(mp_at(data, 1)), mp_str(mp_at(data, 2)),
                   mp_str(mp_at(data, 3)));
        mp_put_map(&b, 4);
        mp_put_cstr(&b, "id");
        mp_put_cstr(&b, message_id);
        mp_put_cstr(&b, "type");
        mp_put_cstr(&b, "text");
        mp_put_cstr(&b, "content");
        mp_put_cstr(&b, "");
        mp_put_cstr(&b, "isDeleted");
        mp_put_bool(&b, true);
        mp_put_raw(&b, mp_at(data, 5));
        c->tail.bytes -= e->data->len;
        body_unref(e->data);
        e->data = body_of(&b);
        c->tail.bytes += e->data->len;
        buf_finish(&b);
    }
}

/* ---- joining ---- */

static struct mp join_params(const struct joiner *j)
{
    return mp_at(body_mp(j->mail), 7);
}

/* Can this member go on from where it says it stands? */
static bool resumes(const struct channel *c, struct mp params, int64_t *ret_since)
{
    *ret_since = mp_int(mp_get(params, "since"), -1);
    return str_is(mp_str(mp_get(params, "epoch")), c->epoch) && *ret_since >= c->first_seq - 1 &&
           *ret_since <= c->last_seq && c->last_seq - *ret_since <= config.replay_max;
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

/* One page of events after `after`, ending the replay when it reaches the head. */
static int64_t put_events(const struct channel *c, struct buf *out, const struct member *m,
                          struct str join_ref, int64_t after)
{
    const struct tail *t = &c->tail;
    size_t limit = out->len + PAGE_BYTES;

    for (uint32_t i = (uint32_t)(after + 1 - tail_first(c)); i < t->count && out->len < limit;
         i++) {
        const struct event *e = tail_at(t, i);

        event_put(out, m->enc, c, e->seq, join_ref, body_mp(e->data));
        after = e->seq;
    }
    return after;
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
    pages_unref(m->replay->pages);
    free(m->replay->join_ref);
    free(m->replay);
    m->replay = NULL;
    c->replaying--;
}

static void page_send(const struct member *m, struct buf *page, bool whole)
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
        r->after = put_events(c, &out, m, join_ref, r->after);
    bool whole = !r->pages && r->after >= c->last_seq;
    if (whole)
        replay_end(c, m);
    page_send(m, &out, whole);
    buf_finish(&out);
    if (whole)
        presence_wanted(c);
}

/* The reader took most of the last page. What it misses of the log must still be in the tail;
 * otherwise it rejoins, and is told a gap. */
void replay_next(struct channel *c, struct member *m)
{
    if (!m->replay)
        return;
    if (!m->replay->pages && m->replay->after + 1 < tail_first(c)) {
        channel_remove_member(c, m, "phx_error", false);
        return;
    }
    replay_step(c, m);
}

static void join_reply(struct channel *c, struct joiner *j, struct member *m, int64_t stands_at,
                       bool recovered, bool live)
{
    struct buf *response = scratch(SCRATCH_REPLY);
    struct mp mail = body_mp(j->mail);
    struct buf wire = BUF_INIT;
    struct hub_msg *h;
    struct object o;

    object_begin(&o, response, m->enc);
    object_str(&o, "epoch", str_of(c->epoch));
    object_int(&o, "seq", stands_at);
    object_int(&o, "head", c->last_seq);
    object_bool(&o, "recovered", recovered);
    c->kind->describe(c, m->user, &o);
    object_end(&o);
    envelope_reply(&wire, m->enc, mp_str(mp_at(mail, 1)), mp_str(mp_at(mail, 2)), channel_topic(c),
                   true, value_put_together(m->enc, response));
    struct body *b = hub_msg(&h);
    h->session = j->session;
    h->channel = actor_self(c->self);
    h->nonce = j->nonce;
    h->ok = true;
    h->flags = live ? SUB_LIVE : 0;
    if (recovered && loop_now() - c->opened_ms < config.grace)
        h->flags |= SUB_DEFERRED;
    h->key = body_ref(c->key);
    h->wire[m->enc] = body_of(&wire);
    hub_send(loop_of(j->session), HUB_JOINED, b);
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
    h->session = j->session;
    h->nonce = j->nonce;
    h->channel = actor_self(c->self);
    h->wire[enc] = body_of(&wire);
    hub_send(loop_of(j->session), HUB_JOINED, b);
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
        members_rekey(&c->members, m, j->session, j->nonce);
    else
        m = members_add(&c->members, u, j->session, j->nonce);
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
    struct pages *pages = recovered ? NULL : pages_for(c, (enum encoding)m->enc, last);
    bool live = stands == c->last_seq && !pages;

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

static bool full(const struct channel *c)
{
    return c->members.count >= config.members_max;
}

void replay_join(struct channel *c, struct joiner *j)
{
    struct mp packed = mp_at(body_mp(j->mail), 6);
    struct user *u = members_user(&c->members, mp_str(mp_at(packed, 0)));
    struct refusal why;

    members_see(u, packed);
    if (full(c) || c->kind->may_join(c, u, &why) < 0 || check_params(join_params(j), &why) < 0) {
        if (full(c))
            why = (struct refusal){.reason = REASON_unavailable};
        join_refuse(c, j, &why);
        members_user_release(&c->members, u);
        joiner_destroy(j);
        return;
    }
    if (!must_read(c, join_params(j))) {
        admit(c, j, u);
        joiner_destroy(j);
        return;
    }
    members_user_release(&c->members, u);
    j->next = NULL;
    *c->joiners_end = j;
    c->joiners_end = &j->next;
    if (!c->loading)
        replay_failed(c);
}

static void joiners_again(struct channel *c)
{
    struct joiner *j = c->joiners, *next;

    c->joiners = NULL;
    c->joiners_end = &c->joiners;
    for (; j; j = next) {
        next = j->next;
        replay_join(c, j);
    }
}

void replay_refuse(struct channel *c, struct joiner *j, enum reason reason)
{
    join_refuse(c, j, &(struct refusal){.reason = reason});
    joiner_destroy(j);
}

void replay_failed(struct channel *c)
{
    struct joiner *j = c->joiners, *next;

    c->loading = false;
    c->joiners = NULL;
    c->joiners_end = &c->joiners;
    for (; j; j = next) {
        next = j->next;
        replay_refuse(c, j, REASON_unavailable);
    }
}

static struct body *loaded_event(const struct channel *c, const struct msg *m, int row)
{
    struct buf b = BUF_INIT;
    struct str event = db_strv(m, 0, row, 1);
    struct str op_id = db_strv(m, 0, row, 3);

    /* An op id that we made says nothing to a client. */
    if (op_id.n && op_id.p[0] == '\x7f')
        op_id = (struct str){0};
    pack_event(&b, event, db_strv(m, 0, row, 2), op_id, db_strv(m, 0, row, 4));
    value_put(&b, ENC_MP, value_json(db_strv(m, 0, row, 5)));
    if (event_has_card(c->kind, event))
        value_put(&b, ENC_MP, value_json(db_strv(m, 0, row, 6)));
    else
        mp_put_nil(&b);
    struct body *data = body_of(&b);
    buf_finish(&b);
    return data;
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
        joiners_again(c);
        return 0;
    }
    if (db_rows(m, 0) &&
        db_int(m, 0, db_rows(m, 0) - 1, 0) < first - 1) { /* the tail moved on meanwhile: again */
        joiners_again(c);
        return 0;
    }
    *t = (struct tail){0};
    for (int row = 0; row < db_rows(m, 0); row++)
        if (db_int(m, 0, row, 0) < first)
            tail_push(t, db_int(m, 0, row, 0), loaded_event(c, m, row));
    for (uint32_t i = 0; i < old.count; i++)
        tail_push(t, tail_at(&old, i)->seq, tail_at(&old, i)->data);
    free(old.events);
    if (db_rows(m, 0) == 0 && first > c->first_seq)
        c->first_seq = first; /* older ones are no longer kept: a gap, said openly */
    joiners_again(c);
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
        joiners_again(c);
        return 0;
    }
    value_put(&b, ENC_MP, value_json(db_strv(m, 0, 0, 0)));
    pages_forget(c);
    body_unref(c->recent);
    c->recent = body_of(&b);
    c->recent_seq = db_int(m, 0, 0, 3);
    c->recent_count = c->recent_asked;
    buf_finish(&b);
    joiners_again(c);
    return 0;
}
