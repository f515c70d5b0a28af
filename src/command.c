/*
 * Sentences in the operator's language, and a command's options. What is not one of the command's
 * own options belongs to config/options.def and goes to config_load unchanged, so that both kinds
 * may stand in any order on one command line.
 */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"
#include "stacgate/config.h"

const char *say(const char *french, const char *english)
{
    return config_speaks_french() ? french : english;
}

int complain(int status, const char *fmt, ...)
{
    va_list args;

    fputs("stacgate: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

static void print_help(const struct command *c)
{
    printf("stacgate %s %s\n\n%s\n\n%s", c->name, say("[options]", "[options]"),
           say(c->french, c->english), say(c->french_help, c->english_help));
    if (c->options) {
        printf("\n%s\n", say("Options de cette commande :", "Options of this command:"));
        for (const struct own_option *o = c->options; o->name; o++) {
            const char *value = o->kind == OWN_FLAG ? "" : o->kind == OWN_COUNT ? " N" : " …";
            int pad = 22 - (int)strlen(o->name) - (o->kind == OWN_FLAG ? 0 : 2);
            printf("  --%s%s%*s %s\n", o->name, value, pad > 0 ? pad : 1, "",
                   say(o->french, o->english));
        }
    }
    putchar('\n');
    fflush(stdout);
    config_print_help(config_speaks_french());
}

static const struct own_option *own_find(const struct command *c, const char *arg,
                                         const char **ret_value)
{
    if (strncmp(arg, "--", 2) != 0 || !c->options)
        return NULL;

    size_t n = strcspn(arg + 2, "=");
    for (const struct own_option *o = c->options; o->name; o++)
        if (strlen(o->name) == n && memcmp(o->name, arg + 2, n) == 0) {
            *ret_value = arg[2 + n] ? arg + 3 + n : NULL;
            return o;
        }
    return NULL;
}

static bool own_set(const struct own_option *o, const char *value)
{
    char *end;
    unsigned long n;

    switch (o->kind) {
    case OWN_FLAG:
        *(bool *)o->ret = true;
        return !value;
    case OWN_TEXT:
        *(const char **)o->ret = value;
        return value && *value;
    case OWN_COUNT:
        if (!value || *value < '0' || *value > '9')
            return false;
        errno = 0;
        n = strtoul(value, &end, 10);
        if (errno || *end || n > 1000000)
            return false;
        *(unsigned *)o->ret = (unsigned)n;
        return true;
    }
    return false;
}

/* -1: all own options are taken out; the others moved down to argv[1] … argv[*ret_argc - 1]. */
static int take_own(const struct command *c, int argc, char **argv, int *ret_argc)
{
    int kept = 1;

    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(c);
            return EXIT_OK;
        }
        const struct own_option *o = own_find(c, argv[i], &value);
        if (!o) {
            argv[kept++] = argv[i];
            continue;
        }
        if (!value && o->kind != OWN_FLAG && i + 1 < argc)
            value = argv[++i];
        if (!own_set(o, value))
            return complain(
                EXIT_USAGE,
                say("--%s : valeur absente ou qui ne convient pas (voir stacgate %s --help)",
                    "--%s: its value is missing or does not fit (see stacgate %s --help)"),
                o->name, c->name);
    }
    *ret_argc = kept;
    return -1;
}

int command_options(const struct command *c, int argc, char **argv, const char **ret_words)
{
    char *error = NULL;
    unsigned words = 0;
    int kept = argc, next = 1, status = take_own(c, argc, argv, &kept);

    if (status != -1)
        return status;

    do {
        if (config_load(kept, argv, next, &next, &error) < 0) {
            complain(EXIT_USAGE,
                     say("%s (aide : stacgate %s --help)", "%s (help: stacgate %s --help)"), error,
                     c->name);
            free(error);
            return EXIT_USAGE;
        }
        if (next < kept && (words == c->words || argv[next][0] == '-'))
            return complain(EXIT_USAGE,
                            say("« %s » : option ou mot inconnu ici (aide : stacgate %s --help)",
                                "'%s': unknown option or word here (help: stacgate %s --help)"),
                            argv[next], c->name);
        if (next < kept)
            ret_words[words++] = argv[next++];
    } while (next < kept);

    return -1;
}
