/* What actor.h says about bodies, spawning, mail, mailboxes, steps, monitors and ends: on one loop
 * and across two. */
#include "runtime_criterion.h"
#include <string.h>
#include <unistd.h>

#define TESTING_MS 10000
#include "runtime_testing.h"

enum { PING = 300, COUNT, FAIL, LEAVE, FORGET, KEEP, BURST };

/* ---- bodies ---- */

static int dropped;
static void drop(struct body *b)
{
    dropped++;
    free(b);
}

Test(body, references_and_drop)
{
    struct body *b = body_make("abc", 3);
    cr_assert_eq(b->len, 3);
    cr_assert(memcmp(b->bytes, "abc", 3) == 0);
    b->drop = drop;
    cr_assert_eq(body_ref(b), b);
    body_unref(b);
    cr_assert_eq(dropped, 0);
    body_unref(b);
    cr_assert_eq(dropped, 1);
    cr_assert_null(body_ref(NULL));
    body_unref(NULL);
    cr_assert_eq(mp_type(body_mp(NULL)), MP_NONE);
}

Test(body, of_a_buffer_clears_it)
{
    struct buf buf = BUF_INIT;
    buf_puts(&buf, "hello");
    struct body *b = body_of(&buf);
    cr_assert_eq(buf.len, 0);
    cr_assert_eq(b->len, 5);
    cr_assert(memcmp(b->bytes, "hello", 5) == 0);
    body_unref(b);
    b = body_of(&buf);
    cr_assert_eq(b->len, 0);
    body_unref(b);
    buf_finish(&buf);
}

/* ---- a peer on every loop: index 0 of loop_actor ---- */

struct peer {
    struct msg kept;
    int count;
};

static int peer_receive(struct actor *self, void *state, const struct msg *m)
{
    struct peer *p = state;
    (void)self;
    switch (m->kind) {
    case PING:
        p->count++;
        actor_reply(m, 7, body_ref(m->body));
        actor_reply(m, 8, NULL); /* a second answer finds nobody */
        return 0;
    case COUNT:
        actor_reply(m, p->count, NULL);
        return 0;
    case FAIL:
        actor_reply(m, -EACCES, NULL);
        return 0;
    case KEEP: /* the last one is answered with the next */
        actor_reply(&p->kept, 9, NULL);
        p->kept = msg_keep(m);
        return 0;
    case LEAVE:
        return m->body ? -EIO : ACTOR_DONE;
    default:
        return 0; /* FORGET */
    }
}

static const struct actor_type peer_type = {
    .name = "peer", .state_size = sizeof(struct peer), .mailbox_max = 5, .receive = peer_receive};

static int peers_start(unsigned loop)
{
    actor_id who = actor_spawn(&peer_type, NULL);
    loop_set_actor(0, who);
    cr_assert_eq(loop_actor(loop, 0), who);
    return 0;
}
static const struct loop_service peers_service = {.name = "peers", .start = peers_start};

/* Runs a test actor on loop 0 beside peers; arg is the loop of the peer it talks to. */
static int with_peer(unsigned at, const struct actor_type *type)
{
    const struct loop_service *const services[] = {&peers_service, NULL};
    return testing_run_with(
        (struct runtime_options){.loops = 2, .drain_ms = 1000, .services = services}, type, &at);
}

struct asker {
    actor_id peer;
    int step, ended, child;
    actor_ref ref;
};

static void asker_begin(struct asker *a, const void *arg)
{
    a->peer = loop_actor(*(const unsigned *)arg, 0);
}

static int unexpected(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert(false, "nothing should come here: kind %d status %d", m->kind, m->status);
    return -EPROTO;
}

#define BOTH_LOOPS(name, type)                                                                     \
    Test(actor, name##_here)                                                                       \
    {                                                                                              \
        cr_assert_eq(with_peer(0, &(type)), 0);                                                    \
    }                                                                                              \
    Test(actor, name##_there)                                                                      \
    {                                                                                              \
        cr_assert_eq(with_peer(1, &(type)), 0);                                                    \
    }

/* ---- an ask is answered, once ---- */

static int answer_over(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    (void)self;
    cr_assert_eq(m->kind, MSG_TIMER);
    cr_assert_eq(a->ended, 1);
    return ACTOR_DONE;
}
static int answer_got(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    cr_assert_eq(m->kind, MSG_REPLY);
    cr_assert_eq(m->status, 7);
    cr_assert_eq(m->from, a->peer);
    cr_assert_eq(m->body->len, 5);
    cr_assert(memcmp(m->body->bytes, "hello", 5) == 0);
    a->ended++;
    cr_assert_neq(actor_after(self, 20, answer_over), 0);
    return 0;
}
static int answer_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    cr_assert(actor_failed_step(self) == NULL);
    cr_assert_eq(a->ended, 0, "the state is zeroed");
    return actor_ask(self, a->peer, PING, body_make("hello", 5), 5000, answer_got);
}
static const struct actor_type answer_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = answer_begin, .receive = unexpected};
BOTH_LOOPS(ask_is_answered_once, answer_type)

/* ---- an answer that comes while the asker's loop is busy: seen before it goes to sleep, though
 * nothing wakes it ---- */

static int busy_got(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    cr_assert_eq(m->status, 7);
    if (++a->step == 20)
        return ACTOR_DONE;
    int r = actor_ask(self, a->peer, PING, NULL, 0, busy_got);
    usleep(2000);
    return r;
}
static int busy_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    return actor_ask(self, a->peer, PING, NULL, 0, busy_got);
}
static const struct actor_type busy_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = busy_begin};
BOTH_LOOPS(answer_while_busy, busy_type)

/* ---- an ask that fails: the peer's error, nobody, an end without an answer, the deadline ---- */

struct failure {
    actor_id (*to)(struct asker *a);
    msg_kind kind;
    int want;
};
static actor_id to_peer(struct asker *a)
{
    return a->peer;
}
static actor_id to_nobody(struct asker *a)
{
    return a->peer + (UINT64_C(77) << 24);
}
static actor_id to_zero(struct asker *a)
{
    return a->peer * 0;
}
static actor_id to_no_loop(struct asker *a)
{
    return a->peer | UINT64_C(60) << 56;
}
static const struct failure failures[] = {{to_peer, FAIL, -EACCES},      {to_nobody, PING, -ESRCH},
                                          {to_zero, PING, -ESRCH},       {to_no_loop, PING, -ESRCH},
                                          {to_peer, FORGET, -ETIMEDOUT}, {to_peer, LEAVE, -ESRCH},
                                          {to_peer, PING, -ESRCH}};
#define FAILURES (int)(sizeof(failures) / sizeof(failures[0]))

static int failure_next(struct actor *self, struct asker *a)
{
    const struct failure *f = &failures[a->step];
    struct body *b = body_make("x", 1);
    if (f->kind == LEAVE) {
        body_unref(b);
        b = NULL;
    }
    return actor_ask(self, f->to(a), f->kind, b, f->want == -ETIMEDOUT ? 5 : 5000, unexpected);
}
static int failure_fail(struct actor *self, void *state, int err)
{
    struct asker *a = state;
    cr_assert_eq(err, failures[a->step].want, "step %d: %d", a->step, err);
    cr_assert(actor_failed_step(self) == unexpected);
    return ++a->step == FAILURES ? ACTOR_DONE : failure_next(self, a);
}
static int failure_begin(struct actor *self, void *state, const void *arg)
{
    asker_begin(state, arg);
    return failure_next(self, state);
}
static const struct actor_type failure_type = {.name = "t",
                                               .state_size = sizeof(struct asker),
                                               .init = failure_begin,
                                               .fail = failure_fail,
                                               .receive = unexpected};
BOTH_LOOPS(ask_fails, failure_type)

static int no_fail_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    return actor_ask(self, a->peer, FAIL, NULL, 5000, unexpected);
}
static const struct actor_type no_fail_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = no_fail_begin};
Test(actor, without_fail_the_actor_fails)
{
    cr_assert_eq(with_peer(1, &no_fail_type), -EACCES);
}

/* ---- a question kept: answered by a later message; a late answer after the deadline is dropped
 * ---- */

static int keep_second(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    (void)self;
    cr_assert_eq(m->status, 9);
    cr_assert_eq(a->ended, 1);
    return ACTOR_DONE;
}
static int keep_fail(struct actor *self, void *state, int err)
{
    struct asker *a = state;
    cr_assert_eq(err, -ETIMEDOUT);
    if (a->ended++)
        return 0; /* the last question, which nobody answers */
    actor_ask(self, a->peer, KEEP, NULL, 5000, keep_second);       /* answers the first, too late */
    return actor_ask(self, a->peer, KEEP, NULL, 5000, unexpected); /* answers the second */
}
static int keep_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    return actor_ask(self, a->peer, KEEP, NULL, 5, unexpected);
}
static const struct actor_type keep_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = keep_begin, .fail = keep_fail};
BOTH_LOOPS(kept_question_and_late_answer, keep_type)

/* ---- a full mailbox: refuses, and its actor goes on ---- */

static int full_counted(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    struct loop_stats s;
    (void)self;
    cr_assert_eq(m->status, 5, "%d were taken", m->status);
    cr_assert_eq(a->ended, 1);
    loop_stats(0, &s);
    cr_assert_eq(s.mail_refused, 4);
    return ACTOR_DONE;
}
static int full_later(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    (void)m;
    return actor_ask(self, a->peer, COUNT, NULL, 5000, full_counted);
}
static int full_fail(struct actor *self, void *state, int err)
{
    struct asker *a = state;
    cr_assert_eq(err, -ENOBUFS);
    a->ended++;
    cr_assert_neq(actor_after(self, 1, full_later), 0);
    return 0;
}
static int full_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    for (int i = 0; i < 8; i++) /* the mailbox holds 5 */
        actor_send(a->peer, PING, body_make("x", 1));
    return actor_ask(self, a->peer, PING, NULL, 5000, unexpected);
}
static const struct actor_type full_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = full_begin, .fail = full_fail};
Test(actor, full_mailbox_refuses)
{
    cr_assert_eq(with_peer(0, &full_type), 0);
}

static int deaf_fail(struct actor *self, void *state, int err)
{
    (void)self;
    (void)state;
    cr_assert_eq(err, -EOPNOTSUPP);
    return ACTOR_DONE;
}
static int deaf_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_ask(self, actor_self(self), PING, NULL, 0, unexpected);
}
static const struct actor_type deaf_type = {.name = "t", .init = deaf_begin, .fail = deaf_fail};
Test(actor, without_receive_an_ask_is_refused)
{
    cr_assert_eq(with_peer(0, &deaf_type), 0);
}

/* ---- spawning ---- */

static int bad_ended;
static int bad_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    actor_send(actor_self(self), PING, body_make("x", 1));
    actor_after(self, 1, unexpected);
    actor_ask(self, *(const actor_id *)arg, KEEP, NULL, 1000, unexpected);
    return -EDOM;
}
static void bad_terminate(struct actor *self, void *state, int result)
{
    (void)state;
    bad_ended++;
    cr_assert_eq(result, -EDOM);
    cr_assert_eq(actor_after(self, 0, unexpected), 0, "nothing can be waited for in terminate");
    cr_assert_null(actor_here(actor_self(self)));
}
static const struct actor_type bad_type = {.name = "bad",
                                           .state_size = 100,
                                           .init = bad_begin,
                                           .receive = unexpected,
                                           .terminate = bad_terminate};

static int spawn_later(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return ACTOR_DONE;
}
static int spawn_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    struct loop_stats before, after;
    loop_stats(0, &before);
    cr_assert_eq(actor_spawn(&bad_type, &a->peer), 0);
    cr_assert_eq(bad_ended, 1);
    loop_stats(0, &after);
    cr_assert_eq(before.actors, after.actors);
    cr_assert_eq(before.timers, after.timers);
    actor_id one = actor_spawn(&peer_type, NULL);
    cr_assert_eq(actor_self(actor_here(one)), one);
    cr_assert_str_eq(actor_name(actor_here(one)), "peer");
    cr_assert_null(actor_here(loop_actor(1, 0)));
    cr_assert_null(actor_here(0));
    cr_assert_eq(actor_state(self), state);
    cr_assert_eq((uintptr_t)state % 16, 0);
    actor_after(self, 5, spawn_later);
    return 0;
}
static const struct actor_type spawn_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = spawn_begin};
Test(actor, spawn_and_failed_init)
{
    cr_assert_eq(with_peer(0, &spawn_type), 0);
}

/* ---- ids are not reused, though slots are ---- */

struct ids {
    actor_id seen[200];
    int n;
};
static int ids_down(struct actor *self, void *state, const struct msg *m)
{
    struct ids *s = state;
    cr_assert_eq(m->from, s->seen[s->n - 1]);
    if (s->n == 200)
        return ACTOR_DONE;
    actor_id who = actor_spawn(&peer_type, NULL);
    for (int i = 0; i < s->n; i++) {
        cr_assert_neq(s->seen[i], who);
        cr_assert_null(actor_here(s->seen[i]));
    }
    cr_assert_eq(who & 0xffffff, s->seen[s->n - 1] & 0xffffff, "the slot is");
    s->seen[s->n++] = who;
    cr_assert_neq(actor_monitor(self, who, ids_down), 0);
    actor_stop(who, 0);
    return 0;
}
static int ids_begin(struct actor *self, void *state, const void *arg)
{
    struct ids *s = state;
    (void)arg;
    s->seen[s->n++] = actor_spawn(&peer_type, NULL);
    actor_monitor(self, s->seen[0], ids_down);
    actor_stop(s->seen[0], 0);
    return 0;
}
static const struct actor_type ids_type = {
    .name = "t", .state_size = sizeof(struct ids), .init = ids_begin};
Test(actor, ids_are_never_reused)
{
    cr_assert_eq(with_peer(0, &ids_type), 0);
}

/* ---- ends: DOWN after the mail that was there, with the result; a monitor of nobody; one taken
 * back ---- */

static int down_of_nobody(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert_eq(m->kind, MSG_DOWN);
    cr_assert_eq(m->status, -ESRCH);
    return ACTOR_DONE;
}
static int down_got(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    cr_assert_eq(m->kind, MSG_DOWN);
    cr_assert_eq(m->from, a->peer);
    cr_assert_eq(m->ref, a->ref);
    cr_assert_eq(m->status, -EIO);
    cr_assert_eq(a->ended, 1, "its answers come before its end");
    cr_assert_neq(actor_monitor(self, a->peer, down_of_nobody), 0);
    return 0;
}
static int down_answered(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    (void)self;
    cr_assert_eq(m->status, 7);
    a->ended++;
    return 0;
}
static int down_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    a->ref = actor_monitor(self, a->peer, down_got);
    actor_cancel(self, actor_monitor(self, a->peer, unexpected));
    actor_cancel(self, 0);
    actor_cancel(self, 12345678);
    int r = actor_ask(self, a->peer, PING, NULL, 5000, down_answered);
    actor_send(a->peer, LEAVE, body_make("x", 1));
    return r;
}
static const struct actor_type down_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = down_begin, .receive = unexpected};
BOTH_LOOPS(monitor, down_type)

static int stop_down(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    (void)self;
    cr_assert_eq(m->status, -EPERM);
    cr_assert_eq(a->ended, 1, "the mail it already had came first");
    return ACTOR_DONE;
}
static int stop_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    actor_monitor(self, a->peer, stop_down);
    int r = actor_ask(self, a->peer, PING, NULL, 5000, down_answered);
    actor_stop(a->peer, -EPERM);
    actor_send(a->peer, FAIL, NULL);
    return r;
}
static const struct actor_type stop_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = stop_begin, .receive = unexpected};
BOTH_LOOPS(stop_comes_after_mail, stop_type)

/* ---- an ask taken back: neither next nor fail ---- */

static int cancel_over(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return ACTOR_DONE;
}
static int cancel_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    asker_begin(a, arg);
    actor_ref first = actor_expect(self, 5, unexpected);
    cr_assert_eq(actor_ask(self, a->peer, PING, NULL, 5, unexpected), 0);
    cr_assert(actor_awaits(actor_self(self), first + 1));
    actor_cancel(self, first);
    actor_cancel(self, first + 1); /* refs of one loop count up */
    cr_assert_not(actor_awaits(actor_self(self), first + 1));
    actor_after(self, 30, cancel_over);
    return 0;
}
static const struct actor_type cancel_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = cancel_begin, .receive = unexpected};
BOTH_LOOPS(cancelled_ask, cancel_type)

/* ---- mail sent with and without a name on it; a step may be NULL: then it is for receive ---- */

static int from_receive(struct actor *self, void *state, const struct msg *m)
{
    struct asker *a = state;
    if (m->kind == PING) {
        cr_assert_eq(m->from, a->step++ ? actor_self(self) : 0);
        cr_assert_eq(m->ref, 0);
        actor_reply(m, 0, body_make("x", 1)); /* no question: nobody hears it, nothing leaks */
        return 0;
    }
    cr_assert_eq(m->kind, MSG_TIMER);
    cr_assert_eq(m->ref, a->ref);
    return a->step == 2 ? ACTOR_DONE : -EPROTO;
}
static int from_begin(struct actor *self, void *state, const void *arg)
{
    struct asker *a = state;
    (void)arg;
    actor_send(actor_self(self), PING, NULL);
    actor_send_from(self, actor_self(self), PING, NULL);
    a->ref = actor_after(self, 2, NULL);
    return 0;
}
static const struct actor_type from_type = {
    .name = "t", .state_size = sizeof(struct asker), .init = from_begin, .receive = from_receive};
Test(actor, sender_and_steps_that_are_null)
{
    cr_assert_eq(with_peer(0, &from_type), 0);
}

static int negative_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return -EXDEV;
}
static int negative_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_send(actor_self(self), PING, NULL);
    actor_send(actor_self(self), PING, body_make("never read", 10));
    return 0;
}
static const struct actor_type negative_type = {
    .name = "t", .init = negative_begin, .receive = negative_receive};
Test(actor, a_steps_error_ends_it)
{
    cr_assert_eq(with_peer(0, &negative_type), -EXDEV);
}
