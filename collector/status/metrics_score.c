/* How good forecasts were, and what was learnt. */
#include "collector/status/metrics_parts.h"

/* One number of the score, for resolvers whose habits were measured or not. */
static void score_of(const struct nx_metrics *m,
                     const struct nx_metric_writer *w, const char *name,
                     const char *value, const char *member) {
    static const char *const groups[][2] = {{"verified", "true"},
                                            {"unverified", "false"}};
    const json_t *targets = json_object_get(m->score, "targets");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"verified", groups[i][1]}, {name, value}};
        nx_metric_number(
            w, json_object_get(json_object_get(targets, groups[i][0]), member),
            labels);
    }
}

static void estimate_error(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    score_of(m, w, "quantile", "0.5", "median_error_s");
    score_of(m, w, "quantile", "0.9", "error90_s");
}

static void estimate_coverage(const struct nx_metrics *m,
                              struct nx_metric_writer *w) {
    score_of(m, w, "interval", "0.5", "coverage50");
    score_of(m, w, "interval", "0.9", "coverage90");
}

static void estimate_crps(const struct nx_metrics *m,
                          struct nx_metric_writer *w) {
    score_of(m, w, NULL, NULL, "crps_s");
}

static void estimate_clearings(const struct nx_metrics *m,
                               struct nx_metric_writer *w) {
    score_of(m, w, NULL, NULL, "clearings");
}

static void each_family(const struct nx_metrics *m,
                        const struct nx_metric_writer *w, const char *member) {
    size_t i = 0;
    const json_t *family = NULL;
    json_array_foreach(json_object_get(m->score, "learnt"), i, family) {
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"family", nx_metric_text(family, "family")}};
        nx_metric_number(
            w, json_object_get(json_object_get(family, member), "learnt"),
            labels);
    }
}

static void late_ratio(const struct nx_metrics *m, struct nx_metric_writer *w) {
    each_family(m, w, "p_late");
}

static void early_rate(const struct nx_metrics *m, struct nx_metric_writer *w) {
    each_family(m, w, "early_per_hour");
}

const struct nx_metric nx_metrics_of_score[] = {
    {"nxclear_estimate_error_seconds", "gauge",
     "Forecast against clearing, absolute, of the last 30 days.",
     estimate_error, NULL},
    {"nxclear_estimate_coverage_ratio", "gauge",
     "Share of clearings inside the interval, of the last 30 days.",
     estimate_coverage, NULL},
    {"nxclear_estimate_crps_seconds", "gauge",
     "Continuous ranked probability score, of the last 30 days.", estimate_crps,
     NULL},
    {"nxclear_estimate_clearings", "gauge",
     "Clearings that were scored, of the last 30 days.", estimate_clearings,
     NULL},
    {"nxclear_learnt_late_ratio", "gauge",
     "Share of cache entries taken to outlive their TTL, as outcomes taught.",
     late_ratio, NULL},
    {"nxclear_learnt_early_clear_per_hour", "gauge",
     "Rate of early clearings, as outcomes taught.", early_rate, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
