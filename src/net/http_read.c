/*
 * What a request tells its route: the readers of http.h. Strings live in the request.
 */
#include <string.h>

#include "net/http_req.h"

enum http_method http_method(const struct http_req *r)
{
    return r->method;
}
const char *http_method_name(const struct http_req *r)
{
    return r->method_name;
}
const char *http_path(const struct http_req *r)
{
    return r->path;
}
const char *http_target(const struct http_req *r)
{
    return r->target;
}
const struct http_route *http_route_of(const struct http_req *r)
{
    return r->route;
}
struct str http_body(const struct http_req *r)
{
    return (struct str){(const char *)r->body.data, r->body.len};
}
const char *http_request_id(const struct http_req *r)
{
    return r->id;
}
const char *http_peer(const struct http_req *r)
{
    return r->peer;
}
bool http_secure(const struct http_req *r)
{
    return r->secure;
}
bool http_loopback(const struct http_req *r)
{
    return r->loopback;
}
bool http_aborted(const struct http_req *r)
{
    return !r->conn || r->conn->state == CONN_DEAD;
}
int64_t http_started_us(const struct http_req *r)
{
    return r->started_us;
}

static const char *pair_find(const struct http_pair *pairs, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *http_param(const struct http_req *r, const char *name)
{
    return pair_find(r->params, r->param_count, name);
}
const char *http_query(const struct http_req *r, const char *name)
{
    return pair_find(r->query, r->query_count, name);
}

bool http_query_each(const struct http_req *r, unsigned *i, const char **ret_name,
                     const char **ret_value)
{
    if (*i >= r->query_count)
        return false;
    *ret_name = r->query[*i].name;
    *ret_value = r->query[(*i)++].value;
    return true;
}

/* Repeated fields are joined once and the joined one takes the first's place; cookies join with ";
 * " (RFC 6265 5.4). */
static const char *fields_join(struct http_req *r, uint32_t first)
{
    const char *name = r->fields[first].name, *between = strcmp(name, "cookie") == 0 ? "; " : ", ";
    size_t n = 1;
    for (uint32_t i = first; i < r->field_count; i++)
        if (strcmp(r->fields[i].name, name) == 0)
            n += strlen(r->fields[i].value) + 2;
    char *all = req_scrap(r, n), *at = stpcpy(all, r->fields[first].value);
    for (uint32_t i = first + 1; i < r->field_count; i++)
        if (strcmp(r->fields[i].name, name) == 0) {
            at = stpcpy(stpcpy(at, between), r->fields[i].value);
            r->fields[i].name[0] = '\0'; /* gone */
        }
    return r->fields[first].value = all;
}

const char *http_header(const struct http_req *r, const char *name)
{
    const char *found = NULL;
    uint32_t first = 0;
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (strcmp(r->fields[i].name, name) != 0)
            continue;
        if (found)
            return fields_join((struct http_req *)(uintptr_t)r, first);
        found = r->fields[i].value;
        first = i;
    }
    return found;
}

const char *http_cookie(const struct http_req *r, const char *name, char *out, size_t out_size)
{
    const char *at = http_header(r, "cookie");
    size_t name_n = strlen(name);
    while (at && *at) {
        at += strspn(at, "; \t");
        size_t n = strcspn(at, ";");
        if (n > name_n && at[name_n] == '=' && memcmp(at, name, name_n) == 0) {
            const char *value = at + name_n + 1;
            size_t value_n = n - name_n - 1;
            while (value_n && (value[value_n - 1] == ' ' || value[value_n - 1] == '\t'))
                value_n--;
            if (value_n >= 2 && *value == '"' && value[value_n - 1] == '"')
                value++, value_n -= 2;
            if (value_n >= out_size)
                return NULL;
            memcpy(out, value, value_n);
            out[value_n] = '\0';
            return out;
        }
        at += n;
    }
    return NULL;
}
