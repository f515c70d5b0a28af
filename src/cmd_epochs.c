/*
 * stacgate epochs reset: after a backup was restored, clients may stand beyond the head that the
 * database has. With a new epoch nobody resumes: every client reloads. A new fence makes the
 * channels of a server that runs on this database end at their next commit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

int cmd_epochs(const struct command *c, int argc, char **argv)
{
    struct workplace w = WORKPLACE_INIT;
    const char *word = NULL;
    char *error = NULL;
    int status = command_options(c, argc, argv, &word);

    if (status != -1)
        return status;
    if (!word || strcmp(word, "reset") != 0)
        return complain(
            EXIT_USAGE, "%s",
            say("dites quoi faire : stacgate epochs reset (aide : stacgate epochs --help)",
                "say what to do: stacgate epochs reset (help: stacgate epochs --help)"));
    PGconn *db = command_database(&w, &status);
    if (db) {
        PGresult *r = owner_query(db, &error,
                                  "update channels set epoch = replace(gen_random_uuid()::text, "
                                  "'-', ''), fence = fence + 1",
                                  0, NULL);
        status = r ? EXIT_OK : complain(EXIT_FAILED, "%s", error);
        if (r)
            printf(
                say("%s canaux ont une nouvelle époque. Redémarrez le serveur s'il fonctionne.\n",
                    "%s channels have a new epoch. Restart the server if it is running.\n"),
                PQcmdTuples(r));
        PQclear(r);
        free(error);
        PQfinish(db);
    }
    workplace_close(&w);
    return status;
}
