#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/status/dig.h"
#include "common/rrtype.h"

static void check(const uint8_t *name, const char *at, unsigned flags,
                  const char *want) {
    struct nx_question q = {
        .name = name, .qtype = NX_TYPE_A, .flags = (uint16_t)flags};
    struct nx_text text;
    assert_int_equal(nx_endpoint_parse(at, &q.to), 0);
    nx_text_init(&text);
    nx_dig_command(&q, &text);
    assert_string_equal(text.bytes, want);
    nx_text_fini(&text);
}

static void test_plain(void **state) {
    static const uint8_t www[] = "\3www\7example\3com";
    (void)state;
    check(www, "192.0.2.53", NX_Q_RD,
          "dig @192.0.2.53 www.example.com. A "
          "+nsid");
    check(www, "198.51.100.1", 0,
          "dig @198.51.100.1 www.example.com. A +norecurse +nsid");
    check(www, "[2001:db8::1]@5353/tcp", NX_Q_RD | NX_Q_CD,
          "dig @2001:db8::1 -p 5353 www.example.com. A +cdflag +nsid +tcp");
    check(www, "192.0.2.53@853/tls", NX_Q_RD | NX_Q_DO,
          "dig @192.0.2.53 www.example.com. A +dnssec +nsid +tls");
    check(www, "getaddrinfo", NX_Q_RD, "getent ahostsv4 www.example.com");
}

/* Which of the links a link-local address is on. */
static void test_scope(void **state) {
    static const uint8_t www[] = "\3www\7example\3com";
    struct nx_question q = {.name = www, .qtype = NX_TYPE_A};
    struct nx_text text;
    (void)state;
    assert_int_equal(nx_endpoint_parse("[fe80::1]@53", &q.to), 0);
    q.to.scope_id = 2;
    nx_text_init(&text);
    nx_dig_command(&q, &text);
    assert_string_equal(text.bytes, "dig @fe80::1%2 www.example.com. A "
                                    "+norecurse +nsid");
    nx_text_fini(&text);
}

/* A name that would be an option or a command stays a name. */
static void test_hostile(void **state) {
    static const uint8_t option[] = "\2-x\3com";
    static const uint8_t command[] = "\7a';`id`\3com";
    static const uint8_t newline[] = "\3a\nb\3com";
    (void)state;
    check(option, "192.0.2.53", NX_Q_RD,
          "dig @192.0.2.53 -q '-x.com.' A +nsid");
    check(command, "192.0.2.53", NX_Q_RD,
          "dig @192.0.2.53 -q 'a\\039\\059`id`.com.' A +nsid");
    check(newline, "192.0.2.53", NX_Q_RD,
          "dig @192.0.2.53 -q 'a\\010b.com.' A +nsid");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
