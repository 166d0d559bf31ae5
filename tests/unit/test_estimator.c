/* The distribution, lines, counts and verdict texts by themselves. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/chao.h"
#include "collector/infer/estimator.h"
#include "collector/infer/lines.h"
#include "collector/infer/prior.h"

#define S NX_US_PER_S

static struct nx_dist rich(void) {
    return (struct nx_dist){
        .known = true,
        .lines_n = 2,
        .lines = {{100 * S, 101 * S, 3, false}, {110 * S, 112 * S, 1, false}},
        .nu = 0.5,
        .prior_a_us = 90 * S,
        .prior_b_us = 130 * S,
        .p_early = 0.07,
        .early_a_us = 104 * S,
        .early_b_us = 105 * S,
        .p_extend = 0.04,
        .extend_a_us = 112 * S,
        .extend_b_us = 120 * S,
        .p_late = 0.1,
        .late_us = 45 * S,
        .lambda_early_per_s = 1e-4,
        .from_us = 80 * S};
}

static void test_cdf_rises_from_zero_to_one(void **state) {
    struct nx_dist dist = rich();
    double before = 0.0;
    int64_t lo_us = 0;
    int64_t hi_us = 0;

    (void)state;
    nx_dist_span(&dist, &lo_us, &hi_us);
    assert_true(nx_dist_cdf(&dist, lo_us) <= 0.0);
    assert_true(nx_dist_cdf(&dist, hi_us) >= 1.0);
    for (int64_t t_us = lo_us; t_us <= hi_us; t_us += S / 20) {
        double p = nx_dist_cdf(&dist, t_us);
        assert_true(p >= before && p <= 1.0);
        before = p;
    }
}

static void test_quantile_is_smallest(void **state) {
    struct nx_dist dist = rich();

    (void)state;
    for (double q = 0.01; q < 1.0; q += 0.01) {
        int64_t t_us = nx_dist_quantile(&dist, q);
        assert_true(nx_dist_cdf(&dist, t_us) >= q);
        assert_true(nx_dist_cdf(&dist, t_us - 1) < q);
    }
}

static void test_eta_is_its_quantiles(void **state) {
    struct nx_dist dist = rich();
    struct nx_eta eta;

    (void)state;
    nx_dist_eta(&dist, &eta);
    assert_true(eta.known);
    assert_int_equal(nx_dist_quantile(&dist, 0.05), eta.lo90_us);
    assert_int_equal(nx_dist_quantile(&dist, 0.25), eta.lo50_us);
    assert_int_equal(nx_dist_quantile(&dist, 0.50), eta.point_us);
    assert_int_equal(nx_dist_quantile(&dist, 0.75), eta.hi50_us);
    assert_int_equal(nx_dist_quantile(&dist, 0.95), eta.hi90_us);
    dist.known = false;
    nx_dist_eta(&dist, &eta);
    assert_false(eta.known);
}

static void test_step(void **state) {
    struct nx_dist dist = {.known = true,
                           .lines_n = 1,
                           .lines = {{50 * S, 50 * S, 1, false}},
                           .from_us = 50 * S};
    struct nx_eta eta;

    (void)state;
    nx_dist_eta(&dist, &eta);
    assert_int_equal(50 * S, eta.lo90_us);
    assert_int_equal(50 * S, eta.hi90_us);
}

static struct nx_look look(int64_t t_us, int32_t r_s) {
    return (struct nx_look){.tx_us = t_us,
                            .rx_us = t_us + 2000,
                            .r_s = r_s,
                            .flags = NX_LOOK_SERIAL,
                            .kind = NX_KIND_NXDOMAIN};
}

static void test_lines_two_caches_interleaved(void **state) {
    static const uint8_t ALL[] = {0, 1, 2, 3};
    struct nx_line_rule rule = {.conv = NX_CONV_F};
    struct nx_line_set set;
    struct nx_look looks[] = {look(1000000, 20), look(2400000, 24),
                              look(3800000, 17), look(4200000, 22)};

    (void)state;
    nx_lines_build(looks, ALL, 4, &rule, &set);
    assert_int_equal(2, set.n);
    assert_int_equal(2, set.at[0].line.looks_n);
    assert_int_equal(20 * S, set.at[0].line.a_us);
    assert_int_equal(20802000, set.at[0].line.b_us);
    assert_int_equal(0, set.at[0].first);
    assert_int_equal(2, set.at[0].last);
    assert_int_equal(2, set.at[1].line.looks_n);
}

static void test_lines_by_serial(void **state) {
    static const uint8_t ALL[] = {0, 1};
    struct nx_line_rule rule = {.conv = NX_CONV_U};
    struct nx_line_set set;
    struct nx_look looks[] = {look(1000000, 20), look(2000000, 19)};

    (void)state;
    looks[1].soa_serial = 1;
    nx_lines_build(looks, ALL, 2, &rule, &set);
    assert_int_equal(1, set.n);
    rule.by_serial = true;
    nx_lines_build(looks, ALL, 2, &rule, &set);
    assert_int_equal(2, set.n);
    nx_lines_build(looks, ALL, 0, &rule, &set);
    assert_int_equal(0, set.n);
}

static void test_clock_error_widens(void **state) {
    struct nx_look one = look(1000000, 20);

    (void)state;
    one.eps_us = 40000;
    struct nx_line line = nx_bracket(&one, NX_CONV_F);
    assert_int_equal(20 * S - 40000, line.a_us);
    assert_int_equal(21 * S + 42000, line.b_us);
}

/* One second and a round trip apart: one line, but no end explains both. */
static void test_conflict_is_a_union(void **state) {
    static const uint8_t ALL[] = {0, 1};
    struct nx_line_rule rule = {.conv = NX_CONV_F, .shift_us = 3 * S};
    struct nx_line_set set;
    struct nx_look looks[] = {look(1000000, 20), look(2002000, 20)};

    (void)state;
    nx_lines_build(looks, ALL, 2, &rule, &set);
    assert_int_equal(1, set.n);
    assert_true(set.at[0].inconsistent);
    assert_int_equal(17 * S, set.at[0].line.a_us);
    assert_int_equal(19 * S + 4000, set.at[0].line.b_us);
}

static void test_probes_to_reach(void **state) {
    static const unsigned TABLE[][2] = {{1, 1},  {2, 5},   {3, 8},
                                        {4, 11}, {5, 14},  {6, 17},
                                        {8, 23}, {10, 29}, {16, 47}};

    (void)state;
    for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++) {
        assert_int_equal(TABLE[i][1], nx_probes_to_reach(TABLE[i][0]));
    }
    assert_int_equal(14, nx_probes_to_reach(4.5));
    assert_int_equal(1, nx_probes_to_reach(0));
    assert_true(nx_denied_upper95(0) >= 1.0);
    assert_true(fabs(nx_denied_upper95(1) - 0.95) < 1e-9);
}

static void test_chao_without_singles(void **state) {
    static const uint16_t COUNTS[] = {4, 0, 4};
    struct nx_chao chao;

    (void)state;
    nx_chao_estimate(COUNTS, 3, &chao);
    assert_int_equal(2, chao.s_obs);
    assert_true(chao.unseen <= 0.0);
    assert_true(fabs(chao.gt_mass - 3.0 / 8.0) < 1e-9);
    nx_chao_estimate(COUNTS, 0, &chao);
    assert_int_equal(0, chao.n);
}

static void test_prior_edges(void **state) {
    (void)state;
    assert_false(nx_prior(0, NX_TIME_UNKNOWN, S).known);
    struct nx_window w = nx_prior(NX_TIME_UNKNOWN, 100 * S, 45 * S);
    assert_int_equal(100 * S, w.a_us);
    assert_int_equal(145 * S, w.b_us);
    w = nx_prior(120 * S, 100 * S, 45 * S); /* an outage that began after */
    assert_true(w.a_us <= w.b_us);
    assert_false(nx_outage_from_fills((int64_t[]){1}, 1, NULL));
}

static void test_texts(void **state) {
    (void)state;
    assert_string_equal("still-negative-at-authority", nx_state_text(0));
    assert_string_equal("clear", nx_state_text(NX_STATE_CLEAR));
    assert_string_equal("?", nx_state_text(NX_STATE_N_));
    assert_string_equal("no-soa", nx_flag_text(0));
    assert_string_equal("?", nx_flag_text(NX_FLAG_N_));
    assert_string_equal("guarded", nx_unknown_reason_text(NX_UNKNOWN_GUARDED));
    assert_string_equal("?", nx_unknown_reason_text(99));
    assert_string_equal("auth-window",
                        nx_hard_reason_text(NX_HARD_AUTH_WINDOW));
    assert_string_equal("?", nx_hard_reason_text(99));
    assert_string_equal("countdown", nx_basis_text(NX_BASIS_COUNTDOWN));
    assert_string_equal("?", nx_basis_text(99));
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_cdf_rises_from_zero_to_one),
        cmocka_unit_test(test_quantile_is_smallest),
        cmocka_unit_test(test_eta_is_its_quantiles),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_lines_two_caches_interleaved),
        cmocka_unit_test(test_lines_by_serial),
        cmocka_unit_test(test_clock_error_widens),
        cmocka_unit_test(test_conflict_is_a_union),
        cmocka_unit_test(test_probes_to_reach),
        cmocka_unit_test(test_chao_without_singles),
        cmocka_unit_test(test_prior_edges),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
