/* What supervisor.h says: policies, intensity within a window, back-off, the end of a supervisor.
 */
#include "runtime_criterion.h"
#include <string.h>

#include "runtime_testing.h"
#include "stacgate/supervisor.h"

#define LIVES_MAX 32

/* A child that lives for `ms` and ends with `result`, and what became of it. */
struct script {
    uint32_t ms;
    int result;
    int begins, fails_from;
    int64_t begun[LIVES_MAX];
    int ended;
};

static int child_over(struct actor *self, void *state, const struct msg *m)
{
    struct script *s = *(struct script **)state;
    (void)self;
    (void)m;
    return s->result ? s->result : ACTOR_DONE;
}
static int child_init(struct actor *self, void *state, const void *arg)
{
    union {
        const void *in;
        struct script *out;
    } from = {arg};
    struct script *s = from.out;
    *(struct script **)state = s;
    cr_assert_lt(s->begins, LIVES_MAX);
    s->begun[s->begins++] = loop_now();
    if (s->fails_from && s->begins >= s->fails_from)
        return -EPERM;
    if (s->ms)
        actor_after(self, s->ms, child_over);
    return 0;
}
static void child_terminate(struct actor *self, void *state, int result)
{
    (void)self;
    (void)result;
    (*(struct script **)state)->ended++;
}
static const struct actor_type child_type = {.name = "child",
                                             .state_size = sizeof(void *),
                                             .init = child_init,
                                             .terminate = child_terminate};

static struct script scripts[3];
static int told;
static void started(actor_id id)
{
    cr_assert_neq(id, 0);
    told++;
}
static struct child_spec children[3];
static struct supervisor_spec spec;

static void plan(uint32_t count, enum restart restart)
{
    for (uint32_t i = 0; i < count; i++)
        children[i] = (struct child_spec){
            .type = &child_type, .arg = &scripts[i], .restart = restart, .started = started};
    spec = (struct supervisor_spec){.name = "tested",
                                    .intensity = 3,
                                    .window_ms = 60000,
                                    .backoff_ms = 10,
                                    .children = children,
                                    .child_count = count};
}

/* The test actor watches the supervisor: its result is the supervisor's, or 0 when that still lives
 * after `watch_ms`, and its first child has begun more than `lives` times. */
static uint32_t watch_ms = 150;
static int lives;

static int down_status, ended_with_it[3];
static int watch_later(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    for (int i = 0; i < 3; i++)
        ended_with_it[i] = scripts[i].ended;
    return down_status;
}
static int watch_down(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    down_status = m->status ? m->status : -ENOMSG;
    return actor_after(self, 1, watch_later) ? 0 : -ENOMEM;
}
static int watch_over(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    if (scripts[0].begins > lives)
        return ACTOR_DONE;
    return actor_after(self, watch_ms, watch_over) ? 0 : -ENOMEM;
}
static int watch_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_id who = supervisor_spawn(&spec);
    if (!who)
        return -ECHILD;
    actor_monitor(self, who, watch_down);
    actor_after(self, watch_ms, watch_over);
    return 0;
}
static const struct actor_type watch_type = {.name = "t", .init = watch_begin};
static int supervise(void)
{
    return testing_run(1, &watch_type, NULL);
}
static int supervise_to_its_end(void)
{
    watch_ms = 30000;
    return supervise();
}

Test(supervisor, never)
{
    plan(2, RESTART_NEVER);
    scripts[0].ms = 1;
    scripts[0].result = -EIO;
    cr_assert_eq(supervise(), 0);
    cr_assert_eq(scripts[0].begins, 1);
    cr_assert_eq(scripts[1].begins, 1);
    cr_assert_eq(told, 2);
}

Test(supervisor, on_failure)
{
    plan(2, RESTART_ON_FAILURE);
    scripts[0].ms = 1; /* ends normally: stays away */
    scripts[1] = (struct script){.ms = 1, .result = -EIO};
    cr_assert_eq(supervise_to_its_end(), -EIO, "the fourth failure is one too many");
    cr_assert_eq(scripts[0].begins, 1);
    cr_assert_eq(scripts[1].begins, 4);
    cr_assert_eq(told, 5);
}

Test(supervisor, always_with_back_off)
{
    plan(2, RESTART_ALWAYS);
    scripts[0].ms = 1;
    cr_assert_eq(supervise_to_its_end(), -ECHILD, "it gave up");
    cr_assert_eq(scripts[0].begins, 4);
    cr_assert_geq(scripts[0].begun[2] - scripts[0].begun[1], 10);
    cr_assert_geq(scripts[0].begun[3] - scripts[0].begun[2], 20);
    cr_assert_eq(scripts[1].begins, 1);
    cr_assert_eq(ended_with_it[1], 1, "its other children end with it");
}

Test(supervisor, old_restarts_do_not_count)
{
    plan(1, RESTART_ALWAYS);
    spec.window_ms = 5;
    spec.backoff_ms = 0;
    scripts[0].ms = 10;
    lives = 4;
    cr_assert_eq(supervise(), 0);
    cr_assert_gt(scripts[0].begins, 4);
}

Test(supervisor, no_restart_tolerated)
{
    plan(1, RESTART_ALWAYS);
    spec.intensity = 0;
    scripts[0] = (struct script){.ms = 1, .result = -EDOM};
    cr_assert_eq(supervise_to_its_end(), -EDOM);
    cr_assert_eq(scripts[0].begins, 1);
}

Test(supervisor, a_child_that_does_not_start)
{
    plan(2, RESTART_ALWAYS);
    scripts[1].fails_from = 1;
    cr_assert_eq(supervise_to_its_end(), -ECHILD);
    cr_assert_eq(scripts[0].begins, 1);
    cr_assert_eq(scripts[0].ended, 1);
    cr_assert_eq(scripts[1].begins, 1);
}

Test(supervisor, a_child_that_does_not_start_again)
{
    plan(1, RESTART_ALWAYS);
    scripts[0] = (struct script){.ms = 1, .result = -EIO, .fails_from = 2};
    cr_assert_eq(supervise_to_its_end(), -ECHILD);
    cr_assert_eq(scripts[0].begins, 4);
}
