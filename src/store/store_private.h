/*
 * What the files of the blocking half of the store share: sentences for the operator, names that
 * are fixed, and the cluster's start, which the supervisor repeats. The pool has pool.h.
 */
#ifndef STACGATE_STORE_PRIVATE_H
#define STACGATE_STORE_PRIVATE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "stacgate/store.h"

#define APP_ROLE "stacgate_app"     /* what the server signs in as */
#define OWNER_ROLE "stacgate_owner" /* of the private cluster */
#define EMBEDDED_DATABASE "stacgate"
#define PASSWORD_FILE                                                                              \
    "app-password" /* in the data directory, 0600: stacgate_app's on an external database */

/* The two advisory locks of a database: (LOCK_SPACE, one of these). */
#define LOCK_SPACE 0x53746163
enum { LOCK_MIGRATE = 1, LOCK_SERVER = 2 };

struct migration {
    const char *name, *text;
};
extern const struct migration migrations[]; /* ends with name NULL; generated */

/* Makes the sentence in the operator's language (LC_ALL, LC_MESSAGES, LANG; French first) and
 * returns err. */
int store_fail(char **ret_error, int err, const char *french, const char *english, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
const char *store_say(const char *french, const char *english);

/* Connects within 5 s, or NULL with the sentence. Notices are dropped. */
PGconn *store_connect(const char *conninfo, char **ret_error);
/* One result when it went well, or NULL with the server's message in *ret_error (which may be
 * NULL). */
PGresult *store_exec(PGconn *db, const char *sql, char **ret_error);

/* Options of a connection string as "key='value' …", with user, password and dbname replaced when
 * not NULL. free(); NULL: damaged. */
char *store_conninfo(const char *conninfo, const char *user, const char *password,
                     const char *dbname, char **ret_error);

char *store_path(const char *dir, const char *name); /* "dir/name"; free() */

/* The password file's content, made when it is missing. free(). */
char *store_app_password(const char *data_dir, char **ret_error);

/* roles.c: makes the roles and lets stacgate_app in. */
int store_roles_ensure(PGconn *db, const struct store_target *t, void (*progress)(const char *line),
                       char **ret_error);

/* cluster.c: the private cluster's directory and processes. */
struct cluster {
    char *dir;         /* <data>/pg */
    char *sockets;     /* where its socket is */
    char *bin;         /* PostgreSQL's programs */
    uint32_t uid, gid; /* whom it runs as */
    char user[64];
};
int cluster_open(const char *data_dir, struct cluster *ret,
                 char **ret_error); /* finds; makes nothing */
void cluster_finish(struct cluster *c);
char *cluster_socket_dir(const char *data_dir); /* free() */
int cluster_create(const struct cluster *c, const char *data_dir,
                   char **ret_error);                             /* initdb, when there is none */
int cluster_configure(const struct cluster *c, char **ret_error); /* pg_hba.conf, pg_ident.conf */
int cluster_version(const char *dir);     /* PG_VERSION's, or 0: no cluster there */
int cluster_pid(const struct cluster *c); /* its living postmaster, or 0 */
bool cluster_busy(
    const struct cluster *c); /* any process of it, orphans of a killed postmaster included */
int cluster_spawn(const struct cluster *c, const char *data_dir, int *ret_pid, char **ret_error);
char *cluster_last_words(const char *data_dir); /* what a failed start said; free() */

/* spawn.c */
struct spawn {
    const char *program;
    char *const *argv;
    uint32_t uid, gid; /* taken on when we are root */
    int output;        /* becomes its standard output and error */
    int keep;          /* a descriptor it inherits under its number; -1: none */
};
int spawn_process(const struct spawn *s); /* pid or -errno */
int spawn_wait(int pid);                  /* exit status, or -1 */

#endif
