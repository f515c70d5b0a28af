/* Ids, digests and time: forms, published vectors, and that a test's own source replaces the
 * kernel's. */
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stacgate/ids.h"

Test(ids, uuid_is_version_7)
{
    char a[UUID_SIZE], b[UUID_SIZE];
    for (int n = 0; n < 200; n++) {
        uuid_make(a);
        uuid_make(b);
        cr_assert_eq(strlen(a), 36);
        cr_assert_eq(strspn(a, "0123456789abcdef-"), 36);
        cr_assert(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
        cr_assert_eq(a[14], '7');
        cr_assert(strchr("89ab", a[19]));
        cr_assert_str_neq(a, b);
    }
}

static int64_t example_time(void)
{
    return 0x017F22E279B0; /* RFC 9562, appendix A.6 */
}

Test(ids, uuids_begin_with_the_time)
{
    char a[UUID_SIZE], b[UUID_SIZE];
    ids_use(&(struct ids_source){.wall_ms = example_time});
    uuid_make(a);
    uuid_make(b);
    ids_use(NULL);
    a[15] = b[15] = '\0';
    cr_assert_str_eq(a, "017f22e2-79b0-7");
    cr_assert_str_eq(b, "017f22e2-79b0-7");
    cr_assert_str_neq(a + 16, b + 16, "74 bits are random");
}

Test(ids, tokens_fill_their_room)
{
    char token[44], other[44], one[1];
    random_token(token, sizeof token);
    random_token(other, sizeof other);
    cr_assert_eq(strlen(token), 43);
    cr_assert_eq(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                 43);
    cr_assert_str_neq(token, other);
    random_token(one, 1);
    cr_assert_eq(one[0], '\0');
}

Test(ids, sha256_vectors)
{
    char hex[65];
    sha256_hex("abc", 3, hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex("", 0, hex);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cr_assert_eq(sha256_u64("abc", 3), 0xba7816bf8f01cfeaULL);
}

static uint64_t library_siphash(const uint8_t key[16], const uint8_t *input, size_t n)
{
    unsigned compress = 1, finish = 3, size = 8;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_uint("c-rounds", &compress),
                           OSSL_PARAM_construct_uint("d-rounds", &finish),
                           OSSL_PARAM_construct_uint("size", &size), OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    uint8_t out[8];
    size_t out_n = 0;
    cr_assert(EVP_MAC_init(context, key, 16, params));
    cr_assert(EVP_MAC_update(context, input, n));
    cr_assert(EVP_MAC_final(context, out, &out_n, sizeof out));
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    uint64_t v;
    memcpy(&v, out, sizeof v); /* little-endian, as this machine */
    return v;
}

Test(ids, siphash_agrees_with_the_library)
{
    uint64_t key[2];
    uint8_t input[100];
    for (size_t n = 0; n < sizeof input; n++) {
        random_bytes(key, sizeof key);
        random_bytes(input, sizeof input);
        cr_assert_eq(siphash_keyed(key, input, n), library_siphash((const uint8_t *)key, input, n),
                     "%zu bytes", n);
    }
}

Test(ids, iso_time_agrees_with_the_library)
{
    char ours[ISO_SIZE], theirs[64];
    srand(3);
    for (int n = 0; n < 100000; n++) {
        int64_t ms = (((int64_t)rand() << 31) ^ rand()) % 253402300800000;
        time_t s = ms / 1000;
        struct tm tm;
        gmtime_r(&s, &tm);
        size_t end = strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S", &tm);
        theirs[end] = '.';
        theirs[end + 1] = (char)('0' + ms % 1000 / 100);
        theirs[end + 2] = (char)('0' + ms % 100 / 10);
        theirs[end + 3] = (char)('0' + ms % 10);
        memcpy(theirs + end + 4, "Z", 2);
        iso_time(ours, ms);
        cr_assert_str_eq(ours, theirs);
    }
}

Test(ids, iso_time_edges)
{
    char text[ISO_SIZE];
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {-5, "1970-01-01T00:00:00.000Z"},
                 {951782400000, "2000-02-29T00:00:00.000Z"},
                 {4107542399999, "2100-02-28T23:59:59.999Z"},
                 {4107542400000, "2100-03-01T00:00:00.000Z"},
                 {INT64_MAX, "9999-12-31T23:59:59.999Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        iso_time(text, cases[i].ms);
        cr_assert_str_eq(text, cases[i].text);
    }
}

Test(ids, iso_parse_reads_what_iso_time_writes)
{
    char text[ISO_SIZE];
    int64_t back;

    srand(4);
    for (int n = 0; n < 100000; n++) {
        int64_t ms = (((int64_t)rand() << 31) ^ rand()) % 253402300800000;

        iso_time(text, ms);
        cr_assert_eq(iso_parse(text, strlen(text), &back), 0, "%s", text);
        cr_assert_eq(back, ms, "%s", text);
    }
}

Test(ids, iso_parse_forms)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {{"1970-01-01T01:00Z", 3600000},
                 {"1970-01-01T01:00:00.5+01:00", 500},
                 {"1969-12-31T23:30:01.0009-00:30", 1000},
                 {"2000-02-29T00:00:00Z", 951782400000},
                 {"2001-02-29T00:00:00Z", -1},
                 {"2000-13-01T00:00:00Z", -1},
                 {"2000-00-01T00:00:00Z", -1},
                 {"2000-01-01T24:00:00Z", -1},
                 {"2000-01-01T00:00:00", -1},
                 {"2000-01-01T00:00:00.Z", -1},
                 {"2000-01-01T00:00:00+0100", -1},
                 {"2000-01-01T00:00:00Z ", -1},
                 {"2000-01-01", -1},
                 {"", -1},
                 {"tomorrow", -1}};
    int64_t ms;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int r = iso_parse(cases[i].text, strlen(cases[i].text), &ms);

        cr_assert_eq(r, cases[i].ms == -1 ? -EINVAL : 0, "%s", cases[i].text);
        cr_assert(r < 0 || ms == cases[i].ms, "%s", cases[i].text);
    }
}

Test(ids, clocks_move)
{
    int64_t us = mono_us(), ms = mono_ms();
    cr_assert_leq(us / 1000, ms);
    cr_assert_leq(us, mono_us());
    cr_assert_gt(wall_ms(), 1700000000000);
}

static void sevens(void *out, size_t n)
{
    memset(out, 7, n);
}
static int64_t noon(void)
{
    return 43200000;
}
static int64_t five(void)
{
    return 5000;
}

Test(ids, a_test_may_bring_its_own_source)
{
    char a[UUID_SIZE], b[UUID_SIZE];
    uint64_t before, after;
    ids_use(&(struct ids_source){.random = sevens, .mono_us = five, .wall_ms = noon});
    uuid_make(a);
    uuid_make(b);
    cr_assert_str_eq(a, b);
    cr_assert_eq(mono_ms(), 5);
    cr_assert_eq(wall_ms(), 43200000);
    before = siphash("x", 1);
    ids_use(&(struct ids_source){.random = sevens});
    after = siphash("x", 1);
    cr_assert_eq(before, after, "a seed decides the order of hash tables too");
    cr_assert_gt(wall_ms(), 43200000);
    ids_use(NULL);
    uuid_make(b);
    cr_assert_str_neq(a, b);
    cr_assert_neq(siphash("x", 1), before);
}
