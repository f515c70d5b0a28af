/* UTF-8 one code point at a time, for the parsers and the log of this floor. */
#ifndef STACGATE_BASE_UTF8_H
#define STACGATE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BYTES8(b) (0x0101010101010101ULL * (uint64_t)(b))

static inline uint64_t load8(const void *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Not 0 when one of eight bytes is 0, or (for n <= 128) below n. Only the lowest mark is exact. */
static inline uint64_t zero_in(uint64_t w)
{
    return (w - BYTES8(1)) & ~w & BYTES8(0x80);
}
static inline uint64_t below_in(uint64_t w, uint8_t n)
{
    return (w - BYTES8(n)) & ~w & BYTES8(0x80);
}

/* Length (1–4) of the well-formed sequence at p, 0 when there is none within `left` bytes (RFC
 * 3629, table 3-7). */
size_t utf8_step(const uint8_t *p, size_t left);

/* The code point of a well-formed sequence of n bytes. */
uint32_t utf8_point(const uint8_t *p, size_t n);

/* Writes 1–4 bytes; returns how many. cp is no surrogate and at most U+10FFFF. */
size_t utf8_write(uint32_t cp, uint8_t out[4]);

#endif
