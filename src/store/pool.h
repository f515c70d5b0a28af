/*
 * The pool from inside. One struct pool a loop, touched by that loop's thread alone; a lane is a
 * set of connections and the groups that wait for one; a connection is a libpq connection in
 * pipeline mode and the FIFO of what was sent on it. A connection that dies is only marked: the
 * turn's end buries it, so nobody up the stack holds it.
 */
#ifndef STACGATE_STORE_POOL_H
#define STACGATE_STORE_POOL_H

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "sql.h"
#include "stacgate/db.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"
#include "stacgate/loop.h"

enum {
    STATEMENTS_MAX = 16,        /* of a group */
    PARAMETERS_MAX = 128,       /* of a group, all statements together */
    GROUP_BYTES_KEPT = 1 << 16, /* a group with a larger buffer is freed, not kept for reuse */
    GROUPS_KEPT = 1024,         /* a loop */
    CONNECTIONS_MAX = 64,       /* a lane and loop */
    CONVOY_MAX = 16,            /* groups that share a transaction */
    WATCHERS_MAX = 64           /* a loop */
};
#define SQL_NULL UINT32_MAX

enum flight_kind {
    FLIGHT_GROUP,      /* somebody's */
    FLIGHT_PREPARE,    /* one statement's preparation, in front of the group that needs it */
    FLIGHT_DEALLOCATE, /* in front of a preparation: the statement was prepared before a migration
                          changed what it returns */
    FLIGHT_CONVOY,     /* in front of groups that share a transaction */
    FLIGHT_SETUP       /* a new connection's checks */
};

/* A group, from db_group() until its answer. Values lie one after the other in `text`, each with
 * its NUL. */
struct db_group {
    struct db_group *next; /* in lane.first, conn.first or pool.free */
    enum flight_kind kind;
    enum db_lane lane;
    bool bad; /* a value that no text parameter can hold */
    bool errors_as_result;
    const char *expected; /* a constraint whose violation is an outcome like another; NULL: none */
    bool retried;         /* once, when its prepared statement had gone */
    bool rides;           /* no sync of its own: the transaction goes on with the next in flight */
    bool alone;           /* shares no transaction any more: one that it shared was undone */
    actor_id who;
    actor_ref ref;
    int64_t asked_us;
    uint16_t position; /* results that came so far: 0 is the context's */
    uint16_t error_at;
    uint16_t statement_count, parameter_count;
    struct {
        const struct sql *sql;
        uint16_t first, count;
    } statements[STATEMENTS_MAX]; /* of a FLIGHT_PREPARE: [0] is what is prepared */
    uint32_t
        parameters[PARAMETERS_MAX]; /* offsets in text, or SQL_NULL; 0 to 2 are the context's */
    uint32_t elements;              /* of the array that is being built */
    bool in_array;
    struct buf text;
    PGresult *results[STATEMENTS_MAX];
    PGresult *error;
};

enum conn_state { CONN_CHECKING, CONN_GOOD, CONN_DEAD };

struct conn {
    struct conn *next; /* in lane.conns */
    struct lane *lane;
    PGconn *db;
    enum conn_state state;
    bool dirty;    /* something to flush at the turn's end */
    bool writable; /* uv watches for room too */
    struct cancel *cancel;
    unsigned in_flight; /* transactions of groups */
    int64_t moved_ms;   /* when it last answered, or began to be asked */
    struct db_group *first, *last;
    struct db_group *riders, *last_rider; /* all their results are here, but not their sync */
    uv_poll_t poll;
    int watched;       /* our duplicate of libpq's socket */
    uint8_t *prepared; /* a byte, one of these, per statement of sql_all */
};
enum { PREPARED_NOT, PREPARED, PREPARED_STALE };

struct lane {
    struct pool *pool;
    enum db_lane which;
    struct conn *conns;
    unsigned have, good; /* connections: all, and those that passed their checks */
    struct db_group *first, *last;
    unsigned waiting;
};

struct pool {
    struct lane lanes[DB_LANES];
    struct db_group *free;
    unsigned free_count;
    struct attempt *attempt; /* a connection being made; at most one a loop */
    unsigned backoff_ms;
    int64_t failure_logged_ms;
    bool buried; /* some connection is dead and must be taken out */
    bool any_dirty, stopping, was_available;
    actor_id watchers[WATCHERS_MAX];
    unsigned watcher_count;
    unsigned handles; /* still to be closed */
    uv_timer_t tick, retry;
    uv_async_t connected;
};

struct lane_counters {
    _Atomic uint64_t groups, transactions, statements, errors, unknown, refused, reconnects,
        bytes_out, bytes_in;
    _Atomic uint32_t connected, in_flight, waiting, busy;
    struct histogram wait, answer; /* stacgate/tally.h */
};

extern struct db_options db_options;
extern _Thread_local struct pool *db_pool; /* NULL: the service does not run here */
struct lane_counters *lane_counters(const struct lane *l);

/* Single writer: the loop. */
#define COUNT(lane, field, by)                                                                     \
    do {                                                                                           \
        struct lane_counters *counters_ = lane_counters(lane);                                     \
        atomic_store_explicit(&counters_->field,                                                   \
                              atomic_load_explicit(&counters_->field, memory_order_relaxed) +      \
                                  (by),                                                            \
                              memory_order_relaxed);                                               \
    } while (0)

/* group.c */
struct db_group *group_take(enum flight_kind kind, enum db_lane lane);
void group_free(struct db_group *g);
void group_reset_results(struct db_group *g);

/* result.c */
struct body *result_body(struct db_group *g); /* takes the group's results and error */

/* pool.c */
void pool_pump(struct lane *l);
void pool_requeue(struct lane *l, struct db_group *g); /* in front */
void pool_finish_group(struct lane *l, struct db_group *g, int status, struct body *body);

void pool_handle_closed(struct pool *p); /* the last one of a stopping pool frees it */

/* conn.c */
void conn_create(struct lane *l, PGconn *db); /* takes db */
/* Takes a list of groups, which share a transaction. */
bool conn_submit(struct conn *c, struct db_group *list);
void conn_flush(struct conn *c);
void conn_kill(struct conn *c, const char *why); /* marks it; conn_bury at the turn's end */
void conn_bury(struct conn *c);                  /* fails what was sent, closes, frees */
void conn_cancel(struct conn *c);                /* off the loop; not reused until that is back */

/* connect.c */
void connect_next(struct pool *p); /* makes the next missing connection, unless one is under way */
void connect_failed(struct pool *p, const char *why);
void connect_ready(uv_async_t *handle);
void connect_abandon(struct pool *p);
void connect_options_make(void);

#endif
