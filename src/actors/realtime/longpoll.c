/*
 * A session by long polling, on its own loop: at most one poll waits and one push is under way; an
 * answer takes what is queued. The invariant: what was pulled from the queue stands in the last
 * answer until the next poll proves, by the token of that answer, that the client has it; a poll
 * that asks for it again gets the very same.
 */
#include "longpoll.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "session.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"

#define ANSWER_MAX (256 * 1024) /* bytes of messages in one answer, give or take a frame */
#define LOST_MS 2000 /* for a poll that died: so soon the client asks again, or is gone */

struct longpoll {
    struct session *session;
    struct longpoll_token token; /* its secret is the table's key */
    enum longpoll_by by;
    struct msg poll, push; /* from 0: none */
    actor_id last_asker;
    struct body *last; /* the last answer with messages, until it is known to have arrived */
    struct body *pushed;
    struct str left; /* of pushed: not taken yet */
    bool lines;
};

static struct table tables[LOOPS_MAX]; /* each touched by its own loop only */

static struct table *table(void)
{
    return &tables[loop_index()];
}

static struct longpoll *find(struct str secret)
{
    return secret.p ? table_get(table(), secret.p, secret.n) : NULL;
}

/* ---- answering ---- */

static void reply(struct msg *question, int status, struct body *body)
{
    if (question->from)
        actor_reply(question, status, body);
    else
        body_unref(body);
    question->from = 0;
}

static void wait_over(struct longpoll *p, int status, struct body *body)
{
    reply(&p->poll, status, body);
    ws_due_in(p->session->conn, config.longpoll_patience);
}

struct listing {
    struct buf *out;
    unsigned count;
};

/* Binary messages are texts in base64, both ways. */
static void put_message(void *to, enum ws_opcode op, struct str payload)
{
    struct listing *l = to;

    if (l->count++)
        buf_putc(l->out, ',');
    if (op == WS_TEXT) {
        json_put_str(l->out, payload.p, payload.n);
        return;
    }
    buf_putc(l->out, '"');
    uint8_t *end = buf_reserve(l->out, payload.n / 3 * 4 + 5);
    l->out->len += (size_t)EVP_EncodeBlock(end, (const uint8_t *)payload.p, (int)payload.n);
    buf_putc(l->out, '"');
}

static void give(struct longpoll *p)
{
    struct conn *c = p->session->conn;
    struct buf b = BUF_INIT;
    struct listing list = {.out = &b};
    char token[LONGPOLL_TOKEN_SIZE];

    p->token.answers++;
    longpoll_token_print(token, &p->token);
    buf_printf(&b, "{\"status\":200,\"token\":\"%s\",\"messages\":[", token);
    ws_pull(c, ws_closing(c) ? SIZE_MAX : ANSWER_MAX, put_message, &list);
    buf_puts(&b, "]}");
    p->last = body_of(&b);
    buf_finish(&b);
    p->last_asker = p->poll.from;
    wait_over(p, 200, body_ref(p->last));
}

/* While the server stops, no further poll can reach it: the answer waits until everything is said,
 * and who is not waiting for one now will not come for it. */
static void answer(struct longpoll *p)
{
    struct conn *c = p->session->conn;
    bool last = runtime_draining(), over = ws_closing(c);

    if (!p->poll.from && last && over)
        ws_abort(c);
    if (!p->poll.from || (last && !over))
        return;
    if (ws_queued(c))
        give(p);
    else if (over)
        reply(&p->poll, 410, NULL);
}

static struct longpoll *polled(void *arg)
{
    struct session *s = session_of(arg);

    return s && s->conn ? s->poll : NULL;
}

void longpoll_ready(void *arg)
{
    struct longpoll *p = polled(arg);

    if (p)
        answer(p);
}

void longpoll_due(void *arg)
{
    struct longpoll *p = polled(arg);

    if (!p)
        return;
    if (!p->poll.from)
        ws_abort(p->session->conn);
    else if (ws_queued(p->session->conn))
        give(p);
    else
        wait_over(p, 200, longpoll_document(204, &p->token));
}

/* ---- polls ---- */

/* Of the sign-in that opened it, where its requests can show that. */
static bool fits(const struct longpoll *p, struct str sid, bool poll)
{
    if (p->by == BY_TOKEN_ONLY || (p->by == BY_HEADER && !poll))
        return true;
    return str_is(sid, p->session->sid);
}

static void wait_for_more(struct longpoll *p, const struct msg *m)
{
    struct conn *c = p->session->conn;

    body_unref(p->last);
    p->last = NULL;
    if (p->poll.from)
        reply(&p->poll, 200, longpoll_document(204, &p->token));
    p->poll = msg_keep(m);
    ws_due_in(c, config.longpoll_wait);
    answer(p);
}

static void on_poll(const struct msg *m)
{
    struct mp q = body_mp(m->body);
    struct longpoll *p = find(mp_bin(mp_at(q, 0)));

    if (!p || !fits(p, mp_str(mp_at(q, 2)), true)) {
        actor_reply(m, p ? 403 : 410, NULL);
        return;
    }
    uint16_t behind = (uint16_t)(p->token.answers - (uint16_t)mp_int(mp_at(q, 1), 0));
    atomic_store_explicit(&p->session->heard, loop_now(), memory_order_relaxed);
    if (behind == 0) {
        wait_for_more(p, m);
    } else if (behind == 1 && p->last) {
        p->last_asker = m->from;
        ws_due_in(p->session->conn, config.longpoll_patience);
        actor_reply(m, 200, body_ref(p->last));
    } else { /* it lacks what nobody has any more: let it begin anew, and resume */
        actor_reply(m, 410, NULL);
    }
}

/* The one that waits, or the one that was answered in vain. */
static void on_gone(const struct msg *m)
{
    struct longpoll *p = find((struct str){(const char *)m->body->bytes, m->body->len});

    if (!p || (m->from != p->poll.from && (p->poll.from || m->from != p->last_asker)))
        return;
    p->poll.from = 0;
    ws_due_in(p->session->conn, LOST_MS);
}

/* ---- pushes ---- */

static bool feed_binary(struct conn *c, struct str text)
{
    struct buf b = BUF_INIT;
    uint8_t *out = buf_reserve(&b, text.n / 4 * 3 + 3);
    int n =
        text.n && text.n % 4 == 0 ? EVP_DecodeBlock(out, (const uint8_t *)text.p, (int)text.n) : -1;

    for (size_t i = 1; n > 0 && i <= 2 && text.p[text.n - i] == '='; i++)
        n--;
    bool taken = n < 0 ? ws_feed(c, WS_TEXT, (const uint8_t *)text.p, text.n)
                       : ws_feed(c, WS_BINARY, out, (size_t)n);
    buf_finish(&b);
    return taken;
}

static bool feed_one(struct longpoll *p, struct str text)
{
    const struct session *s = p->session;

    if (!is_json((enum encoding)s->enc))
        return feed_binary(s->conn, text);
    return ws_feed(s->conn, WS_TEXT, (const uint8_t *)text.p, text.n);
}

/* The next message; *ret_used: with what separates it from the one behind it. */
static struct str next_of(const struct longpoll *p, size_t *ret_used)
{
    struct str left = p->left;
    const char *end = p->lines ? memchr(left.p, '\n', left.n) : NULL;
    size_t n = end ? (size_t)(end - left.p) : left.n;

    *ret_used = n + (end != NULL);
    if (p->lines && n && left.p[n - 1] == '\r')
        n--;
    return (struct str){left.p, n};
}

static int status_of(uint16_t code)
{
    static const struct {
        uint16_t code;
        int status;
    } rows[] = {{1003, 400}, {1007, 400}, {1008, 400}, {1009, 413}, {4029, 429}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].code == code)
            return rows[i].status;
    return 410;
}

static void push_over(struct longpoll *p, int status, struct body *body)
{
    body_unref(p->pushed);
    p->pushed = NULL;
    reply(&p->push, status, body);
}

/* As far as the session takes them: with too many pushes under way the rest waits, and with it the
 * client, which sends no more until it is answered. */
static void feed(struct longpoll *p)
{
    static const char good[] = "{\"status\":200}";
    struct conn *c = p->session->conn;

    while (p->left.n) {
        size_t used;
        struct str text = next_of(p, &used);

        if (text.n && !feed_one(p, text))
            break;
        p->left.p += used;
        p->left.n -= used;
    }
    if (ws_closing(c))
        push_over(p, status_of(ws_closing(c)), NULL);
    else if (!p->left.n)
        push_over(p, 200, body_make(good, sizeof(good) - 1));
}

void longpoll_resumed(void *arg)
{
    struct longpoll *p = polled(arg);

    if (p && p->push.from)
        feed(p);
}

static void on_push(const struct msg *m)
{
    struct mp q = body_mp(m->body);
    struct longpoll *p = find(mp_bin(mp_at(q, 0)));

    if (!p || !fits(p, mp_str(mp_at(q, 1)), false)) {
        actor_reply(m, p ? 403 : 410, NULL);
        return;
    }
    if (p->push.from) {
        actor_reply(m, 429, NULL);
        return;
    }
    p->push = msg_keep(m);
    p->pushed = body_ref(m->body);
    p->lines = mp_bool(mp_at(q, 2), true);
    p->left = mp_bin(mp_at(q, 3));
    feed(p);
}

static int longpoll_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    switch ((enum longpoll_kind)m->kind) {
    case LONGPOLL_POLL:
        on_poll(m);
        break;
    case LONGPOLL_PUSH:
        on_push(m);
        break;
    case LONGPOLL_GONE:
        on_gone(m);
        break;
    }
    return 0;
}

const struct actor_type longpoll_type = {
    .name = "longpoll",
    .mailbox_max = UINT32_MAX, /* a connection has one request under way */
    .receive = longpoll_receive,
};

/* ---- its life ---- */

struct longpoll *longpoll_make(struct session *s)
{
    struct longpoll *p = xcalloc(1, sizeof(*p));

    p->session = s;
    p->by = http_query(s->req, "token")                  ? BY_TOKEN_ONLY
            : http_header(s->req, "x-phoenix-authtoken") ? BY_HEADER
                                                         : BY_SIGN_IN;
    return p;
}

struct conn *longpoll_open(struct session *s, struct http_req *r)
{
    struct longpoll *p = s->poll;
    bool gone = http_aborted(r);

    if (!gone) {
        p->token.loop = (uint8_t)loop_index();
        random_bytes(p->token.secret, LONGPOLL_SECRET);
        table_put(table(), (const char *)p->token.secret, LONGPOLL_SECRET, p);
    }
    longpoll_respond(r, longpoll_document(410, &p->token));
    if (gone)
        return NULL;
    struct conn *c =
        ws_pulled(&session_handler, (void *)(uintptr_t)session_id(s), (uint32_t)config.frame_max);
    ws_due_in(c, config.longpoll_patience);
    return c;
}

void longpoll_end(struct session *s)
{
    struct longpoll *p = s->poll;

    if (!p)
        return;
    s->poll = NULL;
    table_remove(table(), (const char *)p->token.secret, LONGPOLL_SECRET);
    reply(&p->poll, 410, NULL);
    push_over(p, 410, NULL);
    body_unref(p->last);
    free(p);
}

void longpoll_finish(void)
{
    table_finish(table());
}
