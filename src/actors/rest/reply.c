/*
 * How operations ask the database and answer. A reply ends the request: rest.http is NULL from then
 * on, and the step returns ACTOR_DONE. Bodies that the database made are sent from the result
 * itself.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/html.h"
#include "op.h"
#include "stacgate/config.h"
#include "stacgate/ids.h"
#include "stacgate/json.h"
#include "stacgate/log.h"
#include "stacgate/static.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define LIST_TAG_SIZE 9

void *rest_own(struct rest *r, size_t size)
{
    free(r->own);
    return r->own = xcalloc(1, size);
}

enum language rest_language(const struct rest *r)
{
    return language_of(http_header(r->http, "accept-language"));
}

bool rest_reads(const struct rest *r)
{
    return r->op->method == HTTP_M_GET;
}

struct str rest_arg(const struct rest *r, const char *name)
{
    struct str s = mp_str(mp_get(r->body, name));

    return s.p ? s : mp_str(mp_get(r->query, name));
}

/* ---- the database ---- */

struct db_group *rest_group(const struct rest *r, enum db_lane lane)
{
    return db_group(
        lane, &(struct db_context){r->tenant, r->who ? r->who->user_id : NULL, http_peer(r->http)});
}

int rest_ask(struct actor *self, struct db_group *g, actor_step *next)
{
    return db_ask(self, g, REST_DB_MS, next);
}

void rest_took(struct rest *r, const struct msg *m)
{
    http_log_sql(r->http, db_us(m));
}

void db_strv_put(struct db_group *g, struct str s)
{
    db_strn(g, s.p, s.n);
}

/* ---- refusals ---- */

static struct http_req *take(struct rest *r)
{
    struct http_req *req = r->http;

    assert(req); /* an operation answers once */
    r->http = NULL;
    http_worker(req, 0);
    return req;
}

int rest_refuse_after(struct rest *r, enum problem what, uint32_t retry_s)
{
    problem_answer(take(r), what, NULL, retry_s, NULL, 0);
    return ACTOR_DONE;
}

int rest_refuse(struct rest *r, enum problem what)
{
    return rest_refuse_after(r, what, 0);
}

int rest_refuse_said(struct rest *r, enum problem what, const char *const detail[2])
{
    problem_answer(take(r), what, detail, 0, NULL, 0);
    return ACTOR_DONE;
}

int rest_refuse_cursor(struct rest *r)
{
    static const char *const text[] = {
        "n'est pas de cette liste, ainsi filtrée et triée : reprenez "
        "au début, puis suivez l'en-tête Link",
        "is not of this list, so filtered and sorted: begin again, "
        "then follow the Link header"};

    return rest_refuse_fields(
        r, P_parameter, &(struct field_error){.field = "cursor", .code = E_format, .text = text},
        1);
}

int rest_refuse_fields(struct rest *r, enum problem what, const struct field_error *errors,
                       unsigned n)
{
    problem_answer(take(r), what, NULL, 0, errors, n);
    return ACTOR_DONE;
}

int rest_fail(struct rest *r, int err)
{
    static const int away[] = {-EUNAVAILABLE_DB, -EUNKNOWN_DB, -ETIMEDOUT,
                               -ENOBUFS,         -ESRCH,       -ECANCELED};
    bool unknown = !rest_reads(r) && (err == -EUNKNOWN_DB || err == -ETIMEDOUT);

    for (unsigned i = 0; i < sizeof(away) / sizeof(away[0]); i++)
        if (err == away[i]) {
            http_log_error(r->http, r->op->name, unknown ? "outcome unknown" : "unavailable");
            return rest_refuse(r, unknown ? P_outcome_unknown : P_unavailable);
        }
    http_log_error(r->http, r->op->name, strerror(-err));
    return rest_refuse(r, P_internal);
}

/* ---- answers ---- */

/* Cache-Control and ETag by the row; true: the client has it already. */
static bool unchanged(struct rest *r, struct http_req *req, struct str bytes, uint64_t version)
{
    char tag[48];

    http_set(req, "Cache-Control",
             r->op->cache == CACHE_PRIVATE ? "private, no-cache" : "no-store");
    if (r->op->cache != CACHE_PRIVATE)
        return false;
    snprintf(tag, sizeof(tag), "\"%llu-%016llx\"", (unsigned long long)version,
             (unsigned long long)sha256_u64(bytes.p, bytes.n));
    http_set(req, "ETag", tag);
    return rest_reads(r) && etag_matches(http_header(req, "if-none-match"), tag);
}

/* What people wrote into pages before we did the cleaning, an adopted database or another program
 * by the side, leaves clean all the same. *bytes: what is to be sent; returns who holds it. */
static struct body *clean(const struct rest *r, const struct msg *m, struct str *bytes)
{
    const char *where = rest_shows_html(r->op);
    struct buf text = BUF_INIT;

    if (!where || !bytes->p || !html_clean_json(*bytes, *where ? where : NULL, &text))
        return body_ref(m->body);
    struct body *b = body_of(&text);
    buf_finish(&text);
    *bytes = (struct str){(const char *)b->bytes, b->len};
    return b;
}

int rest_reply_value(struct rest *r, const struct msg *m, int status, unsigned stmt, int row,
                     int col, uint64_t version)
{
    struct str bytes = db_strv(m, stmt, row, col);
    struct body *holder = clean(r, m, &bytes);

    rest_took(r, m);
    struct http_req *req = take(r);
    if (unchanged(r, req, bytes, version)) {
        http_unchanged(req, JSON_TYPE, bytes.n);
        body_unref(holder);
    } else {
        http_respond_bytes(req, status, JSON_TYPE, bytes, holder);
    }
    return ACTOR_DONE;
}

int rest_reply_text(struct rest *r, int status, struct str json)
{
    struct http_req *req = take(r);

    if (unchanged(r, req, json, 0))
        http_unchanged(req, JSON_TYPE, json.n);
    else
        http_respond_bytes(req, status, JSON_TYPE, json, NULL);
    return ACTOR_DONE;
}

int rest_reply_version(struct rest *r, int status, struct str json, int64_t version)
{
    struct http_req *req = take(r);

    if (unchanged(r, req, json, (uint64_t)version))
        http_unchanged(req, JSON_TYPE, json.n);
    else
        http_respond(req, status, JSON_TYPE, body_make(json.p, json.n));
    return ACTOR_DONE;
}

int rest_reply_json(struct rest *r, int status, struct str json)
{
    return rest_reply_version(r, status, json, 0);
}

int rest_reply_bytes(struct rest *r, int status, const char *type, struct str bytes,
                     struct body *owner)
{
    http_respond_bytes(take(r), status, type, bytes, body_ref(owner));
    return ACTOR_DONE;
}

int rest_reply_mp(struct rest *r, int status, struct mp v)
{
    struct buf text = BUF_INIT;

    mp_to_json(v, &text);
    int end = rest_reply_json(r, status, (struct str){(const char *)text.data, text.len});
    buf_finish(&text);
    return end;
}

int rest_reply_see(struct rest *r, const char *where)
{
    struct http_req *req = take(r);

    http_set(req, "Location", where);
    http_set(req, "Cache-Control", "no-store");
    http_respond(req, 303, NULL, NULL);
    return ACTOR_DONE;
}

int rest_reply_static(struct rest *r, const char *path)
{
    struct http_req *req = take(r);

    if (!static_serve_as(req, path))
        problem_answer(req, P_not_found, NULL, 0, NULL, 0);
    return ACTOR_DONE;
}

int rest_reply_file(struct rest *r, const char *type, const char *disposition, struct body *bytes)
{
    struct http_req *req = take(r);

    http_set(req, "Content-Disposition", disposition);
    http_set(req, "Content-Security-Policy", FILE_POLICY);
    http_set(req, "Cache-Control", "no-store");
    http_respond(req, r->op->success, type, bytes);
    return ACTOR_DONE;
}

/* ---- lists ---- */

int64_t rest_limit(const struct rest *r)
{
    bool asked = mp_get(r->query, "limit").p || mp_get(r->query, "cursor").p;

    return mp_int(mp_get(r->query, "limit"), !asked && (config.static_dir || r->op->deprecated)
                                                 ? LIST_LIMIT_OLD_CLIENT
                                                 : LIST_LIMIT);
}

/* Of which list a cursor is: the operation and what it is asked, but for where to begin and how
 * much. Against mistakes only: what a cursor names is looked for in what the caller may see. */
static void list_tag(const struct rest *r, char out[LIST_TAG_SIZE])
{
    struct buf b = BUF_INIT;
    char hash[65];

    buf_puts(&b, r->op->name);
    for (struct mp_iter it = mp_iter(r->query); mp_next(&it);) {
        struct str name = mp_str(it.key), value = mp_bytes(it.value);
        if (str_is(name, "cursor") || str_is(name, "limit") || str_is(name, "count"))
            continue;
        buf_printf(&b, "&%.*s=", (int)name.n, name.p);
        buf_put(&b, value.p, value.n);
    }
    sha256_hex(b.data, b.len, hash);
    snprintf(out, LIST_TAG_SIZE, "%.*s", LIST_TAG_SIZE - 1, hash);
    buf_finish(&b);
}

void cursor_encode(const struct rest *r, const char *at, struct buf *out)
{
    char text[300], tag[LIST_TAG_SIZE];

    list_tag(r, tag);
    size_t n = (size_t)snprintf(text, sizeof(text), "%.280s|%s", at, tag);
    char *code = xmalloc(n / 3 * 4 + 5);
    int len = EVP_EncodeBlock((unsigned char *)code, (const unsigned char *)text, (int)n);

    for (int i = 0; i < len && code[i] != '='; i++)
        buf_putc(out, code[i] == '+' ? '-' : code[i] == '/' ? '_' : code[i]);
    free(code);
}

static bool cursor_decode(struct str s, char out[400])
{
    char code[404];
    size_t n = s.n;

    if (n == 0 || n > 400 || n % 4 == 1)
        return false;
    for (size_t i = 0; i < n; i++)
        code[i] = s.p[i] == '-' ? '+' : s.p[i] == '_' ? '/' : s.p[i];
    size_t pad = (4 - n % 4) % 4;
    memset(code + n, '=', pad);
    unsigned char raw[304];
    int len = EVP_DecodeBlock(raw, (const unsigned char *)code, (int)(n + pad));
    if (len < 0)
        return false;
    size_t got = (size_t)len - pad;
    memcpy(out, raw, got);
    out[got] = 0;
    return utf8_valid(out, got) && !memchr(out, 0, got);
}

static bool id_like(const char *id)
{
    return *id && strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
                      strlen(id);
}

/* The text of a cursor of this list without its tag; false: it is another's. */
static bool of_this_list(const struct rest *r, char *text)
{
    char *bar = strrchr(text, '|'), tag[LIST_TAG_SIZE];

    list_tag(r, tag);
    if (!bar || strcmp(bar + 1, tag) != 0)
        return false;
    *bar = 0;
    return true;
}

bool rest_cursor(const struct rest *r, bool (*valid)(struct str key), struct cursor *ret)
{
    struct str given = mp_str(mp_get(r->query, "cursor"));
    char text[400];

    ret->key[0] = ret->id[0] = 0;
    if (!given.p)
        return true;
    char *bar = cursor_decode(given, text) && of_this_list(r, text) ? strrchr(text, '|') : NULL;
    if (!bar || (size_t)(bar - text) >= sizeof(ret->key) || strlen(bar + 1) >= sizeof(ret->id))
        return false;
    *bar = 0;
    memcpy(ret->key, text, strlen(text) + 1);
    memcpy(ret->id, bar + 1, strlen(bar + 1) + 1);
    return id_like(ret->id) && valid(str_of(ret->key));
}

static void put_encoded(struct buf *b, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr("<>\"", p[i])) /* what could end the Link's angle brackets */
            buf_printf(b, "%%%02X", (unsigned)(unsigned char)p[i]);
        else
            buf_putc(b, p[i]);
    }
}

void rest_link_next(struct rest *r, const char *parameter, const char *value)
{
    const char *target = http_target(r->http);
    size_t path = strcspn(target, "?"), name = strlen(parameter);
    struct buf b = BUF_INIT;
    char mark = '?';

    buf_putc(&b, '<');
    put_encoded(&b, target, path);
    for (const char *p = target + path + (target[path] == '?'); *p;) {
        size_t n = strcspn(p, "&");
        if (n && !(strncmp(p, parameter, name) == 0 && p[name] == '=')) {
            buf_putc(&b, mark);
            put_encoded(&b, p, n);
            mark = '&';
        }
        p += n + (p[n] == '&');
    }
    buf_printf(&b, "%c%s=%s>; rel=\"next\"", mark, parameter, value);
    http_set(r->http, "Link", buf_cstr(&b));
    buf_finish(&b);
}

void rest_put_page(struct db_group *g, const struct rest *r, const struct cursor *c)
{
    db_i64(g, rest_limit(r));
    db_str(g, c->key[0] ? c->key : NULL);
    db_str(g, c->key[0] ? c->id : NULL);
    db_bool(g, mp_get(r->query, "count").p != NULL);
}

int rest_reply_page(struct rest *r, const struct msg *m, unsigned stmt)
{
    if (!db_null(m, stmt, 0, 1)) {
        struct buf code = BUF_INIT;
        cursor_encode(r, db_text(m, stmt, 0, 1), &code);
        rest_link_next(r, "cursor", buf_cstr(&code));
        buf_finish(&code);
    }
    if (mp_get(r->query, "count").p)
        http_set(r->http, "X-Total-Count", db_text(m, stmt, 0, 2));
    return rest_reply_value(r, m, r->op->success, stmt, 0, 0, 0);
}
