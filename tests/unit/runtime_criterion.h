/*
 * Criterion, or under TSan, where its sandbox cannot start, the few of its macros that tests of the
 * runtime use: each test runs in a forked process, asserts abort, and the program's main is ours.
 * The tests are the same text either way.
 */
#ifndef STACGATE_RUNTIME_CRITERION_H
#define STACGATE_RUNTIME_CRITERION_H

#ifndef __SANITIZE_THREAD__
#include <criterion/criterion.h>
#else

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct plain_test {
    const char *name;
    void (*run)(void);
} plain_tests[64];
static unsigned plain_count;

#define Test(suite, name, ...)                                                                     \
    static void suite##_##name(void);                                                              \
    __attribute__((constructor)) static void suite##_##name##_add(void)                            \
    {                                                                                              \
        plain_tests[plain_count++] = (struct plain_test){#suite "/" #name, suite##_##name};        \
    }                                                                                              \
    static void suite##_##name(void)

#define cr_assert(x, ...)                                                                          \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            __VA_OPT__(fprintf(stderr, __VA_ARGS__);)                                              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#define cr_assert_not(x, ...) cr_assert(!(x)__VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b)__VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b)__VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_gt(a, b, ...) cr_assert((a) > (b)__VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_geq(a, b, ...) cr_assert((a) >= (b)__VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_leq(a, b, ...) cr_assert((a) <= (b)__VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_lt(a, b, ...) cr_assert((a) < (b)__VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_null(a, ...) cr_assert((a) == NULL __VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_not_null(a, ...) cr_assert((a) != NULL __VA_OPT__(, ) __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) cr_assert(strcmp((a), (b)) == 0 __VA_OPT__(, ) __VA_ARGS__)

int main(void)
{
    int failed = 0;
    for (unsigned i = 0; i < plain_count; i++) {
        int status = 0;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            plain_tests[i].run();
            exit(0);
        }
        waitpid(pid, &status, 0);
        printf("%s %s\n", status ? "FAIL" : "ok  ", plain_tests[i].name);
        failed += status != 0;
    }
    return failed != 0;
}

#endif
#endif
