/*
 * TLS 1.2 and 1.3 by OpenSSL, between a connection and its socket, and the one context that new
 * connections are made from: any loop may ask for it while the first one puts another in its place.
 * Records are written as far as the kernel takes them; an unfinished one is tried again from the
 * same place of the queue, which is why what it holds (tls_pend) stays queued when the rest is
 * dropped.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "net/net.h"
#include "net/tls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the two below */
static SSL_CTX *context;
static int64_t context_ends;
static bool wanted; /* since before the loops */

bool tls_wanted(void)
{
    return wanted;
}

void tls_use(struct tls_pair *p)
{
    pthread_mutex_lock(&lock);
    SSL_CTX *old = context;
    context = p->ctx;
    context_ends = p->ends;
    pthread_mutex_unlock(&lock);
    SSL_CTX_free(old);
    p->ctx = NULL;
}

int64_t tls_ends(void)
{
    pthread_mutex_lock(&lock);
    int64_t ends = context_ends;
    pthread_mutex_unlock(&lock);
    return ends;
}

int tls_setup(const char *cert, const char *key, char **ret_error)
{
    struct tls_pair p;
    tls_watch_note();
    int e = tls_pair_read(cert, key, &p, ret_error);
    if (e)
        return e;
    tickets_forget();
    tls_use(&p);
    wanted = true;
    return 0;
}

/* One lock a connection, beside a handshake's milliseconds. */
static SSL_CTX *context_ref(void)
{
    pthread_mutex_lock(&lock);
    SSL_CTX *ctx = context;
    SSL_CTX_up_ref(ctx);
    pthread_mutex_unlock(&lock);
    return ctx;
}

int tls_start(struct conn *c)
{
    SSL_CTX *ctx = context_ref();
    c->tls = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1)
        return -ENOMEM;
    SSL_set_accept_state(c->tls);
    return 0;
}

/* What OpenSSL's answer means for the poll; -EAGAIN, 0 at a clean end, or -EIO. */
static int tls_result(struct conn *c, int r)
{
    switch (SSL_get_error(c->tls, r)) {
    case SSL_ERROR_WANT_WRITE:
        c->tls_out = true;
        return -EAGAIN;
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -EIO;
    }
}

int tls_handshake(struct conn *c)
{
    ERR_clear_error();
    c->tls_out = false;
    int r = SSL_do_handshake(c->tls);
    if (r == 1)
        return 0;
    int e = tls_result(c, r);
    return e ? e : -EIO;
}

ssize_t tls_recv(struct conn *c, void *p, size_t n)
{
    ERR_clear_error();
    c->tls_out = false;
    int r = SSL_read(c->tls, p, (int)n);
    return r > 0 ? r : tls_result(c, r);
}

ssize_t tls_send(struct conn *c, const void *p, size_t n)
{
    ERR_clear_error();
    c->tls_out = false;
    int r = SSL_write(c->tls, p, n > INT32_MAX ? INT32_MAX : (int)n);
    if (r > 0) {
        c->tls_pend = 0;
        return r;
    }
    int e = tls_result(c, r);
    if (e == -EAGAIN && !c->tls_pend)
        c->tls_pend = (uint16_t)(n < SSL3_RT_MAX_PLAIN_LENGTH ? n : SSL3_RT_MAX_PLAIN_LENGTH);
    return e ? e : -EPIPE;
}

bool tls_pending(const struct conn *c)
{
    return SSL_pending(c->tls) > 0;
}

void tls_bye(struct conn *c)
{
    ERR_clear_error();
    if (SSL_is_init_finished(c->tls) && c->state != CONN_DEAD)
        SSL_shutdown(c->tls); /* our close_notify; theirs is not waited for */
}

void tls_free(struct conn *c)
{
    SSL_free(c->tls);
    c->tls = NULL;
}
