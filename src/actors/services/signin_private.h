/*
 * What the queue (signin.c) and one attempt (attempt.c) share.
 */
#ifndef STACGATE_SERVICES_SIGNIN_PRIVATE_H
#define STACGATE_SERVICES_SIGNIN_PRIVATE_H

#include "signin.h"
#include "stacgate/ids.h"

struct signin_question { /* MSG_SIGNIN's body */
    char email[256], address[64];
    bool loopback;
    bool check_only;
    uint32_t password_len;
    char password[];
};
struct password_question { /* MSG_PASSWORD's body */
    uint32_t password_len;
    char password[];
};

struct job { /* held by the queue and by its attempt */
    unsigned refs;
    struct job *next;
    struct msg question; /* to be answered */
    struct body *body;
    actor_id attempt; /* while it runs */
    bool answered;
    bool alone;                    /* wait until no other attempt of its account or address runs */
    char account[65], address[65]; /* hashed keys of the throttles; "" for MSG_PASSWORD */
    unsigned ahead_pair, ahead_account,
        ahead_address; /* attempts of the same keys that ran when it began */
};

void job_unref(struct job *j);

extern const struct actor_type
    attempt_type; /* arg: struct job *; ends with -EAGAIN when the job must wait and begin anew */

#endif
