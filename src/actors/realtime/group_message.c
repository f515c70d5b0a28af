/*
 * What is said in a group: messages and reactions. Checks write the event's payload as it will
 * stand in the log; a message's sender is never in it, because names change.
 */
#include <errno.h>

#include "group.h"
#include "poll.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/json.h"
#include "unread.h"

/* ---- metadata by type ---- */

enum shape { SHAPE_STR, SHAPE_SIZE, SHAPE_BOOL, SHAPE_URL, SHAPE_IDS, SHAPE_OPTIONS, SHAPE_FUTURE };

struct meta_field {
    const char *name;
    enum shape shape;
    bool required;
};

static const struct meta_field text_meta[] = {{"mentions", SHAPE_IDS, false}, {0}};
static const struct meta_field file_meta[] = {{"fileId", SHAPE_STR, true},
                                              {"name", SHAPE_STR, true},
                                              {"size", SHAPE_SIZE, true},
                                              {"mimeType", SHAPE_STR, true},
                                              {0}};
static const struct meta_field link_meta[] = {
    {"url", SHAPE_URL, true}, {"title", SHAPE_STR, false}, {0}};
static const struct meta_field poll_meta[] = {
    {"question", SHAPE_STR, true},     {"options", SHAPE_OPTIONS, true},
    {"multiple", SHAPE_BOOL, false},   {"anonymous", SHAPE_BOOL, false},
    {"closesAt", SHAPE_FUTURE, false}, {0}};
static const struct meta_field board_meta[] = {{"whiteboardId", SHAPE_STR, true}, {0}};

static const struct {
    const char *type;
    const struct meta_field *fields;
    const char *setting; /* that allows it; NULL: always */
} types[] = {
    {"text", text_meta, NULL},
    {"file", file_meta, "allowFileSharing"},
    {"image", file_meta, "allowFileSharing"},
    {"link", link_meta, NULL},
    {"poll", poll_meta, "allowPolls"},
    {"whiteboard", board_meta, "allowWhiteboard"},
};

bool fits_str(struct mp v, size_t max)
{
    struct str s = mp_str(v);

    return s.p && s.n >= 1 && utf8_length(s.p, s.n) <= max;
}

static bool fits_ids(struct mp v)
{
    if (mp_type(v) != MP_ARRAY || mp_count(v) > 100)
        return false;
    for (struct mp_iter it = mp_iter(v); mp_next(&it);)
        if (!fits_str(it.value, 64))
            return false;
    return true;
}

static bool fits_options(struct mp v)
{
    uint32_t n = 0;

    if (mp_type(v) != MP_ARRAY || mp_count(v) < 2 || mp_count(v) > POLL_OPTIONS_MAX)
        return false;
    for (struct mp_iter it = mp_iter(v); mp_next(&it); n++) {
        struct str id = mp_str(mp_get(it.value, "id"));

        if (!fits_str(mp_get(it.value, "id"), 64) || !fits_str(mp_get(it.value, "text"), 500))
            return false;
        for (uint32_t i = 0; i < n; i++) {
            struct str other = mp_str(mp_get(mp_at(v, i), "id"));

            if (id.n == other.n && memcmp(id.p, other.p, id.n) == 0)
                return false; /* a vote could not say which */
        }
    }
    return true;
}

static bool fits_future(struct mp v)
{
    struct str s = mp_str(v);
    int64_t at;

    return s.p && iso_parse(s.p, s.n, &at) == 0 && at > wall_ms();
}

static bool fits_url(struct mp v)
{
    struct str s = mp_str(v);

    return fits_str(v, 2000) && ((s.n > 8 && memcmp(s.p, "https://", 8) == 0) ||
                                 (s.n > 7 && memcmp(s.p, "http://", 7) == 0));
}

static bool fits(struct mp v, enum shape shape)
{
    switch (shape) {
    case SHAPE_STR:
        return fits_str(v, 500);
    case SHAPE_SIZE:
        return mp_type(v) == MP_INT && mp_int(v, -1) >= 0;
    case SHAPE_BOOL:
        return mp_type(v) == MP_BOOL;
    case SHAPE_URL:
        return fits_url(v);
    case SHAPE_IDS:
        return fits_ids(v);
    case SHAPE_OPTIONS:
        return fits_options(v);
    case SHAPE_FUTURE:
        return fits_future(v);
    }
    return false;
}

static int check_metadata(struct mp meta, const struct meta_field *fields, struct refusal *ret)
{
    bool absent = mp_type(meta) == MP_NONE || mp_type(meta) == MP_NIL;

    if (!absent && mp_type(meta) != MP_MAP)
        return refuse(ret, REASON_invalid, "metadata", "type");
    if (mp_bytes(meta).n > METADATA_MAX)
        return refuse(ret, REASON_too_large, "metadata", "length");
    for (const struct meta_field *f = fields; f->name; f++) {
        struct mp v = mp_get(meta, f->name);
        bool missing = mp_type(v) == MP_NONE || mp_type(v) == MP_NIL;

        if (missing ? f->required : !fits(v, f->shape))
            return refuse(ret, REASON_invalid, "metadata", missing ? "required" : "type");
    }
    for (struct mp_iter it = mp_iter(meta); mp_next(&it);) {
        const struct meta_field *f = fields;

        while (f->name && !str_is(mp_str(it.key), f->name))
            f++;
        if (!f->name)
            return refuse(ret, REASON_invalid, "metadata", "unknown");
    }
    return 0;
}

/* ---- checks ---- */

int may_post(struct channel *c, const struct user *u, struct refusal *ret)
{
    const struct group *g = group_of(c);

    if (g->archived)
        return refuse(ret, REASON_read_only, NULL, NULL);
    if (moderates(u))
        return 0;
    if (u->belongs == MEMBER_NONE)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (u->muted_until > wall_ms())
        return refuse(ret, REASON_muted, NULL, NULL);
    if (g->locked)
        return refuse(ret, REASON_locked, NULL, NULL);
    if (g->moderator_only)
        return refuse(ret, REASON_forbidden, NULL, NULL);
    return 0;
}

static int check_content(struct mp v, struct refusal *ret)
{
    struct str s = mp_str(v);

    if (mp_type(v) == MP_NONE)
        return refuse(ret, REASON_invalid, "content", "required");
    if (mp_type(v) != MP_STR)
        return refuse(ret, REASON_invalid, "content", "type");
    if (s.n == 0)
        return refuse(ret, REASON_invalid, "content", "required");
    if (utf8_length(s.p, s.n) > CONTENT_MAX)
        return refuse(ret, REASON_invalid, "content", "too_long");
    return 0;
}

static bool allowed_by(const struct group *g, const char *setting)
{
    struct buf b = BUF_INIT;
    const char *why;
    size_t at;

    if (!setting ||
        json_to_mp((const char *)g->settings->bytes, g->settings->len, &b, &why, &at) < 0)
        return true;
    bool allowed = mp_bool(mp_get(mp_view(b.data, b.len), setting), true);
    buf_finish(&b);
    return allowed;
}

static int check_type(struct channel *c, struct op *op, struct str type, struct refusal *ret)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!str_is(type, types[i].type))
            continue;
        if (!allowed_by(group_of(c), types[i].setting))
            return refuse(ret, REASON_forbidden, NULL, NULL);
        return check_metadata(mp_get(op->payload, "metadata"), types[i].fields, ret);
    }
    return refuse(ret, REASON_invalid, "type", "unknown");
}

static int check_reply_to(const struct op *op, struct mp reply, struct refusal *ret)
{
    if (mp_type(reply) == MP_NONE || mp_type(reply) == MP_NIL)
        return 0;
    if (mp_type(reply) != MP_STR)
        return refuse(ret, REASON_invalid, "replyToId", "type");
    if (!op->message.found)
        return refuse(ret, REASON_not_found, "replyToId", "not_found");
    return 0;
}

void message_looked(struct channel *c, struct op *op, const struct msg *m, int row)
{
    op->message.found = db_true(m, 0, row, 2);
    snprintf(op->message.sender_id, sizeof(op->message.sender_id), "%s", db_text(m, 0, row, 3));
    op->message.created_ms = db_int(m, 0, row, 4);
    op->message.deleted = db_true(m, 0, row, 5);
    snprintf(op->message.type, sizeof(op->message.type), "%s", db_text(m, 0, row, 6));
    poll_looked(c, op, m, row);
}

int message_new_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp type_v = mp_get(op->payload, "type"), reply = mp_get(op->payload, "replyToId");
    struct str type = mp_type(type_v) == MP_NONE ? STR("text") : mp_str(type_v);
    int r;

    if ((r = may_post(c, op->user, ret)) < 0 ||
        (r = check_content(mp_get(op->payload, "content"), ret)) < 0 ||
        (r = check_type(c, op, type, ret)) < 0 || (r = check_reply_to(op, reply, ret)) < 0)
        return r;
    uuid_make(op->ref);
    mp_put_map(&op->stored, 5);
    mp_put_cstr(&op->stored, "id");
    mp_put_cstr(&op->stored, op->ref);
    mp_put_cstr(&op->stored, "type");
    mp_put_str(&op->stored, type.p, type.n);
    mp_put_cstr(&op->stored, "content");
    mp_put_raw(&op->stored, mp_get(op->payload, "content"));
    mp_put_cstr(&op->stored, "metadata");
    mp_put_raw(&op->stored, mp_get(op->payload, "metadata"));
    mp_put_cstr(&op->stored, "replyToId");
    mp_put_raw(&op->stored, reply);
    return 0;
}

/* The message that a push speaks of: there, and not deleted. Sets op->ref. */
int message_check(struct op *op, const char *field, struct refusal *ret)
{
    struct str id = mp_str(mp_get(op->payload, field));

    if (!id.p || id.n == 0 || id.n >= sizeof(op->ref))
        return refuse(ret, REASON_invalid, field, id.p ? "length" : "required");
    if (!op->message.found || op->message.deleted)
        return refuse(ret, REASON_not_found, NULL, NULL);
    snprintf(op->ref, sizeof(op->ref), "%.*s", (int)id.n, id.p);
    return 0;
}

int message_edit_check(struct channel *c, struct op *op, struct refusal *ret)
{
    bool own = strcmp(op->message.sender_id, op->user->id) == 0;
    bool late = wall_ms() - op->message.created_ms > (int64_t)config.edit_window;
    int r;

    if ((r = check_content(mp_get(op->payload, "content"), ret)) < 0 ||
        (r = message_check(op, "id", ret)) < 0)
        return r;
    if (group_of(c)->archived)
        return refuse(ret, REASON_read_only, NULL, NULL);
    if (!moderates(op->user) && (!own || late))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    if (!moderates(op->user) && (r = may_post(c, op->user, ret)) < 0)
        return r;
    mp_put_map(&op->stored, 2);
    mp_put_cstr(&op->stored, "id");
    mp_put_cstr(&op->stored, op->ref);
    mp_put_cstr(&op->stored, "content");
    mp_put_raw(&op->stored, mp_get(op->payload, "content"));
    return 0;
}

static int check_reason(struct mp v, bool required, struct refusal *ret)
{
    if (mp_type(v) == MP_NONE || mp_type(v) == MP_NIL)
        return required ? refuse(ret, REASON_invalid, "reason", "required") : 0;
    return fits_str(v, REASON_TEXT_MAX) ? 0 : refuse(ret, REASON_invalid, "reason", "length");
}

int message_delete_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp reason = mp_get(op->payload, "reason");
    bool own = strcmp(op->message.sender_id, op->user->id) == 0;
    int r;

    if ((r = check_reason(reason, false, ret)) < 0 || (r = message_check(op, "id", ret)) < 0)
        return r;
    if (group_of(c)->archived && !moderates(op->user))
        return refuse(ret, REASON_read_only, NULL, NULL);
    if (!own && !moderates(op->user))
        return refuse(ret, REASON_forbidden, NULL, NULL);
    mp_put_map(&op->stored, 3);
    mp_put_cstr(&op->stored, "id");
    mp_put_cstr(&op->stored, op->ref);
    mp_put_cstr(&op->stored, "moderated");
    mp_put_bool(&op->stored, !own);
    mp_put_cstr(&op->stored, "reason");
    mp_put_raw(&op->stored, reason);
    return 0;
}

void message_deleted(struct channel *c, struct op *op)
{
    tail_blank(c, op->ref);
    polls_forget(c, op->ref);
    for (struct op *q = c->queue; q; q = q->next) /* looked up before this deletion */
        if (q->looked && q->kind->lookup &&
            str_is(mp_str(mp_get(q->payload, q->kind->lookup)), op->ref))
            q->message.deleted = true;
    if (strcmp(op->message.sender_id, op->user->id) != 0)
        log_msg(LOG_INFO, "message_moderated", "%s: message %s of %s deleted by %s", c->topic,
                op->ref, op->message.sender_id, op->user->id);
}

int reaction_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp emoji = mp_get(op->payload, "emoji");
    struct str s = mp_str(emoji);
    int r;

    if (!fits_str(emoji, 16) || s.n > 64)
        return refuse(ret, REASON_invalid, "emoji", s.p ? "length" : "required");
    if ((r = message_check(op, "messageId", ret)) < 0 || (r = may_post(c, op->user, ret)) < 0)
        return r;
    mp_put_map(&op->stored, 3);
    mp_put_cstr(&op->stored, "messageId");
    mp_put_cstr(&op->stored, op->ref);
    mp_put_cstr(&op->stored, "userId");
    mp_put_cstr(&op->stored, op->user->id);
    mp_put_cstr(&op->stored, "emoji");
    mp_put_raw(&op->stored, emoji);
    return 0;
}

/* Not for everyone's eyes, so never numbered: it goes to the moderators' own topics. */
int message_report_check(struct channel *c, struct op *op, struct refusal *ret)
{
    struct mp reason = mp_get(op->payload, "reason");
    struct buf b = BUF_INIT;
    struct user *u;
    int r;

    if ((r = check_reason(reason, true, ret)) < 0 || (r = message_check(op, "id", ret)) < 0)
        return r;
    mp_put_map(&b, 4);
    mp_put_cstr(&b, "studyGroupId");
    mp_put_cstr(&b, c->id);
    mp_put_cstr(&b, "messageId");
    mp_put_cstr(&b, op->ref);
    mp_put_cstr(&b, "reason");
    mp_put_raw(&b, reason);
    mp_put_cstr(&b, "by");
    mp_put_cstr(&b, op->user->id);
    for (uint32_t i = 0; (u = table_each(&c->members.users, &i));)
        if (moderates(u))
            user_tell(u->id, "message:reported", mp_view(b.data, b.len));
    buf_finish(&b);
    return PUSH_DONE;
}

/* ---- after the commit ---- */

/* The message as GET /api/study-groups/:id/messages would give it. */
void message_item(struct channel *c, struct op *op, struct buf *out)
{
    static const char *const said[] = {"type", "content", "metadata", "replyToId"};
    struct mp stored = mp_view(op->stored.data, op->stored.len);
    struct buf card = BUF_INIT, poll = BUF_INIT;
    struct object o;

    user_card(&card, op->user);
    object_begin(&o, out, ENC_MP);
    object_str(
        &o, "id",
        str_of(op->ref)); /* of a repeat: the first one's, not the one that this check made up */
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        object_value(&o, said[i], value_mp(mp_get(stored, said[i])));
    object_int(&o, "seq", op->seq);
    object_str(&o, "studyGroupId", str_of(c->id));
    object_str(&o, "senderId", str_of(op->user->id));
    object_value(&o, "sender", value_mp(mp_view(card.data, card.len)));
    object_str(&o, "createdAt", str_of(op->at));
    object_str(&o, "editedAt", (struct str){0});
    object_bool(&o, "isDeleted", false);
    object_value(&o, "reactions", value_mp(mp_view("\x90", 1)));
    poll_item(c, op, &poll);
    object_value(&o, "poll", value_mp(mp_view(poll.data, poll.len)));
    object_end(&o);
    buf_finish(&card);
    buf_finish(&poll);
}

static void tell_mentions(struct channel *c, const struct op *op)
{
    struct mp stored = mp_view(op->stored.data, op->stored.len);
    struct mp mentions = mp_get(mp_get(stored, "metadata"), "mentions");

    for (struct mp_iter it = mp_iter(mentions); mp_next(&it);) {
        struct user *u = members_find_user(&c->members, mp_str(it.value));
        struct buf b = BUF_INIT;

        if (!u || u == op->user || u->mentioned_seq == op->seq ||
            (u->belongs == MEMBER_NONE && !u->staff))
            continue;
        u->mentioned_seq = op->seq;
        mp_put_map(&b, 4);
        mp_put_cstr(&b, "type");
        mp_put_cstr(&b, "mention");
        mp_put_cstr(&b, "studyGroupId");
        mp_put_cstr(&b, c->id);
        mp_put_cstr(&b, "messageId");
        mp_put_cstr(&b, op->ref);
        mp_put_cstr(&b, "by");
        user_card(&b, op->user);
        user_tell(u->id, "notification", mp_view(b.data, b.len));
        buf_finish(&b);
    }
}

void messages_committed(struct channel *c, const struct op *batch)
{
    struct buf b = BUF_INIT;
    uint32_t n = 0;

    for (const struct op *op = batch; op; op = op->next)
        if (op->fresh && str_is(STR("message"), op->kind->event)) {
            tell_mentions(c, op);
            n++;
        }
    if (n == 0 || !unread_wanted())
        return;
    mp_put_map(&b, 2);
    mp_put_cstr(&b, "g");
    mp_put_cstr(&b, c->id);
    mp_put_cstr(&b, "m");
    mp_put_array(&b, n);
    for (const struct op *op = batch; op; op = op->next)
        if (op->fresh && str_is(STR("message"), op->kind->event)) {
            mp_put_array(&b, 2);
            mp_put_int(&b, op->seq);
            mp_put_cstr(&b, op->user->id);
        }
    unread_tell_loops(&b);
    buf_finish(&b);
}
