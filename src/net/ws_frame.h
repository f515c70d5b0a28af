/*
 * One WebSocket frame's header (RFC 6455 5.2), read strictly: what a client may not send is an
 * error here already.
 */
#ifndef SG_WS_FRAME_H
#define SG_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stacgate/mp.h"

#define WS_HEAD_MAX 14u
#define WS_CONTROL_MAX 125u
enum { WS_CONTINUE = 0, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

struct ws_head {
    uint64_t length;
    uint8_t opcode, size; /* size: of the header, the mask included */
    bool fin, packed;     /* packed: RSV1, a compressed message begins */
    uint8_t mask[4];
};

/* Bytes of the header: 0 when more are needed, -1002 when it is wrong (unmasked, reserved bits or
 * opcodes, control rules, length form). */
int ws_head_read(const uint8_t *p, size_t n, bool may_pack, struct ws_head *ret);
/* The next of our own messages, as ws_wire() writes them; false: none is left. */
bool ws_wire_next(struct str *left, uint8_t *ret_opcode, struct str *ret_payload);
void ws_unmask(uint8_t *p, size_t n, const uint8_t mask[4]);
bool ws_code_valid(uint16_t code); /* one that may stand in a close frame */

#endif
