/* Shapes, scores, sums and lessons against computations of another kind. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/score/document.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1800000000) * S)

static void assert_near(double is, double want, double within) {
    if (!(fabs(is - want) <= within)) {
        fail_msg("%.9g is not %.9g", is, want);
    }
}

/* One bracket of ten seconds, then a tail of 600 s with 6 %. */
static struct nx_dist bracket(void) {
    return (struct nx_dist){
        .known = true,
        .lines_n = 1,
        .lines = {{.a_us = T0 + 100 * S, .b_us = T0 + 110 * S}},
        .p_late = 0.06,
        .late_us = 600 * S,
        .lambda_early_per_s = 0.02 / 3600,
        .from_us = T0,
    };
}

/* --- shape --- */

static void check_shape(const struct nx_dist *dist, double within) {
    struct nx_shape shape;
    int64_t lo_us = 0;
    int64_t hi_us = 0;
    nx_shape_of(dist, &shape);
    nx_dist_span(dist, &lo_us, &hi_us);
    assert_in_range(shape.n, 2, NX_SHAPE_NODES_MAX);
    for (int i = 0; i <= 1000; i++) {
        int64_t at_us = lo_us + (hi_us - lo_us) / 1000 * i;
        double want = nx_dist_cdf(dist, at_us);
        assert_near(nx_shape_at(&shape, at_us).f, want, within);
    }
    assert_near(nx_shape_at(&shape, lo_us - 1).f, 0.0, 0);
    assert_near(nx_shape_at(&shape, hi_us + 1).f, 1.0, 0);
}

static void test_shape_is_the_forecast(void **state) {
    struct nx_dist dist = bracket();
    (void)state;
    check_shape(&dist, 0.005);
    dist.lines_n = 3;
    dist.lines[1] =
        (struct nx_line){.a_us = T0 + 105 * S, .b_us = T0 + 112 * S};
    dist.lines[2] = (struct nx_line){
        .a_us = T0 + 104 * S, .b_us = T0 + 106 * S, .is_union = true};
    dist.p_inclusive = 0.44;
    dist.p_between = 0.18;
    dist.p_extend = 0.1;
    dist.extend_a_us = T0 + 112 * S;
    dist.extend_b_us = T0 + 300 * S;
    dist.extend_n = 1;
    check_shape(&dist, 0.01);
    dist = bracket();
    dist.lines[0].b_us = dist.lines[0].a_us; /* a jump */
    check_shape(&dist, 0.005);
    struct nx_dist window = {.known = true,
                             .prior_used = true,
                             .prior_a_us = T0,
                             .prior_b_us = T0 + 900 * S,
                             .from_us = T0};
    check_shape(&window, 0.001);
}

/* The parts do not know what a denial excluded, nor an early end. */
static void test_shape_parts(void **state) {
    struct nx_dist dist = bracket();
    struct nx_shape shape;
    (void)state;
    dist.from_us = T0 + 105 * S;
    nx_dist_condition(&dist);
    nx_shape_of(&dist, &shape);
    struct nx_shape_node at = nx_shape_at(&shape, T0 + 107 * S);
    assert_near(at.base, 0.7, 0.02);
    assert_near(at.late, 0.0, 1e-9);
    at = nx_shape_at(&shape, T0 + 410 * S);
    assert_near(at.base, 1.0, 1e-9);
    assert_near(at.late, 0.5, 0.02);
}

static void test_shape_as_text(void **state) {
    static const char *const bad[] = {
        "",
        "x",
        "5",
        "5;1,0,0,0",
        "5;1,0,0,0;2,1,0",
        "5;1,0,0,0;2,1.5,0,0",
        "5;1,0,0,0;1,1,0,0",
        "5;1,0,0,0;2,0.9,0,0",
        "5;1,0.1,0,0;2,1,0,0",
        "5;1,0,0,0;2,nan,0,0;3,1,0,0",
        "5;1,0,0,0;2,0.5,0,0;3,0.4,0,0;4,1,0,0",
        "5;1,0,0,0;2,1,0,0;",
        "5;1,0,0,0;2,1,0,0x",
    };
    const struct nx_dist dist = bracket();
    char text[NX_SHAPE_TEXT_MAX];
    struct nx_shape shape;
    struct nx_shape again;
    (void)state;
    nx_shape_of(&dist, &shape);
    nx_shape_write(&shape, T0 + 50 * S, text);
    assert_int_equal(nx_shape_read(text, T0 + 50 * S, &again), 0);
    assert_int_equal(again.n, shape.n);
    assert_int_equal(again.from_us, shape.from_us);
    for (size_t i = 0; i < shape.n; i++) {
        assert_int_equal(again.node[i].at_us, shape.node[i].at_us);
        assert_near(again.node[i].f, shape.node[i].f, 1e-4);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (nx_shape_read(bad[i], T0, &again) != NX_EMALFORMED) {
            fail_msg("%s", bad[i]);
        }
    }
    /* More nodes than there may be. */
    char many[NX_SHAPE_TEXT_MAX] = "0";
    size_t len = 1;
    for (unsigned i = 0; i <= NX_SHAPE_NODES_MAX; i++) {
        len += (size_t)snprintf(many + len, sizeof(many) - len, ";%u,%d,0,0", i,
                                i == NX_SHAPE_NODES_MAX);
    }
    assert_int_equal(nx_shape_read(many, T0, &again), NX_EMALFORMED);
}

/* --- figures --- */

static struct nx_figures score_of(const struct nx_dist *dist, int64_t lo_us,
                                  int64_t hi_us) {
    const struct nx_truth truth = {lo_us, hi_us};
    struct nx_shape shape;
    struct nx_eta eta;
    struct nx_figures f;
    nx_shape_of(dist, &shape);
    nx_dist_eta(dist, &eta);
    nx_score(&shape, &eta, &truth, &f);
    return f;
}

/* CRPS = 2 * integral of the quantile loss over all levels, by midpoints. */
static double crps_by_quantiles(const struct nx_dist *dist, int64_t truth_us) {
    const int n = 4000;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double u = (i + 0.5) / n;
        double off_s = (double)(truth_us - nx_dist_quantile(dist, u)) / 1e6;
        sum += 2 * (off_s >= 0 ? u * off_s : (u - 1) * off_s);
    }
    return sum / n;
}

/* Uniform on (a, b], truth x inside: (b - a) (z^2 - z + 1/3). */
static void test_crps_of_uniform(void **state) {
    struct nx_dist dist = bracket();
    (void)state;
    dist.p_late = 0;
    dist.lambda_early_per_s = 0;
    dist.from_us = T0 + 100 * S;
    for (int i = 0; i <= 10; i++) {
        double z = i / 10.0;
        int64_t at_us = T0 + 100 * S + i * S;
        struct nx_figures f = score_of(&dist, at_us, at_us);
        assert_near(f.crps_s, 10 * (z * z - z + 1.0 / 3), 2e-3);
        assert_near(f.error_s, 105 - (100 + i), 1e-5);
        assert_near(f.pit_lo, z, 1e-3);
        assert_near(f.in90, i >= 1 && i <= 9 ? 1 : 0, 0);
        assert_near(f.in50, i >= 3 && i <= 7 ? 1 : 0, 0);
    }
    assert_near(score_of(&dist, T0 + 140 * S, T0 + 140 * S).crps_s,
                30 + 10.0 / 3, 2e-3);
}

static void test_crps_by_quantiles(void **state) {
    static const int offsets_s[] = {20, 99, 103, 110, 130, 400, 900};
    const struct nx_dist dist = bracket();
    (void)state;
    for (size_t i = 0; i < sizeof(offsets_s) / sizeof(offsets_s[0]); i++) {
        int64_t at_us = T0 + offsets_s[i] * S;
        double want = crps_by_quantiles(&dist, at_us);
        assert_near(score_of(&dist, at_us, at_us).crps_s, want,
                    0.01 * want + 0.01);
    }
}

/* The score of an interval is the mean of the scores of its points. */
static void test_interval_is_a_mean(void **state) {
    const struct nx_dist dist = bracket();
    const int n = 400;
    struct nx_figures sum = {.error_s = 0};
    int64_t lo_us = T0 + 104 * S;
    int64_t hi_us = T0 + 140 * S;
    (void)state;
    for (int i = 0; i < n; i++) {
        int64_t at_us = lo_us + (hi_us - lo_us) * (2 * i + 1) / (2 * n);
        struct nx_figures f = score_of(&dist, at_us, at_us);
        sum.crps_s += f.crps_s / n;
        sum.in50 += f.in50 / n;
        sum.in90 += f.in90 / n;
    }
    struct nx_figures f = score_of(&dist, lo_us, hi_us);
    assert_near(f.crps_s, sum.crps_s, 0.01);
    assert_near(f.in50, sum.in50, 0.01);
    assert_near(f.in90, sum.in90, 0.01);
    assert_near(f.resolution_s, 18, 1e-9);
    assert_true(f.pit_lo > 0.3 && f.pit_lo < 0.4 && f.pit_hi > 0.94);
}

static void test_weights(void **state) {
    const int64_t shown_us[] = {T0, T0 + S, T0 + 60 * S, T0 + 120 * S};
    const struct nx_truth truth = {T0 + 90 * S, T0 + 110 * S};
    double w[4];
    (void)state;
    nx_score_weights(shown_us, 4, &truth, w);
    assert_near(w[0], 0.01, 1e-9); /* was shown for a second */
    assert_near(w[1], 0.59, 1e-9);
    assert_near(w[2], 0.40, 1e-9);
    assert_near(w[3], 0.00, 0); /* came after the clearing */
    const struct nx_truth before = {T0 - 20 * S, T0 - 10 * S};
    nx_score_weights(shown_us, 4, &before, w);
    for (int i = 0; i < 4; i++) {
        assert_near(w[i], 0.0, 0);
    }
}

/* --- sums --- */

static double fraction(unsigned *seed) {
    *seed = *seed * 1664525U + 1013904223U;
    return (*seed >> 8) / 16777216.0;
}

/* Truth drawn from the forecast itself: the sums say that it is calibrated. */
static void test_calibrated_forecasts(void **state) {
    const struct nx_dist dist = bracket();
    unsigned seed = 20261126;
    struct nx_tally tally;
    struct nx_tally_sum sum;
    (void)state;
    nx_tally_init(&tally);
    for (int i = 0; i < 3000; i++) {
        double u = fraction(&seed);
        int64_t at_us = nx_dist_quantile(&dist, u < 1e-6       ? 1e-6
                                                : u > 0.999999 ? 0.999999
                                                               : u);
        struct nx_tally_row row = {.state = i % 2 == 0
                                                ? NX_STATE_CACHED_NXDOMAIN
                                                : NX_STATE_CACHED_NODATA,
                                   .verified = i % 3 == 0,
                                   .weight = 0.5,
                                   .figures = score_of(&dist, at_us, at_us)};
        nx_tally_add(&tally, &row);
    }
    const struct nx_tally_want all = {NX_TALLY_ANY, NX_TALLY_ANY, false};
    assert_true(nx_tally_sum(&tally, &all, &sum));
    assert_int_equal(sum.n, 3000);
    assert_near(sum.weight, 1500, 1e-6);
    assert_near(sum.in50, 0.50, 0.03);
    assert_near(sum.in90, 0.90, 0.02);
    assert_near(sum.met90, sum.in90, 1e-9); /* the truth has no width */
    for (unsigned i = 0; i < NX_TALLY_PIT_BINS; i++) {
        assert_near(sum.pit[i], 0.1, 0.02);
    }
    const struct nx_tally_want some = {NX_STATE_CACHED_NODATA, 1, false};
    assert_true(nx_tally_sum(&tally, &some, &sum));
    assert_int_equal(sum.n, 500);
    const struct nx_tally_want none = {NX_TALLY_ANY, NX_TALLY_ANY, true};
    assert_false(nx_tally_sum(&tally, &none, &sum));
    json_t *d = nx_tally_json(&tally, false);
    assert_int_equal(json_array_size(json_object_get(d, "states")), 4);
    json_decref(d);
    nx_tally_fini(&tally);
}

/* Looks farther apart than the forecast is wide: little of the truth can lie
 * inside, and still no look says that the forecast was wrong. */
static void test_looks_far_apart(void **state) {
    const struct {
        int64_t lo_s, hi_s;
        double met, in90_most;
    } rows[] = {{-600, 6000, 1, 0.3}, {-600, -300, 0, 0}, {5400, 6000, 0, 0}};
    const struct nx_tally_want all = {NX_TALLY_ANY, NX_TALLY_ANY, false};
    const struct nx_dist dist = bracket();
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_tally tally;
        struct nx_tally_sum sum;
        struct nx_tally_row row = {
            .weight = 1,
            .figures =
                score_of(&dist, T0 + rows[i].lo_s * S, T0 + rows[i].hi_s * S)};
        nx_tally_init(&tally);
        nx_tally_add(&tally, &row);
        assert_true(nx_tally_sum(&tally, &all, &sum));
        assert_near(sum.met90, rows[i].met, 0);
        assert_true(sum.in90 <= rows[i].in90_most);
        nx_tally_fini(&tally);
    }
}

static void test_weighted_quantiles(void **state) {
    struct nx_tally tally;
    struct nx_tally_sum sum;
    const struct nx_tally_want all = {NX_TALLY_ANY, NX_TALLY_ANY, false};
    (void)state;
    nx_tally_init(&tally);
    for (int i = 1; i <= 9; i++) { /* errors -1 .. -9 s, the last one heavy */
        struct nx_tally_row row = {.weight = i == 9 ? 8 : 1,
                                   .figures = {.error_s = -i}};
        nx_tally_add(&tally, &row);
    }
    assert_true(nx_tally_sum(&tally, &all, &sum));
    assert_near(sum.error50_s, 8, 0);
    assert_near(sum.error90_s, 9, 0);
    assert_near(sum.bias_s, -(36 + 72) / 16.0, 1e-9);
    nx_tally_fini(&tally);
}

/* --- lessons --- */

static struct nx_lesson lesson(uint32_t incident, unsigned network, bool late) {
    struct nx_lesson l = {.incident_id = incident,
                          .outcome = {.base = late ? 0 : 1,
                                      .late = late ? 1 : 0,
                                      .exposure_s = 3600}};
    (void)snprintf(l.network, sizeof(l.network), "n%u", network);
    return l;
}

static double late_after(const struct nx_lesson *lessons, size_t n) {
    struct nx_learning learning;
    struct nx_learnt learnt;
    assert_int_equal(nx_learn(lessons, n, &learning), 0);
    nx_learning_means(&learning, &learnt);
    return learnt.of[NX_FAMILY_UNKNOWN].p_late;
}

static void test_prior(void **state) {
    struct nx_learning learning;
    struct nx_learnt learnt;
    (void)state;
    assert_int_equal(nx_learn(NULL, 0, &learning), 0);
    nx_learning_means(&learning, &learnt);
    for (unsigned f = 0; f < NX_FAMILY_N_; f++) {
        assert_near(learnt.of[f].p_late, 0.06, 1e-12);
        assert_near(learnt.of[f].lambda_early_per_s, 0.02 / 3600, 1e-12);
    }
}

static void test_sure_outcomes(void **state) {
    struct nx_lesson lessons[20];
    (void)state;
    for (unsigned i = 0; i < 20; i++) { /* two incidents, ten networks each */
        lessons[i] = lesson(1 + i % 2, i, i < 5);
    }
    assert_near(late_after(lessons, 20), (3 + 5) / 70.0, 1e-9);
}

/* A network with a thousand lying targets, in one incident and in many. */
static void test_one_network_teaches_little(void **state) {
    static struct nx_lesson lessons[1000];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        lessons[i] = lesson(1, 0, true);
    }
    assert_near(late_after(lessons, 1000), (3 + 1) / 51.0, 1e-9);
    for (unsigned i = 0; i < 1000; i++) {
        lessons[i] = lesson(i, 0, true);
    }
    assert_near(late_after(lessons, 1000), (3 + 3) / 53.0, 1e-9);
}

/* Nor an incident whose servers, say, were not as good as they looked. */
static void test_one_incident_teaches_little(void **state) {
    static struct nx_lesson lessons[1000];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        lessons[i] = lesson(1, i, true);
    }
    assert_near(late_after(lessons, 1000), (3 + 10) / 60.0, 1e-9);
}

static void test_order_does_not_matter(void **state) {
    struct nx_lesson lessons[60];
    struct nx_lesson turned[60];
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        lessons[i] = lesson(i / 12, i % 7, i % 5 == 0);
        lessons[i].outcome.base = (i % 10) / 20.0;
        turned[59 - i] = lessons[i];
    }
    assert_near(late_after(lessons, 60), late_after(turned, 60), 1e-12);
}

static void test_families_apart(void **state) {
    struct nx_lesson lessons[10];
    struct nx_learning learning;
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        lessons[i] = lesson(1, i, true);
        lessons[i].family = NX_FAMILY_NO_SOA;
    }
    assert_int_equal(nx_learn(lessons, 10, &learning), 0);
    assert_near(learning.of[NX_FAMILY_NO_SOA].late_a, 13, 1e-9);
    assert_near(learning.of[NX_FAMILY_UNKNOWN].late_a, 3, 0);
    assert_int_equal(learning.of[NX_FAMILY_NO_SOA].n, 10);
}

/* What is learnt goes through text without a change, bad text is refused. */
static void test_learnt_as_text(void **state) {
    static const char *const bad[] = {
        "",
        "unknown",
        "unknown=0.1",
        "unknown=1.5,0.1",
        "unknown=nan,0.1",
        "unknown=0.1,-1",
        "unknown=0.1,2",
        "no-soa=0.1,0.1",
        "unknown=0.1,0.1;colour=0.1,0.1",
        "unknown=0.1,0.1 ",
    };
    char text[NX_LEARNT_TEXT_MAX];
    struct nx_learnt learnt = {.known = true};
    struct nx_learnt again;
    (void)state;
    for (unsigned f = 0; f < NX_FAMILY_N_; f++) {
        learnt.of[f].p_late = 1.0 / (f + 3);
        learnt.of[f].lambda_early_per_s = 1e-6 / (f + 7);
    }
    nx_learnt_write(&learnt, text);
    assert_int_equal(nx_learnt_read(text, &again), 0);
    assert_memory_equal(&again.of, &learnt.of, sizeof(learnt.of));
    assert_int_equal(nx_learnt_read("unknown=0.5,0.25", &again), 0);
    assert_near(again.of[NX_FAMILY_KNOT_LIKE].p_late, 0.5, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (nx_learnt_read(bad[i], &again) != NX_EMALFORMED) {
            fail_msg("%s", bad[i]);
        }
    }
    learnt.known = false;
    assert_string_equal(nx_learnt_write(&learnt, text), "");
}

static void test_document(void **state) {
    struct nx_score_document d = {
        .now_us = T0, .from_us = NX_TIME_UNKNOWN, .to_us = T0, .open_n = 2};
    (void)state;
    nx_tally_init(&d.tally);
    assert_int_equal(nx_learn(NULL, 0, &d.learning), 0);
    json_t *o = nx_score_json(&d);
    const json_t *learnt = json_array_get(json_object_get(o, "learnt"), 0);
    assert_true(json_is_null(
        json_object_get(json_object_get(o, "targets"), "overall")));
    assert_near(json_number_value(json_object_get(
                    json_object_get(learnt, "p_late"), "prior")),
                0.06, 1e-12);
    assert_int_equal(json_integer_value(json_object_get(o, "open")), 2);
    json_decref(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape_is_the_forecast),
        cmocka_unit_test(test_shape_parts),
        cmocka_unit_test(test_shape_as_text),
        cmocka_unit_test(test_crps_of_uniform),
        cmocka_unit_test(test_crps_by_quantiles),
        cmocka_unit_test(test_interval_is_a_mean),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_calibrated_forecasts),
        cmocka_unit_test(test_looks_far_apart),
        cmocka_unit_test(test_weighted_quantiles),
        cmocka_unit_test(test_prior),
        cmocka_unit_test(test_sure_outcomes),
        cmocka_unit_test(test_one_network_teaches_little),
        cmocka_unit_test(test_one_incident_teaches_little),
        cmocka_unit_test(test_order_does_not_matter),
        cmocka_unit_test(test_families_apart),
        cmocka_unit_test(test_learnt_as_text),
        cmocka_unit_test(test_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
