/*
 * The gate: a byte automaton over everything of a request that is syntax (request line, field
 * lines, chunk lines, trailers). It exists because llhttp 8.1 lets pass what smuggles requests past
 * a proxy, and neither counts nor reports chunk extensions and trailers. It is the authority on
 * where a head and a body end; only bytes that it passed reach the parser. Feeding whole or byte by
 * byte gives the same answer.
 */
#ifndef SG_GATE_H
#define SG_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/faults.h"

#define GATE_EMPTY_LINES 2u    /* CRLFs tolerated before a request line */
#define GATE_TRAILER_MAX 8192u /* bytes */
#define GATE_CHUNK_FREE                                                                            \
    16384u /* bytes of chunk lines a body may have beyond one for each byte of content */
#define GATE_TARGET_MAX 8192u /* bytes; above: 414 */

struct gate {
    uint8_t state;
    uint8_t empty_lines;
    uint16_t major, minor; /* of the version */
    uint32_t fields;
    uint32_t at; /* bytes seen since the request line's first */
    uint32_t method_end, target_at, target_end,
        line_end;     /* offsets from it; line_end: after the request line's CRLF */
    uint32_t skipped; /* bytes of empty lines before it */
};

enum gate_answer { GATE_MORE, GATE_DONE, GATE_BAD }; /* BAD: *ret_why says what */

void gate_init(struct gate *g);
/* Takes bytes until the head is complete; *used: how many. */
enum gate_answer gate_head(struct gate *g, const uint8_t *p, size_t n, size_t *used,
                           enum fault *ret_why);

struct chunks {
    uint8_t state;
    uint64_t left;              /* bytes of the current chunk still to come */
    uint64_t content, overhead; /* bytes so far */
    uint32_t trailer, digits;
};

void chunks_init(struct chunks *c);
/*
 * Takes bytes until it has a piece of content (*data, *data_n; n may be 0), or the body's end
 * (GATE_DONE). Call again with the rest while there is any.
 */
enum gate_answer chunks_next(struct chunks *c, const uint8_t *p, size_t n, size_t *used,
                             const uint8_t **data, size_t *data_n, enum fault *ret_why);

bool http_token_char(uint8_t b); /* RFC 9110 5.6.2 */

#endif
