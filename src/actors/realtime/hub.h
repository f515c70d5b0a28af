/*
 * Fan-out on one loop. A topic here is the list of this loop's subscribers of one channel; the
 * channel's actor, on whichever loop, sends each loop that has members one message, in order, and
 * the hub puts the frame on each subscriber's queue. Nothing of a channel's content is decided
 * here.
 */
#ifndef STACGATE_REALTIME_HUB_H
#define STACGATE_REALTIME_HUB_H

#include "envelope.h"
#include "stacgate/actor.h"
#include "stacgate/identity.h"
#include "stacgate/loop.h"
#include "stacgate/table.h"
#include "stacgate/ws.h"

#define HUB_ACTOR 0 /* its index among loop_actor()s */

struct session;

enum sub_flags {
    SUB_LIVE = 1,     /* gets what is published; without it, its replay is not over */
    SUB_STATE = 2,    /* has the presence list; without it, the next presence message brings it */
    SUB_DEFERRED = 4, /* resumed on a channel just activated: its presence list waits until the
                         others had time to return */
};

/* 24 bytes a member: what the fan-out loop touches stands together. */
struct sub {
    struct conn *conn;
    struct session *session;
    uint8_t enc, flags;
};

struct topic {
    struct body *key; /* "<tenant>/<topic>", shared with the channel; the table's key */
    actor_id channel; /* 0: none (user topics) */
    struct sub *subs;
    uint32_t count, cap;
};
static inline struct str topic_key(const struct topic *t)
{
    return (struct str){(const char *)t->key->bytes, t->key->len};
}
/* The name that clients know: the key without its tenant. */
struct str topic_name(struct str key);

struct topic *topic_get(struct body *key, actor_id channel); /* makes it */
uint32_t topic_add(struct topic *t, struct sub sub);         /* its index */
void topic_remove(struct topic *t,
                  uint32_t index); /* moves the last one there; frees an empty topic */

/* What channels (and services) tell a loop's hub: the bytes of a body made by hub_msg(). */
enum hub_kind {
    HUB_JOINED = 300, /* session, nonce, flags (sub_flags), ok, wire: the join is answered */
    HUB_SEND,         /* session, nonce, replies, lane, wire, flags, more: frames for one member */
    HUB_PUBLISH,      /* key, lane, wire[enc], session (not to it): frames for all */
    HUB_PRESENCE, /* key, wire (a diff, to those who have the list), state (to those who have not),
                     flags */
    HUB_REMOVE,   /* session, nonce, ended: it is no member any more */
    HUB_KIN,      /* msgpack, see kin.h: a membership of a group changed */
    HUB_FIGURES,  /* a question, see rooms.h: a school's id; "": all */
    HUB_ROOM,     /* a question: [school, topic, whether people are named] */
    HUB_ACTIVITY, /* groups in which something happened: see unread.h */
};
enum presence_flags {
    PRESENCE_DEFERRED_TOO = 1, /* the state also goes to SUB_DEFERRED members */
    PRESENCE_COUNT = 2,        /* wire is a count for everybody; nobody has the list any more */
};
struct hub_msg {
    actor_id session;
    actor_id channel; /* HUB_JOINED: who answers */
    uint32_t nonce;
    uint16_t replies; /* pushes that this answers */
    uint8_t lane, flags;
    bool ok;
    bool more;              /* HUB_SEND of a replay: it goes on when the socket has room */
    uint32_t roles;         /* HUB_PUBLISH: only to these (bits); 0: to all … */
    const char *permission; /* … only to who has it; NULL: to all; a literal */
    struct body *not_user;  /* HUB_PUBLISH: a user id, not to their connections; NULL: to all */
    const char *ended; /* HUB_REMOVE: what its client is told, phx_close or phx_error; a literal */
    struct body *key;
    struct body *wire[ENCODINGS];
    struct body *state[ENCODINGS];
};
struct body *hub_msg(struct hub_msg **ret); /* zeroed; its bodies are released with it */
void hub_send(unsigned loop, enum hub_kind kind, struct body *msg);
static inline unsigned loop_of(actor_id id)
{
    return (unsigned)(id >> 56);
}

/* Sockets of a user on this loop, linked through the sessions. */
struct session *hub_user_sessions(const char *user_id);
void hub_each_session(void (*each)(struct session *s, void *arg),
                      void *arg); /* each may end the session it is given */
void hub_session_opened(struct session *s);
void hub_session_closed(struct session *s);

void hub_finish(void); /* this loop's, when every session is gone */
extern const struct actor_type hub_type;

#endif
