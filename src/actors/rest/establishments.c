/*
 * The establishments that exist, for the sign-in form and the portal: public fields for everybody,
 * settings for an establishment's own people, everything for a super_admin. Nothing here ever shows
 * a database address.
 */
#include <string.h>

#include "run.h"
#include "stacgate/config.h"

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
        return rest_refuse_cursor(r);
    g = rest_group(r, DB_READ);
    db_stmt(g, SQL_ESTABLISHMENTS_LIST);
    db_bool(g, super(r));
    db_bool(g, config.static_dir != NULL);
    rest_put_page(g, r, &c);
    return rest_ask(self, g, listed);
}

static int got(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    return db_rows(m, 0) ? rest_reply_value(r, m, 200, 0, 0, 0, (uint64_t)db_int(m, 0, 0, 1))
                         : rest_refuse(r, P_not_found);
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

/* ---- PUT /api/establishments/:id ---- */

const struct field schema_establishment_change[] = {
    {.name = "name", .type = FIELD_LINE, .min = 1, .max = 200},
    {.name = "description", .type = FIELD_STR, .max = 2000},
    {.name = "logo",
     .type = FIELD_LINK,
     .flags = FIELD_BLANK_IS_ABSENT | FIELD_NULL_CLEARS,
     .max = 500},
    {.name = "domain",
     .type = FIELD_LINE,
     .flags = FIELD_BLANK_IS_ABSENT | FIELD_NULL_CLEARS,
     .max = 253},
    {.name = "settings", .type = FIELD_OBJECT, .max = 16384},
    {.name = "isActive", .type = FIELD_BOOL},
    {.name = "id", .type = FIELD_IGNORED},
    {.name = "slug", .type = FIELD_IGNORED},
    {.name = "createdAt", .type = FIELD_IGNORED},
    {.name = "updatedAt", .type = FIELD_IGNORED},
    {.name = NULL}};

static struct str without_www(struct str s)
{
    while (s.n >= 4 && strncasecmp(s.p, "www.", 4) == 0)
        s = (struct str){s.p + 4, s.n - 4};
    return s;
}

/* The site's own name would make one school of all who name none; that is a super_admin's to say.
 */
static bool names_the_site(struct str domain)
{
    const char *site = config.public_url ? strstr(config.public_url, "://") : NULL;
    struct str host = without_www(site ? (struct str){site + 3, strcspn(site + 3, ":/")} : STR(""));

    domain = without_www(domain);
    return host.n > 0 && host.n == domain.n && strncasecmp(host.p, domain.p, host.n) == 0;
}

static int changed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    bool other = !db_error(m) && db_rows(m, 0) && db_true(m, 0, 0, 5);
    char id[64];

    (void)self;
    snprintf(id, sizeof(id), "%s", http_param(r->http, "id"));
    int end = rest_outcome(state, m, 0);
    if (other)
        identity_school_changed(id);
    return end;
}

int op_establishments_update(struct actor *self, void *state, const struct msg *m)
{
    static const struct run before = {
        .sql = SQL_ESTABLISHMENTS_UPDATE, .params = "tib", .reused = "name_taken"};
    struct rest *r = state;

    (void)m;
    if (!super(r) && names_the_site(rest_arg(r, "domain")))
        return rest_refuse(r, P_name_taken);
    if (!rest_clean(r))
        return ACTOR_DONE;
    struct db_group *g = rest_group(r, DB_READ);
    r->run = &before;
    db_errors_as_result(g);
    rest_put(g, r, &before, NULL);
    db_bool(g, super(r));
    rest_put_versions(g, r);
    return rest_ask(self, g, changed);
}

/* ---- POST /api/establishments, and one by its slug ---- */

const struct field schema_establishment_new[] = {
    {.name = "name", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = "slug", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 200},
    {.name = "description", .type = FIELD_STR, .max = 2000},
    {.name = "logo", .type = FIELD_LINK, .flags = FIELD_BLANK_IS_ABSENT, .max = 500},
    {.name = "domain", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 253},
    {.name = "settings", .type = FIELD_OBJECT, .max = 16384},
    {.name = NULL}};

int op_establishments_create(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {
        .sql = SQL_ESTABLISHMENTS_CREATE, .params = "b", .reused = "name_taken"};

    (void)m;
    if (!rest_clean(state))
        return ACTOR_DONE;
    return rest_run(self, state, &what);
}
RUN_OP(establishments_by_slug, .sql = SQL_ESTABLISHMENTS_BY_SLUG, .params = "i")
