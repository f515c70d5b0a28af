/*
 * zlib for one loop: a gzip state, a raw deflate state and a raw inflate state, made on first use
 * and reset for each message, so that compression costs no connection any memory
 * (permessage-deflate runs without context takeover, RFC 7692 7.1.1).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "net/http_req.h"

#define INFLATE_STEP 16384u

struct deflate {
    z_stream gzip, deflate, inflate;
    bool has_gzip, has_deflate, has_inflate;
    struct buf out;
};

static struct deflate *zip_here(struct net_loop *net)
{
    if (!net->deflate)
        net->deflate = xcalloc(1, sizeof(*net->deflate));
    return net->deflate;
}

static bool zip_all(z_stream *z, int flush, const void *p, size_t n, struct buf *out)
{
    z->next_in = (Bytef *)(uintptr_t)p;
    z->avail_in = (uInt)n;
    size_t bound = deflateBound(z, (uLong)n) + 16;
    z->next_out = buf_reserve(out, bound);
    z->avail_out = (uInt)bound;
    int e = deflate(z, flush);
    out->len += bound - z->avail_out;
    return z->avail_in == 0 && (flush == Z_FINISH ? e == Z_STREAM_END : e == Z_OK);
}

bool zip_gzip(struct net_loop *net, const void *p, size_t n, struct buf *out)
{
    struct deflate *d = zip_here(net);
    if (d->has_gzip ? deflateReset(&d->gzip) != Z_OK
                    : deflateInit2(&d->gzip, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    d->has_gzip = true;
    return zip_all(&d->gzip, Z_FINISH, p, n, out);
}

bool zip_deflate(struct net_loop *net, const void *p, size_t n, struct buf *out)
{
    struct deflate *d = zip_here(net);
    tally_add(&net->stats.deflated, 1);
    if (d->has_deflate
            ? deflateReset(&d->deflate) != Z_OK
            : deflateInit2(&d->deflate, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    d->has_deflate = true;
    size_t before = out->len;
    if (!zip_all(&d->deflate, Z_SYNC_FLUSH, p, n, out) || out->len - before < 4)
        return false;
    out->len -= 4; /* 00 00 ff ff, which the receiver adds (RFC 7692 7.2.1) */
    return true;
}

static int inflate_some(struct deflate *d, size_t max)
{
    z_stream *z = &d->inflate;
    do {
        size_t room = max + 1 - d->out.len < INFLATE_STEP ? max + 1 - d->out.len : INFLATE_STEP;
        z->next_out = buf_reserve(&d->out, room);
        z->avail_out = (uInt)room;
        int e = inflate(z, Z_SYNC_FLUSH);
        d->out.len += room - z->avail_out;
        if (d->out.len > max)
            return -EMSGSIZE;
        if (e == Z_STREAM_END &&
            z->avail_in) /* a final block: what follows is a stream of its own */
            e = inflateReset(z);
        else if (e == Z_STREAM_END)
            return 0;
        if (e == Z_BUF_ERROR)
            return z->avail_in ? -EINVAL : 0;
        if (e != Z_OK)
            return -EINVAL;
    } while (z->avail_in || z->avail_out == 0);
    return 0;
}

int zip_inflate(struct net_loop *net, const void *p, size_t n, size_t max, uint8_t **ret,
                size_t *ret_n)
{
    static const uint8_t tail[4] = {0, 0, 0xff, 0xff};
    struct deflate *d = zip_here(net);
    if (d->has_inflate ? inflateReset(&d->inflate) != Z_OK : inflateInit2(&d->inflate, -15) != Z_OK)
        return -EINVAL;
    d->has_inflate = true;
    buf_clear(&d->out);
    const struct {
        const void *p;
        size_t n;
    } parts[2] = {{p, n}, {tail, sizeof(tail)}};
    for (unsigned i = 0; i < 2; i++) {
        d->inflate.next_in = (Bytef *)(uintptr_t)parts[i].p;
        d->inflate.avail_in = (uInt)parts[i].n;
        int e = inflate_some(d, max);
        if (e)
            return e;
    }
    *ret = d->out.data;
    *ret_n = d->out.len;
    return 0;
}

void zip_finish(struct net_loop *net)
{
    struct deflate *d = net->deflate;
    if (!d)
        return;
    if (d->has_gzip)
        deflateEnd(&d->gzip);
    if (d->has_deflate)
        deflateEnd(&d->deflate);
    if (d->has_inflate)
        inflateEnd(&d->inflate);
    buf_finish(&d->out);
    free(d);
    net->deflate = NULL;
}
