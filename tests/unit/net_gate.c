/*
 * The gate: what it lets pass and what it refuses, each head whole and byte by byte with the same
 * answer, and the chunk automaton likewise. Every line of the table is a hole that a parser of the
 * field has or had.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "net/gate.h"
#include "stacgate/http.h"

struct head_case {
    const char *text;
    size_t n;
    enum gate_answer wanted;
};
#define HEAD(text, wanted)                                                                         \
    {                                                                                              \
        text, sizeof(text) - 1, wanted                                                             \
    }

static const struct head_case heads[] = {
    HEAD("GET / HTTP/1.1\r\nHost: a\r\n\r\n", GATE_DONE),
    HEAD("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", GATE_DONE),
    HEAD("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", GATE_DONE),
    HEAD("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", GATE_BAD),
    HEAD("M-SEARCH /a?b=%20 HTTP/1.1\r\nHost:a\r\nX: \t y \r\nEmpty:\r\n\r\n", GATE_DONE),
    HEAD("GET / HTTP/1.1\r\nX: caf\xc3\xa9\r\n\r\n", GATE_DONE),
    HEAD("GET / HTTP/1.1\r\nHost: a\r\n", GATE_MORE),
    HEAD("GET / HTTP/1.1\nHost: a\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nHost: a\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nHost: a\r\n\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nHost: a\r\n\rX", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\n\tA: b\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\n: b\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nHost : a\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nHost\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nH\0st: a\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nX: \x7f\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1\r\nX(y): a\r\n\r\n", GATE_BAD),
    HEAD("GET  / HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("GET /  HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("GET\t/ HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD(" GET / HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.1 \r\n\r\n", GATE_BAD),
    HEAD("GET /\r\n\r\n", GATE_BAD),
    HEAD("GET /a#b HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("GET /\xc3\xa9 HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("GET /a\tb HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("GET / http/1.1\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/11\r\n\r\n", GATE_BAD),
    HEAD("GET / HTTP/1.10\r\n\r\n", GATE_BAD),
    HEAD("GET / RTSP/1.0\r\n\r\n", GATE_BAD),
    HEAD("\rGET / HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("\nGET / HTTP/1.1\r\n\r\n", GATE_BAD),
    HEAD("\x16\x03\x01\x02", GATE_BAD),
};

static enum gate_answer feed_head(const char *text, size_t n, size_t step, size_t *end)
{
    struct gate g;
    gate_init(&g);
    enum gate_answer answer = GATE_MORE;
    *end = 0;
    while (*end < n && answer == GATE_MORE) {
        size_t used, some = n - *end < step ? n - *end : step;
        enum fault why = F_none;
        answer = gate_head(&g, (const uint8_t *)text + *end, some, &used, &why);
        cr_assert((answer == GATE_BAD) == (why != F_none));
        *end += used;
    }
    return answer;
}

Test(gate, heads_whole_and_byte_by_byte)
{
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        size_t whole, single;
        cr_expect_eq(feed_head(heads[i].text, heads[i].n, SIZE_MAX, &whole), heads[i].wanted,
                     "case %zu: %s", i, heads[i].text);
        cr_expect_eq(feed_head(heads[i].text, heads[i].n, 1, &single), heads[i].wanted,
                     "case %zu, byte by byte", i);
        cr_expect_eq(whole, single, "case %zu ends elsewhere byte by byte", i);
    }
}

Test(gate, offsets_of_the_request_line)
{
    struct gate g;
    size_t used;
    enum fault why;
    const char *text = "\r\nPOST /a/b?c HTTP/1.0\r\nA: b\r\nC: d\r\n\r\nrest";
    gate_init(&g);
    cr_assert_eq(gate_head(&g, (const uint8_t *)text, strlen(text), &used, &why), GATE_DONE);
    cr_expect_eq(used, strlen(text) - 4);
    cr_expect_eq(g.skipped, 2);
    cr_expect_eq(g.method_end, 4);
    cr_expect_eq(g.target_at, 5);
    cr_expect_eq(g.target_end, 11);
    cr_expect_eq(g.fields, 2);
    cr_expect_eq(g.major * 10 + g.minor, 10);
}

struct chunk_case {
    const char *text, *content;
    enum gate_answer wanted;
};
static const struct chunk_case bodies[] = {
    {"3\r\nabc\r\n0\r\n\r\n", "abc", GATE_DONE},
    {"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", GATE_DONE},
    {"00003;a=b;c=\"d;e\\\"\"\r\nabc\r\n0;x\r\nTrail: er\r\nB:\r\n\r\n", "abc", GATE_DONE},
    {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789", GATE_DONE},
    {"3\r\nabc\r\n0\r\n", "abc", GATE_MORE},
    {"3\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"3\r\nabc\n0\r\n\r\n", NULL, GATE_BAD},
    {"3\r\nabcd\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"3 \r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {" 3\r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"0x3\r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"+3\r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"-1\r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"\r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"3;a\nb\r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"3;a\rb\r\nabc\r\n0\r\n\r\n", NULL, GATE_BAD},
    {"10000000000000000\r\n", NULL, GATE_BAD},
    {"0\r\nTrail er: b\r\n\r\n", NULL, GATE_BAD},
    {"0\r\n folded\r\n\r\n", NULL, GATE_BAD},
    {"0\r\nA: b\n\r\n", NULL, GATE_BAD},
    {"0\r\n\rX", NULL, GATE_BAD},
};

static enum gate_answer feed_chunks(const char *text, size_t step, char *content)
{
    struct chunks c;
    chunks_init(&c);
    enum gate_answer answer = GATE_MORE;
    size_t n = strlen(text), off = 0;
    while (off < n && answer == GATE_MORE) {
        const uint8_t *data;
        size_t used, data_n, some = n - off < step ? n - off : step;
        enum fault why;
        answer = chunks_next(&c, (const uint8_t *)text + off, some, &used, &data, &data_n, &why);
        if (data_n)
            memcpy(content, data, data_n);
        content += data_n;
        off += used;
    }
    *content = '\0';
    return answer;
}

Test(gate, chunks_whole_and_byte_by_byte)
{
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        for (size_t step = 1; step <= 64; step *= 64) {
            char content[128];
            cr_expect_eq(feed_chunks(bodies[i].text, step, content), bodies[i].wanted,
                         "case %zu, %zu at a time", i, step);
            if (bodies[i].content)
                cr_expect_str_eq(content, bodies[i].content);
        }
}

Test(gate, endless_extensions_and_trailers_are_cut)
{
    static uint8_t filler[1024];
    memset(filler, 'a', sizeof(filler));
    const struct {
        const char *start;
        size_t most;
    } cases[] = {{"1;", GATE_CHUNK_FREE + 2048}, {"0\r\nA:", GATE_TRAILER_MAX + 2048}};
    for (size_t k = 0; k < 2; k++) {
        struct chunks c;
        const uint8_t *data;
        size_t used, data_n, fed = 0;
        enum fault why;
        chunks_init(&c);
        enum gate_answer answer = chunks_next(&c, (const uint8_t *)cases[k].start,
                                              strlen(cases[k].start), &used, &data, &data_n, &why);
        for (; answer == GATE_MORE && fed < 1 << 20; fed += sizeof(filler))
            answer = chunks_next(&c, filler, sizeof(filler), &used, &data, &data_n, &why);
        cr_expect_eq(answer, GATE_BAD);
        cr_expect_leq(fed, cases[k].most);
    }
}

Test(faults, each_has_a_status_and_says_why_in_two_languages)
{
    for (enum fault f = F_none + 1; f < FAULTS; f++) {
        const struct http_fault *row = fault_row(f);
        cr_expect(row->status >= 400 && row->status < 600, "row %d", (int)f);
        cr_expect(strlen(row->text[0]) > 0 && strlen(row->text[1]) > 0, "row %d", (int)f);
        cr_expect(strcmp(row->text[0], row->text[1]) != 0, "row %d: %s", (int)f, row->text[0]);
    }
}
