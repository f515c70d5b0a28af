/*
 * A list of requests over --concurrency kept connections: without pause, or --rate a second, spread
 * evenly. Each connection has one under way. A row of the list is a header (a Cookie), a tab, a
 * path; a tab and JSON behind that make it a POST.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/load.h"
#include "stacgate/ids.h"

#define CONNECTIONS_MAX 256

struct getter {
    int fd;
    bool waiting;
    int64_t began;
    struct buf answer;
};

struct gets {
    const struct options *o;
    struct lines urls;
    struct buf *requests; /* one a row */
    struct getter all[CONNECTIONS_MAX];
    struct pollfd ready[CONNECTIONS_MAX];
    uint32_t next; /* request */
    uint32_t turn; /* whose connection */
    uint64_t done, refused, bytes;
    struct samples times;
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "bench_load: get: %s\n", what);
    exit(1);
}

static int dial(uint32_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        give_up("the server does not answer");
    return fd;
}

static void prepare(struct gets *g)
{
    g->requests = xcalloc(g->urls.count, sizeof *g->requests);
    for (uint32_t i = 0; i < g->urls.count; i++) {
        char *header = strtok(g->urls.line[i], "\t"), *path = strtok(NULL, "\t"),
             *body = strtok(NULL, "\t");
        if (!path)
            give_up("a row of --urls is a header, a tab, a path");
        buf_printf(&g->requests[i], "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n",
                   body ? "POST" : "GET", path, g->o->port, header);
        if (body)
            buf_printf(&g->requests[i], "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                       strlen(body));
        buf_printf(&g->requests[i], "\r\n%s", body ? body : "");
    }
    for (uint32_t i = 0; i < g->o->concurrency; i++) {
        g->all[i].fd = dial(g->o->port);
        g->ready[i] = (struct pollfd){.fd = g->all[i].fd, .events = POLLIN};
    }
}

static void ask(struct gets *g, struct getter *x, int64_t began)
{
    struct buf *request = &g->requests[g->next++ % g->urls.count];

    buf_clear(&x->answer);
    x->began = began;
    x->waiting = true;
    if (send(x->fd, request->data, request->len, MSG_NOSIGNAL) != (ssize_t)request->len)
        give_up("a request could not be sent");
}

static bool whole(struct getter *x)
{
    const char *text = buf_cstr(&x->answer), *body = strstr(text, "\r\n\r\n");
    const char *length = body ? strcasestr(text, "\r\ncontent-length:") : NULL;

    return length && length < body &&
           x->answer.len >= (size_t)(body + 4 - text) + strtoul(length + 17, NULL, 10);
}

static void take(struct gets *g, struct getter *x)
{
    uint8_t *room = buf_reserve(&x->answer, 65536);
    ssize_t n = recv(x->fd, room, 65536, MSG_DONTWAIT);

    if (n <= 0)
        give_up("the server ended a connection");
    x->answer.len += (size_t)n;
    if (!whole(x))
        return;
    x->waiting = false;
    g->done++;
    g->bytes += x->answer.len;
    samples_add(&g->times, mono_us() - x->began);
    if (strncmp(buf_cstr(&x->answer) + 9, "200", 3) != 0 && g->refused++ < 3)
        fprintf(stderr, "bench_load: get: %.300s\n", buf_cstr(&x->answer));
}

/*
 * Paced requests count from when they were due, so that a server that falls behind shows it.
 * Connections take turns: one that is never used the server would close, rightly.
 */
static void start_due(struct gets *g, int64_t began, uint64_t *asked)
{
    int64_t now = mono_us();

    for (uint32_t i = 0; i < g->o->concurrency; i++) {
        int64_t due = g->o->rate ? began + (int64_t)(*asked * 1000000 / g->o->rate) : now;
        struct getter *x = &g->all[g->turn % g->o->concurrency];
        if (!x->waiting && due > now)
            return;
        g->turn++;
        if (x->waiting)
            continue;
        ask(g, x, due);
        (*asked)++;
    }
}

static void run(struct gets *g, int64_t us)
{
    int64_t began = mono_us();
    uint64_t asked = 0;

    g->done = g->refused = g->bytes = 0;
    while (mono_us() - began < us) {
        start_due(g, began, &asked);
        poll(g->ready, g->o->concurrency, 1);
        for (uint32_t i = 0; i < g->o->concurrency; i++)
            if (g->ready[i].revents)
                take(g, &g->all[i]);
    }
}

int run_get(const struct options *o)
{
    struct gets *g = xcalloc(1, sizeof *g);

    if (!o->urls || o->concurrency == 0 || o->concurrency > CONNECTIONS_MAX)
        give_up("--urls, and a --concurrency of 1 to 256");
    g->o = o;
    g->urls = lines_read(o->urls);
    prepare(g);
    run(g, (int64_t)o->warm * 1000000);
    samples_finish(&g->times);
    struct usage before = usage_now(o);
    run(g, (int64_t)o->seconds * 1000000);
    struct usage after = usage_now(o);
    double n = g->done ? (double)g->done : 1;
    printf("requests=%llu\nrefused=%llu\n", (unsigned long long)g->done,
           (unsigned long long)g->refused);
    printf("requests_per_second=%.0f\n", n * 1e6 / (double)(after.at - before.at));
    printf("bytes_per_answer=%.0f\n", (double)g->bytes / n);
    printf("server_us_per_request=%.1f\n", (double)(after.server - before.server) / 1000 / n);
    printf("loop_us_per_request=%.1f\n", (double)(after.loop - before.loop) / 1000 / n);
    printf("postgres_us_per_request=%.1f\n", (double)(after.postgres - before.postgres) / 1000 / n);
    printf("p50_us=%u\np99_us=%u\n", samples_percentile(&g->times, 50),
           samples_percentile(&g->times, 99));
    return g->refused ? 1 : 0;
}
