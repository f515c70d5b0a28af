/*
 * The pool of one loop: lanes, the queue in front of each, who gets which connection, and what is
 * told when the database goes and comes. A group waits only while its lane has a good connection;
 * otherwise it is refused at once and nothing was done.
 */
#include "pool.h"

enum { TICK_MS = 250, STUCK_GRACE_MS = 5000 };

struct db_options db_options;
_Thread_local struct pool *db_pool;
static struct lane_counters counters[LOOPS_MAX][DB_LANES]; /* outlive the loops */

struct lane_counters *lane_counters(const struct lane *l)
{
    return &counters[loop_index()][l->which];
}

void db_configure(const struct db_options *o)
{
    free((char *)(uintptr_t)db_options.conninfo);
    db_options = *o;
    db_options.conninfo = xstrdup(o->conninfo);
    for (unsigned i = 0; i < DB_LANES; i++) {
        assert(o->connections[i] >= 1 && o->connections[i] <= CONNECTIONS_MAX && o->depth[i] >= 1);
        assert(i != DB_SLOW || o->depth[i] == 1);
    }
    connect_options_make();
}

/* ---- groups ---- */

void pool_finish_group(struct lane *l, struct db_group *g, int status, struct body *body)
{
    (void)l;
    actor_complete(g->who, g->ref, status, body);
    group_free(g);
}

static struct db_group *dequeue(struct lane *l)
{
    struct db_group *g = l->first;

    l->first = g->next;
    if (!l->first)
        l->last = NULL;
    l->waiting--;
    COUNT(l, waiting, -1u);
    return g;
}

static void enqueue(struct lane *l, struct db_group *g)
{
    g->next = NULL;
    if (l->last)
        l->last->next = g;
    else
        l->first = g;
    l->last = g;
    l->waiting++;
    COUNT(l, waiting, 1);
}

void pool_requeue(struct lane *l, struct db_group *g)
{
    g->next = l->first;
    l->first = g;
    if (!l->last)
        l->last = g;
    l->waiting++;
    COUNT(l, waiting, 1);
}

/* The good connection with the fewest transactions in flight; NULL: all are full. */
static struct conn *choose(struct lane *l)
{
    struct conn *best = NULL;

    for (struct conn *c = l->conns; c; c = c->next)
        if (c->state == CONN_GOOD && !c->cancel && c->in_flight < db_options.depth[l->which] &&
            (!best || c->in_flight < best->in_flight))
            best = c;
    return best;
}

/* Nobody waits for these any more: their askers ended, or their time is over. */
static void drop_stale(struct lane *l)
{
    struct db_group *g = l->first;

    l->first = l->last = NULL;
    COUNT(l, waiting, -l->waiting);
    l->waiting = 0;
    while (g) {
        struct db_group *next = g->next;
        if (actor_awaits(g->who, g->ref))
            enqueue(l, g);
        else
            group_free(g);
        g = next;
    }
}

/* Those that go next, in one transaction: durable writes wait while every connection waits for the
 * disk, and one flush is good for them all. NULL: nobody waits for an answer any more. */
static struct db_group *dequeue_convoy(struct lane *l)
{
    struct db_group *list = NULL, **end = &list;
    unsigned n = 0, max = l->which == DB_WRITE ? CONVOY_MAX : 1;

    while (l->first && n < max && !(n && l->first->alone)) {
        struct db_group *g = dequeue(l);
        if (!actor_awaits(g->who, g->ref)) {
            group_free(g);
            continue;
        }
        g->next = NULL;
        *end = g;
        end = &g->next;
        n = g->alone ? max : n + 1;
    }
    return list;
}

void pool_pump(struct lane *l)
{
    struct conn *c;

    while (l->first && (c = choose(l))) {
        struct db_group *list = dequeue_convoy(l);
        if (list)
            conn_submit(c, list);
    }
}

static void refuse(struct lane *l, struct db_group *g)
{
    COUNT(l, refused, 1);
    pool_finish_group(l, g, g->bad ? -EPROTO : -EUNAVAILABLE_DB, NULL);
}

static void on_tick(uv_timer_t *timer);

int db_ask(struct actor *self, struct db_group *g, uint32_t ms, actor_step *next)
{
    struct pool *p = db_pool;
    struct lane *l = &p->lanes[g->lane];

    assert(g->statement_count > 0 && !g->in_array);
    g->who = actor_self(self);
    g->ref = actor_expect(self, ms, next);
    g->asked_us = mono_us();
    if (!g->ref) {
        group_free(g);
        return -ENOBUFS;
    }
    if (l->waiting >= db_options.queue_max)
        drop_stale(l);
    if (g->bad || l->good == 0 || p->stopping || l->waiting >= db_options.queue_max) {
        refuse(l, g);
        return 0;
    }
    struct conn *c = l->first ? NULL : choose(l);
    g->next = NULL;
    if (c)
        conn_submit(c, g);
    else
        enqueue(l, g);
    if (!uv_is_active((uv_handle_t *)&p->tick))
        uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
    return 0;
}

/* ---- availability ---- */

bool db_available(void)
{
    struct pool *p = db_pool;

    for (unsigned i = 0; p && i < DB_LANES; i++)
        if (p->lanes[i].good == 0)
            return false;
    return p != NULL;
}

void db_watch(struct actor *self)
{
    struct pool *p = db_pool;

    assert(p->watcher_count < WATCHERS_MAX);
    p->watchers[p->watcher_count++] = actor_self(self);
}

static void tell_watchers(struct pool *p, bool up)
{
    struct buf b = BUF_INIT;

    log_msg(up ? LOG_INFO : LOG_ERROR, up ? "database_up" : "database_down", "loop %u: %s",
            loop_index(), up ? "every lane has a connection" : "a lane has no connection");
    mp_put_bool(&b, up);
    struct body *body = body_of(&b);
    unsigned kept = 0;
    for (unsigned i = 0; i < p->watcher_count; i++)
        if (actor_here(p->watchers[i])) {
            actor_send(p->watchers[i], MSG_DB_STATE, body_ref(body));
            p->watchers[kept++] = p->watchers[i];
        }
    p->watcher_count = kept;
    body_unref(body);
    buf_finish(&b);
}

static void check_available(struct pool *p)
{
    bool up = db_available();

    if (up != p->was_available) {
        p->was_available = up;
        tell_watchers(p, up);
    }
}

/* ---- the turn's end, and the tick while anything is under way ---- */

static void bury_dead(struct lane *l)
{
    struct conn *c = l->conns;

    while (c) {
        struct conn *next = c->next;
        if (c->state == CONN_DEAD)
            conn_bury(c);
        c = next;
    }
    while (l->good == 0 && l->first)
        refuse(l, dequeue(l));
}

static void turn_end(void *arg)
{
    struct pool *p = arg;

    if (p->stopping)
        return;
    if (p->any_dirty) {
        p->any_dirty = false;
        for (unsigned i = 0; i < DB_LANES; i++)
            for (struct conn *c = p->lanes[i].conns; c; c = c->next)
                if (c->dirty)
                    conn_flush(c);
    }
    if (p->buried) {
        p->buried = false;
        for (unsigned i = 0; i < DB_LANES; i++)
            bury_dead(&p->lanes[i]);
        connect_next(p);
        for (unsigned i = 0; i < DB_LANES; i++)
            pool_pump(&p->lanes[i]);
    }
    check_available(p);
}

/* A connection that has owed an answer for longer than all its statement may take is a dead one
 * that nobody told us of. */
static bool stuck(const struct conn *c)
{
    unsigned statements = c->first ? c->first->statement_count + 1u : 0;

    return statements && loop_now() - c->moved_ms >
                             (int64_t)db_options.statement_timeout_ms * statements + STUCK_GRACE_MS;
}

static void on_tick(uv_timer_t *timer)
{
    struct pool *p = timer->data;
    bool idle = true;

    for (unsigned i = 0; i < DB_LANES; i++) {
        struct lane *l = &p->lanes[i];
        drop_stale(l);
        for (struct conn *c = l->conns; c; c = c->next) {
            idle = idle && !c->first;
            if (c->state == CONN_DEAD)
                continue;
            if (stuck(c))
                conn_kill(c, "no answer");
            else if (i == DB_SLOW && c->in_flight && !c->cancel && c->first->kind == FLIGHT_GROUP &&
                     !actor_awaits(c->first->who, c->first->ref))
                conn_cancel(c);
        }
        idle = idle && !l->first;
    }
    if (idle)
        uv_timer_stop(&p->tick);
}

/* ---- the service ---- */

static int start(unsigned loop)
{
    struct pool *p = xcalloc(1, sizeof(*p));

    for (unsigned i = 0; i < DB_LANES; i++) {
        p->lanes[i].pool = p;
        p->lanes[i].which = (enum db_lane)i;
        memset(&counters[loop][i], 0, sizeof(counters[loop][i]));
    }
    uv_timer_init(loop_uv(), &p->tick);
    uv_timer_init(loop_uv(), &p->retry);
    uv_async_init(loop_uv(), &p->connected, connect_ready);
    p->tick.data = p->retry.data = p->connected.data = p;
    p->handles = 3;
    db_pool = p;
    loop_at_turn_end(turn_end, p);
    connect_next(p);
    return 0;
}

void pool_handle_closed(struct pool *p)
{
    if (--p->handles == 0 && p->stopping)
        free(p);
}

/* Close callbacks may run when the loop's thread is gone. */
static void closed(uv_handle_t *handle)
{
    pool_handle_closed(handle->data);
}

/* Nobody is left to be answered: all actors have ended. */

static void stop(unsigned loop)
{
    struct pool *p = db_pool;

    (void)loop;
    p->stopping = true;
    connect_abandon(p);
    for (unsigned i = 0; i < DB_LANES; i++) {
        struct lane *l = &p->lanes[i];
        while (l->first)
            group_free(dequeue(l));
        while (l->conns) {
            struct conn *c = l->conns;
            if (c->state == CONN_GOOD)
                COUNT(l, connected, -1u);
            c->state = CONN_DEAD;
            conn_bury(c);
        }
    }
    while (p->free) {
        struct db_group *g = p->free;
        p->free = g->next;
        buf_finish(&g->text);
        free(g);
    }
    uv_close((uv_handle_t *)&p->tick, closed);
    uv_close((uv_handle_t *)&p->retry, closed);
    uv_close((uv_handle_t *)&p->connected, closed);
    db_pool = NULL;
}

const struct loop_service db_service = {.name = "store", .start = start, .stop = stop};

void db_stats(unsigned loop, enum db_lane lane, struct db_stats *ret)
{
    struct lane_counters *c = &counters[loop][lane];

#define READ(field) .field = atomic_load_explicit(&c->field, memory_order_relaxed)
    *ret = (struct db_stats){READ(groups),     READ(transactions),
                             READ(statements), READ(errors),
                             READ(unknown),    READ(refused),
                             READ(reconnects), READ(bytes_out),
                             READ(bytes_in),   READ(connected),
                             READ(in_flight),  READ(waiting),
                             READ(busy),       .connections_max = db_options.connections[lane]};
#undef READ
    tally_read(&ret->wait, &c->wait, sizeof(c->wait));
    tally_read(&ret->answer, &c->answer, sizeof(c->answer));
}
