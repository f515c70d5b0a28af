/*
 * What the first loop does for the whole server: reads what the server must know at its start,
 * takes away what is no longer kept, and cleans what an old installation left.
 */
#ifndef STACGATE_SERVICES_UPKEEP_H
#define STACGATE_SERVICES_UPKEEP_H

#include "stacgate/db.h"

extern const struct actor_type maintenance_type; /* ends when it has read the switch */
extern const struct actor_type retention_type;
extern const struct actor_type cleaning_type; /* ends when all HTML was cleaned */

#endif
