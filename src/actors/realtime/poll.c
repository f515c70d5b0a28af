/* Polls in memory. A tally always equals the votes that it was moved by: nothing is counted again.
 */
#include "poll.h"

#include <stdlib.h>

#include "stacgate/ids.h"

struct vote {
    uint32_t choice;
    char user[]; /* the table's key */
};

static uint32_t bit_of(const struct poll *p, struct str option)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (str_is(option, p->options[i]))
            return 1u << i;
    return 0;
}

static void take_options(struct poll *p, struct mp options)
{
    for (struct mp_iter it = mp_iter(options); mp_next(&it) && p->count < POLL_OPTIONS_MAX;) {
        struct str id = mp_str(mp_get(it.value, "id"));

        if (id.p && !bit_of(p, id))
            p->options[p->count++] = xstrndup(id.p, id.n);
    }
}

static void take_votes(struct poll *p, struct mp votes)
{
    for (struct mp_iter it = mp_iter(votes); mp_next(&it);) {
        struct mp chosen = mp_at(it.value, 1);
        uint32_t choice = 0;

        for (struct mp_iter o = mp_iter(chosen); mp_next(&o);)
            choice |= bit_of(p, mp_str(o.value));
        poll_vote(p, mp_str(mp_at(it.value, 0)), choice);
    }
}

struct poll *poll_create(struct str id, struct mp definition, struct mp votes)
{
    struct poll *p = xcalloc(1, sizeof(*p));
    struct str closes = mp_str(mp_get(definition, "closesAt"));

    p->id = xstrndup(id.p, id.n);
    p->multiple = mp_bool(mp_get(definition, "multiple"), false);
    p->anonymous = mp_bool(mp_get(definition, "anonymous"), false);
    if (!closes.p || iso_parse(closes.p, closes.n, &p->closes_ms) < 0)
        p->closes_ms = 0;
    take_options(p, mp_get(definition, "options"));
    take_votes(p, votes);
    return p;
}

void poll_destroy(struct poll *p)
{
    struct vote *v;

    if (!p)
        return;
    for (uint32_t i = 0; (v = table_each(&p->votes, &i));)
        free(v);
    table_finish(&p->votes);
    for (uint32_t i = 0; i < p->count; i++)
        free(p->options[i]);
    free(p->id);
    free(p);
}

bool poll_over(const struct poll *p)
{
    return p->closed || (p->closes_ms && p->closes_ms <= wall_ms());
}

uint32_t poll_choice(const struct poll *p, struct str user_id)
{
    const struct vote *v = table_get(&p->votes, user_id.p, user_id.n);

    return v ? v->choice : 0;
}

int poll_read(const struct poll *p, struct mp option, uint32_t *ret_choice, struct refusal *ret)
{
    uint32_t choice = 0, n = 0;

    if (mp_type(option) == MP_STR) {
        choice = bit_of(p, mp_str(option));
        if (!choice)
            return refuse(ret, REASON_invalid, "option", "unknown");
    } else if (mp_type(option) != MP_ARRAY) {
        return refuse(ret, REASON_invalid, "option",
                      mp_type(option) == MP_NONE ? "required" : "type");
    }
    for (struct mp_iter it = mp_iter(option); mp_next(&it); n++) {
        uint32_t bit = bit_of(p, mp_str(it.value));

        if (!bit || (choice & bit))
            return refuse(ret, REASON_invalid, "option", bit ? "duplicate" : "unknown");
        choice |= bit;
    }
    if (n > 1 && !p->multiple)
        return refuse(ret, REASON_invalid, "option", "too_many");
    *ret_choice = choice;
    return 0;
}

void poll_move(struct poll_tally *t, uint32_t from, uint32_t to)
{
    t->voters += (to != 0) - (uint32_t)(from != 0);
    for (uint32_t i = 0; i < POLL_OPTIONS_MAX; i++)
        t->counts[i] += (to >> i & 1) - (from >> i & 1);
}

void poll_vote(struct poll *p, struct str user_id, uint32_t choice)
{
    struct vote *v = table_get(&p->votes, user_id.p, user_id.n);

    if (!v) {
        v = xcalloc(1, sizeof(*v) + user_id.n + 1);
        memcpy(v->user, user_id.p, user_id.n);
        table_put(&p->votes, v->user, user_id.n, v);
    }
    poll_move(&p->tally, v->choice, choice);
    v->choice = choice;
}

void poll_put(struct object *o, const struct poll *p, const struct poll_tally *t, bool closed)
{
    struct buf inner = BUF_INIT;
    struct object counts;

    object_begin(&counts, &inner, ENC_MP); /* ids are whatever the author chose */
    for (uint32_t i = 0; i < p->count; i++)
        if (t->counts[i])
            object_int(&counts, p->options[i], t->counts[i]);
    object_end(&counts);
    object_value(o, "counts", value_mp(mp_view(inner.data, inner.len)));
    object_int(o, "voters", t->voters);
    object_bool(o, "closed", closed);
    buf_finish(&inner);
}

void poll_put_choice(struct buf *b, const struct poll *p, uint32_t choice)
{
    mp_put_array(b, (uint32_t)__builtin_popcount(choice));
    for (uint32_t i = 0; i < p->count; i++)
        if (choice >> i & 1)
            mp_put_cstr(b, p->options[i]);
}

static bool counts(const struct op *op, const struct op *mine)
{
    return !op->repeat && op->kind == mine->kind && strcmp(op->ref, mine->ref) == 0;
}

/* The poll as it will stand before this vote, and what this person then has chosen. */
static struct poll_tally tally_before(const struct channel *c, struct op *op, const struct poll *p)
{
    struct poll_tally t = p->tally;

    op->vote.before = poll_choice(p, str_of(op->user->id));
    for (const struct op *o = c->batch; o; o = o->next) {
        if (!counts(o, op))
            continue;
        poll_move(&t, o->vote.before, o->vote.after);
        if (o->user == op->user)
            op->vote.before = o->vote.after;
    }
    return t;
}

void poll_store_vote(struct object *o, const struct channel *c, struct op *op, const struct poll *p)
{
    struct poll_tally t = tally_before(c, op, p);
    struct buf b = BUF_INIT;

    poll_move(&t, op->vote.before, op->vote.after);
    poll_put(o, p, &t, false);
    if (p->anonymous)
        object_bool(o, "anonymous", true);
    mp_put_map(&b, p->anonymous ? 1 : 2);
    if (!p->anonymous) {
        mp_put_cstr(&b, "userId");
        mp_put_cstr(&b, op->user->id);
    }
    mp_put_cstr(&b, "options");
    poll_put_choice(&b, p, op->vote.after);
    object_value(o, p->anonymous ? "secret" : "vote", value_mp(mp_view(b.data, b.len)));
    buf_finish(&b);
}
