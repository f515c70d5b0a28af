/*
 * Who is at the other end: addresses as 16 bytes (IPv4 mapped), and the client behind a configured
 * proxy. X-Forwarded-For and -Proto count only when the connection comes from such a proxy, read
 * from the right, each further hop only while it is a proxy too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/http_req.h"

#define PROXIES_MAX 32u

static uint8_t proxies[PROXIES_MAX][16];
static unsigned proxy_count;

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const uint8_t a[16])
{
    return memcmp(a, mapped, 12) == 0;
}

int peer_parse(const char *text, uint8_t addr[16])
{
    if (inet_pton(AF_INET6, text, addr) == 1)
        return 0;
    memcpy(addr, mapped, 12);
    return inet_pton(AF_INET, text, addr + 12) == 1 ? 0 : -EINVAL;
}

void peer_text(const uint8_t addr[16], char out[46])
{
    if (!(is_v4(addr) ? inet_ntop(AF_INET, addr + 12, out, 46)
                      : inet_ntop(AF_INET6, addr, out, 46)))
        out[0] = '\0';
}

bool peer_loopback(const uint8_t a[16])
{
    static const uint8_t one[16] = {[15] = 1};
    return is_v4(a) ? a[12] == 127 : memcmp(a, one, 16) == 0;
}

bool peer_private(const uint8_t a[16])
{
    if (peer_loopback(a))
        return true;
    if (is_v4(a))
        return a[12] == 10 || (a[12] == 172 && (a[13] & 0xf0) == 16) ||
               (a[12] == 192 && a[13] == 168) || (a[12] == 169 && a[13] == 254);
    return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

int peer_proxies(const char *const *texts)
{
    proxy_count = 0;
    for (; texts && *texts; texts++) {
        if (proxy_count == PROXIES_MAX || peer_parse(*texts, proxies[proxy_count]) != 0)
            return -EINVAL;
        proxy_count++;
    }
    return 0;
}

static bool is_proxy(const uint8_t a[16])
{
    for (unsigned i = 0; i < proxy_count; i++)
        if (memcmp(proxies[i], a, 16) == 0)
            return true;
    return false;
}

/* Cuts the last element off a comma-separated list, or gives the only one. */
static char *last_element(char *list)
{
    char *comma = strrchr(list, ','), *one = comma ? comma + 1 : list;
    one += strspn(one, " \t");
    for (size_t n = strlen(one); n && (one[n - 1] == ' ' || one[n - 1] == '\t');)
        one[--n] = '\0';
    if (comma)
        *comma = '\0';
    return one;
}

static bool element_address(char *one, uint8_t addr[16])
{
    if (*one == '[') { /* [v6] or [v6]:port */
        char *end = strchr(++one, ']');
        if (!end)
            return false;
        *end = '\0';
    } else if (strchr(one, '.') && strchr(one, ':') == strrchr(one, ':') && strchr(one, ':')) {
        *strchr(one, ':') = '\0'; /* v4:port */
    }
    return peer_parse(one, addr) == 0;
}

static void peer_forwarded(struct http_req *r)
{
    const char *list = http_header(r, "x-forwarded-for");
    if (!list)
        return;
    size_t n = strlen(list);
    char *copy = memcpy(req_scrap(r, n + 1), list, n + 1);
    bool more = true;
    while (more && is_proxy(r->addr)) {
        more = strchr(copy, ',') != NULL;
        char *one = last_element(copy);
        uint8_t addr[16];
        if (!element_address(one, addr))
            return;
        memcpy(r->addr, addr, 16);
    }
}

static bool proto_https(const struct http_req *r)
{
    const char *list = http_header(r, "x-forwarded-proto"),
               *comma = list ? strrchr(list, ',') : NULL;
    const char *one = comma ? comma + 1 : list;
    return one && strcasecmp(one + strspn(one, " \t"), "https") == 0;
}

void peer_resolve(struct http_req *r)
{
    memcpy(r->addr, r->conn->addr, 16);
    bool proxied = is_proxy(r->addr);
    r->secure = r->conn->tls != NULL || (proxied && proto_https(r));
    r->loopback =
        peer_loopback(r->addr) &&
        !(proxied && (http_header(r, "x-forwarded-for") || http_header(r, "x-forwarded-proto")));
    if (proxied)
        peer_forwarded(r);
    peer_text(r->addr, r->peer);
}
