/*
 * Who may call from where: the CSRF rule for unsafe requests, CORS by allow-list, and content
 * negotiation. Pure functions over header values first; what answers a request follows. Nothing is
 * ever reflected that the allow-list does not hold.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "op.h"
#include "stacgate/config.h"

bool origin_listed(const char *origin, const char *allowed)
{
    size_t n = origin ? strlen(origin) : 0;

    if (n == 0 || strcmp(origin, "null") == 0)
        return false;
    for (const char *p = allowed; p && *p;) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ", ");
        if (len == n && strncasecmp(p, origin, n) == 0)
            return true;
        p += len;
    }
    return false;
}

bool csrf_allows(const char *site, const char *origin, const char *referer, const char *own,
                 const char *allowed)
{
    if (!site && !origin && !referer)
        return true; /* not a browser */
    if (site && (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0))
        return true;
    /* A browser that says cross-site is believed over an Origin that looks like ours (a look-alike
     * Host, another port). */
    if (!site && origin && own[0] && strcasecmp(origin, own) == 0)
        return true;
    return origin_listed(origin, allowed);
}

bool accepts_json(const char *accept)
{
    static const char *const fit[] = {"application/json", "application/problem+json",
                                      "application/*", "*/*"};

    if (!accept || !*accept)
        return true;
    for (const char *p = accept; *p;) {
        p += strspn(p, ", \t");
        size_t len = strcspn(p, ","), name = strcspn(p, ",; \t");
        const char *q = memmem(p, len, "q=0", 3);
        bool never = q && strspn(q + 2, "0.") == strcspn(q + 2, ",; \t");
        for (unsigned i = 0; !never && i < sizeof(fit) / sizeof(fit[0]); i++)
            if (strlen(fit[i]) == name && strncasecmp(p, fit[i], name) == 0)
                return true;
        p += len;
    }
    return false;
}

/* ---- answers ---- */

void rest_own_origin(struct http_req *req, char out[300])
{
    const char *host = http_header(req, "host");

    out[0] = 0;
    if (host && strlen(host) < 280)
        snprintf(out, 300, "%s://%s", http_secure(req) ? "https" : "http", host);
}

void rest_cors(struct http_req *req)
{
    const char *origin = http_header(req, "origin");

    http_set(req, "Vary", "Origin, Accept-Language, Authorization, Cookie");
    if (!origin_listed(origin, config.allowed_origins))
        return;
    http_set(req, "Access-Control-Allow-Origin", origin);
    http_set(req, "Access-Control-Allow-Credentials", "true");
    http_set(
        req, "Access-Control-Expose-Headers",
        "Content-Disposition, ETag, Link, X-Total-Count, X-Request-Id, Retry-After, RateLimit, "
        "RateLimit-Policy");
}

/* The methods of a path, as the table has them. */
static void methods_of(const char *path, char out[80])
{
    static const char *const names[HTTP_METHODS] = {"GET",   "HEAD",   "POST",   "PUT",
                                                    "PATCH", "DELETE", "OPTIONS"};
    bool has[HTTP_METHODS] = {[HTTP_M_OPTIONS] = true};
    size_t n = 0;

    for (unsigned i = 0; i < rest_op_count; i++)
        if (strcmp(rest_ops[i].path, path) == 0)
            has[rest_ops[i].method] = true;
    has[HTTP_M_HEAD] = has[HTTP_M_GET];
    for (unsigned m = 0; m < HTTP_METHODS; m++)
        if (has[m])
            n += (size_t)snprintf(out + n, 80 - n, "%s%s", n ? ", " : "", names[m]);
}

void rest_preflight(struct http_req *req)
{
    char methods[80] = "";

    methods_of(http_route_of(req)->path, methods);
    rest_cors(req);
    http_set(req, "Allow", methods);
    if (origin_listed(http_header(req, "origin"), config.allowed_origins)) {
        http_set(req, "Access-Control-Allow-Methods", methods);
        http_set(
            req, "Access-Control-Allow-Headers",
            "Content-Type, Authorization, If-Match, If-None-Match, Idempotency-Key, X-Request-Id");
        http_set(req, "Access-Control-Max-Age", "600");
    }
    http_set(req, "Cache-Control", "no-store");
    http_respond(req, 204, NULL, NULL);
}
