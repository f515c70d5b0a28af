/*
 * Members open a board one after the other, as a page does: how long and how many bytes until
 * something can be painted (the first part of the snapshot), and until all of it is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/load.h"
#include "stacgate/ids.h"

struct opening {
    struct gathering g;
    uint64_t first_bytes, whole_bytes; /* the most of any member */
    uint64_t *bytes;                   /* by client: of frames since it joined */
    uint32_t whole, elements;
    struct samples first, last;
};

static uint32_t number_of(const char *p, size_t n, const char *word)
{
    const char *at = memmem(p, n, word, strlen(word));
    return at ? (uint32_t)strtoul(at + strlen(word), NULL, 10) : 0;
}

static uint32_t occurrences(const char *p, size_t n, const char *word)
{
    const char *end = p + n;
    uint32_t count = 0;
    for (; (p = memmem(p, (size_t)(end - p), word, strlen(word))); p += strlen(word))
        count++;
    return count;
}

static void on_event(struct gathering *g, struct client *c, struct str name, const char *p,
                     size_t n)
{
    struct opening *o = g->state;
    int64_t took = mono_us() - g->began[c->index];
    uint64_t *bytes = &o->bytes[c->index];
    if (!str_is(name, "snapshot"))
        return;
    uint32_t part = number_of(p, n, "\"part\":"), parts = number_of(p, n, "\"parts\":");
    *bytes += n;
    o->elements += occurrences(p, n, "\"type\":");
    if (part == 1) {
        samples_add(&o->first, took);
        o->first_bytes = *bytes > o->first_bytes ? *bytes : o->first_bytes;
    }
    if (part == parts) {
        samples_add(&o->last, took);
        o->whole_bytes = *bytes > o->whole_bytes ? *bytes : o->whole_bytes;
        o->whole++;
    }
}

static void on_joined(struct gathering *g, struct client *c, size_t n)
{
    struct opening *o = g->state;
    o->bytes[c->index] += n;
}

static const struct gathering_events events = {.event = on_event, .joined = on_joined};

int run_open(const struct options *options)
{
    struct opening o = {0};
    gathering_init(&o.g, options, &events, &o);
    o.bytes = xcalloc(o.g.swarm.count, sizeof *o.bytes);
    gathering_join(&o.g);
    gathering_settle(&o.g, options->settle);
    printf("joined=%u\nfailed=%u\nwhole=%u\nelements=%u\n", o.g.joined, o.g.failed, o.whole,
           o.whole ? o.elements / o.whole : 0);
    printf("first_bytes=%llu\nwhole_bytes=%llu\n", (unsigned long long)o.first_bytes,
           (unsigned long long)o.whole_bytes);
    printf("first_p50_us=%u\nfirst_max_us=%u\nwhole_p50_us=%u\nwhole_max_us=%u\n",
           samples_percentile(&o.first, 50), samples_percentile(&o.first, 100),
           samples_percentile(&o.last, 50), samples_percentile(&o.last, 100));
    gathering_finish(&o.g);
    samples_finish(&o.first);
    samples_finish(&o.last);
    free(o.bytes);
    return 0;
}
