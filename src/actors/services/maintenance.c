/*
 * The switch of maintenance mode in memory, and its reading from the database when the server
 * starts. Until it was read the server lets people in: a database that is away keeps them out
 * anyway.
 */
#include "stacgate/maintenance.h"

#include <stdatomic.h>

#include "sql.h"
#include "stacgate/log.h"
#include "upkeep.h"

#define AGAIN_MS 1000
#define READ_MS 5000

static _Atomic bool on;
static _Atomic bool switched; /* somebody set it since the start: what was read later is older */

bool maintenance_on(void)
{
    return atomic_load_explicit(&on, memory_order_relaxed);
}

bool maintenance_refuses(const struct identity *who)
{
    return maintenance_on() && (!who || who->role < ROLE_ADMIN);
}

void maintenance_switch(bool to)
{
    atomic_store(&switched, true);
    atomic_store(&on, to);
    log_msg(LOG_WARN, "maintenance", "maintenance mode is %s", to ? "on" : "off");
}

static int was_read(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    if (!atomic_load(&switched) && db_true(m, 0, 0, 0))
        maintenance_switch(true);
    return ACTOR_DONE;
}

static int read_it(struct actor *self, void *state, const struct msg *m)
{
    struct db_group *g = db_group(DB_READ, &(struct db_context){0});

    (void)m;
    db_stmt(g, SQL_SYSTEM_MAINTENANCE);
    if (db_ask(self, g, READ_MS, was_read) < 0)
        return maintenance_type.fail(self, state, 0);
    return 0;
}

static int again(struct actor *self, void *state, int err)
{
    (void)state;
    (void)err;
    return actor_after(self, AGAIN_MS, read_it) ? 0 : ACTOR_DONE;
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, 1, read_it) ? 0 : -1;
}

const struct actor_type maintenance_type = {.name = "maintenance", .init = init, .fail = again};
