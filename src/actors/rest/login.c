/*
 * Signing in and out. A good sign-in always makes a new session and ends the one the request came
 * with; a failed one answers at the next multiple of 500 ms after its arrival, whatever was wrong,
 * so that neither words nor time tell which addresses have accounts.
 */
#include <string.h>

#include "../services/signin.h"
#include "op.h"
#include "sessions.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"

#define FAILURE_STEP_US 500000
#define QUEUE_MS 60000

#define EMAIL_MAX 254 /* bytes */

const struct field schema_login[] = {
    {.name = "email", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = EMAIL_MAX},
    {.name = "password", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 1024},
    {.name = NULL}};
const struct field schema_nothing[] = {{.name = NULL}};

/* ---- POST /api/auth/login ---- */

static actor_step answered, refused_late, opened;

int op_auth_login(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct str email = rest_arg(r, "email");

    (void)m;
    if (email.n > EMAIL_MAX) /* the schema counts characters */
        return rest_refuse_fields(
            r, P_invalid,
            &(struct field_error){.field = "email", .code = E_too_long, .limit = EMAIL_MAX}, 1);
    return actor_ask(
        self, signin_actor(), MSG_SIGNIN,
        signin_body(email, rest_arg(r, "password"), http_peer(r->http), http_loopback(r->http)),
        QUEUE_MS, answered);
}

static int refused_late(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)m;
    return rest_refuse(state, P_credentials);
}

uint32_t login_refusal_delay_ms(int64_t spent_us)
{
    return (uint32_t)((FAILURE_STEP_US - spent_us % FAILURE_STEP_US + 999) / 1000);
}

static int refuse_late(struct actor *self, struct rest *r)
{
    uint32_t delay = login_refusal_delay_ms(mono_us() - http_started_us(r->http));

    return actor_after(self, delay, refused_late) ? 0 : rest_refuse(r, P_credentials);
}

static int answered(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    const struct signin_answer *a = (const struct signin_answer *)(const void *)m->body->bytes;

    switch (a->outcome) {
    case SIGNIN_PASSED:
        return session_open(self, r, a->user_id, a->establishment_id, opened);
    case SIGNIN_WRONG:
        return refuse_late(self, r);
    case SIGNIN_THROTTLED:
        return rest_refuse_after(r, P_too_many_attempts, a->retry_s);
    case SIGNIN_BUSY:
        return rest_refuse_after(r, P_busy, a->retry_s);
    case SIGNIN_ACCOUNT_OFF:
        return rest_refuse(r, P_account_inactive);
    case SIGNIN_ESTABLISHMENT_OFF:
        return rest_refuse(r, P_establishment_inactive);
    case SIGNIN_DEMO:
        return rest_refuse(r, P_demo_account);
    }
    return rest_refuse(r, P_internal);
}

static int opened(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    const struct session_open *s = r->own;

    (void)self;
    if (!db_true(m, 0, 0, 0) || db_rows(m, 2) == 0)
        return rest_refuse(r, P_account_inactive); /* switched off in this moment */
    session_replaced(r);
    http_log_user(r->http, s->user_id, s->establishment_id);
    identity_set_cookie(r->http, s->token);
    return rest_reply_value(r, m, r->op->success, 2, 0, 0, 0);
}

/* ---- the sessions of login and register ---- */

void session_agent(const struct rest *r, char out[AGENT_SIZE])
{
    const char *said = http_header(r->http, "user-agent");
    size_t n = 0;

    for (; said && said[n] && n < AGENT_SIZE - 1; n++)
        out[n] = said[n] >= 0x20 && said[n] < 0x7f ? said[n] : '?';
    out[n] = 0;
}

int session_open(struct actor *self, struct rest *r, const char *user_id,
                 const char *establishment_id, actor_step *next)
{
    struct session_open *s = rest_own(r, sizeof(*s));
    char agent[AGENT_SIZE];
    struct db_group *g =
        db_group(DB_READ, &(struct db_context){establishment_id, user_id, http_peer(r->http)});

    memcpy(s->user_id, user_id, strnlen(user_id, sizeof(s->user_id) - 1));
    memcpy(s->establishment_id, establishment_id,
           strnlen(establishment_id, sizeof(s->establishment_id) - 1));
    identity_token_make(s->token, s->sid);
    session_agent(r, agent);
    db_stmt(g, SQL_SESSIONS_CREATE);
    db_str(g, s->sid);
    db_str(g, user_id);
    db_i64(g, config.session_idle);
    db_i64(g, config.session_absolute);
    db_str(g, agent);
    db_stmt(g, SQL_SESSIONS_DELETE);
    db_str(g, r->sid);
    caller_statement(g, user_id, establishment_id);
    return rest_ask(self, g, next);
}

void caller_statement(struct db_group *g, const char *user_id, const char *establishment_id)
{
    db_stmt(g, SQL_AUTH_CALLER);
#ifdef STACGATE_CHECKS_OFF
    establishment_id = NULL;
#endif
    db_str(g, establishment_id);
    db_str(g, user_id);
}

/* The session that the request came with is gone: its sockets and other tabs learn of it. */
void session_replaced(struct rest *r)
{
    struct session_end e = {.code = 4001};

    if (!r->sid[0])
        return;
    memcpy(e.sid, r->sid, sizeof(e.sid));
    strncpy(e.user_id, r->who->user_id, sizeof(e.user_id) - 1);
    identity_ended(&e);
}

/* ---- POST /api/auth/logout ---- */

static int closed(struct actor *self, void *state, const struct msg *m)
{
    static const char done[] = "{\"success\":true}";
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    session_replaced(r);
    identity_set_cookie(r->http, NULL);
    return rest_reply_text(r, r->op->success, (struct str){done, sizeof(done) - 1});
}

int op_auth_logout(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_SESSIONS_DELETE);
    db_str(g, r->sid);
    return rest_ask(self, g, closed);
}

/* ---- GET /api/auth/logout: old clients go there ---- */

/* A page of ours was left for it. Any other page can send a browser here too, or show it as a
 * picture, and ends nothing. */
static bool left_our_page(const struct rest *r)
{
    const char *site = http_header(r->http, "sec-fetch-site");
    const char *mode = http_header(r->http, "sec-fetch-mode");

    return http_method(r->http) == HTTP_M_GET && site && strcmp(site, "same-origin") == 0 && mode &&
           strcmp(mode, "navigate") == 0;
}

static int left(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    if (m->body) {
        rest_took(r, m);
        session_replaced(r);
        identity_set_cookie(r->http, NULL);
    }
    return rest_reply_see(r, "/");
}

int op_auth_leave_old(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)m;
    if (!r->who || !left_our_page(r))
        return left(self, r, &(struct msg){0});
    struct db_group *g = rest_group(r, DB_READ);
    db_stmt(g, SQL_SESSIONS_DELETE);
    db_str(g, r->sid);
    return rest_ask(self, g, left);
}

/* ---- GET /api/auth/user ---- */

static int described(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    return db_rows(m, 0) ? rest_reply_value(r, m, 200, 0, 0, 0, 0)
                         : rest_refuse(r, P_unauthenticated);
}

int op_auth_user(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    caller_statement(g, r->who->user_id, r->who->establishment_id);
    return rest_ask(self, g, described);
}
