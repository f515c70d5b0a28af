/*
 * Folding a board: its elements as they stand are written to whiteboards.data, so that the next
 * activation reads little of the log. Nobody waits for it, and losing it loses nothing. A large
 * board is put into words by a thread of the pool, from the bodies that its elements had at that
 * seq: bodies never change, so the board goes on meanwhile.
 */
#include <errno.h>
#include <stdlib.h>

#include "board.h"
#include "sql.h"
#include "stacgate/json.h"

#define FOLD_EVENTS 500
#define FOLD_IDLE_MS 30000
#define FOLD_BYTES_PER_MS 2048     /* a large board is folded less often: 16 MiB each 8 s at most */
#define FOLD_HERE_MAX (128 * 1024) /* up to so many bytes it is done at once: a millisecond */

/* Every element as it stands, in no order. */
struct standing {
    uint32_t count;
    struct body *data[];
};

static struct standing *stand(const struct board_model *b)
{
    struct standing *s = xmalloc(sizeof(*s) + b->elements.count * sizeof(struct body *));
    const struct element *e;

    s->count = 0;
    for (uint32_t i = 0; (e = table_each(&b->elements, &i));)
        s->data[s->count++] = body_ref(e->data);
    return s;
}

static void standing_free(void *arg)
{
    struct standing *s = arg;

    for (uint32_t i = 0; i < s->count; i++)
        body_unref(s->data[i]);
    free(s);
}

/* {"elements":[…]} as JSON. */
static int put_in_words(void *arg, struct body **ret_body)
{
    const struct standing *s = arg;
    struct buf json = BUF_INIT;

    buf_puts(&json, "{\"elements\":[");
    for (uint32_t i = 0; i < s->count; i++) {
        buf_puts(&json, i ? "," : "");
        mp_to_json(body_mp(s->data[i]), &json);
    }
    buf_puts(&json, "]}");
    *ret_body = body_of(&json);
    buf_finish(&json);
    return 0;
}

static void put_locked_ids(const struct board_model *b, struct db_group *g)
{
    const struct element *e;

    db_array(g);
    for (uint32_t i = 0; (e = table_each(&b->elements, &i));)
        if (e->locked)
            db_array_strn(g, e->id, strlen(e->id));
    db_array_end(g);
}

/* The statement but for the data, which comes last: what is folded stands at this seq. */
static struct db_group *begin(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct board *b = board_of(c);
    struct db_group *g = db_group(DB_WRITE, &ctx);

    db_stmt(g, SQL_REALTIME_BOARD_FOLD);
    db_str(g, c->id);
    db_i64(g, c->last_seq);
    db_bool(g, b->model.locked);
    put_locked_ids(&b->model, g);
    db_str(g, c->topic);
    db_i64(g, c->fence);
    return g;
}

static void write_data(struct channel *c, const struct body *json)
{
    struct board *b = board_of(c);
    struct db_group *g = b->folding;

    b->folding = NULL;
    db_strn(g, (const char *)json->bytes, json->len);
    commit_aside(c, g);
}

static int in_words(struct actor *self, void *state, const struct msg *m)
{
    struct channel *c = state;

    (void)self;
    c->asides--;
    write_data(c, m->body);
    return 0;
}

static bool due(const struct channel *c, const struct board *b)
{
    if (c->last_seq <= b->folded_seq || b->folding || c->committing || !db_available())
        return false;
    if (runtime_draining() || loop_now() - b->changed_ms >= FOLD_IDLE_MS)
        return true;
    return c->last_seq - b->folded_seq >= FOLD_EVENTS && loop_now() >= b->fold_due_ms;
}

void board_fold(struct channel *c)
{
    struct board *b = board_of(c);
    struct body *json;

    if (!due(c, b))
        return;
    struct standing *s = stand(&b->model);
    b->folding = begin(c);
    b->folded_seq = c->last_seq;
    b->fold_due_ms = loop_now() + (int64_t)(b->model.bytes / FOLD_BYTES_PER_MS);
    if (b->model.bytes > FOLD_HERE_MAX &&
        actor_offload(c->self, put_in_words, s, standing_free, 0, in_words) == 0) {
        c->asides++; /* the channel does not rest meanwhile */
        return;
    }
    put_in_words(s, &json);
    write_data(c, json);
    body_unref(json);
    standing_free(s);
}
