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

/*
 * As browsers read an address: blanks and control characters before it say nothing, tabs and line
 * ends within it neither. Returns where the colon stands, 0: it begins otherwise.
 */
static size_t begins(struct str s, const char *with)
{
    size_t i = 0, colon = 0;

    while (i < s.n && (unsigned char)s.p[i] <= 0x20)
        i++;
    for (; i < s.n && *with; i++) {
        if (s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r')
            continue;
        if (tolower((unsigned char)s.p[i]) != *with++)
            return 0;
        colon = s.p[i] == ':' ? i : colon;
    }
    return *with ? 0 : colon;
}

/* Where the colon of an address stands that is a program; 0: it is none. */
static size_t program_colon(struct str s)
{
    static const char *const programs[] = {"javascript:", "vbscript:", "data:text/",
                                           "data:application/", "data:image/svg"};
    size_t colon = 0;

    for (unsigned i = 0; colon == 0 && i < sizeof(programs) / sizeof(programs[0]); i++)
        colon = begins(s, programs[i]);
    return colon;
}

/* A text may begin like a program, as a lesson on JavaScript does: with a blank before its colon it
 * reads as before and is no address. */
static void put_no_program(struct str s, struct buf *out)
{
    struct buf apart = BUF_INIT;
    size_t colon = program_colon(s);

    if (colon) {
        buf_put(&apart, s.p, colon);
        buf_putc(&apart, ' ');
        buf_put(&apart, s.p + colon, s.n - colon);
        s = (struct str){(const char *)apart.data, apart.len};
    }
    mp_put_str(out, s.p, s.n);
    buf_finish(&apart);
}

/* Tags first: what stands behind one that goes may be an address. */
static void clean_text(struct str s, struct buf *out)
{
    struct buf clean = BUF_INIT;

    if (has_tag(s)) {
        html_clean(s, &clean);
        s = (struct str){(const char *)clean.data, clean.len};
    }
    put_no_program(s, out);
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

void rest_clean(struct rest *r)
{
    struct buf body = BUF_INIT;

    clean_value(r->body, &body);
    buf_finish(&r->body_bytes);
    r->body_bytes = body;
    r->body = mp_view(body.data, body.len);
}
