/*
 * The REST floor for main: one table of operations (src/actors/rest/operations.def) from which
 * routes, checks and answers come. docs/rest.md says how to add one.
 */
#ifndef STACGATE_REST_H
#define STACGATE_REST_H

#include "stacgate/http.h"

/* Fills rest_routes and takes http_on_refused (every refusal of the net floor becomes
 * problem+json). Before the runtime starts. */
void rest_setup(void);

struct buf;
void openapi_document(struct buf *b); /* appends the table as OpenAPI 3.1 */

extern const struct http_route
    *rest_routes; /* after rest_setup(); with the OPTIONS rows of CORS preflights */
extern unsigned rest_route_count;

#endif
