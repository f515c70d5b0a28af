/*
 * What sign-in and sign-up share: opening a session and describing its person.
 */
#ifndef STACGATE_REST_SESSIONS_H
#define STACGATE_REST_SESSIONS_H

#include "op.h"

struct session_open { /* rest.own meanwhile */
    char token[SESSION_TOKEN_SIZE], sid[65];
    char user_id[65], establishment_id[65];
};
/* One group: a new session, the end of the request's old one, and the caller (statements 0, 1, 2).
 */
int session_open(struct actor *self, struct rest *r, const char *user_id,
                 const char *establishment_id, actor_step *next);
/* What the request's browser says it is, in printable ASCII: for its owner to tell sign-ins apart.
 */
#define AGENT_SIZE 201
void session_agent(const struct rest *r, char out[AGENT_SIZE]);
/* How much later a failed sign-in is answered that took so long: at the next multiple of half a
 * second after it came, whatever was wrong. */
uint32_t login_refusal_delay_ms(int64_t spent_us);
void session_replaced(struct rest *r);
void caller_statement(struct db_group *g, const char *user_id, const char *establishment_id);

#endif
