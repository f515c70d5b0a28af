/* Counts of open sockets by school; live_connections() in stacgate/channel.h reads them. */
#ifndef STACGATE_REALTIME_CENSUS_H
#define STACGATE_REALTIME_CENSUS_H

#include "stacgate/channel.h"

void census_opened(const char *establishment_id); /* "": of no school, not counted */
void census_closed(const char *establishment_id);

#endif
