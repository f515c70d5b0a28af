/*
 * Polls of a group: a poll is a message of that type, and what it stands at is kept here while
 * people vote in it. The look-up brings a poll into memory, where it stays right because this
 * channel is the only writer of its votes.
 */
#include "poll.h"

#include <errno.h>
#include <stdlib.h>

#include "group.h"

#define POLLS_MAX 256 /* in memory; more: unavailable, until some were left alone for a while */
#define POLL_IDLE_MS 60000

/* One that is about to close by its time. */
struct timed_poll {
    int64_t closes_ms; /* wall */
    char author[64];
    char id[]; /* the table's key */
};

static struct poll *poll_named(struct channel *c, const char *id)
{
    struct poll *p = table_get(&group_of(c)->polls, id, strlen(id));

    if (p)
        p->used_ms = loop_now();
    return p;
}

/* ---- in memory ---- */

/* Only the first row of a poll in a look-up shows it. */
void poll_looked(struct channel *c, const struct op *op, const struct msg *m, int row)
{
    struct buf definition = BUF_INIT, votes = BUF_INIT;
    struct table *polls = &group_of(c)->polls;

    if (db_null(m, 0, row, 7) || polls->count >= POLLS_MAX)
        return; /* no poll, or not its first row: the push may even speak of no message at all */
    struct str id = mp_str(mp_get(op->payload, op->kind->lookup));
    if (table_get(polls, id.p, id.n))
        return;
    value_put(&definition, ENC_MP, value_json(db_strv(m, 0, row, 7)));
    value_put(&votes, ENC_MP, value_json(db_strv(m, 0, row, 9)));
    struct poll *p =
        poll_create(id, mp_view(definition.data, definition.len), mp_view(votes.data, votes.len));
    p->closed = db_true(m, 0, row, 8);
    p->used_ms = loop_now();
    table_put(polls, p->id, id.n, p);
    buf_finish(&definition);
    buf_finish(&votes);
}

void polls_forget(struct channel *c, const char *id)
{
    poll_destroy(table_remove(&group_of(c)->polls, id, strlen(id)));
}

void polls_trim(struct channel *c)
{
    struct table *polls = &group_of(c)->polls;
    struct poll *p;

    if (c->queue || c->batch)
        return; /* what was looked up may need it */
    for (uint32_t i = 0; (p = table_each(polls, &i));)
        if (loop_now() - p->used_ms >= POLL_IDLE_MS)
            polls_forget(c, p->id);
}

void polls_finish(struct channel *c)
{
    struct poll *p;

    for (uint32_t i = 0; (p = table_each(&group_of(c)->polls, &i));)
        poll_destroy(p);
    table_finish(&group_of(c)->polls);
    struct timed_poll *t;
    for (uint32_t i = 0; (t = table_each(&group_of(c)->timed, &i));)
        free(t);
    table_finish(&group_of(c)->timed);
}

/* ---- checks ---- */

/* The poll that a push speaks of. Sets op->ref. */
static int check_poll(struct channel *c, struct op *op, struct poll **ret_poll, struct refusal *ret)
{
    int r = message_check(op, "messageId", ret);

    if (r < 0)
        return r;
    if (strcmp(op->message.type, "poll") != 0)
        return refuse(ret, REASON_not_found, "messageId", "not_found");
    *ret_poll = poll_named(c, op->ref);
    if (!*ret_poll)
        return refuse(ret, REASON_unavailable, NULL, NULL);
    return group_of(c)->archived ? refuse(ret, REASON_read_only, NULL, NULL) : 0;
}

int poll_vote_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct poll *p;
    struct object o;
    int r = check_poll(c, op, &p, ret);

    if (r < 0)
        return r;
    if (op->user->belongs == MEMBER_NONE)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (poll_over(p))
        return refuse(ret, REASON_conflict, "poll", "closed");
    if ((r = poll_read(p, mp_get(op->payload, "option"), &op->vote.after, ret)) < 0)
        return r;
    object_begin(&o, &op->stored, ENC_MP);
    object_str(&o, "messageId", str_of(op->ref));
    poll_store_vote(&o, c, op, p);
    object_end(&o);
    return 0;
}

int poll_close_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct poll *p;
    struct object o;
    int r = check_poll(c, op, &p, ret);

    if (r < 0)
        return r;
    if (strcmp(op->message.sender_id, op->user->id) != 0 && !moderates(op->user))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    object_begin(&o, &op->stored, ENC_MP);
    object_str(&o, "messageId", str_of(op->ref));
    poll_put(&o, p, &p->tally, true);
    if (p->closed)
        object_bool(&o, "unchanged", true);
    object_end(&o);
    return p->closed ? PUSH_DONE : 0;
}

/* ---- the clock ---- */

/* In its author's name: they said when. */
int poll_time_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct poll *p;
    struct object o;
    int r = check_poll(c, op, &p, ret);

    if (r < 0)
        return r;
    if (p->closed)
        return PUSH_DONE;
    object_begin(&o, &op->stored, ENC_MP);
    object_str(&o, "messageId", str_of(op->ref));
    poll_put(&o, p, &p->tally, true);
    object_str(&o, "reason", STR("time"));
    object_end(&o);
    return 0;
}

void polls_wake(struct channel *c, struct mp what)
{
    struct table *timed = &group_of(c)->timed;
    struct str id = mp_str(mp_at(what, 0)), author = mp_str(mp_at(what, 2));
    struct timed_poll *t;

    if (!id.p || !author.p || author.n >= sizeof(t->author) || table_get(timed, id.p, id.n) ||
        timed->count >= POLLS_MAX)
        return; /* it comes again while it is not closed */
    t = xcalloc(1, sizeof(*t) + id.n + 1);
    t->closes_ms = mp_int(mp_at(what, 1), 0);
    memcpy(t->author, author.p, author.n);
    memcpy(t->id, id.p, id.n);
    table_put(timed, t->id, id.n, t);
}

void polls_tick(struct channel *c)
{
    struct table *timed = &group_of(c)->timed;
    struct timed_poll *t;
    struct buf b = BUF_INIT;

    for (uint32_t i = 0; (t = table_each(timed, &i));) {
        if (t->closes_ms > wall_ms())
            continue;
        table_remove(timed, t->id, strlen(t->id));
        buf_clear(&b);
        mp_put_map(&b, 1);
        mp_put_cstr(&b, "messageId");
        mp_put_cstr(&b, t->id);
        channel_act(c, members_user(&c->members, str_of(t->author)), "poll:time",
                    mp_view(b.data, b.len));
        free(t);
    }
    buf_finish(&b);
}

/* ---- after the commit ---- */

void poll_voted(struct channel *c, struct op *op)
{
    struct poll *p = poll_named(c, op->ref);

    if (p)
        poll_vote(p, str_of(op->user->id), op->vote.after);
}

void poll_closed(struct channel *c, struct op *op)
{
    struct poll *p = poll_named(c, op->ref);

    if (p)
        p->closed = true;
}

/* What a new message's poll stands at; nil of what is no poll. */
void poll_item(struct channel *c, struct op *op, struct buf *out)
{
    struct mp stored = mp_view(op->stored.data, op->stored.len), meta = mp_get(stored, "metadata");
    struct object o;

    (void)c;
    if (!str_is(mp_str(mp_get(stored, "type")), "poll")) {
        mp_put_nil(out);
        return;
    }
    object_begin(&o, out, ENC_MP);
    object_value(&o, "counts", (struct value){0});
    object_int(&o, "voters", 0);
    object_bool(&o, "closed", false);
    object_str(&o, "closedAt", (struct str){0});
    if (!mp_bool(mp_get(meta, "anonymous"), false))
        object_value(&o, "votes", value_mp(mp_view("\x90", 1)));
    object_end(&o);
}

/* What REST answers to a vote or a closing: where the poll stands, and what the caller chose. */
void poll_vote_item(struct channel *c, struct op *op, struct buf *out)
{
    static const char *const said[] = {"counts", "voters", "closed"};
    struct mp stored = mp_view(op->stored.data, op->stored.len);
    struct poll *p = poll_named(c, op->ref);
    bool voted = op->fresh && op->kind->flags & PUSH_SECRET;
    struct buf mine = BUF_INIT;
    struct object o;

    object_begin(&o, out, ENC_MP);
    object_str(&o, "messageId", str_of(op->ref));
    for (size_t i = 0; op->fresh && i < sizeof(said) / sizeof(said[0]); i++)
        object_value(&o, said[i], value_mp(mp_get(stored, said[i])));
    if (p && !op->fresh) /* done before: what it has become since */
        poll_put(&o, p, &p->tally, p->closed);
    if (p) {
        poll_put_choice(&mine, p, voted ? op->vote.after : poll_choice(p, str_of(op->user->id)));
        object_value(&o, "myVote", value_mp(mp_view(mine.data, mine.len)));
    }
    object_end(&o);
    buf_finish(&mine);
}
