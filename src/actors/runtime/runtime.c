/*
 * The runtime: N loops through the phases of a life, together. Loop 0 says which phase it is; every
 * loop goes through it once, on its own thread, and says so; only when all have does loop 0 think
 * of the next. So no service stops while an actor lives anywhere, and no loop is freed that mail
 * may reach.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

enum phase {
    PHASE_START, /* services start */
    PHASE_RUN,
    PHASE_DRAIN, /* services take no new work; actors that drain finish theirs */
    PHASE_END,   /* all actors end */
    PHASE_STOP,  /* services stop */
    PHASE_EXIT,  /* loops stop */
};

static struct runtime {
    const struct runtime_options *options;
    struct loop *loops[LOOPS_MAX];
    _Atomic unsigned count; /* 0: not running */
    _Atomic int phase;
    _Atomic unsigned arrived;     /* loops that have gone through it */
    _Atomic int error;            /* of the first service that did not start */
    _Atomic int drains_alive;     /* actors of types that drain */
    _Atomic int drain_requests;   /* kept until the next run if none is under way */
    _Atomic int signallers;       /* runtime_drain calls under way */
    _Atomic(struct loop *) first; /* loop 0 while it may be woken by them */
    int64_t drain_until;
} rt;

struct loop *loop_at(unsigned index)
{
    return index < atomic_load_explicit(&rt.count, memory_order_acquire) ? rt.loops[index] : NULL;
}

unsigned loop_count(void)
{
    return atomic_load_explicit(&rt.count, memory_order_acquire);
}

bool runtime_draining(void)
{
    return atomic_load(&rt.drain_requests) > 0 || atomic_load(&rt.phase) >= PHASE_DRAIN;
}

/*
 * May come from a signal handler on any thread at any time: loop 0 is not taken down while one is
 * in here, and the handler's own thread cannot be the one that waits for it.
 */
void runtime_drain(void)
{
    int saved = errno;
    atomic_fetch_add(&rt.drain_requests, 1);
    atomic_fetch_add(&rt.signallers, 1);
    struct loop *first = atomic_load(&rt.first);
    if (first)
        loop_wake(first);
    atomic_fetch_sub(&rt.signallers, 1);
    errno = saved;
}

void runtime_drains_count(int by)
{
    if (atomic_fetch_add(&rt.drains_alive, by) + by == 0 && by < 0 &&
        atomic_load(&rt.phase) == PHASE_DRAIN)
        loop_wake(rt.loops[0]);
}

/* ---- one loop's way through a phase ---- */

static void services_start(struct loop *l)
{
    const struct loop_service *const *s = rt.options->services;
    for (; s && s[l->services_started]; l->services_started++) {
        const struct loop_service *service = s[l->services_started];
        int r = service->start ? service->start(l->index) : 0;
        if (r < 0) {
            int none = 0;
            atomic_compare_exchange_strong(&rt.error, &none, r);
            return;
        }
    }
}

static void services_drain(struct loop *l)
{
    for (unsigned i = 0; i < l->services_started; i++)
        if (rt.options->services[i]->drain)
            rt.options->services[i]->drain(l->index);
    actors_stop(l);
}

static void services_stop(struct loop *l)
{
    while (l->services_started > 0) {
        const struct loop_service *service = rt.options->services[--l->services_started];
        if (service->stop)
            service->stop(l->index);
    }
    l->hook_count = 0;
}

static void end_all(struct loop *l)
{
    l->closing = true;
    registry_close(&l->registry);
    actors_end(l);
}

static void go_through(struct loop *l, enum phase phase)
{
    switch (phase) {
    case PHASE_START:
        services_start(l);
        break;
    case PHASE_RUN:
        break;
    case PHASE_DRAIN:
        services_drain(l);
        break;
    case PHASE_END:
        end_all(l);
        break;
    case PHASE_STOP:
        services_stop(l);
        break;
    case PHASE_EXIT:
        uv_stop(&l->uv);
        break;
    }
    l->phase = (int)phase;
    if (atomic_fetch_add(&rt.arrived, 1) + 1 == loop_count() && l->index != 0)
        loop_wake(rt.loops[0]);
}

/* ---- loop 0 leads ---- */

static void on_deadline(uv_timer_t *h)
{
    (void)h; /* the turn that follows sees what time it is */
}

static void enter(struct loop *l, enum phase phase)
{
    if (phase == PHASE_DRAIN) {
        rt.drain_until = loop_now() + rt.options->drain_ms;
        uv_timer_start(&l->deadline, on_deadline, rt.options->drain_ms, 0);
    }
    atomic_store(&rt.arrived, 0);
    atomic_store(&rt.phase, (int)phase);
    for (unsigned i = 1; i < loop_count(); i++)
        loop_wake(rt.loops[i]);
}

static bool drained(void)
{
    return atomic_load(&rt.drains_alive) == 0 || loop_now() >= rt.drain_until ||
           atomic_load(&rt.drain_requests) > 1;
}

/* The phase that follows `phase` now that all loops went through it; the same one: not yet. */
static enum phase next_phase(enum phase phase)
{
    switch (phase) {
    case PHASE_START:
        return atomic_load(&rt.error) ? PHASE_END : PHASE_RUN;
    case PHASE_RUN:
        return atomic_load(&rt.drain_requests) ? PHASE_DRAIN : PHASE_RUN;
    case PHASE_DRAIN:
        return drained() ? PHASE_END : PHASE_DRAIN;
    case PHASE_END:
        return PHASE_STOP;
    default:
        return PHASE_EXIT;
    }
}

static bool all_arrived(void)
{
    return atomic_load(&rt.arrived) == loop_count();
}

bool runtime_moves(const struct loop *l)
{
    int phase = atomic_load(&rt.phase);
    if (phase != l->phase)
        return true;
    return l->index == 0 && all_arrived() && (int)next_phase((enum phase)phase) != phase;
}

void runtime_turn(struct loop *l)
{
    enum phase phase = (enum phase)atomic_load(&rt.phase);
    if (l->index == 0 && (int)phase == l->phase && all_arrived()) {
        enum phase next = next_phase(phase);
        if (next != phase)
            enter(l, next);
        if (phase == PHASE_START && next == PHASE_RUN && rt.options->ready)
            rt.options->ready();
        phase = next;
    }
    if ((int)phase != l->phase)
        go_through(l, phase);
}

/* ---- run ---- */

static void loop_main(void *arg)
{
    struct loop *l = arg;
    loop_here = l;
    uv_update_time(&l->uv);
    go_through(l, PHASE_START);
    uv_update_time(&l->uv);
    l->turn_start = loop_now(); /* a slow start is no lag */
    uv_run(&l->uv, UV_RUN_DEFAULT);
    loop_here = NULL;
}

/* Every loop's last callbacks run on this thread, one loop after the other: no other thread is
 * left. */
static void finish(unsigned count)
{
    atomic_store(&rt.first, NULL);
    while (atomic_load(&rt.signallers))
        ; /* a signal handler on another thread: a few instructions */
    for (unsigned i = 0; i < count; i++) {
        loop_here = rt.loops[i];
        loop_run_out(rt.loops[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        loop_here = rt.loops[i];
        loop_finish(rt.loops[i]);
    }
    loop_here = NULL;
    atomic_store(&rt.count, 0);
    for (unsigned i = 0; i < count; i++)
        free(rt.loops[i]);
    atomic_store(&rt.phase, PHASE_START);
    atomic_store(&rt.drain_requests, 0);
}

int runtime_run(const struct runtime_options *o)
{
    assert(o->loops >= 1 && o->loops <= LOOPS_MAX && !loop_here && !loop_count());
    rt.options = o;
    rt.arrived = 0;
    rt.error = 0;
    rt.drains_alive = 0;
    rt.phase = PHASE_START;
    for (unsigned i = 0; i < o->loops; i++) {
        rt.loops[i] = aligned_alloc(64, sizeof(struct loop));
        assert(rt.loops[i]);
        memset(rt.loops[i], 0, sizeof(struct loop));
        loop_init(rt.loops[i], i, o->shuffle_seed);
    }
    atomic_store(&rt.count, o->loops);
    atomic_store(&rt.first, rt.loops[0]);
    for (unsigned i = 1; i < o->loops; i++) {
        int err = uv_thread_create(&rt.loops[i]->thread, loop_main, rt.loops[i]);
        assert(err == 0); /* no threads at start: nothing to be saved */
    }
    loop_main(rt.loops[0]);
    for (unsigned i = 1; i < o->loops; i++)
        uv_thread_join(&rt.loops[i]->thread);
    finish(o->loops);
    return atomic_load(&rt.error);
}
