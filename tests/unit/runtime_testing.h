/*
 * For tests that need an actor: runs one inside a runtime of its own and returns when it has ended.
 *
 *     static int begin(struct actor *self, void *state, const void *arg)   // the type's init
 *     {
 *         return actor_ask(self, …, got_answer);                            // then steps as usual
 * …
 *     }
 *     static const struct actor_type type = {.name = "test", .state_size = …, .init = begin};
 *
 *     Test(x, y) { cr_assert_eq(testing_run(2, &type, NULL), 0); }          // … until one returns
 * ACTOR_DONE
 *
 * The actor runs on loop 0, is spawned when every service has started, and its end drains the
 * runtime. The result is 0, the -errno it ended with, -ECHILD when init failed, the -errno of a
 * service that did not start, or -ETIME when it did not end within TESTING_MS. Criterion runs each
 * test in a process of its own, so tests may do this with whatever kinds and options they like,
 * also several times in a row.
 */
#ifndef STACGATE_RUNTIME_TESTING_H
#define STACGATE_RUNTIME_TESTING_H

#include <errno.h>

#include "stacgate/actor.h"
#include "stacgate/loop.h"

#ifndef TESTING_MS
#define TESTING_MS 60000
#endif

static struct testing {
    const struct actor_type *type;
    const void *arg;
    int result;
} testing;

static int testing_over(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    testing.result = m->kind == MSG_DOWN ? m->status : -ETIME;
    runtime_drain();
    return ACTOR_DONE;
}

static int testing_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_id who = actor_spawn(testing.type, testing.arg);
    if (!who) {
        testing.result = -ECHILD;
        runtime_drain();
        return -ECHILD;
    }
    actor_monitor(self, who, testing_over);
    actor_after(self, TESTING_MS, testing_over);
    return 0;
}

static inline void testing_ready(void)
{
    static const struct actor_type guard = {.name = "testing", .init = testing_begin};
    actor_spawn(&guard, NULL);
}

/* With options of your own: services, shuffle_seed …; ready is the helper's. */
static inline int testing_run_with(struct runtime_options o, const struct actor_type *type,
                                   const void *arg)
{
    testing = (struct testing){.type = type, .arg = arg, .result = -ETIME};
    o.ready = testing_ready;
    int r = runtime_run(&o);
    return r ? r : testing.result;
}

static inline int testing_run(unsigned loops, const struct actor_type *type, const void *arg)
{
    return testing_run_with((struct runtime_options){.loops = loops, .drain_ms = 2000}, type, arg);
}

#endif
