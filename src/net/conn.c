/*
 * A connection's life on its loop: opened by the listener, read when libuv says so, visited at the
 * turn's end while it is dirty, reaped there once dead. Deadlines need no timer each: a wheel of
 * slots is turned four times a second, and a connection whose slot comes is asked what it waits
 * for. Invariant: a struct conn is freed only by conn_reap(), after it closed the handle if there
 * is one.
 */
#include "net.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_ROUNDS                                                                               \
    2u /* visits of the dirty list a turn: what gets dirty later waits for the next turn, which    \
          comes at once */

/* ---- the wheel of deadlines ---- */

static void wheel_remove(struct conn *c)
{
    if (!c->wheel_at)
        return;
    *c->wheel_at = c->wheel_next;
    if (c->wheel_next)
        c->wheel_next->wheel_at = c->wheel_at;
    c->wheel_at = NULL;
}

static void wheel_insert(struct conn *c)
{
    int64_t first = c->net->wheel_ms / WHEEL_MS + 1;
    int64_t slot = (c->due_ms + WHEEL_MS - 1) / WHEEL_MS;
    if (slot < first)
        slot = first;
    if (slot > first + WHEEL_SLOTS - 2)
        slot = first + WHEEL_SLOTS - 2;
    struct conn **at = &c->net->wheel[(uint64_t)slot % WHEEL_SLOTS];
    c->wheel_next = *at;
    if (*at)
        (*at)->wheel_at = &c->wheel_next;
    *at = c;
    c->wheel_at = at;
}

void conn_due(struct conn *c, int64_t due_ms)
{
    if (c->state == CONN_DEAD || c->due_ms == due_ms)
        return;
    bool later = due_ms >= c->due_ms && c->wheel_at;
    c->due_ms = due_ms;
    if (later)
        return; /* its old slot will find that it is not due yet, and put it right */
    wheel_remove(c);
    wheel_insert(c);
}

static void conn_overdue(struct conn *c, int64_t now)
{
    switch ((enum conn_state)c->state) {
    case CONN_TLS:
        tally_add(&c->net->stats.timeouts, 1);
        conn_die(c, 1006);
        break;
    case CONN_HTTP:
        http_due(c, now);
        break;
    case CONN_WS:
        ws_due(c, now);
        break;
    case CONN_LINGER:
        conn_die(c, 1006);
        break;
    case CONN_DEAD:
        break;
    }
}

void conn_tick(struct net_loop *net)
{
    int64_t now = loop_now();
    while (net->wheel_ms + WHEEL_MS <= now) {
        net->wheel_ms += WHEEL_MS;
        struct conn **at = &net->wheel[(uint64_t)(net->wheel_ms / WHEEL_MS) % WHEEL_SLOTS],
                    *c = *at;
        *at = NULL;
        if (c)
            c->wheel_at = &c; /* the slot's list hangs on this variable while it is walked */
        while (c) {
            struct conn *one = c;
            wheel_remove(one);
            wheel_insert(one);
            if (one->due_ms <= now)
                conn_overdue(one, now);
        }
    }
    out_check_slow(net, now);
    out_check_total(net);
}

/* ---- what a turn leaves for its end ---- */

static void idle_turn(uv_idle_t *idle)
{
    (void)idle;
}

static void net_kick(struct net_loop *net)
{
    if (net->kicked)
        return;
    net->kicked = true;
    uv_idle_start(&net->kick, idle_turn);
}

static void list_push(struct conn ***list, uint32_t *count, uint32_t *cap, struct conn *c)
{
    if (*count == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        *list = xrealloc(*list, *cap * sizeof(**list));
    }
    (*list)[(*count)++] = c;
}

void conn_dirty(struct conn *c)
{
    if (c->dirty || c->state == CONN_DEAD)
        return;
    c->dirty = true;
    list_push(&c->net->dirty, &c->net->dirty_count, &c->net->dirty_cap, c);
    net_kick(c->net);
}

void conn_again(struct conn *c)
{
    c->again = true;
    conn_dirty(c);
}

/* ---- reading ---- */

ssize_t conn_recv(struct conn *c, void *p, size_t n)
{
    if (c->tls)
        return tls_recv(c, p, n);
    ssize_t got = recv(c->fd, p, n, 0);
    return got >= 0 ? got : errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

ssize_t conn_send(struct conn *c, const void *p, size_t n)
{
    if (c->tls)
        return tls_send(c, p, n);
    ssize_t put = send(c->fd, p, n, MSG_NOSIGNAL);
    return put >= 0 ? put : errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

static void conn_poll(uv_poll_t *poll, int status, int events);

static int conn_wants(const struct conn *c)
{
    if (c->state == CONN_DEAD || c->fd < 0)
        return 0;
    bool in = !c->paused && !c->eof;
    bool out = c->blocked || c->tls_out;
    return (in ? UV_READABLE : 0) | (out ? UV_WRITABLE : 0);
}

void conn_arm(struct conn *c)
{
    int wants = conn_wants(c);
    if (c->events == wants)
        return;
    c->events = (uint8_t)wants;
    if (wants)
        uv_poll_start(&c->poll, wants, conn_poll);
    else
        uv_poll_stop(&c->poll);
}

void conn_pause(struct conn *c, bool on)
{
    if (c->paused == on || c->state == CONN_DEAD)
        return;
    c->paused = on;
    if (!on)
        conn_again(c);
    conn_arm(c);
}

static void conn_ended(struct conn *c)
{
    c->eof = true;
    conn_arm(c);
    if (c->state == CONN_HTTP)
        http_eof(c);
    else
        conn_die(c, 1006);
}

static void conn_feed(struct conn *c, uint8_t *p, size_t n)
{
    if (c->state == CONN_HTTP)
        http_input(c, p, n);
    else if (c->state == CONN_WS)
        ws_input(c, p, n);
}

static void conn_read(struct conn *c)
{
    struct net_loop *net = c->net;
    do {
        ssize_t n = conn_recv(c, net->read, READ_SIZE);
        if (n == -EAGAIN)
            break;
        if (n < 0) {
            conn_die(c, 1006);
            return;
        }
        if (n == 0) {
            conn_ended(c);
            return;
        }
        c->heard_ms = loop_now();
        c->pinged = false;
        tally_add(&net->stats.bytes_in, (uint64_t)n);
        conn_feed(c, net->read, (size_t)n);
    } while (c->tls && tls_pending(c) && (conn_wants(c) & UV_READABLE));
    conn_arm(c);
}

static void conn_handshake(struct conn *c)
{
    int r = tls_handshake(c);
    if (r == -EAGAIN) {
        conn_arm(c);
        return;
    }
    if (r < 0) {
        conn_die(c, 1006);
        return;
    }
    conn_become(c, CONN_HTTP);
    conn_due(c, loop_now() + net_options.head_ms);
    conn_read(c);
}

static void conn_poll(uv_poll_t *poll, int status, int events)
{
    struct conn *c = (struct conn *)poll;
    if (c->state == CONN_DEAD)
        return;
    if (status < 0) {
        conn_die(c, 1006);
        return;
    }
    if (c->state == CONN_TLS) {
        conn_handshake(c);
        return;
    }
    if (events & UV_WRITABLE) {
        c->blocked ? out_flush(c) : conn_arm(c);
        if (c->tls && c->state != CONN_DEAD && !(events & UV_READABLE) && !c->paused && !c->eof)
            events |= UV_READABLE; /* a TLS read may have waited for room to write */
    }
    if ((events & UV_READABLE) && (conn_wants(c) & UV_READABLE))
        conn_read(c);
}

/* ---- birth and death ---- */

struct conn *conn_open(struct net_loop *net, int fd, const uint8_t addr[16])
{
    struct conn *c = xcalloc(1, sizeof(*c));
    if (uv_poll_init(loop_uv(), &c->poll, fd) != 0) {
        free(c);
        close(fd);
        return NULL;
    }
    c->net = net;
    c->fd = fd;
    c->heard_ms = c->moved_ms = loop_now();
    memcpy(c->addr, addr, 16);
    c->state = tls_wanted() ? CONN_TLS : CONN_HTTP;
    conn_due(c, c->heard_ms + (tls_wanted() ? TLS_MS : net_options.head_ms));
    tally_add(&net->stats.connections, 1);
    stats_opened(c);
    atomic_fetch_add(&net_connections, 1);
    if (tls_wanted() && tls_start(c) != 0)
        conn_die(c, 1006);
    else
        conn_arm(c);
    return c;
}

void conn_die(struct conn *c, uint16_t ws_code)
{
    if (c->state == CONN_DEAD)
        return;
    if (!c->close_code)
        c->close_code = ws_code;
    conn_become(c, CONN_DEAD);
    if (c->fd >= 0)
        uv_poll_stop(&c->poll);
    list_push(&c->net->dying, &c->net->dying_count, &c->net->dying_cap, c);
    net_kick(c->net);
}

void conn_reset(struct conn *c)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    conn_die(c, 1006);
}

void conn_linger(struct conn *c)
{
    if (c->state == CONN_DEAD || c->state == CONN_LINGER)
        return;
    if (c->eof) {
        conn_die(c, 1000);
        return;
    }
    if (c->tls)
        tls_bye(c);
    shutdown(c->fd, SHUT_WR);
    conn_become(c, CONN_LINGER);
    c->paused = false;
    conn_due(c, loop_now() + LINGER_MS);
    conn_arm(c);
}

static void conn_closed(uv_handle_t *handle)
{
    free(handle);
}

static void conn_end_socket(struct conn *c)
{
    if (c->tls)
        tls_free(c);
    tally_sub(&c->net->stats.connections, 1);
    stats_closed(c);
    atomic_fetch_sub(&net_connections, 1);
    uv_close((uv_handle_t *)&c->poll, conn_closed);
    close(c->fd);
}

static void conn_reap(struct conn *c)
{
    struct net_loop *net = c->net;
    out_drop(c, false);
    if (c->http)
        http_gone(c);
    if (c->in)
        ws_in_release(c);
    wheel_remove(c);
    const struct ws_handler *handler = c->handler;
    if (handler) {
        c->handler = NULL;
        tally_sub(c->fd < 0 ? &net->stats.longpolls : &net->stats.websockets, 1);
        stats_ws_closed(c);
        handler->closed(c->arg, c->close_code);
    }
    if (c->fd < 0)
        free(c);
    else
        conn_end_socket(c);
}

static void conn_visit(struct conn *c)
{
    c->dirty = false;
    if (c->again && c->state != CONN_DEAD) {
        c->again = false;
        if (c->state == CONN_HTTP)
            http_again(c);
        else if (c->state == CONN_WS)
            c->fd < 0 ? pull_again(c) : ws_again(c);
        if (c->tls && (conn_wants(c) & UV_READABLE) && tls_pending(c))
            conn_read(c);
    }
    if (c->out && !c->blocked && c->state != CONN_DEAD)
        out_flush(c);
    if (c->want_drain && c->state == CONN_WS)
        ws_written(c);
}

void conn_turn_end(struct net_loop *net)
{
    uint32_t done = 0;
    for (unsigned round = 0; round < AGAIN_ROUNDS; round++)
        for (uint32_t end = net->dirty_count; done < end; done++)
            conn_visit(net->dirty[done]);
    out_uncache(net);
    net->dirty_count -= done;
    if (net->dirty_count)
        memmove(net->dirty, net->dirty + done, net->dirty_count * sizeof(*net->dirty));

    uint32_t left = 0;
    for (uint32_t i = 0; i < net->dying_count;
         i++) { /* closed() may kill others: the list grows under the loop */
        struct conn *c = net->dying[i];
        if (c->dirty)
            net->dying[left++] = c;
        else
            conn_reap(c);
    }
    net->dying_count = left;
    if (net->kicked && !net->dirty_count && !left) {
        net->kicked = false;
        uv_idle_stop(&net->kick);
    }
}
