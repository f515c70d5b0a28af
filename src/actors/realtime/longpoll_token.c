/*
 * The token of a long-polling session as text: "lp.", then in base64url 24 random bytes and the
 * token under them. Whoever reads a compressed answer's length learns nothing of the secret,
 * because no two answers hold the same text.
 */
#include <openssl/evp.h>
#include <string.h>

#include "longpoll.h"
#include "stacgate/ids.h"

#define MARK "lp."
#define MARK_LEN (sizeof(MARK) - 1)
#define RAW (1 + 2 + LONGPOLL_SECRET)
#define TEXT (LONGPOLL_TOKEN_SIZE - 1 - MARK_LEN)

_Static_assert(2 * RAW / 3 * 4 == TEXT, "base64 without padding");

void longpoll_token_print(char out[LONGPOLL_TOKEN_SIZE], const struct longpoll_token *t)
{
    uint8_t raw[2 * RAW], *masked = raw + RAW;

    random_bytes(raw, RAW);
    masked[0] = t->loop;
    masked[1] = (uint8_t)(t->answers >> 8);
    masked[2] = (uint8_t)t->answers;
    memcpy(masked + 3, t->secret, LONGPOLL_SECRET);
    for (unsigned i = 0; i < RAW; i++)
        masked[i] ^= raw[i];
    memcpy(out, MARK, MARK_LEN);
    EVP_EncodeBlock((unsigned char *)out + MARK_LEN, raw, sizeof(raw));
    for (char *p = out + MARK_LEN; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
}

bool longpoll_token_is(const char *text)
{
    return strncmp(text, MARK, MARK_LEN) == 0;
}

bool longpoll_token_read(const char *text, struct longpoll_token *ret)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char code[TEXT], raw[2 * RAW];

    if (!longpoll_token_is(text) || strlen(text) != MARK_LEN + TEXT ||
        strspn(text + MARK_LEN, alphabet) != TEXT)
        return false;
    for (unsigned i = 0; i < TEXT; i++) {
        char c = text[MARK_LEN + i];
        code[i] = c == '-' ? '+' : c == '_' ? '/' : (unsigned char)c;
    }
    if (EVP_DecodeBlock(raw, code, TEXT) != (int)sizeof(raw))
        return false;
    for (unsigned i = 0; i < RAW; i++)
        raw[i] ^= raw[RAW + i];
    ret->loop = raw[0];
    ret->answers = (uint16_t)(raw[1] << 8 | raw[2]);
    memcpy(ret->secret, raw + 3, LONGPOLL_SECRET);
    return true;
}
