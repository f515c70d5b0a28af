/*
 * People over REST: the list, cards and accounts, making and changing them, invitations, erasure.
 * What a change does to somebody's rights reaches their open sockets within a second
 * (identity_changed).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../services/password.h"
#include "../services/signin.h"
#include "account.h"
#include "run.h"

const struct field schema_users[] = {
    {.name = "role", .type = FIELD_CHOICE, .choices = ROLE_CHOICES},
    {.name = "isActive", .type = FIELD_BOOL},
    {.name = "department", .type = FIELD_STR, .max = 100, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "q", .type = FIELD_STR, .max = 100, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    LIST_FIELDS,
    {.name = NULL}};

/* What both a new account and a change may name. */
#define PROFILE_FIELDS                                                                             \
    {.name = "username", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 254},          \
        {.name = "firstName", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 80},      \
        {.name = "lastName", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 80},       \
        {.name = "role",                                                                           \
         .type = FIELD_CHOICE,                                                                     \
         .flags = FIELD_BLANK_IS_ABSENT,                                                           \
         .choices = ROLE_CHOICES},                                                                 \
        {.name = "phoneNumber", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 40},    \
        {.name = "department", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 100},    \
        {.name = "position", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 100},      \
        {.name = "bio", .type = FIELD_STR, .flags = FIELD_BLANK_IS_ABSENT, .max = 2000},           \
        {.name = "isActive", .type = FIELD_BOOL},                                                  \
    {                                                                                              \
        .name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT            \
    }

const struct field schema_user_new[] = {
    {.name = "email", .type = FIELD_EMAIL, .flags = FIELD_REQUIRED},
    {.name = "password",
     .type = FIELD_STR,
     .flags = FIELD_BLANK_IS_ABSENT,
     .min = PASSWORD_MIN,
     .max = PASSWORD_MAX},
    PROFILE_FIELDS,
    {.name = NULL}};

const struct field schema_user_change[] = {
    {.name = "email", .type = FIELD_EMAIL, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "profileImageUrl", .type = FIELD_URL, .flags = FIELD_BLANK_IS_ABSENT, .max = 500},
    {.name = "preferences", .type = FIELD_OBJECT, .max = 8192},
    PROFILE_FIELDS,
    {.name = "id", .type = FIELD_IGNORED},
    {.name = "avatar", .type = FIELD_IGNORED},
    {.name = "isEmailVerified", .type = FIELD_IGNORED},
    {.name = "lastLoginAt", .type = FIELD_IGNORED},
    {.name = "createdAt", .type = FIELD_IGNORED},
    {.name = "updatedAt", .type = FIELD_IGNORED},
    {.name = NULL}};

RUN_OP(users_list, .sql = SQL_USERS_LIST, .params = "tuqsp", .key = time_valid)
RUN_OP(users_get, .sql = SQL_USERS_GET, .params = "tuism", .manage = "users:read")

/* ---- POST /api/users ---- */

static const struct run creation = {.sql = SQL_USERS_CREATE, .params = "", .reused = "email_taken"};

static int invited(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_outcome(state, m, 0);
}

/* Account and invitation come to be together: the second statement finds the first one's row. */
static int make(struct actor *self, struct rest *r, const char *hash)
{
    struct db_group *g = rest_group(r, DB_READ);

    r->run = &creation;
    db_errors_as_result(g);
    db_stmt(g, SQL_USERS_CREATE);
    db_str(g, r->tenant);
    db_str(g, r->who->user_id);
    rest_put_json(g, r->body);
    db_str(g, hash);
    db_str(g, role_name(r->who->role));
    if (!hash) {
        struct code c;

        code_make(&c, "set-password");
        db_stmt(g, SQL_USERS_INVITE);
        db_strv_put(g, rest_arg(r, "email"));
        code_put(g, r, &c);
        explicit_bzero(&c, sizeof(c));
    }
    rest_keep_answer(g, r);
    return rest_ask(self, g, invited);
}

static int hashed(struct actor *self, void *state, const struct msg *m)
{
    return make(self, state, (const char *)m->body->bytes);
}

int op_users_create(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct str password = rest_arg(r, "password");

    (void)m;
    if (!r->tenant[0])
        return rest_refuse_fields(
            r, P_invalid, &(struct field_error){.field = "establishmentId", .code = E_required}, 1);
    if (!password.p)
        return make(self, r, NULL);
    int refused = password_refused(r, "password", password, rest_arg(r, "email"));
    return refused ? refused
                   : actor_ask(self, signin_actor(), MSG_PASSWORD, password_body(password),
                               ACCOUNT_QUEUE_MS, hashed);
}

/* ---- changes ---- */

/* The admins are locked first; then comes what erasure forgets, then the change. The sixth column
 * says whether this person's rights are others now. */
static int changed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    unsigned stmt = r->op->method == HTTP_M_DELETE ? 2 : 1;
    bool rights = !db_error(m) && db_rows(m, stmt) && db_true(m, stmt, 0, 5);
    char id[65];

    (void)self;
    snprintf(id, sizeof(id), "%s", http_param(r->http, "id"));
    int end = rest_outcome(r, m, stmt);
    if (rights)
        identity_changed(id);
    return end;
}

int op_users_update(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {.sql = SQL_USERS_UPDATE,
                                    .params = "tuibmvs",
                                    .manage = "users:update",
                                    .lock = SQL_USERS_ADMINS_LOCK,
                                    .reused = "email_taken"};
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    r->run = &what;
    db_errors_as_result(g);
    rest_put(g, r, &what, NULL);
    return rest_ask(self, g, changed);
}

int op_users_delete(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {.sql = SQL_USERS_ERASE, .params = ""};
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    r->run = &what;
    db_errors_as_result(g);
    db_stmt(g, SQL_USERS_ADMINS_LOCK);
    db_str(g, rest_tenant_filter(r));
    db_str(g, http_param(r->http, "id"));
    db_stmt(g, SQL_USERS_FORGET);
    db_str(g, http_param(r->http, "id"));
    db_str(g, role_name(r->who->role));
    rest_put_versions(g, r);
    db_stmt(g, SQL_USERS_ERASE);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_str(g, http_param(r->http, "id"));
    db_str(g, role_name(r->who->role));
    rest_put_versions(g, r);
    return rest_ask(self, g, changed);
}
