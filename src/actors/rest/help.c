/*
 * Help texts: reading, searching, writing. Searching is the database's (help_search); here are its
 * ways in, also the old client's, whose filters arrive as "[object Object]" and mean everything.
 */
#include "base/html.h"
#include "run.h"

#define MANAGE .manage = "help:manage"
#define ROLES_OR_ALL "all|super_admin|admin|manager|formateur|apprenant"

#define HELP_FILTERS                                                                               \
    {.name = "category", .type = FIELD_STR, .max = 100, .flags = FIELD_BLANK_IS_ABSENT},           \
        {.name = "role",                                                                           \
         .type = FIELD_CHOICE,                                                                     \
         .choices = ROLES_OR_ALL,                                                                  \
         .flags = FIELD_BLANK_IS_ABSENT},                                                          \
        {.name = "language",                                                                       \
         .type = FIELD_CHOICE,                                                                     \
         .choices = "fr|en",                                                                       \
         .flags = FIELD_BLANK_IS_ABSENT},                                                          \
    {                                                                                              \
        .name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT            \
    }

const struct field schema_help[] = {HELP_FILTERS, LIST_FIELDS, {.name = NULL}};
const struct field schema_help_one[] = {HELP_FILTERS, {.name = NULL}};
const struct field schema_help_best[] = {
    HELP_FILTERS,
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_LIMIT_MAX},
    {.name = NULL}};
const struct field schema_help_search[] = {
    {.name = "q", .type = FIELD_STR, .min = 1, .max = 200},
    {.name = "query", .type = FIELD_STR, .min = 1, .max = 200},
    HELP_FILTERS,
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_LIMIT_MAX},
    {.name = NULL}};
const struct field schema_faq[] = {
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_LIMIT_MAX},
    {.name = "establishmentId", .type = FIELD_TENANT},
    {.name = NULL}};

#define HELP_FIELDS                                                                                \
    {.name = "role",                                                                               \
     .type = FIELD_CHOICE,                                                                         \
     .choices = ROLES_OR_ALL,                                                                      \
     .flags = FIELD_BLANK_IS_ABSENT},                                                              \
        {.name = "tags", .type = FIELD_TEXTS, .max = 30},                                          \
        {.name = "searchKeywords", .type = FIELD_TEXTS, .max = 50},                                \
        {.name = "isActive", .type = FIELD_BOOL},                                                  \
        {.name = "sortOrder", .type = FIELD_INT, .min = -1000000, .max = 1000000},                 \
        {.name = "language", .type = FIELD_CHOICE, .choices = "fr|en"},                            \
    {                                                                                              \
        .name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT            \
    }

const struct field schema_help_new[] = {
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = "content", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 100000},
    {.name = "category", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 100},
    HELP_FIELDS,
    {.name = NULL}};
const struct field schema_help_change[] = {
    {.name = "title", .type = FIELD_LINE, .min = 1, .max = 200},
    {.name = "content", .type = FIELD_STR, .min = 1, .max = 100000},
    {.name = "category", .type = FIELD_LINE, .min = 1, .max = 100},
    HELP_FIELDS,
    {.name = NULL}};

static const struct run list = {.sql = SQL_HELP_LIST, .params = "tuqmp", MANAGE, .key = cursor_int};

int op_help_list(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return rest_run(self, state, &list);
}

/* ---- searching ---- */

static int answered(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_outcome(state, m, 0);
}

/* What the words lead to; without a school nothing does. */
static int look_for(struct actor *self, struct rest *r, const struct sql *sql, struct str words)
{
    struct db_group *g;

    if (!r->tenant[0])
        return rest_reply_text(r, 200, STR("[]"));
    g = rest_group(r, DB_SLOW);
    db_stmt(g, sql);
    db_str(g, r->who->user_id);
    db_strv_put(g, words);
    rest_put_json(g, r->query);
    db_bool(g, identity_can(r->who, "help:manage"));
    return rest_ask(self, g, answered);
}

static struct str words_of(const struct rest *r)
{
    struct str q = rest_arg(r, "q");

    return q.p ? q : rest_arg(r, "query");
}

static int missing_words(struct rest *r)
{
    return rest_refuse_fields(r, P_parameter,
                              &(struct field_error){.field = "q", .code = E_required}, 1);
}

static int answer_words(struct actor *self, struct rest *r, const struct sql *sql)
{
    return words_of(r).n ? look_for(self, r, sql, words_of(r)) : missing_words(r);
}

int op_help_search(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return answer_words(self, state, SQL_HELP_SEARCH);
}

int op_help_suggest(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return answer_words(self, state, SQL_HELP_SUGGEST);
}

/* ---- one ---- */

static bool lost_filters(const struct rest *r)
{
    return str_is(str_of(http_param(r->http, "id")), "[object Object]");
}

int op_help_get(struct actor *self, void *state, const struct msg *m)
{
    static const struct run get = {.sql = SQL_HELP_GET, .params = "tuim", MANAGE};
    struct rest *r = state;

    (void)m;
    return rest_run(self, r, lost_filters(r) ? &list : &get);
}

RUN_OP(help_faq, .sql = SQL_HELP_FAQ, .params = "tuqm", MANAGE)
/* Old clients put a text into their page as it is. */
static void clean_content(struct rest *r)
{
    struct str content = rest_arg(r, "content");
    struct buf clean = BUF_INIT, value = BUF_INIT;

    if (!content.p)
        return;
    html_clean_text(content, &clean);
    mp_put_str(&value, (const char *)clean.data, clean.len);
    rest_replace(r, "content", &value);
    buf_finish(&clean);
    buf_finish(&value);
}

int op_help_create(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {.sql = SQL_HELP_CREATE, .params = "tb"};

    (void)m;
    clean_content(state);
    return rest_run(self, state, &what);
}

int op_help_update(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {.sql = SQL_HELP_UPDATE, .params = "tibv"};

    (void)m;
    clean_content(state);
    return rest_run(self, state, &what);
}

RUN_OP(help_delete, .sql = SQL_HELP_DELETE, .params = "tiv")

/* ---- the old client's addresses ---- */

int op_help_search_old(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)m;
    if (lost_filters(r))
        return rest_run(self, r, &list);
    return look_for(self, r, SQL_HELP_SEARCH, str_of(http_param(r->http, "id")));
}

RUN_OP(manual, .sql = SQL_HELP_MANUAL, .params = "tuim", MANAGE)

int op_manual_search(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)m;
    return look_for(self, r, SQL_HELP_SEARCH, str_of(http_param(r->http, "words")));
}
