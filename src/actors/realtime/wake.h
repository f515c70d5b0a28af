/* The clock of channels that nobody is in: one actor, on the first loop. */
#ifndef STACGATE_REALTIME_WAKE_H
#define STACGATE_REALTIME_WAKE_H

#include "stacgate/actor.h"

extern const struct actor_type wake_type;

#endif
