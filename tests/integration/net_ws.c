/*
 * The WebSocket side over real sockets: messages whole and in pieces, what a peer may not send and
 * the code it gets, the close handshake, lanes and limits of the queue, silence, floods, peers that
 * never read.
 */
#include "net_testing.h"

#include <stdio.h>
#include <zlib.h>

/* A route whose connection the test commands: "burst N L" queues N durable messages of L bytes, and
 * so on. */
struct member {
    struct conn *conn;
    int presence_refused, drained;
};
static _Atomic int closed_code, refused;

static struct body *filled(size_t n, char with)
{
    struct buf wire = BUF_INIT;
    char *text = malloc(n);
    memset(text, with, n);
    ws_wire(&wire, WS_TEXT, text, n);
    free(text);
    struct body *b = body_of(&wire);
    buf_finish(&wire);
    return b;
}

static void send_some(struct member *m, unsigned count, size_t n, enum ws_lane lane)
{
    struct frame *f = frame_make(filled(n, 'a' + (char)lane), lane);
    for (unsigned i = 0; i < count; i++)
        if (!ws_send(m->conn, f))
            atomic_fetch_add(&refused, 1);
    frame_unref(f);
}

static void command(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    struct member *m = arg;
    char text[64] = "", verb[16] = "";
    unsigned a = 0, b = 0;
    (void)op;
    memcpy(text, bytes, n < 63 ? n : 63);
    sscanf(text, "%15s %u %u", verb, &a, &b);
    if (strcmp(verb, "durable") == 0)
        send_some(m, a, b, WS_DURABLE);
    else if (strcmp(verb, "presence") == 0)
        send_some(m, a, b, WS_PRESENCE);
    else if (strcmp(verb, "replay") == 0)
        send_some(m, a, b, WS_REPLAY);
    else if (strcmp(verb, "close") == 0)
        ws_close(m->conn, (uint16_t)a, "so");
    else if (strcmp(verb, "abort") == 0)
        ws_abort(m->conn);
    else if (strcmp(verb, "pause") == 0)
        ws_pause(m->conn, true), ws_want_drain(m->conn, 0);
    else if (strcmp(verb, "echo") == 0)
        ws_send_body(m->conn, filled(a, 'e'), WS_CONTROL);
}

static void drained(void *arg)
{
    ws_pause(((struct member *)arg)->conn, false);
}

static void closed(void *arg, uint16_t code)
{
    atomic_store(&closed_code, code);
    free(arg);
}

static const struct ws_handler handler = {.message = command, .drained = drained, .closed = closed};

static void member(struct http_req *r)
{
    struct member *m = calloc(1, sizeof(*m));
    m->conn = ws_accept(r, NULL, &handler, m, 65536, true);
    if (!m->conn)
        free(m);
}

static const struct http_route routes[] = {
    {.method = HTTP_M_GET, .path = "/member", .enter = member, .upgrade = true}};

static void start_with(const struct ws_limits *l)
{
    ws_configure(l);
    server_start(NULL, routes, 1, 1);
}

static void start(void)
{
    start_with(&(struct ws_limits){.fragments_max = 100});
}

static uint8_t got[1 << 20];
static size_t got_n;

static bool closed_within(int ms)
{
    for (int i = 0; i < ms && !atomic_load(&closed_code); i++)
        usleep(1000);
    return atomic_load(&closed_code) != 0;
}

static void say_as(int fd, const char *text)
{
    ws_say(fd, 0x81, text, strlen(text));
}

Test(ws, echoes_every_length_whole_and_byte_by_byte, .init = start, .fini = server_stop)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 300000};
    int fd = ws_dial("/test/ws");
    uint8_t *content = malloc(300000), *wire = malloc(300014);
    for (size_t i = 0; i < 300000; i++)
        content[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        ws_say(fd, 0x82, content, sizes[i]);
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x82);
        cr_expect(got_n == sizes[i] && memcmp(got, content, got_n) == 0, "%zu bytes", sizes[i]);
        if (sizes[i] > 127)
            continue;
        size_t n = ws_frame_put(wire, 0x82, content, sizes[i]);
        for (size_t at = 0; at < n; at++) {
            say(fd, wire + at, 1);
            usleep(200);
        }
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x82);
        cr_expect(got_n == sizes[i] && memcmp(got, content, got_n) == 0, "%zu bytes, byte by byte",
                  sizes[i]);
    }
    free(content);
    free(wire);
    close(fd);
}

Test(ws, fragments_with_control_frames_between, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/test/ws");
    for (int round = 0; round < 3; round++) {
        ws_say(fd, 0x01, "h\xc3", 2); /* a character cut in two */
        ws_say(fd, 0x89, "ping", 4);
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x8a);
        cr_expect(got_n == 4 && memcmp(got, "ping", 4) == 0);
        ws_say(fd, 0x00, "", 0);
        ws_say(fd, 0x80, "\xa9!", 2);
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x81);
        cr_expect(got_n == 4 && memcmp(got, "h\xc3\xa9!", 4) == 0);
        ws_say(fd, 0x81, "whole", 5);
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x81);
        cr_expect(got_n == 5);
    }
    close(fd);
}

static const struct {
    const char *name;
    uint8_t first;
    const char *content;
    size_t n;
    uint8_t then;
    const char *second;
    int code;
} wrongs[] = {
    {"reserved opcode", 0x83, "", 0, 0, NULL, 1002},
    {"reserved control opcode", 0x8b, "", 0, 0, NULL, 1002},
    {"RSV1 without the extension", 0xc1, "a", 1, 0, NULL, 1002},
    {"RSV2", 0xa1, "a", 1, 0, NULL, 1002},
    {"fragmented ping", 0x09, "", 0, 0, NULL, 1002},
    {"continuation of nothing", 0x80, "a", 1, 0, NULL, 1002},
    {"text within a message", 0x01, "a", 1, 0x81, "b", 1002},
    {"binary within a message", 0x02, "a", 1, 0x02, "b", 1002},
    {"bad UTF-8", 0x81, "\xff", 1, 0, NULL, 1007},
    {"bad UTF-8 in the first piece", 0x01, "a\xff", 2, 0, NULL, 1007},
    {"bad UTF-8 across pieces", 0x01, "\xc3", 1, 0x80, "a", 1007},
    {"UTF-8 cut at the end", 0x01, "a", 1, 0x80, "\xc3", 1007},
    {"surrogate", 0x81, "\xed\xa0\x80", 3, 0, NULL, 1007},
    {"close code 1005", 0x88, "\x03\xed", 2, 0, NULL, 1002},
    {"close code 999", 0x88, "\x03\xe7", 2, 0, NULL, 1002},
    {"close of one byte", 0x88, "\x03", 1, 0, NULL, 1002},
    {"close reason not UTF-8", 0x88, "\x03\xe8\xff", 3, 0, NULL, 1007},
    {"close without a code", 0x88, "", 0, 0, NULL, 0},
    {"close 1000", 0x88, "\x03\xe8 bye", 6, 0, NULL, 1000},
    {"close 1012", 0x88, "\x03\xf4", 2, 0, NULL, 1012},
    {"close 4999", 0x88, "\x13\x87", 2, 0, NULL, 4999},
    {"close within a message", 0x01, "a", 1, 0x88, "\x03\xe8", 1000},
};

Test(ws, wrong_frames_get_their_code, .init = start, .fini = server_stop)
{
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
        atomic_store(&closed_code, 0);
        int fd = ws_dial("/member");
        ws_say(fd, wrongs[i].first, wrongs[i].content, wrongs[i].n);
        if (wrongs[i].second)
            ws_say(fd, wrongs[i].then, wrongs[i].second, strlen(wrongs[i].second));
        int code = ws_hear_close(fd);
        cr_expect_eq(code, wrongs[i].code, "%s: %d", wrongs[i].name, code);
        cr_expect(hear_end(fd), "%s: still open", wrongs[i].name);
        close(fd);
        cr_expect(closed_within(3000));
        cr_expect_eq(atomic_load(&closed_code), wrongs[i].code ? wrongs[i].code : 1005,
                     "%s: told %d", wrongs[i].name, atomic_load(&closed_code));
    }
}

Test(ws, unmasked_frames_are_refused, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/test/ws");
    say(fd,
        "\x81\x01"
        "a",
        3);
    cr_expect_eq(ws_hear_close(fd), 1002);
    cr_expect(hear_end(fd));
    close(fd);
}

Test(ws, sizes_are_capped_before_anything_is_kept, .init = start, .fini = server_stop)
{
    static char text[65537];
    int fd = ws_dial("/member");
    say(fd,
        "\x82\xff\x00\x00\x00\x00\x7f\xff\xff\xff"
        "mask",
        14);
    cr_expect_eq(ws_hear_close(fd), 1009);
    close(fd);
    fd = ws_dial("/member");
    ws_say(fd, 0x02, text, 40000);
    ws_say(fd, 0x80, text, 40000);
    cr_expect_eq(ws_hear_close(fd), 1009);
    close(fd);
    fd = ws_dial("/member");
    for (int i = 0; i < 101; i++)
        ws_say(fd, i ? 0x00 : 0x02, "", 0);
    cr_expect_eq(ws_hear_close(fd), 1009);
    close(fd);
}

Test(ws, both_sides_may_close, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/member");
    say_as(fd, "close 4001");
    cr_expect_eq(ws_hear_close(fd), 4001);
    ws_say(fd, 0x81, "ignored", 7);
    ws_say(fd, 0x88, "\x0f\xa1", 2);
    cr_expect(hear_end(fd));
    close(fd);
    cr_expect(closed_within(3000));
    cr_expect_eq(atomic_load(&closed_code), 4001);
    atomic_store(&closed_code, 0);
    fd = ws_dial("/member");
    close(fd);
    cr_expect(closed_within(3000));
    cr_expect_eq(atomic_load(&closed_code), 1006);
    atomic_store(&closed_code, 0);
    fd = ws_dial("/member");
    say_as(fd, "abort");
    cr_expect(hear_end(fd));
    cr_expect(closed_within(3000));
    close(fd);
}

Test(ws, a_peer_that_answers_no_close_is_dropped, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/member");
    say_as(fd, "close 1012");
    cr_expect_eq(ws_hear_close(fd), 1012);
    cr_expect(closed_within(8000));
    close(fd);
}

/* Of the server's end of fd, in this same process. The kernel doubles what was set (socket(7)). */
static int send_buffer_opposite(int fd)
{
    struct sockaddr_in own, peer;
    socklen_t n = sizeof(own);
    getsockname(fd, (struct sockaddr *)&own, &n);
    for (int other = 3, size; other < 1024; other++) {
        n = sizeof(peer);
        if (getpeername(other, (struct sockaddr *)&peer, &n) < 0 || peer.sin_port != own.sin_port)
            continue;
        n = sizeof(size);
        return getsockopt(other, SOL_SOCKET, SO_SNDBUF, &size, &n) == 0 ? size / 2 : -1;
    }
    return -1;
}

Test(ws, the_kernel_holds_at_most_128_kib_for_a_socket, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/member");
    cr_expect_eq(send_buffer_opposite(fd), 128 * 1024);
    close(fd);
}

/* The socket's buffers hold some 400 KiB here; what is sent above that is queued. */
static void start_tight(void)
{
    start_with(&(struct ws_limits){
        .queue_soft = 65536, .queue_hard = 1 << 20, .queue_age_ms = 60000, .sndbuf = 16384});
}

static void shrink(int fd)
{
    int small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
}

Test(ws, presence_is_dropped_above_the_soft_limit_durable_is_not, .init = start_tight,
     .fini = server_stop)
{
    int fd = ws_dial("/member");
    shrink(fd);
    say_as(fd, "durable 100 10000"); /* about 1 MB: kernel and queue */
    say_as(fd, "presence 10 100");
    for (int i = 0; i < 2000 && atomic_load(&refused) < 10; i++)
        usleep(1000);
    cr_expect_eq(atomic_load(&refused), 10);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x81, "durable frame %d", i);
    say_as(fd, "presence 1 100");
    cr_expect_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x81);
    cr_expect_eq(got_n, 100);
    cr_expect_eq(atomic_load(&refused), 10);
    close(fd);
}

Test(ws, above_the_hard_limit_4008_and_replay_is_exempt, .init = start_tight, .fini = server_stop)
{
    int fd = ws_dial("/member");
    shrink(fd);
    say_as(fd, "replay 400 10000");
    usleep(300000);
    cr_expect_eq(atomic_load(&closed_code), 0);
    for (int i = 0; i < 400; i++)
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x81, "replayed frame %d", i);
    say_as(fd, "durable 400 10000");
    int code = -1;
    for (int i = 0; i < 400 && code < 0;
         i++) /* what the kernel has, one frame begun, then the close */
        code = ws_hear(fd, got, sizeof(got), &got_n) == 0x88 ? got[0] << 8 | got[1] : -1;
    cr_expect_eq(code, 4008);
    ws_say(fd, 0x88, "\x0f\xa8", 2);
    cr_expect(hear_end(fd));
    close(fd);
    cr_expect(closed_within(3000));
    cr_expect_eq(atomic_load(&closed_code), 4008);
}

static void start_aging(void)
{
    start_with(&(struct ws_limits){.queue_age_ms = 500, .sndbuf = 16384});
}

Test(ws, an_old_frame_closes_4008, .init = start_aging, .fini = server_stop)
{
    int fd = ws_dial("/member");
    shrink(fd);
    say_as(fd, "durable 90 10000");
    cr_expect(closed_within(12000));
    cr_expect_eq(atomic_load(&closed_code), 4008);
    close(fd);
}

static void start_total(void)
{
    start_with(
        &(struct ws_limits){.queue_total = 3 << 20, .queue_hard = 16 << 20, .sndbuf = 16384});
}

Test(ws, over_the_total_the_slowest_goes_first, .init = start_total, .fini = server_stop)
{
    int slow = ws_dial("/member"), quick = ws_dial("/test/ws");
    shrink(slow);
    for (int i = 0; i < 8; i++) {
        char text[32];
        snprintf(text, sizeof(text), "echo %d", 1000000 + i); /* each a frame of its own */
        say_as(slow, text);
    }
    cr_expect(closed_within(12000));
    cr_expect_eq(atomic_load(&closed_code), 4008);
    ws_say(quick, 0x81, "here", 4);
    cr_expect_eq(ws_hear(quick, got, sizeof(got), &got_n), 0x81);
    close(slow);
    close(quick);
}

static void start_restless(void)
{
    start_with(&(struct ws_limits){.ping_after_ms = 500, .dead_after_ms = 1500});
}

Test(ws, silence_is_pinged_and_a_dead_peer_dropped, .init = start_restless, .fini = server_stop)
{
    int fd = ws_dial("/member");
    cr_expect_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x89);
    ws_say(fd, 0x8a, "", 0);
    cr_expect_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x89,
                 "a pong is a sign of life: another ping follows");
    cr_expect_eq(atomic_load(&closed_code), 0);
    cr_expect(closed_within(6000));
    cr_expect_eq(atomic_load(&closed_code), 1006);
    close(fd);
}

Test(ws, ping_floods_are_throttled_then_refused, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/member");
    struct buf flood = BUF_INIT;
    for (int i = 0; i < 3000; i++) {
        uint8_t wire[32];
        buf_put(&flood, wire, ws_frame_put(wire, 0x89, "x", 1));
    }
    say(fd, flood.data, flood.len);
    int pongs = 0, first;
    while ((first = ws_hear(fd, got, sizeof(got), &got_n)) == 0x8a)
        pongs++;
    cr_expect_lt(pongs, 500);
    cr_expect_eq(first, 0x88);
    cr_expect_eq(got[0] << 8 | got[1], 1008);
    buf_finish(&flood);
    close(fd);
}

Test(ws, a_paused_connection_is_not_read_and_loses_nothing, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/member");
    struct buf all = BUF_INIT;
    uint8_t wire[64];
    for (int i = 0; i < 300; i++) {
        char text[32];
        snprintf(text, sizeof(text), "echo %d", i);
        buf_put(&all, wire, ws_frame_put(wire, 0x81, "pause", 5));
        buf_put(&all, wire, ws_frame_put(wire, 0x81, text, strlen(text)));
    }
    say(fd, all.data, all.len);
    for (int i = 0; i < 300; i++) {
        cr_assert_eq(ws_hear(fd, got, sizeof(got), &got_n), 0x81, "message %d", i);
        cr_assert_eq(got_n, (size_t)i);
    }
    buf_finish(&all);
    close(fd);
}

/* ---- permessage-deflate ---- */

static size_t pack(const void *p, size_t n, uint8_t *out, size_t max)
{
    z_stream z = {0};
    deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)max;
    deflate(&z, Z_SYNC_FLUSH);
    size_t len = max - z.avail_out - 4;
    deflateEnd(&z);
    return len;
}

#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

Test(ws, compressed_messages_whole_and_in_pieces, .init = start, .fini = server_stop)
{
    static uint8_t text[100000], packed[100000], back[100001];
    memset(text, 'z', sizeof(text));
    size_t n = pack(text, sizeof(text), packed, sizeof(packed));
    int fd = ws_dial_with("/test/ws", OFFER);
    for (int pieces = 0; pieces < 2; pieces++) {
        if (pieces) {
            ws_say(fd, 0x41, packed, 5);
            ws_say(fd, 0x80, packed + 5, n - 5);
        } else {
            ws_say(fd, 0xc1, packed, n);
        }
        cr_assert_eq(ws_hear(fd, got, sizeof(got) - 4, &got_n), 0xc1);
        memcpy(got + got_n, "\x00\x00\xff\xff", 4);
        z_stream z = {.next_in = got,
                      .avail_in = (uInt)got_n + 4,
                      .next_out = back,
                      .avail_out = sizeof(back)};
        inflateInit2(&z, -15);
        inflate(&z, Z_SYNC_FLUSH);
        cr_expect_eq(z.total_out, sizeof(text));
        cr_expect_eq(memcmp(back, text, sizeof(text)), 0);
        inflateEnd(&z);
    }
    close(fd);
}

Test(ws, a_bomb_is_1009_and_damage_1007, .init = start, .fini = server_stop)
{
    static uint8_t zeros[2000000], packed[10000];
    size_t n = pack(zeros, sizeof(zeros), packed, sizeof(packed));
    int fd = ws_dial_with("/member", OFFER);
    ws_say(fd, 0xc2, packed, n);
    cr_expect_eq(ws_hear_close(fd), 1009);
    close(fd);
    fd = ws_dial_with("/member", OFFER);
    ws_say(fd, 0xc2, "\xff\xff\xff\xff", 4);
    cr_expect_eq(ws_hear_close(fd), 1007);
    close(fd);
    fd = ws_dial_with("/member", OFFER);
    n = pack("\xff\xfe", 2, packed, sizeof(packed));
    ws_say(fd, 0xc1, packed, n);
    cr_expect_eq(ws_hear_close(fd), 1007);
    close(fd);
}
