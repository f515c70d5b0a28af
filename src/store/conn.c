/*
 * One connection in pipeline mode. What is sent stands in a FIFO, and results come in that order:
 * for a group its context, its statements, its sync; only the sync says that it is over (committed,
 * or rolled back whole). Without it nobody knows.
 *
 * A convoy is several groups in front of one sync: they are committed together. When one of them
 * fails all were rolled back, nobody hears of it, and each goes again with a sync of its own.
 */
#include <fcntl.h>
#include <unistd.h>

#include "pool.h"

#define CONTEXT_NAME "stacgate_context"
#define CONVOY_NAME "stacgate_convoy"

/* Empty text: this role and database are what row-level security was made for. */
static const char check_sql[] =
    "select concat_ws('; ',"
    " case when current_user <> session_user then 'current_user is not session_user' end,"
    " case when r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb"
    "  then 'the role has superuser, bypassrls, createrole or createdb' end,"
    " case when exists (select from (select relowner from pg_class union select nspowner from "
    "pg_namespace union"
    "  select proowner from pg_proc union select datdba from pg_database) o where "
    "pg_has_role(o.relowner, 'member'))"
    "  then 'the role owns something' end,"
    " (select 'row security is not active on ' || string_agg(c.relname, ', ') from pg_class c"
    "  join pg_attribute a on a.attrelid = c.oid and a.attname = 'establishment_id' and not "
    "a.attisdropped"
    "  where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and not "
    "row_security_active(c.oid)))"
    " from pg_roles r where r.rolname = current_user";

static const char context_sql[] = "select set_config('stacgate.establishment_id', $1, true), "
                                  "set_config('stacgate.user_id', $2, true), "
                                  "set_config('stacgate.address', $3, true)";

/* Who has to wait for a row waits alone. */
static const char convoy_sql[] = "select set_config('lock_timeout', '50ms', true)";

void conn_kill(struct conn *c, const char *why)
{
    struct pool *p = c->lane->pool;

    if (c->state == CONN_DEAD)
        return;
    if (c->state == CONN_GOOD) {
        c->lane->good--;
        COUNT(c->lane, connected, -1u);
        log_msg(LOG_WARN, "database_lost", "%s", why);
    } else {
        connect_failed(p, why);
    }
    c->state = CONN_DEAD;
    p->buried = true;
}

/* ---- sending ---- */

static void append(struct conn *c, struct db_group *g)
{
    g->next = NULL;
    if (c->last)
        c->last->next = g;
    else
        c->first = g;
    c->last = g;
    if (!c->first->next)
        c->moved_ms = loop_now();
}

/* PQpipelineSync of libpq 15 writes to the socket at once; newer ones can leave that to the turn's
 * end. */
static int put_sync(PGconn *db)
{
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    return PQsendPipelineSync(db);
#else
    return PQpipelineSync(db);
#endif
}

static struct db_group *put_item(struct conn *c, enum flight_kind kind, const struct sql *sql)
{
    struct db_group *item = group_take(kind, c->lane->which);

    item->statement_count = 1;
    item->results[0] = NULL;
    item->statements[0].sql = sql;
    append(c, item);
    return item;
}

static bool put_deallocate(struct conn *c, const struct sql *sql)
{
    struct db_group *item = put_item(c, FLIGHT_DEALLOCATE, sql);

    buf_printf(&item->text, "deallocate %s",
               sql->name); /* made of a-z, 0-9 and _: see cmake/embed_store.cmake */
    return PQsendQueryParams(c->db, buf_cstr(&item->text), 0, NULL, NULL, NULL, NULL, 0) &&
           put_sync(c->db);
}

static bool put_prepare(struct conn *c, const struct sql *sql)
{
    bool good = c->prepared[sql->index] != PREPARED_STALE || put_deallocate(c, sql);

    put_item(c, FLIGHT_PREPARE, sql);
    c->prepared[sql->index] = PREPARED;
    return good && PQsendPrepare(c->db, sql->name, sql->text, 0, NULL) && put_sync(c->db);
}

static bool put_group(struct conn *c, struct db_group *g)
{
    const char *values[PARAMETERS_MAX];
    const char *text = (const char *)g->text.data;

    for (unsigned i = 0; i < g->parameter_count; i++)
        values[i] = g->parameters[i] == SQL_NULL ? NULL : text + g->parameters[i];
    bool good = PQsendQueryPrepared(c->db, CONTEXT_NAME, 3, values, NULL, NULL, 0);
    for (unsigned i = 0; good && i < g->statement_count; i++)
        good = PQsendQueryPrepared(c->db, g->statements[i].sql->name, g->statements[i].count,
                                   values + g->statements[i].first, NULL, NULL, 0);
    return good;
}

/* Preparations have syncs of their own, so they stand in front of the whole transaction. */
static bool put_preparations(struct conn *c, const struct db_group *list)
{
    bool good = true;

    for (const struct db_group *g = list; g; g = g->next)
        for (unsigned i = 0; good && i < g->statement_count; i++)
            if (c->prepared[g->statements[i].sql->index] != PREPARED)
                good = put_prepare(c, g->statements[i].sql);
    return good;
}

static bool put_convoy(struct conn *c)
{
    struct db_group *item = group_take(FLIGHT_CONVOY, c->lane->which);

    item->rides = true;
    append(c, item);
    return PQsendQueryPrepared(c->db, CONVOY_NAME, 0, NULL, NULL, NULL, 0);
}

static void count_group(struct lane *l, const struct db_group *g)
{
    histogram_note(&lane_counters(l)->wait, &scale_us, (uint64_t)(mono_us() - g->asked_us));
    COUNT(l, in_flight, 1);
    COUNT(l, groups, 1);
    COUNT(l, statements, g->statement_count);
    COUNT(l, bytes_out, g->text.len);
}

bool conn_submit(struct conn *c, struct db_group *list)
{
    bool good = put_preparations(c, list);

    if (good && list->next)
        good = put_convoy(c);
    if (c->in_flight++ == 0)
        COUNT(c->lane, busy, 1);
    COUNT(c->lane, transactions, 1);
    for (struct db_group *g = list, *next; g; g = next) {
        next = g->next;
        g->rides = next != NULL;
        append(c, g);
        count_group(c->lane, g);
        good = good && put_group(c, g);
    }
    good = good && put_sync(c->db);
    if (!good)
        conn_kill(c, PQerrorMessage(c->db));
    c->dirty = c->lane->pool->any_dirty = true;
    return good;
}

static void on_poll(uv_poll_t *handle, int status, int events);

void conn_flush(struct conn *c)
{
    int rest = c->state == CONN_DEAD ? 0 : PQflush(c->db);

    c->dirty = false;
    if (rest < 0)
        conn_kill(c, PQerrorMessage(c->db));
    else if ((rest == 1) != c->writable && c->state != CONN_DEAD) {
        c->writable = rest == 1;
        uv_poll_start(&c->poll, UV_READABLE | (c->writable ? UV_WRITABLE : 0), on_poll);
    }
}

/* ---- receiving ---- */

static const char *state_of(const PGresult *error)
{
    const char *state = PQresultErrorField(error, PG_DIAG_SQLSTATE);

    return state ? state : "";
}

/*
 * 26000: the preparation that this group relied on failed. 0A000: a migration changed what a
 * prepared statement returns. Nothing was done either way, so the group may go again, once.
 */
static bool may_go_again(struct conn *c, const struct db_group *g)
{
    if (g->retried || g->error_at == 0 || g->error_at > g->statement_count)
        return false;
    const struct sql *sql = g->statements[g->error_at - 1].sql;
    if (strcmp(state_of(g->error), "26000") == 0)
        return true;
    if (strcmp(state_of(g->error), "0A000") != 0)
        return false;
    c->prepared[sql->index] = PREPARED_STALE;
    return true;
}

static void log_failure(const struct db_group *g, const char *name)
{
    const char *state = state_of(g->error);
    struct log_line line;

    log_begin(&line, LOG_WARN, "database_error");
    log_str(&line, "statement", name);
    log_str(&line, "sqlstate", state);
    log_str(&line, "table", PQresultErrorField(g->error, PG_DIAG_TABLE_NAME));
    log_str(&line, "constraint", PQresultErrorField(g->error, PG_DIAG_CONSTRAINT_NAME));
    if (strncmp(state, "22", 2) != 0) /* data exceptions quote what a user sent */
        log_str(&line, "text", PQresultErrorField(g->error, PG_DIAG_MESSAGE_PRIMARY));
    log_end(&line);
}

/* Not the statement's fault, and nothing was done: the server goes down, ran out of something, or
 * waited too long for a lock. */
static bool is_transient(const struct db_group *g)
{
    static const char *const classes[] = {"08", "40", "53", "55", "57", "58", "XX"};
    const char *state = state_of(g->error);

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strncmp(state, classes[i], 2) == 0)
            return true;
    return false;
}

static const char *failed_statement(const struct db_group *g)
{
    if (g->error_at == 0)
        return CONTEXT_NAME;
    return g->error_at <= g->statement_count ? g->statements[g->error_at - 1].sql->name
                                             : "(commit)";
}

static bool is_expected(const struct db_group *g)
{
    const char *name = PQresultErrorField(g->error, PG_DIAG_CONSTRAINT_NAME);

    return g->expected && name && strcmp(name, g->expected) == 0;
}

static void group_over(struct conn *c, struct db_group *g)
{
    struct lane *l = c->lane;

    histogram_note(&lane_counters(l)->answer, &scale_us, (uint64_t)(mono_us() - g->asked_us));
    COUNT(l, in_flight, -1u);
    if (!g->error) {
        pool_finish_group(l, g, 0, result_body(g));
    } else if (may_go_again(c, g)) {
        group_reset_results(g);
        g->retried = true;
        pool_requeue(l, g);
    } else if (is_expected(g)) {
        pool_finish_group(l, g, -EEXIST, NULL);
    } else {
        COUNT(l, errors, 1);
        if (g->errors_as_result && !is_transient(g)) {
            pool_finish_group(l, g, 0, result_body(g));
        } else {
            log_failure(g, failed_statement(g));
            pool_finish_group(l, g, is_transient(g) ? -EUNAVAILABLE_DB : -EPROTO, NULL);
        }
    }
}

/* The convoy was rolled back because of one of its groups: each again by itself, in their order. */
static void go_alone(struct lane *l, struct db_group *convoy)
{
    struct db_group *reversed = NULL;

    for (struct db_group *g = convoy, *next; g; g = next) {
        next = g->next;
        g->next = reversed;
        reversed = g;
    }
    for (struct db_group *g = reversed, *next; g; g = next) {
        next = g->next;
        COUNT(l, in_flight, -1u);
        group_reset_results(g);
        g->alone = true;
        pool_requeue(l, g);
    }
}

/* Its sync is here: g and those that rode in front of it. */
static void transaction_over(struct conn *c, struct db_group *g)
{
    struct db_group *list = c->riders ? c->riders : g;
    bool failed = false, convoy = c->riders != NULL;

    if (--c->in_flight == 0)
        COUNT(c->lane, busy, -1u);
    g->next = NULL;
    if (convoy)
        c->last_rider->next = g;
    c->riders = c->last_rider = NULL;
    for (struct db_group *r = list; r; r = r->next)
        failed = failed || r->error;
    if (convoy) { /* its first is what all convoys begin with */
        g = list;
        list = g->next;
        group_free(g);
    }
    if (convoy && failed) {
        go_alone(c->lane, list);
        return;
    }
    for (struct db_group *next; list; list = next) {
        next = list->next;
        group_over(c, list);
    }
}

static void prepare_over(struct conn *c, struct db_group *g)
{
    const struct sql *sql = g->statements[0].sql;

    if (g->error) {
        c->prepared[sql->index] = PREPARED_NOT;
        COUNT(c->lane, errors, 1);
        log_failure(g, sql->name);
    }
    group_free(g);
}

static void setup_over(struct conn *c, struct db_group *g)
{
    struct pool *p = c->lane->pool;
    const PGresult *check = g->results[0];

    if (g->error || !check || PQntuples(check) != 1 || PQgetlength(check, 0, 0) > 0) {
        struct buf why = BUF_INIT;
        buf_printf(&why, "connection refused by us: %s",
                   g->error                         ? PQresultErrorMessage(g->error)
                   : check && PQntuples(check) == 1 ? PQgetvalue(check, 0, 0)
                                                    : "no such role");
        conn_kill(c, buf_cstr(&why));
        buf_finish(&why);
    } else {
        c->state = CONN_GOOD;
        c->lane->good++;
        COUNT(c->lane, connected, 1);
        COUNT(c->lane, reconnects, 1);
        p->backoff_ms = 0;
        p->failure_logged_ms = 0;
    }
    group_free(g);
}

static void item_over(struct conn *c)
{
    struct db_group *g = c->first;

    c->first = g->next;
    if (!c->first)
        c->last = NULL;
    c->moved_ms = loop_now();
    switch (g->kind) {
    case FLIGHT_GROUP:
        transaction_over(c, g);
        break;
    case FLIGHT_PREPARE:
        prepare_over(c, g);
        break;
    case FLIGHT_DEALLOCATE:
        group_free(g);
        break; /* if it failed, the preparation says so */
    case FLIGHT_SETUP:
        setup_over(c, g);
        break;
    case FLIGHT_CONVOY: /* rides always */
        break;
    }
}

/* All results of a group in front of another in the same transaction are here. */
static void ride_on(struct conn *c)
{
    struct db_group *g = c->first;

    c->first = g->next; /* whom it rides with is behind it */
    c->moved_ms = loop_now();
    g->next = NULL;
    if (c->last_rider)
        c->last_rider->next = g;
    else
        c->riders = g;
    c->last_rider = g;
}

/* The results of a group are numbered from 0, its context; the others have none. */
static void keep_result(struct db_group *g, PGresult *r)
{
    unsigned first = g->kind == FLIGHT_GROUP || g->kind == FLIGHT_CONVOY, at = g->position++;

    if (at >= first && at - first < g->statement_count)
        g->results[at - first] = r;
    else
        PQclear(r);
}

static void keep_error(struct db_group *g, PGresult *r)
{
    unsigned at = g->position++;

    if (g->error) {
        PQclear(r);
        return;
    }
    g->error = r;
    g->error_at = (uint16_t)at;
}

static void take_result(struct conn *c, PGresult *r)
{
    struct db_group *g = c->first;

    switch (PQresultStatus(r)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(r);
        item_over(c);
        return;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        COUNT(c->lane, bytes_in, PQresultMemorySize(r));
        keep_result(g, r);
        break;
    case PGRES_FATAL_ERROR:
        keep_error(g, r);
        break;
    case PGRES_PIPELINE_ABORTED:
        g->position++;
        PQclear(r);
        break;
    default:
        conn_kill(c, "a result that no statement of ours gives");
        PQclear(r);
        return;
    }
    if (g->rides && g->position > g->statement_count)
        ride_on(c);
}

static void receive(struct conn *c)
{
    unsigned empty = 0;

    if (!PQconsumeInput(c->db)) {
        conn_kill(c, PQerrorMessage(c->db));
        return;
    }
    while (c->state != CONN_DEAD && c->first && !PQisBusy(c->db)) {
        PGresult *r = PQgetResult(c->db);
        if (r)
            take_result(c, r);
        else if (empty > 1)
            break;
        empty = r ? 0 : empty + 1;
    }
    if (c->state != CONN_DEAD && PQstatus(c->db) != CONNECTION_OK)
        conn_kill(c, PQerrorMessage(c->db));
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct conn *c = handle->data;

    if (c->state == CONN_DEAD)
        return;
    if (status < 0) {
        conn_kill(c, uv_strerror(status));
        return;
    }
    if (events & UV_READABLE)
        receive(c);
    if (c->state != CONN_DEAD && c->writable)
        conn_flush(c);
    pool_pump(c->lane);
}

/* ---- birth and death ---- */

static bool begin_setup(struct conn *c)
{
    struct db_group *setup = group_take(FLIGHT_SETUP, c->lane->which);

    setup->statement_count = 3;
    setup->results[0] = setup->results[1] = setup->results[2] = NULL;
    append(c, setup);
    return PQsetnonblocking(c->db, 1) == 0 && PQenterPipelineMode(c->db) &&
           PQsendQueryParams(c->db, check_sql, 0, NULL, NULL, NULL, NULL, 0) &&
           PQsendPrepare(c->db, CONTEXT_NAME, context_sql, 0, NULL) &&
           PQsendPrepare(c->db, CONVOY_NAME, convoy_sql, 0, NULL) && put_sync(c->db);
}

/*
 * libpq closes its descriptor the moment the connection dies, and its number may be another
 * connection's before we hear of it: the loop watches a duplicate, which is ours to close.
 */
void conn_create(struct lane *l, PGconn *db)
{
    int watched = fcntl(PQsocket(db), F_DUPFD_CLOEXEC, 3);
    struct conn *c = xcalloc(1, sizeof(*c));

    if (watched < 0 || uv_poll_init_socket(loop_uv(), &c->poll, watched) < 0) {
        connect_failed(l->pool, strerror(errno));
        if (watched >= 0)
            close(watched);
        free(c);
        PQfinish(db);
        return;
    }
    c->poll.data = c;
    l->pool->handles++;
    c->lane = l;
    c->db = db;
    c->watched = watched;
    c->state = CONN_CHECKING;
    c->prepared = xcalloc(SQL_COUNT + 1, 1);
    c->next = l->conns;
    l->conns = c;
    l->have++;
    if (!begin_setup(c))
        conn_kill(c, PQerrorMessage(db));
    else if (uv_poll_start(&c->poll, UV_READABLE, on_poll) < 0)
        conn_kill(c, "the socket cannot be watched");
    c->dirty = l->pool->any_dirty = true;
}

static void conn_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;

    pool_handle_closed(c->lane->pool);
    free(c->prepared);
    free(c);
}

struct cancel {
    uv_work_t work;
    PGcancel *handle;
    struct conn *conn; /* NULL: it died meanwhile */
};

void conn_bury(struct conn *c)
{
    struct lane *l = c->lane;
    struct db_group *g;

    for (struct conn **at = &l->conns; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    l->have--;
    if (c->cancel)
        c->cancel->conn = NULL;
    uv_close((uv_handle_t *)&c->poll, conn_closed); /* before the descriptor goes */
    close(c->watched);
    PQfinish(c->db);
    c->db = NULL;
    if (c->in_flight)
        COUNT(l, busy, -1u);
    if (c->riders) {
        c->last_rider->next = c->first;
        c->first = c->riders;
    }
    while ((g = c->first)) {
        c->first = g->next;
        if (g->kind != FLIGHT_GROUP) {
            group_free(g);
            continue;
        }
        COUNT(l, in_flight, -1u);
        COUNT(l, unknown, 1);
        pool_finish_group(l, g, -EUNKNOWN_DB, NULL);
    }
}

/* ---- cancelling: only where one group runs, and nothing follows until the cancel has come back
 * ---- */

static void cancel_work(uv_work_t *work)
{
    struct cancel *x = work->data;
    char why[256];

    PQcancel(x->handle, why, sizeof(why));
}

static void cancel_done(uv_work_t *work, int status)
{
    struct cancel *x = work->data;

    (void)status;
    if (x->conn) {
        x->conn->cancel = NULL;
        pool_pump(x->conn->lane);
    }
    PQfreeCancel(x->handle);
    free(x);
}

void conn_cancel(struct conn *c)
{
    struct cancel *x = xcalloc(1, sizeof(*x));

    x->handle = PQgetCancel(c->db);
    x->conn = c;
    x->work.data = x;
    c->cancel = x;
    if (!x->handle || uv_queue_work(loop_uv(), &x->work, cancel_work, cancel_done) < 0)
        conn_kill(c, "it cannot be cancelled");
}
