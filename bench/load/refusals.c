/*
 * Old clients whose sign-in is none: each is refused and is back as soon as it has heard so, as
 * that client does it. What counts is what they cost the server together.
 */
#include <stdio.h>
#include <stdlib.h>

#include "load/load.h"
#include "stacgate/ids.h"

struct knocking {
    struct swarm swarm;
    uint64_t answered, other;
};

static void on_opened(struct swarm *s, struct client *c)
{
    (void)c;
    ((struct knocking *)s->state)->other++;
}

static void on_text(struct swarm *s, struct client *c, const char *p, size_t n)
{
    (void)s;
    (void)c;
    (void)p;
    (void)n;
}

static void on_closed(struct swarm *s, struct client *c, const char *why)
{
    struct knocking *k = s->state;
    (void)c;
    if (strncmp(why, "handshake: HTTP/1.1 401", 23) == 0)
        k->answered++;
    else
        k->other++;
}

static const struct swarm_events events = {on_opened, on_text, on_closed};

static void knock(struct knocking *k, struct client *c)
{
    char header[80], token[44];
    *c = (struct client){.fd = -1, .index = c->index};
    memset(token, 'x', sizeof token - 1);
    snprintf(token, sizeof token, "%043u", c->index);
    snprintf(header, sizeof header, "Cookie: stacgate.sid=%s\r\n", token);
    client_connect(&k->swarm, c, "/ws/collaboration", header);
}

static void run(struct knocking *k, uint32_t seconds)
{
    int64_t end = mono_us() + (int64_t)seconds * 1000000, now;
    while ((now = mono_us()) < end) {
        for (uint32_t i = 0; i < k->swarm.count; i++)
            if (k->swarm.clients[i].fd < 0)
                knock(k, &k->swarm.clients[i]);
        swarm_turn(&k->swarm, end - now);
    }
}

int run_refusals(const struct options *o)
{
    struct knocking *k = xcalloc(1, sizeof *k);
    if (swarm_init(&k->swarm, o->members, (uint16_t)o->port, &events, k) < 0)
        return 1;
    run(k, o->warm);
    k->answered = k->other = 0;
    struct usage before = usage_now(o);
    run(k, o->seconds);
    struct usage after = usage_now(o);
    double us = (double)(after.at - before.at);
    printf("clients=%u\nrefused=%llu\nother=%llu\n", o->members, (unsigned long long)k->answered,
           (unsigned long long)k->other);
    printf("server_cpu_percent=%.2f\npostgres_cpu_percent=%.2f\n",
           (double)(after.server - before.server) / 10 / us,
           (double)(after.postgres - before.postgres) / 10 / us);
    swarm_finish(&k->swarm);
    free(k);
    return 0;
}
