/*
 * The clients' sockets and frames. A client is removed from nothing while events are handled: it is
 * marked closed, and its descriptor closed at once, as one epoll batch never names one descriptor
 * twice.
 */
#include "lib/swarm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 262144
#define FRAME_MAX (8 << 20)
#define CLIENTS_AN_ADDRESS 20000 /* local ports of one source address, with room for TIME_WAIT */

static uint8_t shared[READ_SIZE];

void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int swarm_init(struct swarm *s, uint32_t count, uint16_t port, const struct swarm_events *on,
               void *state)
{
    *s = (struct swarm){.count = count, .on = on, .state = state};
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0)
        return -errno;
    s->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    s->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->clients = xcalloc(count, sizeof *s->clients);
    for (uint32_t i = 0; i < count; i++)
        s->clients[i] = (struct client){.fd = -1, .index = i, .next_ref = 2};
    return 0;
}

void swarm_use_tls(struct swarm *s)
{
    s->tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(s->tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(s->tls, SSL_SESS_CACHE_OFF);
}

void swarm_use_deflate(struct swarm *s)
{
    s->deflate = inflateInit2(&s->inflate, -15) == Z_OK;
}

/* ---- bytes, with or without TLS: as recv and send */

static ssize_t tls_result(struct client *c, int n)
{
    int e = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n);
    errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return e == SSL_ERROR_NONE ? n : e == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static ssize_t take(struct client *c, void *p, size_t n)
{
    if (!c->ssl)
        return recv(c->fd, p, n, 0);
    ERR_clear_error();
    return tls_result(c, SSL_read(c->ssl, p, (int)n));
}

static ssize_t give(struct client *c, const void *p, size_t n)
{
    if (!c->ssl)
        return send(c->fd, p, n, MSG_NOSIGNAL);
    ERR_clear_error();
    int put = SSL_write(c->ssl, p, (int)n);
    c->tls_reads = put <= 0 && SSL_get_error(c->ssl, put) == SSL_ERROR_WANT_READ;
    return tls_result(c, put);
}

static void close_client(struct swarm *s, struct client *c, const char *why)
{
    if (c->state == CLIENT_CLOSED)
        return;
    c->state = CLIENT_CLOSED;
    if (c->fd >= 0) {
        struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT: the next row needs the ports */
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(c->fd);
    }
    c->fd = -1;
    SSL_free(c->ssl);
    c->ssl = NULL;
    buf_finish(&c->in);
    buf_finish(&c->out);
    if (!s->closing)
        s->on->closed(s, c, why);
}

void swarm_finish(struct swarm *s)
{
    s->closing = true;
    for (uint32_t i = 0; i < s->count; i++)
        close_client(s, &s->clients[i], "");
    free(s->clients);
    SSL_CTX_free(s->tls);
    if (s->deflate)
        inflateEnd(&s->inflate);
    buf_finish(&s->inflated);
    close(s->epoll);
}

void swarm_cut(struct swarm *s)
{
    s->closing = true;
    for (uint32_t i = 0; i < s->count; i++) {
        struct client *c = &s->clients[i];

        close_client(s, c, "");
        *c = (struct client){.fd = -1, .index = i, .group = c->group, .next_ref = 2};
    }
    s->closing = false;
}

static void watch(struct swarm *s, struct client *c, int op, bool writable)
{
    struct epoll_event e = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data.ptr = c};
    c->writable_wanted = writable;
    if (!c->unwatched || op == EPOLL_CTL_ADD)
        epoll_ctl(s->epoll, op, c->fd, &e);
}

void client_unwatch(struct swarm *s, struct client *c)
{
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    c->unwatched = true;
}

void client_connect(struct swarm *s, struct client *c, const char *path, const char *extra)
{
    int on = 1, small = 2048;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        close_client(s, c, strerror(errno));
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (c->slow)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (s->count > CLIENTS_AN_ADDRESS) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + c->index / CLIENTS_AN_ADDRESS);
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        (void)bind(c->fd, (struct sockaddr *)&from, sizeof from);
    }
    buf_printf(&c->out,
               "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s\r\n",
               path, ntohs(s->to.sin_port), extra,
               s->deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    c->state = CLIENT_CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&s->to, sizeof s->to) < 0 && errno != EINPROGRESS) {
        close_client(s, c, strerror(errno));
        return;
    }
    if (s->tls) {
        c->ssl = SSL_new(s->tls);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_connect_state(c->ssl);
    }
    watch(s, c, EPOLL_CTL_ADD, true);
}

static void flush(struct swarm *s, struct client *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = give(c, c->out.data + c->sent, c->out.len - c->sent);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            close_client(s, c, strerror(errno));
            return;
        }
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    bool more = c->sent < c->out.len;
    if (!more) {
        c->sent = 0;
        if (c->out.cap > 4096)
            buf_finish(&c->out);
        else
            buf_clear(&c->out);
    }
    bool writable = more && !c->tls_reads;
    if (writable != c->writable_wanted)
        watch(s, c, EPOLL_CTL_MOD, writable);
}

/* A masked frame; the mask is 0, so that masking costs this side nothing and the server what it
 * always costs. */
static void put_frame(struct client *c, uint8_t opcode, const void *p, size_t n)
{
    uint8_t head[14] = {(uint8_t)(0x80 | opcode)};
    size_t size = 2;
    if (n < 126) {
        head[1] = (uint8_t)(0x80 | n);
    } else if (n < 65536) {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(n >> 8);
        head[3] = (uint8_t)n;
        size = 4;
    } else {
        head[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
        size = 10;
    }
    buf_put(&c->out, head, size + 4);
    buf_put(&c->out, p, n);
}

void client_text(struct swarm *s, struct client *c, const char *p, size_t n)
{
    if (c->state != CLIENT_OPEN)
        return;
    put_frame(c, 1, p, n);
    flush(s, c);
}

/* A compressed message, whole; no context is kept between two. false: it is none. */
static bool inflate_frame(struct swarm *s, const uint8_t *p, size_t n)
{
    static const uint8_t tail[4] = {0, 0, 0xff, 0xff};
    z_stream *z = &s->inflate;
    inflateReset(z);
    buf_clear(&s->inflated);
    for (int part = 0; part < 2; part++) {
        z->next_in = (Bytef *)(uintptr_t)(part ? tail : p);
        z->avail_in = (uInt)(part ? sizeof tail : n);
        do {
            z->next_out = buf_reserve(&s->inflated, 65536);
            z->avail_out = 65536;
            int e = inflate(z, Z_SYNC_FLUSH);
            s->inflated.len += 65536 - z->avail_out;
            if (e != Z_OK && e != Z_BUF_ERROR)
                return false;
        } while (z->avail_out == 0);
    }
    return true;
}

static void take_frame(struct swarm *s, struct client *c, uint8_t first, const uint8_t *p, size_t n)
{
    switch (first) {
    case 0x81:
        s->on->text(s, c, (const char *)p, n);
        return;
    case 0xc1:
        s->deflated += 1;
        if (inflate_frame(s, p, n))
            s->on->text(s, c, (const char *)s->inflated.data, s->inflated.len);
        else
            close_client(s, c, "not a deflated frame");
        return;
    case 0x88:
        c->close_code = n >= 2 ? (uint16_t)(p[0] * 256u + p[1]) : (uint16_t)1005;
        close_client(s, c, "closed by the server");
        return;
    case 0x89:
        put_frame(c, 10, p, n);
        flush(s, c);
        return;
    case 0x8a:
        return;
    default:
        close_client(s, c, "a frame that was not asked for");
    }
}

/* How many bytes of whole frames were taken. */
static size_t take_frames(struct swarm *s, struct client *c, const uint8_t *p, size_t have)
{
    size_t at = 0;
    while (c->state == CLIENT_OPEN && have - at >= 2) {
        size_t head = 2;
        uint64_t n = p[at + 1] & 0x7f;
        unsigned extra = n == 126 ? 2 : n == 127 ? 8 : 0;
        if (have - at < 2 + extra)
            break;
        if (extra)
            n = 0;
        for (unsigned i = 0; i < extra; i++)
            n = n << 8 | p[at + 2 + i];
        head += extra;
        if (n > FRAME_MAX || p[at + 1] & 0x80) {
            close_client(s, c, "not a server's frame");
            break;
        }
        if (have - at < head + n)
            break;
        take_frame(s, c, p[at], p + at + head, (size_t)n);
        at += head + (size_t)n;
    }
    return at;
}

/* Bytes of the answer to the handshake, or 0 when it is not whole yet. */
static size_t take_handshake(struct swarm *s, struct client *c, const uint8_t *p, size_t have)
{
    const uint8_t *end = memmem(p, have, "\r\n\r\n", 4);
    if (!end) {
        if (have > 16384)
            close_client(s, c, "an endless answer to the handshake");
        return 0;
    }
    if (have < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
        char why[64];
        snprintf(why, sizeof why, "handshake: %.40s", (const char *)p);
        why[strcspn(why, "\r\n")] = '\0';
        close_client(s, c, why);
        return 0;
    }
    c->state = CLIENT_OPEN;
    s->on->opened(s, c);
    return (size_t)(end + 4 - p);
}

static void take_bytes(struct swarm *s, struct client *c, const uint8_t *p, size_t n)
{
    s->bytes_in += n;
    bool joined = c->in.len > 0;
    if (joined) {
        buf_put(&c->in, p, n);
        p = c->in.data;
        n = c->in.len;
    }
    size_t at = c->state == CLIENT_HANDSHAKE ? take_handshake(s, c, p, n) : 0;
    if (c->state == CLIENT_OPEN)
        at += take_frames(s, c, p + at, n - at);
    if (c->state == CLIENT_CLOSED)
        return;
    if (!joined) {
        buf_put(&c->in, p + at, n - at);
    } else {
        memmove(c->in.data, c->in.data + at, n - at);
        c->in.len = n - at;
    }
    if (c->in.len == 0)
        buf_finish(&c->in);
}

void client_read(struct swarm *s, struct client *c, size_t max)
{
    if (c->state != CLIENT_HANDSHAKE && c->state != CLIENT_OPEN)
        return;
    ssize_t n;
    while ((n = take(c, shared, max < READ_SIZE ? max : READ_SIZE)) > 0) {
        take_bytes(s, c, shared, (size_t)n);
        if (!c->ssl)
            return; /* plain: epoll says when there is more; or closed meanwhile */
    }
    if (n == 0)
        close_client(s, c, "the connection ended");
    else if (errno != EAGAIN && errno != EINTR)
        close_client(s, c, strerror(errno));
}

static void handle(struct swarm *s, struct client *c, uint32_t events)
{
    if (c->state == CLIENT_CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        int err = 0;
        socklen_t size = sizeof err;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &size);
        if (err) {
            close_client(s, c, strerror(err));
            return;
        }
        c->state = CLIENT_HANDSHAKE;
    }
    if (events & EPOLLOUT && c->state != CLIENT_CLOSED)
        flush(s, c);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        client_read(s, c, READ_SIZE);
        if (c->tls_reads && c->state != CLIENT_CLOSED)
            flush(s, c);
    }
}

void swarm_turn(struct swarm *s, int64_t us)
{
    struct epoll_event events[512];
    us = us < 0 ? 0 : us;
    struct timespec wait = {us / 1000000, us % 1000000 * 1000};
    int n = epoll_pwait2(s->epoll, events, 512, &wait, NULL);
    for (int i = 0; i < n; i++)
        handle(s, events[i].data.ptr, events[i].events);
}
