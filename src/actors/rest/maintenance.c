/*
 * Maintenance mode over REST: anybody may ask, who manages the system may switch. The row is
 * committed before the switch in memory turns, so that a restart finds what people were told.
 */
#include "stacgate/maintenance.h"

#include "op.h"
#include "stacgate/channel.h"

const struct field schema_maintenance[] = {
    {.name = "isMaintenance", .type = FIELD_BOOL},
    {.name = "enabled", .type = FIELD_BOOL}, /* the same, as an old client calls it */
    {.name = "message", .type = FIELD_LINE, .flags = FIELD_BLANK_IS_ABSENT, .max = 500},
    {.name = NULL}};

static int told(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    if (!rest_reads(r)) {
        users_tell(db_strv(m, 0, 0, 4)); /* first, so that who must go hears why */
        maintenance_switch(db_true(m, 0, 0, 0), db_int(m, 0, 0, 2), db_strv(m, 0, 0, 3));
    }
    return rest_reply_value(r, m, r->op->success, 0, 0, 1, 0);
}

int op_maintenance_get(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_SYSTEM_MAINTENANCE);
    return rest_ask(self, g, told);
}

int op_maintenance_set(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp on = mp_get(r->body, "isMaintenance");
    struct db_group *g;

    (void)m;
    if (!on.p)
        on = mp_get(r->body, "enabled");
    if (!on.p)
        return rest_refuse_fields(
            r, P_invalid, &(struct field_error){.field = "isMaintenance", .code = E_required}, 1);
    g = rest_group(r, DB_READ);
    db_stmt(g, SQL_SYSTEM_MAINTENANCE_SET);
    db_bool(g, mp_bool(on, false));
    db_strv_put(g, rest_arg(r, "message"));
    return rest_ask(self, g, told);
}
