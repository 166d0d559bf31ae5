#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* EAI_NODATA */
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netdb.h>

#include "agent/dns/lookup.h"
#include "common/rrtype.h"

static struct nx_lookup_answer out;

static int take(const struct nx_lookup_reply *reply, uint16_t qtype) {
    return nx_lookup_read((const uint8_t *)reply, sizeof(*reply), qtype, &out);
}

static void test_failures(void **state) {
    static const struct {
        int status;
        uint8_t outcome;
        uint16_t rcode;
    } rows[] = {
        {EAI_NONAME, NX_ANSWERED, NX_RCODE_NXDOMAIN},
        {EAI_NODATA, NX_ANSWERED, NX_RCODE_NOERROR},
        {EAI_ADDRFAMILY, NX_ANSWERED, NX_RCODE_NOERROR},
        {EAI_AGAIN, NX_ANSWERED, NX_RCODE_SERVFAIL},
        {EAI_FAIL, NX_ANSWERED, NX_RCODE_SERVFAIL},
        {EAI_MEMORY, NX_LOCAL_ERROR, 0},
        {EAI_SYSTEM, NX_LOCAL_ERROR, 0},
        {-12345, NX_LOCAL_ERROR, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct nx_lookup_reply reply = {.status = rows[i].status};
        assert_int_equal(take(&reply, NX_TYPE_A), NX_OK);
        assert_int_equal(out.answer.outcome, rows[i].outcome);
        assert_int_equal(out.answer.rcode, rows[i].rcode);
        assert_int_equal(out.answer.flags, 0);
        assert_int_equal(out.answer.rdata_n, 0);
    }
}

/* As a reply from the wire would have it: sorted, nothing twice. */
static void test_addresses(void **state) {
    static const uint8_t two[4] = {192, 0, 2, 2};
    static const uint8_t one[4] = {192, 0, 2, 1};
    static const uint8_t want[] = {0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 2};
    struct nx_lookup_reply reply = {0};
    (void)state;
    nx_lookup_add(&reply, two, 4);
    nx_lookup_add(&reply, one, 4);
    nx_lookup_add(&reply, two, 4);
    assert_int_equal(take(&reply, NX_TYPE_A), NX_OK);
    assert_int_equal(out.answer.flags, NX_ANS_RDATA);
    assert_int_equal(out.answer.rdata_n, 2);
    assert_int_equal(out.answer.rdata_len, sizeof(want));
    assert_memory_equal(out.answer.rdata, want, sizeof(want));
    reply.hosts_file = 1;
    assert_int_equal(take(&reply, NX_TYPE_A), NX_OK);
    assert_int_equal(out.answer.flags, NX_ANS_RDATA | NX_ANS_HOSTS_FILE);
}

static void test_most_addresses(void **state) {
    uint8_t address[16] = {0x20, 1, 0xd, 0xb8};
    struct nx_lookup_reply reply = {0};
    (void)state;
    for (unsigned i = 0; i < 2 * NX_ANSWER_RECORDS_MAX; i++) {
        address[15] = (uint8_t)i;
        nx_lookup_add(&reply, address, 16);
    }
    assert_int_equal(take(&reply, NX_TYPE_AAAA), NX_OK);
    assert_int_equal(out.answer.rdata_n, NX_ANSWER_RECORDS_MAX);
    assert_int_equal(out.answer.rdata_len, NX_ANSWER_RECORDS_MAX * 18);
}

/* A child that was killed, or code in it that wrote something else. */
static void test_malformed(void **state) {
    static const uint8_t one[4] = {192, 0, 2, 1};
    struct nx_lookup_reply reply = {0};
    (void)state;
    assert_int_equal(take(&reply, NX_TYPE_A), NX_EMALFORMED); /* good, none */
    nx_lookup_add(&reply, one, 4);
    assert_int_equal(take(&reply, NX_TYPE_AAAA), NX_EMALFORMED);
    assert_int_equal(nx_lookup_read((const uint8_t *)&reply, sizeof(reply) - 1,
                                    NX_TYPE_A, &out),
                     NX_EMALFORMED);
    reply.address_len = 255;
    assert_int_equal(take(&reply, NX_TYPE_A), NX_EMALFORMED);
    reply.address_len = 4;
    reply.addresses_n = 255;
    assert_int_equal(take(&reply, NX_TYPE_A), NX_EMALFORMED);
    reply.addresses_n = 1;
    reply.status = EAI_NONAME;
    assert_int_equal(take(&reply, NX_TYPE_A), NX_EMALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_most_addresses),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
