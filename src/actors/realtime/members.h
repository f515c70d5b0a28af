/*
 * Who is in a channel: people (one struct user each, connected or not) and their connections
 * (struct member). A user is kept while it belongs to the channel, is connected, or has an
 * operation under way.
 */
#ifndef STACGATE_REALTIME_MEMBERS_H
#define STACGATE_REALTIME_MEMBERS_H

#include "envelope.h"
#include "stacgate/actor.h"
#include "stacgate/identity.h"
#include "stacgate/table.h"

enum member_role { MEMBER_NONE, MEMBER_MEMBER, MEMBER_MODERATOR, MEMBER_ADMIN };
const char *member_role_name(enum member_role r);
enum member_role member_role_of(struct str name); /* MEMBER_NONE: no such role */

struct member;
struct user {
    char *id;
    char *names;         /* "first\0last\0image" in one piece; NULL until this person was seen */
    int64_t muted_until; /* wall ms; INT64_MAX: until unmuted */
    int64_t last_read;
    int64_t mentioned_seq;    /* the last message that told it of a mention */
    struct member *members;   /* connections, linked by next_of_user */
    uint32_t ops;             /* operations under way that name it */
    uint32_t here;            /* its connected members, those in grace not */
    enum member_role belongs; /* of this channel */
    enum role role;           /* in the establishment */
    bool staff;               /* manages every channel of this kind */
    bool read_dirty;          /* last_read is not in the database yet */
    bool read_untold;         /* … and this: the others do not know it yet */
};

/* The caller as msgpack, for mail to channels: [id, first, last, image, role, staff]. `manage`: the
 * permission that makes one staff of this kind of channel; NULL: nobody is. */
void user_put(struct buf *b, const struct identity *who, const char *manage);

/* The same of somebody whom this channel knows, for its mail to other channels. */
void user_repack(struct buf *b, const struct user *u);

struct member_key {
    actor_id session;
    uint64_t nonce;
};
struct member {
    struct member_key key; /* first: the table's key */
    struct user *user;
    struct member *next_of_user;
    struct member *next_gone, *prev_gone; /* link presence.gone, by grace_until */
    int64_t grace_until;        /* loop_now() at which a cut connection's absence is told; 0: it is
                                   connected */
    int64_t online_at;          /* wall s */
    uint64_t phx_ref, prev_ref; /* prev_ref: its presence changed since the last diff; 0: no */
    uint64_t sid_hash; /* names the signed-in session, for taking over the place after a cut */
    char *status;      /* NULL: "online" */
    uint8_t enc, lang;
    bool told;             /* others know of it */
    struct replay *replay; /* what it has yet to read; NULL: it is live (replay.c) */
};

struct members {
    struct table by_key, users;
    uint32_t count;                          /* connected members, those in grace included */
    uint32_t by_loop[64], by_enc[ENCODINGS]; /* connected ones */
    uint32_t connected, people;              /* … all of them; the users they are of */
};

struct user *members_user(struct members *ms, struct str id); /* makes it */
void members_take(struct members *ms, struct mp list);        /* who belongs: [[id, role], …] */
struct user *members_find_user(const struct members *ms, struct str id);
void members_see(struct user *u, struct mp packed); /* what user_put packed: names, role */
void members_user_release(struct members *ms, struct user *u); /* frees it when nothing holds it */
struct member *members_find(const struct members *ms, actor_id session, uint64_t nonce);
struct member *members_add(struct members *ms, struct user *u, actor_id session, uint64_t nonce);
void members_rekey(struct members *ms, struct member *m, actor_id session, uint64_t nonce);
void members_connected(struct members *ms, const struct member *m,
                       int by);                            /* +1 comes, -1 goes: the counters */
void members_remove(struct members *ms, struct member *m); /* already counted out, or in grace */
void members_finish(struct members *ms);

enum user_name { NAME_FIRST, NAME_LAST, NAME_IMAGE };
const char *user_name(const struct user *u, enum user_name which); /* "" when there is none */

/* {id, firstName, lastName, profileImageUrl} as msgpack. */
void user_card(struct buf *b, const struct user *u);

#endif
