/*
 * Bodies: what crosses actors. Bytes that nobody changes once a second reference exists, freed by
 * whoever drops the last one, on whatever thread that is.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/actor.h"

struct body *body_alloc(size_t n)
{
    assert(n <= UINT32_MAX);
    struct body *b = xmalloc(sizeof(*b) + n);
    atomic_init(&b->refs, 1);
    b->len = (uint32_t)n;
    b->drop = NULL;
    return b;
}

struct body *body_make(const void *bytes, size_t n)
{
    struct body *b = body_alloc(n);
    if (n)
        memcpy(b->bytes, bytes, n);
    return b;
}

struct body *body_of(struct buf *b)
{
    struct body *body = body_make(b->data, b->len);
    buf_clear(b);
    return body;
}

struct body *body_ref(struct body *b)
{
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void body_unref(struct body *b)
{
    if (!b)
        return;
    /* Who sees 1 holds the only reference: nobody can add another, so the locked decrement is
     * spared. */
    if (atomic_load_explicit(&b->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (b->drop)
        b->drop(b);
    else
        free(b);
}
