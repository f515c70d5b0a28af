/*
 * What operations about accounts share: the codes that go out by mail, and what a new password must
 * be.
 */
#ifndef STACGATE_REST_ACCOUNT_H
#define STACGATE_REST_ACCOUNT_H

#include "op.h"

#define ACCOUNT_QUEUE_MS 60000 /* a password waits so long for its hash */

struct code {
    char text[44]; /* 256 bits in base64url, and NUL */
    char hash[65]; /* what the database keeps */
    char link[512];
    const char *before; /* link, or NULL without a public address */
};
/* page: where its link leads, "set-password". To be wiped with explicit_bzero. */
void code_make(struct code *c, const char *page);
/* Four parameters: hash, code, language, link. */
void code_put(struct db_group *g, const struct rest *r, const struct code *c);
const char *account_language(const struct rest *r); /* "fr", "en" */
/* How often an hour somebody may ask for a code; without rate limits, as often as they like. */
int64_t account_codes_an_hour(void);

/* 0: it may be used; else the request was refused. email {NULL,0}: not known here. */
int password_refused(struct rest *r, const char *field, struct str password, struct str email);

/* The rows of statement 0 are sessions of the caller that ended: their sockets close. (sign_ins.c)
 */
void sign_ins_ended(const struct rest *r, const struct msg *m);

#endif
