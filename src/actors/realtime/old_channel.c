/*
 * What a channel tells its members of the old dialects, and what they may only pass on. The
 * invariant: a frame is made once for all of a dialect; who must not get it (its sender) is left
 * out where it is queued.
 */
#include <stdlib.h>

#include "chan.h"
#include "figures.h"
#include "old.h"

#define POSITION_BYTES_MAX 4096
#define CHAT_MAX 8000 /* characters */

/* ---- frames to everybody ---- */

struct telling {
    struct buf wire[ENCODINGS]; /* of the old ones only; empty: those are not told */
    actor_id not_to;            /* a connection; 0: nobody */
    const char *not_user;       /* NULL: nobody */
};

static void tell(struct channel *c, struct telling *t, enum ws_lane lane)
{
    struct body *wire[ENCODINGS] = {0};
    struct body *not_user = t->not_user ? body_make(t->not_user, strlen(t->not_user)) : NULL;
    struct hub_msg *h;

    for (int e = ENVELOPES; e < ENCODINGS; e++) {
        wire[e] = t->wire[e].len ? body_of(&t->wire[e]) : NULL;
        buf_finish(&t->wire[e]);
    }
    figures_encoded(lane, wire);
    for (unsigned loop = 0; loop < loop_count(); loop++) {
        if (c->members.by_loop[loop] == 0)
            continue;
        struct body *b = hub_msg(&h);
        h->key = body_ref(c->key);
        h->lane = (uint8_t)lane;
        h->session = t->not_to;
        h->not_user = body_ref(not_user);
        for (int e = ENVELOPES; e < ENCODINGS; e++)
            h->wire[e] = body_ref(wire[e]);
        hub_send(loop, HUB_PUBLISH, b);
    }
    for (int e = ENVELOPES; e < ENCODINGS; e++)
        body_unref(wire[e]);
    body_unref(not_user);
}

static struct str room_of(const struct channel *c, enum encoding enc)
{
    return str_of(enc == ENC_FLAT ? c->id : c->old_room);
}

/* Starts a frame for one dialect; NULL: nobody here speaks it. */
static struct object *begin(struct channel *c, struct old_frame *f, enum encoding enc,
                            const char *type)
{
    return c->members.by_enc[enc] ? old_begin(f, enc, type, room_of(c, enc)) : NULL;
}

/* A flat frame says that something happened in a group, and nothing more. */
static void put_flat(struct channel *c, struct telling *t, const char *type)
{
    struct old_frame f;

    if (c->kind == &group_kind && begin(c, &f, ENC_FLAT, type))
        old_end(&f, &t->wire[ENC_FLAT]);
}

static void put_name(struct object *o, const char *field, const struct user *u)
{
    const char *first = user_name(u, NAME_FIRST), *last = user_name(u, NAME_LAST);
    struct buf name = BUF_INIT;

    buf_printf(&name, "%s%s%s", first, *first && *last ? " " : "", last);
    object_str(o, field, (struct str){(const char *)name.data, name.len});
    buf_finish(&name);
}

static void put_sender(struct object *o, const struct user *u)
{
    object_str(o, "userId", str_of(u->id));
    put_name(o, "userName", u);
}

/* ---- who comes and goes ---- */

static uint32_t people(const struct channel *c)
{
    const struct user *u;
    uint32_t n = 0;

    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        n += u->members != NULL;
    return n;
}

struct person_shown {
    struct str id, name;
    enum role role;
};

static void put_person(struct object *o, const struct channel *c, const struct person_shown *p)
{
    struct buf b = BUF_INIT;
    struct object user;

    object_begin(&user, &b, ENC_JSON);
    object_str(&user, "id", p->id);
    object_str(&user, "name", p->name.p ? p->name : STR(""));
    object_str(&user, "role", str_of(role_name(p->role)));
    object_str(&user, "establishmentId", str_of(c->tenant));
    object_end(&user);
    object_value(o, "user", value_put_together(ENC_JSON, &b));
    buf_finish(&b);
}

static void put_user(struct object *o, const struct channel *c, const struct user *u)
{
    const char *first = user_name(u, NAME_FIRST), *last = user_name(u, NAME_LAST);
    struct buf name = BUF_INIT;

    buf_printf(&name, "%s%s%s", first, *first && *last ? " " : "", last);
    put_person(o, c, &(struct person_shown){str_of(u->id), str_of(buf_cstr(&name)), u->role});
    buf_finish(&name);
}

static int64_t came_ms(const struct user *u)
{
    int64_t first = INT64_MAX;

    for (const struct member *m = u->members; m; m = m->next_of_user)
        first = m->online_at < first ? m->online_at : first;
    return (first == INT64_MAX ? wall_ms() / 1000 : first) * 1000;
}

void old_tell_joined(struct channel *c, const struct user *u)
{
    struct telling t = {.not_user = u->id};
    struct old_frame f;
    struct object *o = begin(c, &f, ENC_COLLAB, "user_joined");

    if (o) {
        put_user(o, c, u);
        old_time(o, "joinedAt", came_ms(u));
        object_int(o, "totalParticipants", people(c));
        old_end(&f, &t.wire[ENC_COLLAB]);
    }
    put_flat(c, &t, "user_joined");
    tell(c, &t, WS_DURABLE);
}

void old_tell_left(struct channel *c, const char *user_id, struct str name, enum role role)
{
    struct telling t = {.not_user = user_id};
    struct old_frame f;
    struct object *o = begin(c, &f, ENC_COLLAB, "user_left");

    if (o) {
        put_person(o, c, &(struct person_shown){str_of(user_id), name, role});
        old_time(o, "leftAt", wall_ms());
        object_int(o, "totalParticipants", people(c));
        old_end(&f, &t.wire[ENC_COLLAB]);
    }
    put_flat(c, &t, "user_left");
    tell(c, &t, WS_DURABLE);
}

static bool is_shown(const struct user *u, const struct user *self)
{
    bool told = false;

    for (const struct member *m = u->members; m && !told; m = m->next_of_user)
        told = m->told;
    return told || u == self;
}

/* Those whose coming is not told yet follow as user_joined, as that client drops no double. */
static void put_participants(struct object *o, const struct channel *c, const struct user *self)
{
    struct buf list = BUF_INIT;
    const struct user *u;
    struct object one;

    buf_putc(&list, '[');
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));) {
        if (!is_shown(u, self) || (c->presence.counting && u != self))
            continue;
        if (list.len > 1)
            buf_putc(&list, ',');
        object_begin(&one, &list, ENC_JSON);
        put_user(&one, c, u);
        old_time(&one, "joinedAt", came_ms(u));
        object_end(&one);
    }
    buf_putc(&list, ']');
    object_value(o, "participants", value_put_together(ENC_JSON, &list));
    buf_finish(&list);
}

static const char *room_type(const struct channel *c)
{
    return c->kind == &group_kind ? "studygroup" : c->kind->name;
}

/* Its room's name is its own choice; frames for all say the one that whoever came first chose. */
static void keep_room(struct channel *c, struct str room)
{
    if (c->old_room && c->members.by_enc[ENC_COLLAB] > 1)
        return;
    free(c->old_room);
    c->old_room = xstrndup(room.p ? room.p : "", room.n);
}

void old_room_joined(struct channel *c, struct buf *out, const struct member *m, struct str room)
{
    struct old_frame f;

    if (m->enc != ENC_COLLAB)
        return;
    keep_room(c, room);
    struct object *o = old_begin(&f, ENC_COLLAB, "room_joined", room);
    object_str(o, "roomId", room);
    object_str(o, "roomType", str_of(room_type(c)));
    object_str(o, "resourceId", str_of(c->id));
    put_participants(o, c, m->user);
    old_end(&f, out);
}

/* ---- what is said to last, and what is not ---- */

void old_tell_message(struct channel *c, struct op *op)
{
    struct telling collab = {.not_to = op->from}, flat = {.not_user = op->user->id};
    struct old_frame f;
    struct buf item = BUF_INIT;
    struct object *o;

    if (!str_is(STR("message"), op->kind->event) || !op->kind->item)
        return;
    op->kind->item(c, op, &item);
    struct mp message = mp_view(item.data, item.len);
    if ((o = begin(c, &f, ENC_COLLAB, "chat_message"))) {
        put_sender(o, op->user);
        object_value(o, "message", value_mp(mp_get(message, "content")));
        object_str(o, "timestamp", str_of(op->at));
        old_end(&f, &collab.wire[ENC_COLLAB]);
        tell(c, &collab, WS_DURABLE);
    }
    if ((o = begin(c, &f, ENC_FLAT, "new_message"))) {
        object_value(o, "message", value_mp(message));
        old_end(&f, &flat.wire[ENC_FLAT]);
        tell(c, &flat, WS_DURABLE);
    }
    buf_finish(&item);
}

void old_tell_said(struct channel *c, const char *event, struct str user_id, struct mp value,
                   actor_id from)
{
    bool typing = event == typing_event;
    const struct user *u = members_find_user(&c->members, user_id);
    struct telling t = {.not_to = from};
    struct old_frame f;

    if (!u || (!typing && event != cursor_event))
        return;
    struct object *o = begin(c, &f, ENC_COLLAB, typing ? "typing_update" : "cursor_update");
    if (o) {
        put_sender(o, u);
        object_value(o, typing ? "isTyping" : "position",
                     value_mp(typing ? mp_get(value, "isTyping") : value));
        old_time(o, "timestamp", wall_ms());
        old_end(&f, &t.wire[ENC_COLLAB]);
    }
    if (typing)
        put_flat(c, &t, "user_typing");
    tell(c, &t, WS_EPHEMERAL);
}

/* ---- what an old member says that is not stored ---- */

static bool is_number(struct mp v)
{
    return mp_type(v) == MP_INT || mp_type(v) == MP_FLOAT;
}

static int cursor_said(struct channel *c, struct member *m, struct mp data, struct refusal *ret)
{
    struct mp at = mp_get(data, "position");

    if (!is_number(mp_get(at, "x")) || !is_number(mp_get(at, "y")))
        return refuse(ret, REASON_invalid, "position", "type");
    if (mp_bytes(at).n > POSITION_BYTES_MAX)
        return refuse(ret, REASON_too_large, "position", "length");
    ephemeral_put(c, cursor_event, m->user, at, m->key.session);
    return 0;
}

static int typing_said(struct channel *c, struct member *m, struct mp data, struct refusal *ret)
{
    struct mp typing = mp_get(data, "isTyping");
    struct buf b = BUF_INIT;

    if (mp_type(typing) != MP_BOOL)
        return refuse(ret, REASON_invalid, "isTyping", "type");
    mp_put_map(&b, 1);
    mp_put_cstr(&b, "isTyping");
    mp_put_raw(&b, typing);
    ephemeral_put(c, typing_event, m->user, mp_view(b.data, b.len), m->key.session);
    buf_finish(&b);
    return 0;
}

struct relay {
    const char *push, *event, *fields[3]; /* fields: NULL ends them */
};
static const struct relay relays[] = {
    {"text_change", "content_update", {"operation", "content"}},
    {"whiteboard_draw", "whiteboard_update", {"drawData"}},
    {"chat_message", "chat_message", {"message"}},
};

static int relay(struct channel *c, struct member *m, const struct relay *r, struct mp data,
                 struct refusal *ret)
{
    struct telling t = {.not_to = m->key.session};
    struct str chat = mp_str(mp_get(data, "message"));
    bool talks = str_is(STR("chat_message"), r->push);
    struct old_frame f;

    if (talks && (!chat.p || chat.n == 0 || utf8_length(chat.p, chat.n) > CHAT_MAX))
        return refuse(ret, REASON_invalid, "message", "length");
    if (c->kind->may_relay && c->kind->may_relay(c, m->user, ret) < 0)
        return -1;
    struct object *o = begin(c, &f, ENC_COLLAB, r->event);
    if (o) {
        put_sender(o, m->user);
        for (const char *const *field = r->fields; *field; field++)
            object_value(o, *field, value_mp(mp_get(data, *field)));
        old_time(o, "timestamp", wall_ms());
        old_end(&f, &t.wire[ENC_COLLAB]);
    }
    if (str_is(STR("whiteboard_draw"), r->push))
        put_flat(c, &t, "whiteboard_update");
    tell(c, &t, WS_DURABLE);
    return 0;
}

/* 0, refused (negative), or 1: it is a push like any other. */
static int said(struct channel *c, struct member *m, struct str event, struct mp data,
                struct refusal *why)
{
    if (str_is(event, "cursor"))
        return cursor_said(c, m, data, why);
    if (str_is(event, "typing"))
        return typing_said(c, m, data, why);
    for (size_t i = 0; i < sizeof(relays) / sizeof(relays[0]); i++)
        if (str_is(event, relays[i].push))
            return relay(c, m, &relays[i], data, why);
    return 1;
}

bool old_push(struct channel *c, struct member *m, struct str room, struct str event,
              struct mp payload)
{
    struct buf response = BUF_INIT, wire = BUF_INIT;
    struct refusal why;
    int r = said(c, m, event, payload, &why);

    if (r == 1)
        return false;
    c->idle_ms = loop_now();
    if (r == 0)
        return true;
    refusal_put(&response, ENC_MP, &why, m->lang);
    old_error(&wire, (enum encoding)m->enc, room, value_mp(mp_view(response.data, response.len)));
    member_send(c, m->key.session, (uint32_t)m->key.nonce, m->enc, WS_CONTROL, &wire, 0);
    buf_finish(&response);
    buf_finish(&wire);
    return true;
}
