/* msgpack: the gate refuses what is damaged, hostile or not of our form; readers say what was
 * written. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stacgate/mp.h"

static int check(const void *bytes, size_t n)
{
    const char *why = NULL;
    uint8_t *exact = xmalloc(n); /* so that ASan sees a read past the end */
    memcpy(exact, bytes, n);
    int err = mp_check(exact, n, false, &why);
    cr_assert(!err || (why && *why));
    free(exact);
    return err;
}
#define CHECK(literal) check(literal, sizeof(literal) - 1)

Test(mp, writers_and_readers_agree_on_integers)
{
    static const int64_t values[] = {
        0,         1,  127, 128, 255,  256,  65535,  65536,  INT32_MAX, UINT32_MAX,
        INT64_MAX, -1, -32, -33, -128, -129, -32768, -32769, INT32_MIN, (int64_t)INT32_MIN - 1,
        INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf b = BUF_INIT;
        mp_put_int(&b, values[i]);
        struct mp v = mp_view(b.data, b.len);
        cr_assert_eq(check(b.data, b.len), 0);
        cr_assert_eq(mp_type(v), MP_INT);
        cr_assert_eq(mp_int(v, 42), values[i], "%lld", (long long)values[i]);
        cr_assert_eq(mp_float(v, 0.5), (double)values[i]);
        cr_assert_eq(mp_uint(v, 42), values[i] < 0 ? 42 : (uint64_t)values[i]);
        buf_finish(&b);
    }
}

Test(mp, unsigned_above_int64)
{
    struct buf b = BUF_INIT;
    mp_put_uint(&b, UINT64_MAX);
    struct mp v = mp_view(b.data, b.len);
    cr_assert_eq(mp_type(v), MP_UINT);
    cr_assert_eq(mp_int(v, -5), -5);
    cr_assert_eq(mp_uint(v, 0), UINT64_MAX);
    cr_assert_eq(mp_float(v, 0), 18446744073709551616.0);
    cr_assert_eq(check(b.data, b.len), 0);
    buf_finish(&b);
}

Test(mp, floats)
{
    struct buf b = BUF_INIT;
    mp_put_float(&b, 2.5);
    cr_assert_eq(mp_float(mp_view(b.data, b.len), 0), 2.5);
    cr_assert_eq(mp_int(mp_view(b.data, b.len), 9), 9, "not whole");
    buf_clear(&b);
    mp_put_float(&b, -3e9);
    cr_assert_eq(mp_int(mp_view(b.data, b.len), 9), -3000000000);
    buf_clear(&b);
    mp_put_float(&b, 0x1p63);
    cr_assert_eq(mp_int(mp_view(b.data, b.len), 9), 9, "2^63 is no int64");
    buf_finish(&b);
    cr_assert_eq(mp_float(mp_view("\xca\x40\x20\x00\x00", 5), 0), 2.5, "float32");
    cr_assert_eq(CHECK("\xca\x40\x20\x00\x00"), 0);
    cr_assert_neq(CHECK("\xca\x7f\x80\x00\x00"), 0, "infinite");
    cr_assert_neq(CHECK("\xca\xff\xc0\x00\x00"), 0, "not a number");
    cr_assert_neq(CHECK("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"), 0);
    cr_assert_neq(CHECK("\xcb\xff\xf8\x00\x00\x00\x00\x00\x01"), 0);
    cr_assert_eq(CHECK("\xcb\x7f\xef\xff\xff\xff\xff\xff\xff"), 0);
}

static void put_sample(struct buf *b)
{
    mp_put_map(b, 6);
    mp_put_cstr(b, "nil");
    mp_put_cstr(b, NULL);
    mp_put_cstr(b, "yes");
    mp_put_bool(b, true);
    mp_put_cstr(b, "text");
    mp_put_cstr(b, "d\xc3\xa9j\xc3\xa0 vu, trente-deux lettres et plus");
    mp_put_cstr(b, "list");
    mp_put_array(b, 20);
    for (int i = 0; i < 20; i++)
        mp_put_int(b, i * 1000);
    mp_put_cstr(b, "inner");
    mp_put_map(b, 1);
    mp_put_cstr(b, "yes");
    mp_put_bool(b, false);
    mp_put_cstr(b, "number");
    mp_put_float(b, 0.25);
}

Test(mp, readers_find_what_was_written)
{
    struct buf b = BUF_INIT;
    put_sample(&b);
    struct mp v = mp_view(b.data, b.len);
    cr_assert_eq(check(b.data, b.len), 0);
    cr_assert_eq(mp_count(v), 6);
    cr_assert_eq(mp_type(mp_get(v, "nil")), MP_NIL);
    cr_assert(mp_bool(mp_get(v, "yes"), false));
    cr_assert_not(mp_bool(mp_get(mp_get(v, "inner"), "yes"), true));
    cr_assert_eq(mp_str(mp_get(v, "text")).n,
                 strlen("d\xc3\xa9j\xc3\xa0 vu, trente-deux lettres et plus"));
    cr_assert_eq(mp_int(mp_at(mp_get(v, "list"), 19), 0), 19000);
    cr_assert_eq(mp_type(mp_at(mp_get(v, "list"), 20)), MP_NONE);
    cr_assert_eq(mp_type(mp_get(v, "missing")), MP_NONE);
    cr_assert_eq(mp_type(mp_get(mp_get(v, "list"), "yes")), MP_NONE);
    cr_assert_eq(mp_float(mp_get(v, "number"), 0), 0.25);
    cr_assert_eq(mp_bytes(v).n, b.len);
    buf_finish(&b);
}

Test(mp, iteration_visits_each_once)
{
    struct buf b = BUF_INIT;
    put_sample(&b);
    uint32_t pairs = 0;
    int64_t sum = 0;
    for (struct mp_iter it = mp_iter(mp_view(b.data, b.len)); mp_next(&it); pairs++) {
        cr_assert_eq(mp_type(it.key), MP_STR);
        for (struct mp_iter in = mp_iter(it.value); mp_next(&in);)
            sum += mp_int(in.value, 0);
    }
    cr_assert_eq(pairs, 6);
    cr_assert_eq(sum, 190000);
    buf_finish(&b);
}

Test(mp, absent_values_read_as_nothing)
{
    struct mp none = {NULL, NULL};
    cr_assert_eq(mp_type(none), MP_NONE);
    cr_assert(mp_bool(none, true));
    cr_assert_eq(mp_int(none, 3), 3);
    cr_assert_eq(mp_uint(none, 3), 3);
    cr_assert_eq(mp_float(none, 0.5), 0.5);
    cr_assert_null(mp_str(none).p);
    cr_assert_eq(mp_count(none), 0);
    cr_assert_eq(mp_bytes(none).n, 0);
    cr_assert_eq(mp_type(mp_get(none, "x")), MP_NONE);
    struct mp_iter it = mp_iter(none);
    cr_assert_not(mp_next(&it));
    struct buf b = BUF_INIT;
    mp_put_raw(&b, none);
    cr_assert_eq(mp_type(mp_view(b.data, b.len)), MP_NIL);
    buf_finish(&b);
}

Test(mp, raw_copies_one_value)
{
    struct buf b = BUF_INIT, copy = BUF_INIT;
    put_sample(&b);
    mp_put_raw(&copy, mp_get(mp_view(b.data, b.len), "inner"));
    cr_assert_eq(check(copy.data, copy.len), 0);
    cr_assert_eq(mp_type(mp_get(mp_view(copy.data, copy.len), "yes")), MP_BOOL);
    buf_finish(&b);
    buf_finish(&copy);
}

Test(mp, every_truncation_is_refused)
{
    struct buf b = BUF_INIT;
    put_sample(&b);
    for (size_t n = 0; n < b.len; n++)
        cr_assert_neq(check(b.data, n), 0, "accepted the first %zu bytes", n);
    buf_putc(&b, (char)0xc0);
    cr_assert_neq(check(b.data, b.len), 0, "accepted a byte too many");
    buf_finish(&b);
}

Test(mp, lengths_that_the_bytes_do_not_hold)
{
    cr_assert_neq(CHECK("\xdb\xff\xff\xff\xff"), 0);
    cr_assert_neq(CHECK("\xdd\xff\xff\xff\xff\xc0"), 0);
    cr_assert_neq(CHECK("\xdf\xff\xff\xff\xff\xa0\xc0"), 0);
    cr_assert_neq(CHECK("\xdf\x80\x00\x00\x00\xa0\xc0"), 0, "twice the count wraps 32 bits");
    cr_assert_neq(CHECK("\xa2x"), 0);
    cr_assert_neq(CHECK("\x92\x01"), 0);
    cr_assert_neq(CHECK("\xda\x00"), 0);
}

Test(mp, forms_we_do_not_take)
{
    cr_assert_neq(CHECK("\xc1"), 0);
    cr_assert_neq(CHECK("\xc7\x00\x01"), 0, "ext 8");
    cr_assert_neq(CHECK("\xd4\x01\x00"), 0, "fixext 1");
    cr_assert_neq(CHECK("\xd6\xff\x00\x00\x00\x00"), 0, "timestamp");
    cr_assert_neq(CHECK("\xc4\x01x"), 0, "bin");
    const char *why;
    cr_assert_eq(mp_check((const uint8_t *)"\xc4\x01x", 3, true, &why), 0);
    cr_assert_neq(CHECK("\x81\x01\x02"), 0, "a number for a key");
    cr_assert_neq(CHECK("\x81\xc0\x02"), 0, "nil for a key");
    cr_assert_neq(CHECK("\x81\x90\x02"), 0, "a list for a key");
    cr_assert_neq(CHECK("\xa2\xff\xff"), 0, "not UTF-8");
    cr_assert_neq(CHECK("\xa1\x00"), 0, "U+0000");
    cr_assert_neq(CHECK("\x81\xa1\x00\x01"), 0, "U+0000 in a key");
    cr_assert_neq(CHECK(""), 0);
}

Test(mp, duplicate_keys)
{
    cr_assert_eq(CHECK("\x82\xa1"
                       "a\x01\xa1"
                       "b\x01"),
                 0);
    cr_assert_neq(CHECK("\x82\xa1"
                        "a\x01\xa1"
                        "a\x01"),
                  0);
    cr_assert_neq(CHECK("\x82\xa1"
                        "a\x01\xd9\x01"
                        "a\x01"),
                  0, "the same key in a longer form");
    cr_assert_eq(CHECK("\x82\xa1"
                       "a\x81\xa1"
                       "a\x01\xa1"
                       "b\x01"),
                 0, "another map's key");
    cr_assert_eq(CHECK("\x92\x81\xa1"
                       "a\x01\x81\xa1"
                       "a\x01"),
                 0);
    for (unsigned keys = 2; keys <= 4096; keys = keys * 3 / 2 + 1) {
        for (unsigned twice = 0; twice < 2; twice++) {
            struct buf b = BUF_INIT;
            mp_put_map(&b, keys);
            for (unsigned i = 0; i < keys; i++) {
                char key[16];
                snprintf(key, sizeof key, "%u", twice && i + 1 == keys ? keys / 2 - 1 : i);
                mp_put_cstr(&b, key);
                mp_put_nil(&b);
            }
            cr_assert_eq(check(b.data, b.len) != 0, twice, "%u keys", keys);
            buf_finish(&b);
        }
    }
}

Test(mp, keys_of_closed_maps_do_not_count)
{
    struct buf b = BUF_INIT;
    mp_put_array(&b, 10000);
    for (int i = 0; i < 10000; i++) {
        mp_put_map(&b, 1);
        mp_put_cstr(&b, "k");
        mp_put_int(&b, i);
    }
    cr_assert_eq(check(b.data, b.len), 0);
    buf_clear(&b);
    mp_put_map(&b, 4097);
    for (int i = 0; i < 4097; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        mp_put_cstr(&b, key);
        mp_put_nil(&b);
    }
    cr_assert_neq(check(b.data, b.len), 0);
    buf_finish(&b);
}

Test(mp, depth_has_an_end)
{
    uint8_t bytes[100000];
    memset(bytes, 0x91, sizeof bytes);
    bytes[MP_DEPTH_MAX] = 0xc0;
    cr_assert_eq(check(bytes, MP_DEPTH_MAX + 1), 0);
    bytes[MP_DEPTH_MAX] = 0x91;
    bytes[MP_DEPTH_MAX + 1] = 0xc0;
    cr_assert_neq(check(bytes, MP_DEPTH_MAX + 2), 0);
    bytes[MP_DEPTH_MAX + 1] = 0x91;
    bytes[sizeof bytes - 1] = 0xc0;
    cr_assert_neq(check(bytes, sizeof bytes), 0);
    cr_assert_eq(mp_bytes(mp_view(bytes, sizeof bytes)).n, sizeof bytes, "skipping needs no stack");
}

Test(mp, empty_containers)
{
    cr_assert_eq(CHECK("\x80"), 0);
    cr_assert_eq(CHECK("\x90"), 0);
    cr_assert_eq(CHECK("\x92\x80\x90"), 0);
    cr_assert_eq(CHECK("\x82\xa0\x80\xa1x\x90"), 0);
    cr_assert_eq(CHECK("\xdf\x00\x00\x00\x00"), 0);
}

Test(utf8, table_of_the_rfc)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain ascii, longer than eight", true},
        {"\xc3\xa9", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\x80", false},
        {"\xc3", false},
        {"\xc0\xaf", false},
        {"\xc1\xbf", false},
        {"\xe0\x80\xaf", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xfe", false},
        {"\xe2\x82", false},
        {"\xf0\x9f\x98", false},
        {"\xc3\x28", false},
        {"\xe2\x28\xa1", false},
        {"12345678\xff", false},
        {"1234567\xc3", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid, "case %zu",
                     i);
    cr_assert_eq(utf8_length("d\xc3\xa9j\xc3\xa0 \xf0\x9f\x98\x80", 11), 6);
}
