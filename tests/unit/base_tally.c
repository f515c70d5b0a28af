/* Histograms: every value stands in the first bucket that takes it, and what is read is whole. */
#include <criterion/criterion.h>

#include "stacgate/tally.h"

Test(tally, a_value_is_in_the_first_bucket_that_takes_it)
{
    struct histogram h = {0}, seen;

    histogram_note(&h, &scale_count, 0);
    histogram_note(&h, &scale_count, 1);
    histogram_note(&h, &scale_count, 2);
    histogram_note(&h, &scale_count, 3);
    histogram_note(&h, &scale_count, 4);
    histogram_note(&h, &scale_count, UINT64_C(1) << 40);
    tally_read(&seen, &h, sizeof(seen));
    cr_assert_eq(seen.in[0], 2);
    cr_assert_eq(seen.in[1], 1);
    cr_assert_eq(seen.in[2], 2);
    cr_assert_eq(seen.in[scale_count.n], 1);
    cr_assert_eq(seen.sum, 10 + (UINT64_C(1) << 40));
}

Test(tally, scales_ascend_and_fit)
{
    const struct scale *const all[] = {&scale_us, &scale_ms, &scale_count};

    for (unsigned k = 0; k < 3; k++) {
        cr_assert(all[k]->n <= SCALE_MAX);
        for (unsigned i = 1; i < all[k]->n; i++)
            cr_assert(all[k]->upto[i] > all[k]->upto[i - 1]);
    }
}

Test(tally, counts_go_up_and_down)
{
    uint64_t n = 0, most = 0;

    tally_add(&n, 3);
    tally_most(&most, n);
    tally_sub(&n, 2);
    tally_most(&most, n);
    cr_assert_eq(n, 1);
    cr_assert_eq(most, 3);
}

Test(tally, what_was_greatest_lately_is_forgotten_with_its_time)
{
    struct lately l = {0};

    cr_assert_eq(lately_most(&l, 0), 0);
    cr_assert_eq(lately_most(&l, 7), 0);
    lately_note(&l, 7, 6000);
    lately_note(&l, 7, 80);
    cr_assert_eq(lately_most(&l, 7), 6000);
    lately_note(&l, 8, 70);
    cr_assert_eq(lately_most(&l, 8), 6000);
    cr_assert_eq(lately_most(&l, 9), 70, "two spans later it is over");
    cr_assert_eq(lately_most(&l, 10), 0, "also when nothing new came");
    lately_note(&l, 9, 60);
    cr_assert_eq(lately_most(&l, 9), 70, "a slot is another span's from its first value on");
    cr_assert_eq(lately_most(&l, 10), 60);
}
