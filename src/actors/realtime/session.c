/*
 * A connection's life: handshake → envelopes → end. The invariant: whatever was pushed is answered
 * once, by the channel, by the hub on its behalf, or here; and in_flight counts exactly the pushes
 * that a channel still has.
 */
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "chan_mail.h"
#include "handshake.h"
#include "longpoll.h"
#include "members.h"
#include "old.h"
#include "refusal.h"
#include "refused.h"
#include "rooms.h"
#include "scratch.h"
#include "sockets.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"
#include "stacgate/maintenance.h"
#include "unread.h"

#define REPLAY_AHEAD (64 * 1024) /* bytes queued at most before its reader takes them … */
#define REPLAY_LOW (16 * 1024)   /* … so the next page (PAGE_BYTES) is asked for below this */

struct session *session_here(actor_id id)
{
    struct actor *a = actor_here(id);

    return a ? actor_state(a) : NULL;
}

actor_id session_id(const struct session *s)
{
    return actor_self(s->self);
}

struct membership *session_membership(struct session *s, uint32_t nonce)
{
    for (unsigned i = 0; i < s->member_count; i++)
        if (s->members[i].nonce == nonce)
            return &s->members[i];
    return NULL;
}

/* The topic as the client knows it. */
struct str membership_name(const struct membership *m)
{
    return m->join ? str_of(m->join->name) : topic_name(topic_key(m->topic));
}

struct membership *session_named(struct session *s, struct str topic)
{
    for (unsigned i = 0; i < s->member_count; i++) {
        struct str name = membership_name(&s->members[i]);

        if (name.n == topic.n && memcmp(name.p, topic.p, name.n) == 0)
            return &s->members[i];
    }
    return NULL;
}

/* ---- telling ---- */

void session_tell(struct session *s, struct body *wire, enum ws_lane lane)
{
    if (s->conn)
        ws_send_body(s->conn, wire, lane);
    else
        body_unref(wire);
}

static void tell_buf(struct session *s, struct buf *b)
{
    if (b->len) /* old clients are not told everything */
        session_tell(s, body_of(b), WS_CONTROL);
    buf_finish(b);
}

void session_reply(struct session *s, const struct envelope *e, struct value response)
{
    struct buf b = BUF_INIT;

    envelope_reply(&b, s->enc, e->join_ref, e->ref, e->topic, true, response);
    tell_buf(s, &b);
}

void session_refuse(struct session *s, const struct envelope *e, const struct refusal *why)
{
    struct buf b = BUF_INIT, r = BUF_INIT;

    refusal_put(&r, s->enc, why, s->lang);
    envelope_reply(&b, s->enc, e->join_ref, e->ref, e->topic, false,
                   value_put_together(s->enc, &r));
    buf_finish(&r);
    tell_buf(s, &b);
}

void session_refuse_for(struct session *s, const struct envelope *e, enum reason reason)
{
    session_refuse(s, e, &(struct refusal){.reason = reason});
}

/* phx_close and phx_error: about one join. */
void session_tell_end(struct session *s, const struct membership *m, const char *event)
{
    struct buf b = BUF_INIT;
    struct str ref = str_of(m->join_ref);

    envelope_wire(&b, s->enc, ref, ref, membership_name(m), str_of(event),
                  value_mp((struct mp){0}));
    tell_buf(s, &b);
}

void session_landed(struct session *s, unsigned pushes)
{
    assert(s->in_flight >= pushes);
    s->in_flight = (uint16_t)(s->in_flight - pushes);
    if (s->paused && s->in_flight < config.in_flight && s->conn && !s->draining) {
        s->paused = false;
        ws_pause(s->conn, false);
    }
    if (s->draining && s->in_flight == 0)
        session_close(s, 1012, "restarting");
}

void session_answered(struct session *s, struct membership *m, unsigned replies)
{
    assert(m->in_flight >= replies);
    m->in_flight = (uint16_t)(m->in_flight - replies);
    session_landed(s, replies);
}

void session_close(struct session *s, uint16_t code, const char *reason)
{
    if (s->conn)
        ws_close(s->conn, code, reason);
}

/* ---- pushes ---- */

enum rate_class { RATE_DURABLE, RATE_EPHEMERAL, RATE_HISTORY };

static enum rate_class rate_class(struct str event);

bool push_is_ephemeral(struct str event)
{
    return rate_class(event) == RATE_EPHEMERAL;
}

static enum rate_class rate_class(struct str event)
{
    static const struct {
        const char *event;
        enum rate_class class;
    } rows[] = {
        {"typing", RATE_EPHEMERAL},
        {"cursor", RATE_EPHEMERAL},
        {"draw", RATE_EPHEMERAL},
        {"laser", RATE_EPHEMERAL},
        {"selection", RATE_EPHEMERAL},
        {"read", RATE_EPHEMERAL},
        {"presence:update", RATE_EPHEMERAL},
        {"text_change", RATE_EPHEMERAL}, /* these three of old clients only */
        {"whiteboard_draw", RATE_EPHEMERAL},
        {"chat_message", RATE_EPHEMERAL},
        {"history", RATE_HISTORY},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (str_is(event, rows[i].event))
            return rows[i].class;
    return RATE_DURABLE;
}

/* false: over the limit, and told so; ten times over ends the connection. */
static bool within(struct session *s, const struct envelope *e, struct bucket *b, uint32_t rate,
                   uint32_t burst)
{
    if (!config.rate_limits)
        return true;
    switch (bucket_take(b, (uint32_t)loop_now(), rate, burst)) {
    case RATE_OK:
        return true;
    case RATE_REFUSED:
        session_refuse(s, e,
                       &(struct refusal){.reason = REASON_rate_limited,
                                         .retry_after = bucket_wait_s(b, rate)});
        return false;
    case RATE_ABUSE:
        session_close(s, 4029, "too fast");
        return false;
    }
    return false;
}

bool session_may_push(struct session *s, const struct envelope *e)
{
    switch (rate_class(e->event)) {
    case RATE_EPHEMERAL:
        return within(s, e, &s->ephemeral, config.ephemeral_rate, 2 * config.ephemeral_rate);
    case RATE_HISTORY:
        return within(s, e, &s->history, config.history_rate, config.history_burst);
    case RATE_DURABLE:
        break;
    }
    return within(s, e, &s->durable, config.push_rate, 2 * config.push_rate);
}

bool session_may_join(struct session *s, const struct envelope *e)
{
    return within(s, e, &s->joins, config.join_rate, config.join_burst);
}

/* Every push but an ephemeral one is answered by the channel; those count as in flight until it
 * did. */
void session_forward(struct session *s, struct membership *m, const struct envelope *e)
{
    struct buf b = BUF_INIT;

    mp_put_array(&b, 5);
    mp_put_int(&b, m->nonce);
    e->join_ref.p ? mp_put_str(&b, e->join_ref.p, e->join_ref.n) : mp_put_nil(&b);
    e->ref.p ? mp_put_str(&b, e->ref.p, e->ref.n) : mp_put_nil(&b);
    mp_put_str(&b, e->event.p, e->event.n);
    mp_put_raw(&b, e->payload);
    actor_send_from(s->self, m->channel, CH_PUSH, body_of(&b));
    buf_finish(&b);
    if (rate_class(e->event) == RATE_EPHEMERAL)
        return;
    m->in_flight++;
    if (++s->in_flight >= config.in_flight && !s->paused) {
        s->paused = true;
        ws_pause(s->conn, true);
    }
}

static void on_push(struct session *s, const struct envelope *e)
{
    struct membership *m = session_named(s, e->topic);

    if (!session_may_push(s, e))
        return;
    if (!m || !m->topic)
        session_refuse_for(s, e, REASON_not_joined);
    else if (!m->channel)
        session_refuse(s, e, &(struct refusal){REASON_invalid, "event", "unknown", 0});
    else if (rate_class(e->event) == RATE_HISTORY && ws_queued(s->conn) > REPLAY_AHEAD)
        session_refuse(s, e,
                       &(struct refusal){.reason = REASON_rate_limited,
                                         .retry_after = 1}); /* read what you have first */
    else
        session_forward(s, m, e);
}

static void on_leave(struct session *s, const struct envelope *e)
{
    struct membership *m = session_named(s, e->topic);

    if (!m && !session_may_push(s, e))
        return;
    session_reply(s, e, (struct value){0});
    if (!m)
        return;
    session_tell_end(s, m, "phx_close");
    session_leave(s, m, LEFT_ITSELF);
}

static void on_envelope(struct session *s, const struct envelope *e)
{
    if ((e->has_nul || mp_type(e->payload) != MP_MAP) && !session_may_push(s, e))
        return;
    if (e->has_nul && str_is(e->event, "phx_join")) {
        session_refuse_for(s, e, REASON_not_found);
    } else if (e->has_nul || mp_type(e->payload) != MP_MAP) {
        session_refuse(
            s, e, &(struct refusal){REASON_invalid, "payload", e->has_nul ? "nul" : "type", 0});
    } else if (str_is(e->topic, "phoenix")) {
        if (str_is(e->event, "heartbeat"))
            session_reply(s, e, (struct value){0});
        else
            session_refuse_for(s, e, REASON_unmatched_topic);
    } else if (str_is(e->event, "phx_join")) {
        if (session_may_join(s, e))
            session_join(s, e);
    } else if (str_is(e->event, "phx_leave")) {
        on_leave(s, e);
    } else {
        on_push(s, e);
    }
}

void session_pull(struct session *s, struct membership *m)
{
    m->pull = true;
    if (s->conn)
        ws_want_drain(s->conn, REPLAY_LOW);
}

/* ---- the connection ---- */

struct session *session_of(void *arg)
{
    return session_here((actor_id)(uintptr_t)arg);
}

static void on_message(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    struct session *s = session_of(arg);
    struct envelope e;
    const char *why = "";

    if (!s || !s->conn || s->revoked)
        return;
    atomic_store_explicit(&s->heard, loop_now(), memory_order_relaxed);
    if (op != (is_json(s->enc) ? WS_TEXT : WS_BINARY)) {
        session_close(s, 1003, "this connection speaks the other encoding");
        return;
    }
    if (is_old((enum encoding)s->enc)) {
        old_message(s, bytes, n);
        return;
    }
    switch (envelope_read(s->enc, bytes, n, scratch(SCRATCH_INBOUND), &e, &why)) {
    case 0:
        on_envelope(s, &e);
        break;
    case -EINVAL:
        session_close(s, 1007, why);
        break;
    default:
        session_close(s, 1008, why);
        break;
    }
}

static void on_drained(void *arg)
{
    struct session *s = session_of(arg);

    for (unsigned i = 0; s && i < s->member_count; i++) {
        struct membership *m = &s->members[i];

        if (!m->pull)
            continue;
        struct buf b = BUF_INIT;
        mp_put_array(&b, 1);
        mp_put_int(&b, m->nonce);
        m->pull = false;
        actor_send_from(s->self, m->channel, CH_PAGE, body_of(&b));
        buf_finish(&b);
    }
}

/* So that it comes back without a look-up, unless its sign-in ended or is being looked at. */
static void remember(const struct session *s)
{
    struct session_ref ref = {
        .who = s->who, .expires_ms = s->expires_ms, .token = s->token, .scopes = s->scopes};

    if (s->revoked || !s->expires_ms)
        return;
    memcpy(ref.sid, s->sid, sizeof(ref.sid));
    identity_remember(&ref);
}

/* Memberships end with the connection, not when the mail that waits has been read: nobody may write
 * to it any more. */
static void detach(struct session *s)
{
    s->conn = NULL;
    longpoll_end(s);
    remember(s);
    while (s->member_count)
        session_leave(s, &s->members[s->member_count - 1], s->revoked ? LEFT_REVOKED : LEFT_CUT);
    hub_session_closed(s);
    sockets_remove(s);
}

/* Closed for what it did or is: an old client is back at once, and would be closed again. */
static bool its_own_fault(uint16_t code)
{
    static const uint16_t codes[] = {1003, 1007, 1008, 1009, 4001, 4029};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (code == codes[i])
            return true;
    return false;
}

static void on_closed(void *arg, uint16_t code)
{
    struct session *s = session_of(arg);

    if (!s || !s->conn)
        return;
    if (code == 4008)
        rooms_count(str_of(s->who->establishment_id), LIVE_CLOSED_SLOW, 1);
    if (s->enc == ENC_COLLAB && its_own_fault(code))
        refused_note(s->sid, code == 4001 ? H_ended : H_closed);
    detach(s);
    actor_stop(actor_self(s->self), 0);
}

const struct ws_handler session_handler = {on_message,     on_drained,       on_closed,
                                           longpoll_ready, longpoll_resumed, longpoll_due};

/* ---- its life ---- */

void session_revoke(struct session *s, uint16_t code)
{
    struct buf payload = BUF_INIT, b = BUF_INIT;
    char topic[TOPIC_MAX];

    if (s->revoked || !s->conn)
        return;
    s->revoked = true;
    snprintf(topic, sizeof(topic), "user:%s", s->who->user_id);
    if (session_named(s, str_of(topic))) {
        mp_put_map(&payload, 1);
        mp_put_cstr(&payload, "sessionId");
        mp_put_str(&payload, s->sid, 64);
        envelope_wire(&b, s->enc, (struct str){0}, (struct str){0}, str_of(topic),
                      STR("session:revoked"), value_mp(mp_view(payload.data, payload.len)));
        tell_buf(s, &b);
        buf_finish(&payload);
    }
    while (s->member_count)
        session_leave(s, &s->members[s->member_count - 1], LEFT_REVOKED);
    session_close(s, code ? code : 4001, "session ended");
}

static actor_step looked_again;

static int session_receive(struct actor *self, void *state, const struct msg *m)
{
    struct session *s = state;

    (void)self;
    if (m->kind == MSG_STOP && !s->conn)
        return s->req ? session_handshake_refuse(s, H_restarting) : ACTOR_DONE;
    if (m->kind == SESSION_TOO_MANY)
        session_close(s, 1008, "too many sockets of one user");
    return 0;
}

static int session_fail(struct actor *self, void *state, int err)
{
    struct session *s = state;

    if (s->req)
        return session_handshake_refuse(s, H_database);
    if (actor_failed_step(self) == looked_again) {
        s->expires_ms = wall_ms() + 1000; /* asked again then */
        return 0;
    }
    for (unsigned i = s->member_count;
         i-- > 0;) /* a tenant look-up failed: whose, the error does not say */
        if (s->members[i].join && !s->members[i].channel)
            session_join_refused(s, &s->members[i], REASON_unavailable);
    return err == -ECANCELED ? err : 0;
}

static void session_terminate(struct actor *self, void *state, int result)
{
    struct session *s = state;

    (void)self;
    (void)result;
    if (s->req)
        (s->poll ? longpoll_refuse : handshake_refuse)(session_handshake_over(s), H_again);
    if (s->conn) {
        struct conn *c = s->conn;

        detach(s);
        ws_abort(c);
    }
    longpoll_end(s);
    free(s->members);
    identity_unref(s->who);
}

const struct actor_type session_type = {
    .name = "session",
    .state_size = sizeof(struct session),
    .mailbox_max = 64,
    .init = session_init,
    .receive = session_receive,
    .fail = session_fail,
    .terminate = session_terminate,
    .drains = true,
};

/* Called from the drain's pace: acknowledges what was received, then says come back. */
void session_drain(struct session *s)
{
    if (s->draining || !s->conn)
        return;
    s->draining = true;
    ws_pause(s->conn, true);
    if (s->in_flight == 0)
        session_close(s, 1012, "restarting");
}

/* Its memberships were granted to somebody who could do other things: the client joins again, and
 * is judged as who it is now. */
static void take_changes(struct session *s, const struct session_ref *ref)
{
    struct identity *old = s->who, *now = ref->who;
    bool may_as_before = old->role == now->role &&
                         strcmp(old->establishment_id, now->establishment_id) == 0 &&
                         memcmp(old->permissions, now->permissions, sizeof(now->permissions)) == 0;

    hub_session_closed(s); /* it hangs there by the old one's id */
    session_take_identity(s, ref);
    hub_session_opened(s);
    identity_unref(old);
    if (!may_as_before && is_old((enum encoding)s->enc)) {
        old_rejoin_all(s);
        return;
    }
    while (!may_as_before && s->member_count) {
        struct membership *m = &s->members[s->member_count - 1];

        session_tell_end(s, m, "phx_error");
        session_leave(s, m, LEFT_ITSELF); /* no grace: the others see who it is when it is back */
    }
}

static int looked_again(struct actor *self, void *state, const struct msg *m)
{
    struct session *s = state;
    const struct session_ref *ref = identity_of(m);

    (void)self;
    if (!s->conn || s->revoked)
        return 0;
    if (!ref)
        session_revoke(s, 4001);
    else if (ref->who != s->who)
        take_changes(s, ref);
    else
        s->expires_ms = ref->expires_ms;
    return 0;
}

/* Something changed, or the end that it was told has come: use since then has moved an idle end,
 * never the absolute one. Asked once; the answer sets the end anew. */
void session_look_again(struct session *s)
{
    s->expires_ms = 0;
    if (identity_ask_sid(s->self, s->sid, 10000, looked_again) < 0)
        s->expires_ms = wall_ms() + 1000;
}
