/* What actor.h says about named actors: activation on first use, one at a time, passivation, a
 * location by the id alone. */
#include "runtime_criterion.h"
#include <string.h>

#define TESTING_MS 10000
#include "runtime_testing.h"

#define LOOPS 3u

enum { ENTER = 300, LEAVE, CRASH, RUSH, RUSHED };

static _Atomic int begun, ended, at_once, entered;

static int unexpected(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert(false, "kind %d status %d", m->kind, m->status);
    return -EPROTO;
}

/* ---- a room ---- */

static int room_init(struct actor *self, void *state, const void *arg)
{
    const char *id = arg;
    char name[256];
    (void)state;
    if (strcmp(id, "refused") == 0)
        return -EPERM;
    begun++;
    cr_assert_eq(at_once++, 0, "two instances at once");
    snprintf(name, sizeof(name), "room/%s", id);
    cr_assert_str_eq(actor_name(self), name);
    cr_assert_eq(loop_index(), actor_home(id));
    cr_assert_eq(actor_whereis("room", id), actor_self(self), "already while it begins");
    return 0;
}
static int room_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    entered++;
    if (m->kind == ENTER)
        actor_reply(m, 0, NULL);
    if (m->kind == LEAVE)
        return actor_passivate(self);
    return m->kind == CRASH ? -EIO : 0;
}
static void room_terminate(struct actor *self, void *state, int result)
{
    (void)state;
    if (result == -EPERM)
        return;
    at_once--;
    ended++;
    cr_assert_null(actor_here(actor_self(self)));
    cr_assert_str_eq(actor_name(self), "room/r");
    actor_send(actor_self(self), ENTER,
               NULL); /* to nobody: it is not begun again under its old id */
    cr_assert_eq(at_once, 0);
}
static const struct actor_type room_type = {.name = "room",
                                            .mailbox_max = 1000,
                                            .init = room_init,
                                            .receive = room_receive,
                                            .terminate = room_terminate};

static int run_named(unsigned loops, const struct actor_type *type,
                     const struct loop_service *service)
{
    const struct loop_service *const services[] = {service, NULL};
    actor_kind("room", &room_type);
    int r = testing_run_with((struct runtime_options){.loops = loops,
                                                      .drain_ms = 1000,
                                                      .services = service ? services : NULL},
                             type, NULL);
    cr_assert_eq(begun, ended);
    return r;
}

/* ---- names that cannot be, and that are not ---- */

static void none(actor_id who, void *arg)
{
    (void)who;
    (void)arg;
    cr_assert(false);
}
static int refused_fail(struct actor *self, void *state, int err)
{
    int *n = state;
    cr_assert_eq(err, -ESRCH);
    cr_assert_eq(actor_find("room", "refused"), 0, "an init that failed leaves no name");
    if ((*n)++)
        return ACTOR_DONE;
    actor_id who = actor_whereis("room", "refused");
    cr_assert_neq(who, 0);
    return actor_ask(self, who, ENTER, NULL, 1000, unexpected);
}
static int names_begin(struct actor *self, void *state, const void *arg)
{
    char longest[202];
    (void)state;
    (void)arg;
    memset(longest, 'a', 201);
    longest[201] = 0;
    cr_assert_eq(actor_whereis("nothing", "r"), 0);
    cr_assert_eq(actor_find("nothing", "r"), 0);
    cr_assert_eq(actor_whereis("room", longest), 0);
    cr_assert_eq(actor_find("room", "r"), 0);
    actor_each("room", none, NULL);
    actor_each("nothing", none, NULL);
    actor_id who = actor_whereis("room", "refused");
    cr_assert_neq(who, 0);
    return actor_ask(self, who, ENTER, NULL, 1000, unexpected);
}
static const struct actor_type names_type = {
    .name = "t", .state_size = sizeof(int), .init = names_begin, .fail = refused_fail};
Test(named, names_that_cannot_be_here)
{
    cr_assert_eq(run_named(1, &names_type, NULL), 0);
}
Test(named, names_that_cannot_be_elsewhere)
{
    cr_assert_eq(run_named(LOOPS, &names_type, NULL), 0);
}

/* ---- one life, and the next ---- */

struct life {
    actor_id first;
    int step;
};

static void count_rooms(actor_id who, void *arg)
{
    cr_assert_eq(who, actor_find("room", "r"));
    ++*(int *)arg;
}
static int life_entered(struct actor *self, void *state, const struct msg *m);
static int life_down(struct actor *self, void *state, const struct msg *m)
{
    struct life *l = state;
    int n = 0;
    cr_assert_eq(m->status, l->step == 1 ? 0 : -EIO);
    cr_assert_eq(actor_find("room", "r"), 0, "the name is free when the end is told");
    actor_each("room", count_rooms, &n);
    cr_assert_eq(n, 0);
    if (++l->step == 3)
        return ACTOR_DONE;
    actor_id next = actor_whereis("room", "r");
    cr_assert(next && next != l->first);
    return actor_ask(self, next, ENTER, NULL, 1000, life_entered);
}
static int life_entered(struct actor *self, void *state, const struct msg *m)
{
    struct life *l = state;
    int n = 0;
    actor_id who = actor_find("room", "r");
    cr_assert_eq(m->from, who);
    actor_each("room", count_rooms, &n);
    cr_assert_eq(n, 1);
    cr_assert_neq(actor_monitor(self, who, life_down), 0);
    actor_send(who, l->step ? CRASH : LEAVE, NULL);
    l->step += !l->step;
    return 0;
}
static int life_begin(struct actor *self, void *state, const void *arg)
{
    struct life *l = state;
    (void)arg;
    l->first = actor_whereis("room", "r");
    cr_assert_eq(actor_whereis("room", "r"), l->first);
    cr_assert_eq(actor_find("room", "r"), l->first);
    return actor_ask(self, l->first, ENTER, NULL, 1000, life_entered);
}
static const struct actor_type life_type = {
    .name = "t", .state_size = sizeof(struct life), .init = life_begin};
Test(named, lives_one_after_the_other_here)
{
    cr_assert_eq(run_named(1, &life_type, NULL), 0);
    cr_assert_eq(begun, 2);
}
Test(named, lives_one_after_the_other_elsewhere)
{
    cr_assert_eq(run_named(LOOPS, &life_type, NULL), 0);
    cr_assert_eq(begun, 2);
}

/* ---- passivation: not while mail waits; mail behind it is answered -ESRCH, and whereis finds a
 * new one ---- */

static int busy_again(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)m;
    cr_assert_eq(*(int *)state, 1);
    return ACTOR_DONE;
}
static int busy_fail(struct actor *self, void *state, int err)
{
    cr_assert_eq(err, -ESRCH);
    cr_assert_eq(*(int *)state, 1, "the second of two messages found it gone");
    return actor_ask(self, actor_whereis("room", "r"), ENTER, NULL, 1000, busy_again);
}
static int busy_third(struct actor *self, void *state, const struct msg *m)
{
    ++*(int *)state;
    cr_assert_eq(begun, 1, "two messages had come together: the first could not passivate it");
    actor_send(m->from, LEAVE, NULL);
    actor_stop(m->from, 0);
    return actor_ask(self, m->from, ENTER, NULL, 1000, unexpected);
}
static int busy_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_id who = actor_whereis("room", "r");
    actor_send(who, LEAVE, NULL);
    return actor_ask(self, who, ENTER, NULL, 1000, busy_third);
}
static const struct actor_type busy_type = {
    .name = "t", .state_size = sizeof(int), .init = busy_begin, .fail = busy_fail};
Test(named, passivation_waits_for_mail)
{
    cr_assert_eq(run_named(1, &busy_type, NULL), 0);
    cr_assert_eq(begun, 2);
}

/* ---- all loops rush for one name at once, again and again: one instance, and no first message is
 * lost ---- */

#define RUSHES 300
struct rusher {
    int left;
};

static int rush_entered(struct actor *self, void *state, const struct msg *m);
static int rush_on(struct actor *self, struct rusher *r)
{
    return actor_ask(self, actor_whereis("room", "r"), ENTER, NULL, 5000, rush_entered) ||
           r->left < 0;
}
static int rush_again(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return rush_on(self, state);
}
static int rush_entered(struct actor *self, void *state, const struct msg *m)
{
    struct rusher *r = state;
    actor_send(m->from, LEAVE, NULL);
    if (--r->left)
        return r->left % 2 ? rush_on(self, r) : !actor_after(self, 0, rush_again);
    actor_send(loop_actor(0, 1), RUSHED, NULL);
    return 0;
}
static int rush_fail(struct actor *self, void *state, int err)
{
    cr_assert_eq(err, -ESRCH); /* it had just passivated: whereis again */
    return rush_on(self, state);
}
static int rush_receive(struct actor *self, void *state, const struct msg *m)
{
    struct rusher *r = state;
    cr_assert_eq(m->kind, RUSH);
    r->left = RUSHES;
    return rush_on(self, r);
}
static const struct actor_type rusher_type = {.name = "rusher",
                                              .state_size = sizeof(struct rusher),
                                              .mailbox_max = 10,
                                              .receive = rush_receive,
                                              .fail = rush_fail};
static int rushers_start(unsigned loop)
{
    (void)loop;
    loop_set_actor(0, actor_spawn(&rusher_type, NULL));
    return 0;
}
static const struct loop_service rushers = {.name = "rushers", .start = rushers_start};

static int referee_receive(struct actor *self, void *state, const struct msg *m)
{
    int *n = state;
    (void)self;
    cr_assert_eq(m->kind, RUSHED);
    return ++*n == (int)LOOPS ? ACTOR_DONE : 0;
}
static int referee_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    loop_set_actor(1, actor_self(self));
    for (unsigned i = 0; i < LOOPS; i++)
        actor_send(loop_actor(i, 0), RUSH, NULL);
    return 0;
}
static const struct actor_type referee_type = {
    .name = "t", .state_size = sizeof(int), .init = referee_begin, .receive = referee_receive};
Test(named, all_loops_at_once)
{
    cr_assert_eq(run_named(LOOPS, &referee_type, &rushers), 0);
    cr_assert_gt(begun, 10);
    cr_assert_geq(entered, RUSHES * (int)LOOPS);
}

/* ---- whereis alone activates, without any mail ---- */

static int alone_check(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    return begun ? ACTOR_DONE : !actor_after(self, 1, alone_check);
}
static int alone_begin(struct actor *self, void *state, const void *arg)
{
    (void)arg;
    cr_assert_neq(actor_home("r"), loop_index());
    cr_assert_neq(actor_whereis("room", "r"), 0);
    return alone_check(self, state, NULL);
}
static const struct actor_type alone_type = {.name = "t", .init = alone_begin};
Test(named, activated_without_mail)
{
    cr_assert_eq(run_named(LOOPS, &alone_type, NULL), 0);
}

/* ---- the location: the id's alone, spread over the loops ---- */

static int home_begin(struct actor *self, void *state, const void *arg)
{
    unsigned at[LOOPS] = {0};
    (void)self;
    (void)state;
    (void)arg;
    for (unsigned i = 0; i < 3000; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        cr_assert_eq(actor_home(id), actor_home(id));
        at[actor_home(id)]++;
    }
    for (unsigned i = 0; i < LOOPS; i++)
        cr_assert(at[i] > 900 && at[i] < 1100, "%u", at[i]);
    cr_assert_eq(actor_home("r"), 2, "the same in every process");
    actor_stop(actor_self(self), 0);
    return 0;
}
static const struct actor_type home_type = {.name = "t", .init = home_begin};
Test(named, location)
{
    cr_assert_eq(run_named(LOOPS, &home_type, NULL), 0);
}
