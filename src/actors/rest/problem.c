/*
 * Makes problem documents: the only place where a refusal gets its words. Texts come from the two
 * tables; nothing of the inside (SQL, paths, stacks) can reach a client, because `detail` is only
 * ever given static words, of the tables of what refuses, and in maintenance what was said about
 * it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "op.h"
#include "stacgate/json.h"
#include "stacgate/maintenance.h"

struct problem_row {
    const char *word;
    int status;
    const char *title[2], *message[2];
};
static const struct problem_row rows[] = {
#define PROBLEM(word, status, title_fr, title_en, fr, en)                                          \
    {#word, status, {title_fr, title_en}, {fr, en}},
#include "problems.def"
#undef PROBLEM
};

struct code_row {
    const char *word, *text[2];
};
static const struct code_row codes[] = {
#define FIELD_CODE(word, fr, en) {#word, {fr, en}},
#include "field_codes.def"
#undef FIELD_CODE
};

/* What the code of a field by this name says, instead of the code's own words. */
struct hint_row {
    const char *field;
    enum field_code code;
    const char *text[2];
};
static const struct hint_row hints[] = {
#define FIELD_HINT(field, code, fr, en) {#field, E_##code, {fr, en}},
#include "field_hints.def"
#undef FIELD_HINT
};

static float quality(const char *params, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++)
        if (params[i] == 'q' && params[i + 1] == '=') {
            float q = 0, scale = 1;
            bool point = false;
            for (size_t k = i + 2;
                 k < n && ((params[k] >= '0' && params[k] <= '9') || params[k] == '.'); k++) {
                if (params[k] == '.')
                    point = true;
                else
                    q = point ? q + (float)(params[k] - '0') * (scale /= 10)
                              : q * 10 + (float)(params[k] - '0');
            }
            return q;
        }
    return 1;
}

enum language language_of(const char *accept)
{
    float best[2] = {0, 0};

    for (const char *p = accept; p && *p;) {
        size_t n = strcspn(p, ",");
        while (n && (*p == ' ' || *p == '\t')) {
            p++;
            n--;
        }
        int which = n >= 2 && strncasecmp(p, "fr", 2) == 0   ? FRENCH
                    : n >= 2 && strncasecmp(p, "en", 2) == 0 ? ENGLISH
                                                             : -1;
        bool whole = n == 2 || (n > 2 && strchr("-;, \t", p[2]));
        float q = quality(p, n);
        if (which >= 0 && whole && q > best[which])
            best[which] = q;
        p += n + (p[n] == ',');
    }
    return best[ENGLISH] > best[FRENCH] ? ENGLISH : FRENCH;
}

enum problem problem_named(struct str word)
{
    int i = 0;

    while (i < PROBLEMS && !str_is(word, rows[i].word))
        i++;
    return (enum problem)i;
}

enum field_code field_code_named(struct str word)
{
    int i = 0;

    while (i < FIELD_CODES && !str_is(word, codes[i].word))
        i++;
    return (enum field_code)i;
}

int problem_status(enum problem what)
{
    return rows[what].status;
}

/* Statuses whose first row in the table is not the general one. */
enum problem problem_of_status(int status)
{
    static const struct {
        int status;
        enum problem what;
    } general[] = {
        {401, P_unauthenticated}, {409, P_conflict}, {422, P_invalid}, {503, P_unavailable}};

    for (unsigned i = 0; i < sizeof(general) / sizeof(general[0]); i++)
        if (general[i].status == status)
            return general[i].what;
    for (enum problem p = 0; p < PROBLEMS; p++)
        if (rows[p].status == status)
            return p;
    return status >= 500 ? P_internal : P_malformed;
}

static void put_text(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    json_put_str(out, value, strlen(value));
}

static void put_uri(struct buf *out, const char *word)
{
    buf_puts(out, "{\"type\":\"/problems/");
    for (; *word; word++)
        buf_putc(out, *word == '_' ? '-' : *word);
    buf_putc(out, '"');
}

static const char *field_words(const struct field_error *e, enum language lang)
{
    for (unsigned i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (hints[i].code == e->code && strcmp(hints[i].field, e->field) == 0)
            return hints[i].text[lang];
    return e->text ? e->text[lang] : codes[e->code].text[lang];
}

static void put_choices(struct buf *out, const char *choices, enum language lang)
{
    buf_puts(out, lang == FRENCH ? " : " : ": ");
    for (const char *c = choices; *c; c++) {
        if (*c == '|')
            buf_puts(out, ", ");
        else
            buf_putc(out, *c);
    }
}

static void field_text(struct buf *out, const struct field_error *e, enum language lang)
{
    const char *text = field_words(e, lang), *at = strstr(text, "%s");

    if (at) {
        buf_put(out, text, (size_t)(at - text));
        buf_printf(out, "%lld", (long long)e->limit);
        text = at + 2;
    }
    buf_puts(out, text);
    if (e->code == E_choice && e->choices)
        put_choices(out, e->choices, lang);
}

static void put_errors(struct buf *out, const struct field_error *errors, unsigned n,
                       enum language lang)
{
    struct buf text = BUF_INIT;

    buf_puts(out, ",\"errors\":[");
    for (unsigned i = 0; i < n; i++) {
        buf_clear(&text);
        field_text(&text, &errors[i], lang);
        buf_printf(out, "%s{\"field\":", i ? "," : "");
        json_put_str(out, errors[i].field, strlen(errors[i].field));
        put_text(out, "code", codes[errors[i].code].word);
        put_text(out, "message", buf_cstr(&text));
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    buf_finish(&text);
}

/* What old clients show: the problem's sentence, and what is wrong with the first field or what
 * was said about it. */
static void put_message(struct buf *out, const struct problem_row *row, const char *said,
                        const struct field_error *errors, unsigned n, enum language lang)
{
    struct buf text = BUF_INIT;

    if (n) {
        buf_printf(&text, lang == FRENCH ? "%s « %s » " : "%s \"%s\" ", row->message[lang],
                   errors[0].field);
        field_text(&text, &errors[0], lang);
        buf_putc(&text, '.');
    } else {
        buf_printf(&text, "%s%s%s", row->message[lang], *said ? " " : "", said);
    }
    put_text(out, "message", buf_cstr(&text));
    buf_finish(&text);
}

/* The words of a table, as JSON Schema's enum. */
static void put_words(struct buf *out, const char *before, const char *(*word)(unsigned i),
                      unsigned n)
{
    buf_puts(out, "{\"type\":\"string\",\"enum\":[");
    for (unsigned i = 0; i < n; i++) {
        buf_printf(out, "%s\"%s", i ? "," : "", before);
        for (const char *p = word(i); *p; p++)
            buf_putc(out, *before && *p == '_' ? '-' : *p);
        buf_putc(out, '"');
    }
    buf_puts(out, "]}");
}

static const char *problem_word(unsigned i)
{
    return rows[i].word;
}

static const char *code_word(unsigned i)
{
    return codes[i].word;
}

void problem_schema(struct buf *out)
{
    static const char *const texts[] = {"title", "detail", "instance", "requestId", "message"};

    buf_puts(out, "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"type\","
                  "\"status\",\"title\",\"detail\",\"instance\",\"requestId\",\"message\"],"
                  "\"properties\":{\"type\":");
    put_words(out, "/problems/", problem_word, PROBLEMS);
    buf_puts(out, ",\"status\":{\"type\":\"integer\"}");
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        buf_printf(out, ",\"%s\":{\"type\":\"string\"}", texts[i]);
    buf_puts(out, ",\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                  "\"additionalProperties\":false,\"required\":[\"field\",\"code\",\"message\"],"
                  "\"properties\":{\"field\":{\"type\":\"string\"},\"message\":{\"type\":"
                  "\"string\"},\"code\":");
    put_words(out, "", code_word, FIELD_CODES);
    buf_puts(out, "}}}}}");
}

void problem_print(struct buf *out, enum problem what, enum language lang, const char *instance,
                   const char *request_id, const char *const *detail,
                   const struct field_error *errors, unsigned n)
{
    const struct problem_row *row = &rows[what];
    struct buf said = BUF_INIT;

    if (what == P_maintenance)
        maintenance_words(&said);
    put_uri(out, row->word);
    put_text(out, "title", row->title[lang]);
    buf_printf(out, ",\"status\":%d", row->status);
    put_text(out, "detail",
             said.len ? buf_cstr(&said)
             : detail ? detail[lang]
                      : row->message[lang]);
    put_text(out, "instance", instance);
    put_text(out, "requestId", request_id);
    put_message(out, row, buf_cstr(&said), errors, n, lang);
    buf_finish(&said);
    if (n)
        put_errors(out, errors, n, lang);
    buf_putc(out, '}');
}

void problem_answer(struct http_req *req, enum problem what, const char *const *detail,
                    uint32_t retry_s, const struct field_error *errors, unsigned n)
{
    struct buf text = BUF_INIT;
    enum language lang = language_of(http_header(req, "accept-language"));
    const char *path = http_path(req);
    char seconds[16];

    problem_print(&text, what, lang, path ? path : "", http_request_id(req), detail, errors, n);
    if (retry_s || rows[what].status == 503 || rows[what].status == 429) {
        snprintf(seconds, sizeof(seconds), "%u", retry_s ? retry_s : 2);
        http_set(req, "Retry-After", seconds);
    }
    http_set(req, "Cache-Control", "no-store");
    http_set(req, "Content-Language", lang == FRENCH ? "fr" : "en");
    http_respond(req, rows[what].status, "application/problem+json; charset=utf-8", body_of(&text));
    buf_finish(&text);
}

void problem_refuse(struct http_req *req, const struct http_fault *why)
{
    rest_cors(req);
    problem_answer(req, problem_of_status(why->status), why->text, 0, NULL, 0);
}
