#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/authority_bench.h"

static void test_serials(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    denies(b, 1, 1, apex, 900, T0);
    denies(b, 1, 2, apex, 900, T0); /* serial 10 */
    assert_false(step(b, T0)->serial_known);
    good(b, 1, 1, T0 + 5 * S);
    soa(b, 1, 12, T0 + 5 * S + 4000 + 1); /* asked after the good answer */
    good(b, 1, 2, T0 + 5 * S);
    soa(b, 2, 10, T0 + 5 * S); /* asked before it: maybe the old version */
    const struct nx_auth_facts *f = step(b, T0 + 5 * S);
    assert_true(f->serial_known);
    assert_int_equal(f->serial_restored, 12);
    assert_true(f->serial_moves);
    soa(b, 2, 11, T0 + 10 * S);
    assert_int_equal(step(b, T0 + 10 * S)->serial_restored, 11);
    /* Later versions do not move it. */
    soa(b, 1, 20, T0 + 20 * S);
    soa(b, 2, 20, T0 + 20 * S);
    assert_int_equal(step(b, T0 + 20 * S)->serial_restored, 11);
}

static void test_serial_that_stays(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0);
    good(b, 1, 1, T0 + 5 * S);
    soa(b, 1, 10, T0 + 6 * S);
    const struct nx_auth_facts *f = step(b, T0 + 6 * S);
    assert_true(f->serial_known);
    assert_false(f->serial_moves);
}

/* Denied, then restored, then asked for the SOA: the new version's serial was
 * not that of the outage. */
static void test_serial_between_denial_and_restoration(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0); /* serial 10 */
    soa(b, 1, 11, T0 + S);
    good(b, 1, 1, T0 + 5 * S);
    soa(b, 1, 11, T0 + 6 * S);
    assert_true(step(b, T0 + 6 * S)->serial_moves);
}

/* Before the delegation came back, the servers of the parent denied the name,
 * with the serial of their zone. */
static void test_serial_of_the_parent(void **state) {
    struct bench *b = *state;
    delegate(b, 1, com, 1, 1, T0);
    denies(b, 1, 1, com, 900, T0); /* serial 10 */
    delegate(b, 1, apex, 2, 2, T0 + 100 * S);
    good(b, 1, 2, T0 + 101 * S);
    soa(b, 2, 12, T0 + 102 * S);
    assert_true(step(b, T0 + 102 * S)->serial_known);
    assert_false(step(b, T0 + 102 * S)->serial_moves);
    denies(b, 1, 2, apex, 900, T0 + 110 * S); /* 10 again */
    good(b, 1, 2, T0 + 120 * S);
    soa(b, 2, 12, T0 + 121 * S);
    assert_true(step(b, T0 + 121 * S)->serial_moves);
}

/* It holds the parent zone too, and answers for that: no serial of this one. */
static void test_soa_of_the_parent(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, com, 900, T0);
    (void)step(b, T0);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_false(view.servers[0].serial_known);
    assert_int_equal(view.facts.parent_w_s, 700);
}

static void test_w_from_soa_query(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    good(b, 1, 1, T0);
    soa(b, 1, 3, T0 + S); /* TTL 900, MINIMUM 300 */
    assert_int_equal(step(b, T0 + S)->w_auth_s, 300);
    denies(b, 1, 1, apex, 120, T0 + 2 * S);
    assert_int_equal(step(b, T0 + 2 * S)->w_auth_s, 120);
}

/* As sent, beside what RFC 2308 makes of it; MINIMUM of denials and of SOA
 * queries. */
static void test_w_as_sent(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0); /* MINIMUM 700 */
    const struct nx_auth_facts *f = step(b, T0);
    assert_int_equal(f->w_auth_s, 700);
    assert_int_equal(f->w_wire_s, 900);
    assert_int_equal(f->soa_minimum_s, 700);
    denies(b, 1, 1, com, 5000, T0 + S); /* the parent's */
    f = step(b, T0 + S);
    assert_int_equal(f->w_wire_s, 900);
    assert_int_equal(f->soa_minimum_s, 700);
}

static void wildcard(struct bench *b, unsigned host, unsigned flags,
                     uint32_t nsec_s, uint32_t soa_s) {
    static const uint8_t beside[] = "\1*\7example\3com";
    const struct nx_question question = {.name = beside,
                                         .qtype = NX_TYPE_A,
                                         .flags = NX_Q_DO,
                                         .to = server(host)};
    const struct nx_answer answer = {
        .rcode = NX_RCODE_NXDOMAIN,
        .flags = (uint16_t)(flags | NX_ANS_SOA),
        .soa_owner = apex,
        .soa_serial = 9,
        .soa_minimum_s = 60,
        .proof = {.denial = NX_DENIAL_NSEC, .denial_ttl_s = nsec_s}};
    const struct nx_obs obs = {
        .question = &question, .answer = &answer, .soa_ttl_s = soa_s};
    assert_int_equal(
        nx_authority_paper(b->a, 1, name, NX_TYPE_A, &obs, T0 + 2 * S), 0);
}

/* The outage was over before anybody looked, or fell between two questions: the
 * denial of a name that never was tells how long caches keep one. */
static void test_w_of_a_wildcard(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    good(b, 1, 1, T0);
    soa(b, 1, 3, T0 + S);
    wildcard(b, 1, 0, 9000, 9000);         /* from somebody's cache */
    wildcard(b, 2, NX_ANS_AA, 9000, 9000); /* not of the set */
    assert_int_equal(step(b, T0 + 2 * S)->w_nsec_s, 0);
    wildcard(b, 1, NX_ANS_AA, 3600, 86400);
    const struct nx_auth_facts *f = step(b, T0 + 2 * S);
    assert_int_equal(f->w_nsec_s, 3600);
    assert_int_equal(f->w_wire_s, 86400);
    assert_int_equal(f->w_auth_s, 60);
    assert_false(f->serial_moves); /* it is no serial of an outage */
}

/* Nobody saw it begin: what a server that left gives, and which lives longer
 * than what the others give, may be as old as that. */
static void test_outage_of_old_servers(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    denies(b, 1, 1, apex, 120, T0);
    (void)step(b, T0);
    delegate(b, 1, apex, 1, 1, T0 + 5 * S);
    denies(b, 1, 2, apex, 900, T0 + 6 * S); /* W 700 */
    const struct nx_auth_facts *f = step(b, T0 + 6 * S);
    assert_int_equal(f->w_auth_s, 120);
    assert_int_equal(f->old_w_s, 700);
    assert_int_equal(f->outage_lo_us, T0 - 700 * S);
}

/* Both servers are good from T0 + 30 s on, and verified. */
static void verify(struct bench *b) {
    delegate(b, 1, apex, 1, 2, T0);
    denies(b, 1, 1, apex, 900, T0);
    denies(b, 1, 2, apex, 900, T0);
    (void)step(b, T0);
    for (int i = 6; i < 40; i++) {
        good(b, 1, 1, T0 + i * 5 * S);
        good(b, 1, 2, T0 + i * 5 * S);
        (void)step(b, T0 + i * 5 * S + S);
    }
    assert_true(nx_authority_facts(b->a)->verified);
    assert_true(nx_authority_proven(b->a));
}

/* A vantage that joins cannot reach one of the servers. */
static void test_joining_vantage_takes_nothing_back(void **state) {
    struct bench *b = *state;
    verify(b);
    delegate(b, 2, apex, 1, 2, T0 + 200 * S);
    for (int i = 40; i < 80; i++) {
        int64_t at_us = T0 + i * 5 * S;
        good(b, 1, 1, at_us);
        good(b, 1, 2, at_us);
        good(b, 2, 1, at_us);
        silent(b, 2, 2, at_us);
        const struct nx_auth_facts *f = step(b, at_us + S);
        assert_true(f->all_ns_good);
        assert_true(f->verified);
        assert_true(nx_authority_proven(b->a));
    }
    denies(b, 2, 2, apex, 900, T0 + 400 * S);
    assert_false(step(b, T0 + 400 * S)->all_ns_good);
}

/* A server that joins holds the guard shut until it said something. */
static void test_joining_server_holds_the_guard(void **state) {
    struct bench *b = *state;
    verify(b);
    delegate(b, 1, apex, 1, 3, T0 + 200 * S);
    good(b, 1, 1, T0 + 200 * S);
    good(b, 1, 2, T0 + 200 * S);
    assert_true(step(b, T0 + 200 * S)->all_ns_good);
    assert_false(nx_authority_proven(b->a));
    silent(b, 1, 3, T0 + 205 * S);
    assert_true(step(b, T0 + 206 * S)->verified);
    assert_false(nx_authority_proven(b->a));
    good(b, 1, 3, T0 + 210 * S);
    assert_true(step(b, T0 + 211 * S)->verified);
    assert_true(nx_authority_proven(b->a));
}

/* An auditor is revoked: what it saw goes on to count. */
static void test_forgotten_vantage_leaves_its_times(void **state) {
    struct bench *b = *state;
    verify(b);
    delegate(b, 2, apex, 1, 2, T0 + 200 * S);
    good(b, 2, 1, T0 + 200 * S);
    good(b, 2, 2, T0 + 200 * S);
    const struct nx_auth_facts before = *step(b, T0 + 201 * S);
    assert_int_equal(before.restored_hi_us, T0 + 30 * S + EPS);
    nx_authority_forget(b->a, 1);
    const struct nx_auth_facts *f = step(b, T0 + 202 * S);
    assert_true(f->all_ns_good);
    assert_int_equal(f->restored_hi_us, before.restored_hi_us);
    assert_int_equal(f->restored_lo_us, before.restored_lo_us);
}

/* All name servers fall silent after the restoration. */
static void test_good_servers_that_fall_silent(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    verify(b);
    for (int i = 40; i < 140; i++) {
        silent(b, 1, 1, T0 + i * 5 * S);
        good(b, 1, 2, T0 + i * 5 * S);
        assert_true(step(b, T0 + i * 5 * S)->verified);
        if (i == 60) {
            assert_int_equal(nx_authority_view(b->a, &view), 0);
            assert_int_equal(view.servers[0].class_, NX_AUTH_GOOD);
        }
    }
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.servers[0].class_, NX_AUTH_SILENT);
    assert_false(view.servers[0].good);
    assert_int_equal(view.servers[1].class_, NX_AUTH_GOOD);
}

static void test_hostile_soa(void **state) {
    struct bench *b = *state;
    static const uint8_t shorter[] = {0, 21, 0, 0};
    const struct nx_answer answer = {.flags = NX_ANS_AA | NX_ANS_RDATA,
                                     .rdata = shorter,
                                     .rdata_len = sizeof(shorter),
                                     .rdata_n = 1};
    delegate(b, 1, apex, 1, 1, T0);
    good(b, 1, 1, T0);
    fold(b, 1, 1, &answer, NX_KIND_POS, 900, true, T0);
    assert_false(step(b, T0)->serial_known);
}

static void test_declared_without_agent(void **state) {
    struct bench *b = *state;
    b->incident.restored_us = T0 - 100 * S;
    b->incident.outage_from_us = T0 - 500 * S;
    const struct nx_auth_facts *f = step(b, T0);
    assert_true(f->observed);
    assert_true(f->verified);
    assert_int_equal(f->restored_lo_us, T0 - 100 * S);
    assert_int_equal(f->restored_hi_us, T0 - 100 * S);
    assert_int_equal(f->outage_lo_us, T0 - 500 * S);
    assert_int_equal(f->epoch, 1);
}

static void test_declared_for_later(void **state) {
    struct bench *b = *state;
    b->incident.restored_us = T0 + 100 * S;
    assert_false(step(b, T0 + 99 * S)->observed);
    assert_true(step(b, T0 + 100 * S)->observed);
    assert_false(step(b, T0 + 159 * S)->verified);
    assert_true(step(b, T0 + 160 * S)->verified);
}

/* What is seen outweighs what was said. */
static void test_declared_but_denied(void **state) {
    struct bench *b = *state;
    b->incident.restored_us = T0 - 100 * S;
    assert_true(step(b, T0)->verified);
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0 + S);
    assert_false(step(b, T0 + S)->verified);
}

/* An auditor that is there looks first, however long it takes. */
static void test_declared_waits_for_auditors(void **state) {
    struct bench *b = *state;
    struct nx_auth_rules audited = rules;
    audited.audited = true;
    audited.auditors[audited.auditors_n++] = 1;
    audited.auditors[audited.auditors_n++] = 2;
    b->incident.restored_us = T0 - 100 * S;
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 299 * S);
    assert_false(nx_authority_facts(b->a)->verified);
    delegate(b, 1, apex, 1, 1, T0 + 200 * S);
    silent(b, 1, 1, T0 + 200 * S);
    delegate(b, 2, apex, 1, 1, T0 + 200 * S);
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 299 * S);
    assert_false(nx_authority_proven(b->a)); /* 2 has not asked yet */
    silent(b, 2, 1, T0 + 200 * S);
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 299 * S);
    assert_true(nx_authority_proven(b->a));
    denies(b, 2, 1, apex, 900, T0 + 300 * S);
    assert_false(nx_authority_proven(b->a));
}

/* So it is with one that may come yet, and with one whose walk failed. */
static void test_declared_waits_for_who_may_come(void **state) {
    struct bench *b = *state;
    struct nx_auth_rules audited = rules;
    const struct nx_delegation failed = {.problems = NX_DELEG_UNREACHED};
    audited.audited = true;
    b->incident.restored_us = T0 - 100 * S;
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 299 * S);
    assert_false(nx_authority_proven(b->a));
    audited.auditors[audited.auditors_n++] = 1;
    assert_int_equal(
        nx_authority_delegation(b->a, 1, &failed, T0 + 200 * S, EPS), 0);
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 299 * S);
    assert_false(nx_authority_proven(b->a));
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 300 * S);
    assert_true(nx_authority_proven(b->a));
}

/* One that never tells anything of the name has no room for it. */
static void test_declared_waits_no_longer(void **state) {
    struct bench *b = *state;
    struct nx_auth_rules audited = rules;
    audited.audited = true;
    audited.auditors[audited.auditors_n++] = 1;
    b->incident.restored_us = T0 - 100 * S;
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 299 * S);
    assert_false(nx_authority_facts(b->a)->verified);
    (void)nx_authority_step(b->a, &audited, &b->incident, T0 + 300 * S);
    assert_true(nx_authority_facts(b->a)->verified);
}

/* Also when whoever saw it is an auditor no more; a newer word counts. */
static void test_declared_before_it_was_denied(void **state) {
    struct bench *b = *state;
    b->incident.restored_us = T0 - 100 * S;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0 + S);
    nx_authority_forget(b->a, 1);
    const struct nx_auth_facts *f = step(b, T0 + 1000 * S);
    assert_true(f->observed);
    assert_false(f->all_ns_good);
    assert_false(nx_authority_proven(b->a));
    b->incident.restored_us = T0 + 2 * S;
    assert_true(step(b, T0 + 1000 * S)->all_ns_good);
    assert_true(nx_authority_proven(b->a));
}

static void test_declared_outage_end_when_all_was_good(void **state) {
    struct bench *b = *state;
    b->incident.outage_to_us = T0 - 30 * S;
    delegate(b, 1, apex, 1, 1, T0);
    assert_false(step(b, T0)->observed);
    good(b, 1, 1, T0 + S);
    assert_int_equal(step(b, T0 + S)->restored_hi_us, T0 - 30 * S);
}

/* Two servers that are bad at once are one interval; good all and bad again are
 * two; of too many the oldest become one. */
static void test_bad_intervals(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    good(b, 1, 1, T0);
    good(b, 1, 2, T0);
    assert_int_equal(step(b, T0)->bad_n, 0);
    denies(b, 1, 1, apex, 900, T0 + 10 * S);
    denies(b, 1, 2, apex, 900, T0 + 15 * S);
    assert_int_equal(step(b, T0 + 15 * S)->bad_n, 0); /* it goes on */
    good(b, 1, 1, T0 + 20 * S);
    good(b, 1, 2, T0 + 30 * S);
    const struct nx_auth_facts *f = step(b, T0 + 30 * S);
    assert_int_equal(f->bad_n, 1);
    assert_int_equal(f->bad[0].from_us, f->outage_lo_us);
    assert_int_equal(f->bad[0].to_us, f->restored_hi_us);
    int64_t first_us = f->restored_hi_us;
    for (unsigned i = 1; i < 7; i++) {
        denies(b, 1, 1, apex, 900, T0 + (100 * i + 10) * S);
        assert_int_equal(step(b, T0 + (100 * i + 10) * S)->bad_n,
                         i < NX_BAD_MAX ? i : NX_BAD_MAX);
        good(b, 1, 1, T0 + (100 * i + 30) * S);
        f = step(b, T0 + (100 * i + 30) * S);
        assert_int_equal(f->bad_n, i + 1 < NX_BAD_MAX ? i + 1 : NX_BAD_MAX);
        assert_int_equal(f->bad[f->bad_n - 1].to_us, f->restored_hi_us);
        if (i == 1) {
            assert_int_equal(f->bad[0].to_us, first_us);
        }
    }
    assert_int_equal(f->bad[0].from_us, f->outage_lo_us);
    for (unsigned i = 1; i < f->bad_n; i++) {
        assert_true(f->bad[i - 1].to_us <= f->bad[i].from_us);
        assert_true(f->bad[i].from_us < f->bad[i].to_us);
    }
}

/* Rule 1: good news that are old, or another process's, prove nothing. */
static void test_proof_is_fresh(void **state) {
    struct bench *b = *state;
    struct nx_auth_rules after = rules;
    delegate(b, 1, apex, 1, 2, T0);
    for (int64_t t = T0; t <= T0 + 70 * S; t += 5 * S) {
        good(b, 1, 1, t);
        good(b, 1, 2, t);
    }
    assert_true(step(b, T0 + 70 * S)->verified);
    assert_true(nx_authority_proven(b->a));
    /* The collector was started again: each server is looked at first. */
    after.woke_us = T0 + 71 * S;
    (void)nx_authority_step(b->a, &after, &b->incident, T0 + 72 * S);
    assert_true(nx_authority_facts(b->a)->verified);
    assert_false(nx_authority_proven(b->a));
    good(b, 1, 1, T0 + 75 * S);
    (void)nx_authority_step(b->a, &after, &b->incident, T0 + 75 * S);
    assert_false(nx_authority_proven(b->a));
    silent(b, 1, 2, T0 + 75 * S); /* looked at; plants nothing */
    (void)nx_authority_step(b->a, &after, &b->incident, T0 + 75 * S);
    assert_true(nx_authority_proven(b->a));
    /* Nobody looks any more. */
    (void)step(b, T0 + 374 * S);
    assert_true(nx_authority_proven(b->a));
    assert_true(step(b, T0 + 375 * S)->verified);
    assert_false(nx_authority_proven(b->a));
}

#define NO_KEYS 255U
#define CUT_OFF 0U /* in place of a key: too large, and TCP failed */

static void keys(struct bench *b, uint16_t qtype, unsigned host, uint8_t key,
                 uint32_t ttl_s, int64_t at_us) {
    const struct nx_question question = {
        .name = apex, .qtype = qtype, .to = server(host)};
    const uint8_t rdata[] = {0, 1, key};
    const struct nx_answer answer = {.flags = NX_ANS_AA | NX_ANS_RDATA,
                                     .rdata = rdata,
                                     .rdata_n = 1,
                                     .rdata_len = sizeof(rdata)};
    const struct nx_answer none = {.flags = NX_ANS_AA};
    const struct nx_answer cut = {.flags = NX_ANS_AA | NX_ANS_TC};
    const struct nx_obs obs = {.question = &question,
                               .answer = key == CUT_OFF   ? &cut
                                         : key == NO_KEYS ? &none
                                                          : &answer,
                               .answer_ttl_s = ttl_s};
    assert_int_equal(nx_authority_paper(b->a, 1, name, NX_TYPE_A, &obs, at_us),
                     0);
}

/* Nothing that validation could fail by, as long as none was seen. */
static void test_a_zone_without_keys(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0 + 10 * S);
    keys(b, NX_TYPE_DNSKEY, 1, NO_KEYS, 0, T0 + 20 * S);
    keys(b, NX_TYPE_DS, 9, CUT_OFF, 0, T0 + 20 * S);
    assert_false(step(b, T0 + 20 * S)->no_keys);
    keys(b, NX_TYPE_DS, 9, NO_KEYS, 0, T0 + 21 * S);
    assert_true(step(b, T0 + 21 * S)->no_keys);
    keys(b, NX_TYPE_DNSKEY, 1, 1, 0, T0 + 22 * S);
    keys(b, NX_TYPE_DNSKEY, 1, NO_KEYS, 0, T0 + 23 * S);
    assert_false(step(b, T0 + 23 * S)->no_keys);
}

/* What caches may hold of DS and DNSKEY sets from before the repair. */
static void test_keys_of_the_time(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0 + 10 * S);
    keys(b, NX_TYPE_DS, 9, 1, 7200, T0 + 20 * S);
    assert_int_equal(step(b, T0 + 20 * S)->keys_ttl_s, 7200);
    keys(b, NX_TYPE_DNSKEY, 1, 1, 3600, T0 + 20 * S);
    denies(b, 1, 1, apex, 900, T0 + 30 * S);
    good(b, 1, 1, T0 + 40 * S);
    /* Watched all the while, and not replaced. */
    assert_int_equal(step(b, T0 + 41 * S)->keys_ttl_s, 0);
    assert_int_equal(step(b, T0 + 41 * S)->keys_until_us, 0);
    keys(b, NX_TYPE_DS, 8, 2, 7200, T0 + 50 * S); /* another server */
    keys(b, NX_TYPE_DNSKEY, 1, 1, 3500, T0 + 50 * S);
    keys(b, NX_TYPE_DNSKEY, 1, CUT_OFF, 0, T0 + 51 * S);
    keys(b, NX_TYPE_DNSKEY, 1, 1, 3500, T0 + 51 * S);
    assert_int_equal(step(b, T0 + 51 * S)->keys_until_us, 0);
    keys(b, NX_TYPE_DNSKEY, 1, 2, 60, T0 + 60 * S);
    assert_int_equal(step(b, T0 + 61 * S)->keys_until_us, T0 + 3560 * S);
    keys(b, NX_TYPE_DS, 9, 3, INT32_MAX, T0 + 70 * S);
    assert_int_equal(step(b, T0 + 71 * S)->keys_until_us, T0 + 7270 * S);
    keys(b, NX_TYPE_DS, 9, 4, 60, T0 + 80 * S);
    assert_int_equal(step(b, T0 + 81 * S)->keys_until_us,
                     T0 + 80 * S + INT64_C(604800) * S);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_serials),
        TEST(test_serial_that_stays),
        TEST(test_serial_between_denial_and_restoration),
        TEST(test_w_from_soa_query),
        TEST(test_w_as_sent),
        TEST(test_w_of_a_wildcard),
        TEST(test_outage_of_old_servers),
        TEST(test_serial_of_the_parent),
        TEST(test_soa_of_the_parent),
        TEST(test_joining_vantage_takes_nothing_back),
        TEST(test_joining_server_holds_the_guard),
        TEST(test_forgotten_vantage_leaves_its_times),
        TEST(test_good_servers_that_fall_silent),
        TEST(test_hostile_soa),
        TEST(test_declared_without_agent),
        TEST(test_declared_for_later),
        TEST(test_declared_but_denied),
        TEST(test_declared_waits_for_auditors),
        TEST(test_declared_waits_for_who_may_come),
        TEST(test_declared_waits_no_longer),
        TEST(test_declared_before_it_was_denied),
        TEST(test_declared_outage_end_when_all_was_good),
        TEST(test_bad_intervals),
        TEST(test_proof_is_fresh),
        TEST(test_keys_of_the_time),
        TEST(test_a_zone_without_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
