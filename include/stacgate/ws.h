/*
 * WebSocket connections (RFC 6455): input by wslay from a pool of contexts per loop, output as
 * prebuilt wire bytes that many connections share. An idle connection holds no buffer, no parser
 * and no context.
 */
#ifndef STACGATE_WS_H
#define STACGATE_WS_H

#include <stdbool.h>
#include <stdint.h>

#include "stacgate/actor.h"
#include "stacgate/buf.h"
#include "stacgate/http.h"

enum ws_opcode { WS_TEXT = 1, WS_BINARY = 2 };

struct conn; /* a connection of this loop; never touched from another */

struct ws_handler {
    /* A whole message; bytes valid during the call; text is valid UTF-8. The handler may close or
     * send. */
    void (*message)(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n);
    void (*drained)(void *arg); /* after ws_want_drain: the queue is below the mark (called from the
                                   turn's end or I/O) */
    void (*closed)(void *arg, uint16_t code); /* last call, for whatever reason (1006 when it just
                                                 died); conn is invalid after it */
    /* Of connections without a socket only (ws_pulled). */
    void (*ready)(void *arg);   /* there is something to pull, or it closes: at the turn's end, or
                                   inside a ws_send of a long turn */
    void (*resumed)(void *arg); /* a pause is over: ws_feed takes messages again */
    void (*due)(void *arg);     /* the time of ws_due_in has come */
};

/*
 * Answers 101 and turns the request's connection into a WebSocket: the request is ended by it.
 * NULL: the connection is gone or the handshake was bad (then it was answered), and the handler is
 * never called. `protocol`: the chosen subprotocol, NULL: none.
 */
struct conn *ws_accept(struct http_req *r, const char *protocol, const struct ws_handler *handler,
                       void *arg, uint32_t message_max, bool deflate);

/* ---- output ---- */

/* Appends the wire form of one unmasked message to out: header and payload. Many may follow each
 * other in one frame. */
void ws_wire(struct buf *out, enum ws_opcode op, const void *payload, size_t n);

/* The same, compressed (RFC 7692, no context kept), for connections of which ws_deflates() is true;
 * plain when that is shorter. */
void ws_wire_deflated(struct buf *out, enum ws_opcode op, const void *payload, size_t n);
bool ws_deflates(const struct conn *c);

enum ws_lane {
    WS_CONTROL,   /* replies, pongs */
    WS_DURABLE,   /* must arrive, or the connection ends (4008) */
    WS_PRESENCE,  /* may be dropped: ws_send says so; the sender repairs it */
    WS_EPHEMERAL, /* may be dropped, nobody minds */
    WS_REPLAY /* pulled by the reader: counts for memory, exempt from the queue limits while bytes
                 move */
};

/*
 * Wire bytes on one loop's queues: not atomic, one reference each queue. Owns a reference to body.
 * While a frame lives its len counts, once, for queue_total.
 */
struct frame {
    const uint8_t *bytes; /* whole wire messages, inside body unless body is NULL (then they live as
                             long as the process) */
    uint32_t len, refs;
    int64_t at_ms; /* when it was made (loop_now): its age decides 4008 */
    struct body *body;
    enum ws_lane lane;
    bool counted;
};
struct frame *frame_make(struct body *wire,
                         enum ws_lane lane); /* takes the reference; one reference, the caller's */
struct frame *frame_ref(struct frame *f);
void frame_unref(struct frame *f);

/* Queues a reference; written at the turn's end with what else is queued. false: dropped (lane,
 * limits) or closing. O(1), no allocation when the queue has room. */
bool ws_send(struct conn *c, struct frame *f);
void ws_send_body(struct conn *c, struct body *wire,
                  enum ws_lane lane); /* frame_make + ws_send + frame_unref */

void ws_close(struct conn *c, uint16_t code,
              const char *reason); /* queued frames first (at most 5 s), then the close frame;
                                      closed() follows later */
void ws_abort(
    struct conn *c); /* at once, RST-like: closed() follows later, never inside the call */
void ws_pause(struct conn *c, bool on); /* on: the socket is not read */
size_t ws_queued(const struct conn *c); /* bytes not yet taken by the kernel */
void ws_want_drain(
    struct conn *c,
    size_t below); /* one drained() when queued <= below; at the turn's end if it is already */
int64_t ws_last_heard(const struct conn *c); /* loop_now() when bytes last came */
const char *ws_peer(const struct conn *c);

/* ---- a connection without a socket: its owner takes what is queued, and brings what comes in ----
 */

/*
 * Everything above holds for it (queue, lanes, limits, pause, close), so that who sends need not
 * know. What is queued waits for ws_pull(), as it would for a peer that reads; nothing is pinged.
 * It ends when ws_close()'s code is set and nothing is queued any more, or after 5 s of that.
 */
struct conn *ws_pulled(const struct ws_handler *handler, void *arg, uint32_t message_max);
/* Takes whole messages off the queue, in order: all that one frame holds, then more frames up to
 * `room` bytes. The bytes it took; 0: nothing was queued. */
typedef void ws_each(void *to, enum ws_opcode op, struct str payload);
size_t ws_pull(struct conn *c, size_t room, ws_each *each, void *to);
/* A message, as if a socket had brought it. false: paused or closing, so it was not taken. */
bool ws_feed(struct conn *c, enum ws_opcode op, const uint8_t *bytes, size_t n);
void ws_due_in(struct conn *c, uint32_t ms); /* the handler's due() then, unless moved again */
uint16_t ws_closing(const struct conn *c);   /* the code it closes with; 0: it does not */

struct ws_limits {         /* set before the runtime starts */
    uint32_t queue_soft;   /* bytes: above, WS_PRESENCE and WS_EPHEMERAL are dropped */
    uint32_t queue_hard;   /* bytes: above, close 4008 */
    uint32_t queue_age_ms; /* a queued frame older than this (and none moved meanwhile, for
                              WS_REPLAY): close 4008 */
    uint64_t queue_total;  /* bytes on this process's queues, shared frames once: above, the slowest
                              is closed first */
    uint32_t ping_after_ms, dead_after_ms;
    uint32_t sndbuf;        /* bytes, SO_SNDBUF */
    uint32_t fragments_max; /* frames one message may come in; above: close 1009 */
};                          /* a member left 0 keeps its default */
void ws_configure(const struct ws_limits *l);

#endif
