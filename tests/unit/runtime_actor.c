/* What actor.h says about spawning, mail, asks, timers, monitors and ends. */
#include <criterion/criterion.h>
#include <string.h>

#include "runtime_testing.h"

enum { HELLO = 300, QUESTION, SLOW, NOTHING, QUIT };

/* ---- an echo that other tests talk to ---- */

static int echo(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    switch (m->kind) {
    case QUESTION:
        actor_reply(m, 7, body_ref(m->body));
        return 0;
    case NOTHING:
        return 0;
    case QUIT:
        return -EIO;
    default:
        (void)self;
        return ACTOR_DONE;
    }
}
static const struct actor_type echo_type = {.name = "echo", .mailbox_max = 10, .receive = echo};

static int answered(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert_eq(m->kind, MSG_REPLY);
    cr_assert_eq(m->status, 7);
    cr_assert_eq(m->body->len, 5);
    cr_assert(memcmp(m->body->bytes, "hello", 5) == 0);
    return ACTOR_DONE;
}
static int ask_begin(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    actor_id to = actor_spawn(&echo_type, NULL);
    return actor_ask(self, to, QUESTION, body_make("hello", 5), 1000, answered);
}
static const struct actor_type ask_type = {.name = "asker", .init = ask_begin};

Test(actor, ask_is_answered) { cr_assert_eq(testing_run(1, &ask_type, NULL), 0); }
