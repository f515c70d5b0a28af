/*
 * What a loop's connections count, for those who read it from elsewhere: every open connection is
 * counted in exactly one state, every WebSocket connection that ended under exactly one code.
 */
#include "net.h"

#include <assert.h>

static const char *const states[HTTP_CONN_STATES] = {"handshake", "http", "websocket", "closing"};
static const uint16_t codes[HTTP_CLOSE_CODES] = {1000, 1001, 1002, 1003, 1005, 1006, 1007,
                                                 1008, 1009, 1011, 1012, 4001, 4008, 4029};
static const char *const limits[HTTP_QUEUE_LIMITS] = {"connection", "age", "all"};

const char *http_conn_state(unsigned at)
{
    return states[at];
}

unsigned http_close_code(unsigned at)
{
    return at < HTTP_CLOSE_CODES ? codes[at] : 0;
}

const char *http_queue_limit(unsigned at)
{
    return limits[at];
}

uint64_t http_queued(void)
{
    return atomic_load_explicit(&net_queued_total, memory_order_relaxed);
}

bool http_tls(void)
{
    return tls_wanted();
}

/* One that is about to be reaped still closes. */
static unsigned shown(enum conn_state s)
{
    static_assert(CONN_TLS == 0 && CONN_LINGER == HTTP_CONN_STATES - 1, "their places in states");
    return s == CONN_DEAD ? CONN_LINGER : s;
}

void stats_opened(const struct conn *c)
{
    tally_add(&c->net->stats.by_state[shown((enum conn_state)c->state)], 1);
}

void stats_closed(const struct conn *c)
{
    tally_sub(&c->net->stats.by_state[shown((enum conn_state)c->state)], 1);
}

void conn_become(struct conn *c, enum conn_state state)
{
    bool counted = c->fd >= 0; /* others are counted as a whole: ws_pull.c */

    if (counted)
        stats_closed(c);
    c->state = (uint8_t)state;
    if (counted)
        stats_opened(c);
}

void stats_ws_closed(struct conn *c)
{
    unsigned i = 0;

    while (i < HTTP_CLOSE_CODES && codes[i] != c->close_code)
        i++;
    tally_add(&c->net->stats.closes[i], 1);
}

void http_stats(unsigned loop, struct http_stats *ret)
{
    const struct net_loop *net = net_of(loop);

    if (net)
        tally_read(ret, &net->stats, sizeof(*ret));
    else
        *ret = (struct http_stats){0};
}
