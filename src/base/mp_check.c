/*
 * The gate every foreign msgpack byte passes before anybody reads it. One forward pass with an
 * explicit stack of open containers, so neither depth nor lengths nor the number of keys can make
 * it slow, recurse or allocate.
 */
#include <assert.h>
#include <errno.h>
#include <math.h>

#include "mp_wire.h"
#include "stacgate/ids.h"

struct open_container {
    uint32_t left;      /* values still to come; a map's keys count as values */
    uint32_t first_key; /* map: index of its first key on the key stack */
    bool map;
};

struct checker {
    const uint8_t *base, *p, *end;
    bool allow_bin;
    const char *why;
    unsigned depth;
    uint32_t key_count;
    struct open_container open[MP_DEPTH_MAX];
    uint32_t keys[MP_KEYS_MAX];
};

static struct str key_at(struct mp bytes, uint32_t at)
{
    return mp_str((struct mp){bytes.p + at, bytes.end});
}

static bool same(struct str a, struct str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool few_distinct(struct mp bytes, const uint32_t *at, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (same(key_at(bytes, at[i]), key_at(bytes, at[j])))
                return false;
    return true;
}

bool mp_keys_distinct(struct mp bytes, const uint32_t *at, uint32_t n)
{
    if (n <= 8)
        return few_distinct(bytes, at, n);
    assert(n <= MP_KEYS_MAX);
    uint16_t slots[2 * MP_KEYS_MAX]; /* index + 1 of the key that took the place */
    uint32_t size = 16;
    while (size < 2 * n)
        size *= 2;
    memset(slots, 0, size * sizeof slots[0]);
    for (uint32_t i = 0; i < n; i++) {
        struct str key = key_at(bytes, at[i]);
        uint32_t place = (uint32_t)siphash(key.p, key.n) & (size - 1);
        for (; slots[place]; place = (place + 1) & (size - 1))
            if (same(key, key_at(bytes, at[slots[place] - 1])))
                return false;
        slots[place] = (uint16_t)(i + 1);
    }
    return true;
}

static int refuse(struct checker *c, const char *why)
{
    c->why = why;
    return -EINVAL;
}

static int check_bytes(struct checker *c, struct mp_head h)
{
    if ((size_t)(c->end - c->p) < h.n)
        return refuse(c, "a length exceeds the message");
    if (h.type == MP_BIN) {
        if (!c->allow_bin)
            return refuse(c, "binary values are not taken here");
    } else if (!utf8_valid((const char *)c->p, h.n)) {
        return refuse(c, "text is not valid UTF-8");
    } else if (memchr(c->p, 0, h.n)) {
        return refuse(c, "text holds U+0000");
    }
    c->p += h.n;
    return 0;
}

static int open_one(struct checker *c, struct mp_head h)
{
    uint64_t values = h.type == MP_MAP ? 2 * (uint64_t)h.n : h.n;
    if (c->depth == MP_DEPTH_MAX)
        return refuse(c, "nested too deeply");
    if (values > (size_t)(c->end - c->p)) /* every value takes a byte at least */
        return refuse(c, "a length exceeds the message");
    c->open[c->depth++] = (struct open_container){(uint32_t)values, c->key_count, h.type == MP_MAP};
    return 0;
}

static int close_complete(struct checker *c)
{
    while (c->depth > 0 && c->open[c->depth - 1].left == 0) {
        struct open_container *o = &c->open[--c->depth];
        if (!o->map)
            continue;
        if (!mp_keys_distinct(mp_view(c->base, (size_t)(c->end - c->base)), c->keys + o->first_key,
                              c->key_count - o->first_key))
            return refuse(c, "a key stands twice in one map");
        c->key_count = o->first_key;
    }
    return 0;
}

/* Counts the value that begins at p into its container, and notes it when it is a key. */
static int place_value(struct checker *c, struct mp_head h)
{
    if (c->depth == 0)
        return 0;
    struct open_container *o = &c->open[c->depth - 1];
    bool key = o->map && o->left % 2 == 0;
    o->left--;
    if (!key)
        return 0;
    if (h.type != MP_STR)
        return refuse(c, "a map key is not text");
    if (c->key_count == MP_KEYS_MAX)
        return refuse(c, "too many keys");
    c->keys[c->key_count++] = (uint32_t)(c->p - c->base);
    return 0;
}

static bool finite_float(const uint8_t *p, uint8_t size)
{
    /* All exponent bits set: infinite or not a number. */
    return size == 5 ? (mp_be(p + 1, 4) & 0x7f800000) != 0x7f800000
                     : (mp_be(p + 1, 8) >> 52 & 0x7ff) != 0x7ff;
}

static int check_value(struct checker *c)
{
    struct mp_head h = mp_head(c->p, c->end);
    if (h.type == MP_NONE)
        return refuse(c, c->p < c->end && (*c->p == 0xc1 || (*c->p >= 0xc7 && *c->p <= 0xc9) ||
                                           (*c->p >= 0xd4 && *c->p <= 0xd8))
                             ? "extension types are not taken"
                             : "the message ends early");
    int err = place_value(c, h);
    if (err)
        return err;
    if (h.type == MP_FLOAT && !finite_float(c->p, h.size))
        return refuse(c, "a number is not finite");
    c->p += h.size;
    if (h.type == MP_STR || h.type == MP_BIN)
        err = check_bytes(c, h);
    else if (h.type == MP_ARRAY || h.type == MP_MAP)
        err = open_one(c, h);
    return err ? err : close_complete(c);
}

int mp_check(const uint8_t *bytes, size_t n, bool allow_bin, const char **ret_why)
{
    struct checker c; /* the key stack stays uninitialised on purpose: 16 KiB */
    c.base = c.p = bytes;
    c.end = bytes + n;
    c.allow_bin = allow_bin;
    c.depth = 0;
    c.key_count = 0;
    int err = n >= UINT32_MAX ? refuse(&c, "too long") : check_value(&c);
    while (!err && c.depth > 0)
        err = check_value(&c);
    if (!err && c.p != c.end)
        err = refuse(&c, "bytes follow the value");
    if (err)
        *ret_why = c.why;
    return err;
}
