/* What the audit's papers show: each test plants one fault in a signed zone on
 * two servers and expects its tag and no other. Include after cmocka.h. */
#ifndef NX_TESTS_FINDINGS_BENCH_H
#define NX_TESTS_FINDINGS_BENCH_H

#include <string.h>

#include "collector/audit/finding.h"
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

static inline struct nx_endpoint endpoint(unsigned i) {
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

static inline struct nx_answer answer_of(const void *bytes, size_t len) {
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

static inline void put_by(uint32_t agent_id, int64_t at_us,
                          enum nx_paper_kind kind, unsigned server,
                          const struct nx_answer *answer) {
    static const uint16_t types[] = {
        NX_TYPE_SOA, NX_TYPE_NS, NX_TYPE_DNSKEY, NX_TYPE_A,
        NX_TYPE_A,   NX_TYPE_DS, NX_TYPE_DNSKEY, NX_TYPE_DNSKEY};
    struct nx_question q = {.name = kind == NX_PAPER_ANSWER     ? name
                                    : kind == NX_PAPER_WILDCARD ? beside
                                                                : apex,
                            .qtype = types[kind],
                            .to = endpoint(server)};
    q.flags = kind >= NX_PAPER_DNSKEY ? NX_Q_DO : 0;
    q.udp_bytes = kind == NX_PAPER_512 ? 512 : kind == NX_PAPER_4096 ? 4096 : 0;
    q.to.transport = kind == NX_PAPER_TCP ? NX_TCP : NX_UDP;
    const struct nx_obs obs = {.question = &q, .answer = answer};
    assert_true(nx_paper_is(&q));
    assert_int_equal(nx_paper_kind_of(&q, name, NX_TYPE_A, apex), kind);
    assert_int_equal(nx_papers_put(&papers, kind, agent_id, &obs, at_us), 0);
}

static inline void put(enum nx_paper_kind kind, unsigned server,
                       const struct nx_answer *answer) {
    put_by(1, NOW, kind, server, answer);
}

/* A signed zone on two servers without a fault. */
static inline int setup(void **state) {
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

static inline int teardown(void **state) {
    (void)state;
    nx_papers_fini(&papers);
    return 0;
}

static inline void look_for(size_t max) {
    const struct nx_audit_case c = {.name = name,
                                    .apex = apex,
                                    .papers = &papers,
                                    .servers = servers,
                                    .servers_n = 2,
                                    .negative_ttl_s = negative_ttl_s,
                                    .now_us = NOW};
    found_n = nx_findings_of(&c, found, max);
}

static inline void look(void) {
    look_for(32);
}

/* Nothing but this, and its detail begins so. */
static inline void expect(enum nx_finding_tag tag, const char *detail) {
    look();
    assert_int_equal(found_n, 1);
    assert_string_equal(nx_finding_tag_text(found[0].tag),
                        nx_finding_tag_text(tag));
    assert_memory_equal(found[0].detail, detail, strlen(detail));
    assert_true(strlen(nx_finding_advice(tag)) > 20);
}

static inline void signature(enum nx_paper_kind kind, uint32_t inception,
                             uint32_t expiration) {
    struct nx_answer a = kind == NX_PAPER_DNSKEY ? answer_of(key, sizeof(key))
                                                 : answer_of("\300\0\2\1", 4);
    a.proof.inception = inception;
    a.proof.expiration = expiration;
    put(kind, 1, &a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
