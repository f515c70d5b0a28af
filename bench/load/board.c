/*
 * Boards: every member moves a cursor, some draw, everybody watches. A cursor's place says whose it
 * is and which one, so each is timed at each member that sees it; an operation is found again by
 * its number. What members saw of the log is hashed as it comes: they agree, or they do not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/load.h"
#include "stacgate/ids.h"

#define PUSHES 65536
#define CURSORS 64 /* of a member, remembered: more than a second's */
#define TICK_US 1000

struct push {
    int64_t at;
    uint32_t id, left;
};

/* One member: what it said and what it saw. */
struct seen {
    int64_t said[CURSORS];
    uint32_t cursor;
    uint64_t seq, hash, gaps, ops;
    uint64_t lane_bytes, lane_frames; /* of the frames behind the first: each is paid for by the */
    int64_t lane_first, lane_last;    /* time since the one before it */
};

struct boards {
    const struct options *o;
    struct gathering g;
    struct seen *members; /* by client */
    struct push pushes[PUSHES];
    uint32_t next_id;
    uint64_t drawn, pointed, refused, cursors;
    bool measuring;
    struct samples last, cursor;
    uint32_t longest_frame;
    uint64_t own_cpu; /* this process's, in ns: near 100 % the figures are its own */
};

static uint64_t number_after(const char *p, size_t n, const char *word)
{
    const char *at = memmem(p, n, word, strlen(word));
    return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

/* ---- saying */

static void point(struct boards *b, struct client *c)
{
    struct seen *m = &b->members[c->index];
    char text[256];
    uint32_t number = m->cursor++;
    m->said[number % CURSORS] = mono_us();
    b->pointed += b->measuring;
    int n = snprintf(text, sizeof text,
                     "[\"1\",null,\"%s\",\"cursor\",{\"x\":%u.5,\"y\":%u.25,\"tool\":\"pen\"}]",
                     gathering_topic(&b->g, c), number, c->index);
    client_text(&b->g.swarm, c, text, (size_t)n);
}

static void draw(struct boards *b, struct client *c)
{
    char text[512];
    uint32_t id = b->next_id++;
    b->pushes[id % PUSHES] = (struct push){mono_us(), id, b->o->members};
    b->drawn += b->measuring;
    int n = snprintf(text, sizeof text,
                     "[\"1\",\"%u\",\"%s\",\"ops\",{\"opId\":\"%x-%x\",\"ops\":[{\"op\":\"put\","
                     "\"el\":{\"id\":\"e%u\",\"type\":\"rect\",\"z\":\"a%u\",\"x\":%u,\"y\":%u,"
                     "\"w\":40,\"h\":30,\"text\":\"<<%08x>>\"}}]}]",
                     c->next_ref++, gathering_topic(&b->g, c), (unsigned)getpid(), id,
                     (c->index << 8) | (id & 127), id & 1023, id % 1999, id % 997, id);
    client_text(&b->g.swarm, c, text, (size_t)n);
}

/* ---- seeing */

/* {"cursor":{"<id>":{"x":N.5,"y":M.25,…},…}}: the first x behind each brace. */
static void saw_cursors(struct boards *b, struct client *c, const char *p, size_t n)
{
    const char *end = p + n;
    int64_t now = mono_us();
    while ((p = memmem(p, (size_t)(end - p), "\"x\":", 4))) {
        char *more;
        uint32_t number = (uint32_t)strtoul(p + 4, &more, 10);
        const char *y = memmem(more, (size_t)(end - more), "\"y\":", 4);
        p += 4;
        if (!y)
            return;
        uint32_t who = (uint32_t)strtoul(y + 4, NULL, 10);
        if (who == c->index || who >= b->g.swarm.count)
            continue;
        b->cursors++;
        samples_add(&b->cursor, now - b->members[who].said[number % CURSORS]);
    }
}

static void saw_lane(struct boards *b, struct client *c, const char *p, size_t n)
{
    struct seen *m = &b->members[c->index];
    if (!b->measuring)
        return;
    int64_t now = mono_us();
    m->lane_bytes += m->lane_frames++ ? n + 4 : 0;
    m->lane_first = m->lane_first ? m->lane_first : now;
    m->lane_last = now;
    b->longest_frame = n > b->longest_frame ? (uint32_t)n : b->longest_frame;
    saw_cursors(b, c, p, n);
}

static void saw_ops(struct boards *b, struct client *c, const char *p, size_t n)
{
    struct seen *m = &b->members[c->index];
    uint64_t seq = number_after(p, n, "\"seq\":");
    uint32_t id;
    m->gaps += m->seq && seq != m->seq + 1;
    m->seq = seq;
    m->ops++;
    for (size_t i = 0; i < n; i++)
        m->hash = (m->hash ^ (uint8_t)p[i]) * 1099511628211u;
    if (!message_id(p, n, &id) || b->pushes[id % PUSHES].id != id)
        return;
    struct push *push = &b->pushes[id % PUSHES];
    if (push->left && --push->left == 0 && b->measuring)
        samples_add(&b->last, mono_us() - push->at);
}

static void on_event(struct gathering *g, struct client *c, struct str name, const char *p,
                     size_t n)
{
    struct boards *b = g->state;
    if (str_is(name, "ephemeral"))
        saw_lane(b, c, p, n);
    else if (str_is(name, "ops"))
        saw_ops(b, c, p, n);
}

static void on_reply(struct gathering *g, struct client *c, bool ok, const char *p, size_t n)
{
    struct boards *b = g->state;
    (void)c;
    if (!ok && b->refused++ < 3)
        fprintf(stderr, "bench_load: refused: %.*s\n", (int)(n < 200 ? n : 200), p);
}

static const struct gathering_events events = {.event = on_event, .reply = on_reply};

/* ---- a run */

/* How many of `rate` a second are due by now. */
static uint64_t due(int64_t since, uint64_t rate)
{
    return (uint64_t)(mono_us() - since) * rate / 1000000;
}

static void run(struct boards *b, uint32_t seconds)
{
    const struct options *o = b->o;
    uint32_t all = b->g.swarm.count;
    uint64_t pointed = 0, drawn = 0;
    int64_t start = mono_us(), end = start + (int64_t)seconds * 1000000;
    while (mono_us() < end) {
        for (; pointed < due(start, (uint64_t)all * o->cursors); pointed++)
            point(b, &b->g.swarm.clients[pointed % all]);
        for (; drawn < due(start, (uint64_t)o->groups * o->writers * o->ops); drawn++)
            draw(b, b->g.by_group[drawn % o->groups * o->members +
                                  drawn / o->groups % o->writers * (o->members / o->writers)]);
        swarm_turn(&b->g.swarm, TICK_US);
    }
}

/* Members of a board whose log is not what the board's first member saw. */
static uint32_t astray(const struct boards *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->g.swarm.count; i++) {
        uint32_t group = b->g.swarm.clients[i].group;
        const struct seen *m = &b->members[i],
                          *first = &b->members[b->g.by_group[group * b->o->members]->index];
        n += m->gaps || m->seq != first->seq || m->hash != first->hash || m->ops != first->ops;
    }
    return n;
}

/* Pushes that some member has not seen. */
static uint32_t missing(const struct boards *b)
{
    uint32_t n = 0;
    for (uint32_t id = b->next_id > PUSHES ? b->next_id - PUSHES : 0; id < b->next_id; id++)
        n += b->pushes[id % PUSHES].left > 0;
    return n;
}

/* The most that a member was sent of the lane, in kbit/s. */
static double lane_most(const struct boards *b)
{
    double most = 0;
    for (uint32_t i = 0; i < b->g.swarm.count; i++) {
        const struct seen *m = &b->members[i];
        int64_t us = m->lane_last - m->lane_first;
        double rate = us > 0 ? (double)m->lane_bytes * 8000 / (double)us : 0;
        most = rate > most ? rate : most;
    }
    return most;
}

static void report(struct boards *b, struct usage before, struct usage after)
{
    double us = (double)(after.at - before.at), server = (double)(after.server - before.server);
    uint64_t all = 0;
    for (uint32_t i = 0; i < b->g.swarm.count; i++)
        all += b->members[i].lane_frames;
    printf("seconds=%.2f\ndrawn=%llu\nmissing=%u\nrefused=%llu\npointed=%llu\n"
           "cursors_seen=%llu\n",
           us / 1e6, (unsigned long long)b->drawn, missing(b), (unsigned long long)b->refused,
           (unsigned long long)b->pointed, (unsigned long long)b->cursors);
    printf("cursor_p50_us=%u\ncursor_p99_us=%u\n", samples_percentile(&b->cursor, 50),
           samples_percentile(&b->cursor, 99));
    printf("last_p50_us=%u\nlast_p99_us=%u\n", samples_percentile(&b->last, 50),
           samples_percentile(&b->last, 99));
    printf("lane_frames=%llu\nlane_frame_max=%u\nlane_kbit_max=%.1f\n", (unsigned long long)all,
           b->longest_frame, lane_most(b));
    printf("server_us_per_cursor_seen=%.4f\nserver_cpu_percent=%.1f\n",
           server / 1000 / (b->cursors ? (double)b->cursors : 1), server / 10 / us);
    printf("generator_cpu_percent=%.1f\n", (double)b->own_cpu / 10 / us);
    printf("astray=%u\nclosed_later=%u\n", astray(b), b->g.closed_later);
}

int run_board(const struct options *o)
{
    struct boards *b = xcalloc(1, sizeof *b);
    b->o = o;
    gathering_init(&b->g, o, &events, b);
    b->members = xcalloc(b->g.swarm.count, sizeof *b->members);
    gathering_join(&b->g);
    gathering_settle(&b->g, o->settle);
    run(b, o->warm);
    b->measuring = true;
    struct usage before = usage_now(o);
    b->own_cpu = cpu_of(getpid());
    run(b, o->seconds);
    b->own_cpu = cpu_of(getpid()) - b->own_cpu;
    struct usage after = usage_now(o);
    b->measuring = false;
    gathering_settle(&b->g, 3); /* what is under way comes to everybody */
    report(b, before, after);
    uint32_t failed = b->g.failed;
    gathering_finish(&b->g);
    samples_finish(&b->last);
    samples_finish(&b->cursor);
    free(b->members);
    free(b);
    return failed > 0;
}
