/*
 * The whiteboard's pushes and what they change. Checks see what is committed and count what the
 * batch being built would add; the model changes only after the commit, in the order of seq.
 */
#include "board.h"

#include <errno.h>
#include <stdlib.h>

#include "kin.h"
#include "sql.h"
#include "stacgate/json.h"

#define TITLE_MAX 200
#define LOCK_IDS_MAX 256
#define LOCK_IDS_TOLD_MAX 1000 /* at a join; of the rest a client learns by a refusal */
#define OPEN_TRIES 5           /* another writer was committing each time */

static const struct sql *const board_history = SQL_REALTIME_BOARD_HISTORY;
static const struct sql *const state_changes = SQL_REALTIME_BOARD_STATE_CHANGES;

/* ---- who may ---- */

int board_may_change(const struct board *b, const struct user *u, struct refusal *ret)
{
    if (b->archived)
        return refuse(ret, REASON_read_only, NULL, NULL);
    if (board_moderates(u))
        return 0;
    if (u->belongs == MEMBER_NONE || !b->allowed)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    return b->model.locked ? refuse(ret, REASON_locked, NULL, NULL) : 0;
}

static int may_moderate(const struct board *b, const struct user *u, struct refusal *ret)
{
    if (!board_moderates(u))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    return b->archived ? refuse(ret, REASON_read_only, NULL, NULL) : 0;
}

/* ---- ops, clear ---- */

static void store_ops(struct op *op, struct mp ops)
{
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "ops");
    mp_put_raw(&op->stored, ops);
}

static int ops_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct board *b = board_of(c);
    struct mp ops = mp_get(op->payload, "ops");
    const char *field, *code;
    int r = board_may_change(b, op->user, ret);

    if (r < 0)
        return r;
    r = board_ops_check(ops, &field, &code);
    if (r < 0)
        return refuse(ret, r == -E2BIG ? REASON_too_large : REASON_invalid, field, code);
    if (!board_moderates(op->user) && board_ops_locked(&b->model, ops))
        return refuse(ret, REASON_locked, NULL, NULL);
    if (c->batched == 0)
        board_draft_finish(&b->draft);
    if (board_ops_fit(&b->model, ops, &b->draft, &field, &code) < 0)
        return refuse(ret, REASON_too_large, field, code);
    store_ops(op, ops);
    return 0;
}

static int clear_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct board *b = board_of(c);
    struct buf ops = BUF_INIT;
    int r = board_may_change(b, op->user, ret);

    if (r < 0)
        return r;
    mp_put_array(&ops, 1);
    mp_put_map(&ops, 1);
    mp_put_cstr(&ops, "op");
    mp_put_cstr(&ops, "clear");
    struct mp list = mp_view(ops.data, ops.len);
    if (!board_moderates(op->user) && board_ops_locked(&b->model, list))
        r = refuse(ret, REASON_locked, NULL, NULL);
    else
        store_ops(op, list);
    buf_finish(&ops);
    return r;
}

static void changed(struct channel *c)
{
    board_of(c)->changed_ms = loop_now();
}

static void ops_applied(struct channel *c, struct op *op)
{
    board_apply(&board_of(c)->model, mp_get(op_stored(op), "ops"));
    changed(c);
}

/* ---- locks, title, end ---- */

static int lock_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp ids = mp_get(op->payload, "ids");
    bool all = mp_type(ids) == MP_NONE || mp_type(ids) == MP_NIL;
    bool by_class = strncmp(op->kind->push, "class:", 6) == 0; /* its host: class.c */
    int r = by_class ? 0 : may_moderate(board_of(c), op->user, ret);

    if (r < 0)
        return r;
    if (!all && (mp_type(ids) != MP_ARRAY || mp_count(ids) < 1 || mp_count(ids) > LOCK_IDS_MAX))
        return refuse(ret, REASON_invalid, "ids", mp_type(ids) == MP_ARRAY ? "length" : "type");
    for (struct mp_iter it = mp_iter(ids); mp_next(&it);)
        if (!mp_str(it.value).p || mp_str(it.value).n > BOARD_ID_MAX)
            return refuse(ret, REASON_invalid, "ids", "type");
    mp_put_map(&op->stored, all ? 1 : 2);
    mp_put_cstr(&op->stored, "locked");
    mp_put_bool(&op->stored, !strstr(op->kind->push, "unlock"));
    if (!all) {
        mp_put_cstr(&op->stored, "ids");
        mp_put_raw(&op->stored, ids);
    }
    return 0;
}

static int rename_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct board *b = board_of(c);
    struct str title = mp_str(mp_get(op->payload, "title"));
    struct str author = {0};
    struct buf info = BUF_INIT;

    value_put(&info, ENC_MP, value_encoded(ENC_JSON, b->info));
    author = mp_str(mp_get(mp_view(info.data, info.len), "createdBy"));
    bool mine = board_moderates(op->user) || str_is(author, op->user->id);
    buf_finish(&info);
    if (!mine || (op->user->belongs == MEMBER_NONE && !op->user->staff))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (b->archived)
        return refuse(ret, REASON_read_only, NULL, NULL);
    if (!op_version_fits(op, b->version))
        return refuse(ret, REASON_conflict, "version", "stale");
    if (strcmp(op->kind->push, "board:delete") == 0) {
        mp_put_map(&op->stored, 0);
        return 0;
    }
    if (!title.p || title.n < 1 || utf8_length(title.p, title.n) > TITLE_MAX)
        return refuse(ret, REASON_invalid, "title", title.p ? "length" : "required");
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "title");
    mp_put_str(&op->stored, title.p, title.n);
    return 0;
}

static void take_title(struct board *b, struct mp payload)
{
    struct str title = mp_str(mp_get(payload, "title"));

    if (!title.p)
        return;
    free(b->title);
    b->title = xstrndup(title.p, title.n);
}

static void updated(struct channel *c, struct op *op)
{
    board_of(c)->version += mp_get(op_stored(op), "title").p != NULL;
    take_title(board_of(c), op_stored(op));
    board_lock(&board_of(c)->model, op_stored(op));
    changed(c);
}

/* The board is gone: so is everybody's place on it; who waits or comes again finds nothing. */
static void deleted(struct channel *c, struct op *op)
{
    (void)op;
    board_of(c)->folded_seq = INT64_MAX;
    channel_gone(c);
}

static void board_put(struct channel *c, struct object *o)
{
    const struct board *b = board_of(c);

    object_str(o, "title", str_of(b->title));
    object_bool(o, "locked", b->model.locked);
    object_int(o, "elementCount", b->model.elements.count);
    object_splice(o, value_encoded(ENC_JSON, b->info));
}

static void board_item(struct channel *c, struct op *op, struct buf *out)
{
    struct object o;

    take_title(board_of(c), op_stored(op));
    object_begin(&o, out, ENC_MP);
    board_put(c, &o);
    object_end(&o);
}

/* push, event, flags, batch class, looked up, check, state, its parameters, applied, item */
static const struct push_kind pushes[] = {
    {"ops", "ops", 0, 1, NULL, ops_check, NULL, 0, ops_applied, NULL},
    {"clear", "ops", 0, 0, NULL, clear_check, NULL, 0, ops_applied, NULL},
    {"lock", "whiteboard:updated", 0, 0, NULL, lock_check, &state_changes, 3, updated, NULL},
    {"unlock", "whiteboard:updated", 0, 0, NULL, lock_check, &state_changes, 3, updated, NULL},
    {"class:lock", "whiteboard:updated", PUSH_REST_ONLY, 0, NULL, lock_check, &state_changes, 3,
     updated, NULL},
    {"class:unlock", "whiteboard:updated", PUSH_REST_ONLY, 0, NULL, lock_check, &state_changes, 3,
     updated, NULL},
    {"board:rename", "whiteboard:updated", PUSH_REST_ONLY, 0, NULL, rename_check, &state_changes, 3,
     updated, board_item},
    {"board:delete", "whiteboard:deleted", PUSH_REST_ONLY, 0, NULL, rename_check, &state_changes, 3,
     deleted, board_item},
    {0},
};

/* ---- life ---- */

static void board_open(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_BOARD_OPEN);
    db_str(g, c->topic);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
}

enum {
    INFO = 5,
    TITLE,
    GROUP,
    DATA,
    DATA_SEQ,
    LOCKED,
    LOCKED_IDS,
    ARCHIVED,
    ALLOWED,
    MEMBERS,
    LOG,
    ROOM_OF,
    VERSION
};

static void board_reset(struct channel *c)
{
    struct board *b = board_of(c);

    if (b->group_id)
        kin_unwatch(b->group_id, actor_self(c->self));
    if (b->room_of)
        kin_unwatch(b->room_of, actor_self(c->self));
    board_finish(&b->model);
    board_draft_finish(&b->draft);
    if (b->folding)
        db_group_destroy(b->folding);
    body_unref(b->info);
    free(b->title);
    free(b->group_id);
    free(b->room_of);
    *b = (struct board){.opened = b->opened};
}

static int board_opened(struct channel *c, const struct msg *m, unsigned stmt)
{
    struct board *b = board_of(c);
    struct str info = db_strv(m, 0, 0, INFO);
    struct buf json = BUF_INIT, ids_json = BUF_INIT;

    (void)stmt;
    board_reset(c);
    b->info = body_make(info.p, info.n);
    b->title = xstrdup(db_text(m, 0, 0, TITLE));
    b->group_id = xstrdup(db_text(m, 0, 0, GROUP));
    b->folded_seq = db_int(m, 0, 0, DATA_SEQ);
    b->archived = db_true(m, 0, 0, ARCHIVED);
    b->allowed = db_true(m, 0, 0, ALLOWED);
    b->version = db_int(m, 0, 0, VERSION);
    struct mp data = json_column(m, 0, DATA, &json), ids = json_column(m, 0, LOCKED_IDS, &ids_json);
    board_load(&b->model, data, db_true(m, 0, 0, LOCKED), ids);
    members_take(&c->members, json_column(m, 0, MEMBERS, &json));
    int64_t seq = board_take_log(&b->model, json_column(m, 0, LOG, &json), b->folded_seq);
    buf_finish(&json);
    buf_finish(&ids_json);
    kin_watch(b->group_id, actor_self(c->self), KIN_ALL);
    if (!db_null(m, 0, 0, ROOM_OF)) {
        b->room_of = xstrdup(db_text(m, 0, 0, ROOM_OF));
        kin_watch(b->room_of, actor_self(c->self), KIN_LEAVERS);
    }
    b->changed_ms = loop_now();
    if (seq == db_int(m, 0, 0, 3))
        return 0;
    return ++b->opened < OPEN_TRIES ? -EAGAIN : -EIO;
}

static int board_may_join(struct channel *c, struct user *u, struct refusal *ret)
{
    (void)c;
    if (u->belongs != MEMBER_NONE || u->staff)
        return 0;
    return refuse(ret, REASON_forbidden, NULL, NULL);
}

/* Who comes later knows which elements are read-only. */
static void put_locked_ids(const struct board *b, struct object *o, const char *field)
{
    struct buf list = BUF_INIT, ids = BUF_INIT;
    const struct element *e;
    uint32_t n = 0;

    for (uint32_t i = 0; n < LOCK_IDS_TOLD_MAX && (e = table_each(&b->model.elements, &i));)
        if (e->locked) {
            mp_put_cstr(&ids, e->id);
            n++;
        }
    mp_put_array(&list, n);
    buf_put(&list, ids.data, ids.len);
    object_value(o, field, value_mp(mp_view(list.data, list.len)));
    buf_finish(&list);
    buf_finish(&ids);
}

static void board_describe(struct channel *c, struct user *u, struct object *o)
{
    struct refusal why;
    struct buf inner = BUF_INIT;
    struct object board;

    object_str(
        o, "role",
        str_of(u->belongs != MEMBER_NONE ? member_role_name(u->belongs) : role_name(u->role)));
    object_bool(o, "readOnly", board_may_change(board_of(c), u, &why) < 0);
    object_begin(&board, &inner, o->enc);
    board_put(c, &board);
    put_locked_ids(board_of(c), &board, "lockedIds");
    object_end(&board);
    object_value(o, "whiteboard", value_put_together(o->enc, &inner));
    buf_finish(&inner);
}

static void board_locks(struct channel *c, struct object *o)
{
    object_bool(o, "locked", board_of(c)->model.locked);
    put_locked_ids(board_of(c), o, "elementIds");
}

static void board_kin(struct channel *c, struct str user_id, enum member_role now)
{
    struct user *u = members_user(&c->members, user_id);

    u->belongs = now;
    if (now == MEMBER_NONE && !u->staff) {
        channel_remove_user(c, u, "phx_error"); /* and releases it */
        return;
    }
    for (struct member *m = u->members; m; m = m->next_of_user)
        presence_update(c, m, (struct str){0}); /* the others see the new role */
    members_user_release(&c->members, u);
}

static void board_archived(struct channel *c, bool now)
{
    if (!now && board_of(c)->room_of && board_of(c)->archived)
        actor_stop(actor_self(c->self),
                   -ESHUTDOWN); /* a breakout room opens anew: group_archived */
    board_of(c)->archived = now;
}

static int board_may_relay(struct channel *c, const struct user *u, struct refusal *ret)
{
    return board_may_change(board_of(c), u, ret);
}

static void board_committed(struct channel *c, const struct op *batch)
{
    (void)batch;
    board_draft_finish(&board_of(c)->draft);
    board_fold(c);
}

const struct channel_kind board_kind = {
    .name = "whiteboard",
    .manage = "study_groups:manage",
    .pushes = pushes,
    .sides = board_sides,
    .open = board_open,
    .opened = board_opened,
    .closed = board_reset,
    .may_join = board_may_join,
    .describe = board_describe,
    .flush = board_fold,
    .committed = board_committed,
    .snapshot = board_snapshot,
    .history = &board_history,
    .kin = board_kin,
    .locks = board_locks,
    .archived = board_archived,
    .may_relay = board_may_relay,
    .state_size = sizeof(struct board),
};
