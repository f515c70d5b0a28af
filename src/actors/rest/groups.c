/*
 * Study groups over REST. What members see live (joining, leaving, messages) goes through the
 * group's channel actor, so that a POST and a push are the same act; lists and creation are the
 * database's own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "groups.h"
#include "stacgate/channel.h"
#include "stacgate/json.h"

static int64_t staff(const struct rest *r)
{
    return identity_can(r->who, "study_groups:manage");
}

/* ---- GET /api/study-groups ---- */

const struct field schema_groups[] = {
    {.name = "courseId", .type = FIELD_ID},
    {.name = "status", .type = FIELD_CHOICE, .choices = "active|archived|scheduled"},
    {.name = "mine", .type = FIELD_BOOL},
    {.name = "q", .type = FIELD_STR, .max = 100, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentId", .type = FIELD_TENANT},
    LIST_FIELDS,
    {.name = NULL}};

static int listed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return db_true(m, 0, 0, 3) ? rest_reply_page(state, m, 0) : rest_refuse(state, P_not_found);
}

int op_groups_list(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp mine = mp_get(r->query, "mine");
    struct cursor c;
    struct db_group *g;

    (void)m;
    if (!rest_cursor(r, time_valid, &c))
        return rest_refuse_cursor(r);
    g = rest_group(r, DB_READ);
    db_stmt(g, SQL_GROUPS_LIST);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_bool(g, staff(r));
    db_strv_put(g, rest_arg(r, "courseId"));
    db_strv_put(g, rest_arg(r, "status"));
    db_str(g, !mine.p ? NULL : mp_bool(mine, false) ? "t" : "f");
    db_strv_put(g, rest_arg(r, "q"));
    rest_put_page(g, r, &c);
    return rest_ask(self, g, listed);
}

/* ---- POST /api/study-groups ---- */

/* The switches of a group, all booleans; locking is the moderators' (realtime), not the creator's
 * form. */
const struct field group_settings_schema[] = {{.name = "allowFileSharing", .type = FIELD_BOOL},
                                              {.name = "allowScreenShare", .type = FIELD_BOOL},
                                              {.name = "allowWhiteboard", .type = FIELD_BOOL},
                                              {.name = "allowPolls", .type = FIELD_BOOL},
                                              {.name = "moderatorOnly", .type = FIELD_BOOL},
                                              {.name = NULL}};

const struct field schema_group_new[] = {
    {.name = "name", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 120},
    {.name = "description", .type = FIELD_STR, .flags = FIELD_BLANK_IS_ABSENT, .max = 2000},
    {.name = "courseId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "maxMembers", .type = FIELD_INT, .min = 2, .max = 500},
    {.name = "isPublic", .type = FIELD_BOOL},
    {.name = "tags", .type = FIELD_TEXTS, .max = 20},
    {.name = "scheduledDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "endDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "meetingUrl", .type = FIELD_URL, .flags = FIELD_BLANK_IS_ABSENT, .max = 500},
    {.name = "settings", .type = FIELD_OBJECT, .max = 4096, .inner = group_settings_schema},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "createdBy", .type = FIELD_CALLER, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "currentMembers", .type = FIELD_IGNORED},
    {.name = "status", .type = FIELD_IGNORED},
    {.name = NULL}};

static int made(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    return rest_outcome(r, m, 0);
}

static void put_texts(struct db_group *g, struct mp texts)
{
    db_array(g);
    if (mp_type(texts) == MP_ARRAY)
        for (struct mp_iter it = mp_iter(texts); mp_next(&it);)
            db_array_strn(g, mp_str(it.value).p, mp_str(it.value).n);
    db_array_end(g);
}

static void put_optional(struct db_group *g, struct mp v)
{
    if (mp_type(v) == MP_BOOL)
        db_bool(g, mp_bool(v, false));
    else if (mp_type(v) == MP_INT)
        db_i64(g, mp_int(v, 0));
    else
        db_str(g, NULL);
}

int op_groups_create(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g;

    (void)m;
    if (!r->tenant[0])
        return rest_refuse_fields(
            r, P_invalid, &(struct field_error){.field = "establishmentId", .code = E_required}, 1);
    g = rest_group(r, DB_READ);
    db_errors_as_result(g);
    db_stmt(g, SQL_GROUPS_CREATE);
    db_str(g, r->tenant);
    db_str(g, r->who->user_id);
    db_strv_put(g, rest_arg(r, "name"));
    db_strv_put(g, rest_arg(r, "description"));
    db_strv_put(g, rest_arg(r, "courseId"));
    put_optional(g, mp_get(r->body, "maxMembers"));
    put_optional(g, mp_get(r->body, "isPublic"));
    put_texts(g, mp_get(r->body, "tags"));
    db_strv_put(g, rest_arg(r, "scheduledDate"));
    db_strv_put(g, rest_arg(r, "endDate"));
    db_strv_put(g, rest_arg(r, "meetingUrl"));
    rest_put_json(g, mp_get(r->body, "settings"));
    rest_keep_answer(g, r);
    return rest_ask(self, g, made);
}

/* ---- through the channel ---- */

static int join(struct actor *self, struct rest *r, bool invited);

static int invitation_read(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    rest_took(r, m);
    return db_true(m, 0, 0, 0) ? join(self, r, true) : rest_refuse(r, P_private_group);
}

/* A private group was joined without an invitation so far; is there one? Asked once. */
static int look_for_invitation(struct actor *self, struct rest *r)
{
    struct db_group *g = rest_group(r, DB_READ);

    rest_own(r, 1);
    db_stmt(g, SQL_GROUPS_INVITED);
    db_str(g, r->who->user_id);
    db_str(g, http_param(r->http, "id"));
    return rest_ask(self, g, invitation_read);
}

/* The channel's answer as REST gives it: its item, or the refusal that fits its reason. */
static int pushed(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp reply = body_mp(m->body), item = mp_get(reply, "item");
    bool leaves = str_is(rest_arg(r, "action"), "leave");
    bool forbidden = str_is(mp_str(mp_get(mp_get(reply, "response"), "reason")), "forbidden");

    if (forbidden && r->op->first == op_groups_join)
        return leaves || r->own ? rest_refuse(r, P_private_group) : look_for_invitation(self, r);
    if (!str_is(mp_str(mp_get(reply, "status")), "ok"))
        return r->op->first == op_groups_join
                   ? rest_push_refused(r, mp_get(reply, "response"))
                   : rest_push_refuse(self, r, mp_get(reply, "response"));
    return rest_reply_mp_kept(self, r, leaves ? 200 : r->op->success,
                              item.p ? item : mp_get(reply, "response"));
}

static int push(struct actor *self, struct rest *r, const char *event, struct mp payload)
{
    return rest_push_to(self, r, "group", event, payload, pushed);
}

/* ---- POST /api/study-groups/:id/join ---- */

const struct field schema_group_join[] = {
    {.name = "action", .type = FIELD_CHOICE, .choices = "join|leave"},
    {.name = "opId", .type = FIELD_OP_ID},
    {.name = "userId", .type = FIELD_CALLER},
    {.name = "establishmentId", .type = FIELD_TENANT},
    {.name = NULL}};

static int join(struct actor *self, struct rest *r, bool invited)
{
    struct buf payload = BUF_INIT, fields = BUF_INIT;
    uint32_t count = rest_put_op_id(r, &fields);
    bool leaves = str_is(rest_arg(r, "action"), "leave");

    mp_put_map(&payload, count + (invited ? 1 : 0));
    buf_put(&payload, fields.data, fields.len);
    if (invited) {
        mp_put_cstr(&payload, "invited");
        mp_put_bool(&payload, true);
    }
    int err =
        push(self, r, leaves ? "member:leave" : "member:join", mp_view(payload.data, payload.len));
    buf_finish(&fields);
    buf_finish(&payload);
    return err;
}

int op_groups_join(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return join(self, state, false);
}

/* ---- GET /api/study-groups/:id/messages ---- */

const struct field schema_messages[] = {
    {.name = "before", .type = FIELD_INT, .min = 0, .max = INT64_MAX},
    {.name = "after", .type = FIELD_INT, .min = 0, .max = INT64_MAX},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_LIMIT_MAX},
    {.name = "establishmentId", .type = FIELD_TENANT},
    {.name = NULL}};

static int read_messages(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    if (db_null(m, 0, 0, 0))
        return rest_refuse(r, P_not_found);
    if (!db_true(m, 0, 0, 0))
        return rest_refuse(r, P_members_only);
    if (!db_null(m, 0, 0, 2))
        rest_link_next(r, mp_get(r->query, "after").p ? "after" : "before", db_text(m, 0, 0, 2));
    return rest_reply_value(r, m, 200, 0, 0, 1, 0);
}

int op_messages_list(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g;

    (void)m;
    g = rest_group(r, DB_READ);
    db_stmt(g, SQL_GROUPS_MESSAGES);
    db_str(g, rest_tenant_filter(r));
    db_str(g, r->who->user_id);
    db_str(g, http_param(r->http, "id"));
    put_optional(g, mp_get(r->query, "before"));
    put_optional(g, mp_get(r->query, "after"));
    db_i64(g, rest_limit(r));
    db_bool(g, staff(r));
    return rest_ask(self, g, read_messages);
}

/* ---- POST /api/study-groups/:id/messages ---- */

/* What messages say beside their text, by their type, as the channel wants it of sockets. */
static const struct field option_schema[] = {
    {.name = "id", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 64},
    {.name = "text", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 500},
    {.name = NULL}};
static const struct field metadata_schema[] = {
    {.name = "mentions", .type = FIELD_IDS, .max = 100},
    {.name = "fileId", .type = FIELD_STR, .min = 1, .max = 500},
    {.name = "name", .type = FIELD_STR, .min = 1, .max = 500},
    {.name = "size", .type = FIELD_INT, .max = (INT64_C(1) << 53) - 1},
    {.name = "mimeType", .type = FIELD_STR, .min = 1, .max = 500},
    {.name = "url", .type = FIELD_URL, .max = 2000},
    {.name = "title", .type = FIELD_STR, .min = 1, .max = 500},
    {.name = "question", .type = FIELD_STR, .min = 1, .max = 500},
    {.name = "options", .type = FIELD_LIST, .min = 2, .max = 20, .inner = option_schema},
    {.name = "multiple", .type = FIELD_BOOL},
    {.name = "anonymous", .type = FIELD_BOOL},
    {.name = "closesAt", .type = FIELD_TIME},
    {.name = "whiteboardId", .type = FIELD_ID},
    {.name = NULL}};
#define FILE_FIELDS "fileId|name|size|mimeType"
static const struct variant metadata_variants[] = {
    {"text", "mentions", "", "", "{\"mentions\":[]}"},
    {"file|image", FILE_FIELDS, FILE_FIELDS, "",
     "{\"fileId\":\"f1\",\"name\":\"plan.pdf\",\"size\":1024,\"mimeType\":\"application/pdf\"}"},
    {"link", "url|title", "url", "", "{\"url\":\"https://ecole.test/\",\"title\":\"École\"}"},
    {"poll", "question|options|multiple|anonymous|closesAt", "question|options", "",
     "{\"question\":\"Quand ?\",\"options\":[{\"id\":\"a\",\"text\":\"Lundi\"},{\"id\":\"b\","
     "\"text\":\"Mardi\"}],\"multiple\":false}"},
    {"whiteboard", "whiteboardId", "whiteboardId", "", "{\"whiteboardId\":\"tableau\"}"},
    {.kinds = NULL}};
const struct field schema_message_new[] = {
    {.name = "content", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 8000},
    {.name = "type", .type = FIELD_CHOICE, .choices = "text|file|image|link|poll|whiteboard"},
    {.name = "metadata",
     .type = FIELD_OBJECT,
     .max = 16384,
     .inner = metadata_schema,
     .variants = metadata_variants,
     .by = "type",
     .otherwise = "text"},
    {.name = "replyToId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "opId", .type = FIELD_OP_ID},
    {.name = "senderId", .type = FIELD_CALLER, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "studyGroupId", .type = FIELD_IGNORED},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

static int post(struct actor *self, struct rest *r)
{
    static const char *const names[] = {"content", "metadata", "replyToId"};
    struct buf payload = BUF_INIT, fields = BUF_INIT;
    uint32_t count = 1;

    mp_put_cstr(&fields, "type");
    if (rest_arg(r, "type").p)
        mp_put_raw(&fields, mp_get(r->body, "type"));
    else
        mp_put_cstr(&fields, "text");
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct mp v = mp_get(r->body, names[i]);
        if (!v.p)
            continue;
        mp_put_cstr(&fields, names[i]);
        mp_put_raw(&fields, v);
        count++;
    }
    count += rest_put_op_id(r, &fields);
    mp_put_map(&payload, count);
    buf_put(&payload, fields.data, fields.len);
    int err = push(self, r, "message:new", mp_view(payload.data, payload.len));
    buf_finish(&fields);
    buf_finish(&payload);
    return err;
}

static int named(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    rest_took(r, m);
    return db_true(m, 0, 0, 0) ? post(self, r) : rest_refuse(r, P_not_found);
}

/* Whom and what a message names is of this school. */
int op_messages_create(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp meta = mp_get(r->body, "metadata"), people = mp_get(meta, "mentions");
    struct str board = mp_str(mp_get(meta, "whiteboardId"));

    (void)m;
    if (mp_count(people) == 0 && !board.p)
        return post(self, r);
    struct db_group *g = rest_group(r, DB_READ);
    db_stmt(g, SQL_GROUPS_NAMED);
    db_str(g, rest_tenant_filter(r));
    put_texts(g, people);
    db_strv_put(g, board);
    return rest_ask(self, g, named);
}
