#include "collector/score/score.h"

#include <math.h>

#define US_PER_S 1e6

static double seconds(int64_t us) {
    return (double)us / US_PER_S;
}

static int64_t middle(const struct nx_truth *truth) {
    return truth->lo_us + (truth->hi_us - truth->lo_us) / 2;
}

static double clamp01(double p) {
    return p < 0.0 ? 0.0 : p < 1.0 ? p : 1.0;
}

/* P(truth <= t): uniform in its interval; a step where it has no width. */
static double truth_cdf(const struct nx_truth *truth, int64_t at_us) {
    if (at_us >= truth->hi_us) {
        return 1.0;
    }
    return clamp01((double)(at_us - truth->lo_us) /
                   (double)(truth->hi_us - truth->lo_us));
}

/* Part of the truth in [a, b]. */
static double covered(const struct nx_truth *truth, int64_t a_us,
                      int64_t b_us) {
    if (truth->hi_us <= truth->lo_us) {
        return truth->hi_us >= a_us && truth->hi_us <= b_us ? 1.0 : 0.0;
    }
    double in = truth_cdf(truth, b_us) - truth_cdf(truth, a_us);
    return in > 0 ? in : 0.0;
}

/* --- CRPS: integral of (F(x) - 1{x >= t})^2, averaged over the truth:
 * F^2 (1 - G) + (1 - F)^2 G, where G is the truth's distribution. Both are
 * straight between their points, so the integrand is of third degree there and
 * Simpson's rule is exact. --- */

static double integrand(double f, double g) {
    return f * f * (1.0 - g) + (1.0 - f) * (1.0 - f) * g;
}

/* Of a piece in which F and G are straight, from values at its ends. */
static double simpson(double f0, double f1, double g0, double g1,
                      double width_s) {
    double mid = integrand((f0 + f1) / 2, (g0 + g1) / 2);
    return width_s * (integrand(f0, g0) + 4 * mid + integrand(f1, g1)) / 6;
}

static double piece(const struct nx_shape *shape, const struct nx_truth *truth,
                    int64_t a_us, int64_t b_us) {
    if (b_us <= a_us) {
        return 0.0;
    }
    /* Values inside of the piece: at b itself either may jump. */
    double f0 = nx_shape_at(shape, a_us).f;
    double f1 = nx_shape_at(shape, b_us).f;
    double g0 = truth_cdf(truth, a_us);
    double g1 = truth_cdf(truth, b_us);
    if (truth->hi_us <= truth->lo_us) {
        g1 = g0;
    }
    return simpson(f0, f1, g0, g1, seconds(b_us - a_us));
}

static double crps(const struct nx_shape *shape, const struct nx_truth *truth) {
    int64_t at_us[NX_SHAPE_NODES_MAX + 2];
    size_t n = 0;
    double sum = 0.0;
    for (size_t i = 0; i < shape->n; i++) {
        at_us[n++] = shape->node[i].at_us;
    }
    const int64_t ends_us[2] = {truth->lo_us, truth->hi_us};
    for (size_t k = 0; k < 2; k++) {
        size_t i = n++;
        for (; i > 0 && at_us[i - 1] > ends_us[k]; i--) {
            at_us[i] = at_us[i - 1];
        }
        at_us[i] = ends_us[k];
    }
    for (size_t i = 1; i < n; i++) {
        sum += piece(shape, truth, at_us[i - 1], at_us[i]);
    }
    return sum;
}

void nx_score(const struct nx_shape *shape, const struct nx_eta *eta,
              const struct nx_truth *truth, struct nx_figures *out) {
    *out = (struct nx_figures){
        .error_s = seconds(eta->point_us - middle(truth)),
        .resolution_s = seconds(truth->hi_us - truth->lo_us) / 2,
        .in50 = covered(truth, eta->lo50_us, eta->hi50_us),
        .in90 = covered(truth, eta->lo90_us, eta->hi90_us),
        .width90_s = seconds(eta->hi90_us - eta->lo90_us),
        .pit_lo = nx_shape_at(shape, truth->lo_us).f,
        .pit_hi = nx_shape_at(shape, truth->hi_us).f,
        .crps_s = crps(shape, truth),
    };
}

void nx_score_weights(const int64_t *at_us, size_t n,
                      const struct nx_truth *truth, double *out) {
    int64_t end_us = middle(truth);
    for (size_t i = 0; i < n; i++) {
        int64_t until_us = i + 1 < n ? at_us[i + 1] : end_us;
        until_us = until_us < end_us ? until_us : end_us;
        out[i] = until_us > at_us[i] ? (double)(until_us - at_us[i]) /
                                           (double)(end_us - at_us[0])
                                     : 0.0;
    }
}

void nx_score_outcome(const struct nx_shape *shape, double p_late,
                      const struct nx_truth *truth, struct nx_ending *out) {
    struct nx_shape_node lo = nx_shape_at(shape, truth->lo_us);
    struct nx_shape_node hi = nx_shape_at(shape, truth->hi_us);
    double ended_lo = (1.0 - p_late) * lo.base + p_late * lo.late;
    double ended_hi = (1.0 - p_late) * hi.base + p_late * hi.late;
    double exposure_s = seconds(middle(truth) - shape->from_us);
    *out = (struct nx_ending){
        .base = clamp01(hi.base - lo.base),
        .late = clamp01(hi.late - lo.late),
        .survive_s = seconds(truth->hi_us - truth->lo_us) *
                     (1.0 - (ended_lo + ended_hi) / 2),
        .exposure_s = exposure_s > 0 ? exposure_s : 0.0,
    };
}
