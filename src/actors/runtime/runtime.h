/*
 * What the files of the runtime share and nobody else sees: the loop, the actor, its mail and its
 * pending answers. Invariant: everything in a struct loop belongs to that loop's thread, except
 * the members named as shared; a struct actor is reached only through its id or by its own steps.
 */
#ifndef STACGATE_RUNTIME_H
#define STACGATE_RUNTIME_H

#include <assert.h>
#include <errno.h>
#include <stdalign.h>

#include "stacgate/ids.h"
#include "stacgate/log.h"
#include "stacgate/loop.h"
#include "stacgate/table.h"

#define TURN_MESSAGES 100      /* that one actor handles in a turn */
#define TURN_ROUNDS 32         /* over the ready actors in a turn */
#define MAILBOX_DEFAULT 1000   /* of a type whose mailbox_max is 0 */
#define PENDING_MAX (1u << 22) /* asks, timers, monitors of one loop */
#define JOBS_MAX 1024          /* thread-pool jobs of one loop */
#define HOOKS_MAX 16           /* turn-end hooks of one loop */
#define LOOP_ACTORS 16         /* loop_set_actor's indexes */
#define NAME_MAX_BYTES 200
#define KINDS_MAX 64
#define LAG_WARN_MS 50

struct loop;
struct name;
struct pending;
struct job;

/* ---- ids: loop (8 bits) | generation (32) | slot (24) ---- */

#define SLOT_MAX (1u << 23)   /* slots of each of the two sorts */
#define SLOT_NAMED (1u << 23) /* this bit of a slot: the registry gave it, not the loop */

static inline actor_id id_make(unsigned loop, uint32_t generation, uint32_t slot)
{
    return (actor_id)loop << 56 | (actor_id)generation << 24 | slot;
}
static inline unsigned id_loop(actor_id id)
{
    return (unsigned)(id >> 56);
}
static inline uint32_t id_generation(actor_id id)
{
    return (uint32_t)(id >> 24);
}
static inline uint32_t id_slot(actor_id id)
{
    return (uint32_t)(id & 0xffffff);
}

/* ---- mail ---- */

enum mail_op {
    MAIL_MESSAGE, /* for receive; with a ref it is a question */
    MAIL_ANSWER,  /* for the pending m.ref of the addressee: reply, timer or DOWN, as m.kind says */
    MAIL_END,     /* actor_stop */
    MAIL_WATCH,   /* m.from's loop wants to know when the addressee ends */
    MAIL_ENDED,   /* to a loop: the actor m.from has ended */
    MAIL_ACTIVATE, /* the named actor's id was given out: make it be */
};

struct mail {
    struct mail *next; /* in a mailbox, an inbox or the free list */
    actor_id to;
    struct msg m; /* owns m.body */
    enum mail_op op;
};

struct mail *mail_make(enum mail_op op, actor_id to, struct msg m);
void mail_free(struct mail *mail);
void mail_post(struct mail *mail);                    /* from any thread; takes it */
void mail_deliver(struct loop *l, struct mail *mail); /* on l's thread; takes it */
void inbox_drain(struct loop *l);
void mail_pool_finish(struct loop *l);

/* ---- actors ---- */

struct actor {
    actor_id id;
    const struct actor_type *type;
    struct mail *first, *last; /* the mailbox, oldest first */
    struct actor *next_ready;  /* in loop.ready or loop.later */
    struct pending *pending;   /* what it waits for, linked by own_next */
    struct name *name;         /* NULL: anonymous */
    uint64_t watchers;         /* a bit a loop that may have asks or monitors of it */
    uint32_t waiting;          /* messages in the mailbox that count against its limit */
    uint32_t turn;             /* to which `used` belongs */
    uint8_t used;              /* messages handled in that turn */
    bool scheduled;            /* in a ready list, or running right now */
    bool ended;                /* in terminate: takes no more mail */
    alignas(16) uint8_t state[];
};

struct actor *actor_create(struct loop *l, const struct actor_type *type, actor_id id,
                           struct name *name, const void *arg); /* NULL: init failed */
struct actor *actor_lookup(struct loop *l, actor_id id);
void actor_enqueue(struct loop *l, struct actor *a, struct mail *mail);
void actors_run(struct loop *l);  /* the ready ones, once a turn */
void actors_stop(struct loop *l); /* MSG_STOP to those whose type drains */
void actors_end(struct loop *l);  /* all of them, now */
bool actors_ready(const struct loop *l);

/* Where the actors of a loop are found. */
struct slot {
    struct actor *actor; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};
struct slots {
    struct slot *at;
    uint32_t count, cap;
    uint32_t free; /* 1 + the first free one; 0: none */
};

/* ---- pending answers: asks, expectations, timers, monitors ---- */

enum pending_kind { PENDING_ASK, PENDING_EXPECT, PENDING_TIMER, PENDING_MONITOR };

struct pending {
    struct actor *owner;
    struct pending *ref_next;                    /* in pendings.by_ref */
    struct pending *own_next, **own_pprev;       /* in actor.pending */
    struct pending *target_next, **target_pprev; /* in pendings.by_target */
    actor_step *step;
    union {
        actor_id target; /* asks and monitors */
        struct job *job; /* expectations of the thread pool */
    };
    actor_ref ref;
    uint32_t due; /* 1 + its place in pendings.heap; 0: no deadline */
    enum pending_kind kind;
};

struct due {
    int64_t at;
    struct pending *p;
};

struct pendings {
    struct pending **by_ref, **by_target; /* mask + 1 chains each */
    struct due *heap;                     /* by time, then by ref */
    struct pending *free;                 /* linked by ref_next */
    uint32_t mask, count, due_count, due_cap, free_count;
    actor_ref last_ref;
};

struct pending *pending_add(struct loop *l, struct actor *a, enum pending_kind kind, uint32_t ms,
                            actor_step *step); /* ms UINT32_MAX: no deadline; NULL: too many */
void pending_watch(struct loop *l, struct pending *p, actor_id target);
struct pending *pending_find(struct loop *l, actor_id who, actor_ref ref);
void pending_remove(struct loop *l, struct pending *p);
void pending_target_ended(struct loop *l, actor_id target, int result);
void pending_run_due(struct loop *l, int64_t now);
int64_t pending_next_due(const struct loop *l); /* INT64_MAX: none */
void pendings_finish(struct loop *l);

void job_abandon(struct job *job); /* nobody waits for it any more */

/* ---- the registry of names ---- */

struct name {
    actor_id id;
    const struct actor_type *type;
    const char *kind;
    const char *tail; /* the id within key */
    bool activated;   /* its actor was made, and may be ending by now */
    char key[];       /* "kind/id" */
};
struct registry_slot {
    struct name *name;
    uint32_t generation, next_free;
};

/* One loop's part of the registry; shared, under its lock. */
struct registry {
    uv_mutex_t lock;
    struct table names;
    struct registry_slot *slots;
    uint32_t count, cap, free; /* free: 1 + the first free one */
    bool closed;               /* no new names: the runtime ends */
};

void registry_init(struct registry *r);
void registry_finish(struct registry *r);
void registry_close(struct registry *r);
struct actor *registry_activate(struct loop *l, actor_id id); /* NULL: it is not waiting to be */
void registry_release(struct loop *l, struct name *name);     /* frees it */

/* ---- loops ---- */

struct hook {
    void (*call)(void *arg);
    void *arg;
};

struct loop {
    unsigned index;
    bool stopping; /* MSG_STOP was sent: who comes later gets it at once */
    bool closing;  /* nothing may be spawned any more */
    uint32_t turn;
    int64_t turn_start, lag_logged;
    struct actor *ready, **ready_end; /* linked by next_ready */
    struct actor *later, **later_end; /* had their share of this turn */
    const struct actor *failing;      /* whose fail runs right now */
    actor_step *failed_step;          /* the step that would have had the answer */
    struct slots slots, named;
    struct pendings pendings;
    struct mail *free_mail;
    uint32_t free_mail_count;
    uint32_t hook_count, job_count;
    struct hook hooks[HOOKS_MAX];
    struct actor **shuffled; /* room for shuffled_cap actors */
    uint32_t shuffled_cap;
    uint64_t random;  /* 0: no shuffling */
    int64_t timer_at; /* what uv timer is armed for; INT64_MAX: not */
    int phase;        /* of enum phase in runtime.c: the last one this loop went through */
    unsigned services_started;
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t timer, deadline;
    uv_thread_t thread;

    /* Shared: written by other threads. */
    alignas(64) _Atomic(struct mail *) inbox; /* newest first */
    _Atomic bool asleep;                      /* it may be blocked in poll: wake it */
    struct registry registry;

    /* Shared: written by this loop, read by all. */
    alignas(64) _Atomic uint64_t turns;
    _Atomic uint64_t messages, messages_remote, mail_refused, asks_timed_out, lag_warnings;
    _Atomic uint32_t actors, timers, lag_max_ms;
    uint64_t mail_waiting, mailbox_max; /* these: stacgate/tally.h */
    uint64_t turned_ms;                 /* when the last turn was over */
    struct lately lag_lately;           /* of spans of LATELY_MS */
    struct histogram mailbox, turn_ms;
    _Atomic actor_id singletons[LOOP_ACTORS];
};

extern _Thread_local struct loop *loop_here; /* NULL on threads that are none of ours */
struct loop *loop_at(unsigned index);        /* NULL: there is no such loop now */

void loop_init(struct loop *l, unsigned index, uint64_t shuffle_seed);
void loop_run_out(struct loop *l); /* closes its handles, runs the last callbacks */
void loop_finish(struct loop *l);  /* frees what it holds */
void loop_wake(struct loop *l);    /* whatever it is doing */
uint64_t loop_random(struct loop *l);

void runtime_turn(struct loop *l);        /* start and drain move on, at most one phase a turn */
bool runtime_moves(const struct loop *l); /* another phase is due at once */
void runtime_drains_count(int by);        /* living actors of types that drain */

/* Single-writer counters: a plain store is enough, and other threads may read. */
static inline void count64(_Atomic uint64_t *c, uint64_t by)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + by,
                          memory_order_relaxed);
}
static inline void count32(_Atomic uint32_t *c, int by)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + (uint32_t)by,
                          memory_order_relaxed);
}

#endif
