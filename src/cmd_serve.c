/*
 * stacgate serve: from a command line to a running server and back to nothing. The order is the
 * point: what can be wrong is found out before anything listens, and whatever was started is
 * stopped in reverse.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/rest/problem.h"
#include "actors/services/attempts.h"
#include "actors/services/exporter.h"
#include "actors/services/metrics.h"
#include "actors/services/reminders.h"
#include "actors/services/rollup.h"
#include "serve.h"
#include "stacgate/buf.h"
#include "stacgate/channel.h"
#include "stacgate/config.h"
#include "stacgate/db.h"
#include "stacgate/http.h"
#include "stacgate/identity.h"
#include "stacgate/log.h"
#include "stacgate/rest.h"
#include "stacgate/static.h"
#include "stacgate/ws.h"

enum { PROXIES_MAX = 32, FRAGMENTS_MAX = 1024, WRITE_DEPTH = 4, READ_DEPTH = 4, SLOW_DEPTH = 1 };

const struct own_option serve_options[] = {{0}};

static const struct loop_service *const services[] = {
    &db_service,     &identity_service,  &realtime_service, &attempts_service, &exporter_service,
    &rollup_service, &reminders_service, &http_service,     &ready_service,    NULL};

/* ---- is the configuration one that can work? ---- */

static int log_level(enum log_level *ret)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(config.log_level, names[i]) == 0) {
            *ret = (enum log_level)i;
            return EXIT_OK;
        }
    return complain(EXIT_USAGE,
                    say("--log-level %s : niveaux possibles : error, warn, info, debug",
                        "--log-level %s: the levels are error, warn, info, debug"),
                    config.log_level);
}

static int check_config(void)
{
    char *problem = address_problem();

    if (problem) {
        complain(EXIT_USAGE, "%s", problem);
        free(problem);
        return EXIT_USAGE;
    }
    if (config.loops > LOOPS_MAX)
        return complain(EXIT_USAGE, say("--loops %u : %d au plus", "--loops %u: at most %d"),
                        config.loops, LOOPS_MAX);
    if (!config.tls_cert != !config.tls_key)
        return complain(EXIT_USAGE, "%s",
                        say("--tls-cert et --tls-key vont ensemble : donnez les deux, ou aucun",
                            "--tls-cert and --tls-key go together: give both, or neither"));
    if (!config.db_write || !config.db_read || !config.db_slow)
        return complain(EXIT_USAGE, "%s",
                        say("--db-write, --db-read et --db-slow : au moins 1 chacun",
                            "--db-write, --db-read and --db-slow: at least 1 each"));
    return EXIT_OK;
}

static void warn_about_choices(void)
{
    if (config.test_endpoints)
        log_msg(LOG_WARN, "test_endpoints", "%s",
                say("/test/echo et /test/ws sont ouverts à tous : pour des essais seulement",
                    "/test/echo and /test/ws are open to everybody: for tests only"));
    if (config.insecure_lan)
        log_msg(LOG_WARN, "insecure_lan", "%s",
                say("HTTP en clair sur le réseau privé : mots de passe et messages s'y lisent",
                    "plain HTTP on the private network: passwords and messages can be read there"));
    if (!config.rate_limits)
        log_msg(LOG_WARN, "rate_limits_off", "%s", say("aucune limite de débit", "no rate limits"));
    if (config.demo_public)
        log_msg(LOG_WARN, "demo_public", "%s",
                say("les comptes de démonstration, au mot de passe connu, sont ouverts à tout le "
                    "réseau",
                    "the demo accounts, whose password is known, are open to the whole network"));
    if (getenv("SESSION_SECRET") || getenv("NODE_ENV"))
        log_msg(LOG_INFO, "unused_environment", "%s",
                say("SESSION_SECRET et NODE_ENV ne servent plus : les sessions sont en base",
                    "SESSION_SECRET and NODE_ENV are unused: sessions live in the database"));
}

/* ---- handing the options down ---- */

/* "a, b" → {"a", "b", NULL}; false: too many. The strings live as long as the process. */
static bool split_list(const char *text, const char *ret[PROXIES_MAX + 1])
{
    unsigned n = 0;

    while (text && *text) {
        text += strspn(text, ", ");
        size_t len = strcspn(text, ", ");
        if (len && n == PROXIES_MAX)
            return false;
        if (len)
            ret[n++] = xstrndup(text, len);
        text += len;
    }
    ret[n] = NULL;
    return true;
}

static int listen_on_port(char **ret_error)
{
    static const char *proxies[PROXIES_MAX + 1];

    if (!split_list(config.proxies, proxies))
        return complain(EXIT_USAGE,
                        say("--proxies : %d adresses au plus", "--proxies: at most %d addresses"),
                        PROXIES_MAX);

    http_configure(&(struct http_options){.host = config.host,
                                          .port = (uint16_t)config.port,
                                          .tls_cert = config.tls_cert,
                                          .tls_key = config.tls_key,
                                          .insecure_lan = config.insecure_lan,
                                          .proxies = proxies,
                                          .accepts_per_turn = config.accepts});
    return http_bind(ret_error) < 0 ? complain(EXIT_USAGE, "%s", *ret_error) : EXIT_OK;
}

/* What no route takes may be a page; everything else that is refused is a problem of RFC 9457. */
static void page_or_problem(struct http_req *r, const struct http_fault *why)
{
    if (why->status != 404 || http_route_of(r) || !static_serve(r))
        problem_refuse(r, why);
}

/* Who serves another client keeps what stands below /api: the interface's own description. */
static int use_pages(char **ret_error)
{
    static_use(static_embedded, config.static_dir ? "/api/" : "/");
    int err = config.static_dir ? static_use_directory(config.static_dir, ret_error) : 0;

    return err ? complain(EXIT_USAGE, "%s", *ret_error ? *ret_error : strerror(-err)) : EXIT_OK;
}

static void configure_floors(const struct workplace *w)
{
    db_configure(&(struct db_options){
        .conninfo = w->target.app_conninfo,
        .connections =
            {[DB_WRITE] = config.db_write, [DB_READ] = config.db_read, [DB_SLOW] = config.db_slow},
        .depth = {[DB_WRITE] = WRITE_DEPTH, [DB_READ] = READ_DEPTH, [DB_SLOW] = SLOW_DEPTH},
        .queue_max = config.db_queue,
        .statement_timeout_ms = config.statement_timeout});
    ws_configure(&(struct ws_limits){.queue_soft = (uint32_t)config.queue_soft,
                                     .queue_hard = (uint32_t)config.queue_hard,
                                     .queue_age_ms = config.queue_age,
                                     .queue_total = config.queue_total,
                                     .ping_after_ms = config.ping_after,
                                     .dead_after_ms = config.dead_after,
                                     .sndbuf = (uint32_t)config.sndbuf,
                                     .fragments_max = FRAGMENTS_MAX});

    realtime_setup();
    attempts_setup();
    exporter_setup();
    rest_setup();
    http_on_refused(page_or_problem);
    http_routes(rest_routes, rest_route_count);
    http_routes(realtime_routes, realtime_route_count);
    http_routes(metrics_routes, metrics_route_count);
    if (config.test_endpoints)
        http_routes(net_test_routes, net_test_route_count);
}

/* ---- running ---- */

static unsigned loop_number(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (config.loops)
        return config.loops;
    return cores < 1 ? 1 : cores > LOOPS_MAX ? LOOPS_MAX : (unsigned)cores;
}

static int run(struct workplace *w)
{
    int status = database_prepare(w);

    if (status != EXIT_OK || process_stopping())
        return status;
    configure_floors(w);
    process_running(true);
    int err = runtime_run(&(struct runtime_options){
        .loops = loop_number(), .drain_ms = config.drain_ms, .services = services});
    process_running(false);
    if (err)
        return complain(
            EXIT_FAILED,
            say("le serveur n'a pas pu démarrer (%s)", "the server could not start (%s)"),
            strerror(-err));
    return (int)database_status();
}

int cmd_serve(const struct command *c, int argc, char **argv)
{
    struct workplace w = WORKPLACE_INIT;
    enum log_level level = LOG_INFO;
    char *error = NULL;
    int status = command_options(c, argc, argv, NULL);

    if (status != -1)
        return status;
    if ((status = check_config()) != EXIT_OK || (status = log_level(&level)) != EXIT_OK)
        return status;

    log_open(level, config.log_file);
    process_limits();
    process_catch_crashes();
    process_catch_signals();
    warn_about_choices();

    status = workplace_open(&w, true, &error);
    if (status != EXIT_OK)
        complain(status, "%s", error);
    if (status == EXIT_OK)
        status = use_pages(&error);
    if (status == EXIT_OK)
        status = listen_on_port(&error);
    if (status == EXIT_OK)
        status = run(&w);

    database_release();
    workplace_close(&w);
    free(error);
    log_close();
    return status;
}
