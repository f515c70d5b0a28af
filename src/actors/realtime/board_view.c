/*
 * A board as it stands, in drawing order, cut into parts of a page each: what a member is sent that
 * does not resume. Made once per head and encoding.
 */
#include <stdlib.h>

#include "board.h"

#define PART_BYTES                                                                                 \
    (PAGE_BYTES - 1024) /* the frame, the topic and the part's own fields need room */

/* One part's payload: {"part","parts","seq","elements":[…]}. */
static void put_part(struct buf *out, enum encoding enc, uint32_t part, uint32_t parts, int64_t seq,
                     struct value elements)
{
    struct object o;

    object_begin(&o, out, enc);
    object_int(&o, "part", part);
    object_int(&o, "parts", parts);
    object_int(&o, "seq", seq);
    object_value(&o, "elements", elements);
    object_end(&o);
}

/* Elements on their way into parts: one part's, encoded one behind the other. */
struct cut {
    enum encoding enc;
    struct buf bytes;
    uint32_t count;
    struct pages *lists; /* each the elements of a part, as an array */
};

static void cut_end(struct cut *k)
{
    struct buf list = BUF_INIT;

    if (is_json(k->enc))
        buf_puts(&list, "[");
    else
        mp_put_array(&list, k->count);
    buf_put(&list, k->bytes.data, k->bytes.len);
    if (is_json(k->enc))
        buf_puts(&list, "]");
    pages_add(k->lists, &list);
    buf_finish(&list);
    buf_clear(&k->bytes);
    k->count = 0;
}

static void cut_add(struct cut *k, const struct element *e, struct buf *one)
{
    buf_clear(one);
    value_put(one, k->enc, value_mp(body_mp(e->data)));
    if (k->count && k->bytes.len + one->len + 1 > PART_BYTES)
        cut_end(k);
    if (k->count && is_json(k->enc))
        buf_puts(&k->bytes, ",");
    buf_put(&k->bytes, one->data, one->len);
    k->count++;
}

struct pages *board_snapshot(struct channel *c, enum encoding enc)
{
    struct cut k = {.enc = enc, .lists = pages_create("", 0, 0)};
    struct pages *pages = pages_create("snapshot", c->last_seq, 0);
    struct buf one = BUF_INIT;
    uint32_t n;
    struct element **list = board_sorted(&board_of(c)->model, &n);

    for (uint32_t i = 0; i < n; i++)
        cut_add(&k, list[i], &one);
    cut_end(&k); /* the last, or the only one of an empty board */
    for (uint32_t i = 0; i < k.lists->count; i++) {
        buf_clear(&one);
        put_part(&one, enc, i + 1, k.lists->count, c->last_seq,
                 value_encoded(enc, k.lists->payload[i]));
        pages_add(pages, &one);
    }
    pages_unref(k.lists);
    buf_finish(&k.bytes);
    buf_finish(&one);
    free(list);
    return pages;
}
