/*
 * msgpack from a stranger. Readers must stay within the bytes whatever they hold; what the check
 * accepts must survive the way through JSON.
 */
#include <assert.h>
#include <string.h>

#include "stacgate/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_everything(struct mp v, int depth)
{
    assert(mp_bytes(v).n <= (size_t)(v.end - v.p));
    assert(mp_str(v).n + mp_bin(v).n <= (size_t)(v.end - v.p));
    (void)mp_bool(v, false);
    (void)mp_int(v, 0);
    (void)mp_uint(v, 0);
    (void)mp_float(v, 0);
    (void)mp_get(v, "a");
    (void)mp_at(v, 1);
    if (depth < 4)
        for (struct mp_iter it = mp_iter(v); mp_next(&it);)
            read_everything(it.value, depth + 1);
}

static void through_json(struct mp v)
{
    struct buf text = BUF_INIT, back = BUF_INIT, again = BUF_INIT;
    const char *why;
    size_t at;
    mp_to_json(v, &text);
    assert(json_to_mp((const char *)text.data, text.len, &back, &why, &at) == 0);
    assert(mp_check(back.data, back.len, false, &why) == 0);
    mp_to_json(mp_view(back.data, back.len), &again);
    assert(again.len == text.len && memcmp(again.data, text.data, text.len) == 0);
    buf_finish(&text);
    buf_finish(&back);
    buf_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    struct mp v = mp_view(data, size);
    if (size > 0)
        read_everything(v, 0);
    if (mp_check(data, size, true, &why) == 0) {
        assert(mp_bytes(v).n == size);
        through_json(v);
    } else {
        assert(why && mp_check(data, size, false, &why) != 0);
    }
    return 0;
}
