/*
 * UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above U+10FFFF.
 * ASCII, which most text is even in French, is taken eight bytes at a time.
 */
#include "utf8.h"

#include "stacgate/mp.h"

static inline int is_tail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

size_t utf8_step(const uint8_t *p, size_t left)
{
    uint8_t c = left ? p[0] : 0xff;
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    if (c < 0xe0)
        return left >= 2 && is_tail(p[1]) ? 2 : 0;
    /* The second byte's range is narrower where an overlong form, a surrogate or > U+10FFFF would
     * begin. */
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (left < 3 || p[1] < low || p[1] > high || !is_tail(p[2]))
        return 0;
    if (c < 0xf0)
        return 3;
    return left >= 4 && is_tail(p[3]) ? 4 : 0;
}

uint32_t utf8_point(const uint8_t *p, size_t n)
{
    static const uint8_t lead_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t cp = p[0] & lead_bits[n];
    for (size_t i = 1; i < n; i++)
        cp = cp << 6 | (p[i] & 0x3f);
    return cp;
}

size_t utf8_write(uint32_t cp, uint8_t out[4])
{
    if (cp < 0x80) {
        out[0] = (uint8_t)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, cp >>= 6)
        out[i] = (uint8_t)(0x80 | (cp & 0x3f));
    out[0] = (uint8_t)(lead[n] | cp);
    return n;
}

bool utf8_valid(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s, *end = p + n;
    while (p < end) {
        if (end - p >= 8 && !(load8(p) & BYTES8(0x80))) {
            p += 8;
            continue;
        }
        size_t step = utf8_step(p, (size_t)(end - p));
        if (step == 0)
            return false;
        p += step;
    }
    return true;
}

size_t utf8_length(const char *s, size_t n)
{
    size_t points = 0;
    for (size_t i = 0; i < n; i++)
        points += !is_tail((uint8_t)s[i]);
    return points;
}
