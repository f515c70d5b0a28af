/* What loop.h says: the order of a turn, services, start that fails, the drain, statistics, seeds,
 * several runs in a process. */
#include "runtime_criterion.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime_testing.h"

enum { NOTE = 300 };

static char trail[8192]; /* what happened, a character each; loop 0's thread only */
static void note(char c)
{
    size_t n = strlen(trail);
    cr_assert_lt(n, sizeof(trail) - 1);
    trail[n] = c;
}

static int quit(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return ACTOR_DONE;
}

/* ---- the order of a turn: I/O, timers, ready actors, hooks in their order; the poll does not
 * block with actors left ---- */

static int pipe_fd[2];
static uv_poll_t poller;
static actor_id turner;
static int turn_step;

static void turn_hook(void *arg)
{
    if (turn_step == 1 || turn_step == 2)
        note(*(const char *)arg);
}
static void turn_io(uv_poll_t *h, int status, int events)
{
    char c;
    (void)status;
    (void)events;
    cr_assert_eq(read(pipe_fd[0], &c, 1), 1);
    uv_poll_stop(h);
    turn_step = 1;
    note('i');
    actor_send(turner, NOTE, NULL);
    usleep(60000); /* the timer is due by now */
}
static int turn_timer(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    (void)self;
    note('t');
    return 0;
}
static int turn_receive(struct actor *self, void *state, const struct msg *m)
{
    int *n = state;
    if (turn_step == 1) {
        note('a'); /* from now on a message to itself, without end */
        turn_step = 2;
    }
    (void)m;
    if (++*n == 250)
        return ACTOR_DONE;
    if (*n % 100 == 1)
        note('m');
    actor_send(actor_self(self), NOTE, NULL);
    return 0;
}
static int turn_begin(struct actor *self, void *state, const void *arg)
{
    static const char one = '1', two = '2';
    (void)state;
    (void)arg;
    turner = actor_self(self);
    loop_at_turn_end(turn_hook, (void *)(uintptr_t)&one);
    loop_at_turn_end(turn_hook, (void *)(uintptr_t)&two);
    cr_assert_eq(pipe(pipe_fd), 0);
    uv_poll_init(loop_uv(), &poller, pipe_fd[0]);
    uv_poll_start(&poller, UV_READABLE, turn_io);
    cr_assert_eq(write(pipe_fd[1], "x", 1), 1);
    actor_after(self, 50, turn_timer); /* not before the poll, whatever stops this thread */
    return 0;
}
static void turn_terminate(struct actor *self, void *state, int result)
{
    (void)self;
    (void)state;
    (void)result;
    turn_step = 3;
    uv_close((uv_handle_t *)&poller, NULL);
}
static const struct actor_type turn_type = {.name = "t",
                                            .state_size = sizeof(int),
                                            .init = turn_begin,
                                            .receive = turn_receive,
                                            .terminate = turn_terminate};
Test(loop, order_of_a_turn)
{
    cr_assert_eq(testing_run(1, &turn_type, NULL), 0);
    /* 250 notes and the timer: 100 messages a turn, then hooks and poll */
    cr_assert_str_eq(trail, "iamt12m12m");
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

/* ---- many ready actors: each gets its turn before one gets a second one ---- */

static int fair_left = 30;
static int fair_receive(struct actor *self, void *state, const struct msg *m)
{
    int *n = state;
    (void)m;
    if (++*n % 100 == 1)
        note((char)('a' + *n / 100));
    if (*n == 300)
        return fair_left--, ACTOR_DONE;
    actor_send(actor_self(self), NOTE, NULL);
    return 0;
}
static const struct actor_type fair_type = {
    .name = "fair", .state_size = sizeof(int), .mailbox_max = 10, .receive = fair_receive};
static int fair_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    for (int i = 0; i < 30; i++)
        actor_send(actor_spawn(&fair_type, NULL), NOTE, NULL);
    actor_after(self, 100, quit);
    return 0;
}
static const struct actor_type fair_main = {.name = "t", .init = fair_begin};
Test(loop, shares_of_a_turn)
{
    cr_assert_eq(testing_run(1, &fair_main, NULL), 0);
    cr_assert_eq(fair_left, 0);
    cr_assert_eq(strlen(trail), 90);
    for (int i = 0; i < 90; i++)
        cr_assert_eq(trail[i], "abc"[i / 30], "%s", trail);
}

/* ---- what services and actors are told about their loop ---- */

static int facts_begin(struct actor *self, void *state, const void *arg)
{
    struct loop_stats s;
    (void)state;
    (void)arg;
    cr_assert_eq(loop_index(), 0);
    cr_assert_eq(loop_count(), 3);
    cr_assert_eq((int64_t)uv_now(loop_uv()), loop_now());
    cr_assert_not(runtime_draining());
    loop_set_actor(15, actor_self(self));
    cr_assert_eq(loop_actor(0, 15), actor_self(self));
    cr_assert_eq(loop_actor(1, 15), 0);
    cr_assert_eq(loop_actor(64, 0), 0);
    loop_stats(0, &s);
    cr_assert_eq(s.actors, 2);
    loop_stats(2, &s);
    cr_assert_eq(s.actors, 0);
    loop_stats(3, &s);
    cr_assert_eq(s.turns, 0);
    actor_after(self, 1, quit);
    return 0;
}
static const struct actor_type facts_type = {.name = "t", .init = facts_begin};
Test(loop, facts)
{
    cr_assert_eq(testing_run(3, &facts_type, NULL), 0);
}

/* A step that stands still is counted as lag. */
static int lag_over(struct actor *self, void *state, const struct msg *m)
{
    struct loop_stats s;
    (void)self;
    (void)state;
    (void)m;
    loop_stats(0, &s);
    cr_assert_geq(s.lag_warnings, 1);
    cr_assert_geq(s.lag_max_ms, 60);
    cr_assert_geq(s.lag_lately_ms, 60);
    usleep(40000);
    loop_stats(0, &s);
    cr_assert_geq(s.still_ms, 40, "it stands just now");
    return ACTOR_DONE;
}
static int lag_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    usleep(60000);
    actor_after(self, 1, lag_over);
    return 0;
}
static const struct actor_type lag_type = {.name = "t", .init = lag_begin};
Test(loop, lag_is_counted)
{
    cr_assert_eq(testing_run(1, &lag_type, NULL), 0);
}

/* ---- services: started in order on every loop, then ready, drained, stopped in reverse ---- */

#define AT(loop) life[loop][strlen(life[loop])]
static char life[2][64];
static int fails_on = -1;

static int a_start(unsigned loop)
{
    return AT(loop) = 'a', (int)loop_index() == (int)loop ? 0 : -EDOM;
}
static int b_start(unsigned loop)
{
    return AT(loop) = 'b', (int)loop == fails_on ? -EADDRINUSE : 0;
}
static int c_start(unsigned loop)
{
    return AT(loop) = 'c', 0;
}
static void a_drain(unsigned loop)
{
    AT(loop) = '1';
}
static void c_drain(unsigned loop)
{
    AT(loop) = '3';
}
static void a_stop(unsigned loop)
{
    AT(loop) = 'A';
}
static void b_stop(unsigned loop)
{
    AT(loop) = 'B';
}
static void c_stop(unsigned loop)
{
    AT(loop) = 'C';
}
static const struct loop_service service_a = {"a", a_start, a_drain, a_stop};
static const struct loop_service service_b = {"b", b_start, NULL, b_stop};
static const struct loop_service service_c = {"c", c_start, c_drain, c_stop};
static const struct loop_service *const abc[] = {&service_a, &service_b, &service_c, NULL};
static const struct runtime_options two_loops = {.loops = 2, .drain_ms = 1000, .services = abc};

static int note_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    cr_assert_str_eq(life[0], "abc");
    cr_assert_str_eq(life[1], "abc");
    actor_after(self, 1, quit);
    return 0;
}
static const struct actor_type note_type = {.name = "t", .init = note_begin};
Test(services, order)
{
    cr_assert_eq(testing_run_with(two_loops, &note_type, NULL), 0);
    cr_assert_str_eq(life[0], "abc13CBA");
    cr_assert_str_eq(life[1], "abc13CBA");
}

static int never_begin(struct actor *self, void *state, const void *arg)
{
    (void)self;
    (void)state;
    (void)arg;
    cr_assert(false, "ready must not be called");
    return 0;
}
static const struct actor_type never_type = {.name = "t", .init = never_begin};
static void start_fails_on(int loop)
{
    fails_on = loop;
    cr_assert_eq(testing_run_with(two_loops, &never_type, NULL), -EADDRINUSE);
    cr_assert_str_eq(life[loop], "abA");
    cr_assert_str_eq(life[1 - loop], "abcCBA");
}
Test(services, a_failed_start_on_loop_0)
{
    start_fails_on(0);
}
Test(services, a_failed_start_on_loop_1)
{
    start_fails_on(1);
}

/* ---- the drain: MSG_STOP to those that drain, the others last, the time bounded, a second call
 * ends at once ---- */

static _Atomic int stopped, cut, plain_ended;
static uint32_t takes_ms;

static _Atomic int late;
static int late_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert_eq(m->kind, MSG_STOP);
    late++;
    return ACTOR_DONE;
}
static const struct actor_type late_type = {
    .name = "late", .receive = late_receive, .drains = true};

static int drainer_over(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    cr_assert_eq(plain_ended, 0, "others are ended when those have ended");
    stopped++;
    return ACTOR_DONE;
}
static int drainer_receive(struct actor *self, void *state, const struct msg *m)
{
    cr_assert_eq(m->kind, MSG_STOP);
    cr_assert_eq((*(int *)state)++, 0, "once");
    cr_assert(runtime_draining());
    cr_assert_neq(actor_spawn(&late_type, NULL), 0, "begun after MSG_STOP was sent: gets it too");
    actor_after(self, takes_ms, drainer_over);
    return 0;
}
static void drainer_terminate(struct actor *self, void *state, int result)
{
    (void)self;
    (void)state;
    cr_assert(result == 0 || result == -ESHUTDOWN);
    cut += result != 0;
}
static const struct actor_type drainer_type = {.name = "drainer",
                                               .state_size = sizeof(int),
                                               .mailbox_max = 1,
                                               .receive = drainer_receive,
                                               .terminate = drainer_terminate,
                                               .drains = true};

static int plain_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert_neq(m->kind, MSG_STOP);
    return 0;
}
static void plain_terminate(struct actor *self, void *state, int result)
{
    (void)self;
    (void)state;
    cr_assert_eq(result, -ESHUTDOWN);
    cr_assert_eq(actor_spawn(&drainer_type, NULL), 0, "nothing begins any more");
    plain_ended++;
}
static const struct actor_type plain_type = {
    .name = "plain", .receive = plain_receive, .terminate = plain_terminate};

static int drain_start(unsigned loop)
{
    (void)loop;
    for (int i = 0; i < 3; i++) {
        cr_assert_neq(actor_spawn(&drainer_type, NULL), 0);
        cr_assert_neq(actor_spawn(&plain_type, NULL), 0);
    }
    return 0;
}
static void drain_drain(unsigned loop)
{
    (void)loop;
    cr_assert_neq(actor_spawn(&drainer_type, NULL), 0, "a late one gets MSG_STOP too");
}
static const struct loop_service drain_service = {
    .name = "d", .start = drain_start, .drain = drain_drain};
static const struct loop_service *const drain_services[] = {&drain_service, NULL};

static void drain_now(void)
{
    runtime_drain();
}
static void drain_twice(void)
{
    runtime_drain();
    runtime_drain();
}
static void drain_by_signal(void)
{
    raise(SIGTERM);
}
static void on_sigterm(int sig)
{
    (void)sig;
    runtime_drain();
}
static void drained(uint32_t drain_ms, void (*ready)(void), int want_stopped, int want_cut)
{
    stopped = cut = late = plain_ended = 0;
    int r = runtime_run(&(struct runtime_options){
        .loops = 2, .drain_ms = drain_ms, .services = drain_services, .ready = ready});
    cr_assert_eq(r, 0);
    cr_assert_eq(stopped, want_stopped);
    cr_assert_eq(cut, want_cut);
    cr_assert_eq(plain_ended, 6);
    cr_assert(late == 8 || want_cut, "%d", late);
    cr_assert_not(runtime_draining());
    cr_assert_eq(loop_count(), 0);
}
Test(drain, waits_for_those_that_drain)
{
    takes_ms = 20;
    drained(60000, drain_now, 8, 0);
}
Test(drain, is_bounded_in_time)
{
    takes_ms = 100000;
    drained(30, drain_now, 0, 8);
}
Test(drain, a_second_call_ends_at_once)
{
    takes_ms = 100000;
    drained(100000, drain_twice, 0, 8);
}
Test(drain, from_a_signal_handler)
{
    signal(SIGTERM, on_sigterm);
    takes_ms = 1;
    drained(60000, drain_by_signal, 8, 0);
}
static void *from_a_thread(void *arg)
{
    usleep(20000); /* the loops sleep in their polls by now */
    raise(SIGTERM);
    return arg;
}
Test(drain, from_a_signal_handler_on_another_thread)
{
    pthread_t thread;
    signal(SIGTERM, on_sigterm);
    takes_ms = 1;
    pthread_create(&thread, NULL, from_a_thread, NULL);
    drained(60000, NULL, 8, 0);
    pthread_join(thread, NULL);
}
Test(drain, asked_for_before_the_start_and_again_and_again)
{
    takes_ms = 1;
    for (int i = 0; i < 20; i++) {
        runtime_drain();
        cr_assert(runtime_draining());
        drained(60000, NULL, 8, 0);
    }
}

/* ---- seeds: one seed, one order; another seed, another order; no seed, arrival order ---- */

static int seed_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)m;
    note(*(char *)state);
    return 0;
}
static int seed_init(struct actor *self, void *state, const void *arg)
{
    (void)self;
    *(char *)state = *(const char *)arg;
    return 0;
}
static const struct actor_type seed_type = {
    .name = "s", .state_size = 1, .mailbox_max = 100, .init = seed_init, .receive = seed_receive};
static int seed_begin(struct actor *self, void *state, const void *arg)
{
    actor_id ids[10];
    (void)state;
    (void)arg;
    for (int i = 0; i < 10; i++)
        ids[i] = actor_spawn(&seed_type, &"0123456789"[i]);
    for (int i = 0; i < 100; i++)
        actor_send(ids[i % 10], NOTE, NULL);
    actor_after(self, 5, quit);
    return 0;
}
static const struct actor_type seed_main = {.name = "t", .init = seed_begin};
static void seeded(uint64_t seed, char out[128])
{
    trail[0] = 0;
    memset(trail, 0, sizeof(trail));
    struct runtime_options o = {.loops = 1, .shuffle_seed = seed, .drain_ms = 1000};
    cr_assert_eq(testing_run_with(o, &seed_main, NULL), 0);
    cr_assert_eq(strlen(trail), 100);
    memcpy(out, trail, 101);
}
Test(seeds, replay_an_order)
{
    char a[128], again[128], b[128], none[128];
    seeded(7, a);
    seeded(7, again);
    seeded(8, b);
    seeded(0, none);
    cr_assert_str_eq(a, again);
    cr_assert(strcmp(a, b) != 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(none[i], '0' + i / 10);
}
