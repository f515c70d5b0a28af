/* The byte buffer. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "stacgate/buf.h"

Test(buf, grows_and_keeps_what_it_had)
{
    struct buf b = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_putc(&b, (char)i);
    cr_assert_eq(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        cr_assert_eq(b.data[i], (uint8_t)i);
    size_t cap = b.cap;
    buf_clear(&b);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(b.cap, cap);
    buf_finish(&b);
    cr_assert_null(b.data);
    cr_assert_eq(b.cap, 0);
}

Test(buf, printf_of_every_length)
{
    for (int n = 0; n < 300; n++) {
        struct buf b = BUF_INIT;
        buf_puts(&b, "<");
        buf_printf(&b, "%*d|%s", n + 1, 7, "end");
        cr_assert_eq(b.len, (size_t)n + 6);
        cr_assert_eq(b.data[n + 1], '7');
        cr_assert(memcmp(b.data + n + 2, "|end", 4) == 0);
        buf_finish(&b);
    }
}

Test(buf, cstr_does_not_count_its_nul)
{
    struct buf b = BUF_INIT;
    cr_assert_str_eq(buf_cstr(&b), "");
    cr_assert_eq(b.len, 0);
    buf_puts(&b, "abc");
    cr_assert_str_eq(buf_cstr(&b), "abc");
    buf_puts(&b, "d");
    cr_assert_str_eq(buf_cstr(&b), "abcd");
    buf_put(&b, NULL, 0);
    cr_assert_eq(b.len, 4);
    buf_finish(&b);
}

Test(buf, copies_of_text)
{
    char *whole = xstrdup("abc"), *part = xstrndup("abc", 2), *short_one = xstrndup("a", 9);
    cr_assert_str_eq(whole, "abc");
    cr_assert_str_eq(part, "ab");
    cr_assert_str_eq(short_one, "a");
    free(whole);
    free(part);
    free(short_one);
}

Test(buf, impossible_growth_ends_the_process_with_a_sentence, .exit_code = 1)
{
    struct buf b = BUF_INIT;
    buf_putc(&b, 'x');
    buf_reserve(&b, SIZE_MAX / 2);
    cr_assert_fail("came back");
}
