/*
 * API tokens and socket tokens as texts. An API token is "sgt_" and 43 characters of base64url; in
 * the database and in memory only its hash is kept, which is then what a session's sid is.
 */
#ifndef STACGATE_SERVICES_TOKEN_H
#define STACGATE_SERVICES_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define API_TOKEN_SIZE 48       /* "sgt_", 258 random bits in base64url, and NUL */
#define API_TOKEN_PREFIX_SIZE 9 /* what stays readable of it */

void token_make(char token[API_TOKEN_SIZE], char sid[65], char prefix[API_TOKEN_PREFIX_SIZE]);
/* false: this cannot be a token of ours. */
bool token_sid(const char *token, size_t n, char sid[65]);
bool token_of_header(const char *authorization, char sid[65]); /* "Bearer …" */
/* A Sec-WebSocket-Protocol list that holds "base64url.bearer.phx.<base64 of the token>", with or
 * without padding, in either alphabet. *ret_offered: it holds one, good or not. */
bool token_of_protocols(const char *offered, bool *ret_offered, char sid[65]);
uint8_t token_scopes(const char *list); /* "read,realtime"; write includes read */

/*
 * Socket tokens: 256 bits, good once, for 30 s, for whoever made it and for connections of one
 * origin ("": of no browser). Kept in memory only: after a restart a client asks for another.
 */
#define SOCKET_TOKEN_SIZE 44
#define SOCKET_TOKEN_MS 30000

/* false: this person made too many in the last 30 s. */
bool socket_token_make(char token[SOCKET_TOKEN_SIZE], const char sid[65], const char *user_id,
                       const char *origin);
bool socket_token_take(const char *token, const char *origin, char sid[65]); /* it is used up */

#endif
