/*
 * Analytics: totals from roll-ups, live figures from the actors and from indexes. Staff see the
 * school, everybody themselves.
 */
#include "run.h"
#include "stacgate/channel.h"

const struct field schema_popular[] = {
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = 100},
    {.name = "period", .type = FIELD_CHOICE, .choices = "all|day|week|month|year"},
    {.name = "establishmentId", .type = FIELD_TENANT},
    {.name = NULL}};
/* userId is whom to look at, not who is asking. */
const struct field schema_user_stats[] = {{.name = "userId", .type = FIELD_ID},
                                          {.name = "establishmentId", .type = FIELD_TENANT},
                                          {.name = NULL}};
const struct field schema_course_progress[] = {
    {.name = "courseId", .type = FIELD_ID},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = 2000},
    {.name = "establishmentId", .type = FIELD_TENANT},
    {.name = NULL}};
const struct field schema_engagement[] = {
    {.name = "from", .type = FIELD_TIME},
    {.name = "to", .type = FIELD_TIME},
    {.name = "bucket", .type = FIELD_CHOICE, .choices = "day|week|month"},
    {.name = "establishmentId", .type = FIELD_TENANT},
    {.name = NULL}};

static int answered(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    return rest_outcome(state, m, 0);
}

static int64_t live(const struct rest *r)
{
    return *r->tenant ? live_sockets(r->tenant).connections : 0;
}

int op_analytics_overview(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_ANALYTICS_OVERVIEW);
    db_str(g, rest_tenant_filter(r));
    db_i64(g, live(r));
    return rest_ask(self, g, answered);
}

int op_analytics_dashboard(struct actor *self, void *state, const struct msg *m)
{
    return op_analytics_overview(self, state, m);
}

int op_analytics_school(struct actor *self, void *state, const struct msg *m)
{
    struct rest *r = state;
    struct db_group *g = rest_group(r, DB_READ);

    (void)m;
    db_stmt(g, SQL_ANALYTICS_SCHOOL);
    db_str(g, rest_tenant_filter(r));
    db_str(g, http_param(r->http, "id"));
    db_i64(g, live(r));
    db_bool(g, rest_language(r) == FRENCH);
    return rest_ask(self, g, answered);
}

RUN_OP(analytics_popular, .sql = SQL_ANALYTICS_POPULAR, .params = "tqi")
RUN_OP(analytics_popular_old, .sql = SQL_ANALYTICS_POPULAR, .params = "tqi")
RUN_OP(analytics_user_stats, .sql = SQL_ANALYTICS_USER_STATS, .params = "tuqms",
       .manage = "analytics:read")
RUN_OP(analytics_engagement, .sql = SQL_ANALYTICS_ENGAGEMENT, .params = "tq")

int op_analytics_course_progress(struct actor *self, void *state, const struct msg *m)
{
    static const struct run course = {.sql = SQL_ANALYTICS_COURSE_PROGRESS,
                                      .params = "tuqmo",
                                      .manage = "analytics:read",
                                      .other = "courses:manage|courses:approve"};
    static const struct run mine = {.sql = SQL_ANALYTICS_MY_PROGRESS, .params = "tu"};
    struct rest *r = state;

    (void)m;
    return rest_run(self, r, rest_arg(r, "courseId").p ? &course : &mine);
}
