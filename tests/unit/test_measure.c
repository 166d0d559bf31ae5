/* Profiles from looks at canary names. The looks are those of real resolvers
 * (Debian 12), as they were measured. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/measure_bench.h"

/* --- caps and floors --- */

static void test_caps(void **state) {
    static const struct {
        int32_t first_s, second_s; /* 2 s later */
        uint32_t cap_s;
    } rows[] = {
        {3600, 3598, 3600},     /* Unbound, PowerDNS Recursor */
        {10800, 10798, 10800},  /* BIND */
        {86400, 604798, 86400}, /* Knot Resolver: in the first answer only */
        {604800, 7198, 7200},   /* systemd-resolved: from the second on */
        {604800, 604798, 0},    /* dnsmasq: none */
        {604800, 20, 22},       /* dnsmasq, max-cache-ttl */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        nx(NX_CANARY_CAP, 0.1, rows[i].first_s);
        nx(NX_CANARY_CAP, 2.2, rows[i].second_s);
        assert_int_equal(measure().nxdomain_cap_s, rows[i].cap_s);
    }
}

static void test_caps_of_both_kinds(void **state) {
    (void)state;
    nx(NX_CANARY_CAP, 0.1, 3600);
    struct nx_measured m = measure();
    assert_int_equal(m.nodata_cap_s, NX_NOT_MEASURED);
    assert_int_equal(m.profile.cap_hi_s, 0); /* half of it is not known */
    (void)see(NX_CANARY_NODATA, 0.2, NX_KIND_NODATA, 900);
    m = measure();
    assert_int_equal(m.nxdomain_cap_s, 3600);
    assert_int_equal(m.nodata_cap_s, 900);
    assert_int_equal(m.profile.cap_hi_s, 3600); /* holds for either */
}

/* Unbound, asked again 1000 s later: the zone's SOA is still the old one. */
static void test_cap_of_a_shared_clock_seen_again(void **state) {
    struct nx_measured m;
    struct nx_measured before;
    nx(NX_CANARY_CAP, 0.1, 3600);
    before = measure();
    start(state);
    nx(NX_CANARY_CAP, 1000.1, 2600);
    assert_int_equal(nx_measure(&looks, &before, 1000 * S, &m), 0);
    assert_int_equal(m.nxdomain_cap_s, 3600);
    start(state);
    nx(NX_CANARY_CAP, 5000.1, 2600); /* the old one is over: a new cap */
    assert_int_equal(nx_measure(&looks, &before, 1000 * S, &m), 0);
    assert_int_equal(m.nxdomain_cap_s, 2600);
}

/* Measured daily, a week's SOA is seen five times more, and a cap that was
 * lowered meanwhile the second time that it is shown. */
static void test_cap_of_a_shared_clock_is_lowered(void **state) {
    static const struct {
        int32_t shown_s;
        uint32_t cap_s;
    } days[] = {{604800, 0}, {518400, 0}, {432000, 0},
                {900, 0},    {900, 900},  {900, 900}};
    struct nx_measured m = {.shown_us = 0};
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        const struct nx_measured before = m;
        double at_s = 86400.0 * (double)i;
        start(state);
        nx(NX_CANARY_CAP, at_s + 0.1, days[i].shown_s);
        (void)see(NX_CANARY_NODATA, at_s + 0.2, NX_KIND_NODATA,
                  days[i].shown_s);
        assert_int_equal(nx_measure(&looks, i > 0 ? &before : NULL, 0, &m), 0);
        assert_int_equal(m.nxdomain_cap_s, days[i].cap_s);
        assert_int_equal(m.nodata_cap_s, days[i].cap_s);
    }
}

/* Unbound again: NODATA was asked 0.1 s after NXDOMAIN, over a tick. */
static void test_cap_of_a_shared_clock_ticks(void **state) {
    (void)state;
    nx(NX_CANARY_CAP, 0.1, 900);
    (void)see(NX_CANARY_NODATA, 0.2, NX_KIND_NODATA, 899);
    assert_int_equal(measure().nodata_cap_s,
                     899); /* its own, as far as known */
    nx(NX_CANARY_CLOCK, 0.0, 20);
    nx(NX_CANARY_CLOCK_NEXT, 5.0, 15);
    nx(NX_CANARY_CLOCK, 9.5, 11);
    assert_int_equal(measure().nodata_cap_s, 900);
}

static void test_floors(void **state) {
    static const struct {
        int32_t r_s;
        uint32_t floor_s, clamp_s;
    } rows[] = {
        {1, 1, 0}, /* BIND; PowerDNS, whose floor is 1 */
        {5, 5, 5}, /* Knot Resolver */
        {60, 60, 60},
        {-1, NX_NOT_MEASURED, 0}, /* no SOA */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        nx(NX_CANARY_FLOOR, 0.1, rows[i].r_s);
        struct nx_measured m = measure();
        assert_int_equal(m.floor_s, rows[i].floor_s);
        assert_int_equal(m.profile.clamp_lo_s, rows[i].clamp_s);
    }
}

/* --- whose clock --- */

static void test_clocks(void **state) {
    static const struct {
        const char *who;
        int32_t first_s, next_s, last_s; /* at 0, 5 (another name) and 9.5 */
        enum nx_soa_clock clock;
    } rows[] = {
        {"Unbound", 20, 15, 11, NX_SOA_CLOCK_SHARED_UNTIL_CHANGE},
        {"BIND", 20, 20, 11, NX_SOA_CLOCK_OWN},
        {"PowerDNS Recursor", 20, 20, 11, NX_SOA_CLOCK_OWN},
        {"dnsmasq", 20, 20, 16, NX_SOA_CLOCK_SHARED_RENEWED},
        {"no SOA", -1, -1, -1, NX_SOA_CLOCK_UNKNOWN},
        {"cap below the test", 5, 5, 5, NX_SOA_CLOCK_UNKNOWN},
        {"two caches", 20, 9, 11, NX_SOA_CLOCK_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        nx(NX_CANARY_CLOCK, 0.0, rows[i].first_s);
        nx(NX_CANARY_CLOCK_NEXT, 5.0, rows[i].next_s);
        nx(NX_CANARY_CLOCK, 9.5, rows[i].last_s);
        assert_int_equal(measure().soa_clock, rows[i].clock);
    }
}

/* The clock of a chain is not known, whatever the last layer shows (12.1). */
static void test_chain_hides_the_clock(void **state) {
    (void)state;
    nx(NX_CANARY_CLOCK, 0.0, 20);
    nx(NX_CANARY_CLOCK_NEXT, 5.0, 20);
    nx(NX_CANARY_CLOCK, 9.5, 11);
    struct nx_measured m = measure();
    assert_int_equal(m.soa_clock, NX_SOA_CLOCK_OWN);
    assert_int_equal(m.profile.soa_clock, NX_SOA_CLOCK_UNKNOWN);
    assert_true(m.profile.chain_possible);
    (void)see(NX_CANARY_EGRESS, 1.0, NX_KIND_POS, 60);
    m = measure(); /* an answer; which, the agent keeps */
    assert_int_equal(m.chain, NX_CHAIN_UNKNOWN);
    assert_true(m.profile.chain_possible);
    looks.egress = (struct nx_egress){{192, 0, 2, 9}, 4};
    assert_int_equal(measure().chain, NX_CHAIN_OTHER);
    looks.egress_is_resolver = true;
    m = measure();
    assert_int_equal(m.chain, NX_CHAIN_OWN);
    assert_false(m.profile.chain_possible);
    assert_int_equal(m.profile.soa_clock, NX_SOA_CLOCK_OWN);
    m.soa_clock = NX_SOA_CLOCK_SHARED_RENEWED; /* dnsmasq only forwards */
    nx_measured_settle(&m);
    assert_true(m.profile.chain_possible);
}

/* --- the end of a short one: the laws of S1, eight phases each --- */

struct family {
    enum nx_conv conv;
    double early_s; /* refreshed with so much left: Knot Resolver's predict */
};

/* The 16 looks at a denial of W = 8 s, whose clock ticks at `phase`. */
static void live(const struct family *f, double phase) {
    double fill = phase;
    double end = f->conv == NX_CONV_T    ? fill + 8
                 : f->conv == NX_CONV_F0 ? floor(fill) + 9
                                         : floor(fill) + 8;
    for (unsigned i = 0; i < NX_CANARY_LOOKS_MAX; i++) {
        double at = phase + i * 0.61;
        if (at >= end - f->early_s) {
            fill = at;
            end = fill + 100;
        }
        double left = end - at;
        double r = f->conv == NX_CONV_F0           ? ceil(left) - 1
                   : f->conv == NX_CONV_T && i > 0 ? fmax(floor(left), 1)
                                                   : ceil(left);
        nx(NX_CANARY_END, at, (int32_t)fmin(r, 8));
    }
}

static void test_conventions(void **state) {
    static const enum nx_conv convs[] = {NX_CONV_F, NX_CONV_F0, NX_CONV_T};
    for (size_t c = 0; c < 3; c++) {
        const struct family family = {convs[c], 0};
        unsigned right = 0;
        for (unsigned k = 0; k < 8; k++) {
            struct nx_profile unmeasured;
            start(state);
            live(&family, 0.06 + 0.12 * k);
            struct nx_profile p = measure().profile;
            assert_true(p.conv == convs[c] || p.conv == NX_CONV_U);
            right += p.conv == convs[c] ? 1 : 0;
            assert_int_equal(p.early_window_s, p.conv == NX_CONV_U ? 5 : 0);
            assert_int_equal(p.early_seen, NX_EARLY_UNKNOWN);
            nx_profile_default(&unmeasured);
            assert_true(p.p_early <= unmeasured.p_early);
            assert_false(p.never_decrements);
        }
        print_message("# %s: %u of 8 phases\n", nx_conv_text(convs[c]), right);
        assert_in_range(right, 6, 8);
    }
}

static void test_predict(void **state) {
    const struct family family = {NX_CONV_F0, 5};
    (void)state;
    live(&family, 0.3);
    struct nx_profile p = measure().profile;
    assert_int_equal(p.conv, NX_CONV_U);
    assert_int_equal(p.early_window_s, 5);
    assert_int_equal(p.early_seen, NX_EARLY_SEEN);
    assert_true(p.p_early > 0.5);
}

/* The looks at a denial of W = 20 s: Unbound, with prefetch, fetches anew for
 * who asks in the last tenth, and gives him what it has. */
static void live_long(enum nx_conv conv, double prefetch_s, double phase) {
    static const double after_s[] = {0, 3.2, 18.2, 21.4};
    double fill = floor(phase);
    for (size_t i = 0; i < sizeof(after_s) / sizeof(after_s[0]); i++) {
        double at = phase + after_s[i];
        double left = fill + 20 - floor(at);
        if (left < (conv == NX_CONV_F0 ? 0 : 1)) {
            fill = floor(at);
            left = 20;
        }
        nx(NX_CANARY_PREFETCH, at, (int32_t)left);
        if (prefetch_s > 0 && left <= 2) {
            fill = floor(at + prefetch_s);
        }
    }
    const struct family family = {conv, 0};
    live(&family, phase);
}

static void test_prefetch(void **state) {
    static const enum nx_conv convs[] = {NX_CONV_F, NX_CONV_F0};
    for (unsigned k = 0; k < 48; k++) {
        bool prefetch = k % 3 != 0;
        start(state);
        live_long(convs[k / 3 % 2], 0.6 * (k % 3), 0.06 + 0.12 * (k / 6));
        struct nx_profile p = measure().profile;
        assert_int_equal(p.early_seen, prefetch              ? NX_EARLY_SEEN
                                       : p.conv == NX_CONV_U ? NX_EARLY_UNKNOWN
                                                             : NX_EARLY_NEVER);
        if (p.conv != NX_CONV_U) {
            assert_int_equal(nx_profile_early_us(&p, 3600 * S),
                             prefetch ? 360 * S : 0);
            assert_true(prefetch ? p.p_early > 0.5 : p.p_early <= 0);
        }
    }
}

/* The end was not seen, say: that excludes no more, and the tenth opens first.
 */
static void test_prefetch_beside_an_unknown_end(void **state) {
    for (unsigned caches = 1; caches <= 2; caches++) {
        start(state);
        live_long(NX_CONV_F0, 0.6, 0.3);
        looks.n[NX_CANARY_END] = 2;
        count(8, caches, 0.5);
        struct nx_profile p = measure().profile;
        assert_int_equal(p.conv, NX_CONV_U);
        assert_int_equal(p.early_seen, caches == 1);
        assert_int_equal(nx_profile_early_us(&p, 3600 * S),
                         caches == 1 ? 360 * S : 41 * S);
    }
}

/* Nothing is said without the zone, below a cap, of another name's SOA, by one
 * look, of what another cache may have, and of a question that was repeated. */
static void test_prefetch_is_not_known(void **state) {
    static const struct family family = {NX_CONV_F0, 0};
    static const int32_t shown_s[][3] = {
        {11, 20, 20}, {5, 2, 20}, {20, 2, -1}, {20, 20, 17}, {20, 2, 12}};
    for (unsigned k = 0; k < 7; k++) {
        start(state);
        live(&family, 0.3);
        if (k == 5) {
            (void)see(NX_CANARY_PREFETCH, 0.5, NX_KIND_OTHER, 604800);
            (void)see(NX_CANARY_PREFETCH, 18.7, NX_KIND_OTHER, 604782);
            (void)see(NX_CANARY_PREFETCH, 21.9, NX_KIND_OTHER, 604779);
        } else {
            const int32_t *r_s = shown_s[k < 5 ? k : 2];
            nx(NX_CANARY_PREFETCH, 0.5, r_s[0]);
            nx(NX_CANARY_PREFETCH, 18.7, r_s[1]);
            nx(NX_CANARY_PREFETCH, 21.9, k < 5 ? r_s[2] : 18);
        }
        looks.of[NX_CANARY_PREFETCH][2].look.tx_us -= k == 6 ? S : 0;
        assert_int_equal(measure().profile.early_seen, NX_EARLY_UNKNOWN);
    }
}

static void test_flat(void **state) {
    (void)state;
    for (unsigned i = 0; i < NX_CANARY_LOOKS_MAX; i++) {
        nx(NX_CANARY_END, i * 0.61, 8);
    }
    struct nx_profile p = measure().profile;
    assert_true(p.never_decrements);
    assert_int_equal(p.conv, NX_CONV_U);
}

/* Once a second, as public resolvers are asked: TTL 0 may have been missed. */
static void test_looks_too_far_apart(void **state) {
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        nx(NX_CANARY_END, i * 1.01, i < 8 ? 8 - (int32_t)i : 16 - (int32_t)i);
    }
    assert_int_equal(measure().profile.conv, NX_CONV_U);
}

/* RFC 2181 section 8: 2147483647 s is a TTL. */
static void test_largest_ttl(void **state) {
    start(state);
    for (unsigned i = 0; i < 4; i++) {
        nx(NX_CANARY_END, 0.5 * i, INT32_MAX);
    }
    assert_int_equal(measure().profile.conv, NX_CONV_U);
}

/* Unbound with serve-expired: TTL 30 after the end. */
static void test_stale(void **state) {
    (void)state;
    for (unsigned i = 0; i < NX_CANARY_LOOKS_MAX; i++) {
        double at = i * 0.61;
        nx(NX_CANARY_END, at, at < 9 ? 8 - (int32_t)at : 30);
    }
    struct nx_profile p = measure().profile;
    assert_int_equal(p.past_ttl, NX_PAST_TTL_SERVED);
    assert_int_equal(p.stale_max_s, 259200);
}

/* --- RD=0: the matrix of S19 --- */

static void test_rd0(void **state) {
    static const struct {
        enum nx_kind cached, fresh;
        unsigned flags;
        enum nx_rd0 rd0;
    } rows[] = {
        {NX_KIND_REFUSED, NX_KIND_REFUSED, 0, NX_RD0_REFUSED},    /* Unbound */
        {NX_KIND_TIMEOUT, NX_KIND_TIMEOUT, 0, NX_RD0_REFUSED},    /* dnscache */
        {NX_KIND_NXDOMAIN, NX_KIND_MISS, 0, NX_RD0_HONOURED},     /* BIND */
        {NX_KIND_NXDOMAIN, NX_KIND_REFERRAL, 0, NX_RD0_HONOURED}, /* snoop */
        {NX_KIND_NXDOMAIN, NX_KIND_NXDOMAIN, NX_LOOK_AA,
         NX_RD0_BYPASSES}, /* dnsmasq */
        {NX_KIND_NXDOMAIN, NX_KIND_NXDOMAIN, 0, NX_RD0_RECURSES},
        {NX_KIND_MISS, NX_KIND_MISS, 0, NX_RD0_UNKNOWN}, /* PowerDNS forwards */
        {NX_KIND_NXDOMAIN, NX_KIND_TIMEOUT, 0, NX_RD0_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        (void)see(NX_CANARY_RD0_CACHED, 9.0, rows[i].cached, 3591);
        see(NX_CANARY_RD0_FRESH, 9.2, rows[i].fresh, 3600)->look.flags =
            (uint16_t)rows[i].flags;
        assert_int_equal(measure().profile.rd0, rows[i].rd0);
    }
}

/* What looks like a refresh may be the other one's younger entry. */
static void test_several_caches_are_no_refresh(void **state) {
    const struct family family = {NX_CONV_F0, 5};
    for (unsigned of = 1; of <= 2; of++) {
        start(state);
        live(&family, 0.3);
        count(8, of, 0.5);
        struct nx_profile p = measure().profile;
        assert_int_equal(p.early_seen, of == 1);
        assert_int_equal(p.early_window_s, 5);
    }
}

/* --- nothing and oddities --- */

static void test_nothing(void **state) {
    struct nx_measured m = {.floor_s = 77};
    (void)state;
    assert_int_equal(nx_measure(&looks, NULL, 0, &m), NX_ENOTFOUND);
    (void)see(NX_CANARY_CAP, 0.1, NX_KIND_SERVFAIL, -1);
    nx(NX_CANARY_END, 0.1, 8);
    assert_int_equal(nx_measure(&looks, NULL, 0, &m), NX_ENOTFOUND);
    assert_int_equal(m.floor_s, 77);
}

static void test_rewriting(void **state) {
    (void)state;
    static const uint8_t zone[] = "\6canary\7example\3net";
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 66};
    static const struct nx_canary_run run = {.zone = zone, .count_n = 7};
    const struct nx_question question = {.name = zone, .qtype = NX_TYPE_A};
    const struct nx_answer answer = {.flags = NX_ANS_RDATA,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 1};
    const struct nx_obs obs = {.question = &question, .answer = &answer};
    nx_canary_looks_add(&looks, &run, NX_CANARY_CAP, &obs, 0, 0);
    struct nx_measured m = measure();
    assert_true(m.rewrites_nxdomain);
    assert_int_equal(m.rewrites_to.len, 4);
    assert_memory_equal(m.profile.rewritten, rdata + 2, 4);
}

static void test_no_soa(void **state) {
    (void)state;
    nx(NX_CANARY_CAP, 0.1, -1); /* dnscache */
    struct nx_measured m = measure();
    assert_false(m.soa_shown);
    assert_int_equal(m.nxdomain_cap_s, NX_NOT_MEASURED);
    assert_int_equal(m.profile.conv, NX_CONV_U);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_caps, begin),
        cmocka_unit_test_setup(test_caps_of_both_kinds, begin),
        cmocka_unit_test_setup(test_cap_of_a_shared_clock_seen_again, begin),
        cmocka_unit_test_setup(test_cap_of_a_shared_clock_is_lowered, begin),
        cmocka_unit_test_setup(test_cap_of_a_shared_clock_ticks, begin),
        cmocka_unit_test_setup(test_floors, begin),
        cmocka_unit_test_setup(test_clocks, begin),
        cmocka_unit_test_setup(test_chain_hides_the_clock, begin),
        cmocka_unit_test_setup(test_conventions, begin),
        cmocka_unit_test_setup(test_predict, begin),
        cmocka_unit_test_setup(test_prefetch, begin),
        cmocka_unit_test_setup(test_prefetch_is_not_known, begin),
        cmocka_unit_test_setup(test_prefetch_beside_an_unknown_end, begin),
        cmocka_unit_test_setup(test_flat, begin),
        cmocka_unit_test_setup(test_looks_too_far_apart, begin),
        cmocka_unit_test_setup(test_largest_ttl, begin),
        cmocka_unit_test_setup(test_stale, begin),
        cmocka_unit_test_setup(test_rd0, begin),
        cmocka_unit_test_setup(test_several_caches_are_no_refresh, begin),
        cmocka_unit_test_setup(test_nothing, begin),
        cmocka_unit_test_setup(test_rewriting, begin),
        cmocka_unit_test_setup(test_no_soa, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
