/*
 * TLS in front of the same server: versions, ALPN, a key that others may read, one that does not
 * fit, an HTTP request, a WebSocket echo, and a handshake that never comes.
 */
#include "net_testing.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>

static char dir[] = "/tmp/stacgate-tls-XXXXXX", cert[128], key[128], other[128];

static void write_key(const char *path, EVP_PKEY *k)
{
    FILE *f = fopen(path, "w");
    PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    chmod(path, 0600);
}

static void make_files(void)
{
    cr_assert(mkdtemp(dir));
    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    snprintf(other, sizeof(other), "%s/other.pem", dir);
    EVP_PKEY *k = EVP_EC_gen("P-256"), *k2 = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, k);
    X509_sign(x, k, EVP_sha256());
    FILE *f = fopen(cert, "w");
    PEM_write_X509(f, x);
    fclose(f);
    write_key(key, k);
    write_key(other, k2);
    X509_free(x);
    EVP_PKEY_free(k);
    EVP_PKEY_free(k2);
}

static void start(void)
{
    make_files();
    struct http_options o = {.tls_cert = cert, .tls_key = key};
    server_start(&o, NULL, 0, 1);
}

static SSL *dial_tls(int least, int most, const char *alpn, int *ret_fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, least);
    SSL_CTX_set_max_proto_version(ctx, most);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (alpn)
        SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_fd(ssl, *ret_fd = dial());
    if (SSL_connect(ssl) == 1)
        return ssl;
    SSL_free(ssl);
    close(*ret_fd);
    return NULL;
}

static size_t hear_tls(SSL *ssl, char *out, size_t max, const char *until)
{
    size_t n = 0;
    out[0] = '\0';
    for (int got; n + 1 < max && !strstr(out, until) &&
                  (got = SSL_read(ssl, out + n, (int)(max - n - 1))) > 0;) {
        n += (size_t)got;
        out[n] = '\0';
    }
    return n;
}

Test(tls, versions_and_alpn, .init = start, .fini = server_stop)
{
    int fd;
    static const struct {
        int version;
        const char *alpn;
        bool good;
    } cases[] = {{TLS1_VERSION, NULL, false},
                 {TLS1_1_VERSION, NULL, false},
                 {TLS1_2_VERSION, NULL, true},
                 {TLS1_3_VERSION, NULL, true},
                 {TLS1_3_VERSION, "\x08http/1.1", true},
                 {TLS1_3_VERSION, "\x02h2", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        SSL *ssl = dial_tls(cases[i].version, cases[i].version, cases[i].alpn, &fd);
        cr_expect_eq(ssl != NULL, cases[i].good, "case %zu", i);
        if (ssl) {
            SSL_free(ssl);
            close(fd);
        }
    }
}

Test(tls, requests_and_a_large_echo, .init = start, .fini = server_stop)
{
    static char big[400000], back[500000];
    int fd;
    SSL *ssl = dial_tls(TLS1_2_VERSION, TLS1_3_VERSION, NULL, &fd);
    cr_assert(ssl);
    memset(big, 'b', sizeof(big));
    char head[128];
    snprintf(head, sizeof(head),
             "POST /test/echo HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", sizeof(big) - 3);
    memcpy(big + sizeof(big) - 6, "end", 3);
    SSL_write(ssl, head, (int)strlen(head));
    SSL_write(ssl, big, sizeof(big) - 3);
    size_t n = hear_tls(ssl, back, sizeof(back), "end");
    cr_expect_gt(n, sizeof(big) - 3);
    cr_expect_eq(status_of(back), 200);
    cr_expect(strstr(back, "\r\nStrict-Transport-Security: max-age=31536000\r\n"));
    SSL_free(ssl);
    close(fd);
}

Test(tls, websocket_echo, .init = start, .fini = server_stop)
{
    char back[2048];
    uint8_t wire[64];
    int fd;
    SSL *ssl = dial_tls(TLS1_3_VERSION, TLS1_3_VERSION, NULL, &fd);
    cr_assert(ssl);
    static const char ask[] = "GET /test/ws HTTP/1.1\r\nHost: a\r\nUpgrade: "
                              "websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    SSL_write(ssl, ask, sizeof(ask) - 1);
    hear_tls(ssl, back, sizeof(back), "\r\n\r\n");
    cr_assert_eq(status_of(back), 101);
    for (int i = 0; i < 50; i++) {
        SSL_write(ssl, wire, (int)ws_frame_put(wire, 0x81, "hello", 5));
        size_t n = hear_tls(ssl, back, sizeof(back), "hello");
        cr_assert(n == 7 && memcmp(back, "\x81\x05hello", 7) == 0);
    }
    SSL_free(ssl);
    close(fd);
}

Test(tls, plain_bytes_are_no_handshake, .init = start, .fini = server_stop)
{
    int fd = dial();
    say_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_expect(hear_end(fd));
    close(fd);
}

Test(tls, mistakes_are_sentences)
{
    make_files();
    char open_key[160], *error = NULL;
    snprintf(open_key, sizeof(open_key), "%s", other);
    const struct {
        const char *cert, *key;
        mode_t mode;
        const char *word;
    } cases[] = {{cert, NULL, 0600, "--tls-key"},
                 {cert, "/nonexistent", 0600, "/nonexistent"},
                 {cert, other, 0644, "chmod"},
                 {cert, other, 0600, "belong"},
                 {key, key, 0600, "certificate"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct http_options o = {.tls_cert = cases[i].cert, .tls_key = cases[i].key};
        chmod(other, cases[i].mode);
        http_configure(&o);
        cr_expect_eq(http_bind(&error), -EINVAL, "case %zu", i);
        bool said =
            error && (strstr(error, cases[i].word) || (i == 3 && strstr(error, "mismatch")));
        cr_expect(said, "case %zu says: %s", i, error);
        free(error);
        error = NULL;
    }
}
