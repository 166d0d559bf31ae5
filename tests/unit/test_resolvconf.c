#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/resolvconf.h"

static size_t parse(const char *text, struct nx_listed *out, size_t cap,
                    size_t *skipped) {
    return nx_resolvconf_parse(text, strlen(text), out, cap, skipped);
}

static const char *text_of(const struct nx_listed *listed) {
    static char text[NX_ENDPOINT_TEXT_MAX];
    return nx_endpoint_text(&listed->at, text);
}

static void test_lines(void **state) {
    (void)state;
    struct nx_listed out[8];
    size_t skipped = 9;
    size_t n = parse("# nameserver 192.0.2.9\n"
                     "; nameserver 192.0.2.8\n"
                     "domain example.com\n"
                     "search example.com example.net\n"
                     "options ndots:5 edns0 nameserver\n"
                     "nameserver 192.0.2.1\n"
                     "nameserver\t2001:db8::1   # the other\r\n"
                     "  nameserver 192.0.2.2\n"
                     "nameserver fe80::1%eth0\n"
                     "nameservers 192.0.2.7\n"
                     "nameserver 192.0.2.1\n"
                     "nameserver 192.0.2.3",
                     out, 8, &skipped);
    assert_int_equal(n, 5);
    assert_int_equal(skipped, 0);
    assert_string_equal(text_of(&out[0]), "192.0.2.1@53");
    assert_string_equal(text_of(&out[1]), "[2001:db8::1]@53");
    assert_string_equal(text_of(&out[2]), "192.0.2.2@53");
    assert_string_equal(text_of(&out[3]), "[fe80::1]@53");
    assert_string_equal(out[3].scope, "eth0");
    assert_string_equal(text_of(&out[4]), "192.0.2.3@53");
    assert_int_equal(out[0].at.layer, NX_LAYER_NETWORK);
}

static void test_wrong_lines(void **state) {
    (void)state;
    struct nx_listed out[2];
    size_t skipped = 0;
    size_t n = parse("nameserver\n"
                     "nameserver dns.example.com\n"
                     "nameserver 192.0.2.1@5353\n"
                     "nameserver 192.0.2.1/tls\n"
                     "nameserver [2001:db8::1]\n"
                     "nameserver 192.0.2.1%eth0\n"
                     "nameserver fe80::1%aninterfacenamethatistoolong\n"
                     "nameserver 192.0.2.1\n"
                     "nameserver 192.0.2.2\n"
                     "nameserver 192.0.2.3\n"
                     "nameserver 192.0.2.4\n",
                     out, 2, &skipped);
    assert_int_equal(n, 2);
    assert_int_equal(skipped, 9);
    assert_int_equal(parse("", out, 2, &skipped), 0);
    assert_int_equal(
        nx_resolvconf_parse("nameserver 192.0.2.1\0 ", 22, out, 2, &skipped),
        0);
    assert_int_equal(skipped, 1);
}

static void test_stub(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool stub;
    } rows[] = {{"127.0.0.53", true},
                {"127.0.0.54", true},
                {"127.0.0.1", false},
                {"192.0.2.53", false},
                {"::1", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_listed listed;
        assert_int_equal(nx_listed_parse(rows[i].text, &listed), NX_OK);
        assert_int_equal(nx_resolvconf_is_stub(&listed.at), rows[i].stub);
    }
}

static void test_listed(void **state) {
    (void)state;
    struct nx_listed listed;
    assert_int_equal(nx_listed_parse("[fe80::1%eth0]@5353/tcp", &listed),
                     NX_OK);
    assert_string_equal(listed.scope, "eth0");
    assert_string_equal(text_of(&listed), "[fe80::1]@5353/tcp");
    assert_int_equal(nx_listed_parse("fe80::1%", &listed), NX_EADDRESS);
    assert_int_equal(nx_listed_parse("", &listed), NX_EADDRESS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_stub),
        cmocka_unit_test(test_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
