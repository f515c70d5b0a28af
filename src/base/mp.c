/*
 * Writers (msgpack-c's packer onto a buf) and readers of the value form. Readers trust the bytes'
 * meaning, as mp_check() or our own packing vouch for it, but never step past `end`, whatever the
 * bytes say.
 */
#include "stacgate/mp.h"

#include <assert.h>
#include <math.h>
#include <msgpack/pack.h>

#include "mp_wire.h"

/* 0xc0–0xdf: the type, all bytes before what follows, and how many of them at the end are a count.
 */
static const struct {
    uint8_t type, size, count_bytes;
} formats[32] = {
    [0x00] = {MP_NIL, 1, 0},  [0x01] = {MP_NONE, 0, 0},  [0x02] = {MP_BOOL, 1, 0},
    [0x03] = {MP_BOOL, 1, 0}, [0x04] = {MP_BIN, 2, 1},   [0x05] = {MP_BIN, 3, 2},
    [0x06] = {MP_BIN, 5, 4},  [0x07] = {MP_NONE, 0, 0},  [0x08] = {MP_NONE, 0, 0},
    [0x09] = {MP_NONE, 0, 0}, [0x0a] = {MP_FLOAT, 5, 0}, [0x0b] = {MP_FLOAT, 9, 0},
    [0x0c] = {MP_INT, 2, 0},  [0x0d] = {MP_INT, 3, 0},   [0x0e] = {MP_INT, 5, 0},
    [0x0f] = {MP_UINT, 9, 0}, [0x10] = {MP_INT, 2, 0},   [0x11] = {MP_INT, 3, 0},
    [0x12] = {MP_INT, 5, 0},  [0x13] = {MP_INT, 9, 0},   [0x14] = {MP_NONE, 0, 0},
    [0x15] = {MP_NONE, 0, 0}, [0x16] = {MP_NONE, 0, 0},  [0x17] = {MP_NONE, 0, 0},
    [0x18] = {MP_NONE, 0, 0}, [0x19] = {MP_STR, 2, 1},   [0x1a] = {MP_STR, 3, 2},
    [0x1b] = {MP_STR, 5, 4},  [0x1c] = {MP_ARRAY, 3, 2}, [0x1d] = {MP_ARRAY, 5, 4},
    [0x1e] = {MP_MAP, 3, 2},  [0x1f] = {MP_MAP, 5, 4},
};

uint64_t mp_be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

struct mp_head mp_head(const uint8_t *p, const uint8_t *end)
{
    if (!p || p >= end)
        return (struct mp_head){MP_NONE, 0, 0};
    uint8_t c = *p;
    if (c < 0x80 || c >= 0xe0)
        return (struct mp_head){MP_INT, 1, 0};
    if (c < 0x90)
        return (struct mp_head){MP_MAP, 1, c & 0x0f};
    if (c < 0xa0)
        return (struct mp_head){MP_ARRAY, 1, c & 0x0f};
    if (c < 0xc0)
        return (struct mp_head){MP_STR, 1, c & 0x1f};
    struct mp_head h = {formats[c - 0xc0].type, formats[c - 0xc0].size, 0};
    unsigned count_bytes = formats[c - 0xc0].count_bytes;
    if (end - p < h.size)
        return (struct mp_head){MP_NONE, 0, 0};
    if (count_bytes)
        h.n = (uint32_t)mp_be(p + 1, count_bytes);
    if (h.type == MP_UINT && !(p[1] & 0x80))
        h.type = MP_INT;
    return h;
}

/* The end of the value at p. At most `end`, also for bytes nobody checked. */
static const uint8_t *skip(const uint8_t *p, const uint8_t *end)
{
    for (uint64_t left = 1; left > 0; left--) {
        struct mp_head h = mp_head(p, end);
        if (h.type == MP_NONE)
            return end;
        p += h.size;
        if (h.type == MP_STR || h.type == MP_BIN) {
            if ((size_t)(end - p) < h.n)
                return end;
            p += h.n;
        } else if (h.type == MP_ARRAY) {
            left += h.n;
        } else if (h.type == MP_MAP) {
            left += 2 * (uint64_t)h.n;
        }
    }
    return p;
}

enum mp_type mp_type(struct mp v)
{
    return mp_head(v.p, v.end).type;
}

struct str mp_bytes(struct mp v)
{
    if (!v.p)
        return (struct str){NULL, 0};
    return (struct str){(const char *)v.p, (size_t)(skip(v.p, v.end) - v.p)};
}

bool mp_bool(struct mp v, bool otherwise)
{
    return mp_type(v) == MP_BOOL ? *v.p == 0xc3 : otherwise;
}

static int64_t int_value(const uint8_t *p, uint8_t size)
{
    if (size == 1)
        return (int8_t)*p;
    uint64_t u = mp_be(p + 1, size - 1u);
    if (*p < 0xd0)
        return (int64_t)u;
    unsigned unused = 64 - 8 * (size - 1u); /* sign-extend */
    return (int64_t)(u << unused) >> unused;
}

static double float_value(const uint8_t *p, uint8_t size)
{
    if (size == 5) {
        uint32_t bits = (uint32_t)mp_be(p + 1, 4);
        float f;
        memcpy(&f, &bits, sizeof f);
        return (double)f;
    }
    uint64_t bits = mp_be(p + 1, 8);
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

int64_t mp_int(struct mp v, int64_t otherwise)
{
    struct mp_head h = mp_head(v.p, v.end);
    if (h.type == MP_INT)
        return int_value(v.p, h.size);
    if (h.type != MP_FLOAT)
        return otherwise;
    double d = float_value(v.p, h.size);
    /* 2^63 itself is no int64; the comparison is false for NaN. */
    return d >= -0x1p63 && d < 0x1p63 && d == trunc(d) ? (int64_t)d : otherwise;
}

double mp_float(struct mp v, double otherwise)
{
    struct mp_head h = mp_head(v.p, v.end);
    switch (h.type) {
    case MP_INT:
        return (double)int_value(v.p, h.size);
    case MP_UINT:
        return (double)mp_be(v.p + 1, 8);
    case MP_FLOAT:
        return float_value(v.p, h.size);
    default:
        return otherwise;
    }
}

uint64_t mp_uint(struct mp v, uint64_t otherwise)
{
    if (mp_type(v) == MP_UINT)
        return mp_be(v.p + 1, 8);
    int64_t i = mp_int(v, -1);
    return i >= 0 ? (uint64_t)i : otherwise;
}

static struct str bytes_of(struct mp v, enum mp_type type)
{
    struct mp_head h = mp_head(v.p, v.end);
    if (h.type != type || (size_t)(v.end - v.p - h.size) < h.n)
        return (struct str){NULL, 0};
    return (struct str){(const char *)v.p + h.size, h.n};
}

struct str mp_str(struct mp v)
{
    return bytes_of(v, MP_STR);
}
struct str mp_bin(struct mp v)
{
    return bytes_of(v, MP_BIN);
}

uint32_t mp_count(struct mp v)
{
    struct mp_head h = mp_head(v.p, v.end);
    return h.type == MP_ARRAY || h.type == MP_MAP ? h.n : 0;
}

struct mp_iter mp_iter(struct mp v)
{
    struct mp_head h = mp_head(v.p, v.end);
    if (h.type != MP_ARRAY && h.type != MP_MAP)
        return (struct mp_iter){.left = 0};
    return (struct mp_iter){
        .next = v.p + h.size, .end = v.end, .left = h.n, .map = h.type == MP_MAP};
}

static struct mp take(struct mp_iter *it)
{
    struct mp v = {it->next, skip(it->next, it->end)};
    it->next = v.end;
    return v;
}

bool mp_next(struct mp_iter *it)
{
    if (it->left == 0 || it->next >= it->end)
        return false;
    it->left--;
    if (it->map)
        it->key = take(it);
    it->value = take(it);
    return true;
}

struct mp mp_get(struct mp map, const char *key)
{
    if (mp_type(map) != MP_MAP)
        return (struct mp){NULL, NULL};
    for (struct mp_iter it = mp_iter(map); mp_next(&it);)
        if (str_is(mp_str(it.key), key))
            return it.value;
    return (struct mp){NULL, NULL};
}

struct mp mp_at(struct mp array, uint32_t i)
{
    if (mp_type(array) != MP_ARRAY)
        return (struct mp){NULL, NULL};
    for (struct mp_iter it = mp_iter(array); mp_next(&it);)
        if (i-- == 0)
            return it.value;
    return (struct mp){NULL, NULL};
}

static int put_bytes(void *data, const char *bytes, size_t n)
{
    buf_put(data, bytes, n);
    return 0;
}

static inline msgpack_packer packer(struct buf *b)
{
    return (msgpack_packer){.data = b, .callback = put_bytes};
}

void mp_put_nil(struct buf *b)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_nil(&pk);
}

void mp_put_bool(struct buf *b, bool v)
{
    msgpack_packer pk = packer(b);
    if (v)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void mp_put_int(struct buf *b, int64_t v)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_int64(&pk, v);
}

void mp_put_uint(struct buf *b, uint64_t v)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_uint64(&pk, v);
}

void mp_put_float(struct buf *b, double v)
{
    assert(isfinite(v));
    msgpack_packer pk = packer(b);
    msgpack_pack_double(&pk, v);
}

void mp_put_str(struct buf *b, const char *s, size_t n)
{
    assert(n <= UINT32_MAX);
    buf_reserve(b, n + 5);
    msgpack_packer pk = packer(b);
    msgpack_pack_str(&pk, n);
    msgpack_pack_str_body(&pk, s, n);
}

void mp_put_cstr(struct buf *b, const char *s)
{
    if (s)
        mp_put_str(b, s, strlen(s));
    else
        mp_put_nil(b);
}

void mp_put_bin(struct buf *b, const void *p, size_t n)
{
    assert(n <= UINT32_MAX);
    buf_reserve(b, n + 5);
    msgpack_packer pk = packer(b);
    msgpack_pack_bin(&pk, n);
    msgpack_pack_bin_body(&pk, p, n);
}

void mp_put_array(struct buf *b, uint32_t count)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_array(&pk, count);
}

void mp_put_map(struct buf *b, uint32_t pairs)
{
    msgpack_packer pk = packer(b);
    msgpack_pack_map(&pk, pairs);
}

void mp_put_raw(struct buf *b, struct mp v)
{
    struct str bytes = mp_bytes(v);
    if (bytes.n)
        buf_put(b, bytes.p, bytes.n);
    else
        mp_put_nil(b);
}
