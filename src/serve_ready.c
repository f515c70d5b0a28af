/*
 * Says "ready" once, when every loop has its database connections, the schema is this build's and
 * it is known whether there is maintenance.
 * Scripts wait for that line: a request sent after it is served by whichever loop accepts it.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"
#include "serve.h"
#include "stacgate/actor.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "stacgate/http.h"
#include "stacgate/log.h"
#include "stacgate/maintenance.h"

enum { LOOK_MS = 20 };

static atomic_uint loops_ready;

static void announce(void)
{
    bool v6 = strchr(config.host, ':') != NULL;

    printf("stacgate: ready on %s://%s%s%s:%u\n", config.tls_cert ? "https" : "http", v6 ? "[" : "",
           config.host, v6 ? "]" : "", http_port());
    if (database_has_demo())
        demo_print_accounts();
    fflush(stdout);
    log_msg(LOG_INFO, "ready", "port %u, %u loops", http_port(), loop_count());
}

/* Looks again and again only until it was ready once; after that availability is the pool's matter.
 */
static int look(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    if (!database_prepared() || !db_available() || !maintenance_known()) {
        actor_after(self, LOOK_MS, look);
        return 0;
    }
    if (atomic_fetch_add(&loops_ready, 1) + 1 == loop_count())
        announce();
    return ACTOR_DONE;
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_after(self, 1, look);
    return 0;
}

static const struct actor_type type = {.name = "ready", .mailbox_max = 4, .init = init};

static int start(unsigned loop)
{
    (void)loop;
    return actor_spawn(&type, NULL) ? 0 : -1;
}

const struct loop_service ready_service = {.name = "ready", .start = start};
