#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/obs.h"
#include "common/rrtype.h"

static const char *endpoint(const char *text) {
    static char out[NX_ENDPOINT_TEXT_MAX];
    struct nx_endpoint e;
    return nx_endpoint_parse(text, &e) == 0 ? nx_endpoint_text(&e, out)
                                            : "refused";
}

static void endpoints_parse(void **state) {
    (void)state;
    assert_string_equal(endpoint("192.0.2.1"), "192.0.2.1@53");
    assert_string_equal(endpoint("192.0.2.1@5353/tcp"), "192.0.2.1@5353/tcp");
    assert_string_equal(endpoint("192.0.2.1/tls"), "192.0.2.1@853/tls");
    assert_string_equal(endpoint("192.0.2.1@53/udp"), "192.0.2.1@53");
    assert_string_equal(endpoint("getaddrinfo"), "getaddrinfo");
    assert_string_equal(endpoint("2001:db8::1"), "[2001:db8::1]@53");
    assert_string_equal(endpoint("[2001:db8::1]@99"), "[2001:db8::1]@99");
    assert_string_equal(endpoint("2001:db8::1@99"), "[2001:db8::1]@99");
}

static void bad_endpoints_are_refused(void **state) {
    static const char *const bad[] = {
        "",
        "192.0.2",
        "192.0.2.1@0",
        "192.0.2.1@65536",
        "192.0.2.1@",
        "192.0.2.1@x",
        "192.0.2.1@-1",
        "192.0.2.1/quic",
        "192.0.2.1/getaddrinfo",
        "getaddrinfo@53",
        "[192.0.2.1]",
        "example.com",
        "192.0.2.1@53@53",
    };
    char long_text[200];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(endpoint(bad[i]), "refused");
    }
    memset(long_text, '1', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    assert_string_equal(endpoint(long_text), "refused");
}

/* What getaddrinfo(3) would read as an address is no question to the DNS. */
static void getaddrinfo_takes_host_names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool taken;
    } cases[] = {
        {"www.example.com.", true}, {"9.example.com.", true},
        {"dead.beef.", true},       {"a_b.example.", true},
        {"10.1.", false},           {"192.0.2.0x7f.", false},
        {"localhost.", false},      {"-x.example.", false},
        {"*.example.com.", false},  {".", false},
    };
    struct nx_endpoint at;
    uint8_t name[NX_DNAME_MAX];
    nx_system_endpoint(&at);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(nx_dname_parse(cases[i].name, name), 0);
        assert_int_equal(nx_endpoint_takes(&at, name, NX_TYPE_A),
                         cases[i].taken);
    }
}

static void endpoints_differ_in_each_part(void **state) {
    struct nx_endpoint a;
    struct nx_endpoint b;
    (void)state;
    assert_int_equal(nx_endpoint_parse("192.0.2.1@53", &a), 0);
    b = a;
    assert_true(nx_endpoint_equal(&a, &b));
    assert_true(nx_endpoint_hash(&a, 1) == nx_endpoint_hash(&b, 1));
    b.layer = NX_LAYER_CONTROL;
    assert_false(nx_endpoint_equal(&a, &b));
    b = a;
    b.transport = NX_TCP;
    assert_false(nx_endpoint_equal(&a, &b));
    b = a;
    b.server_name = (const uint8_t *)"\2ns\0";
    assert_false(nx_endpoint_equal(&a, &b));
    a.server_name = (const uint8_t *)"\2NS\0";
    assert_true(nx_endpoint_equal(&a, &b));
}

static void answers_compare_all_content(void **state) {
    const uint8_t rdata[] = {0, 4, 192, 0, 2, 1};
    const uint8_t other[] = {0, 4, 192, 0, 2, 2};
    struct nx_answer a = {.flags = NX_ANS_RDATA,
                          .rdata = rdata,
                          .rdata_len = sizeof(rdata),
                          .rdata_n = 1};
    struct nx_answer b = a;
    (void)state;
    assert_true(nx_answer_equal(&a, &b));
    b.rdata = other;
    assert_false(nx_answer_equal(&a, &b));
    b = a;
    b.ede[0] = 3;
    b.ede_n = 1;
    assert_false(nx_answer_equal(&a, &b));
    b = a;
    b.flags |= NX_ANS_SOA;
    b.soa_owner = (const uint8_t *)"\3com\0";
    a = b;
    a.soa_serial = 7;
    assert_false(nx_answer_equal(&a, &b));
}

static void types_parse(void **state) {
    char text[NX_RRTYPE_TEXT_MAX];
    uint16_t type = 0;
    (void)state;
    assert_int_equal(nx_rrtype_parse("aaaa", &type), 0);
    assert_int_equal(type, 28);
    assert_int_equal(nx_rrtype_parse("TYPE65280", &type), 0);
    assert_string_equal(nx_rrtype_text(type, text), "TYPE65280");
    assert_string_equal(nx_rrtype_text(61, text), "OPENPGPKEY");
    assert_int_equal(nx_rrtype_parse("TYPE255", &type), NX_ETYPE);
    assert_int_equal(nx_rrtype_parse("TYPE41", &type), NX_ETYPE);
    assert_int_equal(nx_rrtype_parse("TYPE0", &type), NX_ETYPE);
    assert_int_equal(nx_rrtype_parse("TYPE65536", &type), NX_ETYPE);
    assert_int_equal(nx_rrtype_parse("TYPE", &type), NX_ETYPE);
    assert_int_equal(nx_rrtype_parse("ANY", &type), NX_ETYPE);
    assert_int_equal(nx_rrtype_parse("", &type), NX_ETYPE);
    assert_string_equal(nx_rcode_text(3, text), "NXDOMAIN");
    assert_string_equal(nx_rcode_text(4095, text), "RCODE4095");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_parse),
        cmocka_unit_test(bad_endpoints_are_refused),
        cmocka_unit_test(getaddrinfo_takes_host_names),
        cmocka_unit_test(endpoints_differ_in_each_part),
        cmocka_unit_test(answers_compare_all_content),
        cmocka_unit_test(types_parse),
    };
    return cmocka_run_group_tests_name("obs", tests, NULL, NULL);
}
