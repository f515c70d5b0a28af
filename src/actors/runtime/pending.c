/*
 * What actors wait for: asks, expectations, timers and monitors, one struct pending each, found by
 * its ref, by the actor it is about and by its deadline. Exactly one mail removes it: an answer, a
 * deadline and an end may all be on their way, the first to be read wins and the others find
 * nothing.
 */
#include <stdlib.h>

#include "runtime.h"

#if defined(__SANITIZE_ADDRESS__) /* as in mail.c */
static const uint32_t free_pending_max = 0;
#else
static const uint32_t free_pending_max = 1024;
#endif
#define NO_DEADLINE UINT32_MAX

/* ---- the heap of deadlines ---- */

static bool due_before(const struct due *a, const struct due *b)
{
    return a->at != b->at ? a->at < b->at : (int32_t)(a->p->ref - b->p->ref) < 0;
}

static void due_put(struct pendings *t, uint32_t i, struct due d)
{
    t->heap[i] = d;
    d.p->due = i + 1;
}

static void due_up(struct pendings *t, uint32_t i, struct due d)
{
    while (i && due_before(&d, &t->heap[(i - 1) / 2])) {
        due_put(t, i, t->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    due_put(t, i, d);
}

static void due_down(struct pendings *t, uint32_t i, struct due d)
{
    uint32_t child;
    while ((child = 2 * i + 1) < t->due_count) {
        if (child + 1 < t->due_count && due_before(&t->heap[child + 1], &t->heap[child]))
            child++;
        if (!due_before(&t->heap[child], &d))
            break;
        due_put(t, i, t->heap[child]);
        i = child;
    }
    due_put(t, i, d);
}

static void due_add(struct loop *l, struct pending *p, int64_t at)
{
    struct pendings *t = &l->pendings;
    if (t->due_count == t->due_cap) {
        t->due_cap = t->due_cap ? t->due_cap * 2 : 64;
        t->heap = xrealloc(t->heap, t->due_cap * sizeof(*t->heap));
    }
    due_up(t, t->due_count++, (struct due){.at = at, .p = p});
    count32(&l->timers, 1);
}

static void due_remove(struct loop *l, struct pending *p)
{
    struct pendings *t = &l->pendings;
    if (!p->due)
        return;
    uint32_t i = p->due - 1;
    struct due last = t->heap[--t->due_count];
    p->due = 0;
    count32(&l->timers, -1);
    if (i == t->due_count)
        return;
    if (i && due_before(&last, &t->heap[(i - 1) / 2]))
        due_up(t, i, last);
    else
        due_down(t, i, last);
}

int64_t pending_next_due(const struct loop *l)
{
    return l->pendings.due_count ? l->pendings.heap[0].at : INT64_MAX;
}

/* ---- the two hash tables: chains of pendings, as many as pendings ---- */

static struct pending **ref_chain(const struct pendings *t, actor_ref ref)
{
    return &t->by_ref[ref & t->mask]; /* refs count up: neighbours never share a chain */
}

static struct pending **target_chain(const struct pendings *t, actor_id target)
{
    return &t->by_target[(target * UINT64_C(0x9e3779b97f4a7c15) >> 32) & t->mask];
}

static void target_link(struct pendings *t, struct pending *p)
{
    struct pending **chain = target_chain(t, p->target);
    p->target_next = *chain;
    p->target_pprev = chain;
    if (*chain)
        (*chain)->target_pprev = &p->target_next;
    *chain = p;
}

static void ref_link(struct pendings *t, struct pending *p)
{
    struct pending **chain = ref_chain(t, p->ref);
    p->ref_next = *chain;
    *chain = p;
}

static void tables_grow(struct pendings *t)
{
    struct pending **old = t->by_ref, **old_target = t->by_target;
    uint32_t n = old ? t->mask + 1 : 0, size = n ? n * 2 : 64;
    t->by_ref = xcalloc(size, sizeof(struct pending *));
    t->by_target = xcalloc(size, sizeof(struct pending *));
    t->mask = size - 1;
    for (uint32_t i = 0; i < n; i++)
        for (struct pending *p = old[i], *next; p; p = next) {
            next = p->ref_next;
            ref_link(t, p);
            if (p->target_pprev)
                target_link(t, p);
        }
    free(old);
    free(old_target);
}

/* ---- one pending ---- */

static actor_ref ref_make(struct pendings *t)
{
    for (;;) {
        if (++t->last_ref == 0)
            continue;
        struct pending *p = *ref_chain(t, t->last_ref);
        while (p && p->ref != t->last_ref)
            p = p->ref_next;
        if (!p)
            return t->last_ref;
    }
}

struct pending *pending_add(struct loop *l, struct actor *a, enum pending_kind kind, uint32_t ms,
                            actor_step *step)
{
    struct pendings *t = &l->pendings;
    assert(id_loop(a->id) == l->index);
    if (a->ended || t->count >= PENDING_MAX)
        return NULL;
    if (!t->by_ref || t->count > t->mask)
        tables_grow(t);
    struct pending *p = t->free;
    if (p) {
        t->free = p->ref_next;
        t->free_count--;
    } else {
        p = xmalloc(sizeof(*p));
    }
    *p = (struct pending){.owner = a, .step = step, .kind = kind, .ref = ref_make(t)};
    t->count++;
    ref_link(t, p);
    p->own_next = a->pending;
    p->own_pprev = &a->pending;
    if (a->pending)
        a->pending->own_pprev = &p->own_next;
    a->pending = p;
    if (ms != NO_DEADLINE)
        due_add(l, p, loop_now() + ms);
    return p;
}

void pending_watch(struct loop *l, struct pending *p, actor_id target)
{
    p->target = target;
    target_link(&l->pendings, p);
}

struct pending *pending_find(struct loop *l, actor_id who, actor_ref ref)
{
    const struct pendings *t = &l->pendings;
    struct pending *p = t->by_ref ? *ref_chain(t, ref) : NULL;
    while (p && p->ref != ref)
        p = p->ref_next;
    return p && p->owner->id == who ? p : NULL;
}

void pending_remove(struct loop *l, struct pending *p)
{
    struct pendings *t = &l->pendings;
    struct pending **at = ref_chain(t, p->ref);
    while (*at != p)
        at = &(*at)->ref_next;
    *at = p->ref_next;
    *p->own_pprev = p->own_next;
    if (p->own_next)
        p->own_next->own_pprev = p->own_pprev;
    if (p->target_pprev) {
        *p->target_pprev = p->target_next;
        if (p->target_next)
            p->target_next->target_pprev = p->target_pprev;
    } else if (p->job) {
        job_abandon(p->job);
    }
    due_remove(l, p);
    t->count--;
    if (t->free_count >= free_pending_max) {
        free(p);
        return;
    }
    p->ref_next = t->free;
    t->free = p;
    t->free_count++;
}

void pendings_finish(struct loop *l)
{
    struct pendings *t = &l->pendings;
    assert(t->count == 0);
    while (t->free) {
        struct pending *p = t->free;
        t->free = p->ref_next;
        free(p);
    }
    free(t->by_ref);
    free(t->by_target);
    free(t->heap);
    *t = (struct pendings){0};
}

/* ---- the ways in which waiting ends ---- */

static void tell_owner(struct loop *l, const struct pending *p, msg_kind kind, int status)
{
    struct msg m = {.kind = kind, .status = status, .ref = p->ref};
    actor_enqueue(l, p->owner, mail_make(MAIL_ANSWER, p->owner->id, m));
}

void pending_target_ended(struct loop *l, actor_id target, int result)
{
    if (!l->pendings.by_ref)
        return;
    for (struct pending *p = *target_chain(&l->pendings, target); p; p = p->target_next) {
        if (p->target != target)
            continue;
        if (p->kind == PENDING_MONITOR)
            tell_owner(l, p, MSG_DOWN, result);
        else
            tell_owner(l, p, MSG_REPLY, -ESRCH);
    }
}

void pending_run_due(struct loop *l, int64_t now)
{
    while (pending_next_due(l) <= now) {
        struct pending *p = l->pendings.heap[0].p;
        due_remove(l, p);
        if (p->kind == PENDING_TIMER) {
            tell_owner(l, p, MSG_TIMER, 0);
        } else {
            count64(&l->asks_timed_out, 1);
            tell_owner(l, p, MSG_REPLY, -ETIMEDOUT);
        }
    }
}

/* ---- what actors call ---- */

int actor_ask(struct actor *self, actor_id to, msg_kind kind, struct body *body, uint32_t ms,
              actor_step *next)
{
    struct loop *l = loop_here;
    struct pending *p = pending_add(l, self, PENDING_ASK, ms ? ms : NO_DEADLINE, next);
    if (!p) {
        body_unref(body);
        return -ENOBUFS;
    }
    pending_watch(l, p, to);
    struct msg m = {.kind = kind, .from = self->id, .ref = p->ref, .body = body};
    if (loop_at(id_loop(to))) {
        mail_post(mail_make(MAIL_MESSAGE, to, m));
    } else {
        body_unref(body);
        tell_owner(l, p, MSG_REPLY, -ESRCH);
    }
    return 0;
}

void actor_reply(const struct msg *question, int status, struct body *body)
{
    if (!question->from || !question->ref) {
        body_unref(body);
        return;
    }
    struct msg m = {.kind = MSG_REPLY, .status = status, .ref = question->ref, .body = body};
    mail_post(mail_make(MAIL_ANSWER, question->from, m));
}

actor_ref actor_expect(struct actor *self, uint32_t ms, actor_step *next)
{
    struct pending *p = pending_add(loop_here, self, PENDING_EXPECT, ms ? ms : NO_DEADLINE, next);
    return p ? p->ref : 0;
}

void actor_complete(actor_id who, actor_ref ref, int status, struct body *body)
{
    struct msg m = {.kind = MSG_REPLY, .status = status, .ref = ref, .body = body};
    mail_post(mail_make(MAIL_ANSWER, who, m));
}

bool actor_awaits(actor_id who, actor_ref ref)
{
    assert(loop_here && id_loop(who) == loop_here->index);
    return pending_find(loop_here, who, ref) != NULL;
}

actor_ref actor_after(struct actor *self, uint32_t ms, actor_step *next)
{
    uint32_t most = NO_DEADLINE - 1;
    struct pending *p = pending_add(loop_here, self, PENDING_TIMER, ms < most ? ms : most, next);
    return p ? p->ref : 0;
}

void actor_cancel(struct actor *self, actor_ref ref)
{
    struct pending *p = pending_find(loop_here, self->id, ref);
    if (p)
        pending_remove(loop_here, p);
}

actor_ref actor_monitor(struct actor *self, actor_id who, actor_step *next)
{
    struct loop *l = loop_here;
    struct pending *p = pending_add(l, self, PENDING_MONITOR, NO_DEADLINE, next);
    if (!p)
        return 0;
    pending_watch(l, p, who);
    struct msg m = {.from = self->id, .ref = p->ref};
    if (loop_at(id_loop(who)))
        mail_post(mail_make(MAIL_WATCH, who, m));
    else
        tell_owner(l, p, MSG_DOWN, -ESRCH);
    return p->ref;
}
