/*
 * Forms and query strings: pairs of text become a map of the types that the schema names, which the
 * same check as JSON's then goes through (schema.c). What is of no type stays text, so that it is
 * refused there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

#define PAIRS_MAX 64 /* of a form or query string */

static bool whole_number(struct str s, int64_t *ret)
{
    char text[24], *end;

    if (s.n == 0 || s.n >= sizeof(text) || !(s.p[0] == '-' || (s.p[0] >= '0' && s.p[0] <= '9')))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && *end == 0;
}

static void put_typed(struct buf *b, const struct field *f, struct str value)
{
    int64_t n;

    if (f && f->type == FIELD_INT && whole_number(value, &n))
        mp_put_int(b, n);
    else if (f && f->type == FIELD_BOOL &&
             (str_is(value, "true") || str_is(value, "1") || str_is(value, "on")))
        mp_put_bool(b, true);
    else if (f && f->type == FIELD_BOOL && (str_is(value, "false") || str_is(value, "0")))
        mp_put_bool(b, false);
    else
        mp_put_str(b, value.p ? value.p : "", value.n); /* the wrong type is found by the check */
}

void schema_pairs_add(struct schema_pairs *p, struct str name, struct str value)
{
    mp_put_str(&p->pairs, name.p, name.n);
    put_typed(&p->pairs, field_named(p->schema, name), value);
    p->count++;
}

void schema_pairs_end(struct schema_pairs *p, struct buf *out)
{
    mp_put_map(out, p->count);
    buf_put(out, p->pairs.data, p->pairs.len);
    buf_finish(&p->pairs);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

/* Decodes one side of a pair to the end of b. */
static int form_decode(const char *p, const char *end, struct buf *b, struct str *ret)
{
    size_t at = b->len;

    for (; p < end; p++) {
        if (*p != '%') {
            buf_putc(b, *p == '+' ? ' ' : *p);
            continue;
        }
        if (end - p < 3 || hex(p[1]) < 0 || hex(p[2]) < 0 || (hex(p[1]) | hex(p[2])) == 0)
            return -EINVAL;
        buf_putc(b, (char)(hex(p[1]) << 4 | hex(p[2])));
        p += 2;
    }
    *ret = (struct str){(const char *)b->data + at, b->len - at};
    return ret->n == 0 || (utf8_valid(ret->p, ret->n) && !memchr(ret->p, 0, ret->n)) ? 0 : -EINVAL;
}

struct form_pair {
    struct str name, value;
};

/* The pairs of a form, decoded into text. How many, or -EINVAL. */
static int form_pairs(struct str form, struct buf *text, struct form_pair *pairs)
{
    int n = 0, err = 0;

    buf_reserve(text, form.n + 1); /* decoding never grows: views into text stay good */
    for (const char *p = form.p, *end = form.p + form.n; !err && p < end;) {
        const char *amp = memchr(p, '&', (size_t)(end - p)), *stop = amp ? amp : end;
        const char *eq = memchr(p, '=', (size_t)(stop - p));
        struct form_pair one = {.value = {NULL, 0}};

        err = form_decode(p, eq ? eq : stop, text, &one.name);
        if (!err && eq)
            err = form_decode(eq + 1, stop, text, &one.value);
        if (!err && (one.name.n || one.value.n)) {
            err = n == PAIRS_MAX ? -EINVAL : 0;
            if (!err)
                pairs[n++] = one;
        }
        p = stop + 1;
    }
    return err ? err : n;
}

static bool is_list(const struct field *f)
{
    return f && (f->type == FIELD_TEXTS || f->type == FIELD_IDS);
}

/* The pair at i; of a list all that have its name, in their order. */
static int put_pair(struct schema_pairs *out, const struct form_pair *pairs, int n, int i)
{
    const struct form_pair *one = &pairs[i];
    const struct field *f = field_named(out->schema, one->name);
    struct buf values = BUF_INIT;
    uint32_t count = 0, before = 0;

    for (int k = 0; k < n; k++) {
        if (pairs[k].name.n != one->name.n ||
            memcmp(pairs[k].name.p, one->name.p, one->name.n) != 0)
            continue;
        count++;
        before += k < i;
        mp_put_str(&values, pairs[k].value.p ? pairs[k].value.p : "", pairs[k].value.n);
    }
    if (!before && is_list(f) && (count > 1 || one->value.n)) {
        mp_put_str(&out->pairs, one->name.p, one->name.n);
        mp_put_array(&out->pairs, count);
        buf_put(&out->pairs, values.data, values.len);
        out->count++;
    } else if (!before) {
        schema_pairs_add(out, one->name, one->value);
    }
    buf_finish(&values);
    return before && !is_list(f) ? -EINVAL : 0;
}

int form_to_mp(const struct field *schema, struct str form, struct buf *out)
{
    struct schema_pairs pairs = {.schema = schema};
    struct form_pair each[PAIRS_MAX];
    struct buf text = BUF_INIT;
    int n = form_pairs(form, &text, each), err = n < 0 ? n : 0;

    for (int i = 0; !err && i < n; i++)
        err = put_pair(&pairs, each, n, i);
    if (!err)
        schema_pairs_end(&pairs, out);
    buf_finish(&pairs.pairs);
    buf_finish(&text);
    return err;
}
