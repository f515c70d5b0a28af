/*
 * Courses: the catalogue and enrolment. Each operation is one statement (run.h); whoever is not
 * allowed to see a course gets 404 from it, as if there were none.
 */
#include "run.h"

#define MANAGE .manage = "courses:manage", .other = "courses:manage|courses:approve"
/* Who approves sees what there is to approve. */
#define READ .manage = "courses:manage|courses:approve"

/* ---- GET /api/courses ---- */

const struct field schema_courses[] = {
    {.name = "category", .type = FIELD_STR, .max = 100, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "level", .type = FIELD_STR, .max = 30, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "type", .type = FIELD_STR, .max = 30, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "language", .type = FIELD_STR, .max = 30, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "instructorId", .type = FIELD_ID},
    {.name = "tag", .type = FIELD_STR, .max = 64, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "q", .type = FIELD_STR, .max = 100, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "isActive", .type = FIELD_BOOL},
    {.name = "sort",
     .type = FIELD_CHOICE,
     .choices =
         "createdAt|-createdAt|title|-title|rating|-rating|enrollmentCount|-enrollmentCount"},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    LIST_FIELDS,
    {.name = NULL}};

/* Nobody's tenant is the one they ask about, else that of the host: only public courses of a school
 * answer there. */
int op_courses_list(struct actor *self, void *state, const struct msg *m)
{
    static const struct run newest = {
        .sql = SQL_COURSES_LIST, .params = "tuqmp", READ, .key = time_valid};
    static const struct run sorted = {
        .sql = SQL_COURSES_SORTED, .params = "tuqmp", READ, .key = cursor_any};
    struct rest *r = state;
    struct str sort = rest_arg(r, "sort");

    (void)m;
    if (!r->tenant[0])
        return rest_reply_text(r, 200, STR("[]"));
    return rest_run(self, r, sort.p && !str_is(sort, "createdAt") ? &sorted : &newest);
}

/* ---- GET /api/courses/:id ---- */

RUN_OP(courses_get, .sql = SQL_COURSES_GET, .params = "tuim", READ)

/* ---- POST and PUT ---- */

#define COURSE_FIELDS(clears)                                                                      \
    {.name = "shortDescription", .type = FIELD_STR, .max = 500, .flags = FIELD_BLANK_IS_ABSENT},   \
        {.name = "type",                                                                           \
         .type = FIELD_CHOICE,                                                                     \
         .choices = "synchrone|asynchrone|mixte|cours",                                            \
         .flags = FIELD_BLANK_IS_ABSENT},                                                          \
        {.name = "price", .type = FIELD_DECIMAL, .max = 99999999, .flags = FIELD_BLANK_IS_ABSENT}, \
        {.name = "isFree", .type = FIELD_BOOL},                                                    \
        {.name = "duration", .type = FIELD_INT, .min = 0, .max = 100000},                          \
        {.name = "level",                                                                          \
         .type = FIELD_CHOICE,                                                                     \
         .choices = "debutant|intermediaire|avance|débutant|intermédiaire|avancé",                 \
         .flags = FIELD_BLANK_IS_ABSENT},                                                          \
        {.name = "language", .type = FIELD_LINE, .max = 30, .flags = FIELD_BLANK_IS_ABSENT},       \
        {.name = "tags", .type = FIELD_TEXTS, .max = 20},                                          \
        {.name = "imageUrl", .type = FIELD_URL, .max = 500, .flags = FIELD_BLANK_IS_ABSENT},       \
        {.name = "thumbnailUrl", .type = FIELD_URL, .max = 500, .flags = FIELD_BLANK_IS_ABSENT},   \
        {.name = "videoTrailerUrl",                                                                \
         .type = FIELD_URL,                                                                        \
         .max = 500,                                                                               \
         .flags = FIELD_BLANK_IS_ABSENT},                                                          \
        {.name = "instructorId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},                \
        {.name = "isPublic", .type = FIELD_BOOL}, {.name = "isActive", .type = FIELD_BOOL},        \
        {.name = "maxParticipants",                                                                \
         .type = FIELD_INT,                                                                        \
         .min = 1,                                                                                 \
         .max = 100000,                                                                            \
         .flags = (clears)},                                                                       \
        {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},         \
        {.name = "rating", .type = FIELD_IGNORED},                                                 \
    {                                                                                              \
        .name = "enrollmentCount", .type = FIELD_IGNORED                                           \
    }

const struct field schema_course_new[] = {
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = "description", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 20000},
    {.name = "category", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 100},
    COURSE_FIELDS(0),
    {.name = NULL}};

const struct field schema_course_change[] = {
    {.name = "title", .type = FIELD_LINE, .min = 1, .max = 200},
    {.name = "description", .type = FIELD_STR, .min = 1, .max = 20000},
    {.name = "category", .type = FIELD_LINE, .min = 1, .max = 100},
    COURSE_FIELDS(FIELD_NULL_CLEARS),
    {.name = NULL}};

const struct field schema_course_delete[] = {{.name = "force", .type = FIELD_BOOL}, {.name = NULL}};

RUN_OP(courses_create, .sql = SQL_COURSES_CREATE, .params = "ubm", MANAGE)
RUN_OP(courses_update, .sql = SQL_COURSES_UPDATE, .params = "tuibmvo", MANAGE,
       .lock = SQL_COURSES_LOCK)
RUN_OP(courses_delete, .sql = SQL_COURSES_DELETE, .params = "tiqavu", .lock = SQL_COURSES_LOCK)

/* ---- POST /api/courses/:id/enroll ---- */

const struct field schema_enroll[] = {
    {.name = "action", .type = FIELD_CHOICE, .choices = "enroll|unenroll"},
    {.name = "sessionId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "userId", .type = FIELD_CALLER, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

/* The course's row is locked first, so that the statement after it counts what is there by then. */
int op_courses_enroll(struct actor *self, void *state, const struct msg *m)
{
    static const struct run in = {
        .sql = SQL_COURSES_ENROLL, .params = "tuibm", READ, .lock = SQL_COURSES_LOCK};
    static const struct run out = {
        .sql = SQL_COURSES_UNENROLL, .params = "tuim", READ, .lock = SQL_COURSES_LOCK};
    struct rest *r = state;

    (void)m;
    return rest_run(self, r, str_is(rest_arg(r, "action"), "unenroll") ? &out : &in);
}
