/*
 * Two PEM files become a context. Everything that can be wrong with them is found here and said in
 * a sentence, at the start and at each reload, and not in every client's failed handshake. A key is
 * opened once: what is checked about the file is true of the bytes that are read.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "net/tls.h"
#include "stacgate/buf.h"
#include "stacgate/config.h"
#include "stacgate/http.h"

static const char suites12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* Both sentences take the same arguments, in the same order. */
__attribute__((format(printf, 2, 4), format(printf, 3, 4))) static int
complain(char **ret_error, const char *french, const char *english, ...)
{
    va_list args;

    va_start(args, english);
    if (vasprintf(ret_error, config_speaks_french() ? french : english, args) < 0)
        *ret_error = xstrdup("out of memory");
    va_end(args);
    ERR_clear_error();
    return -EINVAL;
}

static const char *why(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "?";
}

/* ---- what every context of ours is ---- */

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

/* OpenSSL would ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
    (void)buf, (void)size, (void)writing;
    if (asked)
        *(bool *)asked = true;
    return -1;
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
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
    SSL_CTX_set_session_cache_mode(
        ctx, SSL_SESS_CACHE_OFF); /* tickets only: no memory for those who are gone */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"stacgate", 8);
    SSL_CTX_set_timeout(ctx, TICKET_KEY_MS / 1000);
    SSL_CTX_set_max_early_data(ctx, 0);
    tickets_attach(ctx);
    return ctx;
}

/* ---- the files ---- */

static EVP_PKEY *key_parse(FILE *f, const char *path, char **ret_error)
{
    bool asked = false;
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, no_passphrase, &asked);
    if (!key && asked)
        complain(ret_error,
                 "La clé TLS %s est protégée par une phrase secrète : donnez-la sans, lisible par "
                 "le serveur seul.",
                 "The TLS key %s is protected by a passphrase: give it without one, readable by "
                 "the server only.",
                 path);
    else if (!key)
        complain(ret_error,
                 "La clé TLS %s est inutilisable (%s) : il faut la clé du certificat, en PEM.",
                 "The TLS key %s cannot be used (%s): it must be the certificate's key, in PEM.",
                 path, why());
    return key;
}

static EVP_PKEY *key_read(const char *path, char **ret_error)
{
    struct stat st;
    EVP_PKEY *key = NULL;
    FILE *f = fopen(path, "re");
    if (!f || fstat(fileno(f), &st) != 0)
        complain(ret_error, "La clé TLS %s ne peut être lue : %s.",
                 "The TLS key %s cannot be read: %s.", path, strerror(errno));
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        complain(ret_error, "La clé TLS %s est accessible à d'autres (mode %04o) : chmod 600 %s.",
                 "The TLS key %s may be read by others (mode %04o): chmod 600 %s.", path,
                 st.st_mode & 07777, path);
    else
        key = key_parse(f, path, ret_error);
    if (f)
        fclose(f);
    return key;
}

static int64_t ends_of(const X509 *x)
{
    struct tm tm;
    return x && ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1 ? timegm(&tm) : 0;
}

static int64_t chain_ends(SSL_CTX *ctx)
{
    STACK_OF(X509) *chain = NULL;
    int64_t first = ends_of(SSL_CTX_get0_certificate(ctx));
    SSL_CTX_get0_chain_certs(ctx, &chain);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t ends = ends_of(sk_X509_value(chain, i));
        first = ends < first ? ends : first;
    }
    return first;
}

/* The certificate first, so that the key can be compared with it. */
static int pair_load(SSL_CTX *ctx, const char *cert, const char *key, char **ret_error)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return complain(
            ret_error,
            "Le certificat TLS %s est inutilisable (%s) : il faut un fichier PEM, le certificat du "
            "serveur en premier.",
            "The TLS certificate %s cannot be used (%s): it must be a PEM file, the server's own "
            "certificate first.",
            cert, errno == ENOENT || errno == EACCES ? strerror(errno) : why());
    EVP_PKEY *k = key_read(key, ret_error);
    if (!k)
        return -EINVAL;
    bool fits = SSL_CTX_use_PrivateKey(ctx, k) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(k);
    return fits ? 0
                : complain(ret_error, "La clé TLS %s n'est pas celle du certificat %s.",
                           "The TLS key %s does not belong to the certificate %s.", key, cert);
}

int tls_pair_read(const char *cert, const char *key, struct tls_pair *ret, char **ret_error)
{
    *ret = (struct tls_pair){.ctx = context_make()};
    if (!ret->ctx)
        return complain(ret_error, "OpenSSL ne démarre pas : %s.", "OpenSSL does not start: %s.",
                        why());
    errno = 0;
    int e = pair_load(ret->ctx, cert, key, ret_error);
    if (e)
        tls_pair_drop(ret);
    else
        ret->ends = chain_ends(ret->ctx);
    return e;
}

void tls_pair_drop(struct tls_pair *p)
{
    SSL_CTX_free(p->ctx);
    p->ctx = NULL;
}

int http_tls_check(const char *cert, const char *key, int64_t *ret_ends, char **ret_error)
{
    struct tls_pair p;
    int e = tls_pair_read(cert, key, &p, ret_error);
    *ret_ends = p.ends;
    tls_pair_drop(&p);
    return e;
}
