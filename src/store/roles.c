/*
 * The three roles of a database's cluster: stacgate_app signs in and owns nothing; stacgate_definer
 * and stacgate_search own functions and cannot sign in. On an external database stacgate_app gets
 * the password of the data directory; where we lack the right, the sentence holds the statement
 * that an administrator must run.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/db.h"
#include "store_private.h"

static const struct {
    const char *name, *attributes;
} roles[] = {
    {APP_ROLE, "login nosuperuser nobypassrls nocreaterole nocreatedb noreplication noinherit"},
    {"stacgate_definer",
     "nologin nosuperuser nobypassrls nocreaterole nocreatedb noreplication noinherit"},
    {"stacgate_search",
     "nologin nosuperuser nobypassrls nocreaterole nocreatedb noreplication noinherit"},
};

static int ask_administrator(char **ret_error, const char *sql, char *why)
{
    int err =
        store_fail(ret_error, -EINVAL,
                   "ce compte PostgreSQL n'a pas le droit nécessaire (%s) : un administrateur doit "
                   "exécuter : %s",
                   "this PostgreSQL account lacks a right (%s): an administrator must run: %s",
                   why ? why : "?", sql);
    free(why);
    return err;
}

static bool exists(PGconn *db, const char *name)
{
    PGresult *r = PQexecParams(db, "select 1 from pg_roles where rolname = $1", 1, NULL, &name,
                               NULL, NULL, 0);
    bool found = PQntuples(r) > 0;

    PQclear(r);
    return found;
}

static int create_role(PGconn *db, unsigned i, char **ret_error)
{
    struct buf sql = BUF_INIT;
    char *why = NULL;
    int err = 0;

    buf_printf(&sql, "create role %s %s", roles[i].name, roles[i].attributes);
    PGresult *r = store_exec(db, buf_cstr(&sql), &why);
    PQclear(r);
    /* Databases of one cluster share roles: another one's migration may have been faster. */
    if (!r && !exists(db, roles[i].name))
        err = ask_administrator(ret_error, buf_cstr(&sql), why);
    else
        free(why);
    buf_finish(&sql);
    return err;
}

static bool can_sign_in(const struct store_target *t)
{
    PGconn *db = store_connect(t->app_conninfo, NULL);

    PQfinish(db);
    return db != NULL;
}

/* The verifier, not the password, is what the server and its log see. */
static int set_password(PGconn *db, const char *password, char **ret_error)
{
    char *verifier = PQencryptPasswordConn(db, password, APP_ROLE, "scram-sha-256"), *why = NULL;
    char *quoted = verifier ? PQescapeLiteral(db, verifier, strlen(verifier)) : NULL;
    struct buf sql = BUF_INIT;
    int err = 0;

    buf_printf(&sql, "alter role " APP_ROLE " password %s", quoted ? quoted : "null");
    PGresult *r = quoted ? store_exec(db, buf_cstr(&sql), &why) : NULL;
    if (!r)
        err = ask_administrator(ret_error, buf_cstr(&sql), why);
    PQclear(r);
    PQfreemem(quoted);
    PQfreemem(verifier);
    buf_finish(&sql);
    return err;
}

/*
 * A second data directory on one database does not know the first one's password. It may set its
 * own only while nobody is signed in with the old one.
 */
static int let_in(PGconn *db, const struct store_target *t, bool fresh, char **ret_error)
{
    if (t->embedded || (!fresh && can_sign_in(t)))
        return 0;
    if (getenv("STACGATE_APP_DATABASE_URL"))
        return store_fail(
            ret_error, -EINVAL,
            "%s ne peut pas entrer avec STACGATE_APP_DATABASE_URL : donnez-y son mot de passe",
            "%s cannot sign in with STACGATE_APP_DATABASE_URL: put its password there", APP_ROLE);

    PGresult *r =
        store_exec(db, "select 1 from pg_stat_activity where usename = '" APP_ROLE "'", NULL);
    bool in_use = r && PQntuples(r) > 0;
    PQclear(r);
    if (in_use)
        return store_fail(ret_error, -EINVAL,
                          "un autre serveur utilise cette base avec un mot de passe que %s/%s n'a "
                          "pas : copiez-y ce fichier, "
                          "ou donnez STACGATE_APP_DATABASE_URL",
                          "another server uses this database with a password that %s/%s lacks: "
                          "copy that file here, or give "
                          "STACGATE_APP_DATABASE_URL",
                          t->data_dir, PASSWORD_FILE);

    char *password = store_app_password(t->data_dir, ret_error);
    int err = password ? set_password(db, password, ret_error) : -EINVAL;
    if (password)
        OPENSSL_cleanse(password, strlen(password));
    free(password);
    if (!err && !can_sign_in(t))
        err = store_fail(ret_error, -EINVAL,
                         "%s ne peut pas entrer : permettez-le dans pg_hba.conf (scram-sha-256)",
                         "%s cannot sign in: allow it in pg_hba.conf (scram-sha-256)", APP_ROLE);
    return err;
}

/* Nobody makes temporary tables here, and the server's role may enter. */
static int database_rights(PGconn *db, char **ret_error)
{
    const char *name = PQdb(db);
    char *quoted = PQescapeIdentifier(db, name, strlen(name)), *why = NULL;
    struct buf sql = BUF_INIT;
    int err = 0;

    buf_printf(
        &sql,
        "revoke temporary on database %s from public; grant connect on database %s to " APP_ROLE
        "; alter role " APP_ROLE " in database %s set search_path = public, pg_temp",
        quoted, quoted, quoted);
    PGresult *r = store_exec(db, buf_cstr(&sql), &why);
    if (!r)
        err = ask_administrator(ret_error, buf_cstr(&sql), why);
    PQclear(r);
    PQfreemem(quoted);
    buf_finish(&sql);
    return err;
}

int store_roles_ensure(PGconn *db, const struct store_target *t, void (*progress)(const char *line),
                       char **ret_error)
{
    bool fresh = !exists(db, APP_ROLE);

    for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (exists(db, roles[i].name))
            continue;
        int err = create_role(db, i, ret_error);
        if (err)
            return err;
        if (progress) {
            struct buf line = BUF_INIT;
            buf_printf(&line, "%s %s", store_say("rôle créé :", "role made:"), roles[i].name);
            progress(buf_cstr(&line));
            buf_finish(&line);
        }
    }
    int err = database_rights(db, ret_error);
    return err ? err : let_in(db, t, fresh, ret_error);
}
