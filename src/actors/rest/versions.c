/*
 * The versions of the installation: what was released and which one is in use. Reading is for
 * everybody signed in; the functions behind writing see for themselves that a super_admin asks.
 */
#include "run.h"

const struct field schema_versions[] = {LIST_FIELDS, {.name = NULL}};
const struct field schema_version_new[] = {
    {.name = "version", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 50},
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = "description", .type = FIELD_STR, .max = 5000},
    {.name = "changelogMarkdown", .type = FIELD_STR, .max = 100000},
    {.name = "releaseDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "isMaintenance", .type = FIELD_BOOL},
    {.name = "maintenanceMessage", .type = FIELD_STR, .max = 500},
    {.name = NULL}};
const struct field schema_update_old[] = {
    {.name = "updateId", .type = FIELD_ID, .flags = FIELD_REQUIRED}, {.name = NULL}};

RUN_OP(versions_list, .sql = SQL_SYSTEM_VERSIONS, .params = "p", .key = time_valid)
RUN_OP(versions_create, .sql = SQL_SYSTEM_VERSION_CREATE, .params = "b", .reused = "version_taken")
RUN_OP(versions_activate, .sql = SQL_SYSTEM_VERSION_ACTIVATE, .params = "i")

/* ---- what speaks of the program's own version ---- */

static int answered(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_outcome(state, m, 0);
}

static int ask(struct actor *self, struct rest *r, const struct sql *sql, struct str parameter)
{
    struct db_group *g = rest_group(r, DB_READ);

    db_stmt(g, sql);
    db_strv_put(g, parameter);
    rest_keep_answer(g, r);
    return rest_ask(self, g, answered);
}

int op_versions_active(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return ask(self, state, SQL_SYSTEM_VERSION_ACTIVE, STR(STACGATE_VERSION));
}

int op_version_active_old(struct actor *self, void *state, const struct msg *m)
{
    return op_versions_active(self, state, m);
}

int op_system_status_old(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return ask(self, state, SQL_SYSTEM_STATUS, STR(STACGATE_VERSION));
}

int op_system_update_old(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return ask(self, state, SQL_SYSTEM_VERSION_ACTIVATE,
               rest_arg((const struct rest *)state, "updateId"));
}
