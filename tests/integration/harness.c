/*
 * See harness.h. Criterion runs each test in a process of its own; the cluster is the runner's,
 * found by the executable's name.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef __SANITIZE_THREAD__
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#endif

#include "stacgate/buf.h"
#include "stacgate/ids.h"

enum { CLUSTER_MS = 60000, VALUES = 8 };
#define TEMPLATE "harness_template"

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "harness: %s: %s\n", what, why ? why : "?");
    abort();
}

const char *harness_data_dir(void)
{
    static char dir[300];
    const char *given = getenv("STACGATE_TEST_DATA");
    char exe[256], digest[65];

    if (given || *dir)
        return given ? given : dir;
    ssize_t n =
        readlink("/proc/self/exe", exe, sizeof(exe) - 1); /* Criterion renames its workers */
    exe[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(exe, '/');
    sha256_hex(exe, strlen(exe),
               digest); /* the same test of another build folder is another cluster */
    snprintf(dir, sizeof(dir), "/tmp/stacgate-%.60s-%.8s", slash ? slash + 1 : "test", digest);
    return dir;
}

static void locate(struct store_target *ret)
{
    char *error = NULL;

    unsetenv("DATABASE_URL");
    unsetenv("PGHOST");
    unsetenv("PGHOSTADDR");
    unsetenv("PGSERVICE");
    if (store_locate(harness_data_dir(), ret, &error) != 0)
        give_up("locate", error);
}

static void cluster_start(void)
{
    struct store_target t;
    char *error = NULL;

    locate(&t);
    if (store_embedded_start(&t, CLUSTER_MS, &error) != 0)
        give_up("start", error);
    store_target_finish(&t);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void cluster_remove(void)
{
    struct store_target t;

    if (getenv("STACGATE_TEST_DATA"))
        return;
    locate(&t);
    store_embedded_stop(&t, CLUSTER_MS);
    store_target_finish(&t);
    nftw(harness_data_dir(), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#ifndef __SANITIZE_THREAD__
ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    (void)tests;
    cluster_start();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    cluster_remove();
}
#else
static pid_t runner;

__attribute__((constructor(200))) static void runner_start(void)
{
    runner = getpid();
    cluster_start();
}

__attribute__((destructor)) static void runner_end(void)
{
    if (getpid() == runner)
        cluster_remove();
}
#endif

/* ---- databases ---- */

static char *with_database(const char *conninfo, const char *name)
{
    struct buf b = BUF_INIT;

    /* The later of two settings counts. */
    buf_printf(&b, "%s dbname='%s'", conninfo, name);
    char *text = xstrdup(buf_cstr(&b));
    buf_finish(&b);
    return text;
}

static void point_at(struct store_target *t, const char *name)
{
    char *owner = with_database(t->owner_conninfo, name),
         *app = with_database(t->app_conninfo, name);

    free(t->owner_conninfo);
    free(t->app_conninfo);
    t->owner_conninfo = owner;
    t->app_conninfo = app;
}

static void create(const char *name, const char *template)
{
    struct store_target t;
    struct buf b = BUF_INIT;

    locate(&t);
    buf_printf(&b, "drop database if exists %s with (force)", name);
    harness_exec(t.owner_conninfo, buf_cstr(&b));
    buf_clear(&b);
    buf_printf(&b, "create database %s template %s", name, template);
    harness_exec(t.owner_conninfo, buf_cstr(&b));
    buf_finish(&b);
    store_target_finish(&t);
}

void harness_empty(const char *name, struct store_target *ret)
{
    create(name, "template0");
    locate(ret);
    point_at(ret, name);
}

/* Tests of one executable run side by side: the first makes the template. */
static void ensure_template(void)
{
    struct store_target t;
    char path[400], *error = NULL;

    snprintf(path, sizeof(path), "%s/template.lock", harness_data_dir());
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        give_up(path, strerror(errno));
    locate(&t);
    if (!*harness_value(t.owner_conninfo,
                        "select 1 from pg_database where datname = '" TEMPLATE "'")) {
        create(TEMPLATE, "template0");
        point_at(&t, TEMPLATE);
        if (store_migrate(&t, NULL, &error) != 0)
            give_up("migrate", error);
    }
    store_target_finish(&t);
    close(lock);
}

void harness_migrated(const char *name, struct store_target *ret)
{
    struct buf b = BUF_INIT;

    ensure_template();
    create(name, TEMPLATE);
    locate(ret);
    point_at(ret, name);
    /* Rights and settings of a database are not copied with it. */
    buf_printf(
        &b,
        "revoke temporary on database %s from public; grant connect on database %s to stacgate_app",
        name, name);
    harness_exec(ret->owner_conninfo, buf_cstr(&b));
    buf_finish(&b);
}

static PGresult *run(const char *conninfo, const char *sql)
{
    PGconn *db = PQconnectdb(conninfo);

    if (PQstatus(db) != CONNECTION_OK)
        give_up(conninfo, PQerrorMessage(db));
    PQclear(PQexec(db, "set client_min_messages = warning"));
    PGresult *r = PQexec(db, sql);
    PQfinish(db);
    return r;
}

void harness_exec(const char *conninfo, const char *sql)
{
    PGresult *r = run(conninfo, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        give_up(sql, PQresultErrorMessage(r));
    PQclear(r);
}

static const char *keep(const char *text)
{
    static char *kept[VALUES];
    static unsigned at;

    at = (at + 1) % VALUES;
    free(kept[at]);
    return kept[at] = xstrdup(text ? text : "");
}

const char *harness_value(const char *conninfo, const char *sql)
{
    PGresult *r = run(conninfo, sql);

    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        give_up(sql, PQresultErrorMessage(r));
    const char *value = keep(PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return value;
}

const char *harness_refused(const char *conninfo, const char *sql)
{
    PGresult *r = run(conninfo, sql);
    const char *state = keep(PQresultErrorField(r, PG_DIAG_SQLSTATE));

    if (!*state)
        give_up(sql, "it was not refused");
    PQclear(r);
    return state;
}

struct db_options harness_options(const struct store_target *t)
{
    return (struct db_options){.conninfo = t->app_conninfo,
                               .connections = {2, 2, 2},
                               .depth = {16, 16, 1},
                               .queue_max = 2000,
                               .statement_timeout_ms = 5000};
}
