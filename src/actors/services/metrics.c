/*
 * What the process counts, in Prometheus' text format 0.0.4: one row a metric, one sample a loop
 * and whatever else tells its samples apart. Each floor keeps its own counters; here they are only
 * read. No name of a school, a person or a channel is ever in it.
 */
#include "metrics.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "actors/realtime/chan_mail.h"
#include "actors/realtime/figures.h"
#include "actors/rest/problem.h"
#include "stacgate/db.h"
#include "stacgate/loop.h"

#define COUNTER "counter"
#define GAUGE "gauge"
#define HISTOGRAM "histogram"

static const char *const db_lanes[DB_LANES] = {"write", "read", "slow"};
static const char *const lanes[FIGURE_LANES] = {"reply", "durable", "presence", "ephemeral",
                                                "replay"};
static const char *const resumes[RESUMES] = {"recovered", "epoch", "beyond", "gone", "too_many"};
static const char *const reasons[REASONS] = {
#define REASON(word, fr, en) #word,
#include "actors/realtime/reasons.def"
#undef REASON
};
static const char *const encodings[ENCODINGS] = {
    "json", "msgpack", "json_deflate", "msgpack_deflate", "collaboration", "flat"};

/* ---- samples ---- */

static void put_head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP stacgate_%s %s\n# TYPE stacgate_%s %s\n", name, help, name, type);
}

/* value / per_unit, exactly: per_unit is a power of ten. */
static void put_scaled(struct buf *b, uint64_t value, unsigned per_unit)
{
    uint64_t rest = value % per_unit;

    buf_printf(b, "%llu", (unsigned long long)(value / per_unit));
    if (rest == 0)
        return;
    buf_putc(b, '.');
    for (uint64_t unit = per_unit / 10; rest; rest %= unit, unit /= unit > 1 ? 10 : 1)
        buf_putc(b, (char)('0' + rest / unit));
}

static void put_sample(struct buf *b, const char *name, const char *labels, uint64_t value)
{
    buf_printf(b, "stacgate_%s{%s} %llu\n", name, labels, (unsigned long long)value);
}

static void put_histogram(struct buf *b, const char *name, const char *labels,
                          const struct scale *s, const struct histogram *h)
{
    const char *comma = *labels ? "," : "";
    uint64_t n = 0;

    for (unsigned i = 0; i <= s->n; i++) {
        n += h->in[i];
        buf_printf(b, "stacgate_%s_bucket{%s%sle=\"", name, labels, comma);
        if (i < s->n)
            put_scaled(b, s->upto[i], s->per_unit);
        else
            buf_puts(b, "+Inf");
        buf_printf(b, "\"} %llu\n", (unsigned long long)n);
    }
    buf_printf(b, "stacgate_%s_sum{%s} ", name, labels);
    put_scaled(b, h->sum, s->per_unit);
    buf_printf(b, "\nstacgate_%s_count{%s} %llu\n", name, labels, (unsigned long long)n);
}

/* name, type, a field of the stats, help */
#define LOOP_METRICS(M)                                                                            \
    M("loop_turns_total", COUNTER, turns, "turns of the loop")                                     \
    M("loop_lag_warnings_total", COUNTER, lag_warnings, "turns that took over 50 ms")              \
    M("mail_total", COUNTER, messages, "messages that actors handled")                             \
    M("mail_remote_total", COUNTER, messages_remote, "messages that came from another loop")       \
    M("mail_refused_total", COUNTER, mail_refused, "messages that a full mailbox refused")         \
    M("asks_timed_out_total", COUNTER, asks_timed_out, "questions without an answer in time")      \
    M("mail_waiting", GAUGE, mail_waiting, "messages in all mailboxes")                            \
    M("mailbox_depth_max", GAUGE, mailbox_max,                                                     \
      "most messages so far in one mailbox when its "                                              \
      "actor's turn came")                                                                         \
    M("actors", GAUGE, actors, "actors alive")                                                     \
    M("timers", GAUGE, timers, "deadlines set")

#define HTTP_METRICS(M)                                                                            \
    M("connections_accepted_total", COUNTER, accepted, "connections accepted")                     \
    M("http_requests_total", COUNTER, requests, "requests answered")                               \
    M("http_refused_total", COUNTER, refused, "requests that no route took, or malformed ones")    \
    M("http_timeouts_total", COUNTER, timeouts, "connections ended by a deadline")                 \
    M("received_bytes_total", COUNTER, bytes_in, "bytes received")                                 \
    M("sent_bytes_total", COUNTER, bytes_out, "bytes sent")                                        \
    M("messages_deflated_total", COUNTER, deflated, "WebSocket messages compressed")               \
    M("tls_reloads_total", COUNTER, tls_reloads, "new certificates taken into use")                \
    M("tls_refused_total", COUNTER, tls_refused, "new certificates that could not be used")

#define FIGURE_METRICS(M)                                                                          \
    M("fanout_published_total", COUNTER, published, "frames handed to a topic's members here")     \
    M("joins_total", COUNTER, joins, "joins of channels that were granted")                        \
    M("commits_unknown_total", COUNTER, commits_unknown, "commits sent again: outcome unknown")    \
    M("commits_refused_total", COUNTER, commits_refused, "commits refused: database away")         \
    M("topics", GAUGE, topics, "topics with members on this loop")                                 \
    M("memberships", GAUGE, memberships, "joined topics of all connections")

#define DB_METRICS(M)                                                                              \
    M("db_groups_total", COUNTER, groups, "statement groups sent")                                 \
    M("db_transactions_total", COUNTER, transactions, "transactions; waiting writes share one")    \
    M("db_statements_total", COUNTER, statements, "statements sent, tenant contexts not counted")  \
    M("db_errors_total", COUNTER, errors, "groups that ended in an error")                         \
    M("db_unknown_total", COUNTER, unknown, "groups whose outcome stayed unknown")                 \
    M("db_refused_total", COUNTER, refused, "groups refused: queue full or database away")         \
    M("db_reconnects_total", COUNTER, reconnects, "connections made")                              \
    M("db_sent_bytes_total", COUNTER, bytes_out, "bytes of parameters sent")                       \
    M("db_received_bytes_total", COUNTER, bytes_in, "bytes of results in memory")                  \
    M("db_connections", GAUGE, connected, "good connections")                                      \
    M("db_connections_max", GAUGE, connections_max, "connections that there may be")               \
    M("db_connections_busy", GAUGE, busy, "connections that owe an answer")                        \
    M("db_in_flight", GAUGE, in_flight, "groups without an answer yet")                            \
    M("db_waiting", GAUGE, waiting, "groups waiting for a connection")

#define BY_LOOP(name, type, field, help)                                                           \
    put_head(b, name, type, help);                                                                 \
    for (unsigned loop = 0; loop < loop_count(); loop++) {                                         \
        STATS(loop, &s);                                                                           \
        snprintf(labels, sizeof(labels), "loop=\"%u\"", loop);                                     \
        put_sample(b, name, labels, s.field);                                                      \
    }

#define HISTOGRAM_BY_LOOP(name, field, scale, help)                                                \
    put_head(b, name, HISTOGRAM, help);                                                            \
    for (unsigned loop = 0; loop < loop_count(); loop++) {                                         \
        STATS(loop, &s);                                                                           \
        snprintf(labels, sizeof(labels), "loop=\"%u\"", loop);                                     \
        put_histogram(b, name, labels, scale, &s.field);                                           \
    }

/* One sample a loop and place of an array: `word` (of `i`) is its label's value. */
#define BY_PLACE(name, type, field, n, label, word, help)                                          \
    put_head(b, name, type, help);                                                                 \
    for (unsigned loop = 0; loop < loop_count(); loop++) {                                         \
        STATS(loop, &s);                                                                           \
        for (unsigned i = 0; i < (n); i++) {                                                       \
            snprintf(labels, sizeof(labels), "loop=\"%u\"," label "=\"%s\"", loop, word);          \
            put_sample(b, name, labels, s.field[i]);                                               \
        }                                                                                          \
    }

static void put_loops(struct buf *b)
{
    struct loop_stats s;
    char labels[96];

#define STATS loop_stats
    LOOP_METRICS(BY_LOOP)
    HISTOGRAM_BY_LOOP("mailbox_depth", mailbox, &scale_count,
                      "messages that an actor found when its turn came")
    HISTOGRAM_BY_LOOP("loop_lag_seconds", turn, &scale_ms,
                      "how long turns took, by the loop's clock of milliseconds: what came "
                      "meanwhile waited")
#undef STATS
    put_head(b, "loop_lag_max_seconds", GAUGE, "longest turn of over 50 ms so far");
    for (unsigned loop = 0; loop < loop_count(); loop++) {
        loop_stats(loop, &s);
        buf_printf(b, "stacgate_loop_lag_max_seconds{loop=\"%u\"} ", loop);
        put_scaled(b, s.lag_max_ms, 1000);
        buf_putc(b, '\n');
    }
}

static const char *code_word(unsigned at)
{
    static _Thread_local char text[12];

    if (http_close_code(at) == 0)
        return "other";
    snprintf(text, sizeof(text), "%u", http_close_code(at));
    return text;
}

static void put_http(struct buf *b)
{
    struct http_stats s;
    char labels[96];

#define STATS http_stats
    HTTP_METRICS(BY_LOOP)
    put_head(b, "connections", GAUGE, "open connections");
    for (unsigned loop = 0; loop < loop_count(); loop++) {
        http_stats(loop, &s);
        for (unsigned i = 0; i < HTTP_CONN_STATES; i++) {
            snprintf(labels, sizeof(labels), "loop=\"%u\",transport=\"%s\",state=\"%s\"", loop,
                     http_tls() ? "tls" : "tcp", http_conn_state(i));
            put_sample(b, "connections", labels, s.by_state[i]);
        }
        snprintf(labels, sizeof(labels), "loop=\"%u\",transport=\"longpoll\",state=\"open\"", loop);
        put_sample(b, "connections", labels, s.longpolls);
    }
    BY_PLACE("websocket_closes_total", COUNTER, closes, HTTP_CLOSE_CODES + 1, "code", code_word(i),
             "WebSocket connections that ended, by code")
    BY_PLACE("queue_closes_total", COUNTER, queue_closes, HTTP_QUEUE_LIMITS, "limit",
             http_queue_limit(i), "connections closed with 4008, by the limit that was met")
#undef STATS
    put_head(b, "queued_bytes", GAUGE,
             "bytes on the queues of all connections, shared frames once");
    buf_printf(b, "stacgate_queued_bytes %llu\n", (unsigned long long)http_queued());
}

static const char *status_word(unsigned at)
{
    static _Thread_local char text[12];

    if (figures_status(at) == 0)
        return "other";
    snprintf(text, sizeof(text), "%d", figures_status(at));
    return text;
}

static unsigned kind_count(void)
{
    unsigned n = 0;

    while (channel_kind_name(n))
        n++;
    return n;
}

static void put_figures(struct buf *b)
{
    struct figures s;
    char labels[96];

#define STATS figures_read
    FIGURE_METRICS(BY_LOOP)
    BY_PLACE("sessions", GAUGE, sessions, ENCODINGS, "encoding", encodings[i], "signed-in sockets")
    BY_PLACE("channels", GAUGE, channels, kind_count(), "kind", channel_kind_name(i),
             "durable channels in memory")
    BY_PLACE("fanout_encoded_total", COUNTER, encoded, FIGURE_LANES, "lane", lanes[i],
             "frames made for all members of a channel, one an encoding")
    BY_PLACE("fanout_encoded_bytes_total", COUNTER, encoded_bytes, FIGURE_LANES, "lane", lanes[i],
             "their bytes")
    BY_PLACE("fanout_delivered_total", COUNTER, delivered, FIGURE_LANES, "lane", lanes[i],
             "frames put on connections' queues")
    BY_PLACE("fanout_delivered_bytes_total", COUNTER, delivered_bytes, FIGURE_LANES, "lane",
             lanes[i], "their bytes")
    BY_PLACE("fanout_dropped_total", COUNTER, dropped, FIGURE_LANES, "lane", lanes[i],
             "frames of a fan-out that a connection's queue did not take")
    BY_PLACE("resumes_total", COUNTER, resumes, RESUMES, "outcome", resumes[i],
             "joins that said where they stand")
    BY_PLACE("refusals_total", COUNTER, refusals, REASONS, "reason", reasons[i],
             "joins and pushes refused")
    BY_PLACE("handshakes_refused_total", COUNTER, handshakes_refused, FIGURE_STATUSES, "status",
             status_word(i), "WebSocket handshakes refused")
    HISTOGRAM_BY_LOOP("commit_batch_size", batch, &scale_count, "operations of a commit")
    HISTOGRAM_BY_LOOP("commit_duration_seconds", commit_us, &scale_us,
                      "from a batch's first sending to its outcome")
#undef STATS
}

static void put_db(struct buf *b)
{
    struct db_stats s;
    char labels[96];

#define BY_LANE(name, type, field, help)                                                           \
    put_head(b, name, type, help);                                                                 \
    for (unsigned loop = 0; loop < loop_count(); loop++)                                           \
        for (int lane = 0; lane < DB_LANES; lane++) {                                              \
            db_stats(loop, (enum db_lane)lane, &s);                                                \
            snprintf(labels, sizeof(labels), "loop=\"%u\",lane=\"%s\"", loop, db_lanes[lane]);     \
            put_sample(b, name, labels, s.field);                                                  \
        }
#define HISTOGRAM_BY_LANE(name, field, help)                                                       \
    put_head(b, name, HISTOGRAM, help);                                                            \
    for (unsigned loop = 0; loop < loop_count(); loop++)                                           \
        for (int lane = 0; lane < DB_LANES; lane++) {                                              \
            db_stats(loop, (enum db_lane)lane, &s);                                                \
            snprintf(labels, sizeof(labels), "loop=\"%u\",lane=\"%s\"", loop, db_lanes[lane]);     \
            put_histogram(b, name, labels, &scale_us, &s.field);                                   \
        }
    DB_METRICS(BY_LANE)
    HISTOGRAM_BY_LANE("db_wait_seconds", wait, "how long groups waited for a connection")
    HISTOGRAM_BY_LANE("db_answer_seconds", answer,
                      "from a question to its answer, waiting included")
}

static void put_process(struct buf *b)
{
    unsigned long pages = 0;
    struct timespec cpu = {0};
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%*u %lu", &pages) == 1) {
        put_head(b, "resident_memory_bytes", GAUGE, "memory of the process");
        buf_printf(b, "stacgate_resident_memory_bytes %llu\n",
                   (unsigned long long)pages * (unsigned long long)sysconf(_SC_PAGESIZE));
    }
    if (f)
        fclose(f);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    put_head(b, "cpu_seconds_total", COUNTER, "processor time of the process");
    buf_puts(b, "stacgate_cpu_seconds_total ");
    put_scaled(b, (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000, 1000000);
    buf_putc(b, '\n');
    put_head(b, "info", GAUGE, "the version, as a label");
    buf_puts(b, "stacgate_info{version=\"" STACGATE_VERSION "\"} 1\n");
}

static void enter(struct http_req *req)
{
    static const struct http_fault elsewhere = {
        404, {"/metrics n'est lu que depuis cette machine", "/metrics is for loopback only"}};
    struct buf b = BUF_INIT;

    if (!http_loopback(req)) { /* as if it did not exist */
        problem_refuse(req, &elsewhere);
        return;
    }
    put_loops(&b);
    put_http(&b);
    put_figures(&b);
    put_db(&b);
    put_process(&b);
    http_set(req, "Cache-Control", "no-store");
    http_respond(req, 200, "text/plain; version=0.0.4; charset=utf-8", body_of(&b));
    buf_finish(&b);
}

const struct http_route metrics_routes[] = {{HTTP_M_GET, "/metrics", enter, NULL, 0, false}};
const unsigned metrics_route_count = 1;
