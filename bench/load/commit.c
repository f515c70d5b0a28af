/* Durable pushes acknowledged a second: every member of every group is a sender that keeps
 * o->outstanding of them under way. */
#include <stdio.h>
#include <stdlib.h>

#include "load/load.h"
#include "stacgate/ids.h"

struct commit {
    struct gathering g;
    bool measuring, stopping;
    uint32_t next_id;
    uint64_t acknowledged, refused;
};

static void push_more(struct commit *k, struct client *c)
{
    while (!k->stopping && c->state == CLIENT_OPEN && c->outstanding < k->g.o->outstanding) {
        c->outstanding++;
        push_message(&k->g, c, k->next_id++);
    }
}

static void on_reply(struct gathering *g, struct client *c, bool ok, const char *p, size_t n)
{
    struct commit *k = g->state;
    if (ok)
        k->acknowledged += k->measuring;
    else if (k->refused++ < 3)
        fprintf(stderr, "bench_load: refused: %.*s\n", (int)(n < 200 ? n : 200), p);
    c->outstanding--;
    push_more(k, c);
}

static const struct gathering_events events = {.reply = on_reply};

int run_commit(const struct options *o)
{
    struct commit k = {0};
    gathering_init(&k.g, o, &events, &k);
    gathering_join(&k.g);
    gathering_settle(&k.g, o->settle);
    for (uint32_t i = 0; i < k.g.swarm.count; i++)
        push_more(&k, &k.g.swarm.clients[i]);
    gathering_settle(&k.g, o->warm);
    k.measuring = true;
    struct usage before = usage_now(o);
    gathering_settle(&k.g, o->seconds);
    struct usage after = usage_now(o);
    k.measuring = false;
    k.stopping = true;
    gathering_settle(&k.g, 1); /* the last ones are answered before their senders go */
    double us = (double)(after.at - before.at), n = k.acknowledged ? (double)k.acknowledged : 1;
    printf("senders=%u\noutstanding=%u\ngroups=%u\nseconds=%.2f\n", k.g.swarm.count, o->outstanding,
           o->groups, us / 1e6);
    printf("acknowledged=%llu\nrefused=%llu\nfailed=%u\nclosed_later=%u\n",
           (unsigned long long)k.acknowledged, (unsigned long long)k.refused, k.g.failed,
           k.g.closed_later);
    printf("commits_per_second=%.0f\n", (double)k.acknowledged / us * 1e6);
    printf("server_us_per_push=%.2f\nserver_cpu_percent=%.1f\npostgres_us_per_push=%.2f\n"
           "postgres_cpu_percent=%.1f\n",
           (double)(after.server - before.server) / 1000 / n,
           (double)(after.server - before.server) / 10 / us,
           (double)(after.postgres - before.postgres) / 1000 / n,
           (double)(after.postgres - before.postgres) / 10 / us);
    gathering_finish(&k.g);
    return 0;
}
