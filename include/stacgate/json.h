/*
 * JSON text (RFC 8259) to and from the msgpack value form of mp.h, in one pass, without a tree.
 * Strict: one value, no duplicate keys, no lone surrogates, no U+0000, depth <= MP_DEPTH_MAX.
 * Integers outside int64/uint64 become floats; numbers that a double cannot hold finitely are
 * refused.
 */
#ifndef STACGATE_JSON_H
#define STACGATE_JSON_H

#include "stacgate/buf.h"
#include "stacgate/mp.h"

/* Appends one value to out. 0, or -EINVAL with *ret_why (static words) and *ret_at (byte offset);
 * out is then as it was. */
int json_to_mp(const char *text, size_t n, struct buf *out, const char **ret_why, size_t *ret_at);

/* Appends the compact JSON of v (absent prints null). bin prints as base64 text. */
void mp_to_json(struct mp v, struct buf *out);

/* Appends s as a JSON string, quotes included. s is valid UTF-8. */
void json_put_str(struct buf *out, const char *s, size_t n);

#endif
