/*
 * stacgate outbox: the mail that waits, for an installation without a mailer yet. Shows who gets
 * what and when; with --id the whole text of one, which may hold a link that signs in: it is asked
 * for by name, not shown in passing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

static bool all;
static const char *id;

const struct own_option outbox_options[] = {
    {"all", OWN_FLAG, &all, "aussi ce qui est déjà envoyé", "also what is sent already"},
    {"id", OWN_TEXT, &id, "le texte entier de celui-ci", "the whole text of this one"},
    {0}};

static int print_list(PGconn *db)
{
    static const char list[] =
        "select id, to_char(created_at, 'YYYY-MM-DD HH24:MI'), recipient, subject, case when "
        "sent_at is null then '' else '✓' end"
        " from outbox where $1::boolean or sent_at is null order by created_at desc limit 200";
    const char *values[] = {all ? "t" : "f"};
    char *error = NULL;
    PGresult *r = owner_query(db, &error, list, 1, values);

    if (!r) {
        complain(EXIT_FAILED, "%s", error);
        free(error);
        return EXIT_FAILED;
    }
    for (int i = 0; i < PQntuples(r); i++)
        printf("%s  %s  %s  %s %s\n", PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2),
               PQgetvalue(r, i, 3), PQgetvalue(r, i, 4));
    if (PQntuples(r) == 0)
        puts(say("Aucun courriel en attente.", "No mail is waiting."));
    PQclear(r);
    return EXIT_OK;
}

static int print_one(PGconn *db)
{
    const char *values[] = {id};
    char *error = NULL;
    PGresult *r = owner_query(
        db, &error, "select recipient, subject, body from outbox where id::text = $1", 1, values);
    int status = EXIT_FAILED;

    if (!r)
        complain(status, "%s", error);
    else if (PQntuples(r) == 0)
        complain(status, say("aucun courriel %s", "no mail %s"), id);
    else {
        printf("%s\n%s\n\n%s\n", PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2));
        status = EXIT_OK;
    }
    free(error);
    PQclear(r);
    return status;
}

int cmd_outbox(const struct command *c, int argc, char **argv)
{
    struct workplace w = WORKPLACE_INIT;
    int status = command_options(c, argc, argv, NULL);

    if (status != -1)
        return status;
    PGconn *db = command_database(&w, &status);
    if (db) {
        status = id ? print_one(db) : print_list(db);
        PQfinish(db);
    }
    workplace_close(&w);
    return status;
}
