/*
 * Texts that may be HTML or an address, alone and in JSON text. The invariant: no string that
 * leaves here holds a tag that html_clean would not write, or begins like a program. What needs no
 * change is not copied: most texts are plain, and what is stored was cleaned before.
 */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/html.h"
#include "stacgate/json.h"

/* "<" and what may begin a tag, a comment or a declaration; a lone "<" is arithmetic. */
static bool has_tag(struct str s)
{
    for (const char *p = s.p, *end = p ? p + s.n : NULL;
         s.n && (p = memchr(p, '<', (size_t)(end - p))); p++)
        if (p + 1 < end && (isalpha((unsigned char)p[1]) || strchr("/!?", p[1])))
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

/* A text may begin like a program, as a lesson on JavaScript does. */
static void put_no_program(struct str s, struct buf *out)
{
    size_t colon = program_colon(s);

    if (colon) {
        buf_put(out, s.p, colon);
        buf_putc(out, ' ');
    }
    if (s.n)
        buf_put(out, s.p + colon, s.n - colon);
}

/* Tags first: what stands behind one that goes may be an address. */
void html_clean_text(struct str in, struct buf *out)
{
    struct buf clean = BUF_INIT;

    if (has_tag(in)) {
        html_clean(in, &clean);
        in = (struct str){(const char *)clean.data, clean.len};
    }
    put_no_program(in, out);
    buf_finish(&clean);
}

/* ---- in JSON text ---- */

/* The closing quote of the string whose text begins at p. */
static const char *string_end(const char *p, const char *end)
{
    for (const char *q; (q = memchr(p, '"', (size_t)(end - p))); p = q + 1) {
        const char *back = q;
        while (back > p && back[-1] == '\\')
            back--;
        if ((q - back) % 2 == 0)
            return q;
    }
    return end;
}

/* May the string with these bytes between its quotes need any change? Only decoding it tells
 * whether what begins like the word of an address is one. */
static bool suspect(struct str s)
{
    if (s.n == 0)
        return false;
    if (memchr(s.p, '<', s.n) || memmem(s.p, s.n, "\\u", 2))
        return true;
    return strchr(" \\jJvVdD", *s.p) && memchr(s.p, ':', s.n);
}

/* token: with its quotes. true: clean has its text, which is another one. */
static bool cleaned(struct str token, struct buf *decoded, struct buf *clean)
{
    const char *why;
    size_t at;

    buf_clear(decoded);
    buf_clear(clean);
    if (json_to_mp(token.p, token.n, decoded, &why, &at) < 0)
        return true; /* no text at all: nothing is left of it */
    struct str text = mp_str(mp_view(decoded->data, decoded->len));
    html_clean_text(text, clean);
    return clean->len != text.n || (text.n && memcmp(clean->data, text.p, text.n) != 0);
}

/* Is a string that ends before p the name of a member? */
static bool names_member(const char *p, const char *end)
{
    while (p < end && *p == ' ')
        p++;
    return p < end && *p == ':';
}

static bool among(struct str name, const char *names)
{
    for (size_t n; *names; names += n + (names[n] == '|')) {
        n = strcspn(names, "|");
        if (n == name.n && memcmp(names, name.p, n) == 0)
            return true;
    }
    return false;
}

bool html_clean_json(struct str json, const char *members, struct buf *out)
{
    struct buf decoded = BUF_INIT, clean = BUF_INIT;
    const char *kept = json.p, *end = json.p + json.n, *close;
    bool wanted = !members;

    for (const char *p = json.p; p < end && (p = memchr(p, '"', (size_t)(end - p)));
         p = close + 1) {
        close = string_end(p + 1, end);
        assert(close < end);
        struct str text = {p + 1, (size_t)(close - p - 1)};
        if (members && names_member(close + 1, end)) {
            wanted = among(text, members);
            continue;
        }
        if (!wanted || !suspect(text) || !cleaned((struct str){p, text.n + 2}, &decoded, &clean))
            continue;
        buf_put(out, kept, (size_t)(p - kept));
        json_put_str(out, (const char *)clean.data, clean.len);
        kept = close + 1;
    }
    if (kept != json.p)
        buf_put(out, kept, (size_t)(end - kept));
    buf_finish(&decoded);
    buf_finish(&clean);
    return kept != json.p;
}
