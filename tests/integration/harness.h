/*
 * A private PostgreSQL for C integration tests: one cluster a test executable, in /tmp, started
 * before its first test and removed after its last; or the one of STACGATE_TEST_DATA, which stays.
 * Each test makes databases of its own in it. Everything here fails the test when it fails.
 */
#ifndef STACGATE_HARNESS_H
#define STACGATE_HARNESS_H

#include "stacgate/db.h"
#include "stacgate/store.h"

const char *harness_data_dir(void);

/* A database of that name, empty or with this build's schema, whatever was there before.
 * store_target_finish() it. */
void harness_empty(const char *name, struct store_target *ret);
void harness_migrated(const char *name, struct store_target *ret);

/* As the owner (t->owner_conninfo) or the server (t->app_conninfo); any number of statements. */
void harness_exec(const char *conninfo, const char *sql);
/* The first column of the first row, "" when there is none. Overwritten by the next call but seven.
 */
const char *harness_value(const char *conninfo, const char *sql);
/* SQLSTATE of a statement that must fail, the same way. */
const char *harness_refused(const char *conninfo, const char *sql);

/* Pool options for a target: 2 connections a lane, depth 16. */
struct db_options harness_options(const struct store_target *t);

#endif
