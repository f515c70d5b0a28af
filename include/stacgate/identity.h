/*
 * Who is asking: the session cookie turned into a person, by gathered look-ups (those that come
 * while one is under way, or within a few ms of it, share one statement). One struct per person and
 * loop, shared by all of their connections there.
 */
#ifndef STACGATE_IDENTITY_H
#define STACGATE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "stacgate/actor.h"
#include "stacgate/http.h"
#include "stacgate/loop.h"

enum role { ROLE_APPRENANT, ROLE_FORMATEUR, ROLE_MANAGER, ROLE_ADMIN, ROLE_SUPER_ADMIN, ROLES };
const char *role_name(enum role r);

struct identity {
    uint32_t refs; /* this loop's; not atomic */
    enum role role;
    const char *user_id;          /* NUL-terminated, all in one allocation */
    const char *establishment_id; /* "" for a super_admin without one */
    const char *first_name, *last_name, *profile_image_url; /* "" when null */
    const char *email;
    uint64_t permissions[2]; /* bit per row of the permission catalogue (permission.def) */
};

enum scope { /* what an API token is good for; a session is good for all */
             SCOPE_READ = 1,
             SCOPE_WRITE = 2,
             SCOPE_REALTIME = 4
};

/* A signed-in session: 16 bytes of its key's hash name it, also across loops. */
struct session_ref {
    struct identity *who; /* a reference; NULL: nobody, of whom only the place counts */
    char sid[65];       /* sha256 hex of the cookie's value: the sessions.sid; or of the token's */
    int64_t expires_ms; /* wall clock: idle or absolute, whichever is earlier */
    bool token;         /* an API token, no session */
    uint8_t scopes;     /* enum scope */
    char place[64];     /* to who is in no school: that of what identity_ask was about; "": none */
};

struct identity *identity_ref(struct identity *i);
void identity_unref(struct identity *i);
bool identity_can(const struct identity *i,
                  const char *permission); /* a name of permission.def; asserts that it is one */
bool identity_is_staff(const struct identity *i); /* manager, admin, super_admin */

/* What a request is about: a kind that stacgate_place_of() knows, and its id, which is text that
 * the database takes: look-ups of others share the statement. */
struct thing {
    const char *kind; /* static */
    const char *id;
};

/*
 * The caller of a request and, for who is in no school (a super_admin, nobody), in which one that
 * is what they ask about (NULL: nothing), by one statement. `next` gets a body that is a struct
 * session_ref (identity_of) or, when nobody is signed in and nothing is asked about, no body
 * (status 0); `fail` gets -EUNAVAILABLE_DB and the like. Bearer tokens count like cookies.
 */
int identity_ask(struct actor *self, struct http_req *r, const struct thing *about, uint32_t ms,
                 actor_step *next);
/* The same for a session or token known by its sid: is it still one? */
int identity_ask_sid(struct actor *self, const char sid[65], uint32_t ms, actor_step *next);
/* The same for a connection that comes back: whoever was cut a moment ago (identity_remember) and
 * has not been signed out since is known without asking the database. */
int identity_ask_again(struct actor *self, const char sid[65], uint32_t ms, actor_step *next);
void identity_remember(const struct session_ref *ref);
/* Emptying caches: how many people were remembered; how many roles' permissions are read anew. */
unsigned identity_forget_recent(void);
unsigned identity_forget_roles(void);
/* How these caches did since the process began. */
struct cache_stats {
    uint64_t entries, hits, misses;
};
void identity_recent_stats(struct cache_stats *ret);
void identity_roles_stats(struct cache_stats *ret);
/* The sid that a request names, by an API token or a cookie; false: none. */
bool identity_sid(struct http_req *r, char sid[65]);
const struct session_ref *
identity_of(const struct msg *m); /* NULL: anonymous; valid while m->body is */

/* An open socket counts as use: gathered into one statement a minute. */
void identity_touch(const char sid[65]);

/*
 * The cookie a request of this kind carries: "__Host-stacgate" over TLS, "stacgate.sid" in the
 * clear. One is never taken for the other.
 */
const char *identity_cookie_name(const struct http_req *r);
#define SESSION_TOKEN_SIZE 44 /* 256 random bits in base64url, and NUL */
void identity_token_make(char token[SESSION_TOKEN_SIZE],
                         char sid[65]); /* a new cookie value and the sid it is stored under */
void identity_set_cookie(struct http_req *r, const char *token); /* NULL: clears it */

/*
 * Sessions that ended (logout, revocation, password change, account off, erased): every loop's
 * watcher is called, on its own loop, within a second. sid "" means every session of that user,
 * except `but` (or "").
 */
struct session_end {
    char sid[65];
    char but[65];
    char user_id[64];
    uint16_t code;
    bool changed;  /* nothing ended, but what this person may do is another: sockets look again */
    bool everyone; /* … and so for everybody of this role, or of this school; user_id is "" */
    enum role role;
    char school[64]; /* "": the role counts */
};
void identity_ended(const struct session_end *e); /* from any loop */
/* A person's role, permissions, school or activity changed: within a second their sockets are those
 * of the person they are now, or closed. From any loop, after the commit. */
void identity_changed(const char *user_id);
/* What everybody of a role may do changed: the same for all of them, and roles are read anew. */
void identity_role_changed(enum role role);
/* A school was closed or opened: its people's sockets look again, and are put out where it is
 * closed. */
void identity_school_changed(const char *establishment_id);
/* Has this loop heard of an end or a change of this person since (mono_ms)? true also when it
 * cannot tell any more. For what was looked up before and is used only now. */
bool identity_ended_since(const char *user_id, int64_t since_ms);
void identity_watch(void (*ended)(
    const struct session_end *e)); /* per process, before start; called on every loop */

extern const struct loop_service identity_service;

#endif
