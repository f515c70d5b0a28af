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

static int push_versioned(struct actor *self, struct rest *r, const char *event, struct mp title)
{
    struct buf payload = BUF_INIT, more = BUF_INIT;
    uint32_t n = rest_put_op_id(r, &more) + rest_push_versions(&more, r);

    mp_put_map(&payload, n + (title.p != NULL));
    buf_put(&payload, more.data, more.len);
    if (title.p) {
        mp_put_cstr(&payload, "title");
        mp_put_raw(&payload, title);
    }
    int err = rest_push(self, r, "whiteboard", event, mp_view(payload.data, payload.len));
    buf_finish(&payload);
    buf_finish(&more);
    return err;
}

int op_boards_rename(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)m;
    return push_versioned(self, r, "board:rename", mp_get(r->body, "title"));
}

int op_boards_delete(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return push_versioned(self, state, "board:delete", (struct mp){0});
}

/* ---- one board ---- */

enum { WORD, FACTS, TITLE, DATA, DATA_SEQ, LOCKED, LOCKED_IDS, LOG, VERSION };

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

static void put_list_of(struct buf *out, const char *name, struct element **list, uint32_t n,
                        void (*put)(struct buf *out, const struct element *e, const char *comma))
{
    size_t begin;

    buf_printf(out, ", \"%s\": [", name);
    begin = out->len;
    for (uint32_t i = 0; i < n; i++)
        put(out, list[i], out->len > begin ? ", " : "");
    buf_puts(out, "]");
}

static void put_locked_id(struct buf *out, const struct element *e, const char *comma)
{
    if (!e->locked)
        return;
    buf_puts(out, comma);
    json_put_str(out, e->id, strlen(e->id));
}

static void put_element(struct buf *out, const struct element *e, const char *comma)
{
    buf_puts(out, comma);
    mp_to_json(body_mp(e->data), out);
}

/* {…the board, "seq", "lockedIds":[…], "elements":[…]} as JSON. */
static void put_board(struct buf *out, const struct msg *m, const struct board_model *model,
                      int64_t seq)
{
    struct str facts = db_strv(m, 0, 0, FACTS);
    uint32_t n;
    struct element **sorted = board_sorted(model, &n);

    buf_put(out, facts.p, facts.n - 1); /* without its closing brace */
    buf_printf(out, ", \"seq\": %lld", (long long)seq);
    put_list_of(out, "lockedIds", sorted, n, put_locked_id);
    put_list_of(out, "elements", sorted, n, put_element);
    buf_puts(out, "}");
    free(sorted);
}

/* ---- drawing it: a large board takes a thread's time, not the loop's ---- */

#define DRAWN_HERE_MAX (64 * 1024) /* bytes of data and log; a millisecond or so */

struct drawing {
    struct body *result; /* the rows of SQL_BOARDS_LOAD */
    bool svg;
};

static void drawing_free(void *arg)
{
    struct drawing *d = arg;

    body_unref(d->result);
    free(d);
}

static int draw(void *arg, struct body **ret_body)
{
    const struct drawing *d = arg;
    struct msg m = {.body = d->result};
    struct board_model model = {0};
    struct buf out = BUF_INIT;
    int64_t seq = board_read(&m, &model);

    if (d->svg)
        board_svg(&model, db_strv(&m, 0, 0, TITLE), &out);
    else
        put_board(&out, &m, &model, seq);
    board_finish(&model);
    *ret_body = body_of(&out);
    buf_finish(&out);
    return 0;
}

static int load(struct actor *self, struct rest *r, actor_step *next)
{
    static const struct run what = {.sql = SQL_BOARDS_LOAD, .params = "tuim", MANAGE};
    struct db_group *g = rest_group(r, DB_READ);

    rest_put(g, r, &what, NULL);
    return rest_ask(self, g, next);
}

/* The rows are here: `next` gets the board as bytes. */
static int loaded(struct actor *self, struct rest *r, const struct msg *m, bool svg,
                  actor_step *next)
{
    rest_took(r, m);
    if (db_rows(m, 0) == 0)
        return rest_refuse(r, P_not_found);
    if (!db_null(m, 0, 0, WORD))
        return rest_outcome(r, m, 0);
    *(int64_t *)rest_own(r, sizeof(int64_t)) = db_int(m, 0, 0, VERSION);
    struct drawing *d = xcalloc(1, sizeof(*d));
    *d = (struct drawing){.result = body_ref(m->body), .svg = svg};
    if (db_strv(m, 0, 0, DATA).n + db_strv(m, 0, 0, LOG).n > DRAWN_HERE_MAX &&
        actor_offload(self, draw, d, drawing_free, 0, next) == 0)
        return 0;
    struct msg drawn = *m;
    draw(d, &drawn.body);
    drawing_free(d);
    int end = next(self, r, &drawn);
    body_unref(drawn.body);
    return end;
}

/* ---- GET /api/whiteboards/:id ---- */

static int shown(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    return rest_reply_version(r, r->op->success,
                              (struct str){(const char *)m->body->bytes, m->body->len},
                              *(const int64_t *)r->own);
}

static int got(struct actor *self, void *state, const struct msg *m)
{
    return loaded(self, state, m, false, shown);
}

int op_boards_get(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return load(self, state, got);
}

/* ---- GET /api/whiteboards/:id/export ---- */

static bool wants_json(struct rest *r)
{
    return str_is(rest_arg(r, "format"), "json");
}

static int exported(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    bool json = wants_json(r);
    char names[160];

    (void)self;
    snprintf(names, sizeof(names), "attachment; filename=\"whiteboard-%.64s.%s\"",
             http_param(r->http, "id"), json ? "json" : "svg");
    return rest_reply_file(
        r, json ? "application/json; charset=utf-8" : "image/svg+xml; charset=utf-8", names,
        body_ref(m->body));
}

static int found(struct actor *self, void *state, const struct msg *m)
{
    return loaded(self, state, m, !wants_json(state), exported);
}

int op_boards_export(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return load(self, state, found);
}
