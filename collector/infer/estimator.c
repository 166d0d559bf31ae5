#include "collector/infer/estimator.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "collector/infer/lines.h"

#define FAMILY_US INT64_C(1000000) /* between the two families (12.3) */
#define NOTHING_LEFT 0.9999
#define SCALE_US 5e6

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

/* Every scale from a few seconds to length_us is as likely. */
static double log_uniform(int64_t t_us, int64_t length_us) {
    if (t_us <= 0) {
        return 0.0;
    }
    return t_us >= length_us ? 1.0
                             : log1p((double)t_us / SCALE_US) /
                                   log1p((double)length_us / SCALE_US);
}

static int64_t last_b(const struct nx_dist *dist) {
    int64_t b_us = dist->prior_used ? dist->prior_b_us : INT64_MIN;

    for (size_t i = 0; i < dist->lines_n; i++) {
        b_us = nx_max64(b_us, dist->lines[i].b_us);
    }
    return b_us;
}

/* Where lateness starts: b* of 5.8. */
static int64_t end_of(const struct nx_dist *dist) {
    int64_t b_us = last_b(dist);

    return dist->nu > 0 ? nx_max64(b_us, dist->prior_b_us) : b_us;
}

/* Where what was read of the last line begins. */
static int64_t last_a(const struct nx_dist *dist) {
    int64_t a_us = dist->prior_a_us;
    int64_t b_us = INT64_MIN;

    for (size_t i = 0; i < dist->lines_n; i++) {
        if (dist->lines[i].b_us > b_us) {
            a_us = dist->lines[i].a_us;
            b_us = dist->lines[i].b_us;
        }
    }
    return a_us;
}

static double prior(const struct nx_dist *dist, int64_t t_us) {
    double p = 0.0;

    if (dist->caps_n == 0) {
        return uniform(t_us, dist->prior_a_us, dist->prior_b_us);
    }
    for (size_t i = 0; i < dist->caps_n; i++) {
        p += dist->caps[i].weight *
             uniform(t_us, dist->caps[i].a_us, dist->caps[i].b_us);
    }
    return p;
}

/* One family for all lines: they share the software. */
static double lines_of_family(const struct nx_dist *dist, int64_t t_us,
                              int64_t a_more_us, int64_t b_less_us) {
    double p = 1.0;

    for (size_t i = 0; i < dist->lines_n && p > 0; i++) {
        const struct nx_line *line = &dist->lines[i];
        int64_t a_us = line->a_us;
        int64_t b_us = line->b_us;
        if (t_us >= b_us) {
            continue;
        }
        if (line->is_union) {
            a_us = nx_min64(a_us + a_more_us, line->b_us);
            b_us = nx_max64(b_us - b_less_us, line->a_us);
        }
        p *= uniform(t_us, a_us, b_us);
    }
    return p;
}

static double lines(const struct nx_dist *dist, int64_t t_us) {
    double p = lines_of_family(dist, t_us, 0, FAMILY_US);

    if (dist->p_inclusive > 0 && p > 0) {
        double later = lines_of_family(dist, t_us, FAMILY_US, 0);
        p += dist->p_inclusive * (later - p);
    }
    if (dist->p_between > 0 && p > 0) {
        double any = lines_of_family(dist, t_us, 0, 0);
        p += dist->p_between * (any - p);
    }
    return p;
}

static double core(const struct nx_dist *dist, int64_t t_us) {
    double p = 0.0;

    if (dist->prior_used) {
        return prior(dist, t_us);
    }
    p = lines(dist, t_us);
    if (dist->nu > 0 && p > 0) {
        p *= exp(-dist->nu * (1.0 - prior(dist, t_us)));
    }
    return p;
}

static double late(const struct nx_dist *dist, int64_t t_us) {
    int64_t end_us = end_of(dist);
    double p = uniform(t_us, end_us, end_us + dist->late_us);

    if (dist->p_soon > 0) {
        double soon = dist->soon_log
                          ? log_uniform(t_us - end_us, dist->soon_us)
                          : uniform(t_us, end_us, end_us + dist->soon_us);
        p += dist->p_soon * (soon - p);
    }
    return p;
}

static double extension(const struct nx_dist *dist, int64_t t_us) {
    double one = uniform(t_us, dist->extend_a_us, dist->extend_b_us);
    double p = one;

    for (unsigned i = 1; i < dist->extend_n; i++) {
        p *= one;
    }
    return p;
}

/* All but the late tail. */
static double base(const struct nx_dist *dist, int64_t t_us) {
    double p = 1.0 - dist->p_early - dist->p_renewed - dist->p_extend;

    p *= core(dist, t_us);
    if (dist->p_early > 0) {
        p += dist->p_early * uniform(t_us, dist->early_a_us, dist->early_b_us);
    }
    if (dist->p_renewed > 0) {
        p += dist->p_renewed * uniform(t_us, dist->renewed_a_us, last_a(dist));
    }
    if (dist->p_extend > 0) {
        p += dist->p_extend * extension(dist, t_us);
    }
    return p;
}

/* The mixture before any conditioning. */
static double all(const struct nx_dist *dist, int64_t t_us) {
    double p = (1.0 - dist->p_late) * base(dist, t_us);

    return dist->p_late > 0 ? p + dist->p_late * late(dist, t_us) : p;
}

void nx_dist_prune(struct nx_dist *dist) {
    int64_t a_us = INT64_MIN;
    uint8_t n = 0;

    for (size_t i = 0; i < dist->lines_n; i++) {
        a_us = nx_max64(a_us, dist->lines[i].a_us);
    }
    for (size_t i = 0; i < dist->lines_n; i++) {
        if (dist->lines[i].b_us > a_us) {
            dist->lines[n++] = dist->lines[i];
        }
    }
    dist->lines_n = n;
}

void nx_dist_condition(struct nx_dist *dist) {
    double before = all(dist, dist->from_us);

    dist->cut = before;
    dist->known = dist->known && before < NOTHING_LEFT;
}

double nx_dist_cdf(const struct nx_dist *dist, int64_t t_us) {
    assert(dist->known);
    double p = all(dist, t_us);

    if (dist->cut > 0) {
        p = t_us <= dist->from_us ? 0.0 : (p - dist->cut) / (1.0 - dist->cut);
    }
    if (dist->lambda_early_per_s > 0 && t_us > dist->from_us) {
        double s = (double)(t_us - dist->from_us) * 1e-6;
        p = 1.0 - exp(-dist->lambda_early_per_s * s) * (1.0 - p);
    }
    return p < 0.0 ? 0.0 : p < 1.0 ? p : 1.0;
}

/* P(end by t), given a share `before` of it is excluded, and no early cure. */
static double part(const struct nx_dist *dist, double p, double before,
                   int64_t t_us) {
    p = before < 1.0 ? (p - before) / (1.0 - before) : 1.0;
    if (dist->lambda_early_per_s > 0 && t_us > dist->from_us) {
        double s = (double)(t_us - dist->from_us) * 1e-6;
        p = 1.0 - exp(-dist->lambda_early_per_s * s) * (1.0 - p);
    }
    return p < 0.0 ? 0.0 : p < 1.0 ? p : 1.0;
}

void nx_dist_split(const struct nx_dist *dist, int64_t t_us,
                   struct nx_dist_parts *out) {
    double base_before = dist->cut > 0 ? base(dist, dist->from_us) : 0.0;
    double late_before = dist->cut > 0 ? late(dist, dist->from_us) : 0.0;

    out->p_late = dist->p_late * (1.0 - late_before) / (1.0 - dist->cut);
    out->base = part(dist, base(dist, t_us), base_before, t_us);
    out->late = part(dist, late(dist, t_us), late_before, t_us);
}

void nx_dist_span(const struct nx_dist *dist, int64_t *lo_us, int64_t *hi_us) {
    int64_t lo = dist->from_us;
    int64_t hi = end_of(dist);

    if (dist->prior_used) {
        lo = nx_min64(lo, dist->prior_a_us);
    }
    for (size_t i = 0; i < dist->caps_n; i++) {
        lo = nx_min64(lo, dist->caps[i].a_us);
        hi = dist->prior_used ? nx_max64(hi, dist->caps[i].b_us) : hi;
    }
    for (size_t i = 0; i < dist->lines_n; i++) {
        lo = nx_min64(lo, dist->lines[i].a_us);
    }
    if (dist->p_late > 0) {
        hi += nx_max64(dist->late_us, dist->p_soon > 0 ? dist->soon_us : 0);
    }
    if (dist->p_extend > 0) {
        hi = nx_max64(hi, dist->extend_b_us);
    }
    if (dist->p_early > 0) {
        lo = nx_min64(lo, dist->early_a_us);
        hi = nx_max64(hi, dist->early_b_us);
    }
    if (dist->p_renewed > 0) {
        lo = nx_min64(lo, dist->renewed_a_us);
    }
    *lo_us = lo - 1;
    *hi_us = nx_max64(hi, lo);
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

/* Most of the mass lies around the last line: a few points there make the
 * searches short. */
struct guide {
    int64_t at_us[4];
    double p[4];
    size_t n;
};

static void guide_to(const struct nx_dist *dist, struct guide *out) {
    int64_t a_us = last_a(dist);
    int64_t b_us = last_b(dist);
    const int64_t at_us[4] = {a_us, nx_min64(a_us + FAMILY_US, b_us),
                              nx_max64(b_us - FAMILY_US, a_us), b_us};

    out->n = dist->lines_n > 0 ? 4 : 0;
    for (size_t i = 0; i < out->n; i++) {
        out->at_us[i] = at_us[i];
        out->p[i] = nx_dist_cdf(dist, at_us[i]);
    }
}

static int64_t guided(const struct nx_dist *dist, const struct guide *guide,
                      double q, int64_t lo_us, int64_t hi_us) {
    for (size_t i = 0; i < guide->n; i++) {
        if (guide->p[i] >= q) {
            hi_us = nx_min64(hi_us, guide->at_us[i]);
        } else {
            lo_us = nx_max64(lo_us, guide->at_us[i]);
        }
    }
    return bisect(dist, q, lo_us, hi_us);
}

void nx_dist_eta(const struct nx_dist *dist, struct nx_eta *out) {
    struct guide guide;
    int64_t lo_us = 0;
    int64_t hi_us = 0;

    memset(out, 0, sizeof(*out));
    if (!dist->known) {
        return;
    }
    nx_dist_span(dist, &lo_us, &hi_us);
    guide_to(dist, &guide);
    out->known = true;
    out->hi90_us = guided(dist, &guide, 0.95, lo_us, hi_us);
    out->lo90_us = guided(dist, &guide, 0.05, lo_us, out->hi90_us);
    out->hi50_us = guided(dist, &guide, 0.75, out->lo90_us - 1, out->hi90_us);
    out->lo50_us = guided(dist, &guide, 0.25, out->lo90_us - 1, out->hi50_us);
    out->point_us = guided(dist, &guide, 0.50, out->lo50_us - 1, out->hi50_us);
}
