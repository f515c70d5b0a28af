/* Reminders of what learners have to hand in soon, sent by a clock. */
#ifndef STACGATE_SERVICES_REMINDERS_H
#define STACGATE_SERVICES_REMINDERS_H

#include "stacgate/loop.h"

extern const struct loop_service reminders_service;

#endif
