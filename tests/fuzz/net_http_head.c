/*
 * Heads from a stranger: whole and in two pieces the gate must agree, and what it passes must go
 * through the parser and the checks of meaning without harm. What they accept has a path of valid
 * UTF-8, or is OPTIONS of the whole server, and has at most one framing.
 */
#include <assert.h>
#include <string.h>

#include "net/http_req.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum gate_answer feed(struct gate *g, const uint8_t *p, size_t n, size_t cut, size_t *end)
{
    enum fault why = F_none;
    size_t used = 0, more = 0;
    gate_init(g);
    enum gate_answer answer = gate_head(g, p, cut, &used, &why);
    if (answer == GATE_MORE)
        answer = gate_head(g, p + cut, n - cut, &more, &why);
    *end = used + more;
    assert((answer == GATE_BAD) == (why != F_none));
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct net_loop net;
    static struct conn conn = {.net = &net,
                               .addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    struct gate whole, cut;
    size_t end, end_cut;
    if (size > 20000)
        return 0;
    enum gate_answer answer = feed(&whole, data, size, size, &end);
    assert(feed(&cut, data, size, size / 2, &end_cut) == answer && end == end_cut);
    if (answer != GATE_DONE)
        return 0;
    struct http_req *r;
    const char *allow = NULL, *name, *value;
    if (!req_parse(&conn, &whole, data + whole.skipped, end - whole.skipped, &r)) {
        assert(r->path[0] == '/' || (strcmp(r->path, "*") == 0 && r->method == HTTP_M_OPTIONS));
        assert(utf8_valid(r->path, strlen(r->path)));
        assert(!(r->chunked && r->has_length));
        route_find(r, &allow);
        for (unsigned i = 0; http_query_each(r, &i, &name, &value);)
            assert(utf8_valid(name, strlen(name)) && utf8_valid(value, strlen(value)));
        char cookie[64];
        http_cookie(r, "a", cookie, sizeof(cookie));
    }
    req_free(r);
    return 0;
}
