/*
 * Phoenix's long polling, for those whose network lets no WebSocket through: the same session with
 * a connection that has no socket (ws_pulled), whose messages are the answers to polls. Requests
 * may arrive on any loop; they are mailed to the session's, where one actor a loop finds it by the
 * secret of its token.
 */
#ifndef STACGATE_REALTIME_LONGPOLL_H
#define STACGATE_REALTIME_LONGPOLL_H

#include "handshake.h"
#include "stacgate/actor.h"
#include "stacgate/http.h"
#include "stacgate/ws.h"

struct session;
struct longpoll; /* what such a session has beside its connection */

/* ---- longpoll_token.c ---- */

#define LONGPOLL_SECRET 21
#define LONGPOLL_TOKEN_SIZE 68 /* "lp.", 64 characters, NUL */
struct longpoll_token {
    uint8_t loop; /* where its session lives */
    uint8_t secret[LONGPOLL_SECRET];
    uint16_t answers; /* answers with messages so far: says which one the client has read */
};
/* Another text each time: a compressed answer must not tell how much of it was guessed. */
void longpoll_token_print(char out[LONGPOLL_TOKEN_SIZE], const struct longpoll_token *t);
bool longpoll_token_read(const char *text, struct longpoll_token *ret); /* false: none of ours */
bool longpoll_token_is(const char *text); /* it looks like one, good or not */

/* ---- longpoll_http.c: the requests, and what they are answered ---- */

void longpoll_enter(struct http_req *r); /* GET and POST */
void longpoll_preflight(struct http_req *r);
/* Refuses a first poll. The stock client reads the document's `status`, not that of HTTP, and knows
 * only 403 (not allowed) and 500 (try again) among the refusals. */
void longpoll_refuse(struct http_req *r, enum handshake_fault why);
void longpoll_maintenance(struct http_req *r);
/* {"status":…,"token":…,"messages":[]}; t NULL: no token. */
struct body *longpoll_document(int status, const struct longpoll_token *t);
void longpoll_respond(struct http_req *r, struct body *document); /* takes the reference */

/* ---- longpoll.c: the session's side ---- */

#define LONGPOLL_ACTOR 3 /* its index among loop_actor()s */
extern const struct actor_type longpoll_type;
enum longpoll_kind {
    /* [secret, answers, sid], answered with a document, or with the status of a refusal (410: there
     * is no such session). */
    LONGPOLL_POLL = 340,
    LONGPOLL_PUSH, /* [secret, sid, lines, content]: the same; lines: a message a line, else one */
    LONGPOLL_GONE, /* secret: the asker's connection died before its answer was written */
};
enum longpoll_by {                /* what its requests must carry beside the token */
                   BY_TOKEN_ONLY, /* a socket token opened it, which is used up */
                   BY_HEADER,  /* polls carry the API token, pushes do not: the stock client does so
                                */
                   BY_SIGN_IN, /* cookie or Authorization, each time */
};

struct longpoll *longpoll_make(struct session *s); /* its handshake begins */
/* Answers the first poll with the token. NULL: the client is gone, and its request answered. */
struct conn *longpoll_open(struct session *s, struct http_req *r);
void longpoll_end(struct session *s); /* its connection ended, or there will be none */
void longpoll_ready(void *arg);       /* these three of session_handler */
void longpoll_resumed(void *arg);
void longpoll_due(void *arg);
void longpoll_finish(void); /* this loop's, when every session is gone */

#endif
