#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/dname.h"

static const char *round_trip(const char *text) {
    static char out[NX_DNAME_TEXT_MAX];
    uint8_t wire[NX_DNAME_MAX];
    if (nx_dname_parse(text, wire) != 0) {
        return "refused";
    }
    assert_int_equal(nx_dname_check(wire, nx_dname_len(wire)), 0);
    return nx_dname_text(wire, out);
}

static void text_round_trips(void **state) {
    (void)state;
    assert_string_equal(round_trip("."), ".");
    assert_string_equal(round_trip("www.example.com"), "www.example.com.");
    assert_string_equal(round_trip("WWW.Example.com."), "WWW.Example.com.");
    assert_string_equal(round_trip("a\\.b.test"), "a\\.b.test.");
    assert_string_equal(round_trip("a\\\\b.test"), "a\\\\b.test.");
    assert_string_equal(round_trip("\\027[31m.test"), "\\027[31m.test.");
    assert_string_equal(round_trip("\\255\\000.test"), "\\255\\000.test.");
    assert_string_equal(round_trip("sp ace.test"), "sp\\032ace.test.");
    assert_string_equal(round_trip("\"q\";.test"), "\\034q\\034\\059.test.");
}

static void bad_text_is_refused(void **state) {
    static const char *const bad[] = {
        "", "..", ".test", "a..b", "a\\", "a\\25", "a\\256.test", "a\\2x5",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(round_trip(bad[i]), "refused");
    }
}

static void fill(char *text, const unsigned *labels, size_t n) {
    for (size_t i = 0; i < n; i++) {
        memset(text, 'x', labels[i]);
        text += labels[i];
        *text++ = '.';
    }
    *text = '\0';
}

static void lengths_are_bounded(void **state) {
    static const unsigned longest[] = {63, 63, 63, 61};
    static const unsigned too_long[] = {63, 63, 63, 62};
    static const unsigned long_label[] = {64};
    char text[NX_DNAME_TEXT_MAX];
    uint8_t wire[NX_DNAME_MAX];
    (void)state;
    fill(text, longest, 4);
    assert_int_equal(nx_dname_parse(text, wire), 0);
    assert_int_equal(nx_dname_len(wire), NX_DNAME_MAX);
    fill(text, too_long, 4);
    assert_int_equal(nx_dname_parse(text, wire), NX_ENAME);
    fill(text, long_label, 1);
    assert_int_equal(nx_dname_parse(text, wire), NX_ENAME);
}

static void longest_text_fits(void **state) {
    uint8_t wire[NX_DNAME_MAX];
    char text[NX_DNAME_TEXT_MAX + 8];
    static const uint8_t labels[] = {63, 63, 63, 61};
    size_t at = 0;
    (void)state;
    memset(wire, 1, sizeof(wire));
    for (size_t i = 0; i < sizeof(labels); i++) {
        wire[at] = labels[i];
        at += (size_t)labels[i] + 1;
    }
    wire[at] = 0;
    memset(text, '#', sizeof(text));
    (void)nx_dname_text(wire, text);
    assert_true(strlen(text) < NX_DNAME_TEXT_MAX);
    assert_int_equal(text[NX_DNAME_TEXT_MAX], '#');
}

static void wire_is_checked(void **state) {
    (void)state;
    assert_int_equal(nx_dname_check((const uint8_t *)"\1a\0", 3), 0);
    assert_int_equal(nx_dname_check((const uint8_t *)"\1a\0x", 4), NX_ENAME);
    assert_int_equal(nx_dname_check((const uint8_t *)"\1a", 2), NX_ENAME);
    assert_int_equal(nx_dname_check((const uint8_t *)"\300\0", 2), NX_ENAME);
    assert_int_equal(nx_dname_check((const uint8_t *)"", 0), NX_ENAME);
    uint8_t endless[300];
    memset(endless, 1, sizeof(endless));
    assert_int_equal(nx_dname_check(endless, sizeof(endless)), NX_ENAME);
}

static void names_compare(void **state) {
    uint8_t a[NX_DNAME_MAX];
    uint8_t b[NX_DNAME_MAX];
    uint8_t c[NX_DNAME_MAX];
    (void)state;
    assert_int_equal(nx_dname_parse("WWW.example.COM", a), 0);
    assert_int_equal(nx_dname_parse("www.EXAMPLE.com", b), 0);
    assert_int_equal(nx_dname_parse("example.com", c), 0);
    assert_true(nx_dname_equal(a, b));
    assert_false(nx_dname_equal(a, c));
    assert_true(nx_dname_hash(a, 7) == nx_dname_hash(b, 7));
    assert_false(nx_dname_hash(a, 7) == nx_dname_hash(a, 8));
    assert_true(nx_dname_under(a, c));
    assert_true(nx_dname_under(c, c));
    assert_true(nx_dname_under(c, (const uint8_t *)""));
    assert_false(nx_dname_under(c, a));
    assert_int_equal(nx_dname_labels(a), 3);
    assert_true(nx_dname_equal(nx_dname_parent(a), c));
    assert_null(nx_dname_parent((const uint8_t *)""));
    /* "xexample.com" ends like "example.com" and is not below it. */
    assert_int_equal(nx_dname_parse("xexample.com", a), 0);
    assert_false(nx_dname_under(a, c));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(wire_is_checked),
        cmocka_unit_test(names_compare),
    };
    return cmocka_run_group_tests_name("dname", tests, NULL, NULL);
}
