/* What the files of study groups share. */
#ifndef STACGATE_REST_GROUPS_H
#define STACGATE_REST_GROUPS_H

#include "run.h"

extern const struct field group_settings_schema[];

#endif
