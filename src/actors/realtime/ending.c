/*
 * How a channel ends, and what those are told who wait for it: joiners, pushes that wait for a
 * commit, pushes that are in one.
 */
#include "chan.h"

static void refuse_list(struct channel *c, struct op *op, enum reason reason)
{
    for (struct op *next; op; op = next) {
        next = op->next;
        op->next = NULL;
        op_refuse(c, op, &(struct refusal){.reason = reason});
    }
}

static void refuse_queue(struct channel *c, enum reason reason)
{
    struct op *queue = c->queue;

    c->queue = NULL;
    c->queue_end = &c->queue;
    c->queued = 0;
    refuse_list(c, queue, reason);
}

void waiting_refuse(struct channel *c, enum reason reason)
{
    for (struct joiner *j = joiners_take(c), *next; j; j = next) {
        next = j->next;
        replay_refuse(c, j, reason);
    }
    refuse_queue(c, reason);
}

void commit_refuse_all(struct channel *c)
{
    struct op *batch = c->batch;

    batch_clear(c);
    refuse_list(c, batch, REASON_unavailable);
    refuse_queue(c, REASON_unavailable);
}

static void cut_list(const struct op *list, int err)
{
    for (const struct op *op = list; op; op = op->next)
        for (const struct op *o = op; o; o = o == op ? op->twins : o->next)
            actor_reply(&o->ask, err, NULL);
}

void commit_cut(struct channel *c)
{
    cut_list(c->batch, -ETIMEDOUT);
    cut_list(c->queue, -ESRCH);
}

void channel_fail(struct channel *c, int err)
{
    waiting_refuse(c, REASON_unavailable);
    commit_refuse_all(c);
    actor_stop(actor_self(c->self), err);
}

/* Its members hear that their channel ended, come again, and hear that there is none. */
void channel_gone(struct channel *c)
{
    c->stage = CHANNEL_GONE;
    waiting_refuse(c, REASON_not_found);
    actor_stop(actor_self(c->self), 0);
}
