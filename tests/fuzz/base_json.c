/*
 * JSON from a stranger. What is accepted must be a value mp_check() accepts too, and printing it
 * must be stable: what we print reads back and prints the same.
 */
#include <assert.h>
#include <string.h>

#include "stacgate/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf value = BUF_INIT, text = BUF_INIT, again = BUF_INIT;
    const char *why = NULL;
    size_t at = SIZE_MAX;
    buf_puts(&value, "kept");
    if (json_to_mp((const char *)data, size, &value, &why, &at) != 0) {
        assert(why && at <= size && value.len == 4);
    } else {
        struct mp v = mp_view(value.data + 4, value.len - 4);
        assert(mp_check(v.p, value.len - 4, false, &why) == 0);
        mp_to_json(v, &text);
        buf_clear(&value);
        assert(json_to_mp((const char *)text.data, text.len, &value, &why, &at) == 0);
        mp_to_json(mp_view(value.data, value.len), &again);
        assert(again.len == text.len && memcmp(again.data, text.data, text.len) == 0);
    }
    buf_finish(&value);
    buf_finish(&text);
    buf_finish(&again);
    return 0;
}
