/* The roll-ups behind /api/analytics, brought up to now by a clock. */
#ifndef STACGATE_SERVICES_ROLLUP_H
#define STACGATE_SERVICES_ROLLUP_H

#include "stacgate/loop.h"

extern const struct loop_service rollup_service;

#endif
