/*
 * A live study session as a channel: its table of pushes, its activation, hands, the spotlight,
 * locks, start and end (rooms: class_breakout.c). Every push but a vote is alone in its batch, so
 * its check sees what was committed before.
 */
#include "class.h"

#include <errno.h>
#include <stdlib.h>

#include "kin.h"
#include "sql.h"

#define TITLE_MAX 200

static const struct sql *const class_lookup = SQL_REALTIME_CLASS_LOOKUP;
static const struct sql *const state = SQL_REALTIME_CLASS_STATE;
static const struct sql *const state_polls = SQL_REALTIME_CLASS_STATE_POLLS;
static const struct sql *const state_votes = SQL_REALTIME_CLASS_STATE_VOTES;

const char *const live_names[LIVE_FIELDS] = {"hands", "locks", "muted", "spotlight", "breakout"};

/* ---- who may ---- */

bool class_hosts(const struct channel *c, const struct user *u)
{
    return u->staff || strcmp(u->id, class_of(c)->host_id) == 0;
}

bool class_over(const struct channel *c)
{
    return strcmp(class_of(c)->status, "completed") == 0 ||
           strcmp(class_of(c)->status, "cancelled") == 0;
}

int class_host_check(struct channel *c, const struct user *u, struct refusal *ret)
{
    if (!class_hosts(c, u))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    return class_over(c) ? refuse(ret, REASON_read_only, NULL, NULL) : 0;
}

static const char *class_role(const struct channel *c, const struct user *u)
{
    if (strcmp(u->id, class_of(c)->host_id) == 0)
        return "host";
    return u->belongs != MEMBER_NONE ? "participant" : role_name(u->role);
}

/* ---- what it stands at ---- */

void live_set(struct channel *c, enum live field, struct mp v)
{
    struct body **at = &class_of(c)->live[field];
    struct str bytes = mp_bytes(v);

    body_unref(*at);
    *at = mp_type(v) == MP_NONE || mp_type(v) == MP_NIL ? NULL : body_make(bytes.p, bytes.n);
}

bool words_have(struct mp list, const char *word)
{
    for (struct mp_iter it = mp_iter(list); mp_next(&it);)
        if (str_is(mp_str(it.value), word))
            return true;
    return false;
}

void words_put(struct buf *b, struct mp list, const char *word, bool with)
{
    mp_put_array(b, mp_count(list) - words_have(list, word) + with);
    for (struct mp_iter it = mp_iter(list); mp_next(&it);)
        if (!str_is(mp_str(it.value), word))
            mp_put_raw(b, it.value);
    if (with)
        mp_put_cstr(b, word);
}

/* The map with another value at this key; nil takes the key out. */
static void put_map(struct buf *b, struct mp map, const char *key, struct mp v)
{
    bool had = mp_get(map, key).p != NULL, has = mp_type(v) != MP_NIL;

    mp_put_map(b, mp_count(map) - had + has);
    for (struct mp_iter it = mp_iter(map); mp_next(&it);) {
        if (str_is(mp_str(it.key), key))
            continue;
        mp_put_raw(b, it.key);
        mp_put_raw(b, it.value);
    }
    if (has) {
        mp_put_cstr(b, key);
        mp_put_raw(b, v);
    }
}

/* Fields that an event carries whole replace what stood. */
static void live_taken(struct channel *c, struct op *op)
{
    for (int i = LIVE_LOCKS; i < LIVE_FIELDS; i++) {
        struct mp v = mp_get(op_stored(op), live_names[i]);

        if (v.p)
            live_set(c, (enum live)i, v);
    }
}

/* ---- hands ---- */

static int store_hand(struct op *op, bool unchanged)
{
    mp_put_map(&op->stored, unchanged ? 2 : 1);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->ref);
    if (!unchanged)
        return 0;
    mp_put_cstr(&op->stored, "unchanged");
    mp_put_bool(&op->stored, true);
    return PUSH_DONE;
}

static int hand_raise_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp hands = live_of(c, LIVE_HANDS);

    if (op->user->belongs == MEMBER_NONE)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (class_over(c))
        return refuse(ret, REASON_read_only, NULL, NULL);
    snprintf(op->ref, sizeof(op->ref), "%s", op->user->id);
    if (words_have(hands, op->user->id))
        return store_hand(op, true);
    if (!class_hosts(c, op->user) && mp_bool(mp_get(live_of(c, LIVE_LOCKS), "hands"), false))
        return refuse(ret, REASON_locked, NULL, NULL);
    if (words_have(mp_get(live_of(c, LIVE_MUTED), op->user->id), "hands"))
        return refuse(ret, REASON_muted, NULL, NULL);
    if (mp_count(hands) >= CLASS_HANDS_MAX)
        return refuse(ret, REASON_conflict, "hands", "full");
    return store_hand(op, false);
}

/* One's own; the host lowers anyone's. */
static int hand_lower_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp whose = mp_get(op->payload, "userId");
    struct str id = mp_type(whose) == MP_NONE ? str_of(op->user->id) : mp_str(whose);

    if (!id.p || id.n == 0 || id.n >= sizeof(op->ref))
        return refuse(ret, REASON_invalid, "userId", id.p ? "length" : "type");
    if (!str_is(id, op->user->id) && !class_hosts(c, op->user))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    snprintf(op->ref, sizeof(op->ref), "%.*s", (int)id.n, id.p);
    return store_hand(op, !words_have(live_of(c, LIVE_HANDS), op->ref));
}

static void hand_moved(struct channel *c, struct op *op)
{
    struct buf b = BUF_INIT;

    words_put(&b, live_of(c, LIVE_HANDS), op->ref, strcmp(op->kind->push, "hand:raise") == 0);
    live_set(c, LIVE_HANDS, mp_view(b.data, b.len));
    buf_finish(&b);
}

/* ---- spotlight ---- */

static int spotlight_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp user = mp_get(op->payload, "userId"), board = mp_get(op->payload, "whiteboardId");
    bool of_user = mp_type(user) == MP_STR, of_board = mp_type(board) == MP_STR;
    int r = class_host_check(c, op->user, ret);

    if (r < 0)
        return r;
    if (of_user + of_board + mp_bool(mp_get(op->payload, "none"), false) != 1)
        return refuse(ret, REASON_invalid, "userId", "required");
    const struct user *shown = of_user ? members_find_user(&c->members, mp_str(user)) : NULL;
    if (of_user && (!shown || (shown->belongs == MEMBER_NONE && !shown->members)))
        return refuse(ret, REASON_not_found, "userId", "not_found");
    if (of_board && !op->message.found)
        return refuse(ret, REASON_not_found, "whiteboardId", "not_found");
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "spotlight");
    if (!of_user && !of_board) {
        mp_put_nil(&op->stored);
        return 0;
    }
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, of_user ? "userId" : "whiteboardId");
    mp_put_raw(&op->stored, of_user ? user : board);
    return 0;
}

static void class_looked(struct channel *c, struct op *op, const struct msg *m, int row)
{
    struct buf b = BUF_INIT;

    op->message.found = db_true(m, 0, row, 2);
    if (db_null(m, 0, row, 3))
        return;
    body_unref(class_of(c)->rooms);
    value_put(&b, ENC_MP, value_json(db_strv(m, 0, row, 3)));
    class_of(c)->rooms = body_of(&b);
    buf_finish(&b);
}

/* ---- locks ---- */

/* What one may be kept from: all together (lock), or one person (mute). A board knows no one. */
static const struct {
    const char *what;
    bool one;
} lockable[] = {{"chat", true}, {"board", false}, {"hands", true}};

static const char *lockable_of(struct str what, bool one)
{
    for (size_t i = 0; i < sizeof(lockable) / sizeof(lockable[0]); i++)
        if (str_is(what, lockable[i].what) && (!one || lockable[i].one))
            return lockable[i].what;
    return NULL;
}

/* {locks} or {muted} as it will stand, and what this push asked. */
static void store_lock(struct op *op, const char *field, const struct buf *value, const char *what,
                       bool on)
{
    bool one = *op->ref != '\0';

    mp_put_map(&op->stored, one ? 4 : 3);
    mp_put_cstr(&op->stored, field);
    mp_put_raw(&op->stored, mp_view(value->data, value->len));
    mp_put_cstr(&op->stored, "what");
    mp_put_cstr(&op->stored, what);
    mp_put_cstr(&op->stored, "on");
    mp_put_bool(&op->stored, on);
    if (one) {
        mp_put_cstr(&op->stored, "userId");
        mp_put_cstr(&op->stored, op->ref);
    }
}

/* Sets ret_what and ret_on. */
static int check_lock(struct channel *c, struct op *op, bool one, const char **ret_what,
                      bool *ret_on, struct refusal *ret)
{
    struct mp on = mp_get(op->payload, "on"), what = mp_get(op->payload, "what");
    int r = class_host_check(c, op->user, ret);

    if (r < 0)
        return r;
    *ret_what = one && mp_type(what) == MP_NONE ? "chat" : lockable_of(mp_str(what), one);
    if (!*ret_what)
        return refuse(ret, REASON_invalid, "what",
                      mp_type(what) == MP_NONE ? "required" : "unknown");
    if (mp_type(on) != MP_BOOL)
        return refuse(ret, REASON_invalid, "on", mp_type(on) == MP_NONE ? "required" : "type");
    *ret_on = mp_bool(on, false);
    return 0;
}

static int lock_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct buf b = BUF_INIT, flag = BUF_INIT;
    const char *what;
    bool on;
    int r = check_lock(c, op, false, &what, &on, ret);

    if (r < 0)
        return r;
    mp_put_bool(&flag, on);
    put_map(&b, live_of(c, LIVE_LOCKS), what, mp_view(flag.data, flag.len));
    store_lock(op, "locks", &b, what, on);
    buf_finish(&b);
    buf_finish(&flag);
    return 0;
}

static int mute_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct str id = mp_str(mp_get(op->payload, "userId"));
    const struct user *target = id.p ? members_find_user(&c->members, id) : NULL;
    struct buf b = BUF_INIT, list = BUF_INIT;
    const char *what;
    bool on;
    int r = check_lock(c, op, true, &what, &on, ret);

    if (r < 0)
        return r;
    if (!id.p || id.n >= sizeof(op->ref))
        return refuse(ret, REASON_invalid, "userId", id.p ? "length" : "required");
    if (!target || target->belongs == MEMBER_NONE)
        return refuse(ret, REASON_not_found, NULL, NULL);
    if (str_is(id, class_of(c)->host_id))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    snprintf(op->ref, sizeof(op->ref), "%s", target->id);
    words_put(&list, mp_get(live_of(c, LIVE_MUTED), op->ref), what, on);
    struct mp words = mp_view(list.data, list.len);
    put_map(&b, live_of(c, LIVE_MUTED), op->ref, mp_count(words) ? words : mp_view("\xc0", 1));
    store_lock(op, "muted", &b, what, on);
    buf_finish(&b);
    buf_finish(&list);
    return 0;
}

/* A class's chat and boards are its group's: they are told. */
static void locked(struct channel *c, struct op *op)
{
    struct mp stored = op_stored(op);
    struct str what = mp_str(mp_get(stored, "what"));
    bool on = mp_bool(mp_get(stored, "on"), false), one = mp_get(stored, "userId").p != NULL;
    struct buf b = BUF_INIT;

    live_taken(c, op);
    mp_put_map(&b, one);
    if (one) {
        mp_put_cstr(&b, "userId");
        mp_put_raw(&b, mp_get(stored, "userId"));
    }
    if (str_is(what, "chat"))
        class_reach_chat(c, op->user,
                         one ? (on ? "class:mute" : "class:unmute")
                             : (on ? "class:lock" : "class:unlock"),
                         mp_view(b.data, b.len));
    else if (str_is(what, "board"))
        class_reach_boards(c, op->user, on);
    buf_finish(&b);
}

/* ---- start, end, change ---- */

int class_unchanged(struct op *op)
{
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "unchanged");
    mp_put_bool(&op->stored, true);
    return PUSH_DONE;
}

static int start_check(struct channel *c, struct op *op, struct refusal *ret)
{
    int r = class_host_check(c, op->user, ret);

    if (r < 0)
        return r;
    if (strcmp(class_of(c)->status, "active") == 0)
        return class_unchanged(op);
    mp_put_map(&op->stored, 0);
    return 0;
}

/* class:cancel (REST): one that nobody started. */
static int end_check(struct channel *c, struct op *op, struct refusal *ret)
{
    bool active = strcmp(class_of(c)->status, "active") == 0;
    bool cancels = strcmp(op->kind->push, "class:cancel") == 0;

    if (!class_hosts(c, op->user) && !(cancels && op->user->belongs >= MEMBER_MODERATOR))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (!op_version_fits(op, class_of(c)->version))
        return refuse(ret, REASON_conflict, "version", "stale");
    if (class_over(c))
        return class_unchanged(op);
    if (cancels == active)
        return refuse(ret, REASON_conflict, "class", active ? "started" : "not_started");
    mp_put_map(&op->stored, cancels ? 1 : 0);
    if (cancels) {
        mp_put_cstr(&op->stored, "cancelled");
        mp_put_bool(&op->stored, true);
    }
    return 0;
}

static void started(struct channel *c, struct op *op)
{
    snprintf(class_of(c)->status, sizeof(class_of(c)->status), "active");
    snprintf(class_of(c)->started, sizeof(class_of(c)->started), "%s", op->at);
}

/* What a lock closed in the group opens again: it belonged to the class. */
static void unlock_group(struct channel *c, struct op *op)
{
    struct mp locks = live_of(c, LIVE_LOCKS);

    if (mp_bool(mp_get(locks, "chat"), false))
        class_reach_chat(c, op->user, "class:unlock", mp_view("\x80", 1));
    if (mp_bool(mp_get(locks, "board"), false))
        class_reach_boards(c, op->user, false);
}

static void ended(struct channel *c, struct op *op)
{
    struct class *k = class_of(c);

    unlock_group(c, op);
    breakout_class_ended(c, op);
    bool cancelled = mp_get(op_stored(op), "cancelled").p != NULL;
    k->version += cancelled;
    snprintf(k->status, sizeof(k->status), "%s", cancelled ? "cancelled" : "completed");
    snprintf(k->ended, sizeof(k->ended), "%s", op->at);
    live_set(c, LIVE_HANDS, (struct mp){0});
    live_set(c, LIVE_SPOTLIGHT, (struct mp){0});
    class_polls_end(c);
    attendance_tick(c);
}

/* REST's schema has checked the fields. */
static int change_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp change = mp_get(op->payload, "class");

    if (!class_hosts(c, op->user) && op->user->belongs < MEMBER_MODERATOR)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (class_over(c))
        return refuse(ret, REASON_read_only, NULL, NULL);
    if (!op_version_fits(op, class_of(c)->version))
        return refuse(ret, REASON_conflict, "version", "stale");
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "class");
    mp_put_raw(&op->stored, change);
    return 0;
}

static void take_host(struct channel *c, struct str id)
{
    struct class *k = class_of(c);

    struct user *old = k->guest ? members_find_user(&c->members, str_of(k->host_id)) : NULL;

    if (old && !str_is(id, old->id)) {
        old->belongs = MEMBER_NONE;
        breakout_left(c, old);
        if (!old->staff)
            channel_remove_user(c, old, "phx_error");
    }
    char *before = k->host_id;
    k->host_id = xstrndup(id.p, id.n);
    struct user *u = members_user(&c->members, id);
    k->guest = u->belongs == MEMBER_NONE || u == old;
    if (k->guest)
        u->belongs = MEMBER_MEMBER;
    if (before && strcmp(before, k->host_id) != 0)
        breakout_host_changed(c, before);
    free(before);
}

static void changed(struct channel *c, struct op *op)
{
    struct class *k = class_of(c);
    struct mp change = mp_get(op_stored(op), "class");

    k->version++;
    for (struct mp_iter it = mp_iter(change); mp_next(&it);) {
        char key[64];
        struct buf b = BUF_INIT;

        snprintf(key, sizeof(key), "%.*s", (int)mp_str(it.key).n, mp_str(it.key).p);
        put_map(&b, body_mp(k->info), key, it.value);
        body_unref(k->info);
        k->info = body_of(&b);
        buf_finish(&b);
    }
    k->max_participants = mp_int(mp_get(change, "maxParticipants"), k->max_participants);
    if (mp_str(mp_get(change, "hostId")).p)
        take_host(c, mp_str(mp_get(change, "hostId")));
}

/* push, event, flags, batch class, looked up, check, state, its parameters, applied, item */
static const struct push_kind pushes[] = {
    {"hand:raise", "hand:raised", 0, 0, NULL, hand_raise_check, &state, 3, hand_moved, NULL},
    {"hand:lower", "hand:lowered", 0, 0, NULL, hand_lower_check, &state, 3, hand_moved, NULL},
    {"poll:open", "poll:opened", PUSH_ID, 0, NULL, class_poll_open_check, &state_polls, 3,
     class_poll_opened, NULL},
    {"poll:vote", "poll:updated", PUSH_LOOKUP | PUSH_SECRET, 1, "pollId", class_poll_vote_check,
     &state_votes, 2, class_poll_voted, NULL},
    {"poll:close", "poll:closed", 0, 0, NULL, class_poll_close_check, &state_polls, 3,
     class_poll_closed, NULL},
    {"spotlight", "spotlight", PUSH_LOOKUP, 0, "whiteboardId", spotlight_check, &state, 3,
     live_taken, NULL},
    {"lock", "class:updated", 0, 0, NULL, lock_check, &state, 3, locked, NULL},
    {"mute", "class:updated", 0, 0, NULL, mute_check, &state, 3, locked, NULL},
    {"breakout:open", "breakout:opened", PUSH_LOOKUP, 0, NULL, breakout_open_check, &state, 3,
     breakout_opened, NULL},
    {"breakout:move", "breakout:updated", 0, 0, NULL, breakout_move_check, &state, 3,
     breakout_moved, NULL},
    {"class:unseat", "breakout:updated", PUSH_REST_ONLY, 0, NULL, breakout_left_check, &state, 3,
     breakout_moved, NULL},
    {"breakout:broadcast", "breakout:message", 0, 0, NULL, breakout_broadcast_check, NULL, 0, NULL,
     NULL},
    {"breakout:close", "breakout:closed", 0, 0, NULL, breakout_close_check, &state, 3,
     breakout_closed, NULL},
    {"class:breakout-time", "breakout:closed", PUSH_REST_ONLY, 0, NULL, breakout_close_check,
     &state, 3, breakout_closed, NULL},
    {"class:breakout-over", "breakout:closed", PUSH_REST_ONLY, 0, NULL, breakout_close_check, NULL,
     0, NULL, NULL},
    {"start", "class:started", 0, 0, NULL, start_check, &state, 3, started, NULL},
    {"end", "class:ended", 0, 0, NULL, end_check, &state, 3, ended, NULL},
    {"class:cancel", "class:ended", PUSH_REST_ONLY, 0, NULL, end_check, &state, 3, ended, NULL},
    {"class:change", "class:updated", PUSH_REST_ONLY, 0, NULL, change_check, &state, 3, changed,
     NULL},
    {0},
};

/* ---- life ---- */

static void class_open(struct channel *c, struct db_group *g)
{
    db_stmt(g, SQL_REALTIME_CLASS_OPEN);
    db_str(g, c->topic);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
    db_stmt(g, SQL_REALTIME_CLASS_INFO);
    db_str(g, c->id);
    db_str(g, tenant_filter(c->tenant));
}

static void copy_field(char *out, size_t size, struct mp info, const char *key)
{
    struct str s = mp_str(mp_get(info, key));

    snprintf(out, size, "%.*s", (int)s.n, s.p ? s.p : "");
}

static void take_info(struct channel *c, struct mp info)
{
    struct class *k = class_of(c);

    k->info = body_make(mp_bytes(info).p, mp_bytes(info).n);
    copy_field(k->status, sizeof(k->status), info, "status");
    copy_field(k->started, sizeof(k->started), info, "startedAt");
    copy_field(k->ended, sizeof(k->ended), info, "endedAt");
    k->max_participants = mp_int(mp_get(info, "maxParticipants"), 0);
}

static int class_opened(struct channel *c, const struct msg *m, unsigned stmt)
{
    struct class *k = class_of(c);
    struct buf json = BUF_INIT;

    if (db_rows(m, stmt) == 0)
        return -ENOENT;
    take_info(c, json_column(m, stmt, 0, &json));
    k->group_id = xstrdup(db_text(m, stmt, 0, 2));
    struct mp live = json_column(m, stmt, 3, &json);
    for (int i = 0; i < LIVE_FIELDS; i++)
        live_set(c, (enum live)i, mp_get(live, live_names[i]));
    members_take(&c->members, json_column(m, stmt, 4, &json));
    take_host(c, db_strv(m, stmt, 0, 1));
    breakout_loaded(c);
    class_polls_load(c, json_column(m, stmt, 5, &json));
    attendance_load(c, json_column(m, stmt, 6, &json));
    k->version = db_int(m, stmt, 0, 7);
    buf_finish(&json);
    kin_watch(k->group_id, actor_self(c->self), KIN_ALL);
    return 0;
}

static void class_closed(struct channel *c)
{
    struct class *k = class_of(c);

    if (k->group_id)
        kin_unwatch(k->group_id, actor_self(c->self));
    for (int i = 0; i < LIVE_FIELDS; i++)
        body_unref(k->live[i]);
    class_polls_finish(c);
    attendance_finish(c);
    body_unref(k->info);
    body_unref(k->rooms);
    free(k->host_id);
    free(k->group_id);
}

static int class_may_join(struct channel *c, struct user *u, struct refusal *ret)
{
    const struct class *k = class_of(c);

    if (class_hosts(c, u))
        return 0;
    if (u->belongs == MEMBER_NONE)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (k->max_participants && attendance_count(c, u) >= k->max_participants)
        return refuse(ret, REASON_conflict, "class", "full");
    return 0;
}

static bool told_apart(struct str key)
{
    static const char *const own[] = {"status", "startedAt", "endedAt", "currentParticipants"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (str_is(key, own[i]))
            return true;
    return false;
}

static struct str text_or_nil(const char *s)
{
    return *s ? str_of(s) : (struct str){0};
}

static void class_describe(struct channel *c, struct user *u, struct object *o)
{
    const struct class *k = class_of(c);
    struct buf inner = BUF_INIT;
    struct object class;

    object_str(o, "role", str_of(class_role(c, u)));
    object_bool(o, "readOnly", class_over(c));
    object_begin(&class, &inner, ENC_MP);
    for (struct mp_iter it = mp_iter(body_mp(k->info)); mp_next(&it);) {
        char key[64];

        snprintf(key, sizeof(key), "%.*s", (int)mp_str(it.key).n, mp_str(it.key).p);
        if (!told_apart(mp_str(it.key)))
            object_value(&class, key, value_mp(it.value));
    }
    object_str(&class, "status", str_of(k->status));
    object_str(&class, "startedAt", text_or_nil(k->started));
    object_str(&class, "endedAt", text_or_nil(k->ended));
    object_int(&class, "currentParticipants", attendance_count(c, NULL));
    for (int i = 0; i < LIVE_FIELDS; i++)
        object_value(&class, live_names[i],
                     value_mp(k->live[i]            ? live_of(c, (enum live)i)
                              : i == LIVE_HANDS     ? mp_view("\x90", 1)
                              : i >= LIVE_SPOTLIGHT ? mp_view("\xc0", 1)
                                                    : mp_view("\x80", 1)));
    class_polls_put(c, u, &class);
    object_end(&class);
    object_value(o, "class", value_mp(mp_view(inner.data, inner.len)));
    buf_finish(&inner);
}

/* Somebody joined or left the group, or got another role in it. */
static void class_kin(struct channel *c, struct str user_id, enum member_role now)
{
    struct user *u = members_user(&c->members, user_id);
    bool hosts = str_is(user_id, class_of(c)->host_id);

    if (hosts)
        class_of(c)->guest = now == MEMBER_NONE;
    u->belongs = now == MEMBER_NONE && hosts ? MEMBER_MEMBER : now;
    if (u->belongs == MEMBER_NONE)
        breakout_left(c, u);
    if (u->belongs == MEMBER_NONE && !u->staff)
        channel_remove_user(c, u, "phx_error"); /* and releases it */
    else
        members_user_release(&c->members, u);
}

static void class_flush(struct channel *c)
{
    attendance_tick(c);
    breakout_tick(c);
}

static const struct side_push sides[] = {
    {"presence:update", presence_push},
    {"breakout:help", breakout_help_push},
    {0},
};

const struct channel_kind class_kind = {
    .name = "class",
    .manage = "study_groups:manage",
    .pushes = pushes,
    .sides = sides,
    .open = class_open,
    .opened = class_opened,
    .closed = class_closed,
    .may_join = class_may_join,
    .role = class_role,
    .describe = class_describe,
    .flush = class_flush,
    .lookup = &class_lookup,
    .looked = class_looked,
    .kin = class_kin,
    .state_size = sizeof(struct class),
};
