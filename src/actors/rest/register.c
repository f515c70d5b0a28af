/*
 * Creating a learner's account. Account, session, verification code and mail come to be in one
 * statement; whoever names a role or another person's field is refused by the schema, so the role
 * is always apprenant.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../services/password.h"
#include "../services/signin.h"
#include "account.h"
#include "run.h"
#include "sessions.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"

const struct field schema_register[] = {
    {.name = "email", .type = FIELD_EMAIL, .flags = FIELD_REQUIRED},
    {.name = "password",
     .type = FIELD_STR,
     .flags = FIELD_REQUIRED,
     .min = PASSWORD_MIN,
     .max = PASSWORD_MAX},
    {.name = "establishmentId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentSlug", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "firstName", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 80},
    {.name = "lastName", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 80},
    {.name = "username", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 254},
    {.name = NULL}};

static actor_step hashed, created, described;

/* None was named, and none answers to the host that was asked. */
static int refuse_nowhere(struct rest *r)
{
    struct field_error e = {.field = "establishmentId", .code = E_required};

    return rest_refuse_fields(r, P_invalid, &e, 1);
}

static bool names_school(const struct rest *r)
{
    return rest_arg(r, "establishmentId").p || rest_arg(r, "establishmentSlug").p;
}

int op_auth_register(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct str password = rest_arg(r, "password");

    (void)m;
    int refused = password_refused(r, "password", password, rest_arg(r, "email"));
    return refused ? refused
                   : actor_ask(self, signin_actor(), MSG_PASSWORD, password_body(password),
                               ACCOUNT_QUEUE_MS, hashed);
}

static int hashed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct session_open *s = rest_own(r, sizeof(*s));
    struct db_group *g = db_group(DB_READ, &(struct db_context){.address = http_peer(r->http)});
    char agent[AGENT_SIZE];
    struct code c;

    identity_token_make(s->token, s->sid);
    code_make(&c, "verify-email");
    db_stmt(g, SQL_AUTH_SIGNUP);
    db_strv_put(g, rest_arg(r, "establishmentId"));
    db_strv_put(g, rest_arg(r, "establishmentSlug"));
    db_strv_put(g, rest_arg(r, "email"));
    db_str(g, (const char *)m->body->bytes);
    db_strv_put(g, rest_arg(r, "firstName"));
    db_strv_put(g, rest_arg(r, "lastName"));
    db_strv_put(g, rest_arg(r, "username"));
    db_str(g, s->sid);
    db_i64(g, config.session_idle);
    db_i64(g, config.session_absolute);
    code_put(g, r, &c);
    session_agent(r, agent);
    db_str(g, agent);
    rest_put_host(g, r);
    explicit_bzero(&c, sizeof(c));
    return rest_ask(self, g, created);
}

static int created(struct actor *self, void *state, const struct msg *m)
{
    static const struct {
        const char *outcome;
        enum problem what;
    } refusals[] = {{"taken", P_email_taken},
                    {"closed", P_registration_closed},
                    {"no_establishment", P_not_found}};
    struct rest *r = state;
    struct session_open *s = r->own;
    struct db_group *g;

    rest_took(r, m);
    if (!names_school(r) && strcmp(db_text(m, 0, 0, 0), "no_establishment") == 0)
        return refuse_nowhere(r);
    for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (strcmp(db_text(m, 0, 0, 0), refusals[i].outcome) == 0)
            return rest_refuse(r, refusals[i].what);
    users_tell(db_strv(m, 0, 0, 3));
    snprintf(s->user_id, sizeof(s->user_id), "%s", db_text(m, 0, 0, 1));
    snprintf(s->establishment_id, sizeof(s->establishment_id), "%s", db_text(m, 0, 0, 2));
    g = db_group(DB_READ,
                 &(struct db_context){s->establishment_id, s->user_id, http_peer(r->http)});
    caller_statement(g, s->user_id, s->establishment_id);
    db_stmt(g, SQL_SESSIONS_DELETE);
    db_str(g, r->sid);
    return rest_ask(self, g, described);
}

static int described(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    const struct session_open *s = r->own;

    (void)self;
    session_replaced(r);
    http_log_user(r->http, s->user_id, s->establishment_id);
    identity_set_cookie(r->http, s->token);
    return rest_reply_value(r, m, r->op->success, 0, 0, 0, 0);
}
