/*
 * The limits of a board, checked against what pushes would make of it: each is tried on top of
 * those that wait before it in the same batch, element by element, and counts only if it fits
 * whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board_model.h"

struct drafted {
    struct body *data; /* NULL: it would not be there */
    uint32_t id_len;
    char id[];
};

/* One push on its way into the draft. */
struct trial {
    const struct board_model *b;
    struct board_draft *before, mine;
};

static void draft_set(struct board_draft *d, struct str id, struct body *data)
{
    struct drafted *e = table_get(&d->touched, id.p, id.n);

    if (!e) {
        e = xcalloc(1, sizeof(*e) + id.n);
        e->id_len = (uint32_t)id.n;
        memcpy(e->id, id.p, id.n);
        table_put(&d->touched, e->id, id.n, e);
    }
    body_unref(e->data);
    e->data = data;
}

void board_draft_finish(struct board_draft *d)
{
    struct drafted *e;

    for (uint32_t i = 0; (e = table_each(&d->touched, &i));) {
        body_unref(e->data);
        free(e);
    }
    table_finish(&d->touched);
    *d = (struct board_draft){0};
}

/* The element as it would be now; NULL: none. */
static const struct body *standing(const struct trial *t, struct str id)
{
    const struct drafted *d = table_get(&t->mine.touched, id.p, id.n);
    const struct element *e;

    if (!d)
        d = table_get(&t->before->touched, id.p, id.n);
    if (d)
        return d->data;
    e = table_get(&t->b->elements, id.p, id.n);
    return e ? e->data : NULL;
}

static void stand(struct trial *t, struct str id, struct body *data)
{
    const struct body *was = standing(t, id);

    t->mine.elements += (data != NULL) - (was != NULL);
    t->mine.bytes += (int64_t)(data ? data->len : 0) - (int64_t)(was ? was->len : 0);
    draft_set(&t->mine, id, data);
}

static int try_patch(struct trial *t, struct mp op)
{
    struct str id = board_op_target(op);
    const struct body *was = standing(t, id);

    if (!was)
        return 0;
    struct body *data = board_patched(was, mp_get(op, "set"), mp_get(op, "unset"));
    if (data->len > was->len && !board_element_fits(body_mp(data))) {
        body_unref(data);
        return -E2BIG;
    }
    stand(t, id, data);
    return 0;
}

static int try_op(struct trial *t, struct mp op)
{
    struct str what = mp_str(mp_get(op, "op")), el = mp_bytes(mp_get(op, "el"));

    if (str_is(what, "patch"))
        return try_patch(t, op);
    stand(t, board_op_target(op), str_is(what, "put") ? body_make(el.p, el.n) : NULL);
    return 0;
}

static void keep(struct trial *t)
{
    struct drafted *e;

    for (uint32_t i = 0; (e = table_each(&t->mine.touched, &i));)
        draft_set(t->before, (struct str){e->id, e->id_len}, body_ref(e->data));
    t->before->elements += t->mine.elements;
    t->before->bytes += t->mine.bytes;
}

/* NULL, or the reason's word: the whole board would be too large. */
static const char *overflow(const struct trial *t)
{
    int64_t elements = (int64_t)t->b->elements.count + t->before->elements + t->mine.elements;
    int64_t bytes = (int64_t)t->b->bytes + t->before->bytes + t->mine.bytes;

    if (t->mine.elements > 0 && elements > BOARD_ELEMENTS_MAX)
        return "too_many";
    return t->mine.bytes > 0 && bytes > BOARD_BYTES_MAX ? "too_long" : NULL;
}

int board_ops_fit(const struct board_model *b, struct mp ops, struct board_draft *draft,
                  const char **ret_field, const char **ret_code)
{
    struct trial t = {.b = b, .before = draft};
    int r = 0;

    *ret_field = "ops.set";
    *ret_code = "too_long";
    for (struct mp_iter it = mp_iter(ops); r == 0 && mp_next(&it);)
        r = try_op(&t, it.value);
    const char *over = overflow(&t);
    if (r == 0 && over) {
        *ret_field = "ops";
        *ret_code = over;
        r = -E2BIG;
    }
    if (r == 0)
        keep(&t);
    board_draft_finish(&t.mine);
    return r;
}
