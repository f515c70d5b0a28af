/* Everybody connects with a cookie and joins: how fast, how many fail, and what each costs in the
 * server's memory at rest. */
#include <stdio.h>

#include "load/load.h"

int run_join(const struct options *o)
{
    struct gathering g;
    gathering_init(&g, o, NULL, NULL);
    uint64_t memory_before = memory_of((pid_t)o->server_pid);
    struct usage before = usage_now(o);
    gathering_join(&g);
    struct usage after = usage_now(o);
    double us = (double)(g.last_join - g.first_connect), n = g.joined ? (double)g.joined : 1;
    printf("connections=%u\njoined=%u\nfailed=%u\nseconds=%.3f\njoins_per_second=%.0f\n",
           g.swarm.count, g.joined, g.failed, us / 1e6, (double)g.joined / us * 1e6);
    printf("join_p50_us=%u\njoin_p99_us=%u\n", samples_percentile(&g.join_times, 50),
           samples_percentile(&g.join_times, 99));
    printf("server_us_per_join=%.2f\npostgres_us_per_join=%.2f\n",
           (double)(after.server - before.server) / 1000 / n,
           (double)(after.postgres - before.postgres) / 1000 / n);
    gathering_settle(&g, o->settle);
    uint64_t memory_after = memory_of((pid_t)o->server_pid);
    printf("received_bytes=%llu\nclosed_later=%u\n", (unsigned long long)g.swarm.bytes_in,
           g.closed_later);
    printf("memory_before=%llu\nmemory_after=%llu\nbytes_per_connection=%.0f\n",
           (unsigned long long)memory_before, (unsigned long long)memory_after,
           ((double)memory_after - (double)memory_before) / n);
    gathering_finish(&g);
    return 0;
}
