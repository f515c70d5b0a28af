/*
 * A million messages between four loops: sends whose order is checked, asks that must end exactly
 * once, children that are spawned, monitored and end, rooms that are activated from anywhere and
 * passivate, halls that stay and must miss nothing. Run it under TSan and ASan. Its numbers add up
 * at the end or it fails.
 */
#include "runtime_criterion.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime_testing.h"

#define LOOPS 4u
#define WORKERS 32u
#define ROOMS 24u
#define HALLS 64u
#define STEPS 27000u    /* of each worker */
#define OUTSTANDING 24u /* of each worker */

enum { TELL = 300, BEGIN, REPORT, DONE, ENTER, ROOM_TELL, ASK, NAP };

static _Atomic int alive[ROOMS + HALLS]; /* instances of each name */
static _Atomic uint64_t room_begun, hall_heard, hall_told, told, heard, refused;
static _Atomic uint64_t asked, ended, retried, downs, children, naps, slept;
static actor_id workers[WORKERS];

struct tell {
    uint32_t from, seq;
};

struct worker {
    uint32_t index, random, done, outstanding, seq[WORKERS];
    uint32_t last[WORKERS];
    bool said;
};

static uint32_t pick(struct worker *w, uint32_t n)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (w->random >> 8) % n;
}

/* ---- rooms and halls ---- */

struct room {
    uint32_t number, left;
};

static int room_init(struct actor *self, void *state, const void *arg)
{
    struct room *r = state;
    const char *id = arg;
    r->number = (uint32_t)atoi(id + 1) + (id[0] == 'h' ? ROOMS : 0);
    r->left = 1 + (r->number * 7) % 40;
    cr_assert_eq(atomic_fetch_add(&alive[r->number], 1), 0, "two at once of %s", id);
    cr_assert_eq(actor_home(id), loop_index());
    cr_assert(strcmp(strchr(actor_name(self), '/') + 1, id) == 0);
    if (r->number < ROOMS)
        atomic_fetch_add(&room_begun, 1);
    return 0;
}

static int room_receive(struct actor *self, void *state, const struct msg *m)
{
    struct room *r = state;
    if (m->kind == ENTER)
        actor_reply(m, (int)r->number, NULL);
    else if (r->number >= ROOMS)
        atomic_fetch_add(&hall_heard, 1);
    if (r->number >= ROOMS || --r->left)
        return 0;
    r->left = 3;
    return actor_passivate(self);
}

static void room_terminate(struct actor *self, void *state, int result)
{
    struct room *r = state;
    (void)self;
    cr_assert(result == 0 || result == -ESHUTDOWN);
    atomic_fetch_sub(&alive[r->number], 1);
}

static const struct actor_type room_type = {.name = "room",
                                            .state_size = sizeof(struct room),
                                            .mailbox_max = 1000000,
                                            .init = room_init,
                                            .receive = room_receive,
                                            .terminate = room_terminate};

/* ---- children ---- */

static int child_init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    actor_stop(actor_self(self), *(const int *)arg);
    return 0;
}
static const struct actor_type child_type = {.name = "child", .state_size = 32, .init = child_init};

/* ---- workers ---- */

static actor_step work, answered;

static int carry_on(struct actor *self, struct worker *w)
{
    if (w->done == STEPS && w->outstanding == 0 && !w->said) {
        w->said = true;
        actor_send(loop_actor(0, 0), DONE, NULL);
    }
    (void)self;
    return 0;
}

static int over(struct actor *self, struct worker *w)
{
    w->outstanding--;
    atomic_fetch_add(&ended, 1);
    return w->done < STEPS ? work(self, w, NULL) : carry_on(self, w);
}

static int answered(struct actor *self, void *state, const struct msg *m)
{
    cr_assert_geq(m->status, 0);
    return over(self, state);
}

static int failed(struct actor *self, void *state, int err)
{
    cr_assert(err == -ESRCH, "%d", err); /* a room that passivated meanwhile */
    atomic_fetch_add(&retried, 1);
    return over(self, state);
}

static int child_down(struct actor *self, void *state, const struct msg *m)
{
    struct worker *w = state;
    cr_assert(m->status == 0 || m->status == -EIO || m->status == -ESRCH);
    atomic_fetch_add(&downs, 1);
    (void)self;
    w->outstanding--;
    return carry_on(self, w);
}

static int napped(struct actor *self, void *state, const struct msg *m)
{
    struct worker *w = state;
    cr_assert_eq(m->kind, MSG_TIMER);
    atomic_fetch_add(&naps, 1);
    w->outstanding--;
    return carry_on(self, w);
}

static void ask_one(struct actor *self, struct worker *w, actor_id to, msg_kind kind)
{
    w->outstanding++;
    atomic_fetch_add(&asked, 1);
    cr_assert_eq(actor_ask(self, to, kind, NULL, 50000, answered), 0);
}

static void tell_one(struct actor *self, struct worker *w)
{
    uint32_t to = pick(w, WORKERS);
    struct tell t = {.from = w->index, .seq = ++w->seq[to]};
    atomic_fetch_add(&told, 1);
    actor_send_from(self, workers[to], TELL, body_make(&t, sizeof(t)));
}

static void child_one(struct actor *self, struct worker *w)
{
    int result = pick(w, 2) ? 0 : -EIO;
    actor_id child = actor_spawn(&child_type, &result);
    w->outstanding++;
    atomic_fetch_add(&children, 1);
    cr_assert_neq(actor_monitor(self, child, child_down), 0);
}

static void one(struct actor *self, struct worker *w)
{
    char id[16];
    uint32_t what = pick(w, 16);
    if (what < 7) {
        tell_one(self, w);
    } else if (what < 11) {
        ask_one(self, w, workers[pick(w, WORKERS)], ASK);
    } else if (what < 13) {
        snprintf(id, sizeof(id), "r%u", pick(w, ROOMS));
        ask_one(self, w, actor_whereis("room", id), ENTER);
    } else if (what == 13) {
        snprintf(id, sizeof(id), "h%u", pick(w, HALLS));
        atomic_fetch_add(&hall_told, 1);
        actor_send(actor_whereis("room", id), ROOM_TELL, NULL);
    } else if (what == 14) {
        child_one(self, w);
    } else {
        w->outstanding++;
        atomic_fetch_add(&slept, 1);
        actor_ref kept = actor_after(self, pick(w, 3), napped), gone = actor_after(self, 0, napped);
        actor_cancel(self, gone);
        cr_assert(kept != gone);
        if (pick(w, 4) == 0) /* a monitor of an actor of another loop, taken back */
            actor_cancel(self, actor_monitor(self, workers[pick(w, WORKERS)], child_down));
    }
}

static int work(struct actor *self, void *state, const struct msg *m)
{
    struct worker *w = state;
    (void)m;
    for (unsigned i = 0; i < 8 && w->done < STEPS && w->outstanding < OUTSTANDING; i++) {
        w->done++;
        one(self, w);
    }
    return carry_on(self, w);
}

static int begin_again(struct actor *self, void *state, const struct msg *m)
{
    struct worker *w = state;
    work(self, state, m);
    if (w->done < STEPS)
        actor_after(self, 1, begin_again);
    return 0;
}

static int worker_receive(struct actor *self, void *state, const struct msg *m)
{
    struct worker *w = state;
    if (m->kind == TELL) {
        struct tell t;
        memcpy(&t, m->body->bytes, sizeof(t));
        cr_assert_eq(m->from, workers[t.from]);
        cr_assert_eq(t.seq, w->last[t.from] + 1, "worker %u got %u after %u from %u", w->index,
                     t.seq, w->last[t.from], t.from);
        w->last[t.from] = t.seq;
        atomic_fetch_add(&heard, 1);
    } else if (m->kind == ASK || m->kind == REPORT) {
        actor_reply(m, 1, NULL);
    } else {
        cr_assert_eq(m->kind, BEGIN);
        begin_again(self, state, m);
    }
    return 0;
}

static int worker_init(struct actor *self, void *state, const void *arg)
{
    struct worker *w = state;
    w->index = *(const uint32_t *)arg;
    w->random = w->index * 77777u + 1;
    workers[w->index] = actor_self(self);
    return 0;
}

static const struct actor_type worker_type = {.name = "worker",
                                              .state_size = sizeof(struct worker),
                                              .mailbox_max = 1000000,
                                              .init = worker_init,
                                              .receive = worker_receive,
                                              .fail = failed};

static int workers_start(unsigned loop)
{
    for (uint32_t i = loop; i < WORKERS; i += LOOPS)
        cr_assert_neq(actor_spawn(&worker_type, &i), 0);
    return 0;
}
static const struct loop_service workers_service = {.name = "workers", .start = workers_start};

/* ---- the judge: waits for all, asks everybody once more (behind everything they were sent), and
 * counts ---- */

struct judge {
    uint32_t done, reported;
};

static int reported(struct actor *self, void *state, const struct msg *m)
{
    struct judge *j = state;
    (void)self;
    (void)m;
    return ++j->reported == WORKERS + HALLS ? ACTOR_DONE : 0;
}

static int judge_receive(struct actor *self, void *state, const struct msg *m)
{
    struct judge *j = state;
    char id[16];
    cr_assert_eq(m->kind, DONE);
    if (++j->done < WORKERS)
        return 0;
    for (uint32_t i = 0; i < WORKERS; i++)
        actor_ask(self, workers[i], REPORT, NULL, 50000, reported);
    for (uint32_t i = 0; i < HALLS; i++) {
        snprintf(id, sizeof(id), "h%u", i);
        actor_ask(self, actor_whereis("room", id), ENTER, NULL, 50000, reported);
    }
    return 0;
}

static int judge_init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    loop_set_actor(0, actor_self(self));
    for (uint32_t i = 0; i < WORKERS; i++)
        actor_send(workers[i], BEGIN, NULL);
    return 0;
}

static void judge_terminate(struct actor *self, void *state, int result)
{
    uint64_t all = 0, remote = 0;
    (void)self;
    (void)state;
    cr_assert_eq(result, 0, "%d", result);
    for (unsigned i = 0; i < LOOPS; i++) {
        struct loop_stats s;
        loop_stats(i, &s);
        all += s.messages;
        remote += s.messages_remote;
        refused += s.mail_refused;
    }
    printf("%llu messages, %llu cross-loop, %llu room lives, %llu asks retried\n",
           (unsigned long long)all, (unsigned long long)remote, (unsigned long long)room_begun,
           (unsigned long long)retried);
    cr_assert(all >= 1000000);
}

static const struct actor_type judge_type = {.name = "judge",
                                             .state_size = sizeof(struct judge),
                                             .mailbox_max = WORKERS,
                                             .init = judge_init,
                                             .receive = judge_receive,
                                             .terminate = judge_terminate};

static void stress(uint64_t seed)
{
    const struct loop_service *const services[] = {&workers_service, NULL};
    actor_kind("room", &room_type);
    int r = testing_run_with(
        (struct runtime_options){
            .loops = LOOPS, .shuffle_seed = seed, .drain_ms = 1000, .services = services},
        &judge_type, NULL);
    cr_assert_eq(r, 0, "%d", r);
    cr_assert_eq(refused, 0);
    cr_assert_eq(told, heard);
    cr_assert_eq(asked, ended);
    cr_assert_eq(children, downs);
    cr_assert_eq(slept, naps);
    cr_assert_eq(hall_told, hall_heard);
    cr_assert(room_begun > ROOMS);
    for (unsigned i = 0; i < ROOMS + HALLS; i++)
        cr_assert_eq(alive[i], 0);
}

Test(stress, in_arrival_order)
{
    stress(0);
}
Test(stress, shuffled)
{
    stress(20261122);
}
