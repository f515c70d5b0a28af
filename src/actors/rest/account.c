/*
 * One's own account: another password, a forgotten one, a proven address. The answers to whoever is
 * not signed in are the same for addresses that have an account and for those that have none; a
 * code is good once, and only its hash is kept.
 */
#include "account.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../services/password.h"
#include "../services/signin.h"
#include "run.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"

/* ---- codes ---- */

void code_make(struct code *c, const char *page)
{
    random_token(c->text, sizeof(c->text));
    sha256_hex(c->text, strlen(c->text), c->hash);
    snprintf(c->link, sizeof(c->link), "%s/%s?token=", config.public_url ? config.public_url : "",
             page);
    c->before = config.public_url ? c->link : NULL;
}

void code_put(struct db_group *g, const struct rest *r, const struct code *c)
{
    db_str(g, c->hash);
    db_str(g, c->text);
    db_str(g, account_language(r));
    db_str(g, c->before);
}

const char *account_language(const struct rest *r)
{
    return rest_language(r) == ENGLISH ? "en" : "fr";
}

int64_t account_codes_an_hour(void)
{
    return config.rate_limits ? config.rate_codes : INT32_MAX;
}

static void put_token(struct db_group *g, const struct rest *r)
{
    struct str token = rest_arg(r, "token");
    char hash[65];

    sha256_hex(token.p, token.n, hash);
    db_str(g, hash);
}

/* ---- passwords ---- */

/* The address or its part before the @. */
static bool is_address(struct str password, struct str email)
{
    size_t local = email.p ? strcspn(email.p, "@") : 0;

    return local && (password.n == email.n || password.n == local) &&
           strncasecmp(password.p, email.p, password.n) == 0;
}

int password_refused(struct rest *r, const char *field, struct str password, struct str email)
{
    struct field_error e = {.field = field, .code = E_common};

    if (!password_common(password.p, password.n)) {
        if (!is_address(password, email))
            return 0;
        e.code = E_personal;
    }
    return rest_refuse_fields(r, P_invalid, &e, 1);
}

#define DONE STR("{\"done\":true}")

static int done(struct rest *r)
{
    return rest_reply_text(r, r->op->success, DONE);
}

static int bad_token(struct rest *r)
{
    static const char *const text[] = {
        "n'est pas un code valable : il a servi, il est trop vieux ou un plus récent l'a remplacé "
        "; "
        "demandez-en un autre",
        "is no good code: it was used, is too old, or a newer one replaced it; ask for another"};

    return rest_refuse_fields(
        r, P_invalid, &(struct field_error){.field = "token", .code = E_format, .text = text}, 1);
}

/* A statement that may say "too often": seconds to wait. */
static int asked(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    return db_null(m, 0, 0, 0) ? done(r)
                               : rest_refuse_after(r, P_codes_asked, (uint32_t)db_int(m, 0, 0, 0));
}

/* ---- POST /api/auth/forgot-password, /reset-password ---- */

const struct field schema_forgot[] = {
    {.name = "email", .type = FIELD_EMAIL, .flags = FIELD_REQUIRED}, {.name = NULL}};
const struct field schema_reset[] = {
    {.name = "token", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 20, .max = 100},
    {.name = "password",
     .type = FIELD_STR,
     .flags = FIELD_REQUIRED,
     .min = PASSWORD_MIN,
     .max = PASSWORD_MAX},
    {.name = "keepTokens", .type = FIELD_BOOL},
    {.name = NULL}};

int op_auth_forgot(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);
    struct code c;

    (void)m;
    code_make(&c, "set-password");
    db_stmt(g, SQL_USERS_FORGOT);
    db_strv_put(g, rest_arg(r, "email"));
    code_put(g, r, &c);
    db_i64(g, account_codes_an_hour());
    explicit_bzero(&c, sizeof(c));
    return rest_ask(self, g, asked);
}

static int password_was_reset(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct session_end e = {.code = 4001};

    (void)self;
    rest_took(r, m);
    if (db_null(m, 0, 0, 0))
        return bad_token(r);
    snprintf(e.user_id, sizeof(e.user_id), "%s", db_text(m, 0, 0, 0));
    identity_ended(&e);
    return done(r);
}

static int reset_hashed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    db_stmt(g, SQL_USERS_RESET_PASSWORD);
    put_token(g, r);
    db_str(g, (const char *)m->body->bytes);
    db_str(g, account_language(r));
    db_bool(g, mp_bool(mp_get(r->body, "keepTokens"), false));
    return rest_ask(self, g, password_was_reset);
}

int op_auth_reset(struct actor *self, void *state, const struct msg *m)
{
    struct str password = rest_arg(state, "password");
    int refused = password_refused(state, "password", password, (struct str){NULL, 0});

    (void)m;
    return refused ? refused
                   : actor_ask(self, signin_actor(), MSG_PASSWORD, password_body(password),
                               ACCOUNT_QUEUE_MS, reset_hashed);
}

/* ---- POST /api/auth/change-password ---- */

const struct field schema_password_change[] = {{.name = "currentPassword",
                                                .type = FIELD_STR,
                                                .flags = FIELD_REQUIRED,
                                                .min = 1,
                                                .max = PASSWORD_MAX},
                                               {.name = "newPassword",
                                                .type = FIELD_STR,
                                                .flags = FIELD_REQUIRED,
                                                .min = PASSWORD_MIN,
                                                .max = PASSWORD_MAX},
                                               {.name = NULL}};

static actor_step current_checked, new_hashed, password_was_changed;

/* Asked like a sign-in, under the same throttles: a session left open must not serve to guess the
 * password. */
int op_auth_change_password(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    int refused =
        password_refused(r, "newPassword", rest_arg(r, "newPassword"), str_of(r->who->email));

    (void)m;
    return refused
               ? refused
               : actor_ask(self, signin_actor(), MSG_SIGNIN,
                           signin_check_body(str_of(r->who->email), rest_arg(r, "currentPassword"),
                                             http_peer(r->http)),
                           ACCOUNT_QUEUE_MS, current_checked);
}

static int current_checked(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    const struct signin_answer *a = (const struct signin_answer *)(const void *)m->body->bytes;

    if (a->outcome == SIGNIN_THROTTLED)
        return rest_refuse_after(r, P_too_many_attempts, a->retry_s);
    if (a->outcome == SIGNIN_BUSY)
        return rest_refuse_after(r, P_busy, a->retry_s);
    if (a->outcome != SIGNIN_PASSED || strcmp(a->user_id, r->who->user_id) != 0)
        return rest_refuse_fields(
            r, P_invalid, &(struct field_error){.field = "currentPassword", .code = E_wrong}, 1);
    return actor_ask(self, signin_actor(), MSG_PASSWORD, password_body(rest_arg(r, "newPassword")),
                     ACCOUNT_QUEUE_MS, new_hashed);
}

static int new_hashed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    db_errors_as_result(g);
    db_stmt(g, SQL_USERS_CHANGE_PASSWORD);
    db_str(g, (const char *)m->body->bytes);
    db_str(g, r->sid);
    db_str(g, account_language(r));
    rest_keep_text(g, r, r->op->success, DONE);
    return rest_ask(self, g, password_was_changed);
}

/* Of several changes at once one is made: it ends the sign-ins of the others. */
static int password_was_changed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    if (db_error(m))
        return strcmp(db_error(m)->sqlstate, "28000") == 0 ? rest_refuse(r, P_unauthenticated)
                                                           : rest_refuse_error(r, m);
    sign_ins_ended(r, m);
    return done(r);
}

/* ---- POST /api/auth/send-verification, /verify-email ---- */

const struct field schema_verify[] = {
    {.name = "token", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 20, .max = 100},
    {.name = NULL}};

int op_auth_send_verification(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);
    struct code c;

    (void)m;
    code_make(&c, "verify-email");
    db_stmt(g, SQL_USERS_ASK_EMAIL);
    code_put(g, r, &c);
    db_i64(g, account_codes_an_hour());
    explicit_bzero(&c, sizeof(c));
    rest_keep_answer(g, r);
    return rest_ask(self, g, asked);
}

static int verified(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    rest_took(state, m);
    return db_null(m, 0, 0, 0) ? bad_token(state) : done(state);
}

int op_auth_verify_email(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_USERS_VERIFY_EMAIL);
    put_token(g, r);
    return rest_ask(self, g, verified);
}
