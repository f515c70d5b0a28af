/*
 * The way in: one listening socket a loop on one port, and the http_service that owns everything of
 * src/net on its loop. The first socket is bound without SO_REUSEPORT, so that a port in use is an
 * error; then it is opened to the others of this process. When descriptors or connections run out,
 * waiting peers are told 503 a few at a time: the loop never spins on a full listener.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_req.h"
#include "net/tls.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"

#define BACKLOG 4096
#define FD_RESERVE 128u /* descriptors left for the database, logs and the like */
#define SHED_A_TICK 64u /* peers told 503 per tick while there is no room */
#define FULL_LOG_MS 10000

struct http_options net_options = {.head_max = 16 * 1024,
                                   .header_count_max = 100,
                                   .idle_ms = 65000,
                                   .head_ms = 10000,
                                   .body_min_rate = 1024,
                                   .connections_max = 100000,
                                   .pipeline_max = 32,
                                   .accepts_per_turn = 200};
_Atomic uint32_t net_connections;

static struct net_loop *loops[LOOPS_MAX];
static int first_fd = -1;
static struct sockaddr_storage bound;
static socklen_t bound_n;
static char *host_copy, *cert_copy, *key_copy;
static bool proxies_bad;

static void set_default(uint32_t *to, uint32_t given)
{
    *to = given ? given : *to;
}

static char *copy_of(char **kept, const char *s)
{
    free(*kept);
    return *kept = s ? xstrdup(s) : NULL;
}

void http_configure(const struct http_options *o)
{
    struct http_options *to = &net_options;
    to->host = copy_of(&host_copy, o->host);
    to->port = o->port;
    to->tls_cert = copy_of(&cert_copy, o->tls_cert);
    to->tls_key = copy_of(&key_copy, o->tls_key);
    to->insecure_lan = o->insecure_lan;
    proxies_bad = peer_proxies(o->proxies) != 0;
    set_default(&to->head_max, o->head_max);
    set_default(&to->header_count_max, o->header_count_max);
    set_default(&to->idle_ms, o->idle_ms);
    set_default(&to->head_ms, o->head_ms);
    set_default(&to->body_min_rate, o->body_min_rate);
    set_default(&to->connections_max, o->connections_max);
    set_default(&to->pipeline_max, o->pipeline_max);
    set_default(&to->accepts_per_turn, o->accepts_per_turn);
}

/* ---- binding ---- */

static int say(char **ret_error, int e, const char *french, const char *english)
{
    char text[512];
    snprintf(text, sizeof(text), "%s (%s, port %u): %s.", config_speaks_french() ? french : english,
             net_options.host ? net_options.host : "127.0.0.1", net_options.port, strerror(-e));
    *ret_error = xstrdup(text);
    return e;
}

static int say_bind(char **ret_error, int e)
{
    if (e != -EADDRINUSE)
        return say(ret_error, e, "Impossible d'écouter", "Cannot listen");
    return say(ret_error, e,
               "Le port est déjà pris : choisissez-en un autre par --port, ou arrêtez ce qui "
               "l'occupe",
               "The port is in use: choose another with --port, or stop what uses it");
}

static int host_address(struct sockaddr_storage *ret, socklen_t *ret_n)
{
    const char *host = !net_options.host || strcmp(net_options.host, "localhost") == 0
                           ? "127.0.0.1"
                           : net_options.host;
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(net_options.port);
        *ret_n = sizeof(*v4);
        return 0;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(net_options.port);
    *ret_n = sizeof(*v6);
    return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
}

static int listen_socket(bool shared)
{
    int fd = socket(bound.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1,
        off = 0;
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (bound.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (struct sockaddr *)&bound, bound_n) == 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        return fd;
    }
    int e = -errno;
    close(fd);
    return e;
}

static void raise_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    uint32_t most = l.rlim_cur > 2 * FD_RESERVE
                        ? (uint32_t)(l.rlim_cur > UINT32_MAX ? UINT32_MAX : l.rlim_cur) - FD_RESERVE
                        : FD_RESERVE;
    if (most < net_options.connections_max)
        net_options.connections_max = most;
}

int http_bind(char **ret_error)
{
    raise_descriptors();
    signal(SIGPIPE, SIG_IGN); /* plain writes ask for no signal each; OpenSSL's cannot */
    if (proxies_bad)
        return say(ret_error, -EINVAL, "--proxies : 32 adresses numériques au plus",
                   "--proxies takes at most 32 numeric addresses");
    if (host_address(&bound, &bound_n) != 0)
        return say(ret_error, -EINVAL, "--host : une adresse numérique, ou localhost",
                   "--host takes a numeric address or localhost");
    if (!net_options.tls_cert != !net_options.tls_key)
        return say(ret_error, -EINVAL, "--tls-cert et --tls-key vont ensemble : donnez les deux",
                   "--tls-cert and --tls-key go together: give both");
    if (net_options.tls_cert && net_options.tls_key) {
        int e = tls_setup(net_options.tls_cert, net_options.tls_key, ret_error);
        if (e)
            return e;
    }
    int fd = listen_socket(false);
    if (fd < 0)
        return say_bind(ret_error, fd);
    bound_n = sizeof(bound);
    getsockname(fd, (struct sockaddr *)&bound, &bound_n);
    /* Two sockets that may be reused can both be bound before one listens: listening is what takes
     * the port. */
    if (listen(fd, BACKLOG) != 0) {
        int e = -errno;
        close(fd);
        return say_bind(ret_error, e);
    }
    first_fd = fd;
    return 0;
}

uint16_t http_port(void)
{
    return ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                            : ((struct sockaddr_in6 *)&bound)->sin6_port);
}

/* ---- accepting ---- */

static void peer_address(const struct sockaddr_storage *from, uint8_t addr[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (from->ss_family == AF_INET6) {
        memcpy(addr, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
        return;
    }
    memcpy(addr, mapped, 12);
    memcpy(addr + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
}

static void listener_ready(uv_poll_t *poll, int status, int events);

static void listener_pause(struct net_loop *net, bool on)
{
    net->accept_paused = on;
    if (on)
        uv_poll_stop(&net->listener);
    else
        uv_poll_start(&net->listener, UV_READABLE, listener_ready);
}

static void turn_away(int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: "
                               "close\r\nContent-Length: 0\r\n\r\n";
    if (!tls_wanted() && send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        shutdown(fd, SHUT_WR);
    close(fd);
}

static bool full(void)
{
    return atomic_load_explicit(&net_connections, memory_order_relaxed) >=
           net_options.connections_max;
}

static void say_full(struct net_loop *net, const char *what)
{
    if (loop_now() - net->full_logged_ms < FULL_LOG_MS)
        return;
    net->full_logged_ms = loop_now();
    log_msg(LOG_WARN, "accept_full", "%s: new connections are answered 503", what);
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct net_loop *net = poll->data;
    (void)status, (void)events;
    for (uint32_t i = 0; i < net_options.accepts_per_turn; i++) {
        struct sockaddr_storage from;
        socklen_t n = sizeof(from);
        if (full()) {
            say_full(net, "the connection limit is reached");
            listener_pause(net, true);
            return;
        }
        int fd =
            accept4(net->listen_fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                say_full(net, "no descriptor is left");
                listener_pause(net, true);
            }
            if (errno != ECONNABORTED && errno != EINTR)
                return;
            continue;
        }
        uint8_t addr[16];
        peer_address(&from, addr);
        tally_add(&net->stats.accepted, 1);
        conn_open(net, fd, addr);
    }
}

/* While there is no room: the reserve descriptor lets a few of those who wait be told so, each
 * tick. */
static void listener_shed(struct net_loop *net)
{
    for (unsigned i = 0; i < SHED_A_TICK; i++) {
        if (net->reserve_fd >= 0)
            close(net->reserve_fd);
        int fd = accept4(net->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        bool got = fd >= 0;
        if (got)
            turn_away(fd);
        net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (!got)
            return;
    }
}

static bool descriptors_left(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void net_tick(uv_timer_t *timer)
{
    struct net_loop *net = timer->data;
    conn_tick(net);
    if (!net->listening || !net->accept_paused)
        return;
    if (full() || !descriptors_left())
        listener_shed(net);
    else
        listener_pause(net, false);
}

/* ---- the service ---- */

struct net_loop *net_here(void)
{
    return loops[loop_index()];
}
static void net_turn_end(void *arg)
{
    conn_turn_end(arg);
}

static int listen_more(int *ret_fd)
{
    int fd = listen_socket(true);
    if (fd >= 0 && listen(fd, BACKLOG) != 0) {
        int e = -errno;
        close(fd);
        return e;
    }
    *ret_fd = fd;
    return fd < 0 ? fd : 0;
}

/* What is accepted inherits these: no call per connection. */
static void set_inherited(int fd)
{
    int sndbuf = (int)net_limits.sndbuf, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int net_start(unsigned loop)
{
    assert(first_fd >= 0 && loop < LOOPS_MAX);
    struct net_loop *net = loops[loop] = xcalloc(1, sizeof(*net));
    int e;
    net->index = loop;
    if (loop == 0 && tls_wanted() && (e = tls_watch_start()) != 0) {
        free(net);
        loops[loop] = NULL;
        return e;
    }
    net->listen_fd = first_fd;
    if (loop > 0 && (e = listen_more(&net->listen_fd)) != 0) {
        free(net);
        loops[loop] = NULL;
        return e;
    }
    set_inherited(net->listen_fd);
    net->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    net->wheel_ms = loop_now() / WHEEL_MS * WHEEL_MS;
    net->full_logged_ms = -FULL_LOG_MS;
    random_token(net->id_prefix, sizeof(net->id_prefix));
    for (char *p = net->id_prefix; *p; p++)
        if (*p == '-')
            *p = '0'; /* an id that begins with a dash is a nuisance on a command line */
    uv_poll_init(loop_uv(), &net->listener, net->listen_fd);
    uv_timer_init(loop_uv(), &net->tick);
    uv_idle_init(loop_uv(), &net->kick);
    net->listener.data = net->tick.data = net->kick.data = net;
    net->handles = 3;
    uv_timer_start(&net->tick, net_tick, WHEEL_MS, WHEEL_MS);
    loop_at_turn_end(net_turn_end, net);
    net->listening = true;
    listener_pause(net, false);
    return 0;
}

static void net_closed(uv_handle_t *handle)
{
    struct net_loop *net = handle->data;
    if (--net->handles)
        return;
    loops[net->index] = NULL;
    free(net->dirty);
    free(net->dying);
    free(net);
}

static void listener_close(struct net_loop *net)
{
    if (!net->listening)
        return;
    net->listening = false;
    uv_close((uv_handle_t *)&net->listener, net_closed);
    close(net->listen_fd);
}

static void each_conn(struct net_loop *net, void (*f)(struct conn *c))
{
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        for (struct conn *c = net->wheel[i], *next; c; c = next) {
            next = c->wheel_next;
            f(c);
        }
}

static void drain_conn(struct conn *c)
{
    if (c->state == CONN_HTTP)
        http_drain(c);
    else if (c->state == CONN_TLS)
        conn_die(c, 1006);
}

static void net_drain(unsigned loop)
{
    struct net_loop *net = loops[loop];
    net->draining = true;
    listener_close(net);
    each_conn(net, drain_conn);
}

static void end_conn(struct conn *c)
{
    if (c->state == CONN_WS)
        ws_close(c, 1001, NULL);
    if (c->out && !c->blocked && c->state != CONN_DEAD)
        out_flush(c);
    conn_die(c, 1001);
}

/* The connections end at once, the handles when libuv has seen them: the last one frees what is
 * here. */
static void net_stop(unsigned loop)
{
    struct net_loop *net = loops[loop];
    if (!net)
        return;
    net->stopping = true;
    each_conn(net, end_conn);
    do
        conn_turn_end(net);
    while (net->dying_count || net->dirty_count);
    out_finish(net);
    http_pool_finish(net);
    ws_in_finish(net);
    zip_finish(net);
    frame_unref(net->ping);
    if (net->reserve_fd >= 0)
        close(net->reserve_fd);
    listener_close(net);
    uv_handle_t *handles[] = {(uv_handle_t *)&net->tick, (uv_handle_t *)&net->kick};
    for (unsigned i = 0; i < 2; i++)
        uv_close(handles[i], net_closed);
}

const struct loop_service http_service = {
    .name = "http", .start = net_start, .drain = net_drain, .stop = net_stop};

const struct net_loop *net_of(unsigned loop)
{
    return loop < LOOPS_MAX ? loops[loop] : NULL;
}
