/*
 * Tallies of a loop: reading them from elsewhere, what was greatest lately, and histograms. A
 * histogram's buckets hold each value once; who shows them adds them up.
 */
#include "stacgate/tally.h"

#include <assert.h>

/* From a tenth of a millisecond to what a deadline cuts. */
const struct scale scale_us = {.n = 14,
                               .per_unit = 1000000,
                               .upto = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000,
                                        100000, 250000, 500000, 1000000, 5000000}};
/* For what is measured by a loop's own clock. */
const struct scale scale_ms = {
    .n = 11, .per_unit = 1000, .upto = {1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 5000}};
const struct scale scale_count = {
    .n = 12, .per_unit = 1, .upto = {1, 2, 4, 8, 16, 32, 64, 128, 512, 2048, 8192, 32768}};

void histogram_note(struct histogram *h, const struct scale *s, uint64_t value)
{
    unsigned i = 0;

    while (i < s->n && value > s->upto[i])
        i++;
    tally_add(&h->in[i], 1);
    tally_add(&h->sum, value);
}

void lately_note(struct lately *l, uint32_t span, uint32_t value)
{
    uint64_t *slot = &l->slot[span & 1], noted = (uint64_t)span << 32 | value;

    if (*slot >> 32 != span || *slot < noted)
        __atomic_store_n(slot, noted, __ATOMIC_RELAXED);
}

uint32_t lately_most(const struct lately *l, uint32_t span)
{
    uint32_t most = 0;

    for (unsigned i = 0; i < 2; i++) {
        uint64_t noted = __atomic_load_n(&l->slot[i], __ATOMIC_RELAXED);
        uint32_t age = span - (uint32_t)(noted >> 32);
        if (age <= 1 && (uint32_t)noted > most)
            most = (uint32_t)noted;
    }
    return most;
}

void tally_read(void *out, const void *tallies, size_t size)
{
    uint64_t *to = out;
    const uint64_t *from = tallies;

    assert(size % sizeof(*to) == 0);
    for (size_t i = 0; i < size / sizeof(*to); i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
