/*
 * One WebSocket connection's protocol: an actor that reads envelopes, keeps what it joined,
 * enforces its limits, and hands pushes to channels. What it is told comes through its loop's hub
 * as finished wire bytes.
 */
#ifndef STACGATE_REALTIME_SESSION_H
#define STACGATE_REALTIME_SESSION_H

#include "chan_mail.h"
#include "hub.h"
#include "rate.h"
#include "refusal.h"
#include "refused.h"
#include "stacgate/http.h"

/* A join that is not answered yet. */
struct joining {
    struct body *mail; /* CH_JOIN, to be sent again when the channel had just ended */
    uint8_t tries;
    char name[]; /* the topic as the client says it */
};

/* One joined topic. nonce tells this join from an earlier one of the same topic in mail that is
 * still on its way. */
struct membership {
    struct topic *topic;  /* NULL while it joins */
    struct joining *join; /* NULL once it has joined */
    char *join_ref;       /* NULL: the client gave none */
    actor_id channel; /* 0: a topic without a channel (user:), or the tenant is still looked for */
    actor_ref monitor;
    uint32_t nonce, sub; /* sub: index in topic->subs */
    uint16_t in_flight;  /* pushes that the channel has not answered */
    bool pull;           /* its replay goes on when the socket has room */
};

struct session {
    struct actor *self;
    struct conn *conn;    /* NULL before the upgrade and after the end */
    struct http_req *req; /* the handshake, until it is answered */
    struct identity *who;
    struct membership *members;
    struct session *next_of_user; /* links hub_user_sessions */
    struct session *next_socket;  /* links a chain of sockets.c */
    _Atomic int64_t heard; /* loop_now() of the last frame: read by other loops when a user has too
                              many sockets */
    int64_t expires_ms;
    int64_t begun_ms; /* mono: when its identity was asked for */
    struct bucket durable, ephemeral, joins, history;
    uint32_t nonce;
    uint16_t in_flight, member_count, member_cap;
    uint8_t enc, lang;
    bool paused, draining, revoked;
    bool evicted;  /* sockets.c: told to make room */
    bool knocking; /* sockets.c counts it among those without identity yet */
    bool held;     /* an old client's repeat of a refused handshake, answered late with … */
    enum handshake_fault given; /* … this; H_none: maintenance */
    struct longpoll *poll;      /* NULL: its connection is a WebSocket */
    bool token;                 /* signed in by an API token */
    uint8_t scopes;
    char sid[65];
};

extern const struct actor_type session_type;
/* The routes' entries. */
void session_enter(struct http_req *r);
void session_enter_polled(struct http_req *r); /* a first poll: see longpoll.h */
void session_enter_collab(struct http_req *r);
void session_enter_flat(struct http_req *r);
struct session *session_here(actor_id id); /* NULL: not on this loop, or gone */
struct membership *session_membership(struct session *s, uint32_t nonce);
void session_tell(struct session *s, struct body *wire,
                  enum ws_lane lane); /* takes the reference */
void session_answered(struct session *s, struct membership *m,
                      unsigned replies); /* that many pushes are no longer in flight */
void session_joined(struct session *s, struct membership *m, struct topic *t,
                    uint8_t flags); /* its join was granted */
void session_dropped(struct session *s,
                     struct membership *m); /* the channel removed it: forgets it, tells nobody */
void session_removed(struct session *s, struct membership *m,
                     const char *event); /* … and tells the client: phx_close, phx_error */
/* Asks for the next page of a replay when the socket has room for it. */
void session_pull(struct session *s, struct membership *m);
void session_close(struct session *s, uint16_t code, const char *reason);
void session_revoke(struct session *s,
                    uint16_t code); /* its sign-in ended: tells user:, then closes (0: 4001) */
void session_look_again(struct session *s); /* is its sign-in still good, and what may it do? */
void session_drain(struct session *s);      /* answers what it has, then closes 1012 */
bool push_is_ephemeral(struct str event);   /* not answered unless refused, so never in flight */
actor_id session_id(const struct session *s);

/* A handshake on its way to a session. */
struct handshake {
    struct http_req *req;
    enum encoding enc; /* ENC_JSON: the query says which */
    bool polled;       /* by long polling */
};

/* session_enter.c: up to the upgrade, and the refusals before it. */
extern const struct ws_handler session_handler; /* its arg is the actor_id, as a pointer … */
struct session *session_of(void *arg);          /* … and this the session, NULL: gone */
int session_init(struct actor *self, void *state, const void *arg); /* arg: a struct handshake */
struct http_req *session_handshake_over(struct session *s); /* it is answered next, by the caller */
int session_handshake_refuse(struct session *s, enum handshake_fault why); /* ACTOR_DONE */
void session_take_identity(struct session *s, const struct session_ref *ref);

/* Between session.c (the connection, its pushes), session_join.c (what it has joined) and
 * old_session.c (what old clients say). */
/* false: over its rate, and told so. */
bool session_may_push(struct session *s, const struct envelope *e);
bool session_may_join(struct session *s, const struct envelope *e);
void session_forward(struct session *s, struct membership *m, const struct envelope *e);
struct str membership_name(const struct membership *m); /* the topic as the client knows it */
struct membership *session_named(struct session *s, struct str topic);
void session_reply(struct session *s, const struct envelope *e, struct value response);
void session_refuse(struct session *s, const struct envelope *e, const struct refusal *why);
void session_refuse_for(struct session *s, const struct envelope *e, enum reason reason);
void session_tell_end(struct session *s, const struct membership *m, const char *event);
void session_landed(struct session *s, unsigned pushes);
void session_join(struct session *s, const struct envelope *e);
void session_join_refused(struct session *s, struct membership *m, enum reason reason);
void session_leave(struct session *s, struct membership *m, enum leave_reason why);

#define SESSION_TOO_MANY 320 /* mail: another socket of the same user takes its place */

#endif
