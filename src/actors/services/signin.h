/*
 * Signing in and making passwords, off the loops: one queue for the whole process in front of very
 * few hashing threads, and the throttles of failed sign-ins. Ask the actor signin_actor() with the
 * bodies below.
 */
#ifndef STACGATE_SERVICES_SIGNIN_H
#define STACGATE_SERVICES_SIGNIN_H

#include "stacgate/actor.h"

enum msg_kind_signin {
    MSG_SIGNIN = 410, /* body: signin_body; answered with struct signin_answer */
    MSG_PASSWORD /* body: password_body; answered with the encoded hash (NUL-terminated), or status
                    -EAGAIN: the queue is full */
};

enum signin_outcome {
    SIGNIN_PASSED,
    SIGNIN_WRONG,     /* unknown address or wrong password */
    SIGNIN_THROTTLED, /* too many failures: retry_s */
    SIGNIN_BUSY,      /* the queue is full: retry_s */
    SIGNIN_ACCOUNT_OFF,
    SIGNIN_ESTABLISHMENT_OFF,
    SIGNIN_DEMO /* the password was right */
};
struct signin_answer {
    enum signin_outcome outcome;
    uint32_t retry_s;
    char user_id[65], establishment_id[65];
};

actor_id signin_actor(void);
void signin_setup(void); /* declares the actor kind; before the runtime starts */

/* The password's copy in the body is wiped when the body goes. loopback: the peer is on this
 * machine, without a proxy between. */
struct body *signin_body(struct str email, struct str password, const char *address, bool loopback);
/* Only whether the password is right, under the same throttles: nobody signs in by it. */
struct body *signin_check_body(struct str email, struct str password, const char *address);
struct body *password_body(struct str password);

#endif
