/*
 * TLS in front of the same server: versions, suites, ALPN, a key that others may read, one that
 * does not fit, an HTTP request, a WebSocket echo, a handshake that never comes; a new certificate
 * under open connections, bad ones, tickets and their keys.
 */
#include "net_testing.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>

#include "net/tls.h"

static char dir[] = "/tmp/stacgate-tls-XXXXXX", cert[128], key[128], other[128];

static void write_key(const char *path, EVP_PKEY *k)
{
    FILE *f = fopen(path, "w");
    PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    chmod(path, 0600);
}

static void write_cert(const char *path, EVP_PKEY *k, long serial, long seconds)
{
    X509 *x = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), seconds);
    X509_set_pubkey(x, k);
    X509_sign(x, k, EVP_sha256());
    FILE *f = fopen(path, "w");
    PEM_write_X509(f, x);
    fclose(f);
    X509_free(x);
}

/* The files as a tool that renews them leaves them: a new certificate of a new key. */
static void renew(long serial, long seconds)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    write_cert(cert, k, serial, seconds);
    write_key(key, k);
    EVP_PKEY_free(k);
}

static void make_files(EVP_PKEY *k)
{
    EVP_PKEY *k2 = EVP_EC_gen("P-256");
    cr_assert(mkdtemp(dir));
    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    snprintf(other, sizeof(other), "%s/other.pem", dir);
    write_cert(cert, k, 1, 3600);
    write_key(key, k);
    write_key(other, k2);
    EVP_PKEY_free(k);
    EVP_PKEY_free(k2);
}

static void start_with(EVP_PKEY *k)
{
    setenv("LC_ALL", "en_US.UTF-8", 1);
    make_files(k);
    struct http_options o = {.tls_cert = cert, .tls_key = key};
    server_start(&o, NULL, 0, 2); /* the context is put in place by one loop and used by two */
}

static void start(void)
{
    start_with(EVP_EC_gen("P-256"));
}

static void start_rsa(void)
{
    start_with(EVP_RSA_gen(2048));
}

struct wish {
    int least, most;
    const char *alpn, *suites; /* of TLS 1.2; NULL: the client's own */
    SSL_SESSION *session;
};

/* The connection, or NULL and OpenSSL's reason: an alert's is 1000 and its number. */
static SSL *dial_wish(const struct wish *w, int *ret_fd, int *ret_reason)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, w->least);
    SSL_CTX_set_max_proto_version(ctx, w->most);
    if (w->suites)
        cr_assert_eq(SSL_CTX_set_cipher_list(ctx, w->suites), 1, "%s", w->suites);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (w->alpn)
        SSL_set_alpn_protos(ssl, (const unsigned char *)w->alpn, (unsigned)strlen(w->alpn));
    if (w->session)
        SSL_set_session(ssl, w->session);
    SSL_set_fd(ssl, *ret_fd = dial());
    ERR_clear_error();
    if (SSL_connect(ssl) == 1)
        return ssl;
    *ret_reason = ERR_GET_REASON(ERR_peek_error());
    SSL_free(ssl);
    close(*ret_fd);
    return NULL;
}

static SSL *dial_tls(int least, int most, const char *alpn, int *ret_fd)
{
    int reason;
    return dial_wish(&(struct wish){least, most, alpn, NULL, NULL}, ret_fd, &reason);
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

/* What is refused, the server refuses, by an alert: a client that does not even ask proves nothing.
 */
Test(tls, versions_and_alpn, .init = start, .fini = server_stop)
{
    int fd;
    static const struct {
        int version;
        const char *alpn;
        int alert;
    } cases[] = {{TLS1_VERSION, NULL, SSL_AD_PROTOCOL_VERSION},
                 {TLS1_1_VERSION, NULL, SSL_AD_PROTOCOL_VERSION},
                 {TLS1_2_VERSION, NULL, 0},
                 {TLS1_3_VERSION, NULL, 0},
                 {TLS1_3_VERSION, "\x08http/1.1", 0},
                 {TLS1_3_VERSION, "\x02h2", SSL_AD_NO_APPLICATION_PROTOCOL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int reason = 0;
        struct wish w = {cases[i].version, cases[i].version, cases[i].alpn, NULL, NULL};
        SSL *ssl = dial_wish(&w, &fd, &reason);
        cr_expect_eq(reason, cases[i].alert ? SSL_AD_REASON_OFFSET + cases[i].alert : 0,
                     "case %zu: %d", i, reason);
        if (ssl) {
            SSL_free(ssl);
            close(fd);
        }
    }
}

/* With an RSA certificate, which static RSA suites could use. */
Test(tls, weak_suites, .init = start_rsa, .fini = server_stop)
{
    static const char *const weak[] = {
        "AES128-GCM-SHA256",    "AES256-GCM-SHA384",       "AES128-SHA",         "AES256-SHA256",
        "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "DHE-RSA-AES128-SHA", "NULL-SHA256",
        "ECDHE-RSA-NULL-SHA",   "AECDH-AES128-SHA"};
    int fd, reason;
    for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
        struct wish w = {TLS1_2_VERSION, TLS1_2_VERSION, NULL, weak[i], NULL};
        reason = 0;
        cr_expect_null(dial_wish(&w, &fd, &reason), "%s", weak[i]);
        cr_expect_eq(reason, SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE, "%s: %d", weak[i],
                     reason);
    }
    struct wish good = {TLS1_2_VERSION, TLS1_2_VERSION, NULL, "ECDHE-RSA-AES128-GCM-SHA256", NULL};
    SSL *ssl = dial_wish(&good, &fd, &reason);
    cr_assert(ssl);
    SSL_free(ssl);
    close(fd);
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

static SSL *ws_dial_at(const char *path, int *ret_fd)
{
    static const char ask[] = "GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: "
                              "websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char back[2048], request[512];
    SSL *ssl = dial_tls(TLS1_3_VERSION, TLS1_3_VERSION, NULL, ret_fd);
    cr_assert(ssl);
    SSL_write(ssl, request, snprintf(request, sizeof(request), ask, path));
    hear_tls(ssl, back, sizeof(back), "\r\n\r\n");
    cr_assert_eq(status_of(back), 101);
    return ssl;
}

static SSL *ws_dial_tls(int *ret_fd)
{
    return ws_dial_at("/test/ws", ret_fd);
}

static bool ws_echoes(SSL *ssl)
{
    char back[64];
    uint8_t wire[64];
    SSL_write(ssl, wire, (int)ws_frame_put(wire, 0x81, "hello", 5));
    return hear_tls(ssl, back, sizeof(back), "hello") == 7 && memcmp(back, "\x81\x05hello", 7) == 0;
}

Test(tls, websocket_echo, .init = start, .fini = server_stop)
{
    int fd;
    SSL *ssl = ws_dial_tls(&fd);
    for (int i = 0; i < 50; i++)
        cr_assert(ws_echoes(ssl));
    SSL_free(ssl);
    close(fd);
}

/* ---- who does not read ---- */

#define BURST_FRAMES 400
#define BURST_BYTES 10000

static struct conn *burst_conn;

/* Any message is answered by more than a queue takes: frames that begin with their number. */
static void burst(void *arg, enum ws_opcode op, const uint8_t *bytes, size_t n)
{
    static char content[BURST_BYTES];
    (void)arg, (void)op, (void)bytes, (void)n;
    for (int i = 0; i < BURST_FRAMES; i++) {
        struct buf wire = BUF_INIT;
        memset(content, 'a' + i % 26, sizeof(content));
        snprintf(content, 8, "%06u", (unsigned)i % 1000);
        ws_wire(&wire, WS_TEXT, content, sizeof(content));
        ws_send_body(burst_conn, body_of(&wire), WS_DURABLE);
        buf_finish(&wire);
    }
}

static void burst_closed(void *arg, uint16_t code)
{
    (void)arg, (void)code;
}

static const struct ws_handler burst_handler = {.message = burst, .closed = burst_closed};

static void burst_enter(struct http_req *r)
{
    burst_conn = ws_accept(r, NULL, &burst_handler, NULL, 4096, false);
}

static const struct http_route burst_route = {
    .method = HTTP_M_GET, .path = "/burst", .enter = burst_enter, .upgrade = true};

static void start_burst(void)
{
    make_files(EVP_EC_gen("P-256"));
    ws_configure(&(struct ws_limits){.sndbuf = 16384});
    struct http_options o = {.tls_cert = cert, .tls_key = key};
    server_start(&o, &burst_route, 1, 1);
}

static bool take_all(SSL *ssl, uint8_t *out, size_t n)
{
    for (size_t off = 0; off < n;) {
        int got = SSL_read(ssl, out + off, (int)(n - off));
        if (got <= 0)
            return false;
        off += (size_t)got;
    }
    return true;
}

/* Above the queue's limit the rest is dropped, but not what a record has begun: every frame that
 * comes is whole and in its place, and behind them stands the close frame. */
Test(tls, who_is_too_slow_gets_whole_frames_and_4008, .init = start_burst, .fini = server_stop)
{
    static uint8_t content[BURST_BYTES];
    uint8_t head[4], wire[64];
    int fd, frames = 0;
    SSL *ssl = ws_dial_at("/burst", &fd);
    SSL_write(ssl, wire, (int)ws_frame_put(wire, 0x81, "go", 2));
    usleep(300000);
    while (take_all(ssl, head, 2) && head[0] == 0x81) {
        cr_assert(take_all(ssl, head + 2, 2));
        cr_assert_eq(head[2] << 8 | head[3], BURST_BYTES);
        cr_assert(take_all(ssl, content, sizeof(content)));
        cr_assert_eq(atoi((const char *)content), frames);
        for (int i = 8; i < BURST_BYTES; i++)
            cr_assert_eq(content[i], 'a' + frames % 26, "frame %d, byte %d", frames, i);
        frames++;
    }
    cr_expect(frames > 0 && frames < BURST_FRAMES, "%d frames", frames);
    cr_assert_eq(head[0], 0x88);
    cr_assert(take_all(ssl, content, 2));
    cr_expect_eq(content[0] << 8 | content[1], 4008);
    SSL_free(ssl);
    close(fd);
}

/* ---- a new certificate ---- */

static long serial_served(void)
{
    int fd;
    SSL *ssl = dial_tls(TLS1_2_VERSION, TLS1_3_VERSION, NULL, &fd);
    cr_assert(ssl);
    X509 *x = SSL_get1_peer_certificate(ssl);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(x));
    X509_free(x);
    SSL_free(ssl);
    close(fd);
    return serial;
}

/* Waits until the server has taken, or refused, so many new pairs. */
static void await_looks(uint64_t reloads, uint64_t refused)
{
    struct http_stats s;
    for (int i = 0; i < 1500; i++, usleep(10000)) {
        http_stats(0, &s);
        if (s.tls_reloads >= reloads && s.tls_refused >= refused)
            break;
    }
    cr_assert_eq(s.tls_reloads, reloads);
    cr_assert_eq(s.tls_refused, refused);
}

Test(tls, a_new_certificate_without_a_restart, .init = start, .fini = server_stop)
{
    int fd;
    SSL *before = ws_dial_tls(&fd);
    cr_assert_eq(serial_served(), 1);
    renew(2, 3600);
    http_reload();
    await_looks(1, 0);
    cr_expect_eq(serial_served(), 2);
    cr_expect(ws_echoes(before), "a connection from before was cut");
    renew(3, 3600); /* nobody says so: the server looks by itself */
    await_looks(2, 0);
    cr_expect_eq(serial_served(), 3);
    cr_expect(ws_echoes(before));
    SSL_free(before);
    close(fd);
}

Test(tls, a_bad_new_pair_changes_nothing, .init = start, .fini = server_stop)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    write_key(key, k); /* not the certificate's */
    http_reload();
    await_looks(0, 1);
    chmod(key, 0644);
    http_reload();
    await_looks(0, 2);
    unlink(cert);
    http_reload();
    await_looks(0, 3);
    renew(2, -10); /* over already */
    http_reload();
    await_looks(0, 4);
    sleep(6); /* longer than between two looks: a bad pair is said once */
    await_looks(0, 4);
    cr_expect_eq(serial_served(), 1);
    renew(3, 3600);
    chmod(key, 0600);
    http_reload();
    await_looks(1, 4);
    cr_expect_eq(serial_served(), 3);
    EVP_PKEY_free(k);
}

Test(tls, how_near_the_end)
{
    static const struct {
        int days;
        unsigned level;
    } cases[] = {{31, 0}, {30, 1}, {15, 1}, {14, 2}, {8, 2}, {7, 3}, {1, 3}, {0, 4}, {-1, 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        cr_expect_eq(tls_expiry_level(1000000 + cases[i].days * 86400, 1000000), cases[i].level,
                     "%d days", cases[i].days);
}

/* ---- tickets ---- */

/* One request on a connection, so that TLS 1.3's tickets have come. What the client may resume. */
static SSL_SESSION *session_of(int version, SSL_SESSION *from, bool *ret_reused)
{
    int fd, reason;
    char back[4096];
    struct wish w = {version, version, NULL, NULL, from};
    SSL *ssl = dial_wish(&w, &fd, &reason);
    cr_assert(ssl);
    *ret_reused = SSL_session_reused(ssl);
    static const char ask[] = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n";
    SSL_write(ssl, ask, sizeof(ask) - 1);
    hear_tls(ssl, back, sizeof(back), "\r\n\r\n");
    SSL_SESSION *session = SSL_get1_session(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
    return session;
}

static bool resumes(int version, SSL_SESSION *from)
{
    bool reused;
    SSL_SESSION_free(session_of(version, from, &reused));
    return reused;
}

static void tickets_and_keys(int version)
{
    bool reused;
    SSL_SESSION *first = session_of(version, NULL, &reused);
    cr_expect_not(reused);
    cr_expect(resumes(version, first));
    cr_expect_eq(SSL_SESSION_get_max_early_data(first), 0);
    cr_expect_leq(SSL_SESSION_get_ticket_lifetime_hint(first), TICKET_KEY_MS / 1000);
    int64_t now = (int64_t)(uv_hrtime() / 1000000);
    static int64_t turned;
    turned = turned ? turned : now;
    tickets_turn(turned += TICKET_KEY_MS);
    cr_expect(resumes(version, first), "the key before still opens");
    tickets_turn(turned += TICKET_KEY_MS);
    cr_expect_not(resumes(version, first), "the key is gone");
    SSL_SESSION_free(first);
}

Test(tls, ticket_keys_turn, .init = start, .fini = server_stop)
{
    tickets_and_keys(TLS1_2_VERSION);
    tickets_and_keys(TLS1_3_VERSION);
}

Test(tls, a_new_certificate_ends_the_tickets, .init = start, .fini = server_stop)
{
    bool reused;
    SSL_SESSION *s = session_of(TLS1_2_VERSION, NULL, &reused);
    cr_assert(resumes(TLS1_2_VERSION, s));
    renew(2, 3600);
    http_reload();
    await_looks(1, 0);
    cr_expect_not(resumes(TLS1_2_VERSION, s));
    SSL_SESSION_free(s);
}

Test(tls, plain_bytes_are_no_handshake, .init = start, .fini = server_stop)
{
    int fd = dial();
    say_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_expect(hear_end(fd));
    close(fd);
}

static void write_locked_key(const char *path)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    FILE *f = fopen(path, "w");
    PEM_write_PrivateKey(f, k, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
    fclose(f);
    chmod(path, 0600);
    EVP_PKEY_free(k);
}

/* The first bytes of a ClientHello, and then nothing: each is dropped when its ten seconds are
 * over, and until then nobody else waits. */
Test(tls, half_a_handshake_stops_nobody, .init = start, .fini = server_stop, .timeout = 60)
{
    enum { HALF = 500 };
    static const uint8_t begun[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    static int fds[HALF];
    struct http_stats s[2];
    for (int i = 0; i < HALF; i++)
        say(fds[i] = dial(), begun, sizeof(begun));
    for (int i = 0; i < 20; i++)
        cr_assert_eq(serial_served(), 1);
    http_stats(0, &s[0]);
    http_stats(1, &s[1]);
    cr_expect_geq(s[0].connections + s[1].connections, HALF);
    sleep(8);
    for (int i = 0; i < HALF; i++) {
        cr_assert(hear_end(fds[i]), "number %d is still there", i);
        close(fds[i]);
    }
    cr_expect_eq(serial_served(), 1);
}

/* Handshakes on both loops while certificates come one after the other. */
Test(tls, new_certificates_during_handshakes, .init = start, .fini = server_stop, .timeout = 60)
{
    for (int n = 1; n <= 3; n++) {
        renew(100 + n, 3600);
        http_reload();
        struct http_stats s = {0};
        while (s.tls_reloads < (uint64_t)n) {
            cr_assert_gt(serial_served(), 0);
            http_stats(0, &s);
        }
        cr_expect_eq(serial_served(), 100 + n);
    }
}

Test(tls, mistakes_are_sentences)
{
    setenv("LC_ALL", "en_US.UTF-8", 1);
    make_files(EVP_EC_gen("P-256"));
    char *error = NULL, locked[160];
    snprintf(locked, sizeof(locked), "%s/locked.pem", dir);
    write_locked_key(locked);
    const struct {
        const char *cert, *key;
        mode_t mode;
        const char *word;
    } cases[] = {{cert, NULL, 0600, "--tls-key"},
                 {NULL, key, 0600, "--tls-cert"},
                 {cert, "/nonexistent", 0600, "/nonexistent"},
                 {"/nonexistent", key, 0600, "No such file"},
                 {cert, other, 0644, "chmod"},
                 {cert, other, 0640, "chmod"},
                 {cert, other, 0600, "belong"},
                 {cert, locked, 0600, "passphrase"},
                 {cert, cert, 0600, "chmod"},
                 {cert, dir, 0600, dir},
                 {key, key, 0600, "certificate"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct http_options o = {.tls_cert = cases[i].cert, .tls_key = cases[i].key};
        chmod(other, cases[i].mode);
        http_configure(&o);
        cr_expect_eq(http_bind(&error), -EINVAL, "case %zu", i);
        cr_expect(error && strstr(error, cases[i].word), "case %zu says: %s", i, error);
        free(error);
        error = NULL;
    }
}

Test(tls, a_key_that_the_server_may_not_read)
{
    char *error = NULL;
    int64_t ends;
    setenv("LC_ALL", "en_US.UTF-8", 1);
    make_files(EVP_EC_gen("P-256"));
    chmod(dir, 0755);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0); /* the key is root's, of mode 0600 */
    else
        chmod(key, 0000);
    cr_expect_eq(http_tls_check(cert, key, &ends, &error), -EINVAL);
    cr_expect(error && strstr(error, key) && strstr(error, "Permission denied"), "says: %s", error);
    free(error);
    setenv("LC_ALL", "fr_FR.UTF-8", 1);
    cr_expect_eq(http_tls_check(cert, key, &ends, &error), -EINVAL);
    cr_expect(error && strstr(error, "ne peut être lue"), "says: %s", error);
    free(error);
}
