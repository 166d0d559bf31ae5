/* What the project promises of its forecasts, on evaluation seeds: no parameter
 * was tuned on them. Ten thousand targets, built without sanitizers for speed;
 * test_simulator_checked runs a few with them, then shares may be three
 * standard errors off. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/simulator/sets.h"
#include "tests/simulator/table.h"

#define SERIES 13U /* of the evaluation seeds */

#ifdef FEW
#define TARGETS 500U
#define ERRORS 3.0 /* standard errors of grace */
#define SLACK 2.0  /* for medians and means of few */
#else
#define TARGETS 10000U
#define ERRORS 0.0
#define SLACK 1.0
#endif

static struct sim_result *RESULTS;
static struct sim_figures ALL;

static int set_up(void **state) {
    (void)state;
    RESULTS = calloc(TARGETS, sizeof(*RESULTS));
    if (RESULTS == NULL) {
        return -1;
    }
    for (size_t i = 0; i < TARGETS; i++) {
        sim_run(sim_set_seed(true, SERIES), i, &RESULTS[i]);
    }
    sim_figures(RESULTS, TARGETS, &SIM_ALL, &ALL);
    sim_print_coverage(stdout, RESULTS, TARGETS, true);
    sim_print_targets(stdout, &ALL);
    sim_print_models(stdout, &ALL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    free(RESULTS);
    return 0;
}

static void assert_share(const char *what, double share, double lo, double hi,
                         unsigned n) {
    double grace = ERRORS * sqrt(share * (1.0 - share) / n);

    if (share < lo - grace || share > hi + grace) {
        fail_msg("%s: %.4f of %u, not in %.3f..%.3f", what, share, n, lo, hi);
    }
}

static void assert_coverage(const char *what, int verified) {
    struct sim_filter filter = SIM_ALL;
    struct sim_figures f;

    filter.verified = verified;
    sim_figures(RESULTS, TARGETS, &filter, &f);
    assert_true(f.forecasts_n > TARGETS / 4);
    assert_share(what, f.cover90, 0.88, 0.93, f.forecasts_n);
    assert_share(what, f.cover50, 0.46, 0.56, f.forecasts_n);
}

static void test_coverage(void **state) {
    (void)state;
    assert_coverage("all", -1);
    assert_coverage("verified", 1);
    assert_coverage("unverified", 0);
}

/* Each class that an address shows or a canary measures. An unverified one that
 * shows nothing until it is late cannot be told from the others: its bound is
 * there to notice a loss. Small classes, two standard errors of grace. */
struct class_bound {
    enum sim_class what;
    int verified;
    double least90;
};

static void test_classes(void **state) {
    static const struct class_bound BOUNDS[] = {
        {SIM_COMPLIANT, 1, 0.88}, {SIM_COMPLIANT, 0, 0.88},
        {SIM_NO_SOA, 1, 0.86},    {SIM_NO_SOA, 0, 0.88},
        {SIM_RAISED, 1, 0.86},    {SIM_RAISED, 0, 0.78},
        {SIM_FLAT, 1, 0.86},      {SIM_FLAT, 0, 0.78},
        {SIM_STALE, 1, 0.80},     {SIM_STALE, 0, 0.86},
        {SIM_HIDDEN, 1, 0.74},    {SIM_HIDDEN, 0, 0.45},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(BOUNDS) / sizeof(BOUNDS[0]); i++) {
        struct sim_filter filter = SIM_ALL;
        struct sim_figures f;
        filter.what = (int)BOUNDS[i].what;
        filter.verified = BOUNDS[i].verified;
        sim_figures(RESULTS, TARGETS, &filter, &f);
        double grace = 2.0 * sqrt(0.9 * 0.1 / fmax(f.forecasts_n, 1));
        assert_share(sim_class_text((unsigned)BOUNDS[i].what), f.cover90,
                     BOUNDS[i].least90 - grace, 1.0, f.forecasts_n);
    }
}

/* The forecast of a cache below another one. */
static void test_chains(void **state) {
    struct sim_filter filter = SIM_ALL;
    struct sim_figures f;

    (void)state;
    filter.chain = 1;
    sim_figures(RESULTS, TARGETS, &filter, &f);
    assert_share("chains", f.cover90, 0.84, 0.93, f.forecasts_n);
    assert_share("chains", f.cover50, 0.44, 0.56, f.forecasts_n);
}

static void test_clear_is_clear(void **state) {
    (void)state;
    assert_share("premature clear", ALL.premature, 0, 0.02, ALL.targets_n);
    assert_share("false recached", ALL.false_recached, 0, 0.005, ALL.targets_n);
    assert_true(ALL.premature < ALL.dig_premature / 5);
    assert_true(ALL.cleared_n > ALL.targets_n * 99 / 100);
}

static void test_countdown_is_exact(void **state) {
    struct sim_filter filter = SIM_ALL;
    struct sim_figures f;

    (void)state;
    filter.basis = NX_BASIS_COUNTDOWN;
    sim_figures(RESULTS, TARGETS, &filter, &f);
    assert_true(f.error50_s <= 0.5);
}

/* Only what was drawn against the rules outlives the bound. */
static void test_hard_bound(void **state) {
    (void)state;
    assert_true(ALL.hard_n > TARGETS / 4);
    assert_int_equal(0, ALL.hard_unexplained_n);
}

/* From the last denial to the state `clear`, all the answers that it takes
 * included. */
static void test_detection(void **state) {
    (void)state;
    assert_true(ALL.delay50_s <= 1.0 * SLACK);
    assert_true(ALL.told50_s <= 3.0 * SLACK);
    assert_share("told within a minute", ALL.told_in_minute, 0.95, 1.0,
                 ALL.denied_n);
    assert_true(ALL.queries <= 2.0 * SLACK * ALL.dig_queries);
}

/* Rule 1, and the agent's own limits. */
static void test_harmless(void **state) {
    (void)state;
    assert_int_equal(0, ALL.planted_n);
    for (size_t i = 0; i < TARGETS; i++) {
        assert_true(RESULTS[i].outcome.shortest_gap_s > 0.3);
    }
}

static void test_better_than_baselines(void **state) {
    double ours_s = ALL.crps_s[SIM_OURS];

    (void)state;
    assert_true(ours_s <= 0.6 * ALL.crps_s[SIM_NOW_TTL]);
    assert_true(ours_s <= 0.6 * ALL.crps_s[SIM_NOW_MINIMUM]);
    assert_true(ours_s <= 0.6 * ALL.crps_s[SIM_RESTORED_W]);
}

static void test_repeatable(void **state) {
    struct sim_result again;

    (void)state;
    sim_run(sim_set_seed(true, SERIES), 7, &again);
    assert_true(fabs(again.outcome.truth_s - RESULTS[7].outcome.truth_s) <
                1e-9);
    assert_int_equal(RESULTS[7].outcome.looks_n, again.outcome.looks_n);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_clear_is_clear),
        cmocka_unit_test(test_countdown_is_exact),
        cmocka_unit_test(test_hard_bound),
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_harmless),
        cmocka_unit_test(test_better_than_baselines),
        cmocka_unit_test(test_repeatable),
    };

    return cmocka_run_group_tests(TESTS, set_up, tear_down);
}
