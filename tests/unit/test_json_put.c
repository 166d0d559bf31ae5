/* JSON that is written is what jansson writes, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/status/json_put.h"
#include "tests/lib/dice.h"

#define JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY)

/* Takes both. */
static void check_same(struct nx_text *text, json_t *value) {
    char *expected = json_dumps(value, JSON_FLAGS);
    assert_non_null(expected);
    assert_false(text->failed);
    assert_string_equal(text->bytes, expected);
    assert_int_equal(text->len, strlen(expected));
    json_t *read = nx_put_read(text);
    assert_true(json_equal(read, value));
    json_decref(read);
    json_decref(value);
    free(expected);
}

static void check_string(const char *string) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_string(&text, string);
    check_same(&text, nx_json_text(string));
}

static void test_strings(void **state) {
    static const char *const strings[] = {
        "",
        "lyon-office",
        "\"",
        "\\",
        "a \"quoted\" part\\",
        "www\\.example\\032com.",
        "/",
        "{[,:",
        "caf\xc3\xa9",
        "\xe6\x97\xa5\xe6\x9c\xac",
        "\xf0\x9f\x8c\x8d",
        "line\nfeed",
        "\x7f",
        "\xc2\x9b",     /* C1 */
        "\xff\xfe \"q", /* not UTF-8 */
        "\xed\xa0\x80", /* a surrogate */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        check_string(strings[i]);
    }
}

/* Octets of all kinds, often those that mean something. */
static void test_any_string(void **state) {
    static const char special[] = "\"\\{}[],:\n\x7f\xc2\xe9\x9b";
    struct dice dice = {1};
    (void)state;
    for (unsigned k = 0; k < 20000; k++) {
        char string[24];
        size_t n = dice_below(&dice, sizeof(string));
        for (size_t i = 0; i < n; i++) {
            string[i] = dice_below(&dice, 3) == 0
                            ? special[dice_below(&dice, sizeof(special) - 1)]
                            : (char)(1 + dice_below(&dice, 255));
        }
        string[n] = '\0';
        check_string(string);
    }
}

static void check_real(double value) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_real(&text, value);
    check_same(&text, json_real(value));
}

static void test_reals(void **state) {
    static const double reals[] = {
        0.0,   -0.0, 1.0,  -1.0,  0.5,    1.0 / 3,           0.1,
        100.0, 1e21, 1e-7, 2e300, 5e-324, 1.0000000000000002};
    struct dice dice = {2};
    (void)state;
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        check_real(reals[i]);
    }
    for (unsigned k = 0; k < 1000; k++) {
        check_real((double)dice_below(&dice, 1000) / 999.0);
    }
}

static void test_integers(void **state) {
    static const int64_t integers[] = {0, 7, -1, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        struct nx_text text;
        nx_text_init(&text);
        nx_put_integer(&text, integers[i]);
        check_same(&text, json_integer(integers[i]));
    }
}

/* Commas between all that stands side by side, and nowhere else. */
static void test_structure(void **state) {
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    nx_put_open(&text, '{');
    nx_put_key(&text, "none");
    nx_put_open(&text, '[');
    nx_put_close(&text, ']');
    nx_put_member(&text, "brackets", "{[");
    nx_put_key(&text, "list");
    nx_put_open(&text, '[');
    nx_put_null(&text);
    nx_put_bool(&text, true);
    nx_put_string(&text, ",");
    nx_put_string(&text, "");
    nx_put_open(&text, '{');
    nx_put_close(&text, '}');
    nx_put_open(&text, '[');
    nx_put_integer(&text, 1);
    nx_put_integer(&text, 2);
    nx_put_close(&text, ']');
    nx_put_close(&text, ']');
    nx_put_key(&text, "last");
    nx_put_bool(&text, false);
    nx_put_close(&text, '}');
    check_same(&text, json_pack("{s:[], s:s, s:[n, b, s, s, {}, [i, i]], s:b}",
                                "none", "brackets", "{[", "list", 1, ",", "", 1,
                                2, "last", 0));
}

/* What is no JSON makes no document. */
static void test_fails(void **state) {
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    nx_put_open(&text, '[');
    nx_put_real(&text, strtod("nan", NULL));
    nx_put_integer(&text, 1);
    nx_put_close(&text, ']');
    assert_true(text.failed);
    assert_null(nx_put_read(&text));
    nx_text_init(&text);
    nx_put_open(&text, '{');
    assert_null(nx_put_read(&text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),   cmocka_unit_test(test_any_string),
        cmocka_unit_test(test_reals),     cmocka_unit_test(test_integers),
        cmocka_unit_test(test_structure), cmocka_unit_test(test_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
