/*
 * From a handshake to a session: what can be told without the database, who it is, and the upgrade;
 * or a refusal. The invariant: the request is answered once, and what counts it among those that
 * wait (knocking, held) ends with that answer.
 */
#include <errno.h>
#include <stdlib.h>

#include "handshake.h"
#include "longpoll.h"
#include "old.h"
#include "refused.h"
#include "session.h"
#include "sockets.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/maintenance.h"

struct http_req *session_handshake_over(struct session *s)
{
    struct http_req *r = s->req;

    if (s->held)
        refused_released();
    s->held = false;
    if (s->knocking)
        sockets_answered(http_peer(r));
    s->knocking = false;
    s->req = NULL;
    http_worker(r, 0);
    return r;
}

int session_handshake_refuse(struct session *s, enum handshake_fault why)
{
    if (is_old((enum encoding)s->enc))
        refused_note(s->sid, why);
    (s->poll ? longpoll_refuse : handshake_refuse)(session_handshake_over(s), why);
    return ACTOR_DONE;
}

static void refuse_for_maintenance(struct session *s)
{
    if (is_old((enum encoding)s->enc))
        refused_note(s->sid, H_none);
    (s->poll ? longpoll_maintenance : handshake_maintenance)(session_handshake_over(s));
}

static bool admitted(struct session *s, const struct session_ref *ref)
{
    if (!ref)
        session_handshake_refuse(s, H_sign_in);
    else if (!(ref->scopes & SCOPE_REALTIME))
        session_handshake_refuse(s, H_scope);
    else if (maintenance_refuses(ref->who))
        refuse_for_maintenance(s);
    else if (runtime_draining())
        session_handshake_refuse(s, H_restarting);
    else
        return true;
    return false;
}

void session_take_identity(struct session *s, const struct session_ref *ref)
{
    s->who = identity_ref(ref->who);
    s->expires_ms = ref->expires_ms;
    s->token = ref->token;
    s->scopes = ref->scopes;
    memcpy(s->sid, ref->sid, sizeof(s->sid));
}

static int identified(struct actor *self, void *state, const struct msg *m)
{
    struct session *s = state;
    const struct session_ref *ref = identity_of(m);

    if (!admitted(s, ref))
        return ACTOR_DONE;
    session_take_identity(s, ref);
    struct http_req *r = session_handshake_over(s);
    http_log_user(r, s->who->user_id, s->who->establishment_id);
    s->conn = s->poll ? longpoll_open(s, r)
                      : ws_accept(r, handshake_protocol(r), &session_handler,
                                  (void *)(uintptr_t)actor_self(self), (uint32_t)config.frame_max,
                                  !is_old((enum encoding)s->enc));
    if (!s->conn)
        return ACTOR_DONE;
    if (ws_deflates(s->conn))
        s->enc |= ENC_DEFLATED;
    atomic_store_explicit(&s->heard, loop_now(), memory_order_relaxed);
    hub_session_opened(s);
    sockets_add(s);
    if (is_old((enum encoding)s->enc))
        old_opened(s);
    /* A sign-out that came between the look-up and now found no socket to close. */
    if (identity_ended_since(s->who->user_id, s->begun_ms))
        session_look_again(s);
    return 0;
}

/* ---- a refused old client that is back at once ---- */

static int held_over(struct actor *self, void *state, const struct msg *m)
{
    struct session *s = state;

    (void)self;
    (void)m;
    if (s->given)
        handshake_refuse(session_handshake_over(s), s->given);
    else
        handshake_maintenance(session_handshake_over(s));
    return ACTOR_DONE;
}

/* Names it before anything is looked up: by its sign-in, else by its address; from a page that may
 * not open sockets by that alone, so that it spoils nothing for its visitor. true: it was refused
 * just now, and gets the same answer later. */
static bool held_back(struct session *s, bool good)
{
    if (!good || !identity_sid(s->req, s->sid))
        snprintf(s->sid, sizeof(s->sid), "%c%s", good ? '@' : '!', http_peer(s->req));
    uint32_t wait = refused_lately(s->sid, &s->given);
    if (!wait)
        return false;
    s->held = refused_held();
    if (!s->held || !actor_after(s->self, wait, held_over)) {
        held_over(s->self, s, NULL);
        return true;
    }
    http_worker(s->req, actor_self(s->self));
    return true;
}

/* What can be said of it without asking the database. */
static enum handshake_fault handshake_look(struct session *s, char sid[65])
{
    s->knocking = sockets_knock(http_peer(s->req));
    if (!s->knocking)
        return H_many_knock;
    return handshake_sid(s->req, sid) ? H_none : H_sign_in;
}

int session_init(struct actor *self, void *state, const void *arg)
{
    struct session *s = state;
    const struct handshake *h = arg;
    char sid[65];

    s->self = self;
    s->req = h->req;
    s->enc = (uint8_t)h->enc;
    s->poll = h->polled ? longpoll_make(s) : NULL;
    enum handshake_fault why = handshake_check(s->req, &s->enc, &s->lang);
    if (is_old(h->enc) && held_back(s, !why))
        return s->req ? 0 : -ECANCELED;
    if (!why)
        why = handshake_look(s, sid);
    if (why) {
        session_handshake_refuse(s, why);
        return -ECANCELED;
    }
    http_worker(s->req, actor_self(self));
    s->begun_ms = mono_ms();
    return identity_ask_again(self, sid, 10000, identified);
}

void session_enter(struct http_req *r)
{
    actor_spawn(&session_type, &(struct handshake){r, ENC_JSON, false});
}

void session_enter_polled(struct http_req *r)
{
    actor_spawn(&session_type, &(struct handshake){r, ENC_JSON, true});
}

void session_enter_collab(struct http_req *r)
{
    actor_spawn(&session_type, &(struct handshake){r, ENC_COLLAB, false});
}

void session_enter_flat(struct http_req *r)
{
    actor_spawn(&session_type, &(struct handshake){r, ENC_FLAT, false});
}
