/*
 * Frame headers in, frame headers out: the wire form of RFC 6455 without any connection.
 */
#include "net/ws_frame.h"

#include <assert.h>
#include <string.h>

#include "net/http_req.h"

static int length_read(const uint8_t *p, size_t n, struct ws_head *h)
{
    uint8_t seven = p[1] & 0x7f;
    unsigned bytes = seven < 126 ? 0 : seven == 126 ? 2 : 8;
    h->size = (uint8_t)(2 + bytes + 4);
    h->length = seven;
    if (!bytes)
        return 0;
    if (n < 2 + bytes)
        return 1;
    h->length = 0;
    for (unsigned i = 0; i < bytes; i++)
        h->length = h->length << 8 | p[2 + i];
    bool shortest = bytes == 2 ? h->length > 125 : h->length > 0xffff && !(h->length >> 63);
    return shortest ? 0 : -1002;
}

int ws_head_read(const uint8_t *p, size_t n, bool may_pack, struct ws_head *h)
{
    if (n < 2)
        return 0;
    h->fin = p[0] & 0x80;
    h->packed = p[0] & 0x40;
    h->opcode = p[0] & 0x0f;
    bool control = h->opcode & 8, starts = h->opcode == WS_TEXT || h->opcode == WS_BINARY;
    bool known = starts || h->opcode == WS_CONTINUE || (control && h->opcode <= WS_PONG);
    if (!known || (p[0] & 0x30) || (h->packed && !(may_pack && starts)) || !(p[1] & 0x80))
        return -1002;
    if (control && (!h->fin || (p[1] & 0x7f) > WS_CONTROL_MAX))
        return -1002;
    int e = length_read(p, n, h);
    if (e < 0)
        return e;
    if (e || n < h->size)
        return 0;
    memcpy(h->mask, p + h->size - 4, 4);
    return h->size;
}

void ws_unmask(uint8_t *p, size_t n, const uint8_t mask[4])
{
    uint64_t wide;
    memcpy(&wide, mask, 4);
    memcpy((uint8_t *)&wide + 4, mask, 4);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        v ^= wide;
        memcpy(p + i, &v, 8);
    }
    for (; i < n; i++)
        p[i] ^= mask[i & 3];
}

bool ws_code_valid(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static void wire_head(struct buf *out, uint8_t first, size_t n)
{
    uint8_t h[10] = {first};
    if (n < 126) {
        h[1] = (uint8_t)n;
        buf_put(out, h, 2);
    } else if (n < 65536) {
        h[1] = 126;
        h[2] = (uint8_t)(n >> 8);
        h[3] = (uint8_t)n;
        buf_put(out, h, 4);
    } else {
        h[1] = 127;
        for (unsigned i = 0; i < 8; i++)
            h[2 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
        buf_put(out, h, 10);
    }
}

void ws_wire(struct buf *out, enum ws_opcode op, const void *payload, size_t n)
{
    wire_head(out, (uint8_t)(0x80 | op), n);
    buf_put(out, payload, n);
}

bool ws_wire_next(struct str *left, uint8_t *ret_opcode, struct str *ret_payload)
{
    const uint8_t *p = (const uint8_t *)left->p;
    if (left->n < 2)
        return false;
    size_t bytes = p[1] < 126 ? 0 : p[1] == 126 ? 2 : 8, n = bytes ? 0 : p[1];
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | p[2 + i];
    assert(2 + bytes + n <= left->n);
    *ret_opcode = p[0] & 0x0f;
    *ret_payload = (struct str){left->p + 2 + bytes, n};
    left->p += 2 + bytes + n;
    left->n -= 2 + bytes + n;
    return true;
}

void ws_wire_deflated(struct buf *out, enum ws_opcode op, const void *payload, size_t n)
{
    struct buf packed = BUF_INIT;
    if (n && zip_deflate(net_here(), payload, n, &packed) && packed.len < n) {
        wire_head(out, (uint8_t)(0xc0 | op), packed.len);
        buf_put(out, packed.data, packed.len);
    } else {
        ws_wire(out, op, payload, n);
    }
    buf_finish(&packed);
}
