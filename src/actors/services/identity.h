/*
 * What the identity services share: people interned per loop, the permission catalogue, and the
 * ends of sessions.
 */
#ifndef STACGATE_SERVICES_IDENTITY_H
#define STACGATE_SERVICES_IDENTITY_H

#include "stacgate/db.h"
#include "stacgate/identity.h"

#define IDENTITY_ACTOR 1 /* indexes among loop_actor()s */
#define SESSIONS_ACTOR 2

enum msg_kind_identity {
    MSG_IDENTITY_GATHER = 400, /* to IDENTITY_ACTOR: look-ups wait */
    MSG_SESSION_ENDED          /* to SESSIONS_ACTOR: struct session_end */
};

/* ---- people.c ---- */

#define PERMISSION_WORDS 2
int permission_bit(const char *name, size_t n); /* -1: not in the catalogue */
void permission_set(uint64_t bits[PERMISSION_WORDS], int bit, bool on);
/* Sets or clears the bits named in a comma-separated list; unknown names are no permissions of
 * ours. */
void permission_list(uint64_t bits[PERMISSION_WORDS], const char *names, bool on);
int role_of(const char *name); /* -1: none */

/* The calling loop's entry for this person: the one it has when nothing changed, else a new one. A
 * reference. */
struct person {
    const char *user_id, *establishment_id, *first_name, *last_name, *profile_image_url, *email;
    enum role role;
    uint64_t permissions[PERMISSION_WORDS];
};
struct identity *person_intern(const struct person *p);
void people_finish(unsigned loop);

/* ---- recent.c ---- */

void identity_note_end(
    const char *user_id); /* an end, or a change, of which this loop just heard */
bool identity_recall(const char sid[65], struct session_ref *ret); /* a reference */
void recent_finish(unsigned loop);

/* ---- sessions.c ---- */

extern const struct actor_type sessions_type;

#endif
