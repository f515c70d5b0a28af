/*
 * A course as a channel: what changed in it, and announcements. REST's statements write the course,
 * who is enrolled and most of its events (look.c); here stand who may come in, as what, and the one
 * push that members have.
 */
#include "course.h"

#include <errno.h>
#include <stdlib.h>

#include "sql.h"

struct course {
    struct body *info; /* as REST gives it, msgpack */
};

static const struct sql *const state_said = SQL_REALTIME_STATE_SAID;
static const struct sql *const announced = SQL_REALTIME_COURSE_ANNOUNCED;

static struct course *course_of(const struct channel *c)
{
    return c->state;
}

static bool leads(const struct user *u)
{
    return u->staff || u->belongs == MEMBER_ADMIN;
}

/* ---- pushes ---- */

int announcement_check(struct op *op, uint32_t more, struct refusal *ret)
{
    static const struct {
        const char *field;
        size_t max;
    } texts[] = {{"title", ANNOUNCEMENT_TITLE_MAX}, {"body", ANNOUNCEMENT_BODY_MAX}};

    for (int i = 0; i < 2; i++) {
        struct mp v = mp_get(op->payload, texts[i].field);

        if (!fits_str(v, texts[i].max))
            return refuse(ret, REASON_invalid, texts[i].field,
                          mp_type(v) == MP_NONE  ? "required"
                          : mp_type(v) == MP_STR ? "length"
                                                 : "type");
    }
    mp_put_map(&op->stored, 2 + more);
    for (int i = 0; i < 2; i++) {
        mp_put_cstr(&op->stored, texts[i].field);
        mp_put_raw(&op->stored, mp_get(op->payload, texts[i].field));
    }
    return 0;
}

static int announce_check(struct channel *c, struct op *op, struct refusal *ret)
{
    (void)c;
    return leads(op->user) ? announcement_check(op, 0, ret)
                           : refuse(ret, REASON_forbidden, NULL, NULL);
}

static void take_info(struct channel *c, struct mp info)
{
    struct str bytes = mp_bytes(info);

    body_unref(course_of(c)->info);
    course_of(c)->info = body_make(bytes.p, bytes.n);
}

/* Members know it as this event says; what is read later is newer. */
static void course_changed(struct channel *c, struct op *op)
{
    take_info(c, mp_get(op->payload, "course"));
}

/* push, event, flags, batch class, looked up, check, state, its parameters, applied, item */
static const struct push_kind pushes[] = {
    {"announce", "announcement", PUSH_CARD | PUSH_TELLS, 0, NULL, announce_check, &announced, 3,
     NULL, NULL},
    {"announcement", "announcement", PUSH_CARD | PUSH_REST_ONLY, 1, NULL, said_check, &state_said,
     2, NULL, NULL},
    {"course:updated", "course:updated", PUSH_REST_ONLY, 1, NULL, said_check, &state_said, 2,
     course_changed, NULL},
    {"module:published", "module:published", PUSH_REST_ONLY, 1, NULL, said_check, &state_said, 2,
     NULL, NULL},
    {"module:removed", "module:removed", PUSH_REST_ONLY, 1, NULL, said_check, &state_said, 2, NULL,
     NULL},
    {"modules:ordered", "modules:ordered", PUSH_REST_ONLY, 1, NULL, said_check, &state_said, 2,
     NULL, NULL},
    {"session:scheduled", "session:scheduled", PUSH_REST_ONLY, 1, NULL, said_check, &state_said, 2,
     NULL, NULL},
    {0},
};

/* ---- life ---- */

static void course_look(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_COURSE_INFO);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
}

static void course_open(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_COURSE_OPEN);
    db_str(g, c->topic);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    course_look(c, g);
}

static int course_seen(struct channel *c, const struct msg *m, unsigned stmt)
{
    struct buf info = BUF_INIT, people = BUF_INIT;

    if (db_rows(m, stmt) == 0)
        return -ENOENT;
    value_put(&info, ENC_MP, value_json(db_strv(m, stmt, 0, 0)));
    value_put(&people, ENC_MP, value_json(db_strv(m, stmt, 0, 1)));
    take_info(c, mp_view(info.data, info.len));
    struct mp both = mp_view(people.data, people.len);
    look_people(c, mp_at(both, 0), mp_at(both, 1));
    buf_finish(&info);
    buf_finish(&people);
    return 0;
}

static void course_closed(struct channel *c)
{
    body_unref(course_of(c)->info);
}

int belongs_or_staff(struct channel *c, struct user *u, struct refusal *ret)
{
    (void)c;
    return u->belongs != MEMBER_NONE || u->staff ? 0 : refuse(ret, REASON_forbidden, NULL, NULL);
}

static const char *course_role(const struct channel *c, const struct user *u)
{
    (void)c;
    return u->belongs == MEMBER_ADMIN    ? "instructor"
           : u->belongs == MEMBER_MEMBER ? "learner"
                                         : role_name(u->role);
}

static void course_describe(struct channel *c, struct user *u, struct object *o)
{
    object_str(o, "role", str_of(course_role(c, u)));
    object_bool(o, "readOnly", !leads(u));
    object_value(o, "course", value_mp(body_mp(course_of(c)->info)));
}

static const struct side_push sides[] = {
    {"presence:update", presence_push},
    {0},
};

const struct channel_kind course_kind = {
    .name = "course",
    .manage = "courses:manage",
    .pushes = pushes,
    .sides = sides,
    .open = course_open,
    .opened = course_seen,
    .closed = course_closed,
    .may_join = belongs_or_staff,
    .role = course_role,
    .describe = course_describe,
    .look = course_look,
    .seen = course_seen,
    .state_size = sizeof(struct course),
};
