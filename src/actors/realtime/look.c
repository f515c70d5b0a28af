/*
 * A channel whose rows others write too (a course's, by REST's own statements): it looks again when
 * it is told so, and numbers what those statements said for its members (channel_said). The
 * invariant: what was said is in the table until the commit that makes an event of it, whose op id
 * is the row's, so that it becomes one event whatever is repeated. One look at a time; a look that
 * failed comes again with the sweep. Who would be refused while a look is wanted waits for it: they
 * may have become a member this very moment.
 */
#include <stdlib.h>

#include "chan.h"
#include "sql.h"

#define LOOK_MS 5000
#define SAID_MAX 64 /* events a look takes; the rest with the next */

void channel_look(struct channel *c)
{
    struct db_context ctx = channel_context(c);

    if (!c->kind->look)
        return;
    c->look.again = true;
    if (c->stage != CHANNEL_OPEN || c->look.asking || c->look.said)
        return;
    struct db_group *g = db_group(DB_READ, &ctx);
    db_stmt(g, SQL_REALTIME_SAID);
    db_str(g, c->topic);
    db_i64(g, SAID_MAX);
    c->kind->look(c, g);
    c->look.again = false;
    c->look.asking = db_ask(c->self, g, LOOK_MS, look_saw) == 0;
    if (!c->look.asking)
        look_failed(c);
}

/* ---- who belongs ---- */

static void put_in(struct channel *c, struct table *now, struct mp ids, enum member_role role)
{
    for (struct mp_iter it = mp_iter(ids); mp_next(&it);) {
        if (!mp_str(it.value).n)
            continue;
        struct user *u = members_user(&c->members, mp_str(it.value));

        u->belongs = role;
        table_put(now, u->id, strlen(u->id), u);
    }
}

static struct user **everybody(struct channel *c, size_t *ret_n)
{
    struct user **all = xcalloc(c->members.users.count + 1, sizeof(struct user *)), *u;

    *ret_n = 0;
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        all[(*ret_n)++] = u;
    return all;
}

void look_people(struct channel *c, struct mp members, struct mp admins)
{
    struct table now = TABLE_INIT;
    struct refusal why;
    size_t n;

    put_in(c, &now, members, MEMBER_MEMBER);
    put_in(c, &now, admins, MEMBER_ADMIN);
    struct user **all = everybody(c, &n);
    while (n) {
        struct user *u = all[--n];

        if (!table_get(&now, u->id, strlen(u->id)))
            u->belongs = MEMBER_NONE;
        if (u->members && c->kind->may_join(c, u, &why) < 0)
            channel_remove_user(c, u, "phx_error"); /* and releases it */
        else
            members_user_release(&c->members, u);
    }
    table_finish(&now);
    free(all);
}

/* ---- what is told ---- */

static void encode(struct channel *c, const char *event, struct mp payload,
                   struct body *out[ENVELOPES])
{
    struct buf wire = BUF_INIT;

    for (int e = 0; e < ENVELOPES; e++) {
        out[e] = NULL;
        if (c->members.by_enc[e] == 0)
            continue;
        envelope_wire(&wire, (enum encoding)e, (struct str){0}, (struct str){0}, channel_topic(c),
                      str_of(event), value_mp(payload));
        out[e] = body_of(&wire);
    }
    buf_finish(&wire);
}

void channel_tell(struct channel *c, const char *event, struct mp payload, const struct told_to *to)
{
    struct body *wire[ENVELOPES];
    struct hub_msg *h;

    encode(c, event, payload, wire);
    for (unsigned loop = 0; loop < loop_count(); loop++) {
        if (c->members.by_loop[loop] == 0)
            continue;
        struct body *b = hub_msg(&h);
        h->key = body_ref(c->key);
        h->lane = WS_DURABLE;
        h->roles = to->roles;
        h->permission = to->permission;
        for (int e = 0; e < ENVELOPES; e++)
            h->wire[e] = body_ref(wire[e]);
        hub_send(loop, HUB_PUBLISH, b);
    }
    for (int e = 0; e < ENVELOPES; e++)
        body_unref(wire[e]);
}

void channel_tell_those(struct channel *c, const char *event, struct mp payload,
                        bool (*meant)(const struct user *u, const char *arg), const char *arg)
{
    struct body *wire[ENVELOPES];
    struct member *m;
    struct hub_msg *h;

    encode(c, event, payload, wire);
    for (uint32_t i = 0; (m = table_each(&c->members.by_key, &i));) {
        if (m->grace_until || is_old((enum encoding)m->enc) || !meant(m->user, arg))
            continue;
        struct body *b = hub_msg(&h);
        h->session = m->key.session;
        h->nonce = (uint32_t)m->key.nonce;
        h->lane = WS_DURABLE;
        h->wire[m->enc] = body_ref(wire[m->enc]);
        hub_send(loop_of(m->key.session), HUB_SEND, b);
    }
    for (int e = 0; e < ENVELOPES; e++)
        body_unref(wire[e]);
}

/* ---- looking ---- */

/* Who said it is known by name to the database alone, unless they are here. */
static void say(struct channel *c, const struct msg *m, int row)
{
    struct buf payload = BUF_INIT, card = BUF_INIT;
    char op_id[OP_ID_MAX + 1];

    value_put(&payload, ENC_MP, value_json(db_strv(m, 0, row, 2)));
    value_put(&card, ENC_MP, value_json(db_strv(m, 0, row, 3)));
    struct mp packed = mp_view(card.data, card.len);
    struct user *u = members_user(&c->members, mp_str(mp_at(packed, 0)));
    if (!u->names)
        members_see(u, packed);
    snprintf(op_id, sizeof(op_id), "\x7fsaid-%s", db_text(m, 0, row, 0));
    c->look.said++;
    channel_say(c, u, db_text(m, 0, row, 1), mp_view(payload.data, payload.len), op_id);
    buf_finish(&payload);
    buf_finish(&card);
}

int look_saw(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;
    int rows = db_rows(m, 0);

    (void)self;
    c->look.asking = false;
    if (c->kind->seen(c, m, 1) < 0) {
        channel_gone(c);
        return 0;
    }
    replay_again(c);
    c->look.again = c->look.again || rows == SAID_MAX;
    for (int row = 0; row < rows; row++)
        say(c, m, row);
    if (c->look.again)
        channel_look(c);
    return 0;
}

void look_failed(struct channel *c)
{
    c->look.asking = false;
    c->look.again = true;
    if (!c->loading)
        replay_failed(c);
}

void look_said(struct channel *c, bool stored)
{
    c->look.again = c->look.again || !stored;
    if (--c->look.said == 0 && c->look.again && stored)
        channel_look(c);
}

int said_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct str bytes = mp_bytes(op->payload);

    (void)c;
    (void)ret;
    buf_put(&op->stored, bytes.p, bytes.n);
    return 0;
}
