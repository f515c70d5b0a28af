/*
 * A connection's requests, one after the other: gather a head, take it through the gate, refuse it
 * or find its route, gather the content, enter the route, wait for the answer, go on. Requests sent
 * ahead wait as bytes, so answers cannot overtake each other and a peer that never reads costs its
 * limits and no more. The state of all this (struct http_conn) is attached only while bytes or a
 * request are there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_req.h"
#include "stacgate/ids.h"

#define POOL_MAX 64u
#define POOL_BUF_MAX (16u * 1024)
#define BODY_GRACE_MS 5000 /* before the least rate counts */
#define HALF_CLOSED_MS                                                                             \
    2000 /* a peer that sends no more gets its answer for so long; then it counts as gone */
#define ANSWER_LOOK_MS                                                                             \
    60000 /* answers have their own deadlines above: here is nothing to do but look again */

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_ANSWER };

struct http_conn {
    struct http_conn *next_free;
    struct buf in;  /* bytes not used yet: a head's beginning, or requests sent ahead */
    size_t scanned; /* of the head: what the gate has seen */
    struct gate gate;
    struct chunks chunks;
    struct http_req *req;
    enum phase phase;
    bool running;     /* http_run() is on the stack */
    bool stalled;     /* waits for the queue to empty */
    int64_t since_ms; /* phase's beginning */
    uint64_t got;     /* content bytes */
};

/* ---- attached and detached ---- */

static struct http_conn *http_attach(struct conn *c)
{
    if (c->http)
        return c->http;
    struct http_conn *h = c->net->free_http;
    if (h) {
        c->net->free_http = h->next_free;
        c->net->free_https--;
    } else {
        h = xcalloc(1, sizeof(*h));
    }
    struct buf in = h->in;
    buf_clear(&in);
    *h = (struct http_conn){.in = in, .since_ms = loop_now()};
    return c->http = h;
}

static void http_detach(struct conn *c)
{
    struct http_conn *h = c->http;
    c->http = NULL;
    if (c->net->free_https == POOL_MAX) {
        buf_finish(&h->in);
        free(h);
        return;
    }
    if (h->in.cap > POOL_BUF_MAX)
        buf_finish(&h->in);
    h->next_free = c->net->free_http;
    c->net->free_http = h;
    c->net->free_https++;
}

void http_pool_finish(struct net_loop *net)
{
    for (struct http_conn *h; (h = net->free_http);) {
        net->free_http = h->next_free;
        buf_finish(&h->in);
        free(h);
    }
}

static void http_phase(struct conn *c, enum phase phase)
{
    struct http_conn *h = c->http;
    h->phase = phase;
    h->since_ms = loop_now();
    if (phase == PHASE_BODY)
        conn_due(c, h->since_ms + BODY_GRACE_MS + 1000);
    else if (phase == PHASE_ANSWER)
        conn_due(c, h->since_ms + (c->eof ? HALF_CLOSED_MS : ANSWER_LOOK_MS));
}

/* ---- refusing ---- */

static void http_refuse_req(struct conn *c, struct http_req *r, enum fault why)
{
    c->http->req = r;
    c->http->phase = PHASE_ANSWER;
    http_refuse_with(r, why);
}

/* ---- a whole head ---- */

static bool transport_allowed(const struct http_req *r)
{
    return r->secure || r->loopback || (net_options.insecure_lan && peer_private(r->addr));
}

static void refuse_plain(struct conn *c, struct http_req *r)
{
    const char *accept = http_header(r, "accept"), *host = http_header(r, "host");
    bool page = r->method == HTTP_M_GET && !r->upgrade && list_has(accept, "text/html") &&
                strncmp(r->path, "/api/", 5) != 0;
    if (page && host) {
        size_t host_n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":"),
               n = host_n + strlen(r->target) + 9;
        char *to = req_scrap(r, n);
        snprintf(to, n, "https://%.*s%s", (int)host_n, host, r->target);
        http_set(r, "Location", to);
        c->http->req = r;
        c->http->phase = PHASE_ANSWER;
        r->close = true;
        http_respond(r, 308, NULL, NULL);
        return;
    }
    r->close = true;
    http_refuse_req(c, r, F_plain_http);
}

static void answer_options(struct conn *c, struct http_req *r, const char *allow)
{
    c->http->req = r;
    c->http->phase = PHASE_ANSWER;
    http_set(r, "Allow", allow);
    http_respond(r, 204, NULL, NULL);
}

static bool has_content(const struct http_req *r)
{
    return r->chunked || r->content_length;
}

/* No route takes it. With content still to come the connection closes behind the answer: what
 * follows is not a request. */
static void http_unrouted(struct conn *c, struct http_req *r, enum route_answer answer,
                          const char *allow)
{
    r->close |= has_content(r);
    if (answer == ROUTE_NONE) {
        http_refuse_req(c, r, F_nothing_here);
    } else if (r->method == HTTP_M_OPTIONS) {
        answer_options(c, r, allow);
    } else {
        http_set(r, "Allow", allow);
        http_refuse_req(c, r, F_method);
    }
}

static enum fault check_content(const struct http_req *r)
{
    if (r->route->upgrade && !r->upgrade)
        return F_websocket_only;
    if (!has_content(r))
        return F_none;
    if (r->route->body_max == 0)
        return F_body_none;
    return r->content_length > r->route->body_max ? F_body_large : F_none;
}

static void http_enter(struct conn *c)
{
    struct http_req *r = c->http->req;
    http_phase(c, PHASE_ANSWER);
    r->entered = true;
    r->route->enter(r);
}

static bool (*request_hook)(struct http_req *);
void http_on_request(bool (*hook)(struct http_req *))
{
    request_hook = hook;
}

static bool hooked(struct conn *c, struct http_req *r)
{
    if (!request_hook)
        return false;
    bool close = has_content(r) && r->method == HTTP_M_OPTIONS;
    c->http->req = r;
    c->http->phase = PHASE_ANSWER;
    r->entered = true;
    r->close |= close;
    if (request_hook(r))
        return true;
    r->entered = false;
    return false;
}

static void http_begin(struct conn *c, struct http_req *r)
{
    const char *allow = NULL;
    if (!transport_allowed(r)) {
        refuse_plain(c, r);
        return;
    }
    if (hooked(c, r))
        return;
    enum route_answer answer = route_find(r, &allow);
    if (answer != ROUTE_FOUND) {
        http_unrouted(c, r, answer, allow);
        return;
    }
    enum fault why = check_content(r);
    if (why) {
        r->close |= has_content(r);
        if (why == F_websocket_only) {
            http_set(r, "Upgrade", "websocket");
            http_set(r, "Connection", "Upgrade");
        }
        http_refuse_req(c, r, why);
        return;
    }
    c->http->req = r;
    c->http->got = 0;
    if (!has_content(r)) {
        http_enter(c);
        return;
    }
    chunks_init(&c->http->chunks);
    http_phase(c, PHASE_BODY);
    if (r->expects)
        http_answer_raw(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static enum fault head_limit(const struct gate *g, size_t n)
{
    bool in_target = g->target_at && !g->target_end;
    uint32_t target = g->target_end ? g->target_end - g->target_at
                      : in_target   ? g->at - g->target_at
                                    : 0;
    if (target > GATE_TARGET_MAX || (n > net_options.head_max && (in_target || !g->target_end)))
        return F_target_long;
    return n > net_options.head_max ? F_head_long : F_none;
}

/* The bytes it used: 0 while the head is incomplete. */
static size_t http_head(struct conn *c, const uint8_t *p, size_t n)
{
    struct http_conn *h = c->http;
    if (h->scanned == 0)
        gate_init(&h->gate);
    size_t used = 0, from = h->scanned;
    enum fault why = F_none;
    enum gate_answer answer = gate_head(&h->gate, p + from, n - from, &used, &why);
    h->scanned += used;
    enum fault limit = head_limit(&h->gate, h->scanned);
    if (limit || answer == GATE_BAD) {
        http_refuse_req(c, req_blank(c, p, h->scanned), limit ? limit : why);
        return n;
    }
    if (answer == GATE_MORE) {
        if (from == 0) {
            h->since_ms = loop_now();
            conn_due(c, h->since_ms + net_options.head_ms);
        }
        return 0;
    }
    size_t whole = h->scanned;
    h->scanned = 0;
    struct http_req *r;
    why = req_parse(c, &h->gate, p + h->gate.skipped, whole - h->gate.skipped, &r);
    if (!why) {
        http_begin(c, r);
    } else {
        if (why == F_connect)
            http_set(r, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        http_refuse_req(c, r, why);
    }
    return whole;
}

/* ---- content ---- */

static bool body_take(struct conn *c, const uint8_t *p, size_t n)
{
    struct http_conn *h = c->http;
    struct http_req *r = h->req;
    h->got += n;
    if (h->got > r->route->body_max) {
        r->close = true;
        http_refuse_req(c, r, F_body_large);
        return false;
    }
    buf_put(&r->body, p, n);
    return true;
}

static size_t http_chunks(struct conn *c, const uint8_t *p, size_t n)
{
    struct http_conn *h = c->http;
    size_t off = 0;
    while (off < n) {
        const uint8_t *data;
        size_t data_n, used;
        enum fault why = F_none;
        enum gate_answer answer =
            chunks_next(&h->chunks, p + off, n - off, &used, &data, &data_n, &why);
        off += used;
        if (answer == GATE_BAD) {
            h->req->close = true;
            http_refuse_req(c, h->req, why);
            return n;
        }
        if (data_n && !body_take(c, data, data_n))
            return n;
        if (answer == GATE_DONE) {
            http_enter(c);
            return off;
        }
    }
    return off;
}

static size_t http_content(struct conn *c, const uint8_t *p, size_t n)
{
    struct http_conn *h = c->http;
    if (h->req->chunked)
        return http_chunks(c, p, n);
    uint64_t left = h->req->content_length - h->got;
    size_t take = n < left ? n : (size_t)left;
    if (body_take(c, p, take) && h->got == h->req->content_length)
        http_enter(c);
    return take;
}

/* ---- the run through what is there ---- */

static bool http_may_begin(struct conn *c, unsigned served)
{
    struct http_conn *h = c->http;
    if (served > net_options.pipeline_max) {
        conn_again(c);
        return false;
    }
    if (c->queued <= HTTP_QUEUE_MAX)
        return true;
    if (!c->blocked)
        out_flush(c);
    if (c->state != CONN_HTTP || c->queued <= HTTP_QUEUE_MAX)
        return c->state == CONN_HTTP;
    h->stalled = true;
    return false;
}

static size_t http_run(struct conn *c, const uint8_t *p, size_t n)
{
    struct http_conn *h = c->http;
    size_t off = 0;
    unsigned served = 0;
    h->running = true;
    while (off < n && c->state == CONN_HTTP && !c->shut_after && h->phase != PHASE_ANSWER) {
        if (h->phase == PHASE_BODY) {
            off += http_content(c, p + off, n - off);
            continue;
        }
        if (h->scanned == 0 && !http_may_begin(c, ++served))
            break;
        size_t used = http_head(c, p + off, n - off);
        if (!used)
            break;
        off += used;
    }
    h->running = false;
    return c->shut_after ? n : off;
}

static void http_settle(struct conn *c)
{
    struct http_conn *h = c->http;
    if (c->state != CONN_HTTP)
        return;
    bool idle = h->phase == PHASE_HEAD && !h->in.len && !h->stalled && !c->again;
    bool full = h->stalled || (h->phase == PHASE_ANSWER && h->in.len > CONN_UNREAD_MAX);
    if (idle && (c->eof || c->net->draining))
        c->shut_after = true;
    if (c->shut_after && !c->out) {
        conn_linger(c);
        return;
    }
    conn_pause(c, full);
    if (idle && !c->shut_after) {
        conn_due(c, loop_now() + net_options.idle_ms);
        http_detach(c);
    }
}

void http_input(struct conn *c, uint8_t *p, size_t n)
{
    struct http_conn *h = http_attach(c);
    if (c->shut_after)
        return;
    if (h->in.len) {
        buf_put(&h->in, p, n);
        http_again(c);
        return;
    }
    size_t used = http_run(c, p, n);
    if (used < n)
        buf_put(&h->in, p + used, n - used);
    http_settle(c);
}

void http_again(struct conn *c)
{
    struct http_conn *h = c->http;
    if (!h)
        return;
    size_t used = http_run(c, h->in.data, h->in.len);
    h->in.len -= used;
    if (used && h->in.len)
        memmove(h->in.data, h->in.data + used, h->in.len);
    http_settle(c);
}

void http_answered(struct conn *c, bool close)
{
    struct http_conn *h = c->http;
    h->req = NULL;
    h->phase = PHASE_HEAD;
    h->scanned = 0;
    if (close)
        c->shut_after = true;
    if (!h->running)
        conn_again(c);
}

void http_written(struct conn *c)
{
    if (c->shut_after) {
        if (!c->out)
            conn_linger(c);
    } else if (c->http && c->http->stalled && c->queued <= HTTP_QUEUE_MAX) {
        c->http->stalled = false;
        conn_again(c);
    }
}

/* ---- ends ---- */

void http_eof(struct conn *c)
{
    struct http_conn *h = c->http;
    if (h && (h->phase == PHASE_ANSWER || h->stalled || c->again)) {
        conn_due(c, loop_now() + HALF_CLOSED_MS);
        return;
    }
    if (!c->out)
        conn_die(c, 1006);
    else
        c->shut_after = true;
}

static bool body_too_slow(const struct http_conn *h, int64_t now)
{
    int64_t ms = now - h->since_ms - BODY_GRACE_MS;
    return ms > 0 && (int64_t)h->got < ms * net_options.body_min_rate / 1000;
}

static void http_timeout(struct conn *c)
{
    tally_add(&c->net->stats.timeouts, 1);
    struct http_conn *h = c->http;
    struct http_req *r = h->req ? h->req : req_blank(c, h->in.data, h->scanned);
    r->close = true;
    http_refuse_req(c, r, F_slow);
}

void http_due(struct conn *c, int64_t now)
{
    struct http_conn *h = c->http;
    if (c->shut_after && c->out) { /* STALL_MS looks after it */
        conn_due(c, now + ANSWER_LOOK_MS);
    } else if (!h) {
        conn_linger(c);
    } else if (c->eof) {
        conn_die(c, 1006);
    } else if (h->phase == PHASE_ANSWER || h->stalled) {
        conn_due(c, now + ANSWER_LOOK_MS);
    } else if (h->phase == PHASE_HEAD) {
        http_timeout(c);
    } else if (body_too_slow(h, now)) {
        http_timeout(c);
    } else {
        conn_due(c, now + 1000);
    }
}

void http_drain(struct conn *c)
{
    if (!c->http && !c->out)
        conn_linger(c);
    else if (!c->http)
        c->shut_after = true;
}

void http_worker(struct http_req *r, actor_id who)
{
    r->worker = who;
    if (who && http_aborted(r))
        actor_stop(who, -ECANCELED);
}

void http_gone(struct conn *c)
{
    struct http_req *r = c->http->req;
    if (r && r->entered) {
        r->conn = NULL;
        if (r->worker)
            actor_stop(r->worker, -ECANCELED);
    } else {
        req_free(r);
    }
    http_detach(c);
}

void http_handover(struct conn *c)
{
    struct buf in = c->http->in;
    c->http->in = BUF_INIT;
    http_detach(c);
    if (in.len)
        ws_input(c, in.data, in.len);
    buf_finish(&in);
}
