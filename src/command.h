/*
 * What the subcommands share: their table row, options of their own beside config/options.def,
 * sentences in the operator's language, and a blocking connection to the database as its owner.
 * Everything here runs before or without the loops.
 */
#ifndef STACGATE_COMMAND_H
#define STACGATE_COMMAND_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "stacgate/store.h"

enum exit_status {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* it could not be done now: database away, something to correct in the data */
    EXIT_USAGE = 2   /* the command line, the configuration or the place it runs in is wrong */
};

/* ---- sentences ---- */

const char *say(const char *french, const char *english)
    __attribute__((format_arg(1), format_arg(2)));
int complain(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* "stacgate: …" on stderr; returns status */

/* ---- options of one command ---- */

struct own_option {
    const char *name; /* without its dashes */
    enum { OWN_FLAG, OWN_TEXT, OWN_COUNT } kind;
    void *ret; /* bool, const char *, unsigned */
    const char *french, *english;
};

struct command {
    const char *name;
    int (*run)(const struct command *self, int argc,
               char **argv);      /* argv[0] is the command's name; returns the exit status */
    const char *french, *english; /* one line for the list of commands */
    const char *french_help, *english_help; /* what --help teaches, ends with a newline */
    const struct own_option *options;       /* ends with name NULL; NULL: none */
    unsigned words;                         /* words it takes beside options */
};

/*
 * Takes the command's own options out of argv and gives the rest to config_load. -1: go on;
 * otherwise the exit status (--help was asked for, or something is wrong and was said). The words
 * left over are in ret_words (command->words at most).
 */
int command_options(const struct command *c, int argc, char **argv, const char **ret_words);

int cmd_serve(const struct command *c, int argc, char **argv);
int cmd_migrate(const struct command *c, int argc, char **argv);
int cmd_check(const struct command *c, int argc, char **argv);
int cmd_demo(const struct command *c, int argc, char **argv);
int cmd_user(const struct command *c, int argc, char **argv);
int cmd_outbox(const struct command *c, int argc, char **argv);
int cmd_epochs(const struct command *c, int argc, char **argv);
int cmd_openapi(const struct command *c, int argc, char **argv);

extern const struct own_option serve_options[], demo_options[], user_options[], outbox_options[];

/* ---- the data directory and the database ---- */

/*
 * Held by everything that uses the private cluster: the last one out stops it, so that neither a
 * command beside a server nor a server beside a command takes the database away from the other.
 */
struct workplace {
    struct store_target target;
    int use_fd;   /* shared lock on <data>/cluster.lock */
    int serve_fd; /* exclusive lock on <data>/serve.lock, serve only; -1 */
    bool located;
};
#define WORKPLACE_INIT ((struct workplace){.use_fd = -1, .serve_fd = -1})

/* Makes the directory, takes the locks, finds the database. EXIT_OK or EXIT_USAGE with *ret_error
 * set (free()). */
int workplace_open(struct workplace *w, bool serving, char **ret_error);
/* Starts or adopts the private cluster (nothing to do for an external one). 0 or -errno with
 * *ret_error. */
int workplace_start(struct workplace *w, char **ret_error);
void workplace_close(struct workplace *w);

/* As the owner; NULL with *ret_error (free()) when it cannot be reached. */
PGconn *owner_connect(const struct workplace *w, char **ret_error);
/* Runs one statement; NULL parameters are SQL nulls. NULL with *ret_error when it failed. PQclear
 * it. */
PGresult *owner_query(PGconn *db, char **ret_error, const char *sql, int n,
                      const char *const *values);
bool owner_exec(PGconn *db, char **ret_error,
                const char *sql); /* any number of statements without parameters */

/* All of it, for a command: opens, starts, migrates and connects. On failure the sentence is said
 * and *ret_status is the exit status. */
PGconn *command_database(struct workplace *w, int *ret_status);

/* Accounts whose addresses differ by capitals only, a sentence each address. Nothing when there are
 * none, or no such schema yet. */
void same_addresses(const struct workplace *w, void (*tell)(const char *line));

/* Why this address and port cannot be served as configured, as a sentence (free()); NULL: they can.
 */
char *address_problem(void);

/* argon2id with the server's parameters, in its encoded form; free(). */
char *password_hash(const char *password);

#endif
