/*
 * A head that passed the gate becomes a request: llhttp cuts it into fields (strict mode, in one
 * call over the whole head), then every check of meaning that no parser makes is made here, each
 * with its row of faults.def. What leaves here is unambiguous for any proxy.
 */
#include <errno.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/http_req.h"
#include "stacgate/ids.h"

struct cut { /* llhttp's callbacks fill the request's fields as spans of its own copy of the head */
    struct http_req *r;
    uint32_t max;
    char *name, *value;
    size_t name_n, value_n;
};

static int cut_name(llhttp_t *p, const char *at, size_t n)
{
    struct cut *cut = p->data;
    if (!cut->name_n)
        cut->name = (char *)(uintptr_t)at;
    cut->name_n += n;
    return 0;
}

static int cut_value(llhttp_t *p, const char *at, size_t n)
{
    struct cut *cut = p->data;
    if (!cut->value_n)
        cut->value = (char *)(uintptr_t)at;
    cut->value_n += n;
    return 0;
}

static int cut_done(llhttp_t *p)
{
    struct cut *cut = p->data;
    struct http_req *r = cut->r;
    if (r->field_count == cut->max)
        return HPE_USER;
    if (!cut->value_n)
        cut->value = cut->name + cut->name_n +
                     1; /* after the colon; req_cut() ends both strings when llhttp is through */
    r->fields[r->field_count++] = (struct http_field){cut->name, cut->value};
    cut->name_n = cut->value_n = 0;
    return 0;
}

static int cut_head_done(llhttp_t *p)
{
    struct cut *cut = p->data;
    cut->r->keep_alive = llhttp_should_keep_alive(p);
    return 1; /* the body is framed by the gate */
}

static const llhttp_settings_t cut_settings = {.on_header_field = cut_name,
                                               .on_header_value = cut_value,
                                               .on_header_value_complete = cut_done,
                                               .on_headers_complete = cut_head_done};

static void field_end(struct http_field *f)
{
    char *colon = strchr(f->name, ':'), *end = strchr(f->value, '\r');
    *colon = '\0';
    for (char *b = f->name; *b; b++)
        if (*b >= 'A' && *b <= 'Z')
            *b += 'a' - 'A';
    while (end > f->value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    f->value += strspn(f->value, " \t");
}

static bool req_cut(struct http_req *r, char *head, size_t n, uint32_t max)
{
    llhttp_t parser;
    struct cut cut = {.r = r, .max = max};
    llhttp_init(&parser, HTTP_REQUEST, &cut_settings);
    parser.data = &cut;
    llhttp_errno_t e = llhttp_execute(&parser, head, n);
    if (e != HPE_OK && e != HPE_PAUSED_UPGRADE)
        return false;
    for (uint32_t i = 0; i < r->field_count; i++)
        field_end(&r->fields[i]);
    return true;
}

bool list_has(const char *value, const char *token)
{
    size_t n = strlen(token);
    while (value && *value) {
        value += strspn(value, " \t,");
        size_t k = strcspn(value, " \t,;");
        if (k == n && strncasecmp(value, token, n) == 0)
            return true;
        value += strcspn(value, ",");
    }
    return false;
}

static unsigned field_number(const struct http_req *r, const char *name)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < r->field_count; i++)
        n += strcmp(r->fields[i].name, name) == 0;
    return n;
}

/* ---- the checks of meaning ---- */

static bool host_valid(const char *s)
{
    size_t n = *s == '['
                   ? strspn(s + 1, "0123456789abcdefABCDEF:.") + 1
                   : strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");
    if (*s == '[' && s[n++] != ']')
        return false;
    if (n == 0)
        return false;
    if (s[n] == ':')
        n += 1 + strspn(s + n + 1, "0123456789");
    return s[n] == '\0' && n <= 255;
}

static enum fault check_host(struct http_req *r)
{
    unsigned n = field_number(r, "host");
    if (n > 1 || (n == 0 && !r->http10))
        return F_host;
    return n == 0 || host_valid(http_header(r, "host")) ? F_none : F_host;
}

static enum fault check_length(struct http_req *r)
{
    unsigned n = field_number(r, "content-length");
    if (n == 0)
        return F_none;
    const char *s = http_header(r, "content-length");
    size_t digits = strspn(s, "0123456789");
    if (n > 1 || digits == 0 || s[digits])
        return F_length;
    r->has_length = true;
    if (digits > 18)
        return F_body_large;
    r->content_length = strtoull(s, NULL, 10);
    return F_none;
}

static enum fault check_coding(struct http_req *r)
{
    unsigned n = field_number(r, "transfer-encoding");
    if (n == 0)
        return F_none;
    const char *s = http_header(r, "transfer-encoding");
    if (n > 1 || r->http10 || r->has_length)
        return F_coding;
    if (strcasecmp(s, "chunked") != 0)
        return list_has(s, "chunked") || list_has(s, "identity") ? F_coding : F_coding_unknown;
    r->chunked = true;
    return F_none;
}

static enum fault check_expect(struct http_req *r)
{
    const char *s = http_header(r, "expect");
    if (!s || r->http10)
        return F_none;
    r->expects = true;
    return strcasecmp(s, "100-continue") == 0 ? F_none : F_expectation;
}

static enum fault check_upgrade(struct http_req *r)
{
    const char *s = http_header(r, "upgrade");
    if (!s || !list_has(http_header(r, "connection"), "upgrade"))
        return F_none;
    r->upgrade = !r->http10 && list_has(s, "websocket") && r->method == HTTP_M_GET;
    return r->upgrade && (r->chunked || r->content_length) ? F_upgrade_body : F_none;
}

static enum fault check_fields(struct http_req *r)
{
    static enum fault (*const checks[])(struct http_req *) = {
        check_host, check_length, check_coding, check_expect, check_upgrade};
    enum fault why = F_none;
    for (size_t i = 0; !why && i < sizeof(checks) / sizeof(*checks); i++)
        why = checks[i](r);
    return why;
}

/* origin-form, or absolute-form whose authority is the Host: then it is cut down to origin-form; of
 * OPTIONS also "*", the server as a whole */
static enum fault check_target(struct http_req *r)
{
    bool server = strcmp(r->target, "*") == 0 && r->method == HTTP_M_OPTIONS;
    if (*r->target == '/' || server)
        return F_none;
    size_t scheme = strncasecmp(r->target, "http://", 7) == 0    ? 7
                    : strncasecmp(r->target, "https://", 8) == 0 ? 8
                                                                 : 0;
    const char *host = http_header(r, "host");
    if (!scheme || !host)
        return F_target_form;
    const char *authority = r->target + scheme, *path = authority + strcspn(authority, "/?");
    if ((size_t)(path - authority) != strlen(host) ||
        strncasecmp(authority, host, strlen(host)) != 0)
        return F_target_form;
    if (*path != '/') {
        char *whole = req_scrap(r, strlen(path) + 2);
        *whole = '/';
        memcpy(whole + 1, path, strlen(path) + 1);
        path = whole;
    }
    r->target = path;
    return F_none;
}

static enum fault check_path(struct http_req *r)
{
    size_t n = strlen(r->target), path_n = strcspn(r->target, "?"), len;
    char *copy = memcpy(req_scrap(r, n + 1), r->target, n + 1);
    char *query = copy[path_n] ? copy + path_n + 1 : NULL;
    copy[path_n] = '\0';
    r->path = copy;
    return url_decode(copy, false, &len) && url_query(r, query) ? F_none : F_target_encoding;
}

static const struct {
    const char *name;
    enum http_method method;
} methods[] = {{"GET", HTTP_M_GET},         {"HEAD", HTTP_M_HEAD},   {"POST", HTTP_M_POST},
               {"PUT", HTTP_M_PUT},         {"PATCH", HTTP_M_PATCH}, {"DELETE", HTTP_M_DELETE},
               {"OPTIONS", HTTP_M_OPTIONS}, {"TRACE", HTTP_METHODS}};

static bool find_method(struct http_req *r, const char *name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (strcmp(methods[i].name, name) == 0) {
            r->method = methods[i].method;
            r->method_name = methods[i].name;
            return true;
        }
    return false;
}

/* ---- making one ---- */

char *req_scrap(struct http_req *r, size_t n)
{
    struct scrap *s = xmalloc(sizeof(*s) + n);
    s->next = r->scraps;
    r->scraps = s;
    return s->bytes;
}

static void make_id(struct http_req *r)
{
    const char *given = http_header(r, "x-request-id");
    size_t n = given ? strlen(given) : 0;
    if (n && n <= 64 &&
        strspn(given, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n)
        memcpy(r->id, given, n + 1);
    else
        snprintf(r->id, sizeof(r->id), "%s%llx", r->net->id_prefix,
                 (unsigned long long)++r->net->id_count);
}

static struct http_req *req_make(struct conn *c, uint32_t fields, size_t head)
{
    struct http_req *r = xcalloc(1, sizeof(*r) + fields * sizeof(struct http_field) + head + 1);
    r->conn = c;
    r->net = c->net;
    r->fields = (struct http_field *)(r + 1);
    r->method = HTTP_METHODS;
    r->method_name = r->target = r->path = "";
    r->started_us = mono_us();
    return r;
}

/* The value of a field's line, or NULL; only what a CR ends is one. */
static const char *raw_field(const uint8_t *head, size_t n, const char *name, size_t *ret_n)
{
    const char *at = (const char *)head, *end = at + n, *cr;
    size_t name_n = strlen(name);
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        at++;
        if ((size_t)(end - at) <= name_n || at[name_n] != ':' || strncasecmp(at, name, name_n) != 0)
            continue;
        at += name_n + 1;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        cr = memchr(at, '\r', (size_t)(end - at));
        *ret_n = cr ? (size_t)(cr - at) : 0;
        return cr ? at : NULL;
    }
    return NULL;
}

/* Of a head that is refused nothing counts but the language in which to say so. */
static void keep_language(struct http_req *r, const uint8_t *head, size_t n)
{
    static char name[] = "accept-language";
    size_t value_n = 0;
    const char *at = n ? raw_field(head, n, name, &value_n) : NULL;
    if (!at)
        return;
    char *value = memcpy(req_scrap(r, value_n + 1), at, value_n);
    value[value_n] = '\0';
    r->fields[0] = (struct http_field){name, value};
    r->field_count = 1;
}

struct http_req *req_blank(struct conn *c, const uint8_t *head, size_t n)
{
    struct http_req *r = req_make(c, 1, 0);
    r->close = true;
    keep_language(r, head, n);
    make_id(r);
    peer_resolve(r);
    return r;
}

enum fault req_parse(struct conn *c, const struct gate *g, const uint8_t *head, size_t n,
                     struct http_req **ret)
{
    uint32_t max = net_options.header_count_max;
    uint32_t fields = g->fields < max ? g->fields : max;
    struct http_req *r = *ret = req_make(c, fields, 2 * n + 2);
    char *copy = (char *)(r->fields + fields), *line = copy + n + 1;
    memcpy(copy, head, n);
    memcpy(line, head, g->target_end);
    line[g->method_end] = line[g->target_end] = '\0';
    r->target = line + g->target_at;
    r->close = true; /* until everything is known to be well */
    r->http10 = g->minor == 0;
    bool known = find_method(r, line);
    bool version = g->major == 1 && g->minor <= 1;
    bool cut = g->fields <= max && known && version && strcmp(line, "CONNECT") != 0 &&
               req_cut(r, copy, n, max);
    if (!cut) {
        r->field_count = 0;
        keep_language(r, head, n);
    }
    make_id(r);
    peer_resolve(r);
    enum fault why = !version                       ? F_version
                     : strcmp(line, "CONNECT") == 0 ? F_connect
                     : !known                       ? F_method_unknown
                     : g->fields > max              ? F_fields_many
                     : !cut                         ? F_head
                                                    : check_fields(r);
    if (!why)
        why = check_target(r);
    if (!why)
        why = check_path(r);
    if (!why)
        r->close = !r->keep_alive;
    return why;
}

void req_free(struct http_req *r)
{
    if (!r)
        return;
    for (struct scrap *s = r->scraps, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    buf_finish(&r->body);
    buf_finish(&r->set);
    free(r->log_user);
    free(r->log_tenant);
    free(r->log_step);
    free(r->log_error);
    free(r);
}
