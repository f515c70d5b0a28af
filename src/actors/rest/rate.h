/*
 * Request rates: one bucket a user, an address, or whatever else is named, for the whole process. A
 * bucket is one number (the time at which it will be empty again: GCRA), so a full table of them is
 * a megabyte and forgets by itself.
 */
#ifndef STACGATE_REST_RATE_H
#define STACGATE_REST_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate_policy {
    const char *name;  /* in the RateLimit headers */
    uint32_t quota;    /* requests … */
    uint32_t window_s; /* … in so many seconds, steadily */
    uint32_t burst;    /* at once, at most */
};
struct rate_state {
    bool allowed;
    uint32_t remaining; /* requests left at once */
    uint32_t reset_s;   /* until the bucket is full again */
    uint32_t retry_s;   /* until the next request is allowed */
};

/* Takes one from the bucket (policy's name, key). now_us: mono_us(). Any thread. */
struct rate_state rate_take(const struct rate_policy *policy, const char *key, int64_t now_us);

#endif
