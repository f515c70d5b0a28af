/*
 * The establishments that exist, for the sign-in form and the portal: public fields for everybody,
 * settings for an establishment's own people, everything for a super_admin. Nothing here ever shows
 * a database address.
 */
#include "op.h"

const struct field schema_establishments[] = {LIST_FIELDS, {.name = NULL}};

static bool super(const struct rest *r)
{
    return r->who && r->who->role == ROLE_SUPER_ADMIN;
}

static int listed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_reply_page(state, m, 0);
}

int op_establishments_list(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct cursor c;
    struct db_group *g;

    (void)m;
    if (!rest_cursor(r, time_valid, &c))
        return rest_refuse(r, P_parameter);
    g = rest_group(r, DB_READ);
    db_stmt(g, SQL_ESTABLISHMENTS_LIST);
    db_bool(g, super(r));
    rest_put_page(g, r, &c);
    return rest_ask(self, g, listed);
}

static int got(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    return db_rows(m, 0) ? rest_reply_value(r, m, 200, 0, 0, 0, 0) : rest_refuse(r, P_not_found);
}

int op_establishments_get(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_ESTABLISHMENTS_GET);
    db_str(g, http_param(r->http, "id"));
    db_str(g, r->tenant);
    db_bool(g, super(r));
    return rest_ask(self, g, got);
}
