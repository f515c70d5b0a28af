/*
 * Supervisors: actors that start children, monitor them and start them again. Each restart takes a
 * place in a ring of the last `intensity` restarts; one that would overwrite a place younger than
 * the window is one too many, and the supervisor fails, which ends its other children.
 */
#include <stdlib.h>

#include "runtime.h"
#include "stacgate/supervisor.h"

#define BACKOFF_MAX_MS 5000u

struct child {
    actor_id id;       /* 0: not running */
    actor_ref monitor; /* while it runs */
    actor_ref timer;   /* while it waits to be started again */
};

struct supervisor {
    const struct supervisor_spec *spec;
    struct child *children; /* as many as spec->children */
    int64_t *restarts;      /* ring of the last intensity restarts, 0: none */
    uint32_t restart_next;
};

static actor_step child_down, child_retry;

static int child_start(struct actor *self, struct supervisor *s, uint32_t i)
{
    const struct child_spec *spec = &s->spec->children[i];
    struct child *c = &s->children[i];
    c->timer = 0;
    c->id = actor_spawn(spec->type, spec->arg);
    if (!c->id)
        return -ECHILD;
    c->monitor = actor_monitor(self, c->id, child_down);
    if (spec->started)
        spec->started(c->id);
    return c->monitor ? 0 : -ENOBUFS;
}

/* Restarts that fell into the window, this one included. */
static uint32_t restart_count(struct supervisor *s, int64_t now)
{
    uint32_t n = 1;
    for (uint32_t i = 0; i < s->spec->intensity; i++)
        n += s->restarts[i] && now - s->restarts[i] < s->spec->window_ms;
    if (s->spec->intensity) {
        s->restarts[s->restart_next] = now ? now : 1;
        s->restart_next = (s->restart_next + 1) % s->spec->intensity;
    }
    return n;
}

/* The first restart in a window comes at once. */
static uint32_t backoff(const struct supervisor *s, uint32_t nth)
{
    uint64_t ms = s->spec->backoff_ms;
    if (nth < 2)
        return 0;
    while (nth-- > 2 && ms < BACKOFF_MAX_MS)
        ms *= 2;
    return ms < BACKOFF_MAX_MS ? (uint32_t)ms : BACKOFF_MAX_MS;
}

static int child_again(struct actor *self, struct supervisor *s, uint32_t i, int why)
{
    const char *child = s->spec->children[i].type->name;
    uint32_t nth = restart_count(s, loop_now());
    if (nth > s->spec->intensity) {
        log_msg(LOG_ERROR, "supervisor_gave_up",
                "%s: %s ended with status %d, restart %u within %u ms would be too many",
                s->spec->name, child, why, nth, s->spec->window_ms);
        return why ? why : -ECHILD;
    }
    uint32_t ms = backoff(s, nth);
    log_msg(LOG_WARN, "child_restart", "%s: %s ended with status %d, started again in %u ms",
            s->spec->name, child, why, ms);
    s->children[i].timer = actor_after(self, ms, child_retry);
    return s->children[i].timer ? 0 : -ENOBUFS;
}

static int child_down(struct actor *self, void *state, const struct msg *m)
{
    struct supervisor *s = state;
    uint32_t i = 0;
    while (s->children[i].monitor != m->ref)
        i++;
    enum restart policy = s->spec->children[i].restart;
    s->children[i].id = 0;
    s->children[i].monitor = 0;
    if (runtime_draining() || policy == RESTART_NEVER ||
        (policy == RESTART_ON_FAILURE && m->status == 0))
        return 0;
    return child_again(self, s, i, m->status);
}

static int child_retry(struct actor *self, void *state, const struct msg *m)
{
    struct supervisor *s = state;
    uint32_t i = 0;
    while (s->children[i].timer != m->ref)
        i++;
    s->children[i].timer = 0;
    if (runtime_draining())
        return 0;
    int r = child_start(self, s, i);
    return r == -ECHILD ? child_again(self, s, i, r) : r;
}

static int init(struct actor *self, void *state, const void *arg)
{
    struct supervisor *s = state;
    s->spec = arg;
    s->children = xcalloc(s->spec->child_count + 1, sizeof(*s->children));
    s->restarts = xcalloc(s->spec->intensity + 1, sizeof(*s->restarts));
    int r = 0;
    for (uint32_t i = 0; i < s->spec->child_count && r == 0; i++)
        r = child_start(self, s, i);
    return r;
}

static void terminate(struct actor *self, void *state, int result)
{
    struct supervisor *s = state;
    (void)self;
    (void)result;
    for (uint32_t i = s->spec->child_count; i-- > 0;)
        if (s->children[i].id)
            actor_stop(s->children[i].id, -ESHUTDOWN);
    free(s->children);
    free(s->restarts);
}

static const struct actor_type supervisor_type = {
    .name = "supervisor",
    .state_size = sizeof(struct supervisor),
    .init = init,
    .terminate = terminate,
};

actor_id supervisor_spawn(const struct supervisor_spec *spec)
{
    return actor_spawn(&supervisor_type, spec);
}
