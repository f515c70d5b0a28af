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
 * As browsers read an address: references are what they name, tabs and line ends say nothing, nor
 * do blanks and control characters in front where they are `skipped`. What follows `with`,
 * {NULL,0}: s begins otherwise.
 */
static struct str after(struct str s, bool skipped, const char *with)
{
    while (*with && s.n) {
        uint32_t c = html_first(&s);
        if (c == '\t' || c == '\n' || c == '\r' || (skipped && c <= 0x20))
            continue;
        skipped = false;
        if (c > 0x7f || tolower((int)c) != *with++)
            return (struct str){NULL, 0};
    }
    return *with ? (struct str){NULL, 0} : s;
}

/* Data of a type that runs; blanks before the type say nothing. */
static bool runs(struct str type)
{
    static const char *const types[] = {"text/", "application/", "image/svg"};

    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (after(type, true, types[i]).p)
            return true;
    return false;
}

/* Where the colon of an address stands that is a program; 0: it is none. */
static size_t program_colon(struct str s)
{
    static const char *const programs[] = {"javascript", "vbscript", "data"};

    for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        struct str rest = after(s, true, programs[i]), type = after(rest, false, ":");
        if (type.p && (i < 2 || runs(type)))
            return (size_t)(rest.p - s.p);
    }
    return 0;
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
    return strchr(" \\jJvVdD&", *s.p) && (memchr(s.p, ':', s.n) || memchr(s.p, '&', s.n));
}

static void clean_sheet(struct str in, struct buf *out)
{
    struct buf sheet = BUF_INIT;

    css_clean(in, &sheet);
    html_clean_text((struct str){(const char *)sheet.data, sheet.len}, out);
    buf_finish(&sheet);
}

/* token: with its quotes. true: clean has its text, which is another one. */
static bool cleaned(struct str token, bool css, struct buf *decoded, struct buf *clean)
{
    const char *why;
    size_t at;

    buf_clear(decoded);
    buf_clear(clean);
    if (json_to_mp(token.p, token.n, decoded, &why, &at) < 0)
        return true; /* no text at all: nothing is left of it */
    struct str text = mp_str(mp_view(decoded->data, decoded->len));
    (css ? clean_sheet : html_clean_text)(text, clean);
    return clean->len != text.n || (text.n && memcmp(clean->data, text.p, text.n) != 0);
}

/* Is a string that ends before p the name of a member? */
static bool names_member(const char *p, const char *end)
{
    while (p < end && *p == ' ')
        p++;
    return p < end && *p == ':';
}

/* Asked of every member of an answer: most names differ in their first letter. */
static bool among(struct str name, const char *names)
{
    for (const char *next; names; names = next ? next + 1 : NULL) {
        size_t n = 0;
        while (n < name.n && names[n] == name.p[n])
            n++;
        if (n == name.n && (names[n] == '|' || !names[n]))
            return true;
        next = strchr(names + n, '|');
    }
    return false;
}

/* What a school's style is made of, by its names in answers and in the tables. */
static const char sheets[] =
    "customCss|primaryColor|secondaryColor|accentColor|backgroundColor|textColor|fontFamily|"
    "fontSize|"
    "custom_css|primary_color|secondary_color|accent_color|background_color|text_color|font_family|"
    "font_size";

static bool suspect_sheet(struct str s)
{
    return suspect(s) || (s.n && (memchr(s.p, '(', s.n) || memchr(s.p, '@', s.n) ||
                                  memchr(s.p, ':', s.n) || memchr(s.p, '\\', s.n)));
}

bool html_clean_json(struct str json, const char *members, struct buf *out)
{
    struct buf decoded = BUF_INIT, clean = BUF_INIT;
    const char *kept = json.p, *end = json.p + json.n, *close;
    bool wanted = !members, css = false;

    for (const char *p = json.p; p < end && (p = memchr(p, '"', (size_t)(end - p)));
         p = close + 1) {
        close = string_end(p + 1, end);
        assert(close < end);
        struct str text = {p + 1, (size_t)(close - p - 1)};
        bool name = names_member(close + 1, end);
        if (name && members)
            wanted = among(text, members);
        if (name)
            css = wanted && among(text, sheets);
        if (name && members)
            continue;
        bool sheet = css && !name;
        if (!wanted || !(sheet ? suspect_sheet : suspect)(text) ||
            !cleaned((struct str){p, text.n + 2}, sheet, &decoded, &clean))
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
