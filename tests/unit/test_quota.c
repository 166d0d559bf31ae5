#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/ingest/quota.h"

#define S INT64_C(1000000)
#define T0 (1700000000 * S)
#define LIMIT UINT64_C(360000) /* 100 bytes in a second */
#define LEN (1000 - NX_QUOTA_ROW_BYTES)

static bool take(struct nx_quota *quota, uint64_t limit, size_t len,
                 int64_t now_us) {
    bool fits = nx_quota_fits(quota, limit, len, now_us);
    if (fits) {
        nx_quota_add(quota, len);
    }
    return fits;
}

static void test_burst_then_rate(void **state) {
    struct nx_quota quota = {0};
    unsigned taken = 0;
    (void)state;
    while (take(&quota, LIMIT, LEN, T0)) {
        taken++;
    }
    assert_int_equal(taken, 360);
    assert_true(quota.over);
    assert_false(take(&quota, LIMIT, LEN, T0 + 9 * S));
    assert_true(take(&quota, LIMIT, LEN, T0 + 10 * S));
    assert_false(take(&quota, LIMIT, LEN, T0 + 10 * S));
    assert_true(quota.over); /* until half of it is free */
    assert_true(take(&quota, LIMIT, LEN, T0 + 1900 * S));
    assert_false(quota.over);
    /* An hour later all of it is there again, and no more. */
    taken = 0;
    while (take(&quota, LIMIT, LEN, T0 + 86400 * S)) {
        taken++;
    }
    assert_int_equal(taken, 360);
}

/* Looking often does not lose what drains meanwhile. */
static void test_small_steps(void **state) {
    struct nx_quota quota = {0};
    unsigned taken = 0;
    (void)state;
    while (take(&quota, LIMIT, LEN, T0)) {
    }
    for (int64_t us = 0; us <= 100 * S; us += 20000) {
        taken += take(&quota, LIMIT, LEN, T0 + us);
    }
    assert_int_equal(taken, 10);
}

static void test_clock_goes_back(void **state) {
    struct nx_quota quota = {0};
    (void)state;
    while (take(&quota, LIMIT, LEN, T0)) {
    }
    assert_false(take(&quota, LIMIT, LEN, T0 - 86400 * S));
    assert_false(take(&quota, LIMIT, LEN, T0));
    assert_true(take(&quota, LIMIT, LEN, T0 + 10 * S));
}

static void test_larger_than_the_limit(void **state) {
    struct nx_quota quota = {0};
    (void)state;
    assert_true(take(&quota, 1000, 5000, T0));
    assert_false(take(&quota, 1000, 1, T0 + S));
    assert_true(take(&quota, 1000, 5000, T0 + 7 * 3600 * S));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_small_steps),
        cmocka_unit_test(test_clock_goes_back),
        cmocka_unit_test(test_larger_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
