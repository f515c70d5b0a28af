/*
 * Messages in. A frame that lies whole in the read buffer and is a message by itself is unmasked in
 * place and delivered: nothing is allocated. What arrives in pieces gets a struct ws_in from the
 * loop's pool: wslay puts together the data frames (order, masks, UTF-8 as it comes), control
 * frames are gathered beside it. It goes back when the connection is between messages again.
 * Invariant: wslay is fed exactly whole frames, so at a frame's end it holds no byte of the next.
 */
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "net/http_req.h"
#include "net/ws_frame.h"

#define POOL_MAX 64u
#define POOL_BUF_MAX (16u * 1024)

struct ws_in {
    struct ws_in *next_free;
    struct conn *conn;
    wslay_event_context_ptr wslay;
    const uint8_t *p; /* what wslay may read now */
    size_t n;
    struct buf message; /* content of the message so far */
    struct buf rest;    /* input kept while the connection is paused */
    struct ws_head head;
    uint8_t head_bytes[WS_HEAD_MAX], control[WS_CONTROL_MAX];
    uint8_t head_n, control_n;
    uint64_t left; /* content bytes of the current frame still to come */
    uint32_t fragments;
    uint8_t opcode; /* of the message under way */
    bool in_frame, in_message, packed, done;
};

/* ---- wslay's side ---- */

static ssize_t in_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *arg)
{
    struct ws_in *in = arg;
    (void)flags;
    size_t n = len < in->n ? len : in->n;
    if (!n) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buf, in->p, n);
    in->p += n;
    in->n -= n;
    return (ssize_t)n;
}

static ssize_t in_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags,
                       void *arg)
{
    (void)ctx, (void)data, (void)flags, (void)arg;
    return (ssize_t)len; /* it only ever wants to say why it stopped: ws_fail() says it */
}

static void in_chunk(wslay_event_context_ptr ctx,
                     const struct wslay_event_on_frame_recv_chunk_arg *a, void *arg)
{
    struct ws_in *in = arg;
    (void)ctx;
    buf_put(&in->message, a->data, a->data_length);
}

static void in_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *a,
                       void *arg)
{
    struct ws_in *in = arg;
    (void)ctx, (void)a;
    in->done = true;
}

static const struct wslay_event_callbacks in_callbacks = {.recv_callback = in_recv,
                                                          .send_callback = in_send,
                                                          .on_frame_recv_chunk_callback = in_chunk,
                                                          .on_msg_recv_callback = in_message};

/* ---- the pool ---- */

static struct ws_in *in_attach(struct conn *c)
{
    if (c->in)
        return c->in;
    struct ws_in *in = c->net->free_in;
    if (in) {
        c->net->free_in = in->next_free;
        c->net->free_ins--;
    } else {
        in = xcalloc(1, sizeof(*in));
    }
    in->conn = c;
    return c->in = in;
}

static bool wslay_attach(struct ws_in *in)
{
    if (!in->wslay) {
        if (wslay_event_context_server_init(&in->wslay, &in_callbacks, in) != 0)
            return false;
        wslay_event_config_set_no_buffering(in->wslay, 1);
    }
    wslay_event_config_set_allowed_rsv_bits(
        in->wslay, in->conn->deflate ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE); /* whose it is now */
    return true;
}

static void in_free(struct ws_in *in)
{
    if (in->wslay)
        wslay_event_context_free(in->wslay);
    buf_finish(&in->message);
    buf_finish(&in->rest);
    free(in);
}

void ws_in_release(struct conn *c)
{
    struct ws_in *in = c->in;
    if (!in)
        return;
    c->in = NULL;
    if (in->in_message || in->in_frame || in->head_n || c->net->free_ins == POOL_MAX) {
        in_free(in);
        return;
    }
    if (in->message.cap > POOL_BUF_MAX)
        buf_finish(&in->message);
    buf_clear(&in->message);
    buf_finish(&in->rest);
    in->next_free = c->net->free_in;
    c->net->free_in = in;
    c->net->free_ins++;
}

void ws_in_finish(struct net_loop *net)
{
    for (struct ws_in *in; (in = net->free_in);) {
        net->free_in = in->next_free;
        in_free(in);
    }
}

/* ---- frames in pieces ---- */

static bool in_open(const struct conn *c)
{
    return c->state == CONN_WS && !c->close_got;
}

/* Limits and order of a new frame; 0 or a close code. */
static uint16_t in_check(struct ws_in *in)
{
    const struct ws_head *h = &in->head;
    if (h->opcode & 8)
        return 0;
    if ((h->opcode == WS_CONTINUE) != in->in_message)
        return 1002;
    if (!in->in_message) {
        in->in_message = true;
        in->opcode = h->opcode;
        in->packed = h->packed;
        in->fragments = 0;
        buf_clear(&in->message);
    }
    in->fragments++;
    if (in->message.len + h->length > in->conn->message_max ||
        in->fragments > net_limits.fragments_max)
        return 1009;
    return 0;
}

static void in_frame_end(struct conn *c, struct ws_in *in)
{
    in->in_frame = false;
    in->head_n = 0;
    if (in->head.opcode & 8) {
        ws_unmask(in->control, in->control_n, in->head.mask);
        ws_control(c, in->head.opcode, in->control, in->control_n);
    } else if (in->done) {
        in->done = in->in_message = false;
        ws_message(c, in->opcode, in->packed, in->message.data, in->message.len, !in->packed);
        if (c->in == in)
            buf_clear(&in->message);
    }
}

/* Gives wslay a piece of a data frame; false when it found a fault (then the connection is
 * closing). */
static bool in_data(struct conn *c, struct ws_in *in, const uint8_t *p, size_t n)
{
    in->p = p;
    in->n = n;
    int e = wslay_event_recv(in->wslay);
    if (e == 0 && wslay_event_get_read_enabled(in->wslay))
        return true;
    wslay_event_send(in->wslay);
    uint16_t code = wslay_event_get_status_code_sent(in->wslay);
    ws_fail(c,
            code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA || code == WSLAY_CODE_MESSAGE_TOO_BIG
                ? code
                : 1002,
            NULL);
    return false;
}

/* The header, byte by byte; true when it is complete and good. */
static bool in_head(struct conn *c, struct ws_in *in, uint8_t b)
{
    in->head_bytes[in->head_n++] = b;
    int size = ws_head_read(in->head_bytes, in->head_n, c->deflate, &in->head);
    if (size == 0)
        return false;
    uint16_t code = size < 0 ? 1002 : in_check(in);
    if (!code && !(in->head.opcode & 8) && !wslay_attach(in))
        code = 1011;
    if (code) {
        ws_fail(c, code, NULL);
        return false;
    }
    in->in_frame = true;
    in->left = in->head.length;
    in->control_n = 0;
    return (in->head.opcode & 8) || in_data(c, in, in->head_bytes, in->head_n);
}

static size_t in_piece(struct conn *c, struct ws_in *in, const uint8_t *p, size_t n)
{
    size_t take = 0;
    if (!in->in_frame) {
        take = 1;
        if (!in_head(c, in, *p))
            return take;
    } else {
        take = n < in->left ? n : (size_t)in->left;
        in->left -= take;
        if (in->head.opcode & 8) {
            memcpy(in->control + in->control_n, p, take);
            in->control_n = (uint8_t)(in->control_n + take);
        } else if (!in_data(c, in, p, take)) {
            return take;
        }
    }
    if (!in->left)
        in_frame_end(c, in);
    return take;
}

/* ---- whole frames ---- */

/* Delivers the frame at p when it is all there and a message by itself. The bytes it used; 0: it
 * goes the other way, or was refused. */
static size_t in_whole(struct conn *c, uint8_t *p, size_t n)
{
    struct ws_head h;
    int size = ws_head_read(p, n, c->deflate, &h);
    if (size == 0)
        return 0;
    if (size < 0) {
        ws_fail(c, 1002, NULL);
        return 0;
    }
    bool control = h.opcode & 8;
    if (!control && h.length > c->message_max) {
        ws_fail(c, 1009, NULL);
        return 0;
    }
    if (!h.fin || h.opcode == WS_CONTINUE || h.length > n - (size_t)size ||
        (!control && c->in && c->in->in_message))
        return 0;
    uint8_t *content = p + size;
    ws_unmask(content, (size_t)h.length, h.mask);
    if (control)
        ws_control(c, h.opcode, content, (size_t)h.length);
    else
        ws_message(c, h.opcode, h.packed, content, (size_t)h.length, false);
    return (size_t)size + (size_t)h.length;
}

static bool in_between(const struct ws_in *in)
{
    return !in->in_frame && !in->head_n;
}

static void in_run(struct conn *c, uint8_t *p, size_t n)
{
    size_t off = 0;
    while (off < n && in_open(c) && !c->paused) {
        size_t used = !c->in || in_between(c->in) ? in_whole(c, p + off, n - off) : 0;
        if (!used && in_open(c))
            used = in_piece(c, in_attach(c), p + off, n - off);
        if (!used)
            break; /* closing for a fault of the peer: what follows is not looked at */
        off += used;
    }
    if (off < n && in_open(c) && c->paused)
        buf_put(&in_attach(c)->rest, p + off, n - off);
    else if (c->in && in_between(c->in) && !c->in->in_message && !c->in->rest.len &&
             c->state != CONN_DEAD)
        ws_in_release(c);
}

void ws_input(struct conn *c, uint8_t *p, size_t n)
{
    if (c->http)
        http_handover(c);
    if (c->in && c->in->rest.len) {
        buf_put(&c->in->rest, p, n);
        ws_again(c);
        return;
    }
    in_run(c, p, n);
}

void ws_again(struct conn *c)
{
    if (c->http)
        http_handover(c);
    if (!c->in || !c->in->rest.len || c->paused)
        return;
    struct buf rest = c->in->rest;
    c->in->rest = BUF_INIT;
    in_run(c, rest.data, rest.len);
    buf_finish(&rest);
}
