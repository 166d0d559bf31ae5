/* The distribution of the time of clearing (estimator.md 5.8, 12). Pure;
 * integer microseconds at the borders, doubles inside; no allocation.
 *
 *   core(t)  = prod over lines U(t; a, b) * exp(-nu * (1 - U(t; prior)))
 *              or, without a countdown, U(t; prior)
 *   base(t)  = (1 - p_early - p_extend) * core(t)
 *              + p_early * U(t; early_a, early_b)
 *              + p_extend * U(t; last b, extend_b)
 *   late(t)  = U(t; end, end + late_us),   end = last b, or the prior's end
 *   F(t)     = 1 - exp(-lambda*(t - from)) * (1 - (1-p_late)*base -
 * p_late*late)
 *
 * p_early (12.5): Knot Resolver's `predict` refreshes when a client asks in the
 * last 5 s + 1 % of W. Names worth an incident are asked every second, so the
 * cure comes as that window opens: a narrow mass there. Only profiles of
 * unknown software carry it; it widens the 90 % interval, not the central part.
 * p_extend (12.1): unbound may renew the SOA whose age was read, then the entry
 * lives to its own fill + W; a chain may restart the clock (12.4).
 * p_late (5.8): restarts, extension, serve-stale; once per target, not per
 * line. */
#ifndef NX_COLLECTOR_ESTIMATOR_H
#define NX_COLLECTOR_ESTIMATOR_H

#include "collector/verdict.h"

/* P(target is clear by t), 0..1, never falling. dist->known must be true. */
double nx_dist_cdf(const struct nx_dist *dist, int64_t t_us);

/* cdf(lo) is 0 or a jump ends there; cdf(hi) is 1. */
void nx_dist_span(const struct nx_dist *dist, int64_t *lo_us, int64_t *hi_us);

/* Smallest t with cdf >= q, to the microsecond; q in (0,1). */
int64_t nx_dist_quantile(const struct nx_dist *dist, double q);

/* Median, 50 % and 90 % interval. */
void nx_dist_eta(const struct nx_dist *dist, struct nx_eta *out);

#endif
