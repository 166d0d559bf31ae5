/* What the audit's papers show: each row plants one fault and expects its tag
 * and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/audit/dnssec.h"
#include "collector/audit/finding.h"
#include "collector/audit/server.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(1795205462) * S)
#define NOW_S UINT32_C(1795205462)

static const uint8_t name[] = "\3www\5dskey\7example\3com";
static const uint8_t apex[] = "\5dskey\7example\3com";
static const uint8_t beside[] = "\1*\5dskey\7example\3com";
static const uint8_t ns1[] = "\3ns1\5dskey\7example\3com";
static const uint8_t ns2[] = "\3ns2\5dskey\7example\3com";

/* RFC 4509 section 2.3: the key, and its DS with SHA-256. */
static const uint8_t key[] = {
    0x01, 0x00, 0x03, 0x05, 0x01, 0x03, 0x9e, 0x8a, 0x24, 0x74, 0x18, 0xe3,
    0x18, 0x90, 0x3b, 0x21, 0x5a, 0x84, 0x8a, 0xcf, 0xd5, 0xf3, 0x7f, 0x02,
    0x6b, 0xd4, 0x06, 0x2d, 0xb2, 0x6c, 0x77, 0x4c, 0x69, 0x09, 0x68, 0xd5,
    0xd5, 0x6d, 0xf8, 0xbf, 0xda, 0x91, 0xe6, 0xf3, 0x6d, 0x9a, 0x27, 0x98,
    0x88, 0xf4, 0x13, 0x33, 0x35, 0x7c, 0x5e, 0x60, 0x29, 0x99, 0x0d, 0x10,
    0xfd, 0xf5, 0x66, 0x30, 0x62, 0xa5, 0x12, 0x76, 0x33, 0x26, 0x98, 0x0a,
    0x61, 0x5d, 0xdb, 0xf1, 0x7a, 0x05, 0xdd, 0xfc, 0xce, 0x7e, 0x5f, 0xb3,
    0xab, 0xcc, 0xa0, 0x5a, 0x31, 0xb0, 0x95, 0x74, 0x52, 0xd4, 0x52, 0x1e,
    0x83, 0x87, 0x07, 0x89, 0x06, 0x31, 0x15, 0xbf, 0x97, 0xf6, 0xc3, 0x08,
    0xcc, 0xf5, 0x7c, 0xdc, 0x9c, 0xe7, 0xfe, 0x10, 0xf6, 0xed, 0x1b, 0xd0,
    0xcc, 0x06, 0x60, 0x03, 0x8c, 0x50, 0xdc, 0xdb, 0x0f, 0xeb, 0x96, 0x3c,
    0x2f, 0x17};
static const uint8_t ds[] = {
    0xec, 0x45, 0x05, 0x02, 0xd4, 0xb7, 0xd5, 0x20, 0xe7, 0xbb, 0x5f, 0x0f,
    0x67, 0x67, 0x4a, 0x0c, 0xce, 0xb1, 0xe3, 0xe0, 0x61, 0x4b, 0x93, 0xc4,
    0xf9, 0xe9, 0x9b, 0x83, 0x83, 0xf6, 0xa1, 0xe4, 0x46, 0x9d, 0xa5, 0x0a};

static struct nx_papers papers;
static struct nx_audit_server servers[2];
static struct nx_finding found[32];
static size_t found_n;
static uint32_t negative_ttl_s;
static uint8_t rdata[1024];

static struct nx_endpoint endpoint(unsigned i) {
    return (struct nx_endpoint){.address = {198, 51, 100, (uint8_t)i},
                                .address_len = 4,
                                .port = 53,
                                .layer = NX_LAYER_AUTHORITY,
                                .server_name = i == 1 ? ns1 : ns2};
}

static const struct nx_proof fresh = {.signatures_n = 1,
                                      .algorithm = 5,
                                      .key_tag = 60485,
                                      .inception = NOW_S - 3600,
                                      .expiration = NOW_S + 14 * 86400};

static struct nx_answer answer_of(const void *bytes, size_t len) {
    struct nx_answer a = {.flags = NX_ANS_AA | NX_ANS_EDNS, .proof = fresh};
    if (len > 0) {
        rdata[0] = (uint8_t)(len >> 8);
        rdata[1] = (uint8_t)len;
        memcpy(rdata + 2, bytes, len);
        a.flags |= NX_ANS_RDATA;
        a.rdata = rdata;
        a.rdata_len = (uint16_t)(len + 2);
        a.rdata_n = 1;
    }
    return a;
}

static void put_by(uint32_t agent_id, int64_t at_us, enum nx_paper_kind kind,
                   unsigned server, const struct nx_answer *answer) {
    static const uint16_t types[] = {
        NX_TYPE_SOA, NX_TYPE_NS, NX_TYPE_DNSKEY, NX_TYPE_A,
        NX_TYPE_A,   NX_TYPE_DS, NX_TYPE_DNSKEY, NX_TYPE_DNSKEY};
    struct nx_question q = {.name = kind == NX_PAPER_ANSWER     ? name
                                    : kind == NX_PAPER_WILDCARD ? beside
                                                                : apex,
                            .qtype = types[kind],
                            .to = endpoint(server)};
    q.flags = kind == NX_PAPER_DNSKEY || kind == NX_PAPER_ANSWER ||
                      kind >= NX_PAPER_DS
                  ? NX_Q_DO
                  : 0;
    q.udp_bytes = kind == NX_PAPER_512 ? 512 : kind == NX_PAPER_4096 ? 4096 : 0;
    q.to.transport = kind == NX_PAPER_TCP ? NX_TCP : NX_UDP;
    const struct nx_obs obs = {.question = &q, .answer = answer};
    assert_true(nx_paper_is(&q));
    assert_int_equal(nx_paper_kind_of(&q, name, NX_TYPE_A, apex), kind);
    assert_int_equal(nx_papers_put(&papers, kind, agent_id, &obs, at_us), 0);
}

static void put(enum nx_paper_kind kind, unsigned server,
                const struct nx_answer *answer) {
    put_by(1, NOW, kind, server, answer);
}

/* A signed zone on two servers without a fault. */
static int setup(void **state) {
    (void)state;
    negative_ttl_s = 900;
    for (unsigned i = 1; i <= 2; i++) {
        servers[i - 1] = (struct nx_audit_server){endpoint(i), NX_SIDES_ALL};
        struct nx_answer a = answer_of(NULL, 0);
        put(NX_PAPER_TCP, i, &a);
        a.rcode = NX_RCODE_NXDOMAIN;
        put(NX_PAPER_WILDCARD, i, &a);
        a = answer_of(ns1, sizeof(ns1));
        put(NX_PAPER_NS, i, &a);
        a = answer_of(key, sizeof(key));
        put(NX_PAPER_DNSKEY, i, &a);
        a = answer_of("\300\0\2\1", 4);
        put(NX_PAPER_ANSWER, i, &a);
    }
    const struct nx_answer a = answer_of(ds, sizeof(ds));
    put(NX_PAPER_DS, 9, &a);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    nx_papers_fini(&papers);
    return 0;
}

static void look_for(size_t max) {
    const struct nx_audit_case c = {.apex = apex,
                                    .papers = &papers,
                                    .servers = servers,
                                    .servers_n = 2,
                                    .negative_ttl_s = negative_ttl_s,
                                    .now_us = NOW};
    found_n = nx_findings_of(&c, found, max);
}

static void look(void) {
    look_for(32);
}

/* Nothing but this, and its detail begins so. */
static void expect(enum nx_finding_tag tag, const char *detail) {
    look();
    assert_int_equal(found_n, 1);
    assert_string_equal(nx_finding_tag_text(found[0].tag),
                        nx_finding_tag_text(tag));
    assert_memory_equal(found[0].detail, detail, strlen(detail));
    assert_true(strlen(nx_finding_advice(tag)) > 20);
}

static void a_sound_zone(void **state) {
    (void)state;
    look();
    assert_int_equal(found_n, 0);
}

static void no_tcp(void **state) {
    (void)state;
    const struct nx_answer a = {.outcome = NX_CONN_REFUSED};
    put(NX_PAPER_TCP, 2, &a);
    expect(NX_FIND_NO_TCP, "ns2.dskey.example.com. 198.51.100.2@53 does not "
                           "answer over TCP");
    assert_true(found[0].has_server);
}

static void no_edns(void **state) {
    (void)state;
    struct nx_answer a = answer_of(NULL, 0);
    a.rcode = NX_RCODE_FORMERR;
    a.flags = 0;
    put(NX_PAPER_ANSWER, 1, &a);
    expect(NX_FIND_NO_EDNS, "ns1.dskey.example.com. 198.51.100.1@53 answers "
                            "without EDNS (FORMERR)");
}

static void sizes_came(uint8_t first, uint8_t second, uint8_t third) {
    struct nx_server_paper server;
    nx_server_paper_of(&papers, &servers[0].at, &server);
    assert_int_equal(server.sized[0], first);
    assert_int_equal(server.sized[1], second);
    assert_int_equal(server.sized[2], third);
}

static size_t audited(void) {
    const struct nx_audit_case c = {.apex = apex,
                                    .papers = &papers,
                                    .servers = servers,
                                    .servers_n = 2,
                                    .now_us = NOW};
    return nx_audited_n(&c);
}

/* The keys come whole, or over TCP, or not at all. */
static void large_answers_are_lost(void **state) {
    (void)state;
    const struct nx_answer lost = {.outcome = NX_TIMEOUT};
    struct nx_answer a = answer_of(key, sizeof(key));
    sizes_came(NX_SIZED_NONE, NX_SIZED_WHOLE, NX_SIZED_NONE);
    assert_int_equal(audited(), 2);
    put(NX_PAPER_4096, 1, &lost); /* not more than others */
    assert_int_equal(audited(), 1);
    put(NX_PAPER_512, 1, &a);
    assert_int_equal(audited(), 2);
    look();
    assert_int_equal(found_n, 0);
    sizes_came(NX_SIZED_WHOLE, NX_SIZED_WHOLE, NX_SIZED_LOST);
    put(NX_PAPER_DNSKEY, 1, &lost);
    a.over_tcp = true;
    put(NX_PAPER_512, 1, &a);
    expect(NX_FIND_LARGE_ANSWERS_LOST,
           "ns1.dskey.example.com. 198.51.100.1@53: no answer above 512 octets "
           "comes over UDP; TCP works");
    a.flags |= NX_ANS_TC;
    put(NX_PAPER_512, 1, &a);
    expect(NX_FIND_LARGE_ANSWERS_LOST,
           "ns1.dskey.example.com. 198.51.100.1@53: no answer above 512 octets "
           "comes over UDP; TCP fails, too");
    sizes_came(NX_SIZED_CUT, NX_SIZED_LOST, NX_SIZED_LOST);
}

/* Another auditor has another way: what it lost says nothing of what the first
 * one got, until it hears from the server last. */
static void sizes_are_of_one_auditor(void **state) {
    (void)state;
    const struct nx_answer lost = {.outcome = NX_TIMEOUT};
    struct nx_answer a = answer_of(key, sizeof(key));
    put(NX_PAPER_4096, 1, &a);
    a.over_tcp = true;
    put(NX_PAPER_512, 1, &a);
    put_by(2, NOW - S, NX_PAPER_512, 1, &a);
    put_by(2, NOW + S, NX_PAPER_DNSKEY, 1, &lost);
    put_by(2, NOW + S, NX_PAPER_4096, 1, &lost);
    sizes_came(NX_SIZED_TCP, NX_SIZED_WHOLE, NX_SIZED_WHOLE);
    look();
    assert_int_equal(found_n, 0);
    put_by(2, NOW + 2 * S, NX_PAPER_512, 1, &a);
    sizes_came(NX_SIZED_TCP, NX_SIZED_LOST, NX_SIZED_LOST);
    expect(NX_FIND_LARGE_ANSWERS_LOST,
           "ns1.dskey.example.com. 198.51.100.1@53: no answer above 512 octets "
           "comes over UDP; TCP works");
    put_by(2, NOW + 3 * S, NX_PAPER_512, 1, &lost);
    sizes_came(NX_SIZED_TCP, NX_SIZED_WHOLE, NX_SIZED_WHOLE);
}

static void sets_differ(void **state) {
    (void)state;
    const struct nx_answer a = answer_of(ns2, sizeof(ns2));
    put(NX_PAPER_NS, 2, &a);
    expect(NX_FIND_NS_SET_DIFFERS, "ns2.dskey.example.com. 198.51.100.2@53 "
                                   "does not name ns1.dskey.example.com.");
}

static void sides_differ(void **state) {
    (void)state;
    servers[1].sides = NX_SIDE_PARENT;
    expect(NX_FIND_NS_SET_DIFFERS,
           "only the parent names ns2.dskey.example.com.");
    servers[1].sides = 0; /* not told */
    look();
    assert_int_equal(found_n, 0);
}

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

static void signature(enum nx_paper_kind kind, uint32_t inception,
                      uint32_t expiration) {
    struct nx_answer a = kind == NX_PAPER_DNSKEY ? answer_of(key, sizeof(key))
                                                 : answer_of("\300\0\2\1", 4);
    a.proof.inception = inception;
    a.proof.expiration = expiration;
    put(kind, 1, &a);
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

static void wildcard(void **state) {
    (void)state;
    const struct nx_answer a = answer_of("\300\0\2\2", 4);
    put(NX_PAPER_WILDCARD, 1, &a);
    put(NX_PAPER_WILDCARD, 2, &a);
    expect(NX_FIND_WILDCARD, "a wildcard answers");
}

static void long_negative_ttl(void **state) {
    (void)state;
    negative_ttl_s = 86400;
    look();
    assert_int_equal(found_n, 0);
    negative_ttl_s = 86401;
    expect(NX_FIND_NEGATIVE_TTL_LONG, "the negative TTL is 86401 s");
}

static void servers_that_left_say_nothing(void **state) {
    (void)state;
    const struct nx_answer a = {.outcome = NX_TIMEOUT};
    put(NX_PAPER_TCP, 3, &a);
    look();
    assert_int_equal(found_n, 0);
}

/* RDATA of an agent is a stranger's: any lengths, any bytes. */
static void hostile_rdata(void **state) {
    (void)state;
    static uint8_t bytes[64];
    for (unsigned seed = 0; seed < 2000; seed++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)((seed * 2654435761U) >> (i % 24)) ^
                       (uint8_t)(i * seed);
        }
        struct nx_answer a = answer_of(NULL, 0);
        a.rdata = bytes;
        a.rdata_len = (uint16_t)(seed % sizeof(bytes));
        a.rdata_n = 3;
        for (unsigned kind = 0; kind < NX_PAPER_BETWEEN; kind++) {
            put((enum nx_paper_kind)kind, 1 + seed % 2, &a);
        }
        look();
        for (size_t i = 0; i < found_n; i++) {
            for (const char *c = found[i].detail; *c != '\0'; c++) {
                assert_in_range(*c, 0x20, 0x7e);
            }
        }
    }
}

static void worst_first_each_once(void **state) {
    (void)state;
    const struct nx_answer gone = {.outcome = NX_TIMEOUT};
    negative_ttl_s = 90000;
    put(NX_PAPER_TCP, 1, &gone);
    signature(NX_PAPER_ANSWER, NOW_S - 7200, NOW_S - 60);
    look();
    assert_int_equal(found_n, 3);
    assert_int_equal(found[0].tag, NX_FIND_SIGNATURE_EXPIRED);
    look_for(1); /* and the worst alone, where there is no more room */
    assert_int_equal(found_n, 1);
    assert_int_equal(found[0].tag, NX_FIND_SIGNATURE_EXPIRED);
    look_for(0);
    assert_int_equal(found_n, 0);
    for (unsigned i = 0; i < NX_FINDINGS_N; i++) {
        assert_non_null(nx_finding_tag_text((enum nx_finding_tag)i));
        assert_non_null(nx_finding_advice((enum nx_finding_tag)i));
    }
}

static void old_news_is_left(void **state) {
    (void)state;
    struct nx_question q = {.name = apex, .qtype = NX_TYPE_SOA};
    q.to = endpoint(1);
    q.to.transport = NX_TCP;
    const struct nx_answer late = {.outcome = NX_TIMEOUT};
    const struct nx_obs obs = {.question = &q, .answer = &late};
    assert_int_equal(nx_papers_put(&papers, NX_PAPER_TCP, 1, &obs, NOW - 1), 0);
    look();
    assert_int_equal(found_n, 0);
}

static void the_file_is_bounded(void **state) {
    (void)state;
    struct nx_question q = {.name = apex, .qtype = NX_TYPE_NS};
    const struct nx_answer a = {.outcome = NX_TIMEOUT};
    const struct nx_obs obs = {.question = &q, .answer = &a};
    for (unsigned i = 0; i < NX_PAPERS_MAX + 100; i++) {
        q.to = endpoint(1);
        q.to.port = (uint16_t)(1000 + i);
        assert_int_equal(nx_papers_put(&papers, NX_PAPER_NS, 1, &obs, NOW + i),
                         0);
    }
    assert_int_equal(papers.n, NX_PAPERS_MAX);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_sound_zone),
        T(no_tcp),
        T(no_edns),
        T(large_answers_are_lost),
        T(sizes_are_of_one_auditor),
        T(sets_differ),
        T(sides_differ),
        T(ds_without_key),
        T(digest_counts),
        T(key_without_ds),
        T(keys_differ),
        T(not_signed),
        T(signature_times),
        T(denials),
        T(wildcard),
        T(long_negative_ttl),
        T(servers_that_left_say_nothing),
        T(hostile_rdata),
        T(worst_first_each_once),
        T(old_news_is_left),
        T(the_file_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
