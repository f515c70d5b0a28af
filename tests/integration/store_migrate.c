/*
 * Migrations: an old installation is adopted without losing a row, several that start together run
 * each once, and a database that this build must not touch is left alone with a sentence.
 */
#include "unit/runtime_criterion.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "stacgate/buf.h"

static struct store_target t;
static struct buf told;
static char *error;

/* Where the next sentence goes; the last one is dropped. */
static char **fresh(void)
{
    free(error);
    error = NULL;
    return &error;
}

static void tell(const char *line)
{
    buf_puts(&told, line);
    buf_putc(&told, '\n');
}

static void load(const char *path)
{
    struct buf b = BUF_INIT;
    FILE *f = fopen(path, "re");

    cr_assert_not_null(f, "%s", path);
    for (int c; (c = fgetc(f)) != EOF;)
        buf_putc(&b, (char)c);
    fclose(f);
    harness_exec(t.owner_conninfo, buf_cstr(&b));
    buf_finish(&b);
}

#define IS(expected, sql)                                                                          \
    cr_assert_str_eq(harness_value(t.owner_conninfo, sql), expected, "%s: %s", sql,                \
                     harness_value(t.owner_conninfo, sql))

/* Every row of a table as one text, without the columns that migrations added. */
static const char *contents(const char *table)
{
    char sql[1000];

    /* Sessions always had places of their own; courses got them. How many follow a course is
     * counted. */
    snprintf(
        sql, sizeof(sql),
        "select coalesce(md5(string_agg(j::text, ';' order by j::text)), '') from (select "
        "to_jsonb(x) - array["
        "'establishment_id', 'seq', 'client_op_id', 'last_read_seq', 'muted_until', 'row_version', "
        "'version', 'draft_of', 'writers', 'seed', 'submit_key', 'deadline', 'results', "
        "'language', 'views', "
        "'words', "
        "'data_seq', 'locked', 'locked_ids', 'poll_closed_at', 'live', 'live_from', 'live_until', "
        "'is_open', 'room_of', 'is_reviewable', 'progress_before', "
        "case '%s' when 'courses' then 'max_participants' else '' end, "
        "case '%s' when 'courses' then 'enrollment_count' else '' end] j from %s x) y",
        table, table, table);
    return harness_value(t.owner_conninfo, sql);
}

Test(migrate, adopts_an_old_installation)
{
    static const char *const untouched[] = {"establishments",
                                            "users",
                                            "courses",
                                            "training_sessions",
                                            "course_modules",
                                            "assessments",
                                            "assessment_attempts",
                                            "study_group_messages",
                                            "study_sessions",
                                            "study_session_participants",
                                            "whiteboards",
                                            "shared_files",
                                            "help_contents",
                                            "customizable_contents",
                                            "customizable_pages",
                                            "page_sections",
                                            "sessions",
                                            "user_permissions"};
    enum { COUNT = sizeof(untouched) / sizeof(untouched[0]) };
    char before[COUNT][40];

    harness_empty("adopt", &t);
    load(STACGATE_FIXTURES "/old_install.sql");
    for (unsigned i = 0; i < COUNT; i++)
        snprintf(before[i], sizeof(before[i]), "%s", contents(untouched[i]));
    cr_assert_eq(store_migrate(&t, tell, fresh()), 0, "%s", error);
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert_str_eq(contents(untouched[i]), before[i], "%s", untouched[i]);

    IS("0",
       "select count(*) from courses c where enrollment_count is distinct from (select count(*) "
       "from user_courses e where e.course_id = c.id and e.status is distinct from 'dropped')");
    IS("t", "select bool_or(enrollment_count > 0) from courses");
    /* Messages are numbered by time, then id; what was said before counts as read. */
    IS("z1a2b3c4", "select string_agg(id || seq, '' order by seq) from study_group_messages where "
                   "study_group_id = 'g1'");
    IS("1", "select seq from study_group_messages where id = 'x'");
    IS("4", "select min(last_read_seq) from study_group_members where study_group_id = 'g1'");
    /* Doubles: the highest role stays, the furthest enrolment, the oldest reaction. */
    IS("gm2,gm4,gm6",
       "select string_agg(id, ',' order by id) from study_group_members where is_active");
    IS("2", "select current_members from study_groups where id = 'g1'");
    IS("5", "select current_members from study_groups where id = 'g3'");
    IS("uc2,uc4",
       "select string_agg(id, ',' order by id) from user_courses where status <> 'dropped'");
    IS("5", "select count(*) from user_courses");
    IS("uc2 80",
       "select string_agg(id || ' ' || progress_before, ',' order by id) from user_courses "
       "where progress_before is not null");
    IS("r1,r3,r4", "select string_agg(id, ',' order by id) from message_reactions");
    IS("message_reactions r2 👍", "select table_name || ' ' || (\"row\" ->> 'id') || ' ' || "
                                 "(\"row\" ->> 'emoji') from adoption_rejects "
                                 "where table_name = 'message_reactions'");
    IS("message_reactions,user_module_progress",
       "select string_agg(table_name, ',' order by 1) from adoption_rejects");
    IS("pr1", "select string_agg(id, ',') from user_module_progress");
    /* Tenants arrived everywhere they can. */
    IS("e1",
       "select distinct establishment_id from study_group_members where study_group_id = 'g1'");
    IS("e2", "select establishment_id from message_reactions where id = 'r4'");
    IS("e1", "select establishment_id from user_module_progress");
    IS("", "select establishment_id from training_sessions where id = 't0'");
    /* The names that an old catalogue has keep their rows. */
    IS("1", "select count(*) from permissions where name = 'courses:create' and id = 'old-p'");
    IS("1", "select count(*) from permissions where name = 'old:thing'");
    /* The mixed assessment stays; another one is refused. */
    cr_assert_str_eq(
        harness_refused(
            t.owner_conninfo,
            "insert into assessments (course_id, establishment_id, title, assessment_type)"
            " values ('c1', 'e2', 'x', 'quiz')"),
        "23503");
    cr_assert_str_eq(
        harness_refused(
            t.owner_conninfo,
            "insert into study_group_members (study_group_id, user_id) values ('g1', 'u2')"),
        "23505");
    cr_assert_str_eq(
        harness_refused(t.owner_conninfo,
                        "insert into user_courses (user_id, course_id) values ('u2', 'c1')"),
        "23505");
    /* Its HTML waits for the server's cleaner, which takes some rows at a time. */
    IS("15", "select count(*) from html_passes where cleaner = 0");
    IS("m1", "select string_agg(id, ',') from html_next(1, 100000)");
    IS("0", "select html_done(1, 'course_modules', '', 'm1', '[]')");
    IS("c0,c1,c2", "select string_agg(id, ',') from html_next(1, 100000)");
    IS("0", "select html_done(1, 'courses', '', 'c2', '[]')");
    IS("co1", "select string_agg(id, ',') from html_next(1, 1)");
    IS("co1,co2", "select string_agg(id, ',') from html_next(1, 100000)");
    IS("-1", "select html_done(1, 'customizable_contents', 'co1', 'co2', '[]')");
    IS("-1", "select html_done(1, 'customizable_contents', '', 'co2', "
             "'[{\"id\": \"co1\", \"old\": {\"content\": \"another\"}, \"new\": {}}]')");
    IS("0", "select html_done(1, 'customizable_contents', '', 'co1', '[]')");
    IS("co2", "select string_agg(id, ',') from html_next(1, 100000)");
    IS("m1", "select string_agg(id, ',') from html_next(2, 100000)");
    /* What the old application still inserts its way arrives whole. */
    IS("e1", "insert into study_group_messages (study_group_id, sender_id, content) values ('g1', "
             "'u1', 'x') returning establishment_id");
    IS("0", "select count(*) from session_lookup('{plain-old-sid}')");
    IS("u2", "select user_id from signin_lookup('eleve.un@ancien.test')");

    const char *text = buf_cstr(&told);
    cr_assert(strstr(text, "2 double memberships"), "%s", text);
    cr_assert(strstr(text, "2 double enrolments"), "%s", text);
    cr_assert(strstr(text, "message_reactions: 1 doubles"), "%s", text);
    cr_assert(strstr(text, "assessments: some rows name a course_id"), "%s", text);
    cr_assert(strstr(text, "courses: 1 rows reach no establishment"), "%s", text);
    cr_assert(strstr(text, "1 accounts without establishment"), "%s", text);
    cr_assert_null(strstr(text, "already exists"), "%s", text);

    buf_clear(&told);
    cr_assert_eq(store_migrate(&t, tell, fresh()), 0);
    cr_assert_eq(told.len, 0, "a second time does nothing: %s", buf_cstr(&told));
    cr_assert_eq(store_schema_check(&t, fresh()), 0);
}

/* Two accounts with one address but for capitals: both stay, each by its own spelling; no third. */
Test(migrate, addresses_that_differ_by_capitals)
{
    harness_empty("capitals", &t);
    load(STACGATE_FIXTURES "/old_install.sql");
    harness_exec(t.owner_conninfo,
                 "insert into users (id, establishment_id, email, username, password) values "
                 "('u9', 'e2', 'ELEVE.un@ancien.test', 'neuf', 'x')");
    cr_assert_eq(store_migrate(&t, tell, fresh()), 0, "%s", error);
    IS("6", "select count(*) from users");
    IS("u2", "select user_id from signin_lookup('Eleve.Un@ancien.test')");
    IS("u9", "select user_id from signin_lookup('ELEVE.un@ancien.test')");
    IS("0", "select count(*) from signin_lookup('eleve.un@ancien.test')");
    IS("t", "select bool_and(accounts like '%Eleve.Un@ancien.test (%' and accounts like "
            "'%ELEVE.un@ancien.test (%') from same_addresses()");
    cr_assert_str_eq(harness_refused(t.owner_conninfo,
                                     "insert into users (establishment_id, email, username, "
                                     "password) values ('e1', 'eleve.un@ancien.test', 'x', 'x')"),
                     "23505");
    cr_assert_str_eq(harness_refused(t.owner_conninfo, "update users set email = "
                                                       "'ELEVE.UN@ancien.test' where id = 'u3'"),
                     "23505");
    harness_exec(t.owner_conninfo, "update users set first_name = 'Ana' where id = 'u9'");
}

/* The baseline on an empty database is what an old installation has: columns, types, defaults,
 * nullability. */
Test(migrate, baseline_equals_an_old_installation)
{
    static const char shape[] =
        "select md5(string_agg(concat_ws(' ', table_name, column_name, data_type, udt_name, "
        "numeric_precision, numeric_scale, is_nullable,"
        " column_default), ';' order by table_name, column_name)) || count(*) || count(distinct "
        "table_name)"
        " from information_schema.columns where table_schema = 'public'";
    static const char keys[] =
        "select md5(string_agg(conrelid::regclass || regexp_replace(pg_get_constraintdef(oid), "
        "'public\\.', ''), ';' order by conrelid::regclass::text,"
        " pg_get_constraintdef(oid))) || count(*) from pg_constraint where connamespace = "
        "'public'::regnamespace";

    harness_empty("baseline_old", &t);
    load(STACGATE_FIXTURES "/old_install.sql");
    char *old_shape = xstrdup(harness_value(t.owner_conninfo, shape)),
         *old_keys = xstrdup(harness_value(t.owner_conninfo, keys));
    store_target_finish(&t);
    harness_empty("baseline_new", &t);
    load(STACGATE_FIXTURES "/../../../src/store/migrations/0001_baseline.sql");
    IS(old_shape, shape);
    IS(old_keys, keys);
    IS("35", "select count(*) from pg_class where relkind = 'r' and relnamespace = "
             "'public'::regnamespace");
    IS("6", "select count(*) from pg_type where typtype = 'e'");
    free(old_shape);
    free(old_keys);
}

Test(migrate, three_at_once_run_each_once)
{
    pid_t children[3];

    harness_empty("three", &t);
    for (int i = 0; i < 3; i++)
        if ((children[i] = fork()) == 0)
            _exit(store_migrate(&t, NULL, fresh()) == 0 ? 0 : 1);
    for (int i = 0; i < 3; i++) {
        int status;
        waitpid(children[i], &status, 0);
        cr_assert_eq(status, 0);
    }
    cr_assert_eq(store_schema_check(&t, fresh()), 0, "%s", error);
    IS("t", "select count(*) = count(distinct name) and count(*) > 4 from schema_migrations");
}

Test(migrate, leaves_alone_what_it_does_not_know)
{
    harness_empty("unknown", &t);
    cr_assert_eq(store_schema_check(&t, fresh()), -EAGAIN);
    cr_assert_eq(store_migrate(&t, NULL, fresh()), 0);
    cr_assert_eq(store_schema_check(&t, fresh()), 0);
    harness_exec(
        t.owner_conninfo,
        "insert into schema_migrations (name, checksum, ms) values ('9999_future', 'x', 0)");
    cr_assert_eq(store_migrate(&t, NULL, fresh()), -EINVAL);
    cr_assert(strstr(error, "9999_future"));
    cr_assert_eq(store_schema_check(&t, fresh()), -EINVAL);
    harness_exec(t.owner_conninfo,
                 "delete from schema_migrations where name = '9999_future'; update "
                 "schema_migrations set checksum = 'y' where name = '0001_baseline'");
    cr_assert_eq(store_migrate(&t, NULL, fresh()), -EINVAL);
    cr_assert(strstr(error, "0001_baseline"));
}

/* Half a migration is none: what fails leaves no trace and may be tried again. */
Test(migrate, a_failed_one_leaves_nothing)
{
    harness_empty("half", &t);
    harness_exec(t.owner_conninfo, "create table channels (surprise int)");
    cr_assert_eq(store_migrate(&t, NULL, fresh()), -EINVAL);
    cr_assert(strstr(error, "0003_study_groups"), "%s", error);
    IS("0002_tenants", "select max(name) from schema_migrations");
    IS("", "select to_regclass('adoption_rejects')");
    harness_exec(t.owner_conninfo, "drop table channels");
    cr_assert_eq(store_migrate(&t, NULL, fresh()), 0, "%s", error);
}

/* An owner that is no superuser, with CREATEROLE: what hosted databases give. */
Test(migrate, an_owner_without_superuser_is_enough)
{
    harness_empty("hosted", &t);
    harness_exec(t.owner_conninfo, "do $$ begin create role stacgate_hosted createrole; exception "
                                   "when duplicate_object then null; end $$;"
                                   "alter database hosted owner to stacgate_hosted");
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s options='-c role=stacgate_hosted'", t.owner_conninfo);
    struct store_target hosted = t;
    hosted.owner_conninfo = xstrdup(buf_cstr(&b));
    cr_assert_eq(store_migrate(&hosted, NULL, fresh()), 0, "%s", error);
    IS("0", "select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where "
            "r.rolname = 'stacgate_hosted'");
    IS("stacgate_definer",
       "select proowner::regrole from pg_proc where proname = 'session_lookup'");
    IS("f", "select has_schema_privilege('stacgate_definer', 'public', 'create')");
    IS("stacgate_hosted", "select distinct relowner::regrole from pg_class where relkind = 'r' and "
                          "relnamespace = 'public'::regnamespace");
    free(hosted.owner_conninfo);
    buf_finish(&b);
}
