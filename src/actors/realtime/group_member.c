/*
 * Who belongs to a group, and what moderators may do. Nobody acts on somebody of their own rank or
 * above, staff aside; each of these pushes is alone in its batch, so that a check sees everything
 * before it.
 */
#include <errno.h>

#include "group.h"
#include "kin.h"
#include "unread.h"

static bool belongs(const struct user *u)
{
    return u->belongs != MEMBER_NONE;
}

/* They are in, or out, already: said as such, for whoever shows the event. */
static int unchanged(struct op *op)
{
    snprintf(op->ref, sizeof(op->ref), "%s", op->user->id);
    mp_put_map(&op->stored, 2);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->user->id);
    mp_put_cstr(&op->stored, "unchanged");
    mp_put_bool(&op->stored, true);
    return PUSH_DONE;
}

int no_room_check(struct channel *c, struct refusal *ret)
{
    return group_of(c)->room_of ? refuse(ret, REASON_forbidden, NULL, NULL) : 0;
}

int member_join_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct group *g = group_of(c);

    if (belongs(op->user))
        return unchanged(op);
    if (no_room_check(c, ret) < 0)
        return -EPERM;
    if (g->archived)
        return refuse(ret, REASON_read_only, NULL, NULL);
    /* Only REST can send a join, and it has looked the invitation up. */
    if (!g->is_public && !op->user->staff && !mp_bool(mp_get(op->payload, "invited"), false))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (g->belong_count >= g->max_members)
        return refuse(ret, REASON_conflict, "studyGroup", "full");
    snprintf(op->ref, sizeof(op->ref), "%s", op->user->id);
    mp_put_map(&op->stored, 2);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->user->id);
    mp_put_cstr(&op->stored, "role");
    mp_put_cstr(&op->stored, "member");
    return 0;
}

int member_leave_check(struct channel *c, struct op *op, struct refusal *ret)
{
    if (!belongs(op->user))
        return unchanged(op);
    if (no_room_check(c, ret) < 0)
        return -EPERM;
    snprintf(op->ref, sizeof(op->ref), "%s", op->user->id);
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->user->id);
    return 0;
}

/* What a class's host does to its chat (class.c): only the server pushes these. */
static bool by_class(const struct op *op)
{
    return strncmp(op->kind->push, "class:", 6) == 0;
}

/* The verb of a push: what follows its colon. */
static bool verb_is(const struct op *op, const char *verb)
{
    return strcmp(strchr(op->kind->push, ':') + 1, verb) == 0;
}

/* The member a moderator acts on. Sets op->ref. */
static int check_target(struct channel *c, struct op *op, struct refusal *ret)
{
    struct str id = mp_str(mp_get(op->payload, "userId"));
    struct user *target = id.p ? members_find_user(&c->members, id) : NULL;

    if (!moderates(op->user) && !by_class(op))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (!id.p || id.n == 0 || id.n >= sizeof(op->ref))
        return refuse(ret, REASON_invalid, "userId", id.p ? "length" : "required");
    if (!target || !belongs(target))
        return refuse(ret, REASON_not_found, NULL, NULL);
    if (target == op->user ||
        (!op->user->staff && !by_class(op) && target->belongs >= op->user->belongs))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    snprintf(op->ref, sizeof(op->ref), "%s", target->id);
    return 0;
}

int member_mute_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp minutes = mp_get(op->payload, "minutes");
    int64_t n = mp_int(minutes, -1);
    bool mutes = verb_is(op, "mute");
    bool timed = mutes && mp_type(minutes) != MP_NONE && mp_type(minutes) != MP_NIL;
    char until[ISO_SIZE];
    int r;

    if (timed && (n < 1 || n > MUTE_MINUTES_MAX))
        return refuse(ret, REASON_invalid, "minutes", "range");
    if ((r = check_target(c, op, ret)) < 0)
        return r;
    mp_put_map(&op->stored, mutes ? 2 : 1);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->ref);
    if (!mutes)
        return 0;
    iso_time(until, wall_ms() + n * 60000);
    mp_put_cstr(&op->stored, "until");
    mp_put_cstr(&op->stored, timed ? until : NULL);
    return 0;
}

int member_kick_check(struct channel *c, struct op *op, struct refusal *ret)
{
    int r = check_target(c, op, ret);

    if (r < 0 || (r = no_room_check(c, ret)) < 0)
        return r;
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->ref);
    return 0;
}

int member_role_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct str role = mp_str(mp_get(op->payload, "role"));
    enum member_role given = member_role_of(role);
    int r;

    if (given == MEMBER_NONE)
        return refuse(ret, REASON_invalid, "role", role.p ? "unknown" : "required");
    if ((r = check_target(c, op, ret)) < 0 || (r = no_room_check(c, ret)) < 0)
        return r;
    if (!op->user->staff && given > op->user->belongs) /* nobody grants above themselves */
        return refuse(ret, REASON_forbidden, NULL, NULL);
    mp_put_map(&op->stored, 2);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->ref);
    mp_put_cstr(&op->stored, "role");
    mp_put_cstr(&op->stored, member_role_name(given));
    return 0;
}

/* ---- a group keeps somebody who runs it ---- */

/* The member who comes first to run a group that nobody runs: a moderator, else who has read
 * furthest. NULL: nobody is left, or somebody runs it. */
static struct user *successor(struct channel *c)
{
    struct user *u, *best = NULL;

    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));) {
        if (u->belongs == MEMBER_ADMIN)
            return NULL;
        if (!belongs(u) || (best && u->belongs < best->belongs))
            continue;
        bool ties = best && u->belongs == best->belongs && u->last_read == best->last_read;
        if (!best || u->belongs > best->belongs || u->last_read > best->last_read ||
            (ties && strcmp(u->id, best->id) < 0))
            best = u;
    }
    return best;
}

/* Only the server pushes it, in the successor's name; somebody may have been named meanwhile. */
int member_succeed_check(struct channel *c, struct op *op, struct refusal *ret)
{
    if (!belongs(op->user) || !successor(c))
        return refuse(ret, REASON_conflict, NULL, NULL);
    snprintf(op->ref, sizeof(op->ref), "%s", op->user->id);
    mp_put_map(&op->stored, 2);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->user->id);
    mp_put_cstr(&op->stored, "role");
    mp_put_cstr(&op->stored, member_role_name(MEMBER_ADMIN));
    return 0;
}

static void succeed(struct channel *c)
{
    struct user *next = group_of(c)->room_of ? NULL : successor(c);
    struct buf b = BUF_INIT;

    if (!next)
        return;
    mp_put_map(&b, 1);
    mp_put_cstr(&b, "role");
    mp_put_cstr(&b, member_role_name(MEMBER_ADMIN));
    channel_act(c, next, "member:succeed", mp_view(b.data, b.len));
    buf_finish(&b);
}

int group_lock_check(struct channel *c, struct op *op, struct refusal *ret)
{
    if (!moderates(op->user) && !by_class(op))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    snprintf(op->ref, sizeof(op->ref), "%s", c->id);
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "locked");
    mp_put_bool(&op->stored, verb_is(op, "lock"));
    return 0;
}

/* ---- after the commit ---- */

static void tell_watchers(struct channel *c, const char *what, const char *user_id)
{
    struct buf b = BUF_INIT;

    if (!unread_wanted())
        return;
    mp_put_map(&b, 3);
    mp_put_cstr(&b, "g");
    mp_put_cstr(&b, c->id);
    mp_put_cstr(&b, what);
    mp_put_cstr(&b, user_id);
    mp_put_cstr(&b, "h");
    mp_put_int(&b, c->last_seq);
    unread_tell_loops(&b);
    buf_finish(&b);
}

void member_joined(struct channel *c, struct op *op)
{
    op->user->belongs = MEMBER_MEMBER;
    op->user->last_read = op->seq;
    group_of(c)->belong_count++;
    kin_tell(c->id, op->user->id, MEMBER_MEMBER);
    tell_watchers(c, "j", op->user->id);
}

static struct user *target_of(struct channel *c, const struct op *op)
{
    return members_find_user(&c->members, str_of(op->ref));
}

void member_left(struct channel *c, struct op *op)
{
    struct user *u = target_of(c, op);

    if (!u || !belongs(u))
        return;
    bool ran = u->belongs == MEMBER_ADMIN;
    u->belongs = MEMBER_NONE; /* a mute outlives leaving: joining again is no way around it */
    u->read_dirty = false;
    group_of(c)->belong_count--;
    kin_tell(c->id, u->id, MEMBER_NONE);
    tell_watchers(c, "l", u->id);
    if (!u->staff || op->user != u)
        channel_remove_user(c, u, "phx_error");
    if (ran)
        succeed(c);
}

void member_muted(struct channel *c, struct op *op)
{
    struct user *u = target_of(c, op);
    int64_t n = mp_int(mp_get(op->payload, "minutes"), 0);

    if (!u)
        return;
    if (!verb_is(op, "mute"))
        u->muted_until = 0;
    else
        u->muted_until = n ? wall_ms() + n * 60000 : INT64_MAX;
}

void member_role_given(struct channel *c, struct op *op)
{
    struct user *u = target_of(c, op);

    if (!u || !belongs(u))
        return;
    u->belongs = member_role_of(mp_str(mp_get(op->payload, "role")));
    kin_tell(c->id, u->id, u->belongs);
    for (struct member *m = u->members; m; m = m->next_of_user)
        presence_update(c, m, (struct str){0}); /* the others see the new role */
}

void group_locked(struct channel *c, struct op *op)
{
    group_of(c)->locked = verb_is(op, "lock");
}

/* A breakout room's class moved somebody (or they left the class's group): it is stored already. */
void group_kin(struct channel *c, struct str user_id, enum member_role now)
{
    struct user *u = members_user(&c->members, user_id);
    bool was = belongs(u);

    u->belongs = now;
    group_of(c)->belong_count += belongs(u) - was;
    if (belongs(u)) {
        for (struct member *m = u->members; m; m = m->next_of_user)
            presence_update(c, m, (struct str){0}); /* the others see the new role */
        return;
    }
    u->read_dirty = false;
    if (u->staff)
        members_user_release(&c->members, u);
    else
        channel_remove_user(c, u, "phx_error"); /* and releases it */
}

/* What REST answers to a join or leave. */
void member_item(struct channel *c, struct op *op, struct buf *out)
{
    bool changes = op->fresh && !op->unchanged;
    struct object o;

    object_begin(&o, out, ENC_MP);
    object_str(&o, "studyGroupId", str_of(c->id));
    object_str(&o, "userId", str_of(op->user->id));
    object_bool(&o, "isMember", strcmp(op->kind->push, "member:join") == 0);
    object_int(&o, "currentMembers",
               group_of(c)->belong_count +
                   (changes && strcmp(op->kind->push, "member:join") == 0 ? 1 : 0) -
                   (changes && strcmp(op->kind->push, "member:leave") == 0 ? 1 : 0));
    object_end(&o);
}
