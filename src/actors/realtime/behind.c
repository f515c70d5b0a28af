/*
 * Readers that are slower than the log's tail. What a member misses of it is read from the
 * database, page by page as its socket drains: a slow line gets the whole log, late, instead of
 * starting over. One read at a time serves everybody whose place it covers.
 */
#include <stdlib.h>

#include "chan.h"
#include "sql.h"

#define READ_EVENTS 256 /* of one read */
#define READ_MS 10000

/* The place of the one who is furthest behind; last_seq when nobody waits. */
static int64_t earliest(const struct channel *c)
{
    int64_t after = c->last_seq;
    const struct member *m;

    for (uint32_t i = 0; (m = table_each(&c->members.by_key, &i));)
        if (m->replay && m->replay->behind && m->replay->after < after)
            after = m->replay->after;
    return after;
}

static void read_log(struct channel *c)
{
    struct db_context ctx = channel_context(c);
    struct db_group *g = db_group(DB_READ, &ctx);
    int64_t after = earliest(c);

    db_stmt(g, SQL_REALTIME_EVENTS_BETWEEN);
    db_str(g, c->topic);
    db_i64(g, after);
    db_i64(g, after + READ_EVENTS);
    c->behind.reading = db_ask(c->self, g, READ_MS, behind_read) == 0;
    if (!c->behind.reading)
        behind_failed(c);
}

void behind_wait(struct channel *c, struct member *m)
{
    if (m->replay->behind)
        return;
    m->replay->behind = true;
    c->behind.waiting++;
    if (!c->behind.reading)
        read_log(c);
}

static void serve(struct channel *c, struct member *m, const struct tail *read)
{
    struct replay *r = m->replay;
    struct buf out = BUF_INIT;

    r->behind = false;
    c->behind.waiting--;
    r->after = tail_put(read, &out, (enum encoding)m->enc, c,
                        r->join_ref ? str_of(r->join_ref) : (struct str){0}, r->after);
    page_send(m, &out, false); /* the tail has what follows, or the next read */
    buf_finish(&out);
}

/* Rows are gone: they are no longer kept. Who needs them rejoins, and is told a gap. */
static void give_up(struct channel *c, int64_t before)
{
    struct member *m;

    for (uint32_t i = 0; (m = table_each(&c->members.by_key, &i));)
        if (m->replay && m->replay->behind && m->replay->after < before)
            channel_remove_member(c, m, "phx_error", false);
}

int behind_read(struct actor *self, void *state, const struct msg *msg)
{
    struct channel *c = state;
    struct tail read = {0};
    struct member *m;
    int rows = db_rows(msg, 0);
    int64_t first = rows ? db_int(msg, 0, 0, 0) : c->last_seq + 1;

    (void)self;
    c->behind.reading = false;
    if (!c->behind.stale) {
        for (int row = 0; row < rows; row++)
            tail_push(&read, db_int(msg, 0, row, 0), event_loaded(c, msg, 0, row));
        give_up(c, first - 1);
        for (uint32_t i = 0; (m = table_each(&c->members.by_key, &i));)
            if (m->replay && m->replay->behind && m->replay->after < first + rows - 1)
                serve(c, m, &read);
        tail_finish(&read);
    }
    c->behind.stale = false;
    if (c->behind.waiting)
        read_log(c);
    return 0;
}

void behind_failed(struct channel *c)
{
    c->behind.reading = false;
    give_up(c, INT64_MAX);
}
