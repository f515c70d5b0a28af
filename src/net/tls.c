/*
 * TLS 1.2 and 1.3 by OpenSSL, between a connection and its socket. Certificate and key are checked
 * before anything starts, so that a mistake in them is a sentence and not every client's failed
 * handshake. Records are written as far as the kernel takes them; an unfinished one is tried again
 * from the same place of the queue, which is why a queue begun under TLS is never taken back.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/net.h"

static SSL_CTX *context;

static const char suites12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

bool tls_wanted(void)
{
    return context != NULL;
}

static int __attribute__((format(printf, 2, 3))) sentence(char **ret_error, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char text[512];
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    *ret_error = xstrdup(text);
    ERR_clear_error();
    return -EINVAL;
}

static const char *why(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "unreadable";
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                       const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl, (void)arg;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_make(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_cipher_list(ctx, suites12);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    SSL_CTX_set_session_cache_mode(
        ctx, SSL_SESS_CACHE_OFF); /* tickets only: no memory for those who are gone */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"stacgate", 8);
    SSL_CTX_set_timeout(ctx, 24 * 3600);
    SSL_CTX_set_max_early_data(ctx, 0);
    return ctx;
}

int tls_setup(const char *cert, const char *key, char **ret_error)
{
    struct stat st;
    if (!cert || !key)
        return sentence(ret_error, "TLS needs both --tls-cert and --tls-key: the %s is missing.",
                        cert ? "key" : "certificate");
    if (stat(key, &st) != 0)
        return sentence(ret_error, "The TLS key %s cannot be read: %s.", key, strerror(errno));
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return sentence(ret_error,
                        "The TLS key %s may be read by others (mode %04o): chmod 600 %s.", key,
                        st.st_mode & 07777, key);
    SSL_CTX *ctx = context_make();
    int e = 0;
    if (!ctx)
        e = sentence(ret_error, "OpenSSL does not start: %s.", why());
    else if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        e = sentence(ret_error,
                     "The TLS certificate %s cannot be used (%s): it must be a PEM file, its own "
                     "certificate first.",
                     cert, why());
    else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        e = sentence(ret_error,
                     "The TLS key %s cannot be used with %s (%s): it must be that certificate's "
                     "key, in PEM.",
                     key, cert, why());
    else if (SSL_CTX_check_private_key(ctx) != 1)
        e = sentence(ret_error, "The TLS key %s does not belong to the certificate %s.", key, cert);
    if (e) {
        SSL_CTX_free(ctx);
        return e;
    }
    SSL_CTX_free(context);
    context = ctx;
    return 0;
}

int tls_start(struct conn *c)
{
    c->tls = SSL_new(context);
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
    if (r > 0)
        return r;
    int e = tls_result(c, r);
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

void tls_finish(void)
{
    SSL_CTX_free(context);
    context = NULL;
}
