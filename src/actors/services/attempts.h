/*
 * Attempts at assessments on the server's clock, for REST and the `assessment:` channel alike.
 * Start and save are single statements (SQL_ATTEMPTS_START after SQL_ATTEMPTS_LOCK,
 * SQL_ATTEMPTS_SAVE); an attempt ends in its own actor, "attempt" "<tenant>/<id>", whoever ends it:
 * its taker, or the clock at the limit. The clock wakes that actor shortly before; nothing is lost
 * in a crash, because what is due is found in the database.
 */
#ifndef STACGATE_SERVICES_ATTEMPTS_H
#define STACGATE_SERVICES_ATTEMPTS_H

#include "stacgate/actor.h"
#include "stacgate/loop.h"
#include "stacgate/mp.h"

#define ATTEMPT_MS 15000
#define ATTEMPT_ANSWERS_MAX 262144 /* bytes of all answers of one request or push */

/*
 * Ends the attempt as its taker, with last answers (a map by question id; absent: none). Again
 * with the key (NULL: none) that it was submitted by, it is what it was made then. `next` gets a
 * body that is a msgpack map: {"refusal": a problem's word}, or {"attempt": JSON text}.
 */
int attempt_submit(struct actor *self, const char *tenant, const char *attempt_id,
                   const char *user_id, struct mp answers, const char *key, actor_step *next);

/*
 * Called on the attempt's loop whenever one has ended and is stored, also by the clock: for the
 * channel that shows it. Set before the runtime starts; attempt is JSON text.
 */
typedef void attempt_ended(const char *tenant, const char *attempt_id, struct str attempt,
                           bool by_clock);
void attempts_watch(attempt_ended *ended);

void attempts_setup(void); /* declares the actor kind; before the runtime starts */
extern const struct loop_service attempts_service; /* the clock */

#endif
