/*
 * The old browser client's addresses for people, schools and what schools show. Most are other
 * names of operations that exist; a few have a form of their own, in that client's words. For a
 * super_admin without a school, lists that belong to a school are empty, and lists of people and
 * schools are those of the whole installation.
 */
#include <stdio.h>
#include <stdlib.h>

#include "portal.h"

#define ALIAS(name, of)                                                                            \
    int op_##name(struct actor *self, void *state, const struct msg *m)                            \
    {                                                                                              \
        return op_##of(self, state, m);                                                            \
    }

/* ---- other names ---- */

ALIAS(themes_list_old, themes_list)
ALIAS(themes_create_old, themes_create)
ALIAS(themes_activate_old, themes_activate)
ALIAS(contents_list_old, contents_list)
ALIAS(contents_change_old, contents_update)
ALIAS(menu_list_old, menu_list)
ALIAS(components_list_old, components_list)
ALIAS(portal_themes_old, themes_list)
ALIAS(portal_theme_create_old, themes_create)
ALIAS(portal_theme_activate_old, themes_activate)
ALIAS(portal_contents_old, contents_list)
ALIAS(portal_content_change_old, contents_update)
ALIAS(portal_menu_old, menu_list)
ALIAS(portal_menu_create_old, menu_create)
ALIAS(portal_menu_delete_old, menu_delete)
ALIAS(pages_list_old, pages_list)
ALIAS(schools_create_old, establishments_create)
ALIAS(people_create_old, users_create)
ALIAS(people_create_super, users_create)
ALIAS(people_update_super, users_update)
ALIAS(people_delete_super, users_delete)

const struct field schema_content_old[] = {
    {.name = "content", .type = FIELD_STR, .flags = FIELD_REQUIRED, .max = 100000}, {.name = NULL}};
/* A new entry of the menu as that client's form makes it. */
const struct field schema_menu_old[] = {
    {.name = "label", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 100},
    {.name = "url", .type = FIELD_LINK, .flags = FIELD_REQUIRED, .max = 500},
    {.name = "order", .type = FIELD_INT, .min = 0, .max = 1000000},
    {.name = "isActive", .type = FIELD_BOOL},
    {.name = "target", .type = FIELD_IGNORED},
    {.name = NULL}};

/* ---- people and schools, everywhere or one's own ---- */

static bool everywhere(const struct rest *r)
{
    return r->who->role == ROLE_SUPER_ADMIN && !r->tenant[0];
}

static int listed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_reply_page(state, m, 0);
}

static int people(struct actor *self, struct rest *r)
{
    struct cursor c;
    struct db_group *g;

    if (!rest_cursor(r, time_valid, &c))
        return rest_refuse_cursor(r);
    g = rest_group(r, DB_READ);
    db_stmt(g, SQL_USERS_EVERYWHERE);
    db_bool(g, true);
    rest_put_page(g, r, &c);
    return rest_ask(self, g, listed);
}

int op_people_list_old(struct actor *self, void *state, const struct msg *m)
{
    return everywhere(state) ? people(self, state) : op_users_list(self, state, m);
}

int op_people_list_super(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return people(self, state);
}

static int schools(struct actor *self, struct rest *r)
{
    struct cursor c;
    struct db_group *g;

    if (!rest_cursor(r, time_valid, &c))
        return rest_refuse_cursor(r);
    g = rest_group(r, DB_READ);
    db_stmt(g, SQL_ESTABLISHMENTS_EVERYWHERE);
    db_bool(g, r->who->role == ROLE_SUPER_ADMIN);
    db_str(g, rest_tenant_filter(r));
    rest_put_page(g, r, &c);
    return rest_ask(self, g, listed);
}

int op_schools_list_old(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)m;
    return identity_is_staff(r->who) ? schools(self, r) : rest_refuse(r, P_forbidden);
}

int op_schools_list_super(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return schools(self, state);
}

/* ---- pages by their names ---- */

const struct field schema_page_old[] = {{.name = "pageTitle", .type = FIELD_STR, .max = 200},
                                        {.name = "pageDescription", .type = FIELD_STR, .max = 2000},
                                        {.name = "layout", .type = FIELD_OBJECT, .max = 524288},
                                        {.name = NULL}};
const struct field schema_wysiwyg_old[] = {
    {.name = "id", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 100},
    {.name = "name", .type = FIELD_STR, .max = 200},
    {.name = "sections", .type = FIELD_LIST, .max = 200},
    {.name = "settings", .type = FIELD_OBJECT, .max = 16384},
    {.name = NULL}};

static const struct run save = {
    .sql = SQL_PORTAL_OLD_PAGE_SAVE, .params = "tibv", .lock = SQL_PORTAL_LOCK};

RUN_OP(school_content_old, .sql = SQL_PORTAL_OLD_CONTENT, .params = "in")
RUN_OP(page_get_old, .sql = SQL_PORTAL_OLD_PAGE, .params = "tis")

int op_page_save_old(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return portal_page_run(self, state, &save);
}

int op_wysiwyg_save_old(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return portal_page_run(self, state, &save);
}

/* ---- a picture of a size ---- */

#define SIDE_MAX 4000

static unsigned side(struct rest *r, const char *name)
{
    const char *text = http_param(r->http, name);
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    return *text >= '0' && *text <= '9' && !*end && n <= SIDE_MAX ? (unsigned)n : 0;
}

int op_placeholder_old(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    unsigned width = side(r, "id"), height = side(r, "height");
    struct buf b = BUF_INIT;

    (void)self;
    (void)m;
    if (!width || !height)
        return rest_refuse(r, P_not_found);
    buf_printf(&b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
               "viewBox=\"0 0 %u %u\"><rect width=\"100%%\" height=\"100%%\" fill=\"#e5e7eb\"/>"
               "<text x=\"50%%\" y=\"50%%\" fill=\"#6b7280\" font-family=\"sans-serif\" "
               "font-size=\"16\" text-anchor=\"middle\">%u × %u</text></svg>",
               width, height, width, height, width, height);
    struct body *picture = body_of(&b);
    buf_finish(&b);
    return rest_reply_file(r, "image/svg+xml; charset=utf-8", "inline", picture);
}
