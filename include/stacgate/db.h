/*
 * PostgreSQL from a loop: libpq in pipeline mode, three lanes of connections per loop, nothing
 * blocks. The unit is a group: tenant context + statements, committed or rolled back whole, in one
 * round trip. Rules and why: docs/database.md.
 */
#ifndef STACGATE_DB_H
#define STACGATE_DB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "stacgate/actor.h"
#include "stacgate/tally.h"

/* A statement of src/store/sql/<domain>/<name>.sql; SQL_<DOMAIN>_<NAME> are generated into sql.h at
 * build. */
struct sql {
    const char *name; /* "<domain>_<name>": also the prepared statement's name */
    const char *text;
    uint16_t index; /* dense, 0 … SQL_COUNT-1 */
};

enum db_lane {
    DB_WRITE, /* durable writes: fences, batches (force_generic_plan); those that have to wait
                 share transactions */
    DB_READ,  /* short reads, and short writes of REST, at shallow depth */
    DB_SLOW, /* search, reports, export: one group a connection, cancelled when its asker is gone */
    DB_LANES
};

/* Who the statements run for: what row-level security sees. Both NULL or empty: no tenant (only
 * policies that allow that). */
struct db_context {
    const char *establishment_id;
    const char *user_id;
    const char *address; /* where they came from, for the audit log; NULL: nobody's request */
};

struct db_group;
struct db_group *db_group(enum db_lane lane, const struct db_context *ctx); /* copies ctx */
void db_group_destroy(struct db_group *g); /* only if never submitted */

/* One statement; then exactly its $1 … $n in order. Values are copied. Text format throughout. */
void db_stmt(struct db_group *g, const struct sql *sql);
void db_str(struct db_group *g, const char *s);            /* NULL: SQL null */
void db_strn(struct db_group *g, const char *s, size_t n); /* s NULL: SQL null; no NUL inside */
void db_i64(struct db_group *g, int64_t v);
void db_bool(struct db_group *g, bool v);
/* text[] and bigint[] parameters, built element by element: begin, elements, end. */
void db_array(struct db_group *g);
void db_array_strn(struct db_group *g, const char *s, size_t n); /* s NULL: null element */
void db_array_i64(struct db_group *g, int64_t v);
void db_array_end(struct db_group *g);

/*
 * Takes the group. `next` gets a body for the db_* readers below; `fail` gets
 *   -EUNAVAILABLE_DB  the database is away, or the queue is full: nothing was done
 *   -EUNKNOWN_DB      the connection died (or the deadline passed) before the sync came back: it
 * may or may not have happened -ETIMEDOUT        as EUNKNOWN_DB, by the asker's own deadline (also:
 * an error that is the server's, not the statement's, with its sync) -EPROTO           the
 * statement failed (constraint, cast, …): rolled back; the pool logs why. (An error that is not
 * the statement's fault, a lock that took too long or a full disk, is -EUNAVAILABLE_DB.) With
 *                     db_errors_as_result() it arrives in `next` instead, where db_error() is not
 * NULL
 */
#define EUNAVAILABLE_DB 3001
#define EUNKNOWN_DB 3002
int db_ask(struct actor *self, struct db_group *g, uint32_t ms, actor_step *next);
void db_errors_as_result(struct db_group *g);
/* A violation of this constraint (static text) is an outcome that the caller reckons with: the
 * group is rolled back, `fail` gets -EEXIST, and nothing is logged. */
void db_expect(struct db_group *g, const char *constraint);

/* Readers of a result body; stmt counts the group's db_stmt calls from 0. Rows and columns from 0.
 */
struct db_error {
    const char *sqlstate, *constraint, *message;
};
const struct db_error *db_error(const struct msg *m); /* NULL: the group committed */
int db_rows(const struct msg *m, unsigned stmt);
int db_columns(const struct msg *m, unsigned stmt);
bool db_null(const struct msg *m, unsigned stmt, int row, int col);
const char *db_text(const struct msg *m, unsigned stmt, int row,
                    int col); /* "" for null; valid while m->body is */
struct str db_strv(const struct msg *m, unsigned stmt, int row, int col); /* {NULL,0} for null */
int64_t db_int(const struct msg *m, unsigned stmt, int row, int col);     /* 0 for null */
bool db_true(const struct msg *m, unsigned stmt, int row, int col);
uint64_t db_us(const struct msg *m); /* µs from submit to result, for the request log */

/* ---- the pool: a loop_service, "store" ---- */

struct db_options {
    const char *conninfo;           /* libpq keyword/value or URL, as stacgate_app */
    unsigned connections[DB_LANES]; /* per loop */
    unsigned depth[DB_LANES];       /* groups in flight per connection */
    unsigned queue_max;             /* groups waiting per lane and loop; more: -EUNAVAILABLE_DB */
    uint32_t statement_timeout_ms;
};
void db_configure(const struct db_options *o); /* before the runtime starts; copies */
extern const struct loop_service db_service;

bool db_available(void); /* this loop: at least one good connection in each lane */
/* self is sent a message of this kind when availability of this loop changes: its body is msgpack
 * true (up) or false (down). */
#define MSG_DB_STATE 64
void db_watch(struct actor *self);

struct db_stats {
    uint64_t groups, transactions, statements, errors, unknown, refused, reconnects, bytes_out,
        bytes_in;
    uint32_t connected, in_flight, waiting;
    uint32_t busy, connections_max; /* connections that owe an answer; as many as there may be */
    struct histogram wait, answer;  /* scale_us: of a group, until it is sent, until its answer */
};
void db_stats(unsigned loop, enum db_lane lane, struct db_stats *ret); /* any thread */

#endif
