/*
 * The HTTP side over real sockets: what is refused and how (each head whole and byte by byte),
 * smuggling, keep-alive and pipelining, bodies, slow and silent clients, requests whose connection
 * dies.
 */
#include "net_testing.h"

static void hello(struct http_req *r)
{
    http_respond(r, 200, "text/plain; charset=utf-8", body_make("hello\n", 6));
}

static void describe(struct http_req *r)
{
    struct buf b = BUF_INIT;
    const char *name, *value, *id = http_param(r, "id"), *rest = http_param(r, "rest");
    buf_printf(&b, "%s|%s|%s", id ? id : "-", rest ? rest : "-", http_path(r));
    for (unsigned i = 0; http_query_each(r, &i, &name, &value);)
        buf_printf(&b, "|%s=%s", name, value);
    http_respond(r, 200, "text/plain; charset=utf-8", body_of(&b));
    buf_finish(&b);
}

static void page(struct http_req *r)
{
    http_respond(r, 200, "text/html; charset=utf-8", body_make("<p>", 3));
}

static void large(struct http_req *r)
{
    static char text[200000];
    memset(text, 'a', sizeof(text));
    http_set(r, "ETag", "\"7-abc\"");
    http_respond_bytes(r, 200, "application/json; charset=utf-8", (struct str){text, sizeof(text)},
                       NULL);
}

/* Requests that answer only when told: kept here by the loop's thread, taken by the test's. */
static _Atomic(struct http_req *) held;
static _Atomic int worker_stopped;

static int held_init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    struct http_req *r = *(struct http_req *const *)arg;
    http_worker(r, actor_self(self));
    atomic_store(&held, r);
    return 0;
}

static int held_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self, (void)state, (void)m;
    return ACTOR_DONE;
}

static void held_terminate(struct actor *self, void *state, int result)
{
    (void)self, (void)state;
    struct http_req *r = atomic_load(&held);
    if (result == -ECANCELED && http_aborted(r))
        atomic_store(&worker_stopped, 1);
    http_respond(r, 200, "text/plain; charset=utf-8", body_make("late\n", 5));
}

static const struct actor_type held_type = {.name = "held",
                                            .mailbox_max = 8,
                                            .init = held_init,
                                            .receive = held_receive,
                                            .terminate = held_terminate,
                                            .drains = false};

static void hold(struct http_req *r)
{
    actor_spawn(&held_type, &r);
}

static const struct http_route routes[] = {
    {.method = HTTP_M_GET, .path = "/hello", .enter = hello},
    {.method = HTTP_M_GET, .path = "/page", .enter = page},
    {.method = HTTP_M_GET, .path = "/large", .enter = large},
    {.method = HTTP_M_GET, .path = "/hold", .enter = hold},
    {.method = HTTP_M_GET, .path = "/things/:id", .enter = describe},
    {.method = HTTP_M_GET, .path = "/things/special", .enter = hello},
    {.method = HTTP_M_GET, .path = "/files/*rest", .enter = describe},
    {.method = HTTP_M_POST, .path = "/small", .enter = hello, .body_max = 10},
    {.method = HTTP_M_DELETE, .path = "/hello", .enter = hello},
};

static void start_with(const struct http_options *o)
{
    server_start(o, routes, sizeof(routes) / sizeof(*routes), 2);
}
static void start(void)
{
    start_with(NULL);
}

static char answer[1 << 20];

static const char *ask(const char *request)
{
    int fd = dial();
    say_text(fd, request);
    shutdown(fd, SHUT_WR);
    hear(fd, answer, sizeof(answer), 3000);
    close(fd);
    return answer;
}

#define H "Host: a\r\n"
#define E "POST /test/echo HTTP/1.1\r\nHost: a\r\n"
#define G "GET /hello HTTP/1.1\r\n"
#define WS                                                                                         \
    G2 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "                      \
       "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define G2 "GET /test/ws HTTP/1.1\r\nHost: a\r\n"

static const struct {
    int status;
    const char *request;
} refusals[] = {
    {200, G H "\r\n"},
    {200, "GET /hello HTTP/1.0\r\n\r\n"},
    {200, "GET http://a/hello HTTP/1.1\r\n" H "\r\n"},
    {400, "GET http://b/hello HTTP/1.1\r\n" H "\r\n"},
    {400, G "\r\n"},
    {400, G H "Host: b\r\n\r\n"},
    {400, G H "Host: a\r\n\r\n"},
    {400, G "Host:\r\n\r\n"},
    {400, G "Host: a b\r\n\r\n"},
    {400, G "Host: a@b\r\n\r\n"},
    {400, G "Host: a/b\r\n\r\n"},
    {400, G "Host: a, b\r\n\r\n"},
    {200, G "Host: [::1]:80\r\n\r\n"},
    {400, G "Host : a\r\n\r\n"},
    {400, G H "X: y\rZ\r\n\r\n"},
    {400, "GET * HTTP/1.1\r\n" H "\r\n"},
    {204, "OPTIONS * HTTP/1.1\r\n" H "\r\n"},
    {400, "OPTIONS *?a HTTP/1.1\r\n" H "\r\n"},
    {400, "GET * HTTP/1.1\r\n" H "\r\n"},
    {400, "GET a HTTP/1.1\r\n" H "\r\n"},
    {405, "CONNECT a:80 HTTP/1.1\r\n" H "\r\n"},
    {405, "TRACE /hello HTTP/1.1\r\n" H "\r\n"},
    {405, "PUT /hello HTTP/1.1\r\n" H "\r\n"},
    {501, "FROB /hello HTTP/1.1\r\n" H "\r\n"},
    {501, "get /hello HTTP/1.1\r\n" H "\r\n"},
    {505, "GET /hello HTTP/2.0\r\n" H "\r\n"},
    {505, "GET /hello HTTP/0.9\r\n" H "\r\n"},
    {505, "GET /hello HTTP/1.2\r\n" H "\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {400, "GET /hello\r\n\r\n"},
    {404, "GET /nothing HTTP/1.1\r\n" H "\r\n"},
    {404, "GET /hello/ HTTP/1.1\r\n" H "\r\n"},
    {404, "GET /../hello HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%00 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%zz HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%c3%28 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /hello?a=%f HTTP/1.1\r\n" H "\r\n"},
    {200, E "Content-Length: 3\r\n\r\nabc"},
    {200, E "Content-Length: 0\r\n\r\n"},
    {400, E "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
    {400, E "Content-Length: 3, 3\r\n\r\nabc"},
    {400, E "Content-Length: +3\r\n\r\nabc"},
    {400, E "Content-Length: -3\r\n\r\nabc"},
    {400, E "Content-Length: 0x3\r\n\r\nabc"},
    {400, E "Content-Length: 3 3\r\n\r\nabc"},
    {400, E "Content-Length:\r\n\r\n"},
    {413, E "Content-Length: 18446744073709551615\r\n\r\nabc"},
    {400, E "Content-Length: 99999999999999999999999\r\n\r\nabc"},
    {413, E "Content-Length: 99999999\r\n\r\nabc"},
    {200, E "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
    {200, E "Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"},
    {400, E "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
    {400, E "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding: identity\r\n\r\n"},
    {501, E "Transfer-Encoding: gzip\r\n\r\n"},
    {501, E "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"},
    {400, E "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"},
    {400, "POST /test/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {413, "GET /hello HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"},
    {413, "POST /small HTTP/1.1\r\n" H "Content-Length: 11\r\n\r\n01234567890"},
    {413, "POST /small HTTP/1.1\r\n" H
          "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n"},
    {417, E "Expect: 200-ok\r\nContent-Length: 0\r\n\r\n"},
    {426, G2 "\r\n"},
    {101, WS "\r\n"},
    {426, G2 "Upgrade: websocket\r\n\r\n"},
    {426, G2 "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"},
    {426, G2 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
             "8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
    {400, G2 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"},
    {400, G2 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
             "13\r\nSec-WebSocket-Key: short\r\n\r\n"},
    {400, WS "Content-Length: 3\r\n\r\nabc"},
    {400, WS "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
};

Test(http, refusals_whole, .init = start, .fini = server_stop)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        int got = status_of(ask(refusals[i].request));
        cr_expect_eq(got, refusals[i].status, "%d instead of %d for case %zu: %s", got,
                     refusals[i].status, i, refusals[i].request);
    }
}

Test(http, refusals_byte_by_byte, .init = start, .fini = server_stop)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        int fd = dial();
        for (const char *p = refusals[i].request; *p; p++)
            say(fd, p, 1);
        shutdown(fd, SHUT_WR);
        hear(fd, answer, sizeof(answer), 3000);
        int got = status_of(answer);
        cr_expect_eq(got, refusals[i].status, "%d instead of %d for case %zu: %s", got,
                     refusals[i].status, i, refusals[i].request);
        close(fd);
    }
}

/* After a refusal of the framing nothing that follows on the connection is a request. */
Test(http, nothing_is_smuggled, .init = start, .fini = server_stop)
{
    static const char *const attacks[] = {
        E "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" G H "\r\n",
        E "Transfer-Encoding: chunked\r\n\r\n0\n\r\n" G H "\r\n",
        E "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" G H "\r\n",
        E "Content-Length: 99999999\r\n\r\n" G H "\r\n",
        "POST /nothing HTTP/1.1\r\n" H "Content-Length: 30\r\n\r\n" G H "\r\n",
        G H "\r\n\rX" G H "\r\n",
    };
    for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++) {
        const char *got = ask(attacks[i]);
        const char *after = strstr(got, "hello\n");
        cr_expect(i == 5 ? after && !strstr(after + 1, "hello\n") : !after, "case %zu: %s", i, got);
    }
}

Test(http, parameters_and_queries, .init = start, .fini = server_stop)
{
    cr_expect(strstr(ask("GET /things/a%2Fb%C3%A9?x=1&y=a+b%26&z HTTP/1.0\r\n\r\n"),
                     "\r\n\r\na/b\xc3\xa9|-|/things/a/b\xc3\xa9|x=1|y=a b&|z="));
    cr_expect(strstr(ask("GET /things/special HTTP/1.0\r\n\r\n"), "hello\n"));
    cr_expect(
        strstr(ask("GET /files/a/b%20c/d HTTP/1.0\r\n\r\n"), "\r\n\r\n-|a/b c/d|/files/a/b c/d"));
}

Test(http, head_has_length_but_no_body, .init = start, .fini = server_stop)
{
    const char *got = ask("HEAD /hello HTTP/1.1\r\n" H "\r\n");
    cr_expect(strstr(got, "Content-Length: 6\r\n"));
    cr_expect_not(strstr(got, "hello\n"));
}

Test(http, options_and_405_list_the_methods, .init = start, .fini = server_stop)
{
    cr_expect(strstr(ask("OPTIONS * HTTP/1.1\r\n" H "\r\n"),
                     "\r\nAllow: GET, HEAD, POST, DELETE, OPTIONS\r\n"));
    cr_expect(strstr(ask("OPTIONS /hello HTTP/1.1\r\n" H "\r\n"),
                     "\r\nAllow: GET, HEAD, DELETE, OPTIONS\r\n"));
    cr_expect(strstr(ask("PATCH /hello HTTP/1.1\r\n" H "\r\n"),
                     "\r\nAllow: GET, HEAD, DELETE, OPTIONS\r\n"));
}

Test(http, pages_carry_their_policy, .init = start, .fini = server_stop)
{
    const char *got = ask("GET /page HTTP/1.1\r\n" H "\r\n");
    cr_expect(strstr(got, "\r\nContent-Security-Policy: default-src 'self'") &&
              !strstr(got, "unsafe"));
    cr_expect(strstr(got, "frame-ancestors 'none'") && strstr(got, "\r\nReferrer-Policy: ") &&
              strstr(got, "\r\nCross-Origin-Opener-Policy: "));
    cr_expect(strstr(got, "\r\nX-Content-Type-Options: nosniff\r\n"));
    cr_expect_not(strstr(got, "Strict-Transport-Security"));
    cr_expect_not(strstr(got, "Server:"));
}

Test(http, compression_changes_the_tag, .init = start, .fini = server_stop)
{
    const char *plain = ask("GET /large HTTP/1.1\r\n" H "\r\n");
    cr_expect(strstr(plain, "\r\nETag: \"7-abc\"\r\n") &&
              strstr(plain, "\r\nContent-Length: 200000\r\n") &&
              strstr(plain, "\r\nVary: Accept-Encoding"));
    cr_expect(strstr(ask("GET /large HTTP/1.1\r\n" H "Accept-Encoding: br, gzip\r\n\r\n"),
                     "\r\nETag: \"7-abc-gzip\"\r\n"));
    cr_expect(strstr(answer, "\r\nContent-Encoding: gzip\r\n"));
    cr_expect_not(strstr(ask("GET /large HTTP/1.1\r\n" H "Accept-Encoding: gzip;q=0\r\n\r\n"),
                         "Content-Encoding"));
}

Test(http, pipelined_answers_keep_their_order, .init = start, .fini = server_stop)
{
    struct buf all = BUF_INIT;
    int fd = dial();
    for (int i = 0; i < 500; i++)
        buf_printf(&all, "GET /things/%d HTTP/1.1\r\n" H "\r\n", i);
    say(fd, all.data, all.len);
    shutdown(fd, SHUT_WR);
    hear(fd, answer, sizeof(answer), 3000);
    const char *at = answer;
    for (int i = 0; i < 500; i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "\r\n\r\n%d|-|/things/%d", i, i);
        const char *next = strstr(at, wanted);
        cr_assert(next, "answer %d is missing or out of order", i);
        at = next + 1;
    }
    buf_finish(&all);
    close(fd);
}

Test(http, expect_gets_continue_only_when_the_body_is_wanted, .init = start, .fini = server_stop)
{
    int fd = dial();
    say_text(fd, E "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    cr_assert(hear_all(fd, answer, 25));
    cr_expect_eq(memcmp(answer, "HTTP/1.1 100 Continue\r\n\r\n", 25), 0);
    say_text(fd, "abc");
    shutdown(fd, SHUT_WR);
    hear(fd, answer, sizeof(answer), 3000);
    cr_expect_eq(status_of(answer), 200);
    close(fd);
    cr_expect_eq(status_of(ask("POST /small HTTP/1.1\r\n" H
                               "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n")),
                 413);
}

Test(http, long_heads_and_targets, .init = start, .fini = server_stop)
{
    struct buf b = BUF_INIT;
    buf_puts(&b, "GET /");
    for (int i = 0; i < 10000; i++)
        buf_putc(&b, 'a');
    cr_expect_eq(status_of(ask(buf_cstr(&b))), 414);
    buf_clear(&b);
    buf_puts(&b, G H);
    for (int i = 0; i < 101; i++)
        buf_puts(&b, "A: b\r\n");
    buf_puts(&b, "\r\n");
    cr_expect_eq(status_of(ask(buf_cstr(&b))), 431);
    buf_clear(&b);
    buf_puts(&b, G H "X: ");
    for (int i = 0; i < 20000; i++)
        buf_putc(&b, 'a');
    cr_expect_eq(status_of(ask(buf_cstr(&b))), 431);
    buf_finish(&b);
}

static void refuse(struct http_req *r, const struct http_fault *why)
{
    const char *language = http_header(r, "accept-language");
    const char *text = why->text[language && strcmp(language, "en") == 0];
    http_respond(r, why->status, "text/plain; charset=utf-8", body_make(text, strlen(text)));
}

static void start_impatient(void)
{
    struct http_options o = {.head_ms = 600, .idle_ms = 600};
    http_on_refused(refuse);
    start_with(&o);
}

Test(http, slow_heads_end_408_and_silent_ones_close, .init = start_impatient, .fini = server_stop)
{
    int slow = dial(), silent = dial(), idle = dial();
    say_text(slow, "GET /hello HT");
    say_text(idle, G H "\r\n");
    for (int i = 0; i < 12; i++) {
        usleep(100000);
        say_text(slow, i ? "" : "TP/1.1\r\nAccept-Language: en\r\n");
        say(slow, "X", 1);
    }
    hear(slow, answer, sizeof(answer), 3000);
    cr_expect_eq(status_of(answer), 408, "%s", answer);
    cr_expect(strstr(answer, "too slowly"), "in the language of what came: %s", answer);
    cr_expect_eq(hear(silent, answer, sizeof(answer), 3000), 0);
    cr_expect_eq(status_of((hear(idle, answer, sizeof(answer), 3000), answer)), 200);
    cr_expect(hear_end(idle));
    close(slow);
    close(silent);
    close(idle);
}

Test(http, a_dead_connection_stops_its_worker, .init = start, .fini = server_stop)
{
    int fd = dial();
    say_text(fd, "GET /hold HTTP/1.1\r\n" H "\r\n");
    while (!atomic_load(&held))
        usleep(1000);
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
    for (int i = 0; i < 5000 && !atomic_load(&worker_stopped); i++)
        usleep(1000);
    cr_expect(atomic_load(&worker_stopped));
}

/* Sends requests for large answers and never reads: the server must stop reading it, and hold next
 * to nothing. */
Test(http, a_pipeliner_that_never_reads_is_not_read, .init = start, .fini = server_stop)
{
    int fd = dial();
    size_t sent = 0;
    for (int quiet = 0; quiet < 20 && sent < 64 << 20;) {
        ssize_t n = send(fd, G H "\r\n", strlen(G H "\r\n"), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            sent += (size_t)n;
            quiet = 0;
        } else {
            usleep(10000);
            quiet++;
        }
    }
    cr_expect_lt(sent, 32 << 20, "the server read all of it");
    cr_expect_eq(status_of(ask(G H "\r\n")), 200, "others are served meanwhile");
    close(fd);
}

static void start_proxied(void)
{
    static const char *const proxies[] = {"127.0.0.1", NULL};
    struct http_options o = {.proxies = proxies};
    start_with(&o);
}

Test(http, plain_requests_through_a_proxy_are_refused_or_sent_to_https, .init = start_proxied,
     .fini = server_stop)
{
    cr_expect_eq(
        status_of(ask(G H "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n")),
        200);
    cr_expect(strstr(answer, "\r\nStrict-Transport-Security: max-age=31536000"));
    cr_expect_eq(status_of(ask(G H "X-Forwarded-For: 203.0.113.9\r\n\r\n")), 403);
    cr_expect_eq(status_of(ask(G "Host: ecole.fr:8080\r\nAccept: text/html\r\nX-Forwarded-For: "
                                 "203.0.113.9\r\nX-Forwarded-Proto: http\r\n\r\n")),
                 308);
    cr_expect(strstr(answer, "\r\nLocation: https://ecole.fr/hello\r\n"));
    cr_expect_eq(status_of(ask(G H "X-Forwarded-For: 203.0.113.9, "
                                   "198.51.100.1\r\nX-Forwarded-Proto: https, http\r\n\r\n")),
                 403);
}

static void start_small(void)
{
    struct http_options o = {.connections_max = 10};
    start_with(&o);
}

Test(http, above_the_limit_new_ones_are_told_and_it_recovers, .init = start_small,
     .fini = server_stop)
{
    int fd[10];
    for (int i = 0; i < 10; i++) {
        fd[i] = dial();
        say_text(fd[i], "G");
    }
    usleep(400000);
    int more = dial();
    hear(more, answer, sizeof(answer), 3000);
    cr_expect_eq(status_of(answer), 503);
    cr_expect(strstr(answer, "Retry-After: "));
    close(more);
    for (int i = 0; i < 10; i++)
        close(fd[i]);
    for (int i = 0; i < 100 && status_of(ask(G H "\r\n")) != 200; i++)
        usleep(100000);
    cr_expect_eq(status_of(answer), 200);
}

Test(http, a_port_in_use_is_a_sentence, .init = start, .fini = server_stop)
{
    struct http_options o = {.host = "127.0.0.1", .port = http_port()};
    pid_t child = fork();
    if (child == 0) {
        char *error = NULL;
        http_configure(&o);
        _exit(http_bind(&error) == -EADDRINUSE && strstr(error, "port") ? 0 : 1);
    }
    int status = 0;
    extern pid_t waitpid(pid_t, int *, int);
    waitpid(child, &status, 0);
    cr_expect_eq(status, 0);
}
