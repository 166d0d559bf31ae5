/* What the papers show of signatures, keys and their DS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/audit/dnssec.h"
#include "tests/lib/findings_bench.h"

static void ds_without_key(void **state) {
    (void)state;
    uint8_t other[sizeof(key)];
    memcpy(other, key, sizeof(key));
    other[40] ^= 1; /* other tag */
    struct nx_answer a = answer_of(other, sizeof(other));
    put(NX_PAPER_DNSKEY, 1, &a);
    put(NX_PAPER_DNSKEY, 2, &a);
    look();
    assert_int_equal(found_n, 2); /* one for each server */
    assert_int_equal(found[0].tag, NX_FIND_DS_WITHOUT_KEY);
    assert_int_equal(found[1].tag, NX_FIND_DS_WITHOUT_KEY);
    /* Cut off: the key may be in what we did not get. */
    a.flags |= NX_ANS_PARTIAL;
    put(NX_PAPER_DNSKEY, 1, &a);
    put(NX_PAPER_DNSKEY, 2, &a);
    look();
    assert_int_equal(found_n, 0);
}

/* Same tag and algorithm, other digest. */
static void digest_counts(void **state) {
    (void)state;
    uint8_t bad[sizeof(ds)];
    const struct nx_rdata_list keys = {papers.list[3].rdata,
                                       papers.list[3].rdata_len};
    assert_int_equal(papers.list[3].kind, NX_PAPER_DNSKEY);
    assert_int_equal(nx_key_tag(key, sizeof(key)), 60485);
    assert_true(nx_ds_fits(ds, sizeof(ds), apex, keys));
    memcpy(bad, ds, sizeof(ds));
    bad[20] ^= 1;
    assert_false(nx_ds_fits(bad, sizeof(bad), apex, keys));
    assert_false(nx_ds_fits(bad, sizeof(bad) - 1, apex, keys));
    bad[3] = 4; /* SHA-384: not looked at */
    assert_true(nx_ds_fits(bad, sizeof(bad), apex, keys));
    assert_false(nx_ds_fits(ds, 4, apex, keys));
}

static void key_without_ds(void **state) {
    (void)state;
    const struct nx_answer a = answer_of(NULL, 0);
    put(NX_PAPER_DS, 9, &a);
    expect(NX_FIND_KEY_WITHOUT_DS, "the zone has keys, its parent no DS");
    assert_int_equal(nx_finding_severity(found[0].tag), NX_NOTE);
}

static void keys_differ(void **state) {
    (void)state;
    uint8_t both[2 * (sizeof(key) + 2)];
    for (size_t i = 0; i < 2; i++) {
        uint8_t *at = both + i * (sizeof(key) + 2);
        at[0] = 0;
        at[1] = sizeof(key);
        memcpy(at + 2, key, sizeof(key));
        at[2 + 60] ^= (uint8_t)i;
    }
    struct nx_answer a = answer_of(NULL, 0);
    a.flags |= NX_ANS_RDATA;
    a.rdata = both;
    a.rdata_len = sizeof(both);
    a.rdata_n = 2;
    put(NX_PAPER_DNSKEY, 2, &a);
    expect(NX_FIND_DNSKEY_DIFFERS, "ns2.dskey.example.com. 198.51.100.2@53");
}

static void not_signed(void **state) {
    (void)state;
    struct nx_answer a = answer_of("\300\0\2\1", 4);
    a.proof = (struct nx_proof){0};
    put(NX_PAPER_ANSWER, 2, &a);
    expect(NX_FIND_NOT_SIGNED, "ns2.dskey.example.com. 198.51.100.2@53 sends "
                               "no signatures");
}

static void signature_times(void **state) {
    (void)state;
    signature(NX_PAPER_ANSWER, NOW_S - 7200, NOW_S - 60);
    expect(NX_FIND_SIGNATURE_EXPIRED,
           "ns1.dskey.example.com. 198.51.100.1@53: the signature of key 60485 "
           "over the answer ended 60 s before");
    signature(NX_PAPER_ANSWER, NOW_S - 7200, NOW_S + 3600);
    expect(NX_FIND_SIGNATURE_ENDS_SOON, "ns1.dskey");
    signature(NX_PAPER_ANSWER, NOW_S + 100, NOW_S + 864000);
    expect(NX_FIND_SIGNATURE_NOT_YET, "ns1.dskey");
    signature(NX_PAPER_ANSWER, NOW_S - 7200, NOW_S + 864000);
    signature(NX_PAPER_DNSKEY, NOW_S - 7200, NOW_S - 60);
    expect(NX_FIND_SIGNATURE_EXPIRED,
           "ns1.dskey.example.com. 198.51.100.1@53: the signature of key 60485 "
           "over the keys ended 60 s before");
}

static void denials(void **state) {
    (void)state;
    struct nx_answer a = answer_of(NULL, 0);
    a.rcode = NX_RCODE_NXDOMAIN;
    a.proof.denial = NX_DENIAL_NSEC3;
    a.proof.denial_ttl_s = 900;
    put(NX_PAPER_ANSWER, 1, &a);
    look();
    assert_int_equal(found_n, 0);
    a.proof.denial_ttl_s = 901;
    put(NX_PAPER_ANSWER, 1, &a);
    expect(NX_FIND_DENIAL_TTL_LONG, "ns1.dskey.example.com. 198.51.100.1@53 "
                                    "denies with an NSEC TTL of 901 s");
    a.proof.denial_ttl_s = 900;
    a.proof.iterations = 10;
    put(NX_PAPER_ANSWER, 1, &a);
    expect(NX_FIND_NSEC3_ITERATIONS, "ns1.dskey");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ds_without_key), TEST(digest_counts), TEST(key_without_ds),
        TEST(keys_differ),    TEST(not_signed),    TEST(signature_times),
        TEST(denials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
