/*
 * HTML that stood in the tables before the server did the cleaning: all of it goes through the
 * cleaner once, batch after batch with a pause after each, in the slow lane; the cleaning itself is
 * the thread pool's. The invariant: how far it is stands in the database and moves in the
 * transaction of what was cleaned, so that a process that ends in the middle loses nothing. Readers
 * do not depend on it: what they get is cleaned on its way out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/html.h"
#include "sql.h"
#include "stacgate/json.h"
#include "stacgate/log.h"
#include "upkeep.h"

#define BATCH_BYTES 262144
#define ROWS_MAX 500 /* html_next() gives no more */
#define LOOK_MS 20
#define PAUSE_MS 5
#define AGAIN_MS 200 /* somebody has a row that is to be changed */
#define AWAY_MS 2000 /* the database is away, or did not say */
#define DB_MS 60000
#define PROGRESS_ROWS 20000

struct cleaning {
    char table[64], since[256], upto[256];
    uint64_t rows, changed, told; /* of this table */
    int batch;
};

/* A batch on its way through the pool; the texts are the result's. */
struct work {
    struct body *owner;
    int n;
    struct str id[ROWS_MAX], doc[ROWS_MAX];
};

static actor_step next, got, cleaned, stored;
static int again(struct actor *self, void *state, int err);

static void put_change(struct buf *b, struct str id, struct str old, const struct buf *new)
{
    buf_puts(b, b->len > 1 ? ",{\"id\":" : "{\"id\":");
    json_put_str(b, id.p, id.n);
    buf_puts(b, ",\"old\":");
    buf_put(b, old.p, old.n);
    buf_puts(b, ",\"new\":");
    buf_put(b, new->data, new->len);
    buf_putc(b, '}');
}

/* In the pool. Its body: the changes as html_done() takes them. */
static int clean(void *arg, struct body **ret_body)
{
    const struct work *w = arg;
    struct buf changes = BUF_INIT, text = BUF_INIT;

    buf_putc(&changes, '[');
    for (int i = 0; i < w->n; i++) {
        buf_clear(&text);
        if (html_clean_json(w->doc[i], NULL, &text))
            put_change(&changes, w->id[i], w->doc[i], &text);
    }
    buf_putc(&changes, ']');
    *ret_body = body_of(&changes);
    buf_finish(&changes);
    buf_finish(&text);
    return 0;
}

static void work_free(void *arg)
{
    struct work *w = arg;

    body_unref(w->owner);
    free(w);
}

static void say(const struct cleaning *c, const char *how)
{
    log_msg(LOG_INFO, "cleaning", "%s: %llu texts looked through, %llu cleaned%s", c->table,
            (unsigned long long)c->rows, (unsigned long long)c->changed, how);
}

static int next(struct actor *self, void *state, const struct msg *m)
{
    struct db_group *g;

    (void)m;
    if (!db_available())
        return actor_after(self, LOOK_MS, next) ? 0 : -1;
    g = db_group(DB_SLOW, &(struct db_context){0});
    db_stmt(g, SQL_SYSTEM_HTML_NEXT);
    db_i64(g, HTML_CLEANER);
    db_i64(g, BATCH_BYTES);
    return db_ask(self, g, DB_MS, got) < 0 ? again(self, state, 0) : 0;
}

/* Another table than before, or none any more: what was done with the last one. */
static void table_over(struct cleaning *c, const char *table)
{
    if (c->rows && strcmp(c->table, table) != 0)
        say(c, "");
    if (strcmp(c->table, table) != 0)
        *c = (struct cleaning){0};
    snprintf(c->table, sizeof(c->table), "%s", table);
}

static int got(struct actor *self, void *state, const struct msg *m)
{
    struct cleaning *c = state;
    int n = db_rows(m, 0);

    table_over(c, n ? db_text(m, 0, 0, 0) : "");
    if (n == 0)
        return ACTOR_DONE;
    snprintf(c->since, sizeof(c->since), "%s", db_text(m, 0, 0, 1));
    snprintf(c->upto, sizeof(c->upto), "%s", db_text(m, 0, 0, 2));
    struct work *w = xcalloc(1, sizeof(*w));
    w->owner = body_ref(m->body);
    for (; w->n < n && w->n < ROWS_MAX; w->n++) {
        w->id[w->n] = db_strv(m, 0, w->n, 3);
        w->doc[w->n] = db_strv(m, 0, w->n, 4);
    }
    c->batch = w->n;
    if (actor_offload(self, clean, w, work_free, 0, cleaned) == 0)
        return 0;
    work_free(w);
    return again(self, state, 0);
}

static int cleaned(struct actor *self, void *state, const struct msg *m)
{
    struct cleaning *c = state;
    struct db_group *g = db_group(DB_SLOW, &(struct db_context){0});

    db_stmt(g, SQL_SYSTEM_HTML_DONE);
    db_i64(g, HTML_CLEANER);
    db_str(g, c->table);
    db_str(g, c->since);
    db_str(g, c->upto);
    db_strn(g, (const char *)m->body->bytes, m->body->len);
    return db_ask(self, g, DB_MS, stored) < 0 ? again(self, state, 0) : 0;
}

static int stored(struct actor *self, void *state, const struct msg *m)
{
    struct cleaning *c = state;
    int64_t n = db_int(m, 0, 0, 0);

    if (n < 0)
        return actor_after(self, AGAIN_MS, next) ? 0 : -1;
    c->rows += (uint64_t)c->batch;
    c->changed += (uint64_t)n;
    if (c->rows - c->told >= PROGRESS_ROWS) {
        c->told = c->rows;
        say(c, " so far");
    }
    return actor_after(self, PAUSE_MS, next) ? 0 : -1;
}

static int again(struct actor *self, void *state, int err)
{
    (void)state;
    (void)err;
    return actor_after(self, AWAY_MS, next) ? 0 : -1;
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, 1, next) ? 0 : -1;
}

const struct actor_type cleaning_type = {
    .name = "cleaning", .state_size = sizeof(struct cleaning), .init = init, .fail = again};
