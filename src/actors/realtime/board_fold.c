/*
 * Folding a board: its elements as they stand are written to whiteboards.data, so that the next
 * activation reads little of the log. Nobody waits for it, and losing it loses nothing.
 */
#include "board.h"
#include "sql.h"
#include "stacgate/json.h"

#define FOLD_EVENTS 500
#define FOLD_IDLE_MS 30000
#define FOLD_BYTES_PER_MS 2048 /* a large board is folded less often: 16 MiB each 8 s at most */

static void put_locked_ids(const struct board_model *b, struct db_group *g)
{
    const struct element *e;

    db_array(g);
    for (uint32_t i = 0; (e = table_each(&b->elements, &i));)
        if (e->locked)
            db_array_strn(g, e->id, strlen(e->id));
    db_array_end(g);
}

static void put_data(const struct board_model *b, struct db_group *g)
{
    struct buf json = BUF_INIT;
    const struct element *e;
    const char *comma = "";

    buf_puts(&json, "{\"elements\":[");
    for (uint32_t i = 0; (e = table_each(&b->elements, &i)); comma = ",") {
        buf_puts(&json, comma);
        mp_to_json(body_mp(e->data), &json);
    }
    buf_puts(&json, "]}");
    db_strn(g, (const char *)json.data, json.len);
    buf_finish(&json);
}

static bool due(const struct channel *c, const struct board *b)
{
    if (c->last_seq <= b->folded_seq || c->committing || !db_available())
        return false;
    if (runtime_draining() || loop_now() - b->changed_ms >= FOLD_IDLE_MS)
        return true;
    return c->last_seq - b->folded_seq >= FOLD_EVENTS && loop_now() >= b->fold_due_ms;
}

void board_fold(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct board *b = board_of(c);

    if (!due(c, b))
        return;
    struct db_group *g = db_group(DB_WRITE, &ctx);
    db_stmt(g, SQL_REALTIME_BOARD_FOLD);
    db_str(g, c->id);
    put_data(&b->model, g);
    db_i64(g, c->last_seq);
    db_bool(g, b->model.locked);
    put_locked_ids(&b->model, g);
    db_str(g, c->topic);
    db_i64(g, c->fence);
    commit_aside(c, g);
    b->folded_seq = c->last_seq;
    b->fold_due_ms = loop_now() + (int64_t)(b->model.bytes / FOLD_BYTES_PER_MS);
}
