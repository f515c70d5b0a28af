/*
 * The loops: one thread and one uv loop each. A loop's turn is: poll for I/O and run its callbacks,
 * run due timers, run ready actors (at most 100 messages each), then the turn-end hooks in the
 * order they were added, then poll again. Whatever gathers (database flush, socket writes) gathers
 * until the turn's end.
 */
#ifndef STACGATE_LOOP_H
#define STACGATE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "stacgate/actor.h"
#include "stacgate/tally.h"

#define LOOPS_MAX 64

/* Something each loop has one of (its pool, its hub, its listener). start runs on the loop's
 * thread, in the order of services. */
struct loop_service {
    const char *name;
    int (*start)(unsigned loop);  /* 0 or -errno: the runtime then does not start */
    void (*drain)(unsigned loop); /* stop taking new work; NULL: nothing to do */
    void (*stop)(
        unsigned loop); /* reverse order; after it the loop must hold no handle of the service */
};

struct runtime_options {
    unsigned loops; /* 1–LOOPS_MAX */
    uint64_t
        shuffle_seed; /* 0: ready actors run in arrival order; else shuffled by this seed (tests) */
    uint32_t drain_ms;                          /* how long a drain may take, all in all */
    const struct loop_service *const *services; /* NULL-terminated */
    void (*ready)(void); /* once, on loop 0, when every service of every loop has started */
};

int runtime_run(const struct runtime_options *o); /* returns when drained: 0, or the -errno of a
                                                     failed start; may be called again */
/*
 * From any thread or signal handler. Services' drain, then MSG_STOP; when the actors that drain
 * have ended, drain_ms is over or this is called again, all others end (-ESHUTDOWN), then services
 * stop. Before runtime_run: it drains as soon as it has started.
 */
void runtime_drain(void);
bool runtime_draining(void);

unsigned loop_index(void); /* the calling loop; asserts that it is one */
unsigned loop_count(void);
uv_loop_t *loop_uv(void);
int64_t loop_now(void); /* ms, monotonic, as of this turn's start: no system call */
void loop_at_turn_end(void (*hook)(void *arg),
                      void *arg); /* for the calling loop, until it stops */

/* A singleton actor of each loop (the hub, …): its id, from any thread, once its service started.
 * Index < 16. */
void loop_set_actor(unsigned index, actor_id who); /* for the calling loop */
actor_id loop_actor(unsigned loop, unsigned index);

/* Counters of one loop, for /metrics and tests; readable from any thread. */
struct loop_stats {
    uint64_t turns, messages, messages_remote, mail_refused, asks_timed_out, lag_warnings;
    uint32_t actors, timers, lag_max_ms;
    uint32_t lag_lately_ms; /* the longest turn of the last ten to twenty seconds */
    uint64_t still_ms; /* since its last turn was over: it waits, or it stands in the next one */
    uint64_t mail_waiting, mailbox_max; /* in all mailboxes now; in one of them, so far */
    struct histogram mailbox;           /* scale_count: what an actor found when its turn came */
    struct histogram turn;              /* scale_ms: how long a turn took, by the loop's clock */
};
void loop_stats(unsigned loop, struct loop_stats *ret);

#endif
