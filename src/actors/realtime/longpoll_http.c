/*
 * The requests of /socket/longpoll. One without a token begins a session, and stays on this loop;
 * any other becomes a short-lived actor that mails it to the session's loop and answers with what
 * comes back. The invariant: a request is answered once, and a poll whose answer nobody can read
 * any more is said to be gone.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../rest/op.h"
#include "../rest/problem.h"
#include "../services/token.h"
#include "handshake.h"
#include "longpoll.h"
#include "session.h"
#include "stacgate/config.h"
#include "stacgate/identity.h"
#include "stacgate/maintenance.h"

#define ANSWER_MS 60000 /* beyond a poll's own time: the other loop is stuck */

/* ---- answers ---- */

struct body *longpoll_document(int status, const struct longpoll_token *t)
{
    char token[LONGPOLL_TOKEN_SIZE];
    struct buf b = BUF_INIT;

    buf_printf(&b, "{\"status\":%d,\"token\":", status);
    if (t) {
        longpoll_token_print(token, t);
        buf_printf(&b, "\"%s\"", token);
    } else {
        buf_puts(&b, "null");
    }
    buf_puts(&b, ",\"messages\":[]}");
    struct body *body = body_of(&b);
    buf_finish(&b);
    return body;
}

void longpoll_respond(struct http_req *r, struct body *document)
{
    http_set(r, "Cache-Control", "no-store");
    http_respond(r, 200, "application/json; charset=utf-8", document);
}

/* The document of a refused poll: what the transport understands, and the problem in full. */
static void refuse_poll(struct http_req *r, enum problem what, const char *const *detail,
                        uint32_t retry_s)
{
    int status = problem_status(what);
    enum language lang = language_of(http_header(r, "accept-language"));
    bool again = status == 429 || status >= 500;
    struct buf b = BUF_INIT;
    char seconds[16];

    buf_printf(&b, "{\"status\":%d,\"token\":null,\"messages\":[],\"problem\":", again ? 500 : 403);
    problem_print(&b, what, lang, http_path(r), http_request_id(r), detail, NULL, 0);
    buf_putc(&b, '}');
    if (again) {
        snprintf(seconds, sizeof(seconds), "%u", retry_s);
        http_set(r, "Retry-After", seconds);
    }
    http_set(r, "Cache-Control", "no-store");
    http_set(r, "Content-Language", lang == FRENCH ? "fr" : "en");
    http_respond(r, status, "application/json; charset=utf-8", body_of(&b));
    buf_finish(&b);
}

void longpoll_refuse(struct http_req *r, enum handshake_fault why)
{
    const struct http_fault *row = handshake_fault(why);

    refuse_poll(r, problem_of_status(row->status), row->text, 2);
}

void longpoll_maintenance(struct http_req *r)
{
    if (maintenance_on())
        refuse_poll(r, P_maintenance, NULL, MAINTENANCE_RETRY_S);
    else
        refuse_poll(r, P_unavailable, NULL, 1);
}

static bool polls(const struct http_req *r)
{
    return http_method(r) == HTTP_M_GET;
}

static void turn_away(struct http_req *r, enum problem what, enum handshake_fault why)
{
    const char *const *detail = handshake_fault(why)->text;

    if (polls(r))
        refuse_poll(r, what, detail, 2);
    else
        problem_answer(r, what, detail, 0, NULL, 0);
}

/* What the session's side says instead of a document. */
static void refuse_status(struct http_req *r, int status)
{
    static const enum handshake_fault rows[] = {H_no_envelope, H_other_sign_in, H_frame_large,
                                                H_fast, H_no_answer};

    if (status == 410) {
        longpoll_respond(r, longpoll_document(410, NULL));
        return;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (handshake_fault(rows[i])->status == status)
            turn_away(r, problem_of_status(status), rows[i]);
}

/* ---- a request of a session ---- */

struct request {
    struct http_req *http; /* NULL: answered */
    struct longpoll_token token;
};
struct entry {
    struct http_req *http;
    struct longpoll_token token;
    bool *taken;
};

static actor_id home_of(const struct longpoll_token *t)
{
    return loop_actor(t->loop, LONGPOLL_ACTOR);
}

/* The sign-in that the request carries beside its token; "": none. */
static const char *sign_in_of(struct http_req *r, char sid[65])
{
    const char *told = http_header(r, "x-phoenix-authtoken");
    bool good = told ? token_sid(told, strlen(told), sid) : identity_sid(r, sid);

    return good ? sid : "";
}

static bool lines(struct http_req *r)
{
    return strncasecmp(http_header(r, "content-type"), "application/x-ndjson", 20) == 0;
}

static struct body *question(struct request *q)
{
    struct str content = http_body(q->http);
    struct buf b = BUF_INIT;
    char sid[65];

    mp_put_array(&b, 4);
    mp_put_bin(&b, q->token.secret, LONGPOLL_SECRET);
    if (polls(q->http))
        mp_put_int(&b, q->token.answers);
    mp_put_cstr(&b, sign_in_of(q->http, sid));
    if (polls(q->http)) {
        mp_put_nil(&b);
    } else {
        mp_put_bool(&b, lines(q->http));
        mp_put_bin(&b, content.p, content.n);
    }
    struct body *body = body_of(&b);
    buf_finish(&b);
    return body;
}

static void say_gone(struct actor *self, const struct request *q)
{
    actor_send_from(self, home_of(&q->token), LONGPOLL_GONE,
                    body_make(q->token.secret, LONGPOLL_SECRET));
}

static struct http_req *over(struct request *q)
{
    struct http_req *r = q->http;

    q->http = NULL;
    http_worker(r, 0);
    return r;
}

static int answered(struct actor *self, void *state, const struct msg *m)
{
    struct request *q = state;

    if (http_aborted(q->http) && polls(q->http))
        say_gone(self, q);
    if (m->body)
        longpoll_respond(over(q), body_ref(m->body));
    else
        refuse_status(over(q), m->status);
    return ACTOR_DONE;
}

static int request_init(struct actor *self, void *state, const void *arg)
{
    const struct entry *e = arg;
    struct request *q = state;

    *q = (struct request){e->http, e->token};
    *e->taken = true;
    http_worker(q->http, actor_self(self));
    return actor_ask(self, home_of(&q->token), polls(q->http) ? LONGPOLL_POLL : LONGPOLL_PUSH,
                     question(q), config.longpoll_wait + ANSWER_MS, answered);
}

static int request_fail(struct actor *self, void *state, int err)
{
    struct request *q = state;

    (void)self;
    (void)err;
    refuse_status(over(q), 503);
    return ACTOR_DONE;
}

static void request_terminate(struct actor *self, void *state, int result)
{
    struct request *q = state;

    (void)result;
    if (!q->http)
        return;
    if (polls(q->http))
        say_gone(self, q);
    refuse_status(over(q), 503);
}

static const struct actor_type request_type = {.name = "longpoll-request",
                                               .state_size = sizeof(struct request),
                                               .mailbox_max = 8,
                                               .init = request_init,
                                               .fail = request_fail,
                                               .terminate = request_terminate};

/* ---- the routes ---- */

/* The stock client puts its token behind what the socket's own parameters are, which may hold a
 * `token` too. */
static const char *token_of(struct http_req *r)
{
    const char *name, *value, *last = NULL;

    for (unsigned i = 0; http_query_each(r, &i, &name, &value);)
        if (strcmp(name, "token") == 0 && longpoll_token_is(value))
            last = value;
    return last;
}

static bool content_refused(struct http_req *r)
{
    const char *type = http_header(r, "content-type");
    size_t n = type ? strcspn(type, "; \t") : 0;

    if (http_body(r).n == 0)
        turn_away(r, P_malformed, H_no_message);
    else if (n == 0 || !((n == 20 && strncasecmp(type, "application/x-ndjson", n) == 0) ||
                         (n == 16 && strncasecmp(type, "application/json", n) == 0)))
        turn_away(r, P_media_type, H_content_type);
    else
        return false;
    return true;
}

static void forward(struct http_req *r, const char *text)
{
    bool taken = false;
    struct entry e = {.http = r, .taken = &taken};

    if (!longpoll_token_read(text, &e.token) || e.token.loop >= loop_count())
        refuse_status(r, 410);
    else if (!actor_spawn(&request_type, &e) && !taken)
        refuse_status(r, 503);
}

void longpoll_enter(struct http_req *r)
{
    const char *token = token_of(r);

    rest_cors(r);
    if (http_method(r) == HTTP_M_HEAD) {
        http_set(r, "Allow", "GET, POST, OPTIONS");
        problem_answer(r, P_method_not_allowed, NULL, 0, NULL, 0);
    } else if (!handshake_page_allowed(r)) {
        turn_away(r, P_origin, H_origin);
    } else if (polls(r)) {
        token ? forward(r, token) : session_enter_polled(r);
    } else if (!token) {
        turn_away(r, P_malformed, H_no_token);
    } else if (!content_refused(r)) {
        forward(r, token);
    }
}

void longpoll_preflight(struct http_req *r)
{
    rest_cors(r);
    http_set(r, "Allow", "GET, POST, OPTIONS");
    if (origin_listed(http_header(r, "origin"), config.allowed_origins)) {
        http_set(r, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
        http_set(r, "Access-Control-Allow-Headers",
                 "Content-Type, Authorization, X-Phoenix-AuthToken, X-Request-Id");
        http_set(r, "Access-Control-Max-Age", "600");
    }
    http_set(r, "Cache-Control", "no-store");
    http_respond(r, 204, NULL, NULL);
}
