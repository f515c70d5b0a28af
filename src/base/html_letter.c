/*
 * References to letters and signs (&eacute; &#233; &#xE9;) as the characters that they are, so that
 * who looks for a word finds it, and who counts characters counts what is read. What has a meaning
 * in HTML is ASCII, and stays a reference.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/html.h"
#include "utf8.h"

#define LATIN_FIRST 0xa0
#define NAME_MAX_LEN 8

/* U+00A0 – U+00FF, in their order. */
static const char *const latin[] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",
    "copy",   "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn",
    "sup2",   "sup3",   "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",
    "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave",
    "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde",
    "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
    "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",
    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};
static const struct {
    const char *name;
    uint32_t point;
} others[] = {
    {"OElig", 0x152},   {"oelig", 0x153},  {"Yuml", 0x178},    {"ndash", 0x2013},
    {"mdash", 0x2014},  {"lsquo", 0x2018}, {"rsquo", 0x2019},  {"ldquo", 0x201c},
    {"rdquo", 0x201d},  {"bull", 0x2022},  {"hellip", 0x2026}, {"lsaquo", 0x2039},
    {"rsaquo", 0x203a}, {"euro", 0x20ac},  {"trade", 0x2122},  {"rarr", 0x2192},
    {"minus", 0x2212},  {"ne", 0x2260},    {"le", 0x2264},     {"ge", 0x2265},
};

static uint32_t named(const char *name)
{
    for (unsigned i = 0; i < sizeof(latin) / sizeof(latin[0]); i++)
        if (strcmp(name, latin[i]) == 0)
            return LATIN_FIRST + i;
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i].name) == 0)
            return others[i].point;
    return 0;
}

/* "#233", "#xE9" */
static uint32_t numbered(const char *name)
{
    bool hex = name[1] == 'x' || name[1] == 'X';
    const char *digits = name + 1 + hex;
    char *end;
    unsigned long point = strtoul(digits, &end, hex ? 16 : 10);

    return isalnum((unsigned char)*digits) && *end == 0 && point <= 0x10ffff &&
                   (point < 0xd800 || point > 0xdfff)
               ? (uint32_t)point
               : 0;
}

size_t html_letter(struct str s, struct buf *out)
{
    char name[NAME_MAX_LEN + 1];
    size_t n = 0;
    uint8_t bytes[4];

    while (1 + n < s.n && n < NAME_MAX_LEN && s.p[1 + n] != ';') {
        name[n] = s.p[1 + n];
        n++;
    }
    name[n] = 0;
    if (1 + n >= s.n || s.p[1 + n] != ';' || n == 0)
        return 0;
    uint32_t point = *name == '#' ? numbered(name) : named(name);
    if (point < LATIN_FIRST) /* ASCII, and what browsers read as other signs than they are */
        return 0;
    buf_put(out, bytes, utf8_write(point, bytes));
    return n + 2;
}

/* ---- as a reader of an attribute takes it ---- */

/* "&#106;", "&#x6A" (its semicolon may be missing): how long it is, 0: it is none. */
static size_t by_number(struct str s, uint32_t *ret_point)
{
    bool hex = s.n > 2 && (s.p[2] | 32) == 'x';
    size_t from = 2 + hex, n = from;
    uint32_t point = 0;

    for (; n < s.n && (hex ? isxdigit((unsigned char)s.p[n]) : isdigit((unsigned char)s.p[n])); n++)
        if (point < 0x110000)
            point = point * (hex ? 16 : 10) + (uint32_t)(isdigit((unsigned char)s.p[n])
                                                             ? s.p[n] - '0'
                                                             : (s.p[n] | 32) - 'a' + 10);
    if (n == from)
        return 0;
    *ret_point = point;
    return n + (n < s.n && s.p[n] == ';');
}

uint32_t html_first(struct str *s)
{
    static const struct {
        const char *name;
        char is;
    } signs[] = {{"&colon;", ':'}, {"&sol;", '/'}, {"&Tab;", '\t'}, {"&NewLine;", '\n'}};
    uint32_t point = (unsigned char)*s->p;
    size_t n = point == '&' && s->n > 2 && s->p[1] == '#' ? by_number(*s, &point) : 0;

    for (unsigned i = 0; n == 0 && *s->p == '&' && i < sizeof(signs) / sizeof(signs[0]); i++) {
        size_t length = strlen(signs[i].name);
        if (s->n < length || memcmp(s->p, signs[i].name, length) != 0)
            continue;
        point = (unsigned char)signs[i].is;
        n = length;
    }
    n = n ? n : 1;
    *s = (struct str){s->p + n, s->n - n};
    return point;
}
