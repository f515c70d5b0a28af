/*
 * What a connection has to write: a ring of references to frames that many connections share, taken
 * from its loop's free list when something is queued and given back when the kernel took
 * everything. One write per connection and turn: frames are joined in the loop's scratch buffer,
 * and a connection with the very frames of the one before it (a fan-out's members) reuses the
 * joined bytes.
 */
#include "net.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIRECT_MIN (16u * 1024) /* a frame from here on is written from where it lies */
#define FREE_MAX 4096u          /* rings kept per class and loop */

_Atomic uint64_t net_queued_total;

/* ---- frames ---- */

struct frame *frame_make(struct body *wire, enum ws_lane lane)
{
    struct frame *f = xmalloc(sizeof(*f));
    *f = (struct frame){.bytes = wire->bytes,
                        .len = wire->len,
                        .refs = 1,
                        .at_ms = loop_now(),
                        .body = wire,
                        .lane = lane,
                        .counted = true};
    atomic_fetch_add_explicit(&net_queued_total, f->len, memory_order_relaxed);
    return f;
}

struct frame *frame_plain(const void *bytes, uint32_t n, struct body *owner)
{
    struct frame *f = xmalloc(sizeof(*f));
    *f = (struct frame){.bytes = bytes,
                        .len = n,
                        .refs = 1,
                        .at_ms = loop_now(),
                        .body = owner,
                        .lane = WS_CONTROL};
    return f;
}

struct frame *frame_ref(struct frame *f)
{
    f->refs++;
    return f;
}

void frame_unref(struct frame *f)
{
    if (!f || --f->refs)
        return;
    if (f->counted)
        atomic_fetch_sub_explicit(&net_queued_total, f->len, memory_order_relaxed);
    body_unref(f->body);
    free(f);
}

/* ---- rings ---- */

static const uint32_t ring_caps[4] = {8, 32, 128, 512};

static unsigned ring_class(uint32_t cap)
{
    unsigned i = 0;
    while (i < 4 && ring_caps[i] < cap)
        i++;
    return i;
}

static struct outq *ring_take(struct net_loop *net, uint32_t cap)
{
    unsigned k = ring_class(cap);
    struct outq *q = k < 4 ? net->free_outq[k] : NULL;
    if (q) {
        net->free_outq[k] = q->next_free;
        net->free_outqs[k]--;
    } else {
        q = xmalloc(sizeof(*q) + cap * sizeof(q->f[0]));
        q->cap = cap;
    }
    q->head = q->count = q->offset = 0;
    return q;
}

static void ring_give(struct net_loop *net, struct outq *q)
{
    unsigned k = ring_class(q->cap);
    if (k == 4 || net->free_outqs[k] >= FREE_MAX >> (2 * k)) {
        free(q);
        return;
    }
    q->next_free = net->free_outq[k];
    net->free_outq[k] = q;
    net->free_outqs[k]++;
}

static struct outq *ring_grow(struct conn *c)
{
    struct outq *old = c->out,
                *q = ring_take(c->net,
                               old ? (old->cap < 512 ? old->cap * 4 : old->cap * 2) : ring_caps[0]);
    if (old) {
        for (uint32_t i = 0; i < old->count; i++)
            q->f[i] = old->f[(old->head + i) & (old->cap - 1)];
        q->count = old->count;
        q->offset = old->offset;
        ring_give(c->net, old);
    }
    return c->out = q;
}

void out_push(struct conn *c, struct frame *f)
{
    if (!f->len)
        return;
    struct outq *q = c->out;
    if (!q || q->count == q->cap)
        q = ring_grow(c);
    f->refs++;
    q->f[(q->head + q->count++) & (q->cap - 1)] = f;
    c->queued += f->len;
    if (f->lane == WS_REPLAY)
        c->replay += f->len;
    if (!c->dirty && !c->blocked)
        conn_dirty(c);
}

/* ---- connections whose peer takes nothing, the one that moved longest ago first ---- */

static void slow_remove(struct conn *c)
{
    struct net_loop *net = c->net;
    *(c->slow_prev ? &c->slow_prev->slow_next : &net->slow_head) = c->slow_next;
    *(c->slow_next ? &c->slow_next->slow_prev : &net->slow_tail) = c->slow_prev;
    c->slow_next = c->slow_prev = NULL;
}

static void slow_append(struct conn *c)
{
    struct net_loop *net = c->net;
    c->slow_prev = net->slow_tail;
    c->slow_next = NULL;
    *(net->slow_tail ? &net->slow_tail->slow_next : &net->slow_head) = c;
    net->slow_tail = c;
}

static void out_block(struct conn *c, bool moved)
{
    if (!c->blocked)
        c->moved_ms = loop_now();
    else if (!moved)
        return;
    else
        slow_remove(c);
    c->blocked = true;
    slow_append(c);
    conn_arm(c);
}

static void out_unblock(struct conn *c)
{
    if (!c->blocked)
        return;
    slow_remove(c);
    c->blocked = false;
    conn_arm(c);
}

/* ---- the queue ---- */

static inline struct frame *out_at(const struct outq *q, uint32_t i)
{
    return q->f[(q->head + i) & (q->cap - 1)];
}

static void out_pop(struct conn *c)
{
    struct outq *q = c->out;
    struct frame *f = q->f[q->head];
    q->head = (q->head + 1) & (q->cap - 1);
    q->count--;
    q->offset = 0;
    c->queued -= f->len;
    if (f->lane == WS_REPLAY)
        c->replay -= f->len;
    frame_unref(f);
}

/* queued counts whole frames until their last byte is taken: less to do per write, and never less
 * than what is held. */
static void out_took(struct conn *c, size_t n)
{
    struct outq *q = c->out;
    tally_add(&c->net->stats.bytes_out, n);
    while (n) {
        size_t left = out_at(q, 0)->len - q->offset;
        if (n < left) {
            q->offset += (uint32_t)n;
            return;
        }
        n -= left;
        out_pop(c);
    }
}

/* Frames from the queue's front of which bytes are out, or in a TLS record that is. */
static uint32_t out_begun(const struct conn *c)
{
    const struct outq *q = c->out;
    uint64_t need = (uint64_t)q->offset + c->tls_pend, have = 0;
    uint32_t n = 0;
    while (n < q->count && have < need)
        have += out_at(q, n++)->len;
    return n;
}

void out_drop(struct conn *c, bool keep_begun)
{
    struct outq *q = c->out;
    if (!q)
        return;
    uint32_t keep = keep_begun ? out_begun(c) : 0;
    while (q->count > keep) {
        struct frame *f = out_at(q, --q->count);
        c->queued -= f->len;
        if (f->lane == WS_REPLAY)
            c->replay -= f->len;
        frame_unref(f);
    }
    if (keep)
        return;
    ring_give(c->net, q);
    c->out = NULL;
    out_unblock(c);
}

/* ---- joining ---- */

void out_uncache(struct net_loop *net)
{
    struct joined *j = &net->joined;
    for (uint32_t i = 0; i < j->count; i++)
        frame_unref(j->of[i]);
    j->count = 0;
}

static bool join_same(const struct joined *j, const struct outq *q)
{
    return j->count && q->head == 0 && q->offset == 0 && q->count >= j->count &&
           memcmp(q->f, j->of, j->count * sizeof(q->f[0])) == 0 &&
           (q->count == j->count || j->len + q->f[j->count]->len > SCRATCH_SIZE);
}

static void join_keep(struct joined *j, struct frame *f)
{
    if (j->count == j->cap) {
        j->cap = j->cap ? j->cap * 2 : 64;
        j->of = xrealloc(j->of, j->cap * sizeof(*j->of));
    }
    j->of[j->count++] = frame_ref(f);
}

/* Whole frames, as many as fit, from the queue's front; only then can the next connection use them
 * too. */
static size_t join(struct net_loop *net, const struct outq *q)
{
    struct joined *j = &net->joined;
    if (join_same(j, q))
        return j->len;
    out_uncache(net);
    size_t len = 0, offset = q->offset;
    for (uint32_t i = 0; i < q->count; i++, offset = 0) {
        struct frame *f = out_at(q, i);
        if (len + f->len - offset > SCRATCH_SIZE)
            break;
        memcpy(net->scratch + len, f->bytes + offset, f->len - offset);
        len += f->len - offset;
        if (q->offset == 0)
            join_keep(j, f);
    }
    j->len = (uint32_t)len;
    return len;
}

static size_t out_next(struct conn *c, const uint8_t **ret_p)
{
    const struct outq *q = c->out;
    const struct frame *first = out_at(q, 0);
    size_t left = first->len - q->offset;
    if (q->count == 1 || left >= DIRECT_MIN) {
        *ret_p = first->bytes + q->offset;
        return left;
    }
    *ret_p = c->net->scratch;
    return join(c->net, q);
}

static void out_empty(struct conn *c)
{
    ring_give(c->net, c->out);
    c->out = NULL;
    out_unblock(c);
}

static void out_written(struct conn *c)
{
    if (c->state == CONN_HTTP)
        http_written(c);
    else if (c->state == CONN_WS)
        ws_written(c);
}

void out_flush(struct conn *c)
{
    bool moved = false;
    if (c->fd < 0) {
        pull_ready(c);
        return;
    }
    while (c->out && c->out->count) {
        const uint8_t *p;
        size_t n = out_next(c, &p);
        ssize_t put = n ? conn_send(c, p, n) : 0;
        if (put < 0 && put != -EAGAIN) {
            conn_die(c, 1006);
            return;
        }
        if (put > 0) {
            moved = true;
            c->moved_ms = loop_now();
            out_took(c, (size_t)put);
        }
        if (put < 0 || ((size_t)put < n && !c->tls)) {
            out_block(c, moved);
            break;
        }
    }
    if (c->out && !c->out->count)
        out_empty(c);
    if (moved)
        out_written(c);
}

/* ---- without a socket ---- */

void out_wait(struct conn *c)
{
    if (c->out)
        out_block(c, false);
}

size_t out_pull(struct conn *c, size_t room, void (*each)(void *to, const struct frame *f),
                void *to)
{
    size_t took = 0;
    while (c->out && c->out->count) {
        const struct frame *f = out_at(c->out, 0);
        if (took && took + f->len > room)
            break;
        took += f->len;
        each(to, f);
        out_pop(c);
    }
    if (took && c->out->count && c->blocked) {
        c->moved_ms = loop_now();
        out_block(c, true);
    } else if (took && !c->out->count) {
        out_empty(c);
    }
    return took;
}

/* ---- limits over time and over all ---- */

static bool out_too_old(const struct conn *c, int64_t now)
{
    if (c->state != CONN_WS || c->closing)
        return false;
    const struct frame *f = out_at(c->out, 0);
    int64_t since = f->lane == WS_REPLAY && c->moved_ms > f->at_ms ? c->moved_ms : f->at_ms;
    return now - since > (int64_t)net_limits.queue_age_ms;
}

void out_check_slow(struct net_loop *net, int64_t now)
{
    struct folding *folding = net->slow_head ? fold_begin() : NULL;
    for (struct conn *c = net->slow_head, *next; c; c = next) {
        next = c->slow_next;
        if (c->state == CONN_DEAD || !c->out)
            continue;
        if (out_too_old(c, now))
            ws_slow(c, QUEUE_AGE);
        else if (c->state == CONN_HTTP && now - c->moved_ms > STALL_MS)
            conn_reset(c);
        else if (!c->tls)
            fold_queue(folding, c, now);
    }
    if (folding)
        fold_end(folding);
}

void out_check_total(struct net_loop *net)
{
    for (struct conn *c = net->slow_head, *next; c; c = next) {
        if (atomic_load_explicit(&net_queued_total, memory_order_relaxed) <= net_limits.queue_total)
            return;
        next = c->slow_next;
        if (c->state == CONN_WS && !c->closing)
            ws_slow(c, QUEUE_ALL);
    }
}

void out_finish(struct net_loop *net)
{
    out_uncache(net);
    free(net->joined.of);
    for (unsigned k = 0; k < 4; k++)
        while (net->free_outq[k]) {
            struct outq *q = net->free_outq[k];
            net->free_outq[k] = q->next_free;
            free(q);
        }
}
