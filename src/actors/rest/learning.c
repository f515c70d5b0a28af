/*
 * What a course is made of and what becomes of an enrolment: modules, training sessions, trainer
 * spaces, progress, completion, certificates. Everything is a statement (run.h).
 */
#include "run.h"

#define MANAGE .manage = "courses:manage", .other = "courses:manage|courses:approve"
/* Who approves sees what there is to approve. */
#define READ .manage = "courses:manage|courses:approve"

RUN_OP(courses_approve, .sql = SQL_COURSES_APPROVE, .params = "tiu")

/* ---- modules ---- */

#define MODULE_FIELDS                                                                              \
    {.name = "description", .type = FIELD_STR, .max = 10000, .flags = FIELD_BLANK_IS_ABSENT},      \
        {.name = "orderIndex", .type = FIELD_INT, .min = 0, .max = 100000},                        \
        {.name = "contentType", .type = FIELD_CHOICE, .choices = "video|text|scorm|h5p|quiz"},     \
        {.name = "contentUrl", .type = FIELD_URL, .max = 500, .flags = FIELD_BLANK_IS_ABSENT},     \
        {.name = "contentData", .type = FIELD_OBJECT, .max = 262144},                              \
        {.name = "duration", .type = FIELD_INT, .min = 0, .max = 100000},                          \
        {.name = "isRequired", .type = FIELD_BOOL},                                                \
    {                                                                                              \
        .name = "isActive", .type = FIELD_BOOL                                                     \
    }
const struct field schema_module_new[] = {
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    MODULE_FIELDS,
    {.name = NULL}};
const struct field schema_module_change[] = {
    {.name = "title", .type = FIELD_LINE, .min = 1, .max = 200}, MODULE_FIELDS, {.name = NULL}};
const struct field schema_module_order[] = {
    {.name = "ids", .type = FIELD_IDS, .flags = FIELD_REQUIRED, .min = 1, .max = 1000},
    {.name = NULL}};
const struct field schema_module_progress[] = {
    {.name = "status", .type = FIELD_CHOICE, .choices = "in_progress|completed"},
    {.name = "progressPercentage", .type = FIELD_INT, .min = 0, .max = 100},
    {.name = "timeSpent", .type = FIELD_INT, .min = 0, .max = 1440},
    {.name = "score", .type = FIELD_IGNORED},
    {.name = NULL}};

const struct field schema_modules[] = {LIST_FIELDS, {.name = NULL}};
RUN_OP(modules_list, .sql = SQL_MODULES_LIST, .params = "tuimp", .key = cursor_int, READ)
RUN_OP(modules_create, .sql = SQL_MODULES_CREATE, .params = "tuibmo", MANAGE,
       .lock = SQL_COURSES_LOCK)
RUN_OP(modules_order, .sql = SQL_MODULES_ORDER, .params = "tuibmo", MANAGE,
       .lock = SQL_COURSES_LOCK)
RUN_OP(modules_get, .sql = SQL_MODULES_GET, .params = "tuim", READ)
RUN_OP(modules_update, .sql = SQL_MODULES_UPDATE, .params = "tuibmvo", MANAGE,
       .lock = SQL_MODULES_LOCK)
RUN_OP(modules_delete, .sql = SQL_MODULES_DELETE, .params = "tuimvo", MANAGE,
       .lock = SQL_MODULES_LOCK)

static int progressed(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_outcome(state, m, 2);
}

/* Two statements, so that the second one counts what the first one wrote, by modules that stay. */
int op_modules_progress(struct actor *self, void *state, const struct msg *m)
{
    static const struct run write = {
        .sql = SQL_MODULES_PROGRESS, .params = "tuib", .lock = SQL_MODULES_HOLD};
    static const struct run renew = {.sql = SQL_MODULES_PROGRESSED, .params = "tuim", READ};
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_errors_as_result(g);
    rest_put(g, r, &write, NULL);
    rest_put(g, r, &renew, NULL);
    return rest_ask(self, g, progressed);
}

/* ---- enrolments ---- */

const struct field schema_enrollments[] = {
    {.name = "status", .type = FIELD_CHOICE, .choices = "enrolled|in_progress|completed|dropped"},
    {.name = "sessionId", .type = FIELD_ID},
    LIST_FIELDS,
    {.name = NULL}};
const struct field schema_enrollments_mine[] = {
    {.name = "status", .type = FIELD_CHOICE, .choices = "enrolled|in_progress|completed|dropped"},
    {.name = "establishmentId", .type = FIELD_TENANT},
    LIST_FIELDS,
    {.name = NULL}};
const struct field schema_enroll_batch[] = {
    {.name = "learnerIds", .type = FIELD_IDS, .flags = FIELD_REQUIRED, .min = 1, .max = 1000},
    {.name = NULL}};
const struct field schema_completion[] = {
    {.name = "learnerId", .type = FIELD_ID, .flags = FIELD_REQUIRED},
    {.name = "finalGrade", .type = FIELD_DECIMAL, .max = 999},
    {.name = NULL}};

RUN_OP(enrollments_mine, .sql = SQL_ENROLLMENTS_MINE, .params = "tuqp", .key = time_valid)
RUN_OP(enrollments_list, .sql = SQL_ENROLLMENTS_LIST, .params = "tuimqop", MANAGE,
       .key = time_valid)
RUN_OP(enrollments_batch, .sql = SQL_ENROLLMENTS_BATCH, .params = "tuibmo", MANAGE,
       .lock = SQL_COURSES_LOCK)
RUN_OP(enrollments_complete, .sql = SQL_ENROLLMENTS_COMPLETE, .params = "tuibmo", MANAGE,
       .lock = SQL_COURSES_LOCK)

/* ---- training sessions ---- */

#define SESSION_FIELDS(clears)                                                                     \
    {.name = "description", .type = FIELD_STR, .max = 5000, .flags = FIELD_BLANK_IS_ABSENT},       \
        {.name = "startDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT | (clears)},      \
        {.name = "endDate", .type = FIELD_TIME, .flags = FIELD_BLANK_IS_ABSENT | (clears)},        \
        {.name = "maxParticipants",                                                                \
         .type = FIELD_INT,                                                                        \
         .min = 1,                                                                                 \
         .max = 100000,                                                                            \
         .flags = (clears)},                                                                       \
        {.name = "meetingUrl",                                                                     \
         .type = FIELD_URL,                                                                        \
         .max = 500,                                                                               \
         .flags = FIELD_BLANK_IS_ABSENT | (clears)},                                               \
        {.name = "meetingId",                                                                      \
         .type = FIELD_LINE,                                                                       \
         .max = 100,                                                                               \
         .flags = FIELD_BLANK_IS_ABSENT | (clears)},                                               \
    {                                                                                              \
        .name = "meetingPlatform", .type = FIELD_CHOICE, .choices = "zoom|meet|bigbluebutton",     \
        .flags = FIELD_BLANK_IS_ABSENT                                                             \
    }
const struct field schema_training_new[] = {
    {.name = "name", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    SESSION_FIELDS(0),
    {.name = NULL}};
const struct field schema_training_change[] = {
    {.name = "name", .type = FIELD_LINE, .min = 1, .max = 200},
    SESSION_FIELDS(FIELD_NULL_CLEARS),
    {.name = NULL}};
const struct field schema_training_status[] = {
    {.name = "status",
     .type = FIELD_CHOICE,
     .flags = FIELD_REQUIRED,
     .choices = "draft|pending_approval|approved|active|completed|archived"},
    {.name = NULL}};

RUN_OP(training_list, .sql = SQL_TRAINING_LIST, .params = "tuimp", .key = time_valid, READ)
RUN_OP(training_create, .sql = SQL_TRAINING_CREATE, .params = "tuibmo", MANAGE)
RUN_OP(training_get, .sql = SQL_TRAINING_GET, .params = "tuim", READ)
RUN_OP(training_update, .sql = SQL_TRAINING_UPDATE, .params = "tuibmvo", MANAGE,
       .lock = SQL_TRAINING_LOCK)
RUN_OP(training_delete, .sql = SQL_TRAINING_DELETE, .params = "tuimvo", MANAGE,
       .lock = SQL_TRAINING_LOCK)
/* Whoever manages every course is also who approves; a school may take either away. */
RUN_OP(training_move, .sql = SQL_TRAINING_MOVE, .params = "tuibmo", .manage = "courses:approve",
       .other = "courses:manage")

/* ---- trainer spaces ---- */

const struct field schema_spaces[] = {
    {.name = "establishmentId", .type = FIELD_TENANT}, LIST_FIELDS, {.name = NULL}};
const struct field schema_space_new[] = {
    {.name = "name", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 120},
    {.name = "description", .type = FIELD_STR, .max = 2000, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

RUN_OP(spaces_list, .sql = SQL_TRAINING_SPACES, .params = "tump", READ, .key = time_valid)
RUN_OP(spaces_request, .sql = SQL_TRAINING_SPACE_REQUEST, .params = "ub")
RUN_OP(spaces_approve, .sql = SQL_TRAINING_SPACE_APPROVE, .params = "tui")

/* ---- certificates ---- */

const struct field schema_certificates[] = {{.name = "all", .type = FIELD_BOOL},
                                            {.name = "courseId", .type = FIELD_ID},
                                            {.name = "establishmentId", .type = FIELD_TENANT},
                                            LIST_FIELDS,
                                            {.name = NULL}};
const struct field schema_revocation[] = {
    {.name = "reason", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 500},
    {.name = NULL}};

RUN_OP(certificates_list, .sql = SQL_CERTIFICATES_LIST, .params = "tuqmp", MANAGE,
       .key = time_valid)
RUN_OP(certificates_get, .sql = SQL_CERTIFICATES_GET, .params = "tuim", MANAGE)
RUN_OP(certificates_verify, .sql = SQL_CERTIFICATES_VERIFY, .params = "i")
RUN_OP(certificates_revoke, .sql = SQL_CERTIFICATES_REVOKE, .params = "tib")
