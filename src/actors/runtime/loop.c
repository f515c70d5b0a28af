/*
 * One loop and its turn. Everything of a turn after its I/O runs in a prepare handle, right before
 * the next poll: inbox, timers, ready actors, turn-end hooks; so whatever libuv calls at whatever
 * point, nothing it made ready or gathered waits through a poll. The poll blocks only when nothing
 * is left.
 */
#include <stdlib.h>

#include "runtime.h"
#include "stacgate/ids.h"

_Thread_local struct loop *loop_here;

#define LAG_LOG_EVERY_MS 1000
#define LATELY_MS 10000

static void on_wake(uv_async_t *h)
{
    (void)h; /* the turn that follows does the work */
}
static void on_idle(uv_idle_t *h)
{
    (void)h; /* it only keeps the poll from blocking */
}

static void on_timer(uv_timer_t *h)
{
    struct loop *l = h->data;
    l->timer_at = INT64_MAX; /* no longer armed; the turn that follows finds what is due */
}

uint64_t loop_random(struct loop *l) /* xorshift64* */
{
    l->random ^= l->random >> 12;
    l->random ^= l->random << 25;
    l->random ^= l->random >> 27;
    return l->random * UINT64_C(0x2545f4914f6cdd1d);
}

static void watch_lag(struct loop *l)
{
    uv_update_time(&l->uv);
    int64_t now = loop_now(), lag = now - l->turn_start;
    histogram_note(&l->turn_ms, &scale_ms, (uint64_t)lag);
    __atomic_store_n(&l->turned_ms, (uint64_t)now, __ATOMIC_RELAXED);
    if (lag < LAG_WARN_MS)
        return;
    count64(&l->lag_warnings, 1);
    lately_note(&l->lag_lately, (uint32_t)(now / LATELY_MS), (uint32_t)lag);
    if (lag > atomic_load_explicit(&l->lag_max_ms, memory_order_relaxed))
        atomic_store_explicit(&l->lag_max_ms, (uint32_t)lag, memory_order_relaxed);
    if (l->lag_logged && now - l->lag_logged < LAG_LOG_EVERY_MS)
        return;
    l->lag_logged = now;
    log_msg(LOG_WARN, "loop_lag", "loop %u stood %u ms", l->index, (unsigned)lag);
}

static void arm_timer(struct loop *l)
{
    int64_t at = pending_next_due(l), now = loop_now();
    if (at == l->timer_at)
        return;
    l->timer_at = at;
    if (at == INT64_MAX)
        uv_timer_stop(&l->timer);
    else
        uv_timer_start(&l->timer, on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

/* Says that the poll may block, unless something is left to do; mail that comes from now on wakes
 * it. */
static void fall_asleep(struct loop *l)
{
    bool busy = actors_ready(l) || runtime_moves(l);
    if (!busy) {
        atomic_store(&l->asleep, true);
        busy = atomic_load(&l->inbox) != NULL;
        if (busy)
            atomic_store(&l->asleep, false);
    }
    if (busy)
        uv_idle_start(&l->idle, on_idle);
    else
        uv_idle_stop(&l->idle);
}

static void on_prepare(uv_prepare_t *h)
{
    struct loop *l = h->data;
    l->turn++;
    count64(&l->turns, 1);
    inbox_drain(l);
    runtime_turn(l);
    pending_run_due(l, loop_now());
    actors_run(l);
    for (uint32_t i = 0; i < l->hook_count; i++)
        l->hooks[i].call(l->hooks[i].arg);
    watch_lag(l);
    arm_timer(l);
    fall_asleep(l);
}

/* After the poll: its time is when this turn began. */
static void on_check(uv_check_t *h)
{
    struct loop *l = h->data;
    atomic_store_explicit(&l->asleep, false, memory_order_relaxed);
    l->turn_start = loop_now();
}

void loop_wake(struct loop *l)
{
    uv_async_send(&l->wake);
}

/* ---- beginning and end ---- */

void loop_init(struct loop *l, unsigned index, uint64_t shuffle_seed)
{
    l->index = index;
    l->ready_end = &l->ready;
    l->later_end = &l->later;
    l->timer_at = INT64_MAX;
    if (shuffle_seed) {
        l->random = shuffle_seed + index * UINT64_C(0x9e3779b97f4a7c15);
        l->random = l->random ? l->random : 1;
    }
    registry_init(&l->registry);
    int err = uv_loop_init(&l->uv);
    err = err ? err : uv_async_init(&l->uv, &l->wake, on_wake);
    assert(err == 0); /* out of descriptors before anything began */
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->timer);
    uv_timer_init(&l->uv, &l->deadline);
    l->prepare.data = l->check.data = l->timer.data = l->deadline.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    l->turn_start = (int64_t)uv_now(&l->uv);
}

static void close_left(uv_handle_t *h, void *arg)
{
    const struct loop *l = arg;
    if (uv_is_closing(h))
        return;
    log_msg(LOG_ERROR, "handle_left", "loop %u: a service left an open %s handle behind", l->index,
            uv_handle_type_name(h->type));
    uv_close(h, NULL);
}

static void on_grace_over(uv_timer_t *h)
{
    uv_close((uv_handle_t *)h, NULL);
    uv_walk(h->loop, close_left, h->data);
}

/* Closing handles and running jobs of the thread pool get their callbacks; handles that nobody
 * closes are named and closed. */
void loop_run_out(struct loop *l)
{
    uv_handle_t *own[] = {(uv_handle_t *)&l->wake, (uv_handle_t *)&l->prepare,
                          (uv_handle_t *)&l->check, (uv_handle_t *)&l->idle,
                          (uv_handle_t *)&l->timer};
    for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        uv_close(own[i], NULL);
    uv_timer_start(&l->deadline, on_grace_over, 1000, 0);
    uv_unref((uv_handle_t *)&l->deadline);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    if (!uv_is_closing((uv_handle_t *)&l->deadline))
        on_grace_over(&l->deadline);
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_finish(struct loop *l)
{
    inbox_drain(l);
    int err = uv_loop_close(&l->uv);
    assert(err == 0);
    assert(l->job_count == 0 && l->actors == 0);
    pendings_finish(l);
    registry_finish(&l->registry);
    mail_pool_finish(l);
    free(l->slots.at);
    free(l->named.at);
    free(l->shuffled);
}

/* ---- what services and actors call ---- */

unsigned loop_index(void)
{
    assert(loop_here);
    return loop_here->index;
}

uv_loop_t *loop_uv(void)
{
    assert(loop_here);
    return &loop_here->uv;
}

int64_t loop_now(void)
{
    assert(loop_here);
    return (int64_t)uv_now(&loop_here->uv);
}

void loop_at_turn_end(void (*hook)(void *arg), void *arg)
{
    struct loop *l = loop_here;
    assert(l && l->hook_count < HOOKS_MAX);
    l->hooks[l->hook_count++] = (struct hook){.call = hook, .arg = arg};
}

void loop_set_actor(unsigned index, actor_id who)
{
    assert(loop_here && index < LOOP_ACTORS);
    atomic_store(&loop_here->singletons[index], who);
}

actor_id loop_actor(unsigned loop, unsigned index)
{
    struct loop *l = loop_at(loop);
    assert(index < LOOP_ACTORS);
    return l ? atomic_load(&l->singletons[index]) : 0;
}

void loop_stats(unsigned loop, struct loop_stats *ret)
{
    struct loop *l = loop_at(loop);
    *ret = (struct loop_stats){0};
    if (!l)
        return;
#define READ(field) ret->field = atomic_load_explicit(&l->field, memory_order_relaxed)
    READ(turns);
    READ(messages);
    READ(messages_remote);
    READ(mail_refused);
    READ(asks_timed_out);
    READ(lag_warnings);
    READ(actors);
    READ(timers);
    READ(lag_max_ms);
#undef READ
    int64_t now = mono_ms(), turned = 0;
    tally_read(&turned, &l->turned_ms, sizeof(l->turned_ms));
    ret->lag_lately_ms = lately_most(&l->lag_lately, (uint32_t)(now / LATELY_MS));
    ret->still_ms = turned && turned < now ? (uint64_t)(now - turned) : 0;
    tally_read(&ret->mail_waiting, &l->mail_waiting, sizeof(l->mail_waiting));
    tally_read(&ret->mailbox_max, &l->mailbox_max, sizeof(l->mailbox_max));
    tally_read(&ret->mailbox, &l->mailbox, sizeof(l->mailbox));
    tally_read(&ret->turn, &l->turn_ms, sizeof(l->turn_ms));
}
