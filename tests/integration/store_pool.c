/*
 * The pool against a real PostgreSQL: what a group's answer says is what happened, tenants never
 * mix, and connections that die, refuse or hang cost what db.h says and nothing else. Statements of
 * these tests borrow the first indexes of the generated ones.
 */
#include "unit/runtime_criterion.h"

#include <pthread.h>

#include "harness.h"
#include "stacgate/log.h"
#include "store/pool.h"
#include "unit/runtime_testing.h"

enum { LONG_MS = 20000 };

static struct store_target t;
static const struct loop_service *const services[] = {&db_service, NULL};

static int run(unsigned loops, const struct actor_type *type)
{
    return testing_run_with(
        (struct runtime_options){.loops = loops, .drain_ms = 2000, .services = services}, type,
        NULL);
}

/* With a depth of 1 whatever is asked at once waits, and writes that wait share transactions. */
static void configure(const char *database, unsigned depth)
{
    harness_migrated(database, &t);
    struct db_options o = harness_options(&t);
    o.depth[DB_WRITE] = o.depth[DB_READ] = depth;
    db_configure(&o);
}

/* Calls `begin` as soon as this loop has its database. */
static actor_step *begin_step;
static int begin_when_up(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    cr_assert(!db_available());
    db_watch(self);
    return 0;
}
static int on_state(struct actor *self, void *state, const struct msg *m)
{
    cr_assert_eq(m->kind, MSG_DB_STATE);
    actor_step *begin = begin_step;
    begin_step = NULL;
    return mp_bool(body_mp(m->body), false) && begin ? begin(self, state, m) : 0;
}

/* ---- values ---- */

static const struct sql echo = {
    "t_echo",
    "select $1::text, $2::bigint, $3::boolean, $4::text[], $5::bigint[], cardinality($4::text[])",
    0};

static const char odd[] = "a\"b\\c,{d} NULL 'é' ;-- ";

static int echo_done(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert_null(db_error(m));
    cr_assert_eq(db_rows(m, 0), 1);
    cr_assert_str_eq(db_text(m, 0, 0, 0), odd);
    cr_assert_eq(db_int(m, 0, 0, 1), INT64_MIN);
    cr_assert(db_true(m, 0, 0, 2));
    cr_assert_eq(db_int(m, 0, 0, 5), 4);
    cr_assert_str_eq(db_text(m, 0, 0, 4), "{-9223372036854775808,0,9223372036854775807}");
    cr_assert(db_null(m, 1, 0, 0));
    cr_assert_null(db_strv(m, 1, 0, 0).p);
    cr_assert_str_eq(db_text(m, 1, 0, 0), "");
    cr_assert_eq(db_strv(m, 1, 0, 3).n, 2);
    return ACTOR_DONE;
}

static const struct sql first_element = {
    "t_element",
    "select ($1::text[])[1] = $2 and ($1::text[])[2] is null and ($1::text[])[3] = 'NULL'"
    " and ($1::text[])[4] = ''",
    1};
static int element_done(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert(db_true(m, 0, 0, 0));
    struct db_group *g = db_group(DB_WRITE, NULL);
    db_stmt(g, &echo);
    db_strn(g, odd, strlen(odd));
    db_i64(g, INT64_MIN);
    db_bool(g, true);
    db_array(g);
    for (int i = 0; i < 4; i++)
        db_array_strn(g, "x", 1);
    db_array_end(g);
    db_array(g);
    db_array_i64(g, INT64_MIN);
    db_array_i64(g, 0);
    db_array_i64(g, INT64_MAX);
    db_array_end(g);
    db_stmt(g, &echo);
    db_str(g, NULL);
    db_i64(g, 0);
    db_bool(g, false);
    db_array(g);
    db_array_end(g);
    db_array(g);
    db_array_end(g);
    return db_ask(self, g, LONG_MS, echo_done);
}

static int values_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    struct db_group *g = db_group(DB_READ, NULL);
    db_stmt(g, &first_element);
    db_array(g);
    db_array_strn(g, odd, strlen(odd));
    db_array_strn(g, NULL, 0);
    db_array_strn(g, "NULL", 4);
    db_array_strn(g, "", 0);
    db_array_end(g);
    db_str(g, odd);
    return db_ask(self, g, LONG_MS, element_done);
}

static const struct actor_type plain_type = {
    .name = "plain", .mailbox_max = 10, .init = begin_when_up, .receive = on_state};

Test(pool, values_arrive_as_they_were)
{
    configure("pool_values", 4);
    begin_step = values_begin;
    cr_assert_eq(run(1, &plain_type), 0);
}

/* ---- errors ---- */

static const struct sql insert_school = {
    "t_insert", "insert into channels (topic, establishment_id) values ($1, $2)", 0};
static const struct sql broken = {"t_broken", "select nothing from nowhere_at_all", 1};
static const struct sql star = {"t_star", "select * from system_versions", 2};
static const struct sql count_channels = {"t_count", "select count(*) from channels", 3};
static int failures, last_failure;

static const struct db_context tenant_a = {"a", "ua", NULL}, tenant_b = {"b", "ub", NULL};

static actor_step *after_failure;

static int star_again(struct actor *self, void *state, const struct msg *m)
{
    struct db_stats stats;

    (void)self;
    (void)state;
    cr_assert_null(db_error(m));
    db_stats(0, DB_READ, &stats);
    cr_assert_eq(stats.unknown + stats.refused, 0);
    return ACTOR_DONE;
}

static int star_done(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_null(db_error(m));
    harness_exec(t.owner_conninfo, "alter table system_versions add column one_more text; grant "
                                   "select on system_versions to stacgate_app");
    struct db_group *g = db_group(DB_READ, &tenant_a);
    db_stmt(g, &star);
    /* Prepared with another result: the pool prepares it anew, on the same connection, and nobody
     * sees it. */
    return db_ask(self, g, LONG_MS, star_again);
}

static int rolled_back(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_eq(db_int(m, 0, 0, 0), 1);
    struct db_group *g = db_group(DB_READ, &tenant_a);
    db_stmt(g, &star);
    return db_ask(self, g, LONG_MS, star_done);
}

static int broken_failed(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    struct db_group *g = db_group(DB_READ, &tenant_a);
    db_stmt(g, &count_channels);
    return db_ask(self, g, LONG_MS, rolled_back);
}

static int unique_seen(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_not_null(db_error(m));
    cr_assert_str_eq(db_error(m)->sqlstate, "23505");
    cr_assert_str_eq(db_error(m)->constraint, "channels_pkey");
    cr_assert_eq(db_rows(m, 1), 0);
    /* The good insert before the broken statement must be undone with it. */
    struct db_group *g = db_group(DB_READ, &tenant_a);
    db_stmt(g, &insert_school);
    db_str(g, "t2");
    db_str(g, "a");
    db_stmt(g, &broken);
    after_failure = broken_failed;
    return db_ask(self, g, LONG_MS, star_again);
}

static struct db_group *insert_group(const char *topic)
{
    struct db_group *g = db_group(DB_WRITE, &tenant_a);

    db_stmt(g, &insert_school);
    db_str(g, topic);
    db_str(g, "a");
    return g;
}

static int inserted(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_null(db_error(m));
    struct db_group *g = insert_group("t1");
    db_stmt(g, &count_channels);
    db_errors_as_result(g);
    return db_ask(self, g, LONG_MS, unique_seen);
}

static int zero_failed(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    return db_ask(self, insert_group("t1"), LONG_MS, inserted);
}

static int errors_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    struct db_group *g = db_group(DB_WRITE, &tenant_a);
    db_stmt(g, &insert_school);
    db_strn(g, "a\0b", 3);
    db_str(g, "a");
    after_failure = zero_failed;
    return db_ask(self, g, LONG_MS, star_again);
}

static int count_failure(struct actor *self, void *state, int err)
{
    failures++;
    last_failure = err;
    return after_failure ? after_failure(self, state, NULL) : 0;
}

static const struct actor_type errors_type = {.name = "errors",
                                              .mailbox_max = 10,
                                              .init = begin_when_up,
                                              .receive = on_state,
                                              .fail = count_failure};

Test(pool, errors_undo_the_group_and_nothing_else)
{
    configure("pool_errors", 4);
    struct db_options o = harness_options(&t);
    o.connections[DB_READ] = 1; /* what is prepared is prepared there */
    db_configure(&o);
    begin_step = errors_begin;
    cr_assert_eq(run(1, &errors_type), 0);
    cr_assert_eq(failures, 2);
    cr_assert_eq(last_failure, -EPROTO);
}

/* ---- two tenants, 20,000 groups ---- */

enum { MIXED = 20000, OUTSTANDING = 64 };

static const struct sql foreign = {
    "t_foreign", "select count(*) filter (where establishment_id <> $1), count(*) from channels",
    4};
static const struct sql divide = {"t_divide", "select 1 / ($1::int)", 5};
static const struct sql leftover = {
    "t_leftover",
    "select coalesce(current_setting('stacgate.establishment_id', true), '') ||"
    " coalesce(current_setting('stacgate.user_id', true), ''), (select count(*) from channels)",
    6};
static const struct sql nap = {
    "t_nap",
    "select pg_sleep(0.003), (select count(*) filter (where establishment_id <> $1) from channels)",
    7};

static struct mixed {
    unsigned asked, answered, failed_, timed_out, seen, refused;
    uint64_t random;
} mixed;

static unsigned dice(unsigned n)
{
    mixed.random = mixed.random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(mixed.random >> 33) % n;
}

static int mixed_next(struct actor *self);
static unsigned looked_at;

/* Behind the pool's back: what a group without any context would find on each connection. */
static int look_for_leftovers(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    for (unsigned i = 0; i < DB_LANES; i++)
        for (struct conn *c = db_pool->lanes[i].conns; c; c = c->next, looked_at++) {
            cr_assert_null(c->first);
            cr_assert(PQexitPipelineMode(c->db) && PQsetnonblocking(c->db, 0) == 0);
            PGresult *r =
                PQexec(c->db, "select concat(current_setting('stacgate.establishment_id', true), "
                              "current_setting('stacgate.user_id', true))");
            cr_assert_eq(PQntuples(r), 1);
            cr_assert_str_eq(PQgetvalue(r, 0, 0), "");
            PQclear(r);
        }
    return ACTOR_DONE;
}

static int over(struct actor *self)
{
    if (++mixed.answered < MIXED)
        return mixed_next(self);
    return actor_after(self, 500, look_for_leftovers)
               ? 0
               : -ENOMEM; /* answers that nobody waited for are back by then */
}

static int saw_rows(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_eq(db_int(m, 0, 0, 0), 0);
    cr_assert_gt(db_int(m, 0, 0, 1), 0);
    mixed.seen++;
    return over(self);
}

static int saw_nothing(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_str_eq(db_text(m, 0, 0, 0), "");
    cr_assert_eq(db_int(m, 0, 0, 1), 0);
    mixed.seen++;
    return over(self);
}

static int saw_refusal(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_str_eq(db_error(m)->sqlstate, "42501");
    mixed.refused++;
    return over(self);
}

static int napped(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    cr_assert_eq(db_int(m, 0, 0, 1), 0);
    return over(self);
}

static int mixed_next(struct actor *self)
{
    const struct db_context *ctx = dice(2) ? &tenant_a : &tenant_b;
    char topic[32];
    actor_step *next = saw_rows;
    uint32_t ms = LONG_MS;

    if (mixed.asked >= MIXED)
        return 0;
    unsigned kind = dice(20);
    struct db_group *g = db_group(dice(2) ? DB_READ : DB_WRITE, kind < 5 ? NULL : ctx);
    snprintf(topic, sizeof(topic), "m%u", mixed.asked++);
    if (kind < 5) { /* a forgotten context */
        db_stmt(g, &leftover);
        next = saw_nothing;
    } else if (kind < 8) {
        db_stmt(g, &insert_school);
        db_str(g, topic);
        db_str(g, ctx->establishment_id);
        db_stmt(g, &divide);
        db_i64(g, 0);
    } else if (kind < 10) { /* into the other school */
        db_stmt(g, &insert_school);
        db_str(g, topic);
        db_str(g, ctx == &tenant_a ? "b" : "a");
        db_errors_as_result(g);
        next = saw_refusal;
    } else if (kind < 11) {
        db_stmt(g, &nap);
        db_str(g, ctx->establishment_id);
        ms = 1 + dice(5);
        next = napped;
    } else {
        db_stmt(g, &foreign);
        db_str(g, ctx->establishment_id);
    }
    return db_ask(self, g, ms, next);
}

static int mixed_failed(struct actor *self, void *state, int err)
{
    (void)state;
    cr_assert(err == -EPROTO || err == -ETIMEDOUT, "%d", err);
    mixed.failed_ += err == -EPROTO;
    mixed.timed_out += err == -ETIMEDOUT;
    return over(self);
}

static int mixed_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    for (unsigned i = 0; i < OUTSTANDING; i++) {
        int r = mixed_next(self);
        if (r)
            return r;
    }
    return 0;
}

static const struct actor_type mixed_type = {.name = "mixed",
                                             .mailbox_max = 1000,
                                             .init = begin_when_up,
                                             .receive = on_state,
                                             .fail = mixed_failed};

static void two_tenants(const char *database, unsigned depth)
{
    configure(database, depth);
    harness_exec(t.owner_conninfo, "insert into channels (topic, establishment_id) select 'x' || "
                                   "i, case when i % 2 = 0 then 'a' else 'b' end"
                                   " from generate_series(1, 20) i");
    log_open(LOG_ERROR, NULL); /* thousands of wanted errors */
    mixed.random = 42;
    begin_step = mixed_begin;
    cr_assert_eq(run(1, &mixed_type), 0);
    cr_assert_eq(mixed.answered, MIXED);
    cr_assert_gt(mixed.failed_, MIXED / 10);
    cr_assert_gt(mixed.refused, MIXED / 20);
    cr_assert_gt(mixed.seen, MIXED / 2);
    cr_assert_gt(mixed.timed_out, 10);
    cr_assert_eq(looked_at, 6);
    cr_assert_str_eq(harness_value(t.owner_conninfo, "select count(*) from channels"), "20");
}

/* Groups that shared one, on average, over 1. */
static double groups_a_transaction(void)
{
    struct db_stats stats;

    db_stats(0, DB_WRITE, &stats);
    return (double)stats.groups / (double)stats.transactions;
}

Test(pool, two_tenants_never_mix, .timeout = 120)
{
    two_tenants("pool_tenants", 16);
}

Test(pool, two_tenants_never_mix_in_one_transaction, .timeout = 120)
{
    two_tenants("pool_convoys", 1);
    cr_assert_gt(groups_a_transaction(), 1.3);
}

/* ---- connections cut in flight ---- */

enum { CUT_INSERTS = 20000 }; /* in memory they take a second or two: dozens of cuts */

static struct cut {
    uint8_t outcome[CUT_INSERTS]; /* 1 committed, 2 unknown, 3 not done */
    unsigned next, over;
} cut;
static _Atomic bool cutting;

struct inserter {
    unsigned number;
};

static actor_step cut_done;

static int cut_next(struct actor *self, struct inserter *s)
{
    char topic[24];

    if (cut.next == CUT_INSERTS)
        return 0;
    s->number = cut.next++;
    snprintf(topic, sizeof(topic), "c%u", s->number);
    return db_ask(self, insert_group(topic), LONG_MS, cut_done);
}

static int cut_note(struct actor *self, struct inserter *s, uint8_t outcome)
{
    cut.outcome[s->number] = outcome;
    if (++cut.over == CUT_INSERTS) {
        cutting = false;
        runtime_drain();
    }
    return cut_next(self, s);
}

static int cut_done(struct actor *self, void *state, const struct msg *m)
{
    cr_assert_null(db_error(m));
    return cut_note(self, state, 1);
}

static int cut_retry(struct actor *self, void *state, const struct msg *m)
{
    (void)m;
    return cut_note(self, state, 3);
}

static int cut_failed(struct actor *self, void *state, int err)
{
    cr_assert(err == -EUNKNOWN_DB || err == -EUNAVAILABLE_DB, "%d", err);
    if (err == -EUNKNOWN_DB)
        return cut_note(self, state, 2);
    return actor_after(self, 5, cut_retry) ? 0 : -ENOMEM;
}

static int cut_start(struct actor *self, void *state, const void *arg)
{
    (void)arg;
    return cut_next(self, state);
}

static const struct actor_type inserter_type = {.name = "inserter",
                                                .state_size = sizeof(struct inserter),
                                                .mailbox_max = 10,
                                                .init = cut_start,
                                                .fail = cut_failed};

static int cut_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    for (unsigned i = 0; i < OUTSTANDING; i++)
        actor_spawn(&inserter_type, NULL);
    return 0;
}

static void *cutter(void *arg)
{
    for (unsigned n = 0; cutting;
         n++) { /* now and then all of them: some work is cut for certain */
        harness_exec(arg, n % 8 == 2
                              ? "select pg_terminate_backend(pid) from pg_stat_activity where "
                                "datname = current_database() and usename = 'stacgate_app'"
                              : "select pg_terminate_backend(pid) from pg_stat_activity where "
                                "datname = current_database() and usename = 'stacgate_app' and "
                                "random() < 0.3");
        usleep(50000);
    }
    return NULL;
}

static void cut_in_flight(const char *database, unsigned depth)
{
    pthread_t thread;
    struct db_stats stats;

    configure(database, depth);
    log_open(LOG_ERROR, NULL);
    cutting = true;
    begin_step = cut_begin;
    pthread_create(&thread, NULL, cutter, t.owner_conninfo);
    run(1, &plain_type);
    pthread_join(thread, NULL);
    cr_assert_eq(cut.over, CUT_INSERTS);

    PGconn *db = PQconnectdb(t.owner_conninfo);
    PGresult *r = PQexec(db, "select substr(topic, 2)::int from channels");
    uint8_t there[CUT_INSERTS] = {0};
    for (int i = 0; i < PQntuples(r); i++)
        there[atoi(PQgetvalue(r, i, 0))] = 1;
    PQclear(r);
    PQfinish(db);
    unsigned good = 0, unknown = 0;
    for (unsigned i = 0; i < CUT_INSERTS; i++) {
        good += cut.outcome[i] == 1;
        unknown += cut.outcome[i] == 2;
        if (cut.outcome[i] == 1)
            cr_assert(there[i], "%u was acknowledged", i);
        if (cut.outcome[i] == 3)
            cr_assert(!there[i], "%u was refused", i);
    }
    cr_assert_gt(good, CUT_INSERTS / 20);
    cr_assert_gt(unknown, 0);
    db_stats(0, DB_WRITE, &stats);
    cr_assert_eq(stats.unknown, unknown);
    cr_assert_eq(stats.in_flight, 0);
    cr_assert_gt(stats.reconnects, 2);
}

Test(pool, what_is_acknowledged_is_there, .timeout = 120)
{
    cut_in_flight("pool_cut", 16);
}

Test(pool, what_is_acknowledged_is_there_in_one_transaction, .timeout = 120)
{
    cut_in_flight("pool_cut_convoys", 1);
    cr_assert_gt(groups_a_transaction(), 4);
}

/* ---- who waits together is committed together, and who fails fails alone ---- */

enum { TOGETHER = 40, BAD = 7 };

static const struct sql transaction = {"t_transaction",
                                       "select pg_current_xact_id()::text::bigint, "
                                       "current_setting('stacgate.establishment_id')",
                                       11};
static struct together {
    unsigned over, failed_;
    int64_t ids[TOGETHER];
    bool bad; /* one of them cannot be stored */
} together;

static int together_over(void)
{
    return ++together.over == TOGETHER ? ACTOR_DONE : 0;
}

static int together_done(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    together.ids[together.over] = db_int(m, 1, 0, 0);
    cr_assert_str_eq(db_text(m, 1, 0, 1), "a");
    return together_over();
}

static int together_failed(struct actor *self, void *state, int err)
{
    (void)self;
    (void)state;
    cr_assert_eq(err, -EPROTO);
    together.failed_++;
    return together_over();
}

static int together_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    for (int i = 0; i < TOGETHER; i++) {
        char topic[24];
        snprintf(topic, sizeof(topic), "t%d", i);
        struct db_group *g = insert_group(topic);
        db_stmt(g, &transaction);
        if (together.bad && i == BAD) {
            db_stmt(g, &divide);
            db_i64(g, 0);
        }
        db_ask(self, g, LONG_MS, together_done);
    }
    return 0;
}

static const struct actor_type together_type = {.name = "together",
                                                .mailbox_max = 100,
                                                .init = begin_when_up,
                                                .receive = on_state,
                                                .fail = together_failed};

static unsigned transactions_seen(void)
{
    unsigned distinct = 0;

    for (int i = 0; i < TOGETHER; i++) {
        bool new = true;
        for (int j = 0; j < i; j++)
            new = new &&together.ids[j] != together.ids[i];
        distinct += new &&together.ids[i];
    }
    return distinct;
}

static void run_together(const char *database, bool bad)
{
    configure(database, 1);
    together.bad = bad;
    begin_step = together_begin;
    cr_assert_eq(run(1, &together_type), 0);
    cr_assert_eq(together.failed_, bad);
}

Test(pool, writes_that_wait_share_a_transaction)
{
    run_together("pool_together", false);
    /* Two connections take one each; 38 wait, for 16 at a time. */
    cr_assert_leq(transactions_seen(), 2 + 3);
    cr_assert_str_eq(harness_value(t.owner_conninfo, "select count(*) from channels"), "40");
}

Test(pool, one_that_fails_fails_alone)
{
    log_open(LOG_ERROR, NULL);
    run_together("pool_alone", true);
    cr_assert_str_eq(harness_value(t.owner_conninfo,
                                   "select count(*) || ' ' || count(*) filter (where topic = 't7') "
                                   "from channels"),
                     "39 0");
    /* Those of its convoy went again, each by itself. */
    cr_assert_gt(transactions_seen(), 15);
}

/* Who has to wait for a row does not keep the others: they are there long before the lock goes. */
static int64_t locked_us, others_us;
static unsigned others;

static int locked_done(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    locked_us = mono_us();
    return ACTOR_DONE;
}

static int other_done(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    if (++others == TOGETHER)
        others_us = mono_us();
    return 0;
}

static const struct sql touch = {
    "t_touch", "update channels set last_seq = last_seq + 1 where topic = $1", 12};

static int locked_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    for (int i = 0; i <= TOGETHER; i++) {
        struct db_group *g = db_group(DB_WRITE, &tenant_a);
        char topic[24];
        snprintf(topic, sizeof(topic), i == 5 ? "hot" : "cold%d", i);
        db_stmt(g, &touch);
        db_str(g, topic);
        db_ask(self, g, LONG_MS, i == 5 ? locked_done : other_done);
    }
    return 0;
}

static const struct actor_type locked_type = {
    .name = "locked", .mailbox_max = 100, .init = begin_when_up, .receive = on_state};

static void *hold_hot(void *arg)
{
    harness_exec(arg, "begin; select from channels where topic = 'hot' for update; "
                      "select pg_sleep(1.5); commit");
    return NULL;
}

Test(pool, who_waits_for_a_row_waits_alone)
{
    pthread_t holder;

    configure("pool_locked", 1);
    harness_exec(t.owner_conninfo,
                 "insert into channels (topic, establishment_id) select 'cold' || i, 'a' from "
                 "generate_series(0, 40) i union all select 'hot', 'a'");
    log_open(LOG_ERROR, NULL);
    pthread_create(&holder, NULL, hold_hot, t.owner_conninfo);
    while (*harness_value(t.owner_conninfo, "select count(*) from pg_stat_activity where datname = "
                                            "current_database() and wait_event = 'PgSleep'") != '1')
        usleep(5000);
    begin_step = locked_begin;
    cr_assert_eq(run(1, &locked_type), 0);
    pthread_join(holder, NULL);
    cr_assert_eq(others, TOGETHER);
    cr_assert_lt(others_us, locked_us);
}

/* ---- a slow one is cancelled, and what follows on its connection is not ---- */

static const struct sql sleep_long = {"t_sleep", "select pg_sleep(30)", 8};
static const struct sql asleep = {"t_asleep", "select pg_sleep(0.3)", 9};

static int short_sleeps;
static int slept(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert_null(db_error(m));
    return ++short_sleeps == 4 ? ACTOR_DONE : 0;
}

static int slow_failed(struct actor *self, void *state, int err)
{
    (void)state;
    cr_assert_eq(err, -ETIMEDOUT);
    if (++failures < 2)
        return 0;
    for (int i = 0; i < 4; i++) { /* both connections are busy with what nobody wants */
        struct db_group *g = db_group(DB_SLOW, NULL);
        db_stmt(g, &asleep);
        db_ask(self, g, LONG_MS, slept);
    }
    return 0;
}

static int slow_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    for (int i = 0; i < 2; i++) {
        struct db_group *g = db_group(DB_SLOW, NULL);
        db_stmt(g, &sleep_long);
        db_ask(self, g, 300, slept);
    }
    return 0;
}

static const struct actor_type slow_type = {.name = "slow",
                                            .mailbox_max = 10,
                                            .init = begin_when_up,
                                            .receive = on_state,
                                            .fail = slow_failed};

Test(pool, slow_work_is_cancelled_when_nobody_waits)
{
    configure("pool_slow", 4);
    struct db_options o = harness_options(&t);
    o.statement_timeout_ms = 60000;
    db_configure(&o);
    begin_step = slow_begin;
    cr_assert_eq(run(1, &slow_type), 0);
    cr_assert_str_eq(harness_value(t.owner_conninfo,
                                   "select count(*) from pg_stat_activity where query like "
                                   "'%pg_sleep(30)%' and state = 'active'"
                                   " and pid <> pg_backend_pid()"),
                     "0");
}

/* ---- much at once: more than a socket takes ---- */

enum { BIG = 3 << 20, BIGS = 24 };
static const struct sql reflect = {"t_reflect", "select $1::text, length($1)", 10};
static int bigs;

static int big_back(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    cr_assert_eq(db_strv(m, 0, 0, 0).n, BIG);
    cr_assert_eq(db_int(m, 0, 0, 1), BIG);
    return ++bigs == BIGS ? ACTOR_DONE : 0;
}

static int big_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    char *text = xmalloc(BIG);
    memset(text, 'x', BIG);
    for (int i = 0; i < BIGS; i++) {
        struct db_group *g = db_group(DB_READ, NULL);
        db_stmt(g, &reflect);
        db_strn(g, text, BIG);
        db_ask(self, g, LONG_MS, big_back);
    }
    free(text);
    return 0;
}

Test(pool, more_than_a_socket_takes_flows_both_ways)
{
    configure("pool_big", 16);
    begin_step = big_begin;
    cr_assert_eq(run(1, &plain_type), 0);
    cr_assert_eq(bigs, BIGS);
}

/* ---- the queue is bounded; who cannot be served is told at once ---- */

enum { QUEUE = 10, FLOOD = 50 };
static int flood_answers, flood_refused;

static int flood_over(void)
{
    return flood_answers + flood_refused == FLOOD ? ACTOR_DONE : 0;
}
static int flood_back(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    flood_answers++;
    return flood_over();
}
static int flood_failed(struct actor *self, void *state, int err)
{
    (void)self;
    (void)state;
    cr_assert_eq(err, -EUNAVAILABLE_DB);
    flood_refused++;
    return flood_over();
}
static int flood_begin(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    for (int i = 0; i < FLOOD; i++) {
        struct db_group *g = db_group(DB_SLOW, NULL);
        db_stmt(g, &count_channels);
        db_ask(self, g, LONG_MS, flood_back);
    }
    return 0;
}
static const struct actor_type flood_type = {.name = "flood",
                                             .mailbox_max = 100,
                                             .init = begin_when_up,
                                             .receive = on_state,
                                             .fail = flood_failed};

Test(pool, the_queue_is_bounded)
{
    configure("pool_queue", 4);
    struct db_options o = harness_options(&t);
    o.queue_max = QUEUE;
    db_configure(&o);
    begin_step = flood_begin;
    cr_assert_eq(run(1, &flood_type), 0);
    /* Of the slow lane: as many as have a connection, and the queue. The second connection may not
     * be there yet. */
    cr_assert_leq(flood_answers, QUEUE + 2);
    cr_assert_geq(flood_answers, QUEUE + 1);
}

/* ---- no database, and a role that must not be used ---- */

static int refused_at_once(struct actor *self, void *state, int err)
{
    (void)self;
    (void)state;
    failures++;
    cr_assert_eq(err, -EUNAVAILABLE_DB);
    return ACTOR_DONE;
}
static int ask_now(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    cr_assert(!db_available());
    struct db_group *g = db_group(DB_READ, NULL);
    db_stmt(g, &count_channels);
    return db_ask(self, g, LONG_MS, star_again);
}
static int ask_later(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, 700, ask_now) ? 0 : -ENOMEM;
}
static const struct actor_type refused_type = {
    .name = "refused", .init = ask_later, .fail = refused_at_once};

Test(pool, without_a_database_it_says_so)
{
    configure("pool_none", 4);
    struct db_options o = harness_options(&t);
    o.conninfo = "host=/nowhere dbname=x user=stacgate_app";
    db_configure(&o);
    cr_assert_eq(run(2, &refused_type), 0);
    cr_assert_eq(failures, 1);
}

Test(pool, an_owner_or_superuser_is_never_used)
{
    configure("pool_owner", 4);
    struct db_options o = harness_options(&t);
    o.conninfo = t.owner_conninfo;
    db_configure(&o);
    cr_assert_eq(run(1, &refused_type), 0);
    cr_assert_eq(failures, 1);
}

Test(pool, a_table_without_row_security_is_never_used)
{
    configure("pool_open", 4);
    harness_exec(t.owner_conninfo, "alter table whiteboards disable row level security");
    cr_assert_eq(run(1, &refused_type), 0);
    cr_assert_eq(failures, 1);
}
