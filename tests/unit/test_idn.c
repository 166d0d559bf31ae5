/* Names in both forms, and what strangers make of A-labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/engine/idn.h"

static const struct {
    const char *written; /* as somebody gives it */
    const char *ascii;   /* NULL: no name */
    const char *unicode; /* NULL: only the A-form is shown */
} rows[] = {
    {"www.example.com", "www.example.com.", NULL},
    {"b\xc3\xbc"
     "cher.example",
     "xn--bcher-kva.example.",
     "b\xc3\xbc"
     "cher.example"},
    {"B\xc3\x9c"
     "CHER.example.",
     "xn--bcher-kva.example.",
     "b\xc3\xbc"
     "cher.example"},
    {"bu\xcc\x88"
     "cher.example",
     "xn--bcher-kva.example.", /* not composed */
     "b\xc3\xbc"
     "cher.example"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example.",
     "b\xc3\xbc"
     "cher.example"},
    {"XN--BCHER-KVA.example", "XN--BCHER-KVA.example.",
     "b\xc3\xbc"
     "cher.example"},
    {"fa\xc3\x9f.example", "xn--fa-hia.example.", "fa\xc3\x9f.example"},
    {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
     "xn--r8jz45g.xn--zckzah.",
     "\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"},
    {"_sip._tcp.b\xc3\xbc"
     "cher.example",
     "_sip._tcp.xn--bcher-kva.example.",
     "_sip._tcp.b\xc3\xbc"
     "cher.example"},
    /* No names. */
    {"b\xc3", NULL, NULL},                         /* not UTF-8 */
    {"b\xc3\xbc\\046.example", NULL, NULL},        /* an escape beside it */
    {"b\xc3\xbc..example", NULL, NULL},            /* an empty label */
    {"b\xc3\xbc\xe2\x80\xae.example", NULL, NULL}, /* turns the line round */
    {"", NULL, NULL},
    /* A-labels that are none: shown as they are. */
    {"xn--.example", "xn--.example.", NULL},
    {"xn--a.example", "xn--a.example.", NULL},
    {"xn--99999999.example", "xn--99999999.example.", NULL},
    {"xn--www-.example", "xn--www-.example.", NULL},
    {"xn--u-ccb.example", "xn--u-ccb.example.", NULL}, /* not composed */
    {"xn--b\\195\\188.example", "xn--b\\195\\188.example.", NULL},
    {"xn--\\027[31m.example", "xn--\\027[31m.example.", NULL},
    {"xn--tda\\.x.example", "xn--tda\\.x.example.", NULL},
};

static void test_both_forms(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t name[NX_DNAME_MAX];
        char ascii[NX_DNAME_TEXT_MAX];
        char unicode[NX_IDN_TEXT_MAX] = "untouched";
        int err = nx_idn_parse(rows[i].written, name);
        if ((err == 0) != (rows[i].ascii != NULL)) {
            fail_msg("row %zu: %s", i, nx_strerror(err));
        }
        if (err != 0) {
            assert_int_equal(err, NX_ENAME);
            continue;
        }
        assert_string_equal(nx_dname_text(name, ascii), rows[i].ascii);
        bool shown = nx_idn_text(name, unicode);
        if (shown != (rows[i].unicode != NULL)) {
            fail_msg("row %zu: %s", i, unicode);
        }
        assert_string_equal(unicode, shown ? rows[i].unicode : "untouched");
    }
}

/* What is made of any A-label is no control, and nothing is read beyond it. */
static void test_hostile_labels(void **state) {
    uint32_t seed = 20261127;
    unsigned shown_n = 0;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t name[NX_DNAME_MAX] = {8, 'x', 'n', '-', '-'};
        char out[NX_IDN_TEXT_MAX];
        for (unsigned k = 5; k < 9; k++) {
            seed = seed * 1664525U + 1013904223U;
            name[k] = (uint8_t) "abcdefghijklmnopqrstuvwxyz0123456789-\x1b\xff."
                [(seed >> 16) % 40];
        }
        if (!nx_idn_text(name, out)) {
            continue;
        }
        shown_n++;
        for (const char *p = out; *p != '\0'; p++) {
            assert_true((unsigned char)*p > 0x20 && *p != 0x7f);
            assert_false((unsigned char)p[0] == 0xc2 &&
                         (unsigned char)p[1] < 0xa0); /* C1 */
        }
    }
    assert_true(shown_n > 100); /* it did find some */
}

static void test_longest(void **state) {
    uint8_t name[NX_DNAME_MAX];
    char text[2100];
    (void)state;
    memset(text, 0, sizeof(text));
    for (unsigned i = 0; i < 1040; i += 2) {
        memcpy(text + i, "\xc3\xbc", 2);
    }
    assert_int_equal(nx_idn_parse(text, name), NX_ENAME); /* over the limit */
    text[400] = '\0';
    assert_int_equal(nx_idn_parse(text, name), NX_ENAME); /* one long label */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_hostile_labels),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
