/*
 * Migrations: embedded texts, each run once in a transaction of its own, under an advisory lock,
 * and remembered with the sha256 of its text. A text that changed after it ran, or a row that this
 * build does not know, stops everything: the schema is not ours to guess.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/db.h"
#include "stacgate/ids.h"
#include "store_private.h"

typedef void progress_fn(const char *line);

static int server_failed(PGconn *db, char **ret_error, char *why)
{
    bool lost = PQstatus(db) != CONNECTION_OK;
    int err =
        store_fail(ret_error, lost ? -EUNAVAILABLE_DB : -EINVAL, "la base de données a refusé : %s",
                   "the database refused: %s", why ? why : "?");
    free(why);
    return err;
}

static int run(PGconn *db, const char *sql, char **ret_error)
{
    char *why = NULL;
    PGresult *r = store_exec(db, sql, &why);

    if (!r)
        return server_failed(db, ret_error, why);
    PQclear(r);
    return 0;
}

static const struct migration *find(const char *name)
{
    for (const struct migration *m = migrations; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

/* What ran already, in *ret_done (PQclear): compared with what this build holds. */
static int read_done(PGconn *db, PGresult **ret_done, char **ret_error)
{
    char *why = NULL;
    PGresult *r =
        store_exec(db, "select name, checksum from public.schema_migrations order by name", &why);
    int err = 0;

    if (!r)
        return server_failed(db, ret_error, why);
    for (int i = 0; !err && i < PQntuples(r); i++) {
        const struct migration *m = find(PQgetvalue(r, i, 0));
        char sum[65];
        if (m)
            sha256_hex(m->text, strlen(m->text), sum);
        if (!m)
            err = store_fail(ret_error, -EINVAL,
                             "la base est plus récente que ce programme (migration %s) : installez "
                             "la version qui l'a faite, ou une plus récente",
                             "the database is newer than this program (migration %s): install the "
                             "version that made it, or a newer one",
                             PQgetvalue(r, i, 0));
        else if (strcmp(sum, PQgetvalue(r, i, 1)) != 0)
            err = store_fail(ret_error, -EINVAL,
                             "la migration %s a changé depuis qu'elle a été faite ici : revenez à "
                             "la version du programme qui l'a faite",
                             "migration %s has changed since it ran here: go back to the version "
                             "of the program that ran it",
                             m->name);
    }
    if (err)
        PQclear(r);
    else
        *ret_done = r;
    return err;
}

static bool is_done(const PGresult *done, const char *name)
{
    for (int i = 0; i < PQntuples(done); i++)
        if (strcmp(PQgetvalue(done, i, 0), name) == 0)
            return true;
    return false;
}

/* RAISE NOTICE of a migration is for the operator; the server's own ("already exists, skipping") is
 * not. */
static void tell_notice(void *arg, const PGresult *r)
{
    progress_fn *const *progress = arg;
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE),
               *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (!*progress || !text || !state || strcmp(state, "00000") != 0)
        return;
    struct buf line = BUF_INIT;
    buf_printf(&line, "  %s", text);
    (*progress)(buf_cstr(&line));
    buf_finish(&line);
}

static int remember(PGconn *db, const struct migration *m, int64_t ms, char **ret_error)
{
    char sum[65], took[24];
    const char *values[] = {m->name, sum, took};

    sha256_hex(m->text, strlen(m->text), sum);
    snprintf(took, sizeof(took), "%lld", (long long)ms);
    PGresult *r = PQexecParams(
        db, "insert into public.schema_migrations (name, checksum, ms) values ($1, $2, $3)", 3,
        NULL, values, NULL, NULL, 0);
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    return good ? 0 : server_failed(db, ret_error, xstrdup(PQerrorMessage(db)));
}

/*
 * An owner who is no superuser may give functions to a role only as its member, and the role needs
 * CREATE for that moment. Both last as long as the transaction: no membership is left behind.
 */
static const char lend[] =
    "do $$ begin if not (select rolsuper from pg_roles where rolname = current_user) then "
    "execute format('grant stacgate_definer, stacgate_search to %I', current_user); "
    "grant create on schema public to stacgate_definer, stacgate_search; end if; end $$";
static const char give_back[] =
    "do $$ begin if not (select rolsuper from pg_roles where rolname = current_user) then "
    "execute format('revoke stacgate_definer, stacgate_search from %I', current_user); "
    "revoke create on schema public from stacgate_definer, stacgate_search; end if; end $$";

static int apply(PGconn *db, const struct migration *m, progress_fn *progress, char **ret_error)
{
    int64_t since = mono_ms();
    char *why = NULL;
    int err = run(db,
                  "begin; set local search_path = public, pg_temp; set local statement_timeout = "
                  "0; set local timezone = 'UTC'",
                  ret_error);

    if (!err)
        err = run(db, lend, ret_error);
    if (!err)
        err = run(db, m->text, &why);
    if (!err)
        err = run(db, give_back, ret_error);
    if (!err)
        err = remember(db, m, mono_ms() - since, ret_error);
    if (!err)
        err = run(db, "commit", ret_error);
    if (why)
        store_fail(ret_error, err, "migration %s : %s", "migration %s: %s", m->name, why);
    free(why);
    if (err) {
        run(db, "rollback", NULL);
        return err;
    }
    if (progress) {
        struct buf line = BUF_INIT;
        buf_printf(&line, "%s (%lld ms)", m->name, (long long)(mono_ms() - since));
        progress(buf_cstr(&line));
        buf_finish(&line);
    }
    return 0;
}

/* Waits for others that migrate the same database. */
static int take_lock(PGconn *db, progress_fn *progress, char **ret_error)
{
    char sql[96], *why = NULL;

    snprintf(sql, sizeof(sql), "select pg_try_advisory_lock(%d, %d)", LOCK_SPACE, LOCK_MIGRATE);
    PGresult *r = store_exec(db, sql, &why);
    if (!r)
        return server_failed(db, ret_error, why);
    bool taken = PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    if (taken)
        return 0;
    if (progress)
        progress(store_say("une autre migration est en cours : j'attends",
                           "another migration is running: waiting for it"));
    snprintf(sql, sizeof(sql), "set statement_timeout = 0; select pg_advisory_lock(%d, %d)",
             LOCK_SPACE, LOCK_MIGRATE);
    return run(db, sql, ret_error);
}

static int check_version(PGconn *db, char **ret_error)
{
    if (PQserverVersion(db) >= 150000)
        return 0;
    return store_fail(
        ret_error, -EINVAL, "PostgreSQL %d est trop ancien : il faut 15 ou plus récent",
        "PostgreSQL %d is too old: 15 or newer is needed", PQserverVersion(db) / 10000);
}

static int check_encoding(PGconn *db, char **ret_error)
{
    const char *encoding = PQparameterStatus(db, "server_encoding");

    if (encoding && strcmp(encoding, "UTF8") == 0)
        return 0;
    return store_fail(ret_error, -EINVAL,
                      "la base est en %s : il en faut une en UTF8 (create database … encoding "
                      "'UTF8' template template0)",
                      "the database's encoding is %s: one in UTF8 is needed (create database … "
                      "encoding 'UTF8' template template0)",
                      encoding ? encoding : "?");
}

static const char schema_table[] =
    "create table if not exists public.schema_migrations (name text primary key, checksum text not "
    "null, "
    "applied_at timestamp not null default (now() at time zone 'utc'), ms bigint not null)";

int store_migrate(const struct store_target *t, progress_fn *progress, char **ret_error)
{
    PGresult *done = NULL;
    PGconn *db = store_connect(t->owner_conninfo, ret_error);

    if (!db)
        return -EUNAVAILABLE_DB;
    PQsetNoticeReceiver(db, tell_notice, &progress);
    int err = check_version(db, ret_error);
    if (!err)
        err = check_encoding(db, ret_error);
    if (!err)
        err = take_lock(db, progress, ret_error);
    if (!err)
        err = store_roles_ensure(db, t, progress, ret_error);
    if (!err)
        err = run(db, schema_table, ret_error);
    if (!err)
        err = read_done(db, &done, ret_error);
    for (const struct migration *m = migrations; !err && m->name; m++)
        if (!is_done(done, m->name))
            err = apply(db, m, progress, ret_error);
    if (!err) /* of the audit log, a year ahead of each start */
        err = run(db, "select public.stacgate_partitions()", ret_error);
    PQclear(done);
    PQfinish(db); /* and with it the lock */
    return err;
}

int store_schema_check(const struct store_target *t, char **ret_error)
{
    PGresult *done = NULL;
    PGconn *db = store_connect(t->owner_conninfo, ret_error);

    if (!db)
        return -EUNAVAILABLE_DB;
    int err = check_version(db, ret_error);
    PGresult *table =
        err ? NULL
            : store_exec(db, "select to_regclass('public.schema_migrations') is not null", NULL);
    bool any = table && PQgetvalue(table, 0, 0)[0] == 't';
    PQclear(table);
    if (!err && any)
        err = read_done(db, &done, ret_error);
    for (const struct migration *m = migrations; !err && m->name; m++)
        if (!any || !is_done(done, m->name))
            err = store_fail(
                ret_error, -EAGAIN, "il manque des migrations, dont %s : lancez stacgate migrate",
                "migrations are missing, among them %s: run stacgate migrate", m->name);
    PQclear(done);
    PQfinish(db);
    return err;
}
