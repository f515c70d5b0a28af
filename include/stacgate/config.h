/*
 * The process's options, one struct field a row of config/options.def, filled before any thread
 * starts and constant from then on.
 */
#ifndef STACGATE_CONFIG_H
#define STACGATE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define OPT_TYPE_INT uint32_t
#define OPT_TYPE_MS uint32_t
#define OPT_TYPE_SIZE uint64_t
#define OPT_TYPE_BOOL bool
#define OPT_TYPE_STR const char *

struct config {
#define OPT(field, name, env, type, otherwise, fr, en) OPT_TYPE_##type field;
#include "../../config/options.def"
#undef OPT
};
extern struct config config; /* starts as the defaults */

/*
 * Reads argv from argv[first] ("--name value", "--name=value", a BOOL also bare), the environment
 * and the file, each option from the highest of them that has it. 0, or -EINVAL with a sentence in
 * *ret_error (free()), in the operator's language. Stops at the first word that is no option of the
 * table, an unknown "--word" included: *ret_next is its index (argc: none). A command that has
 * words of its own reads them and calls again with what follows; whoever finds no meaning in a word
 * says so.
 */
int config_load(int argc, char **argv, int first, int *ret_next, char **ret_error);
void config_print_help(bool french); /* the table, on standard output */
/* The operator's language: French unless LC_ALL, LC_MESSAGES or LANG names another. */
bool config_speaks_french(void);
void config_reset(void); /* tests: back to the defaults */

#endif
