/*
 * The floor: what fan-out costs when nothing else is done. A bare epoll loop that appends one
 * pre-built frame to the queue of each member of a group when any frame comes from one of them, and
 * writes each member that has something once per turn. GET /<group> joins that group. It checks
 * nothing and is no server.
 *
 *   bench_floor PORT FRAME_BYTES
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/swarm.h"
#include "stacgate/buf.h"

#define GROUPS_MAX 1024
#define MEMBERS_MAX 20000

struct member {
    int fd;
    bool joined, dirty, blocked;
    uint8_t *queue;
    uint32_t queued, sent, room;
};

struct group {
    struct member **members;
    uint32_t count, room;
};

static int epoll_fd;
static struct group groups[GROUPS_MAX];
static struct member *dirty[MEMBERS_MAX];
static uint32_t dirty_count;
static struct buf frame;
static uint8_t input[65536];

static void build_frame(size_t payload)
{
    uint8_t head[4] = {0x81, (uint8_t)payload};
    if (payload >= 126) {
        head[1] = 126;
        head[2] = (uint8_t)(payload >> 8);
        head[3] = (uint8_t)payload;
    }
    buf_put(&frame, head, payload < 126 ? 2 : 4);
    for (size_t i = 0; i < payload; i++)
        buf_putc(&frame, 'x');
}

static void append(struct member *m)
{
    if (m->queued + frame.len > m->room) {
        m->room = (uint32_t)(m->queued + frame.len) * 2;
        m->queue = xrealloc(m->queue, m->room);
    }
    memcpy(m->queue + m->queued, frame.data, frame.len);
    m->queued += (uint32_t)frame.len;
    if (!m->dirty && !m->blocked) {
        m->dirty = true;
        dirty[dirty_count++] = m;
    }
}

static void write_member(struct member *m)
{
    ssize_t n = send(m->fd, m->queue + m->sent, m->queued - m->sent, MSG_NOSIGNAL);
    if (n > 0)
        m->sent += (uint32_t)n;
    bool blocked = m->sent < m->queued;
    if (!blocked)
        m->sent = m->queued = 0;
    if (blocked != m->blocked) {
        struct epoll_event e = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0u), .data.ptr = m};
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, m->fd, &e);
        m->blocked = blocked;
    }
}

static void publish(struct group *g)
{
    for (uint32_t i = 0; i < g->count; i++)
        append(g->members[i]);
}

/* Whole frames in n masked bytes; a trigger is a few hundred bytes and comes in one piece. */
static unsigned frames_in(const uint8_t *p, size_t n)
{
    unsigned count = 0;
    while (n >= 6) {
        size_t payload = p[1] & 0x7f, head = 6;
        if (payload == 126) {
            payload = (size_t)(p[2] << 8 | p[3]);
            head = 8;
        }
        if (n < head + payload)
            break;
        p += head + payload;
        n -= head + payload;
        count++;
    }
    return count;
}

static struct group *group_of_member[MEMBERS_MAX * 2]; /* by descriptor */

static void join(struct member *m, const char *request)
{
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n\r\n";
    unsigned number = (unsigned)atoi(request + 5);
    struct group *g = &groups[number < GROUPS_MAX ? number : 0];
    if (g->count == g->room) {
        g->room = g->room ? g->room * 2 : 64;
        g->members = xrealloc(g->members, g->room * sizeof *g->members);
    }
    g->members[g->count++] = m;
    group_of_member[m->fd] = g;
    m->joined = true;
    if (send(m->fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
        perror("bench_floor: send");
}

static void leave(struct member *m)
{
    struct group *g = group_of_member[m->fd];
    for (uint32_t i = 0; g && i < g->count; i++)
        if (g->members[i] == m)
            g->members[i--] = g->members[--g->count];
    for (uint32_t i = 0; i < dirty_count; i++)
        if (dirty[i] == m)
            dirty[i--] = dirty[--dirty_count];
    group_of_member[m->fd] = NULL;
    close(m->fd);
    free(m->queue);
    free(m);
}

static void read_member(struct member *m)
{
    ssize_t n = recv(m->fd, input, sizeof input - 1, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            leave(m);
        return;
    }
    input[n] = '\0';
    if (!m->joined)
        join(m, (char *)input);
    else
        for (unsigned frames = frames_in(input, (size_t)n); frames > 0; frames--)
            publish(group_of_member[m->fd]);
}

static void accept_members(int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MEMBERS_MAX * 2) {
            close(fd);
            continue;
        }
        struct member *m = xcalloc(1, sizeof *m);
        m->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = m};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0)
        return -1;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    return fd;
}

static void turn(int listener)
{
    struct epoll_event events[1024];
    int n = epoll_wait(epoll_fd, events, 1024, -1);
    for (int i = 0; i < n; i++) {
        struct member *m = events[i].data.ptr;
        if (!m)
            accept_members(listener);
        else if (events[i].events & EPOLLOUT)
            write_member(m);
        else
            read_member(m);
    }
    for (uint32_t i = 0; i < dirty_count; i++) {
        dirty[i]->dirty = false;
        write_member(dirty[i]);
    }
    dirty_count = 0;
}

int main(int argc, char **argv)
{
    size_t payload = argc == 3 ? (size_t)atoi(argv[2]) : 0;
    if (payload < 1 || payload > 65535) {
        fputs("usage: bench_floor PORT FRAME_BYTES (1 to 65535)\n", stderr);
        return 2;
    }
    raise_file_limit();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    build_frame(payload);
    int listener = listen_on((uint16_t)atoi(argv[1]));
    if (listener < 0) {
        fprintf(stderr, "bench_floor: port %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    puts("bench_floor: ready");
    fflush(stdout);
    for (;;)
        turn(listener);
}
