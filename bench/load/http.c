/*
 * One signed-in reader asks GET /api/auth/user on one connection, a little pause between answers,
 * first alone and then while o->at_once others sign in without pause. What counts is the difference
 * of the 99th percentiles.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load/load.h"
#include "stacgate/ids.h"

#define PAUSE_US 2000
#define CONNECTIONS_MAX 256

struct exchange {
    int fd, status;
    struct buf request, answer;
    size_t sent;
    int64_t began;
};

struct http {
    const struct options *o;
    struct exchange all[CONNECTIONS_MAX]; /* 0 is the reader */
    uint64_t sign_ins, refused;
};

static int dial(uint32_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        close(fd);
        return -errno;
    }
    return fd;
}

/* Sends the request again; a connection the server ended is made anew. */
static int begin(struct http *h, struct exchange *x)
{
    if (x->fd < 0)
        x->fd = dial(h->o->port);
    if (x->fd < 0)
        return x->fd;
    buf_clear(&x->answer);
    x->began = mono_us();
    ssize_t n = send(x->fd, x->request.data, x->request.len, MSG_NOSIGNAL);
    return n == (ssize_t)x->request.len ? 0 : -EIO;
}

static bool answer_whole(struct exchange *x)
{
    const char *text = buf_cstr(&x->answer);
    const char *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
    if (!body)
        return false;
    x->status = atoi(text + 9);
    if (length && length < body)
        return x->answer.len >= (size_t)(body + 4 - text) + strtoul(length + 17, NULL, 10);
    return x->answer.len >= 5 && strcmp(text + x->answer.len - 5, "0\r\n\r\n") == 0;
}

/* 1: answered whole; 0: more to come; -1: the connection ended. */
static int take(struct exchange *x)
{
    uint8_t *room = buf_reserve(&x->answer, 8192);
    ssize_t n = recv(x->fd, room, 8192, MSG_DONTWAIT);
    if (n > 0) {
        x->answer.len += (size_t)n;
        return answer_whole(x);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    close(x->fd);
    x->fd = -1;
    return -1;
}

static void on_sign_in(struct http *h, struct exchange *x, int result)
{
    if (result > 0 && x->status == 200)
        h->sign_ins++;
    else if (h->refused++ < 3)
        fprintf(stderr, "bench_load: sign-in: %.120s\n",
                result > 0 ? buf_cstr(&x->answer) : "connection ended");
    if (begin(h, x) < 0)
        usleep(1000);
}

/* The reader's samples over `us`, with `others` exchanges beside it. */
static int run(struct http *h, unsigned others, int64_t us, struct samples *s)
{
    struct pollfd ready[CONNECTIONS_MAX];
    int64_t end = mono_us() + us, next = 0;
    bool waiting = false;
    for (int64_t now; (now = mono_us()) < end;) {
        if (!waiting && now >= next) {
            if (begin(h, &h->all[0]) < 0)
                return -EIO;
            waiting = true;
        }
        for (unsigned i = 0; i <= others; i++)
            ready[i] = (struct pollfd){.fd = h->all[i].fd, .events = POLLIN};
        poll(ready, others + 1, 1);
        for (unsigned i = 0; i <= others; i++) {
            int result = ready[i].revents ? take(&h->all[i]) : 0;
            if (result == 0)
                continue;
            if (i > 0) {
                on_sign_in(h, &h->all[i], result);
                continue;
            }
            if (result < 0 || h->all[0].status != 200)
                return -EPROTO;
            now = mono_us();
            samples_add(s, now - h->all[0].began);
            next = now + PAUSE_US;
            waiting = false;
        }
    }
    return 0;
}

static void prepare(struct http *h, const char *cookie)
{
    buf_printf(&h->all[0].request,
               "GET /api/auth/user HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n\r\n", h->o->port,
               cookie);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct buf body = BUF_INIT;
        h->all[i].fd = -1;
        if (i == 0)
            continue;
        buf_printf(&body, "{\"email\":\"%s\",\"password\":\"%s\"}", h->o->email, h->o->password);
        buf_printf(&h->all[i].request,
                   "POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                   "Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   h->o->port, body.len, buf_cstr(&body));
        buf_finish(&body);
    }
}

static int measure(struct http *h, struct samples *idle, struct samples *busy)
{
    int64_t us = (int64_t)h->o->seconds * 1000000;
    int err = run(h, 0, us, idle);
    for (unsigned i = 1; !err && i <= h->o->at_once; i++)
        err = begin(h, &h->all[i]);
    return err ? err : run(h, h->o->at_once, us, busy);
}

/* ---- the reader beside a storm ---- */

static bool said(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

static _Noreturn void read_until_told(const struct options *o, int told, int answer)
{
    struct http *h = xcalloc(1, sizeof *h);
    struct samples all = {0};
    struct lines cookies = lines_read(o->cookies);
    uint32_t figures[3];
    char byte;
    h->o = o;
    prepare(h, cookies.line[0]);
    if (read(told, &byte, 1) == 1)
        while (!said(told) && run(h, 0, 50000, &all) == 0)
            ;
    figures[0] = samples_percentile(&all, 50);
    figures[1] = samples_percentile(&all, 99);
    figures[2] = (uint32_t)all.count;
    _exit(write(answer, figures, sizeof figures) != sizeof figures);
}

void reader_start(struct reader *r, const struct options *o)
{
    int to[2], from[2];
    if (pipe(to) < 0 || pipe(from) < 0 || (r->pid = fork()) < 0) {
        perror("bench_load: the reader");
        exit(1);
    }
    if (r->pid == 0) {
        close(to[1]);
        read_until_told(o, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    r->to = to[1];
    r->from = from[0];
}

void reader_go(struct reader *r)
{
    if (write(r->to, "g", 1) != 1)
        perror("bench_load: the reader");
}

void reader_stop(struct reader *r, uint32_t *ret_p50, uint32_t *ret_p99, uint32_t *ret_count)
{
    uint32_t figures[3] = {0};
    close(r->to);
    if (read(r->from, figures, sizeof figures) == sizeof figures) {
        *ret_p50 = figures[0];
        *ret_p99 = figures[1];
        *ret_count = figures[2];
    }
    close(r->from);
    waitpid(r->pid, NULL, 0);
}

int run_http(const struct options *o)
{
    struct http *h = xcalloc(1, sizeof *h);
    struct samples idle = {0}, busy = {0};
    struct lines cookies = lines_read(o->cookies);
    h->o = o;
    if (cookies.count == 0 || o->at_once >= CONNECTIONS_MAX) {
        fprintf(stderr, "bench_load: %s\n", cookies.count ? "--at-once: too many" : "no cookies");
        return 1;
    }
    prepare(h, cookies.line[0]);
    int err = measure(h, &idle, &busy);
    if (err)
        fprintf(stderr, "bench_load: GET /api/auth/user: %s: %.120s\n", strerror(-err),
                buf_cstr(&h->all[0].answer));
    printf("sign_ins=%llu\nrefused=%llu\n", (unsigned long long)h->sign_ins,
           (unsigned long long)h->refused);
    printf("idle_p50_us=%u\nidle_p99_us=%u\nidle_count=%zu\n", samples_percentile(&idle, 50),
           samples_percentile(&idle, 99), idle.count);
    printf("busy_p50_us=%u\nbusy_p99_us=%u\nbusy_count=%zu\n", samples_percentile(&busy, 50),
           samples_percentile(&busy, 99), busy.count);
    return err || h->sign_ins == 0;
}
