/*
 * Attempts over REST. Starting and saving are statements; submitting asks the attempt's own actor,
 * which is also what the clock ends it by (services/attempts.h).
 */
#include "../services/attempts.h"
#include "run.h"

#define MANAGE .manage = "assessments:manage", .other = "assessments:manage|assessments:approve"

const struct field schema_attempts[] = {
    {.name = "assessmentId", .type = FIELD_ID},
    {.name = "status", .type = FIELD_CHOICE, .choices = "in_progress|submitted|graded|failed"},
    {.name = "establishmentId", .type = FIELD_TENANT},
    LIST_FIELDS,
    {.name = NULL}};
const struct field schema_attempts_of[] = {
    {.name = "learnerId", .type = FIELD_ID},
    {.name = "status", .type = FIELD_CHOICE, .choices = "in_progress|submitted|graded|failed"},
    LIST_FIELDS,
    {.name = NULL}};
const struct field schema_tenant[] = {{.name = "establishmentId", .type = FIELD_TENANT},
                                      {.name = NULL}};
const struct field schema_answers[] = {
    {.name = "answers", .type = FIELD_OBJECT, .flags = FIELD_REQUIRED, .max = ATTEMPT_ANSWERS_MAX},
    {.name = NULL}};
const struct field schema_answers_last[] = {
    {.name = "answers", .type = FIELD_OBJECT, .max = ATTEMPT_ANSWERS_MAX}, {.name = NULL}};
static const struct field mark_schema[] = {
    {.name = "questionId", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 64},
    {.name = "points", .type = FIELD_DECIMAL, .max = 1000},
    {.name = "feedback", .type = FIELD_STR, .max = 10000, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};
const struct field schema_marks[] = {
    {.name = "questions", .type = FIELD_LIST, .max = 300, .inner = mark_schema},
    {.name = "feedback", .type = FIELD_STR, .max = 10000, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

RUN_OP(attempts_mine, .sql = SQL_ATTEMPTS_MINE, .params = "tuqp", .key = time_valid)
RUN_OP(attempts_mine_old, .sql = SQL_ATTEMPTS_MINE, .params = "tuqp", .key = time_valid)
RUN_OP(attempts_of, .sql = SQL_ATTEMPTS_OF, .params = "tuimqop", MANAGE, .key = time_valid)
RUN_OP(attempts_get, .sql = SQL_ATTEMPTS_GET, .params = "tuim", MANAGE)
RUN_OP(attempts_start, .sql = SQL_ATTEMPTS_START, .params = "tuio", MANAGE,
       .lock = SQL_ATTEMPTS_LOCK)
RUN_OP(attempts_start_old, .sql = SQL_ATTEMPTS_START, .params = "tuio", MANAGE,
       .lock = SQL_ATTEMPTS_LOCK)
RUN_OP(attempts_save, .sql = SQL_ATTEMPTS_SAVE, .params = "tuibm", MANAGE)

/* ---- POST /api/attempts/:id/submit ---- */

static int whose(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;

    (void)self;
    rest_took(r, m);
    return rest_refuse(r, db_rows(m, 0) ? P_forbidden : P_not_found);
}

/* Not the caller's: is it one that they may see? */
static int look_whose(struct actor *self, struct rest *r)
{
    static const struct run one = {.sql = SQL_ATTEMPTS_GET, .params = "tuim", MANAGE};
    struct db_group *g = rest_group(r, DB_READ);

    rest_put(g, r, &one, NULL);
    return rest_ask(self, g, whose);
}

static int submitted(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct str refusal = mp_str(mp_get(body_mp(m->body), "refusal"));

    if (str_is(refusal, "not_found"))
        return look_whose(self, r);
    if (refusal.p)
        return rest_refuse(r, problem_named(refusal) == PROBLEMS ? P_internal
                                                                 : problem_named(refusal));
    return rest_reply_kept(self, r, r->op->success, mp_str(mp_get(body_mp(m->body), "attempt")));
}

int op_attempts_submit(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    char key[40];

    (void)m;
    return attempt_submit(self, r->tenant, http_param(r->http, "id"), r->who->user_id,
                          mp_get(r->body, "answers"), rest_key_op_id(r, key) ? key : NULL,
                          submitted);
}

/* ---- POST /api/attempts/:id/grade ---- */

RUN_OP(attempts_grade, .sql = SQL_ATTEMPTS_MARK, .params = "tuibm", MANAGE)
