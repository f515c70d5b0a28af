/* API tokens as texts: made, and recognised in the places where clients put them. */
#include "token.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "stacgate/ids.h"

#define MARK "sgt_"
#define MARK_LEN (sizeof(MARK) - 1)
#define PROTOCOL "base64url.bearer.phx."
#define ENCODED_MAX 400

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void token_make(char token[API_TOKEN_SIZE], char sid[65], char prefix[API_TOKEN_PREFIX_SIZE])
{
    memcpy(token, MARK, MARK_LEN);
    random_token(token + MARK_LEN, API_TOKEN_SIZE - MARK_LEN);
    sha256_hex(token, API_TOKEN_SIZE - 1, sid);
    snprintf(prefix, API_TOKEN_PREFIX_SIZE, "%s", token);
}

bool token_sid(const char *token, size_t n, char sid[65])
{
    if (n != API_TOKEN_SIZE - 1 || memcmp(token, MARK, MARK_LEN) != 0 ||
        strspn(token + MARK_LEN, alphabet) < n - MARK_LEN)
        return false;
    sha256_hex(token, n, sid);
    return true;
}

bool token_of_header(const char *authorization, char sid[65])
{
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return false;
    authorization += 7 + strspn(authorization + 7, " ");
    return token_sid(authorization, strlen(authorization), sid);
}

static bool decode(const char *code, size_t n, char sid[65])
{
    unsigned char text[ENCODED_MAX + 4], raw[ENCODED_MAX + 4];

    while (n && code[n - 1] == '=')
        n--;
    if (n == 0 || n > ENCODED_MAX || n % 4 == 1)
        return false;
    for (size_t i = 0; i < n; i++)
        text[i] = code[i] == '-' ? '+' : code[i] == '_' ? '/' : (unsigned char)code[i];
    size_t pad = (4 - n % 4) % 4;
    memset(text + n, '=', pad);
    int len = EVP_DecodeBlock(raw, text, (int)(n + pad));
    if (len < (int)pad)
        return false;
    raw[len - (int)pad] = '\0';
    return token_sid((const char *)raw, (size_t)len - pad, sid);
}

bool token_of_protocols(const char *offered, bool *ret_offered, char sid[65])
{
    *ret_offered = false;
    while (offered && *offered) {
        size_t n = strcspn(offered, ", \t");

        if (n > sizeof(PROTOCOL) - 1 && memcmp(offered, PROTOCOL, sizeof(PROTOCOL) - 1) == 0) {
            *ret_offered = true;
            return decode(offered + sizeof(PROTOCOL) - 1, n - (sizeof(PROTOCOL) - 1), sid);
        }
        offered += n;
        offered += strspn(offered, ", \t");
    }
    return false;
}

uint8_t token_scopes(const char *list)
{
    static const struct {
        const char *name;
        uint8_t scopes;
    } rows[] = {{"read", 1}, {"write", 1 | 2}, {"realtime", 4}};
    uint8_t scopes = 0;

    while (*list) {
        size_t n = strcspn(list, ",");
        for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (strlen(rows[i].name) == n && memcmp(rows[i].name, list, n) == 0)
                scopes |= rows[i].scopes;
        list += n + (list[n] == ',');
    }
    return scopes;
}
