/*
 * The demo data (the scripts of src/demo, embedded) and the load fixture. All of a load is one
 * transaction under an advisory lock: two commands started together load once.
 */
#ifndef STACGATE_DEMO_H
#define STACGATE_DEMO_H

#include <libpq-fe.h>
#include <stdbool.h>

#define DEMO_PASSWORD "stacgate-demo"

extern const char *const demo_scripts[]; /* ends with NULL */

enum demo_outcome { DEMO_FAILED = -1, DEMO_LOADED, DEMO_THERE, DEMO_NOT_EMPTY };

/* if_empty: only into a database without any account (else DEMO_NOT_EMPTY). DEMO_FAILED: *ret_error
 * says why (free()). */
enum demo_outcome demo_load(PGconn *db, bool if_empty, char **ret_error);
bool demo_there(PGconn *db);
void demo_print_accounts(void); /* who may sign in, on standard output */

struct demo_fixture {
    unsigned learners, groups;
    const char *cookies, *rooms; /* files to write */
};
/* An exit status; says what went wrong. */
int demo_fixture_load(PGconn *db, const struct demo_fixture *f);

#endif
