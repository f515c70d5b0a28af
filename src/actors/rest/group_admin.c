/*
 * Running a study group over REST: its settings, archiving, who belongs and as what. Changes go
 * through the group's channel actor, like those of its members; what is answered is read after
 * them.
 */
#include "groups.h"
#include "stacgate/channel.h"

#define MANAGE .manage = "study_groups:manage"

enum { MAY_CHANGE = 5 }; /* a column of: */
static const struct run one = {.sql = SQL_GROUPS_GET, .params = "tuim", MANAGE};

int op_groups_get(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return rest_run(self, state, &one);
}

const struct field schema_group_members[] = {LIST_FIELDS, {.name = NULL}};
RUN_OP(groups_members, .sql = SQL_GROUPS_MEMBERS, .params = "tuimp", MANAGE, .key = time_valid)

const struct field schema_invitations[] = {
    {.name = "learnerIds", .type = FIELD_IDS, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = NULL}};
RUN_OP(groups_invite, .sql = SQL_GROUPS_INVITE, .params = "tuibm", MANAGE)

/* ---- changes ---- */

const struct field schema_group_change[] = {
    {.name = "name", .type = FIELD_LINE, .min = 1, .max = 120},
    {.name = "description", .type = FIELD_STR, .max = 2000, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "maxMembers", .type = FIELD_INT, .min = 2, .max = 500},
    {.name = "isPublic", .type = FIELD_BOOL},
    {.name = "tags", .type = FIELD_TEXTS, .max = 20},
    {.name = "scheduledDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "endDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "meetingUrl", .type = FIELD_URL, .flags = FIELD_BLANK_IS_ABSENT, .max = 500},
    {.name = "settings", .type = FIELD_OBJECT, .max = 4096, .inner = group_settings_schema},
    {.name = NULL}};
const struct field schema_group_archive[] = {{.name = "archived", .type = FIELD_BOOL},
                                             {.name = NULL}};
const struct field schema_group_role[] = {{.name = "role",
                                           .type = FIELD_CHOICE,
                                           .flags = FIELD_REQUIRED,
                                           .choices = "member|moderator|admin"},
                                          {.name = NULL}};

static int answered(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    rest_took(r, m);
    return db_rows(m, 0) ? rest_reply_kept(self, r, r->op->success, db_strv(m, 0, 0, 2))
                         : rest_refuse(r, P_not_found);
}

static int changed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp reply = body_mp(m->body);

    if (!str_is(mp_str(mp_get(reply, "status")), "ok"))
        return rest_push_refuse(self, r, mp_get(reply, "response"));
    struct db_group *g = rest_group(r, DB_READ);
    rest_put(g, r, &one, NULL);
    return rest_ask(self, g, answered);
}

static int push(struct actor *self, struct rest *r, const char *event, const struct buf *payload)
{
    return rest_push_to(self, r, "group", event, mp_view(payload->data, payload->len), changed);
}

static int push_change(struct actor *self, struct rest *r, struct mp change)
{
    struct buf payload = BUF_INIT, more = BUF_INIT;
    uint32_t n = rest_put_op_id(r, &more) + rest_push_versions(&more, r);

    mp_put_map(&payload, n + 1);
    mp_put_cstr(&payload, "group");
    mp_put_raw(&payload, change);
    buf_put(&payload, more.data, more.len);
    int err = push(self, r, "group:change", &payload);
    buf_finish(&payload);
    buf_finish(&more);
    return err;
}

/* Who may not see the group finds none. The version is the group's actor's to compare, as it alone
 * changes it. */
static int looked(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    rest_took(r, m);
    if (db_rows(m, 0) == 0)
        return rest_refuse(r, P_not_found);
    if (mp_count(r->body) == 0)
        return db_true(m, 0, 0, MAY_CHANGE) ? rest_unchanged(r, m) : rest_refuse(r, P_forbidden);
    if (db_true(m, 0, 0, MAY_CHANGE) && db_true(m, 1, 0, 0))
        return rest_refuse_fields(r, P_invalid,
                                  &(struct field_error){.field = "endDate", .code = E_order}, 1);
    return push_change(self, r, r->body);
}

int op_groups_update(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)m;
    struct db_group *g = rest_group(r, DB_READ);

    rest_put(g, r, &one, NULL);
    db_stmt(g, SQL_GROUPS_DATES);
    db_str(g, rest_tenant_filter(r));
    db_str(g, http_param(r->http, "id"));
    rest_put_json(g, r->body);
    return rest_ask(self, g, looked);
}

int op_groups_archive(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct buf change = BUF_INIT;

    (void)m;
    mp_put_map(&change, 1);
    mp_put_cstr(&change, "status");
    mp_put_cstr(&change, mp_bool(mp_get(r->body, "archived"), true) ? "archived" : "active");
    int err = push_change(self, r, mp_view(change.data, change.len));
    buf_finish(&change);
    return err;
}

/* ---- members ---- */

static int push_about(struct actor *self, struct rest *r, const char *event, bool with_role)
{
    struct buf payload = BUF_INIT;

    mp_put_map(&payload, with_role ? 2 : 1);
    mp_put_cstr(&payload, "userId");
    mp_put_cstr(&payload, http_param(r->http, "userId"));
    if (with_role) {
        mp_put_cstr(&payload, "role");
        mp_put_raw(&payload, mp_get(r->body, "role"));
    }
    int err = push(self, r, event, &payload);
    buf_finish(&payload);
    return err;
}

int op_groups_role(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return push_about(self, state, "member:role", true);
}

int op_groups_remove(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return push_about(self, state, "member:kick", false);
}
