/* Counts of open sockets and their people by school; live_sockets() in stacgate/channel.h reads
 * them. */
#ifndef STACGATE_REALTIME_CENSUS_H
#define STACGATE_REALTIME_CENSUS_H

#include "stacgate/channel.h"

/* "": of no school, counted in the whole. */
void census_opened(const char *establishment_id, const char *user_id);
void census_closed(const char *establishment_id, const char *user_id);

#endif
