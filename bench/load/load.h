/* The load generator's options, and the members of groups that most modes gather first. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "lib/measure.h"
#include "lib/swarm.h"
#include "stacgate/mp.h"

struct options {
    const char *mode;
    const char *cookies, *rooms; /* files, a line a learner: a Cookie header, a topic */
    const char *email, *password;
    const char *urls; /* get: file, a line a request (get.c) */
    uint32_t port, floor, server_pid, postgres_pid;
    uint32_t members, groups; /* members of each group, groups */
    uint32_t rate, seconds, warm, outstanding, concurrency, settle, slow, content, at_once;
    uint32_t relay;           /* old clients, whose text_change is passed on unstored */
    uint32_t tickets, reader; /* storm: with join tickets, beside a reader of REST */
    uint32_t tls, deflate;
    uint32_t cursors, writers,
        ops;        /* board: a second and member; of a board; a second and writer */
    const char *go; /* storm: the cut waits for this file */
};

/* Lines of a file; the process exits with a sentence when it cannot be read. */
struct lines {
    char **line;
    uint32_t count;
};
struct lines lines_read(const char *file);

struct gathering;
struct gathering_events {
    void (*event)(struct gathering *g, struct client *c, struct str name, const char *p, size_t n);
    void (*reply)(struct gathering *g, struct client *c, bool ok, const char *p, size_t n);
    void (*joined)(struct gathering *g, struct client *c, size_t n); /* n: bytes of the reply */
};

struct gathering {
    const struct options *o;
    struct swarm swarm;
    const struct gathering_events *on;
    void *state;
    struct lines cookies, rooms;
    uint32_t *line_of;        /* by client */
    struct client **by_group; /* group g's members stand at g * members */
    uint32_t started, joined, failed, closed_later;
    int64_t first_connect, last_join;
    struct samples join_times;
    int64_t *began;     /* by client */
    bool resumes;       /* places are kept, and given back when joining again */
    char **places;      /* by client: its join params; NULL: none yet */
    uint32_t recovered; /* joins that resumed */
};

/* Picks o->members lines of each of the first o->groups topics. Exits with a sentence when the
 * files have too few. */
void gathering_init(struct gathering *g, const struct options *o, const struct gathering_events *on,
                    void *state);
void gathering_join(struct gathering *g); /* everybody, o->concurrency at a time */
void gathering_cut(struct gathering *g);  /* all connections at once; joining starts over */
void gathering_settle(struct gathering *g, uint32_t seconds);
void gathering_finish(struct gathering *g);
const char *gathering_topic(struct gathering *g, const struct client *c);

/* Sends message:new (relay: text_change) with o->content characters that begin with "<<%08x>>". */
void push_message(struct gathering *g, struct client *c, uint32_t id);
bool message_id(const char *p, size_t n, uint32_t *ret_id);

/* A process of its own that asks GET /api/auth/user on one connection from go to stop. */
struct reader {
    int pid, to, from; /* pipes */
};
void reader_start(struct reader *r, const struct options *o);
void reader_go(struct reader *r);
void reader_stop(struct reader *r, uint32_t *ret_p50, uint32_t *ret_p99, uint32_t *ret_count);

struct usage {
    int64_t at;
    uint64_t server, loop, postgres;
};
struct usage usage_now(const struct options *o);

int run_fanout(const struct options *o);
int run_commit(const struct options *o);
int run_refusals(const struct options *o);
int run_join(const struct options *o);
int run_http(const struct options *o);
int run_get(const struct options *o);
int run_storm(const struct options *o);
int run_board(const struct options *o);
int run_open(const struct options *o);

#endif
