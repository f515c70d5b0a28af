/*
 * Style sheets and values of them that fetch nothing. The invariant: words are looked for in what
 * no escape can hide, as there is none in what is good, and none is left in what was cleaned.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/html.h"
#include "utf8.h"

/* What is no word of a harmless sheet, and where it is parted to be none. */
static const struct {
    const char *word;
    unsigned part;
} never[] = {{"@import", 1},    {"url(", 3},         {"src(", 3},        {"image(", 5},
             {"image-set(", 9}, {"expression(", 10}, {"javascript:", 10}};

/* Which of them s begins with; -1: none. */
static int word_at(struct str s)
{
    for (unsigned i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        size_t n = strlen(never[i].word);
        if (*s.p != *never[i].word && (*s.p | 32) != *never[i].word)
            continue;
        if (s.n >= n && strncasecmp(s.p, never[i].word, n) == 0)
            return (int)i;
    }
    return -1;
}

bool css_fetches(struct str css)
{
    for (size_t i = 0; i < css.n; i++)
        if (css.p[i] == '<' || css.p[i] == '\\' || word_at((struct str){css.p + i, css.n - i}) >= 0)
            return true;
    return false;
}

/* s begins with a backslash. A letter that is no ASCII (an icon, a quotation mark) is itself from
 * now on; anything else could hide a word. Returns how many bytes that was. */
static size_t take_escape(struct str s, struct buf *out)
{
    uint32_t point = 0;
    size_t n = 1;
    uint8_t bytes[4];

    for (; n < s.n && n < 7 && isxdigit((unsigned char)s.p[n]); n++)
        point = point * 16 + (uint32_t)(isdigit((unsigned char)s.p[n]) ? s.p[n] - '0'
                                                                       : (s.p[n] | 32) - 'a' + 10);
    if (point < 0xa0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        buf_putc(out, '_');
        return 1;
    }
    buf_put(out, bytes, utf8_write(point, bytes));
    return n + (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t' || s.p[n] == '\n'));
}

void css_clean(struct str in, struct buf *out)
{
    for (size_t i = 0, n; i < in.n; i += n) {
        struct str rest = {in.p + i, in.n - i};
        int word = word_at(rest);

        n = 1;
        if (word >= 0) {
            n = strlen(never[word].word);
            buf_put(out, rest.p, never[word].part);
            buf_putc(out, '_');
            buf_put(out, rest.p + never[word].part, n - never[word].part);
        } else if (*rest.p == '\\') {
            n = take_escape(rest, out);
        } else {
            buf_putc(out, *rest.p == '<' ? ' ' : *rest.p);
        }
    }
}
