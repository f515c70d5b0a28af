/*
 * What the actor runtime costs: ns per message on one loop and between two, per ask, per timer, per
 * spawn, and bytes per actor. Prints a table; docs/runtime.md says how to run it and what it said.
 * It needs no server and no database.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "stacgate/actor.h"
#include "stacgate/ids.h"
#include "stacgate/loop.h"

#define MESSAGES 2000000
#define ACTORS 100000
#define TIMERS 100000

enum { BALL = 300, FLOOD, FLOOD_END, QUESTION };

static int64_t began;
static unsigned at_step;

static void tell(const char *what, double n)
{
    printf("%-52s %9.0f ns\n", what, (double)(mono_us() - began) * 1000 / n);
    fflush(stdout);
}

/* ---- the other side of every measure, one on each loop ---- */

static int wall_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    if (m->kind == BALL)
        actor_send_from(self, m->from, BALL, NULL);
    else if (m->kind == FLOOD_END || m->kind == QUESTION)
        actor_reply(m, 0, NULL);
    return 0;
}
static const struct actor_type wall_type = {
    .name = "wall", .mailbox_max = 100000000, .receive = wall_receive};

static int wall_start(unsigned loop)
{
    (void)loop;
    loop_set_actor(0, actor_spawn(&wall_type, NULL));
    return 0;
}
static const struct loop_service wall_service = {.name = "wall", .start = wall_start};

/* ---- the measures, one after the other ---- */

struct player {
    int left;
};
static actor_step player_next, flooded, asked, fired;

static actor_id other(void)
{
    return loop_actor(at_step % 2, 0);
}

static void ping_pong(struct actor *self, struct player *p)
{
    p->left = MESSAGES / 4;
    actor_send_from(self, other(), BALL, NULL);
}

static int flood(struct actor *self)
{
    for (int i = 0; i < MESSAGES; i++)
        actor_send_from(self, other(), FLOOD, NULL);
    return actor_ask(self, other(), FLOOD_END, NULL, 60000, flooded);
}

static int ask_many(struct actor *self, struct player *p)
{
    p->left = MESSAGES / 4;
    for (int i = 0; i < 64; i++)
        actor_ask(self, other(), QUESTION, NULL, 5000, asked);
    return 0;
}

static void timers(struct actor *self, struct player *p)
{
    p->left = TIMERS;
    for (int i = 0; i < TIMERS; i++)
        actor_after(self, (uint32_t)(i % 50), fired);
    for (int i = 0; i < TIMERS; i++)
        actor_cancel(self, actor_after(self, (uint32_t)(i % 50), fired));
    tell("timer set, another set and cancelled, 100,000 at once", TIMERS);
}

static const struct actor_type idle_type = {
    .name = "idle", .state_size = 64, .receive = wall_receive};

static void spawns(void)
{
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < ACTORS; i++)
        actor_spawn(&idle_type, NULL);
    tell("spawn", ACTORS);
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    printf("%-52s %9.0f bytes\n", "idle actor, beside its 64 bytes of state",
           (double)(after - before) / ACTORS - 64);
}

static int next(struct actor *self, struct player *p)
{
    began = mono_us();
    switch (at_step) {
    case 0:
    case 1:
        ping_pong(self, p);
        return 0;
    case 2:
    case 3:
        return flood(self);
    case 4:
    case 5:
        return ask_many(self, p);
    case 6:
        timers(self, p);
        return 0;
    default:
        spawns();
        runtime_drain();
        return ACTOR_DONE;
    }
}

static int player_next(struct actor *self, void *state, const struct msg *m)
{
    static const char *const names[] = {"message, ping-pong on one loop",
                                        "message, ping-pong between two loops"};
    struct player *p = state;
    if (--p->left) {
        actor_send_from(self, m->from, BALL, NULL);
        return 0;
    }
    tell(names[at_step], MESSAGES / 2.0);
    at_step++;
    return next(self, p);
}

static int flooded(struct actor *self, void *state, const struct msg *m)
{
    static const char *const names[] = {"message, 2 million in one go on one loop",
                                        "message, 2 million in one go to another loop"};
    (void)m;
    tell(names[at_step - 2], MESSAGES);
    at_step++;
    return next(self, state);
}

static int asked(struct actor *self, void *state, const struct msg *m)
{
    static const char *const names[] = {"ask and answer, 64 at a time on one loop",
                                        "ask and answer, 64 at a time between two loops"};
    struct player *p = state;
    (void)m;
    if (--p->left > 0)
        return p->left >= 64 ? actor_ask(self, other(), QUESTION, NULL, 5000, asked) : 0;
    tell(names[at_step - 4], MESSAGES / 4);
    at_step++;
    return next(self, p);
}

static int fired(struct actor *self, void *state, const struct msg *m)
{
    struct player *p = state;
    (void)m;
    if (--p->left)
        return 0;
    tell("… and fired, spread over 50 ms", TIMERS);
    at_step++;
    return next(self, p);
}

static int player_init(struct actor *self, void *state, const void *arg)
{
    (void)arg;
    return next(self, state);
}
static const struct actor_type player_type = {.name = "player",
                                              .state_size = sizeof(struct player),
                                              .mailbox_max = 1000,
                                              .init = player_init,
                                              .receive = player_next};

static void ready(void)
{
    actor_spawn(&player_type, NULL);
}

int main(void)
{
    const struct loop_service *const services[] = {&wall_service, NULL};
    return runtime_run(&(struct runtime_options){
               .loops = 2, .drain_ms = 1000, .services = services, .ready = ready}) != 0;
}
