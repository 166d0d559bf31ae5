#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/estimator.h"
#include "collector/lines.h"
#include "collector/rollup.h"

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
        {&good, 0.8, 0}, {&bad, 0.2, 0}, {&spare, 0.0, 0}};
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

static void test_group_counts_once(void **state) {
    struct nx_verdict one = verdict(NX_STATE_CACHED_NXDOMAIN, 1.0, 100, 200);
    struct nx_rollup_target targets[] = {{&one, 1, 7}, {&one, 1, 7}};
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
    struct nx_rollup_target targets[] = {{&clear, 1, 0}, {&silent, 1, 0}};
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
    struct nx_rollup_target targets[] = {{&a, 1, 0}, {&b, 1, 0}, {&c, 1, 0}};
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

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_worst_state_and_share),
        cmocka_unit_test(test_group_counts_once),
        cmocka_unit_test(test_no_targets),
        cmocka_unit_test(test_presumed_clear),
        cmocka_unit_test(test_incident),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
