/*
 * Polls of a class: all of them stand in memory while it is active, in the order in which they were
 * opened. The host asks, participants answer; results outlive the class.
 */
#include <stdlib.h>

#include "class.h"

#define QUESTION_MAX 500
#define OPTION_MAX 200

static struct class_poll *poll_named(const struct channel *c, struct str id)
{
    struct class *k = class_of(c);

    for (uint32_t i = 0; id.p && i < k->poll_count; i++)
        if (str_is(id, k->polls[i].poll->id))
            return &k->polls[i];
    return NULL;
}

static struct poll *poll_add(struct channel *c, struct mp shown, struct mp votes)
{
    struct class *k = class_of(c);
    struct str bytes = mp_bytes(shown);

    k->polls = xrealloc(k->polls, (k->poll_count + 1) * sizeof(*k->polls));
    struct class_poll *p = &k->polls[k->poll_count++];
    p->poll = poll_create(mp_str(mp_get(shown, "id")), shown, votes);
    p->shown = body_make(bytes.p, bytes.n);
    return p->poll;
}

void class_polls_load(struct channel *c, struct mp list)
{
    for (struct mp_iter it = mp_iter(list); mp_next(&it);)
        poll_add(c, mp_at(it.value, 0), mp_at(it.value, 2))->closed =
            mp_bool(mp_at(it.value, 1), false);
}

void class_polls_finish(struct channel *c)
{
    struct class *k = class_of(c);

    for (uint32_t i = 0; i < k->poll_count; i++) {
        poll_destroy(k->polls[i].poll);
        body_unref(k->polls[i].shown);
    }
    free(k->polls);
}

void class_polls_end(struct channel *c)
{
    for (uint32_t i = 0; i < class_of(c)->poll_count; i++)
        class_of(c)->polls[i].poll->closed = true;
}

/* All of them, with what this person chose. */
void class_polls_put(struct channel *c, struct user *u, struct object *o)
{
    const struct class *k = class_of(c);
    struct buf list = BUF_INIT, mine = BUF_INIT;

    mp_put_array(&list, k->poll_count);
    for (uint32_t i = 0; i < k->poll_count; i++) {
        const struct poll *p = k->polls[i].poll;
        struct object one;

        object_begin(&one, &list, ENC_MP);
        poll_put(&one, p, &p->tally, p->closed);
        buf_clear(&mine);
        poll_put_choice(&mine, p, poll_choice(p, str_of(u->id)));
        object_value(&one, "myVote", value_mp(mp_view(mine.data, mine.len)));
        object_splice(&one, value_mp(body_mp(k->polls[i].shown)));
        object_end(&one);
    }
    object_value(o, "polls", value_mp(mp_view(list.data, list.len)));
    buf_finish(&list);
    buf_finish(&mine);
}

/* ---- opening ---- */

/* An option is a text, or {id, text}; a text is named by its place. */
static bool put_option(struct buf *b, struct mp v, uint32_t place)
{
    struct mp text = mp_type(v) == MP_STR ? v : mp_get(v, "text"), id = mp_get(v, "id");
    char made[8];

    if (!fits_str(text, OPTION_MAX) || (mp_type(v) != MP_STR && !fits_str(id, 64)))
        return false;
    snprintf(made, sizeof(made), "%u", place);
    mp_put_map(b, 2);
    mp_put_cstr(b, "id");
    if (mp_type(v) == MP_STR)
        mp_put_cstr(b, made);
    else
        mp_put_raw(b, id);
    mp_put_cstr(b, "text");
    mp_put_raw(b, text);
    return true;
}

static bool put_options(struct buf *b, struct mp options)
{
    uint32_t n = 0;

    if (mp_type(options) != MP_ARRAY || mp_count(options) < 2 ||
        mp_count(options) > POLL_OPTIONS_MAX)
        return false;
    mp_put_array(b, mp_count(options));
    for (struct mp_iter it = mp_iter(options); mp_next(&it);)
        if (!put_option(b, it.value, ++n))
            return false;
    struct mp list = mp_view(b->data, b->len);
    for (uint32_t i = 1; i < n; i++) /* ids differ, or a vote could not say which */
        for (uint32_t j = 0; j < i; j++) {
            struct str x = mp_str(mp_get(mp_at(list, i), "id")),
                       y = mp_str(mp_get(mp_at(list, j), "id"));

            if (x.n == y.n && memcmp(x.p, y.p, x.n) == 0)
                return false;
        }
    return true;
}

static bool flag_fits(struct mp v)
{
    return mp_type(v) == MP_NONE || mp_type(v) == MP_BOOL;
}

static void store_poll(struct op *op, struct mp options)
{
    struct buf shown = BUF_INIT;
    struct object o, poll;

    object_begin(&poll, &shown, ENC_MP);
    object_str(&poll, "id", str_of(op->ref));
    object_value(&poll, "question", value_mp(mp_get(op->payload, "question")));
    object_value(&poll, "options", value_mp(options));
    object_bool(&poll, "multiple", mp_bool(mp_get(op->payload, "multiple"), false));
    object_bool(&poll, "anonymous", mp_bool(mp_get(op->payload, "anonymous"), false));
    object_str(&poll, "openedBy", str_of(op->user->id));
    object_end(&poll);
    object_begin(&o, &op->stored, ENC_MP);
    object_value(&o, "poll", value_mp(mp_view(shown.data, shown.len)));
    object_value(&o, "counts", (struct value){0});
    object_end(&o);
    buf_finish(&shown);
}

int class_poll_open_check(struct channel *c, struct op *op, struct refusal *ret)
{
    static const char *const flags[] = {"multiple", "anonymous"};
    struct buf options = BUF_INIT;
    int r = class_host_check(c, op->user, ret);

    if (r < 0)
        return r;
    if (!fits_str(mp_get(op->payload, "question"), QUESTION_MAX))
        return refuse(ret, REASON_invalid, "question", "length");
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (!flag_fits(mp_get(op->payload, flags[i])))
            return refuse(ret, REASON_invalid, flags[i], "type");
    if (class_of(c)->poll_count >= CLASS_POLLS_MAX)
        return refuse(ret, REASON_conflict, "poll", "too_many");
    uuid_make(op->ref);
    if (put_options(&options, mp_get(op->payload, "options")))
        store_poll(op, mp_view(options.data, options.len));
    else
        r = refuse(ret, REASON_invalid, "options", "length");
    buf_finish(&options);
    return r;
}

void class_poll_opened(struct channel *c, struct op *op)
{
    struct mp shown = mp_get(op_stored(op), "poll");
    struct buf b = BUF_INIT;
    struct object o;

    object_begin(&o, &b, ENC_MP);
    object_splice(&o, value_mp(shown));
    object_str(&o, "openedAt", str_of(op->at));
    object_end(&o);
    poll_add(c, mp_view(b.data, b.len), (struct mp){0});
    buf_finish(&b);
}

/* ---- voting, closing ---- */

static int check_poll(struct channel *c, struct op *op, struct class_poll **ret_poll,
                      struct refusal *ret)
{
    struct str id = mp_str(mp_get(op->payload, "pollId"));

    if (!id.p)
        return refuse(ret, REASON_invalid, "pollId", "required");
    *ret_poll = poll_named(c, id);
    if (!*ret_poll)
        return refuse(ret, REASON_not_found, "pollId", "not_found");
    snprintf(op->ref, sizeof(op->ref), "%s", (*ret_poll)->poll->id);
    return 0;
}

int class_poll_vote_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct class_poll *p;
    struct object o;
    int r;

    if (op->user->belongs == MEMBER_NONE)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if ((r = check_poll(c, op, &p, ret)) < 0)
        return r;
    if (poll_over(p->poll) || class_over(c))
        return refuse(ret, REASON_conflict, "poll", "closed");
    if ((r = poll_read(p->poll, mp_get(op->payload, "option"), &op->vote.after, ret)) < 0)
        return r;
    object_begin(&o, &op->stored, ENC_MP);
    object_str(&o, "pollId", str_of(op->ref));
    poll_store_vote(&o, c, op, p->poll);
    object_end(&o);
    return 0;
}

int class_poll_close_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct class_poll *p;
    struct object o;
    int r;

    if (!class_hosts(c, op->user))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if ((r = check_poll(c, op, &p, ret)) < 0)
        return r;
    object_begin(&o, &op->stored, ENC_MP);
    object_value(&o, "poll", value_mp(body_mp(p->shown)));
    poll_put(&o, p->poll, &p->poll->tally, true);
    if (p->poll->closed)
        object_bool(&o, "unchanged", true);
    object_end(&o);
    return p->poll->closed ? PUSH_DONE : 0;
}

void class_poll_voted(struct channel *c, struct op *op)
{
    struct class_poll *p = poll_named(c, str_of(op->ref));

    if (p)
        poll_vote(p->poll, str_of(op->user->id), op->vote.after);
}

void class_poll_closed(struct channel *c, struct op *op)
{
    struct class_poll *p = poll_named(c, str_of(op->ref));

    if (p)
        p->poll->closed = true;
}
