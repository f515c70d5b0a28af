/*
 * What channels' logs no longer keep: channel after channel, a small batch a statement, with a
 * pause after each, so that nobody's commit ever waits for it. The invariant: what any resume may
 * ask for stays, whatever the options say.
 */
#include "sql.h"
#include "stacgate/config.h"
#include "stacgate/log.h"
#include "upkeep.h"

#define BATCH 1000
#define PAUSE_MS 50
#define DELETE_MS 60000

struct retention {
    int64_t after; /* the channel that this round has come to */
    uint64_t removed;
};

static actor_step due, removed;

static uint32_t every(void)
{
    return config.retention_every > PAUSE_MS ? config.retention_every : PAUSE_MS;
}

static int round_over(struct actor *self, struct retention *r)
{
    if (r->removed)
        log_msg(LOG_INFO, "retention", "%llu old events removed", (unsigned long long)r->removed);
    *r = (struct retention){0};
    return actor_after(self, every(), due) ? 0 : -1;
}

static int due(struct actor *self, void *state, const struct msg *m)
{
    struct retention *r = state;
    struct db_group *g = db_group(DB_SLOW, &(struct db_context){0});

    (void)m;
    db_stmt(g, SQL_REALTIME_RETENTION);
    db_i64(g, r->after);
    db_i64(g, config.retention_events > config.replay_max ? config.retention_events
                                                          : config.replay_max);
    db_i64(g, config.retention_age);
    db_i64(g, BATCH);
    return db_ask(self, g, DELETE_MS, removed) < 0 ? round_over(self, r) : 0;
}

static int removed(struct actor *self, void *state, const struct msg *m)
{
    struct retention *r = state;

    if (db_rows(m, 0) == 0)
        return round_over(self, r);
    int64_t n = db_int(m, 0, 0, 1);
    r->removed += (uint64_t)n;
    r->after = db_int(m, 0, 0, 0) - (n >= BATCH); /* it may have more: the same channel again */
    return actor_after(self, PAUSE_MS, due) ? 0 : -1;
}

/* The next round finds what this one left. */
static int fail(struct actor *self, void *state, int err)
{
    (void)err;
    return round_over(self, state);
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, every(), due) ? 0 : -1;
}

const struct actor_type retention_type = {
    .name = "retention", .state_size = sizeof(struct retention), .init = init, .fail = fail};
