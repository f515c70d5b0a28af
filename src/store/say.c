/*
 * Sentences for the operator, in the language of the environment, and the blocking database calls
 * that end in one. Nothing here is used by a loop.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "store_private.h"

const char *store_say(const char *french, const char *english)
{
    return config_speaks_french() ? french : english;
}

int store_fail(char **ret_error, int err, const char *french, const char *english, ...)
{
    va_list args;

    if (!ret_error)
        return err;
    va_start(args, english);
    if (vasprintf(ret_error, store_say(french, english), args) < 0)
        *ret_error = xstrdup("out of memory");
    va_end(args);
    return err;
}

/* libpq's messages end with a line feed and may be several lines. */
static char *one_line(const char *text)
{
    char *copy = xstrdup(text);
    size_t n = strlen(copy);

    while (n > 0 && (copy[n - 1] == '\n' || copy[n - 1] == ' '))
        copy[--n] = '\0';
    for (char *p = copy; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    return copy;
}

static void drop_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

PGconn *store_connect(const char *conninfo, char **ret_error)
{
    const char *keys[] = {"connect_timeout", "dbname", "application_name", NULL};
    const char *values[] = {"5", conninfo, "stacgate", NULL};
    PGconn *db = PQconnectdbParams(keys, values, 1);

    if (PQstatus(db) == CONNECTION_OK) {
        PQsetNoticeReceiver(db, drop_notice, NULL);
        return db;
    }
    char *why = one_line(PQerrorMessage(db));
    store_fail(
        ret_error, 0,
        "la base de données ne répond pas (%s) : vérifiez DATABASE_URL et que PostgreSQL tourne",
        "the database cannot be reached (%s): check DATABASE_URL and that PostgreSQL runs", why);
    free(why);
    PQfinish(db);
    return NULL;
}

PGresult *store_exec(PGconn *db, const char *sql, char **ret_error)
{
    PGresult *r = PQexec(db, sql);
    ExecStatusType status = PQresultStatus(r);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY)
        return r;
    if (ret_error)
        *ret_error = one_line(PQerrorMessage(db));
    PQclear(r);
    return NULL;
}
