/*
 * The route table as an OpenAPI 3.1 document: what the server checks is what it says. `stacgate
 * openapi` prints the same bytes.
 */
#include <stdio.h>
#include <string.h>

#include "answers.h"
#include "named.h"
#include "op.h"
#include "stacgate/json.h"
#include "stacgate/rest.h"

static const char *const method_names[] = {[HTTP_M_GET] = "get",
                                           [HTTP_M_POST] = "post",
                                           [HTTP_M_PUT] = "put",
                                           [HTTP_M_PATCH] = "patch",
                                           [HTTP_M_DELETE] = "delete"};
static const char *const who_names[] = {
    [WHO_ANYONE] = "anyone", [WHO_SESSION] = "session", [WHO_MEMBER] = "member"};

/* ---- values ---- */

static void put_key(struct buf *b, const char **comma, const char *key)
{
    buf_puts(b, *comma);
    *comma = ",";
    json_put_str(b, key, strlen(key));
    buf_puts(b, ":");
}

static void put_text(struct buf *b, const char **comma, const char *key, const char *text)
{
    put_key(b, comma, key);
    json_put_str(b, text, strlen(text));
}

/* ":[…]" of "a|b". */
static void put_list(struct buf *b, const char *choices)
{
    const char *comma = "";

    buf_puts(b, ":[");
    for (const char *p = choices; *p; comma = ",") {
        size_t n = strcspn(p, "|");

        buf_puts(b, comma);
        json_put_str(b, p, n);
        p += n + (p[n] == '|');
    }
    buf_puts(b, "]");
}

static void put_choices(struct buf *b, const char *choices)
{
    buf_puts(b, ",\"enum\"");
    put_list(b, choices);
}

/* What an id names. */
static void put_named(struct buf *b, const struct rest_op *op, const struct field *f)
{
    const struct named *n = named_field(op, f);

    if (n)
        buf_printf(b, ",\"%s\":\"%s\"", n->word ? "x-word" : "x-id", n->kind);
}

/* A field's schema, as the check sees it (schema.h): its JSON types, what else holds, and what min
 * and max limit. Patterns are ECMAScript's. */
#define ID_PATTERN "\"pattern\":\"^[A-Za-z0-9_-]{1,64}$\""
#define CONTROL "\\\\u0000-\\\\u001f\\\\u007f"
#define NEVER CONTROL "-\\u009f\\u2028-\\u202e\\u2066-\\u2069"
#define UNSEEN                                                                                     \
    " \\u00a0\\u00ad\\u115f\\u1160\\u1680\\u180e\\u2000-\\u200f\\u202f\\u205f-\\u2064"             \
    "\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0"
/* One line with something to be seen in it (schema.c's never and unseen). */
#define LINE "[^" NEVER "]*[^" NEVER UNSEEN "][^" NEVER "]*"
#define ADDRESS "[^ " CONTROL "<>\\\"\\\\\\\\]" /* of a URL: no blanks, no quotes */
#define NAME "[^" NEVER UNSEEN "<>()\\\\[\\\\],;:\\\"\\\\\\\\@]" /* of a mail's address */
/* What css_fetches() finds in a value; patterns know no case. */
#define FETCHES                                                                                    \
    "[uU][rR][lL]|[sS][rR][cC]|[iI][mM][aA][gG][eE](-[sS][eE][tT])?|"                              \
    "[eE][xX][pP][rR][eE][sS][sS][iI][oO][nN]"
#define HOUR "([01][0-9]|2[0-3])"
#define TEXT(more)                                                                                 \
    {                                                                                              \
        "\"string\"", more, "minLength", "maxLength"                                               \
    }
#define ARRAY(more)                                                                                \
    {                                                                                              \
        "\"array\"", more, "minItems", "maxItems"                                                  \
    }
static const struct {
    const char *types, *more, *least, *most;
} shapes[] = {
    [FIELD_STR] = TEXT(""),
    [FIELD_LINE] = TEXT(",\"pattern\":\"^(" LINE ")?$\""),
    [FIELD_URL] = TEXT(",\"format\":\"uri\",\"pattern\":\"^https?://" ADDRESS "+$\""),
    [FIELD_CSS] =
        TEXT(",\"pattern\":\"^(?!.*(" FETCHES ")\\\\()(?=.*[^ ])[A-Za-z0-9 #%.,()'\\\"_-]+$\""),
    [FIELD_LINK] = TEXT(",\"pattern\":\"^(#|/(?!/)|(https?://|mailto:)(?=.))" ADDRESS "*$\""),
    [FIELD_ID] = {"\"string\"", "," ID_PATTERN, NULL, NULL},
    [FIELD_CALLER] = {"\"string\"", "," ID_PATTERN ",\"x-identity\":\"caller\"", NULL, NULL},
    [FIELD_TENANT] = {"\"string\"", "," ID_PATTERN ",\"x-identity\":\"establishment\"", NULL, NULL},
    [FIELD_EMAIL] =
        {"\"string\"",
         ",\"format\":\"email\",\"maxLength\":254,\"pattern\":\"^(?!.*\\\\.\\\\.[^@]*$)" NAME
         "{1,64}@(?![.-])" NAME "*"
         "(?!\\\\.)" NAME "$\"",
         NULL, NULL},
    [FIELD_INT] = {"\"integer\"", "", "minimum", "maximum"},
    [FIELD_DECIMAL] = {"\"number\",\"string\"",
                       ",\"maxLength\":19,\"pattern\":\"^-?([0-9]+[.,]?[0-9]*|[.,][0-9]+)$\"",
                       "minimum", "maximum"},
    [FIELD_NUMBER] = {"\"number\"", "", "minimum", "maximum"},
    [FIELD_ANY] = {NULL, "\"description\":\"goes by what it is of\"", NULL, NULL},
    [FIELD_BOOL] = {"\"boolean\"", "", NULL, NULL},
    [FIELD_CHOICE] = {"\"string\"", "", NULL, NULL},
    [FIELD_TIME] = {"\"string\"",
                    ",\"description\":\"ISO 8601: a date, or a date and time, of a day that there "
                    "is in 1900 to 9998; without a zone UTC\",\"x-time\":true,"
                    "\"pattern\":\"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
                    "([T ]" HOUR ":[0-5][0-9](:[0-5][0-9](\\\\.[0-9]{1,9})?)?"
                    "(Z|[+-](0[0-9]|1[0-5]):?[0-5][0-9])?)?$\"",
                    NULL, NULL},
    [FIELD_TEXTS] = ARRAY(""),
    [FIELD_IDS] = ARRAY(",\"items\":{\"type\":\"string\"," ID_PATTERN "}"),
    [FIELD_LIST] = ARRAY(""),
    [FIELD_OBJECT] = {"\"object\"", "", NULL, "x-max-bytes"},
    [FIELD_OP_ID] = {"\"string\"", ",\"pattern\":\"^[!-~]{1,64}$\"", NULL, NULL},
    [FIELD_IGNORED] = {NULL, "\"description\":\"accepted and ignored\",\"x-ignored\":true", NULL,
                       NULL},
};

static void put_limits(struct buf *b, const struct field *f)
{
    const char *least = shapes[f->type].least, *most = shapes[f->type].most;
    bool number = f->type == FIELD_INT || f->type == FIELD_DECIMAL || f->type == FIELD_NUMBER;

    if (least && (f->min || number))
        buf_printf(b, ",\"%s\":%lld", least, (long long)f->min);
    if (most && (f->max || number) && f->max != INT64_MAX)
        buf_printf(b, ",\"%s\":%lld", most, (long long)f->max);
}

static void put_types(struct buf *b, const char *types, bool nullable)
{
    bool several = nullable || strchr(types, ',');

    buf_printf(b, "\"type\":%s%s%s%s", several ? "[" : "", types, nullable ? ",\"null\"" : "",
               several ? "]" : "");
}

static void put_fields(struct buf *b, const struct rest_op *op, const struct field *schema);

/* "a|b" as ["a","b"]. */
static void put_names(struct buf *b, const char *key, const char *names)
{
    if (*names) {
        buf_printf(b, ",\"%s\"", key);
        put_list(b, names);
    }
}

/* What maps of one kind have, and must have. */
static void put_variant(struct buf *b, const struct field *f, const struct variant *v)
{
    const char *comma = "";

    buf_puts(b, "{\"propertyNames\":{\"enum\":[");
    for (const struct field *in = f->inner; in->name; in++)
        if (variant_has(f, v, str_of(in->name))) {
            buf_puts(b, comma);
            comma = ",";
            json_put_str(b, in->name, strlen(in->name));
        }
    buf_puts(b, "]}");
    put_names(b, "required", v->required);
    buf_printf(b, "%s%s,\"examples\":[%s]}", *v->form ? "," : "", v->form, v->example);
}

/* If `by` says so, then. A list's maps say it themselves, beside an object it stands. */
static void put_variants(struct buf *b, const struct field *f)
{
    bool beside = f->type == FIELD_OBJECT;

    buf_puts(b, ",\"allOf\":[");
    if (f->form)
        buf_printf(b, "{%s},", f->form);
    for (const struct variant *v = f->variants; v->kinds; v++) {
        bool silent = f->otherwise && strcmp(v->kinds, f->otherwise) == 0;

        buf_printf(b, "%s{\"if\":{\"properties\":{\"%s\":{\"enum\"", v == f->variants ? "" : ",",
                   f->by);
        put_list(b, v->kinds);
        buf_printf(b, "}}%s%s%s},\"then\":", silent ? "" : ",\"required\":[\"", silent ? "" : f->by,
                   silent ? "" : "\"]");
        if (beside)
            buf_printf(b, "{\"properties\":{\"%s\":", f->name);
        put_variant(b, f, v);
        if (beside)
            buf_printf(b, "}%s%s%s}", *v->required ? ",\"required\":[\"" : "",
                       *v->required ? f->name : "", *v->required ? "\"]" : "");
        buf_puts(b, "}");
    }
    buf_puts(b, "]");
}

/* What stands in it. */
static void put_inner(struct buf *b, const struct rest_op *op, const struct field *f)
{
    bool list = f->type == FIELD_LIST;

    if (f->type == FIELD_TEXTS) {
        buf_puts(b, ",\"items\":{\"type\":\"string\",\"maxLength\":64,\"pattern\":\"^" LINE "$\"");
        if (f->choices)
            put_choices(b, f->choices);
        buf_puts(b, "}");
        return;
    }
    if (list)
        buf_puts(b, ",\"items\":{\"type\":\"object\"");
    if (f->inner)
        put_fields(b, op, f->inner);
    if (list && f->variants)
        put_variants(b, f);
    if (list)
        buf_puts(b, "}");
}

static void put_schema(struct buf *b, const struct rest_op *op, const struct field *f)
{
    buf_puts(b, "{");
    if (shapes[f->type].types)
        put_types(b, shapes[f->type].types, f->flags & FIELD_NULL_CLEARS);
    buf_puts(b, shapes[f->type].more);
    put_limits(b, f);
    if (f->type == FIELD_CHOICE)
        put_choices(b, f->choices);
    put_inner(b, op, f);
    if (f->flags & FIELD_BLANK_IS_ABSENT || f->type == FIELD_TEXTS)
        buf_puts(b, ",\"x-blank-is-absent\":true");
    put_named(b, op, f);
    buf_puts(b, "}");
}

static bool wants(const struct field *schema)
{
    for (; schema->name; schema++)
        if (schema->flags & FIELD_REQUIRED)
            return true;
    return false;
}

static void put_required(struct buf *b, const struct field *schema)
{
    const char *comma = "";

    if (!wants(schema))
        return;
    buf_puts(b, ",\"required\":[");
    for (const struct field *f = schema; f->name; f++)
        if (f->flags & FIELD_REQUIRED) {
            buf_puts(b, comma);
            comma = ",";
            json_put_str(b, f->name, strlen(f->name));
        }
    buf_puts(b, "]");
}

/* The fields of a map, and no others. */
static void put_fields(struct buf *b, const struct rest_op *op, const struct field *schema)
{
    const char *comma = "";

    buf_puts(b, ",\"additionalProperties\":false,\"properties\":{");
    for (const struct field *f = schema; f->name; f++) {
        put_key(b, &comma, f->name);
        put_schema(b, op, f);
    }
    buf_puts(b, "}");
    put_required(b, schema);
    for (const struct field *f = schema; f->name; f++)
        if (f->type == FIELD_OBJECT && f->variants)
            put_variants(b, f);
}

/* ---- one operation ---- */

static void put_parameter(struct buf *b, const char **comma, const char *name, const char *in,
                          bool required)
{
    buf_printf(b, "%s{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"schema\":", *comma, name, in,
               required ? "true" : "false");
    *comma = ",";
}

/* The parameter that begins at p, after its ":" or "*" (all that is left of the address). */
static void put_path_parameter(struct buf *b, const char **comma, const struct rest_op *op,
                               const char *p)
{
    const struct named *n = named_in_path(op, p);
    char name[32];

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, "/"), p);
    put_parameter(b, comma, name, "path", true);
    buf_puts(b, "{\"type\":\"string\"");
    if (n)
        buf_printf(b, ",\"%s\":\"%s\"", n->word ? "x-word" : "x-id", n->kind);
    if (named_id(op, n))
        buf_puts(b, "," ID_PATTERN);
    buf_puts(b, "}");
    if (p[-1] == '*')
        buf_puts(b,
                 ",\"x-rest\":true,\"description\":\"all that is left of the path, slashes too\"");
    buf_puts(b, "}");
}

/* The headers that decide whether anything is done: rows of header_parameters[], by whose they are.
 */
static bool of_reads(const struct rest_op *op)
{
    return op->method == HTTP_M_GET && op->cache == CACHE_PRIVATE;
}

static bool of_versions(const struct rest_op *op)
{
    return op->cache == CACHE_VERSIONED;
}

static bool of_no_versions(const struct rest_op *op)
{
    return op->method != HTTP_M_GET && op->method != HTTP_M_POST && op->cache != CACHE_VERSIONED;
}

#define TAG "(W/)?\\\"[^ " CONTROL "\\\"]*\\\""
#define TAGS                                                                                       \
    ",\"pattern\":\"^([ \\\\t]*\\\\*[ \\\\t]*|"                                                    \
    "[, \\\\t]*" TAG "([ \\\\t]*,[, \\\\t]*" TAG ")*[, \\\\t]*)$\""
static const struct {
    const char *key, *name, *description, *more;
    bool (*of)(const struct rest_op *op);
} header_parameters[] = {
    {"IfNoneMatch", "If-None-Match",
     "tags of an earlier answer, or `*`: 304 when one is still right", "", of_reads},
    {"IfMatch", "If-Match",
     "tags of what is changed, as a read gave them: 412 unless one has the version that stands, "
     "and "
     "nothing is changed; `*` is whatever there is",
     TAGS, of_versions},
    {"IfMatchAny", "If-Match", "what is changed has no tag of its own: `*` passes, any tag is 412",
     TAGS, of_no_versions},
    {"IdempotencyKey", "Idempotency-Key",
     "1 to 128 visible characters, kept a day per person: the same request again has the first "
     "answer again, another with the same key is 422, one that still runs 409",
     ",\"pattern\":\"^[!-~]{1,128}$\"", idempotency_taken},
};
#define HEADER_PARAMETERS (sizeof(header_parameters) / sizeof(header_parameters[0]))

static void put_header_references(struct buf *b, const char **comma, const struct rest_op *op)
{
    for (unsigned i = 0; i < HEADER_PARAMETERS; i++)
        if (header_parameters[i].of(op)) {
            buf_printf(b, "%s{\"$ref\":\"#/components/parameters/%s\"}", *comma,
                       header_parameters[i].key);
            *comma = ",";
        }
}

static void put_header_parameters(struct buf *b)
{
    const char *comma = "";

    for (unsigned i = 0; i < HEADER_PARAMETERS; i++) {
        const char *inner = "";

        put_key(b, &comma, header_parameters[i].key);
        buf_puts(b, "{");
        put_text(b, &inner, "name", header_parameters[i].name);
        put_text(b, &inner, "in", "header");
        put_text(b, &inner, "description", header_parameters[i].description);
        buf_printf(b, ",\"schema\":{\"type\":\"string\"%s}}", header_parameters[i].more);
    }
}

static void put_parameters(struct buf *b, const struct rest_op *op)
{
    const char *comma = "";

    buf_puts(b, ",\"parameters\":[");
    for (const char *p = op->path; (p = strpbrk(p, ":*"));)
        put_path_parameter(b, &comma, op, ++p);
    for (const struct field *f = op->query; f->name; f++) {
        put_parameter(b, &comma, f->name, "query", f->flags & FIELD_REQUIRED);
        put_schema(b, op, f);
        buf_puts(b, "}");
    }
    put_header_references(b, &comma, op);
    buf_puts(b, "]");
}

static bool takes_body(const struct rest_op *op)
{
    return op->body != schema_none && op->body->name;
}

/* As JSON or as a form: the same fields, which components hold (put_bodies). */
static void put_body(struct buf *b, const struct rest_op *op)
{
    static const char *const types[] = {"application/json", "application/x-www-form-urlencoded"};

    if (!takes_body(op))
        return;
    buf_printf(b, ",\"requestBody\":{\"required\":%s,\"content\":{",
               wants(op->body) ? "true" : "false");
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        buf_printf(b, "%s\"%s\":{\"schema\":{\"$ref\":\"#/components/schemas/%s.body\"}}",
                   i ? "," : "", types[i], op->name);
    buf_puts(b, "}}");
}

static void put_reference(struct buf *b, const char *response)
{
    size_t n = strlen(response);

    if (*response == '[')
        buf_printf(b, "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/%.*s\"}}",
                   (int)(n - 2), response + 1);
    else
        buf_printf(b, "{\"$ref\":\"#/components/schemas/%s\"}", response);
}

static void put_success(struct buf *b, const struct rest_op *op)
{
    static const struct {
        const char *response, *type;
    } others[] = {{"File", "*/*"}, {"Html", "text/html"}};
    const char *type = "application/json";

    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(op->response, others[i].response) == 0)
            type = others[i].type;
    buf_printf(b, "{\"description\":\"OK\",\"content\":{\"%s\":{\"schema\":", type);
    put_reference(b, op->response);
    buf_puts(b, "}}}");
}

/* Other statuses with the same answer: what is there already or was taken back, a part of a file, a
 * server that is not ready and says what fails. */
static const struct {
    const char *name;
    int status;
} also[] = {{"courses_enroll", 200},     {"groups_join", 200},      {"attempts_start", 200},
            {"attempts_start_old", 200}, {"exports_download", 206}, {"exports_download_old", 206},
            {"system_health", 503}};

static void put_status(struct buf *b, const struct rest_op *op, const char *comma, int status)
{
    buf_printf(b, "%s\"%d\":", comma, status);
    put_success(b, op);
}

static void put_responses(struct buf *b, const struct rest_op *op)
{
    buf_puts(b, ",\"responses\":{");
    put_status(b, op, "", op->success);
    for (unsigned i = 0; i < sizeof(also) / sizeof(also[0]); i++)
        if (strcmp(op->name, also[i].name) == 0)
            put_status(b, op, ",", also[i].status);
    if (op->success >= 300) /* linters want one that says that it went well */
        put_status(b, op, ",", 200);
    if (of_reads(op))
        buf_puts(b, ",\"304\":{\"description\":\"Not modified\"}");
    if (of_versions(op) || of_no_versions(op))
        buf_puts(b, ",\"412\":{\"$ref\":\"#/components/responses/Problem\"}");
    buf_puts(b, ",\"4XX\":{\"$ref\":\"#/components/responses/Problem\"},\"5XX\":{\"$ref\":"
                "\"#/components/responses/Problem\"}}");
}

static void put_security(struct buf *b, const struct rest_op *op)
{
    buf_puts(b, op->who == WHO_ANYONE ? ",\"security\":[{},{\"cookie\":[]},{\"bearer\":[]}]"
                                      : ",\"security\":[{\"cookie\":[]},{\"bearer\":[]}]");
    buf_printf(b, ",\"x-who\":\"%s\"", who_names[op->who]);
    if (op->permission)
        buf_printf(b, ",\"x-permission\":\"%s\"", op->permission);
}

static void put_tag(struct buf *b, const char *path)
{
    const char *p = path + strlen("/api/");

    buf_printf(b, ",\"tags\":[\"%.*s\"]", (int)strcspn(p, "/"), p);
}

static void put_operation(struct buf *b, const struct rest_op *op)
{
    const char *comma = "";

    buf_puts(b, "{");
    put_text(b, &comma, "operationId", op->name);
    put_text(b, &comma, "summary", op->english);
    put_text(b, &comma, "x-summary-fr", op->french);
    put_tag(b, op->path);
    if (op->deprecated)
        buf_puts(b, ",\"deprecated\":true");
    put_security(b, op);
    put_parameters(b, op);
    put_body(b, op);
    put_responses(b, op);
    buf_puts(b, "}");
}

/* ---- the document ---- */

/* "/a/:id" as "/a/{id}", "/a/\*rest" as "/a/{rest}". */
static void put_path(struct buf *b, const char *path)
{
    buf_puts(b, "\"");
    while (*path) {
        size_t n = strcspn(path, ":*");

        buf_put(b, path, n);
        path += n;
        if (!*path)
            break;
        n = strcspn(++path, "/");
        buf_printf(b, "{%.*s}", (int)n, path);
        path += n;
    }
    buf_puts(b, "\":{");
}

static bool earlier(unsigned i, bool (*same)(const struct rest_op *a, const struct rest_op *b))
{
    for (unsigned j = 0; j < i; j++)
        if (same(&rest_ops[i], &rest_ops[j]))
            return true;
    return false;
}

static bool same_path(const struct rest_op *a, const struct rest_op *b)
{
    return strcmp(a->path, b->path) == 0;
}

static void put_paths(struct buf *b)
{
    const char *comma = "";

    for (unsigned i = 0; i < rest_op_count; i++) {
        const char *inner = "";

        if (earlier(i, same_path))
            continue;
        buf_puts(b, comma);
        comma = ",";
        put_path(b, rest_ops[i].path);
        for (unsigned j = i; j < rest_op_count; j++) {
            if (!same_path(&rest_ops[i], &rest_ops[j]))
                continue;
            put_key(b, &inner, method_names[rest_ops[j].method]);
            put_operation(b, &rest_ops[j]);
        }
        buf_puts(b, "}");
    }
}

static void put_bodies(struct buf *b)
{
    for (const struct rest_op *op = rest_ops; op < rest_ops + rest_op_count; op++) {
        if (!takes_body(op))
            continue;
        buf_printf(b, ",\"%s.body\":{\"type\":\"object\"", op->name);
        put_fields(b, op, op->body);
        buf_puts(b, "}");
    }
}

static void put_components(struct buf *b)
{
    buf_puts(b, "\"schemas\":{\"Problem\":");
    problem_schema(b);
    buf_puts(b, ",");
    answers_put(b);
    put_bodies(b);
    buf_puts(b, "},\"parameters\":{");
    put_header_parameters(b);
    buf_puts(b, "},\"responses\":{\"Problem\":{\"description\":\"RFC "
                "9457\",\"content\":{\"application/problem+json\":"
                "{\"schema\":{\"$ref\":\"#/components/schemas/"
                "Problem\"}}}}},\"securitySchemes\":{\"cookie\":{\"type\":"
                "\"apiKey\",\"in\":\"cookie\",\"name\":\"__Host-stacgate\"},\"bearer\":{\"type\":"
                "\"http\",\"scheme\":"
                "\"bearer\"}}");
}

void openapi_document(struct buf *b)
{
    buf_puts(
        b, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"StacGate\",\"version\":\"" STACGATE_VERSION
           "\",\"summary\":\"Courses, assessments, study groups and boards of several "
           "schools\",\"description\":\"In bodies null counts as a field that is not there, unless "
           "the "
           "field's type has null; so does an empty text where x-blank-is-absent stands. Forms and "
           "queries spell booleans true, 1, on, false and 0.\",\"license\":{"
           "\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}},\"servers\":[{\"url\":\"/"
           "\"}],\"paths\":{");
    put_paths(b);
    buf_puts(b, "},\"components\":{");
    put_components(b);
    buf_puts(b, "}}");
}

/* ---- GET /api/openapi.json ---- */

int op_system_openapi(struct actor *self, void *state, const struct msg *m)
{
    struct buf b = BUF_INIT;

    (void)self;
    (void)m;
    openapi_document(&b);
    int end = rest_reply_json(state, 200, (struct str){(const char *)b.data, b.len});
    buf_finish(&b);
    return end;
}

/* ---- GET /api/docs ---- */

int op_system_docs(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    bool french = rest_language(r) == FRENCH;

    (void)self;
    (void)m;
    http_set(r->http, "Vary", "Accept-Language");
    http_set(r->http, "Content-Language", french ? "fr" : "en");
    return rest_reply_static(r, french ? "/api/docs/fr.html" : "/api/docs/en.html");
}
