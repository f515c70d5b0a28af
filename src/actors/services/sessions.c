/*
 * Sessions over time: use renews them (gathered into one statement a minute), the expired are swept
 * by the first loop, and the end of one is told to every loop's watchers. What is lost here in a
 * crash is at most a minute of renewal.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "sql.h"
#include "stacgate/config.h"
#include "stacgate/log.h"
#include "stacgate/table.h"

#define TOUCH_LEAST_MS 100 /* an option of 0 must not turn the loop without a pause */
#define TOUCH_BATCH 1000   /* sids a statement */
#define TOUCHED_MAX 100000 /* on one loop between two writes; more are renewed after the next */
#define SWEEP_EVERY_MS 600000
#define SWEEP_FIRST_MS 20000
#define WATCHERS_MAX 8

static void (*watchers[WATCHERS_MAX])(const struct session_end *);
static unsigned watcher_count;

struct touched {
    char sid[65];
};
struct sessions { /* one a loop */
    struct table touched;
    bool writing;
};
static struct sessions *services[LOOPS_MAX];

/* ---- renewal ---- */

static uint32_t touch_every(void)
{
    return config.session_touch > TOUCH_LEAST_MS ? config.session_touch : TOUCH_LEAST_MS;
}

void identity_touch(const char sid[65])
{
    struct sessions *s = services[loop_index()];

    if (!s || s->touched.count == TOUCHED_MAX || table_get(&s->touched, sid, 64))
        return;
    struct touched *t = xmalloc(sizeof(*t));
    memcpy(t->sid, sid, sizeof(t->sid));
    table_put(&s->touched, t->sid, 64, t);
}

static actor_step touch_written, touch_due;

static int write_batch(struct actor *self, struct sessions *s)
{
    struct db_group *g;
    struct touched *t;
    unsigned n = 0;

    s->writing = s->touched.count > 0;
    if (!s->writing)
        return 0;
    g = db_group(DB_READ, &(struct db_context){0});
    db_stmt(g, SQL_SESSIONS_TOUCH);
    db_array(g);
    for (uint32_t i = 0; n < TOUCH_BATCH && (t = table_each(&s->touched, &i)); n++) {
        db_array_strn(g, t->sid, 64);
        table_remove(&s->touched, t->sid, 64);
        free(t);
    }
    db_array_end(g);
    db_i64(g, config.session_idle);
    return db_ask(self, g, 30000, touch_written);
}

static int touch_written(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return write_batch(self, state);
}

static int touch_due(struct actor *self, void *state, const struct msg *m)
{
    struct sessions *s = state;

    (void)m;
    actor_after(self, touch_every(), touch_due);
    return s->writing ? 0 : write_batch(self, s);
}

/* ---- sweeping ---- */

static int swept(struct actor *self, void *state, const struct msg *m);

static int sweep(struct actor *self, void *state, const struct msg *m)
{
    struct db_group *g = db_group(DB_SLOW, &(struct db_context){0});

    (void)state;
    (void)m;
    db_stmt(g, SQL_SESSIONS_SWEEP);
    return db_ask(self, g, 60000, swept);
}

static int swept(struct actor *self, void *state, const struct msg *m)
{
    int64_t n = db_int(m, 0, 0, 0);

    (void)state;
    if (n > 0)
        log_msg(LOG_DEBUG, "sessions_swept", "%lld expired sessions removed", (long long)n);
    actor_after(self, n >= 10000 ? 1000 : SWEEP_EVERY_MS, sweep);
    return 0;
}

/* Renewal and sweeping can wait for the next time; whatever they missed is still there. */
static int fail(struct actor *self, void *state, int err)
{
    struct sessions *s = state;

    (void)err;
    if (actor_failed_step(self) == swept)
        actor_after(self, SWEEP_EVERY_MS, sweep);
    else
        s->writing = false;
    return 0;
}

/* ---- ends ---- */

void identity_watch(void (*ended)(const struct session_end *e))
{
    assert(watcher_count < WATCHERS_MAX);
    watchers[watcher_count++] = ended;
}

void identity_ended(const struct session_end *e)
{
    struct body *b = body_make(e, sizeof(*e));

    for (unsigned loop = 0; loop < loop_count(); loop++)
        actor_send(loop_actor(loop, SESSIONS_ACTOR), MSG_SESSION_ENDED, body_ref(b));
    body_unref(b);
}

void identity_changed(const char *user_id)
{
    struct session_end e = {.changed = true};

    strncpy(e.user_id, user_id, sizeof(e.user_id) - 1);
    identity_ended(&e);
}

void identity_role_changed(enum role role)
{
    identity_forget_roles();
    identity_ended(&(struct session_end){.changed = true, .everyone = true, .role = role});
}

void identity_school_changed(const char *establishment_id)
{
    struct session_end e = {.changed = true, .everyone = true};

    strncpy(e.school, establishment_id, sizeof(e.school) - 1);
    identity_ended(&e);
}

static int receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    const struct session_end *e;

    if (m->kind != MSG_SESSION_ENDED)
        return 0;
    e = (const struct session_end *)(const void *)m->body->bytes;
    identity_note_end(e->user_id);
    for (unsigned i = 0; i < watcher_count; i++)
        watchers[i](e);
    return 0;
}

/* ---- the actor ---- */

static int init(struct actor *self, void *state, const void *arg)
{
    (void)arg;
    services[loop_index()] = state;
    if (!actor_after(self, touch_every(), touch_due))
        return -1;
    if (loop_index() == 0)
        actor_after(self, SWEEP_FIRST_MS, sweep);
    return 0;
}

static void terminate(struct actor *self, void *state, int result)
{
    struct sessions *s = state;
    struct touched *t;

    (void)self;
    (void)result;
    for (uint32_t i = 0; (t = table_each(&s->touched, &i));) {
        table_remove(&s->touched, t->sid, 64);
        free(t);
    }
    table_finish(&s->touched);
    services[loop_index()] = NULL;
}

const struct actor_type sessions_type = {.name = "sessions",
                                         .state_size = sizeof(struct sessions),
                                         .mailbox_max = 100000,
                                         .init = init,
                                         .receive = receive,
                                         .fail = fail,
                                         .terminate = terminate};
