/* What operations answer (answers.def) as JSON Schema, for the interface's document. */
#ifndef STACGATE_REST_ANSWERS_H
#define STACGATE_REST_ANSWERS_H

#include <stdbool.h>

#include "stacgate/buf.h"

bool answer_known(const char *name);
void answers_put(struct buf *b); /* every row, as members of an object */

#endif
