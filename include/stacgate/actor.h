/*
 * Actors: a type, a state, and steps. An actor lives on one loop all its life; only that loop's
 * thread touches its state. It meets the rest of the world by mail. What crosses actors is a body:
 * immutable, reference-counted bytes.
 *
 * Calls that take `self` may be made on self's loop at any time between init and terminate, also
 * from an I/O callback that belongs to the actor, not only from inside a step. Calls that take an
 * actor_id may be made from any loop thread.
 */
#ifndef STACGATE_ACTOR_H
#define STACGATE_ACTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stacgate/buf.h"
#include "stacgate/mp.h"

typedef uint64_t
    actor_id; /* loop (8 bits) | generation (32) | slot (24); 0 is nobody; never reused */
typedef uint32_t actor_ref; /* one ask, timer or monitor of one actor; 0 is none */

#define ACTOR_DONE 1 /* a step's answer: end me, normally */

/* ---- bodies ---- */

struct body {
    _Atomic uint32_t refs;
    uint32_t len;
    void (*drop)(struct body *); /* frees it; NULL: free() */
    uint8_t bytes[];
};

struct body *body_make(const void *bytes, size_t n); /* copies; one reference, the caller's */
struct body *body_alloc(size_t n);     /* bytes to be filled by the caller before it is shared */
struct body *body_of(struct buf *b);   /* copies b's bytes and clears b */
struct body *body_ref(struct body *b); /* NULL is fine */
void body_unref(struct body *b);       /* NULL is fine */
static inline struct mp body_mp(const struct body *b)
{
    return b ? mp_view(b->bytes, b->len) : (struct mp){0};
}

/* ---- mail ---- */

/*
 * Kinds are numbered by floor; a floor declares its own enum in its own header.
 *   1–63 runtime (below) · 64–127 store · 128–191 net · 256– the domain
 */
enum msg_kind_runtime {
    MSG_REPLY = 1, /* the answer to an ask */
    MSG_TIMER,     /* actor_after's time has come */
    MSG_DOWN,      /* a monitored actor ended: from = it, status = its result */
    MSG_STOP,      /* the runtime drains: finish what you have and end (types with .drains only) */
};
typedef uint16_t msg_kind;

struct msg {
    msg_kind kind;
    int32_t status;    /* replies: 0 or negative errno; DOWN: the actor's result */
    actor_id from;     /* 0 when it was not an actor */
    actor_ref ref;     /* asks: to be answered by actor_reply(); timers and DOWN: which one */
    struct body *body; /* borrowed by the step: body_ref() to keep it */
};

struct actor;
typedef int actor_step(struct actor *self, void *state,
                       const struct msg *m); /* 0 wait · ACTOR_DONE · -errno fail */

struct actor_type {
    const char *name;
    size_t state_size;    /* zeroed before init; <= 64 KiB */
    uint32_t mailbox_max; /* a full mailbox refuses the mail: an ask ends with -ENOBUFS, a send is
                             dropped and counted; 0: 1000 */
    int (*init)(struct actor *self, void *state,
                const void *arg); /* 0 or -errno (then terminate is called too) */
    actor_step *receive; /* mail that no ask, timer or monitor is waiting for, and theirs whose step
                            is NULL; NULL: mail is refused, asks end with -EOPNOTSUPP */
    int (*fail)(struct actor *self, void *state,
                int err); /* a failed ask; NULL: the actor fails with err */
    void (*terminate)(struct actor *self, void *state,
                      int result); /* result: 0 or -errno; release everything */
    bool drains; /* gets MSG_STOP at a drain and ends by itself; others are ended when all of those
                    have */
};

/*
 * Spawns on the calling loop. arg is read before the call returns (init runs at once). 0 when init
 * failed or memory's limits are reached.
 */
actor_id actor_spawn(const struct actor_type *type, const void *arg);

/* Takes the reference to body. Mail from one actor to another arrives in the order it was sent,
 * also across loops. */
void actor_send(actor_id to, msg_kind kind, struct body *body);
void actor_send_from(struct actor *self, actor_id to, msg_kind kind,
                     struct body *body); /* m->from = self */

/*
 * Ends exactly once: in `next` with a reply of status >= 0, or in `fail` with the receiver's
 * negative status, -ETIMEDOUT, -ESRCH (no such actor, or it ended without answering) or -ENOBUFS
 * (its mailbox is full). Takes the reference. 0, or -errno when it could not even be recorded
 * (nothing follows then).
 */
int actor_ask(struct actor *self, actor_id to, msg_kind kind, struct body *body, uint32_t ms,
              actor_step *next);
void actor_reply(const struct msg *question, int status,
                 struct body *body); /* takes the reference; at most once */

/* A question to be kept: everything of it that actor_reply needs, without the body. */
static inline struct msg msg_keep(const struct msg *m)
{
    return (struct msg){.kind = m->kind, .from = m->from, .ref = m->ref};
}

/*
 * An ask whose answer comes from something that is no actor (a query, a thread-pool job). The
 * answerer calls actor_complete on the same loop, once; late or repeated answers are dropped. ms 0:
 * no deadline.
 */
actor_ref actor_expect(struct actor *self, uint32_t ms, actor_step *next);
void actor_complete(actor_id who, actor_ref ref, int status,
                    struct body *body);         /* takes the reference */
bool actor_awaits(actor_id who, actor_ref ref); /* is anybody still waiting? who's own loop only */

/*
 * Runs work(arg) in the thread pool, then actor_complete(self, …, its return value, its body). When
 * self ends, cancels or runs out of time first, a job that no thread has begun is not run. free_arg
 * (or NULL) is called on this loop in every case, but not when this fails: -ENOBUFS when 1,024 jobs
 * of this loop are waiting or running.
 */
typedef int actor_work(void *arg, struct body **ret_body);
int actor_offload(struct actor *self, actor_work *work, void *arg, void (*free_arg)(void *),
                  uint32_t ms, actor_step *next);

actor_ref actor_after(struct actor *self, uint32_t ms, actor_step *next);
void actor_cancel(struct actor *self,
                  actor_ref ref); /* timer, monitor, ask or expectation: nothing comes any more */

/* next gets a DOWN when `who` ends; at once (as mail) if it does not exist. */
actor_ref actor_monitor(struct actor *self, actor_id who, actor_step *next);

void actor_stop(actor_id who, int result); /* ends it from outside, after the mail it already has */
/* Inside fail: the `next` of the ask that failed, for an actor that has several asks under way.
 * NULL anywhere else. */
actor_step *actor_failed_step(const struct actor *self);
actor_id actor_self(const struct actor *self);
void *actor_state(struct actor *self);
struct actor *actor_here(actor_id who); /* the actor when it lives on this loop, else NULL */
const char *
actor_name(const struct actor *self); /* "kind/id" when it has a name, else the type's name */

/* ---- named, virtual actors ---- */

/*
 * A kind's actors are activated on first use, on the loop that hash(id) names; init's arg is the id
 * as a NUL-terminated string (valid during init only). Kinds are declared before the runtime
 * starts.
 */
void actor_kind(const char *kind, const struct actor_type *type);
actor_id actor_whereis(const char *kind,
                       const char *id); /* activates; 0: unknown kind or id longer than 200 bytes */
actor_id actor_find(const char *kind, const char *id); /* 0 when it is not active */
unsigned actor_home(
    const char *id); /* the loop of a name: a pure function of the id and the number of loops */
/* Every active actor of a kind, any loop: calls each(id) on the calling thread with a snapshot. */
void actor_each(const char *kind, void (*each)(actor_id who, void *arg), void *arg);

/*
 * For a step's return: ACTOR_DONE when no mail waits for this named actor (its name is free at
 * once; mail still on its way is answered -ESRCH, and the asker asks actor_whereis again), 0 when
 * it must go on.
 */
int actor_passivate(struct actor *self);

#endif
