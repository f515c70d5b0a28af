/*
 * The board's rules. Thousands of random histories are played on a model and on an oracle that
 * keeps, for each property of each element, the seq at which it was last written: the plain meaning
 * of "property by property, the later one wins". Models that were folded to JSON and loaded again
 * somewhere on the way must end the same.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/realtime/board_model.h"
#include "actors/realtime/board_svg.h"
#include "stacgate/json.h"

#ifdef __SANITIZE_ADDRESS__
#define SEEDS 300 /* ten times as slow, and what it looks for is not a matter of seeds */
#else
#define SEEDS 2000
#endif
#define CLIENTS 30
#define PUSHES 60
#define IDS 6
#define KEYS 4

static uint32_t state;
static char refused[64]; /* field and code of the push that fits() saw last */
static uint32_t below(uint32_t n)
{
    state += 0x6d2b79f5;
    uint32_t t = (state ^ (state >> 15)) * (state | 1);
    t ^= t + (t ^ (t >> 7)) * (t | 61);
    return (t ^ (t >> 14)) % n;
}

static const char *const ids[IDS] = {"a", "b", "c", "d", "e", "f"};
static const char *const keys[KEYS] = {"x", "fill", "text", "h"};

/* ---- the oracle ---- */

struct cell {
    bool set;
    uint32_t value;
};
struct oracle {
    bool there[IDS];
    struct cell cells[IDS][KEYS];
};

/* ---- one operation, told to both ---- */

static void put_op(struct buf *b, struct oracle *o)
{
    uint32_t id = below(IDS), what = below(20), value = below(1000), key = below(KEYS);

    if (what == 0) { /* clear */
        buf_puts(b, "{\"op\":\"clear\"}");
        memset(o, 0, sizeof(*o));
    } else if (what < 3) {
        buf_printf(b, "{\"op\":\"del\",\"id\":\"%s\"}", ids[id]);
        o->there[id] = false;
        memset(o->cells[id], 0, sizeof(o->cells[id]));
    } else if (what < 9) {
        buf_printf(
            b, "{\"op\":\"put\",\"el\":{\"id\":\"%s\",\"type\":\"rect\",\"z\":\"m\",\"%s\":%u}}",
            ids[id], keys[key], value);
        o->there[id] = true;
        memset(o->cells[id], 0, sizeof(o->cells[id]));
        o->cells[id][key] = (struct cell){true, value};
    } else if (what < 17) {
        buf_printf(b, "{\"op\":\"patch\",\"id\":\"%s\",\"set\":{\"%s\":%u}}", ids[id], keys[key],
                   value);
        if (o->there[id])
            o->cells[id][key] = (struct cell){true, value};
    } else {
        buf_printf(b, "{\"op\":\"patch\",\"id\":\"%s\",\"unset\":[\"%s\"]}", ids[id], keys[key]);
        if (o->there[id])
            o->cells[id][key].set = false;
    }
}

static struct mp parse(const struct buf *json, struct buf *out)
{
    const char *why;
    size_t at;

    buf_clear(out);
    cr_assert_eq(json_to_mp((const char *)json->data, json->len, out, &why, &at), 0, "%s", why);
    return mp_view(out->data, out->len);
}

static struct element *find(const struct board_model *b, const char *id)
{
    return table_get(&b->elements, id, strlen(id));
}

static void agrees(const struct board_model *b, const struct oracle *o, uint32_t seed)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < IDS; i++) {
        struct element *e = find(b, ids[i]);

        cr_assert_eq(e != NULL, o->there[i], "seed %u: %s", seed, ids[i]);
        for (uint32_t k = 0; e && k < KEYS; k++) {
            struct mp v = mp_get(body_mp(e->data), keys[k]);

            cr_assert_eq(mp_type(v) != MP_NONE, o->cells[i][k].set, "seed %u: %s.%s", seed, ids[i],
                         keys[k]);
            if (o->cells[i][k].set)
                cr_assert_eq(mp_int(v, -1), o->cells[i][k].value, "seed %u: %s.%s", seed, ids[i],
                             keys[k]);
        }
        bytes += e ? e->data->len : 0;
    }
    cr_assert_eq(b->bytes, bytes, "seed %u: the size is counted", seed);
}

/* Folded as the channel folds, and loaded as its next activation loads. */
static void fold(struct board_model *b)
{
    struct buf json = BUF_INIT, mp = BUF_INIT;
    uint32_t n;
    struct element **list = board_sorted(b, &n);

    buf_puts(&json, "{\"elements\":[");
    for (uint32_t i = 0; i < n; i++) {
        buf_puts(&json, i ? "," : "");
        mp_to_json(body_mp(list[i]->data), &json);
    }
    buf_puts(&json, "]}");
    free(list);
    board_finish(b);
    board_load(b, parse(&json, &mp), false, (struct mp){0});
    buf_finish(&json);
    buf_finish(&mp);
}

static void play(uint32_t seed)
{
    struct board_model straight = {0}, folded[CLIENTS] = {0};
    struct oracle o = {0};
    struct buf json = BUF_INIT, mp = BUF_INIT;

    state = seed;
    for (int push = 0; push < PUSHES; push++) {
        buf_clear(&json);
        buf_puts(&json, "[");
        for (uint32_t i = 0, n = 1 + below(4); i < n; i++) {
            buf_puts(&json, i ? "," : "");
            put_op(&json, &o);
        }
        buf_puts(&json, "]");
        struct mp ops = parse(&json, &mp);
        board_apply(&straight, ops);
        for (int c = 0; c < 3; c++) {
            board_apply(&folded[c], ops);
            if (below(10) == 0)
                fold(&folded[c]);
        }
    }
    agrees(&straight, &o, seed);
    for (int c = 0; c < 3; c++) {
        agrees(&folded[c], &o, seed);
        board_finish(&folded[c]);
    }
    board_finish(&straight);
    buf_finish(&json);
    buf_finish(&mp);
}

Test(board, thousands_of_histories_mean_what_the_rule_says)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        play(seed);
}

/*
 * Thirty clients that draw at once, are cut, and queue what they cannot send: each sends its queue
 * in order when it is back, again when the answer was lost (its op id is known then: nothing
 * happens), and reads the log from where it stands. However they interleave, all end with the
 * server's board.
 */
struct client {
    struct board_model board;
    size_t read;         /* of the log */
    char queue[8][96];   /* pushes not answered yet, the oldest first */
    uint32_t queued, op; /* op: the number of the oldest */
    bool cut;
};

struct log {
    struct body *ops[CLIENTS * 8 * 40];
    uint32_t done[CLIENTS]; /* how many pushes of each the log has: the op ids it knows */
    size_t n;
};

static void apply_text(struct board_model *b, const char *ops)
{
    struct buf json = BUF_INIT, mp = BUF_INIT;

    buf_puts(&json, ops);
    board_apply(b, parse(&json, &mp));
    buf_finish(&json);
    buf_finish(&mp);
}

static void server_takes(struct log *log, struct board_model *server, uint32_t who, uint32_t op,
                         const char *ops)
{
    if (op < log->done[who])
        return; /* a repeat: it has no effect */
    log->done[who]++;
    struct buf json = BUF_INIT, mp = BUF_INIT;
    buf_puts(&json, ops);
    parse(&json, &mp);
    log->ops[log->n] = body_of(&mp);
    board_apply(server, body_mp(log->ops[log->n++]));
    buf_finish(&json);
    buf_finish(&mp);
}

static void turn(struct client *c, uint32_t who, struct log *log, struct board_model *server)
{
    struct oracle unused = {0};
    struct buf op = BUF_INIT;

    if (c->queued < 8 && below(3)) {
        put_op(&op, &unused);
        snprintf(c->queue[c->queued++], sizeof(c->queue[0]), "[%s]", buf_cstr(&op));
    }
    buf_finish(&op);
    if (below(6) == 0)
        c->cut = !c->cut;
    if (c->cut)
        return;
    while (c->queued) {
        server_takes(log, server, who, c->op, c->queue[0]);
        if (below(8) == 0) { /* the answer is lost: it will send it again */
            c->cut = true;
            return;
        }
        memmove(c->queue[0], c->queue[1], sizeof(c->queue[0]) * (size_t)(--c->queued));
        c->op++;
    }
    while (c->read < log->n)
        board_apply(&c->board, body_mp(log->ops[c->read++]));
}

static void same(const struct board_model *a, const struct board_model *b, uint32_t seed)
{
    uint32_t n, m;
    struct element **x = board_sorted(a, &n), **y = board_sorted(b, &m);

    cr_assert_eq(n, m, "seed %u", seed);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(x[i]->data->len == y[i]->data->len &&
                      memcmp(x[i]->data->bytes, y[i]->data->bytes, x[i]->data->len) == 0,
                  "seed %u: %s", seed, x[i]->id);
    free(x);
    free(y);
}

Test(board, thirty_clients_with_cuts_and_queues_end_the_same)
{
    static struct client clients[CLIENTS];
    static struct log log;

    for (uint32_t seed = 1; seed <= SEEDS / 2; seed++) {
        struct board_model server = {0};

        state = seed;
        for (int round = 0; round < 8; round++)
            for (uint32_t i = 0; i < CLIENTS; i++)
                turn(&clients[i], i, &log, &server);
        for (uint32_t i = 0; i < CLIENTS; i++)
            for (clients[i].cut = false; clients[i].queued || clients[i].read < log.n;
                 clients[i].cut = false)
                turn(&clients[i], i, &log, &server);
        for (uint32_t i = 0; i < CLIENTS; i++) {
            while (clients[i].read < log.n)
                board_apply(&clients[i].board, body_mp(log.ops[clients[i].read++]));
            same(&clients[i].board, &server, seed);
            board_finish(&clients[i].board);
        }
        board_finish(&server);
        for (size_t i = 0; i < log.n; i++)
            body_unref(log.ops[i]);
        memset(clients, 0, sizeof(clients));
        memset(&log, 0, sizeof(log));
    }
}

Test(board, drawing_order_is_z_then_id)
{
    struct board_model b = {0};
    uint32_t n;

    apply_text(&b, "[{\"op\":\"put\",\"el\":{\"id\":\"two\",\"type\":\"rect\",\"z\":\"b\"}},"
                   "{\"op\":\"put\",\"el\":{\"id\":\"one\",\"type\":\"rect\",\"z\":\"b\"}},"
                   "{\"op\":\"put\",\"el\":{\"id\":\"top\",\"type\":\"rect\",\"z\":\"b0\"}},"
                   "{\"op\":\"put\",\"el\":{\"id\":\"low\",\"type\":\"rect\",\"z\":\"a9\"}}]");
    struct element **list = board_sorted(&b, &n);
    cr_assert_eq(n, 4);
    cr_assert_str_eq(list[0]->id, "low");
    cr_assert_str_eq(list[1]->id, "one");
    cr_assert_str_eq(list[2]->id, "two");
    cr_assert_str_eq(list[3]->id, "top");
    free(list);
    board_finish(&b);
}

/* A push that was written as JSON, on a draft: 0 or -E2BIG with the field and code. */
__attribute__((format(printf, 3, 4))) static int fits(const struct board_model *b,
                                                      struct board_draft *d, const char *push, ...)
{
    static char text[80 * 1024];
    struct buf json = BUF_INIT, mp = BUF_INIT;
    const char *field = NULL, *code = NULL;
    va_list args;

    va_start(args, push);
    vsnprintf(text, sizeof(text), push, args);
    va_end(args);
    buf_puts(&json, text);
    struct mp ops = parse(&json, &mp);
    int r = board_ops_check(ops, &field, &code);
    if (r == 0)
        r = board_ops_fit(b, ops, d, &field, &code);
    snprintf(refused, sizeof(refused), "%s %s", r ? field : "", r ? code : "");
    buf_finish(&json);
    buf_finish(&mp);
    return r;
}

static char *letters(size_t n)
{
    char *s = xmalloc(n + 1);

    memset(s, 'x', n);
    s[n] = 0;
    return s;
}

#define PUT(id) "[{\"op\":\"put\",\"el\":{\"id\":\"" id "\",\"type\":\"rect\",\"z\":\"a\"}}]"
#define SET "[{\"op\":\"patch\",\"id\":\"a\",\"set\":{\"%s\":\"%s\"}}]"

/* What patches make of an element counts: within one push, within one batch, and later. */
Test(board, patches_do_not_grow_an_element_past_its_limit)
{
    struct board_model b = {0};
    struct board_draft d = {0};
    char *half = letters(BOARD_ELEMENT_BYTES_MAX / 2), *little = letters(1000);

    apply_text(&b, PUT("a"));
    cr_assert_eq(fits(&b, &d, SET, "one", half), 0);
    cr_assert_eq(fits(&b, &d, SET, "two", half), -E2BIG, "the batch so far counts");
    cr_assert_str_eq(refused, "ops.set too_long");
    cr_assert_eq(fits(&b, &d, SET, "two", little), 0, "a refused push leaves nothing behind");
    cr_assert_eq(fits(&b, &d, SET, "one", little), 0);
    cr_assert_eq(fits(&b, &d, SET, "three", half), 0, "what is replaced does not count");
    board_draft_finish(&d);
    cr_assert_eq(fits(&b, &d,
                      "[{\"op\":\"patch\",\"id\":\"a\",\"set\":{\"one\":\"%s\"}},"
                      "{\"op\":\"patch\",\"id\":\"a\",\"set\":{\"two\":\"%s\"}}]",
                      half, half),
                 -E2BIG, "and so does the push so far");
    cr_assert_eq(fits(&b, &d,
                      "[{\"op\":\"patch\",\"id\":\"a\",\"set\":{\"one\":\"%s\"}},"
                      "{\"op\":\"del\",\"id\":\"a\"},"
                      "{\"op\":\"patch\",\"id\":\"a\",\"set\":{\"two\":\"%s\"}}]",
                      half, half),
                 0, "a patch of what is gone does nothing");
    cr_assert_eq(d.elements, -1);
    board_draft_finish(&d);
    board_finish(&b);
    free(half);
    free(little);
}

Test(board, an_element_has_at_most_64_properties_however_they_came)
{
    struct board_model b = {0};
    struct board_draft d = {0};
    char key[16];

    apply_text(&b, PUT("a")); /* three of them */
    for (int i = 0; i < 61; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        cr_assert_eq(fits(&b, &d, SET, key, "v"), 0, "%s", key);
    }
    cr_assert_eq(fits(&b, &d, SET, "more", "v"), -E2BIG);
    cr_assert_eq(fits(&b, &d, SET, "k7", "other"), 0);
    board_draft_finish(&d);
    board_finish(&b);
}

Test(board, a_board_has_at_most_20000_elements)
{
    struct board_model b = {0};
    struct board_draft d = {0};
    struct buf json = BUF_INIT, mp = BUF_INIT;

    for (uint32_t i = 0; i < BOARD_ELEMENTS_MAX - 1; i++) {
        buf_clear(&json);
        buf_printf(&json, "[{\"op\":\"put\",\"el\":{\"id\":\"%u\",\"type\":\"rect\",\"z\":\"a\"}}]",
                   i);
        board_apply(&b, parse(&json, &mp));
    }
    cr_assert_eq(fits(&b, &d, PUT("last")), 0);
    cr_assert_eq(fits(&b, &d, PUT("more")), -E2BIG);
    cr_assert_str_eq(refused, "ops too_many");
    cr_assert_eq(fits(&b, &d, PUT("last")), 0, "again is no other");
    cr_assert_eq(fits(&b, &d, "[{\"op\":\"del\",\"id\":\"8\"}]"), 0);
    cr_assert_eq(fits(&b, &d, PUT("more")), 0, "there is room again");
    cr_assert_eq(d.elements, 1);
    board_draft_finish(&d);
    board_finish(&b);
    buf_finish(&json);
    buf_finish(&mp);
}

Test(board, a_board_has_at_most_16_mebibytes)
{
    struct board_model b = {0};
    struct board_draft d = {0};
    char *large = letters(30 * 1024), id[16];
    int n = 0, r = 0;

    for (; r == 0; n++) {
        snprintf(id, sizeof(id), "e%d", n);
        r = fits(&b, &d,
                 "[{\"op\":\"put\",\"el\":{\"id\":\"%s\",\"type\":\"text\",\"z\":\"a\",\"text\":\"%"
                 "s\"}}]",
                 id, large);
    }
    cr_assert_str_eq(refused, "ops too_long");
    cr_assert_eq(n - 1, BOARD_BYTES_MAX / (d.bytes / (n - 1)), "%d", n);
    cr_assert_eq(fits(&b, &d, "[{\"op\":\"patch\",\"id\":\"e0\",\"unset\":[\"text\"]}]"), 0);
    cr_assert_eq(fits(&b, &d, PUT("small")), 0);
    board_draft_finish(&d);
    board_finish(&b);
    free(large);
}

Test(board, locks_hold_for_what_they_name)
{
    struct board_model b = {0};
    struct buf json = BUF_INIT, mp = BUF_INIT;

    apply_text(&b, "[{\"op\":\"put\",\"el\":{\"id\":\"a\",\"type\":\"rect\",\"z\":\"a\"}}]");
    buf_puts(&json, "{\"locked\":true,\"ids\":[\"a\",\"nobody\"]}");
    board_lock(&b, parse(&json, &mp));
    buf_clear(&json);
    buf_puts(&json, "[{\"op\":\"patch\",\"id\":\"a\",\"set\":{}}]");
    cr_assert(board_ops_locked(&b, parse(&json, &mp)));
    buf_clear(&json);
    buf_puts(&json, "[{\"op\":\"clear\"}]");
    cr_assert(board_ops_locked(&b, parse(&json, &mp)));
    buf_clear(&json);
    buf_puts(&json, "[{\"op\":\"del\",\"id\":\"b\"}]");
    cr_assert_not(board_ops_locked(&b, parse(&json, &mp)));
    cr_assert_not(b.locked);
    board_finish(&b);
    buf_finish(&json);
    buf_finish(&mp);
}

/* A connector goes from the edge of one element to the edge of the other, as the pages draw it. */
Test(board, a_connector_ends_at_the_edges_of_what_it_connects)
{
    struct board_model b = {0};
    struct buf svg = BUF_INIT;

    apply_text(
        &b,
        "[{\"op\":\"put\",\"el\":{\"id\":\"a\",\"type\":\"rect\",\"z\":\"a\",\"x\":0,\"y\":0,"
        "\"w\":100,\"h\":50}},"
        "{\"op\":\"put\",\"el\":{\"id\":\"b\",\"type\":\"rect\",\"z\":\"b\",\"x\":300,\"y\":0,"
        "\"w\":100,\"h\":50}},"
        "{\"op\":\"put\",\"el\":{\"id\":\"c\",\"type\":\"line\",\"z\":\"c\",\"from\":\"a\",\"to\":"
        "\"b\",\"points\":[[0,0],[7,7]]}}]");
    board_svg(&b, STR("t"), &svg);
    cr_assert(strstr(buf_cstr(&svg), "d=\"M100 25L300 25\""), "%s", buf_cstr(&svg));
    apply_text(&b, "[{\"op\":\"patch\",\"id\":\"b\",\"set\":{\"x\":0,\"y\":200.25}}]");
    buf_clear(&svg);
    board_svg(&b, STR("t"), &svg);
    cr_assert(strstr(buf_cstr(&svg), "d=\"M50 50L50 200.25\""), "it follows");
    apply_text(&b, "[{\"op\":\"del\",\"id\":\"b\"}]");
    buf_clear(&svg);
    board_svg(&b, STR("t"), &svg);
    cr_assert(strstr(buf_cstr(&svg), "d=\"M0 0L7 7\""), "alone, it has its own points");
    board_finish(&b);
    buf_finish(&svg);
}

Test(board, a_picture_is_well_formed_whatever_the_elements_say)
{
    struct board_model b = {0};
    struct buf svg = BUF_INIT;

    apply_text(&b, "[{\"op\":\"put\",\"el\":{\"id\":\"a\",\"type\":\"text\",\"z\":\"a\",\"x\":"
                   "\"left\",\"text\":"
                   "\"<b>&\\\"\\u0001\"}},"
                   "{\"op\":\"put\",\"el\":{\"id\":\"b\",\"type\":\"arrow\",\"z\":\"b\",\"points\":"
                   "[[0],[1,\"x\"],"
                   "[1e30,2],[3,4]],\"stroke\":\"url(#x)\"}},"
                   "{\"op\":\"put\",\"el\":{\"id\":\"c\",\"type\":\"freehand\",\"z\":\"c\","
                   "\"points\":[[0,0,9],[1,1,-4]]}}]");
    board_svg(&b, STR("t<"), &svg);
    const char *text = buf_cstr(&svg);
    cr_assert(strstr(text, "&lt;b&gt;&amp;&quot;\xef\xbf\xbd"));
    cr_assert_not(strstr(text, "url("));
    cr_assert_not(strstr(text, "nan"));
    cr_assert_not(strstr(text, "inf"));
    cr_assert(strstr(text, "<title>t&lt;</title>"));
    cr_assert(strstr(text, "</svg>"));
    board_finish(&b);
    buf_finish(&svg);
}
