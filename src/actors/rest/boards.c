/*
 * Whiteboards over REST. Lists and creation are statements; a new title and the end of a board go
 * through its channel, so that who draws on it sees them; one board and its pictures are made of
 * what was folded and what the log has since, without waking the channel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/realtime/board_model.h"
#include "actors/realtime/board_svg.h"
#include "run.h"
#include "stacgate/json.h"

#define MANAGE .manage = "study_groups:manage"
#define TITLE_MAX 200

const struct field schema_boards[] = {LIST_FIELDS, {.name = NULL}};
const struct field schema_board_new[] = {
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = TITLE_MAX},
    {.name = "studyGroupId", .type = FIELD_IGNORED},
    {.name = "createdBy", .type = FIELD_CALLER, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};
const struct field schema_board_title[] = {
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = TITLE_MAX},
    {.name = "opId", .type = FIELD_OP_ID},
    {.name = NULL}};
const struct field schema_board_export[] = {
    {.name = "format", .type = FIELD_CHOICE, .choices = "svg|json"}, {.name = NULL}};

RUN_OP(boards_list, .sql = SQL_BOARDS_LIST, .params = "tuimp", MANAGE, .key = time_valid)
RUN_OP(boards_create, .sql = SQL_BOARDS_CREATE, .params = "tuibm", MANAGE)

/* ---- through the channel ---- */

int op_boards_rename(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct buf payload = BUF_INIT, op_id = BUF_INIT;

    (void)m;
    uint32_t n = rest_put_op_id(r, &op_id);
    mp_put_map(&payload, n + 1);
    buf_put(&payload, op_id.data, op_id.len);
    mp_put_cstr(&payload, "title");
    mp_put_raw(&payload, mp_get(r->body, "title"));
    int err = rest_push(self, r, "whiteboard", "board:rename", mp_view(payload.data, payload.len));
    buf_finish(&payload);
    buf_finish(&op_id);
    return err;
}

int op_boards_delete(struct actor *self, void *state, const struct msg *m)
{
    static const uint8_t nothing[] = {0x80}; /* an empty map */

    (void)m;
    return rest_push(self, state, "whiteboard", "board:delete", mp_view(nothing, 1));
}

/* ---- one board ---- */

enum { WORD, FACTS, TITLE, DATA, DATA_SEQ, LOCKED, LOCKED_IDS, LOG };

static struct mp column(const struct msg *m, int col, struct buf *b)
{
    struct str json = db_strv(m, 0, 0, col);
    const char *why;
    size_t at;

    buf_clear(b);
    return json_to_mp(json.p, json.n, b, &why, &at) < 0 ? (struct mp){0} : mp_view(b->data, b->len);
}

/* The board as it stands, and its seq. */
static int64_t board_read(const struct msg *m, struct board_model *model)
{
    struct buf data = BUF_INIT, ids = BUF_INIT;
    struct mp folded = column(m, DATA, &data), locked = column(m, LOCKED_IDS, &ids);

    board_load(model, folded, db_true(m, 0, 0, LOCKED), locked);
    int64_t seq = board_take_log(model, column(m, LOG, &data), db_int(m, 0, 0, DATA_SEQ));
    buf_finish(&data);
    buf_finish(&ids);
    return seq;
}

/* {…the board, "seq", "elements":[…]} as JSON. */
static void put_board(struct buf *out, const struct msg *m, const struct board_model *model,
                      int64_t seq)
{
    struct str facts = db_strv(m, 0, 0, FACTS);
    uint32_t n;
    struct element **sorted = board_sorted(model, &n);

    buf_put(out, facts.p, facts.n - 1); /* without its closing brace */
    buf_printf(out, ", \"seq\": %lld, \"elements\": [", (long long)seq);
    for (uint32_t i = 0; i < n; i++) {
        buf_puts(out, i ? ", " : "");
        mp_to_json(body_mp(sorted[i]->data), out);
    }
    buf_puts(out, "]}");
    free(sorted);
}

static int load(struct actor *self, struct rest *r, actor_step *next)
{
    static const struct run what = {.sql = SQL_BOARDS_LOAD, .params = "tuim", MANAGE};
    struct db_group *g = rest_group(r, DB_READ);

    rest_put(g, r, &what, NULL);
    return rest_ask(self, g, next);
}

/* 0: it may be read; else the request was refused. */
static int refused(struct rest *r, const struct msg *m)
{
    rest_took(r, m);
    if (db_rows(m, 0) == 0)
        return rest_refuse(r, P_not_found);
    return db_null(m, 0, 0, WORD) ? 0 : rest_refuse(r, P_forbidden);
}

static int got(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct board_model model = {0};
    struct buf json = BUF_INIT;
    int end = refused(r, m);

    (void)self;
    if (end)
        return end;
    put_board(&json, m, &model, board_read(m, &model));
    end = rest_reply_json(r, r->op->success, (struct str){(const char *)json.data, json.len});
    board_finish(&model);
    buf_finish(&json);
    return end;
}

int op_boards_get(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return load(self, state, got);
}

/* ---- GET /api/whiteboards/:id/export ---- */

static int exported(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    bool json = str_is(rest_arg(r, "format"), "json");
    struct board_model model = {0};
    struct buf out = BUF_INIT;
    char names[160];
    int end = refused(r, m);

    (void)self;
    if (end)
        return end;
    int64_t seq = board_read(m, &model);
    if (json)
        put_board(&out, m, &model, seq);
    else
        board_svg(&model, db_strv(m, 0, 0, TITLE), &out);
    snprintf(names, sizeof(names), "attachment; filename=\"whiteboard-%.64s.%s\"",
             http_param(r->http, "id"), json ? "json" : "svg");
    end = rest_reply_file(
        r, json ? "application/json; charset=utf-8" : "image/svg+xml; charset=utf-8", names, &out);
    board_finish(&model);
    buf_finish(&out);
    return end;
}

int op_boards_export(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return load(self, state, exported);
}
