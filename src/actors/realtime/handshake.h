/*
 * What a socket's handshake must be before anybody asks who it is: version, encoding, origin,
 * language.
 */
#ifndef STACGATE_REALTIME_HANDSHAKE_H
#define STACGATE_REALTIME_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "stacgate/http.h"

/* 0 with *ret_enc and *ret_lang set, or the status to refuse with and why. */
int handshake_check(struct http_req *r, uint8_t *ret_enc, uint8_t *ret_lang, const char **ret_why);
const char *
handshake_protocol(const struct http_req *r); /* "phoenix" when the client offers it, else NULL */
void handshake_refuse(struct http_req *r, int status, const char *detail);

#endif
