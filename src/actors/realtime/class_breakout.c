/*
 * Breakout rooms of a class: each is a study group of its own with a board (docs/realtime.md), open
 * while the class says so. What is open and who sits where is one value of the class
 * (LIVE_BREAKOUT); the database makes groups, boards and memberships follow it in the same
 * transaction, and the rooms' channels hear by kin.h what was stored.
 */
#include <errno.h>
#include <stdlib.h>

#include "class.h"
#include "kin.h"
#include "stacgate/channel.h"

#define ROOMS_MAX 50
#define SEATS_MAX 1000 /* people in all rooms together */
#define ROOM_NAME_MAX 120
#define MINUTES_MAX (24 * 60)
#define BROADCAST_MAX 2000
#define HELP_MAX 500
#define CLOSE_AGAIN_MS 5000 /* after the clock's closing, should it fail */

static bool absent(struct mp v)
{
    return mp_type(v) == MP_NONE || mp_type(v) == MP_NIL;
}

static bool same(struct str a, struct str b)
{
    return a.p && b.p && a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool is_open(const struct channel *c)
{
    return class_of(c)->live[LIVE_BREAKOUT] != NULL;
}

static struct mp rooms_of(const struct channel *c)
{
    return mp_get(live_of(c, LIVE_BREAKOUT), "rooms");
}

/* By its group's id, or by its name. */
static struct mp room_named(const struct channel *c, struct str name)
{
    for (struct mp_iter it = mp_iter(rooms_of(c)); mp_next(&it);)
        if (same(mp_str(mp_get(it.value, "groupId")), name) ||
            same(mp_str(mp_get(it.value, "name")), name))
            return it.value;
    return (struct mp){0};
}

/* Where somebody sits; absent: nowhere. */
static struct mp room_with(const struct channel *c, const char *user_id)
{
    for (struct mp_iter it = mp_iter(rooms_of(c)); mp_next(&it);)
        if (words_have(mp_get(it.value, "userIds"), user_id))
            return it.value;
    return (struct mp){0};
}

static int host_check(struct channel *c, const struct op *op, struct refusal *ret)
{
    int r = class_host_check(c, op->user, ret);

    if (r < 0)
        return r;
    return is_open(c) ? 0 : refuse(ret, REASON_conflict, "breakout", "closed");
}

/* ---- opening ---- */

/* Rooms as they are asked for, while they become those of the event. */
struct plan {
    struct channel *c;
    struct op *op; /* its ref says where something is wrong */
    struct refusal *ret;
    struct table names, groups, seated; /* keys of the payload, or of class.rooms */
    struct buf rooms;
    uint32_t place;
};

static int wrong(struct plan *p, const char *field, const char *code)
{
    snprintf(p->op->ref, sizeof(p->op->ref), "rooms.%u%s%s", p->place, *field ? "." : "", field);
    return refuse(p->ret, REASON_invalid, p->op->ref, code);
}

static bool taken(struct table *t, struct str key)
{
    return table_put(t, key.p, key.n, t) != NULL;
}

static int take_seats(struct plan *p, struct mp ids)
{
    char field[32];
    uint32_t i = 0;

    if (!absent(ids) && mp_type(ids) != MP_ARRAY)
        return wrong(p, "userIds", "type");
    mp_put_array(&p->rooms, mp_count(ids));
    for (struct mp_iter it = mp_iter(ids); mp_next(&it); i++) {
        struct str id = mp_str(it.value);
        const struct user *u = id.p ? members_find_user(&p->c->members, id) : NULL;

        snprintf(field, sizeof(field), "userIds.%u", i);
        if (!id.p)
            return wrong(p, field, "type");
        if (!u || u->belongs == MEMBER_NONE)
            return wrong(p, field, "not_found");
        if (taken(&p->seated, id))
            return wrong(p, field, "duplicate");
        mp_put_raw(&p->rooms, it.value);
    }
    return p->seated.count > SEATS_MAX ? wrong(p, "userIds", "too_many") : 0;
}

/* One of the group's rooms, [id, name, board, is it open], as the look-up found them. */
static struct mp known_room(const struct channel *c, struct str group_id)
{
    const struct body *rooms = class_of(c)->rooms;

    for (struct mp_iter it = mp_iter(rooms ? body_mp(rooms) : (struct mp){0}); mp_next(&it);)
        if (same(mp_str(mp_at(it.value, 0)), group_id))
            return it.value;
    return (struct mp){0};
}

static int take_known(struct plan *p, struct mp group, struct mp *ret_room)
{
    if (absent(group))
        return 0;
    *ret_room = known_room(p->c, mp_str(group));
    if (!ret_room->p)
        return wrong(p, "groupId", mp_str(group).p ? "not_found" : "type");
    if (mp_bool(mp_at(*ret_room, 3), true))
        return wrong(p, "groupId", "open");
    return taken(&p->groups, mp_str(group)) ? wrong(p, "groupId", "duplicate") : 0;
}

static void put_id(struct buf *b, const char *key, struct mp known)
{
    char id[UUID_SIZE];

    uuid_make(id);
    mp_put_cstr(b, key);
    if (mp_str(known).p)
        mp_put_raw(b, known);
    else
        mp_put_cstr(b, id);
}

static int take_room(struct plan *p, struct mp room)
{
    struct mp name = mp_get(room, "name"), known = {0};

    if (mp_type(room) != MP_MAP)
        return wrong(p, "", "type");
    if (take_known(p, mp_get(room, "groupId"), &known) < 0)
        return -EPERM;
    if (absent(name) && known.p)
        name = mp_at(known, 1);
    if (!fits_str(name, ROOM_NAME_MAX))
        return wrong(p, "name", absent(name) ? "required" : "length");
    if (taken(&p->names, mp_str(name)))
        return wrong(p, "name", "duplicate");
    mp_put_map(&p->rooms, 4);
    put_id(&p->rooms, "groupId", mp_at(known, 0));
    put_id(&p->rooms, "whiteboardId", mp_at(known, 2));
    mp_put_cstr(&p->rooms, "name");
    mp_put_raw(&p->rooms, name);
    mp_put_cstr(&p->rooms, "userIds");
    return take_seats(p, mp_get(room, "userIds"));
}

static int take_rooms(struct plan *p, struct mp rooms)
{
    int r = 0;

    mp_put_array(&p->rooms, mp_count(rooms));
    for (struct mp_iter it = mp_iter(rooms); r == 0 && mp_next(&it); p->place++)
        r = take_room(p, it.value);
    return r;
}

static void store_open(struct op *op, const struct buf *rooms, int64_t minutes)
{
    char ends[ISO_SIZE];

    iso_time(ends, wall_ms() + minutes * 60000);
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "breakout");
    mp_put_map(&op->stored, 2);
    mp_put_cstr(&op->stored, "rooms");
    mp_put_raw(&op->stored, mp_view(rooms->data, rooms->len));
    mp_put_cstr(&op->stored, "endsAt");
    mp_put_cstr(&op->stored, minutes ? ends : NULL);
}

int breakout_open_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp rooms = mp_get(op->payload, "rooms"), minutes = mp_get(op->payload, "minutes");
    int64_t m = absent(minutes) ? 0 : mp_int(minutes, -1);
    int r = class_host_check(c, op->user, ret);

    if (r < 0)
        return r;
    if (is_open(c))
        return refuse(ret, REASON_conflict, "breakout", "open");
    if (mp_type(rooms) != MP_ARRAY)
        return refuse(ret, REASON_invalid, "rooms", absent(rooms) ? "required" : "type");
    if (mp_count(rooms) < 1 || mp_count(rooms) > ROOMS_MAX)
        return refuse(ret, REASON_invalid, "rooms", "length");
    if (!absent(minutes) && (m < 1 || m > MINUTES_MAX))
        return refuse(ret, REASON_invalid, "minutes", "range");
    struct plan p = {.c = c, .op = op, .ret = ret};
    r = take_rooms(&p, rooms);
    if (r == 0)
        store_open(op, &p.rooms, m);
    table_finish(&p.names);
    table_finish(&p.groups);
    table_finish(&p.seated);
    buf_finish(&p.rooms);
    return r;
}

/* ---- the rooms' channels hear what is stored ---- */

static enum member_role seat_role(const struct channel *c, struct str user_id)
{
    return str_is(user_id, class_of(c)->host_id) ? MEMBER_MODERATOR : MEMBER_MEMBER;
}

static void kin_tell_str(struct str room, struct str user, enum member_role now)
{
    char room_id[64], user_id[64];

    snprintf(room_id, sizeof(room_id), "%.*s", (int)room.n, room.p);
    snprintf(user_id, sizeof(user_id), "%.*s", (int)user.n, user.p);
    kin_tell(room_id, user_id, now);
}

static void tell_archived(const struct channel *c, bool now)
{
    char room_id[64];

    for (struct mp_iter it = mp_iter(rooms_of(c)); mp_next(&it);) {
        struct str id = mp_str(mp_get(it.value, "groupId"));

        snprintf(room_id, sizeof(room_id), "%.*s", (int)id.n, id.p);
        kin_tell_archived(room_id, now);
    }
}

static void tell_host(const struct channel *c)
{
    for (struct mp_iter it = mp_iter(rooms_of(c)); mp_next(&it);)
        kin_tell_str(mp_str(mp_get(it.value, "groupId")), str_of(class_of(c)->host_id),
                     MEMBER_MODERATOR);
}

void breakout_opened(struct channel *c, struct op *op)
{
    live_set(c, LIVE_BREAKOUT, mp_get(op_stored(op), "breakout"));
    tell_archived(c, false);
    for (struct mp_iter it = mp_iter(rooms_of(c)); mp_next(&it);)
        for (struct mp_iter s = mp_iter(mp_get(it.value, "userIds")); mp_next(&s);)
            kin_tell_str(mp_str(mp_get(it.value, "groupId")), mp_str(s.value),
                         seat_role(c, mp_str(s.value)));
    tell_host(c);
}

/* The session's class has another host: the old one keeps the seat that they had themselves. */
void breakout_host_changed(struct channel *c, const char *old_id)
{
    const struct user *old = members_find_user(&c->members, str_of(old_id));
    bool belongs = old && old->belongs != MEMBER_NONE;

    tell_host(c);
    for (struct mp_iter it = mp_iter(rooms_of(c)); mp_next(&it);) {
        bool sits = belongs && words_have(mp_get(it.value, "userIds"), old_id);

        kin_tell_str(mp_str(mp_get(it.value, "groupId")), str_of(old_id),
                     sits ? MEMBER_MEMBER : MEMBER_NONE);
    }
}

/* ---- moving ---- */

static void store_move(struct op *op, struct mp from, struct mp to, bool unchanged)
{
    mp_put_map(&op->stored, unchanged ? 4 : 3);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->ref);
    mp_put_cstr(&op->stored, "from");
    mp_put_raw(&op->stored, mp_get(from, "groupId"));
    mp_put_cstr(&op->stored, "room");
    mp_put_raw(&op->stored, mp_get(to, "groupId"));
    if (unchanged) {
        mp_put_cstr(&op->stored, "unchanged");
        mp_put_bool(&op->stored, true);
    }
}

/* room: null takes somebody out of all of them. */
int breakout_move_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp id = mp_get(op->payload, "userId"), to = mp_get(op->payload, "room"), room = {0};
    int r = host_check(c, op, ret);

    if (r < 0)
        return r;
    if (!mp_str(id).p)
        return refuse(ret, REASON_invalid, "userId", absent(id) ? "required" : "type");
    if (mp_type(to) != MP_STR && mp_type(to) != MP_NIL)
        return refuse(ret, REASON_invalid, "room", absent(to) ? "required" : "type");
    const struct user *u = members_find_user(&c->members, mp_str(id));
    if (!u || u->belongs == MEMBER_NONE || mp_str(id).n >= sizeof(op->ref))
        return refuse(ret, REASON_not_found, "userId", "not_found");
    if (mp_str(to).p && !(room = room_named(c, mp_str(to))).p)
        return refuse(ret, REASON_not_found, "room", "not_found");
    snprintf(op->ref, sizeof(op->ref), "%s", u->id);
    struct mp from = room_with(c, u->id);
    bool stays = room.p == from.p;

    store_move(op, from, room, stays);
    return stays ? PUSH_DONE : 0;
}

/* Who left the class's group: the class pushes it in their name. */
int breakout_left_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp from = room_with(c, op->user->id);

    (void)ret;
    snprintf(op->ref, sizeof(op->ref), "%s", op->user->id);
    if (!from.p)
        return PUSH_DONE;
    store_move(op, from, (struct mp){0}, false);
    return 0;
}

/* The rooms with this person in that one (none: absent), as breakout:updated says. */
static void reseat(struct channel *c, const char *user_id, struct str to)
{
    struct buf b = BUF_INIT;
    static const char *const kept[] = {"groupId", "whiteboardId", "name"};

    mp_put_map(&b, 2);
    mp_put_cstr(&b, "rooms");
    mp_put_array(&b, mp_count(rooms_of(c)));
    for (struct mp_iter it = mp_iter(rooms_of(c)); mp_next(&it);) {
        mp_put_map(&b, 4);
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
            mp_put_cstr(&b, kept[i]);
            mp_put_raw(&b, mp_get(it.value, kept[i]));
        }
        mp_put_cstr(&b, "userIds");
        words_put(&b, mp_get(it.value, "userIds"), user_id,
                  same(mp_str(mp_get(it.value, "groupId")), to));
    }
    mp_put_cstr(&b, "endsAt");
    mp_put_raw(&b, mp_get(live_of(c, LIVE_BREAKOUT), "endsAt"));
    live_set(c, LIVE_BREAKOUT, mp_view(b.data, b.len));
    buf_finish(&b);
}

void breakout_moved(struct channel *c, struct op *op)
{
    struct mp stored = op_stored(op);
    struct str from = mp_str(mp_get(stored, "from")), to = mp_str(mp_get(stored, "room"));
    enum member_role role = seat_role(c, str_of(op->ref));

    reseat(c, op->ref, to);
    if (from.p && role == MEMBER_MEMBER) /* the host stays everywhere */
        kin_tell_str(from, str_of(op->ref), MEMBER_NONE);
    if (to.p)
        kin_tell_str(to, str_of(op->ref), role);
}

void breakout_left(struct channel *c, struct user *u)
{
    if (room_with(c, u->id).p)
        channel_act(c, u, "class:unseat", mp_view("\x80", 1));
}

/* Who left the group while the class was not in memory holds no seat. */
void breakout_loaded(struct channel *c)
{
    struct body *was = class_of(c)->live[LIVE_BREAKOUT];

    if (!was)
        return;
    body_ref(was);
    for (struct mp_iter it = mp_iter(mp_get(body_mp(was), "rooms")); mp_next(&it);)
        for (struct mp_iter s = mp_iter(mp_get(it.value, "userIds")); mp_next(&s);) {
            const struct user *u = members_find_user(&c->members, mp_str(s.value));
            char id[64];

            snprintf(id, sizeof(id), "%.*s", (int)mp_str(s.value).n, mp_str(s.value).p);
            if (!u || u->belongs == MEMBER_NONE)
                reseat(c, id, (struct str){0});
        }
    body_unref(was);
}

/* ---- telling all rooms, asking the host ---- */

int breakout_broadcast_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp body = mp_get(op->payload, "body");
    int r = host_check(c, op, ret);

    if (r < 0)
        return r;
    if (!fits_str(body, BROADCAST_MAX))
        return refuse(ret, REASON_invalid, "body", absent(body) ? "required" : "length");
    mp_put_map(&op->stored, 1);
    mp_put_cstr(&op->stored, "body");
    mp_put_raw(&op->stored, body);
    return 0;
}

/* The same call again rings only once. */
static bool helped(struct channel *c, const struct op *op)
{
    struct class *k = class_of(c);
    struct str id = mp_str(mp_get(op->payload, "opId"));
    char key[256];
    int n = snprintf(key, sizeof(key), "%s %.*s", op->user->id, (int)id.n, id.p ? id.p : "");
    uint64_t hash = sha256_u64(key, n < (int)sizeof(key) ? (size_t)n : sizeof(key) - 1);

    for (unsigned i = 0; id.p && i < CLASS_HELP_MAX; i++)
        if (k->helped[i] == hash)
            return true;
    if (id.p)
        k->helped[k->helped_at++ % CLASS_HELP_MAX] = hash;
    return false;
}

static void tell_help(struct channel *c, const struct user *u, struct mp body)
{
    struct mp room = room_with(c, u->id);
    struct buf b = BUF_INIT, card = BUF_INIT;
    struct object o;
    char at[ISO_SIZE];

    iso_time(at, wall_ms());
    user_card(&card, u);
    object_begin(&o, &b, ENC_MP);
    object_str(&o, "studySessionId", str_of(c->id));
    object_str(&o, "userId", str_of(u->id));
    object_value(&o, "user", value_mp(mp_view(card.data, card.len)));
    object_str(&o, "room", mp_str(mp_get(room, "groupId")));
    object_str(&o, "roomName", mp_str(mp_get(room, "name")));
    object_str(&o, "body", mp_str(body));
    object_str(&o, "at", str_of(at));
    object_end(&o);
    user_tell(class_of(c)->host_id, "breakout:help", mp_view(b.data, b.len));
    buf_finish(&b);
    buf_finish(&card);
}

/* Not for everyone's eyes, so never numbered. */
int breakout_help_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    struct mp body = mp_get(op->payload, "body");

    if (m->user->belongs == MEMBER_NONE)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (!is_open(c))
        return refuse(ret, REASON_conflict, "breakout", "closed");
    if (!absent(body) && !fits_str(body, HELP_MAX))
        return refuse(ret, REASON_invalid, "body", "length");
    if (!helped(c, op))
        tell_help(c, m->user, body);
    op_answer(c, op, true, value_mp(mp_view("\x80", 1)), (struct value){0});
    return 0;
}

/* ---- closing ---- */

/* class:breakout-time: the clock's; class:breakout-over: the end of the class has closed them. */
int breakout_close_check(struct channel *c, struct op *op, struct refusal *ret)
{
    const char *why = strcmp(op->kind->push, "class:breakout-time") == 0   ? "time"
                      : strcmp(op->kind->push, "class:breakout-over") == 0 ? "ended"
                                                                           : NULL;

    if (!class_hosts(c, op->user))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (!is_open(c) && !(why && *why == 'e'))
        return class_unchanged(op);
    mp_put_map(&op->stored, why ? 2 : 1);
    mp_put_cstr(&op->stored, "breakout");
    mp_put_nil(&op->stored);
    if (why) {
        mp_put_cstr(&op->stored, "reason");
        mp_put_cstr(&op->stored, why);
    }
    return 0;
}

void breakout_closed(struct channel *c, struct op *op)
{
    (void)op;
    tell_archived(c, true);
    live_set(c, LIVE_BREAKOUT, (struct mp){0});
}

void breakout_class_ended(struct channel *c, struct op *op)
{
    if (!is_open(c))
        return;
    breakout_closed(c, op);
    channel_act(c, op->user, "class:breakout-over", mp_view("\x80", 1));
}

void breakout_tick(struct channel *c)
{
    struct class *k = class_of(c);
    struct str ends = mp_str(mp_get(live_of(c, LIVE_BREAKOUT), "endsAt"));
    int64_t ms;

    if (!ends.p || iso_parse(ends.p, ends.n, &ms) < 0 || wall_ms() < ms ||
        loop_now() < k->close_again_ms)
        return;
    k->close_again_ms = loop_now() + CLOSE_AGAIN_MS;
    channel_act(c, members_user(&c->members, str_of(k->host_id)), "class:breakout-time",
                mp_view("\x80", 1));
}
