/* The wire form of msgpack, shared by the checker and readers (mp.c, mp_check.c) and the JSON
 * reader. */
#ifndef STACGATE_BASE_MP_WIRE_H
#define STACGATE_BASE_MP_WIRE_H

#include "stacgate/mp.h"

/*
 * What a value's first bytes say. size: bytes of a scalar, or of the header of str, bin, array,
 * map; n: bytes that follow (str, bin), elements (array) or pairs (map).
 */
struct mp_head {
    enum mp_type type; /* MP_NONE: no such format here (ext, 0xc1) or not enough bytes */
    uint8_t size;
    uint32_t n;
};
struct mp_head mp_head(const uint8_t *p, const uint8_t *end);

uint64_t mp_be(const uint8_t *p, unsigned bytes); /* big-endian, 1–8 bytes */

/*
 * Duplicate keys are looked for when a map ends. Keys of all maps that are open at a time share one
 * stack of offsets, so that checking stays linear whatever the input's shape.
 */
#define MP_KEYS_MAX 4096 /* keys of all maps open at one point */
bool mp_keys_distinct(struct mp bytes, const uint32_t *at, uint32_t n);

#endif
