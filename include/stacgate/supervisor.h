/*
 * Supervision is an ordinary actor: monitor + after. One-for-one; a child that ended is started
 * again by its policy, with a back-off, until more than `intensity` restarts fell into `window_ms`;
 * then the supervisor itself fails.
 */
#ifndef STACGATE_SUPERVISOR_H
#define STACGATE_SUPERVISOR_H

#include "stacgate/actor.h"

enum restart { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

struct child_spec {
    const struct actor_type *type;
    const void *arg; /* lives as long as the supervisor */
    enum restart restart;
    void (*started)(actor_id id); /* told each new id; NULL: nobody cares */
};
struct supervisor_spec {
    const char *name;
    uint32_t intensity;  /* restarts tolerated … */
    uint32_t window_ms;  /* … in this time */
    uint32_t backoff_ms; /* before the 2nd restart in a window; doubles, at most 5 s */
    const struct child_spec *children;
    uint32_t child_count;
};
actor_id supervisor_spawn(const struct supervisor_spec
                              *spec); /* spec lives as long as it; 0 when a child did not start */

#endif
