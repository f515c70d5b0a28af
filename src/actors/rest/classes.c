/*
 * Study sessions (live classes) over REST: planning, attendance, results of polls, breakout rooms.
 * A change and the end of one go through its class's channel, so that who waits in it sees them;
 * what is answered is read after them.
 */
#include "run.h"
#include "stacgate/channel.h"

#define MANAGE .manage = "study_groups:manage"

#define SESSION_FIELDS(must)                                                                       \
    {.name = "title", .type = FIELD_LINE, .flags = must, .min = 1, .max = 200},                    \
        {.name = "description", .type = FIELD_STR, .max = 2000, .flags = FIELD_BLANK_IS_ABSENT},   \
        {.name = "startTime", .type = FIELD_TIME, .flags = must},                                  \
        {.name = "endTime", .type = FIELD_TIME, .flags = must},                                    \
        {.name = "maxParticipants", .type = FIELD_INT, .min = 1, .max = 10000},                    \
    {                                                                                              \
        .name = "hostId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT                         \
    }

const struct field schema_classes[] = {LIST_FIELDS, {.name = NULL}};
const struct field schema_class_new[] = {
    SESSION_FIELDS(FIELD_REQUIRED),
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};
const struct field schema_class_change[] = {SESSION_FIELDS(0), {.name = NULL}};

static const struct run one = {.sql = SQL_CLASSES_GET, .params = "tuim", MANAGE};

RUN_OP(classes_list, .sql = SQL_CLASSES_LIST, .params = "tuimp", MANAGE, .key = time_valid)
RUN_OP(groups_rooms, .sql = SQL_GROUPS_ROOMS, .params = "tuimp", MANAGE, .key = time_valid)
RUN_OP(classes_create, .sql = SQL_CLASSES_CREATE, .params = "tuibm", MANAGE)
RUN_OP(classes_get, .sql = SQL_CLASSES_GET, .params = "tuim", MANAGE)
RUN_OP(classes_attendance, .sql = SQL_CLASSES_ATTENDANCE, .params = "tuim", MANAGE)
RUN_OP(classes_polls, .sql = SQL_CLASSES_POLLS, .params = "tuim", MANAGE)

/* ---- through the channel ---- */

static int changed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp reply = body_mp(m->body);

    if (!str_is(mp_str(mp_get(reply, "status")), "ok"))
        return rest_push_refuse(self, r, mp_get(reply, "response"));
    return rest_run(self, r, &one);
}

static int push(struct actor *self, struct rest *r, const char *event, struct mp payload)
{
    return rest_push_to(self, r, "class", event, payload, changed);
}

static int push_versioned(struct actor *self, struct rest *r, const char *event, struct mp change)
{
    struct buf payload = BUF_INIT, more = BUF_INIT;
    uint32_t n = rest_push_versions(&more, r);

    mp_put_map(&payload, n + (change.p != NULL));
    buf_put(&payload, more.data, more.len);
    if (change.p) {
        mp_put_cstr(&payload, "class");
        mp_put_raw(&payload, change);
    }
    int err = push(self, r, event, mp_view(payload.data, payload.len));
    buf_finish(&payload);
    buf_finish(&more);
    return err;
}

static int nothing_named(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_unchanged(state, m);
}

/* It fits the session; the version is the class's actor's to compare, as it alone changes it. */
static int looked(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    rest_took(r, m);
    if (db_rows(m, 0) == 0)
        return rest_refuse(r, P_not_found);
    if (!db_null(m, 0, 0, 0))
        return rest_outcome(r, m, 0);
    if (mp_count(r->body))
        return push_versioned(self, r, "class:change", r->body);
    struct db_group *g = rest_group(r, DB_READ);
    rest_put(g, r, &one, NULL);
    return rest_ask(self, g, nothing_named);
}

int op_classes_update(struct actor *self, void *state, const struct msg *m)
{
    static const struct run fits = {.sql = SQL_CLASSES_MAY_CHANGE, .params = "tuibm", MANAGE};
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    rest_put(g, r, &fits, NULL);
    return rest_ask(self, g, looked);
}

int op_classes_cancel(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return push_versioned(self, state, "class:cancel", (struct mp){0});
}
