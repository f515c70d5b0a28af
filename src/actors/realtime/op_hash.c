/*
 * What a push says, as one number: an op id that comes again with another one is a conflict. Stored
 * with the event, so what it is computed from never changes.
 */
#include <stdlib.h>

#include "chan.h"
#include "scratch.h"

static int by_key(const void *a, const void *b)
{
    struct str x = mp_str(((const struct mp_iter *)a)->key),
               y = mp_str(((const struct mp_iter *)b)->key);
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

    return order ? order : (x.n > y.n) - (x.n < y.n);
}

/* The same content gives the same bytes, whatever order its keys and whatever width its numbers
 * came in. */
static void put_canonical(struct buf *b, struct mp v)
{
    struct mp_iter it = mp_iter(v), *pairs;
    uint32_t n = mp_count(v), i = 0;

    if (mp_type(v) == MP_INT) {
        mp_put_int(b, mp_int(v, 0));
    } else if (mp_type(v) == MP_ARRAY) {
        mp_put_array(b, n);
        while (mp_next(&it))
            put_canonical(b, it.value);
    } else if (mp_type(v) == MP_MAP && n) {
        pairs = xmalloc(n * sizeof(*pairs));
        while (mp_next(&it))
            pairs[i++] = it;
        qsort(pairs, n, sizeof(*pairs), by_key);
        mp_put_map(b, n);
        for (i = 0; i < n; i++) {
            mp_put_raw(b, pairs[i].key);
            put_canonical(b, pairs[i].value);
        }
        free(pairs);
    } else {
        mp_put_raw(b, v);
    }
}

int64_t op_content_hash(struct str event, struct mp payload)
{
    struct buf *b = scratch(SCRATCH_HASH);

    mp_put_str(b, event.p, event.n);
    put_canonical(b, payload); /* the opId in it is the same for both, or they are not compared */
    return (int64_t)sha256_u64(b->data, b->len);
}
