/*
 * The data directory's locks and the owner's connection. Two lock files: serve.lock is one server's
 * alone; cluster.lock is shared by all who use the private cluster, and whoever can make it
 * exclusive when leaving is the last one and stops the cluster.
 */
#include "command.h"

#include <argon2.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "stacgate/ids.h"

enum { CLUSTER_START_MS = 120000, CLUSTER_STOP_MS = 60000 };

__attribute__((format(printf, 2, 3))) static void set_error(char **ret_error, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (vasprintf(ret_error, fmt, args) < 0)
        *ret_error = xstrdup("out of memory");
    va_end(args);
}

/* mkdir -p: the directory itself is private, since it holds the cluster and the key to it. */
static int make_directory(const char *path)
{
    char *copy = xstrdup(path);
    int err = 0;

    for (char *slash = copy + 1; !err && (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            err = errno;
        *slash = '/';
    }
    /* Others may pass through: the cluster below belongs to another user when root starts it. */
    if (!err && mkdir(copy, 0711) < 0 && errno != EEXIST)
        err = errno;
    free(copy);
    return -err;
}

static int lock_file(const char *dir, const char *name, int how, int *ret_fd)
{
    struct buf path = BUF_INIT;
    int fd;

    buf_printf(&path, "%s/%s", dir, name);
    fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    buf_finish(&path);
    if (fd < 0)
        return -errno;
    while (flock(fd, how) < 0) {
        int err = errno;
        if (err == EINTR && !(how & LOCK_NB))
            continue;
        close(fd);
        return -err;
    }
    *ret_fd = fd;
    return 0;
}

static void drop_lock(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int workplace_open(struct workplace *w, bool serving, char **ret_error)
{
    int err = make_directory(config.data);

    if (!err && serving) {
        err = lock_file(config.data, "serve.lock", LOCK_EX | LOCK_NB, &w->serve_fd);
        if (err == -EWOULDBLOCK) {
            set_error(ret_error,
                      say("le répertoire de données « %s » sert déjà à un autre serveur : "
                          "arrêtez-le, ou donnez un autre --data",
                          "the data directory '%s' is in use by another server: stop that one, or "
                          "give another --data"),
                      config.data);
            return EXIT_USAGE;
        }
    }
    if (!err)
        err = lock_file(config.data, "cluster.lock", LOCK_SH, &w->use_fd);
    if (err) {
        set_error(ret_error,
                  say("répertoire de données « %s » inutilisable (%s) : choisissez-en un autre "
                      "avec --data",
                      "cannot use the data directory '%s' (%s): choose another with --data"),
                  config.data, strerror(-err));
        return EXIT_USAGE;
    }
    if (store_locate(config.data, &w->target, ret_error) < 0)
        return EXIT_USAGE;
    w->located = true;
    return EXIT_OK;
}

int workplace_start(struct workplace *w, char **ret_error)
{
    return w->target.embedded ? store_embedded_start(&w->target, CLUSTER_START_MS, ret_error) : 0;
}

void workplace_close(struct workplace *w)
{
    if (w->located) {
        if (w->target.embedded && flock(w->use_fd, LOCK_EX | LOCK_NB) == 0)
            store_embedded_stop(&w->target, CLUSTER_STOP_MS);
        store_target_finish(&w->target);
    }
    drop_lock(&w->use_fd);
    drop_lock(&w->serve_fd);
    *w = WORKPLACE_INIT;
}

static void quiet(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

PGconn *owner_connect(const struct workplace *w, char **ret_error)
{
    PGconn *db = PQconnectdb(w->target.owner_conninfo);

    if (PQstatus(db) != CONNECTION_OK) {
        set_error(ret_error, "%s", PQerrorMessage(db));
        PQfinish(db);
        return NULL;
    }
    PQsetNoticeProcessor(db, quiet, NULL);
    return db;
}

PGresult *owner_query(PGconn *db, char **ret_error, const char *sql, int n,
                      const char *const *values)
{
    PGresult *result = PQexecParams(db, sql, n, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return result;
    set_error(ret_error, "%s", PQresultErrorMessage(result));
    PQclear(result);
    return NULL;
}

bool owner_exec(PGconn *db, char **ret_error, const char *sql)
{
    PGresult *result = PQexec(db, sql);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;

    if (!good)
        set_error(ret_error, "%s", PQresultErrorMessage(result));
    PQclear(result);
    return good;
}

PGconn *command_database(struct workplace *w, int *ret_status)
{
    char *error = NULL;
    PGconn *db = NULL;

    *ret_status = workplace_open(w, false, &error);
    if (*ret_status == EXIT_OK) {
        *ret_status = EXIT_FAILED;
        int err = workplace_start(w, &error);
        if (!err)
            err = store_migrate(&w->target, NULL, &error);
        if (!err)
            db = owner_connect(w, &error);
        else if (err == -EINVAL)
            *ret_status = EXIT_USAGE;
    }
    if (db)
        *ret_status = EXIT_OK;
    else
        complain(*ret_status, "%s", error ? error : strerror(EIO));
    free(error);
    return db;
}

char *password_hash(const char *password)
{
    enum { PASSES = 2, MEMORY_KIB = 19456, LANES = 1, SALT = 16, HASH = 32 };
    uint8_t salt[SALT];
    size_t n = argon2_encodedlen(PASSES, MEMORY_KIB, LANES, SALT, HASH, Argon2_id);
    char *encoded = xmalloc(n);

    random_bytes(salt, sizeof(salt));
    int err = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password, strlen(password), salt,
                                    SALT, HASH, encoded, n);
    if (err != ARGON2_OK) { /* only memory can be missing here */
        complain(EXIT_FAILED, "argon2: %s", argon2_error_message(err));
        exit(EXIT_FAILED);
    }
    return encoded;
}
