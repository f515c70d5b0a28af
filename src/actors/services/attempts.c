/*
 * The end of an attempt: close it (no answer counts from then on), grade it, store the grade, tell
 * the learner. Closing is one conditional update, so whoever comes second finds it over. If the
 * process dies between closing and grading, the clock finds the attempt again.
 */
#include "attempts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grading.h"
#include "sql.h"
#include "stacgate/channel.h"
#include "stacgate/db.h"
#include "stacgate/json.h"
#include "stacgate/log.h"

#define LOOK_EVERY_MS 5000
#define LOOK_AHEAD_S 8
#define FIRST_LOOK_MS 500
#define DB_MS 8000
#define WAITING_MAX 8 /* submissions of one attempt at a time: two windows, a retry */

enum { MSG_ATTEMPT_SUBMIT = 420, MSG_ATTEMPT_DUE };

struct waiter {
    struct msg question;
    struct body *body; /* a reference: who it is of, their last answers */
};

struct attempt {
    char tenant[64], id[65];
    struct msg asker; /* whose submission is being worked on; from 0: the clock's */
    struct waiter waiting[WAITING_MAX]; /* each has its own turn: another may have asked */
    unsigned waiting_count;
    bool busy, by_clock;
};

static attempt_ended *watcher;

void attempts_watch(attempt_ended *ended)
{
    watcher = ended;
}

/* ---- answering ---- */

static int submit(struct actor *self, struct attempt *a, const struct msg *question,
                  struct body *body);

/* The next one's turn, or the end. */
static int go_on(struct actor *self, struct attempt *a)
{
    struct waiter first = a->waiting[0];

    a->busy = false;
    if (a->waiting_count == 0)
        return actor_passivate(self);
    memmove(a->waiting, a->waiting + 1, --a->waiting_count * sizeof(first));
    int result = submit(self, a, &first.question, first.body);
    body_unref(first.body);
    return result;
}

static int answer(struct actor *self, struct attempt *a, const char *key, struct str text)
{
    struct buf b = BUF_INIT;

    mp_put_map(&b, 1);
    mp_put_cstr(&b, key);
    mp_put_str(&b, text.p, text.n);
    if (a->asker.from)
        actor_reply(&a->asker, 0, body_of(&b));
    a->asker = (struct msg){0};
    buf_finish(&b);
    return go_on(self, a);
}

/* ---- closing, grading ---- */

static actor_step closed, graded, due;

static int close_it(struct actor *self, struct attempt *a, const char *user, struct mp answers,
                    struct str key)
{
    struct db_group *g =
        db_group(DB_READ, &(struct db_context){.establishment_id = a->tenant, .user_id = user});
    struct buf text = BUF_INIT;

    if (answers.p)
        mp_to_json(answers, &text);
    a->busy = true;
    a->by_clock = !*user;
    db_stmt(g, SQL_ATTEMPTS_CLOSE);
    db_str(g, a->tenant);
    db_str(g, a->id);
    db_str(g, user);
    db_strn(g, (const char *)text.data, text.len);
    db_strn(g, key.p, key.n);
    buf_finish(&text);
    return db_ask(self, g, DB_MS, closed);
}

/* The clock came before the limit: it has told the rest of the time. */
static int wait_for_it(struct actor *self, struct attempt *a, int64_t ms)
{
    a->busy = false;
    if (a->waiting_count || ms > (int64_t)1000 * (LOOK_AHEAD_S + 2)) /* or it was lengthened */
        return go_on(self, a);
    return actor_after(self, ms > 0 ? (uint32_t)ms + 1 : 1, due) ? 0 : -1;
}

static bool put_parsed(struct str json, struct buf *out)
{
    const char *why;
    size_t at;

    return json_to_mp(json.p, json.n, out, &why, &at) == 0;
}

static int closed(struct actor *self, void *state, const struct msg *m)
{
    struct attempt *a = state;
    struct buf questions = BUF_INIT, answers = BUF_INIT, results = BUF_INIT, text = BUF_INIT;
    char points[32], most[32];

    if (db_rows(m, 0) == 0 || !db_null(m, 0, 0, 0)) {
        if (a->by_clock && db_rows(m, 0) && strcmp(db_text(m, 0, 0, 0), "early") == 0)
            return wait_for_it(self, a, db_int(m, 0, 0, 3));
        if (db_rows(m, 0) && !db_null(m, 0, 0, 4))
            return answer(self, a, "attempt", db_strv(m, 0, 0, 4));
        return answer(self, a, "refusal", db_rows(m, 0) ? db_strv(m, 0, 0, 0) : STR("not_found"));
    }
    struct grade grade = {0};
    if (put_parsed(db_strv(m, 0, 0, 1), &questions) && put_parsed(db_strv(m, 0, 0, 2), &answers))
        grade = answers_grade(mp_view(questions.data, questions.len),
                              mp_view(answers.data, answers.len), &results);
    mp_to_json(mp_view(results.data, results.len), &text);
    struct db_group *g = db_group(DB_READ, &(struct db_context){.establishment_id = a->tenant});
    db_stmt(g, SQL_ATTEMPTS_GRADED);
    db_str(g, a->tenant);
    db_str(g, a->id);
    db_strn(g, (const char *)text.data, text.len);
    snprintf(points, sizeof(points), "%.2f", grade.points);
    snprintf(most, sizeof(most), "%.2f", grade.most);
    db_str(g, points);
    db_str(g, most);
    db_bool(g, grade.manual);
    buf_finish(&questions);
    buf_finish(&answers);
    buf_finish(&results);
    buf_finish(&text);
    return db_ask(self, g, DB_MS, graded);
}

static int graded(struct actor *self, void *state, const struct msg *m)
{
    struct attempt *a = state;
    struct str attempt = db_strv(m, 0, 0, 0);

    if (!attempt.p) /* somebody graded it between: cannot be, unless two processes serve */
        return answer(self, a, "refusal", STR("attempt_over"));
    users_tell(db_strv(m, 0, 0, 2));
    if (watcher)
        watcher(a->tenant, a->id, attempt, a->by_clock);
    return answer(self, a, "attempt", attempt);
}

/* ---- the actor of one attempt ---- */

static int due(struct actor *self, void *state, const struct msg *m)
{
    struct attempt *a = state;

    (void)m;
    return a->busy ? 0 : close_it(self, a, "", (struct mp){0}, (struct str){0});
}

static int submit(struct actor *self, struct attempt *a, const struct msg *question,
                  struct body *body)
{
    struct mp q = body_mp(body);
    struct str user = mp_str(mp_get(q, "userId"));
    char id[65];

    a->asker = msg_keep(question);
    snprintf(id, sizeof(id), "%.*s", (int)user.n, user.p);
    return close_it(self, a, id, mp_get(q, "answers"), mp_str(mp_get(q, "key")));
}

static int receive(struct actor *self, void *state, const struct msg *m)
{
    struct attempt *a = state;

    if (m->kind == MSG_ATTEMPT_DUE)
        return due(self, state, m);
    if (m->kind != MSG_ATTEMPT_SUBMIT || mp_str(mp_get(body_mp(m->body), "userId")).n > 64)
        actor_reply(m, -EINVAL, NULL);
    else if (!a->busy)
        return submit(self, a, m, m->body);
    else if (a->waiting_count < WAITING_MAX)
        a->waiting[a->waiting_count++] = (struct waiter){msg_keep(m), body_ref(m->body)};
    else
        actor_reply(m, -ENOBUFS, NULL);
    return 0;
}

/* The database went away in the middle: the asker hears so, the clock comes back to it. */
static int failed(struct actor *self, void *state, int err)
{
    struct attempt *a = state;

    (void)self;
    if (a->asker.from)
        actor_reply(&a->asker, err, NULL);
    for (unsigned i = 0; i < a->waiting_count; i++)
        actor_reply(&a->waiting[i].question, err, NULL);
    return ACTOR_DONE;
}

static void terminate(struct actor *self, void *state, int result)
{
    struct attempt *a = state;

    (void)self;
    (void)result;
    for (unsigned i = 0; i < a->waiting_count; i++)
        body_unref(a->waiting[i].body);
}

static int init(struct actor *self, void *state, const void *arg)
{
    struct attempt *a = state;
    const char *name = arg, *slash = strchr(name, '/');

    (void)self;
    if (!slash || (size_t)(slash - name) >= sizeof(a->tenant) || strlen(slash + 1) >= sizeof(a->id))
        return -EINVAL;
    snprintf(a->tenant, sizeof(a->tenant), "%.*s", (int)(slash - name), name);
    snprintf(a->id, sizeof(a->id), "%s", slash + 1);
    return 0;
}

static const struct actor_type attempt_type = {.name = "attempt",
                                               .state_size = sizeof(struct attempt),
                                               .mailbox_max = 32,
                                               .init = init,
                                               .receive = receive,
                                               .fail = failed,
                                               .terminate = terminate};

static actor_id attempt_whereis(const char *tenant, const char *id)
{
    char name[140];
    int n = snprintf(name, sizeof(name), "%s/%s", tenant, id);

    return n < (int)sizeof(name) ? actor_whereis("attempt", name) : 0;
}

int attempt_submit(struct actor *self, const char *tenant, const char *attempt_id,
                   const char *user_id, struct mp answers, const char *key, actor_step *next)
{
    actor_id who = attempt_whereis(tenant, attempt_id);
    struct buf b = BUF_INIT;

    if (!who)
        return -ESRCH;
    mp_put_map(&b, 1 + (answers.p != NULL) + (key != NULL));
    mp_put_cstr(&b, "userId");
    mp_put_cstr(&b, user_id);
    if (answers.p) {
        mp_put_cstr(&b, "answers");
        mp_put_raw(&b, answers);
    }
    if (key) {
        mp_put_cstr(&b, "key");
        mp_put_cstr(&b, key);
    }
    int err = actor_ask(self, who, MSG_ATTEMPT_SUBMIT, body_of(&b), ATTEMPT_MS, next);
    buf_finish(&b);
    return err;
}

/* ---- the clock ---- */

static actor_step look, seen;

static int look(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    (void)m;
    if (!db_available()) {
        actor_after(self, FIRST_LOOK_MS, look);
        return 0;
    }
    struct db_group *g = db_group(DB_READ, &(struct db_context){0});
    db_stmt(g, SQL_ATTEMPTS_DUE);
    db_i64(g, LOOK_AHEAD_S);
    return db_ask(self, g, DB_MS, seen);
}

static int seen(struct actor *self, void *state, const struct msg *m)
{
    (void)state;
    for (int row = 0; row < db_rows(m, 0); row++)
        actor_send(attempt_whereis(db_text(m, 0, row, 0), db_text(m, 0, row, 1)), MSG_ATTEMPT_DUE,
                   NULL);
    actor_after(self, LOOK_EVERY_MS, look);
    return 0;
}

static int look_failed(struct actor *self, void *state, int err)
{
    (void)state;
    (void)err;
    actor_after(self, LOOK_EVERY_MS, look);
    return 0;
}

static int clock_init(struct actor *self, void *state, const void *arg)
{
    (void)state;
    (void)arg;
    return actor_after(self, FIRST_LOOK_MS, look) ? 0 : -ENOMEM;
}

static const struct actor_type clock_type = {
    .name = "attempts_clock", .mailbox_max = 8, .init = clock_init, .fail = look_failed};

static int start(unsigned loop)
{
    return loop > 0 || actor_spawn(&clock_type, NULL) ? 0 : -ENOMEM;
}

void attempts_setup(void)
{
    actor_kind("attempt", &attempt_type);
}

const struct loop_service attempts_service = {.name = "attempts", .start = start};
