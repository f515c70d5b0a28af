/*
 * The value form as compact JSON text. Numbers read back as the same value: integers digit by
 * digit, floats with the fewest of 15 to 17 digits that do. Values are known good (mp.h), so there
 * is nothing to refuse.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mp_wire.h"
#include "stacgate/json.h"
#include "utf8.h"

#define WRITE_DEPTH_MAX (2 * MP_DEPTH_MAX) /* input's depth, and what we wrap around it */

/* 0: stands for itself; otherwise the letter after the backslash, 'u' for \u00XX. */
static const char escapes[256] = {
    [0 ... 7] = 'u', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',        [11] = 'u',
    ['\f'] = 'f',    ['\r'] = 'r', ['"'] = '"',  [14 ... 0x1f] = 'u', ['\\'] = '\\',
};

static size_t plain_run(const char *s, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t w = load8(s + i);
        if (below_in(w, 0x20) | zero_in(w ^ BYTES8('"')) | zero_in(w ^ BYTES8('\\')))
            break;
    }
    while (i < n && !escapes[(uint8_t)s[i]])
        i++;
    return i;
}

void json_put_str(struct buf *out, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    buf_reserve(out, n + 2);
    buf_putc(out, '"');
    for (;;) {
        size_t run = plain_run(s, n);
        buf_put(out, s, run);
        if (run == n)
            break;
        uint8_t c = (uint8_t)s[run];
        char escape[6] = {'\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15]};
        buf_put(out, escape, escape[1] == 'u' ? 6 : 2);
        s += run + 1;
        n -= run + 1;
    }
    buf_putc(out, '"');
}

static void put_digits(struct buf *out, uint64_t v, bool negative)
{
    char digits[21];
    char *p = digits + sizeof digits;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    if (negative)
        *--p = '-';
    buf_put(out, p, (size_t)(digits + sizeof digits - p));
}

static void put_int(struct buf *out, int64_t v)
{
    put_digits(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

static void put_float(struct buf *out, double d)
{
    if (fabs(d) < 0x1p53 && d == trunc(d) && !(d == 0 && signbit(d))) {
        put_int(out, (int64_t)d);
        return;
    }
    char text[32];
    int n = 0;
    for (int precision = 15; precision <= 17; precision++) {
        n = snprintf(text, sizeof text, "%.*g", precision, d);
        if (strtod(text, NULL) == d)
            break;
    }
    buf_put(out, text, (size_t)n);
}

static void put_base64(struct buf *out, struct str bin)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = (const uint8_t *)bin.p;
    buf_putc(out, '"');
    for (size_t i = 0; i < bin.n; i += 3) {
        size_t have = bin.n - i < 3 ? bin.n - i : 3;
        uint32_t v = (uint32_t)p[i] << 16 | (have > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (have > 2 ? p[i + 2] : 0);
        char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63],
                        have > 1 ? alphabet[v >> 6 & 63] : '=', have > 2 ? alphabet[v & 63] : '='};
        buf_put(out, four, 4);
    }
    buf_putc(out, '"');
}

static void put_scalar(struct mp v, enum mp_type type, struct buf *out)
{
    struct str s;
    switch (type) {
    case MP_BOOL:
        buf_puts(out, mp_bool(v, false) ? "true" : "false");
        break;
    case MP_INT:
        put_int(out, mp_int(v, 0));
        break;
    case MP_UINT:
        put_digits(out, mp_uint(v, 0), false);
        break;
    case MP_FLOAT:
        put_float(out, mp_float(v, 0));
        break;
    case MP_STR:
        s = mp_str(v);
        json_put_str(out, s.p, s.n);
        break;
    case MP_BIN:
        put_base64(out, mp_bin(v));
        break;
    default:
        buf_puts(out, "null");
    }
}

struct level {
    uint64_t left; /* values still to come; a map's keys count as values */
    bool map, first;
};

/* What stands between the previous value and this one. */
static void put_separator(struct level *l, struct buf *out)
{
    bool value_of_pair = l->map && l->left % 2 == 1;
    if (value_of_pair)
        buf_putc(out, ':');
    else if (!l->first)
        buf_putc(out, ',');
    l->first = false;
    l->left--;
}

void mp_to_json(struct mp v, struct buf *out)
{
    struct level levels[WRITE_DEPTH_MAX];
    unsigned depth = 0;
    const uint8_t *p = v.p;
    do {
        if (depth > 0)
            put_separator(&levels[depth - 1], out);
        struct mp_head h = mp_head(p, v.end);
        assert(h.type != MP_NONE || !v.p); /* the bytes were checked, or packed by us */
        if (h.type == MP_ARRAY || h.type == MP_MAP) {
            bool map = h.type == MP_MAP;
            assert(depth < WRITE_DEPTH_MAX);
            buf_putc(out, map ? '{' : '[');
            levels[depth++] = (struct level){(uint64_t)h.n << map, map, true};
        } else {
            put_scalar((struct mp){p, v.end}, h.type, out);
        }
        if (p)
            p += h.size + (h.type == MP_STR || h.type == MP_BIN ? h.n : 0);
        while (depth > 0 && levels[depth - 1].left == 0)
            buf_putc(out, levels[--depth].map ? '}' : ']');
    } while (depth > 0);
}
