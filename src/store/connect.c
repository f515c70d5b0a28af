/*
 * Making connections: one at a time a loop, each in a short-lived thread, because name resolution,
 * TLS and SCRAM (4,096 hash rounds) take milliseconds that a loop does not have. The thread touches
 * nothing but its struct attempt; a loop that stops meanwhile abandons it, and the thread cleans up
 * behind itself.
 */
#include <pthread.h>
#include <stdio.h>

#include "pool.h"

enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000, LOG_EVERY_MS = 10000 };

struct attempt {
    pthread_mutex_t lock;
    bool abandoned, done;
    uv_async_t *tell; /* the loop's; valid while not abandoned */
    enum db_lane lane;
    PGconn *db;
};

static char *lane_options[DB_LANES]; /* constant once the runtime starts */

/* The server's settings for a connection, behind those that the operator's own connection string
 * may have. */
void connect_options_make(void)
{
    PQconninfoOption *options = PQconninfoParse(db_options.conninfo, NULL);
    const char *own = "";

    for (PQconninfoOption *o = options; o && o->keyword; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val)
            own = o->val;
    for (unsigned i = 0; i < DB_LANES; i++) {
        struct buf b = BUF_INIT;
        uint32_t ms = db_options.statement_timeout_ms;
        buf_printf(&b,
                   "%s -c statement_timeout=%u -c lock_timeout=%u -c "
                   "idle_in_transaction_session_timeout=%u",
                   own, ms, ms / 2 + 1, ms + 5000);
        buf_puts(&b, " -c TimeZone=UTC -c DateStyle=ISO -c search_path=public,pg_temp -c "
                     "row_security=on -c jit=off");
        if (i == DB_WRITE)
            buf_puts(&b, " -c plan_cache_mode=force_generic_plan");
        free(lane_options[i]);
        lane_options[i] = xstrdup(buf_cstr(&b));
        buf_finish(&b);
    }
    PQconninfoFree(options);
}

static void attempt_free(struct attempt *a)
{
    PQfinish(a->db);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static void *attempt_run(void *arg)
{
    struct attempt *a = arg;
    const char *keys[] = {"dbname",
                          "options",
                          "application_name",
                          "client_encoding",
                          "connect_timeout",
                          "keepalives",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "tcp_user_timeout",
                          NULL};
    const char *values[] = {db_options.conninfo,
                            lane_options[a->lane],
                            "stacgate",
                            "UTF8",
                            "3",
                            "1",
                            "5",
                            "2",
                            "3",
                            "8000",
                            NULL};
    PGconn *db = PQconnectdbParams(keys, values, 1);

    pthread_mutex_lock(&a->lock);
    a->db = db;
    a->done = true;
    bool abandoned = a->abandoned;
    if (!abandoned)
        uv_async_send(a->tell);
    pthread_mutex_unlock(&a->lock);
    if (abandoned)
        attempt_free(a);
    return NULL;
}

/* The lane that is worst off: each gets its first connection before any gets a second. */
static struct lane *neediest(struct pool *p)
{
    struct lane *worst = NULL;

    for (unsigned i = 0; i < DB_LANES; i++) {
        struct lane *l = &p->lanes[i];
        if (l->have < db_options.connections[i] && (!worst || l->have < worst->have))
            worst = l;
    }
    return worst;
}

void connect_next(struct pool *p)
{
    struct lane *l = neediest(p);
    pthread_attr_t detached;
    pthread_t thread;

    if (p->stopping || p->attempt || !l || uv_is_active((uv_handle_t *)&p->retry))
        return;
    struct attempt *a = xcalloc(1, sizeof(*a));
    pthread_mutex_init(&a->lock, NULL);
    a->tell = &p->connected;
    a->lane = l->which;
    p->attempt = a;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &detached, attempt_run, a) != 0)
        attempt_run(a); /* out of threads: better to wait once than never to have a database */
    pthread_attr_destroy(&detached);
}

void connect_abandon(struct pool *p)
{
    struct attempt *a = p->attempt;

    if (!a)
        return;
    p->attempt = NULL;
    pthread_mutex_lock(&a->lock);
    a->abandoned = true;
    bool done = a->done;
    pthread_mutex_unlock(&a->lock);
    if (done)
        attempt_free(a);
}

static void retry_now(uv_timer_t *timer)
{
    connect_next(timer->data);
}

/* Told to the log now and then, tried again later and later. */
void connect_failed(struct pool *p, const char *why)
{
    if (p->failure_logged_ms == 0 || loop_now() - p->failure_logged_ms > LOG_EVERY_MS) {
        log_msg(LOG_ERROR, "database_connect", "%s", why);
        p->failure_logged_ms = loop_now();
    }
    p->backoff_ms = p->backoff_ms == 0                   ? BACKOFF_MIN_MS
                    : p->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS
                                                         : p->backoff_ms * 2;
    uv_timer_start(&p->retry, retry_now, p->backoff_ms, 0);
}

void connect_ready(uv_async_t *handle)
{
    struct pool *p = handle->data;
    struct attempt *a = p->attempt;

    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    bool done = a->done;
    pthread_mutex_unlock(&a->lock);
    if (!done)
        return;
    p->attempt = NULL;
    if (PQstatus(a->db) == CONNECTION_OK) {
        conn_create(&p->lanes[a->lane], a->db);
        a->db = NULL;
        connect_next(p);
    } else {
        connect_failed(p, PQerrorMessage(a->db));
    }
    attempt_free(a);
}
