/*
 * From queue to log: while one commit is under way the next batch gathers. The invariants: one
 * commit at a time; nobody is answered before the batch's outcome is known; an operation is in the
 * queue or in the batch, never in both.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "chan.h"
#include "figures.h"
#include "rooms.h"
#include "scratch.h"
#include "sql.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/log.h"

#define COMMIT_MS 8000       /* a commit's deadline; after it its outcome is unknown */
#define UNKNOWN_MAX_MS 20000 /* how long an unknown outcome is asked for before the actor ends */
#define RETRY_MS 150
#define STATEMENTS_MAX 4 /* different state statements of one batch */

static actor_step committed, looked_up, retry, flushed;

/* ---- the queue ---- */

static size_t key_len(const struct op *op)
{
    return offsetof(struct op, op_id) - offsetof(struct op, user) + strlen(op->op_id);
}

void commit_forget(struct channel *c, struct op *op)
{
    if (op->keyed)
        table_remove(&c->ops, (const char *)&op->user, key_len(op));
    op->keyed = false;
}

/* The same push again while the first is under way: it waits for that one's answer. */
static bool join_twin(struct channel *c, struct op *op)
{
    struct op *first =
        op->own_op_id ? NULL : table_get(&c->ops, (const char *)&op->user, key_len(op));

    if (!first)
        return false;
    if (first->hash != op->hash) {
        op_refuse(c, op, &(struct refusal){REASON_conflict, "opId", "reused", 0});
    } else {
        op->next = first->twins;
        first->twins = op;
    }
    return true;
}

void commit_enqueue(struct channel *c, struct op *op)
{
    if (join_twin(c, op))
        return;
    if (c->queued >= QUEUE_MAX) {
        op_refuse(c, op, &(struct refusal){.reason = REASON_unavailable});
        return;
    }
    if (!op->own_op_id) {
        table_put(&c->ops, (const char *)&op->user, key_len(op), op);
        op->keyed = true;
    }
    *c->queue_end = op;
    c->queue_end = &op->next;
    c->queued++;
    commit_pump(c);
}

static struct op *queue_pop(struct channel *c)
{
    struct op *op = c->queue;

    c->queue = op->next;
    if (!c->queue)
        c->queue_end = &c->queue;
    op->next = NULL;
    c->queued--;
    return op;
}

static void batch_push(struct channel *c, struct op *op)
{
    *c->batch_end = op;
    c->batch_end = &op->next;
    op->place = ++c->batched;
    if (c->one_by_one)
        c->one_by_one--;
}

static void queue_unpop(struct channel *c, struct op *op)
{
    op->next = c->queue;
    if (!c->queue)
        c->queue_end = &op->next;
    c->queue = op;
    c->queued++;
}

void batch_clear(struct channel *c)
{
    c->batch = NULL;
    c->batch_end = &c->batch;
    c->batched = 0;
}

/* ---- looking up what checks need ---- */

static struct str looked_for(const struct op *op)
{
    return op->kind->lookup ? mp_str(mp_get(op->payload, op->kind->lookup)) : (struct str){0};
}

static bool needs_lookup(const struct op *op)
{
    bool wants = (op->kind->flags & PUSH_LOOKUP) && (!op->kind->lookup || looked_for(op).p);

    return !op->looked && (op->must_look || wants);
}

static void put_lookup_column(struct channel *c, struct db_group *g, int column)
{
    db_array(g);
    for (struct op *op = c->queue; op; op = op->next) {
        struct str id = looked_for(op);

        if (op->place == 0)
            continue;
        if (column == 0)
            db_array_strn(g, op->user->id, strlen(op->user->id));
        else if (column == 1)
            db_array_strn(g, op->op_id, strlen(op->op_id));
        else
            db_array_strn(g, id.p, id.n);
    }
    db_array_end(g);
}

static void start_lookup(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct db_group *g = db_group(DB_READ, &ctx);
    uint32_t n = 0;

    for (struct op *op = c->queue; op; op = op->next)
        op->place = n < BATCH_MAX && needs_lookup(op) ? ++n : 0;
    db_stmt(g, c->kind->lookup ? *c->kind->lookup : SQL_REALTIME_LOOKUP);
    db_str(g, c->topic);
    db_str(g, c->id);
    for (int column = 0; column < 3; column++)
        put_lookup_column(c, g, column);
    c->looking = db_ask(c->self, g, COMMIT_MS, looked_up) == 0;
    if (!c->looking)
        commit_failed(c, -EUNAVAILABLE_DB);
}

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static int looked_up(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    c->looking = false;
    for (struct op *op = c->queue; op; op = op->next) {
        int row = (int)op->place - 1;

        if (row < 0 || row >= db_rows(m, 0))
            continue;
        op->place = 0;
        op->looked = true;
        op->repeat = db_true(m, 0, row, 1);
        if (c->kind->looked)
            c->kind->looked(c, op, m, row);
    }
    commit_pump(c);
    return 0;
}

/* ---- building a batch ---- */

static void answer_done(struct channel *c, struct op *op)
{
    struct buf b = BUF_INIT, item = BUF_INIT;
    struct op *twins = op->twins, *next;

    mp_put_map(&b, 1);
    mp_put_cstr(&b, "already");
    mp_put_bool(&b, true);
    if (op->kind->item && op->session == 0)
        op->kind->item(c, op, &item);
    op->twins = NULL;
    op_answer(c, op, true, value_mp(mp_view(b.data, b.len)),
              item.len ? value_mp(mp_view(item.data, item.len)) : (struct value){0});
    for (; twins; twins = next) {
        next = twins->next;
        op_answer(c, twins, true, value_mp(mp_view(b.data, b.len)), (struct value){0});
    }
    buf_finish(&b);
    buf_finish(&item);
}

/* Takes the op. false: it went back to the queue's head, and must be looked up first. */
static bool consider(struct channel *c, struct op *op)
{
    struct refusal why;

    buf_clear(&op->stored);
    int r = op->kind->check(c, op, &why);
    op->unchanged = r == PUSH_DONE && op->stored.len && !op->own_op_id;
    if (r == 0 || op->repeat || op->unchanged) {
        if (r != 0 &&
            !op->unchanged) { /* done before, and would be refused today: the log has the answer */
            buf_clear(&op->stored);
            mp_put_map(&op->stored, 0);
        }
        c->known |= op->repeat;
        batch_push(c, op);
    } else if (r == PUSH_DONE && (op->looked || op->own_op_id)) {
        answer_done(c, op);
    } else if (!op->looked && !op->own_op_id) {
        op->must_look = true;
        queue_unpop(c, op);
        return false;
    } else {
        op_refuse(c, op, &why);
    }
    return true;
}

static bool fits(const struct channel *c, const struct op *op)
{
    if (c->batched == 0)
        return true;
    return !c->alone && c->batched < BATCH_MAX && op->kind->batch_class != 0 &&
           op->kind->batch_class == c->batch->kind->batch_class;
}

static void build_batch(struct channel *c)
{
    c->alone = c->one_by_one != 0;
    c->known = false;
    while (c->queue && !needs_lookup(c->queue) && fits(c, c->queue))
        if (!consider(c, queue_pop(c)))
            return;
}

/* ---- the commit ---- */

/* All payloads as one JSON array: the database reads it in one go. */
static void put_payloads(const struct channel *c, struct db_group *g)
{
    struct buf *json = scratch(SCRATCH_JSON);
    const char *before = "[";

    for (const struct op *op = c->batch; op; op = op->next, before = ",") {
        buf_puts(json, before);
        value_put(json, ENC_JSON, value_mp(mp_view(op->stored.data, op->stored.len)));
    }
    buf_puts(json, "]");
    db_strn(g, (const char *)json->data, json->len);
}

static void put_ops_column(const struct channel *c, struct db_group *g, int column)
{
    db_array(g);
    for (const struct op *op = c->batch; op; op = op->next) {
        switch (column) {
        case 0:
            db_array_strn(g, op->kind->event, strlen(op->kind->event));
            break;
        case 1:
            db_array_strn(g, op->user->id, strlen(op->user->id));
            break;
        case 2:
            db_array_strn(g, op->op_id, strlen(op->op_id));
            break;
        case 3:
            db_array_i64(g, op->hash);
            break;
        case 4:
            db_array_strn(g, *op->ref ? op->ref : NULL, strlen(op->ref));
            break;
        }
    }
    db_array_end(g);
}

static void put_state(const struct channel *c, struct db_group *g)
{
    const struct sql *done[STATEMENTS_MAX];
    unsigned n = 0;

    for (const struct op *op = c->batch; op; op = op->next) {
        const struct sql *sql = op->kind->state ? *op->kind->state : NULL;
        unsigned i = 0;

        while (i < n && done[i] != sql)
            i++;
        if (!sql || i < n)
            continue;
        done[n++] = sql;
        db_stmt(g, sql);
        db_str(g, c->topic);
        db_i64(g, c->fence);
        if (op->kind->state_params > 2)
            db_str(g, c->id);
    }
}

/* An op id in the log already is rare: not looked for until the log's own key has found one. */
static void commit(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct db_group *g = db_group(DB_WRITE, &ctx);

    db_stmt(g, SQL_REALTIME_FENCE);
    db_str(g, c->topic);
    db_i64(g, c->fence);
    db_stmt(g, c->known ? SQL_REALTIME_APPEND : SQL_REALTIME_APPEND_NEW);
    db_expect(g, "channel_events_op");
    db_str(g, c->topic);
    db_i64(g, c->fence);
    put_ops_column(c, g, 0);
    put_payloads(c, g);
    for (int column = 1; column < 5; column++)
        put_ops_column(c, g, column);
    put_state(c, g);
    if (!c->committing) /* sent again, it is the same commit */
        c->commit_us = mono_us();
    c->committing = true;
    if (db_ask(c->self, g, COMMIT_MS, committed) < 0)
        commit_failed(c, -EUNAVAILABLE_DB);
}

void commit_pump(struct channel *c)
{
    if (c->stage != CHANNEL_OPEN || c->committing || c->looking)
        return;
    build_batch(c);
    if (c->batch)
        commit(c);
    else if (c->queue)
        start_lookup(c);
}

/* ---- what became of it ---- */

static void take_results(struct channel *c, const struct msg *m)
{
    struct op *by_place[BATCH_MAX + 1] = {0};

    for (struct op *op = c->batch; op; op = op->next)
        by_place[op->place] = op;
    for (int row = 0; row < db_rows(m, 1); row++) {
        int64_t place = db_int(m, 1, row, 0);
        struct op *op = place >= 1 && place <= BATCH_MAX ? by_place[place] : NULL;

        if (!op)
            continue;
        op->seq = db_int(m, 1, row, 1);
        copy_text(op->at, sizeof(op->at), db_text(m, 1, row, 2));
        copy_text(op->ref, sizeof(op->ref), db_text(m, 1, row, 3));
        op->conflict = !db_true(m, 1, row, 5);
        /* Old to the database, but new to us: the same batch was committed when its answer got
         * lost. */
        op->fresh = db_true(m, 1, row, 4) || (!op->conflict && op->seq > c->last_seq);
    }
}

static void put_reply(struct buf *out, const struct channel *c, const struct op *op,
                      const struct op *asked)
{
    struct buf *response = scratch(SCRATCH_REPLY);
    struct object o;
    enum encoding enc = (enum encoding)asked->enc;

    if (op->conflict) {
        refusal_put(response, enc, &(struct refusal){REASON_conflict, "opId", "reused", 0},
                    asked->lang);
    } else {
        object_begin(&o, response, enc);
        object_int(&o, "seq", op->seq);
        object_str(&o, "createdAt", str_of(op->at));
        if (op->kind->flags & PUSH_ID)
            object_str(&o, "id", str_of(op->ref));
        object_end(&o);
    }
    envelope_reply(out, enc, asked->join_ref, asked->client_ref, channel_topic(c), !op->conflict,
                   value_put_together(enc, response));
}

/* Every reply of the batch to one connection is one frame. */
static void answer_session(struct channel *c, struct op *first)
{
    struct buf wire = BUF_INIT;
    unsigned replies = 0;
    actor_id session = first->session;

    for (struct op *op = first; op; op = op->next) {
        for (struct op *asked = op; asked; asked = asked == op ? op->twins : asked->next) {
            if (asked->session != session || asked->nonce != first->nonce)
                continue;
            put_reply(&wire, c, op, asked);
            replies++;
            asked->session = 0;
        }
    }
    member_send(c, session, first->nonce, first->enc, WS_CONTROL, &wire, replies);
    buf_finish(&wire);
}

static void answer_ask(struct channel *c, struct op *op, struct op *asked)
{
    struct buf b = BUF_INIT;
    struct object o;

    mp_put_map(&b, op->conflict || !op->kind->item ? 2 : 3);
    mp_put_cstr(&b, "status");
    mp_put_cstr(&b, op->conflict ? "error" : "ok");
    mp_put_cstr(&b, "response");
    if (op->conflict) {
        refusal_put(&b, ENC_MP, &(struct refusal){REASON_conflict, "opId", "reused", 0},
                    asked->lang);
    } else {
        object_begin(&o, &b, ENC_MP);
        object_int(&o, "seq", op->seq);
        object_str(&o, "createdAt", str_of(op->at));
        if (op->kind->flags & PUSH_ID)
            object_str(&o, "id", str_of(op->ref));
        object_end(&o);
        if (op->kind->item) {
            mp_put_cstr(&b, "item");
            op->kind->item(c, op, &b);
        }
    }
    actor_reply(&asked->ask, 0, body_of(&b));
    buf_finish(&b);
}

static void answer_batch(struct channel *c)
{
    for (struct op *op = c->batch; op; op = op->next)
        for (struct op *asked = op; asked; asked = asked == op ? op->twins : asked->next)
            if (asked->ask.from)
                answer_ask(c, op, asked);
    for (struct op *op = c->batch; op; op = op->next) {
        if (op->session)
            answer_session(c, op);
        for (struct op *t = op->twins; t; t = t->next)
            if (t->session) { /* another connection of the same user asked again */
                struct buf wire = BUF_INIT;

                put_reply(&wire, c, op, t);
                member_send(c, t->session, t->nonce, t->enc, WS_CONTROL, &wire, 1);
                buf_finish(&wire);
                t->session = 0;
            }
    }
}

/* New events join the tail and become, all of the batch together, one frame an encoding. */
static void publish_batch(struct channel *c)
{
    struct body *wire[ENCODINGS] = {0};
    struct buf b = BUF_INIT;

    uint64_t messages = 0, events = 0;

    for (struct op *op = c->batch; op; op = op->next)
        if (op->fresh) {
            messages += strcmp(op->kind->event, "message") == 0;
            events++;
            c->last_seq = op->seq;
            tail_append(c, op->seq, event_data(op, op->user));
        }
    for (int e = 0; e < ENVELOPES; e++) {
        if (c->members.by_enc[e] == 0)
            continue;
        for (struct op *op = c->batch; op; op = op->next)
            if (op->fresh)
                event_put_op(&b, (enum encoding)e, c, op);
        if (b.len)
            wire[e] = body_of(&b);
    }
    tail_trim(c);
    rooms_count(str_of(c->tenant), LIVE_MESSAGES, messages);
    rooms_count(str_of(c->tenant), LIVE_OPERATIONS, events);
    answer_batch(c);
    channel_publish(c, WS_DURABLE, wire, 0);
    if (old_here(c))
        for (struct op *op = c->batch; op; op = op->next)
            if (op->fresh)
                old_tell_message(c, op);
    for (int e = 0; e < ENCODINGS; e++)
        body_unref(wire[e]);
    buf_finish(&b);
}

static void count_commit(const struct channel *c)
{
    histogram_note(&figures->batch, &scale_count, c->batched);
    histogram_note(&figures->commit_us, &scale_us, (uint64_t)(mono_us() - c->commit_us));
}

/* The new events go on where the log ended, without a hole. */
static bool in_order(const struct channel *c)
{
    int64_t last = c->last_seq;

    for (const struct op *op = c->batch; op; op = op->next)
        if (op->fresh && op->seq != ++last)
            return false;
    return true;
}

/* State statements that say whom to tell come after fence and append, in put_state's order. */
static void tell_users(const struct channel *c, const struct msg *m)
{
    if (c->batch->kind->flags & PUSH_TELLS)
        users_tell(db_strv(m, 2, 0, 0));
}

static int committed(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    if (db_rows(m, 0) ==
        0) { /* another writer took the fence: what it writes is not ours to repeat */
        channel_fail(c, -ESTALE);
        return 0;
    }
    c->unknown_since = 0;
    c->attempts = 0;
    count_commit(c);
    take_results(c, m);
    if (!in_order(c)) { /* somebody wrote behind our back: what memory holds is not the log */
        channel_fail(c, -ESTALE);
        return 0;
    }
    publish_batch(c);
    tell_users(c, m);
    struct op *op = c->batch, *next;
    for (struct op *o = op; o; o = o->next)
        if (o->fresh && !o->unchanged && o->kind->applied)
            o->kind->applied(c, o);
    c->committing = false; /* what they pushed themselves waited for the end of this */
    if (c->kind->committed)
        c->kind->committed(c, op);
    batch_clear(c);
    for (; op; op = next) {
        next = op->next;
        op_destroy(c, op);
    }
    commit_pump(c);
    return 0;
}

/* One of the batch cannot be stored: each is tried alone, so that only that one is refused. */
static void split_batch(struct channel *c)
{
    struct op *op = c->batch;

    if (!op->next) {
        batch_clear(c);
        op_refuse(c, op, &(struct refusal){REASON_invalid, "payload", "refused", 0});
        return;
    }
    *c->batch_end = c->queue; /* the batch goes back to the queue's head */
    if (!c->queue)
        c->queue_end = c->batch_end;
    c->queue = op;
    c->queued += c->batched;
    c->one_by_one = c->batched;
    batch_clear(c);
}

static int retry(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    (void)m;
    if (c->batch)
        commit(c);
    return 0;
}

static int commit_lost(struct channel *c, int err)
{
    if (err == -EEXIST && !c->known) {
        c->known = true;
        commit(c);
        return 0;
    }
    if (err == -EPROTO && !c->unknown_since) {
        c->committing = false;
        split_batch(c);
        commit_pump(c);
        return 0;
    }
    if (err == -EUNAVAILABLE_DB && !c->unknown_since) {
        c->committing = false;
        tally_add(&figures->commits_refused, 1);
        commit_refuse_all(c);
        return 0;
    }
    /* It may have happened. The same batch again, with the same op ids, tells; nobody is answered
     * before. */
    c->known = true;
    if (!c->unknown_since) {
        tally_add(&figures->commits_unknown, 1);
        c->unknown_since = loop_now();
    }
    if (loop_now() - c->unknown_since > UNKNOWN_MAX_MS) {
        log_msg(LOG_ERROR, "commit_unknown",
                "%s: a commit's outcome stayed unknown; its channel ends", c->topic);
        commit_refuse_all(c);
        return -EIO;
    }
    actor_after(c->self, RETRY_MS, retry);
    return 0;
}

int commit_failed(struct channel *c, int err)
{
    actor_step *step = actor_failed_step(c->self);

    if (c->committing && (step == committed || !step))
        return commit_lost(c, err);
    if (step == looked_up || !step) {
        c->looking = false;
        commit_refuse_all(c);
        return 0;
    }
    if (step == flushed) {
        c->asides--;
        c->asides_failed++;
        return 0;
    }
    replay_failed(c);
    return 0;
}

/* A group that only brings the database up to date: nobody waits for it. */
void commit_aside(struct channel *c, struct db_group *g)
{
    c->asides += db_ask(c->self, g, COMMIT_MS, flushed) == 0;
}

static int flushed(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    (void)m;
    c->asides--;
    return 0;
}
