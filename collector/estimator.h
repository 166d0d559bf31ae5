/* From looks to an expiry distribution (estimator.md 5.4 to 5.6, 5.8 to 5.10).
 * Pure; integer microseconds at the borders, doubles inside; no allocation. */
#ifndef NX_COLLECTOR_ESTIMATOR_H
#define NX_COLLECTOR_ESTIMATOR_H

#include "collector/verdict.h"

/* P(target is clear by t). 1 when nothing denies; dist->known must be true. */
double nx_dist_cdf(const struct nx_dist *dist, int64_t t_us);

/* Smallest t with cdf >= q, to the microsecond; q in (0,1). */
int64_t nx_dist_quantile(const struct nx_dist *dist, double q);

#endif
