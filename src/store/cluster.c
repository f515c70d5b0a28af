/*
 * The private cluster as it is found: its directory, PostgreSQL's programs, the user it runs as,
 * its processes. Whether a process is the cluster's is told by its working directory, never by a
 * pid file alone: pids are reused.
 */
#include "store_private.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "stacgate/ids.h"

enum { PG_MIN = 15, SOCKET_PATH_MAX = 100 };

char *store_path(const char *dir, const char *name)
{
    size_t a = strlen(dir), b = strlen(name) + 1;
    char *path = xmalloc(a + 1 + b);

    memcpy(path, dir, a);
    path[a] = '/';
    memcpy(path + a + 1, name, b);
    return path;
}

/* ---- finding ---- */

/* In the cluster itself unless that path is too long for a socket; then a directory of its own,
 * named by the data directory. */
char *cluster_socket_dir(const char *data_dir)
{
    char *dir = store_path(data_dir, "pg"), digest[65];
    const char *run = getenv("XDG_RUNTIME_DIR");

    if (strlen(dir) + sizeof("/.s.PGSQL.5432") <= SOCKET_PATH_MAX)
        return dir;
    sha256_hex(dir, strlen(dir), digest);
    free(dir);
    struct buf b = BUF_INIT;
    const char *base = geteuid() == 0                           ? "/run"
                       : run && *run == '/' && strlen(run) < 50 ? run
                                                                : "/tmp";
    buf_printf(&b, "%s/stacgate-%.16s", base, digest);
    dir = xstrdup(buf_cstr(&b));
    buf_finish(&b);
    return dir;
}

int cluster_version(const char *dir)
{
    char *path = store_path(dir, "PG_VERSION"), text[16] = "";
    FILE *f = fopen(path, "re");

    free(path);
    if (f) {
        if (!fgets(text, sizeof(text), f))
            text[0] = '\0';
        fclose(f);
    }
    return atoi(text);
}

static bool has_programs(const char *bin)
{
    char *server = store_path(bin, "postgres"), *init = store_path(bin, "initdb");
    bool good = access(server, X_OK) == 0 && access(init, X_OK) == 0;

    free(server);
    free(init);
    return good;
}

/* The programs of version `want`, or the newest that will do when it is 0. */
static char *find_programs(int want)
{
    static const char *const roots[] = {"/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin",
                                        "/usr/lib/postgresql%d/bin"};

    for (int version = want ? want : 40; version >= (want ? want : PG_MIN); version--) {
        for (unsigned i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
            struct buf b = BUF_INIT;
            const char *percent = strchr(roots[i], '%');
            buf_printf(&b, "%.*s%d%s", (int)(percent - roots[i]), roots[i], version, percent + 2);
            if (has_programs(buf_cstr(&b)))
                return (char *)b.data;
            buf_finish(&b);
        }
    }
    return NULL;
}

static int choose_user(struct cluster *c, char **ret_error)
{
    static const char *const candidates[] = {"postgres", "stacgate", "nobody"};
    struct stat st;
    struct passwd *pw = NULL;

    if (geteuid() != 0)
        pw = getpwuid(geteuid());
    else if (stat(c->dir, &st) == 0 && st.st_uid != 0)
        pw = getpwuid(st.st_uid);
    else
        for (unsigned i = 0; !pw && i < sizeof(candidates) / sizeof(candidates[0]); i++)
            pw = getpwnam(candidates[i]);
    if (!pw)
        return store_fail(
            ret_error, -EINVAL,
            "aucun utilisateur pour PostgreSQL : créez-en un (adduser --system postgres)",
            "no user for PostgreSQL to run as: make one (adduser --system postgres)");
    c->uid = pw->pw_uid;
    c->gid = pw->pw_gid;
    snprintf(c->user, sizeof(c->user), "%s", pw->pw_name);
    return 0;
}

int cluster_open(const char *data_dir, struct cluster *ret, char **ret_error)
{
    struct cluster c = {.dir = store_path(data_dir, "pg"), .sockets = cluster_socket_dir(data_dir)};
    int version = cluster_version(c.dir), err;

    c.bin = find_programs(version);
    if (!c.bin && version)
        err = store_fail(ret_error, -EINVAL,
                         "la base de %s est de PostgreSQL %d, absent de cette machine : apt-get "
                         "install postgresql-%d",
                         "the database in %s is PostgreSQL %d's, which this machine lacks: apt-get "
                         "install postgresql-%d",
                         c.dir, version, version);
    else if (!c.bin)
        err = store_fail(ret_error, -EINVAL,
                         "PostgreSQL %d ou plus récent est introuvable : apt-get install "
                         "postgresql, ou donnez DATABASE_URL",
                         "PostgreSQL %d or newer was not found: apt-get install postgresql, or "
                         "give DATABASE_URL",
                         PG_MIN);
    else
        err = choose_user(&c, ret_error);
    if (err)
        cluster_finish(&c);
    else
        *ret = c;
    return err;
}

void cluster_finish(struct cluster *c)
{
    free(c->dir);
    free(c->sockets);
    free(c->bin);
    *c = (struct cluster){0};
}

/* ---- processes ---- */

static bool works_in(const char *pid, const struct stat *dir)
{
    char link[32];
    struct stat st;

    snprintf(link, sizeof(link), "/proc/%.10s/cwd", pid);
    return stat(link, &st) == 0 && st.st_dev == dir->st_dev && st.st_ino == dir->st_ino;
}

int cluster_pid(const struct cluster *c)
{
    char *path = store_path(c->dir, "postmaster.pid"), text[16] = "";
    FILE *f = fopen(path, "re");
    struct stat dir;

    free(path);
    if (!f)
        return 0;
    if (!fgets(text, sizeof(text), f))
        text[0] = '\0';
    fclose(f);
    text[strcspn(text, "\n")] = '\0';
    return atoi(text) > 1 && stat(c->dir, &dir) == 0 && works_in(text, &dir) ? atoi(text) : 0;
}

bool cluster_busy(const struct cluster *c)
{
    DIR *proc = opendir("/proc");
    struct stat dir;
    struct dirent *e;
    bool busy = false;

    if (proc && stat(c->dir, &dir) == 0)
        while (!busy && (e = readdir(proc)))
            busy = isdigit((unsigned char)e->d_name[0]) && works_in(e->d_name, &dir);
    if (proc)
        closedir(proc);
    return busy;
}
