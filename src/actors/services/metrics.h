/* GET /metrics: what the process counts, as Prometheus text; for direct loopback peers only. */
#ifndef STACGATE_METRICS_H
#define STACGATE_METRICS_H

#include "stacgate/http.h"

extern const struct http_route metrics_routes[];
extern const unsigned metrics_route_count;

#endif
