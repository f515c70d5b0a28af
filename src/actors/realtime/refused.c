/*
 * The refusals of the last few seconds on this loop: a table by who was refused, and a queue in the
 * order in which they are forgotten, which is the order in which they came: all live equally long.
 */
#include "refused.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/config.h"
#include "stacgate/loop.h"
#include "stacgate/table.h"

#define KEPT_MAX 10000 /* the oldest make room */

struct refused {
    struct refused *next;
    int64_t until; /* loop_now() */
    enum handshake_fault why;
    char key[REFUSED_KEY_MAX + 1];
};

static struct {
    struct table by_key;
    struct refused *first, **last;
} loops[LOOPS_MAX];
static _Atomic uint32_t held; /* of the process */

static void drop_oldest(unsigned loop)
{
    struct refused *r = loops[loop].first;

    loops[loop].first = r->next;
    if (!r->next)
        loops[loop].last = &loops[loop].first;
    table_remove(&loops[loop].by_key, r->key, strlen(r->key));
    free(r);
}

static void forget_old(unsigned loop)
{
    while (loops[loop].first && loops[loop].first->until <= loop_now())
        drop_oldest(loop);
}

void refused_note(const char *key, enum handshake_fault why)
{
    unsigned loop = loop_index();
    size_t n = strlen(key);

    forget_old(loop);
    if (!config.refusal_delay || n > REFUSED_KEY_MAX || table_get(&loops[loop].by_key, key, n))
        return;
    if (loops[loop].by_key.count >= KEPT_MAX)
        drop_oldest(loop);
    struct refused *r = xcalloc(1, sizeof(*r));
    r->until = loop_now() + (int64_t)config.refusal_delay;
    r->why = why;
    memcpy(r->key, key, n);
    if (!loops[loop].first)
        loops[loop].last = &loops[loop].first;
    *loops[loop].last = r;
    loops[loop].last = &r->next;
    table_put(&loops[loop].by_key, r->key, n, r);
}

uint32_t refused_lately(const char *key, enum handshake_fault *ret)
{
    unsigned loop = loop_index();

    forget_old(loop);
    const struct refused *r = table_get(&loops[loop].by_key, key, strlen(key));
    if (!r)
        return 0;
    *ret = r->why;
    return (uint32_t)(r->until - loop_now());
}

bool refused_held(void)
{
    if (atomic_fetch_add(&held, 1) < config.refusals_held)
        return true;
    refused_released();
    return false;
}

void refused_released(void)
{
    atomic_fetch_sub(&held, 1);
}

void refused_finish(void)
{
    unsigned loop = loop_index();

    while (loops[loop].first)
        drop_oldest(loop);
    table_finish(&loops[loop].by_key);
}
