/* Moments, durations and ranges of time as operators write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/cli/args.h"

#define S INT64_C(1000000)
#define MIDNIGHT (INT64_C(1795132800) * S) /* 2026-11-20T00:00:00Z */
#define AT(h, m, s) (MIDNIGHT + (int64_t)((h)*3600 + (m)*60 + (s)) * S)
#define NOW AT(20, 19, 6)

static void test_moment(void **state) {
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"20:19:06", NOW},
        {"20:19:07", AT(20, 19, 7) - 86400 * S}, /* yesterday */
        {"20:19", AT(20, 19, 0)},
        {"00:00", MIDNIGHT},
        {"23:59:59", MIDNIGHT - S},
        {"now", NOW},
        {"now-90s", NOW - 90 * S},
        {"now-1h30m", NOW - 5400 * S},
        {"now-0", NOW},
        {"2026-11-20T20:01:10Z", AT(20, 1, 10)},
        {"2026-11-20t21:01:10.5+01:00", AT(20, 1, 10) + S / 2},
        {"2026-11-20 20:01:10z", AT(20, 1, 10)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = 0;
        assert_int_equal(nx_moment_parse(rows[i].text, NOW, &us), 0);
        assert_int_equal(us, rows[i].us);
    }
}

static void test_bad_moment(void **state) {
    static const char *const rows[] = {
        "",         "24:00", "20:60",    "20:01:60", "2:01", "20:1",
        "20-01",    "now+5", "now-",     "nowhere",  "5m",   "2026-11-20",
        "20:01:0x", "now-x", "tomorrow", "20:01Z"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = 42;
        assert_true(nx_moment_parse(rows[i], NOW, &us) < 0);
        assert_int_equal(us, 42);
    }
}

static void test_duration(void **state) {
    static const struct {
        const char *text;
        int64_t s;
    } rows[] = {{"90s", 90},
                {"15m", 900},
                {"2h", 7200},
                {"1d", 86400},
                {"45", 45},
                {"1h30m", 5400},
                {"0", 0},
                {"0s", 0},
                {"1d1h1m1s", 90061},
                {"3650d", INT64_C(315360000)}};
    static const char *const bad[] = {"",     "s",          "1x",   "-5",
                                      "1m1h", "5m5",        "1h1h", "4000d",
                                      "1.5h", "9999999999", "1 h",  "0h5"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = -1;
        assert_int_equal(nx_duration_parse(rows[i].text, &us), 0);
        assert_int_equal(us, rows[i].s * S);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t us = 42;
        assert_true(nx_duration_parse(bad[i], &us) < 0);
        assert_int_equal(us, 42);
    }
}

static void test_range(void **state) {
    int64_t from = 0;
    int64_t to = 0;
    (void)state;
    assert_int_equal(nx_range_parse("20:01:10..20:09", NOW, &from, &to), 0);
    assert_int_equal(from, AT(20, 1, 10));
    assert_int_equal(to, AT(20, 9, 0));
    /* Over midnight: FROM is the last such moment before TO. */
    assert_int_equal(nx_range_parse("23:50..00:10", NOW, &from, &to), 0);
    assert_int_equal(from, MIDNIGHT - 600 * S);
    assert_int_equal(to, AT(0, 10, 0));
    assert_int_equal(nx_range_parse("20:01..", NOW, &from, &to), 0);
    assert_int_equal(from, AT(20, 1, 0));
    assert_int_equal(to, NX_TIME_NONE);
    assert_int_equal(nx_range_parse("now-10m..now", NOW, &from, &to), 0);
    assert_int_equal(from, NOW - 600 * S);
    assert_int_equal(to, NOW);
    from = 42;
    assert_int_equal(nx_range_parse("..20:09", NOW, &from, &to), NX_EMALFORMED);
    assert_int_equal(nx_range_parse("20:01-20:09", NOW, &from, &to),
                     NX_EMALFORMED);
    assert_int_equal(nx_range_parse("now..now-1s", NOW, &from, &to), NX_ERANGE);
    assert_int_equal(nx_range_parse("", NOW, &from, &to), NX_EMALFORMED);
    assert_int_equal(from, 42);
}

/* In UTC+2 it is 22:30, and somebody types the time of the wall. */
static void test_far(void **state) {
    static const struct {
        const char *text;
        bool far;
    } rows[] = {
        {"20:01", false},
        {"14:20", false},
        {"14:19", true}, /* six hours and six seconds ago */
        {"22:01", true}, /* yesterday */
        {"22:01:30", true},
        {"22:01..22:09", true},
        {"20:01..20:09", false},
        {"22:01..", true},
        {"now-8h", false},
        {"2026-11-19T22:01:00Z", false},
        {"2026-11-19T22:01:00Z..22:09", false},
        {"", false},
        {"..", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t at = 0;
        int64_t to = 0;
        if (nx_range_parse(rows[i].text, NOW, &at, &to) != 0 &&
            nx_moment_parse(rows[i].text, NOW, &at) != 0) {
            at = 0;
        }
        if (nx_moment_is_far(rows[i].text, at, NOW) != rows[i].far) {
            fail_msg("%s: far is not %d", rows[i].text, rows[i].far);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moment),   cmocka_unit_test(test_bad_moment),
        cmocka_unit_test(test_duration), cmocka_unit_test(test_range),
        cmocka_unit_test(test_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
