#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/bundle.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1800000000) * S) /* 2027-01-15T08:00:00Z */
#define THETA (-T0 + 5000 * S)

static const uint8_t www[] = "\3www\7example\3com";
static const uint8_t apex[] = "\7example\3com";

static char *dig_of(const struct nx_answer *answer, uint32_t ttl_s) {
    struct nx_question q = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD | NX_Q_NSID};
    struct nx_obs obs = {.question = &q,
                         .answer = answer,
                         .tx_mono_us = T0 + THETA,
                         .rx_mono_us = T0 + THETA + 1500,
                         .soa_ttl_s = ttl_s,
                         .answer_ttl_s = ttl_s,
                         .src_port = 40000};
    struct nx_text text;
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &q.to), 0);
    nx_text_init(&text);
    nx_obs_as_dig(&obs, THETA, 900, &text);
    char *out = nx_text_take(&text);
    assert_non_null(out);
    return out;
}

static void check(const struct nx_answer *answer, uint32_t ttl_s,
                  const char *want) {
    char *text = dig_of(answer, ttl_s);
    assert_string_equal(text, want);
    free(text);
}

#define ASKED ";; ASKED: @192.0.2.53 www.example.com. A +nsid\n"
#define QUESTION "\n;; QUESTION SECTION:\n;www.example.com.\tIN\tA\n"
#define TIMES                                                                  \
    ";; WHEN: 2027-01-15T08:00:00.000Z (clock error at most 1 ms)\n"           \
    ";; Query time: 1.5 msec, from port 40000\n\n"

static void test_denial(void **state) {
    static const uint8_t nsid[] = {0x6e, 0x31, 0x1b};
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags =
                                         NX_ANS_SOA | NX_ANS_RA | NX_ANS_EDNS,
                                     .soa_owner = apex,
                                     .soa_serial = 7,
                                     .soa_minimum_s = 900,
                                     .ede = {15, 49152},
                                     .ede_n = 2,
                                     .nsid = nsid,
                                     .nsid_len = 3};
    (void)state;
    check(&answer, 812,
          ASKED ";; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN\n"
                ";; flags: qr rd ra\n"
                "\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0\n"
                "; EDE: 15 (Blocked)\n; EDE: 49152\n"
                "; NSID: 6e 31 1b (\"n1.\")\n" QUESTION
                "\n;; AUTHORITY SECTION:\nexample.com.\t812\tIN\tSOA\t; serial "
                "7, minimum 900; the other fields are not recorded\n\n" TIMES);
}

static void test_alias(void **state) {
    static const uint8_t target[] = "\1t\7example\3net";
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10, 0, 4, 192, 0, 2, 11};
    const struct nx_answer answer = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                     .cname_n = 1,
                                     .denied_name = target,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 2};
    (void)state;
    check(&answer, 300,
          ASKED ";; ->>HEADER<<- opcode: QUERY, status: NOERROR\n"
                ";; flags: qr rd aa\n" QUESTION
                "\n;; ANSWER SECTION:\n; 1 CNAME record from www.example.com. "
                "to t.example.net.\n"
                "t.example.net.\t300\tIN\tA\t192.0.2.10\n"
                "t.example.net.\t300\tIN\tA\t192.0.2.11\n\n" TIMES);
}

static void test_silence(void **state) {
    const struct nx_answer answer = {.outcome = NX_TIMEOUT};
    (void)state;
    check(&answer, 0, ASKED ";; timeout\n" TIMES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_denial),
        cmocka_unit_test(test_alias),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
