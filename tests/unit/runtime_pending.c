/* What actor.h says about timers, expectations and the thread pool. */
#include "runtime_criterion.h"
#include <string.h>
#include <unistd.h>

#include "runtime_testing.h"

#define TIMERS 20000

static int unexpected(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert(false, "kind %d status %d", m->kind, m->status);
    return -EPROTO;
}
static int done(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return ACTOR_DONE;
}

/* ---- timers: in the order of their times, those of one time in the order in which they were set;
 * cancelled ones never ---- */

struct timers {
    actor_ref ref[TIMERS / 2];
    uint32_t fired, cancelled;
    int64_t begun, last;
};
static struct timers *t; /* bigger than a state may be */
static uint32_t ms_of(uint32_t i)
{
    return i * 7919 % 97;
}

static int timer_fired(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    uint32_t i = 0;
    cr_assert_eq(m->kind, MSG_TIMER);
    while (i < TIMERS / 2 && t->ref[i] != m->ref)
        i++;
    cr_assert_lt(i, TIMERS / 2, "a cancelled timer fired");
    cr_assert_geq(loop_now(), t->begun + ms_of(i), "not before its time");
    cr_assert_geq((int64_t)ms_of(i) * TIMERS + i, t->last, "order");
    t->last = (int64_t)ms_of(i) * TIMERS + i;
    return ++t->fired == TIMERS / 2 ? ACTOR_DONE : 0;
}
static int timers_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_ref *gone = calloc(TIMERS / 2, sizeof(*gone));
    t = calloc(1, sizeof(*t));
    t->begun = loop_now();
    for (uint32_t i = 0; i < TIMERS / 2; i++) {
        t->ref[i] = actor_after(self, ms_of(i), timer_fired);
        gone[i] = actor_after(self, ms_of(i + 13), timer_fired);
        cr_assert(t->ref[i] && gone[i] && t->ref[i] != gone[i]);
    }
    struct loop_stats s;
    loop_stats(0, &s);
    cr_assert_geq(s.timers, TIMERS);
    for (uint32_t i = 0; i < TIMERS / 2; i++)
        actor_cancel(self, gone[i * 6151 % (TIMERS / 2)]);
    loop_stats(0, &s);
    cr_assert_lt(s.timers, TIMERS / 2 + 10);
    free(gone);
    return 0;
}
static void timers_terminate(struct actor *self, void *state, int result)
{
    (void)self;
    (void)state;
    cr_assert_eq(result, 0);
    free(t);
}
static const struct actor_type timers_type = {
    .name = "t", .init = timers_begin, .terminate = timers_terminate};
Test(timer, order_and_cancel)
{
    cr_assert_eq(testing_run(1, &timers_type, NULL), 0);
}

/* Set again and again from its own step: the poll must be woken each time, also for 0 ms. */
static int chain(struct actor *self, void *state, const struct msg *m)
{
    int *n = state;
    (void)m;
    if (++*n == 300)
        return ACTOR_DONE;
    return actor_after(self, *n % 3 ? 0 : 1, chain) ? 0 : -ENOMEM;
}
static int chain_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, 0, chain) ? 0 : -ENOMEM;
}
static const struct actor_type chain_type = {
    .name = "t", .state_size = sizeof(int), .init = chain_begin};
Test(timer, chain)
{
    cr_assert_eq(testing_run(1, &chain_type, NULL), 0);
}

/* A timer whose mail is already on its way when it is cancelled does not come either. */
static actor_ref late_ref;
static int late_first(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    actor_cancel(self, late_ref);
    actor_after(self, 5, done);
    return 0;
}
static int late_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_after(self, 3, late_first);
    late_ref = actor_after(self, 3, unexpected);
    return 0;
}
static const struct actor_type late_type = {.name = "t", .init = late_begin};
Test(timer, cancelled_when_due)
{
    cr_assert_eq(testing_run(1, &late_type, NULL), 0);
}

/* An actor's end takes its timers with it. */
static int quitter_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_after(self, 0, done);
    for (int i = 0; i < 100; i++)
        actor_after(self, 1, unexpected), actor_after(self, 100000, unexpected);
    actor_expect(self, 100000, unexpected);
    return 0;
}
static const struct actor_type quitter_type = {.name = "q", .init = quitter_begin};
static int end_later(struct actor *self, void *state, const struct msg *m)
{
    struct loop_stats s;
    (void)self;
    (void)state;
    (void)m;
    loop_stats(0, &s);
    cr_assert_leq(s.timers, 1); /* the helper's own */
    return ACTOR_DONE;
}
static int end_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    cr_assert_neq(actor_spawn(&quitter_type, NULL), 0);
    actor_after(self, 20, end_later);
    return 0;
}
static const struct actor_type end_type = {.name = "t", .init = end_begin};
Test(timer, end_with_their_actor)
{
    cr_assert_eq(testing_run(1, &end_type, NULL), 0);
}

/* ---- expectations ---- */

static int expect_step;
static int expect_fail(struct actor *self, void *state, int err)
{
    (void)state;
    if (expect_step++ == 0) {
        cr_assert_eq(err, -EIO);
        cr_assert_neq(actor_expect(self, 3, unexpected), 0);
        return 0;
    }
    cr_assert_eq(err, -ETIMEDOUT);
    return ACTOR_DONE;
}
static int expect_got(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_eq(m->status, 5);
    cr_assert_eq(m->from, 0);
    cr_assert_eq(m->body->len, 1);
    cr_assert_not(actor_awaits(actor_self(self), m->ref));
    actor_complete(actor_self(self), m->ref, 6, body_make("late", 4));
    actor_ref ref = actor_expect(self, 0, unexpected);
    actor_complete(actor_self(self), ref, -EIO, NULL);
    return 0;
}
static const struct actor_type other_type = {.name = "other", .receive = unexpected};
static int expect_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_id other = actor_spawn(&other_type, NULL);
    actor_ref ref = actor_expect(self, 0, expect_got);
    actor_complete(other, ref, 9, NULL); /* another's ref: nobody's answer */
    cr_assert_not(actor_awaits(other, ref));
    cr_assert(actor_awaits(actor_self(self), ref));
    cr_assert_not(actor_awaits(actor_self(self), ref + 1));
    actor_complete(actor_self(self), ref, 5, body_make("x", 1));
    actor_complete(actor_self(self), ref, 6, body_make("again", 5));
    actor_complete(0, ref, 6, body_make("nobody", 6));
    return 0;
}
static const struct actor_type expect_type = {
    .name = "t", .init = expect_begin, .fail = expect_fail, .receive = unexpected};
Test(expectation, completes_once_or_times_out)
{
    cr_assert_eq(testing_run(1, &expect_type, NULL), 0);
}

/* ---- the thread pool ---- */

static _Atomic int worked, freed;
struct arg {
    unsigned us;
    int result;
};

static int pool_work(void *p, struct body **ret_body)
{
    struct arg *a = p;
    usleep(a->us);
    worked++;
    *ret_body = body_make("made", 4);
    return a->result;
}
static void pool_free(void *p)
{
    cr_assert_eq(loop_index(), 0);
    freed++;
    free(p);
}
static int pool_begin(struct actor *self, unsigned us, int result, uint32_t ms, actor_step *next)
{
    struct arg *a = malloc(sizeof(*a));
    *a = (struct arg){us, result};
    return actor_offload(self, pool_work, a, pool_free, ms, next);
}

static int pool_fail(struct actor *self, void *state, int err)
{
    int *step = state;
    if ((*step)++ == 0) {
        cr_assert_eq(err, -EDOM);
        return pool_begin(self, 900000, 0, 300, unexpected); /* long begun when it is given up */
    }
    cr_assert_eq(err, -ETIMEDOUT); /* the job is still running: ends after the actor */
    return ACTOR_DONE;
}
static int pool_got(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_eq(m->status, 3);
    cr_assert(m->body->len == 4 && memcmp(m->body->bytes, "made", 4) == 0);
    return pool_begin(self, 0, -EDOM, 0, unexpected);
}
static int offload_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return pool_begin(self, 100, 3, 5000, pool_got);
}
static const struct actor_type offload_type = {
    .name = "t", .state_size = sizeof(int), .init = offload_begin, .fail = pool_fail};
Test(offload, results_and_deadline)
{
    cr_assert_eq(testing_run(1, &offload_type, NULL), 0);
    cr_assert_eq(worked, 3);
    cr_assert_eq(freed, 3);
}

/* Actors that end while their jobs wait or run: jobs not begun are spared, nothing leaks, nobody is
 * called. */
static int brief_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    for (int i = 0; i < 10; i++)
        cr_assert_eq(pool_begin(self, 2000, 0, 0, unexpected), 0);
    actor_stop(actor_self(self), 0);
    return 0;
}
static const struct actor_type brief_type = {.name = "brief", .init = brief_begin};
static int many_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    for (int i = 0; i < 50; i++)
        cr_assert_neq(actor_spawn(&brief_type, NULL), 0);
    actor_after(self, 5, done);
    return 0;
}
static const struct actor_type many_type = {.name = "t", .init = many_begin};
Test(offload, askers_that_end)
{
    cr_assert_eq(testing_run(1, &many_type, NULL), 0);
    cr_assert_eq(freed, 500);
    cr_assert_lt(worked, 500, "waiting jobs of ended actors are not run");
}

/* An actor that ends with its job done and the answer still in its mailbox. */
enum { NOTE = 300 };
static int ignore(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return 0;
}
static int behind_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    for (int i = 0; i < 250;
         i++) /* the end is read in the third turn, the answer comes in the second */
        actor_send(actor_self(self), NOTE, NULL);
    actor_stop(actor_self(self), 0);
    int r = pool_begin(self, 0, 0, 0, unexpected);
    while (!worked)
        usleep(100);
    usleep(2000);
    return r;
}
static const struct actor_type behind_type = {.name = "t", .init = behind_begin, .receive = ignore};
Test(offload, an_answer_behind_the_end)
{
    cr_assert_eq(testing_run(1, &behind_type, NULL), 0);
    cr_assert_eq(freed, 1);
}

static int flood_begin(struct actor *self, void *state, const void *arg)
{
    static struct arg nothing;
    int r = 0;
    (void)state;
    (void)arg;
    for (int n = 0; r == 0 && n < 5000; n++)
        r = actor_offload(self, pool_work, &nothing, NULL, 0, unexpected);
    cr_assert_eq(r, -ENOBUFS);
    actor_stop(actor_self(self), 0);
    return 0;
}
static const struct actor_type flood_type = {.name = "t", .init = flood_begin};
Test(offload, the_queue_is_bounded)
{
    cr_assert_eq(testing_run(1, &flood_type, NULL), 0);
}
