/*
 * Open addressing with linear probing. A slot is empty (no key, no value), a tombstone (no key, a
 * mark for a value) or an entry. Entries and tombstones together fill at most 3/4, and only put()
 * moves slots: what is removed while somebody iterates moves nothing.
 */
#include "stacgate/table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/ids.h"

#define SLOTS_MIN 8

static char tomb;

static uint32_t hash_of(const char *key, size_t n)
{
    return (uint32_t)siphash(key, n);
}

static bool holds(const struct table_slot *s, uint32_t hash, const char *key, size_t n)
{
    return s->key && s->hash == hash && s->key_len == n && memcmp(s->key, key, n) == 0;
}

static struct table_slot *find(const struct table *t, uint32_t hash, const char *key, size_t n)
{
    if (t->count == 0)
        return NULL;
    for (uint32_t i = hash & t->mask;; i = (i + 1) & t->mask) {
        struct table_slot *s = &t->slots[i];
        if (holds(s, hash, key, n))
            return s;
        if (!s->key && !s->value)
            return NULL;
    }
}

static void insert_new(struct table *t, struct table_slot entry)
{
    uint32_t i = entry.hash & t->mask;
    while (t->slots[i].key)
        i = (i + 1) & t->mask;
    if (t->slots[i].value)
        t->tombs--;
    t->slots[i] = entry;
    t->count++;
}

/* Room for one more; sheds tombstones, and shrinks a table that was much larger once. */
static void make_room(struct table *t)
{
    uint64_t slots = t->slots ? (uint64_t)t->mask + 1 : 0;
    if (((uint64_t)t->count + t->tombs + 1) * 4 <= slots * 3)
        return;
    uint64_t want = SLOTS_MIN;
    while (want * 3 < ((uint64_t)t->count + 1) * 5) /* at most 60 % full afterwards */
        want *= 2;
    assert(want <= UINT32_MAX);
    struct table old = *t;
    *t = (struct table){xcalloc((size_t)want, sizeof *t->slots), 0, (uint32_t)(want - 1), 0};
    for (uint64_t i = 0; i < slots; i++)
        if (old.slots[i].key)
            insert_new(t, old.slots[i]);
    free(old.slots);
}

void *table_get(const struct table *t, const char *key, size_t n)
{
    struct table_slot *s = find(t, hash_of(key, n), key, n);
    return s ? s->value : NULL;
}

void *table_put(struct table *t, const char *key, size_t n, void *value)
{
    assert(key && value && n <= UINT32_MAX);
    uint32_t hash = hash_of(key, n);
    struct table_slot *s = find(t, hash, key, n);
    if (s) {
        void *before = s->value;
        s->key = key; /* the old key may die with the old value */
        s->value = value;
        return before;
    }
    make_room(t);
    insert_new(t, (struct table_slot){key, value, (uint32_t)n, hash});
    return NULL;
}

void *table_remove(struct table *t, const char *key, size_t n)
{
    struct table_slot *s = find(t, hash_of(key, n), key, n);
    if (!s)
        return NULL;
    void *value = s->value;
    bool last_of_run = true;
    struct table_slot *next = &t->slots[((uint32_t)(s - t->slots) + 1) & t->mask];
    if (next->key || next->value)
        last_of_run = false;
    *s = (struct table_slot){.value = last_of_run ? NULL : &tomb};
    t->tombs += !last_of_run;
    t->count--;
    return value;
}

void table_finish(struct table *t)
{
    free(t->slots);
    *t = TABLE_INIT;
}

void *table_each(const struct table *t, uint32_t *i)
{
    if (!t->slots)
        return NULL;
    for (uint64_t at = *i; at <= t->mask; at++) {
        if (t->slots[at].key) {
            *i = (uint32_t)at + 1;
            return t->slots[at].value;
        }
    }
    *i = t->mask + 1;
    return NULL;
}
