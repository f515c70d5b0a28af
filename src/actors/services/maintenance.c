/*
 * The switch of maintenance mode in memory, and its reading from the database when the server
 * starts. Until it was read nobody gets in whom it might keep out: who comes back while the server
 * restarts in the middle of it must not find the door open.
 */
#include "stacgate/maintenance.h"

#include <stdatomic.h>

#include "sql.h"
#include "stacgate/log.h"
#include "upkeep.h"

#define LOOK_MS 10
#define AGAIN_MS 200
#define READ_MS 5000

enum { UNKNOWN, OFF, ON };
static _Atomic int mode;

static int now(void)
{
    return atomic_load_explicit(&mode, memory_order_relaxed);
}

bool maintenance_on(void)
{
    return now() == ON;
}

bool maintenance_known(void)
{
    return now() != UNKNOWN;
}

bool maintenance_refuses(const struct identity *who)
{
    return now() != OFF && (!who || who->role < ROLE_ADMIN);
}

void maintenance_switch(bool to)
{
    atomic_store(&mode, to ? ON : OFF);
    log_msg(LOG_WARN, "maintenance", "maintenance mode is %s", to ? "on" : "off");
}

static int was_read(struct actor *self, void *state, const struct msg *m)
{
    int unread = UNKNOWN; /* unless somebody set it meanwhile: then what was read is older */

    (void)self;
    (void)state;
    if (atomic_compare_exchange_strong(&mode, &unread, db_true(m, 0, 0, 0) ? ON : OFF) &&
        maintenance_on())
        log_msg(LOG_WARN, "maintenance", "maintenance mode is on");
    return ACTOR_DONE;
}

static int read_it(struct actor *self, void *state, const struct msg *m)
{
    struct db_group *g;

    (void)m;
    if (!db_available())
        return actor_after(self, LOOK_MS, read_it) ? 0 : ACTOR_DONE;
    g = db_group(DB_READ, &(struct db_context){0});
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
