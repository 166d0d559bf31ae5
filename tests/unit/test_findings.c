#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/audit/server.h"
#include "tests/lib/findings_bench.h"

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

/* Nothing at all goes there, by UDP neither. */
static void no_way_at_all(void **state) {
    (void)state;
    const struct nx_answer a = {.outcome = NX_UNREACHABLE};
    put(NX_PAPER_TCP, 2, &a);
    expect(NX_FIND_NO_TCP, "ns2.dskey.example.com. 198.51.100.2@53");
    put(NX_PAPER_ANSWER, 2, &a);
    look();
    assert_int_equal(found_n, 0);
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

static void wildcard(void **state) {
    (void)state;
    const struct nx_answer a = answer_of("\300\0\2\2", 4);
    put(NX_PAPER_WILDCARD, 1, &a);
    put(NX_PAPER_WILDCARD, 2, &a);
    expect(NX_FIND_WILDCARD, "a wildcard answers");
}

/* As an alias, too, also one out of the zone. */
static void wildcard_alias(void **state) {
    (void)state;
    struct nx_answer a = answer_of(NULL, 0);
    a.cname_n = 1;
    put(NX_PAPER_WILDCARD, 2, &a);
    expect(NX_FIND_WILDCARD, "a wildcard answers for names beside this one");
}

static void put_wildcard(const uint8_t *owner, const struct nx_answer *answer,
                         unsigned flags) {
    const struct nx_question q = {.name = owner,
                                  .qtype = NX_TYPE_A,
                                  .flags = (uint16_t)flags,
                                  .to = endpoint(1)};
    const struct nx_obs obs = {.question = &q, .answer = answer};
    assert_int_equal(
        nx_papers_put(&papers, NX_PAPER_WILDCARD, 1, &obs, NOW + S), 0);
}

/* *.com stands for one at a name between, as the zone is com's in this test. */
static void wildcard_higher_up(void **state) {
    (void)state;
    struct nx_answer a = answer_of("\300\0\2\2", 4);
    put_wildcard((const uint8_t *)"\1*\3com", &a, NX_Q_DO);
    expect(NX_FIND_WILDCARD, "a wildcard higher up");
    a = answer_of(NULL, 0); /* one does not stand for the other */
    put_wildcard((const uint8_t *)"\1*\7example\3com", &a, NX_Q_DO);
    expect(NX_FIND_WILDCARD, "a wildcard higher up");
}

static void the_item_is_the_wildcard(void **state) {
    (void)state;
    const struct nx_answer a = answer_of("\300\0\2\2", 4);
    const struct nx_audit_case c = {.name = beside,
                                    .apex = apex,
                                    .papers = &papers,
                                    .servers = servers,
                                    .servers_n = 2,
                                    .now_us = NOW};
    put(NX_PAPER_WILDCARD, 1, &a);
    assert_int_equal(nx_findings_of(&c, found, 32), 0);
}

/* The name was there whenever somebody looked. */
static void denials_of_a_sound_zone(void **state) {
    (void)state;
    struct nx_answer a = answer_of(NULL, 0);
    a.rcode = NX_RCODE_NXDOMAIN;
    a.proof.denial = NX_DENIAL_NSEC3;
    a.proof.denial_ttl_s = 3600;
    a.proof.iterations = 10;
    put(NX_PAPER_WILDCARD, 1, &a);
    look();
    assert_int_equal(found_n, 2);
    assert_int_equal(found[0].tag, NX_FIND_DENIAL_TTL_LONG);
    assert_int_equal(found[1].tag, NX_FIND_NSEC3_ITERATIONS);
    a.proof = (struct nx_proof){0}; /* asked without DO by an older agent */
    put_wildcard(beside, &a, 0);
    look();
    assert_int_equal(found_n, 2);
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

/* A deep name's wildcards at servers with 26 addresses, as two see them. */
static void many_wildcards_fit(void **state) {
    uint8_t owner[64];
    const size_t before_n = papers.n;
    size_t filed_n = 0;
    (void)state;
    memset(owner, 0, sizeof(owner));
    for (unsigned agent = 1; agent <= 2; agent++) {
        for (unsigned i = 0; i < 26 * 16; i++) {
            unsigned labels = i % 16; /* beside the last one, and the zone's */
            for (unsigned k = 0; k < labels; k++) {
                memcpy(owner + 2 * k, "\1*", 2);
            }
            memcpy(owner + 2 * labels, apex, sizeof(apex));
            struct nx_question q = {.name = owner, .qtype = NX_TYPE_A};
            q.to = endpoint(1);
            q.to.port = (uint16_t)(1000 + i / 16);
            const struct nx_answer a = {.outcome = NX_TIMEOUT};
            const struct nx_obs obs = {.question = &q, .answer = &a};
            assert_int_equal(
                nx_papers_put(&papers, NX_PAPER_WILDCARD, agent, &obs, NOW), 0);
            filed_n++;
        }
    }
    const size_t others_n = 2 * 26 * 7;
    assert_int_equal(papers.n, before_n + filed_n);
    assert_true(filed_n + others_n <= NX_PAPERS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_sound_zone),
        TEST(no_tcp),
        TEST(no_way_at_all),
        TEST(no_edns),
        TEST(large_answers_are_lost),
        TEST(sizes_are_of_one_auditor),
        TEST(sets_differ),
        TEST(sides_differ),
        TEST(wildcard),
        TEST(wildcard_alias),
        TEST(wildcard_higher_up),
        TEST(the_item_is_the_wildcard),
        TEST(denials_of_a_sound_zone),
        TEST(long_negative_ttl),
        TEST(servers_that_left_say_nothing),
        TEST(hostile_rdata),
        TEST(worst_first_each_once),
        TEST(old_news_is_left),
        TEST(the_file_is_bounded),
        TEST(many_wildcards_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
