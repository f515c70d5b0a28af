/*
 * Numbers that one loop counts and everybody may read: a plain store by their only writer, no lock
 * and no atomic read-modify-write. Whoever reads sees each number whole; two read one after the
 * other may be of different moments.
 */
#ifndef STACGATE_TALLY_H
#define STACGATE_TALLY_H

#include <stddef.h>
#include <stdint.h>

static inline void tally_add(uint64_t *n, uint64_t by)
{
    __atomic_store_n(n, *n + by, __ATOMIC_RELAXED);
}
static inline void tally_sub(uint64_t *n, uint64_t by)
{
    __atomic_store_n(n, *n - by, __ATOMIC_RELAXED);
}
static inline void tally_most(uint64_t *n, uint64_t value)
{
    if (value > *n)
        __atomic_store_n(n, value, __ATOMIC_RELAXED);
}
/* Copies a struct that is made of uint64_t and nothing else; from any thread. */
void tally_read(void *out, const void *tallies, size_t size);

/* ---- the greatest of late: in this span of time and the one before ---- */

struct lately {
    uint64_t slot[2]; /* the span's number, then the value, 32 bits each */
};
void lately_note(struct lately *l, uint32_t span, uint32_t value); /* by the only writer */
uint32_t lately_most(const struct lately *l, uint32_t span); /* from any thread; span: now's */

/* ---- how values are spread: how many were at most 1, 2, 4 …, and their sum ---- */

#define SCALE_MAX 14
struct scale {
    unsigned n, per_unit;     /* per_unit: 1,000,000 when values are µs and are shown as seconds */
    uint64_t upto[SCALE_MAX]; /* ascending, of n buckets; one more takes the rest */
};
extern const struct scale scale_us, scale_ms, scale_count;

struct histogram {
    uint64_t in[SCALE_MAX + 1], sum;
};
void histogram_note(struct histogram *h, const struct scale *s, uint64_t value);

#endif
