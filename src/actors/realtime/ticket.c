/* Tickets are "<tenant>.<end, ms in hex>.<HMAC-SHA-256 in hex>"; the key lives as long as the
 * process. */
#include "ticket.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "stacgate/ids.h"

#define LIFE_MS 120000
#define MAC_BYTES 32
#define SAID_MAX 512

static unsigned char key[32];

void ticket_setup(void)
{
    random_bytes(key, sizeof(key));
}

/* A NUL between the parts: none of them can hold one. */
static bool sign(char mac[2 * MAC_BYTES + 1], const char *user_id, const char *tenant,
                 const char *topic, int64_t until_ms)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char said[SAID_MAX], raw[MAC_BYTES];
    int n = snprintf((char *)said, sizeof(said), "%s%c%s%c%s%c%llx", user_id, 0, tenant, 0, topic,
                     0, (long long)until_ms);

    if (n >= SAID_MAX || !HMAC(EVP_sha256(), key, sizeof(key), said, (size_t)n, raw, NULL))
        return false;
    for (int i = 0; i < MAC_BYTES; i++) {
        mac[2 * i] = digits[raw[i] >> 4];
        mac[2 * i + 1] = digits[raw[i] & 15];
    }
    mac[2 * MAC_BYTES] = '\0';
    return true;
}

void ticket_make(char out[TICKET_MAX + 1], const char *user_id, const char *tenant,
                 const char *topic)
{
    int64_t until_ms = wall_ms() + LIFE_MS;
    char mac[2 * MAC_BYTES + 1];

    out[0] = '\0';
    if (strlen(tenant) <= TICKET_TENANT_MAX && sign(mac, user_id, tenant, topic, until_ms))
        snprintf(out, TICKET_MAX + 1, "%s.%llx.%s", tenant, (long long)until_ms, mac);
}

bool ticket_tenant(struct str ticket, const char *user_id, const char *topic,
                   char ret_tenant[TICKET_TENANT_MAX + 1])
{
    char text[TICKET_MAX + 1], tenant[TICKET_TENANT_MAX + 1], given[2 * MAC_BYTES + 1],
        mac[2 * MAC_BYTES + 1];
    unsigned long long until_ms;

    if (ticket.n > TICKET_MAX)
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)ticket.n, ticket.n ? ticket.p : "");
    if (sscanf(text, "%64[^.].%llx.%64[0-9a-f]", tenant, &until_ms, given) != 3 ||
        strlen(given) != 2 * MAC_BYTES || (int64_t)until_ms < wall_ms() ||
        !sign(mac, user_id, tenant, topic, (int64_t)until_ms) ||
        CRYPTO_memcmp(mac, given, 2 * MAC_BYTES) != 0)
        return false;
    snprintf(ret_tenant, TICKET_TENANT_MAX + 1, "%s", tenant);
    return true;
}
