/*
 * What a socket's handshake must be before anybody asks who it is: version, encoding, origin,
 * language.
 */
#ifndef STACGATE_REALTIME_HANDSHAKE_H
#define STACGATE_REALTIME_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "stacgate/http.h"

enum handshake_fault { /* why one is refused: the rows of handshake_faults.def */
                       H_none,
#define HANDSHAKE_FAULT(word, status, fr, en) H_##word,
#include "handshake_faults.def"
#undef HANDSHAKE_FAULT
                       HANDSHAKE_FAULTS
};
const struct http_fault *handshake_fault(enum handshake_fault why); /* not of H_none */

/* *ret_enc: an old dialect by its route (then nothing in the query counts), else ENC_JSON.
 * H_none with *ret_enc and *ret_lang set, or why it is refused. */
enum handshake_fault handshake_check(struct http_req *r, uint8_t *ret_enc, uint8_t *ret_lang);
#define ORIGIN_SIZE 300
/* The origin of the page that asks. A page's GET to its own site has no Origin: then by what the
 * browser says beside it (Sec-Fetch-Site, Referer). "": no browser. "null": another one. */
void handshake_origin(struct http_req *r, char out[ORIGIN_SIZE]);
bool handshake_page_allowed(struct http_req *r); /* our own, one of the list, or no page */
/*
 * Whose handshake is it? The 30-second token of the address, a token among the subprotocols, else
 * what REST takes too. false: it names nobody, or what it names is no good. A token of the address
 * is used up by this.
 */
bool handshake_sid(struct http_req *r, char sid[65]);
const char *
handshake_protocol(const struct http_req *r);   /* "phoenix" when the client offers it, else NULL */
void handshake_maintenance(struct http_req *r); /* 503: come back later */
void handshake_refuse(struct http_req *r, enum handshake_fault why);

#endif
