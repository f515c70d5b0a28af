/*
 * Everybody is in a channel, all connections are cut at once, and everybody comes back as a stock
 * client does: the same cookie, the place they had, a ticket or none. What counts is when the last
 * one is back, and what a reader of the REST side notices meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/load.h"

/* The run's conductor reads the database's counters while everything is at rest, and says so by
 * making this file. */
static void await_file(struct gathering *g, const char *file)
{
    while (file && access(file, F_OK) != 0)
        gathering_settle(g, 1);
}

int run_storm(const struct options *o)
{
    struct gathering g;
    struct reader reader;
    uint32_t p50 = 0, p99 = 0, count = 0;

    reader_start(&reader, o); /* before there are connections that it would inherit */
    gathering_init(&g, o, NULL, NULL);
    g.resumes = true;
    gathering_join(&g);
    printf("connections=%u\nfirst_joined=%u\n", g.swarm.count, g.joined);
    gathering_settle(&g, o->settle);
    await_file(&g, o->go);
    if (o->reader)
        reader_go(&reader);
    struct usage before = usage_now(o);
    gathering_cut(&g);
    gathering_join(&g);
    struct usage after = usage_now(o);
    reader_stop(&reader, &p50, &p99, &count);
    double n = g.joined ? (double)g.joined : 1;
    printf("back=%u\nfailed=%u\nrecovered=%u\nback_seconds=%.3f\n", g.joined, g.failed, g.recovered,
           (double)(g.last_join - g.first_connect) / 1e6);
    printf("back_p50_us=%u\nback_p99_us=%u\n", samples_percentile(&g.join_times, 50),
           samples_percentile(&g.join_times, 99));
    printf("server_us_per_join=%.2f\npostgres_us_per_join=%.2f\n",
           (double)(after.server - before.server) / 1000 / n,
           (double)(after.postgres - before.postgres) / 1000 / n);
    printf("read_p50_us=%u\nread_p99_us=%u\nread_count=%u\n", p50, p99, count);
    gathering_finish(&g);
    return 0;
}
