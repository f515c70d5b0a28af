/*
 * The allow-list writer of html.h. Input is cut into text and tags by the angle brackets alone;
 * each tag is written anew from its name, so no byte of an attribute but a checked address gets
 * through.
 */
#include "base/html.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OPEN_MAX 64      /* nested tags; deeper ones are left out */
#define TAG_MAX 4096     /* bytes; of a longer one quotation marks are not looked at */
#define REFERENCE_MAX 12 /* characters between "&" and ";"; html_letter knows shorter ones */

static const char *const tags[] = {
    "a",     "b",  "blockquote", "br",    "code",  "dd",   "div",    "dl",  "dt",  "em",
    "h1",    "h2", "h3",         "h4",    "h5",    "h6",   "hr",     "i",   "kbd", "li",
    "ol",    "p",  "pre",        "s",     "small", "span", "strong", "sub", "sup", "table",
    "tbody", "td", "th",         "thead", "tr",    "u",    "ul"};
static const char *const alone[] = {"br", "hr"};
/* What stands between these and their ends is no text either. */
static const char *const dropped[] = {"script", "style",    "iframe",   "object", "template",
                                      "title",  "textarea", "noscript", "svg",    "math"};

struct writer {
    struct buf *out;
    const char *last;  /* the last '>' there is; NULL: none */
    const char *plain; /* up to there quotation marks are no marks */
    const char *open[OPEN_MAX];
    unsigned depth;
};

static const char *find(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (*list[i] == (*name | 32) && strcasecmp(list[i], name) == 0)
            return list[i];
    return NULL;
}
#define FIND(list, name) find(list, sizeof(list) / sizeof(list[0]), name)

static void put_text(struct buf *out, const char *p, size_t n)
{
    for (const char *end = p + n; p < end;) {
        const char *plain = p;
        while (p < end && *p != '<' && *p != '>' && *p != '&')
            p++;
        buf_put(out, plain, (size_t)(p - plain));
        if (p == end)
            break;
        size_t letter = *p == '&' ? html_letter((struct str){p, (size_t)(end - p)}, out) : 0;
        if (letter == 0)
            buf_puts(out, *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : "&");
        p += letter ? letter : 1;
    }
}

/* ---- a link's address ---- */

static bool address_good(struct str s)
{
    static const char *const schemes[] = {"https://", "http://", "mailto:"};

    for (unsigned i = 0; i < 3; i++) {
        size_t n = strlen(schemes[i]);
        if (s.n <= n || strncasecmp(s.p, schemes[i], n) != 0)
            continue;
        for (size_t k = 0; k < s.n; k++)
            if ((unsigned char)s.p[k] <= 0x20 || strchr("<>\"'`\\", s.p[k]))
                return false;
        return s.n <= 2000;
    }
    return false;
}

/* The value of href in a tag's inside; {NULL,0}: none. */
static struct str href_of(const char *p, const char *end)
{
    for (; p + 5 < end; p++) {
        if (strncasecmp(p, "href", 4) != 0 || (p[-1] != ' ' && p[-1] != '\t' && p[-1] != '\n'))
            continue;
        const char *q = p + 4;
        while (q < end && (*q == ' ' || *q == '\t' || *q == '\n'))
            q++;
        if (q == end || *q++ != '=')
            continue;
        while (q < end && (*q == ' ' || *q == '\t' || *q == '\n'))
            q++;
        if (q == end || (*q != '"' && *q != '\''))
            return (struct str){NULL, 0};
        const char *stop = memchr(q + 1, *q, (size_t)(end - q - 1));
        return stop ? (struct str){q + 1, (size_t)(stop - q - 1)} : (struct str){NULL, 0};
    }
    return (struct str){NULL, 0};
}

/* ---- tags ---- */

static void put_tag(struct buf *out, const char *before, const char *name)
{
    buf_puts(out, before);
    buf_puts(out, name);
    buf_putc(out, '>');
}

static void put_close(struct writer *w, const char *name)
{
    unsigned at = w->depth;

    while (at > 0 && w->open[at - 1] != name)
        at--;
    while (at > 0 && w->depth >= at)
        put_tag(w->out, "</", w->open[--w->depth]);
}

static void put_open(struct writer *w, const char *name, const char *inside, const char *end)
{
    struct str href = strcmp(name, "a") == 0 ? href_of(inside, end) : (struct str){NULL, 0};

    if (FIND(alone, name)) {
        put_tag(w->out, "<", name);
        return;
    }
    if (w->depth == OPEN_MAX)
        return;
    if (href.p && address_good(href))
        buf_printf(w->out, "<a href=\"%.*s\" rel=\"noopener\">", (int)href.n, href.p);
    else
        put_tag(w->out, "<", name);
    w->open[w->depth++] = name;
}

/* Where the element's content ends: after its closing tag, or at the end of everything. */
static const char *skip_content(const char *p, const char *end, const char *name)
{
    size_t n = strlen(name);

    for (; p + n + 2 < end; p++)
        if (p[0] == '<' && p[1] == '/' && strncasecmp(p + 2, name, n) == 0) {
            const char *close = memchr(p, '>', (size_t)(end - p));
            return close ? close + 1 : end;
        }
    return end;
}

/* The '>' of a tag whose name ends at p: one in a quoted value ends nothing. There is a '>'. Where
 * marks led nowhere they are not looked at again, so that a text is gone through twice at most. */
static const char *tag_end(struct writer *w, const char *p, const char *end)
{
    const char *first = memchr(p, '>', (size_t)(end - p));
    bool value = false; /* what comes next is one */

    if (p < w->plain)
        return first;
    end = end - p < TAG_MAX ? end : p + TAG_MAX;
    for (; p < end && *p != '>'; p++) {
        const char *quote =
            value && (*p == '"' || *p == '\'') ? memchr(p + 1, *p, (size_t)(end - p - 1)) : p;
        if (!quote)
            break; /* it never ends: then the quotation mark is no mark */
        if (!isspace((unsigned char)*p))
            value = *p == '=';
        p = quote;
    }
    if (p < end && *p == '>')
        return p;
    w->plain = end;
    return first;
}

/* p is at '<'. Returns where to go on. */
static const char *take_tag(struct writer *w, const char *p, const char *end)
{
    const char *q = p + 1, *close;
    bool closes = q < end && *q == '/';
    char name[16];
    size_t n = 0;

    if (end - p >= 4 && memcmp(p, "<!--", 4) == 0) {
        const char *stop = memmem(p + 4, (size_t)(end - p - 4), "-->", 3);
        return stop ? stop + 3 : end;
    }
    q += closes;
    while (q + n < end && n < sizeof(name) - 1 &&
           ((q[n] | 32) >= 'a' && (q[n] | 32) <= 'z' ? true : n > 0 && q[n] >= '0' && q[n] <= '9'))
        n++;
    memcpy(name, q, n);
    name[n] = 0;
    if (n == 0 || !w->last || q + n > w->last) { /* a lone '<' is text */
        put_text(w->out, p, 1);
        return p + 1;
    }
    close = tag_end(w, q + n, end);
    if (!closes && FIND(dropped, name))
        return skip_content(close + 1, end, name);
    const char *known = FIND(tags, name);
    if (known && closes)
        put_close(w, known);
    else if (known)
        put_open(w, known, q + n, close);
    return close + 1;
}

/* What began like a reference before a tag that was left out is none: nothing behind the tag may
 * make one of it. */
static void end_reference(struct buf *out, size_t from)
{
    size_t i = out->len;

    while (i > from && out->len - i < REFERENCE_MAX &&
           (isalnum(out->data[i - 1]) || out->data[i - 1] == '#'))
        i--;
    if (i == from || out->data[i - 1] != '&')
        return;
    buf_reserve(out, 4);
    memmove(out->data + i + 4, out->data + i, out->len - i);
    memcpy(out->data + i, "amp;", 4);
    out->len += 4;
}

void html_clean(struct str in, struct buf *out)
{
    struct writer w = {.out = out, .last = in.n ? memrchr(in.p, '>', in.n) : NULL, .plain = in.p};
    const char *p = in.p, *end = in.p + in.n;
    size_t from = out->len;

    while (p < end) {
        const char *tag = memchr(p, '<', (size_t)(end - p));
        put_text(out, p, (size_t)((tag ? tag : end) - p));
        size_t written = out->len;
        p = tag ? take_tag(&w, tag, end) : end;
        if (out->len == written)
            end_reference(out, from);
    }
    while (w.depth > 0)
        put_tag(out, "</", w.open[--w.depth]);
}
