/*
 * A refusal on a channel: one stable word and what belongs to it. Also usable from code that has
 * not yet decided whom to tell.
 */
#ifndef STACGATE_REALTIME_REFUSAL_H
#define STACGATE_REALTIME_REFUSAL_H

#include "envelope.h"

enum reason {
#define REASON(word, fr, en) REASON_##word,
#include "reasons.def"
#undef REASON
    REASONS
};

struct refusal {
    enum reason reason;
    const char *field, *code; /* invalid: what is wrong where; NULL: not said */
    uint32_t retry_after;     /* rate_limited: seconds */
};

/* Appends the response object: {"reason","message","errors"?,"retryAfter"?}. */
void refusal_put(struct buf *out, enum encoding enc, const struct refusal *r, bool english);

/* For `return refuse(ret, REASON_invalid, "content", "required");` — always -EPERM. */
int refuse(struct refusal *ret, enum reason reason, const char *field, const char *code);

#endif
