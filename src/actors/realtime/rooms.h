/*
 * The channels of a loop school by school, and what happened in them during the last minute: live
 * figures for those who run a school. A loop's own are touched by it alone; others ask its hub.
 */
#ifndef STACGATE_REALTIME_ROOMS_H
#define STACGATE_REALTIME_ROOMS_H

#include "chan.h"
#include "stacgate/channel.h"

/* Counted on the loop where it happens. `tenant` need not end with NUL. */
void rooms_count(struct str tenant, enum live_count what, uint64_t n);
void rooms_opened(struct channel *c); /* it has its key and kind */
void rooms_closed(struct channel *c); /* also one that was never opened */

/* What the hub answers to live_ask() and live_room(): made of mail, as msgpack. */
struct body *rooms_figures(struct mp tenant);
struct body *rooms_room(struct mp tenant, struct mp topic, bool people);
void rooms_finish(void); /* this loop's, when every channel is gone */

#endif
