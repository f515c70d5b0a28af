/*
 * The tail of a channel's log in memory: events as they were stored, packed, each with its seq, and
 * how they are written for a member. The invariant: the tail has no gap, and ends at last_seq.
 */
#include <stdlib.h>

#include "chan.h"
#include "scratch.h"
#include "stacgate/config.h"

struct event *tail_at(const struct tail *t, uint32_t i)
{
    return &t->events[(t->start + i) & (t->cap - 1)];
}

int64_t tail_first(const struct channel *c)
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

void tail_push(struct tail *t, int64_t seq, struct body *data)
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

/* What was stored, without what nobody is sent. */
static void put_public(struct buf *b, struct mp stored)
{
    mp_put_map(b, mp_count(stored) - (mp_get(stored, "secret").p ? 1 : 0));
    for (struct mp_iter it = mp_iter(stored); mp_next(&it);) {
        if (str_is(mp_str(it.key), "secret"))
            continue;
        mp_put_raw(b, it.key);
        mp_put_raw(b, it.value);
    }
}

struct body *event_data(const struct op *op, const struct user *by)
{
    struct buf b = BUF_INIT;

    pack_event(&b, str_of(op->kind->event), str_of(by->id),
               op->own_op_id ? (struct str){0} : str_of(op->op_id), str_of(op->at));
    if (op->kind->flags & PUSH_SECRET)
        put_public(&b, mp_view(op->stored.data, op->stored.len));
    else
        mp_put_raw(&b, mp_view(op->stored.data, op->stored.len));
    if (op->kind->flags & PUSH_CARD)
        user_card(&b, by);
    else
        mp_put_nil(&b);
    struct body *data = body_of(&b);
    buf_finish(&b);
    return data;
}

/* Only events that show a message carry who said it; anonymous ones say nobody, nor an op id by
 * which one might be known. */
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
    bool anonymous = mp_bool(mp_get(part[4], "anonymous"), false);
    if (!anonymous)
        object_str(&o, "by", mp_str(part[1]));
    if (mp_type(part[2]) == MP_STR && !anonymous)
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

/* What is left of an event whose message was deleted. */
static void put_blank(struct buf *b, struct str event, struct mp stored, const char *message_id)
{
    bool counts = str_is(event, "poll:updated"), anonymous = mp_get(stored, "anonymous").p != NULL;

    mp_put_map(b, counts ? 2 + anonymous : 4);
    mp_put_cstr(b, counts ? "messageId" : "id");
    mp_put_cstr(b, message_id);
    mp_put_cstr(b, "isDeleted");
    mp_put_bool(b, true);
    if (counts && anonymous) {
        mp_put_cstr(b, "anonymous");
        mp_put_bool(b, true);
    }
    if (counts)
        return;
    mp_put_cstr(b, "type");
    mp_put_cstr(b, "text");
    mp_put_cstr(b, "content");
    mp_put_cstr(b, "");
}

static bool speaks_of(struct str event, struct mp stored, const char *message_id)
{
    if (str_is(event, "poll:updated"))
        return str_is(mp_str(mp_get(stored, "messageId")), message_id);
    return (str_is(event, "message") || str_is(event, "message:updated")) &&
           str_is(mp_str(mp_get(stored, "id")), message_id);
}

/* A deleted message's text leaves the tail too, in every event that carried it. */
void tail_blank(struct channel *c, const char *message_id)
{
    c->stale = c->loading; /* what is being read may still have the text */
    c->behind.stale = c->behind.reading;
    replay_forget_pages(c);
    body_unref(c->recent);
    c->recent = NULL;
    for (uint32_t i = 0; i < c->tail.count; i++) {
        struct event *e = tail_at(&c->tail, i);
        struct mp data = body_mp(e->data), stored = mp_at(data, 4);
        struct str event = mp_str(mp_at(data, 0));
        struct buf b = BUF_INIT;

        if (!speaks_of(event, stored, message_id))
            continue;
        pack_event(&b, event, mp_str(mp_at(data, 1)), mp_str(mp_at(data, 2)),
                   mp_str(mp_at(data, 3)));
        put_blank(&b, event, stored, message_id);
        mp_put_raw(&b, mp_at(data, 5));
        c->tail.bytes -= e->data->len;
        body_unref(e->data);
        e->data = body_of(&b);
        c->tail.bytes += e->data->len;
        buf_finish(&b);
    }
}

/* One page of events after `after`; the seq of the last one. */
int64_t tail_put(const struct tail *t, struct buf *out, enum encoding enc, const struct channel *c,
                 struct str join_ref, int64_t after)
{
    size_t limit = out->len + PAGE_BYTES;

    if (t->count == 0)
        return after;
    for (uint32_t i = (uint32_t)(after + 1 - tail_at(t, 0)->seq); i < t->count && out->len < limit;
         i++) {
        const struct event *e = tail_at(t, i);

        event_put(out, enc, c, e->seq, join_ref, body_mp(e->data));
        after = e->seq;
    }
    return after;
}

struct body *event_loaded(const struct channel *c, const struct msg *m, unsigned stmt, int row)
{
    struct buf b = BUF_INIT;
    struct str event = db_strv(m, stmt, row, 1);
    struct str op_id = db_strv(m, stmt, row, 3);

    /* An op id that we made says nothing to a client. */
    if (op_id.n && op_id.p[0] == '\x7f')
        op_id = (struct str){0};
    pack_event(&b, event, db_strv(m, stmt, row, 2), op_id, db_strv(m, stmt, row, 4));
    value_put(&b, ENC_MP, value_json(db_strv(m, stmt, row, 5)));
    if (event_has_card(c->kind, event))
        value_put(&b, ENC_MP, value_json(db_strv(m, stmt, row, 6)));
    else
        mp_put_nil(&b);
    struct body *data = body_of(&b);
    buf_finish(&b);
    return data;
}
