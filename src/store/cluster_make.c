/*
 * Makes and starts the private cluster. A root server lends it to an unprivileged user, who may be
 * unable to walk to it (a data directory below /root): the programs then get it as an inherited
 * directory, /proc/self/fd/N.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "stacgate/config.h"
#include "store_private.h"

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* An empty directory for the cluster's user. */
static int make_directory(const struct cluster *c, const char *path, char **ret_error)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (mkdir(path, 0700) < 0 || (geteuid() == 0 && chown(path, c->uid, c->gid) < 0))
        return store_fail(ret_error, -EINVAL,
                          "impossible de créer %s (%s) : choisissez un autre --data",
                          "cannot make %s (%s): choose another --data", path, strerror(errno));
    return 0;
}

/* How the cluster's user reaches a directory: its path, or the descriptor that it inherits when we
 * are root. */
struct reach {
    int fd;
    char path[32];
};

static const char *reach(struct reach *r, const char *dir)
{
    r->fd = geteuid() == 0 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    snprintf(r->path, sizeof(r->path), "/proc/self/fd/%d", r->fd);
    return r->fd >= 0 ? r->path : dir;
}

static void reach_end(struct reach *r)
{
    if (r->fd >= 0)
        close(r->fd);
}

static int open_words(const char *data_dir)
{
    char *path = store_path(data_dir, "postgres-start.log");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

    free(path);
    return fd;
}

char *cluster_last_words(const char *data_dir)
{
    char *path = store_path(data_dir, "postgres-start.log"), text[2048];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    free(path);
    if (fd >= 0) {
        off_t size = lseek(fd, 0, SEEK_END);
        off_t from = size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0;
        n = pread(fd, text, sizeof(text) - 1, from);
        close(fd);
    }
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n > 0 ? n : 0] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    return xstrdup(text);
}

static int run_initdb(const struct cluster *c, const char *data_dir, const char *dir)
{
    struct reach r;
    const char *where = reach(&r, dir);
    char *program = store_path(c->bin, "initdb");
    const char *const argv[] = {program, /* its path: it looks for its own folder by this word */
                                "-D",
                                where,
                                "-U",
                                OWNER_ROLE,
                                "--encoding=UTF8",
                                "--locale=C.UTF-8",
                                "--lc-collate=C",
                                "--auth-local=peer",
                                "--auth-host=reject",
                                "--data-checksums",
                                "--no-instructions",
                                NULL};
    int output = open_words(data_dir), status = -1;
    char *copy[sizeof(argv) / sizeof(argv[0])];

    for (unsigned i = 0; i < sizeof(argv) / sizeof(argv[0]); i++)
        copy[i] = argv[i] ? xstrdup(argv[i]) : NULL;
    int pid = output < 0
                  ? -1
                  : spawn_process(&(struct spawn){program, copy, c->uid, c->gid, output, r.fd});
    if (pid > 0)
        status = spawn_wait(pid);
    for (unsigned i = 0; copy[i]; i++)
        free(copy[i]);
    free(program);
    if (output >= 0)
        close(output);
    reach_end(&r);
    return status;
}

/* Made under another name and renamed whole, so that one that was interrupted is never taken for a
 * cluster. */
int cluster_create(const struct cluster *c, const char *data_dir, char **ret_error)
{
    if (cluster_version(c->dir))
        return 0;

    char *fresh = store_path(data_dir, "pg.new");
    int err = make_directory(c, fresh, ret_error);
    if (!err && run_initdb(c, data_dir, fresh) != 0) {
        char *why = cluster_last_words(data_dir);
        err = store_fail(ret_error, -EINVAL, "initdb a échoué dans %s : %s",
                         "initdb failed in %s: %s", fresh, why);
        free(why);
    }
    if (!err && rename(fresh, c->dir) < 0)
        err = store_fail(ret_error, -EINVAL,
                         "%s ne peut pas être renommé (%s) : déplacez ce qui occupe %s",
                         "%s cannot be renamed (%s): move away what stands at %s", fresh,
                         strerror(errno), c->dir);
    free(fresh);
    return err;
}

static int write_file(const struct cluster *c, const char *name, struct buf *text, char **ret_error)
{
    char *path = store_path(c->dir, name), *tmp = store_path(c->dir, "stacgate.tmp");
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), err = 0;

    if (fd < 0 || write(fd, text->data, text->len) != (ssize_t)text->len ||
        (geteuid() == 0 && fchown(fd, c->uid, c->gid) < 0) || rename(tmp, path) < 0)
        err = store_fail(ret_error, -EINVAL,
                         "impossible d'écrire %s (%s) : vérifiez les droits et la place",
                         "cannot write %s (%s): check rights and space", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
    free(tmp);
    buf_finish(text);
    return err;
}

int cluster_configure(const struct cluster *c, char **ret_error)
{
    static const char *const roles[] = {APP_ROLE, OWNER_ROLE};
    const char *const users[] = {c->user, strcmp(c->user, "root") == 0 ? NULL : "root"};
    struct buf hba = BUF_INIT, ident = BUF_INIT;

    for (unsigned i = 0; i < 2; i++) {
        buf_printf(&hba, "local all %s peer map=stac\n", roles[i]);
        for (unsigned k = 0; k < 2 && users[k]; k++)
            buf_printf(&ident, "stac \"%s\" %s\n", users[k], roles[i]);
    }
    buf_puts(&hba, "local all all reject\nhost all all all reject\n");
    int err = write_file(c, "pg_hba.conf", &hba, ret_error);
    if (err)
        buf_finish(&ident);
    return err ? err : write_file(c, "pg_ident.conf", &ident, ret_error);
}

/* A directory of somebody else's at that name would let them stand between us and the database. */
static int own_socket_dir(const struct cluster *c, char **ret_error)
{
    struct stat st;

    if (strcmp(c->sockets, c->dir) == 0)
        return 0;
    if (mkdir(c->sockets, 0700) == 0 && geteuid() == 0 && chown(c->sockets, c->uid, c->gid) < 0)
        return store_fail(ret_error, -EINVAL, "%s : %s", "%s: %s", c->sockets, strerror(errno));
    if (lstat(c->sockets, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != c->uid ||
        (st.st_mode & 077))
        return store_fail(
            ret_error, -EINVAL,
            "%s n'est pas à %s seul : supprimez-le ou choisissez un --data plus court",
            "%s is not %s's alone: remove it or choose a shorter --data", c->sockets, c->user);
    return 0;
}

/* With nobody in the directory, a pid file is a dead server's, whoever has its number now. */
static void remove_stale(const struct cluster *c)
{
    static const char *const names[] = {"postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"};

    if (cluster_busy(c))
        return;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = store_path(i ? c->sockets : c->dir, names[i]);
        unlink(path);
        free(path);
    }
}

static unsigned connections_wanted(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned loops = config.loops ? config.loops : cores > 0 ? (unsigned)cores : 1;
    unsigned wanted = loops * (config.db_write + config.db_read + config.db_slow) + 40;

    return wanted < 100 ? 100 : wanted;
}

enum { ARGS_MAX = 80 };

/* program -D dir -c setting … ; each string is free()d by the caller. */
static unsigned command_line(char *argv[ARGS_MAX], const char *program, const char *dir,
                             const char *sockets)
{
    static const char *const settings[] = {"listen_addresses=",
                                           "unix_socket_permissions=0700",
                                           "port=5432",
                                           "fsync=on",
                                           "synchronous_commit=on",
                                           "full_page_writes=on",
                                           "shared_buffers=128MB",
                                           "wal_level=minimal",
                                           "max_wal_senders=0",
                                           "wal_compression=on",
                                           "max_wal_size=2GB",
                                           "checkpoint_timeout=15min",
                                           "checkpoint_completion_target=0.9",
                                           "random_page_cost=1.1",
                                           "jit=off",
                                           "timezone=UTC",
                                           "log_timezone=UTC",
                                           "lc_messages=C",
                                           "logging_collector=on",
                                           "log_directory=log",
                                           "log_filename=postgresql-%a.log",
                                           "log_truncate_on_rotation=on",
                                           "log_rotation_age=1d",
                                           "log_rotation_size=0",
                                           "log_min_messages=fatal",
                                           "log_error_verbosity=terse",
                                           "log_min_error_statement=panic",
                                           "log_checkpoints=off",
                                           "autovacuum_naptime=15s"};
    struct buf b = BUF_INIT;
    unsigned n = 0;

    argv[n++] = xstrdup(program); /* it looks for its own folder by this word */
    argv[n++] = xstrdup("-D");
    argv[n++] = xstrdup(dir);
    for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        argv[n++] = xstrdup("-c");
        argv[n++] = xstrdup(settings[i]);
    }
    argv[n++] = xstrdup("-c");
    buf_printf(&b, "unix_socket_directories=%s", sockets);
    argv[n++] = xstrdup(buf_cstr(&b));
    argv[n++] = xstrdup("-c");
    buf_clear(&b);
    buf_printf(&b, "max_connections=%u", connections_wanted());
    argv[n++] = xstrdup(buf_cstr(&b));
    argv[n] = NULL;
    assert(n < ARGS_MAX);
    buf_finish(&b);
    return n;
}

int cluster_spawn(const struct cluster *c, const char *data_dir, int *ret_pid, char **ret_error)
{
    int err = own_socket_dir(c, ret_error);
    struct reach r;
    char *argv[ARGS_MAX];

    if (err)
        return err;
    remove_stale(c);
    const char *dir = reach(&r, c->dir);
    bool inside = strcmp(c->sockets, c->dir) == 0;
    char *program = store_path(c->bin, "postgres");
    unsigned n = command_line(argv, program, dir, inside ? dir : c->sockets);
    int output = open_words(data_dir);
    int pid = output < 0
                  ? -errno
                  : spawn_process(&(struct spawn){program, argv, c->uid, c->gid, output, r.fd});
    if (pid > 0)
        *ret_pid = pid;
    else
        err = store_fail(ret_error, -EINVAL, "PostgreSQL ne démarre pas (%s)",
                         "PostgreSQL cannot be started (%s)", strerror(-pid));
    for (unsigned i = 0; i < n; i++)
        free(argv[i]);
    free(program);
    if (output >= 0)
        close(output);
    reach_end(&r);
    return err;
}
