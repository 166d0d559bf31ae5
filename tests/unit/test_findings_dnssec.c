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

/* The set as nx_answer has it; count records of len octets each. */
static struct nx_rdata_list set_of(const uint8_t *records, size_t len,
                                   size_t count, uint8_t *room) {
    for (size_t i = 0; i < count; i++) {
        room[i * (len + 2)] = 0;
        room[i * (len + 2) + 1] = (uint8_t)len;
        memcpy(room + i * (len + 2) + 2, records + i * len, len);
    }
    return (struct nx_rdata_list){room, count * (len + 2)};
}

static bool fits(const uint8_t *record, size_t len, const uint8_t *owner,
                 struct nx_rdata_list keys) {
    uint8_t room[128];
    return nx_ds_fit(set_of(record, len, 1, room), owner, keys);
}

/* Same tag and algorithm, other digest. */
static void digest_counts(void **state) {
    (void)state;
    uint8_t bad[sizeof(ds)];
    const struct nx_rdata_list keys = {papers.list[3].rdata,
                                       papers.list[3].rdata_len};
    assert_int_equal(papers.list[3].kind, NX_PAPER_DNSKEY);
    assert_int_equal(nx_key_tag(key, sizeof(key)), 60485);
    assert_true(fits(ds, sizeof(ds), apex, keys));
    memcpy(bad, ds, sizeof(ds));
    bad[20] ^= 1;
    assert_false(fits(bad, sizeof(bad), apex, keys));
    assert_false(fits(bad, sizeof(bad) - 1, apex, keys));
    bad[3] = 4;
    assert_false(fits(bad, sizeof(bad), apex, keys));
    bad[3] = 1; /* SHA-1: not looked at */
    assert_true(fits(bad, sizeof(bad), apex, keys));
    assert_false(fits(ds, 4, apex, keys));
}

/* RFC 6605 section 6.2. */
static const uint8_t key384[] = {
    0x01, 0x01, 0x03, 0x0e, 0xc4, 0xa6, 0x1a, 0x36, 0x15, 0x9d, 0x18, 0xe7,
    0xc9, 0xfa, 0x73, 0xeb, 0x2f, 0xcf, 0xda, 0xae, 0x4c, 0x1f, 0xd8, 0x46,
    0x37, 0x30, 0x32, 0x7e, 0x48, 0x4a, 0xca, 0x8a, 0xf0, 0x55, 0x4a, 0xe9,
    0xb5, 0xc3, 0xf7, 0xa0, 0xb1, 0x7b, 0xd2, 0x00, 0x3b, 0x4d, 0x26, 0x1c,
    0x9e, 0x9b, 0x94, 0x42, 0x3a, 0x98, 0x10, 0xe8, 0xaf, 0x17, 0xd4, 0x34,
    0x52, 0x12, 0x4a, 0xdb, 0x61, 0x0f, 0x8e, 0x07, 0xeb, 0xfc, 0xfe, 0xe5,
    0xf8, 0xe4, 0xd0, 0x70, 0x63, 0xca, 0xe9, 0xeb, 0x91, 0x7a, 0x1a, 0x5b,
    0xab, 0xf0, 0x8f, 0xe6, 0x95, 0x53, 0x60, 0x17, 0xa5, 0xbf, 0xa9, 0x32,
    0x37, 0xee, 0x6e, 0x34};
static const uint8_t ds384[] = {
    0x2a, 0x13, 0x0e, 0x04, 0x72, 0xd7, 0xb6, 0x29, 0x76, 0xce, 0x06,
    0x43, 0x8e, 0x9c, 0x0b, 0xf3, 0x19, 0x01, 0x3c, 0xf8, 0x01, 0xf0,
    0x9e, 0xcc, 0x84, 0xb8, 0xd7, 0xe9, 0x49, 0x5f, 0x27, 0xe3, 0x05,
    0xc6, 0xa9, 0xb0, 0x56, 0x3a, 0x9b, 0x5f, 0x4d, 0x28, 0x84, 0x05,
    0xc3, 0x00, 0x8a, 0x94, 0x6d, 0xf9, 0x83, 0xd6};

static void sha_384(void **state) {
    (void)state;
    static const uint8_t zone[] = "\7example\3net";
    uint8_t room[sizeof(key384) + 2];
    uint8_t bad[sizeof(ds384)];
    struct nx_rdata_list keys = set_of(key384, sizeof(key384), 1, room);
    assert_true(fits(ds384, sizeof(ds384), zone, keys));
    for (size_t i = 0; i < sizeof(ds384); i++) {
        memcpy(bad, ds384, sizeof(ds384));
        bad[i] ^= i == 3 ? 6 : 1; /* 4 to 2: SHA-256 is shorter */
        assert_false(fits(bad, sizeof(bad), zone, keys));
    }
}

/* RFC 4509 section 3: validators ignore the SHA-1 there. */
static void sha_1_beside_sha_256(void **state) {
    (void)state;
    const struct nx_rdata_list keys = {papers.list[3].rdata,
                                       papers.list[3].rdata_len};
    uint8_t both[2][sizeof(ds)];
    uint8_t room[2 * (sizeof(ds) + 2)];
    memcpy(both[0], ds, sizeof(ds));
    memcpy(both[1], ds, sizeof(ds));
    both[0][3] = 1;
    assert_true(nx_ds_fit(set_of(both[0], sizeof(ds), 2, room), apex, keys));
    both[1][20] ^= 1;
    assert_false(nx_ds_fit(set_of(both[0], sizeof(ds), 2, room), apex, keys));
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
        TEST(ds_without_key),       TEST(digest_counts),   TEST(sha_384),
        TEST(sha_1_beside_sha_256), TEST(key_without_ds),  TEST(keys_differ),
        TEST(not_signed),           TEST(signature_times), TEST(denials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
