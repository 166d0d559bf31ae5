/* What the engine does where memory cannot be had: linked with --wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

static bool none_left;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t size) {
    return none_left ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return none_left ? NULL : __real_calloc(n, size);
}

static uint64_t lost_n(const struct engine_bench *b) {
    return nx_engine_counts(b->engine)->lost_n;
}

/* Older looks go for it, or there is not even one: each is counted. */
static void test_looks_without_memory(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    none_left = true;
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    none_left = false;
    assert_int_equal(lost_n(b), 1);
    for (unsigned i = 0; i < 8; i++) { /* the first ring */
        sees_nxdomain(b, LYON, 1, 600, T0 + 2 * S + i * S);
    }
    assert_int_equal(lost_n(b), 1);
    none_left = true;
    sees_nxdomain(b, LYON, 1, 600, T0 + 20 * S);
    none_left = false;
    assert_int_equal(lost_n(b), 2);
    sees_nxdomain(b, LYON, 1, 600, T0 + 21 * S);
    assert_int_equal(lost_n(b), 2);
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 0);
}

static void test_target_without_memory(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    none_left = true;
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    none_left = false;
    assert_int_equal(lost_n(b), 1);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 0);
    sees_nxdomain(b, LYON, 1, 600, T0 + 2 * S);
    assert_int_equal(targets_of(b, 7, T0 + 2 * S).n, 1);
    /* Not asked for any more: that is no want of memory. */
    hello(b, LYON, 1, 0, T0 + 3 * S);
    sees_nxdomain(b, LYON, 2, 600, T0 + 2 * S);
    assert_int_equal(lost_n(b), 1);
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_looks_without_memory),
        TEST(test_target_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
