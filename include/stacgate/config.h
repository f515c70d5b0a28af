/*
 * The process's options, one struct field a row of config/options.def, filled before any thread starts and constant from then on.
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
 * Reads argv (from argv[first], "--name value" and "--name=value", a BOOL also bare), the environment and the file. 0, or -EINVAL with a sentence in
 * *ret_error (free()). Stops at the first word that is no option: *ret_next is its index.
 */
int config_load(int argc, char **argv, int first, int *ret_next, char **ret_error);
void config_print_help(bool french);

#endif
