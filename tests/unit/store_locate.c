/*
 * Where the database is, from the environment; the password file; and connection strings that hold
 * every character.
 */
#include "unit/runtime_criterion.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_private.h"

static struct store_target t;
static char *error;
static char dir[] = "/tmp/stacgate-locate-XXXXXX";

/* Where the next sentence goes; the last one is dropped. */
static char **fresh(void)
{
    free(error);
    error = NULL;
    return &error;
}

static void setup(void)
{
    static const char *const names[] = {"DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGSERVICE",
                                        "STACGATE_APP_DATABASE_URL"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    cr_assert_not_null(mkdtemp(dir));
}

static int locate(void)
{
    store_target_finish(&t);
    return store_locate(dir, &t, fresh());
}

/* What libpq makes of a connection string. Overwritten by the next call but three. */
static const char *option(const char *conninfo, const char *key)
{
    static char kept[4][200];
    static unsigned at;
    char *value = kept[at++ % 4];
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

    cr_assert_not_null(options, "%s", conninfo);
    *value = '\0';
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (strcmp(o->keyword, key) == 0 && o->val)
            snprintf(value, sizeof(kept[0]), "%s", o->val);
    PQconninfoFree(options);
    return value;
}

static const char *password_path(void)
{
    static char path[100];

    snprintf(path, sizeof(path), "%s/%s", dir, PASSWORD_FILE);
    return path;
}

Test(locate, without_environment_it_is_the_private_cluster)
{
    setup();
    cr_assert_eq(locate(), 0);
    cr_assert(t.embedded);
    cr_assert_str_eq(option(t.app_conninfo, "user"), "stacgate_app");
    cr_assert_str_eq(option(t.owner_conninfo, "user"), "stacgate_owner");
    cr_assert_neq(access(password_path(), F_OK), 0);
}

Test(locate, a_url_gives_both_ways_in)
{
    setup();
    setenv("DATABASE_URL",
           "postgresql://own%27er:se%5Ccret@db.example:6543/school?sslmode=verify-full", 1);
    cr_assert_eq(locate(), 0, "%s", error);
    cr_assert_not(t.embedded);
    cr_assert_str_eq(option(t.owner_conninfo, "user"), "own'er");
    cr_assert_str_eq(option(t.owner_conninfo, "password"), "se\\cret");
    cr_assert_str_eq(option(t.app_conninfo, "user"), "stacgate_app");
    cr_assert_str_eq(option(t.app_conninfo, "host"), "db.example");
    cr_assert_str_eq(option(t.app_conninfo, "port"), "6543");
    cr_assert_str_eq(option(t.app_conninfo, "dbname"), "school");
    cr_assert_str_eq(option(t.app_conninfo, "sslmode"), "verify-full");
    cr_assert_eq(strlen(option(t.app_conninfo, "password")), 43);

    struct store_target again;
    cr_assert_eq(store_locate(dir, &again, fresh()), 0);
    cr_assert_str_eq(again.app_conninfo, t.app_conninfo, "the password stays");
    store_target_finish(&again);
    struct stat st;
    cr_assert_eq(stat(password_path(), &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(locate, a_password_that_others_can_read_is_refused)
{
    setup();
    setenv("DATABASE_URL", "postgresql://o@h/d", 1);
    cr_assert_eq(locate(), 0);
    chmod(password_path(), 0644);
    cr_assert_eq(locate(), -EINVAL);
    cr_assert(strstr(error, "chmod 600"));
}

Test(locate, the_server_may_have_a_url_of_its_own)
{
    setup();
    setenv("DATABASE_URL", "postgresql://o:p@h/d", 1);
    setenv("STACGATE_APP_DATABASE_URL", "postgresql://stacgate_app:q@h2/d", 1);
    cr_assert_eq(locate(), 0);
    cr_assert_str_eq(option(t.app_conninfo, "host"), "h2");
    cr_assert_str_eq(option(t.app_conninfo, "password"), "q");
    cr_assert_neq(access(password_path(), F_OK), 0);
}

Test(locate, libpq_s_own_environment_counts)
{
    setup();
    setenv("PGHOST", "/run/postgresql", 1);
    cr_assert_eq(locate(), 0);
    cr_assert_not(t.embedded);
    cr_assert_str_eq(t.owner_conninfo, "");
    cr_assert_str_eq(option(t.app_conninfo, "user"), "stacgate_app");
}

Test(locate, a_url_that_cannot_be_read_is_said)
{
    setup();
    setenv("DATABASE_URL", "postgresql://h:notaport/d?nonsense=1", 1);
    cr_assert_eq(locate(), -EINVAL);
    cr_assert(strstr(error, "DATABASE_URL"));
    setenv("DATABASE_URL", "postgresql://o:hush[@h/d", 1);
    locate();
    setenv("DATABASE_URL", "postgresql://o:hush@[::1/d", 1);
    cr_assert_eq(locate(), -EINVAL);
    cr_assert_null(strstr(error, "hush"), "%s", error);
}
