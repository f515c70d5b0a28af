/*
 * The handshake of /socket/websocket. A browser always says its Origin: it must be our own or an
 * allowed one, so that a page of somebody else cannot use a visitor's cookie. Other clients say
 * none.
 */
#include "handshake.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../rest/op.h"
#include "../rest/problem.h"
#include "../services/token.h"
#include "envelope.h"
#include "figures.h"
#include "stacgate/config.h"
#include "stacgate/identity.h"
#include "stacgate/maintenance.h"

static bool listed(const char *list, const char *origin)
{
    size_t n = strlen(origin);

    while (list && *list) {
        size_t item = strcspn(list, ", ");

        if (item == n && strncasecmp(list, origin, n) == 0)
            return true;
        list += item;
        list += strspn(list, ", ");
    }
    return false;
}

static bool origin_allowed(struct http_req *r)
{
    const char *origin = http_header(r, "origin"), *host = http_header(r, "host");
    const char *scheme = http_secure(r) ? "https://" : "http://";

    if (!origin)
        return true;
    if (host && strncasecmp(origin, scheme, strlen(scheme)) == 0 &&
        strcasecmp(origin + strlen(scheme), host) == 0)
        return true;
    return listed(config.allowed_origins, origin);
}

/* "https://host:port" of an address, as far as it has that form. */
static int origin_length(const char *address)
{
    const char *host = strstr(address, "://");

    return host ? (int)(host + 3 - address) + (int)strcspn(host + 3, "/?#") : 0;
}

void handshake_origin(struct http_req *r, char out[ORIGIN_SIZE])
{
    const char *said = http_header(r, "origin"), *site = http_header(r, "sec-fetch-site"),
               *referer = http_header(r, "referer");

    out[0] = 0;
    if (said)
        snprintf(out, ORIGIN_SIZE, "%s", said);
    else if (site && (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0))
        rest_own_origin(r, out);
    else if (site || (referer && !origin_length(referer)))
        snprintf(out, ORIGIN_SIZE, "null");
    else if (referer)
        snprintf(out, ORIGIN_SIZE, "%.*s", origin_length(referer), referer);
}

bool handshake_page_allowed(struct http_req *r)
{
    const char *site = http_header(r, "sec-fetch-site");
    char page[ORIGIN_SIZE], own[ORIGIN_SIZE];

    if (site && strcmp(site, "same-origin") == 0)
        return true;
    handshake_origin(r, page);
    rest_own_origin(r, own);
    return !page[0] || (own[0] && strcasecmp(page, own) == 0) ||
           origin_listed(page, config.allowed_origins);
}

static const struct http_fault faults[] = {
    {0},
#define HANDSHAKE_FAULT(word, status, fr, en) {status, {fr, en}},
#include "handshake_faults.def"
#undef HANDSHAKE_FAULT
};

const struct http_fault *handshake_fault(enum handshake_fault why)
{
    assert(why != H_none && why < HANDSHAKE_FAULTS);
    return &faults[why];
}

enum handshake_fault handshake_check(struct http_req *r, uint8_t *ret_enc, uint8_t *ret_lang)
{
    const char *vsn = http_query(r, "vsn"), *encoding = http_query(r, "encoding");
    bool old = is_old((enum encoding) * ret_enc);

    *ret_lang = language_of(http_header(r, "accept-language")) == ENGLISH;
    if (!old && (!vsn || strncmp(vsn, "2.", 2) != 0))
        return H_vsn;
    if (!old && encoding && strcmp(encoding, "msgpack") != 0 && strcmp(encoding, "json") != 0)
        return H_encoding;
    if (!origin_allowed(r))
        return H_origin;
    if (!old)
        *ret_enc = encoding && strcmp(encoding, "msgpack") == 0 ? ENC_MP : ENC_JSON;
    return H_none;
}

bool handshake_sid(struct http_req *r, char sid[65])
{
    const char *token = http_query(r, "token"), *told = http_header(r, "x-phoenix-authtoken");
    char origin[ORIGIN_SIZE];
    bool offered, good;

    if (token) {
        handshake_origin(r, origin);
        return socket_token_take(token, origin, sid);
    }
    if (told) /* where long polling puts what a subprotocol holds */
        return token_sid(told, strlen(told), sid);
    good = token_of_protocols(http_header(r, "sec-websocket-protocol"), &offered, sid);
    return offered ? good : identity_sid(r, sid);
}

const char *handshake_protocol(const struct http_req *r)
{
    const char *offered = http_header(r, "sec-websocket-protocol");

    return listed(offered, "phoenix") ? "phoenix" : NULL;
}

void handshake_refuse(struct http_req *r, enum handshake_fault why)
{
    const struct http_fault *row = handshake_fault(why);

    figures_handshake_refused(row->status);
    problem_refuse(r, row);
}

void handshake_maintenance(struct http_req *r)
{
    figures_handshake_refused(503);
    if (maintenance_on())
        problem_answer(r, P_maintenance, NULL, MAINTENANCE_RETRY_S, NULL, 0);
    else
        problem_answer(r, P_unavailable, NULL, 1, NULL, 0);
}
