/*
 * A whole school as a channel: announcements, what its staff may follow live, maintenance. All who
 * belong to the school are in, so its presence is a number. What is for some of them alone is in no
 * log: it is told to those members, without a number, and stands in the database for later.
 */
#include "course.h"

#include <errno.h>
#include <stdlib.h>

#include "sql.h"
#include "stacgate/channel.h"

#define ANNOUNCE_MS 10000
#define ANNOUNCE_TRIES 3

struct establishment {
    bool there; /* its state_size must not be 0 */
};

static const struct sql *const state_said = SQL_REALTIME_STATE_SAID;
static const struct sql *const announced = SQL_REALTIME_ESTABLISHMENT_ANNOUNCED;
static const struct sql *const lookup = SQL_REALTIME_ESTABLISHMENT_LOOKUP;

/* ---- whom an announcement is for ---- */

static uint32_t role_bit(struct str name)
{
    for (int r = ROLE_APPRENANT; r <= ROLE_ADMIN; r++)
        if (str_is(name, role_name((enum role)r)))
            return 1u << r;
    return 0;
}

/* "all", a role, or a list of roles: their bits, 0 for all. */
static int take_audience(struct mp v, uint32_t *ret_roles)
{
    *ret_roles = 0;
    if (mp_type(v) == MP_NONE || str_is(mp_str(v), "all"))
        return 0;
    if (mp_type(v) == MP_STR)
        return (*ret_roles = role_bit(mp_str(v))) ? 0 : -EINVAL;
    if (mp_type(v) != MP_ARRAY)
        return -EINVAL;
    for (struct mp_iter it = mp_iter(v); mp_next(&it);) {
        uint32_t bit = role_bit(mp_str(it.value));

        if (!bit)
            return -EINVAL;
        *ret_roles |= bit;
    }
    return *ret_roles ? 0 : -EINVAL;
}

static int may_announce(struct op *op, uint32_t *ret_roles, struct refusal *ret)
{
    struct mp audience = mp_get(op->payload, "audience");

    if (!op->user->staff)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    return take_audience(audience, ret_roles) < 0
               ? refuse(ret, REASON_invalid, "audience", "unknown")
               : 0;
}

/* ---- to all: an event ---- */

static int announce_check(struct channel *c, struct op *op, struct refusal *ret)
{
    uint32_t roles;
    int r = may_announce(op, &roles, ret);

    (void)c;
    if (r == 0)
        r = announcement_check(op, 1, ret);
    if (r < 0)
        return r;
    if (*op->ref) /* an announcement for some roles had this op id */
        return refuse(ret, REASON_conflict, "opId", "reused");
    mp_put_cstr(&op->stored, "audience");
    mp_put_cstr(&op->stored, "all");
    return 0;
}

static void announce_looked(struct channel *c, struct op *op, const struct msg *m, int row)
{
    (void)c;
    if (db_true(m, 0, row, 2))
        snprintf(op->ref, sizeof(op->ref), "reused");
}

/* push, event, flags, batch class, looked up, check, state, its parameters, applied, item */
static const struct push_kind pushes[] = {
    {"announce", "announcement", PUSH_CARD | PUSH_TELLS | PUSH_LOOKUP, 0, "title", announce_check,
     &announced, 3, NULL, NULL},
    {"announcement", "announcement", PUSH_CARD | PUSH_REST_ONLY, 1, NULL, said_check, &state_said,
     2, NULL, NULL},
    {"maintenance", "maintenance", PUSH_REST_ONLY, 1, NULL, said_check, &state_said, 2, NULL, NULL},
    {0},
};

/* ---- to some roles: a short-lived actor stores it, answers, and has it told ---- */

struct announcer {
    struct body *mail; /* holds payload and refs */
    struct mp payload;
    struct str join_ref, client_ref;
    char *topic, *tenant, *author;
    char op_id[OP_ID_MAX + 1]; /* "": none */
    int64_t hash;
    uint32_t roles, nonce;
    actor_id session;
    uint8_t enc, lang, tries;
};

static actor_step stored;

static void answer(struct announcer *a, bool ok, const struct buf *response)
{
    struct buf wire = BUF_INIT;

    envelope_reply(&wire, (enum encoding)a->enc, a->join_ref, a->client_ref, str_of(a->topic), ok,
                   value_mp(mp_view(response->data, response->len)));
    member_send(NULL, a->session, a->nonce, a->enc, WS_CONTROL, &wire, 1);
    buf_finish(&wire);
}

static int answer_refused(struct announcer *a, const struct refusal *why)
{
    struct buf b = BUF_INIT;

    refusal_put(&b, ENC_MP, why, a->lang);
    answer(a, false, &b);
    buf_finish(&b);
    return ACTOR_DONE;
}

static void put_roles(struct db_group *g, uint32_t roles)
{
    struct buf json = BUF_INIT;

    for (int r = ROLE_APPRENANT; r <= ROLE_ADMIN; r++)
        if (roles >> r & 1)
            buf_printf(&json, "%s\"%s\"", json.len ? "," : "[", role_name((enum role)r));
    buf_puts(&json, "]");
    db_strn(g, (const char *)json.data, json.len);
    buf_finish(&json);
}

static void put_text(struct db_group *g, struct mp v)
{
    db_strn(g, mp_str(v).p, mp_str(v).n);
}

static int store(struct actor *self, struct announcer *a)
{
    struct db_group *g = db_group(
        DB_READ, &(struct db_context){.establishment_id = a->tenant, .user_id = a->author});

    db_stmt(g, SQL_REALTIME_ESTABLISHMENT_ANNOUNCE_ROLES);
    db_str(g, a->topic);
    db_str(g, a->tenant);
    db_str(g, a->author);
    db_str(g, *a->op_id ? a->op_id : NULL);
    db_i64(g, a->hash);
    put_text(g, mp_get(a->payload, "title"));
    put_text(g, mp_get(a->payload, "body"));
    put_roles(g, a->roles);
    return db_ask(self, g, ANNOUNCE_MS, stored);
}

static int stored(struct actor *self, void *state, const struct msg *m)
{
    struct announcer *a = state;
    struct buf b = BUF_INIT;
    struct object o;

    if (db_rows(m, 0) == 0) /* its double was not committed yet */
        return ++a->tries < ANNOUNCE_TRIES
                   ? store(self, a)
                   : answer_refused(a, &(struct refusal){.reason = REASON_unavailable});
    if (db_true(m, 0, 0, 0))
        return answer_refused(a, &(struct refusal){REASON_conflict, "opId", "reused", 0});
    users_tell(db_strv(m, 0, 0, 3));
    object_begin(&o, &b, ENC_MP);
    object_str(&o, "id", db_strv(m, 0, 0, 1));
    object_str(&o, "createdAt", db_strv(m, 0, 0, 2));
    object_end(&o);
    answer(a, true, &b);
    buf_finish(&b);
    return ACTOR_DONE;
}

static int announcer_init(struct actor *self, void *state, const void *arg)
{
    struct announcer *a = state;

    *a = *(const struct announcer *)arg;
    return store(self, a);
}

static int announcer_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return 0;
}

/* It may have happened: a repeat with the same op id tells. */
static int announcer_fail(struct actor *self, void *state, int err)
{
    (void)self;
    (void)err;
    return answer_refused(state, &(struct refusal){.reason = REASON_unavailable});
}

static void announcer_terminate(struct actor *self, void *state, int result)
{
    struct announcer *a = state;

    (void)self;
    (void)result;
    body_unref(a->mail);
    free(a->topic);
    free(a->tenant);
    free(a->author);
}

static const struct actor_type announcer_type = {
    .name = "announcer",
    .state_size = sizeof(struct announcer),
    .mailbox_max = 4,
    .init = announcer_init,
    .receive = announcer_receive,
    .fail = announcer_fail,
    .terminate = announcer_terminate,
};

static int announce_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    uint32_t roles;
    int r = may_announce(op, &roles, ret);

    if (r < 0)
        return r;
    if (!roles)
        return PUSH_DURABLE;
    r = announcement_check(op, 0, ret);
    if (r == 0)
        r = op_take_id(op, ret);
    if (r < 0)
        return r;
    struct announcer a = {.mail = body_ref(op->mail),
                          .payload = op->payload,
                          .join_ref = op->join_ref,
                          .client_ref = op->client_ref,
                          .topic = xstrdup(c->topic),
                          .tenant = xstrdup(c->tenant),
                          .author = xstrdup(m->user->id),
                          .hash = op_content_hash(STR("announce"), op->payload),
                          .roles = roles,
                          .nonce = (uint32_t)m->key.nonce,
                          .session = m->key.session,
                          .enc = m->enc,
                          .lang = m->lang};
    if (!op->own_op_id)
        snprintf(a.op_id, sizeof(a.op_id), "%s", op->op_id);
    if (!actor_spawn(&announcer_type, &a)) /* its terminate released what a holds */
        return refuse(ret, REASON_unavailable, NULL, NULL);
    op_destroy(c, op);
    return 0;
}

/* ---- what is told to some ---- */

static void establishment_tell(struct channel *c, struct str event, struct mp payload)
{
    uint32_t roles = 0;

    if (str_is(event, "activity"))
        channel_tell(c, "activity", payload, &(struct told_to){.permission = c->kind->manage});
    else if (str_is(event, "announcement") &&
             take_audience(mp_get(payload, "audience"), &roles) == 0 && roles)
        channel_tell(c, "announcement", payload, &(struct told_to){.roles = roles});
}

/* ---- life ---- */

static void establishment_look(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_ESTABLISHMENT_LOOK);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
}

static void establishment_open(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_ESTABLISHMENT_OPEN);
    db_str(g, c->topic);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    establishment_look(c, g);
}

static int establishment_seen(struct channel *c, const struct msg *m, unsigned stmt)
{
    struct establishment *e = c->state;

    e->there = db_rows(m, stmt) > 0;
    return e->there ? 0 : -ENOENT;
}

static void establishment_closed(struct channel *c)
{
    (void)c;
}

/* The channel's tenant is the caller's own, or found for a super_admin: whoever gets here is of
 * this school. */
static int establishment_may_join(struct channel *c, struct user *u, struct refusal *ret)
{
    (void)c;
    (void)u;
    (void)ret;
    return 0;
}

static void establishment_describe(struct channel *c, struct user *u, struct object *o)
{
    (void)c;
    object_str(o, "role", str_of(role_name(u->role)));
    object_bool(o, "readOnly", !u->staff);
}

static const struct side_push sides[] = {
    {"announce", announce_push},
    {0},
};

const struct channel_kind establishment_kind = {
    .name = "establishment",
    .manage = "announcements:create",
    .counts = true,
    .pushes = pushes,
    .sides = sides,
    .open = establishment_open,
    .opened = establishment_seen,
    .closed = establishment_closed,
    .may_join = establishment_may_join,
    .describe = establishment_describe,
    .lookup = &lookup,
    .looked = announce_looked,
    .look = establishment_look,
    .seen = establishment_seen,
    .tell = establishment_tell,
    .state_size = sizeof(struct establishment),
};
