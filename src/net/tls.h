/*
 * TLS's own side of net.h: a pair of files becomes a context, one context at a time is what new
 * connections are made from, tickets are sealed with keys that turn, and a watcher on the first
 * loop looks for new files. A context is reference-counted by OpenSSL: connections that were made
 * from an older one keep it until they end.
 */
#ifndef SG_TLS_H
#define SG_TLS_H

#include <openssl/ssl.h>
#include <stdint.h>

#define TICKET_KEY_MS                                                                              \
    (12 * 3600 * 1000) /* a key seals so long, and opens what it sealed for as long again */
#define EXPIRY_DAY_S 86400

/* tls_pair.c */
struct tls_pair {
    SSL_CTX *ctx; /* a reference */
    int64_t ends; /* unix seconds: when the first certificate of the chain ends */
};
/* Reads and checks both files; blocks. 0, or -EINVAL with a sentence in *ret_error (free()). */
int tls_pair_read(const char *cert, const char *key, struct tls_pair *ret, char **ret_error);
void tls_pair_drop(struct tls_pair *p);

/* tls.c */
void tls_use(struct tls_pair *p); /* for connections from now on; takes the reference */
int64_t tls_ends(void);           /* of the pair in use */

/* tls_ticket.c; any thread */
void tickets_turn(int64_t now_ms); /* to be called now and then: a new key when it is time */
void tickets_forget(void);         /* what was sealed before opens no more */
void tickets_attach(SSL_CTX *ctx);

/* tls_watch.c */
void tls_watch_note(void); /* the files as they are now are those that will be read: blocks */
int tls_watch_start(void); /* on the first loop: 0 or -ENOMEM */
/* 0 to 4: how many of 30, 14, 7 and 0 days before its end a certificate has passed. */
unsigned tls_expiry_level(int64_t ends, int64_t now);

#endif
