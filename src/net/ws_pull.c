/*
 * A WebSocket connection without a socket: the queue, its lanes and its limits are those of every
 * connection, only that an owner pulls the messages (and answers a long poll with them) where a
 * kernel would take bytes. To those who send it is any connection. Invariant: with something queued
 * it is in the list of the slow, from the turn's end until it is pulled, so that age, length and
 * total count as for a peer that reads nothing.
 */
#include <stdlib.h>

#include "net/net.h"
#include "net/ws_frame.h"

struct conn *ws_pulled(const struct ws_handler *handler, void *arg, uint32_t message_max)
{
    struct conn *c = xcalloc(1, sizeof(*c));
    c->net = net_here();
    c->fd = -1;
    c->eof = true; /* nobody is there to answer a close frame */
    c->state = CONN_WS;
    c->heard_ms = c->moved_ms = loop_now();
    c->handler = handler;
    c->arg = arg;
    c->message_max = message_max;
    tally_add(&c->net->stats.longpolls, 1);
    conn_due(c, c->heard_ms + net_limits.dead_after_ms);
    return c;
}

/* ---- out ---- */

/* Nothing is left to be said: the end. */
static void pull_over(struct conn *c)
{
    if (c->closing && !c->out)
        conn_die(c, 1006);
}

void pull_ready(struct conn *c)
{
    c->handler->ready(c->arg);
    if (c->state == CONN_WS)
        out_wait(c);
    pull_over(c);
}

void pull_again(struct conn *c)
{
    if (c->closing)
        pull_ready(c);
    else if (!c->paused)
        c->handler->resumed(c->arg);
}

struct pulling {
    ws_each *each;
    void *to;
};

static void pull_frame(void *to, const struct frame *f)
{
    const struct pulling *p = to;
    struct str left = {(const char *)f->bytes, f->len}, payload;
    uint8_t opcode;
    while (ws_wire_next(&left, &opcode, &payload))
        p->each(p->to, (enum ws_opcode)opcode, payload);
}

size_t ws_pull(struct conn *c, size_t room, ws_each *each, void *to)
{
    struct pulling p = {each, to};
    size_t took = c->state == CONN_WS ? out_pull(c, room, pull_frame, &p) : 0;
    if (took)
        conn_dirty(c); /* somebody may wait for room; and a close for the last message */
    if (took)
        pull_over(c);
    return took;
}

/* ---- in ---- */

bool ws_feed(struct conn *c, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    if (c->state != CONN_WS || c->closing || c->paused)
        return false;
    c->heard_ms = loop_now();
    if (n > c->message_max)
        ws_fail(c, 1009, NULL);
    else
        ws_message(c, (uint8_t)op, false, (uint8_t *)(uintptr_t)bytes, n, false);
    return true;
}

void ws_due_in(struct conn *c, uint32_t ms)
{
    if (!c->closing)
        conn_due(c, loop_now() + ms);
}

uint16_t ws_closing(const struct conn *c)
{
    return c->closing ? c->close_code : 0;
}
