/*
 * The database as a thing to make, adopt, migrate and check: blocking calls for commands and for
 * the time before the runtime starts. Each failure is a sentence for the operator in *ret_error
 * (free()), which says what to change.
 */
#ifndef STACGATE_STORE_H
#define STACGATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

/* Where the database is, found from DATABASE_URL / PG* / the data directory. */
struct store_target {
    bool embedded;        /* the private cluster below data_dir */
    char *data_dir;       /* absolute */
    char *owner_conninfo; /* for migrations */
    char *app_conninfo;   /* for the server: logs in as stacgate_app */
};
int store_locate(const char *data_dir, struct store_target *ret, char **ret_error);
void store_target_finish(struct store_target *t);

/*
 * Embedded only. Makes the cluster when there is none (initdb as user
 * "stacgate-db"/postgres/nobody… when root), adopts a running one, starts a stopped one; Unix
 * socket only, peer authentication. Waits until it accepts, at most `ms`.
 */
int store_embedded_start(const struct store_target *t, uint32_t ms, char **ret_error);
void store_embedded_stop(const struct store_target *t, uint32_t ms); /* fast shutdown, waits */
/* Looks after it from a thread of its own: a cluster that dies is started again. Stop it before
 * store_embedded_stop. */
int store_embedded_watch(const struct store_target *t, char **ret_error);
void store_embedded_unwatch(void);
/* A command beside a running server must not stop the server's cluster: true when this process
 * started it. */
bool store_embedded_ours(const struct store_target *t);

/* 0 · -EUNAVAILABLE_DB (cannot be reached) · -EINVAL (schema newer than this build, checksum
 * changed, no right to make the role …). */
int store_migrate(const struct store_target *t, void (*progress)(const char *line),
                  char **ret_error);
/* Is the schema the one that this build wants? 0 · -EAGAIN (migrations pending) · -EINVAL ·
 * -EUNAVAILABLE_DB. */
int store_schema_check(const struct store_target *t, char **ret_error);

/* A second serve on one database refuses to start: a session-level advisory lock held by a
 * connection of its own. */
int store_lock_server(const struct store_target *t,
                      char **ret_error); /* -EBUSY when another holds it */
void store_unlock_server(void);

#endif
