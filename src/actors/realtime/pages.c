/*
 * Payloads that are encoded once and read by every member that joins at the same place; what each
 * gets of its own is the frame around them. They belong to one channel, and to its loop.
 */
#include <stdlib.h>

#include "chan.h"

struct pages *pages_create(const char *event, int64_t seq, uint32_t asked)
{
    struct pages *p = xcalloc(1, sizeof(*p));

    p->event = event;
    p->refs = 1;
    p->seq = seq;
    p->asked = asked;
    return p;
}

struct pages *pages_ref(struct pages *p)
{
    p->refs++;
    return p;
}

void pages_unref(struct pages *p)
{
    if (!p || --p->refs)
        return;
    for (uint32_t i = 0; i < p->count; i++)
        body_unref(p->payload[i]);
    free(p->payload);
    free(p);
}

void pages_add(struct pages *p, struct buf *payload)
{
    if (p->count == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 4;
        p->payload = xrealloc(p->payload, p->cap * sizeof(struct body *));
    }
    p->payload[p->count++] = body_of(payload);
}
