/*
 * The audit log, to read: a school's for who may, every school's and the installation's own for a
 * super_admin outside a school. Rows are written by the database with the acts themselves
 * (migration 0052).
 */
#include "run.h"

const struct field schema_audit[] = {
    {.name = "action", .type = FIELD_LINE, .max = 64, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "actorId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "subjectId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "from", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "to", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    LIST_FIELDS,
    {.name = NULL}};

int op_audit_list(struct actor *self, void *state, const struct msg *m)
{
    static const struct run school = {.sql = SQL_AUDIT_LIST, .params = "tqp", .key = time_valid};
    static const struct run all = {.sql = SQL_AUDIT_ALL, .params = "qp", .key = time_valid};
    struct rest *r = state;

    (void)m;
    return rest_run(self, r, r->tenant[0] ? &school : &all);
}
