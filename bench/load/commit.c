/*
 * Durable pushes acknowledged a second: every member of every group is a sender. Without a rate it
 * keeps o->outstanding of them under way; with one all together push at that pace whatever is
 * answered, and a refusal is an answer that is timed too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/load.h"
#include "stacgate/ids.h"

#define REMEMBERED 4096 /* pushes of a sender whose time is known, by ref */

struct commit {
    struct gathering g;
    bool measuring, stopping;
    uint32_t next_id, turn;
    uint64_t pushed, acknowledged, refused;
    int64_t *sent; /* REMEMBERED a sender */
    struct samples acknowledgements, refusals;
};

static int64_t *sent_at(struct commit *k, const struct client *c, uint32_t ref)
{
    return &k->sent[(size_t)c->index * REMEMBERED + ref % REMEMBERED];
}

static void push_one(struct commit *k, struct client *c)
{
    *sent_at(k, c, c->next_ref) = mono_us();
    c->outstanding++;
    k->pushed += k->measuring;
    push_message(&k->g, c, k->next_id++);
}

static void push_more(struct commit *k, struct client *c)
{
    while (!k->stopping && c->state == CLIENT_OPEN && c->outstanding < k->g.o->outstanding) {
        push_one(k, c);
    }
}

/* The time of an answer: ["1","<ref>",… */
static void note_time(struct commit *k, const struct client *c, bool ok, const char *p, size_t n)
{
    const char *comma = memchr(p, ',', n);
    uint32_t ref = comma && comma[1] == '"' ? (uint32_t)strtoul(comma + 2, NULL, 10) : 0;
    samples_add(ok ? &k->acknowledgements : &k->refusals, mono_us() - *sent_at(k, c, ref));
}

static void on_reply(struct gathering *g, struct client *c, bool ok, const char *p, size_t n)
{
    struct commit *k = g->state;
    if (k->measuring) {
        k->acknowledged += ok;
        note_time(k, c, ok, p, n);
    }
    if (!ok && k->refused++ < 3)
        fprintf(stderr, "bench_load: refused: %.*s\n", (int)(n < 200 ? n : 200), p);
    c->outstanding--;
    if (!g->o->rate)
        push_more(k, c);
}

static void push_paced(struct commit *k, uint32_t seconds)
{
    int64_t start = mono_us(), end = start + (int64_t)seconds * 1000000, now;
    uint64_t done = 0;
    while ((now = mono_us()) < end) {
        int64_t due = start + (int64_t)(done * 1000000 / k->g.o->rate);
        for (; due <= now; done++, due = start + (int64_t)(done * 1000000 / k->g.o->rate)) {
            struct client *c = &k->g.swarm.clients[k->turn++ % k->g.swarm.count];
            if (c->state == CLIENT_OPEN)
                push_one(k, c);
        }
        swarm_turn(&k->g.swarm, due - now);
    }
}

static void push_for(struct commit *k, uint32_t seconds)
{
    if (k->g.o->rate)
        push_paced(k, seconds);
    else
        gathering_settle(&k->g, seconds);
}

static const struct gathering_events events = {.reply = on_reply};

int run_commit(const struct options *o)
{
    struct commit k = {0};
    gathering_init(&k.g, o, &events, &k);
    gathering_join(&k.g);
    gathering_settle(&k.g, o->settle);
    k.sent = xcalloc((size_t)k.g.swarm.count * REMEMBERED, sizeof *k.sent);
    for (uint32_t i = 0; i < k.g.swarm.count && !o->rate; i++)
        push_more(&k, &k.g.swarm.clients[i]);
    push_for(&k, o->warm);
    k.measuring = true;
    struct usage before = usage_now(o);
    push_for(&k, o->seconds);
    struct usage after = usage_now(o);
    k.measuring = false;
    k.stopping = true;
    gathering_settle(&k.g, 1); /* the last ones are answered before their senders go */
    double us = (double)(after.at - before.at), n = k.acknowledged ? (double)k.acknowledged : 1;
    printf("senders=%u\noutstanding=%u\ngroups=%u\nseconds=%.2f\n", k.g.swarm.count, o->outstanding,
           o->groups, us / 1e6);
    printf("pushed=%llu\nacknowledged=%llu\nrefused=%llu\nfailed=%u\nclosed_later=%u\n",
           (unsigned long long)k.pushed, (unsigned long long)k.acknowledged,
           (unsigned long long)k.refused, k.g.failed, k.g.closed_later);
    printf("commits_per_second=%.0f\n", (double)k.acknowledged / us * 1e6);
    printf("server_us_per_push=%.2f\nserver_cpu_percent=%.1f\npostgres_us_per_push=%.2f\n"
           "postgres_cpu_percent=%.1f\n",
           (double)(after.server - before.server) / 1000 / n,
           (double)(after.server - before.server) / 10 / us,
           (double)(after.postgres - before.postgres) / 1000 / n,
           (double)(after.postgres - before.postgres) / 10 / us);
    printf("acknowledged_p50_us=%u\nacknowledged_p99_us=%u\nrefused_p99_us=%u\n",
           samples_percentile(&k.acknowledgements, 50), samples_percentile(&k.acknowledgements, 99),
           samples_percentile(&k.refusals, 99));
    gathering_finish(&k.g);
    samples_finish(&k.acknowledgements);
    samples_finish(&k.refusals);
    free(k.sent);
    return 0;
}
