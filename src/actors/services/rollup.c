/*
 * The clock of the analytics roll-ups: one statement every so often, on the first loop, in the slow
 * lane. Its period is what "exact within" means; docs/learning.md.
 */
#include "rollup.h"

#include <errno.h>

#include "sql.h"
#include "stacgate/actor.h"
#include "stacgate/config.h"
#include "stacgate/db.h"

#define FIRST_MS 1000
#define LEAST_MS 200
#define MOST_MS 50000 /* figures are exact within a minute, whatever the option says */
#define DB_MS 120000

static actor_step turn, turned;

static int wait_for_next(struct actor *self)
{
    uint32_t ms = config.analytics_every;

    ms = ms < LEAST_MS ? LEAST_MS : ms > MOST_MS ? MOST_MS : ms;
    return actor_after(self, ms, turn) ? 0 : -ENOMEM;
}

static int turn(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    if (!db_available())
        return actor_after(self, FIRST_MS, turn) ? 0 : -ENOMEM;
    struct db_group *g = db_group(DB_SLOW, &(struct db_context){0});
    db_stmt(g, SQL_ANALYTICS_REFRESH);
    return db_ask(self, g, DB_MS, turned);
}

static int turned(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    return wait_for_next(self);
}

/* What one turn misses the next one counts. */
static int failed(struct actor *self, void *state, int err)
{
    (void)state;
    (void)err;
    return wait_for_next(self);
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, FIRST_MS, turn) ? 0 : -ENOMEM;
}

static const struct actor_type rollup_type = {
    .name = "rollup", .mailbox_max = 4, .init = init, .fail = failed};

static int start(unsigned loop)
{
    return loop > 0 || actor_spawn(&rollup_type, NULL) ? 0 : -ENOMEM;
}

const struct loop_service rollup_service = {.name = "rollup", .start = start};
