/*
 * Accounts of an adopted installation whose addresses differ by capitals only: each is found by its
 * own spelling and no other, which whoever runs the installation should know and end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "stacgate/buf.h"

enum { SHOWN = 20 };

static void tell_rows(const PGresult *r, void (*tell)(const char *line))
{
    struct buf line = BUF_INIT;

    for (int i = 0; i < PQntuples(r) && i < SHOWN; i++) {
        buf_clear(&line);
        buf_printf(&line,
                   say("une seule adresse pour plusieurs comptes : %s. Chacun se connecte avec la "
                       "sienne, majuscules comprises ; donnez-en une autre à l'un d'eux",
                       "one address for several accounts: %s. Each signs in with its own, capitals "
                       "included; give one of them another address"),
                   PQgetvalue(r, i, 0));
        tell(buf_cstr(&line));
    }
    if (PQntuples(r) > SHOWN) {
        buf_clear(&line);
        buf_printf(&line, say("… et %d autres adresses", "… and %d more addresses"),
                   PQntuples(r) - SHOWN);
        tell(buf_cstr(&line));
    }
    buf_finish(&line);
}

void same_addresses(const struct workplace *w, void (*tell)(const char *line))
{
    char *error = NULL;
    PGconn *db = owner_connect(w, &error);
    PGresult *r =
        db ? owner_query(db, &error, "select accounts from same_addresses()", 0, NULL) : NULL;

    if (r)
        tell_rows(r, tell);
    PQclear(r);
    PQfinish(db);
    free(error);
}
