/*
 * The private cluster's life: start or adopt, watch, stop. A thread of its own waits on the
 * postmaster's pidfd and starts it again when it ends, so a cluster is never down for longer than a
 * start takes. Nobody's death stops it but store_embedded_stop's: a server that was killed leaves
 * it running, and the next one adopts it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "stacgate/db.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"
#include "store_private.h"

enum { STEP_MS = 20, ORPHANS_MS = 50, RETRY_MAX_MS = 2000 };

static _Atomic int our_child; /* a postmaster that this process forked, to be reaped; 0: none */

static struct {
    pthread_t thread;
    bool running;
    int wake; /* eventfd: the watch is to end */
    struct cluster cluster;
    char *data_dir;
} watch;

static void pause_ms(unsigned ms)
{
    poll(NULL, 0, (int)ms);
}

static void reap(void)
{
    int pid = our_child;

    if (pid > 0 && waitpid(pid, NULL, WNOHANG) != 0)
        our_child = 0;
}

static bool child_alive(void)
{
    reap();
    return our_child != 0;
}

/* ---- start ---- */

static bool accepts(const char *owner_conninfo)
{
    const char *keys[] = {"dbname", "connect_timeout", NULL},
               *values[] = {owner_conninfo, "2", NULL};

    return PQpingParams(keys, values, 1) == PQPING_OK;
}

/* Spawns until one stays: backends of a killed postmaster may still hold its shared memory for a
 * moment. */
static int start_postmaster(const struct cluster *c, const char *data_dir, const char *conninfo,
                            int64_t until, char **ret_error)
{
    while (cluster_busy(c) && !cluster_pid(c) && mono_ms() < until)
        pause_ms(ORPHANS_MS);
    while (!accepts(conninfo)) {
        if (!cluster_pid(c) && !child_alive()) {
            int pid = 0, err = cluster_spawn(c, data_dir, &pid, ret_error);
            if (err)
                return err;
            our_child = pid;
            while (child_alive() && !accepts(conninfo) && mono_ms() < until)
                pause_ms(STEP_MS);
            if (!child_alive() && !cluster_pid(c) && !cluster_busy(c)) {
                char *why = cluster_last_words(data_dir);
                err = store_fail(ret_error, -EINVAL, "PostgreSQL ne démarre pas dans %s : %s",
                                 "PostgreSQL does not start in %s: %s", c->dir, why);
                free(why);
                return err;
            }
        }
        if (mono_ms() >= until)
            return store_fail(
                ret_error, -EUNAVAILABLE_DB,
                "la base de %s n'accepte pas de connexions ; son journal est dans %s/log",
                "the database in %s does not accept connections; its log is in %s/log", c->dir,
                c->dir);
        pause_ms(STEP_MS);
    }
    return 0;
}

static int ensure_database(const struct store_target *t, char **ret_error)
{
    char *conninfo = store_conninfo(t->owner_conninfo, NULL, NULL, "postgres", ret_error);
    PGconn *db = conninfo ? store_connect(conninfo, ret_error) : NULL;
    int err = db ? 0 : -EUNAVAILABLE_DB;

    free(conninfo);
    PGresult *r =
        db ? store_exec(db, "select 1 from pg_database where datname = '" EMBEDDED_DATABASE "'",
                        ret_error)
           : NULL;
    if (r && PQntuples(r) == 0) {
        PQclear(r);
        r = store_exec(db, "create database " EMBEDDED_DATABASE, ret_error);
    }
    if (db && !r)
        err = -EINVAL;
    PQclear(r);
    PQfinish(db);
    return err;
}

static char *postgres_conninfo(const struct store_target *t)
{
    return store_conninfo(t->owner_conninfo, NULL, NULL, "postgres", NULL);
}

/* Commands started together make and start one cluster, one after the other. */
static int start_lock(const char *data_dir)
{
    char *path = store_path(data_dir, "pg.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    free(path);
    while (fd >= 0 && flock(fd, LOCK_EX) < 0 && errno == EINTR)
        ;
    return fd;
}

int store_embedded_start(const struct store_target *t, uint32_t ms, char **ret_error)
{
    struct cluster c;
    int64_t until = mono_ms() + ms;

    if (mkdir(t->data_dir, 0711) < 0 && errno != EEXIST)
        return store_fail(
            ret_error, -EINVAL, "impossible de créer %s (%s) : choisissez un autre --data",
            "cannot make %s (%s): choose another --data", t->data_dir, strerror(errno));
    int err = cluster_open(t->data_dir, &c, ret_error);
    if (err)
        return err;

    int lock = start_lock(t->data_dir);
    char *conninfo = postgres_conninfo(t);
    if (lock < 0)
        err = store_fail(ret_error, -EINVAL,
                         "%s n'est pas accessible en écriture : choisissez un autre --data",
                         "%s cannot be written to: choose another --data", t->data_dir);
    if (!err)
        err = cluster_create(&c, t->data_dir, ret_error);
    if (!err)
        err = cluster_configure(&c, ret_error);
    int running = err ? 0 : cluster_pid(&c);
    if (running)
        kill(running, SIGHUP); /* reads what cluster_configure wrote */
    if (!err)
        err = start_postmaster(&c, t->data_dir, conninfo, until, ret_error);
    if (!err)
        err = ensure_database(t, ret_error);
    if (lock >= 0)
        close(lock);
    free(conninfo);
    cluster_finish(&c);
    return err;
}

bool store_embedded_ours(const struct store_target *t)
{
    struct cluster c;
    bool ours = false;

    if (t->embedded && cluster_open(t->data_dir, &c, NULL) == 0) {
        ours = our_child > 0 && cluster_pid(&c) == our_child;
        cluster_finish(&c);
    }
    return ours;
}

/* ---- stop ---- */

static bool gone_within(const struct cluster *c, uint32_t ms)
{
    int64_t until = mono_ms() + ms;

    while (cluster_pid(c) || child_alive()) {
        if (mono_ms() >= until)
            return false;
        pause_ms(STEP_MS / 2);
    }
    return true;
}

void store_embedded_stop(const struct store_target *t, uint32_t ms)
{
    struct cluster c;

    if (!t->embedded || cluster_open(t->data_dir, &c, NULL) != 0)
        return;
    int lock = start_lock(t->data_dir), pid = cluster_pid(&c);
    if (pid && kill(pid, SIGINT) == 0 && !gone_within(&c, ms)) {
        kill(pid, SIGQUIT); /* recovers from its log at the next start */
        gone_within(&c, 5000);
    }
    if (strcmp(c.sockets, c.dir) != 0)
        rmdir(c.sockets);
    if (lock >= 0)
        close(lock);
    cluster_finish(&c);
}

/* ---- watch ---- */

/* Waits until the postmaster ends, at most `ms`; true: the watch is to end. */
static bool wait_for_end(int pid, int ms)
{
    int pidfd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    struct pollfd fds[] = {{.fd = watch.wake, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

    poll(fds, pidfd >= 0 ? 2 : 1, pidfd >= 0 ? -1 : ms);
    if (pidfd >= 0)
        close(pidfd);
    return fds[0].revents != 0;
}

static void *watch_run(void *arg)
{
    const struct store_target *t = arg;
    char *conninfo = postgres_conninfo(t);
    int retry = STEP_MS;

    for (;;) {
        reap();
        int pid = cluster_pid(&watch.cluster);
        if (wait_for_end(pid, retry))
            break;
        reap();
        if (cluster_pid(&watch.cluster))
            continue;
        log_msg(LOG_ERROR, "database_ended", "the private cluster in %s ended; starting it again",
                watch.cluster.dir);
        char *error = NULL;
        int64_t since = mono_ms();
        int lock = start_lock(watch.data_dir);
        int err = start_postmaster(&watch.cluster, watch.data_dir, conninfo, since + 60000, &error);
        if (lock >= 0)
            close(lock);
        if (err)
            log_msg(LOG_ERROR, "database_start", "%s", error);
        else
            log_msg(LOG_WARN, "database_started", "accepting again after %d ms",
                    (int)(mono_ms() - since));
        retry = err ? (retry * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : retry * 2) : STEP_MS;
        free(error);
    }
    free(conninfo);
    return NULL;
}

int store_embedded_watch(const struct store_target *t, char **ret_error)
{
    int err = t->embedded ? cluster_open(t->data_dir, &watch.cluster, ret_error) : 0;

    if (err || !t->embedded)
        return err;
    watch.data_dir = xstrdup(t->data_dir);
    watch.wake = eventfd(0, EFD_CLOEXEC);
    /* The target outlives the watch: it is the process's. */
    if (watch.wake < 0 || pthread_create(&watch.thread, NULL, watch_run, (void *)(uintptr_t)t) != 0)
        return store_fail(ret_error, -EAGAIN, "pas de fil d'exécution pour surveiller la base",
                          "no thread to watch the database");
    watch.running = true;
    return 0;
}

void store_embedded_unwatch(void)
{
    if (!watch.running)
        return;
    eventfd_write(watch.wake, 1);
    pthread_join(watch.thread, NULL);
    close(watch.wake);
    cluster_finish(&watch.cluster);
    free(watch.data_dir);
    watch.running = false;
}
