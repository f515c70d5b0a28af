/*
 * Answers: the head with everything that every answer carries, compression, the refusals, and the
 * log line. An answer is queued as one or two frames; a request ends here and nowhere else, exactly
 * once, whether anybody still listens or not.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "net/http_req.h"
#include "stacgate/ids.h"
#include "stacgate/log.h"

#define JOIN_MAX 4096u /* a content up to here is copied behind its head: one frame */
#define GZIP_MIN 1024u
#define GZIP_MAX (2u << 20) /* above it a loop would stand too long */

static const struct {
    int status;
    const char *text;
} statuses[] = {{101, "Switching Protocols"},
                {200, "OK"},
                {201, "Created"},
                {202, "Accepted"},
                {204, "No Content"},
                {206, "Partial Content"},
                {301, "Moved Permanently"},
                {302, "Found"},
                {303, "See Other"},
                {304, "Not Modified"},
                {307, "Temporary Redirect"},
                {308, "Permanent Redirect"},
                {400, "Bad Request"},
                {401, "Unauthorized"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {406, "Not Acceptable"},
                {408, "Request Timeout"},
                {409, "Conflict"},
                {410, "Gone"},
                {411, "Length Required"},
                {412, "Precondition Failed"},
                {413, "Content Too Large"},
                {414, "URI Too Long"},
                {415, "Unsupported Media Type"},
                {416, "Range Not Satisfiable"},
                {417, "Expectation Failed"},
                {421, "Misdirected Request"},
                {422, "Unprocessable Content"},
                {426, "Upgrade Required"},
                {428, "Precondition Required"},
                {429, "Too Many Requests"},
                {431, "Request Header Fields Too Large"},
                {500, "Internal Server Error"},
                {501, "Not Implemented"},
                {502, "Bad Gateway"},
                {503, "Service Unavailable"},
                {504, "Gateway Timeout"},
                {505, "HTTP Version Not Supported"}};

static const char *status_text(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "Status";
}

static const char page_headers[] = "Content-Security-Policy: default-src 'self'; script-src "
                                   "'self'; style-src 'self'; img-src 'self' data: blob:; "
                                   "connect-src 'self'; object-src 'none'; base-uri 'none'; "
                                   "form-action 'self'; frame-ancestors 'none'\r\n"
                                   "Referrer-Policy: strict-origin-when-cross-origin\r\n"
                                   "Cross-Origin-Opener-Policy: same-origin\r\n";

/* ---- header lines the route has set ---- */

void http_set(struct http_req *r, const char *name, const char *value)
{
    assert(!strpbrk(name, "\r\n: ") && !strpbrk(value, "\r\n"));
    buf_puts(&r->set, name);
    buf_puts(&r->set, ": ");
    buf_puts(&r->set, value);
    buf_puts(&r->set, "\r\n");
}

/* The value's place in r->set; NULL: not set. */
static char *set_find(const struct http_req *r, const char *name)
{
    size_t n = strlen(name);
    for (char *at = (char *)r->set.data, *end = at + r->set.len; at && at < end;
         at = memchr(at, '\n', (size_t)(end - at)) + 1)
        if ((size_t)(end - at) > n + 2 && at[n] == ':' && strncasecmp(at, name, n) == 0)
            return at + n + 2;
    return NULL;
}

static void set_etag_gzip(struct http_req *r)
{
    char *value = set_find(r, "etag");
    if (!value)
        return;
    size_t n = strcspn(value, "\r"), at = (size_t)(value - (char *)r->set.data);
    if (n < 2 || value[n - 1] != '"' || (n > 6 && memcmp(value + n - 6, "-gzip\"", 6) == 0))
        return;
    buf_reserve(&r->set, 5);
    char *end = (char *)r->set.data + at + n - 1;
    memmove(end + 5, end, r->set.len - (at + n - 1));
    memcpy(end, "-gzip", 5);
    r->set.len += 5;
}

/* ---- compression ---- */

static bool compressible(const char *type)
{
    static const char *const starts[] = {"text/",
                                         "application/json",
                                         "application/problem+json",
                                         "application/javascript",
                                         "image/svg+xml",
                                         "application/manifest+json",
                                         "application/openapi+json",
                                         "application/xml"};
    for (size_t i = 0; type && i < sizeof(starts) / sizeof(*starts); i++)
        if (strncasecmp(type, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

bool http_takes_gzip(const struct http_req *r)
{
    const char *s = http_header(r, "accept-encoding");
    if (!s || !list_has(s, "gzip"))
        return false;
    const char *q = strcasestr(s, "gzip");
    q += 4;
    q += strspn(q, " \t");
    if (*q != ';')
        return true;
    q += 1 + strspn(q + 1, " \t");
    return !(strncasecmp(q, "q=0", 3) == 0 && strspn(q + 3, ".0") == strcspn(q + 3, ", \t"));
}

/* Whether so many bytes of this type go compressed, to who takes that: known before they are, so
 * that a 304 has the tag that they have. Text shrinks. */
static bool comes_packed(struct http_req *r, const char *type, size_t n)
{
    if (!compressible(type) || n < GZIP_MIN || n > GZIP_MAX || set_find(r, "content-encoding"))
        return false;
    http_set(r, "Vary", "Accept-Encoding");
    return http_takes_gzip(r);
}

/* A new owner for the bytes when they were worth compressing. */
static bool compress(struct http_req *r, int status, const char *type, struct str *bytes,
                     struct body **owner)
{
    struct buf out = BUF_INIT;

    if (status == 206 || r->prepared || !comes_packed(r, type, bytes->n))
        return false;
    if (!zip_gzip(r->net, bytes->p, bytes->n, &out)) {
        buf_finish(&out);
        return false;
    }
    body_unref(*owner);
    *owner = body_of(&out);
    *bytes = (struct str){(const char *)(*owner)->bytes, (*owner)->len};
    buf_finish(&out);
    http_set(r, "Content-Encoding", "gzip");
    set_etag_gzip(r);
    return true;
}

/* ---- the head ---- */

static const char *date_now(struct net_loop *net)
{
    int64_t second = wall_ms() / 1000;
    if (second != net->date_s) {
        time_t t = (time_t)second;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(net->date, sizeof(net->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        net->date_s = second;
    }
    return net->date;
}

static void head_write(struct http_req *r, struct buf *b, int status, const char *type,
                       size_t length)
{
    buf_printf(b, "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\n", status, status_text(status),
               date_now(r->net), r->id);
    if (status != 204 && status != 304)
        buf_printf(b, "Content-Length: %zu\r\n", length);
    if (type && status != 304)
        buf_printf(b, "Content-Type: %s\r\n", type);
    buf_puts(b, "X-Content-Type-Options: nosniff\r\n");
    if (r->secure)
        buf_puts(b, "Strict-Transport-Security: max-age=31536000\r\n");
    if (type && strncasecmp(type, "text/html", 9) == 0 && !set_find(r, "content-security-policy"))
        buf_puts(b, page_headers);
    if (r->close)
        buf_puts(b, "Connection: close\r\n");
    else if (r->http10)
        buf_puts(b, "Connection: keep-alive\r\n");
    buf_put(b, r->set.data, r->set.len);
    buf_puts(b, "\r\n");
}

static void answer_queue(struct http_req *r, int status, const char *type, struct str bytes,
                         struct body *owner, bool with_content)
{
    struct buf head = BUF_INIT;
    head_write(r, &head, status, type, bytes.n);
    bool join = with_content && bytes.n <= JOIN_MAX;
    if (join)
        buf_put(&head, bytes.p, bytes.n);
    struct body *whole = body_of(&head);
    buf_finish(&head);
    struct frame *f = frame_plain(whole->bytes, whole->len, whole);
    out_push(r->conn, f);
    frame_unref(f);
    if (with_content && !join) {
        f = frame_plain(bytes.p, (uint32_t)bytes.n, body_ref(owner));
        out_push(r->conn, f);
        frame_unref(f);
    }
}

void http_respond_bytes(struct http_req *r, int status, const char *type, struct str bytes,
                        struct body *owner)
{
    assert(!r->answered && bytes.n <= UINT32_MAX);
    r->answered = true;
    struct conn *c = r->conn;
    uint64_t sent = 0;
    if (!http_aborted(r)) {
        if (r->net->draining)
            r->close = true;
        compress(r, status, type, &bytes, &owner);
        bool with_content = r->method != HTTP_M_HEAD && status != 304 && status != 204;
        answer_queue(r, status, type, bytes, owner, with_content);
        sent = with_content ? bytes.n : 0;
    }
    body_unref(owner);
    http_log(r, http_aborted(r) ? 499 : status, sent);
    if (!http_aborted(r))
        http_answered(c, r->close);
    req_free(r);
}

void http_respond(struct http_req *r, int status, const char *type, struct body *body)
{
    struct str bytes = body ? (struct str){(const char *)body->bytes, body->len} : STR("");
    http_respond_bytes(r, status, type, bytes, body);
}

void http_unchanged(struct http_req *r, const char *type, size_t n)
{
    if (comes_packed(r, type, n))
        set_etag_gzip(r);
    http_respond(r, 304, NULL, NULL);
}

void http_answer_raw(struct conn *c, const char *bytes, size_t n)
{
    struct body *body = body_make(bytes, n);
    struct frame *f = frame_plain(body->bytes, body->len, body);
    out_push(c, f);
    frame_unref(f);
}

/* ---- refusals ---- */

static const struct http_fault faults[] = {
    {0},
#define FAULT(word, status, fr, en) {status, {fr, en}},
#include "net/faults.def"
#undef FAULT
};

const struct http_fault *fault_row(enum fault why)
{
    assert(why != F_none && why < FAULTS);
    return &faults[why];
}

static http_refuse *refuse_maker;
void http_on_refused(http_refuse *refuse)
{
    refuse_maker = refuse;
}

void http_refuse_with(struct http_req *r, enum fault why)
{
    const struct http_fault *row = fault_row(why);
    r->entered = true; /* from here on it must be answered, like one that reached its route */
    tally_add(&r->net->stats.refused, 1);
    if (refuse_maker) {
        refuse_maker(r, row);
        return;
    }
    struct buf b = BUF_INIT;
    buf_printf(&b, "{\"status\":%d,\"title\":\"%s\",\"detail\":\"%s\"}", row->status,
               status_text(row->status), row->text[0]);
    struct body *body = body_of(&b);
    buf_finish(&b);
    http_set(r, "Cache-Control", "no-store");
    http_respond(r, row->status, "application/json; charset=utf-8", body);
}

/* ---- the log ---- */

static void keep(char **at, const char *s)
{
    free(*at);
    *at = s ? xstrdup(s) : NULL;
}

void http_log_user(struct http_req *r, const char *user_id, const char *establishment_id)
{
    keep(&r->log_user, user_id);
    keep(&r->log_tenant, establishment_id);
}

void http_log_sql(struct http_req *r, uint64_t us)
{
    r->sql_us += us;
}

void http_log_error(struct http_req *r, const char *step, const char *error)
{
    keep(&r->log_step, step);
    keep(&r->log_error, error);
}

void http_log(struct http_req *r, int status, uint64_t bytes)
{
    tally_add(&r->net->stats.requests, 1);
    if (!log_enabled(LOG_INFO))
        return;
    struct log_line l;
    log_begin(&l, status >= 500 ? LOG_ERROR : LOG_INFO, "request");
    log_str(&l, "request", r->id);
    log_str(&l, "method", r->method_name);
    log_str(&l, "route", r->route ? r->route->path : r->path);
    log_int(&l, "status", status);
    log_int(&l, "us", mono_us() - r->started_us);
    log_int(&l, "sqlUs", (int64_t)r->sql_us);
    log_int(&l, "bytes", (int64_t)bytes);
    log_str(&l, "user", r->log_user);
    log_str(&l, "tenant", r->log_tenant);
    log_str(&l, "address", r->peer);
    log_str(&l, "step", r->log_step);
    log_str(&l, "error", r->log_error);
    log_end(&l);
}
