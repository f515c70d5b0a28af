/*
 * Maintenance mode: one switch for the whole installation. It is a row of the database (so that a
 * restart in the middle of it changes nothing) and, in memory, one value that every loop reads.
 * While it is on, whoever is no administrator is refused with 503 and Retry-After, and their open
 * sockets are asked to come back.
 */
#ifndef STACGATE_MAINTENANCE_H
#define STACGATE_MAINTENANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "stacgate/buf.h"
#include "stacgate/identity.h"

#define MAINTENANCE_RETRY_S 60 /* what Retry-After says */

/* From any thread. Not known: the database was not asked yet; then it may be on. */
bool maintenance_on(void), maintenance_known(void);

/* Is this caller kept out? who NULL: nobody is signed in, which is kept out too. So is, until it is
 * known, whoever it could keep out: theirs is 503 "unavailable", and a second's wait. */
bool maintenance_refuses(const struct identity *who);

/*
 * After SQL_SYSTEM_MAINTENANCE_SET is committed: from now on every loop sees it. version is the
 * row's, which grows (> 0): what is older than what is known changes nothing, so the last commit
 * counts whichever loop hears of it first. message: what those who are turned away are told, copied
 * ({NULL,0}: nothing). Sockets of those who are kept out are closed with 1012, as many a second as
 * a drain closes.
 */
void maintenance_switch(bool on, int64_t version, struct str message);

/* Appends that message, if there is one. From any thread. */
void maintenance_words(struct buf *out);

#endif
