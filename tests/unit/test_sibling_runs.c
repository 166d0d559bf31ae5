/* Resolvers measured by sibling labels: when, and what is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/canary_bench.h"

#define W_S 900
#define ALL_N 8U  /* sibling tasks of a run */
#define AUDIT 90U /* an incident that is one */

static int setup(void **state) {
    return canary_bench_setup(state, apex, sizeof(apex), NX_CANARY_COUNT_MIN);
}

/* --- when --- */

static void audit_opens(struct engine_bench *b, int64_t at_us) {
    struct nx_incident i = incident(AUDIT, at_us);
    i.audit = true;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
}

/* A question of the walk to the only name server or, for DS, its parent's. */
static void told(struct engine_bench *b, uint16_t qtype, bool there,
                 int64_t at_us) {
    static const uint8_t rdata[] = {0, 4, 1, 2, 3, 4};
    static const uint8_t soa[] = {0, 24, 1, 'a', 0, 0, 0,        0,         0,
                                  1, 0,  0, 0,   1, 0, 0,        0,         1,
                                  0, 0,  0, 1,   0, 0, W_S >> 8, W_S & 0xff};
    bool is_soa = qtype == NX_TYPE_SOA;
    const struct nx_question question = {
        .name = apex,
        .qtype = qtype,
        .flags = is_soa ? 0 : NX_Q_DO,
        .to = name_server(qtype == NX_TYPE_DS ? 9 : 1)};
    const struct nx_answer answer = {
        .flags = (uint16_t)(NX_ANS_AA | (there ? NX_ANS_RDATA : NX_ANS_SOA)),
        .soa_owner = there ? NULL : apex,
        .rdata = there ? (is_soa ? soa : rdata) : NULL,
        .rdata_len = (uint16_t)(!there   ? 0
                                : is_soa ? sizeof(soa)
                                         : sizeof(rdata)),
        .rdata_n = there ? 1 : 0};
    batch_of(b, AUDITOR, &question, &answer, W_S, at_us, NULL);
}

static void audited(struct engine_bench *b, bool is_signed, int64_t at_us) {
    audits(b, true, at_us);
    told(b, NX_TYPE_SOA, true, at_us + 1);
    told(b, NX_TYPE_DS, is_signed, at_us + 2);
    told(b, NX_TYPE_DNSKEY, is_signed, at_us + 3);
}

static size_t siblings_n(struct engine_bench *b, int64_t now_us) {
    const struct nx_plan *plan = plan_of(b, LYON, now_us);
    size_t n = 0;
    for (size_t i = 0; i < plan->tasks_n; i++) {
        const struct nx_task *task = &plan->tasks[i];
        n += task->sibling ? 1 : 0;
        assert_int_equal(task->sibling, nx_dname_under(task->name, apex));
        assert_false(task->sibling && task->nsid);
        assert_int_equal(nx_dname_labels(task->name) == 3,
                         task->sibling && !nx_rrtype_is_private(task->qtype));
        assert_false(task->rd0 && nx_dname_labels(task->name) != 3);
    }
    return n;
}

static void test_needs_an_audit(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_asked asked;
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    assert_int_equal(siblings_n(b, T0), 0);
    /* Nobody is there who could audit. */
    assert_false(nx_engine_siblings_want_audit(b->engine, T0));
    hello(b, AUDITOR, 0, 0, T0);
    tick(b, T0 + S);
    assert_true(nx_engine_siblings_want_audit(b->engine, T0 + S));
    assert_int_equal(
        nx_engine_resolvers_measure(b->engine, NULL, T0 + S, &asked), NX_OK);
    audit_opens(b, T0 + 2 * S);
    audits(b, true, T0 + 3 * S);
    told(b, NX_TYPE_SOA, true, T0 + 3 * S);
    told(b, NX_TYPE_DNSKEY, false, T0 + 3 * S);
    tick(b, T0 + 4 * S);
    assert_int_equal(siblings_n(b, T0 + 4 * S), 0); /* its parent is missing */
    audited(b, false, T0 + 5 * S);
    tick(b, T0 + 6 * S);
    assert_false(nx_engine_siblings_want_audit(b->engine, T0 + 6 * S));
    assert_int_equal(siblings_n(b, T0 + 6 * S), ALL_N);
}

static void test_signed_zone(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_asked asked;
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    audit_opens(b, T0);
    audited(b, false, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(siblings_n(b, T0 + 2 * S), ALL_N);
    told(b, NX_TYPE_DS, true, T0 + 3 * S); /* signed while one is measured */
    tick(b, T0 + 4 * S);
    assert_int_equal(siblings_n(b, T0 + 4 * S), 0);
    assert_int_equal(
        nx_engine_resolvers_measure(b->engine, NULL, T0 + 4 * S, &asked),
        NX_EDENIED);
    assert_false(nx_engine_siblings_want_audit(b->engine, T0 + 4 * S));
    audited(b, false, T0 + 5 * S);
    tick(b, T0 + 6 * S);
    assert_int_equal(siblings_n(b, T0 + 6 * S), ALL_N);
}

/* At once: not with the next tick. */
static void test_incident_opens(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_asked asked;
    struct nx_incident far = incident(6, T0 + 3 * S);
    hello(b, LYON, 1, 0, T0);
    audit_opens(b, T0);
    audited(b, false, T0 + S);
    tick(b, T0 + 2 * S);
    memcpy(far.items[0].name, "\3www\7example\3net", 17);
    assert_int_equal(nx_engine_incident_open(b->engine, &far), 0);
    assert_int_equal(siblings_n(b, T0 + 3 * S), ALL_N);
    const struct nx_incident near = incident(7, T0 + 3 * S);
    b->plans_n[LYON] = 0;
    assert_int_equal(nx_engine_incident_open(b->engine, &near), 0);
    assert_int_equal(siblings_n(b, T0 + 3 * S), 0);
    nx_engine_withdraw(b->engine, T0 + 3 * S, &b->sink);
    assert_int_equal(b->plans_n[LYON], 1);
    audited(b, false, T0 + 4 * S);
    tick(b, T0 + 5 * S);
    assert_int_equal(siblings_n(b, T0 + 5 * S), 0);
    assert_int_equal(
        nx_engine_resolvers_measure(b->engine, NULL, T0 + 5 * S, &asked),
        NX_EAGAIN);
    assert_int_equal(measured_n, 0);
}

/* An audit finds the outage before somebody opens the incident. */
static void test_audit_sees_a_denial(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    audit_opens(b, T0);
    audited(b, false, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(siblings_n(b, T0 + 2 * S), ALL_N);
    audits(b, false, T0 + 3 * S);
    tick(b, T0 + 4 * S);
    assert_int_equal(siblings_n(b, T0 + 4 * S), 0);
}

/* What an audit said is old after a while. */
static void test_audit_is_over(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    audit_opens(b, T0);
    audited(b, false, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(nx_engine_incident_close(b->engine, AUDIT, T0 + 3 * S), 0);
    tick(b, T0 + 4 * S);
    assert_int_equal(siblings_n(b, T0 + 4 * S), ALL_N);
    tick(b, T0 + 700 * S);
    assert_int_equal(siblings_n(b, T0 + 700 * S), 0);
}

/* An incident was closed while caches hold the denial still, W = 900. */
static void test_rests_after_closing(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_asked asked;
    const struct nx_incident near = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &near), 0);
    audits(b, false, T0 + S);
    for (int64_t t = T0 + 5 * S; t <= T0 + 40 * S; t += 5 * S) {
        audits(b, true, t); /* restored within the first 5 s */
        tick(b, t);
    }
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 41 * S), 0);
    audit_opens(b, T0 + 42 * S);
    for (int64_t t = T0 + 43 * S; t < T0 + 900 * S; t += 100 * S) {
        audited(b, false, t);
        tick(b, t + S);
        assert_int_equal(siblings_n(b, t + S), 0);
        assert_int_equal(
            nx_engine_resolvers_measure(b->engine, NULL, t + S, &asked),
            NX_EAGAIN);
        assert_false(nx_engine_siblings_want_audit(b->engine, t + S));
    }
    tick(b, T0 + 910 * S);
    hello(b, LYON, 1, 0, T0 + 910 * S);
    audited(b, false, T0 + 911 * S);
    tick(b, T0 + 912 * S);
    assert_int_equal(siblings_n(b, T0 + 912 * S), ALL_N);
}

/* What it left is not known any more. */
static void test_rests_after_a_start(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident closed = incident(7, T0 - 100 * S);
    closed.closed_us = T0;
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &closed), 0);
    for (int64_t h = 23; h < 26; h++) {
        int64_t t = T0 + h * 3600 * S;
        hello(b, LYON, 1, 0, t);
        hello(b, AUDITOR, 0, 0, t);
        tick(b, t);
        assert_int_equal(nx_engine_siblings_want_audit(b->engine, t), h > 24);
    }
}

static void tells_of(struct engine_bench *b, const struct nx_answer *soa,
                     unsigned server, int64_t at_us) {
    const struct nx_endpoint both[] = {name_server(1), name_server(2)};
    const struct nx_delegation d = {.name = www,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = both,
                                    .servers_n = 2,
                                    .at_mono_us = at_us + THETA - 1};
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = both[server]};
    batch_of(b, AUDITOR, &question, soa, 900, at_us, &d);
}

/* One server cannot be reached from where the auditor is: IPv6, perhaps. */
static void test_server_out_of_reach(void **state) {
    struct engine_bench *b = *state;
    static const struct nx_answer silent = {.outcome = NX_TIMEOUT};
    size_t most_n = 0; /* until it is measured */
    hello(b, LYON, 1, 0, T0);
    audit_opens(b, T0);
    tells_of(b, &silent, 1, T0 + S);
    for (int64_t t = T0 + 2 * S; t < T0 + 500 * S; t += 20 * S) {
        hello(b, LYON, 1, 0, t);
        tells_of(b, &silent, 1, t);
        told(b, NX_TYPE_SOA, true, t + 1);
        told(b, NX_TYPE_DS, false, t + 2);
        told(b, NX_TYPE_DNSKEY, false, t + 3);
        tick(b, t + S);
        size_t n = siblings_n(b, t + S);
        most_n = n > most_n ? n : most_n;
    }
    assert_int_equal(most_n, ALL_N);
}

/* Audits that tell too little are not opened for ever, hour by hour. */
static void test_audits_back_off(void **state) {
    static const int64_t hours[] = {1, 2, 4, 8, 16, 24, 24};
    struct engine_bench *b = *state;
    int64_t last_us = 0;
    int64_t wait_us = 0;
    for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
        wait_us = nx_engine_siblings_audit_wait_us(b->engine, last_us, wait_us);
        assert_int_equal(wait_us, hours[i] * 3600 * S);
        last_us = T0 + (int64_t)i;
    }
    audit_opens(b, T0 + S);
    audited(b, false, T0 + 2 * S);
    tick(b, T0 + 3 * S);
    assert_int_equal(
        nx_engine_siblings_audit_wait_us(b->engine, T0 + S, wait_us), 3600 * S);
}

/* A collector that was started again knows of the audit before. */
static void test_audit_before_a_start(void **state) {
    struct engine_bench *b = *state;
    assert_int_equal(nx_engine_siblings_audited_last_us(b->engine), 0);
    struct nx_incident old = incident(AUDIT, T0);
    memcpy(old.items[0].name, apex, sizeof(apex));
    old.closed_us = T0 + S;
    assert_int_equal(nx_engine_incident_open(b->engine, &old), 0);
    assert_int_equal(nx_engine_siblings_audited_last_us(b->engine), 0);
    old.id = AUDIT + 1; /* ... and that one was an audit */
    old.audit = true;
    assert_int_equal(nx_engine_incident_open(b->engine, &old), 0);
    assert_int_equal(nx_engine_siblings_audited_last_us(b->engine), T0);
}

#define WITH_ENGINE(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(test_needs_an_audit),
        WITH_ENGINE(test_signed_zone),
        WITH_ENGINE(test_incident_opens),
        WITH_ENGINE(test_audit_sees_a_denial),
        WITH_ENGINE(test_audit_is_over),
        WITH_ENGINE(test_rests_after_closing),
        WITH_ENGINE(test_rests_after_a_start),
        WITH_ENGINE(test_server_out_of_reach),
        WITH_ENGINE(test_audits_back_off),
        WITH_ENGINE(test_audit_before_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
