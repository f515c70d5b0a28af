/*
 * The load generator: one thread, one mode a run, figures as "name=value" lines on standard output.
 * bench/run gives it what `stacgate demo --learners` made and pins it to a core of its own.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/load.h"

static const struct {
    const char *name;
    int (*run)(const struct options *o);
    const char *what;
} modes[] = {
    {"fanout", run_fanout, "members of groups receive messages; --rate 0 pushes without pause"},
    {"commit", run_commit, "senders keep --outstanding pushes under way, or push at --rate"},
    {"refusals", run_refusals, "--members old clients without a sign-in, each back at once"},
    {"join", run_join, "everybody connects and joins; --settle seconds later memory is read"},
    {"storm", run_storm, "everybody is cut at once and comes back; see --tickets, --reader, --go"},
    {"board", run_board, "members of boards move cursors and draw; --cursors, --writers, --ops"},
    {"open", run_open, "members open a board, --concurrency at a time"},
    {"get", run_get,
     "the requests of --urls over --concurrency connections; --rate 0 without pause"},
    {"http", run_http, "GET /api/auth/user, alone and beside --at-once sign-ins"},
};

enum kind { NUMBER, TEXT };
static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *what;
} rows[] = {
    {"port", NUMBER, offsetof(struct options, port), "where the server listens"},
    {"cookies", TEXT, offsetof(struct options, cookies), "file: learner i's Cookie header"},
    {"rooms", TEXT, offsetof(struct options, rooms), "file: learner i's topic"},
    {"members", NUMBER, offsetof(struct options, members), "members of a group"},
    {"groups", NUMBER, offsetof(struct options, groups), "groups"},
    {"rate", NUMBER, offsetof(struct options, rate), "pushes a second, of all groups together"},
    {"seconds", NUMBER, offsetof(struct options, seconds), "length of the measured window"},
    {"warm", NUMBER, offsetof(struct options, warm), "seconds under load before it"},
    {"content", NUMBER, offsetof(struct options, content), "characters of a message"},
    {"outstanding", NUMBER, offsetof(struct options, outstanding), "pushes under way per sender"},
    {"concurrency", NUMBER, offsetof(struct options, concurrency), "joins under way"},
    {"settle", NUMBER, offsetof(struct options, settle), "quiet seconds after joining"},
    {"slow", NUMBER, offsetof(struct options, slow), "1: one member reads 10 kbit/s"},
    {"floor", NUMBER, offsetof(struct options, floor), "1: the peer is bench_floor"},
    {"server-pid", NUMBER, offsetof(struct options, server_pid), "process to account"},
    {"postgres-pid", NUMBER, offsetof(struct options, postgres_pid), "PostgreSQL's main process"},
    {"at-once", NUMBER, offsetof(struct options, at_once), "sign-ins at once"},
    {"relay", NUMBER, offsetof(struct options, relay), "1: old clients on /ws/collaboration"},
    {"tickets", NUMBER, offsetof(struct options, tickets), "1: rejoins bring their tickets"},
    {"reader", NUMBER, offsetof(struct options, reader), "1: REST is read during the storm"},
    {"tls", NUMBER, offsetof(struct options, tls), "1: wss"},
    {"deflate", NUMBER, offsetof(struct options, deflate), "1: permessage-deflate is offered"},
    {"cursors", NUMBER, offsetof(struct options, cursors), "of each member a second"},
    {"writers", NUMBER, offsetof(struct options, writers), "of each board"},
    {"ops", NUMBER, offsetof(struct options, ops), "of each writer a second"},
    {"go", TEXT, offsetof(struct options, go), "the cut waits for this file"},
    {"urls", TEXT, offsetof(struct options, urls), "file: a header, a tab, a path a line"},
    {"email", TEXT, offsetof(struct options, email), "account that signs in"},
    {"password", TEXT, offsetof(struct options, password), "its password"},
};
#define ROWS (sizeof rows / sizeof rows[0])
#define MODES (sizeof modes / sizeof modes[0])

static int usage(void)
{
    fputs("usage: bench_load MODE [--option value]...\n", stderr);
    for (size_t i = 0; i < MODES; i++)
        fprintf(stderr, "  %-14s %s\n", modes[i].name, modes[i].what);
    for (size_t i = 0; i < ROWS; i++)
        fprintf(stderr, "  --%-12s %s\n", rows[i].name, rows[i].what);
    return 2;
}

static int set(struct options *o, const char *name, const char *value)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        void *field = (char *)o + rows[i].offset;
        char *end = NULL;
        if (rows[i].kind == TEXT) {
            *(const char **)field = value;
            return 0;
        }
        errno = 0;
        unsigned long v = strtoul(value, &end, 10);
        *(uint32_t *)field = (uint32_t)v;
        return *value && !*end && !errno && v <= UINT32_MAX ? 0 : -EINVAL;
    }
    return -EINVAL;
}

int main(int argc, char **argv)
{
    struct options o = {.port = 5000,
                        .members = 1,
                        .groups = 1,
                        .seconds = 5,
                        .warm = 1,
                        .content = 128,
                        .outstanding = 16,
                        .concurrency = 256,
                        .settle = 2,
                        .at_once = 50,
                        .writers = 1,
                        .email = "apprenant1@moliere.test",
                        .password = "stacgate-demo"};
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc || strncmp(argv[i], "--", 2) != 0 ||
            set(&o, argv[i] + 2, argv[i + 1]) < 0) {
            fprintf(stderr, "bench_load: %s: not an option, or its value is missing or wrong\n",
                    argv[i]);
            return usage();
        }
    }
    raise_file_limit();
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < MODES; i++)
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run(&o);
    return usage();
}
