/*
 * Polls of study groups over REST: votes and closings go through the group's channel, so that its
 * members see them at once; what a poll stands at, with the caller's own vote (which an anonymous
 * poll tells nobody else), is read.
 */
#include "op.h"
#include "run.h"

const struct field schema_poll_vote[] = {
    {.name = "option", .type = FIELD_LINE, .min = 1, .max = 64},
    {.name = "options", .type = FIELD_TEXTS, .max = 20},
    {.name = "opId", .type = FIELD_OP_ID},
    {.name = "userId", .type = FIELD_CALLER, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};
const struct field schema_poll_close[] = {{.name = "opId", .type = FIELD_OP_ID}, {.name = NULL}};

static int read_poll(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_outcome(state, m, 0);
}

int op_polls_get(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {
        .sql = SQL_GROUPS_POLL, .params = "tuim", .manage = "study_groups:manage"};
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    rest_put(g, r, &what, NULL);
    db_str(g, http_param(r->http, "messageId"));
    return rest_ask(self, g, read_poll);
}

static int push(struct actor *self, struct rest *r, const char *event, struct mp option)
{
    struct buf payload = BUF_INIT, op_id = BUF_INIT;
    uint32_t n = rest_put_op_id(r, &op_id);

    mp_put_map(&payload, n + 1 + (option.p != NULL));
    buf_put(&payload, op_id.data, op_id.len);
    mp_put_cstr(&payload, "messageId");
    mp_put_cstr(&payload, http_param(r->http, "messageId"));
    if (option.p) {
        mp_put_cstr(&payload, "option");
        mp_put_raw(&payload, option);
    }
    int err = rest_push(self, r, "group", event, mp_view(payload.data, payload.len));
    buf_finish(&payload);
    buf_finish(&op_id);
    return err;
}

int op_polls_vote(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct mp one = mp_get(r->body, "option"), several = mp_get(r->body, "options");

    (void)m;
    if (!one.p == !several.p) /* neither, or both */
        return rest_refuse_fields(r, P_invalid,
                                  &(struct field_error){.field = "option", .code = E_required}, 1);
    return push(self, r, "poll:vote", one.p ? one : several);
}

int op_polls_close(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return push(self, state, "poll:close", (struct mp){0});
}
