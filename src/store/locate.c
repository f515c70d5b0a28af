/*
 * Where the database is: DATABASE_URL, or libpq's own environment when PGHOST, PGHOSTADDR or
 * PGSERVICE is set, else the private cluster below the data directory. Two ways in follow from one:
 * the owner's (migrations) and stacgate_app's (the server).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stacgate/buf.h"
#include "stacgate/ids.h"
#include "store_private.h"

enum { PASSWORD_CHARS = 43 }; /* 6 bits each */

static void put_option(struct buf *b, const char *key, const char *value)
{
    buf_printf(b, "%s%s='", b->len ? " " : "", key);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_putc(b, '\\');
        buf_putc(b, *value);
    }
    buf_putc(b, '\'');
}

char *store_conninfo(const char *conninfo, const char *user, const char *password,
                     const char *dbname, char **ret_error)
{
    const struct {
        const char *key, *value;
    } own[] = {{"user", user}, {"password", password}, {"dbname", dbname}};
    enum { OWN = sizeof(own) / sizeof(own[0]) };
    struct buf b = BUF_INIT;
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);

    if (!options) {
        /* libpq may quote the whole text, with its password. */
        const char *reason = why && !strstr(why, "://") && !strstr(why, conninfo) ? why : "?";
        store_fail(
            ret_error, 0,
            "DATABASE_URL ne se lit pas (%s) : attendu "
            "postgresql://utilisateur:motdepasse@hôte/base",
            "DATABASE_URL cannot be read (%s): expected postgresql://user:password@host/database",
            reason);
        PQfreemem(why);
        return NULL;
    }
    for (PQconninfoOption *o = options; o->keyword; o++) {
        const char *value = o->val;
        for (unsigned i = 0; i < OWN; i++)
            if (own[i].value && strcmp(o->keyword, own[i].key) == 0)
                value = NULL;
        if (value)
            put_option(&b, o->keyword, value);
    }
    for (unsigned i = 0; i < OWN; i++)
        if (own[i].value)
            put_option(&b, own[i].key, own[i].value);
    PQconninfoFree(options);
    char *text = xstrdup(buf_cstr(&b));
    buf_finish(&b);
    return text;
}

static char *read_password(int fd)
{
    char text[256];
    ssize_t n = read(fd, text, sizeof(text) - 1);

    if (n <= 0)
        return NULL;
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return *text ? xstrdup(text) : NULL;
}

/* Written under another name and linked, so that two processes that make it at once agree on one.
 */
static int make_password(const char *data_dir, const char *path)
{
    char token[PASSWORD_CHARS + 1], suffix[9];
    struct buf tmp = BUF_INIT;
    int err = 0;

    random_token(token, sizeof(token));
    random_token(suffix, sizeof(suffix));
    buf_printf(&tmp, "%s/.%s.%s", data_dir, PASSWORD_FILE, suffix);
    int fd = open(buf_cstr(&tmp), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = -errno;
    } else {
        if (write(fd, token, PASSWORD_CHARS) != PASSWORD_CHARS || fsync(fd) < 0)
            err = -EIO;
        close(fd);
        if (!err && link(buf_cstr(&tmp), path) < 0 && errno != EEXIST)
            err = -errno;
        unlink(buf_cstr(&tmp));
    }
    explicit_bzero(token, sizeof(token));
    buf_finish(&tmp);
    return err;
}

char *store_app_password(const char *data_dir, char **ret_error)
{
    struct buf path = BUF_INIT;
    struct stat st;
    char *password = NULL;
    int err = 0, fd;

    buf_printf(&path, "%s/%s", data_dir, PASSWORD_FILE);
    fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        err = make_password(data_dir, buf_cstr(&path));
        fd = err ? -1 : open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd < 0)
        err = err ? err : -errno;
    else if (fstat(fd, &st) < 0 || (st.st_mode & 077))
        err = -EPERM;
    else
        password = read_password(fd);
    if (fd >= 0)
        close(fd);
    if (!password)
        store_fail(
            ret_error, 0,
            "%s est inutilisable (%s) : il doit être lisible par ce seul utilisateur (chmod 600), "
            "ou absent",
            "%s cannot be used (%s): it must be readable by this user alone (chmod 600), or absent",
            buf_cstr(&path), err ? strerror(-err) : "?");
    buf_finish(&path);
    return password;
}

static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);

    if (real || *path == '/')
        return real ? real : xstrdup(path);
    char here[PATH_MAX];
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s/%s", getcwd(here, sizeof(here)) ? here : "", path);
    real = xstrdup(buf_cstr(&b));
    buf_finish(&b);
    return real;
}

static int locate_embedded(struct store_target *ret)
{
    char *sockets = cluster_socket_dir(ret->data_dir);
    struct buf b = BUF_INIT;

    put_option(&b, "host", sockets);
    put_option(&b, "port", "5432");
    put_option(&b, "dbname", EMBEDDED_DATABASE);
    free(sockets);
    size_t common = b.len;
    put_option(&b, "user", OWNER_ROLE);
    ret->owner_conninfo = xstrdup(buf_cstr(&b));
    b.len = common;
    put_option(&b, "user", APP_ROLE);
    ret->app_conninfo = xstrdup(buf_cstr(&b));
    buf_finish(&b);
    ret->embedded = true;
    return 0;
}

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

int store_locate(const char *data_dir, struct store_target *ret, char **ret_error)
{
    struct store_target t = {.data_dir = absolute(data_dir)};
    const char *owner = env("DATABASE_URL"), *app = env("STACGATE_APP_DATABASE_URL");

    if (!owner && (env("PGHOST") || env("PGHOSTADDR") || env("PGSERVICE")))
        owner = "";
    if (!owner) {
        locate_embedded(&t);
    } else if (app) {
        t.owner_conninfo = store_conninfo(owner, NULL, NULL, NULL, ret_error);
        t.app_conninfo = t.owner_conninfo ? store_conninfo(app, NULL, NULL, NULL, ret_error) : NULL;
    } else {
        char *password = store_app_password(t.data_dir, ret_error);
        t.owner_conninfo = password ? store_conninfo(owner, NULL, NULL, NULL, ret_error) : NULL;
        t.app_conninfo =
            t.owner_conninfo ? store_conninfo(owner, APP_ROLE, password, NULL, ret_error) : NULL;
        free(password);
    }
    if (!t.app_conninfo) {
        store_target_finish(&t);
        return -EINVAL;
    }
    *ret = t;
    return 0;
}

void store_target_finish(struct store_target *t)
{
    free(t->data_dir);
    free(t->owner_conninfo);
    free(t->app_conninfo);
    *t = (struct store_target){0};
}
