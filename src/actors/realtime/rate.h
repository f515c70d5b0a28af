/*
 * Token buckets of eight bytes, on the loop's clock. Below zero a bucket remembers how far somebody
 * overdoes it, so that ten times over can end the connection.
 */
#ifndef STACGATE_REALTIME_RATE_H
#define STACGATE_REALTIME_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    float tokens;
    uint32_t at_ms; /* 0: never used, full */
};

enum rate_verdict { RATE_OK, RATE_REFUSED, RATE_ABUSE };

/* rate: tokens a second; burst: how many it holds. ABUSE: refused ten bursts in a row without a
 * pause. */
static inline enum rate_verdict bucket_take(struct bucket *b, uint32_t now_ms, uint32_t rate,
                                            uint32_t burst)
{
    float full = (float)burst;

    if (b->at_ms == 0)
        b->tokens = full;
    else
        b->tokens += (float)(now_ms - b->at_ms) * (float)rate / 1000.0f;
    if (b->tokens > full)
        b->tokens = full;
    b->at_ms = now_ms ? now_ms : 1;
    b->tokens -= 1.0f;
    if (b->tokens >= 0)
        return RATE_OK;
    if (b->tokens > -9.0f * full)
        return RATE_REFUSED;
    return RATE_ABUSE;
}

/* Seconds until a token is there, at least 1. */
static inline uint32_t bucket_wait_s(const struct bucket *b, uint32_t rate)
{
    return b->tokens >= 0 ? 1 : 1 + (uint32_t)(-b->tokens / (float)(rate ? rate : 1));
}

#endif
