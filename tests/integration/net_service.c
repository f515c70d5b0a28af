/*
 * The service as a whole: a drain lets a request under way finish, descriptors that run out do not
 * stop it, several loops share a port, and queues that were made short for a slow reader lose and
 * change nothing.
 */
#include "net_testing.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static char answer[65536];

/* ---- a request that takes 300 ms, by an actor that drains ---- */

struct slow {
    struct http_req *req;
};

static int slow_done(struct actor *self, void *state, const struct msg *m)
{
    struct slow *s = state;
    (void)self, (void)m;
    http_respond(s->req, 200, "text/plain; charset=utf-8", body_make("done\n", 5));
    s->req = NULL;
    return ACTOR_DONE;
}

static int slow_init(struct actor *self, void *state, const void *arg)
{
    ((struct slow *)state)->req = *(struct http_req *const *)arg;
    actor_after(self, 300, slow_done);
    return 0;
}

static int slow_mail(struct actor *self, void *state, const struct msg *m)
{
    (void)self, (void)state, (void)m;
    return 0; /* MSG_STOP: it ends by itself soon */
}

static void slow_end(struct actor *self, void *state, int result)
{
    struct slow *s = state;
    (void)self, (void)result;
    if (s->req)
        http_respond(s->req, 503, NULL, NULL);
}

static const struct actor_type slow_type = {.name = "slow",
                                            .state_size = sizeof(struct slow),
                                            .mailbox_max = 8,
                                            .init = slow_init,
                                            .receive = slow_mail,
                                            .terminate = slow_end,
                                            .drains = true};

static _Atomic unsigned slow_begun;

static void slow(struct http_req *r)
{
    slow_begun++;
    actor_spawn(&slow_type, &r);
}

/* ---- a member whose messages say how many frames of which length it wants ---- */

static void wish(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    unsigned count = 0, len = 0;
    char text[32] = "", payload[2048];
    memcpy(text, bytes, n < 31 ? n : 31);
    sscanf(text, "%u %u", &count, &len);
    memset(payload, 'a' + (int)(len % 26), sizeof(payload));
    struct buf wire = BUF_INIT;
    ws_wire(&wire, op, payload, len);
    struct frame *f = frame_make(body_of(&wire), WS_DURABLE);
    for (unsigned i = 0; i < count; i++)
        ws_send(*(struct conn **)arg, f);
    frame_unref(f);
    buf_finish(&wire);
}

static void gone(void *arg, uint16_t code)
{
    (void)code;
    free(arg);
}

static const struct ws_handler wisher = {.message = wish, .closed = gone};

static void member(struct http_req *r)
{
    struct conn **c = malloc(sizeof(*c));
    *c = ws_accept(r, NULL, &wisher, c, 4096, false);
}

static const struct http_route routes[] = {
    {.method = HTTP_M_GET, .path = "/slow", .enter = slow},
    {.method = HTTP_M_GET, .path = "/member", .enter = member, .upgrade = true}};

Test(service, a_drain_lets_requests_finish_and_closes_the_idle)
{
    server_start(NULL, routes, 2, 2);
    int busy = dial(), idle = dial(), ws = ws_dial("/test/ws");
    say_text(busy, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 10000 && !slow_begun; i++)
        usleep(1000);
    server_stop();
    hear(busy, answer, sizeof(answer), 1000);
    cr_expect_eq(status_of(answer), 200, "%s", answer);
    cr_expect(strstr(answer, "\r\nConnection: close\r\n"));
    cr_expect_eq(hear(idle, answer, sizeof(answer), 1000), 0);
    cr_expect_eq(ws_hear_close(ws), 1001, "a WebSocket that nobody closed before is told");
    cr_expect(hear_end(ws));
    close(busy);
    close(idle);
    close(ws);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

Test(service, without_descriptors_it_sheds_and_recovers)
{
    server_start(NULL, routes, 2, 1);
    int member_fd = ws_dial("/test/ws"), held[512];
    struct rlimit l = {.rlim_cur = 100, .rlim_max = 100};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
    int used = 0, fd;
    while (used < 512 && (fd = dup(0)) >= 0)
        held[used++] = fd;
    close(held[--used]);
    int waiting = dial(); /* its own end takes the last descriptor */
    say_text(waiting, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(waiting, answer, sizeof(answer), 3000);
    cr_expect_eq(status_of(answer), 503, "%s", answer);
    double before = cpu_seconds();
    usleep(500000);
    cr_expect_lt(cpu_seconds() - before, 0.25, "it spins");
    uint8_t back[16];
    size_t n;
    ws_say(member_fd, 0x81, "still", 5);
    cr_expect_eq(ws_hear(member_fd, back, sizeof(back), &n), 0x81, "who is there is served");
    close(waiting);
    while (used)
        close(held[--used]);
    usleep(600000);
    int later = dial();
    say_text(later, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(later, answer, sizeof(answer), 3000);
    cr_expect_eq(status_of(answer), 200);
    close(later);
    close(member_fd);
    server_stop();
}

Test(service, several_loops_share_the_port)
{
    server_start(NULL, routes, 2, 3);
    for (int i = 0; i < 200; i++) {
        int fd = dial();
        say_text(fd, "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        hear(fd, answer, sizeof(answer), 3000);
        cr_assert_eq(status_of(answer), 404);
        close(fd);
    }
    unsigned serving = 0;
    for (unsigned loop = 0; loop < 3; loop++) {
        struct http_stats s;
        http_stats(loop, &s);
        serving += s.accepted > 0;
    }
    cr_expect_gt(serving, 1);
    server_stop();
}

Test(service, a_folded_queue_loses_and_changes_nothing)
{
    ws_configure(&(struct ws_limits){.queue_hard = 16 << 20, .sndbuf = 16384});
    server_start(NULL, routes, 2, 1);
    int fd = ws_dial("/member"), small = 32768;
    uint8_t back[2048];
    size_t n;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (unsigned i = 0; i < 100;
         i++) { /* 100 times 30 frames, over three seconds, most of them in the queue */
        char text[32];
        snprintf(text, sizeof(text), "30 %u", 1000 + i);
        ws_say(fd, 0x81, text, strlen(text));
        usleep(30000);
    }
    for (unsigned i = 0; i < 3000; i++) {
        cr_assert_eq(ws_hear(fd, back, sizeof(back), &n), 0x81, "frame %u", i);
        cr_assert_eq(n, 1000 + i / 30, "frame %u", i);
        cr_assert_eq(back[n - 1], 'a' + n % 26);
    }
    close(fd);
    server_stop();
}
