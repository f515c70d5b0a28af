/*
 * The push `history`: a page of messages as they stand, or of a board's operations, read by a
 * short-lived actor of its own, so that a channel never waits for its readers. The query runs with
 * the reader's tenant, and the database's JSON goes out as it is.
 */
#include <errno.h>
#include <stdlib.h>

#include "group.h"
#include "sql.h"

#define LIMIT_MAX 100
#define LIMIT_DEFAULT 50

struct reader {
    struct body *mail; /* holds the refs */
    struct str join_ref, client_ref;
    const struct sql *sql;
    char *topic, *tenant;
    const char *id;        /* inside topic */
    int64_t before, after; /* -1: not given */
    int64_t limit;
    actor_id session;
    uint32_t nonce;
    uint8_t enc, lang;
};

static void answer(struct reader *r, bool ok, struct value response)
{
    struct buf wire = BUF_INIT;

    envelope_reply(&wire, (enum encoding)r->enc, r->join_ref, r->client_ref, str_of(r->topic), ok,
                   response);
    member_send(NULL, r->session, r->nonce, r->enc, WS_REPLAY, &wire, 1);
    buf_finish(&wire);
}

static void refuse_reader(struct reader *r, const struct refusal *why)
{
    struct buf b = BUF_INIT;

    refusal_put(&b, ENC_MP, why, r->lang);
    answer(r, false, value_mp(mp_view(b.data, b.len)));
    buf_finish(&b);
}

/* {…the refusal, "first"}: where the log begins. */
static void refuse_early(struct reader *r, const char *field, int64_t first)
{
    struct refusal why = {.reason = REASON_gone, .field = field, .code = "too_small"};
    struct buf json = BUF_INIT;

    refusal_put(&json, ENC_JSON, &why, r->lang);
    json.len--; /* its closing brace */
    buf_printf(&json, ",\"first\":%lld}", (long long)first);
    answer(r, false, value_json((struct str){(const char *)json.data, json.len}));
    buf_finish(&json);
}

/* A log that begins at `first` (0: it is kept whole) cannot say what came before: the reader is
 * told where it begins, and never that nothing was there. NULL: it can answer. */
static const char *too_early(const struct reader *r, int64_t first)
{
    if (r->after >= 0 && r->after < first - 1)
        return "after";
    return r->before >= 0 && r->before < first ? "before" : NULL;
}

static int page_read(struct actor *self, void *state, const struct msg *m)
{
    struct reader *r = state;
    struct str list = db_strv(m, 0, 0, 0);
    int64_t first = db_columns(m, 0) > 3 ? db_int(m, 0, 0, 3) : 0;
    const char *early = too_early(r, first);
    struct buf json = BUF_INIT;

    (void)self;
    if (early) {
        refuse_early(r, early, first);
        return ACTOR_DONE;
    }
    buf_puts(&json, "{\"events\":");
    buf_put(&json, list.p, list.n);
    buf_printf(&json, ",\"hasMore\":%s", db_true(m, 0, 0, 2) ? "true" : "false");
    if (first)
        buf_printf(&json, ",\"first\":%lld", (long long)first);
    buf_puts(&json, "}");
    answer(r, true, value_json((struct str){(const char *)json.data, json.len}));
    buf_finish(&json);
    return ACTOR_DONE;
}

static int reader_init(struct actor *self, void *state, const void *arg)
{
    struct reader *r = state;

    *r = *(const struct reader *)arg;
    struct db_context ctx = {.establishment_id = r->tenant};
    struct db_group *g = db_group(DB_READ, &ctx);
    db_stmt(g, r->sql);
    db_str(g, r->id);
    db_str(g, tenant_filter(r->tenant));
    r->before < 0 ? db_str(g, NULL) : db_i64(g, r->before);
    r->after < 0 ? db_str(g, NULL) : db_i64(g, r->after);
    db_i64(g, r->limit);
    return db_ask(self, g, 10000, page_read);
}

static int reader_fail(struct actor *self, void *state, int err)
{
    (void)self;
    (void)err;
    refuse_reader(state, &(struct refusal){.reason = REASON_unavailable});
    return ACTOR_DONE;
}

static void reader_terminate(struct actor *self, void *state, int result)
{
    struct reader *r = state;

    (void)self;
    (void)result;
    body_unref(r->mail);
    free(r->topic);
    free(r->tenant);
}

static int reader_receive(struct actor *self, void *state, const struct msg *m)
{
    (void)self;
    (void)state;
    (void)m;
    return 0;
}

static const struct actor_type reader_type = {
    .name = "history",
    .state_size = sizeof(struct reader),
    .mailbox_max = 4,
    .init = reader_init,
    .receive = reader_receive,
    .fail = reader_fail,
    .terminate = reader_terminate,
};

/* A seq, or absent (-1); -2: neither. */
static int64_t take_seq(struct mp v)
{
    if (mp_type(v) == MP_NONE || mp_type(v) == MP_NIL)
        return -1;
    int64_t n = mp_int(v, -2);
    return n < 0 ? -2 : n;
}

int history_push(struct channel *c, struct member *m, struct op *op, struct refusal *ret)
{
    int64_t before = take_seq(mp_get(op->payload, "before")),
            after = take_seq(mp_get(op->payload, "after"));
    struct mp limit_v = mp_get(op->payload, "limit");
    int64_t limit = mp_type(limit_v) == MP_NONE ? LIMIT_DEFAULT : mp_int(limit_v, -1);

    if (before == -2 || after == -2 || (before >= 0 && after >= 0))
        return refuse(ret, REASON_invalid, before == -2 ? "before" : "after", "range");
    if (limit < 1 || limit > LIMIT_MAX)
        return refuse(ret, REASON_invalid, "limit", "range");
    struct reader r = {
        .mail = body_ref(op->mail),
        .join_ref = op->join_ref,
        .client_ref = op->client_ref,
        .sql = *c->kind->history,
        .topic = xstrdup(c->topic),
        .tenant = xstrdup(c->tenant),
        .before = before,
        .after = after,
        .limit = limit,
        .session = m->key.session,
        .nonce = (uint32_t)m->key.nonce,
        .enc = m->enc,
        .lang = m->lang,
    };
    r.id = r.topic + (c->id - c->topic);
    if (!actor_spawn(&reader_type, &r))
        return refuse(ret, REASON_unavailable, NULL,
                      NULL); /* its terminate released what r holds */
    op_destroy(c, op);
    return 0;
}
