/*
 * A WebSocket connection: the handshake that makes it, the queue's lanes and limits, pings, and the
 * close handshake. It ends in one of three ways: both close frames went by (then the server shuts
 * first), the peer vanished, or patience ended; closed() is told once, at a turn's end. After
 * ws_fail() nothing that the peer sends is looked at: that is what close_got says.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/http_req.h"
#include "net/ws_frame.h"

#define PONGS_A_SECOND                                                                             \
    64u /* further pings of that second go unanswered: RFC 6455 5.5.3 allows to answer the latest  \
           only */
#define PINGS_A_SECOND 1024u /* above: 1008 */

struct ws_limits net_limits = {.queue_soft = 64 * 1024,
                               .queue_hard = 1024 * 1024,
                               .queue_age_ms = 15000,
                               .queue_total = 64 * 1024 * 1024,
                               .ping_after_ms = 25000,
                               .dead_after_ms = 60000,
                               .sndbuf = 128 * 1024,
                               .fragments_max = 4096};

void ws_configure(const struct ws_limits *l)
{
    struct ws_limits *to = &net_limits;
    to->queue_soft = l->queue_soft ? l->queue_soft : to->queue_soft;
    to->queue_hard = l->queue_hard ? l->queue_hard : to->queue_hard;
    to->queue_age_ms = l->queue_age_ms ? l->queue_age_ms : to->queue_age_ms;
    to->queue_total = l->queue_total ? l->queue_total : to->queue_total;
    to->ping_after_ms = l->ping_after_ms ? l->ping_after_ms : to->ping_after_ms;
    to->dead_after_ms = l->dead_after_ms ? l->dead_after_ms : to->dead_after_ms;
    to->sndbuf = l->sndbuf ? l->sndbuf : to->sndbuf;
    to->fragments_max = l->fragments_max ? l->fragments_max : to->fragments_max;
}

/* ---- the handshake (RFC 6455 4.2) ---- */

static bool key_valid(const char *key)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key && strlen(key) == 24 && strspn(key, base64) == 22 && strcmp(key + 22, "==") == 0 &&
           strchr("AQgw", key[21]);
}

static void accept_key(const char *key, char out[32])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char text[24 + 36 + 1];
    memcpy(stpcpy(text, key), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 37);
    int ok = EVP_Digest(text, 60, digest, &n, EVP_sha1(), NULL);
    assert(ok == 1 && n == 20);
    EVP_EncodeBlock((unsigned char *)out, digest, 20);
}

static enum fault handshake_fault(const struct http_req *r)
{
    const char *version = http_header(r, "sec-websocket-version");
    if (!r->upgrade)
        return F_websocket_only;
    if (!version || strcmp(version, "13") != 0)
        return F_websocket_version;
    return key_valid(http_header(r, "sec-websocket-key")) ? F_none : F_websocket_key;
}

/* One offer of permessage-deflate that we can meet: no parameter that we do not know, windows of
 * any size down to what zlib does. */
static bool offer_fits(char *offer)
{
    char *at = NULL, *name = strtok_r(offer, ";", &at);
    if (!name || strcmp(name + strspn(name, " \t"), "permessage-deflate") != 0)
        return false;
    for (char *p; (p = strtok_r(NULL, ";", &at));) {
        p += strspn(p, " \t");
        size_t n = strcspn(p, " \t=");
        bool none = p[n] == '\0', bits = n == 22 && memcmp(p, "client_max_window_bits", 22) == 0;
        bool context = (n == 26 && (memcmp(p, "server_no_context_takeover", 26) == 0 ||
                                    memcmp(p, "client_no_context_takeover", 26) == 0));
        if (!(context && none) && !bits)
            return false; /* also server_max_window_bits: we write with the full window */
    }
    return true;
}

static bool deflate_offered(struct http_req *r)
{
    const char *list = http_header(r, "sec-websocket-extensions");
    if (!list || strlen(list) > 1024)
        return false;
    size_t n = strlen(list) + 1;
    char *copy = memcpy(req_scrap(r, n), list, n), *at = NULL;
    for (char *offer = strtok_r(copy, ",", &at); offer; offer = strtok_r(NULL, ",", &at)) {
        size_t end = strlen(offer);
        while (end && (offer[end - 1] == ' ' || offer[end - 1] == '\t'))
            offer[--end] = '\0';
        if (offer_fits(offer))
            return true;
    }
    return false;
}

static void accept_answer(struct http_req *r, const char *protocol, bool deflate)
{
    char key[32];
    accept_key(http_header(r, "sec-websocket-key"), key);
    struct buf b = BUF_INIT;
    buf_printf(&b,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
               "Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
               key);
    if (protocol)
        buf_printf(&b, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    if (deflate)
        buf_puts(&b, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                     "client_no_context_takeover\r\n");
    buf_printf(&b, "X-Request-Id: %s\r\n", r->id);
    buf_put(&b, r->set.data, r->set.len);
    buf_puts(&b, "\r\n");
    http_answer_raw(r->conn, (const char *)b.data, b.len);
    buf_finish(&b);
}

static struct conn *accept_refuse(struct http_req *r, enum fault why)
{
    if (fault_row(why)->status == 426) {
        http_set(r, "Sec-WebSocket-Version", "13");
        http_set(r, "Upgrade", "websocket");
        http_set(r, "Connection", "Upgrade");
    }
    http_refuse_with(r, why);
    return NULL;
}

struct conn *ws_accept(struct http_req *r, const char *protocol, const struct ws_handler *handler,
                       void *arg, uint32_t message_max, bool deflate)
{
    if (http_aborted(r)) {
        http_respond(r, 503, NULL, NULL);
        return NULL;
    }
    if (r->net->draining) {
        http_set(r, "Retry-After", "1");
        return accept_refuse(r, F_restarting);
    }
    enum fault why = handshake_fault(r);
    if (why)
        return accept_refuse(r, why);
    struct conn *c = r->conn;
    deflate = deflate && deflate_offered(r);
    accept_answer(r, protocol, deflate);
    memcpy(c->addr, r->addr, 16);
    http_log(r, 101, 0);
    r->answered = true;
    http_answered(c, false);
    req_free(r);
    conn_become(c, CONN_WS);
    c->handler = handler;
    c->arg = arg;
    c->message_max = message_max;
    c->deflate = deflate;
    tally_add(&c->net->stats.websockets, 1);
    conn_due(c, loop_now() + net_limits.ping_after_ms);
    conn_pause(c, false);
    conn_again(c);
    return c;
}

bool ws_deflates(const struct conn *c)
{
    return c->deflate;
}
int64_t ws_last_heard(const struct conn *c)
{
    return c->heard_ms;
}

const char *ws_peer(const struct conn *c)
{
    static _Thread_local char text[46];
    peer_text(c->addr, text);
    return text;
}

/* ---- out ---- */

/* Called when a frame does not fit under the soft limit: whether it may be queued nevertheless. */
static bool ws_room(struct conn *c, const struct frame *f)
{
    if (!c->blocked && c->queued) {
        out_flush(c); /* the turn was long: the kernel may well take what is there */
        if (c->state != CONN_WS || c->closing)
            return false;
    }
    uint64_t waiting = (uint64_t)c->queued - c->replay + f->len;
    if (f->lane == WS_REPLAY || waiting <= net_limits.queue_soft)
        return true;
    if (f->lane == WS_PRESENCE || f->lane == WS_EPHEMERAL)
        return false;
    if (waiting <= net_limits.queue_hard)
        return true;
    ws_slow(c, QUEUE_CONNECTION);
    return false;
}

bool ws_send(struct conn *c, struct frame *f)
{
    if (c->state != CONN_WS || c->closing)
        return false;
    if (c->queued + f->len > net_limits.queue_soft && !ws_room(c, f))
        return false;
    out_push(c, f);
    return true;
}

void ws_send_body(struct conn *c, struct body *wire, enum ws_lane lane)
{
    struct frame *f = frame_make(wire, lane);
    ws_send(c, f);
    frame_unref(f);
}

size_t ws_queued(const struct conn *c)
{
    return c->out ? c->queued - c->out->offset : 0;
}

void ws_want_drain(struct conn *c, size_t below)
{
    c->drain_below = below < UINT32_MAX ? (uint32_t)below : UINT32_MAX;
    c->want_drain = true;
    conn_dirty(c);
}

void ws_pause(struct conn *c, bool on)
{
    conn_pause(c, on);
}

/* ---- the end ---- */

static void close_frame(struct conn *c, uint16_t code, const char *reason)
{
    uint8_t content[WS_CONTROL_MAX], head[2] = {0x88, 0};
    size_t n = reason ? strlen(reason) : 0;
    c->closing = c->close_sent = true;
    conn_due(c, loop_now() + CLOSE_MS);
    if (c->fd < 0) { /* its owner sees the code */
        conn_again(c);
        return;
    }
    n = n > sizeof(content) - 2 ? 0 : n;
    content[0] = (uint8_t)(code >> 8);
    content[1] = (uint8_t)code;
    if (n)
        memcpy(content + 2, reason, n);
    head[1] = code ? (uint8_t)(n + 2) : 0;
    struct body *wire = body_alloc(2u + head[1]);
    memcpy(wire->bytes, head, 2);
    memcpy(wire->bytes + 2, content, head[1]);
    struct frame *f = frame_make(wire, WS_CONTROL);
    out_push(c, f);
    frame_unref(f);
}

void ws_close(struct conn *c, uint16_t code, const char *reason)
{
    if (c->state != CONN_WS || c->closing)
        return;
    c->close_code = code;
    close_frame(c, code, reason);
    conn_pause(c, false);
}

void ws_fail(struct conn *c, uint16_t code, const char *reason)
{
    if (c->state != CONN_WS)
        return;
    c->close_got = true;
    if (c->closing)
        conn_due(c, loop_now() + LINGER_MS);
    else
        ws_close(c, code, reason);
}

void ws_slow(struct conn *c, enum queue_limit met)
{
    tally_add(&c->net->stats.queue_closes[met], 1);
    c->close_code = 4008;
    out_drop(c, true);
    close_frame(c, 4008, "too slow: resume");
}

void ws_abort(struct conn *c)
{
    if (c->state != CONN_DEAD)
        conn_reset(c);
}

void ws_written(struct conn *c)
{
    if (c->close_sent && c->close_got && !c->out) {
        conn_linger(c);
        return;
    }
    if (c->want_drain && ws_queued(c) <= c->drain_below) {
        c->want_drain = false;
        if (c->handler->drained)
            c->handler->drained(c->arg);
    }
}

static struct frame *ping_frame(struct net_loop *net)
{
    static const uint8_t ping[2] = {0x89, 0};
    if (!net->ping)
        net->ping = frame_plain(ping, sizeof(ping), NULL);
    return net->ping;
}

void ws_due(struct conn *c, int64_t now)
{
    if (c->closing) {
        conn_reset(c);
        return;
    }
    if (c->fd < 0) {
        c->handler->due(c->arg);
        return;
    }
    int64_t heard = c->blocked && c->moved_ms > c->heard_ms
                        ? c->moved_ms
                        : c->heard_ms; /* who takes bytes from a full queue lives */
    int64_t silent = now - heard;
    if (silent >= net_limits.dead_after_ms && !c->paused) {
        tally_add(&c->net->stats.timeouts, 1);
        conn_reset(c);
        return;
    }
    if (silent >= net_limits.ping_after_ms && !c->pinged && !c->blocked) {
        struct frame *f = ping_frame(c->net);
        f->at_ms = now;
        c->pinged = true;
        out_push(c, f);
    }
    int64_t next =
        heard + (c->pinged || c->paused ? net_limits.dead_after_ms : net_limits.ping_after_ms);
    conn_due(c, next > now ? next : now + 1000);
}

/* ---- in ---- */

static void got_close(struct conn *c, const uint8_t *p, size_t n)
{
    uint16_t code = (uint16_t)(n >= 2 ? p[0] << 8 | p[1] : 0);
    if (n == 1 || (n >= 2 && !ws_code_valid(code))) {
        ws_fail(c, 1002, NULL);
        return;
    }
    if (n > 2 && !utf8_valid((const char *)p + 2, n - 2)) {
        ws_fail(c, 1007, NULL);
        return;
    }
    c->close_got = true;
    if (!c->closing) {
        c->close_code = code ? code : 1005;
        close_frame(c, code, NULL);
    } else if (!c->out) {
        conn_linger(c);
    }
}

static void got_ping(struct conn *c, const uint8_t *p, size_t n)
{
    uint16_t second = (uint16_t)(loop_now() / 1000);
    if (second != c->ping_s)
        c->pings = 0;
    c->ping_s = second;
    if (++c->pings > PINGS_A_SECOND) {
        ws_fail(c, 1008, "too many pings");
        return;
    }
    if (c->pings > PONGS_A_SECOND || c->closing)
        return;
    struct body *wire = body_alloc(2 + n);
    wire->bytes[0] = 0x8a;
    wire->bytes[1] = (uint8_t)n;
    memcpy(wire->bytes + 2, p, n);
    ws_send_body(c, wire, WS_CONTROL);
}

void ws_control(struct conn *c, uint8_t opcode, const uint8_t *p, size_t n)
{
    if (opcode == WS_CLOSE)
        got_close(c, p, n);
    else if (opcode == WS_PING)
        got_ping(c, p, n);
}

void ws_message(struct conn *c, uint8_t opcode, bool packed, uint8_t *p, size_t n,
                bool text_checked)
{
    if (c->closing)
        return;
    if (packed) {
        int e = zip_inflate(c->net, p, n, c->message_max, &p, &n);
        if (e) {
            ws_fail(c, e == -EMSGSIZE ? 1009 : 1007, NULL);
            return;
        }
    }
    if (opcode == WS_TEXT && !text_checked && !utf8_valid((const char *)p, n)) {
        ws_fail(c, 1007, NULL);
        return;
    }
    c->handler->message(c->arg, (enum ws_opcode)opcode, p ? p : (const uint8_t *)"", n);
}
