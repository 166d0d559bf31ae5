/* What real resolvers showed (nxclear-estimator(7) 10 and 12; scenes S1 to S9,
 * S13 and S16) as series of looks with the clear time that was measured. The
 * profile is the default one, nothing known, unless the test says otherwise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/diagnosis.h"

#define OUTAGE_LO_S (-2.0) /* the first query of each series comes at 0 */

struct scene {
    struct nx_diagnosis_settings settings;
    struct nx_auth_facts auth;
    struct nx_profile profile;
    struct nx_look looks[NX_LOOKS_MAX];
    size_t n;
    struct nx_verdict verdict;
};

static int64_t us(double s) {
    return (int64_t)llround(s * 1e6);
}

static void set_up(struct scene *s, uint32_t w_s, double restored_s) {
    memset(s, 0, sizeof(*s));
    nx_diagnosis_settings_default(&s->settings);
    nx_profile_default(&s->profile);
    s->auth = (struct nx_auth_facts){
        .outage_lo_us = us(OUTAGE_LO_S),
        .restored_lo_us = us(restored_s - 0.1),
        .restored_hi_us = us(restored_s),
        .observed = true,
        .all_ns_good = true,
        .verified = true,
        .serial_moves = true,
        .serial_known = true,
        .serial_restored = 2,
        .w_auth_s = w_s,
    };
}

/* A NXDOMAIN of the zone at t with that TTL and serial. */
static struct nx_look *denied(struct scene *s, double t_s, int32_t r_s,
                              uint32_t serial) {
    struct nx_look *look = &s->looks[s->n];

    assert_true(s->n < NX_LOOKS_MAX);
    *look = (struct nx_look){.tx_us = us(t_s),
                             .rx_us = us(t_s + 0.001),
                             .r_s = r_s,
                             .soa_serial = serial,
                             .soa_minimum_s = s->auth.w_auth_s,
                             .src_port = (uint16_t)(3000 + s->n),
                             .flags = NX_LOOK_RD | NX_LOOK_SERIAL,
                             .kind = NX_KIND_NXDOMAIN,
                             .soa_rel = NX_SOA_APEX};
    s->n++;
    return look;
}

static void restored(struct scene *s, double t_s) {
    struct nx_look *look = denied(s, t_s, 300 - (int32_t)floor(t_s), 0);

    look->flags = NX_LOOK_RD;
    look->kind = NX_KIND_POS;
    look->soa_rel = NX_SOA_NONE;
}

static const struct nx_verdict *at(struct scene *s, double now_s) {
    nx_diagnose(&s->settings, s->looks, s->n, &s->auth, &s->profile, us(now_s),
                NULL, &s->verdict);
    return &s->verdict;
}

static void assert_inside(const struct nx_verdict *v, double truth_s) {
    if (!v->eta.known || us(truth_s) < v->eta.lo90_us ||
        us(truth_s) > v->eta.hi90_us) {
        fail_msg("clear at %.3f, forecast %s %.3f [%.3f, %.3f]", truth_s,
                 v->eta.known ? "" : "(none)", (double)v->eta.point_us * 1e-6,
                 (double)v->eta.lo90_us * 1e-6, (double)v->eta.hi90_us * 1e-6);
    }
}

static bool has(const struct nx_verdict *v, enum nx_flag flag) {
    return (v->flags & 1U << flag) != 0;
}

/* As S1 says: to a tenth of a second. */
static void assert_about_inside(const struct nx_verdict *v, double truth_s) {
    assert_true(us(truth_s) >= v->eta.lo90_us - us(0.1));
    assert_true(us(truth_s) <= v->eta.hi90_us + us(0.1));
}

/* S1: families, W and phases. Filled at `phase` in the resolver's seconds. */
static void check_law(bool inclusive, uint32_t w_s, double phase) {
    struct scene s;
    double end_s = (double)w_s + (inclusive ? 1.0 : 0.0);

    set_up(&s, w_s, 3.0);
    for (double t_s = 3.3 + phase; t_s < 7.0; t_s += 0.53) {
        denied(&s, t_s, (int32_t)w_s - (int32_t)floor(t_s), 1);
    }
    const struct nx_verdict *v = at(&s, 7.0);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_int_equal(1, v->lines_n);
    assert_true(us(end_s) > v->lines[0].a_us && us(end_s) <= v->lines[0].b_us);
    assert_about_inside(v, end_s);
    assert_true(llabs(v->eta.point_us - us(end_s)) <= us(1.0));
    assert_true(v->hard.at_us >= us(end_s));
}

static void test_s1_laws(void **state) {
    static const uint32_t W_S[] = {10, 20, 60};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned phase = 0; phase < 8; phase++) {
            check_law(false, W_S[i], phase / 8.0);
            check_law(true, W_S[i], phase / 8.0);
        }
    }
}

/* A TTL 0 that counted down shows the inclusive family. */
static void test_s1_ttl_zero_narrows(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    denied(&s, 18.4, 2, 1);
    denied(&s, 20.6, 0, 1);
    const struct nx_verdict *v = at(&s, 20.7);
    assert_int_equal(us(20.6), v->lines[0].a_us);
    assert_int_equal(us(21.401), v->lines[0].b_us);
    assert_inside(v, 21.0);
}

/* S2: unbound shows the zone's clock after another name renewed it. */
static void test_s2_unbound_renewed(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    denied(&s, 9.0, 19, 2);
    const struct nx_verdict *v = at(&s, 9.1);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_true(has(v, NX_FLAG_SHARED_SOA));
    assert_int_equal(0, v->lines_n);
    assert_inside(v, 21.0);
    denied(&s, 18.5, 10, 2);
    denied(&s, 20.3, 8, 2);
    v = at(&s, 20.4);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_inside(v, 21.0);
    assert_int_equal(us(28.0), v->hard.at_us);
}

/* S3: B was asked at 5, its clock was A's. With a renewal it lives to 26 ... */
static void test_s3_unbound_second_name(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.8);
    denied(&s, 5.0, 15, 1);
    assert_inside(at(&s, 8.5), 21.0); /* ... without one it ends at 21 */
    assert_true(s.verdict.hard.at_us >= us(26.0));
    denied(&s, 9.5, 20, 2);
    const struct nx_verdict *v = at(&s, 9.6);
    assert_true(has(v, NX_FLAG_SHARED_SOA));
    assert_inside(v, 26.0);
    assert_true(v->eta.point_us >= us(19.0));
    assert_true(v->eta.lo90_us >= us(18.0)); /* a dnsmasq's would end then */
}

/* S4: dnsmasq, where every denial of the zone renews what is shown. */
static void test_s4_dnsmasq(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    denied(&s, 9.0, 19, 2);
    denied(&s, 18.5, 10, 2);
    const struct nx_verdict *v = at(&s, 18.6);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_inside(v, 20.0);
}

/* The same known to be dnsmasq, renewed while the serial was old. */
static void test_s4_dnsmasq_known(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    s.profile.soa_clock = NX_SOA_CLOCK_SHARED_RENEWED;
    s.profile.conv = NX_CONV_F;
    denied(&s, 7.5, 18, 1);
    assert_inside(at(&s, 8.0), 20.0);
}

/* S5: BIND and PowerDNS keep the entry's own clock. */
static void test_s5_own_clock(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    denied(&s, 9.0, 11, 1);
    const struct nx_verdict *v = at(&s, 9.1);
    assert_false(has(v, NX_FLAG_SHARED_SOA));
    assert_inside(v, 20.0);
}

/* S6: a chain over unbound holds the denial for nearly 2 W. */
static void test_s6_chain(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    denied(&s, 20.3, 18, 2);
    const struct nx_verdict *v = at(&s, 20.4);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_inside(v, 38.0);
    assert_int_equal(NX_HARD_STACK, v->hard_stack.reason);
    assert_true(v->hard_stack.at_us > us(38.8));
    denied(&s, 29.3, 9, 2); /* past the end of one layer: a chain's own TTL */
    denied(&s, 33.7, 5, 2);
    v = at(&s, 33.8);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_int_equal(1, v->lines_n);
    assert_inside(v, 38.8);
    assert_inside(v, 38.3);
}

/* unbound's prefetch, as canary names showed it: in the last tenth. */
static void test_prefetch(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 600, 7.0);
    s.profile.verified = true;
    s.profile.chain_possible = false;
    s.profile.conv = NX_CONV_F0;
    s.profile.soa_clock = NX_SOA_CLOCK_SHARED_UNTIL_CHANGE;
    s.profile.caches = 1;
    s.profile.early_window_s = 0;
    nx_profile_weigh(&s.profile);
    denied(&s, 9.2, 591, 1);
    const struct nx_verdict *v = at(&s, 9.3);
    assert_true(v->eta.lo90_us > us(590));
    s.profile.early_seen = NX_EARLY_SEEN;
    nx_profile_weigh(&s.profile);
    v = at(&s, 11.0);
    assert_inside(v, 541.0);
    assert_true(v->eta.point_us < us(545));
    denied(&s, 541.0, 59, 1); /* asked for anew now */
    v = at(&s, 541.1);
    assert_inside(v, 541.5);
    assert_true(v->next_probe_us <= us(545));
}

/* S7: kresd's predict: NXDOMAIN at T = 5, the record at the next query. */
static void test_s7_predict(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 60, 7.0);
    denied(&s, 9.2, 51, 1);
    denied(&s, 10.7, 50, 1);
    assert_inside(at(&s, 11.0), 55.2); /* polled: cured at once at T = 5 */
    denied(&s, 55.2, 5, 1);
    const struct nx_verdict *v = at(&s, 55.25);
    assert_inside(v, 55.3);
    assert_true(v->next_probe_us <= us(58.0));
    restored(&s, 57.3);
    v = at(&s, 57.4);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, v->state);
    for (unsigned i = 0; i < 12; i++) {
        restored(&s, 57.8 + 0.5 * i);
    }
    v = at(&s, 63.4);
    assert_int_equal(NX_STATE_CLEAR, v->state);
    assert_true(has(v, NX_FLAG_EARLY_CLEAR));
    assert_int_equal(us(55.2), v->clear_lo_us);
    assert_int_equal(us(57.301), v->clear_hi_us);
}

/* S8: dnsdist with maxNegativeTTL 20 shows 60 and honours 20. Known by canary
 * it is forecast; unknown it is an early clear. */
static void test_s8_hidden_cap(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 60, 7.0);
    denied(&s, 8.2, 52, 1);
    denied(&s, 9.7, 51, 1);
    s.profile.verified = true;
    s.profile.soa_clock = NX_SOA_CLOCK_OWN;
    s.profile.conv = NX_CONV_U;
    s.profile.cap_hi_s = 20;
    s.profile.caches = 1;
    s.profile.p_early = 0;
    const struct nx_verdict *v = at(&s, 10.0);
    assert_inside(v, 20.0);
    assert_int_equal(NX_HARD_CAP, v->hard.reason);
    nx_profile_default(&s.profile);
    for (unsigned i = 0; i < 14; i++) {
        restored(&s, 20.4 + 0.5 * i);
    }
    v = at(&s, 27.5);
    assert_int_equal(NX_STATE_CLEAR, v->state);
    assert_true(has(v, NX_FLAG_EARLY_CLEAR));
}

/* S9: dnsdist over two unbounds, five seconds apart. */
static void test_s9_two_backends(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 6.0);
    for (unsigned i = 0; i < 8; i++) {
        double t_s = 6.3 + 0.53 * i;
        int32_t end_s = i % 2 == 0 ? 20 : 25;
        denied(&s, t_s, end_s - (int32_t)floor(t_s), 1);
    }
    const struct nx_verdict *v = at(&s, 10.5);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_int_equal(2, v->lines_n);
    assert_inside(v, 26.0);
    for (unsigned i = 0; i < 4; i++) { /* mixed answers for five seconds */
        restored(&s, 21.3 + i);
        denied(&s, 21.8 + i, 25 - (int32_t)floor(21.8 + i), 1);
    }
    v = at(&s, 25.0);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, v->state);
    assert_true(v->denied_ratio > 0.2 && v->denied_ratio < 0.8);
    assert_inside(v, 26.0);
    for (unsigned i = 0; i < 8; i++) {
        restored(&s, 26.3 + 0.5 * i);
    }
    assert_int_equal(NX_STATE_CLEAR, at(&s, 30.5)->state);
}

/* S13: a lagging secondary: from W again with the old serial. */
static void test_s13_lagging_secondary(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 10, 7.0);
    denied(&s, 8.2, 2, 1);
    denied(&s, 9.4, 1, 1);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&s, 9.5)->state);
    denied(&s, 11.3, 10, 1);
    assert_int_not_equal(NX_STATE_RECACHED, at(&s, 11.4)->state);
    denied(&s, 13.8, 8, 1);
    const struct nx_verdict *v = at(&s, 13.9);
    assert_int_equal(NX_STATE_RECACHED, v->state);
    assert_false(v->eta.known);
    assert_int_equal(NX_HARD_NONE, v->hard.reason);
}

/* S16: answers that no cache makes. */
static void test_s16_policy(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0); /* kresd policy.DENY: owner is the name asked */
    denied(&s, 9.0, 10800, 0)->soa_rel = NX_SOA_QNAME;
    assert_int_equal(NX_STATE_UNKNOWN, at(&s, 9.1)->state);
    denied(&s, 11.5, 10800, 0)->soa_rel = NX_SOA_QNAME;
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&s, 11.6)->state);
    assert_false(s.verdict.eta.known);

    set_up(&s, 20, 7.0); /* the same with EDE 15: one look will do */
    denied(&s, 9.0, 10800, 0)->flags |= NX_LOOK_EDE_POLICY;
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&s, 9.1)->state);

    set_up(&s, 20, 7.0); /* BIND RPZ: SOA in the additional section */
    for (unsigned i = 0; i < 2; i++) {
        struct nx_look *look = denied(&s, 9.0 + 2 * i, -1, 0);
        look->soa_rel = NX_SOA_NONE;
        look->flags = NX_LOOK_RD | NX_LOOK_SOA_ADDITIONAL;
    }
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&s, 11.1)->state);

    set_up(&s, 20, 7.0); /* unbound local zone: a foreign owner */
    denied(&s, 9.0, 900, 0)->soa_rel = NX_SOA_FOREIGN;
    denied(&s, 12.0, 900, 0)->soa_rel = NX_SOA_FOREIGN;
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&s, 12.1)->state);
}

/* ... and those without SOA, which a cache may make until its bounds pass. */
static void test_s16_policy_without_soa(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    denied(&s, 9.0, -1, 0)->soa_rel = NX_SOA_NONE;
    const struct nx_verdict *v = at(&s, 9.1);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_true(has(v, NX_FLAG_NO_SOA));
    assert_int_equal(NX_BASIS_PRIOR, v->basis);
    for (unsigned i = 0; i < 3; i++) {
        denied(&s, 50.0 + 5 * i, -1, 0)->soa_rel = NX_SOA_NONE;
    }
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&s, 60.1)->state);
}

/* unbound's local data: AA without SOA. A dnscache answers so from its cache;
 * it knows no EDNS, and one look proves nothing. */
static void test_s16_local_data(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    for (unsigned i = 0; i < 2; i++) {
        struct nx_look *look = denied(&s, 9.0 + i, -1, 0);
        look->soa_rel = NX_SOA_NONE;
        look->flags = NX_LOOK_RD | NX_LOOK_AA | NX_LOOK_EDNS;
        const struct nx_verdict *v = at(&s, 9.1 + i);
        assert_int_equal(i == 0 ? NX_STATE_UNKNOWN : NX_STATE_POLICY_BLOCKED,
                         v->state);
        assert_false(v->eta.known);
    }
    s.looks[0].flags = s.looks[1].flags = NX_LOOK_RD | NX_LOOK_AA; /* S20 */
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&s, 10.1)->state);
    assert_int_equal(NX_BASIS_PRIOR, s.verdict.basis);
}

static enum nx_state next(struct scene *s, double now_s) {
    nx_diagnose(&s->settings, s->looks, s->n, &s->auth, &s->profile, us(now_s),
                &s->verdict, &s->verdict);
    return (enum nx_state)s->verdict.state;
}

/* S12, S13: a PowerDNS that extends its entry, or a server with the old zone:
 * from W again with the old serial, again and again. Each further round is what
 * the first was found to be, at its first look. */
static void test_s12_rounds(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    for (double t_s = 9.3; t_s < 20.0; t_s += 2.0) {
        denied(&s, t_s, 20 - (int32_t)floor(t_s), 1);
        assert_int_equal(NX_STATE_CACHED_NXDOMAIN, next(&s, t_s + 0.1));
    }
    denied(&s, 21.3, 19, 1);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, next(&s, 21.4));
    for (double t_s = 23.3; t_s < 60.0; t_s += 2.0) {
        denied(&s, t_s, 20 - (int32_t)floor(t_s) % 20, 1);
        assert_int_equal(NX_STATE_RECACHED, next(&s, t_s + 0.1));
        assert_false(s.verdict.eta.known);
    }
    assert_true(s.verdict.serial_known);
    assert_int_equal(1, s.verdict.serial);
}

/* dnsdist with staleTTL: the countdown ends, then 60 stands, without EDE. */
static void test_flat_after_countdown_is_stale(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    for (double t_s = 9.3; t_s < 20.0; t_s += 2.0) {
        denied(&s, t_s, 20 - (int32_t)floor(t_s), 1);
    }
    for (double t_s = 21.3; t_s < 240.0; t_s += 5.0) {
        denied(&s, t_s, 60, 1);
    }
    assert_int_equal(NX_STATE_STALE_SERVED, at(&s, 240.0)->state);
    assert_false(s.verdict.eta.known);
}

/* A stale answer is none of these: EDE 3, thirty seconds. */
static void test_s11_stale(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 20, 7.0);
    denied(&s, 23.0, 30, 1)->flags |= NX_LOOK_EDE_STALE;
    assert_int_equal(NX_STATE_STALE_SERVED, at(&s, 23.1)->state);
    assert_false(s.verdict.eta.known);
}

/* Two caches in turn; at the fifth look their clock was set back by 40 s. */
static void test_clock_step(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 600, 7.0);
    for (unsigned i = 0; i < 10; i++) {
        double t_s = 68.3 + 0.53 * i;
        int32_t end_s = (i % 2 == 0 ? 420 : 450) + (i < 5 ? 0 : 40);
        denied(&s, t_s, end_s - (int32_t)floor(t_s), 1);
    }
    const struct nx_verdict *v = at(&s, 74.0);
    assert_true(has(v, NX_FLAG_RESOLVER_CLOCK_STEP));
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_int_equal(2, v->lines_n);
    assert_inside(v, 490.0);
}

/* One entry after the other is no step of a clock. */
static void test_no_clock_step(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 600, 7.0);
    for (unsigned i = 0; i < 10; i++) {
        double t_s = 68.3 + 0.53 * i;
        int32_t end_s = (i % 2 == 0 ? 420 : 450) + (i < 5 ? 0 : 7 * (int)i);
        denied(&s, t_s, end_s - (int32_t)floor(t_s), 1);
    }
    assert_false(has(at(&s, 74.0), NX_FLAG_RESOLVER_CLOCK_STEP));
}

/* Eight caches within nine seconds: a band, and the last of eight ends it. */
static void test_dense_lines(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 45, 30.0);
    for (unsigned i = 0; i < 16; i++) {
        double t_s = 31.3 + 0.53 * i;
        denied(&s, t_s, 60 + (int32_t)(i % 6) * 2 - (int32_t)floor(t_s), 1);
    }
    const struct nx_verdict *v = at(&s, 40.0);
    assert_int_equal(1, v->lines_n);
    assert_int_equal(16, v->lines[0].looks_n);
    assert_true(v->lines[0].a_us <= us(60.0) && v->lines[0].b_us >= us(70.0));
    assert_inside(v, 70.0);
    assert_true(v->eta.lo50_us > us(66.0));
}

/* Flapping: bad at 0..20 and 100..110, W 60, no TTL shown. The short relapse
 * leaves few entries; those of the first interval ended at 80 at the latest. */
static void test_bad_intervals(void **state) {
    struct scene s;

    (void)state;
    set_up(&s, 60, 110.0);
    s.auth.outage_lo_us = 0;
    denied(&s, 111.0, -1, 0)->soa_rel = NX_SOA_NONE;
    assert_true(at(&s, 112.0)->eta.lo90_us < us(118.0)); /* one window */
    s.auth.bad_n = 2;
    s.auth.bad[0].from_us = 0;
    s.auth.bad[0].to_us = us(20);
    s.auth.bad[1].from_us = us(100);
    s.auth.bad[1].to_us = us(110);
    const struct nx_verdict *v = at(&s, 112.0);
    assert_true(v->eta.lo90_us >= us(160.0));
    assert_inside(v, 165.0);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_clock_step),
        cmocka_unit_test(test_no_clock_step),
        cmocka_unit_test(test_dense_lines),
        cmocka_unit_test(test_bad_intervals),
        cmocka_unit_test(test_s1_laws),
        cmocka_unit_test(test_s1_ttl_zero_narrows),
        cmocka_unit_test(test_s2_unbound_renewed),
        cmocka_unit_test(test_s3_unbound_second_name),
        cmocka_unit_test(test_s4_dnsmasq),
        cmocka_unit_test(test_s4_dnsmasq_known),
        cmocka_unit_test(test_s5_own_clock),
        cmocka_unit_test(test_s6_chain),
        cmocka_unit_test(test_s7_predict),
        cmocka_unit_test(test_prefetch),
        cmocka_unit_test(test_s8_hidden_cap),
        cmocka_unit_test(test_s9_two_backends),
        cmocka_unit_test(test_s11_stale),
        cmocka_unit_test(test_s13_lagging_secondary),
        cmocka_unit_test(test_s16_policy),
        cmocka_unit_test(test_s16_policy_without_soa),
        cmocka_unit_test(test_s16_local_data),
        cmocka_unit_test(test_s12_rounds),
        cmocka_unit_test(test_flat_after_countdown_is_stale),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
