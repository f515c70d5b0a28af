/* What operations answer (answers.def) as JSON Schema, for the interface's document. */
#ifndef STACGATE_REST_ANSWERS_H
#define STACGATE_REST_ANSWERS_H

#include <stdbool.h>

#include "stacgate/buf.h"

bool answer_known(const char *name);
/* Where what an operation answers ("X", "[X]" for a list) holds HTML or addresses that people
 * write: in members of these names ("a|b"), "": anywhere, NULL: nowhere. It leaves clean, whatever
 * stands in the table. */
const char *answer_html(const char *response);
void answers_put(struct buf *b); /* every row, as members of an object */

#endif
