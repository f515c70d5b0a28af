/* What the files of study groups share. */
#ifndef STACGATE_REST_GROUPS_H
#define STACGATE_REST_GROUPS_H

#include "run.h"

#define GROUP_PUSH_MS 10000

extern const struct field group_settings_schema[];
/* A channel's refusal (the `response` of its answer) as a problem. */
int group_refuse(struct rest *r, struct mp response);

#endif
