/*
 * A person's notifications, what they want to hear of, and announcements. Rows are made by notify()
 * in the transactions of what they tell; here they are read.
 */
#include "run.h"

#define TYPES                                                                                      \
    "course_enrollment|assessment_graded|course_published|assessment_approved|"                    \
    "assessment_rejected|new_announcement|system_update|deadline_reminder"

const struct field schema_notifications[] = {
    {.name = "unread", .type = FIELD_BOOL},
    {.name = "type", .type = FIELD_CHOICE, .choices = TYPES},
    {.name = "establishmentId", .type = FIELD_TENANT},
    LIST_FIELDS,
    {.name = NULL}};
static const struct field preference_schema[] = {
    {.name = "type", .type = FIELD_CHOICE, .flags = FIELD_REQUIRED, .choices = TYPES},
    {.name = "medium", .type = FIELD_CHOICE, .choices = "app"},
    {.name = "enabled", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = NULL}};
const struct field schema_preferences[] = {{.name = "preferences",
                                            .type = FIELD_LIST,
                                            .flags = FIELD_REQUIRED,
                                            .max = 50,
                                            .inner = preference_schema},
                                           {.name = NULL}};
const struct field schema_announcement[] = {
    {.name = "title", .type = FIELD_LINE, .flags = FIELD_REQUIRED, .min = 1, .max = 200},
    {.name = "message", .type = FIELD_STR, .flags = FIELD_REQUIRED, .min = 1, .max = 5000},
    {.name = "role",
     .type = FIELD_CHOICE,
     .choices = "admin|manager|formateur|apprenant",
     .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "courseId", .type = FIELD_ID, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = "establishmentId", .type = FIELD_TENANT, .flags = FIELD_BLANK_IS_ABSENT},
    {.name = NULL}};

RUN_OP(notifications_list, .sql = SQL_NOTIFICATIONS_LIST, .params = "tuqp", .key = time_valid)
RUN_OP(notifications_unread, .sql = SQL_NOTIFICATIONS_UNREAD, .params = "tu")
RUN_OP(notifications_read, .sql = SQL_NOTIFICATIONS_READ, .params = "tui")
RUN_OP(notifications_read_all, .sql = SQL_NOTIFICATIONS_READ_ALL, .params = "tu")
RUN_OP(notifications_delete, .sql = SQL_NOTIFICATIONS_DELETE, .params = "tui")
RUN_OP(notifications_preferences, .sql = SQL_NOTIFICATIONS_PREFERENCES, .params = "u")
RUN_OP(announcements_create, .sql = SQL_NOTIFICATIONS_ANNOUNCE, .params = "tub")

RUN_OP(notifications_prefer, .sql = SQL_NOTIFICATIONS_PREFER, .params = "tubv",
       .lock = SQL_NOTIFICATIONS_LOCK)
