/*
 * stacgate migrate: the schema of this build, made or adopted. 0 done, 1 the database cannot be
 * reached, 2 it can but must not be touched by this build (newer schema, changed migration, missing
 * right): the sentence says what to change.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "stacgate/db.h"

static void print_line(const char *line)
{
    puts(line);
    fflush(stdout);
}

int cmd_migrate(const struct command *c, int argc, char **argv)
{
    struct workplace w = WORKPLACE_INIT;
    char *error = NULL;
    int status = command_options(c, argc, argv, NULL);

    if (status != -1)
        return status;

    status = workplace_open(&w, false, &error);
    if (status == EXIT_OK) {
        int err = workplace_start(&w, &error);
        if (!err)
            err = store_migrate(&w.target, print_line, &error);
        status = !err ? EXIT_OK : err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    if (status == EXIT_OK) {
        same_addresses(&w, print_line);
        print_line(say("La base est au schéma de cette version.",
                       "The database has this version's schema."));
    } else {
        complain(status, "%s", error);
    }
    free(error);
    workplace_close(&w);
    return status;
}
