#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/engine/incident.h"
#include "collector/engine/rdata.h"
#include "common/rrtype.h"

struct row {
    uint16_t qtype;
    const char *in;
    int err;
    const char *out; /* NULL: as in */
};

static const struct row rows[] = {
    {NX_TYPE_A, "192.0.2.10", 0, NULL},
    {NX_TYPE_A, " 192.0.2.10 ", 0, "192.0.2.10"},
    {NX_TYPE_A, "192.0.2", NX_EMALFORMED, NULL},
    {NX_TYPE_A, "192.0.2.10 192.0.2.11", NX_EMALFORMED, NULL},
    {NX_TYPE_A, "", NX_EMALFORMED, NULL},
    {NX_TYPE_A, "2001:db8::1", NX_EMALFORMED, NULL},
    {NX_TYPE_A, "\\# 4 C000020A", 0, "192.0.2.10"},
    {NX_TYPE_A, "\\# 3 C00002", NX_EMALFORMED, NULL},
    {NX_TYPE_A, "\\# 4 C00002", NX_EMALFORMED, NULL},
    {NX_TYPE_A, "\\# 4 C000020", NX_EMALFORMED, NULL},
    {NX_TYPE_A, "\\# 4 C0 00 02 0A", 0, "192.0.2.10"},
    {NX_TYPE_AAAA, "2001:DB8::1", 0, "2001:db8::1"},
    {NX_TYPE_CNAME, "Target.Example.NET", 0, "target.example.net."},
    {NX_TYPE_CNAME, "a..b", NX_EMALFORMED, NULL},
    {NX_TYPE_NS, "a\\.b.example.", 0, NULL},
    {NX_TYPE_NS, "\\# 5 03414243 00", 0, "abc."},
    {NX_TYPE_NS, "\\# 4 03414243", NX_EMALFORMED, NULL},
    {NX_TYPE_PTR, ".", 0, NULL},
    {NX_TYPE_MX, "10 Mail.example.com.", 0, "10 mail.example.com."},
    {NX_TYPE_MX, "65536 mail.example.com.", NX_EMALFORMED, NULL},
    {NX_TYPE_MX, "-1 mail.example.com.", NX_EMALFORMED, NULL},
    {NX_TYPE_MX, "10", NX_EMALFORMED, NULL},
    {NX_TYPE_SRV, "1 2 5060 sip.example.com.", 0, NULL},
    {NX_TYPE_TXT, "plain", 0, "\"plain\""},
    {NX_TYPE_TXT, "\"v=spf1 -all\" \"x\"", 0, NULL},
    {NX_TYPE_TXT, "\"a\\\"b\\\\c\\007\"", 0, NULL},
    {NX_TYPE_TXT, "\"\xc3\xa9\"", 0, "\"\\195\\169\""},
    {NX_TYPE_TXT, "\"open", NX_EMALFORMED, NULL},
    {NX_TYPE_TXT, "\"\\256\"", NX_EMALFORMED, NULL},
    {NX_TYPE_TXT, "\"\"", 0, NULL},
    {NX_TYPE_TXT, "", NX_EMALFORMED, NULL},
    {NX_TYPE_CAA, "0 issue \"ca.example.net; x=1\"", 0, NULL},
    {NX_TYPE_CAA, "256 issue \"ca.example.net\"", NX_EMALFORMED, NULL},
    {NX_TYPE_DS, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", 0, NULL},
    {NX_TYPE_DS, "60485 5 1 2BB183AF 5F225881", 0,
     "60485 5 1 2BB183AF5F225881"},
    {NX_TYPE_DS, /* as dig groups it */
     "60485 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF01234567 "
     "89abcdef",
     0,
     "60485 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF01234567 "
     "89ABCDEF"},
    {NX_TYPE_DS, "60485 5 1", NX_EMALFORMED, NULL},
    {NX_TYPE_DS, "60485 5 1 2bb", NX_EMALFORMED, NULL},
    {NX_TYPE_DS, "60485 256 1 2b", NX_EMALFORMED, NULL},
    {NX_TYPE_DS, "\\# 4 ec450501", NX_EMALFORMED, NULL}, /* no digest */
    {NX_TYPE_SOA,
     "Ns1.example.com. hostmaster.example.com. 4294967295 3600 600 86400 300",
     0,
     "ns1.example.com. hostmaster.example.com. 4294967295 3600 600 86400 "
     "300"},
    {NX_TYPE_SOA, "ns1.example.com. hostmaster.example.com. 4294967296 1 1 1 1",
     NX_EMALFORMED, NULL},
    {NX_TYPE_SOA, "ns1.example.com. hostmaster.example.com. 1 1 1 1",
     NX_EMALFORMED, NULL},
    {65280, "\\# 3 000100", 0, NULL},
    {65280, "\\# 0", 0, NULL},
    {65280, "1 . alpn=h2", NX_EMALFORMED, NULL},
    {65280, "\\# 1 zz", NX_EMALFORMED, NULL},
};

static void test_presentation(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_incident_item item = {.qtype = rows[i].qtype};
        char text[4200];
        int err = nx_incident_expect(&item, rows[i].in);
        if (err != rows[i].err) {
            fail_msg("%s: %s", rows[i].in, nx_strerror(err));
        }
        if (err == 0) {
            const char *want = rows[i].out != NULL ? rows[i].out : rows[i].in;
            assert_int_equal(item.rdata_n, 1);
            assert_string_equal(nx_rdata_text(item.qtype, item.rdata,
                                              item.rdata_len, 0, text,
                                              sizeof(text)),
                                want);
        } else {
            assert_int_equal(item.rdata_len, 0);
        }
    }
}

static void test_set_is_sorted_and_without_twins(void **state) {
    struct nx_incident_item item = {.qtype = NX_TYPE_A};
    static const uint8_t want[] = {0, 4, 10, 0, 0, 1,   0, 4, 192,
                                   0, 2, 1,  0, 4, 192, 0, 2, 9};
    (void)state;
    assert_int_equal(nx_incident_expect(&item, "192.0.2.9"), 0);
    assert_int_equal(nx_incident_expect(&item, "10.0.0.1"), 0);
    assert_int_equal(nx_incident_expect(&item, "192.0.2.1"), 0);
    assert_int_equal(nx_incident_expect(&item, "192.0.2.9"), 0);
    assert_int_equal(item.rdata_n, 3);
    assert_int_equal(item.rdata_len, sizeof(want));
    assert_memory_equal(item.rdata, want, sizeof(want));
}

/* RFC 4034 section 6.3: a missing octet sorts before a zero one. */
static void test_shorter_comes_first(void **state) {
    struct nx_incident_item item = {.qtype = 65280};
    static const uint8_t want[] = {0, 1, 7, 0, 2, 7, 0};
    (void)state;
    assert_int_equal(nx_incident_expect(&item, "\\# 2 0700"), 0);
    assert_int_equal(nx_incident_expect(&item, "\\# 1 07"), 0);
    assert_memory_equal(item.rdata, want, sizeof(want));
}

static void test_limits(void **state) {
    struct nx_incident_item item = {.qtype = NX_TYPE_A};
    struct nx_incident_item big = {.qtype = NX_TYPE_TXT};
    char text[260];
    (void)state;
    for (unsigned i = 0; i < NX_ANSWER_RECORDS_MAX; i++) {
        (void)snprintf(text, sizeof(text), "192.0.2.%u", i);
        assert_int_equal(nx_incident_expect(&item, text), 0);
    }
    assert_int_equal(nx_incident_expect(&item, "192.0.2.200"), NX_ELIMIT);
    assert_int_equal(nx_incident_expect(&item, "192.0.2.5"), 0); /* known */
    memset(text, 'x', sizeof(text));
    text[256] = '\0';
    assert_int_equal(nx_incident_expect(&big, text), NX_EMALFORMED);
    text[255] = '\0';
    for (unsigned i = 0; i < 3; i++) {
        text[0] = (char)('a' + i);
        assert_int_equal(nx_incident_expect(&big, text), 0);
    }
    text[0] = 'z';
    assert_int_equal(nx_incident_expect(&big, text), NX_ELIMIT);
    assert_int_equal(big.rdata_n, 3);
}

/* What strangers sent is shown, whatever it is. */
static void test_hostile_rdata_is_printable(void **state) {
    static const uint8_t hostile[] = {0,    9, 8,    0x1b, '[', '3', '1',
                                      'm',  0, 0xff, '<',  0,   2,   0xc0,
                                      0x0c, 0, 4,    1,    2};
    static const uint16_t types[] = {NX_TYPE_A,   NX_TYPE_NS,  NX_TYPE_MX,
                                     NX_TYPE_TXT, NX_TYPE_CAA, NX_TYPE_SVCB};
    char text[256];
    (void)state;
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        for (unsigned i = 0; i < 4; i++) {
            (void)nx_rdata_text(types[t], hostile, sizeof(hostile), i, text,
                                sizeof(text));
            for (const char *p = text; *p != '\0'; p++) {
                assert_in_range(*p, 0x20, 0x7e);
            }
        }
    }
    /* The third record claims more than there is: nothing. */
    assert_string_equal(nx_rdata_text(NX_TYPE_A, hostile, sizeof(hostile), 2,
                                      text, sizeof(text)),
                        "");
    assert_string_equal(nx_rdata_text(NX_TYPE_NS, hostile, sizeof(hostile), 1,
                                      text, sizeof(text)),
                        "\\# 2 C00C");
    assert_string_equal(nx_rdata_text(NX_TYPE_TXT, hostile, sizeof(hostile), 0,
                                      text, sizeof(text)),
                        "\"\\027[31m\\000\\255<\"");
}

static void test_text_is_cut_at_a_piece(void **state) {
    struct nx_incident_item item = {.qtype = NX_TYPE_TXT};
    char text[6];
    (void)state;
    assert_int_equal(nx_incident_expect(&item, "\"ab\\200z\""), 0);
    (void)nx_rdata_text(NX_TYPE_TXT, item.rdata, item.rdata_len, 0, text,
                        sizeof(text));
    assert_string_equal(text, "\"ab");
}

static void test_zones_of_its_names(void **state) {
    static const uint8_t first[] = "\3www\7example\3com";
    static const uint8_t second[] = "\7example\4test";
    struct nx_incident in = {.items_n = 2};
    (void)state;
    memcpy(in.items[0].name, first, sizeof(first));
    memcpy(in.items[1].name, second, sizeof(second));
    assert_true(nx_incident_in_zone(&in, (const uint8_t *)"\7EXAMPLE\3com"));
    assert_true(nx_incident_in_zone(&in, (const uint8_t *)"\4test"));
    assert_true(nx_incident_in_zone(&in, second));
    assert_false(nx_incident_in_zone(&in, (const uint8_t *)"\3net"));
    assert_false(nx_incident_in_zone(&in, (const uint8_t *)"\3www\4test"));
    in.items_n = 1;
    assert_false(nx_incident_in_zone(&in, second));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presentation),
        cmocka_unit_test(test_set_is_sorted_and_without_twins),
        cmocka_unit_test(test_shorter_comes_first),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_zones_of_its_names),
        cmocka_unit_test(test_hostile_rdata_is_printable),
        cmocka_unit_test(test_text_is_cut_at_a_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
