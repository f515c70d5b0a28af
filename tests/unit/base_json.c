/* JSON in and out: what RFC 8259 takes, what we refuse beyond it, and that printing reads back as
 * the same value. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "stacgate/json.h"

static int convert(const char *text, size_t n, struct buf *out)
{
    struct buf value = BUF_INIT;
    const char *why = NULL;
    size_t at = 0;
    int err = json_to_mp(text, n, &value, &why, &at);
    if (!err) {
        cr_assert_eq(mp_check(value.data, value.len, false, &why), 0, "%s: %s", text, why);
        mp_to_json(mp_view(value.data, value.len), out);
    }
    buf_finish(&value);
    return err;
}

static const struct {
    const char *text, *printed; /* NULL: as it came */
} accepted[] = {
    {"null", NULL},
    {" \t\r\n true ", "true"},
    {"false", NULL},
    {"0", NULL},
    {"-0", NULL},
    {"-0.0", "-0"},
    {"-1", NULL},
    {"9223372036854775807", NULL},
    {"9223372036854775808", NULL},
    {"18446744073709551615", NULL},
    {"-9223372036854775808", NULL},
    {"18446744073709551616", "1.8446744073709552e+19"},
    {"-9223372036854775809", "-9.223372036854776e+18"},
    {"123456789012345678901234567890", "1.2345678901234568e+29"},
    {"1.0", "1"},
    {"1e2", "100"},
    {"1E+2", "100"},
    {"0.1", NULL},
    {"1.5e-7", "1.5e-07"},
    {"3.141592653589793", NULL},
    {"0.30000000000000004", NULL},
    {"5e-324", "4.94065645841247e-324"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"123456789012345678901e0", "1.2345678901234568e+20"},
    {"\"\"", NULL},
    {"\"caf\xc3\xa9 \xf0\x9f\x98\x80\"", NULL},
    {"\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u001f\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\""},
    {"\"\x7f\"", NULL},
    {"[]", NULL},
    {"{}", NULL},
    {" [ 1 , [ ] , { } ] ", "[1,[],{}]"},
    {"{\"a\":1,\"b\":{\"a\":2},\"\":[{\"a\":3}]}", NULL},
    {"{\"\\u0061b\":1}", "{\"ab\":1}"},
};

Test(json, accepts)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const char *text = accepted[i].text;
        const char *want = accepted[i].printed ? accepted[i].printed : text;
        struct buf out = BUF_INIT;
        cr_assert_eq(convert(text, strlen(text), &out), 0, "refused: %s", text);
        cr_assert_str_eq(buf_cstr(&out), want);
        buf_finish(&out);
    }
}

static const struct {
    const char *text;
    size_t at;
} refused[] = {
    {"", 0},
    {"  ", 2},
    {"nul", 0},
    {"True", 0},
    {"nullx", 4},
    {"1 2", 2},
    {"01", 2},
    {"-", 1},
    {"+1", 0},
    {".5", 0},
    {"1.", 2},
    {"1e", 2},
    {"1e+", 3},
    {"0x10", 1},
    {"NaN", 0},
    {"Infinity", 0},
    {"1e309", 5},
    {"-1e309", 6},
    {"\"", 1},
    {"\"a", 2},
    {"\"\\", 2},
    {"\"\\x\"", 3},
    {"\"\\u12\"", 5},
    {"\"\\u12g4\"", 5},
    {"\"\\u0000\"", 7},
    {"\"\\ud800\"", 7},
    {"\"\\ud800\\n\"", 7},
    {"\"\\ud800\\u0041\"", 13},
    {"\"\\udc00\"", 7},
    {"\"a\nb\"", 2},
    {"\"long enough for eight\x01\"", 22},
    {"'a'", 0},
    {"\"\xff\"", 1},
    {"\"\xc0\x80\"", 1},
    {"\"\xed\xa0\x80\"", 1},
    {"\"\xf4\x90\x80\x80\"", 1},
    {"\"12345678\xc3\"", 9},
    {"[", 1},
    {"[1", 2},
    {"[1,", 3},
    {"[1,]", 3},
    {"[,1]", 1},
    {"[1 2]", 3},
    {"[1}", 2},
    {"]", 0},
    {"{", 1},
    {"{\"a\"", 4},
    {"{\"a\":", 5},
    {"{\"a\":1", 6},
    {"{\"a\":1,", 7},
    {"{\"a\":1,}", 7},
    {"{\"a\" 1}", 5},
    {"{a:1}", 1},
    {"{1:1}", 1},
    {"{\"a\":1]", 6},
    {"{\"a\":1,\"a\":2}", 13},
    {"{\"a\":1,\"\\u0061\":2}", 18},
    {"[{\"k\":{\"x\":1,\"y\":2,\"x\":3}}]", 25},
    {"\xef\xbb\xbf{}", 0},
    {"[1] // no", 4},
};

Test(json, refuses_and_leaves_the_output_alone)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct buf out = BUF_INIT;
        const char *why = NULL;
        size_t at = SIZE_MAX;
        buf_puts(&out, "before");
        cr_assert_neq(json_to_mp(refused[i].text, strlen(refused[i].text), &out, &why, &at), 0,
                      "accepted: %s", refused[i].text);
        cr_assert(why && *why);
        cr_expect_eq(at, refused[i].at, "%s: %s at %zu, not at %zu", refused[i].text, why, at,
                     refused[i].at);
        cr_assert_eq(out.len, 6);
        buf_finish(&out);
    }
}

Test(json, refuses_nul_bytes)
{
    struct buf out = BUF_INIT;
    cr_assert_neq(convert("\"a\0b\"", 5, &out), 0);
    cr_assert_neq(convert("1\0", 2, &out), 0);
    cr_assert_neq(convert("\0", 1, &out), 0);
    buf_finish(&out);
}

static int nested(unsigned depth, const char *open, const char *close)
{
    struct buf text = BUF_INIT, out = BUF_INIT;
    for (unsigned i = 0; i < depth; i++)
        buf_puts(&text, open);
    buf_puts(&text, "1");
    for (unsigned i = 0; i < depth; i++)
        buf_puts(&text, close);
    int err = convert((char *)text.data, text.len, &out);
    if (!err)
        cr_assert(out.len == text.len && memcmp(out.data, text.data, out.len) == 0);
    buf_finish(&text);
    buf_finish(&out);
    return err;
}

Test(json, depth_has_an_end)
{
    cr_assert_eq(nested(MP_DEPTH_MAX, "[", "]"), 0);
    cr_assert_neq(nested(MP_DEPTH_MAX + 1, "[", "]"), 0);
    cr_assert_eq(nested(MP_DEPTH_MAX, "{\"a\":", "}"), 0);
    cr_assert_neq(nested(MP_DEPTH_MAX + 1, "{\"a\":", "}"), 0);
    cr_assert_neq(nested(200000, "[", "]"), 0);
}

static int object_of(unsigned keys, unsigned repeated)
{
    struct buf text = BUF_INIT, out = BUF_INIT;
    buf_putc(&text, '{');
    for (unsigned i = 0; i < keys; i++)
        buf_printf(&text, "%s\"key%u\":%u", i ? "," : "", i + 1 == keys ? repeated : i, i);
    buf_putc(&text, '}');
    int err = convert((char *)text.data, text.len, &out);
    if (!err)
        cr_assert(out.len == text.len && memcmp(out.data, text.data, out.len) == 0);
    buf_finish(&text);
    buf_finish(&out);
    return err;
}

Test(json, containers_of_every_header_size)
{
    for (unsigned n = 1; n < 20; n++)
        cr_assert_eq(object_of(n, n - 1), 0, "%u keys", n);
    cr_assert_eq(object_of(4096, 4095), 0);
    cr_assert_neq(object_of(4097, 4096), 0, "the number of keys has an end");
    for (unsigned n = 2; n < 40; n++)
        cr_assert_neq(object_of(n, n / 2 - 1), 0, "a duplicate among %u keys", n);
    cr_assert_neq(object_of(4096, 17), 0);

    struct buf text = BUF_INIT, out = BUF_INIT;
    buf_puts(&text, "[0");
    for (unsigned i = 1; i < 70000; i++)
        buf_printf(&text, ",%u", i);
    buf_putc(&text, ']');
    cr_assert_eq(convert((char *)text.data, text.len, &out), 0);
    cr_assert(out.len == text.len && memcmp(out.data, text.data, out.len) == 0);
    buf_finish(&text);
    buf_finish(&out);
}

Test(json, escaped_strings_of_every_header_size)
{
    static const size_t sizes[] = {0, 1, 30, 31, 32, 254, 255, 256, 65534, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf text = BUF_INIT, value = BUF_INIT;
        const char *why;
        size_t at;
        buf_puts(&text, "\"\\u0078");
        for (size_t n = 0; n < sizes[i]; n++)
            buf_putc(&text, 'x');
        buf_putc(&text, '"');
        cr_assert_eq(json_to_mp((char *)text.data, text.len, &value, &why, &at), 0);
        struct str s = mp_str(mp_view(value.data, value.len));
        cr_assert_eq(s.n, sizes[i] + 1);
        cr_assert_eq(mp_bytes(mp_view(value.data, value.len)).n, value.len);
        for (size_t n = 0; n < s.n; n++)
            cr_assert_eq(s.p[n], 'x');
        buf_finish(&text);
        buf_finish(&value);
    }
}

Test(json, every_truncation_is_refused)
{
    static const char text[] =
        "{\"a\":[1.5e3,-2,\"\\u00e9\xc3\xa9\\n\",{\"b\":null}],\"c\":{\"d\":[true,false]}}";
    struct buf out = BUF_INIT;
    cr_assert_eq(convert(text, sizeof text - 1, &out), 0);
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *exact = xmalloc(n); /* so that ASan sees a read past the end */
        memcpy(exact, text, n);
        cr_assert_neq(convert(exact, n, &out), 0, "accepted the first %zu bytes", n);
        free(exact);
    }
    buf_finish(&out);
}

Test(json, binary_prints_as_base64)
{
    static const struct {
        const char *bytes, *printed;
    } cases[] = {{"", "\"\""},        {"f", "\"Zg==\""},        {"fo", "\"Zm8=\""},
                 {"foo", "\"Zm9v\""}, {"foob", "\"Zm9vYg==\""}, {"\xff\xfe\xfd", "\"//79\""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf value = BUF_INIT, out = BUF_INIT;
        mp_put_bin(&value, cases[i].bytes, strlen(cases[i].bytes));
        mp_to_json(mp_view(value.data, value.len), &out);
        cr_assert_str_eq(buf_cstr(&out), cases[i].printed);
        buf_finish(&value);
        buf_finish(&out);
    }
}

Test(json, absent_prints_null)
{
    struct buf out = BUF_INIT;
    mp_to_json((struct mp){NULL, NULL}, &out);
    cr_assert_str_eq(buf_cstr(&out), "null");
    buf_finish(&out);
}

/* ---- random values: packed, printed, read, printed */

static void put_random_text(struct buf *b)
{
    static const char *const pieces[] = {
        "a",          "\"", "\\",  "\n", "\x01", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "0123456789", "/",  "\x7f"};
    struct buf text = BUF_INIT;
    for (int n = rand() % 30; n > 0; n--)
        buf_puts(&text, pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])]);
    mp_put_str(b, buf_cstr(&text), text.len);
    buf_finish(&text);
}

static double random_double(void)
{
    for (;;) {
        uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        double d;
        memcpy(&d, &bits, sizeof d);
        if (d - d == 0)
            return d;
    }
}

static void put_random(struct buf *b, int depth)
{
    uint32_t n = (uint32_t)rand() % 20;
    switch (rand() % (depth < 5 ? 8 : 6)) {
    case 0:
        mp_put_nil(b);
        return;
    case 1:
        mp_put_bool(b, n % 2);
        return;
    case 2:
        mp_put_int(b, (int64_t)((uint64_t)rand() << 33 ^ (uint64_t)rand()) >> (rand() % 64));
        return;
    case 3:
        mp_put_uint(b, UINT64_MAX >> (rand() % 64));
        return;
    case 4:
        mp_put_float(b, random_double());
        return;
    case 5:
        put_random_text(b);
        return;
    case 6:
        mp_put_array(b, n);
        for (uint32_t i = 0; i < n; i++)
            put_random(b, depth + 1);
        return;
    default:
        mp_put_map(b, n);
        for (uint32_t i = 0; i < n; i++) {
            char key[16];
            snprintf(key, sizeof key, "k\xc3\xa9%u", i);
            mp_put_cstr(b, key);
            put_random(b, depth + 1);
        }
    }
}

/* Equal as values: a whole float comes back as an integer. */
static bool equal(struct mp a, struct mp b)
{
    enum mp_type type = mp_type(a);
    if (type == MP_INT || type == MP_UINT || type == MP_FLOAT)
        return mp_float(a, 0) == mp_float(b, 1) && mp_uint(a, 7) == mp_uint(b, 7) &&
               mp_int(a, 7) == mp_int(b, 7);
    if (type != mp_type(b) || mp_count(a) != mp_count(b))
        return false;
    if (type != MP_ARRAY && type != MP_MAP)
        return mp_bytes(a).n == mp_bytes(b).n && memcmp(a.p, b.p, mp_bytes(a).n) == 0;
    struct mp_iter other = mp_iter(b);
    for (struct mp_iter it = mp_iter(a); mp_next(&it);)
        if (!mp_next(&other) || !equal(it.value, other.value) ||
            (type == MP_MAP && !equal(it.key, other.key)))
            return false;
    return true;
}

Test(json, random_values_survive)
{
    for (unsigned seed = 1; seed <= 3000; seed++) {
        struct buf value = BUF_INIT, text = BUF_INIT, back = BUF_INIT, again = BUF_INIT;
        const char *why = "";
        size_t at = 0;
        srand(seed);
        put_random(&value, 0);
        cr_assert_eq(mp_check(value.data, value.len, false, &why), 0, "seed %u: %s", seed, why);
        mp_to_json(mp_view(value.data, value.len), &text);
        cr_assert_eq(json_to_mp((char *)text.data, text.len, &back, &why, &at), 0,
                     "seed %u: %s at %zu", seed, why, at);
        mp_to_json(mp_view(back.data, back.len), &again);
        cr_assert(again.len == text.len && memcmp(again.data, text.data, text.len) == 0, "seed %u",
                  seed);
        cr_assert(equal(mp_view(value.data, value.len), mp_view(back.data, back.len)), "seed %u",
                  seed);
        buf_finish(&value);
        buf_finish(&text);
        buf_finish(&back);
        buf_finish(&again);
    }
}
