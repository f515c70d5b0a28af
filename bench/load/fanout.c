/*
 * Messages to the members of groups, at a pace or without pause, and what a delivery costs the
 * server. Against the server every message is found again in each delivery by its number; the
 * floor's frames are all the same and are only counted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "load/load.h"
#include "stacgate/ids.h"

#define PUSHES 65536   /* remembered at a time: more than are ever under way */
#define SLOW_BYTES 125 /* every 100 ms: 10 kbit/s */
#define SLOW_EVERY 100000

struct push {
    int64_t at;
    uint32_t id, left;
};

struct fanout {
    const struct options *o;
    struct gathering g;
    struct push pushes[PUSHES];
    uint32_t next_id, turn;
    bool measuring;
    bool timing; /* not when the pace is the matter: then both peers' frames are only counted */
    uint64_t pushed, refused, delivered, frames, frame_bytes, other;
    struct samples each, last;
    struct buf one; /* a delivery, for what compressing it costs */
    int64_t next_slow;
};

/* An old client gets none of its own back. */
static uint32_t receivers(const struct fanout *f, uint32_t group)
{
    return f->o->members - (f->o->relay && !f->o->floor) -
           (f->o->slow && group == f->g.swarm.clients[0].group);
}

static void push_next(struct fanout *f, struct client *c)
{
    uint32_t id = f->next_id++;
    f->pushes[id % PUSHES] = (struct push){mono_us(), id, receivers(f, c->group)};
    f->pushed += f->measuring;
    c->outstanding++;
    push_message(&f->g, c, id);
}

static void note_latency(struct fanout *f, const char *p, size_t n)
{
    uint32_t id;
    if (!message_id(p, n, &id))
        return;
    struct push *push = &f->pushes[id % PUSHES];
    if (push->id != id || push->left == 0)
        return;
    int64_t us = mono_us() - push->at;
    samples_add(&f->each, us);
    if (--push->left == 0)
        samples_add(&f->last, us);
}

/* Nothing answers a relayed push: it is no longer under way when the member before its sender has
 * it, the last but one to be written to. */
static void seen_by_last(struct fanout *f, const struct client *c)
{
    struct client **last = &f->g.by_group[(c->group + 1) * f->o->members - 1];
    if (c == last[-1] && last[0]->outstanding > 0)
        last[0]->outstanding--;
}

static void on_event(struct gathering *g, struct client *c, struct str name, const char *p,
                     size_t n)
{
    struct fanout *f = g->state;
    if (!str_is(name, "message")) {
        f->other += f->measuring;
        return;
    }
    if (c->slow)
        return;
    if (f->measuring) {
        f->delivered++;
        f->frame_bytes += n;
        if (f->o->deflate && f->one.len == 0)
            buf_put(&f->one, p, n);
        if (f->timing)
            note_latency(f, p, n);
    }
    if (f->o->relay)
        seen_by_last(f, c);
    else if (f->o->floor && c->outstanding > 0)
        c->outstanding--;
}

static void on_reply(struct gathering *g, struct client *c, bool ok, const char *p, size_t n)
{
    struct fanout *f = g->state;
    if (!ok && f->refused++ < 3)
        fprintf(stderr, "bench_load: refused: %.*s\n", (int)(n < 200 ? n : 200), p);
    if (c->outstanding > 0)
        c->outstanding--;
}

static const struct gathering_events events = {.event = on_event, .reply = on_reply};

/* Member number n of the group whose turn it is; the slow one never sends. */
static struct client *next_sender(struct fanout *f)
{
    uint32_t group = f->turn % f->o->groups, n = f->turn / f->o->groups % f->o->members;
    struct client *c = f->g.by_group[group * f->o->members + n];
    f->turn++;
    return c->slow ? f->g.by_group[group * f->o->members + f->o->members - 1] : c;
}

static void read_slowly(struct fanout *f, int64_t now)
{
    if (!f->o->slow || now < f->next_slow)
        return;
    client_read(&f->g.swarm, &f->g.swarm.clients[0], SLOW_BYTES);
    f->next_slow = now + SLOW_EVERY;
}

static void run_paced(struct fanout *f, int64_t end)
{
    int64_t start = mono_us(), now;
    uint64_t done = 0;
    while ((now = mono_us()) < end) {
        int64_t due = start + (int64_t)(done * 1000000 / f->o->rate);
        for (; due <= now; done++, due = start + (int64_t)(done * 1000000 / f->o->rate))
            push_next(f, next_sender(f));
        read_slowly(f, now);
        int64_t until = due < end ? due : end;
        if (f->o->slow && f->next_slow < until)
            until = f->next_slow;
        swarm_turn(&f->g.swarm, until - now);
    }
}

/* One sender a group keeps o->outstanding pushes under way. */
static void run_saturated(struct fanout *f, int64_t end)
{
    while (mono_us() < end) {
        for (uint32_t group = 0; group < f->o->groups; group++) {
            struct client *c = f->g.by_group[(group + 1) * f->o->members - 1];
            while (c->state == CLIENT_OPEN && c->outstanding < f->o->outstanding)
                push_next(f, c);
        }
        swarm_turn(&f->g.swarm, 10000);
    }
}

static void run(struct fanout *f, uint32_t seconds)
{
    int64_t end = mono_us() + (int64_t)seconds * 1000000;
    if (f->o->rate)
        run_paced(f, end);
    else
        run_saturated(f, end);
}

/* Microseconds that one delivery takes to compress as a server may: level 1, nothing kept from the
 * one before. */
static double compression_us(const struct buf *one)
{
    z_stream z = {0};
    uint8_t out[65536];
    int64_t best = INT64_MAX;
    if (deflateInit2(&z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    for (int round = 0; round < 20; round++) {
        int64_t start = mono_us();
        for (int i = 0; i < 1000; i++) {
            deflateReset(&z);
            z.next_in = one->data;
            z.avail_in = (uInt)one->len;
            z.next_out = out;
            z.avail_out = sizeof out;
            deflate(&z, Z_SYNC_FLUSH);
        }
        int64_t took = mono_us() - start;
        best = took < best ? took : best;
    }
    deflateEnd(&z);
    return (double)best / 1000;
}

static void report(struct fanout *f, struct usage before, struct usage after)
{
    double us = (double)(after.at - before.at), seconds = us / 1e6;
    double deliveries = f->delivered ? (double)f->delivered : 1;
    printf("members=%u\ngroups=%u\nseconds=%.2f\n", f->o->members, f->o->groups, seconds);
    printf("pushed=%llu\nrefused=%llu\ndelivered=%llu\nother_frames=%llu\n",
           (unsigned long long)f->pushed, (unsigned long long)f->refused,
           (unsigned long long)f->delivered, (unsigned long long)f->other);
    printf("expected=%llu\n",
           (unsigned long long)(f->pushed * (f->o->members - (f->o->relay && !f->o->floor)) -
                                (f->o->slow ? f->pushed : 0)));
    printf("frame_bytes=%.0f\ndeliveries_per_second=%.0f\n", (double)f->frame_bytes / deliveries,
           (double)f->delivered / seconds);
    printf("server_us_per_delivery=%.3f\nserver_cpu_percent=%.1f\n",
           (double)(after.server - before.server) / 1000 / deliveries,
           (double)(after.server - before.server) / 10 / us);
    printf("postgres_us_per_delivery=%.3f\npostgres_cpu_percent=%.1f\n",
           (double)(after.postgres - before.postgres) / 1000 / deliveries,
           (double)(after.postgres - before.postgres) / 10 / us);
    printf("each_p50_us=%u\neach_p99_us=%u\n", samples_percentile(&f->each, 50),
           samples_percentile(&f->each, 99));
    printf("last_p50_us=%u\nlast_p99_us=%u\n", samples_percentile(&f->last, 50),
           samples_percentile(&f->last, 99));
    printf("deflated=%llu\ncompression_us=%.2f\n", (unsigned long long)f->g.swarm.deflated,
           f->one.len ? compression_us(&f->one) : 0.0);
    printf("closed_later=%u\nslow_closed=%d\n", f->g.closed_later,
           f->o->slow && f->g.swarm.clients[0].state == CLIENT_CLOSED);
}

int run_fanout(const struct options *o)
{
    struct fanout *f = xcalloc(1, sizeof *f);
    f->o = o;
    f->timing = !o->floor && !(o->relay && o->rate == 0);
    gathering_init(&f->g, o, &events, f);
    gathering_join(&f->g);
    if (f->g.failed > 0) {
        fprintf(stderr, "bench_load: %u of %u members could not join\n", f->g.failed,
                f->g.swarm.count);
        return 1;
    }
    gathering_settle(&f->g, o->settle);
    if (o->slow)
        client_unwatch(&f->g.swarm, &f->g.swarm.clients[0]);
    run(f, o->warm);
    f->measuring = true;
    struct usage before = usage_now(o);
    run(f, o->seconds);
    struct usage after = usage_now(o);
    report(f, before, after);
    gathering_finish(&f->g);
    buf_finish(&f->one);
    samples_finish(&f->each);
    samples_finish(&f->last);
    free(f);
    return 0;
}
