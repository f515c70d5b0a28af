/*
 * WebSocket frame headers: every form a client may send, and every one it may not; masks; close
 * codes; the wire form of what is sent.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "net/http_req.h"
#include "net/ws_frame.h"

struct head_case {
    const char *bytes;
    size_t n;
    bool pack;
    int wanted;
};
#define CASE(bytes, pack, wanted)                                                                  \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, pack, wanted                                                     \
    }

static const struct head_case cases[] = {
    CASE("\x81\x85mask", false, 6),
    CASE("\x81", false, 0),
    CASE("\x81\x85mas", false, 0),
    CASE("\x81\x05mask", false, -1002), /* not masked */
    CASE("\xc1\x85mask", false, -1002),
    CASE("\xc1\x85mask", true, 6), /* RSV1 */
    CASE("\xc0\x85mask", true, -1002),
    CASE("\xc9\x85mask", true, -1002), /* RSV1 on continuation, on ping */
    CASE("\xa1\x85mask", true, -1002),
    CASE("\x91\x85mask", true, -1002), /* RSV2, RSV3 */
    CASE("\x83\x85mask", false, -1002),
    CASE("\x8b\x85mask", false, -1002), /* reserved opcodes */
    CASE("\x89\xfdmask", false, 6),
    CASE("\x89\xfe\x00\x7emask", false, -1002), /* a control frame of 126 */
    CASE("\x09\x80mask", false, -1002),         /* a fragmented control frame */
    CASE("\x82\xfe\x00\x7emask", false, 8),
    CASE("\x82\xfe\x00\x7dmask", false, -1002), /* not the shortest form */
    CASE("\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00mask", false, 14),
    CASE("\x82\xff\x00\x00\x00\x00\x00\x00\xff\xffmask", false, -1002),
    CASE("\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00mask", false, -1002), /* length over 2^63 */
};

Test(ws_frame, heads)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ws_head h;
        int got = ws_head_read((const uint8_t *)cases[i].bytes, cases[i].n, cases[i].pack, &h);
        cr_expect_eq(got, cases[i].wanted, "case %zu: %d", i, got);
        for (size_t n = 0; got > 0 && n < (size_t)got; n++)
            cr_expect_eq(ws_head_read((const uint8_t *)cases[i].bytes, n, cases[i].pack, &h), 0,
                         "case %zu cut at %zu", i, n);
    }
}

Test(ws_frame, unmask_any_length)
{
    const uint8_t mask[4] = {1, 2, 4, 8};
    for (size_t n = 0; n < 40; n++) {
        uint8_t bytes[40];
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(i ^ mask[i % 4]);
        ws_unmask(bytes, n, mask);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(bytes[i], i);
    }
}

Test(ws_frame, close_codes)
{
    static const struct {
        uint16_t code;
        bool valid;
    } codes[] = {{999, false},  {1000, true},  {1003, true}, {1004, false}, {1005, false},
                 {1006, false}, {1007, true},  {1011, true}, {1012, true},  {1014, true},
                 {1015, false}, {2999, false}, {3000, true}, {4999, true},  {5000, false}};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        cr_expect_eq(ws_code_valid(codes[i].code), codes[i].valid, "%u", codes[i].code);
}

Test(ws_frame, wire_form)
{
    static char payload[70000];
    const struct {
        size_t n, head;
        const char *start;
    } sizes[] = {{0, 2, "\x81\x00"},
                 {125, 2, "\x81\x7d"},
                 {126, 4, "\x81\x7e\x00\x7e"},
                 {65535, 4, "\x81\x7e\xff\xff"},
                 {65536, 10, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct buf b = BUF_INIT;
        ws_wire(&b, WS_TEXT, payload, sizes[i].n);
        cr_expect_eq(b.len, sizes[i].head + sizes[i].n);
        cr_expect_eq(memcmp(b.data, sizes[i].start, sizes[i].head), 0);
        buf_finish(&b);
    }
}

Test(ws_frame, wire_form_is_read_back)
{
    static char payload[70000];
    static const size_t sizes[] = {0, 125, 126, 65535, 65536};
    struct buf b = BUF_INIT;
    struct str payload_read;
    uint8_t opcode;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        ws_wire(&b, i % 2 ? WS_BINARY : WS_TEXT, payload, sizes[i]);
    struct str left = {(const char *)b.data, b.len};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        cr_assert(ws_wire_next(&left, &opcode, &payload_read));
        cr_expect_eq(payload_read.n, sizes[i]);
        cr_expect_eq(opcode, i % 2 ? WS_BINARY : WS_TEXT);
    }
    cr_expect_not(ws_wire_next(&left, &opcode, &payload_read));
    buf_finish(&b);
}
