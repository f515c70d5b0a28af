/*
 * Assessments: writing them, approval by somebody else, results. Answer keys leave only in
 * assessment_full, which the statements give to authors and staff.
 */
#include "../services/grading.h"
#include "run.h"

#define MANAGE .manage = "assessments:manage", .other = "assessments:manage|assessments:approve"

const struct field schema_assessments[] = {
    {.name = "courseId", .type = FIELD_ID},
    {.name = "status", .type = FIELD_CHOICE, .choices = "draft|pending_approval|approved|rejected"},
    {.name = "type", .type = FIELD_CHOICE, .choices = "quiz|assignment|exam|project"},
    {.name = "establishmentId", .type = FIELD_TENANT},
    LIST_FIELDS,
    {.name = NULL}};

/* Who approves reads what there is to approve. */
#define READ .manage = "assessments:manage|assessments:approve"

RUN_OP(assessments_list, .sql = SQL_ASSESSMENTS_LIST, .params = "tuqmp", READ, .key = time_valid)
RUN_OP(assessments_get, .sql = SQL_ASSESSMENTS_GET, .params = "tuim", READ)

/* ---- questions ---- */

/* Theirs and nobody else's; that ids differ and name each other, and that texts are not blank, is
 * questions_check()'s to see. */
static const struct field question_option[] = {
    {.name = "id", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 64},
    {.name = "text", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 2000},
    {.name = NULL}};
#define QUESTION_OPTIONS .type = FIELD_LIST, .max = OPTIONS_MAX, .inner = question_option
static const struct field question_schema[] = {
    {.name = "type",
     .type = FIELD_CHOICE,
     .flags = FIELD_REQUIRED,
     .choices = "essay|long-text|single|single-choice|multiple|multiple-choice|true-false|boolean|"
                "numeric|number|short-text|short|ordering|order|matching|match|fill-in|"
                "fill-in-the-blanks"},
    {.name = "text", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 10000},
    {.name = "id", .type = FIELD_STR, .min = 1, .max = 64},
    {.name = "points", .type = FIELD_NUMBER, .max = 1000},
    {.name = "imageUrl", .type = FIELD_URL, .max = 500},
    {.name = "explanation", .type = FIELD_STR, .max = 10000},
    {.name = "options", QUESTION_OPTIONS, .min = 1},
    {.name = "matches", QUESTION_OPTIONS, .min = 1},
    {.name = "answer", .type = FIELD_ANY},
    {.name = "partial", .type = FIELD_BOOL},
    {.name = "caseSensitive", .type = FIELD_BOOL},
    {.name = "tolerance", .type = FIELD_NUMBER, .max = INT64_MAX},
    {.name = NULL}};

#define NOT_BLANK "\"pattern\":\"[^ \\t\\r\\n]\""
#define ANSWER(schema) "\"properties\":{\"answer\":{" schema "}}"
#define AN_ID "\"type\":\"string\",\"minLength\":1,\"maxLength\":64"
#define LIST_OF(least, items)                                                                      \
    "\"type\":\"array\",\"minItems\":" least ",\"maxItems\":60,\"items\":{" items "}"
#define IDS(least) LIST_OF(least, AN_ID) ",\"uniqueItems\":true"
#define ACCEPTED LIST_OF("1", "\"type\":\"string\",\"maxLength\":1000," NOT_BLANK)
#define EXAMPLE(type, more) "{\"type\":\"" type "\",\"text\":\"?\"" more "}"
#define AB ",\"options\":[{\"id\":\"a\",\"text\":\"A\"},{\"id\":\"b\",\"text\":\"B\"}],\"answer\":"
static const struct variant question_variants[] = {
    {"essay|long-text", "", "", "", EXAMPLE("essay", "")},
    {"single|single-choice", "options|answer", "options|answer",
     "\"properties\":{\"options\":{\"minItems\":2},\"answer\":{" AN_ID "}}",
     EXAMPLE("single", AB "\"a\"")},
    {"multiple|multiple-choice", "options|answer|partial", "options|answer",
     "\"properties\":{\"options\":{\"minItems\":2},\"answer\":{" IDS("1") "}}",
     EXAMPLE("multiple", AB "[\"a\"],\"partial\":true")},
    {"true-false|boolean", "answer", "answer", ANSWER("\"type\":\"boolean\""),
     EXAMPLE("true-false", ",\"answer\":true")},
    {"numeric|number", "answer|tolerance", "answer", ANSWER("\"type\":\"number\""),
     EXAMPLE("numeric", ",\"answer\":3.14,\"tolerance\":0.01")},
    {"short-text|short", "answer|caseSensitive", "answer", ANSWER(ACCEPTED),
     EXAMPLE("short-text", ",\"answer\":[\"Paris\"],\"caseSensitive\":false")},
    {"ordering|order", "options|answer|partial", "options|answer",
     "\"properties\":{\"options\":{\"minItems\":2},\"answer\":{" IDS("2") "}}",
     EXAMPLE("ordering", AB "[\"b\",\"a\"],\"partial\":false")},
    {"matching|match", "options|matches|answer|partial", "options|matches|answer",
     ANSWER("\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":{" AN_ID "}"),
     EXAMPLE("matching", AB "{\"a\":\"1\",\"b\":\"2\"},\"matches\":[{\"id\":\"1\",\"text\":\"1\"},"
                            "{\"id\":\"2\",\"text\":\"2\"}],\"partial\":false")},
    {"fill-in|fill-in-the-blanks", "answer|partial|caseSensitive", "answer",
     ANSWER(LIST_OF("1", ACCEPTED)),
     EXAMPLE("fill-in", ",\"answer\":[[\"Paris\"]],\"partial\":false,\"caseSensitive\":true")},
    {.kinds = NULL}};
#define QUESTION_FORM                                                                              \
    "\"properties\":{\"text\":{" NOT_BLANK "},\"points\":{\"exclusiveMinimum\":0},"                \
    "\"imageUrl\":{\"pattern\":\"^https://\"}}"

/* ---- POST and PUT ---- */

#define ASSESSMENT_FIELDS(clears)                                                                  \
    {.name = "description", .type = FIELD_STR, .max = 10000, .flags = FIELD_BLANK_IS_ABSENT},      \
        {.name = "maxScore", .type = FIELD_INT, .min = 1, .max = 10000},                           \
        {.name = "passingScore", .type = FIELD_INT, .min = 0, .max = 10000},                       \
        {.name = "timeLimit", .type = FIELD_INT, .min = 0, .max = 10080},                          \
        {.name = "maxAttempts", .type = FIELD_INT, .min = 0, .max = 1000},                         \
        {.name = "isPublic", .type = FIELD_BOOL}, {.name = "isReviewable", .type = FIELD_BOOL},    \
        {.name = "dueDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT | (clears)},        \
        {.name = "questions",                                                                      \
         .type = FIELD_LIST,                                                                       \
         .max = QUESTIONS_MAX,                                                                     \
         .inner = question_schema,                                                                 \
         .variants = question_variants,                                                            \
         .by = "type",                                                                             \
         .form = QUESTION_FORM},                                                                   \
        {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},         \
        {.name = "createdBy", .type = FIELD_CALLER, .flags = FIELD_BLANK_IS_ABSENT},               \
        {.name = "approvedBy", .type = FIELD_IGNORED},                                             \
    {                                                                                              \
        .name = "status", .type = FIELD_IGNORED                                                    \
    }

const struct field schema_assessment_new[] = {
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = "courseId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "moduleId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "assessmentType", .type = FIELD_CHOICE, .choices = "quiz|assignment|exam|project"},
    ASSESSMENT_FIELDS(0),
    {.name = NULL}};

const struct field schema_assessment_change[] = {
    {.name = "title", .type = FIELD_LINE, .min = 1, .max = 200},
    {.name = "assessmentType", .type = FIELD_CHOICE, .choices = "quiz|assignment|exam|project"},
    ASSESSMENT_FIELDS(FIELD_NULL_CLEARS),
    {.name = NULL}};

/* The body with its questions normalised, in place of the one that was sent; false: refused. */
static bool take_questions(struct rest *r, int *ret_done)
{
    struct mp questions = mp_get(r->body, "questions");
    struct buf checked = BUF_INIT;
    char where[64];

    if (!questions.p)
        return true;
    if (questions_check(questions, &checked, where)) {
        *ret_done = rest_refuse_fields(r, P_invalid,
                                       &(struct field_error){.field = where, .code = E_format}, 1);
        buf_finish(&checked);
        return false;
    }
    rest_replace(r, "questions", &checked);
    buf_finish(&checked);
    return true;
}

int op_assessments_create(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {.sql = SQL_ASSESSMENTS_CREATE, .params = "tubm", MANAGE};
    int done = 0;

    (void)m;
    return take_questions(state, &done) ? rest_run(self, state, &what) : done;
}

int op_assessments_update(struct actor *self, void *state, const struct msg *m)
{
    static const struct run what = {.sql = SQL_ASSESSMENTS_UPDATE, .params = "tuibmvo", MANAGE};
    int done = 0;

    (void)m;
    return take_questions(state, &done) ? rest_run(self, state, &what) : done;
}

RUN_OP(assessments_delete, .sql = SQL_ASSESSMENTS_DELETE, .params = "tuimvo", MANAGE,
       .lock = SQL_ASSESSMENTS_LOCK)

/* ---- approval ---- */

const struct field schema_assessment_reject[] = {
    {.name = "reason", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 2000},
    {.name = NULL}};

RUN_OP(assessments_submit, .sql = SQL_ASSESSMENTS_SUBMIT, .params = "tuimo", MANAGE)
RUN_OP(assessments_approve, .sql = SQL_ASSESSMENTS_APPROVE, .params = "tui")
RUN_OP(assessments_reject, .sql = SQL_ASSESSMENTS_REJECT, .params = "tuib")

/* ---- results and accommodations ---- */

const struct field schema_results[] = {
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_LIMIT_MAX}, {.name = NULL}};
const struct field schema_accommodation[] = {
    {.name = "learnerId", .type = FIELD_ID, .flags = FIELD_REQUIRED},
    {.name = "extraTime", .type = FIELD_INT, .min = 0, .max = 500},
    {.name = "extraAttempts", .type = FIELD_INT, .min = 0, .max = 100},
    {.name = "dueDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "reason", .type = FIELD_STR, .max = 500, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

RUN_OP(assessments_results, .sql = SQL_ASSESSMENTS_RESULTS, .params = "tuimqo", MANAGE)
const struct field schema_accommodations[] = {LIST_FIELDS, {.name = NULL}};
RUN_OP(assessments_accommodations, .sql = SQL_ASSESSMENTS_ACCOMMODATIONS, .params = "tuimop",
       MANAGE, .key = time_valid)
RUN_OP(assessments_accommodate, .sql = SQL_ASSESSMENTS_ACCOMMODATE, .params = "tuibmo", MANAGE)
