/*
 * The buckets: shards of a fixed table, each under its own mutex that is held for a few
 * instructions. An entry whose time is past equals no entry, so a new key takes the place of the
 * one that is emptiest; under attack by many addresses the table therefore forgets, it never grows.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "rate.h"
#include "stacgate/ids.h"

#define SHARDS 64
#define SLOTS 1024 /* a shard: 65,536 buckets in all, 1 MiB */
#define PROBES 8

struct slot {
    uint64_t key;
    int64_t tat_us;
}; /* theoretical arrival time: when the bucket is full again */
static struct shard {
    pthread_mutex_t lock;
    struct slot slots[SLOTS];
} shards[SHARDS];

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void)
{
    for (unsigned i = 0; i < SHARDS; i++)
        pthread_mutex_init(&shards[i].lock, NULL);
}

static struct slot *slot_of(struct shard *s, uint64_t key)
{
    struct slot *best = NULL;

    for (unsigned i = 0; i < PROBES; i++) {
        struct slot *at = &s->slots[(key + i) % SLOTS];
        if (at->key == key)
            return at;
        if (!best || at->tat_us < best->tat_us)
            best = at;
    }
    *best = (struct slot){.key = key};
    return best;
}

struct rate_state rate_take(const struct rate_policy *policy, const char *key, int64_t now_us)
{
    char name[160];
    int n = snprintf(name, sizeof(name), "%s %s", policy->name, key);
    uint64_t hash = siphash(name, n < (int)sizeof(name) ? (size_t)n : sizeof(name) - 1);
    int64_t each = (int64_t)policy->window_s * 1000000 / (policy->quota ? policy->quota : 1),
            full = each * policy->burst;
    struct rate_state st = {0};

    pthread_once(&once, start);
    struct shard *s = &shards[hash >> 58];
    pthread_mutex_lock(&s->lock);
    struct slot *at = slot_of(s, hash);
    int64_t tat = at->tat_us > now_us ? at->tat_us : now_us;
    st.allowed = tat + each - now_us <= full;
    if (st.allowed)
        at->tat_us = tat += each;
    pthread_mutex_unlock(&s->lock);
    st.remaining = (uint32_t)((full - (tat - now_us)) / each);
    st.reset_s = (uint32_t)((tat - now_us + 999999) / 1000000);
    st.retry_s = st.allowed ? 0 : (uint32_t)((tat + each - now_us - full + 999999) / 1000000);
    return st;
}
