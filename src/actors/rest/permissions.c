/*
 * Who may do what, over REST: the catalogue, what roles have (one list for the installation, set by
 * super administrators) and what single people have beside, or have not. Nobody gives more than
 * they have, to somebody above them, or to themselves. A change counts from the next request on,
 * and reaches open sockets within a second.
 */
#include <stdio.h>
#include <string.h>

#include "../services/identity.h"
#include "run.h"

static const struct catalogue {
    const char *name, *texts[2]; /* by enum language */
} catalogue[] = {
#define PERMISSION(name, roles, fr, en) {name, {fr, en}},
#include "stacgate/permission.def"
#undef PERMISSION
};
#define CATALOGUE (sizeof(catalogue) / sizeof(catalogue[0]))

static void put_names(struct db_group *g)
{
    db_array(g);
    for (unsigned i = 0; i < CATALOGUE; i++)
        db_array_strn(g, catalogue[i].name, strlen(catalogue[i].name));
    db_array_end(g);
}

static int outcome(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_outcome(state, m, 0);
}

/* ---- the catalogue, and what I may ---- */

int op_permissions_list(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);
    enum language l = rest_language(r);

    (void)m;
    db_stmt(g, SQL_PERMISSIONS_LIST);
    put_names(g);
    db_array(g);
    for (unsigned i = 0; i < CATALOGUE; i++)
        db_array_strn(g, catalogue[i].texts[l], strlen(catalogue[i].texts[l]));
    db_array_end(g);
    return rest_ask(self, g, outcome);
}

int op_permissions_mine_old(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_PERMISSIONS_MINE);
    db_str(g, role_name(r->who->role));
    return rest_ask(self, g, outcome);
}

/* ---- roles ---- */

const struct field schema_role_permissions[] = {
    {.name = "permissions", .type = FIELD_TEXTS, .flags = FIELD_REQUIRED, .max = CATALOGUE},
    {.name = NULL}};

int op_roles_list(struct actor *self, void *state, const struct msg *m)
{
    struct db_group *g = rest_group(state, DB_READ);

    (void)m;
    db_stmt(g, SQL_PERMISSIONS_ROLES);
    put_names(g);
    return rest_ask(self, g, outcome);
}

static int role_was_set(struct actor *self, void *state, const struct msg *m)
{
    int role = role_of(http_param(((struct rest *)state)->http, "id"));
    bool other = !db_error(m) && db_rows(m, 0) && db_true(m, 0, 0, 5);

    (void)self;
    int end = rest_outcome(state, m, 0);
    if (other)
        identity_role_changed((enum role)role);
    return end;
}

int op_roles_set(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {.params = ""};
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    r->run = &what;
    db_errors_as_result(g);
    db_stmt(g, SQL_PERMISSIONS_ROLE_SET);
    db_str(g, http_param(r->http, "id"));
    db_array(g);
    for (struct mp_iter it = mp_iter(mp_get(r->body, "permissions")); mp_next(&it);)
        db_array_strn(g, mp_str(it.value).p, mp_str(it.value).n);
    db_array_end(g);
    put_names(g);
    return rest_ask(self, g, role_was_set);
}

/* ---- one person ---- */

const struct field schema_grant[] = {
    {.name = "granted", .type = FIELD_BOOL},
    {.name = "reason", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 500},
    {.name = "expiresAt", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

RUN_OP(grants_list, .sql = SQL_PERMISSIONS_OF_USER, .params = "tuims",
       .manage = "permissions:manage")

static int granted(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    bool rights = !db_error(m) && db_rows(m, 1) && db_true(m, 1, 0, 5);
    char id[65];

    (void)self;
    snprintf(id, sizeof(id), "%s", http_param(r->http, "id"));
    int end = rest_outcome(r, m, 1);
    if (rights)
        identity_changed(id);
    return end;
}

static int change(struct actor *self, struct rest *r, const struct run *what)
{
    const char *name = http_param(r->http, "permission");

    if (permission_bit(name, strlen(name)) < 0)
        return rest_refuse(r, P_not_found);
    struct db_group *g = rest_group(r, DB_READ);
    r->run = what;
    db_errors_as_result(g);
    rest_put(g, r, what, NULL);
    db_str(g, name);
    db_bool(g, identity_can(r->who, name));
    db_str(g, role_name(r->who->role));
    return rest_ask(self, g, granted);
}

int op_grants_set(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {
        .sql = SQL_PERMISSIONS_GRANT, .params = "tuib", .lock = SQL_PERMISSIONS_LOCK};

    (void)m;
    return change(self, state, &what);
}

int op_grants_delete(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {
        .sql = SQL_PERMISSIONS_WITHDRAW, .params = "tui", .lock = SQL_PERMISSIONS_LOCK};

    (void)m;
    return change(self, state, &what);
}
