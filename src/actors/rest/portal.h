/* What the portal's operations and the old client's addresses for them (portal_old.c) share. */
#ifndef STACGATE_REST_PORTAL_H
#define STACGATE_REST_PORTAL_H

#include "run.h"

/* Runs a statement that stores the body's `layout`, once that is one that page editors can go
 * through (else 422) and the body is cleaned. what is static. */
int portal_page_run(struct actor *self, struct rest *r, const struct run *what);

#endif
