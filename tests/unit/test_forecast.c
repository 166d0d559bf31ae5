/* What every forecast keeps to, whatever is known of the resolver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/estimator.h"
#include "tests/lib/diagnosed.h"

#define POINTS 60
#define ROUNDING 1e-12

/* --- all kinds of resolvers --- */

enum { CAPS = 3, EARLY = 3, CLAMPS = 2, CHAINS = 2, CACHES = 2, STALE = 2 };
#define PASTS 3U
#define CONVS 4U
#define CLOCKS 4U
#define RESOLVERS                                                              \
    (2U * CONVS * CLOCKS * PASTS * CAPS * EARLY * CLAMPS * CHAINS * CACHES *   \
     STALE)

static unsigned take(unsigned *left, unsigned n) {
    unsigned one = *left % n;

    *left /= n;
    return one;
}

static void resolver_of(unsigned which, struct nx_profile *out) {
    static const uint32_t CAP_S[CAPS] = {0, W_S / 2, W_S};

    nx_profile_default(out);
    out->conv = (uint8_t)take(&which, CONVS);
    out->soa_clock = (uint8_t)take(&which, CLOCKS);
    out->past_ttl = (uint8_t)take(&which, PASTS);
    out->cap_hi_s = CAP_S[take(&which, CAPS)];
    unsigned early = take(&which, EARLY);
    out->early_window_s = early == 1 ? 5 : 0;
    out->early_seen = early == 2 ? NX_EARLY_SEEN : NX_EARLY_UNKNOWN;
    out->clamp_lo_s = 2 * W_S * take(&which, CLAMPS);
    out->chain_possible = take(&which, CHAINS) != 0;
    out->caches = (uint16_t)(3 * take(&which, CACHES));
    out->stale_max_s = 86400 * take(&which, STALE);
    out->verified = take(&which, 2) != 0;
    if (out->verified) {
        nx_profile_weigh(out);
    }
}

/* --- what was seen of it --- */

static void countdown(struct target *t) {
    for (unsigned i = 0; i < 4; i++) {
        denied(t, 150.1 + 0.53 * i, 300);
    }
}

static void two_countdowns(struct target *t) {
    for (unsigned i = 0; i < 6; i++) {
        denied(t, 150.1 + 0.53 * i, i % 2 == 0 ? 300 : 330);
    }
}

static void renewed_clock(struct target *t) {
    countdown(t);
    for (unsigned i = 0; i < 3; i++) {
        denied(t, 160.1 + 0.53 * i, 500)->soa_serial = 2;
    }
}

static void no_soa(struct target *t) {
    for (unsigned i = 0; i < 3; i++) {
        saw(t, 150.1 + 0.53 * i, NX_KIND_NXDOMAIN);
    }
}

static void moved_delegation(struct target *t) {
    t->auth.deleg_changed_ns = t->auth.old_servers_negative = true;
    t->auth.ns_ttl_s = 900;
    countdown(t);
}

/* --- what holds --- */

static void assert_forecast(const struct nx_verdict *v, unsigned which) {
    const struct nx_dist *dist = &v->dist;
    double before = 0.0;
    double base = 0.0;
    double late = 0.0;
    int64_t lo_us = 0;
    int64_t hi_us = 0;

    if (dist->p_early + dist->p_renewed + dist->p_extend > 1.0 + ROUNDING) {
        fail_msg("resolver %u: %f + %f + %f", which, dist->p_early,
                 dist->p_renewed, dist->p_extend);
    }
    nx_dist_span(dist, &lo_us, &hi_us);
    for (int64_t i = 0; i <= 2 * POINTS; i++) { /* all, and around the end */
        int64_t t_us = i <= POINTS ? lo_us + (hi_us - lo_us) * i / POINTS
                                   : (i * 3 - POINTS * 3) * S + 250 * S;
        if (i == POINTS + 1) {
            before = base = late = 0.0;
        }
        struct nx_dist_parts parts;
        double p = nx_dist_cdf(dist, t_us);
        nx_dist_split(dist, t_us, &parts);
        if (p < before - ROUNDING || p > 1.0 || parts.base < base - ROUNDING ||
            parts.late < late - ROUNDING) {
            fail_msg("resolver %u, %.1f s: %f after %f", which,
                     (double)t_us * 1e-6, p, before);
        }
        before = p;
        base = parts.base;
        late = parts.late;
    }
    assert_true(v->eta.lo90_us <= v->eta.lo50_us);
    assert_true(v->eta.lo50_us <= v->eta.point_us);
    assert_true(v->eta.point_us <= v->eta.hi50_us);
    assert_true(v->eta.hi50_us <= v->eta.hi90_us);
}

static void forecasts_of(void (*see)(struct target *t)) {
    unsigned n = 0;

    for (unsigned which = 0; which < RESOLVERS; which++) {
        struct target t;
        set_up(&t);
        resolver_of(which, &t.profile);
        see(&t);
        if (at(&t, 165)->dist.known) {
            assert_forecast(&t.verdict, which);
            n++;
        }
    }
    assert_true(n > RESOLVERS / 4);
}

static void test_countdown(void **state) {
    (void)state;
    forecasts_of(countdown);
}

static void test_two_countdowns(void **state) {
    (void)state;
    forecasts_of(two_countdowns);
}

static void test_renewed_clock(void **state) {
    (void)state;
    forecasts_of(renewed_clock);
}

static void test_no_soa(void **state) {
    (void)state;
    forecasts_of(no_soa);
}

static void test_moved_delegation(void **state) {
    (void)state;
    forecasts_of(moved_delegation);
}

/* NSEC records outlive the SOA, and other denials renew that: the median is in
 * their window, not at the SOA's end. */
static void test_nsec_window(void **state) {
    struct target t;
    const struct nx_verdict *v = NULL;

    (void)state;
    set_up(&t);
    t.auth.w_nsec_s = 3 * W_S;
    denied(&t, 110, 650);
    v = at(&t, 111);
    assert_forecast(v, 0);
    assert_true(v->eta.point_us < 700 * S); /* a countdown, nothing more */
    assert_true(v->eta.hi90_us > 1820 * S);
    denied(&t, 120, 719)->soa_serial = 2;
    v = at(&t, 121);
    assert_forecast(v, 0);
    /* Fetched between the outage at 20 s and the restoration. */
    assert_true(v->eta.point_us >= 1820 * S);
    assert_true(v->eta.hi50_us <= 1901 * S);
    assert_true(v->eta.hi90_us <= 2000 * S);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_countdown),
        cmocka_unit_test(test_two_countdowns),
        cmocka_unit_test(test_renewed_clock),
        cmocka_unit_test(test_no_soa),
        cmocka_unit_test(test_moved_delegation),
        cmocka_unit_test(test_nsec_window),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
