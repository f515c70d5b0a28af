/*
 * What an old client says: each frame becomes what a client of the envelope would have sent, and
 * goes the same way. A membership's join_ref is the name that the client gave its room; whom a
 * frame says it comes from is ignored.
 */
#include "old.h"

#include <stdlib.h>

#include "scratch.h"
#include "session.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"

#define ROOM_MAX 200 /* bytes of the name that a client gives a room */

/* The word for a kind of room, and how its topics begin. */
static const struct {
    const char *type, *topic;
} room_types[] = {
    {"course", "course:"},
    {"studygroup", "group:"},
    {"whiteboard", "whiteboard:"},
    {"assessment", "assessment:"},
};

/* Its frames, and the pushes they are. */
static const struct {
    const char *type, *push;
} frames[] = {
    {"cursor_move", "cursor"},        {"typing_indicator", "typing"},
    {"text_change", "text_change"},   {"whiteboard_draw", "whiteboard_draw"},
    {"chat_message", "chat_message"},
};

static struct mp empty_map(void)
{
    return mp_view("\x80", 1);
}

/* ---- telling ---- */

static void refuse_frame(struct session *s, struct str room, enum reason reason, const char *field)
{
    struct envelope e = {.join_ref = room.n <= ROOM_MAX ? room : (struct str){0}};

    session_refuse(
        s, &e, &(struct refusal){.reason = reason, .field = field, .code = field ? "type" : NULL});
}

void old_opened(struct session *s)
{
    static const char *const words[] = {
        "Connecté : les autres vous voient dès que vous rejoignez une salle.",
        "Connected: others see you as soon as you join a room."};
    struct buf out = BUF_INIT, b = BUF_INIT, name = BUF_INIT;
    const struct identity *who = s->who;
    struct old_frame f;
    struct object user;
    char id[UUID_SIZE];

    if (s->enc != ENC_COLLAB)
        return;
    uuid_make(id);
    buf_printf(&name, "%s%s%s", who->first_name, *who->first_name && *who->last_name ? " " : "",
               who->last_name);
    object_begin(&user, &b, ENC_JSON);
    object_str(&user, "id", str_of(who->user_id));
    object_str(&user, "name", str_of(name.len ? buf_cstr(&name) : who->email));
    object_str(&user, "role", str_of(role_name(who->role)));
    object_str(&user, "establishmentId", str_of(who->establishment_id));
    object_end(&user);
    struct object *o = old_begin(&f, ENC_COLLAB, "connected", (struct str){0});
    object_str(o, "sessionId", str_of(id));
    object_value(o, "user", value_put_together(ENC_JSON, &b));
    object_str(o, "message", str_of(words[s->lang]));
    old_end(&f, &out);
    session_tell(s, body_of(&out), WS_CONTROL);
    buf_finish(&name);
    buf_finish(&out);
    buf_finish(&b);
}

/* ---- rooms ---- */

static void join(struct session *s, struct str room, const char *prefix, struct str id)
{
    struct buf topic = BUF_INIT;

    buf_puts(&topic, prefix);
    buf_put(&topic, id.p, id.n);
    struct envelope e = {.join_ref = room,
                         .topic = {(const char *)topic.data, topic.len},
                         .event = STR("phx_join"),
                         .payload = empty_map()};
    session_join(s, &e);
    buf_finish(&topic);
}

static void join_room(struct session *s, struct mp data)
{
    struct str room = mp_str(mp_get(data, "roomId")), type = mp_str(mp_get(data, "roomType")),
               id = mp_str(mp_get(data, "resourceId"));

    if (!session_may_join(s, &(struct envelope){.join_ref = room}))
        return;
    if (!room.p || room.n > ROOM_MAX || !id.p || id.n == 0) {
        refuse_frame(s, room, REASON_invalid, !id.p || id.n == 0 ? "resourceId" : "roomId");
        return;
    }
    for (size_t i = 0; i < sizeof(room_types) / sizeof(room_types[0]); i++)
        if (str_is(type, room_types[i].type)) {
            join(s, room, room_types[i].topic, id);
            return;
        }
    refuse_frame(s, room, REASON_unmatched_topic, NULL);
}

static struct membership *membership_of(struct session *s, struct str room)
{
    for (unsigned i = 0; i < s->member_count; i++)
        if (room.p && s->members[i].join_ref && str_is(room, s->members[i].join_ref))
            return &s->members[i];
    return NULL;
}

/* Ends it here (leave: the channel has it still), and joins the same topic under the same name. */
static void join_again(struct session *s, struct membership *m, bool leave)
{
    struct str name = membership_name(m);
    char *topic = xstrndup(name.p, name.n), *room = m->join_ref ? xstrdup(m->join_ref) : NULL;
    struct envelope e = {.join_ref = str_of(room), .topic = str_of(topic), .payload = empty_map()};

    if (leave)
        session_leave(s, m, LEFT_ITSELF);
    else
        session_dropped(s, m);
    if (s->conn && !s->draining && !s->revoked)
        session_join(s, &e);
    free(topic);
    free(room);
}

void old_rejoin(struct session *s, struct membership *m)
{
    join_again(s, m, false);
}

void old_rejoin_all(struct session *s)
{
    uint32_t upto = s->nonce;

    for (unsigned i = 0; i < s->member_count;)
        if (s->members[i].nonce > upto) {
            i++;
        } else {
            join_again(s, &s->members[i], true);
            i = 0;
        }
}

/* ---- what is said in them ---- */

/* In a study group what is said stays: the same message as anybody's. */
static void say(struct session *s, struct membership *m, struct envelope *e)
{
    struct buf b = BUF_INIT;
    struct mp said = mp_get(e->payload, "message");

    mp_put_map(&b, 2);
    mp_put_cstr(&b, "type");
    mp_put_cstr(&b, "text");
    mp_put_cstr(&b, "content");
    mp_put_raw(&b, said);
    e->event = STR("message:new");
    e->payload = mp_view(b.data, b.len);
    if (session_may_push(s, e))
        session_forward(s, m, e);
    buf_finish(&b);
}

static void push(struct session *s, const char *event, struct str room, struct mp data)
{
    struct membership *m = membership_of(s, room);
    struct envelope e = {.join_ref = room, .event = str_of(event), .payload = data};

    if (!m || !m->topic) {
        if (session_may_push(s, &e))
            session_refuse_for(s, &e, REASON_not_joined);
        return;
    }
    struct str topic = membership_name(m);
    if (str_is(e.event, "chat_message") && topic.n > 6 && memcmp(topic.p, "group:", 6) == 0)
        say(s, m, &e);
    else if (session_may_push(s, &e))
        session_forward(s, m, &e);
}

static void collab_frame(struct session *s, struct str type, struct mp frame)
{
    struct mp data = mp_get(frame, "data");
    struct str room = mp_str(mp_get(frame, "roomId"));

    if (mp_type(data) != MP_MAP)
        data = empty_map();
    if (!room.p)
        room = mp_str(mp_get(data, "roomId"));
    if (str_is(type, "join_room")) {
        join_room(s, data);
        return;
    }
    if (str_is(type, "leave_room")) {
        struct membership *m = membership_of(s, room);
        if (m)
            session_leave(s, m, LEFT_ITSELF);
        return;
    }
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
        if (str_is(type, frames[i].type)) {
            push(s, frames[i].push, room, data);
            return;
        }
    if (session_may_push(s, &(struct envelope){.join_ref = room}))
        refuse_frame(s, room, REASON_invalid, "type");
}

static void flat_frame(struct session *s, struct str type, struct mp frame)
{
    struct str id = mp_str(mp_get(frame, "studyGroupId"));

    if (!session_may_join(s, &(struct envelope){.join_ref = id}))
        return;
    if (!str_is(type, "join_group"))
        refuse_frame(s, id, REASON_invalid, "type");
    else if (!id.p || id.n == 0)
        refuse_frame(s, id, REASON_invalid, "studyGroupId");
    else
        join(s, id, "group:", id);
}

void old_message(struct session *s, const uint8_t *bytes, size_t n)
{
    struct buf *in = scratch(SCRATCH_INBOUND);
    struct envelope nothing = {0};
    const char *why;
    size_t at;

    buf_clear(in);
    bool good = json_to_mp((const char *)bytes, n, in, &why, &at) == 0;
    struct mp frame = good ? mp_view(in->data, in->len) : (struct mp){0};
    struct str type = mp_str(mp_get(frame, "type"));
    if (!type.p) {
        if (session_may_push(s, &nothing))
            refuse_frame(s, (struct str){0}, REASON_invalid, "type");
    } else if (s->enc == ENC_COLLAB) {
        collab_frame(s, type, frame);
    } else {
        flat_frame(s, type, frame);
    }
}
