/*
 * A server of src/net alone, on a thread of the test's process and a port of its own, and plain
 * blocking sockets against it. The routes are the two echoes and a few of the test's own.
 */
#ifndef NET_TESTING_H
#define NET_TESTING_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stacgate/http.h"
#include "stacgate/log.h"
#include "stacgate/loop.h"
#include "stacgate/ws.h"

struct server {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready;
    unsigned loops;
    int result;
};
static struct server server = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER};

static inline void server_ready(void)
{
    pthread_mutex_lock(&server.lock);
    server.ready = true;
    pthread_cond_signal(&server.changed);
    pthread_mutex_unlock(&server.lock);
}

static inline void *server_main(void *arg)
{
    static const struct loop_service *const services[] = {&http_service, NULL};
    (void)arg;
    struct runtime_options o = {
        .loops = server.loops, .drain_ms = 2000, .services = services, .ready = server_ready};
    server.result = runtime_run(&o);
    return NULL;
}

static inline void server_start(const struct http_options *given, const struct http_route *routes,
                                unsigned count, unsigned loops)
{
    struct http_options o = given ? *given : (struct http_options){0};
    char *error = NULL;
    o.host = o.host ? o.host : "127.0.0.1";
    log_open(LOG_ERROR, "/dev/null");
    http_configure(&o);
    http_routes(net_test_routes, net_test_route_count);
    http_routes(routes, count);
    cr_assert_eq(http_bind(&error), 0, "%s", error ? error : "");
    server.loops = loops;
    pthread_create(&server.thread, NULL, server_main, NULL);
    pthread_mutex_lock(&server.lock);
    while (!server.ready)
        pthread_cond_wait(&server.changed, &server.lock);
    pthread_mutex_unlock(&server.lock);
}

static inline void server_stop(void)
{
    runtime_drain();
    pthread_join(server.thread, NULL);
    cr_assert_eq(server.result, 0);
}

/* ---- a client ---- */

static inline int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_port()),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0, "connect: %s",
                 strerror(errno));
    return fd;
}

static inline void say(int fd, const void *bytes, size_t n)
{
    for (size_t off = 0; off < n;) {
        ssize_t put = send(fd, (const char *)bytes + off, n - off, MSG_NOSIGNAL);
        if (put < 0)
            return; /* it has closed: the test looks at what it answered */
        off += (size_t)put;
    }
}

static inline void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

/* Reads until the end, `max` bytes, or ms of silence; NUL-terminated. The number of bytes. */
static inline size_t hear(int fd, char *out, size_t max, int ms)
{
    size_t n = 0;
    while (n + 1 < max) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, ms) <= 0)
            break;
        ssize_t got = recv(fd, out + n, max - n - 1, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    out[n] = '\0';
    return n;
}

/* Exactly n bytes; false when they do not come in 5 s. */
static inline bool hear_all(int fd, void *out, size_t n)
{
    for (size_t off = 0; off < n;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&p, 1, 5000) > 0 ? recv(fd, (char *)out + off, n - off, 0) : -1;
        if (got <= 0)
            return false;
        off += (size_t)got;
    }
    return true;
}

/* The peer closes within 5 s (a reset counts). */
static inline bool hear_end(int fd)
{
    char drop[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 5000) <= 0)
            return false;
        if (recv(fd, drop, sizeof(drop), 0) <= 0)
            return true;
    }
}

static inline int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

/* ---- a WebSocket client's frames ---- */

static inline size_t ws_frame_put(uint8_t *out, uint8_t first, const void *content, size_t n)
{
    static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};
    size_t at = 0;
    out[at++] = first;
    if (n < 126) {
        out[at++] = (uint8_t)(0x80 | n);
    } else if (n < 65536) {
        out[at++] = 0x80 | 126;
        out[at++] = (uint8_t)(n >> 8);
        out[at++] = (uint8_t)n;
    } else {
        out[at++] = 0x80 | 127;
        for (int i = 7; i >= 0; i--)
            out[at++] = (uint8_t)((uint64_t)n >> (8 * i));
    }
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < n; i++)
        out[at++] = (uint8_t)(((const uint8_t *)content)[i] ^ mask[i % 4]);
    return at;
}

static inline void ws_say(int fd, uint8_t first, const void *content, size_t n)
{
    uint8_t *bytes = malloc(n + 14);
    say(fd, bytes, ws_frame_put(bytes, first, content, n));
    free(bytes);
}

static inline int ws_dial_with(const char *path, const char *more)
{
    char request[512], answer[2048];
    int fd = dial();
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             path, more);
    say_text(fd, request);
    size_t n = 0;
    while (n < sizeof(answer) - 1 && (n < 4 || memcmp(answer + n - 4, "\r\n\r\n", 4) != 0))
        if (!hear_all(fd, answer + n++, 1))
            break;
    answer[n] = '\0';
    cr_assert_eq(status_of(answer), 101, "%s", answer);
    cr_assert(strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    return fd;
}

static inline int ws_dial(const char *path)
{
    return ws_dial_with(path, "");
}

/* One frame of the server: its first byte, content of at most max bytes; -1 when none comes. */
static inline int ws_hear(int fd, uint8_t *content, size_t max, size_t *ret_n)
{
    uint8_t head[2], more[8];
    if (!hear_all(fd, head, 2))
        return -1;
    size_t n = head[1] & 0x7f, bytes = n == 126 ? 2 : n == 127 ? 8 : 0;
    if (bytes && !hear_all(fd, more, bytes))
        return -1;
    for (size_t i = 0; i < bytes; i++)
        n = (i ? n : 0) << 8 | more[i];
    cr_assert_leq(n, max);
    *ret_n = n;
    return n == 0 || hear_all(fd, content, n) ? head[0] : -1;
}

/* The close frame's code that comes next (0: without one), -1: no close frame. */
static inline int ws_hear_close(int fd)
{
    uint8_t content[256];
    size_t n;
    int first = ws_hear(fd, content, sizeof(content), &n);
    return first != 0x88 ? -1 : n < 2 ? 0 : content[0] << 8 | content[1];
}

#endif
