/*
 * What --test-endpoints opens for conformance suites: an HTTP echo and a WebSocket echo through the
 * very code that serves everything else.
 */
#include <stdlib.h>

#include "net/net.h"

#define ECHO_MAX (16u << 20)

static void echo_http(struct http_req *r)
{
    struct str content = http_body(r);
    const char *type = http_header(r, "content-type");
    http_set(r, "Cache-Control", "no-store");
    http_respond(r, 200, type ? type : "application/octet-stream", body_make(content.p, content.n));
}

struct echo {
    struct conn *conn;
};

static void echo_message(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    struct echo *e = arg;
    struct buf wire = BUF_INIT;
    if (ws_deflates(e->conn))
        ws_wire_deflated(&wire, op, bytes, n);
    else
        ws_wire(&wire, op, bytes, n);
    ws_send_body(e->conn, body_of(&wire), WS_REPLAY);
    buf_finish(&wire);
    if (ws_queued(e->conn) >
        HTTP_QUEUE_MAX) { /* an echo is not taken faster than it is read back */
        ws_pause(e->conn, true);
        ws_want_drain(e->conn, 0);
    }
}

static void echo_drained(void *arg)
{
    ws_pause(((struct echo *)arg)->conn, false);
}

static void echo_closed(void *arg, uint16_t code)
{
    (void)code;
    free(arg);
}

static const struct ws_handler echo_handler = {
    .message = echo_message, .drained = echo_drained, .closed = echo_closed};

static void echo_ws(struct http_req *r)
{
    struct echo *e = xcalloc(1, sizeof(*e));
    e->conn = ws_accept(r, NULL, &echo_handler, e, ECHO_MAX, true);
    if (!e->conn)
        free(e);
}

const struct http_route net_test_routes[] = {
    {.method = HTTP_M_POST, .path = "/test/echo", .enter = echo_http, .body_max = ECHO_MAX},
    {.method = HTTP_M_GET, .path = "/test/ws", .enter = echo_ws, .upgrade = true},
};
const unsigned net_test_route_count = sizeof(net_test_routes) / sizeof(*net_test_routes);
