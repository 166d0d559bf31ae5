/* How long a client may take for its reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/api/taking.h"

#define MB (1024U * 1024U)

static struct nx_taking taking;

static int begin(void **state) {
    (void)state;
    nx_taking_begin(&taking, 100, 30);
    return 0;
}

/* 80 MB at 100 kB/s: a quarter of an hour. */
static void test_slow(void **state) {
    size_t left = 80U * MB;
    (void)state;
    for (uint64_t second = 100; left > 0; second++) {
        assert_false(nx_taking_is_late(&taking, left, second));
        left -= left < 100000 ? left : 100000;
    }
}

static void test_none_taken(void **state) {
    (void)state;
    assert_false(nx_taking_is_late(&taking, 80U * MB, 100));
    assert_false(nx_taking_is_late(&taking, 80U * MB, 130));
    assert_true(nx_taking_is_late(&taking, 80U * MB, 131));
}

/* A byte now and then is no progress. */
static void test_drop_by_drop(void **state) {
    size_t left = 80U * MB;
    uint64_t second = 100;
    (void)state;
    while (!nx_taking_is_late(&taking, left, second)) {
        left -= 1000;
        second++;
    }
    assert_int_equal(second, 131);
}

static void test_stops_later(void **state) {
    (void)state;
    assert_false(nx_taking_is_late(&taking, 2U * MB, 100));
    assert_false(nx_taking_is_late(&taking, 1U * MB, 125));
    assert_false(nx_taking_is_late(&taking, 1U * MB, 155));
    assert_true(nx_taking_is_late(&taking, 1U * MB, 156));
}

/* A small one is taken whole. */
static void test_small(void **state) {
    (void)state;
    assert_false(nx_taking_is_late(&taking, 1000, 101));
    assert_false(nx_taking_is_late(&taking, 1, 131));
    assert_true(nx_taking_is_late(&taking, 1, 132));
}

/* The time that it takes to make the reply is not the client's. */
static void test_made_late(void **state) {
    (void)state;
    assert_false(nx_taking_is_late(&taking, 0, 129));
    assert_false(nx_taking_is_late(&taking, 0, 500));
    assert_false(nx_taking_is_late(&taking, 1000, 520));
    assert_false(nx_taking_is_late(&taking, 1000, 550));
    assert_true(nx_taking_is_late(&taking, 1000, 551));
}

/* The end of the reply before is under way still. */
static void test_one_after_the_other(void **state) {
    (void)state;
    assert_false(nx_taking_is_late(&taking, 5000, 100));
    assert_false(nx_taking_is_late(&taking, 5000, 129));
    assert_false(nx_taking_is_late(&taking, 80U * MB, 130));
    assert_false(nx_taking_is_late(&taking, 80U * MB, 160));
    assert_true(nx_taking_is_late(&taking, 80U * MB, 161));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_slow, begin),
        cmocka_unit_test_setup(test_none_taken, begin),
        cmocka_unit_test_setup(test_drop_by_drop, begin),
        cmocka_unit_test_setup(test_stops_later, begin),
        cmocka_unit_test_setup(test_small, begin),
        cmocka_unit_test_setup(test_made_late, begin),
        cmocka_unit_test_setup(test_one_after_the_other, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
