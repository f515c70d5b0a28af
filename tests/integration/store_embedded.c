/*
 * The private cluster: one that a killed server left is adopted, one that dies is started again, a
 * pid file proves nothing, and the server's lock comes back with it. Each test has a data directory
 * of its own, one of them too deep for a socket's path.
 */
#include "unit/runtime_criterion.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "stacgate/buf.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"
#include "unit/runtime_testing.h"

enum { START_MS = 60000 };

static struct store_target t;
static char *error;
static char dir[300];

/* Where the next sentence goes; the last one is dropped. */
static char **fresh(void)
{
    free(error);
    error = NULL;
    return &error;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void begin(const char *name)
{
    unsetenv("DATABASE_URL");
    unsetenv("PGHOST");
    snprintf(dir, sizeof(dir), "/tmp/stacgate-embedded-%d-%s", (int)getpid(), name);
    cr_assert_eq(store_locate(dir, &t, fresh()), 0);
    cr_assert(t.embedded);
    cr_assert_eq(store_embedded_start(&t, START_MS, fresh()), 0, "%s", error);
    log_open(LOG_ERROR, NULL);
}

static void end(void)
{
    store_embedded_stop(&t, START_MS);
    store_target_finish(&t);
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int postmaster(void)
{
    char path[400], text[32] = "";

    snprintf(path, sizeof(path), "%s/pg/postmaster.pid", dir);
    FILE *f = fopen(path, "re");
    if (f && !fgets(text, sizeof(text), f))
        text[0] = '\0';
    if (f)
        fclose(f);
    return atoi(text);
}

static bool comes_back(void)
{
    for (int i = 0; i < 1000; i++) {
        PGconn *db = PQconnectdb(t.owner_conninfo);
        bool good = PQstatus(db) == CONNECTION_OK;
        PQfinish(db);
        if (good)
            return true;
        usleep(20000);
    }
    return false;
}

Test(embedded, a_killed_one_is_started_again_and_locked_again, .timeout = 120)
{
    begin("watch");
    cr_assert(store_embedded_ours(&t));
    harness_exec(t.owner_conninfo, "create table kept (x int)");
    cr_assert_eq(store_lock_server(&t, fresh()), 0);
    cr_assert_eq(store_embedded_watch(&t, fresh()), 0);
    for (int round = 0; round < 3; round++) {
        int pid = postmaster();
        char sql[80];
        snprintf(sql, sizeof(sql), "insert into kept values (%d)", round);
        harness_exec(t.owner_conninfo, sql);
        kill(pid, SIGKILL);
        while (kill(pid, 0) == 0 && postmaster() == pid)
            usleep(5000);
        cr_assert(comes_back());
        cr_assert_neq(postmaster(), pid);
    }
    cr_assert_str_eq(harness_value(t.owner_conninfo, "select count(*) from kept"), "3");
    for (int i = 0;
         i < 500 &&
         *harness_value(t.owner_conninfo,
                        "select count(*) from pg_locks where locktype = 'advisory'") != '1';
         i++)
        usleep(20000);
    cr_assert_str_eq(harness_value(t.owner_conninfo,
                                   "select count(*) from pg_locks where locktype = 'advisory'"),
                     "1");
    store_embedded_unwatch();
    store_unlock_server();
    end();
}

Test(embedded, one_left_behind_is_adopted, .timeout = 120)
{
    int status;

    snprintf(dir, sizeof(dir), "/tmp/stacgate-embedded-%d-left", (int)getpid());
    pid_t child = fork();
    if (child == 0) { /* a server that dies without a word */
        cr_assert_eq(store_locate(dir, &t, fresh()), 0);
        if (store_embedded_start(&t, START_MS, fresh()) != 0)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status));
    int left = postmaster();
    cr_assert_gt(left, 1);
    begin("left");
    cr_assert_eq(postmaster(), left);
    cr_assert(!store_embedded_ours(&t));

    /* Stopped whole, with a pid file that names somebody else: ours, who lives but is no database.
     */
    store_embedded_stop(&t, START_MS);
    cr_assert_neq(PQping(t.owner_conninfo), PQPING_OK);
    char path[400];
    snprintf(path, sizeof(path), "%s/pg/postmaster.pid", dir);
    FILE *f = fopen(path, "we");
    fprintf(f, "%d\n%s/pg\n1\n5432\n", (int)getpid(), dir);
    fclose(f);
    cr_assert_eq(store_embedded_start(&t, START_MS, fresh()), 0, "%s", error);
    cr_assert_neq(postmaster(), (int)getpid());
    end();
}

Test(embedded, only_one_server, .timeout = 120)
{
    begin("lock");
    cr_assert_eq(store_lock_server(&t, fresh()), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(store_lock_server(&t, fresh()) == -EBUSY ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    store_unlock_server();
    for (int i = 0; i < 200; i++) { /* the back end that held it ends a moment later */
        int r = store_lock_server(&t, fresh());
        if (r == 0)
            break;
        cr_assert_eq(r, -EBUSY);
        usleep(10000);
    }
    store_unlock_server();
    end();
}

Test(embedded, a_path_too_long_for_a_socket, .timeout = 120)
{
    char deep[140];

    memset(deep, 'd', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    begin(deep);
    cr_assert_str_eq(harness_value(t.owner_conninfo, "select 1"), "1");
    cr_assert_null(strstr(t.owner_conninfo, deep), "%s", t.owner_conninfo);
    /* Peer authentication knows the two roles and nobody else. */
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s user='postgres'", t.owner_conninfo);
    PGconn *db = PQconnectdb(buf_cstr(&b));
    cr_assert_neq(PQstatus(db), CONNECTION_OK);
    PQfinish(db);
    buf_finish(&b);
    end();
}

/* ---- the pool over a database that goes and comes ---- */

static const struct loop_service *const services[] = {&db_service, NULL};
static int ups, downs;

static int on_state(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    bool up = mp_bool(body_mp(m->body), false);
    ups += up;
    downs += !up;
    if (up && ups == 1)
        kill(postmaster(), SIGKILL);
    if (ups < 2)
        return 0;
    cr_assert(db_available());
    return ACTOR_DONE;
}

static int watch_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    db_watch(self);
    return 0;
}

Test(embedded, the_pool_comes_back_with_it, .timeout = 120)
{
    static const struct actor_type type = {
        .name = "watcher", .mailbox_max = 10, .init = watch_begin, .receive = on_state};

    begin("pool");
    cr_assert_eq(store_migrate(&t, NULL, fresh()), 0, "%s", error);
    cr_assert_eq(store_embedded_watch(&t, fresh()), 0);
    struct db_options o = harness_options(&t);
    db_configure(&o);
    cr_assert_eq(testing_run_with(
                     (struct runtime_options){.loops = 1, .drain_ms = 2000, .services = services},
                     &type, NULL),
                 0);
    cr_assert_eq(ups, 2);
    cr_assert_geq(downs, 1);
    store_embedded_unwatch();
    end();
}
