/*
 * From nothing to a database that this server may use: the private cluster started or adopted and
 * looked after, the lock that keeps a second server off, the schema. A private cluster is ready
 * before the port answers; an external database that is away is waited for in a thread of its own
 * while the server already answers health checks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "demo.h"
#include "serve.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "stacgate/log.h"

enum { RETRY_S = 1 };

static struct {
    atomic_bool prepared, has_demo;
    atomic_int status; /* enum exit_status of the waiter */
    bool watching, locked, waiting;
    pthread_t waiter;
    pthread_mutex_t mutex; /* over stop, with the condition that ends a wait early */
    pthread_cond_t wake;
    bool stop;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

bool database_prepared(void)
{
    return atomic_load(&state.prepared);
}
bool database_has_demo(void)
{
    return atomic_load(&state.has_demo);
}
enum exit_status database_status(void)
{
    return (enum exit_status)atomic_load(&state.status);
}

static void log_line(const char *line)
{
    log_msg(LOG_INFO, "migrate", "%s", line);
}

static int start_cluster(struct workplace *w, char **ret_error)
{
    int err = 0;

    if (w->target.embedded && !state.watching) {
        err = workplace_start(w, ret_error);
        if (!err)
            err = store_embedded_watch(&w->target, ret_error);
        state.watching = !err;
    }
    return err;
}

static int load_demo(struct workplace *w, char **ret_error)
{
    PGconn *db = owner_connect(w, ret_error);
    int err = 0;

    if (!db)
        return -EUNAVAILABLE_DB;
    if (config.demo && demo_load(db, true, ret_error) == DEMO_FAILED)
        err = -EINVAL;
    atomic_store(&state.has_demo, demo_there(db));
    PQfinish(db);
    return err;
}

/* Each step may already have been done by a try before. */
static int prepare(struct workplace *w, char **ret_error)
{
    int err = start_cluster(w, ret_error);

    if (!err && !state.locked) {
        err = store_lock_server(&w->target, ret_error);
        state.locked = !err;
    }
    if (!err)
        err = store_migrate(&w->target, log_line, ret_error);
    if (!err)
        err = load_demo(w, ret_error);
    if (!err)
        atomic_store(&state.prepared, true);
    return err;
}

static void *wait_for_database(void *arg)
{
    struct workplace *w = arg;
    int err = -EUNAVAILABLE_DB;

    pthread_mutex_lock(&state.mutex);
    while (!state.stop && err == -EUNAVAILABLE_DB) {
        struct timespec until;
        char *error = NULL;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += RETRY_S;
        pthread_cond_clockwait(&state.wake, &state.mutex, CLOCK_MONOTONIC, &until);
        if (state.stop)
            break;
        pthread_mutex_unlock(&state.mutex);
        err = prepare(w, &error);
        if (err && err != -EUNAVAILABLE_DB) {
            atomic_store(&state.status, complain(EXIT_USAGE, "%s", error ? error : strerror(-err)));
            runtime_drain();
        }
        free(error);
        pthread_mutex_lock(&state.mutex);
    }
    pthread_mutex_unlock(&state.mutex);
    return NULL;
}

enum exit_status database_prepare(struct workplace *w)
{
    char *error = NULL;
    int err = prepare(w, &error);

    if (err == -EUNAVAILABLE_DB && !w->target.embedded) {
        log_msg(LOG_WARN, "database_away", "%s", error ? error : "");
        err = -pthread_create(&state.waiter, NULL, wait_for_database, w);
        state.waiting = !err;
    }
    if (err)
        complain(EXIT_USAGE, "%s", error ? error : strerror(-err));
    free(error);
    return !err ? EXIT_OK : err == -EUNAVAILABLE_DB ? EXIT_FAILED : EXIT_USAGE;
}

void database_release(void)
{
    if (state.waiting) {
        pthread_mutex_lock(&state.mutex);
        state.stop = true;
        pthread_cond_signal(&state.wake);
        pthread_mutex_unlock(&state.mutex);
        pthread_join(state.waiter, NULL);
        state.waiting = false;
    }
    if (state.watching)
        store_embedded_unwatch();
    if (state.locked)
        store_unlock_server();
    state.watching = state.locked = false;
}
