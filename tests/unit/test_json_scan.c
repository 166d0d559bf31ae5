/* Values are found where they stand, and nothing outside of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/status/json_scan.h"
#include "tests/lib/dice.h"

/* The text ends where its memory ends. */
static struct nx_scan scan_of(const char *text, size_t len, char **copy) {
    *copy = malloc(len > 0 ? len : 1);
    assert_non_null(*copy);
    memcpy(*copy, text, len);
    return (struct nx_scan){.at = *copy, .end = *copy + len};
}

static void test_members(void **state) {
    static const char text[] =
        "{\"a\":1,\"b\\\"\":\"x\\\\\",\"c\":[{},[\"]\"],{\"d\":null}],"
        "\"e\":-1.5E+3}";
    static const char *const expected[][2] = {
        {"a", "1"},
        {"b\\\"", "\"x\\\\\""},
        {"c", "[{},[\"]\"],{\"d\":null}]"},
        {"e", "-1.5E+3"}};
    struct nx_piece key;
    struct nx_piece value;
    char *copy = NULL;
    struct nx_scan scan = scan_of(text, sizeof(text) - 1, &copy);
    (void)state;
    nx_scan_enter(&scan, '{');
    for (size_t i = 0; i < 4; i++) {
        assert_true(nx_scan_member(&scan, &key, &value));
        assert_true(nx_piece_is(&key, expected[i][0]));
        assert_true(nx_piece_is(&value, expected[i][1]));
    }
    assert_false(nx_scan_member(&scan, &key, &value));
    assert_false(scan.failed);
    assert_ptr_equal(scan.at, scan.end);
    free(copy);
}

static unsigned count(const char *text, size_t len, bool *failed) {
    struct nx_piece value;
    char *copy = NULL;
    struct nx_scan scan = scan_of(text, len, &copy);
    unsigned n = 0;
    nx_scan_enter(&scan, '[');
    while (nx_scan_element(&scan, &value)) {
        assert_true(value.at >= copy && value.at + value.len <= copy + len);
        n++;
    }
    *failed = scan.failed;
    free(copy);
    return n;
}

static void test_elements(void **state) {
    bool failed = true;
    (void)state;
    assert_int_equal(count("[]", 2, &failed), 0);
    assert_false(failed);
    assert_int_equal(count("[[],{},\"\",0,true]", 17, &failed), 5);
    assert_false(failed);
}

/* Whatever ends too early, or is none of it, is said. */
static void test_refused(void **state) {
    static const char *const texts[] = {
        "",       "{}",   "[",     "[1",    "[1,", "[,1]",     "[1 ]",
        "[ 1]",   "[1,]", "[\"a]", "[\"\\", "[{]", "[\"\\\"]", "[1:2]",
        "[\"a\"", "[\n]", "[1}",   "[[1]",  "[}]", "[nul\t]"};
    bool failed = false;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)count(texts[i], strlen(texts[i]), &failed);
        if (!failed) {
            fail_msg("%s", texts[i]);
        }
    }
}

/* Any bytes, and a document that lost its end: no byte behind it is read. */
static void test_any(void **state) {
    static const char bytes[] = "[[{{}}]],:\"\"\\1an \xff";
    struct dice dice = {3};
    bool failed = false;
    (void)state;
    for (unsigned k = 0; k < 50000; k++) {
        char text[16] = "[";
        size_t len = 1 + dice_below(&dice, sizeof(text) - 1);
        for (size_t i = 1; i < len; i++) {
            text[i] = bytes[dice_below(&dice, sizeof(bytes) - 1)];
        }
        (void)count(text, len, &failed);
    }
}

/* What jansson reads as a list has as many elements here. */
static void test_as_jansson(void **state) {
    static const char *const parts[] = {
        "1",    "-0.5",     "\"\"",   "\"\\\"\"",    "\"[\"",
        "[]",   "{}",       "null",   "[1,2]",       "{\"a\":1}",
        "true", "\"\\\\\"", "1e+300", "[{\"a\":[]}]"};
    struct dice dice = {4};
    (void)state;
    for (unsigned k = 0; k < 5000; k++) {
        char text[256] = "[";
        unsigned n = dice_below(&dice, 8);
        bool failed = true;
        for (unsigned i = 0; i < n; i++) {
            (void)strcat(text, i > 0 ? "," : "");
            (void)strcat(
                text,
                parts[dice_below(&dice, sizeof(parts) / sizeof(parts[0]))]);
        }
        (void)strcat(text, "]");
        json_t *list = json_loads(text, 0, NULL);
        assert_int_equal(count(text, strlen(text), &failed),
                         json_array_size(list));
        assert_false(failed);
        json_decref(list);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),    cmocka_unit_test(test_elements),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_any),
        cmocka_unit_test(test_as_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
