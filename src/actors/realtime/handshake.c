/*
 * The handshake of /socket/websocket. A browser always says its Origin: it must be our own or an
 * allowed one, so that a page of somebody else cannot use a visitor's cookie. Other clients say
 * none.
 */
#include "handshake.h"

#include <string.h>
#include <strings.h>

#include "../rest/problem.h"
#include "../services/token.h"
#include "envelope.h"
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

int handshake_check(struct http_req *r, uint8_t *ret_enc, uint8_t *ret_lang, const char **ret_why)
{
    const char *vsn = http_query(r, "vsn"), *encoding = http_query(r, "encoding");
    bool old = is_old((enum encoding) * ret_enc);

    *ret_lang = language_of(http_header(r, "accept-language")) == ENGLISH;
    *ret_why = "vsn must be 2.0.0";
    if (!old && (!vsn || strncmp(vsn, "2.", 2) != 0))
        return 400;
    *ret_why = "encoding must be json or msgpack";
    if (!old && encoding && strcmp(encoding, "msgpack") != 0 && strcmp(encoding, "json") != 0)
        return 400;
    *ret_why = "this origin may not open sockets here: add it to allowed_origins";
    if (!origin_allowed(r))
        return 403;
    if (!old)
        *ret_enc = encoding && strcmp(encoding, "msgpack") == 0 ? ENC_MP : ENC_JSON;
    return 0;
}

bool handshake_sid(struct http_req *r, char sid[65])
{
    const char *token = http_query(r, "token"), *origin = http_header(r, "origin");
    bool offered, good;

    if (token)
        return socket_token_take(token, origin ? origin : "", sid);
    good = token_of_protocols(http_header(r, "sec-websocket-protocol"), &offered, sid);
    return offered ? good : identity_sid(r, sid);
}

const char *handshake_protocol(const struct http_req *r)
{
    const char *offered = http_header(r, "sec-websocket-protocol");

    return listed(offered, "phoenix") ? "phoenix" : NULL;
}

void handshake_refuse(struct http_req *r, int status, const char *detail)
{
    problem_refuse(r, status, detail);
}

void handshake_maintenance(struct http_req *r)
{
    problem_answer(r, P_maintenance, NULL, MAINTENANCE_RETRY_S, NULL, 0);
}
