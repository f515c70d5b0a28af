/*
 * Strict JSON text into msgpack, in one forward pass. A container's header is one byte until the
 * container ends; the few with more than 15 entries are then moved up to make room, so that the
 * result is always the shortest form. Invariant: on refusal the output is exactly as long as it was
 * before.
 */
#include "stacgate/json.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "mp_wire.h"
#include "utf8.h"

#define NUMBER_MAX 1024 /* characters of one number */

struct container {
    size_t at; /* of its header, in out */
    uint32_t count, first_key;
    bool map;
};

struct reader {
    const char *text, *p, *end;
    struct buf *out;
    size_t base; /* out->len at the start; key offsets count from here */
    const char *why;
    unsigned depth;
    uint32_t key_count;
    struct container open[MP_DEPTH_MAX];
    uint32_t keys[MP_KEYS_MAX];
};

static int refuse(struct reader *r, const char *why)
{
    r->why = why;
    return -EINVAL;
}

static char peek_after_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
    return r->p < r->end ? *r->p : '\0';
}

/* ---- strings */

/* Moves over characters that stand for themselves; stops at a quote, a backslash, damage or the
 * end. */
static int skip_plain(struct reader *r)
{
    for (;;) {
        while (r->end - r->p >= 8) {
            uint64_t w = load8(r->p);
            if ((w & BYTES8(0x80)) | below_in(w, 0x20) | zero_in(w ^ BYTES8('"')) |
                zero_in(w ^ BYTES8('\\')))
                break;
            r->p += 8;
        }
        if (r->p == r->end)
            return refuse(r, "the text ends inside a string");
        uint8_t c = (uint8_t)*r->p;
        if (c == '"' || c == '\\')
            return 0;
        if (c < 0x20)
            return refuse(r, "a control character in a string must be escaped");
        size_t step = utf8_step((const uint8_t *)r->p, (size_t)(r->end - r->p));
        if (step == 0)
            return refuse(r, "text is not valid UTF-8");
        r->p += step;
    }
}

static int hex4(struct reader *r, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        char c = r->p < r->end ? *r->p : '\0';
        char lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            v = v << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return refuse(r, "\\u needs four hexadecimal digits");
    }
    *ret = v;
    return 0;
}

/* After "\u". */
static int unicode_escape(struct reader *r)
{
    uint32_t cp, low;
    int err = hex4(r, &cp);
    if (err)
        return err;
    if (cp == 0)
        return refuse(r, "text holds U+0000");
    if (cp >= 0xdc00 && cp <= 0xdfff)
        return refuse(r, "a lone surrogate");
    if (cp >= 0xd800 && cp <= 0xdbff) {
        if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
            return refuse(r, "a lone surrogate");
        r->p += 2;
        err = hex4(r, &low);
        if (err)
            return err;
        if (low < 0xdc00 || low > 0xdfff)
            return refuse(r, "a lone surrogate");
        cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    }
    r->out->len += utf8_write(cp, buf_reserve(r->out, 4));
    return 0;
}

/* At a backslash. */
static int escape(struct reader *r)
{
    static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    r->p++;
    if (r->p == r->end)
        return refuse(r, "the text ends inside a string");
    uint8_t c = (uint8_t)*r->p++;
    if (c == 'u')
        return unicode_escape(r);
    if (!plain[c])
        return refuse(r, "an unknown escape");
    buf_putc(r->out, plain[c]);
    return 0;
}

static unsigned put_str_header(uint8_t *p, size_t n)
{
    if (n < 32) {
        p[0] = (uint8_t)(0xa0 | n);
        return 1;
    }
    unsigned bytes = n < 256 ? 1 : n < 65536 ? 2 : 4;
    p[0] = bytes == 1 ? 0xd9 : bytes == 2 ? 0xda : 0xdb;
    for (unsigned i = bytes; i > 0; i--, n >>= 8)
        p[i] = (uint8_t)n;
    return 1 + bytes;
}

/* The rest of a string whose first run [start, p) ended at a backslash. Its length is known only
 * when it is decoded. */
static int read_escaped(struct reader *r, const char *start)
{
    struct buf *out = r->out;
    size_t at = out->len;
    memset(buf_reserve(out, 5), 0, 5);
    out->len += 5; /* room for the longest header */
    while (*r->p != '"') {
        buf_put(out, start, (size_t)(r->p - start));
        int err = *r->p == '\\' ? escape(r) : 0;
        if (err)
            return err;
        start = r->p;
        err = skip_plain(r);
        if (err)
            return err;
    }
    buf_put(out, start, (size_t)(r->p - start));
    r->p++;
    size_t n = out->len - at - 5;
    unsigned size = put_str_header(out->data + at, n);
    memmove(out->data + at + size, out->data + at + 5, n);
    out->len = at + size + n;
    return 0;
}

/* At the opening quote. */
static int read_string(struct reader *r)
{
    const char *start = ++r->p;
    int err = skip_plain(r);
    if (err)
        return err;
    if (*r->p == '\\')
        return read_escaped(r, start);
    mp_put_str(r->out, start, (size_t)(r->p - start));
    r->p++;
    return 0;
}

/* ---- numbers */

static bool is_digit(const struct reader *r)
{
    return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static int skip_digits(struct reader *r)
{
    if (!is_digit(r))
        return refuse(r, r->p == r->end ? "the text ends inside a number" : "a digit is missing");
    while (is_digit(r))
        r->p++;
    return 0;
}

static int put_float(struct reader *r, const char *start)
{
    size_t n = (size_t)(r->p - start);
    char copy[NUMBER_MAX + 1];
    if (n > NUMBER_MAX)
        return refuse(r, "a number is too long");
    memcpy(copy, start, n);
    copy[n] = '\0';
    double d = strtod(copy, NULL); /* the process stays in the C locale, where '.' is the point */
    if (!isfinite(d))
        return refuse(r, "a number is too large");
    mp_put_float(r->out, d);
    return 0;
}

/* What 64 bits cannot hold is a float, as it is to JavaScript: PostgreSQL prints 1e30 in digits. */
static int put_integer(struct reader *r, const char *start)
{
    bool negative = *start == '-';
    uint64_t v = 0;
    for (const char *p = start + negative; p < r->p; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return put_float(r, start);
        v = v * 10 + digit;
    }
    if (!negative)
        mp_put_uint(r->out, v);
    else if (v == 0)
        mp_put_float(r->out, -0.0); /* what "-0" means to JavaScript */
    else if (v <= (uint64_t)INT64_MAX + 1)
        mp_put_int(r->out, (int64_t)(0 - v));
    else
        return put_float(r, start);
    return 0;
}

static int read_number(struct reader *r)
{
    const char *start = r->p;
    if (*r->p == '-')
        r->p++;
    const char *first = r->p;
    int err = skip_digits(r);
    if (err)
        return err;
    if (*first == '0' && r->p - first > 1)
        return refuse(r, "a number begins with 0");
    bool whole = true;
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        whole = false;
        err = skip_digits(r);
    }
    if (!err && r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        r->p++;
        whole = false;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        err = skip_digits(r);
    }
    if (err)
        return err;
    return whole ? put_integer(r, start) : put_float(r, start);
}

/* ---- containers */

static int read_word(struct reader *r, const char *word, size_t n)
{
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return refuse(r, "an unknown word");
    r->p += n;
    if (*word == 'n')
        mp_put_nil(r->out);
    else
        mp_put_bool(r->out, *word == 't');
    return 0;
}

static int read_key(struct reader *r)
{
    if (peek_after_space(r) != '"')
        return refuse(r,
                      r->p == r->end ? "the text ends inside an object" : "a key must be a string");
    if (r->key_count == MP_KEYS_MAX)
        return refuse(r, "too many keys");
    r->keys[r->key_count++] = (uint32_t)(r->out->len - r->base);
    int err = read_string(r);
    if (err)
        return err;
    if (peek_after_space(r) != ':')
        return refuse(r, "a colon is missing");
    r->p++;
    return 0;
}

/* The header's byte was put when it opened; now its count is known. */
static void finish_header(struct buf *out, const struct container *c)
{
    unsigned more = c->count < 16 ? 0 : c->count < 65536 ? 2 : 4;
    if (more == 0) {
        out->data[c->at] = (uint8_t)((c->map ? 0x80 : 0x90) | c->count);
        return;
    }
    buf_reserve(out, more);
    uint8_t *body = out->data + c->at + 1;
    size_t n = out->len - c->at - 1;
    memmove(body + more, body, n);
    out->len = c->at;
    if (c->map)
        mp_put_map(out, c->count);
    else
        mp_put_array(out, c->count);
    out->len += n;
}

static int close_container(struct reader *r)
{
    struct container *c = &r->open[--r->depth];
    r->p++;
    if (c->map) {
        struct mp written = mp_view(r->out->data + r->base, r->out->len - r->base);
        if (!mp_keys_distinct(written, r->keys + c->first_key, r->key_count - c->first_key))
            return refuse(r, "a key stands twice in one object");
        r->key_count = c->first_key;
    }
    finish_header(r->out, c);
    return 0;
}

/* At { or [. *ret_ended: it was empty, so a value has ended. */
static int open_container(struct reader *r, bool *ret_ended)
{
    bool map = *r->p == '{';
    if (r->depth == MP_DEPTH_MAX)
        return refuse(r, "nested too deeply");
    r->open[r->depth++] = (struct container){r->out->len, 0, r->key_count, map};
    buf_putc(r->out, 0);
    r->p++;
    *ret_ended = peek_after_space(r) == (map ? '}' : ']');
    if (*ret_ended)
        return close_container(r);
    return map ? read_key(r) : 0;
}

static int read_value(struct reader *r, bool *ret_ended)
{
    *ret_ended = true;
    switch (peek_after_space(r)) {
    case '{':
    case '[':
        return open_container(r, ret_ended);
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true", 4);
    case 'f':
        return read_word(r, "false", 5);
    case 'n':
        return read_word(r, "null", 4);
    case '-':
    case '0' ... '9':
        return read_number(r);
    default:
        return refuse(r, r->p == r->end ? "the text ends where a value must stand"
                                        : "no value begins like this");
    }
}

/* After a value: a comma and what it asks for, or the ends of containers. *ret_more: a value must
 * follow. */
static int after_value(struct reader *r, bool *ret_more)
{
    *ret_more = false;
    while (r->depth > 0) {
        struct container *c = &r->open[r->depth - 1];
        c->count++;
        char next = peek_after_space(r);
        if (next == ',') {
            r->p++;
            *ret_more = true;
            return c->map ? read_key(r) : 0;
        }
        if (next != (c->map ? '}' : ']'))
            return refuse(r, r->p == r->end ? "the text ends inside a container"
                                            : "a comma or the container's end is missing");
        int err = close_container(r);
        if (err)
            return err;
    }
    return 0;
}

static int read_text(struct reader *r)
{
    bool more = true;
    while (more) {
        bool ended;
        int err = read_value(r, &ended);
        if (!err && ended)
            err = after_value(r, &more);
        if (err)
            return err;
    }
    peek_after_space(r);
    return r->p == r->end ? 0 : refuse(r, "something follows the value");
}

int json_to_mp(const char *text, size_t n, struct buf *out, const char **ret_why, size_t *ret_at)
{
    struct reader r; /* the key stack stays uninitialised on purpose: 16 KiB */
    r.text = r.p = text;
    r.end = text + n;
    r.out = out;
    r.base = out->len;
    r.depth = 0;
    r.key_count = 0;
    int err = n >= UINT32_MAX / 2 ? refuse(&r, "too long") : read_text(&r);
    if (err) {
        out->len = r.base;
        *ret_why = r.why;
        *ret_at = (size_t)(r.p - text);
    }
    return err;
}
