/*
 * Typed answers. Phones write ’ for ', French keyboards a blank that does not break, some systems
 * an accent behind its letter: all that is one answer, as nobody sees a difference.
 */
#include "answer_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one sign, one way to write it ---- */

static const struct {
    const char *typed, *plain;
} signs[] = {
    {"\u00a0", " "}, {"\u202f", " "}, {"\u2009", " "}, {"\u2019", "'"}, {"\u2018", "'"},
    {"\u02bc", "'"}, {"\u2010", "-"}, {"\u2011", "-"}, {"\u2013", "-"}, {"\u2212", "-"},
};

/* Accents that stand behind their letter, and the letters (of two bytes each) with them. */
static const struct {
    const char *mark, *bare, *whole;
} accents[] = {
    {"\u0300", "aeiouAEIOU", "àèìòùÀÈÌÒÙ"},   {"\u0301", "aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ"},
    {"\u0302", "aeiouAEIOU", "âêîôûÂÊÎÔÛ"},   {"\u0303", "anoANO", "ãñõÃÑÕ"},
    {"\u0308", "aeiouyAEIOU", "äëïöüÿÄËÏÖÜ"}, {"\u0327", "cC", "çÇ"},
};

static bool begins(struct str s, const char *with)
{
    return s.n >= strlen(with) && memcmp(s.p, with, strlen(with)) == 0;
}

/* How many bytes of s were taken: 0 where it does not begin with one of the signs. */
static size_t take_sign(struct str s, struct buf *out)
{
    for (unsigned i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (begins(s, signs[i].typed)) {
            buf_putc(out, *signs[i].plain);
            return strlen(signs[i].typed);
        }
    return 0;
}

/* The same of an accent, which the last letter gets. */
static size_t take_accent(struct str s, struct buf *out)
{
    for (unsigned i = 0; out->len && i < sizeof(accents) / sizeof(accents[0]); i++) {
        const char *at = begins(s, accents[i].mark) && out->data[out->len - 1]
                             ? strchr(accents[i].bare, out->data[out->len - 1])
                             : NULL;
        if (at) {
            out->len--;
            buf_put(out, accents[i].whole + 2 * (at - accents[i].bare), 2);
            return strlen(accents[i].mark);
        }
    }
    return 0;
}

static void one_way(struct str s, struct buf *out)
{
    while (s.n) {
        size_t n = (unsigned char)*s.p < 0x80 ? 0 : take_sign(s, out);
        if (n == 0 && (unsigned char)*s.p >= 0x80)
            n = take_accent(s, out);
        if (n == 0) {
            buf_putc(out, *s.p);
            n = 1;
        }
        s.p += n;
        s.n -= n;
    }
}

/* ---- text ---- */

static unsigned char lower(unsigned char before, unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned char)(c + 32);
    if (before == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97)
        return (unsigned char)(c + 32);            /* U+00C0 – U+00DE */
    return before == 0xc5 && c == 0x92 ? 0x93 : c; /* Œ */
}

void answer_plain(struct str s, bool case_matters, struct buf *out)
{
    struct buf b = BUF_INIT;
    bool blank = true;

    one_way(s, &b);
    for (size_t i = 0; i < b.len; i++) {
        unsigned char c = b.data[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!is_blank)
            buf_putc(out, (char)(case_matters ? c : lower(i ? b.data[i - 1] : 0, c)));
        else if (!blank)
            buf_putc(out, ' ');
        blank = is_blank;
    }
    if (blank && out->len)
        out->len--;
    buf_finish(&b);
}

bool answer_fits(struct mp accepted, struct str given, bool case_matters)
{
    struct buf want = BUF_INIT, got = BUF_INIT;
    bool fits = false;

    answer_plain(given, case_matters, &got);
    for (struct mp_iter it = mp_iter(accepted); got.len && !fits && mp_next(&it);) {
        want.len = 0;
        answer_plain(mp_str(it.value), case_matters, &want);
        fits = want.len == got.len && memcmp(want.data, got.data, got.len) == 0;
    }
    buf_finish(&want);
    buf_finish(&got);
    return fits;
}

/* ---- numbers ---- */

static bool read_number(struct str s, double *ret)
{
    char text[40], *end;
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == ' ')
            continue;
        if (n + 1 == sizeof(text) || !strchr("0123456789.,+-eE", s.p[i]) || !s.p[i])
            return false;
        text[n++] = s.p[i] == ',' ? '.' : s.p[i];
    }
    text[n] = 0;
    *ret = strtod(text, &end);
    return n && *end == 0 && isfinite(*ret);
}

bool answer_number(struct mp v, double *ret)
{
    struct buf b = BUF_INIT;

    if (mp_type(v) == MP_INT || mp_type(v) == MP_UINT || mp_type(v) == MP_FLOAT) {
        *ret = mp_float(v, 0);
        return true;
    }
    one_way(mp_str(v), &b);
    bool is_one = read_number((struct str){(const char *)b.data, b.len}, ret);
    buf_finish(&b);
    return is_one;
}
