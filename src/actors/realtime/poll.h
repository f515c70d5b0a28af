/*
 * A poll in memory: what may be chosen, until when, and who chose what, one choice a person.
 * Choices are bits, the lowest is the first option. Checks count with a tally of their own, so that
 * the poll's moves only with what is committed.
 */
#ifndef STACGATE_REALTIME_POLL_H
#define STACGATE_REALTIME_POLL_H

#include "chan.h"

#define POLL_OPTIONS_MAX 20

struct poll_tally {
    uint32_t voters; /* people who chose something */
    uint32_t counts[POLL_OPTIONS_MAX];
};

struct poll {
    char *id;
    char *options[POLL_OPTIONS_MAX]; /* their ids */
    uint32_t count;
    bool multiple, anonymous, closed;
    int64_t closes_ms;  /* wall; 0: when somebody closes it */
    int64_t used_ms;    /* loop time */
    struct table votes; /* struct vote, by user id */
    struct poll_tally tally;
};

/*
 * From its definition {options:[{id}], multiple?, anonymous?, closesAt?} and what was voted,
 * [[user id, [option id, …]], …]; what does not fit (an old installation's) is left out.
 */
struct poll *poll_create(struct str id, struct mp definition, struct mp votes);
void poll_destroy(struct poll *p); /* NULL is allowed */

bool poll_over(const struct poll *p);                           /* closed, or its time has come */
uint32_t poll_choice(const struct poll *p, struct str user_id); /* 0: none */
/* What a vote chooses: an option id, or a list of them (empty: takes the vote back). 0; or what
 * refuse() returns. */
int poll_read(const struct poll *p, struct mp option, uint32_t *ret_choice, struct refusal *ret);
void poll_vote(struct poll *p, struct str user_id, uint32_t choice); /* it is committed */

void poll_move(struct poll_tally *t, uint32_t from, uint32_t to); /* one person's choice changes */
/* "counts": {option id: n}, "voters": n, "closed": the pairs that a poll's events have. */
void poll_put(struct object *o, const struct poll *p, const struct poll_tally *t, bool closed);
/*
 * What a vote stores in its event: counts with it, and who chose what, which of an anonymous poll
 * is for the database alone (`secret`). Votes share batches, so it counts from what those of the
 * same kind before it in the batch being built will have changed. op->ref names the poll,
 * op->vote.after is the choice; sets op->vote.before.
 */
void poll_store_vote(struct object *o, const struct channel *c, struct op *op,
                     const struct poll *p);
void poll_put_choice(struct buf *b, const struct poll *p, uint32_t choice); /* a list of ids */

#endif
