/*
 * If-Match and If-None-Match from a stranger: the walk ends and stays inside; a list that is well
 * formed is the same when it is written anew from its tags, each of them is found in it, and a
 * version is what its tag begins with.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rest/op.h"
#include "stacgate/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const char *header, const struct tag *tag, struct buf *again)
{
    struct buf quoted = BUF_INIT;
    int64_t version = tag_version(tag);
    char begin[24];
    int n = snprintf(begin, sizeof(begin), "%lld-", (long long)version);

    assert(!memchr(tag->opaque.p, '"', tag->opaque.n));
    buf_printf(&quoted, "\"%.*s\"", (int)tag->opaque.n, tag->opaque.p);
    assert(etag_matches(header, buf_cstr(&quoted)));
    assert(version < 0 || tag->opaque.p[0] == '0' ||
           (!tag->weak && strncmp(tag->opaque.p, begin, (size_t)n) == 0));
    buf_printf(again, "%s%s%s", again->len ? ", " : "", tag->weak ? "W/" : "", buf_cstr(&quoted));
    buf_finish(&quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *header = xstrndup((const char *)data, size);
    const char *at = header, *end = header + strlen(header);
    struct buf again = BUF_INIT, twice = BUF_INIT;
    bool good = tags_well_formed(header);
    enum tag_word word;
    struct tag tag;

    while ((word = tag_next(&at, &tag)) == TAG_ONE) {
        assert(tag.opaque.p > header && tag.opaque.p + tag.opaque.n < end && at <= end);
        if (good)
            one(header, &tag, &again);
    }
    assert(!good || word == TAG_END || strchr(header, '*'));
    if (again.len) {
        assert(tags_well_formed(buf_cstr(&again)));
        at = buf_cstr(&again);
        while (tag_next(&at, &tag) == TAG_ONE)
            one(buf_cstr(&again), &tag, &twice);
        assert(strcmp(buf_cstr(&again), buf_cstr(&twice)) == 0);
    }
    buf_finish(&again);
    buf_finish(&twice);
    free(header);
    return 0;
}
