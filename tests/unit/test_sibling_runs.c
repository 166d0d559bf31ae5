/* Resolvers measured by sibling labels: when, what is asked, what it shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/profile/measure.h"
#include "tests/lib/engine_bench.h"

#define W_S 900
#define AUDIT 90U /* an incident that is one */

static struct nx_book_row measured;
static unsigned measured_n;

static void on_resolver(void *user, const struct nx_book_row *row) {
    (void)user;
    measured = *row;
    measured_n++;
}

static int setup(void **state) {
    int err = bench_setup(state);
    struct engine_bench *b = *state;
    measured_n = 0;
    nx_engine_free(&b->engine);
    b->settings.canary.on = b->settings.canary.sibling = true;
    b->settings.canary.count_n = NX_CANARY_COUNT_MIN;
    memcpy(b->settings.canary.zone, apex, sizeof(apex));
    b->sink.resolver = on_resolver;
    err |= nx_engine_new(&b->settings, &b->engine);
    add_agent(b, LYON, "lyon", false);
    add_agent(b, AUDITOR, "audit", true);
    return err;
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
        assert_false(task->sibling && (task->rd0 || task->nsid));
        assert_int_equal(nx_dname_labels(task->name) == 3, task->sibling);
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
    assert_int_equal(siblings_n(b, T0 + 6 * S), 5);
}

static void test_signed_zone(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_asked asked;
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    audit_opens(b, T0);
    audited(b, false, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(siblings_n(b, T0 + 2 * S), 5);
    told(b, NX_TYPE_DS, true, T0 + 3 * S); /* signed while one is measured */
    tick(b, T0 + 4 * S);
    assert_int_equal(siblings_n(b, T0 + 4 * S), 0);
    assert_int_equal(
        nx_engine_resolvers_measure(b->engine, NULL, T0 + 4 * S, &asked),
        NX_EDENIED);
    assert_false(nx_engine_siblings_want_audit(b->engine, T0 + 4 * S));
    audited(b, false, T0 + 5 * S);
    tick(b, T0 + 6 * S);
    assert_int_equal(siblings_n(b, T0 + 6 * S), 5);
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
    assert_int_equal(siblings_n(b, T0 + 3 * S), 5);
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
    assert_int_equal(siblings_n(b, T0 + 2 * S), 5);
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
    assert_int_equal(siblings_n(b, T0 + 4 * S), 5);
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
    assert_int_equal(siblings_n(b, T0 + 912 * S), 5);
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
    for (int64_t t = T0 + 2 * S; t < T0 + 500 * S; t += 50 * S) {
        hello(b, LYON, 1, 0, t);
        tells_of(b, &silent, 1, t);
        told(b, NX_TYPE_SOA, true, t + 1);
        told(b, NX_TYPE_DS, false, t + 2);
        told(b, NX_TYPE_DNSKEY, false, t + 3);
        tick(b, t + S);
        size_t n = siblings_n(b, t + S);
        most_n = n > most_n ? n : most_n;
    }
    assert_int_equal(most_n, 5);
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

/* --- what it shows --- */

static struct nx_canary_looks looks;

static void see(enum nx_canary which, double at_s, int32_t r_s) {
    int64_t at_us = T0 + (int64_t)(at_s * 1e6);
    looks.of[which][looks.n[which]++].look =
        (struct nx_look){.tx_us = at_us - 2000,
                         .rx_us = at_us,
                         .kind = NX_KIND_NXDOMAIN,
                         .flags = NX_LOOK_RD,
                         .r_s = r_s};
}

/* A resolver that shows `kept_s`, and whose clock is its own, or one for all
 * names with left_s of it left. */
static struct nx_measured of_resolver(uint32_t w_s, int32_t kept_s, bool own) {
    struct nx_measured m;
    memset(&looks, 0, sizeof(looks));
    looks.sibling = true;
    looks.w_s = w_s;
    see(NX_CANARY_CAP, 0.5, kept_s);
    see(NX_CANARY_CLOCK, 0.5, kept_s);
    see(NX_CANARY_CLOCK_NEXT, 7.8, own ? kept_s : kept_s - 7);
    see(NX_CANARY_CLOCK, 9.5, kept_s - 9);
    for (int i = 0; i < 7; i++) {
        see(NX_CANARY_COUNT, 0.9 + 2.1 * i, kept_s - (int32_t)(0.4 + 2.1 * i));
    }
    assert_int_equal(nx_measure(&looks, NULL, 0, &m), 0);
    assert_int_equal(m.sibling_w_s, w_s);
    assert_int_equal(m.nodata_cap_s, NX_NOT_MEASURED);
    assert_false(m.profile.verified); /* floor, chain, NODATA: who knows */
    assert_int_equal(m.profile.cap_hi_s, m.nxdomain_cap_s == NX_NOT_MEASURED
                                             ? 0
                                             : m.nxdomain_cap_s);
    assert_int_equal(m.caches_seen, 1);
    assert_int_equal(m.profile.soa_clock,
                     own ? NX_SOA_CLOCK_UNKNOWN /* a chain is possible */
                         : NX_SOA_CLOCK_SHARED_UNTIL_CHANGE);
    return m;
}

static void test_cap_and_floor(void **state) {
    static const struct {
        uint32_t w_s;
        int32_t kept_s;
        uint32_t cap_s, floor_s;
    } rows[] = {
        {900, 900, NX_NOT_MEASURED, NX_NOT_MEASURED},
        {900, 899, NX_NOT_MEASURED, NX_NOT_MEASURED}, /* rounded */
        {900, 300, 300, NX_NOT_MEASURED},
        {60, 300, NX_NOT_MEASURED, 300},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_measured m = of_resolver(rows[i].w_s, rows[i].kept_s, true);
        assert_int_equal(m.nxdomain_cap_s, rows[i].cap_s);
        assert_int_equal(m.floor_s, rows[i].floor_s);
        /* The rest of a SOA that somebody else's denial brought is no cap. */
        m = of_resolver(rows[i].w_s, rows[i].kept_s, false);
        assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    }
}

/* The end of a denial is looked at where W is a minute at most: to both sides
 * of it. */
static void test_rows_about_the_end(void **state) {
    (void)state;
    for (uint32_t w_s = 1; w_s < 100; w_s++) {
        uint8_t name[NX_DNAME_MAX];
        struct nx_task task;
        const struct nx_canary_run run = {.zone = apex,
                                          .count_n = NX_CANARY_COUNT_MIN,
                                          .sibling = true,
                                          .w_s = w_s};
        nx_canary_task(&run, NX_CANARY_END, name, &task);
        assert_int_equal(nx_canary_visit(&run, NX_CANARY_END), 16);
        uint32_t from_ms = task.visit_n < 16 ? task.interval_ms : 0;
        uint32_t to_ms = from_ms + (task.visit_n - 1U) * task.visit_gap_ms;
        bool seen = from_ms + 3000 <= w_s * 1000 || from_ms == 0;
        assert_true(seen);
        assert_int_equal(to_ms > w_s * 1000 + 1000, w_s <= 60);
        assert_true(nx_canary_lasts_us(&run) > (int64_t)to_ms * 1000);
    }
}

/* Unbound, W = 30: 8 looks, and 8 more around the end. */
static void test_rounding(void **state) {
    struct nx_measured m;
    (void)state;
    memset(&looks, 0, sizeof(looks));
    looks.sibling = true;
    looks.w_s = 30;
    see(NX_CANARY_CAP, 0.5, 30);
    for (int i = 0; i < 16; i++) {
        double at_s = (i < 8 ? 0.55 : 0.55 + 26.6 - 8 * 0.76) + 0.76 * i;
        int32_t left_s = 30 - (int32_t)at_s; /* filled in second 0 */
        see(NX_CANARY_END, at_s, left_s >= 0 ? left_s : left_s + 31);
    }
    assert_int_equal(nx_measure(&looks, NULL, 0, &m), 0);
    assert_int_equal(m.profile.conv, NX_CONV_F0);
    assert_false(m.profile.never_decrements);
    assert_int_equal(m.profile.past_ttl, NX_PAST_TTL_NEVER);
}

/* The zone is in use: its SOA had 3 s left, then it is fetched anew. */
static void test_end_of_a_soa_in_use(void **state) {
    static const int32_t left_s[] = {3, 2, 1, 0, 30, 29, 28, 27};
    struct nx_measured m;
    (void)state;
    memset(&looks, 0, sizeof(looks));
    looks.sibling = true;
    looks.w_s = 30;
    see(NX_CANARY_CAP, 0.5, 3);
    for (int i = 0; i < 8; i++) {
        see(NX_CANARY_END, 0.55 + i, left_s[i]);
    }
    assert_int_equal(nx_measure(&looks, NULL, 0, &m), 0);
    assert_int_equal(m.profile.past_ttl, NX_PAST_TTL_UNKNOWN);
    assert_int_equal(m.profile.stale_max_s, 0);
    assert_int_equal(m.profile.conv, NX_CONV_U);
}

/* Every resolver answers there: none is taken for one that rewrites. */
static void test_wildcard(void **state) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    static const struct nx_canary_run run = {
        .zone = apex, .count_n = 7, .sibling = true, .w_s = W_S};
    static const struct nx_answer answers[] = {
        {.flags = NX_ANS_RDATA,
         .rdata = rdata,
         .rdata_len = sizeof(rdata),
         .rdata_n = 1},
        {.flags = NX_ANS_SOA, .soa_owner = apex}}; /* of another type */
    struct nx_measured m;
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        memset(&looks, 0, sizeof(looks));
        looks.sibling = true;
        looks.w_s = W_S;
        for (unsigned i = 0; i < NX_CANARIES_N_; i++) {
            uint8_t name[NX_DNAME_MAX];
            struct nx_task task;
            nx_canary_task(&run, (enum nx_canary)i, name, &task);
            const struct nx_question question = {
                .name = name, .qtype = task.qtype, .flags = NX_Q_RD};
            const struct nx_obs obs = {.question = &question,
                                       .answer = &answers[k]};
            for (unsigned n = nx_canary_visit(&run, (enum nx_canary)i); n > 0;
                 n--) {
                nx_canary_looks_add(&looks, &run, (enum nx_canary)i, &obs, 0,
                                    0);
            }
        }
        assert_int_equal(nx_canary_trouble(&looks, &run), NX_RUN_WILDCARD);
        assert_string_equal(nx_run_trouble_text(NX_RUN_WILDCARD),
                            "zone-wildcard");
        assert_int_equal(looks.rewritten.len, 0);
        assert_int_equal(nx_measure(&looks, NULL, 0, &m), NX_ENOTFOUND);
    }
    /* A single answer in between says nothing either. */
    looks.n[NX_CANARY_CAP] = 0;
    see(NX_CANARY_CAP, 0.5, W_S);
    see(NX_CANARY_CAP, 2.5, -1);
    looks.of[NX_CANARY_CAP][1].look.kind = NX_KIND_POS;
    assert_int_equal(nx_measure(&looks, NULL, 0, &m), 0);
    assert_false(m.rewrites_nxdomain);
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
        cmocka_unit_test(test_cap_and_floor),
        cmocka_unit_test(test_rows_about_the_end),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_end_of_a_soa_in_use),
        cmocka_unit_test(test_wildcard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
