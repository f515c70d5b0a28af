/*
 * What a school shows: themes, texts, pages with their sections, components, menu, branding; and
 * the ways in from outside, by slug or by the host that was asked. Members read, who may change the
 * establishment writes; everything written is cleaned first (clean.c).
 */
#include "portal.h"

#include "base/html.h"

#define TENANT_FIELD                                                                               \
    {                                                                                              \
        .name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT            \
    }
#define ACTIVE_FIELD                                                                               \
    {                                                                                              \
        .name = "isActive", .type = FIELD_BOOL                                                     \
    }
#define CSS_FIELD(field)                                                                           \
    {                                                                                              \
        .name = field, .type = FIELD_CSS, .min = 1, .max = 200                                     \
    }
#define MAP_FIELD(field, bytes)                                                                    \
    {                                                                                              \
        .name = field, .type = FIELD_OBJECT, .max = bytes                                          \
    }
/* A change and what makes a thing differ in what is required. */
#define LINE_FIELD(field, flag, most)                                                              \
    {                                                                                              \
        .name = field, .type = FIELD_LINE, .flags = flag, .min = 1, .max = most                    \
    }

enum { SETTINGS_MAX = 16384, LAYOUT_MAX = 524288, COMPONENTS_MAX = 200 };

const struct field schema_portal_list[] = {TENANT_FIELD, LIST_FIELDS, {.name = NULL}};
const struct field schema_contents[] = {
    {.name = "blockKey", .type = FIELD_STR, .max = 100}, TENANT_FIELD, LIST_FIELDS, {.name = NULL}};
const struct field schema_pages[] = {
    {.name = "pageName", .type = FIELD_STR, .max = 100}, TENANT_FIELD, LIST_FIELDS, {.name = NULL}};
const struct field schema_slug[] = {{.name = "slug", .type = FIELD_LINE, .min = 1, .max = 100},
                                    {.name = NULL}};

/* An operation whose body is cleaned before its statement. */
#define CLEANED_OP(name, ...)                                                                      \
    int op_##name(struct actor *self, void *state, const struct msg *m)                            \
    {                                                                                              \
        static const struct run what = {__VA_ARGS__};                                              \
                                                                                                   \
        (void)m;                                                                                   \
        if (!rest_clean(state))                                                                    \
            return ACTOR_DONE;                                                                     \
        return rest_run(self, state, &what);                                                       \
    }

/* ---- themes ---- */

#define THEME_FIELDS(flag)                                                                         \
    LINE_FIELD("name", flag, 100), CSS_FIELD("primaryColor"), CSS_FIELD("secondaryColor"),         \
        CSS_FIELD("accentColor"), CSS_FIELD("backgroundColor"), CSS_FIELD("textColor"),            \
        CSS_FIELD("fontFamily"), CSS_FIELD("fontSize"), MAP_FIELD("headerSettings", SETTINGS_MAX), \
        MAP_FIELD("bodySettings", SETTINGS_MAX), MAP_FIELD("footerSettings", SETTINGS_MAX),        \
        TENANT_FIELD

const struct field schema_theme_new[] = {THEME_FIELDS(FIELD_REQUIRED), {.name = NULL}};
const struct field schema_theme_change[] = {THEME_FIELDS(0), {.name = NULL}};

RUN_OP(themes_list, .sql = SQL_PORTAL_THEMES, .params = "tsp", .key = time_valid)
RUN_OP(themes_get, .sql = SQL_PORTAL_THEME_GET, .params = "tis")
CLEANED_OP(themes_create, .sql = SQL_PORTAL_THEME_CREATE, .params = "tb")
CLEANED_OP(themes_update, .sql = SQL_PORTAL_THEME_UPDATE, .params = "tibv")
RUN_OP(themes_delete, .sql = SQL_PORTAL_THEME_DELETE, .params = "tiv", .lock = SQL_PORTAL_LOCK)
RUN_OP(themes_activate, .sql = SQL_PORTAL_THEME_ACTIVATE, .params = "ti", .lock = SQL_PORTAL_LOCK)

/* ---- texts ---- */

#define CONTENT_FIELDS(flag)                                                                       \
    LINE_FIELD("blockKey", flag, 100), LINE_FIELD("blockType", 0, 50),                             \
        {.name = "content", .type = FIELD_STR, .flags = flag, .max = 100000}, ACTIVE_FIELD,        \
        TENANT_FIELD

const struct field schema_content_new[] = {CONTENT_FIELDS(FIELD_REQUIRED), {.name = NULL}};
const struct field schema_content_change[] = {CONTENT_FIELDS(0), {.name = NULL}};

RUN_OP(contents_list, .sql = SQL_PORTAL_CONTENTS, .params = "tqsp", .key = time_valid)
RUN_OP(contents_get, .sql = SQL_PORTAL_CONTENT_GET, .params = "tis")
CLEANED_OP(contents_create, .sql = SQL_PORTAL_CONTENT_CREATE, .params = "tb",
           .lock = SQL_PORTAL_LOCK)
CLEANED_OP(contents_update, .sql = SQL_PORTAL_CONTENT_UPDATE, .params = "tibv",
           .lock = SQL_PORTAL_LOCK)
RUN_OP(contents_delete, .sql = SQL_PORTAL_CONTENT_DELETE, .params = "tiv")

/* ---- pages, their sections, and what they are built of ---- */

#define PAGE_FIELDS(flag)                                                                          \
    LINE_FIELD("pageName", flag, 100), LINE_FIELD("pageTitle", flag, 200),                         \
        {.name = "pageDescription", .type = FIELD_STR, .max = 2000},                               \
        MAP_FIELD("layout", LAYOUT_MAX), ACTIVE_FIELD, TENANT_FIELD

const struct field schema_page_new[] = {PAGE_FIELDS(FIELD_REQUIRED), {.name = NULL}};
const struct field schema_page_change[] = {PAGE_FIELDS(0), {.name = NULL}};

static bool list_of_maps(struct mp v)
{
    if (mp_type(v) != MP_ARRAY)
        return mp_type(v) == MP_NONE;
    for (struct mp_iter it = mp_iter(v); mp_next(&it);)
        if (mp_type(it.value) != MP_MAP)
            return false;
    return true;
}

/* What page editors go through without looking: sections, and components in each. */
static bool layout_good(struct mp layout)
{
    bool good = list_of_maps(mp_get(layout, "sections"));

    for (struct mp_iter it = mp_iter(mp_get(layout, "sections")); good && mp_next(&it);)
        good = list_of_maps(mp_get(it.value, "components"));
    return good;
}

int portal_page_run(struct actor *self, struct rest *r, const struct run *what)
{
    if (!layout_good(mp_get(r->body, "layout")))
        return rest_refuse_fields(r, P_invalid,
                                  &(struct field_error){.field = "layout", .code = E_format}, 1);
    if (!rest_clean(r))
        return ACTOR_DONE;
    return rest_run(self, r, what);
}

int op_pages_create(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {
        .sql = SQL_PORTAL_PAGE_CREATE, .params = "tb", .lock = SQL_PORTAL_LOCK};

    (void)m;
    return portal_page_run(self, state, &what);
}

int op_pages_update(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {
        .sql = SQL_PORTAL_PAGE_UPDATE, .params = "tibv", .lock = SQL_PORTAL_LOCK};

    (void)m;
    return portal_page_run(self, state, &what);
}

RUN_OP(pages_list, .sql = SQL_PORTAL_PAGES, .params = "tqsp", .key = time_valid)
RUN_OP(pages_get, .sql = SQL_PORTAL_PAGE_GET, .params = "tis")
RUN_OP(pages_delete, .sql = SQL_PORTAL_PAGE_DELETE, .params = "tiv", .lock = SQL_PORTAL_LOCK)

#define SECTION_FIELDS(flag)                                                                       \
    LINE_FIELD("sectionType", flag, 50),                                                           \
        {.name = "sectionOrder", .type = FIELD_INT, .min = 0, .max = 1000000},                     \
        {.name = "components", .type = FIELD_LIST, .max = COMPONENTS_MAX},                         \
        MAP_FIELD("sectionStyles", SETTINGS_MAX), ACTIVE_FIELD, TENANT_FIELD

const struct field schema_section_new[] = {SECTION_FIELDS(FIELD_REQUIRED), {.name = NULL}};
const struct field schema_section_change[] = {SECTION_FIELDS(0), {.name = NULL}};

RUN_OP(sections_list, .sql = SQL_PORTAL_SECTIONS, .params = "tisp", .key = cursor_int)
RUN_OP(sections_get, .sql = SQL_PORTAL_SECTION_GET, .params = "tis")
CLEANED_OP(sections_create, .sql = SQL_PORTAL_SECTION_CREATE, .params = "tib",
           .lock = SQL_PORTAL_LOCK)
CLEANED_OP(sections_update, .sql = SQL_PORTAL_SECTION_UPDATE, .params = "tibv")
RUN_OP(sections_delete, .sql = SQL_PORTAL_SECTION_DELETE, .params = "tiv")

#define COMPONENT_FIELDS(flag)                                                                     \
    LINE_FIELD("componentName", flag, 100), LINE_FIELD("componentType", flag, 50),                 \
        MAP_FIELD("componentData", LAYOUT_MAX), ACTIVE_FIELD, TENANT_FIELD

const struct field schema_component_new[] = {COMPONENT_FIELDS(FIELD_REQUIRED), {.name = NULL}};
const struct field schema_component_change[] = {COMPONENT_FIELDS(0), {.name = NULL}};

RUN_OP(components_list, .sql = SQL_PORTAL_COMPONENTS, .params = "tsp", .key = time_valid)
RUN_OP(components_get, .sql = SQL_PORTAL_COMPONENT_GET, .params = "tis")
CLEANED_OP(components_create, .sql = SQL_PORTAL_COMPONENT_CREATE, .params = "tb")
CLEANED_OP(components_update, .sql = SQL_PORTAL_COMPONENT_UPDATE, .params = "tibv")
RUN_OP(components_delete, .sql = SQL_PORTAL_COMPONENT_DELETE, .params = "tiv")

/* ---- the menu ---- */

#define MENU_FIELDS(flag, clears)                                                                  \
    LINE_FIELD("label", flag, 100),                                                                \
        {.name = "url", .type = FIELD_LINK, .flags = flag, .max = 500},                            \
        {.name = "icon",                                                                           \
         .type = FIELD_LINE,                                                                       \
         .flags = FIELD_BLANK_IS_ABSENT | (clears),                                                \
         .max = 100},                                                                              \
        {.name = "parentId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT | (clears)},         \
        {.name = "sortOrder", .type = FIELD_INT, .min = 0, .max = 1000000},                        \
        {.name = "permissions", .type = FIELD_TEXTS, .max = 10, .choices = ROLE_CHOICES},          \
        ACTIVE_FIELD, TENANT_FIELD

const struct field schema_menu_item_new[] = {MENU_FIELDS(FIELD_REQUIRED, 0), {.name = NULL}};
const struct field schema_menu_item_change[] = {MENU_FIELDS(0, FIELD_NULL_CLEARS), {.name = NULL}};
const struct field schema_menu_order[] = {
    {.name = "ids", .type = FIELD_IDS, .flags = FIELD_REQUIRED, .min = 1, .max = 500},
    TENANT_FIELD,
    {.name = NULL}};

RUN_OP(menu_list, .sql = SQL_PORTAL_MENU_ITEMS, .params = "tusp", .key = cursor_int)
RUN_OP(menu_get, .sql = SQL_PORTAL_MENU_ITEM_GET, .params = "tisu")
CLEANED_OP(menu_create, .sql = SQL_PORTAL_MENU_ITEM_CREATE, .params = "tb", .lock = SQL_PORTAL_LOCK)
CLEANED_OP(menu_update, .sql = SQL_PORTAL_MENU_ITEM_UPDATE, .params = "tibv",
           .lock = SQL_PORTAL_LOCK)
RUN_OP(menu_delete, .sql = SQL_PORTAL_MENU_ITEM_DELETE, .params = "tiv", .lock = SQL_PORTAL_LOCK)
RUN_OP(menu_order, .sql = SQL_PORTAL_MENU_ORDER, .params = "tb", .lock = SQL_PORTAL_LOCK)

/* ---- branding ---- */

enum { PICTURE = FIELD_BLANK_IS_ABSENT | FIELD_NULL_CLEARS };

const struct field schema_branding[] = {
    {.name = "logoUrl", .type = FIELD_LINK, .flags = PICTURE, .max = 500},
    {.name = "faviconUrl", .type = FIELD_LINK, .flags = PICTURE, .max = 500},
    CSS_FIELD("primaryColor"),
    CSS_FIELD("secondaryColor"),
    CSS_FIELD("accentColor"),
    {.name = "customCss", .type = FIELD_STR, .max = 50000},
    MAP_FIELD("navigationConfig", SETTINGS_MAX),
    MAP_FIELD("footerConfig", SETTINGS_MAX),
    ACTIVE_FIELD,
    TENANT_FIELD,
    {.name = NULL}};

RUN_OP(branding_get, .sql = SQL_PORTAL_BRANDING, .params = "t")

int op_branding_set(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {
        .sql = SQL_PORTAL_BRANDING_SET, .params = "tbv", .lock = SQL_PORTAL_LOCK};
    struct rest *r = state;

    (void)m;
    if (css_fetches(rest_arg(r, "customCss")))
        return rest_refuse_fields(r, P_invalid,
                                  &(struct field_error){.field = "customCss", .code = E_format}, 1);
    if (!rest_clean(r))
        return ACTOR_DONE;
    return rest_run(self, r, &what);
}

/* ---- from outside ---- */

RUN_OP(portal, .sql = SQL_PORTAL_SHOWN, .params = "qh")
RUN_OP(portal_page, .sql = SQL_PORTAL_PAGE_SHOWN, .params = "iqh")
