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
    return db_ask(self, g, DB_MS, seen) < 0 ? again(self, LOOK_EVERY_MS) : 0;
}

static int seen(struct actor *self, void *state, const struct msg *m)
{
    char topic[TOPIC_MAX + 1];

    (void)state;
    for (int row = 0; row < db_rows(m, 0); row++) {
        snprintf(topic, sizeof(topic), "class:%s", db_text(m, 0, row, 1));
        actor_id who = channel_whereis(db_text(m, 0, row, 0), str_of(topic));
        if (who)
            actor_send(who, CH_WAKE, NULL);
    }
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
