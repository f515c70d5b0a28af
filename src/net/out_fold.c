/*
 * Long queues of many small frames, made short: all frames that a blocked connection got in one
 * past second become one frame, and because the other slow members of a channel wait for the very
 * same ones, they share it. So a thousand members that never read cost what is said to them once,
 * not a thousand lists of it. What was made is remembered only while one pass goes over the slow
 * connections: it holds references, so a pointer in it means the frame it meant.
 */
#include <stdlib.h>
#include <string.h>

#include "net/net.h"

#define FOLD_MIN 64u /* frames of a queue, before it is looked at */
#define RUN_MIN 8u   /* frames of one second, before they are joined */
#define SHARED_MIN                                                                                 \
    4u /* references of a frame: fewer, and joining would copy what nobody else takes */
#define FOLDS_MAX 256u /* remembered in one pass */
#define FOLD_BYTES_MAX (1u << 20)

struct fold {
    struct frame *made, **of; /* references */
    uint32_t count;
};

struct folding {
    struct fold folds[FOLDS_MAX];
    uint32_t count, room;
    struct frame **queue; /* one connection's, in order */
};

struct folding *fold_begin(void)
{
    return xcalloc(1, sizeof(struct folding));
}

void fold_end(struct folding *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        for (uint32_t k = 0; k < g->folds[i].count; k++)
            frame_unref(g->folds[i].of[k]);
        free(g->folds[i].of);
        frame_unref(g->folds[i].made);
    }
    free(g->queue);
    free(g);
}

static struct frame *fold_known(const struct folding *g, struct frame *const *run, uint32_t n)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (g->folds[i].count == n && memcmp(g->folds[i].of, run, n * sizeof(*run)) == 0)
            return g->folds[i].made;
    return NULL;
}

static struct frame *fold_make(struct folding *g, struct frame *const *run, uint32_t n)
{
    size_t len = 0, at = 0;
    for (uint32_t i = 0; i < n; i++)
        len += run[i]->len;
    if (g->count == FOLDS_MAX || run[0]->refs < SHARED_MIN || len > FOLD_BYTES_MAX)
        return NULL;
    struct body *body = body_alloc(len);
    struct fold *fold = &g->folds[g->count++];
    fold->of = xmalloc(n * sizeof(*run));
    fold->count = n;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(body->bytes + at, run[i]->bytes, run[i]->len);
        at += run[i]->len;
        fold->of[i] = frame_ref(run[i]);
    }
    fold->made = frame_make(body, WS_DURABLE);
    fold->made->at_ms = run[0]->at_ms;
    return fold->made;
}

static int64_t second_of(const struct frame *f)
{
    return f->at_ms / 1000;
}

/* How many frames from queue[i] on are durable ones of the same second. */
static uint32_t run_length(struct frame *const *queue, uint32_t i, uint32_t n)
{
    uint32_t j = i;
    while (j < n && queue[j]->lane == WS_DURABLE && queue[j]->counted &&
           second_of(queue[j]) == second_of(queue[i]))
        j++;
    return j - i;
}

static void queue_copy(struct folding *g, const struct outq *q)
{
    if (g->room < q->count) {
        g->room = q->cap;
        g->queue = xrealloc(g->queue, g->room * sizeof(*g->queue));
    }
    for (uint32_t i = 0; i < q->count; i++)
        g->queue[i] = q->f[(q->head + i) & (q->cap - 1)];
}

/* Only whole seconds: those of the first frame and of now are cut differently in every queue. */
void fold_queue(struct folding *g, struct conn *c, int64_t now)
{
    struct outq *q = c->out;
    if (q->count < FOLD_MIN)
        return;
    queue_copy(g, q);
    uint32_t n = q->count, put = 0;
    int64_t first = second_of(g->queue[0]);
    q->head = 0;
    for (uint32_t i = 0, run; i < n; i += run) {
        run = run_length(g->queue, i, n);
        bool whole = i > 0 && run >= RUN_MIN && second_of(g->queue[i]) > first &&
                     second_of(g->queue[i]) < now / 1000;
        struct frame *one = whole ? fold_known(g, g->queue + i, run) : NULL;
        if (whole && !one)
            one = fold_make(g, g->queue + i, run);
        if (one) {
            q->f[put++] = frame_ref(one);
            for (uint32_t k = 0; k < run; k++)
                frame_unref(g->queue[i + k]);
        } else {
            run = run ? run : 1;
            for (uint32_t k = 0; k < run; k++)
                q->f[put++] = g->queue[i + k];
        }
    }
    q->count = put;
}
