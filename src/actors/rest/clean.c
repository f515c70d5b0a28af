/*
 * What people write into pages, made harmless before it is stored, wherever it stands in a body:
 * clients put texts and addresses into their pages as they are (base/html.h).
 */
#include "base/html.h"
#include "run.h"

static void clean_text(struct str s, struct buf *out)
{
    struct buf clean = BUF_INIT;

    html_clean_text(s, &clean);
    mp_put_str(out, (const char *)clean.data, clean.len);
    buf_finish(&clean);
}

/* Nesting is at most MP_DEPTH_MAX: input was checked. */
static void clean_value(struct mp v, struct buf *out)
{
    enum mp_type t = mp_type(v);

    if (t == MP_STR) {
        clean_text(mp_str(v), out);
        return;
    }
    if (t != MP_MAP && t != MP_ARRAY) {
        mp_put_raw(out, v);
        return;
    }
    if (t == MP_MAP)
        mp_put_map(out, mp_count(v));
    else
        mp_put_array(out, mp_count(v));
    for (struct mp_iter it = mp_iter(v); mp_next(&it);) {
        if (t == MP_MAP)
            clean_text(mp_str(it.key), out);
        clean_value(it.value, out);
    }
}

/* A name of nothing but tags is none: the field that has one, NULL if there is none. */
static const struct field *emptied(const struct rest *r)
{
    for (const struct field *f = r->op->body; f->name; f++) {
        struct mp v = mp_get(r->body, f->name);
        struct str s = mp_str(v);

        if (f->type != FIELD_LINE || f->min == 0 || mp_type(v) != MP_STR)
            continue;
        while (s.n && *s.p == ' ')
            s = (struct str){s.p + 1, s.n - 1};
        if (s.n == 0)
            return f;
    }
    return NULL;
}

bool rest_clean(struct rest *r)
{
    struct buf body = BUF_INIT;
    const struct field *empty;

    clean_value(r->body, &body);
    buf_finish(&r->body_bytes);
    r->body_bytes = body;
    r->body = mp_view(body.data, body.len);
    if (!(empty = emptied(r)))
        return true;
    rest_refuse_fields(r, P_invalid,
                       &(struct field_error){.field = empty->name, .code = E_required}, 1);
    return false;
}
