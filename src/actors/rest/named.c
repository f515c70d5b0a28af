/* Looks up named.def: a few dozen comparisons that end at their first difference, so no index. */
#include "named.h"

#include <stdio.h>
#include <string.h>

static const struct named rows[] = {
#define NAMED(where, kind) {where, kind, false},
#define NAMED_WORD(where, kind) {where, kind, true},
#include "named.def"
#undef NAMED
#undef NAMED_WORD
};

static const struct named *row_of(const char *where, size_t n)
{
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strncmp(rows[i].where, where, n) == 0 && !rows[i].where[n])
            return &rows[i];
    return NULL;
}

const struct named *named_in_path(const struct rest_op *op, const char *at)
{
    return row_of(op->path, (size_t)(at - op->path));
}

bool named_id(const struct rest_op *op, const struct named *what)
{
    return what && !what->word && op->first != op_help_get;
}

bool field_is_id(const struct field *f)
{
    return f->type == FIELD_ID || f->type == FIELD_IDS || f->type == FIELD_CALLER ||
           f->type == FIELD_TENANT;
}

const struct named *named_field(const struct rest_op *op, const struct field *f)
{
    char where[128];
    int n = snprintf(where, sizeof(where), "%s.%s", op->name, f->name);

    if (!field_is_id(f))
        return NULL;
    const struct named *own = row_of(where, (size_t)n);
    return own ? own : row_of(f->name, strlen(f->name));
}
