/* How much is done at a time (common/slice.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/slice.h"

/* A work of which each piece takes so long. */
static int64_t settle(struct nx_slice *slice, int64_t piece_us) {
    for (int i = 0; i < 100; i++) {
        nx_slice_took(slice, (int64_t)slice->n * piece_us);
    }
    return (int64_t)slice->n * piece_us;
}

static void test_it_settles_where_others_do_not_wait(void **state) {
    struct nx_slice slice = {.n = 32, .min = 1, .max = 1000};
    static const int64_t piece_us[] = {1, 7, 60, 150, 60, 1};
    (void)state;
    for (size_t i = 0; i < sizeof(piece_us) / sizeof(*piece_us); i++) {
        int64_t took_us = settle(&slice, piece_us[i]);
        assert_in_range(took_us, NX_SLICE_US / 2 - piece_us[i], NX_SLICE_US);
    }
}

static void test_it_keeps_to_its_limits(void **state) {
    struct nx_slice slice = {.n = 8, .min = 4, .max = 64};
    (void)state;
    (void)settle(&slice, 10000);
    assert_int_equal(slice.n, 4);
    (void)settle(&slice, 0);
    assert_int_equal(slice.n, 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_settles_where_others_do_not_wait),
        cmocka_unit_test(test_it_keeps_to_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
