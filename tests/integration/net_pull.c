/*
 * Connections without a socket, each commanded over a WebSocket of its own: what is queued is
 * pulled whole and in order, the queue's limits are those of a peer that reads nothing, and it ends
 * when everything was pulled.
 */
#include "net_testing.h"

#include <stdarg.h>
#include <stdio.h>

struct pair {
    struct conn *ws, *pulled;
    unsigned count, mixed; /* what the last pull gave; messages that were not as sent */
    char next;             /* the letter that the next message is made of */
};

static void tell(struct pair *p, const char *fmt, ...)
{
    char text[200];
    struct buf wire = BUF_INIT;
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ws_wire(&wire, WS_TEXT, text, (size_t)n);
    if (p->ws)
        ws_send_body(p->ws, body_of(&wire), WS_CONTROL);
    buf_finish(&wire);
}

/* ---- the one without a socket ---- */

static void heard(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    tell(arg, "heard %u %.*s", op, (int)(n < 100 ? n : 100), (const char *)bytes);
}
static void ready(void *arg)
{
    struct pair *p = arg;
    tell(p, "ready %zu %u", ws_queued(p->pulled), ws_closing(p->pulled));
}
static void resumed(void *arg)
{
    tell(arg, "resumed");
}
static void drained(void *arg)
{
    tell(arg, "drained");
}
static void due(void *arg)
{
    struct pair *p = arg;
    tell(p, "due");
    ws_due_in(p->pulled, 60000);
}
static void closed(void *arg, uint16_t code)
{
    struct pair *p = arg;
    p->pulled = NULL;
    tell(p, "closed %u", code);
}

static const struct ws_handler pulled_handler = {heard, drained, closed, ready, resumed, due};

/* Frames of two messages each, so that a frame is more than a message. */
static void queue(struct pair *p, unsigned count, size_t n, enum ws_lane lane)
{
    unsigned taken = 0;
    static char text[70000];

    for (unsigned i = 0; i < count && p->pulled; i++) {
        struct buf wire = BUF_INIT;
        for (unsigned k = 0; k < 2; k++) {
            memset(text, 'a' + (p->next - 'a' + (int)k) % 26, n);
            ws_wire(&wire, k ? WS_BINARY : WS_TEXT, text, n);
        }
        struct frame *f = frame_make(body_of(&wire), lane);
        if (ws_send(p->pulled, f)) {
            taken++;
            p->next = (char)('a' + (p->next - 'a' + 2) % 26);
        }
        frame_unref(f);
        buf_finish(&wire);
    }
    tell(p, "queued %u", taken);
}

static char wanted = 'a';

static void take(void *to, enum ws_opcode op, struct str payload)
{
    struct pair *p = to;
    bool same = payload.n > 0 && op == (p->count % 2 ? WS_BINARY : WS_TEXT);

    for (size_t i = 0; i < payload.n; i++)
        same = same && payload.p[i] == wanted;
    wanted = (char)('a' + (wanted - 'a' + 1) % 26);
    p->mixed += !same;
    p->count++;
}

static void pull(struct pair *p, size_t room)
{
    p->count = 0;
    size_t bytes = p->pulled ? ws_pull(p->pulled, room, take, p) : 0;
    tell(p, "pulled %u %zu", p->count, bytes);
}

/* ---- its WebSocket ---- */

static void command(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    struct pair *p = arg;
    char text[64] = "", verb[16] = "";
    unsigned a = 0, b = 0;

    (void)op;
    memcpy(text, bytes, n < 63 ? n : 63);
    sscanf(text, "%15s %u %u", verb, &a, &b);
    if (strcmp(verb, "durable") == 0)
        queue(p, a, b, WS_DURABLE);
    else if (strcmp(verb, "presence") == 0)
        queue(p, a, b, WS_PRESENCE);
    else if (strcmp(verb, "pull") == 0)
        pull(p, a);
    else if (strcmp(verb, "close") == 0)
        ws_close(p->pulled, (uint16_t)a, "so");
    else if (strcmp(verb, "pause") == 0)
        ws_pause(p->pulled, a);
    else if (strcmp(verb, "want") == 0)
        ws_want_drain(p->pulled, a);
    else if (strcmp(verb, "due") == 0)
        ws_due_in(p->pulled, a);
    else if (strcmp(verb, "feed") == 0)
        tell(p, "fed %d", ws_feed(p->pulled, WS_TEXT, bytes + 5, n - 5));
}

static void gone(void *arg, uint16_t code)
{
    struct pair *p = arg;
    (void)code;
    p->ws = NULL;
    if (p->pulled)
        ws_abort(p->pulled);
}

static const struct ws_handler handler = {.message = command, .closed = gone};

static void enter(struct http_req *r)
{
    static struct pair p;
    p = (struct pair){.next = 'a'};
    wanted = 'a';
    p.ws = ws_accept(r, NULL, &handler, &p, 65536, false);
    p.pulled = ws_pulled(&pulled_handler, &p, 1000);
    ws_due_in(p.pulled, 60000);
}

static const struct http_route routes[] = {
    {.method = HTTP_M_GET, .path = "/pair", .enter = enter, .upgrade = true}};

static void start_aging(unsigned ms)
{
    ws_configure(&(struct ws_limits){
        .queue_soft = 10000, .queue_hard = 100000, .queue_age_ms = ms, .queue_total = 1 << 26});
    server_start(NULL, routes, 1, 1);
}
static void start(void)
{
    start_aging(60000);
}
static void start_restless(void)
{
    start_aging(1000);
}

static void command_it(int fd, const char *text)
{
    ws_say(fd, 0x81, text, strlen(text));
}

/* The next thing told is this. */
static void hears(int fd, const char *text)
{
    uint8_t got[300];
    size_t n = 0;

    cr_assert_eq(ws_hear(fd, got, sizeof(got) - 1, &n), 0x81);
    got[n] = 0;
    cr_assert_str_eq((char *)got, text);
}

Test(pull, whole_messages_in_order_as_far_as_there_is_room, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/pair");
    command_it(fd, "durable 4 1000"); /* a frame: twice 1000 and a head of 4 */
    hears(fd, "queued 4");
    hears(fd, "ready 8032 0");
    command_it(fd, "durable 6 1000"); /* it waits already: it is not said again */
    hears(fd, "queued 6");
    command_it(fd, "want 5000");
    command_it(fd, "pull 4016");
    hears(fd, "pulled 4 4016");
    command_it(fd, "pull 1"); /* a frame at least */
    hears(fd, "pulled 2 2008");
    command_it(fd, "durable 1 10");
    hears(fd, "queued 1");
    command_it(fd, "pull 100000");
    hears(fd, "pulled 16 14080");
    hears(fd, "drained");
    command_it(fd, "pull 100000");
    hears(fd, "pulled 0 0");
    command_it(fd, "durable 1 10");
    hears(fd, "queued 1");
    hears(fd, "ready 24 0");
    close(fd);
}

Test(pull, the_queue_has_its_limits, .init = start_restless, .fini = server_stop)
{
    int fd = ws_dial("/pair");
    command_it(fd, "durable 4 1000");
    hears(fd, "queued 4");
    hears(fd, "ready 8032 0");
    command_it(fd, "presence 1 2000");
    hears(fd, "queued 0");
    command_it(fd, "durable 60 1000"); /* the 50th would be beyond 100,000 */
    hears(fd, "queued 45");
    hears(fd, "ready 0 4008");
    hears(fd, "closed 4008");
    close(fd);
    fd = ws_dial("/pair");
    command_it(fd, "durable 1 10");
    hears(fd, "queued 1");
    hears(fd, "ready 24 0");
    hears(fd, "ready 0 4008"); /* after a second in which nobody came for it */
    hears(fd, "closed 4008");
    close(fd);
}

Test(pull, a_close_waits_for_what_is_queued, .init = start, .fini = server_stop)
{
    int fd = ws_dial("/pair");
    command_it(fd, "close 1012");
    hears(fd, "ready 0 1012");
    hears(fd, "closed 1012");
    close(fd);
    fd = ws_dial("/pair");
    command_it(fd, "durable 2 100");
    hears(fd, "queued 2");
    hears(fd, "ready 408 0");
    command_it(fd, "close 4001");
    hears(fd, "ready 408 4001");
    command_it(fd, "durable 1 100");
    hears(fd, "queued 0");
    command_it(fd, "pull 204");
    hears(fd, "pulled 2 204");
    command_it(fd, "pull 204");
    hears(fd, "pulled 2 204");
    hears(fd, "closed 4001");
    close(fd);
}

Test(pull, what_is_fed_is_what_a_socket_would_bring, .init = start, .fini = server_stop)
{
    char long_text[1100] = "feed ";
    int fd = ws_dial("/pair");

    command_it(fd, "feed \xc3\xa9");
    hears(fd, "heard 1 \xc3\xa9");
    hears(fd, "fed 1");
    command_it(fd, "pause 1");
    command_it(fd, "feed x");
    hears(fd, "fed 0");
    command_it(fd, "pause 0");
    hears(fd, "resumed");
    command_it(fd, "due 300");
    hears(fd, "due");
    memset(long_text + 5, 'x', 1001);
    command_it(fd, long_text);
    hears(fd, "fed 1");
    hears(fd, "ready 0 1009");
    hears(fd, "closed 1009");
    close(fd);
}
