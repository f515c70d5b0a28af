/*
 * What sessions, hubs and REST send to a channel's actor: msgpack, so that it could as well come
 * from another machine. The sender (m->from) is the session's actor.
 */
#ifndef STACGATE_REALTIME_CHAN_MAIL_H
#define STACGATE_REALTIME_CHAN_MAIL_H

#include "stacgate/actor.h"
#include "stacgate/mp.h"

enum chan_kind {
    CH_JOIN =
        256,  /* [nonce, join_ref, ref, encoding, sid, user, params]; user as user_put() packs it */
    CH_LEAVE, /* [nonce, reason]: an enum leave_reason */
    CH_PUSH,  /* [nonce, join_ref, ref, event, payload] */
    CH_CALL,  /* an ask from REST: [user, event, payload] → {"status","response","item"?} */
    CH_PAGE,  /* [nonce]: go on with my replay */
    CH_STATE_WANTED, /* a hub has members without the presence list */
    CH_LOOK,         /* others wrote rows that it holds, or said something in channel_said */
    CH_TELL,         /* [event, payload]: a statement of others tells some of the members */
    CH_KIN,  /* [user id, role] or [nil, archived]: a change of the group by which it lives (kin.h)
              */
    CH_WAKE, /* its clock has something to do (wake.c): nothing, or what its kind is to know */
};

/*
 * The actor of a durable channel, activated at its first use: named by its tenant and its topic
 * ("group:…"). 0: no such kind of channel, or no such name. The tenant is never something that the
 * caller says: a caller of another school can only ever reach an actor of their own, that finds
 * nothing.
 */
actor_id channel_whereis(const char *tenant, struct str topic);
/* Does a durable channel carry this topic? Its permission that makes one staff; NULL: no. */
const char *channel_manage(struct str topic);

/* The kinds of durable channels, from 0; NULL: no more. */
const char *channel_kind_name(unsigned at);

/* How a connection left a channel: only cuts leave the grace time to come back. */
enum leave_reason { LEFT_CUT, LEFT_ITSELF, LEFT_REVOKED };

#endif
