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
 * something; say unavailable. -ESRCH: the channel went to rest and did not read it; push again.
 * Events only REST may push: "member:join" {invited?} and "member:leave" {}
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
/* Open sockets of a school and the people who have them, all loops; "": of the whole process. */
struct live_sockets {
    uint32_t connections, people;
};
struct live_sockets live_sockets(const char *establishment_id);

/* What happens in a school's channels (or in all, "") as one loop sees it: whoever wants the whole
 * asks every loop. Nothing is activated by asking. */
enum live_count {
    LIVE_MESSAGES,    /* of study groups */
    LIVE_OPERATIONS,  /* numbered events, messages among them */
    LIVE_EPHEMERAL,   /* frames, one for all of a channel */
    LIVE_DROPPED,     /* frames that a full queue did not take */
    LIVE_CLOSED_SLOW, /* connections closed with 4008 */
    LIVE_COUNTS
};
#define LIVE_KINDS 8
struct live_figures { /* of uint64_t and nothing else */
    uint64_t rooms[LIVE_KINDS], connections[LIVE_KINDS], people[LIVE_KINDS]; /* by live_kind() */
    uint64_t minute[LIVE_COUNTS];                                            /* the last one */
};
int live_ask(struct actor *self, unsigned loop, const char *establishment_id, uint32_t ms,
             actor_step *next);
void live_add(struct live_figures *total, const struct msg *m); /* what next got */
const char *live_kind(unsigned at);                             /* "group", …; NULL: no more */
/* One channel: `next` gets msgpack, nil when it is not in memory, else {epoch, headSeq,
 * connections, people, queued, committing, locks, members:[{id, name, role, onlineSince,
 * connections, status}]}; without `people` nobody is named, and never more than 500. */
int live_room(struct actor *self, const char *establishment_id, const char *topic, bool people,
              uint32_t ms, actor_step *next);
void user_tell_here(const char *user_id, const char *event,
                    struct mp payload); /* only the sockets of this loop */

#endif
