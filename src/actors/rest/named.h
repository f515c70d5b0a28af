/*
 * What the ids of operations name (named.def): said in the interface's document as `x-id`, or
 * `x-word` for what is no id, so that its reader knows what to put there.
 */
#ifndef STACGATE_REST_NAMED_H
#define STACGATE_REST_NAMED_H

#include "op.h"

struct named {
    const char *where, *kind;
    bool word; /* no id: a slug, a code */
};
/* `at`: the place of a parameter in the operation's path, after its ":" or "*". NULL: no row. */
const struct named *named_in_path(const struct rest_op *op, const char *at);
/* Only an id of the usual form can be there. Help knows what an old client means by another
 * (help.c).
 */
bool named_id(const struct rest_op *op, const struct named *what);
/* NULL: it is no id. An id's field without a row fails a unit test. */
const struct named *named_field(const struct rest_op *op, const struct field *f);
bool field_is_id(const struct field *f);

#endif
