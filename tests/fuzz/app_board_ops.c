/*
 * A board's operations from a stranger: a line of JSON is a push. What the check lets through must
 * do to the board what its words say and nothing else, stay within the limits, and give the same
 * board however it is applied, folded and loaded.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/realtime/board_svg.h"
#include "stacgate/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool there(const struct board_model *b, struct str id)
{
    return table_get(&b->elements, id.p, id.n) != NULL;
}

/* One operation touches the element that it names: it adds no other and removes no other. */
static void step(struct board_model *b, struct mp op)
{
    struct buf one = BUF_INIT;
    struct str what = mp_str(mp_get(op, "op"));
    struct str id = mp_str(mp_get(str_is(what, "put") ? mp_get(op, "el") : op, "id"));
    uint32_t count = b->elements.count;
    bool was = there(b, id), is = str_is(what, "put") || (was && str_is(what, "patch"));

    mp_put_array(&one, 1);
    mp_put_raw(&one, op);
    board_apply(b, mp_view(one.data, one.len));
    assert(there(b, id) == is);
    assert(b->elements.count == count - was + is);
    buf_finish(&one);
}

static void same(const struct board_model *a, const struct board_model *b)
{
    uint32_t n, m;
    struct element **x = board_sorted(a, &n), **y = board_sorted(b, &m);

    assert(n == m && a->bytes == b->bytes);
    for (uint32_t i = 0; i < n; i++)
        assert(strcmp(x[i]->id, y[i]->id) == 0 && x[i]->data->len == y[i]->data->len &&
               memcmp(x[i]->data->bytes, y[i]->data->bytes, x[i]->data->len) == 0);
    free(x);
    free(y);
}

/* What a fold writes and the next activation reads; every property survives. */
static void fold(const struct board_model *b, struct board_model *loaded)
{
    struct buf list = BUF_INIT;
    uint32_t n;
    struct element **sorted = board_sorted(b, &n);

    mp_put_array(&list, n);
    for (uint32_t i = 0; i < n; i++) {
        struct mp el = body_mp(sorted[i]->data);
        struct str id = mp_str(mp_get(el, "id"));

        assert(id.n == strlen(sorted[i]->id) && memcmp(id.p, sorted[i]->id, id.n) == 0);
        mp_put_raw(&list, el);
    }
    board_load(loaded, mp_view(list.data, list.len), false, (struct mp){0});
    free(sorted);
    buf_finish(&list);
}

/* The draft told by how much the board would grow. */
static void foreseen(const struct board_model *b, const struct board_draft *d, int64_t elements,
                     int64_t bytes)
{
    assert((int64_t)b->elements.count == elements + d->elements);
    assert((int64_t)b->bytes == bytes + d->bytes);
}

static void push(struct board_model *whole, struct board_model *steps, struct mp ops)
{
    const char *field = NULL, *code = NULL;
    struct board_draft draft = {0};
    int r = board_ops_check(ops, &field, &code);

    if (r < 0) {
        assert((r == -EINVAL || r == -E2BIG) && field && code);
        return;
    }
    (void)board_ops_locked(whole, ops);
    int64_t elements = whole->elements.count, bytes = (int64_t)whole->bytes;
    if (board_ops_fit(whole, ops, &draft, &field, &code) < 0)
        return;
    board_apply(whole, ops);
    foreseen(whole, &draft, elements, bytes);
    board_draft_finish(&draft);
    for (struct mp_iter it = mp_iter(ops); mp_next(&it);)
        step(steps, it.value);
    assert(whole->elements.count <= BOARD_ELEMENTS_MAX && whole->bytes <= BOARD_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board_model whole = {0}, steps = {0}, loaded = {0};
    struct buf value = BUF_INIT, svg = BUF_INIT;
    const char *text = (const char *)data, *end = text + size, *why;

    for (size_t at; text < end;) {
        const char *nl = memchr(text, '\n', (size_t)(end - text)), *stop = nl ? nl : end;

        buf_clear(&value);
        if (json_to_mp(text, (size_t)(stop - text), &value, &why, &at) == 0)
            push(&whole, &steps, mp_view(value.data, value.len));
        text = nl ? nl + 1 : end;
    }
    same(&whole, &steps);
    fold(&whole, &loaded);
    same(&whole, &loaded);
    board_svg(&whole, STR("board"), &svg);
    board_finish(&whole);
    board_finish(&steps);
    board_finish(&loaded);
    buf_finish(&value);
    buf_finish(&svg);
    return 0;
}
