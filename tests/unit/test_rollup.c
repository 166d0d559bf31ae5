#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/estimator.h"
#include "collector/infer/forecaster.h"
#include "collector/infer/lines.h"
#include "collector/infer/rollup.h"

#define S NX_US_PER_S

/* A target in that state; with b > 0 it ends uniformly in (a, b]. */
static struct nx_verdict verdict(unsigned state, double denied, int64_t a_s,
                                 int64_t b_s) {
    struct nx_verdict v = {.state = (uint8_t)state,
                           .denied_ratio = denied,
                           .last_look_us = 50 * S};

    if (b_s > 0) {
        v.dist.known = v.dist.prior_used = true;
        v.dist.prior_a_us = a_s * S;
        v.dist.prior_b_us = b_s * S;
        v.hard = (struct nx_hard){NX_HARD_AUTH_WINDOW, b_s * S};
        nx_dist_eta(&v.dist, &v.eta);
    }
    return v;
}

static void test_worst_state_and_share(void **state) {
    struct nx_verdict good = verdict(NX_STATE_CLEAR, 0.0, 0, 0);
    struct nx_verdict bad = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 200);
    struct nx_verdict spare = verdict(NX_STATE_RECACHED, 1.0, 0, 0);
    struct nx_rollup_target targets[] = {
        {&good, 0.8, 0, 0}, {&bad, 0.2, 0, 0}, {&spare, 0.0, 0, 0}};
    struct nx_rollup got;

    (void)state;
    bad.last_look_us = 40 * S;
    nx_rollup_network(targets, 2, 60 * S, &got);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, got.state);
    assert_true(fabs(got.denied_ratio - 0.2) < 1e-9);
    assert_int_equal(150 * S, got.eta.point_us);
    assert_int_equal(200 * S, got.hard.at_us);
    assert_true(got.hard_all_known);
    assert_int_equal(40 * S, got.last_look_us);
    nx_rollup_network(targets, 3, 60 * S, &got); /* weight 0 does not paint */
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, got.state);
    assert_false(got.hard_all_known);
    assert_false(got.eta.known);
}

/* Where a forwarder may stand before the resolver, its bound is the later one:
 * "at the latest" must hold of the network, too. */
static void test_bound_of_a_chain(void **state) {
    struct nx_verdict one = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 200);
    struct nx_verdict chain = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 180);
    struct nx_rollup_target targets[] = {{&one, 1, 0, 0}, {&chain, 1, 0, 0}};
    struct nx_rollup_member member = {targets, 2, 1.0};
    struct nx_incident_forecast all;
    struct nx_rollup got;

    (void)state;
    chain.hard_stack = (struct nx_hard){NX_HARD_STACK, 360 * S};
    nx_rollup_network(targets, 2, 60 * S, &got);
    assert_int_equal(NX_HARD_STACK, got.hard.reason);
    assert_int_equal(360 * S, got.hard.at_us);
    nx_rollup_incident(&member, 1, 60 * S, &all);
    assert_int_equal(360 * S, all.hard.at_us);
    chain.hard.reason = NX_HARD_NONE; /* waiting does not end it */
    nx_rollup_network(targets, 2, 60 * S, &got);
    assert_false(got.hard_all_known);
    assert_int_equal(200 * S, got.hard.at_us);
}

static void test_group_counts_once(void **state) {
    struct nx_verdict one = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 200);
    struct nx_rollup_target targets[] = {{&one, 1, 7, 0}, {&one, 1, 7, 0}};
    struct nx_rollup got;

    (void)state;
    nx_rollup_network(targets, 2, 60 * S, &got);
    assert_int_equal(150 * S, got.eta.point_us);
    targets[0].group = targets[1].group = 0;
    nx_rollup_network(targets, 2, 60 * S, &got); /* sqrt(1/2) of the way */
    assert_true(llabs(got.eta.point_us - 170710678) < 10);
}

static void test_no_targets(void **state) {
    struct nx_rollup got;

    (void)state;
    nx_rollup_network(NULL, 0, 60 * S, &got);
    assert_int_equal(NX_STATE_UNKNOWN, got.state);
    assert_true(got.denied_ratio < 0);
    assert_false(got.eta.known);
    assert_int_equal(NX_TIME_UNKNOWN, got.last_look_us);
}

static void test_presumed_clear(void **state) {
    struct nx_verdict clear = verdict(NX_STATE_CLEAR, 0.0, 0, 0);
    struct nx_verdict silent = verdict(NX_STATE_UNKNOWN, 0.05, 10, 20);
    struct nx_rollup_target targets[] = {{&clear, 1, 0, 0}, {&silent, 1, 0, 0}};
    struct nx_rollup got;

    (void)state;
    nx_rollup_network(targets, 2, 60 * S, &got);
    assert_int_equal(NX_STATE_UNKNOWN, got.state);
    assert_false(got.presumed_clear);
    silent.presumed_clear = true;
    nx_rollup_network(targets, 2, 60 * S, &got);
    assert_true(got.presumed_clear);
}

static void test_incident(void **state) {
    struct nx_verdict a = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 200);
    struct nx_verdict b = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 300);
    struct nx_verdict c = verdict(NX_STATE_CLEAR, 0.0, 0, 0);
    struct nx_rollup_target targets[] = {
        {&a, 1, 0, 0}, {&b, 1, 0, 0}, {&c, 1, 0, 0}};
    struct nx_rollup_member members[] = {
        {&targets[0], 1, 1.0}, {&targets[1], 1, 1.0}, {&targets[2], 1, 2.0}};
    struct nx_incident_forecast got;

    (void)state;
    nx_rollup_incident(members, 3, 60 * S, &got);
    assert_true(got.all_clear.known);
    assert_int_equal(1, got.hard_network);
    assert_int_equal(300 * S, got.hard.at_us);
    assert_int_equal(0, got.unverified_n);
    assert_true(got.milestones_known);
    assert_true(nx_rollup_share(members, 3, got.below_10pct_us) <= 0.1);
    assert_true(nx_rollup_share(members, 3, got.below_10pct_us - 1) > 0.1);
    b.state = NX_STATE_POLICY_BLOCKED; /* waiting does not help there */
    nx_rollup_incident(members, 3, 60 * S, &got);
    assert_false(got.all_clear.known);
    assert_false(got.milestones_known);
}

static struct nx_verdict late_verdict(void) {
    struct nx_verdict v = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 101);

    v.dist.p_late = 0.1;
    v.dist.late_us = 100 * S;
    nx_dist_eta(&v.dist, &v.eta);
    return v;
}

/* Two networks of one operator are late together: with 10 %, not with 19 %. */
static void test_operator_is_late_once(void **state) {
    struct nx_verdict a = late_verdict();
    struct nx_verdict b = late_verdict();
    struct nx_rollup_target alone[] = {{&a, 1, 0, 0}, {&b, 1, 0, 0}};
    struct nx_rollup_target same[] = {{&a, 1, 0, 9}, {&b, 1, 0, 9}};
    struct nx_rollup_member members[2];
    struct nx_incident_forecast got;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        members[i] = (struct nx_rollup_member){&alone[i], 1, 1.0};
    }
    nx_rollup_incident(members, 2, 0, &got);
    int64_t apart_us = got.all_clear.hi90_us;
    members[0].targets = &same[0];
    members[1].targets = &same[1];
    nx_rollup_incident(members, 2, 0, &got);
    assert_true(got.all_clear.hi90_us < apart_us);
    /* 0.9 + 0.1 * x^2 = 0.95 */
    assert_true(llabs(got.all_clear.hi90_us - 171710678) < 5);
}

/* The parts make the whole, also after a denial was seen inside. */
static void test_parts_of_a_distribution(void **state) {
    struct nx_verdict v = late_verdict();
    struct nx_dist_parts parts;

    (void)state;
    v.dist.lambda_early_per_s = 1e-3;
    v.dist.from_us = 100 * S + S / 2;
    nx_dist_condition(&v.dist);
    for (int64_t t_us = 100 * S; t_us < 210 * S; t_us += S / 4) {
        nx_dist_split(&v.dist, t_us, &parts);
        double whole =
            (1.0 - parts.p_late) * parts.base + parts.p_late * parts.late;
        if (t_us > v.dist.from_us) {
            assert_true(fabs(whole - nx_dist_cdf(&v.dist, t_us)) < 1e-9);
        }
    }
}

/* Measured fills date the outage; others do not. */
static void test_fills_date_the_outage(void **state) {
    struct nx_verdict v[3];
    struct nx_rollup_target targets[3];
    struct nx_rollup_member member = {targets, 3, 1.0};
    struct nx_incident_forecast got;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        v[i] = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 101);
        v[i].fill_known = true;
        v[i].fill_lo_us = (10 + 20 * i) * S;
        v[i].fill_hi_us = (12 + 20 * i) * S;
        targets[i] = (struct nx_rollup_target){&v[i], 1, 0, 0};
    }
    nx_rollup_incident(&member, 1, 0, &got);
    assert_false(got.outage_known);
    v[0].fill_exact = v[2].fill_exact = true;
    nx_rollup_incident(&member, 1, 0, &got);
    assert_true(got.outage_known);
    assert_int_equal(11 * S, got.outage.start_at_most_us);
    assert_int_equal(51 * S, got.outage.restored_at_least_us);
}

#define MANY 60U

/* Networks of three, some with a cache in common, some of one operator. */
static size_t fill_many(struct nx_verdict *v, struct nx_rollup_target *targets,
                        struct nx_rollup_member *members) {
    for (unsigned i = 0; i < MANY; i++) {
        unsigned kind = i % 5 == 0   ? NX_STATE_CLEAR
                        : i % 7 == 0 ? NX_STATE_REFUSED
                                     : NX_STATE_CACHED_NXDOMAIN;
        v[i] = verdict(kind, 1.0, 100 + i * 3, 150 + i * 7 % 90);
        v[i].dist.p_late = i % 4 == 0 ? 0.2 : 0;
        v[i].dist.late_us = 40 * S;
        nx_dist_eta(&v[i].dist, &v[i].eta);
        targets[i] =
            (struct nx_rollup_target){&v[i], 1, i % 6 == 1 ? 9 : 0, i % 3};
    }
    for (unsigned i = 0; i < MANY / 3; i++) {
        members[i] =
            (struct nx_rollup_member){targets + (size_t)i * 3, 3, 1 + i % 4};
    }
    return MANY / 3;
}

/* However it is cut, the forecast is the same. */
static void test_in_pieces(void **state) {
    static const size_t budgets[] = {1, 2, 7, 64, SIZE_MAX};
    struct nx_verdict v[MANY];
    struct nx_rollup_target targets[MANY];
    struct nx_rollup_member members[MANY / 3];
    struct nx_incident_forecast whole;
    size_t n = fill_many(v, targets, members);

    (void)state;
    nx_rollup_incident(members, n, 90 * S, &whole);
    assert_true(whole.all_clear.known && whole.milestones_known);
    assert_true(fabs(whole.affected - nx_rollup_share(members, n, 90 * S)) <
                1e-12);
    for (size_t k = 0; k < sizeof(budgets) / sizeof(*budgets); k++) {
        struct nx_forecaster *f = NULL;
        unsigned steps_n = 1;
        assert_int_equal(0, nx_forecaster_new(members, n, 90 * S, &f));
        while (!nx_forecaster_step(f, budgets[k])) {
            steps_n++;
        }
        const struct nx_incident_forecast *got = nx_forecaster_result(f);
        assert_int_equal(whole.all_clear.point_us, got->all_clear.point_us);
        assert_int_equal(whole.all_clear.lo50_us, got->all_clear.lo50_us);
        assert_int_equal(whole.all_clear.hi50_us, got->all_clear.hi50_us);
        assert_int_equal(whole.all_clear.lo90_us, got->all_clear.lo90_us);
        assert_int_equal(whole.all_clear.hi90_us, got->all_clear.hi90_us);
        assert_int_equal(whole.below_10pct_us, got->below_10pct_us);
        assert_int_equal(whole.below_1pct_us, got->below_1pct_us);
        assert_int_equal(whole.below_01pct_us, got->below_01pct_us);
        assert_int_equal(whole.hard_network, got->hard_network);
        assert_true(fabs(whole.affected - got->affected) < 1e-12);
        assert_true(budgets[k] == SIZE_MAX ? steps_n == 1 : steps_n > 5);
        nx_forecaster_free(&f);
    }
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_operator_is_late_once),
        cmocka_unit_test(test_parts_of_a_distribution),
        cmocka_unit_test(test_fills_date_the_outage),
        cmocka_unit_test(test_worst_state_and_share),
        cmocka_unit_test(test_bound_of_a_chain),
        cmocka_unit_test(test_group_counts_once),
        cmocka_unit_test(test_no_targets),
        cmocka_unit_test(test_presumed_clear),
        cmocka_unit_test(test_incident),
        cmocka_unit_test(test_in_pieces),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
