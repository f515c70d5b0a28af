/*
 * operations.def as data: the rows, and the routes made of them (an OPTIONS route a path beside,
 * for CORS). An operation that is not in that file does not exist.
 */
#include <assert.h>
#include <string.h>

#include "../services/signin.h"
#include "answers.h"
#include "op.h"
#include "stacgate/rest.h"

#define BODY_MAX (1024 * 1024)

#define ROW(old, name, method, path, subject, who, permission, query, body, response, success,     \
            cache, rate, fr, en)                                                                   \
    {#name,                                                                                        \
     HTTP_M_##method,                                                                              \
     path,                                                                                         \
     subject,                                                                                      \
     WHO_##who,                                                                                    \
     permission,                                                                                   \
     schema_##query,                                                                               \
     schema_##body,                                                                                \
     response,                                                                                     \
     success,                                                                                      \
     CACHE_##cache,                                                                                \
     RATE_##rate,                                                                                  \
     op_##name,                                                                                    \
     fr,                                                                                           \
     en,                                                                                           \
     old},
const struct rest_op rest_ops[] = {
#define OP(...) ROW(false, __VA_ARGS__)
#define OP_OLD(...) ROW(true, __VA_ARGS__)
#include "operations.def"
#undef OP
#undef OP_OLD
};
const unsigned rest_op_count = sizeof(rest_ops) / sizeof(rest_ops[0]);

static const char *shows_html[sizeof(rest_ops) / sizeof(rest_ops[0])];

const char *rest_shows_html(const struct rest_op *op)
{
    return shows_html[op - rest_ops];
}

static struct http_route routes[2 * sizeof(rest_ops) / sizeof(rest_ops[0])];
const struct http_route *rest_routes = routes;
unsigned rest_route_count;

static bool has_options(const char *path)
{
    for (unsigned i = 0; i < rest_route_count; i++)
        if (routes[i].method == HTTP_M_OPTIONS && strcmp(routes[i].path, path) == 0)
            return true;
    return false;
}

void rest_setup(void)
{
    rest_route_count = 0;
    for (unsigned i = 0; i < rest_op_count; i++) {
        const struct rest_op *op = &rest_ops[i];
        shows_html[i] = answer_html(op->response);
        routes[rest_route_count++] =
            (struct http_route){.method = op->method,
                                .path = op->path,
                                .enter = rest_enter,
                                .op = op,
                                .body_max = op->body == schema_none ? 0 : BODY_MAX};
        if (!has_options(op->path))
            routes[rest_route_count++] = (struct http_route){
                .method = HTTP_M_OPTIONS, .path = op->path, .enter = rest_preflight};
    }
    assert(rest_route_count <= sizeof(routes) / sizeof(routes[0]));
    http_on_refused(problem_refuse);
    signin_setup();
    system_began();
}
