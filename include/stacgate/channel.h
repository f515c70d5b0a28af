/*
 * The way into a durable channel for everything that is not a socket (REST operations, commands,
 * services): the same push that a member sends, through the same actor, so that order, exactly-once
 * effect and broadcast are the same.
 */
#ifndef STACGATE_CHANNEL_H
#define STACGATE_CHANNEL_H

#include <stdint.h>

#include "stacgate/actor.h"
#include "stacgate/identity.h"
#include "stacgate/loop.h"

/*
 * Pushes `event` with `payload` (a msgpack map, without or with opId) to the channel `kind`
 * (\"group\") `id` as `who`. `establishment_id` is the tenant in which the channel is looked for
 * (who's own; a super_admin names it). `next` gets a body that is a msgpack map
 *   {"status":"ok","response":{…as the socket's reply…},"item":{…the object as REST gives it…}?} or
 *   {"status":"error","response":{"reason":"not_found", …}}                          (reasons:
 * docs/realtime.md) `fail` gets -ETIMEDOUT, -ENOBUFS: outcome unknown for a push that changes
 * something; say unavailable. Events only REST may push: "member:join" {invited?} and
 * "member:leave" {}
 * (`who` joins or leaves the group), "group:change" {group: {…what changes}}.
 */
int channel_push(struct actor *self, const char *kind, const char *establishment_id, const char *id,
                 const struct identity *who, const char *event, struct mp payload, uint32_t ms,
                 actor_step *next);

/* Routes of the sockets ("/socket/websocket"), given to http_routes by main with the REST table. */
extern const struct http_route realtime_routes[];
extern const unsigned realtime_route_count;

void realtime_setup(void); /* declares the actor kinds; before the runtime starts */
extern const struct loop_service realtime_service;

/* Tells the signed-in sockets of a user on `user:` (any loop): an unnumbered event. */
void user_tell(const char *user_id, const char *event, struct mp payload);
/* The same for a JSON array of {userId, event, payload}, as statements make it; null: nobody.
 * {topic, tenant, says?} in it: that channel looks what was written of it (migration 0045). */
void users_tell(struct str json);
uint32_t live_connections(const char *establishment_id); /* open sockets of a school, all loops */
void user_tell_here(const char *user_id, const char *event,
                    struct mp payload); /* only the sockets of this loop */

#endif
