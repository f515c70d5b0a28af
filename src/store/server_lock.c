/*
 * One server a database: a session-level advisory lock held by a connection of its own, from a
 * thread of its own. When the connection dies (the database restarted) the lock is taken again;
 * channels are fenced meanwhile, so the gap loses nothing.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "stacgate/db.h"
#include "stacgate/log.h"
#include "store_private.h"

enum { RETRY_MS = 250, RETRY_MAX_MS = 2000, KILLED_MS = 2000, ASK_MS = 100 };

static struct {
    pthread_t thread;
    bool running;
    int wake;
    char *conninfo;
    PGconn *db; /* the thread's own once it runs */
} lock;

/* 1 taken, 0 somebody else has it, -1 no database. */
static int take(char **ret_error)
{
    char sql[96];

    lock.db = store_connect(lock.conninfo, ret_error);
    if (!lock.db)
        return -1;
    snprintf(sql, sizeof(sql), "select pg_try_advisory_lock(%d, %d)", LOCK_SPACE, LOCK_SERVER);
    PGresult *r = store_exec(lock.db, "set idle_session_timeout = 0", ret_error);
    PQclear(r);
    r = r ? store_exec(lock.db, sql, ret_error) : NULL;
    int taken = r ? PQgetvalue(r, 0, 0)[0] == 't' : -1;
    PQclear(r);
    if (taken != 1) {
        PQfinish(lock.db);
        lock.db = NULL;
    }
    return taken;
}

/* true: asked to end. Otherwise the connection died, or `ms` passed without one. */
static bool hold(int ms)
{
    struct pollfd fds[] = {{.fd = lock.wake, .events = POLLIN},
                           {.fd = lock.db ? PQsocket(lock.db) : -1, .events = POLLIN}};

    for (;;) {
        poll(fds, 2, lock.db ? -1 : ms);
        if (fds[0].revents)
            return true;
        if (!lock.db || !PQconsumeInput(lock.db) || PQstatus(lock.db) != CONNECTION_OK)
            return false;
    }
}

static void *hold_run(void *arg)
{
    int wait = RETRY_MS, told = 1;

    (void)arg;
    while (!hold(wait)) {
        PQfinish(lock.db);
        int taken = take(NULL);
        if (taken == 0 && told != 0)
            log_msg(LOG_ERROR, "server_lock",
                    "another server took this database while it was away; stop one of them");
        else if (taken == 1)
            log_msg(LOG_INFO, "server_lock", "taken again");
        told = taken;
        wait = taken == 1 ? RETRY_MS : wait * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : wait * 2;
    }
    PQfinish(lock.db);
    lock.db = NULL;
    return NULL;
}

/* A server that was killed a moment ago has the lock until the database notices. */
static int take_patiently(char **ret_error)
{
    int taken = take(ret_error);

    for (int waited = 0; taken == 0 && waited < KILLED_MS; waited += ASK_MS) {
        poll(NULL, 0, ASK_MS);
        taken = take(ret_error);
    }
    return taken;
}

int store_lock_server(const struct store_target *t, char **ret_error)
{
    lock.conninfo = store_conninfo(t->owner_conninfo, NULL, NULL, NULL, ret_error);
    int taken = lock.conninfo ? take_patiently(ret_error) : -1;

    if (taken == 1) {
        lock.wake = eventfd(0, EFD_CLOEXEC);
        lock.running = lock.wake >= 0 && pthread_create(&lock.thread, NULL, hold_run, NULL) == 0;
        if (lock.running)
            return 0;
        PQfinish(lock.db);
        lock.db = NULL;
        taken = -1;
        store_fail(ret_error, 0, "pas de fil d'exécution pour le verrou du serveur",
                   "no thread for the server's lock");
    }
    free(lock.conninfo);
    lock.conninfo = NULL;
    return taken < 0
               ? -EUNAVAILABLE_DB
               : store_fail(
                     ret_error, -EBUSY,
                     "un autre serveur utilise déjà cette base : arrêtez-le ou donnez une autre "
                     "base",
                     "another server uses this database already: stop it or give another database");
}

void store_unlock_server(void)
{
    if (!lock.running)
        return;
    eventfd_write(lock.wake, 1);
    pthread_join(lock.thread, NULL);
    close(lock.wake);
    free(lock.conninfo);
    lock.conninfo = NULL;
    lock.running = false;
}
