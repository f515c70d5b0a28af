/*
 * Exports: each job is worked through by its own actor, "export" "<tenant>/<id>", which reads pages
 * in the slow lane and writes them to a file off the loop. A job that a crash cut begins anew. The
 * row of the job is the truth: deleting it cancels.
 */
#ifndef STACGATE_SERVICES_EXPORTER_H
#define STACGATE_SERVICES_EXPORTER_H

#include <stdbool.h>

#include "stacgate/loop.h"
#include "stacgate/mp.h"

/* Has the data set a field of this name that its rows can be chosen by? */
bool export_filter_known(struct str dataset, struct str field);
void export_begin(const char *tenant, const char *id); /* its row is there, pending */
/* Where a job's file is; name is "<id>.<type>" from the database, checked for being a plain name.
 */
bool export_path(const char *name, char *out, size_t out_size);

void exporter_setup(void); /* declares the actor kind; before the runtime starts */
extern const struct loop_service
    exporter_service; /* takes up what was left, removes what expired */

#endif
