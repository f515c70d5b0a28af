/*
 * The actor of a durable channel: its activation, its members, its mail. It is the only writer of
 * what belongs to it, and everything in its memory can be made again from the database. The log is
 * in commit.c, what is sent from it in replay.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "chan.h"
#include "chan_mail.h"
#include "figures.h"
#include "rooms.h"
#include "session.h"
#include "sql.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/log.h"

#define OPEN_TRIES_MS 10000
#define SWEEP_MS 1000
#define DRAIN_SWEEP_MS 20

static actor_step channel_opened, sweep;

/* Every kind of durable channel: one row each, at most FIGURE_KINDS. */
static const struct channel_kind *const kinds[] = {
    &group_kind,         &board_kind,      &class_kind, &course_kind,
    &establishment_kind, &assessment_kind, NULL};

static const struct channel_kind *kind_of(struct str topic)
{
    for (const struct channel_kind *const *k = kinds; *k; k++) {
        size_t n = strlen((*k)->name);

        if (topic.n > n + 1 && memcmp(topic.p, (*k)->name, n) == 0 && topic.p[n] == ':')
            return *k;
    }
    return NULL;
}

const char *channel_kind_name(unsigned at)
{
    for (unsigned i = 0; kinds[i]; i++)
        if (i == at)
            return kinds[i]->name;
    return NULL;
}

static unsigned kind_at(const struct channel_kind *k)
{
    unsigned i = 0;

    while (kinds[i] != k)
        i++;
    return i;
}

const char *channel_manage(struct str topic)
{
    const struct channel_kind *k = kind_of(topic);

    return k ? k->manage : NULL;
}

actor_id channel_whereis(const char *tenant, struct str topic)
{
    char name[TOPIC_MAX + 64];
    int n = snprintf(name, sizeof(name), "%s/%.*s", tenant, (int)topic.n, topic.p);

    return n < (int)sizeof(name) && *tenant && kind_of(topic) && !memchr(topic.p, '/', topic.n)
               ? actor_whereis("channel", name)
               : 0;
}

/* ---- telling ---- */

void channel_publish(struct channel *c, enum ws_lane lane, struct body *const wire[ENCODINGS],
                     actor_id except)
{
    figures_encoded(lane, wire);
    for (unsigned loop = 0; loop < loop_count(); loop++) {
        struct hub_msg *h;

        if (c->members.by_loop[loop] == 0)
            continue;
        struct body *b = hub_msg(&h);
        h->key = body_ref(c->key);
        h->lane = (uint8_t)lane;
        h->session = except;
        for (int e = 0; e < ENCODINGS; e++)
            h->wire[e] = body_ref(wire[e]);
        hub_send(loop, HUB_PUBLISH, b);
    }
}

void channel_broadcast(struct channel *c, enum ws_lane lane, const char *event,
                       struct value payload, actor_id except)
{
    struct body *wire[ENCODINGS] = {0};
    struct buf b = BUF_INIT;

    for (int e = 0; e < ENVELOPES; e++) {
        if (c->members.by_enc[e] == 0)
            continue;
        envelope_wire(&b, (enum encoding)e, (struct str){0}, (struct str){0}, channel_topic(c),
                      str_of(event), payload);
        wire[e] = body_of(&b);
    }
    channel_publish(c, lane, wire, except);
    for (int e = 0; e < ENCODINGS; e++)
        body_unref(wire[e]);
    buf_finish(&b);
}

void member_send(struct channel *c, actor_id session, uint32_t nonce, uint8_t enc,
                 enum ws_lane lane, struct buf *wire, unsigned replies)
{
    struct hub_msg *h;
    struct body *b = hub_msg(&h);

    (void)c;
    h->session = session;
    h->nonce = nonce;
    h->replies = (uint16_t)replies;
    h->lane = (uint8_t)lane;
    if (wire->len)
        h->wire[enc] = body_of(wire);
    hub_send(loop_of(session), HUB_SEND, b);
}

/* ---- operations and their answers ---- */

void op_destroy(struct channel *c, struct op *op)
{
    struct op *next;

    for (struct op *t = op->twins; t; t = next) {
        next = t->next;
        op_destroy(c, t);
    }
    commit_forget(c, op);
    if (op->said)
        look_said(c, op->seq != 0);
    op->user->ops--;
    members_user_release(&c->members, op->user);
    body_unref(op->mail);
    buf_finish(&op->stored);
    free(op);
}

static void answer_rest(const struct op *op, bool ok, struct value response, struct value item)
{
    struct buf b = BUF_INIT;

    if (!op->ask.from)
        return; /* the channel's own act */
    mp_put_map(&b, item.mp.p ? 3 : 2);
    mp_put_cstr(&b, "status");
    mp_put_cstr(&b, ok ? "ok" : "error");
    mp_put_cstr(&b, "response");
    value_put(&b, ENC_MP, response);
    if (item.mp.p) {
        mp_put_cstr(&b, "item");
        value_put(&b, ENC_MP, item);
    }
    actor_reply(&op->ask, 0, body_of(&b));
    buf_finish(&b);
}

static void answer_socket(struct channel *c, const struct op *op, bool ok, struct value response)
{
    struct buf wire = BUF_INIT;

    envelope_reply(&wire, (enum encoding)op->enc, op->join_ref, op->client_ref, channel_topic(c),
                   ok, response);
    member_send(c, op->session, op->nonce, op->enc, WS_CONTROL, &wire, op->uncounted ? 0 : 1);
    buf_finish(&wire);
}

void op_answer(struct channel *c, struct op *op, bool ok, struct value response, struct value item)
{
    if (op->session)
        answer_socket(c, op, ok, response);
    else
        answer_rest(op, ok, response, item);
    op_destroy(c, op);
}

void op_refuse(struct channel *c, struct op *op, const struct refusal *why)
{
    struct op *twins = op->twins, *next;
    struct buf r = BUF_INIT;

    op->twins = NULL;
    refusal_put(&r, ENC_MP, why, op->lang);
    op_answer(c, op, false, value_mp(mp_view(r.data, r.len)), (struct value){0});
    buf_finish(&r);
    for (; twins; twins = next) {
        next = twins->next;
        op_refuse(c, twins, why);
    }
}

/* ---- members ---- */

/* client_event: what its client is told (phx_close, phx_error); NULL: its connection knows already.
 */
void channel_remove_member(struct channel *c, struct member *m, const char *client_event,
                           bool grace)
{
    struct hub_msg *h;

    replay_end(c, m);
    if (m->grace_until == 0) {
        members_connected(&c->members, m, -1);
        if (client_event) {
            struct body *b = hub_msg(&h);
            h->session = m->key.session;
            h->nonce = (uint32_t)m->key.nonce;
            h->ended = client_event;
            hub_send(loop_of(m->key.session), HUB_REMOVE, b);
        }
    }
    if (grace) {
        presence_grace(c, m);
        return;
    }
    presence_went(c, m);
    members_remove(&c->members, m);
}

void channel_remove_user(struct channel *c, struct user *u, const char *client_event)
{
    u->ops++; /* it must outlive its connections while we walk them */
    while (u->members)
        channel_remove_member(c, u->members, client_event, false);
    u->ops--;
    members_user_release(&c->members, u);
}

static void on_leave(struct channel *c, actor_id from, struct mp mail)
{
    uint32_t nonce = (uint32_t)mp_int(mp_at(mail, 0), 0);
    enum leave_reason why = (enum leave_reason)mp_int(mp_at(mail, 1), LEFT_CUT);
    struct member *m = members_find(&c->members, from, nonce);

    if (m)
        channel_remove_member(c, m, NULL, why == LEFT_CUT);
    else
        joiner_left(c, from, nonce);
}

static void on_join(struct channel *c, const struct msg *m)
{
    struct joiner *j = xcalloc(1, sizeof(*j));

    j->key = (struct member_key){m->from, (uint64_t)mp_int(mp_at(body_mp(m->body), 0), 0)};
    j->mail = body_ref(m->body);
    if (c->stage == CHANNEL_OPEN)
        replay_join(c, j);
    else
        joiner_wait(c, j);
    if (c->stage == CHANNEL_OPEN)
        replay_fetch(c);
    if (c->stage == CHANNEL_GONE)
        waiting_refuse(c, REASON_not_found);
}

/* ---- pushes ---- */

/* 1–64 printable ASCII characters of the client's; without one we make one, so that any batch may
 * be sent again. */
int op_take_id(struct op *op, struct refusal *why)
{
    struct mp v = mp_get(op->payload, "opId");
    struct str s = mp_str(v);

    if (op->own_op_id)
        return 0;
    if (mp_type(v) == MP_NONE || mp_type(v) == MP_NIL) {
        op->op_id[0] = '\x7f';
        random_token(op->op_id + 1, 23);
        op->own_op_id = true;
        return 0;
    }
    if (mp_type(v) != MP_STR || s.n < 1 || s.n > OP_ID_MAX)
        return refuse(why, REASON_invalid, "opId", "length");
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e)
            return refuse(why, REASON_invalid, "opId", "ascii");
    memcpy(op->op_id, s.p, s.n);
    return 0;
}

static const struct push_kind *push_kind(const struct channel_kind *k, struct str event, bool rest)
{
    for (const struct push_kind *p = k->pushes; p->push; p++)
        if (str_is(event, p->push) && (rest || !(p->flags & PUSH_REST_ONLY)))
            return p;
    return NULL;
}

bool event_has_card(const struct channel_kind *k, struct str event)
{
    for (const struct push_kind *p = k->pushes; p->push; p++)
        if (str_is(event, p->event))
            return p->flags & PUSH_CARD;
    return false;
}

static const struct side_push *side_push(const struct channel_kind *k, struct str event)
{
    for (const struct side_push *p = k->sides; p->push; p++)
        if (str_is(event, p->push))
            return p;
    return NULL;
}

static void take(struct channel *c, struct op *op, struct str event, struct member *m)
{
    const struct side_push *side = m ? side_push(c->kind, event) : NULL;
    struct refusal why;

    if (c->stage == CHANNEL_GONE) {
        op_refuse(c, op, &(struct refusal){.reason = REASON_not_found});
        return;
    }
    int r = side ? side->handle(c, m, op, &why) : PUSH_DURABLE;
    if (r == 0)
        return;
    op->kind = push_kind(c->kind, event, op->session == 0);
    if (r < 0) {
        op_refuse(c, op, &why);
    } else if (!op->kind) {
        op_refuse(c, op, &(struct refusal){REASON_invalid, "event", "unknown", 0});
    } else if (op_take_id(op, &why) < 0) {
        op_refuse(c, op, &why);
    } else {
        op->hash = op_content_hash(event, op->payload);
        commit_enqueue(c, op);
    }
}

static struct op *op_create(struct channel *c, struct user *u, const struct msg *m,
                            struct mp payload)
{
    struct op *op = xcalloc(1, sizeof(*op));

    op->user = u;
    u->ops++;
    op->mail = body_ref(m->body);
    op->payload = payload;
    c->idle_ms = loop_now();
    return op;
}

static void on_push(struct channel *c, const struct msg *m)
{
    struct mp part[5] = {{0}};
    int n = 0;

    for (struct mp_iter it = mp_iter(body_mp(m->body)); n < 5 && mp_next(&it);)
        part[n++] = it.value;
    struct member *member = members_find(&c->members, m->from, (uint64_t)mp_int(part[0], 0));
    if (!member)
        return; /* it left, or was removed, and its client was told */
    if (is_old((enum encoding)member->enc) &&
        old_push(c, member, mp_str(part[1]), mp_str(part[3]), part[4]))
        return;
    struct op *op = op_create(c, member->user, m, part[4]);
    op->join_ref = mp_str(part[1]);
    op->client_ref = mp_str(part[2]);
    op->session = op->from = m->from;
    op->nonce = (uint32_t)member->key.nonce;
    op->enc = member->enc;
    op->lang = member->lang;
    op->uncounted = push_is_ephemeral(mp_str(part[3]));
    take(c, op, mp_str(part[3]), member);
}

static void on_call(struct channel *c, const struct msg *m)
{
    struct mp mail = body_mp(m->body), packed = mp_at(mail, 0);
    struct user *u = members_user(&c->members, mp_str(mp_at(packed, 0)));

    members_see(u, packed);
    struct op *op = op_create(c, u, m, mp_at(mail, 2));
    op->ask = msg_keep(m);
    take(c, op, mp_str(mp_at(mail, 1)), NULL);
}

void channel_say(struct channel *c, struct user *u, const char *event, struct mp payload,
                 const char *op_id)
{
    struct str bytes = mp_bytes(payload);
    struct body *b = body_make(bytes.p, bytes.n);
    struct op *op = op_create(c, u, &(struct msg){.body = b}, body_mp(b));

    op->own_op_id = op->said = op_id != NULL;
    snprintf(op->op_id, sizeof(op->op_id), "%s", op_id ? op_id : "");
    take(c, op, str_of(event), NULL);
    body_unref(b);
}

void channel_act(struct channel *c, struct user *u, const char *event, struct mp payload)
{
    channel_say(c, u, event, payload, NULL);
}

/* ---- life ---- */

static void open_channel(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct db_group *g = db_group(DB_WRITE, &ctx);

    c->kind->open(c, g);
    if (db_ask(c->self, g, OPEN_TRIES_MS, channel_opened) < 0)
        actor_stop(actor_self(c->self), -EAGAIN);
}

/* There is no such thing. Who asked meanwhile, and stands in the mailbox, hears the same. */
static int absent(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    waiting_refuse(state, REASON_not_found);
    int r = actor_passivate(self);
    if (r == 0)
        actor_after(self, 1, absent);
    return r;
}

static int channel_opened(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    int r = db_rows(m, 0) == 0 ? -ENOENT : c->kind->opened(c, m, 1);
    if (r == -EAGAIN) {
        open_channel(c);
        return 0;
    }
    if (r < 0)
        return absent(self, state, m);
    snprintf(c->epoch, sizeof(c->epoch), "%s", db_text(m, 0, 0, 1));
    c->fence = db_int(m, 0, 0, 2);
    c->last_seq = db_int(m, 0, 0, 3);
    c->first_seq = db_int(m, 0, 0, 4);
    c->stage = CHANNEL_OPEN;
    c->opened_ms = c->idle_ms = loop_now();
    replay_again(c);
    commit_pump(c);
    channel_look(c);
    c->sweep = actor_after(self, SWEEP_MS, sweep);
    return 0;
}

/* Nobody here, nothing under way. At a drain those in grace do not count: they come back elsewhere.
 */
static bool at_rest(const struct channel *c)
{
    uint32_t here = c->members.count;

    if (runtime_draining())
        for (int e = here = 0; e < ENCODINGS; e++)
            here += c->members.by_enc[e];
    return !here && !c->queue && !c->committing && !c->looking && !c->loading && !c->joiners &&
           !c->asides && !c->look.asking;
}

/* After a while at rest it leaves memory; at a drain at once, with everything written. */
static int sweep(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;
    bool draining = runtime_draining();

    (void)m;
    if (c->kind->flush)
        c->kind->flush(c);
    if (c->look.again)
        channel_look(c);
    bool rests = at_rest(c);
    if (!rests)
        c->idle_ms = loop_now();
    if ((draining && rests) || loop_now() - c->idle_ms >= (int64_t)config.channel_idle) {
        int r = actor_passivate(self);
        if (r)
            return r;
    }
    c->sweep = actor_after(self, draining ? DRAIN_SWEEP_MS : SWEEP_MS, sweep);
    return 0;
}

static int channel_init(struct actor *self, void *state, const void *arg)
{
    struct channel *c = state;
    const char *name = arg, *slash = strchr(name, '/');

    c->self = self;
    c->kind = slash ? kind_of(str_of(slash + 1)) : NULL;
    if (!c->kind)
        return -EINVAL;
    c->kind_at = kind_at(c->kind);
    tally_add(&figures->channels[c->kind_at], 1);
    c->key = body_make(name, strlen(name));
    c->tenant = xstrndup(name, (size_t)(slash - name));
    c->topic = xstrdup(slash + 1);
    c->id = c->topic + strlen(c->kind->name) + 1;
    rooms_opened(c);
    c->joiners_end = &c->joiners;
    c->queue_end = &c->queue;
    c->batch_end = &c->batch;
    c->state = xcalloc(1, c->kind->state_size);
    c->opened_ms = c->idle_ms = loop_now();
    open_channel(c);
    return 0;
}

static void on_kin(struct channel *c, struct str user_id, int now)
{
    if (user_id.p && c->kind->kin)
        c->kind->kin(c, user_id, (enum member_role)now);
    else if (!user_id.p && c->kind->archived)
        c->kind->archived(c, now != 0);
}

static int channel_receive(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;
    struct mp mail = body_mp(m->body);
    struct member *member;

    (void)self;
    switch (m->kind) {
    case CH_JOIN:
        on_join(c, m);
        break;
    case CH_LEAVE:
        on_leave(c, m->from, mail);
        break;
    case CH_PUSH:
        on_push(c, m);
        break;
    case CH_CALL:
        on_call(c, m);
        break;
    case CH_PAGE:
        member = members_find(&c->members, m->from, (uint64_t)mp_int(mp_at(mail, 0), 0));
        if (member)
            replay_next(c, member);
        break;
    case CH_STATE_WANTED:
        presence_retry(c);
        break;
    case MSG_STOP:
        if (c->stage == CHANNEL_OPEN) {
            actor_cancel(c->self, c->sweep);
            c->sweep = actor_after(c->self, 1, sweep);
        }
        break;
    case CH_TELL:
        if (c->kind->tell && c->stage == CHANNEL_OPEN)
            c->kind->tell(c, mp_str(mp_at(mail, 0)), mp_at(mail, 1));
        break;
    case CH_LOOK:
        channel_look(c);
        break;
    case CH_WAKE:
        if (c->kind->wake && m->body)
            c->kind->wake(c, mail);
        break;
    case CH_KIN:
        on_kin(c, mp_str(mp_at(mail, 0)), (int)mp_int(mp_at(mail, 1), 0));
        break;
    default:
        break;
    }
    return 0;
}

static int channel_failed(struct actor *self, void *state, int err)
{
    struct channel *c = state;

    if (actor_failed_step(self) == channel_opened) {
        waiting_refuse(c, REASON_unavailable);
        return err == -EPROTO ? err : ACTOR_DONE;
    }
    if (actor_failed_step(self) == behind_read) {
        behind_failed(c);
        return 0;
    }
    if (actor_failed_step(self) == look_saw) {
        look_failed(c);
        return 0;
    }
    return commit_failed(c, err);
}

static void channel_terminate(struct actor *self, void *state, int result)
{
    struct channel *c = state;
    struct op *lists[] = {c->queue, c->batch};

    (void)self;
    commit_cut(c);
    if (result < 0 && result != -ESHUTDOWN)
        log_msg(LOG_WARN, "channel_ended", "%s ended: error %d; its members rejoin",
                c->topic ? c->topic : "a channel", -result);
    for (int i = 0; i < 2; i++)
        for (struct op *op = lists[i], *next; op; op = next) {
            next = op->next;
            op_destroy(c, op);
        }
    rooms_closed(c);
    if (c->kind)
        tally_sub(&figures->channels[c->kind_at], 1);
    replay_failed(c);
    table_finish(&c->ops);
    presence_finish(c);
    ephemeral_finish(c);
    tail_finish(&c->tail);
    members_finish(&c->members);
    for (int e = 0; e < ENCODINGS; e++)
        pages_unref(c->pages[e]);
    body_unref(c->recent);
    free(c->old_room);
    body_unref(c->key);
    if (c->state)
        c->kind->closed(c);
    free(c->state);
    free(c->tenant);
    free(c->topic);
}

const struct actor_type channel_type = {
    .name = "channel",
    .state_size = sizeof(struct channel),
    .mailbox_max =
        1u << 20, /* bounded by its senders: each session has at most 32 pushes in flight */
    .init = channel_init,
    .receive = channel_receive,
    .fail = channel_failed,
    .terminate = channel_terminate,
    .drains = true,
};

/* ---- REST's way in ---- */

int channel_push(struct actor *self, const char *kind, const char *establishment_id, const char *id,
                 const struct identity *who, const char *event, struct mp payload, uint32_t ms,
                 actor_step *next)
{
    char topic[TOPIC_MAX + 1];
    struct buf b = BUF_INIT;
    int n = snprintf(topic, sizeof(topic), "%s:%s", kind, id);
    actor_id to = n < (int)sizeof(topic) ? channel_whereis(establishment_id, str_of(topic)) : 0;

    if (!to)
        return -ENOENT;
    mp_put_array(&b, 3);
    user_put(&b, who, channel_manage(str_of(topic)));
    mp_put_cstr(&b, event);
    mp_put_raw(&b, payload);
    int r = actor_ask(self, to, CH_CALL, body_of(&b), ms, next);
    buf_finish(&b);
    return r;
}
