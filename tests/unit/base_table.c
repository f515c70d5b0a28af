/* The hash table against a plain array, with collisions forced by small sizes and much removal. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "stacgate/table.h"

Test(table, put_get_replace_remove)
{
    struct table t = TABLE_INIT;
    int a, b;
    char first[] = "key", second[] = "key";
    cr_assert_null(table_get(&t, "key", 3));
    cr_assert_null(table_remove(&t, "key", 3));
    cr_assert_null(table_put(&t, first, 3, &a));
    cr_assert_eq(table_get(&t, "key", 3), &a);
    cr_assert_null(table_get(&t, "ke", 2));
    cr_assert_null(table_get(&t, "keys", 4));
    cr_assert_eq(table_put(&t, second, 3, &b), &a);
    first[0] = 'X'; /* the replaced entry's key is nobody's any more */
    cr_assert_eq(table_get(&t, "key", 3), &b);
    cr_assert_eq(t.count, 1);
    cr_assert_eq(table_remove(&t, "key", 3), &b);
    cr_assert_eq(t.count, 0);
    cr_assert_null(table_get(&t, "key", 3));
    table_finish(&t);
    cr_assert_null(t.slots);
}

Test(table, keys_are_bytes)
{
    struct table t = TABLE_INIT;
    int a, b, c;
    table_put(&t, "a\0b", 3, &a);
    table_put(&t, "a\0c", 3, &b);
    table_put(&t, "", 0, &c);
    cr_assert_eq(table_get(&t, "a\0b", 3), &a);
    cr_assert_eq(table_get(&t, "a\0c", 3), &b);
    cr_assert_eq(table_get(&t, "", 0), &c);
    table_finish(&t);
}

#define KEYS 500
static char keys[KEYS][16];

static void compare(const struct table *t, const bool *present)
{
    uint32_t count = 0, i = 0, seen = 0;
    for (int k = 0; k < KEYS; k++) {
        cr_assert_eq(table_get(t, keys[k], strlen(keys[k])), present[k] ? keys[k] : NULL);
        count += present[k];
    }
    cr_assert_eq(t->count, count);
    while (table_each(t, &i))
        seen++;
    cr_assert_eq(seen, count);
}

Test(table, agrees_with_an_array)
{
    struct table t = TABLE_INIT;
    bool present[KEYS] = {false};
    for (int k = 0; k < KEYS; k++)
        snprintf(keys[k], sizeof keys[k], "k%d", k);
    srand(7);
    for (int step = 0; step < 200000; step++) {
        int k = rand() % (step / 100 % KEYS + 1); /* the range breathes */
        bool put = rand() % 100 < (step / 20000 % 2 ? 20 : 80);
        void *before = put ? table_put(&t, keys[k], strlen(keys[k]), keys[k])
                           : table_remove(&t, keys[k], strlen(keys[k]));
        cr_assert_eq(before, present[k] ? keys[k] : NULL);
        present[k] = put;
        if (step % 1000 == 0)
            compare(&t, present);
    }
    compare(&t, present);
    table_finish(&t);
}

Test(table, iteration_may_remove)
{
    struct table t = TABLE_INIT;
    for (int k = 0; k < KEYS; k++) {
        snprintf(keys[k], sizeof keys[k], "k%d", k);
        table_put(&t, keys[k], strlen(keys[k]), keys[k]);
    }
    uint32_t i = 0, removed = 0;
    for (char *key; (key = table_each(&t, &i)); removed++)
        cr_assert_eq(table_remove(&t, key, strlen(key)), key);
    cr_assert_eq(removed, KEYS);
    cr_assert_eq(t.count, 0);
    i = 0;
    cr_assert_null(table_each(&t, &i));
    table_finish(&t);
    i = 0;
    cr_assert_null(table_each(&t, &i));
}

Test(table, removal_leaves_memory_and_puts_give_it_back)
{
    struct table t = TABLE_INIT;
    static char many[20000][16];
    for (int k = 0; k < 20000; k++) {
        snprintf(many[k], sizeof many[k], "m%d", k);
        table_put(&t, many[k], strlen(many[k]), many[k]);
    }
    uint32_t large = t.mask;
    for (int k = 0; k < 20000; k++)
        table_remove(&t, many[k], strlen(many[k]));
    cr_assert_eq(t.mask, large);
    for (int k = 0; k < 20000; k++) {
        table_put(&t, many[k], strlen(many[k]), many[k]);
        table_remove(&t, many[k], strlen(many[k]));
    }
    cr_assert_leq(t.mask, large);
    cr_assert_eq(t.count, 0);
    table_finish(&t);
}
