/* What looks at sibling labels show of a resolver, and what they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/profile/measure.h"

#define W_S 900
#define T0 INT64_C(1800000000000000)
#define S INT64_C(1000000)

static const uint8_t apex[] = "\7example\3com";
static struct nx_canary_looks looks;
static int64_t began_us = T0;
static uint32_t serial;

static void see_kind(enum nx_canary which, enum nx_kind kind, double at_s,
                     int32_t r_s) {
    int64_t at_us = began_us + (int64_t)(at_s * 1e6);
    looks.of[which][looks.n[which]++].look =
        (struct nx_look){.tx_us = at_us - 2000,
                         .rx_us = at_us,
                         .kind = (uint8_t)kind,
                         .flags = NX_LOOK_RD | NX_LOOK_SERIAL,
                         .soa_serial = serial,
                         .r_s = r_s};
}

static void see(enum nx_canary which, double at_s, int32_t r_s) {
    see_kind(which, NX_KIND_NXDOMAIN, at_s, r_s);
}

/* What one run sees. */
static void see_run(uint32_t w_s, int32_t kept_s, bool own) {
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
}

/* A resolver that shows `kept_s`, and whose clock is its own, or one for all
 * names with left_s of it left. */
static struct nx_measured of_resolver(uint32_t w_s, int32_t kept_s, bool own) {
    struct nx_measured m;
    see_run(w_s, kept_s, own);
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

/* Less than NXDOMAIN shows may be what is left of another network's run. */
static void test_nodata(void **state) {
    static const struct {
        int32_t nxdomain_s, nodata_s;
        uint32_t cap_s;
        uint32_t both_s; /* the estimator's */
    } rows[] = {
        {300, 300, 300, 300},
        {300, 299, 299, 300},
        {300, 120, NX_NOT_MEASURED, 300},
        {300, 600, 600, 600},
        {300, 900, NX_NOT_MEASURED, 300},
        {900, 300, NX_NOT_MEASURED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_measured m;
        see_run(W_S, rows[i].nxdomain_s, true);
        see_kind(NX_CANARY_NODATA, NX_KIND_NODATA, 0.6, rows[i].nodata_s);
        see_kind(NX_CANARY_NODATA, NX_KIND_NODATA, 2.7, rows[i].nodata_s - 2);
        assert_int_equal(nx_measure(&looks, NULL, 0, &m), 0);
        assert_int_equal(m.nodata_cap_s, rows[i].cap_s);
        assert_int_equal(m.profile.cap_hi_s, rows[i].both_s);
    }
}

static void test_rd0(void **state) {
    static const struct {
        enum nx_kind cached;
        enum nx_kind fresh;
        unsigned flags;
        enum nx_rd0 rd0;
    } rows[] = {
        {NX_KIND_NXDOMAIN, NX_KIND_REFERRAL, 0, NX_RD0_HONOURED}, /* BIND */
        {NX_KIND_NXDOMAIN, NX_KIND_MISS, 0, NX_RD0_HONOURED},     /* PowerDNS */
        {NX_KIND_REFUSED, NX_KIND_REFUSED, 0, NX_RD0_REFUSED},    /* unbound */
        {NX_KIND_TIMEOUT, NX_KIND_TIMEOUT, 0, NX_RD0_REFUSED},
        {NX_KIND_NXDOMAIN, NX_KIND_NXDOMAIN, NX_LOOK_AA, NX_RD0_BYPASSES},
        {NX_KIND_NXDOMAIN, NX_KIND_NXDOMAIN, 0, NX_RD0_RECURSES},
        {NX_KIND_MISS, NX_KIND_MISS, 0, NX_RD0_UNKNOWN}, /* another cache */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_measured m;
        see_run(W_S, 300, true);
        see_kind(NX_CANARY_RD0_CACHED, rows[i].cached, 9.7, 291);
        see_kind(NX_CANARY_RD0_FRESH, rows[i].fresh, 9.9, 300);
        looks.of[NX_CANARY_RD0_FRESH][0].look.flags = rows[i].flags;
        assert_int_equal(nx_measure(&looks, NULL, 0, &m), 0);
        assert_int_equal(m.profile.rd0, rows[i].rd0);
    }
}

/* --- one SOA for all denials of the zone --- */

/* A run that begins at_us and sees left_s of the SOA. */
static struct nx_measured shared(int64_t at_us, int32_t left_s,
                                 const struct nx_measured *before) {
    struct nx_measured m;
    began_us = at_us - S / 2; /* the first look is half a second later */
    see_run(W_S, left_s, false);
    assert_int_equal(nx_measure(&looks, before, T0, &m), 0);
    assert_int_equal(m.profile.soa_clock, NX_SOA_CLOCK_SHARED_UNTIL_CHANGE);
    began_us = T0;
    return m;
}

/* The cap shows when a run begins as the SOA ends that an earlier one saw. */
static void test_cap_behind_a_soa(void **state) {
    (void)state;
    serial = 7;
    struct nx_measured first = shared(T0, 120, NULL);
    int64_t over_us = first.soa_over_us;
    assert_int_equal(first.nxdomain_cap_s, NX_NOT_MEASURED);
    assert_int_equal(over_us, T0 + 121 * S);
    struct nx_measured m = shared(over_us + 2 * S, 300, &first);
    assert_int_equal(m.nxdomain_cap_s, 300);
    assert_int_equal(m.profile.cap_hi_s, 300);
    assert_int_equal(m.soa_over_us, 0);       /* no need of one more */
    m = shared(over_us + 2 * S, W_S, &first); /* none below W */
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    assert_int_equal(m.soa_over_us, 0);
    m = shared(over_us + 7 * S, 293, &first); /* too late */
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    assert_true(m.soa_over_us > over_us);
    m = shared(over_us - S, 300, &first); /* not over yet */
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    m = shared(over_us + 2 * S, 50, &first); /* less than was shown: whose? */
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    serial = 8; /* it was replaced at some time */
    m = shared(over_us + 2 * S, 300, &first);
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
}

/* So little of the SOA was left that nothing else was seen either. */
static void test_little_is_left(void **state) {
    (void)state;
    serial = 7;
    began_us = T0 - S / 2;
    see_run(W_S, 8, false);
    struct nx_measured first;
    assert_int_equal(nx_measure(&looks, NULL, 0, &first), 0);
    assert_int_equal(first.soa_clock, NX_SOA_CLOCK_UNKNOWN);
    assert_int_equal(first.soa_over_us, T0 + 9 * S);
    struct nx_measured m = shared(first.soa_over_us + S, 300, &first);
    assert_int_equal(m.nxdomain_cap_s, 300);
}

static void test_cap_stays_known(void **state) {
    (void)state;
    serial = 7;
    struct nx_measured first = shared(T0, 120, NULL);
    struct nx_measured known = shared(first.soa_over_us + S, 300, &first);
    int64_t seen_us = known.cap_seen_us;
    struct nx_measured m = shared(seen_us + 86400 * S, 200, &known);
    assert_int_equal(m.nxdomain_cap_s, 300);
    assert_int_equal(m.cap_seen_us, seen_us);
    m = shared(seen_us + 86400 * S, 400, &known); /* it was raised */
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    m = shared(seen_us + NX_PROFILE_AGED_US + 2 * S, 200, &known);
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    known.sibling_w_s = 0; /* of a canary zone */
    m = shared(seen_us + 86400 * S, 200, &known);
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
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
    static const struct nx_canary_run run = {.zone = apex,
                                             .bogus_zone = apex,
                                             .count_n = 7,
                                             .sibling = true,
                                             .w_s = W_S};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cap_and_floor),
        cmocka_unit_test(test_nodata),
        cmocka_unit_test(test_rd0),
        cmocka_unit_test(test_cap_behind_a_soa),
        cmocka_unit_test(test_little_is_left),
        cmocka_unit_test(test_cap_stays_known),
        cmocka_unit_test(test_rows_about_the_end),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_end_of_a_soa_in_use),
        cmocka_unit_test(test_wildcard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
