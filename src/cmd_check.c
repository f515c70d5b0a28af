/*
 * stacgate check: what is wrong here and what to change, before a class is waiting. Looks only: it
 * makes no directory, no cluster and no table. The exit status is the worst finding's: 0 fine, 1
 * the database cannot be reached, 2 something must be changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "stacgate/buf.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "stacgate/http.h"

enum { DISK_LOW_MIB = 1024, DISK_MIN_MIB = 100, EXPIRY_DAYS = 30 };

static int worst;

/* What is well goes to standard output, what is not to standard error like every complaint. */
__attribute__((format(printf, 2, 3))) static void report(int status, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    if (status == EXIT_OK)
        printf("ok: %s\n", text ? text : fmt);
    else
        complain(status, "%s", text ? text : fmt);
    free(text);
    if (status > worst)
        worst = status;
}

static void check_address(void)
{
    char *problem = address_problem();

    if (problem)
        report(EXIT_USAGE, "%s", problem);
    else
        report(EXIT_OK, say("adresse %s, port %u", "address %s, port %u"), config.host,
               config.port);
    free(problem);
}

/* ---- TLS ---- */

static void report_expiry(int64_t ends)
{
    int64_t left = ends - time(NULL);
    long long days = left / 86400;

    if (left <= 0)
        report(EXIT_USAGE,
               say("%s : certificat expiré ; renouvelez-le", "%s: expired; renew the certificate"),
               config.tls_cert);
    else
        report(EXIT_OK,
               days < EXPIRY_DAYS
                   ? say("certificat TLS valable %lld jours seulement : pensez à le renouveler",
                         "TLS certificate good for only %lld days: think of renewing it")
                   : say("certificat TLS valable %lld jours", "TLS certificate good for %lld days"),
               days);
}

static void check_tls(void)
{
    char *error = NULL;
    int64_t ends;

    if (!config.tls_cert && !config.tls_key)
        return;
    if (!config.tls_cert || !config.tls_key)
        report(EXIT_USAGE, "%s",
               say("--tls-cert et --tls-key vont ensemble : donnez les deux",
                   "--tls-cert and --tls-key go together: give both"));
    else if (http_tls_check(config.tls_cert, config.tls_key, &ends, &error) != 0)
        report(EXIT_USAGE, "%s", error);
    else
        report_expiry(ends);
    free(error);
}

/* ---- disk ---- */

static void check_disk(const char *dir)
{
    struct statvfs fs;

    if (statvfs(dir, &fs) < 0) {
        report(EXIT_USAGE, "%s: %s", dir, strerror(errno));
        return;
    }
    unsigned long long mib = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
    if (mib < DISK_MIN_MIB)
        report(EXIT_USAGE,
               say("%s : %llu Mio libres ; libérez de la place, ou choisissez un autre --data",
                   "%s: %llu MiB free; make room, or choose another --data"),
               dir, mib);
    else
        report(EXIT_OK,
               mib < DISK_LOW_MIB ? say("%s : %llu Mio libres seulement", "%s: only %llu MiB free")
                                  : say("%s : %llu Mio libres", "%s: %llu MiB free"),
               dir, mib);
}

/* The directory that is there already, above a data directory that serve has yet to make. */
static char *existing_parent(const char *path)
{
    char *copy = xstrdup(path), *slash;

    while (access(copy, F_OK) < 0 && (slash = strrchr(copy, '/')) && slash != copy)
        *slash = '\0';
    if (access(copy, F_OK) < 0) {
        free(copy);
        copy = xstrdup(*path == '/' ? "/" : ".");
    }
    return copy;
}

static void check_data(void)
{
    char *dir = existing_parent(config.data);

    if (access(dir, W_OK | X_OK) < 0)
        report(EXIT_USAGE,
               say("%s n'est pas accessible en écriture : choisissez un autre --data",
                   "%s cannot be written to: choose another --data"),
               dir);
    else
        check_disk(dir);
    free(dir);
}

/* ---- database ---- */

static bool cluster_made(void)
{
    struct buf path = BUF_INIT;

    buf_printf(&path, "%s/pg/PG_VERSION", config.data);
    bool made = access(buf_cstr(&path), F_OK) == 0;
    buf_finish(&path);
    return made;
}

static void report_line(const char *line)
{
    report(EXIT_OK, "%s", line);
}

static void check_schema(const struct workplace *w)
{
    char *error = NULL;
    int err = store_schema_check(&w->target, &error);

    if (!err)
        report(EXIT_OK, "%s",
               say("la base est au schéma de cette version",
                   "the database has this version's schema"));
    else
        report(err == -EUNAVAILABLE_DB ? EXIT_FAILED : EXIT_USAGE, "%s",
               error ? error : strerror(-err));
    if (!err)
        same_addresses(w, report_line);
    free(error);
}

static void check_database(void)
{
    struct workplace w = WORKPLACE_INIT;
    struct store_target target;
    char *error = NULL;

    if (store_locate(config.data, &target, &error) < 0) {
        report(EXIT_USAGE, "%s", error);
    } else if (target.embedded && !cluster_made()) {
        report(EXIT_OK, "%s",
               say("pas encore de base : le premier « serve » la crée",
                   "no database yet: the first 'serve' makes it"));
        store_target_finish(&target);
    } else {
        store_target_finish(&target);
        if (workplace_open(&w, false, &error) != EXIT_OK)
            report(EXIT_USAGE, "%s", error);
        else if (workplace_start(&w, &error) < 0)
            report(EXIT_FAILED, "%s", error);
        else
            check_schema(&w);
        workplace_close(&w);
    }
    free(error);
}

int cmd_check(const struct command *c, int argc, char **argv)
{
    int status = command_options(c, argc, argv, NULL);

    if (status != -1)
        return status;
    check_address();
    check_tls();
    check_data();
    check_database();
    return worst;
}
