/*
 * A hash table from byte strings to pointers, keyed with siphash() so that input cannot make it
 * degenerate. Keys are not copied: they live inside the value, and outlive its entry. Open
 * addressing, grows and shrinks; 24 bytes a slot.
 */
#ifndef STACGATE_TABLE_H
#define STACGATE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot {
    const char *key;
    void *value;
    uint32_t key_len, hash;
};
struct table {
    struct table_slot *slots;
    uint32_t count, mask, tombs;
};
#define TABLE_INIT ((struct table){0})

void *table_get(const struct table *t, const char *key, size_t n); /* NULL: none */
void *table_put(struct table *t, const char *key, size_t n,
                void *value);                                   /* the value it replaced, or NULL */
void *table_remove(struct table *t, const char *key, size_t n); /* what was there, or NULL */
void table_finish(struct table *t);                             /* frees slots, not values */

/* for (uint32_t i = 0; (v = table_each(&t, &i));) — the current entry may be removed meanwhile,
 * nothing put. */
void *table_each(const struct table *t, uint32_t *i);

#endif
