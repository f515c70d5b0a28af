/*
 * The study group as a channel: its table of pushes, its activation, and the small things that are
 * not said to last: typing, read marks, presence updates.
 */
#include "group.h"

#include <errno.h>
#include <stdlib.h>

#include "kin.h"
#include "sql.h"
#include "stacgate/config.h"
#include "unread.h"

#define READ_MEMBERS_MAX 100 /* above so many members read marks are not told to everybody */
#define READ_EVERY_MS 1000

static const struct sql *const group_history = SQL_REALTIME_GROUP_HISTORY;
static const struct sql *const group_lookup = SQL_REALTIME_GROUP_LOOKUP;
static const struct sql *const state_messages = SQL_REALTIME_GROUP_STATE_MESSAGES;
static const struct sql *const state_edits = SQL_REALTIME_GROUP_STATE_EDITS;
static const struct sql *const state_deletions = SQL_REALTIME_GROUP_STATE_DELETIONS;
static const struct sql *const state_added = SQL_REALTIME_GROUP_STATE_REACTIONS_ADDED;
static const struct sql *const state_removed = SQL_REALTIME_GROUP_STATE_REACTIONS_REMOVED;
static const struct sql *const state_votes = SQL_REALTIME_GROUP_STATE_VOTES;
static const struct sql *const state_closings = SQL_REALTIME_GROUP_STATE_CLOSINGS;
static const struct sql *const state_joined = SQL_REALTIME_GROUP_STATE_JOINED;
static const struct sql *const state_left = SQL_REALTIME_GROUP_STATE_LEFT;
static const struct sql *const state_mutes = SQL_REALTIME_GROUP_STATE_MUTES;
static const struct sql *const state_roles = SQL_REALTIME_GROUP_STATE_ROLES;
static const struct sql *const state_changes = SQL_REALTIME_GROUP_STATE_CHANGES;
static const struct sql *const state_locks = SQL_REALTIME_GROUP_STATE_LOCKS;

/* push, event, flags, batch class, looked up, check, state, its parameters, applied, item */
static const struct push_kind pushes[] = {
    {"message:new", "message", PUSH_CARD | PUSH_ID | PUSH_LOOKUP, 1, "replyToId", message_new_check,
     &state_messages, 3, NULL, message_item},
    {"message:edit", "message:updated", PUSH_LOOKUP, 2, "id", message_edit_check, &state_edits, 3,
     NULL, NULL},
    {"message:delete", "message:deleted", PUSH_LOOKUP, 3, "id", message_delete_check,
     &state_deletions, 3, message_deleted, NULL},
    {"message:report", "message:reported", PUSH_LOOKUP, 0, "id", message_report_check, NULL, 0,
     NULL, NULL},
    {"reaction:add", "reaction:added", PUSH_LOOKUP, 1, "messageId", reaction_check, &state_added, 2,
     NULL, NULL},
    {"reaction:remove", "reaction:removed", PUSH_LOOKUP, 4, "messageId", reaction_check,
     &state_removed, 2, NULL, NULL},
    {"poll:vote", "poll:updated", PUSH_LOOKUP | PUSH_SECRET, 5, "messageId", poll_vote_check,
     &state_votes, 2, poll_voted, poll_vote_item},
    {"poll:close", "poll:updated", PUSH_LOOKUP, 0, "messageId", poll_close_check, &state_closings,
     3, poll_closed, poll_vote_item},
    {"poll:time", "poll:updated", PUSH_LOOKUP | PUSH_REST_ONLY, 0, "messageId", poll_time_check,
     &state_closings, 3, poll_closed, NULL},
    {"member:join", "member:joined", PUSH_CARD | PUSH_REST_ONLY, 0, NULL, member_join_check,
     &state_joined, 3, member_joined, member_item},
    {"member:leave", "member:left", PUSH_REST_ONLY, 0, NULL, member_leave_check, &state_left, 3,
     member_left, member_item},
    {"member:mute", "member:muted", 0, 0, NULL, member_mute_check, &state_mutes, 3, member_muted,
     NULL},
    {"member:unmute", "member:unmuted", 0, 0, NULL, member_mute_check, &state_mutes, 3,
     member_muted, NULL},
    {"member:kick", "member:kicked", 0, 0, NULL, member_kick_check, &state_left, 3, member_left,
     NULL},
    {"member:role", "member:role", 0, 0, NULL, member_role_check, &state_roles, 3,
     member_role_given, NULL},
    {"member:succeed", "member:role", PUSH_REST_ONLY, 0, NULL, member_succeed_check, &state_roles,
     3, member_role_given, NULL},
    {"group:change", "group:updated", PUSH_REST_ONLY, 0, NULL, group_change_check, &state_changes,
     3, group_changed, NULL},
    {"class:mute", "member:muted", PUSH_REST_ONLY, 0, NULL, member_mute_check, &state_mutes, 3,
     member_muted, NULL},
    {"class:unmute", "member:unmuted", PUSH_REST_ONLY, 0, NULL, member_mute_check, &state_mutes, 3,
     member_muted, NULL},
    {"class:lock", "group:updated", PUSH_REST_ONLY, 0, NULL, group_lock_check, &state_locks, 3,
     group_locked, NULL},
    {"class:unlock", "group:updated", PUSH_REST_ONLY, 0, NULL, group_lock_check, &state_locks, 3,
     group_locked, NULL},
    {"class:status", "group:updated", PUSH_REST_ONLY, 0, NULL, group_status_check, NULL, 0, NULL,
     NULL},
    {"group:lock", "group:updated", 0, 0, NULL, group_lock_check, &state_locks, 3, group_locked,
     NULL},
    {"group:unlock", "group:updated", 0, 0, NULL, group_lock_check, &state_locks, 3, group_locked,
     NULL},
    {0},
};

/* ---- activation ---- */

static void group_open(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_GROUP_OPEN);
    db_str(g, c->topic);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    db_stmt(g, SQL_REALTIME_GROUP_INFO);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
}

static struct body *text_body(struct str s)
{
    return body_make(s.p, s.n);
}

static void take_members(struct channel *c, struct str json)
{
    struct buf b = BUF_INIT;

    value_put(&b, ENC_MP, value_json(json));
    for (struct mp_iter it = mp_iter(mp_view(b.data, b.len)); mp_next(&it);) {
        struct user *u = members_user(&c->members, mp_str(mp_at(it.value, 0)));

        u->belongs = member_role_of(mp_str(mp_at(it.value, 1)));
        if (u->belongs == MEMBER_NONE) /* a word that an old installation made up */
            u->belongs = MEMBER_MEMBER;
        u->muted_until = mp_int(mp_at(it.value, 2), 0);
        u->last_read = mp_int(mp_at(it.value, 3), 0);
        group_of(c)->belong_count++;
    }
    buf_finish(&b);
}

static int group_opened(struct channel *c, const struct msg *m, unsigned stmt)
{
    struct group *g = group_of(c);

    if (db_rows(m, stmt) == 0)
        return -ENOENT;
    g->info = text_body(db_strv(m, stmt, 0, 0));
    g->archived = db_true(m, stmt, 0, 1);
    g->moderator_only = db_true(m, stmt, 0, 2);
    g->locked = db_true(m, stmt, 0, 3);
    g->max_members = db_int(m, stmt, 0, 4);
    g->is_public = db_true(m, stmt, 0, 5);
    g->settings = text_body(db_strv(m, stmt, 0, 6));
    take_members(c, db_strv(m, stmt, 0, 7));
    g->version = db_int(m, stmt, 0, 8);
    if (!db_null(m, stmt, 0, 9)) {
        g->room_of = xstrdup(db_text(m, stmt, 0, 9));
        kin_watch(c->id, actor_self(c->self), KIN_ALL);
        kin_watch(g->room_of, actor_self(c->self), KIN_LEAVERS);
    }
    return 0;
}

static void group_recent(struct channel *c, struct db_group *g, uint32_t n)
{
    db_stmt(g, SQL_REALTIME_GROUP_MESSAGES);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    db_str(g, NULL);
    db_str(g, NULL);
    db_i64(g, n);
    db_str(g, c->topic);
}

static void group_closed(struct channel *c)
{
    struct group *g = group_of(c);

    if (g->room_of) {
        kin_unwatch(c->id, actor_self(c->self));
        kin_unwatch(g->room_of, actor_self(c->self));
    }
    free(g->room_of);
    body_unref(g->info);
    body_unref(g->settings);
    polls_finish(c);
}

static int group_may_join(struct channel *c, struct user *u, struct refusal *ret)
{
    (void)c;
    if (u->belongs != MEMBER_NONE || u->staff)
        return 0;
    return refuse(ret, REASON_forbidden, NULL, NULL);
}

static struct value body_json(const struct body *b)
{
    return value_json((struct str){(const char *)b->bytes, b->len});
}

static void group_describe(struct channel *c, struct user *u, struct object *o)
{
    struct group *g = group_of(c);
    struct buf inner = BUF_INIT, settings = BUF_INIT;
    struct object info, set;
    bool silent = !moderates(u) && (g->moderator_only || g->locked || u->muted_until > wall_ms());

    object_str(
        o, "role",
        str_of(u->belongs != MEMBER_NONE ? member_role_name(u->belongs) : role_name(u->role)));
    object_bool(o, "readOnly", g->archived || silent);
    object_int(o, "lastReadSeq", u->last_read);
    object_begin(&set, &settings, o->enc);
    object_bool(&set, "locked", g->locked);
    object_splice(&set, body_json(g->settings));
    object_end(&set);
    object_begin(&info, &inner, o->enc);
    object_int(&info, "currentMembers", g->belong_count);
    object_value(&info, "settings", value_put_together(o->enc, &settings));
    object_splice(&info, body_json(g->info));
    object_end(&info);
    object_value(o, "group", value_put_together(o->enc, &inner));
    buf_finish(&inner);
    buf_finish(&settings);
}

/* ---- what is not durable ---- */

static const char read_event[] = "read";

static int typing_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    struct mp typing = mp_get(op->payload, "isTyping");
    struct buf b = BUF_INIT;

    if (mp_type(typing) != MP_BOOL)
        return refuse(ret, REASON_invalid, "isTyping", "type");
    mp_put_map(&b, 1);
    mp_put_cstr(&b, "isTyping");
    mp_put_raw(&b, typing);
    ephemeral_put(c, typing_event, m->user, mp_view(b.data, b.len), m->key.session);
    buf_finish(&b);
    op_destroy(c, op);
    return 0;
}

static void put_read_marks(struct channel *c, struct db_group *g)
{
    struct user *u;

    db_array(g);
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        if (u->read_dirty)
            db_array_strn(g, u->id, strlen(u->id));
    db_array_end(g);
    db_array(g);
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        if (u->read_dirty)
            db_array_i64(g, u->last_read);
    db_array_end(g);
}

/* Who read how far, told to everybody at most once a second. `from`: the one that is told at once
 * needs no echo. */
static void tell_reads(struct channel *c, actor_id from)
{
    struct group *g = group_of(c);
    struct user *u;
    struct buf b = BUF_INIT;

    if (!g->reads_untold || loop_now() - g->reads_told_ms < READ_EVERY_MS)
        return;
    g->reads_told_ms = loop_now();
    g->reads_untold = false;
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));) {
        if (u->read_untold && c->members.count <= READ_MEMBERS_MAX) {
            mp_put_int(&b, u->last_read);
            ephemeral_put(c, read_event, u, mp_view(b.data, b.len), from);
            buf_clear(&b);
        }
        u->read_untold = false;
    }
    buf_finish(&b);
}

static void group_flush(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct user *u;
    bool dirty = false;

    tell_reads(c, 0);
    polls_trim(c);
    polls_tick(c);
    if ((loop_now() - group_of(c)->flushed_ms < READ_EVERY_MS && !runtime_draining()) ||
        !db_available())
        return;
    for (uint32_t i = 0; !dirty && (u = table_each(&c->members.users, &i));)
        dirty = u->read_dirty;
    if (!dirty)
        return;
    struct db_group *g = db_group(DB_READ, &ctx);
    db_stmt(g, SQL_REALTIME_READ_MARKS);
    db_str(g, c->id);
    put_read_marks(c, g);
    commit_aside(c, g);
    group_of(c)->flushed_ms = loop_now();
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        if (u->read_dirty) {
            u->read_dirty = false;
            members_user_release(&c->members, u);
        }
}

/* A mark only goes forward; it reaches the database within a second or two. */
static int read_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    int64_t seq = mp_int(mp_get(op->payload, "seq"), -1);
    struct user *u = m->user;
    struct buf b = BUF_INIT;

    if (seq < 0 || seq > c->last_seq)
        return refuse(ret, REASON_invalid, "seq", "range");
    if (seq > u->last_read) {
        u->last_read = seq;
        u->read_dirty = u->belongs != MEMBER_NONE;
        u->read_untold = group_of(c)->reads_untold = true;
        tell_reads(c, m->key.session);
        group_flush(c);
        if (unread_wanted()) {
            mp_put_map(&b, 2);
            mp_put_cstr(&b, "g");
            mp_put_cstr(&b, c->id);
            mp_put_cstr(&b, "r");
            mp_put_array(&b, 3);
            mp_put_cstr(&b, u->id);
            mp_put_int(&b, seq);
            mp_put_int(&b, c->last_seq);
            unread_tell_loops(&b);
        }
    }
    buf_finish(&b);
    op_destroy(c, op);
    return 0;
}

int presence_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    struct str status = mp_str(mp_get(op->payload, "status"));

    if (!status.p || status.n < 1 || status.n > 32)
        return refuse(ret, REASON_invalid, "status", "length");
    presence_update(c, m, status);
    op_destroy(c, op);
    return 0;
}

static const struct side_push sides[] = {
    {"typing", typing_push},
    {"read", read_push},
    {"presence:update", presence_push},
    {"history", history_push},
    {0},
};

const struct channel_kind group_kind = {
    .name = "group",
    .manage = "study_groups:manage",
    .pushes = pushes,
    .sides = sides,
    .open = group_open,
    .opened = group_opened,
    .closed = group_closed,
    .may_join = group_may_join,
    .describe = group_describe,
    .flush = group_flush,
    .committed = messages_committed,
    .lookup = &group_lookup,
    .looked = message_looked,
    .recent = group_recent,
    .history = &group_history,
    .may_relay = may_post,
    .kin = group_kin,
    .archived = group_archived,
    .wake = polls_wake,
    .state_size = sizeof(struct group),
};
