/*
 * What operations answer, as JSON Schema: rows of answers.def, whose forms are read here and
 * nowhere else. A form that cannot be read is a mistake of ours and asserts; the unit tests go
 * through all of them.
 */
#include "answers.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "stacgate/json.h"
#include "stacgate/mp.h"

static const struct answer {
    const char *name, *form, *html;
} answers[] = {
#define ANSWER(name, form) {#name, form, NULL},
#define ANSWER_HTML(name, where, form) {#name, form, where},
#include "answers.def"
#undef ANSWER_HTML
#undef ANSWER
};
enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };

static const struct {
    char letter;
    const char *type, *more;
} plain[] = {{'s', "string", ""},
             {'i', "integer", ""},
             {'n', "number", ""},
             {'b', "boolean", ""},
             {'o', "object", ""},
             {'t', "string", ",\"format\":\"date-time\""},
             {'d', "string", ",\"format\":\"date\""},
             {'q', "string", ",\"pattern\":\"^-?[0-9]+([.][0-9]+)?$\""}};

static const char *put_form(struct buf *b, const char *p);

static const char *put_plain(struct buf *b, const char *p)
{
    bool null = p[1] == '?';

    for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (plain[i].letter == *p) {
            buf_printf(b, null ? "{\"type\":[\"%s\",\"null\"]%s}" : "{\"type\":\"%s\"%s}",
                       plain[i].type, plain[i].more);
            return p + 1 + null;
        }
    assert(*p == 'j');
    buf_puts(b, "{}");
    return p + 1 + null;
}

static const char *put_list(struct buf *b, const char *p)
{
    buf_puts(b, "{\"type\":\"array\",\"items\":");
    p = put_form(b, p + 1);
    buf_puts(b, "}");
    assert(*p == ']');
    return p + 1;
}

/* One "name:form" at p; the name joins `required` unless it may be absent. */
static const char *put_field(struct buf *b, const char *p, struct buf *required)
{
    size_t n = strcspn(p, ":~");
    bool absent = p[n] == '~';

    json_put_str(b, p, n);
    buf_puts(b, ":");
    if (!absent) {
        buf_puts(required, required->len ? "," : "");
        json_put_str(required, p, n);
    }
    p += n + absent;
    assert(*p == ':');
    return put_form(b, p + 1);
}

static const char *put_object(struct buf *b, const char *p)
{
    struct buf required = BUF_INIT;
    const char *comma = "";

    buf_puts(b, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (p++; *p != '}'; comma = ",") {
        buf_puts(b, comma);
        p = put_field(b, p, &required);
        p += strspn(p, " ");
        assert(*p);
    }
    buf_puts(b, "}");
    if (required.len)
        buf_printf(b, ",\"required\":[%s]", buf_cstr(&required));
    buf_puts(b, "}");
    buf_finish(&required);
    return p + 1;
}

static const char *put_reference(struct buf *b, const char *p)
{
    size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    char name[64];

    assert(n < sizeof(name));
    memcpy(name, p, n);
    name[n] = 0;
    assert(answer_known(name));
    buf_printf(b, "{\"$ref\":\"#/components/schemas/%s\"}", name);
    return p + n;
}

/* Prints the form at p; returns what follows it. */
static const char *put_form(struct buf *b, const char *p)
{
    struct buf form = BUF_INIT;

    if (islower((unsigned char)*p))
        return put_plain(b, p);
    p = *p == '{' ? put_object(&form, p) : *p == '[' ? put_list(&form, p) : put_reference(&form, p);
    buf_printf(b, *p == '?' ? "{\"anyOf\":[%s,{\"type\":\"null\"}]}" : "%s", buf_cstr(&form));
    buf_finish(&form);
    return p + (*p == '?');
}

static const struct answer *answer_named(struct str name)
{
    for (unsigned i = 0; i < ANSWERS; i++)
        if (str_is(name, answers[i].name))
            return &answers[i];
    return NULL;
}

bool answer_known(const char *name)
{
    return answer_named(str_of(name)) != NULL;
}

const char *answer_html(const char *response)
{
    bool list = *response == '[';
    const struct answer *a =
        answer_named((struct str){response + list, strlen(response) - (list ? 2 : 0)});

    return a ? a->html : NULL;
}

void answers_put(struct buf *b)
{
    for (unsigned i = 0; i < ANSWERS; i++) {
        buf_printf(b, "%s\"%s\":", i ? "," : "", answers[i].name);
        const char *end = put_form(b, answers[i].form);
        assert(!*end);
    }
}
