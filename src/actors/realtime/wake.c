/*
 * Wakes channels whose clock has something to do while nobody is in them, also after a restart: it
 * looks a little ahead, an awake channel keeps its time itself. Which ones, the database says.
 */
#include "wake.h"

#include <stdio.h>

#include "chan_mail.h"
#include "envelope.h"
#include "sql.h"
#include "stacgate/db.h"

#define LOOK_EVERY_MS 5000
#define LOOK_AHEAD_S 8
#define FIRST_LOOK_MS 500
#define DB_MS 8000

static actor_step look, seen;

static int again(struct actor *self, uint32_t ms)
{
    return actor_after(self, ms, look) ? 0 : -1;
}

static int look(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    if (!db_available())
        return again(self, FIRST_LOOK_MS);
    struct db_group *g = db_group(DB_READ, &(struct db_context){0});
    db_stmt(g, SQL_REALTIME_BREAKOUTS_DUE);
    db_i64(g, LOOK_AHEAD_S);
    db_stmt(g, SQL_REALTIME_POLLS_DUE);
    db_i64(g, LOOK_AHEAD_S);
    return db_ask(self, g, DB_MS, seen) < 0 ? again(self, LOOK_EVERY_MS) : 0;
}

/* What: NULL, or the bytes of what the channel is to know. */
static void wake(const char *tenant, const char *kind, const char *id, struct buf *what)
{
    char topic[TOPIC_MAX + 1];
    int n = snprintf(topic, sizeof(topic), "%s:%s", kind, id);
    actor_id who = n < (int)sizeof(topic) ? channel_whereis(tenant, str_of(topic)) : 0;

    if (who)
        actor_send(who, CH_WAKE, what ? body_of(what) : NULL);
}

static int seen(struct actor *self, void *state, const struct msg *m)
{
    struct buf b = BUF_INIT;

    (void)state;
    for (int row = 0; row < db_rows(m, 0); row++)
        wake(db_text(m, 0, row, 0), "class", db_text(m, 0, row, 1), NULL);
    for (int row = 0; row < db_rows(m, 1); row++) {
        buf_clear(&b);
        mp_put_array(&b, 3);
        mp_put_cstr(&b, db_text(m, 1, row, 2));
        mp_put_int(&b, db_int(m, 1, row, 3));
        mp_put_cstr(&b, db_text(m, 1, row, 4));
        wake(db_text(m, 1, row, 0), "group", db_text(m, 1, row, 1), &b);
    }
    buf_finish(&b);
    return again(self, LOOK_EVERY_MS);
}

static int failed(struct actor *self, void *state, int err)
{
    (void)state;
    (void)err;
    return again(self, LOOK_EVERY_MS);
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return again(self, FIRST_LOOK_MS);
}

const struct actor_type wake_type = {
    .name = "wake", .mailbox_max = 8, .init = init, .fail = failed};
