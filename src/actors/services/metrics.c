/*
 * What the process counts, in Prometheus' text format 0.0.4: one row a metric, one sample a loop
 * (and lane). Each floor keeps its own counters; here they are only read. No name of a school, a
 * person or a channel is ever in it.
 */
#include "metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "actors/realtime/hub.h"
#include "actors/rest/problem.h"
#include "stacgate/db.h"
#include "stacgate/loop.h"

static const char *const lanes[DB_LANES] = {"write", "read", "slow"};

static void put_head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP stacgate_%s %s\n# TYPE stacgate_%s %s\n", name, help, name, type);
}

#define COUNTER "counter"
#define GAUGE "gauge"

/* name, type, a field of the stats, help */
#define LOOP_METRICS(M)                                                                            \
    M("loop_turns_total", COUNTER, turns, "turns of the loop")                                     \
    M("mail_total", COUNTER, messages, "messages that actors handled")                             \
    M("mail_remote_total", COUNTER, messages_remote, "messages that came from another loop")       \
    M("mail_refused_total", COUNTER, mail_refused, "messages that a full mailbox refused")         \
    M("asks_timed_out_total", COUNTER, asks_timed_out, "questions without an answer in time")      \
    M("loop_lag_warnings_total", COUNTER, lag_warnings, "turns that took over 50 ms")              \
    M("loop_lag_max_milliseconds", GAUGE, lag_max_ms, "longest turn so far")                       \
    M("actors", GAUGE, actors, "actors alive")                                                     \
    M("timers", GAUGE, timers, "deadlines set")

#define HTTP_METRICS(M)                                                                            \
    M("connections_accepted_total", COUNTER, accepted, "connections accepted")                     \
    M("http_requests_total", COUNTER, requests, "requests answered")                               \
    M("http_refused_total", COUNTER, refused, "requests that no route took, or malformed ones")    \
    M("http_timeouts_total", COUNTER, timeouts, "connections ended by a deadline")                 \
    M("bytes_received_total", COUNTER, bytes_in, "bytes received")                                 \
    M("bytes_sent_total", COUNTER, bytes_out, "bytes sent")                                        \
    M("messages_deflated_total", COUNTER, deflated, "WebSocket messages compressed")               \
    M("tls_reloads_total", COUNTER, tls_reloads, "new certificates taken into use")                \
    M("tls_refused_total", COUNTER, tls_refused, "new certificates that could not be used")        \
    M("connections", GAUGE, connections, "open connections")                                       \
    M("websockets", GAUGE, websockets, "open WebSocket connections")                               \
    M("longpolls", GAUGE, longpolls, "live connections by long polling")

#define HUB_METRICS(M)                                                                             \
    M("fanout_published_total", COUNTER, published, "frames published on this loop")               \
    M("fanout_delivered_total", COUNTER, delivered, "frames put on members' queues")               \
    M("dropped_presence_total", COUNTER, dropped_presence, "presence frames a full queue refused") \
    M("dropped_ephemeral_total", COUNTER, dropped_ephemeral,                                       \
      "ephemeral frames a full queue refused")                                                     \
    M("topics", GAUGE, topics, "topics with members on this loop")                                 \
    M("memberships", GAUGE, subs, "joined topics of all connections")                              \
    M("sessions", GAUGE, sessions, "signed-in sockets")

#define DB_METRICS(M)                                                                              \
    M("db_groups_total", COUNTER, groups, "statement groups sent, a round trip each")              \
    M("db_statements_total", COUNTER, statements, "statements sent, tenant contexts not counted")  \
    M("db_errors_total", COUNTER, errors, "groups that ended in an error")                         \
    M("db_unknown_total", COUNTER, unknown, "groups whose outcome stayed unknown")                 \
    M("db_refused_total", COUNTER, refused, "groups refused: queue full or database away")         \
    M("db_reconnects_total", COUNTER, reconnects, "connections made")                              \
    M("db_connections", GAUGE, connected, "good connections")                                      \
    M("db_in_flight", GAUGE, in_flight, "groups without an answer yet")                            \
    M("db_waiting", GAUGE, waiting, "groups waiting for a connection")

#define BY_LOOP(name, type, field, help)                                                           \
    put_head(b, name, type, help);                                                                 \
    for (unsigned loop = 0; loop < loop_count(); loop++) {                                         \
        STATS(loop, &s);                                                                           \
        buf_printf(b, "stacgate_" name "{loop=\"%u\"} %llu\n", loop, (unsigned long long)s.field); \
    }

static void put_loops(struct buf *b)
{
    struct loop_stats s;
#define STATS loop_stats
    LOOP_METRICS(BY_LOOP)
#undef STATS
}

static void put_http(struct buf *b)
{
    struct http_stats s;
#define STATS http_stats
    HTTP_METRICS(BY_LOOP)
#undef STATS
}

static void put_hubs(struct buf *b)
{
    struct hub_stats s;
#define STATS hub_stats
    HUB_METRICS(BY_LOOP)
#undef STATS
}

#define BY_LANE(name, type, field, help)                                                           \
    put_head(b, name, type, help);                                                                 \
    for (unsigned loop = 0; loop < loop_count(); loop++)                                           \
        for (int lane = 0; lane < DB_LANES; lane++) {                                              \
            db_stats(loop, (enum db_lane)lane, &s);                                                \
            buf_printf(b, "stacgate_" name "{loop=\"%u\",lane=\"%s\"} %llu\n", loop, lanes[lane],  \
                       (unsigned long long)s.field);                                               \
        }

static void put_db(struct buf *b)
{
    struct db_stats s;

    DB_METRICS(BY_LANE)
}

static void put_process(struct buf *b)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%*u %lu", &pages) == 1) {
        put_head(b, "resident_memory_bytes", GAUGE, "memory of the process");
        buf_printf(b, "stacgate_resident_memory_bytes %llu\n",
                   (unsigned long long)pages * (unsigned long long)sysconf(_SC_PAGESIZE));
    }
    if (f)
        fclose(f);
    put_head(b, "info", GAUGE, "the version, as a label");
    buf_puts(b, "stacgate_info{version=\"" STACGATE_VERSION "\"} 1\n");
}

static void enter(struct http_req *req)
{
    struct buf b = BUF_INIT;

    if (!http_loopback(req)) { /* as if it did not exist */
        problem_refuse(req, 404, "/metrics is for loopback only");
        return;
    }
    put_loops(&b);
    put_http(&b);
    put_hubs(&b);
    put_db(&b);
    put_process(&b);
    http_set(req, "Cache-Control", "no-store");
    http_respond(req, 200, "text/plain; version=0.0.4; charset=utf-8", body_of(&b));
    buf_finish(&b);
}

const struct http_route metrics_routes[] = {{HTTP_M_GET, "/metrics", enter, NULL, 0, false}};
const unsigned metrics_route_count = 1;
