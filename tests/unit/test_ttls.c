#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/audit/ttls.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(1795205462) * S)
#define NOW_S UINT32_C(1795205462)

static const uint8_t apex[] = "\7example\3com";
static const uint8_t name[] = "\3www\7example\3com";

static struct nx_papers papers;

static struct nx_endpoint endpoint(unsigned i) {
    return (struct nx_endpoint){.address = {198, 51, 100, (uint8_t)i},
                                .address_len = 4,
                                .port = 53,
                                .layer = NX_LAYER_AUTHORITY};
}

/* A record, signed until `ends`; 0: not. */
static void put(enum nx_paper_kind kind, unsigned server, uint32_t ttl_s,
                uint16_t flags, uint32_t ends) {
    static const uint8_t record[] = {0, 4, 192, 0, 2, 10};
    const struct nx_question q = {.name = kind == NX_PAPER_ANSWER ? name : apex,
                                  .flags = NX_Q_DO,
                                  .to = endpoint(server)};
    struct nx_answer a = {.flags = flags};
    if ((flags & NX_ANS_RDATA) != 0) {
        a.rdata = record;
        a.rdata_len = sizeof(record);
        a.rdata_n = 1;
    }
    a.proof.signatures_n = ends != 0 ? 1 : 0;
    a.proof.expiration = ends;
    const struct nx_obs obs = {
        .question = &q, .answer = &a, .answer_ttl_s = ttl_s};
    assert_int_equal(nx_papers_put(&papers, kind, 1, &obs, NOW), 0);
}

static struct nx_audit_ttls look(void) {
    static struct nx_audit_server servers[2];
    const struct nx_audit_case c = {
        .apex = apex, .papers = &papers, .servers = servers, .servers_n = 2};
    struct nx_audit_ttls ttls;
    servers[0].at = endpoint(1);
    servers[1].at = endpoint(2);
    nx_audit_ttls_of(&c, &ttls);
    return ttls;
}

static int teardown(void **state) {
    (void)state;
    nx_papers_fini(&papers);
    return 0;
}

#define GOOD (NX_ANS_AA | NX_ANS_RDATA)

/* Of several servers the longest; the parent's DS; no cache's word, and none of
 * a server that left the set. */
static void longest_ttls(void **state) {
    (void)state;
    put(NX_PAPER_NS, 1, 3600, GOOD, 0);
    put(NX_PAPER_NS, 2, 300, GOOD, 0);
    put(NX_PAPER_NS, 3, 9999, GOOD, 0);
    put(NX_PAPER_DS, 9, 86400, GOOD, 0);
    put(NX_PAPER_DNSKEY, 1, 8000, NX_ANS_RDATA, 0);
    put(NX_PAPER_ANSWER, 1, 77, NX_ANS_AA, 0); /* denied */
    struct nx_audit_ttls t = look();
    assert_int_equal(t.ns_s, 3600);
    assert_int_equal(t.ds_s, 86400);
    assert_int_equal(t.dnskey_s, NX_TTL_UNKNOWN);
    assert_int_equal(t.record_s, NX_TTL_UNKNOWN);
    put(NX_PAPER_ANSWER, 2, 0, GOOD, 0);
    assert_int_equal(look().record_s, 0);
}

/* Modulo 2^32; the parent's own signature is not the zone's affair. */
static void earliest_end(void **state) {
    (void)state;
    assert_true(look().signatures_end_us == INT64_MIN);
    put(NX_PAPER_DS, 9, 60, GOOD, NOW_S + 5);
    assert_true(look().signatures_end_us == INT64_MIN);
    put(NX_PAPER_DNSKEY, 1, 60, GOOD, NOW_S + 14 * 86400);
    assert_true(look().signatures_end_us == NOW + 14 * 86400 * S);
    put(NX_PAPER_ANSWER, 2, 60, GOOD, NOW_S - 60);
    assert_true(look().signatures_end_us == NOW - 60 * S);
}

static void joined(void **state) {
    struct nx_audit_ttls all;
    struct nx_audit_ttls one = {5, 10, NX_TTL_UNKNOWN, 0, NOW};
    (void)state;
    nx_audit_ttls_init(&all);
    nx_audit_ttls_join(&all, &one);
    one = (struct nx_audit_ttls){7, 2, 3, NX_TTL_UNKNOWN, NOW - S};
    nx_audit_ttls_join(&all, &one);
    assert_int_equal(all.ns_s, 7);
    assert_int_equal(all.ds_s, 10);
    assert_int_equal(all.dnskey_s, 3);
    assert_int_equal(all.record_s, 0);
    assert_true(all.signatures_end_us == NOW - S);
    nx_audit_ttls_init(&one);
    nx_audit_ttls_join(&all, &one);
    assert_true(all.signatures_end_us == NOW - S);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(longest_ttls, teardown),
        cmocka_unit_test_teardown(earliest_end, teardown),
        cmocka_unit_test(joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
