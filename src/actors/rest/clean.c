/*
 * What people write into pages, made harmless before it is stored, wherever it stands in a body:
 * clients put texts and addresses into their pages as they are. The invariant: no string that
 * leaves here holds a tag that html_clean would not write, or begins like a program.
 */
#include "base/html.h"
#include "run.h"

#include <ctype.h>

/* "<" and what may begin a tag, a comment or a declaration; a lone "<" is arithmetic. */
static bool has_tag(struct str s)
{
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == '<' && (isalpha((unsigned char)s.p[i + 1]) || strchr("/!?", s.p[i + 1])))
            return true;
    return false;
}

/* Browsers pass over blanks and control characters in an address's scheme, so this does too. */
static bool begins(struct str s, const char *with)
{
    for (size_t i = 0; i < s.n && *with; i++) {
        if ((unsigned char)s.p[i] <= 0x20)
            continue;
        if (tolower((unsigned char)s.p[i]) != *with)
            return false;
        with++;
    }
    return !*with;
}

static bool is_program(struct str s)
{
    return begins(s, "javascript:") || begins(s, "vbscript:") || begins(s, "data:text/") ||
           begins(s, "data:application/") || begins(s, "data:image/svg");
}

static void clean_text(struct str s, struct buf *out)
{
    struct buf clean = BUF_INIT;

    if (is_program(s)) {
        mp_put_cstr(out, "");
    } else if (has_tag(s)) {
        html_clean(s, &clean);
        mp_put_str(out, (const char *)clean.data, clean.len);
    } else {
        mp_put_str(out, s.p, s.n);
    }
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
            mp_put_raw(out, it.key);
        clean_value(it.value, out);
    }
}

void rest_clean(struct rest *r)
{
    struct buf body = BUF_INIT;

    clean_value(r->body, &body);
    buf_finish(&r->body_bytes);
    r->body_bytes = body;
    r->body = mp_view(body.data, body.len);
}
