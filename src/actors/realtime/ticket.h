/*
 * Join tickets: what a join reply hands to its member, so that the same person's rejoin within two
 * minutes need not be looked up. A ticket says in which school the topic is and nothing else:
 * whether its bearer may join is decided anew, by what the channel and the sign-in say now.
 */
#ifndef STACGATE_REALTIME_TICKET_H
#define STACGATE_REALTIME_TICKET_H

#include <stdbool.h>

#include "stacgate/mp.h"

#define TICKET_MAX 200 /* characters */
#define TICKET_TENANT_MAX 64

void ticket_setup(void); /* a new key; before the runtime starts */
/* "" when the names are too long for one. */
void ticket_make(char out[TICKET_MAX + 1], const char *user_id, const char *tenant,
                 const char *topic);
/* false: not ours, not this person's, not of this topic, or too old. */
bool ticket_tenant(struct str ticket, const char *user_id, const char *topic,
                   char ret_tenant[TICKET_TENANT_MAX + 1]);

#endif
