/*
 * Chunked bodies from a stranger: whole and byte by byte the same content, the same end, the same
 * verdict.
 */
#include <assert.h>
#include <string.h>

#include "net/gate.h"
#include "stacgate/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum gate_answer feed(const uint8_t *p, size_t n, size_t step, struct buf *content,
                             size_t *end)
{
    struct chunks c;
    chunks_init(&c);
    enum gate_answer answer = GATE_MORE;
    for (*end = 0; *end < n && answer == GATE_MORE;) {
        const uint8_t *piece;
        size_t used, piece_n, some = n - *end < step ? n - *end : step;
        enum fault why;
        answer = chunks_next(&c, p + *end, some, &used, &piece, &piece_n, &why);
        assert(used <= some && (answer != GATE_MORE || used > 0));
        buf_put(content, piece, piece_n);
        *end += used;
    }
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT, single = BUF_INIT;
    size_t end, end_single;
    enum gate_answer answer = feed(data, size, SIZE_MAX, &whole, &end);
    assert(feed(data, size, 1, &single, &end_single) == answer && end == end_single);
    assert(whole.len == single.len &&
           (!whole.len || memcmp(whole.data, single.data, whole.len) == 0));
    buf_finish(&whole);
    buf_finish(&single);
    return 0;
}
