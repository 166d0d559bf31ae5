/* common/text and common/rfc3339. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/rfc3339.h"
#include "common/text.h"

#define S INT64_C(1000000)

static void test_grow(void **state) {
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    for (int i = 0; i < 1000; i++) {
        nx_text_addf(&text, "%03d", i);
    }
    nx_text_add(&text, "");
    assert_int_equal(text.len, 3000);
    assert_int_equal(strlen(text.bytes), 3000);
    assert_memory_equal(text.bytes + 2997, "999", 3);
    nx_text_fini(&text);
    char *empty = nx_text_take(&text);
    assert_string_equal(empty, "");
    free(empty);
}

static void test_sticky(void **state) {
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    nx_text_add(&text, "x");
    text.failed = true;
    nx_text_add(&text, "y");
    assert_int_equal(text.len, 1);
    assert_null(nx_text_take(&text));
    assert_false(text.failed);
}

static void test_escape(void **state) {
    char out[16];
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    nx_text_escaped(&text, "a\033[31m\\ ~\177\200\377\n");
    assert_string_equal(text.bytes, "a\\027[31m\\ ~\\127\\128\\255\\010");
    nx_text_fini(&text);
    nx_text_escaped(&text, "");
    assert_string_equal(text.bytes, "");
    nx_text_fini(&text);
    assert_string_equal(nx_escape("a\tb", out, sizeof out), "a\\009b");
    /* Never half an escape. */
    assert_string_equal(nx_escape("ab\033c", out, 6), "ab");
    assert_string_equal(nx_escape("ab\033c", out, 7), "ab\\027");
    assert_string_equal(nx_escape("abc", out, 1), "");
}

static void test_time_text(void **state) {
    char out[NX_TIME_TEXT_MAX];
    (void)state;
    assert_string_equal(nx_time_text(0, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(nx_time_text(INT64_C(1795204746) * S + 123999, out),
                        "2026-11-20T19:59:06.123Z");
    assert_string_equal(nx_time_text(INT64_C(951782400) * S, out),
                        "2000-02-29T00:00:00.000Z");
    assert_string_equal(nx_time_text(-1, out), "1969-12-31T23:59:59.999Z");
    assert_string_equal(nx_time_text(INT64_MAX, out),
                        "9999-12-31T23:59:59.999Z");
    assert_string_equal(nx_time_text(INT64_MIN, out),
                        "0000-01-01T00:00:00.000Z");
}

static void test_time_parse(void **state) {
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-20T19:59:06Z", INT64_C(1795204746) * S},
        {"2026-11-20T19:59:06.1Z", INT64_C(1795204746) * S + 100000},
        {"2026-11-20T19:59:06.1234569Z", INT64_C(1795204746) * S + 123456},
        {"2026-11-20T20:59:06+01:00", INT64_C(1795204746) * S},
        {"2026-11-20T14:29:06-05:30", INT64_C(1795204746) * S},
        {"2026-11-20 19:59:06z", INT64_C(1795204746) * S},
        {"2016-12-31T23:59:60Z", INT64_C(1483228799) * S},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800) * S},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799) * S},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = -1;
        assert_int_equal(nx_time_parse(rows[i].text, &us), 0);
        assert_int_equal(us, rows[i].us);
    }
}

static void test_time_refused(void **state) {
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11-20",
        "2026-11-20T",
        "2026-11-20T20:01Z",
        "2026-11-20T20:01:10",
        "2026-11-20T20:01:10.Z",
        "2026-11-20T20:01:10ZZ",
        "2026-11-20T20:01:10+1:00",
        "2026-11-20T20:01:10+24:00",
        "2026-13-20T20:01:10Z",
        "2026-00-20T20:01:10Z",
        "2026-11-31T20:01:10Z",
        "2025-02-29T20:01:10Z",
        "2100-02-29T20:01:10Z",
        "1969-12-31T23:59:59Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T20:60:00Z",
        "2026-11-20T20:01:61Z",
        "-026-11-20T20:01:10Z",
        "2026-11-20T20:01:1\xc2\xb2Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t us = 42;
        assert_true(nx_time_parse(rows[i], &us) < 0);
        assert_int_equal(us, 42);
    }
}

/* Every day of 400 years there and back. */
static void test_civil(void **state) {
    (void)state;
    for (int64_t day = -1000; day < 146097; day++) {
        int64_t year = 0;
        unsigned month = 0;
        unsigned of_month = 0;
        nx_civil_from_days(day, &year, &month, &of_month);
        assert_true(month >= 1 && month <= 12);
        assert_true(of_month >= 1 && of_month <= 31);
        assert_int_equal(nx_days_from_civil(year, month, of_month), day);
    }
}

static void test_digits(void **state) {
    static const int64_t values[] = {0,  1,         -1,        9,
                                     10, INT64_MAX, INT64_MIN, -1000000};
    char out[NX_DIGITS_MAX];
    char want[NX_DIGITS_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        int len = snprintf(want, sizeof(want), "%" PRId64, values[i]);
        assert_int_equal(nx_digits(values[i], out), len);
        assert_string_equal(out, want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digits),       cmocka_unit_test(test_grow),
        cmocka_unit_test(test_sticky),       cmocka_unit_test(test_escape),
        cmocka_unit_test(test_time_text),    cmocka_unit_test(test_time_parse),
        cmocka_unit_test(test_time_refused), cmocka_unit_test(test_civil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
