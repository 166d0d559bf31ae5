/* Every vector of estimator.json against the pure modules: times within 1 ms,
 * quantiles within 3 ms. A key of `expect` that nobody checks fails the test,
 * so that no vector passes by being overlooked. */
#include "tests/tables/vector_check.h"

/* Those that are a case: observations in, verdict out. */
static void test_cases(void **state) {
    static const char *const IDS[] = {
        "V01", "V02", "V03", "V04", "V05", "V06", "V07", "V08a", "V08b",
        "V09", "V10", "V11", "V12", "V13", "V16", "V17", "V18",  "V21",
        "V22", "V24", "V25", "V26", "V30", "V33", "V34", "V35",  "V36"};

    (void)state;
    for (size_t i = 0; i < sizeof(IDS) / sizeof(IDS[0]); i++) {
        struct vector v;
        load(IDS[i], NULL, &v);
        diagnose(&v);
        check_all(&v);
    }
}

/* V19 and V31 take the observations of V01, as their titles say. */
static void test_data_of_v01(void **state) {
    struct vector v;

    (void)state;
    load("V19", "V01", &v);
    diagnose(&v);
    check_all(&v);
    load("V31", "V01", &v);
    diagnose(&v);
    check_all(&v);
}

static void test_v14_chao(void **state) {
    struct vector v;
    uint16_t counts[16];

    (void)state;
    load("V14", NULL, &v);
    json_t *list = json_object_get(v.expect, "line_counts");
    for (size_t i = 0; i < json_array_size(list); i++) {
        counts[i] = (uint16_t)json_integer_value(json_array_get(list, i));
    }
    check_chao_of(&v, json_object_get(v.expect, "chao1"), counts,
                  json_array_size(list));
}

static void test_v15_positives(void **state) {
    struct vector v;
    const char *share = NULL;
    json_t *want = NULL;

    (void)state;
    load("V15", NULL, &v);
    v.looks_n = u32(v.expect, "n");
    for (size_t i = 0; i < v.looks_n; i++) {
        v.looks[i] = (struct nx_look){.tx_us = us(700.0 + (double)i),
                                      .rx_us = us(700.01 + (double)i),
                                      .kind = NX_KIND_POS,
                                      .r_s = 300,
                                      .flags = NX_LOOK_RD,
                                      .src_port = (uint16_t)(2000 + i)};
    }
    v.now_us = us(760);
    diagnose(&v);
    assert_string_equal(text(v.expect, "state"),
                        nx_state_text(v.verdict.state));
    assert_int_equal(v.looks_n, v.verdict.positives_in_row);
    check_real(&v, "upper95", number(v.expect, "neg_fraction_upper95", 0),
               v.verdict.denied_upper95);
    json_object_foreach(json_object_get(v.expect, "n_required"), share, want) {
        assert_int_equal(json_integer_value(want),
                         nx_positives_required(strtod(share, NULL)));
    }
}

static void test_v20_clock(void **state) {
    struct vector v;

    (void)state;
    load("V20", NULL, &v);
    diagnose(&v);
    assert_string_equal(text(v.expect, "state"),
                        nx_state_text(v.verdict.state));
    check_pair(
        &v, "line_collector", json_object_get(v.expect, "line_collector"),
        v.verdict.lines[0].a_us, v.verdict.lines[0].b_us, TIME_TOLERANCE_US);
    check_pair(&v, "fill_collector",
               json_object_get(v.expect, "fill_collector"),
               v.verdict.fill_lo_us, v.verdict.fill_hi_us, TIME_TOLERANCE_US);
    json_t *uncorrected = json_deep_copy(v.json);
    json_t *profile = json_object_get(uncorrected, "profile");
    assert_int_equal(0, json_object_del(profile, "clock_offset"));
    assert_int_equal(0, json_object_del(profile, "clock_eps"));
    read_input(&v, uncorrected);
    json_decref(uncorrected);
    struct nx_line line = nx_bracket(&v.looks[0], NX_CONV_F);
    check_pair(&v, "line_agent", json_object_get(v.expect, "line_agent"),
               line.a_us, line.b_us, TIME_TOLERANCE_US);
}

static void test_v23_interval(void **state) {
    struct vector v;

    (void)state;
    load("V23", NULL, &v);
    json_t *table = json_object_get(v.expect, "table");
    for (size_t i = 0; i < json_array_size(table); i++) {
        json_t *row = json_array_get(table, i);
        int64_t left_us = us(number(row, "left", 0));
        struct nx_diagnosis_settings open = v.settings;
        open.probe_floor_us = 0;
        open.probe_ceiling_us = INT64_MAX;
        check_us(&v, "raw", number(row, "raw", 0),
                 nx_schedule_interval(&open, left_us), TIME_TOLERANCE_US);
        check_us(&v, "tau", number(row, "tau", 0),
                 nx_schedule_interval(&v.settings, left_us), TIME_TOLERANCE_US);
    }
}

static struct nx_verdict uniform_verdict(const json_t *pair) {
    struct nx_verdict verdict = {.state = NX_STATE_CACHED_NXDOMAIN};

    verdict.dist.known = true;
    verdict.dist.prior_used = true;
    verdict.dist.prior_a_us = us(json_number_value(json_array_get(pair, 0)));
    verdict.dist.prior_b_us = us(json_number_value(json_array_get(pair, 1)));
    nx_dist_eta(&verdict.dist, &verdict.eta);
    return verdict;
}

static void test_v27_rollup(void **state) {
    static const char *const NAMES[] = {"A", "B", "C"};
    struct vector v;
    struct nx_verdict verdicts[3];
    struct nx_rollup_target targets[3];
    struct nx_rollup_member members[3];
    struct nx_incident_forecast got;
    int64_t latest_us = INT64_MIN;

    (void)state;
    load("V27", NULL, &v);
    json_t *e = v.expect;
    for (size_t i = 0; i < 3; i++) {
        verdicts[i] = uniform_verdict(
            json_object_get(json_object_get(e, "uniform"), NAMES[i]));
        targets[i] = (struct nx_rollup_target){&verdicts[i], 1.0, 0, 0};
        members[i] = (struct nx_rollup_member){
            &targets[i], 1, number(json_object_get(e, "weights"), NAMES[i], 0)};
        latest_us = verdicts[i].eta.point_us > latest_us
                        ? verdicts[i].eta.point_us
                        : latest_us;
    }
    nx_rollup_incident(members, 3, 0, &got);
    json_t *q = json_object_get(e, "all_clear");
    int64_t tol = QUANTILE_TOLERANCE_US;
    check_us(&v, "q05", number(q, "q05", 0), got.all_clear.lo90_us, tol);
    check_us(&v, "q25", number(q, "q25", 0), got.all_clear.lo50_us, tol);
    check_us(&v, "q50", number(q, "q50", 0), got.all_clear.point_us, tol);
    check_us(&v, "q75", number(q, "q75", 0), got.all_clear.hi50_us, tol);
    check_us(&v, "q95", number(q, "q95", 0), got.all_clear.hi90_us, tol);
    check_real(&v, "share", number(e, "share_affected_at_3900", 0),
               nx_rollup_share(members, 3, us(3900)));
    check_us(&v, "10pct", number(e, "share_below_10pct_at", 0),
             got.below_10pct_us, tol);
    check_us(&v, "1pct", number(e, "share_below_1pct_at", 0), got.below_1pct_us,
             tol);
    check_us(&v, "medians", number(e, "max_of_medians", 0), latest_us, tol);
}

static void check_window(struct vector *v, const char *key,
                         struct nx_window window) {
    json_t *want = json_object_get(v->expect, key);
    struct nx_dist dist;
    struct nx_eta eta;

    assert_true(window.known);
    check_pair(v, key, json_object_get(want, "prior"), window.a_us, window.b_us,
               TIME_TOLERANCE_US);
    nx_forecast_window(&window, &v->profile, v->profile.w_eff_s, v->now_us,
                       &dist);
    nx_dist_eta(&dist, &eta);
    check_eta_of(v, json_object_get(want, "eta"), &eta);
}

static void test_v28_popularity(void **state) {
    struct vector v;

    (void)state;
    load("V28", NULL, &v);
    int64_t w_us = us(v.profile.w_eff_s);
    check_window(&v, "popular",
                 nx_prior_popular(v.auth.outage_lo_us, v.auth.restored_hi_us,
                                  w_us, us(300)));
    check_window(&v, "unpopular",
                 nx_prior(v.auth.outage_lo_us, v.auth.restored_hi_us, w_us));
}

static void test_v29_ttl_zero(void **state) {
    struct vector v;

    (void)state;
    load("V29", NULL, &v);
    struct nx_line f0 = nx_bracket(&v.looks[0], NX_CONV_F0);
    struct nx_line f = nx_bracket(&v.looks[0], NX_CONV_F);
    check_pair(&v, "line_F0", json_object_get(v.expect, "line_F0"), f0.a_us,
               f0.b_us, TIME_TOLERANCE_US);
    check_pair(&v, "line_F", json_object_get(v.expect, "line_F"), f.a_us,
               f.b_us, TIME_TOLERANCE_US);
}

static void test_v32_fills(void **state) {
    struct vector v;
    struct nx_outage_window window;
    int64_t fills_us[8];

    (void)state;
    load("V32", NULL, &v);
    json_t *list = json_object_get(v.expect, "fills");
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        fills_us[i] = us(json_number_value(json_array_get(list, i)));
    }
    assert_true(nx_outage_from_fills(fills_us, n, &window));
    check_us(&v, "start", number(v.expect, "outage_start_at_most", 0),
             window.start_at_most_us, TIME_TOLERANCE_US);
    check_us(&v, "end", number(v.expect, "restored_at_least", 0),
             window.restored_at_least_us, TIME_TOLERANCE_US);
    check_us(&v, "start hat", number(v.expect, "outage_start_hat", 0),
             window.start_hat_us, TIME_TOLERANCE_US);
    check_us(&v, "end hat", number(v.expect, "restored_hat", 0),
             window.restored_hat_us, TIME_TOLERANCE_US);
}

/* A vector that is added to the file must be added here too. */
static void test_count(void **state) {
    (void)state;
    assert_int_equal(37, json_array_size(VECTORS));
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_data_of_v01),
        cmocka_unit_test(test_v14_chao),
        cmocka_unit_test(test_v15_positives),
        cmocka_unit_test(test_v20_clock),
        cmocka_unit_test(test_v23_interval),
        cmocka_unit_test(test_v27_rollup),
        cmocka_unit_test(test_v28_popularity),
        cmocka_unit_test(test_v29_ttl_zero),
        cmocka_unit_test(test_v32_fills),
    };
    json_error_t error;

    VECTORS =
        json_load_file(NX_SOURCE_DIR "/tests/tables/estimator.json", 0, &error);
    if (VECTORS == NULL) {
        fprintf(stderr, "estimator.json:%d: %s\n", error.line, error.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(TESTS, NULL, NULL);
    json_decref(VECTORS);
    return failed;
}
