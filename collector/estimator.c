#include "collector/estimator.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int64_t max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Uniform on (a, b]; a step at b when there is no width. */
static double uniform(int64_t t_us, int64_t a_us, int64_t b_us) {
    if (t_us >= b_us) {
        return 1.0;
    }
    if (t_us <= a_us) {
        return 0.0;
    }
    return (double)(t_us - a_us) / (double)(b_us - a_us);
}

static int64_t last_b(const struct nx_dist *dist) {
    int64_t b_us = dist->prior_used ? dist->prior_b_us : INT64_MIN;

    for (size_t i = 0; i < dist->lines_n; i++) {
        b_us = max64(b_us, dist->lines[i].b_us);
    }
    return b_us;
}

/* Where lateness starts: b* of 5.8. */
static int64_t end_of(const struct nx_dist *dist) {
    int64_t b_us = last_b(dist);

    return dist->nu > 0 ? max64(b_us, dist->prior_b_us) : b_us;
}

static double core(const struct nx_dist *dist, int64_t t_us) {
    double p = 1.0;

    if (dist->prior_used) {
        p = uniform(t_us, dist->prior_a_us, dist->prior_b_us);
    }
    for (size_t i = 0; i < dist->lines_n && p > 0; i++) {
        p *= uniform(t_us, dist->lines[i].a_us, dist->lines[i].b_us);
    }
    if (dist->nu > 0 && p > 0) {
        double seen = uniform(t_us, dist->prior_a_us, dist->prior_b_us);
        p *= exp(-dist->nu * (1.0 - seen));
    }
    return p;
}

double nx_dist_cdf(const struct nx_dist *dist, int64_t t_us) {
    assert(dist->known);
    int64_t end_us = end_of(dist);
    double base = 1.0 - dist->p_early - dist->p_extend;
    double p = 0.0;

    base *= core(dist, t_us);
    if (dist->p_early > 0) {
        base +=
            dist->p_early * uniform(t_us, dist->early_a_us, dist->early_b_us);
    }
    if (dist->p_extend > 0) {
        base += dist->p_extend * uniform(t_us, last_b(dist), dist->extend_b_us);
    }
    p = (1.0 - dist->p_late) * base;
    if (dist->p_late > 0) {
        p += dist->p_late * uniform(t_us, end_us, end_us + dist->late_us);
    }
    if (dist->lambda_early_per_s > 0 && t_us > dist->from_us) {
        double s = (double)(t_us - dist->from_us) * 1e-6;
        p = 1.0 - exp(-dist->lambda_early_per_s * s) * (1.0 - p);
    }
    return p < 1.0 ? p : 1.0;
}

void nx_dist_span(const struct nx_dist *dist, int64_t *lo_us, int64_t *hi_us) {
    int64_t lo = dist->from_us;
    int64_t hi = end_of(dist);

    if (dist->prior_used) {
        lo = min64(lo, dist->prior_a_us);
    }
    for (size_t i = 0; i < dist->lines_n; i++) {
        lo = min64(lo, dist->lines[i].a_us);
    }
    if (dist->p_late > 0) {
        hi += dist->late_us;
    }
    if (dist->p_extend > 0) {
        hi = max64(hi, dist->extend_b_us);
    }
    if (dist->p_early > 0) {
        lo = min64(lo, dist->early_a_us);
        hi = max64(hi, dist->early_b_us);
    }
    *lo_us = lo - 1;
    *hi_us = max64(hi, lo);
}

/* Bisection between lo (cdf below q) and hi (cdf at least q). */
static int64_t bisect(const struct nx_dist *dist, double q, int64_t lo_us,
                      int64_t hi_us) {
    while (hi_us - lo_us > 1) {
        int64_t mid_us = lo_us + (hi_us - lo_us) / 2;
        if (nx_dist_cdf(dist, mid_us) >= q) {
            hi_us = mid_us;
        } else {
            lo_us = mid_us;
        }
    }
    return hi_us;
}

int64_t nx_dist_quantile(const struct nx_dist *dist, double q) {
    int64_t lo_us = 0;
    int64_t hi_us = 0;

    nx_dist_span(dist, &lo_us, &hi_us);
    return bisect(dist, q, lo_us, hi_us);
}

void nx_dist_eta(const struct nx_dist *dist, struct nx_eta *out) {
    int64_t lo_us = 0;
    int64_t hi_us = 0;

    memset(out, 0, sizeof(*out));
    if (!dist->known) {
        return;
    }
    nx_dist_span(dist, &lo_us, &hi_us);
    out->known = true;
    out->hi90_us = bisect(dist, 0.95, lo_us, hi_us);
    out->lo90_us = bisect(dist, 0.05, lo_us, out->hi90_us);
    out->hi50_us = bisect(dist, 0.75, out->lo90_us - 1, out->hi90_us);
    out->lo50_us = bisect(dist, 0.25, out->lo90_us - 1, out->hi50_us);
    out->point_us = bisect(dist, 0.50, out->lo50_us - 1, out->hi50_us);
}
