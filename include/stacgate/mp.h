/*
 * msgpack as the server's one value form: what clients send (as JSON or msgpack) becomes these
 * bytes once, actors exchange them, and they become JSON text again only on the way out.
 * Writers append to a struct buf. Readers are views into bytes that somebody else owns; a view
 * is only ever made over bytes that mp_check() accepted, so readers need not report damage.
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md (no ext types, string map keys).
 */
#ifndef STACGATE_MP_H
#define STACGATE_MP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "stacgate/buf.h"

#define MP_DEPTH_MAX 32 /* nesting that input may have */

/* MP_INT: an integer that int64_t holds, whatever its form on the wire; MP_UINT: one above
 * INT64_MAX. */
enum mp_type {
    MP_NIL,
    MP_BOOL,
    MP_INT,
    MP_UINT,
    MP_FLOAT,
    MP_STR,
    MP_BIN,
    MP_ARRAY,
    MP_MAP,
    MP_NONE
};

/* One value; p == NULL is "absent" (type MP_NONE), which every reader accepts. */
struct mp {
    const uint8_t *p, *end;
};

struct str { /* bytes that somebody else owns, not NUL-terminated */
    const char *p;
    size_t n;
};
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
static inline struct str str_of(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}
static inline bool str_is(struct str s, const char *t)
{
    return s.n == strlen(t) && (s.n == 0 || memcmp(s.p, t, s.n) == 0);
}

/*
 * Exactly one well-formed value fills [bytes, bytes+n): no ext, no bin (unless allow_bin), string
 * keys, no duplicate key in a map, valid UTF-8 without U+0000, finite floats, depth <=
 * MP_DEPTH_MAX, and no length that the bytes do not hold. 0, or -EINVAL with *ret_why (static
 * English words) set. Never allocates.
 */
int mp_check(const uint8_t *bytes, size_t n, bool allow_bin, const char **ret_why);

/* A view over bytes that are known good (checked, or packed by us). */
static inline struct mp mp_view(const void *bytes, size_t n)
{
    return (struct mp){bytes, (const uint8_t *)bytes + n};
}

enum mp_type mp_type(struct mp v);
struct str mp_bytes(struct mp v);                  /* the whole encoded value, to copy it on */
bool mp_bool(struct mp v, bool otherwise);         /* otherwise: absent or another type */
int64_t mp_int(struct mp v, int64_t otherwise);    /* integers, and floats that are whole */
uint64_t mp_uint(struct mp v, uint64_t otherwise); /* as mp_int, for 0 … UINT64_MAX */
double mp_float(struct mp v, double otherwise);    /* any number */
struct str mp_str(struct mp v);                    /* {NULL,0} when not a string */
struct str mp_bin(struct mp v);                    /* {NULL,0} when not binary */
uint32_t mp_count(struct mp v);                    /* elements, or pairs; 0 for others */
struct mp mp_get(struct mp map, const char *key);  /* linear; absent when missing or not a map */
struct mp mp_at(struct mp array, uint32_t i);      /* linear */

/* for (struct mp_iter it = mp_iter(v); mp_next(&it);) — it.key is absent for arrays. */
struct mp_iter {
    struct mp key, value;
    const uint8_t *next, *end;
    uint32_t left;
    bool map;
};
struct mp_iter mp_iter(struct mp v);
bool mp_next(struct mp_iter *it);

void mp_put_nil(struct buf *b);
void mp_put_bool(struct buf *b, bool v);
void mp_put_int(struct buf *b, int64_t v);
void mp_put_uint(struct buf *b, uint64_t v);
void mp_put_float(struct buf *b, double v); /* finite */
void mp_put_str(struct buf *b, const char *s, size_t n);
void mp_put_cstr(struct buf *b, const char *s); /* NULL packs nil */
void mp_put_bin(struct buf *b, const void *p, size_t n);
void mp_put_array(struct buf *b, uint32_t count); /* then that many values */
void mp_put_map(struct buf *b, uint32_t pairs);   /* then that many key, value */
void mp_put_raw(struct buf *b, struct mp v);      /* copies one value; absent packs nil */

bool utf8_valid(const char *s, size_t n);    /* RFC 3629, no surrogates */
size_t utf8_length(const char *s, size_t n); /* code points of valid text */

#endif
