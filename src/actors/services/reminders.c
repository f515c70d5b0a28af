/*
 * The clock of reminders, on the first loop: which assessments of all schools somebody is to be
 * reminded of, then one statement each, in its school. A reminder and the note that it was sent
 * are one transaction, so that neither a kill nor a second server sends it twice.
 */
#include "reminders.h"

#include <errno.h>
#include <stdio.h>

#include "sql.h"
#include "stacgate/actor.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/db.h"

#define FIRST_MS 1000
#define LEAST_MS 200
#define PAUSE_MS 50
#define ROUND 32   /* assessments looked up at a time */
#define PEOPLE 500 /* reminded by one statement */
#define DB_MS 60000

struct reminders {
    struct {
        char tenant[65], id[65];
    } due[ROUND];
    int count, next;
    uint64_t sent; /* in this round */
};

static actor_step look, seen, reminded;

/* Who was not reached by this round, as there were too many, is by the next one, soon. */
static int round_over(struct actor *self, struct reminders *r)
{
    uint32_t every = config.reminder_every > LEAST_MS ? config.reminder_every : LEAST_MS;
    uint32_t ms = r->sent ? PAUSE_MS : every;

    *r = (struct reminders){0};
    return actor_after(self, ms, look) ? 0 : -ENOMEM;
}

static int look(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    if (!db_available())
        return actor_after(self, FIRST_MS, look) ? 0 : -ENOMEM;
    struct db_group *g = db_group(DB_SLOW, &(struct db_context){0});
    db_stmt(g, SQL_ASSESSMENTS_REMINDERS);
    db_i64(g, config.reminder_before / 1000);
    db_i64(g, ROUND);
    return db_ask(self, g, DB_MS, seen) < 0 ? round_over(self, state) : 0;
}

static int remind_next(struct actor *self, struct reminders *r)
{
    if (r->next == r->count)
        return round_over(self, r);
    const char *tenant = r->due[r->next].tenant;
    struct db_group *g = db_group(DB_SLOW, &(struct db_context){.establishment_id = tenant});
    db_stmt(g, SQL_ASSESSMENTS_REMIND);
    db_str(g, tenant);
    db_str(g, r->due[r->next++].id);
    db_i64(g, config.reminder_before / 1000);
    db_i64(g, PEOPLE);
    return db_ask(self, g, DB_MS, reminded) < 0 ? round_over(self, r) : 0;
}

static int seen(struct actor *self, void *state, const struct msg *m)
{
    struct reminders *r = state;

    r->count = db_rows(m, 0);
    for (int i = 0; i < r->count; i++) {
        snprintf(r->due[i].tenant, sizeof(r->due[i].tenant), "%s", db_text(m, 0, i, 0));
        snprintf(r->due[i].id, sizeof(r->due[i].id), "%s", db_text(m, 0, i, 1));
    }
    return remind_next(self, r);
}

static int reminded(struct actor *self, void *state, const struct msg *m)
{
    struct reminders *r = state;

    r->sent += (uint64_t)db_int(m, 0, 0, 0);
    users_tell(db_strv(m, 0, 0, 1));
    return remind_next(self, r);
}

/* What was not sent is due still; one that cannot be sent holds up no other. */
static int failed(struct actor *self, void *state, int err)
{
    struct reminders *r = state;

    if (actor_failed_step(self) == reminded && err != -EUNAVAILABLE_DB)
        return remind_next(self, r);
    r->sent = 0;
    return round_over(self, r);
}

static int init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, FIRST_MS, look) ? 0 : -ENOMEM;
}

static const struct actor_type reminders_type = {.name = "reminders",
                                                 .state_size = sizeof(struct reminders),
                                                 .mailbox_max = 4,
                                                 .init = init,
                                                 .fail = failed};

static int start(unsigned loop)
{
    if (loop > 0 || config.reminder_before == 0)
        return 0;
    return actor_spawn(&reminders_type, NULL) ? 0 : -ENOMEM;
}

const struct loop_service reminders_service = {.name = "reminders", .start = start};
