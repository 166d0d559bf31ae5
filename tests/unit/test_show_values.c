/* Times, shares and names, as a cell of a table has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/show.h"
#include "collector/cli/show_priv.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1795205946) * S) /* 2026-11-20T20:19:06Z */

static void test_clock(void **state) {
    char out[NX_CELL_MAX];
    (void)state;
    assert_string_equal(nx_show_clock(T0, T0, true, out), "20:19:06");
    assert_string_equal(nx_show_clock(T0 + 1, T0, true, out), "20:19:07");
    assert_string_equal(nx_show_clock(T0 + 999999, T0, false, out), "20:19:06");
    assert_string_equal(nx_show_clock(T0 - 86400 * S, T0, false, out),
                        "2026-11-19 20:19:06");
    /* Rounding up may cross midnight. */
    assert_string_equal(nx_show_clock(T0 + 13253 * S + 500000, T0, true, out),
                        "2026-11-21 00:00:00");
}

static void test_countdown(void **state) {
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {{0, "0:00"},
                {-5 * S, "0:00"},
                {1, "0:01"},
                {S, "0:01"},
                {S + 1, "0:02"},
                {59 * S + 1, "1:00"},
                {724 * S, "12:04"},
                {3599 * S + 1, "1:00:00"},
                {3723 * S, "1:02:03"},
                {INT64_C(172799) * S, "47:59:59"},
                {INT64_C(273600) * S, "3 d 4 h"}};
    char out[NX_CELL_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(nx_show_countdown(rows[i].us, out), rows[i].text);
    }
}

/* Past the median is not past what was to be expected. */
static void test_point(void **state) {
    char text[NX_CELL_MAX];
    (void)state;
    json_t *clears = json_pack("{s:s, s:s}", "point", "2026-11-20T20:31:10Z",
                               "hi90", "2026-11-20T20:31:20Z");
    int64_t point_us = nx_doc_time(clears, "point");
    assert_string_equal(nx_show_point(clears, point_us - 5 * S, text),
                        "20:31:10 (in 0:05)");
    assert_string_equal(nx_show_point(clears, point_us + 5 * S, text),
                        "20:31:10 (due)");
    assert_string_equal(nx_show_point(clears, point_us + 15 * S, text),
                        "20:31:10 (overdue 0:15)");
    json_decref(clears);
}

static void test_age(void **state) {
    char out[NX_CELL_MAX];
    (void)state;
    assert_string_equal(nx_show_age(-1, out), "0 s");
    assert_string_equal(nx_show_age(119 * S + 999999, out), "119 s");
    assert_string_equal(nx_show_age(120 * S, out), "2 min");
    assert_string_equal(nx_show_age(7200 * S, out), "2 h");
    assert_string_equal(nx_show_age(INT64_C(172800) * S, out), "2 d");
    assert_string_equal(nx_show_duration(502 * S, out), "8 min 22 s");
    assert_string_equal(nx_show_duration(59 * S, out), "59 s");
    assert_string_equal(nx_show_duration(11100 * S, out), "3 h 5 min");
    assert_string_equal(nx_show_duration(INT64_C(183600) * S, out), "2 d 3 h");
}

static void test_percent(void **state) {
    static const struct {
        double ratio;
        const char *text;
    } rows[] = {{0, "0 %"},   {0.0001, "1 %"}, {0.5, "50 %"}, {0.999, "99 %"},
                {1, "100 %"}, {1.5, "?"},      {-1, "?"}};
    char out[NX_CELL_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *ratio = json_real(rows[i].ratio);
        assert_string_equal(nx_show_percent(ratio, out), rows[i].text);
        json_decref(ratio);
    }
    assert_string_equal(nx_show_percent(NULL, out), "?");
}

static void test_name(void **state) {
    char out[NX_CELL_MAX];
    (void)state;
    assert_string_equal(nx_show_name("www.example.com.", out),
                        "www.example.com");
    assert_string_equal(nx_show_name(".", out), ".");
    assert_string_equal(nx_show_name("a\\.", out), "a\\.");
    assert_string_equal(nx_show_name("a\tb", out), "a\\009b");
    char longer[NX_CELL_MAX * 3];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)nx_show_name(longer, out);
    assert_int_equal(strlen(out), NX_CELL_MAX - 1);
    assert_string_equal(out + NX_CELL_MAX - 4, "...");
    longer[NX_CELL_MAX - 1] = '\0'; /* just fits */
    assert_string_equal(nx_show_name(longer, out), longer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),     cmocka_unit_test(test_point),
        cmocka_unit_test(test_countdown), cmocka_unit_test(test_age),
        cmocka_unit_test(test_percent),   cmocka_unit_test(test_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
