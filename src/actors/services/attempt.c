/*
 * One sign-in (or one password to be hashed) from start to end: what the database knows, the
 * throttles, the hash in a thread, what came of it back into the database, the answer. A failure is
 * written before it is answered, so that no guess is free.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "identity.h"
#include "password.h"
#include "signin_private.h"
#include "sql.h"
#include "stacgate/config.h"

#define DB_MS 8000
#define HASH_MS 60000
#define NICE 10 /* of hashing threads: the loops go first */

static actor_step looked_up, checked, failure_kept, success_kept, hashed;

struct attempt {
    struct job *job; /* a reference */
    struct signin_answer answer;
    bool account_on, establishment_on, demo;
};

/* ---- the work of a thread ---- */

struct check {
    struct body *question;
    char *hash; /* NULL: no such account */
};
enum { CHECK_WRONG, CHECK_RIGHT };

static void check_free(void *arg)
{
    struct check *c = arg;

    body_unref(c->question);
    free(c->hash);
    free(c);
}

static void be_nice(void)
{
    static _Thread_local bool done;

    if (!done && setpriority(PRIO_PROCESS, (id_t)gettid(), NICE) == 0)
        done = true;
}

/* The body of a right answer: the better hash to keep, if there is one. */
static int check(void *arg, struct body **ret_body)
{
    struct check *c = arg;
    const struct signin_question *q =
        (const struct signin_question *)(const void *)c->question->bytes;

    be_nice();
    if (!password_fits(q->password, q->password_len, c->hash))
        return CHECK_WRONG;
    char *better = password_outdated(c->hash) ? password_make(q->password, q->password_len) : NULL;
    if (better)
        *ret_body = body_make(better, strlen(better) + 1);
    free(better);
    return CHECK_RIGHT;
}

static int make(void *arg, struct body **ret_body)
{
    struct check *c = arg;
    const struct password_question *q =
        (const struct password_question *)(const void *)c->question->bytes;

    be_nice();
    char *hash = password_make(q->password, q->password_len);
    if (!hash)
        return -ENOMEM;
    *ret_body = body_make(hash, strlen(hash) + 1);
    free(hash);
    return 0;
}

/* ---- a sign-in ---- */

static const struct signin_question *question(const struct attempt *a)
{
    return (const struct signin_question *)(const void *)a->job->body->bytes;
}

/* Whose account it is, once known, and where the attempt comes from: the audit log's. */
static struct db_group *statement(const struct attempt *a, const struct sql *sql)
{
    struct db_group *g =
        db_group(DB_READ, &(struct db_context){a->answer.establishment_id, a->answer.user_id,
                                               question(a)->address});

    db_stmt(g, sql);
    return g;
}

static void put_windows(struct db_group *g)
{
    db_i64(g, config.signin_pair_window);
    db_i64(g, config.signin_account_window);
    db_i64(g, config.signin_address_window);
}

static int reply(struct attempt *a, int status, struct body *body)
{
    a->job->answered = true;
    actor_reply(&a->job->question, status, body);
    return ACTOR_DONE;
}

static int say(struct attempt *a, enum signin_outcome outcome, uint32_t retry_s)
{
    a->answer.outcome = outcome;
    a->answer.retry_s = retry_s;
    return reply(a, 0, body_make(&a->answer, sizeof(a->answer)));
}

static int look_up(struct actor *self, struct attempt *a)
{
    struct db_group *g = statement(a, SQL_AUTH_BEGIN);

    db_str(g, question(a)->email);
    db_str(g, a->job->account);
    db_str(g, a->job->address);
    put_windows(g);
    return db_ask(self, g, DB_MS, looked_up);
}

/* The throttles: 0 goes on, 1 was answered, -EAGAIN has to wait for those that run. */
static int throttle(struct attempt *a, const struct msg *m)
{
    const struct job *j = a->job;
    bool known = db_true(m, 0, 0, 6);
    const struct {
        uint32_t limit;
        unsigned ahead;
        int col;
        bool counts;
    } rules[] = {{config.signin_pair, j->ahead_pair, 7, true},
                 {config.signin_account, j->ahead_account, 8, !known},
                 {config.signin_address, j->ahead_address, 9, true}};

    if (!config.rate_limits)
        return 0;
    for (unsigned i = 0; i < 3; i++) {
        int64_t failures = db_int(m, 0, 0, rules[i].col);
        if (!rules[i].counts || failures + rules[i].ahead < rules[i].limit)
            continue;
        if (failures < rules[i].limit)
            return -EAGAIN;
        int64_t wait = db_int(m, 0, 0, rules[i].col + 3);
        return say(a, SIGNIN_THROTTLED, wait > 0 ? (uint32_t)wait : 1);
    }
    return 0;
}

static int looked_up(struct actor *self, void *state, const struct msg *m)
{
    struct attempt *a = state;
    struct check *c;
    int held = throttle(a, m);

    if (held)
        return held;
    snprintf(a->answer.user_id, sizeof(a->answer.user_id), "%s", db_text(m, 0, 0, 0));
    snprintf(a->answer.establishment_id, sizeof(a->answer.establishment_id), "%s",
             db_text(m, 0, 0, 1));
    a->account_on = db_true(m, 0, 0, 3);
    a->establishment_on = db_true(m, 0, 0, 4);
    a->demo = db_true(m, 0, 0, 5);
    c = xcalloc(1, sizeof(*c));
    c->question = body_ref(a->job->body);
    c->hash = db_null(m, 0, 0, 2) ? NULL : xstrdup(db_text(m, 0, 0, 2));
    return actor_offload(self, check, c, check_free, HASH_MS, checked);
}

static int keep_failure(struct actor *self, struct attempt *a)
{
    struct db_group *g = statement(a, SQL_AUTH_FAILED);

    db_str(g, a->job->account);
    db_str(g, a->job->address);
    put_windows(g);
    return db_ask(self, g, DB_MS, failure_kept);
}

static int failure_kept(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)m;
    return say(state, SIGNIN_WRONG, 0);
}

static int checked(struct actor *self, void *state, const struct msg *m)
{
    struct attempt *a = state;
    struct db_group *g;

    if (m->status == CHECK_WRONG)
        return keep_failure(self, a);
    if (!a->account_on)
        return say(a, SIGNIN_ACCOUNT_OFF, 0);
    if (!a->establishment_on)
        return say(a, SIGNIN_ESTABLISHMENT_OFF, 0);
    if (a->demo && !config.demo_public && !question(a)->loopback)
        return say(a, SIGNIN_DEMO, 0);
    if (question(a)->check_only)
        return say(a, SIGNIN_PASSED, 0);
    g = statement(a, SQL_AUTH_PASSED);
    db_str(g, a->answer.user_id);
    db_str(g, m->body ? (const char *)m->body->bytes : NULL);
    db_str(g, a->job->account);
    db_str(g, a->job->address);
    return db_ask(self, g, DB_MS, success_kept);
}

static int success_kept(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)m;
    return say(state, SIGNIN_PASSED, 0);
}

/* ---- a password to be hashed ---- */

static int hashed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return reply(state, 0, body_ref(m->body));
}

static int hash(struct actor *self, struct attempt *a)
{
    struct check *c = xcalloc(1, sizeof(*c));

    c->question = body_ref(a->job->body);
    return actor_offload(self, make, c, check_free, HASH_MS, hashed);
}

/* ---- the actor ---- */

static int init(struct actor *self, void *state, const void *arg)
{
    struct attempt *a = state;

    a->job = (struct job *)(uintptr_t)arg;
    a->job->refs++;
    return a->job->question.kind == MSG_SIGNIN ? look_up(self, a) : hash(self, a);
}

static int fail(struct actor *self, void *state, int err)
{
    (void)self;
    return reply(state, err, NULL);
}

static void terminate(struct actor *self, void *state, int result)
{
    struct attempt *a = state;

    (void)self;
    if (!a->job->answered && result != -EAGAIN)
        reply(a, result < 0 ? result : -EPROTO, NULL);
    job_unref(a->job);
}

const struct actor_type attempt_type = {.name = "sign-in",
                                        .state_size = sizeof(struct attempt),
                                        .mailbox_max = 8,
                                        .init = init,
                                        .fail = fail,
                                        .terminate = terminate};
