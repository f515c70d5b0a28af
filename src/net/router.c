/*
 * The route table: given once at start, ordered so that words come before parameters and a "*rest"
 * comes last; the first row that fits wins. Segments are compared decoded, one by one, so that an
 * encoded slash never separates.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_req.h"

#define SEGMENTS_MAX 16u

struct row {
    const struct http_route *route;
    char *text; /* the path, cut at its slashes */
    const char *seg[SEGMENTS_MAX];
    unsigned count;
    bool rest; /* the last segment takes what follows */
};

static struct row *rows;
static unsigned row_count;

static int seg_rank(const char *s)
{
    return !s ? 0 : *s == '*' ? 3 : *s == ':' ? 2 : 1;
}

static int row_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
        int d = seg_rank(x->seg[i]) - seg_rank(y->seg[i]);
        if (d)
            return d;
    }
    return x->route < y->route ? -1 : x->route > y->route;
}

/* Cuts path at its slashes; the number of segments, or SEGMENTS_MAX + 1. "/" has one, empty. */
static unsigned split(char *path, char **seg)
{
    unsigned n = 0;
    for (char *next; path; path = next) {
        next = strchr(++path, '/');
        if (n == SEGMENTS_MAX)
            return SEGMENTS_MAX + 1;
        seg[n++] = path;
        if (next)
            *next = '\0';
    }
    return n;
}

void http_routes(const struct http_route *routes, unsigned count)
{
    rows = xrealloc(rows, (row_count + count) * sizeof(*rows));
    for (unsigned i = 0; i < count; i++) {
        struct row *row = &rows[row_count++];
        *row = (struct row){.route = &routes[i], .text = xstrdup(routes[i].path)};
        char *seg[SEGMENTS_MAX];
        row->count = split(row->text, seg);
        assert(row->count <= SEGMENTS_MAX);
        memcpy(row->seg, seg, row->count * sizeof(*seg));
        row->rest = *row->seg[row->count - 1] == '*';
    }
    qsort(rows, row_count, sizeof(*rows), row_order);
}

static bool row_fits(const struct row *row, char *const *seg, unsigned n)
{
    if (row->rest ? n < row->count : n != row->count)
        return false;
    for (unsigned i = 0; i < row->count - row->rest; i++)
        if (*row->seg[i] == ':' ? !*seg[i] : strcmp(row->seg[i], seg[i]) != 0)
            return false;
    return true;
}

static const char *rest_of(struct http_req *r, char *const *seg, unsigned from, unsigned n)
{
    size_t len = 1;
    for (unsigned i = from; i < n; i++)
        len += strlen(seg[i]) + 1;
    char *all = req_scrap(r, len), *at = all;
    for (unsigned i = from; i < n; i++) {
        if (i > from)
            *at++ = '/';
        at = stpcpy(at, seg[i]);
    }
    return all;
}

static void row_params(struct http_req *r, const struct row *row, char *const *seg, unsigned n)
{
    for (unsigned i = 0; i < row->count; i++) {
        if ((*row->seg[i] != ':' && *row->seg[i] != '*') || r->param_count == PARAMS_MAX)
            continue;
        const char *value = *row->seg[i] == '*' ? rest_of(r, seg, i, n) : seg[i];
        r->params[r->param_count++] = (struct http_pair){row->seg[i] + 1, value};
    }
}

static const char *const method_names[HTTP_METHODS] = {"GET",   "HEAD",   "POST",   "PUT",
                                                       "PATCH", "DELETE", "OPTIONS"};

static const char *allow_list(struct http_req *r, unsigned set)
{
    char *list = req_scrap(r, 64), *at = list;
    *at = '\0';
    for (unsigned m = 0; m < HTTP_METHODS; m++)
        if (set & (1u << m)) {
            at = stpcpy(at, at == list ? "" : ", ");
            at = stpcpy(at, method_names[m]);
        }
    return list;
}

static unsigned row_methods(const struct row *row)
{
    enum http_method m = row->route->method;
    return 1u << m | (m == HTTP_M_GET ? 1u << HTTP_M_HEAD : 0) | 1u << HTTP_M_OPTIONS;
}

/* The target "*": what any of the rows takes. */
static enum route_answer whole_server(struct http_req *r, const char **ret_allow)
{
    unsigned allowed = 1u << HTTP_M_OPTIONS;
    for (unsigned i = 0; i < row_count; i++)
        allowed |= row_methods(&rows[i]);
    *ret_allow = allow_list(r, allowed);
    return ROUTE_METHOD;
}

enum route_answer route_find(struct http_req *r, const char **ret_allow)
{
    if (*r->target == '*')
        return whole_server(r, ret_allow);
    size_t n = strcspn(r->target, "?");
    char *path = memcpy(req_scrap(r, n + 1), r->target, n), *seg[SEGMENTS_MAX];
    path[n] = '\0';
    unsigned count = split(path, seg), allowed = 0;
    size_t len;
    if (count > SEGMENTS_MAX)
        return ROUTE_NONE;
    for (unsigned i = 0; i < count; i++)
        if (!url_decode(seg[i], false, &len))
            return ROUTE_NONE;
    enum http_method wanted = r->method == HTTP_M_HEAD ? HTTP_M_GET : r->method;
    for (unsigned i = 0; i < row_count; i++) {
        if (!row_fits(&rows[i], seg, count))
            continue;
        if (rows[i].route->method == wanted) {
            r->route = rows[i].route;
            row_params(r, &rows[i], seg, count);
            return ROUTE_FOUND;
        }
        allowed |= row_methods(&rows[i]);
    }
    *ret_allow = allowed ? allow_list(r, allowed) : NULL;
    return allowed ? ROUTE_METHOD : ROUTE_NONE;
}
