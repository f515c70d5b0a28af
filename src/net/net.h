/*
 * What the files of src/net share: the connection, its loop's side, and who may call whom. A
 * connection is one small struct on one loop: what reading a request or a message needs hangs on it
 * only meanwhile (http, in), what is to be written hangs on it only until the kernel took it (out).
 * Nobody frees a connection but conn_reap(), at the turn's end: until then a dead one is a state.
 */
#ifndef SG_NET_H
#define SG_NET_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "stacgate/buf.h"
#include "stacgate/http.h"
#include "stacgate/loop.h"
#include "stacgate/ws.h"

#define READ_SIZE (64u * 1024)     /* one read's bytes; one buffer a loop */
#define SCRATCH_SIZE (128u * 1024) /* frames joined for one write; one buffer a loop */
#define WHEEL_SLOTS                                                                                \
    256u /* of WHEEL_MS each: deadlines further off are looked at again when they come near */
#define WHEEL_MS 250
#define LINGER_MS                                                                                  \
    2000 /* a closed connection's input is thrown away so long, lest a reset destroys the answer   \
          */
#define STALL_MS 30000 /* an HTTP answer of which the peer takes nothing for so long is dropped */
#define CLOSE_MS                                                                                   \
    5000 /* a closing WebSocket's time for its queue, and again for the peer's close frame */
#define TLS_MS 10000 /* a handshake's time */
#define CONN_UNREAD_MAX                                                                            \
    (16u * 1024) /* bytes kept of a peer that sends on while its request is being answered */
#define HTTP_QUEUE_MAX                                                                             \
    (64u * 1024) /* answer bytes not yet taken: above, no further request is begun */

enum conn_state {
    CONN_TLS,    /* handshake under way */
    CONN_HTTP,   /* requests */
    CONN_WS,     /* messages */
    CONN_LINGER, /* written and shut: input is thrown away until the peer closes */
    CONN_DEAD    /* in net->dying; reaped at the turn's end */
};

enum queue_limit { QUEUE_CONNECTION, QUEUE_AGE, QUEUE_ALL }; /* http_queue_limit() */

struct outq { /* a ring of frames; only while something is queued */
    struct outq *next_free;
    uint32_t cap, head, count;
    uint32_t offset; /* bytes of the first frame that the kernel already has */
    struct frame *f[];
};

struct conn {
    uv_poll_t poll; /* first: the handle is the connection */
    struct net_loop *net;
    struct outq *out;       /* NULL: nothing queued */
    struct http_conn *http; /* NULL: no request under way */
    struct ws_in *in;       /* NULL: no message incomplete */
    SSL *tls;               /* NULL: plain */
    const struct ws_handler *handler;
    void *arg;
    struct conn *wheel_next,
        **wheel_at; /* in net->wheel: every living connection is in exactly one slot */
    struct conn *slow_next,
        *slow_prev; /* in net->slow while blocked: the one that moved longest ago first */
    int64_t heard_ms, moved_ms, due_ms;
    uint32_t queued, replay; /* bytes in out; those of WS_REPLAY among them */
    uint32_t drain_below, message_max;
    int fd;                      /* -1: no socket; its owner pulls what is queued (ws_pull.c) */
    uint16_t tls_pend;           /* bytes of a TLS record that the kernel has not taken whole */
    uint16_t close_code, pings;  /* pings of this second (heard_s) */
    uint16_t ping_s;             /* its low bits */
    uint8_t state, events;       /* enum conn_state; UV_READABLE | UV_WRITABLE as armed */
    uint8_t addr[16];            /* the client's, IPv4 as ::ffff:a.b.c.d */
    bool dirty : 1, blocked : 1; /* in net->dirty; in net->slow with UV_WRITABLE armed */
    bool paused : 1;             /* the owner does not want input now */
    bool again : 1;              /* input kept from before is to be looked at, at the turn's end */
    bool eof : 1;                /* the peer sends no more */
    bool shut_after : 1;         /* close once the queue is empty */
    bool closing : 1, close_sent : 1, close_got : 1; /* WebSocket close handshake */
    bool want_drain : 1, deflate : 1, pinged : 1;
    bool tls_out : 1; /* OpenSSL waits for room to write */
};

/* Frames joined for the last write, kept for the next connection that has the very same ones (a
 * fan-out's members do). */
struct joined {
    struct frame **of; /* references */
    uint32_t count, cap, len;
};

struct net_loop {
    unsigned index;
    uv_poll_t listener;
    uv_timer_t tick;
    uv_idle_t kick; /* active while dirty or dying wait for a turn's end: the loop must not sleep on
                       them */
    int listen_fd, reserve_fd;
    unsigned handles; /* still to be closed by libuv, at the end */
    int64_t full_logged_ms;
    bool listening, accept_paused, stopping, kicked, draining;
    struct conn *wheel[WHEEL_SLOTS];
    int64_t wheel_ms; /* slots up to here were looked at */
    struct conn *slow_head, *slow_tail;
    struct conn **dirty, **dying;
    uint32_t dirty_count, dirty_cap, dying_count, dying_cap;
    struct outq *free_outq[4];
    uint32_t free_outqs[4];
    struct http_conn *free_http;
    struct ws_in *free_in;
    uint32_t free_https, free_ins;
    struct frame *ping; /* the one ping frame */
    struct joined joined;
    struct deflate *deflate; /* zlib states, made on first use */
    char date[32];
    int64_t date_s;
    uint64_t id_count;
    char id_prefix[13];
    struct http_stats stats; /* written here only; read by anyone (relaxed) */
    uint8_t read[READ_SIZE];
    uint8_t scratch[SCRATCH_SIZE];
};

extern struct http_options net_options;
extern struct ws_limits net_limits;
extern _Atomic uint64_t net_queued_total; /* bytes of living frames */
extern _Atomic uint32_t net_connections;

struct net_loop *net_here(void);              /* the calling loop's */
const struct net_loop *net_of(unsigned loop); /* to read its stats; NULL: none runs there */

/* stats.c */
void conn_become(struct conn *c, enum conn_state state);
void stats_opened(const struct conn *c);
void stats_closed(const struct conn *c);
void stats_ws_closed(struct conn *c); /* with its close_code */

/* conn.c: life, input, deadlines */
struct conn *conn_open(struct net_loop *net, int fd, const uint8_t addr[16]);
void conn_die(struct conn *c, uint16_t ws_code); /* at once, unless it is; its owner is told at the
                                                    turn's end; ws_code if none is set */
void conn_reset(struct conn *c);                 /* conn_die with a TCP reset */
void conn_linger(struct conn *c); /* everything is written: shut, and throw away what still comes */
void conn_due(struct conn *c, int64_t due_ms); /* its deadline: state's *_due() is called then */
void conn_pause(struct conn *c, bool on);
void conn_again(struct conn *c); /* look at kept input at the turn's end */
void conn_arm(struct conn *c);   /* tells libuv what is wanted now */
void conn_dirty(struct conn *c); /* to be visited at the turn's end */
void conn_turn_end(struct net_loop *net);
void conn_tick(struct net_loop *net);
ssize_t conn_recv(struct conn *c, void *p, size_t n); /* -EAGAIN, 0 at the end, -errno */
ssize_t conn_send(struct conn *c, const void *p, size_t n);

/* out.c: what is to be written */
struct frame *frame_plain(const void *bytes, uint32_t n,
                          struct body *owner);  /* uncounted; takes the reference */
void out_push(struct conn *c, struct frame *f); /* takes its own reference */
void out_flush(struct conn *c);
void out_wait(struct conn *c); /* of a connection without a socket: it waits to be pulled */
/* Its whole frames from the front, up to room bytes but at least one: the bytes of them. */
size_t out_pull(struct conn *c, size_t room, void (*each)(void *to, const struct frame *f),
                void *to);
void out_drop(struct conn *c, bool keep_begun); /* forgets the queue, but frames that are begun */
void out_check_slow(struct net_loop *net, int64_t now); /* ages, stalls */
void out_check_total(struct net_loop *net);
void out_uncache(struct net_loop *net);
void out_finish(struct net_loop *net);

/* out_fold.c: fewer, longer frames for the queues of those who do not read; one folding a pass over
 * them */
struct folding;
struct folding *fold_begin(void);
void fold_queue(struct folding *g, struct conn *c, int64_t now);
void fold_end(struct folding *g);

/* http_conn.c: requests of one connection */
void http_input(struct conn *c, uint8_t *p, size_t n);
void http_again(struct conn *c);
void http_eof(struct conn *c);
void http_due(struct conn *c, int64_t now);
void http_gone(struct conn *c); /* the connection died */
void http_drain(struct conn *c);
void http_written(struct conn *c); /* the queue is empty */
void http_pool_finish(struct net_loop *net);
void zip_finish(struct net_loop *net);

/* ws_conn.c, ws_in.c: messages of one connection */
void ws_input(struct conn *c, uint8_t *p, size_t n);
void ws_again(struct conn *c);
void ws_due(struct conn *c, int64_t now);
void ws_written(
    struct conn *c); /* a flush moved bytes, or the turn ended with a wish for drained() */
void ws_fail(struct conn *c, uint16_t code,
             const char *reason); /* our close: what is queued goes first, input ends */
void ws_slow(struct conn *c, enum queue_limit met); /* 4008 */
void ws_control(struct conn *c, uint8_t opcode, const uint8_t *p, size_t n);
void ws_message(struct conn *c, uint8_t opcode, bool packed, uint8_t *p, size_t n,
                bool text_checked);
void ws_in_release(struct conn *c);
void ws_in_finish(struct net_loop *net);

/* ws_pull.c: connections without a socket */
void pull_ready(struct conn *c); /* something is queued, or it closes */
void pull_again(struct conn *c); /* a pause is over, or it closes */

/* tls.c */
int tls_setup(const char *cert, const char *key, char **ret_error);
bool tls_wanted(void);
int tls_start(struct conn *c);
int tls_handshake(struct conn *c); /* 0 done, -EAGAIN, -errno */
ssize_t tls_recv(struct conn *c, void *p, size_t n);
ssize_t tls_send(struct conn *c, const void *p, size_t n);
bool tls_pending(const struct conn *c); /* bytes that epoll does not know of */
void tls_bye(struct conn *c);
void tls_free(struct conn *c);

#endif
