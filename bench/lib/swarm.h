/*
 * Thousands of WebSocket clients in one thread, on epoll. What they receive is read into one shared
 * buffer and handed on in place, so that an idle client costs a few bytes and a delivery no copy.
 */
#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "stacgate/buf.h"

enum client_state {
    CLIENT_UNUSED,
    CLIENT_CONNECTING,
    CLIENT_HANDSHAKE,
    CLIENT_OPEN,
    CLIENT_CLOSED
};

struct client {
    int fd;
    uint8_t state;
    bool unwatched; /* not in the epoll set: the caller reads it by hand (client_read) */
    bool writable_wanted, joined, slow; /* slow: a small receive buffer */
    bool tls_reads;                     /* what is to be written waits for the peer's handshake */
    uint16_t close_code;                /* from the server's close frame; 0 none */
    uint32_t index, group;
    uint32_t outstanding, next_ref;
    struct buf in, out; /* a frame in part; what the socket did not take yet */
    size_t sent;        /* of out */
    SSL *ssl;           /* NULL: plain */
};

struct swarm;
struct swarm_events {
    void (*opened)(struct swarm *s, struct client *c);
    void (*text)(struct swarm *s, struct client *c, const char *p, size_t n);
    void (*closed)(struct swarm *s, struct client *c, const char *why);
};

struct swarm {
    int epoll;
    struct sockaddr_in to;
    struct client *clients;
    uint32_t count;
    const struct swarm_events *on;
    void *state;
    uint64_t bytes_in;
    SSL_CTX *tls; /* NULL: plain */
    bool deflate; /* permessage-deflate is offered */
    z_stream inflate;
    struct buf inflated;
    uint64_t deflated; /* frames that came compressed */
    bool closing;      /* our own end: closed() is not called any more */
};

int swarm_init(struct swarm *s, uint32_t count, uint16_t port, const struct swarm_events *on,
               void *state);         /* 0 or -errno */
void swarm_use_tls(struct swarm *s); /* before anybody connects; no certificate is checked */
void swarm_use_deflate(struct swarm *s);
void swarm_finish(struct swarm *s); /* resets every connection */
void swarm_cut(struct swarm *s); /* the same, but they may connect again; closed() is not called */

/* extra: header lines, each with its CRLF, or "". Failures come through closed(). */
void client_connect(struct swarm *s, struct client *c, const char *path, const char *extra);
void client_text(struct swarm *s, struct client *c, const char *p, size_t n);
void client_unwatch(struct swarm *s, struct client *c);
/* Reads at most n bytes by hand. */
void client_read(struct swarm *s, struct client *c, size_t n);

/* Handles what is ready; waits up to us microseconds for something to be. */
void swarm_turn(struct swarm *s, int64_t us);

void raise_file_limit(void); /* to the hard limit */

#endif
