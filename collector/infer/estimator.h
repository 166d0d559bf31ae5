/* The distribution of the time of clearing (nxclear-estimator(7) 5.8, 12).
 * Pure; integer microseconds at the borders, doubles inside; no allocation.
 *
 *   lines(t) = prod over lines U(t; a, b); where the family is not known,
 *              (1 - p_between) * ((1 - p_incl) * prod U(t; a, b-1s)
 *                                 + p_incl * prod U(t; a+1s, b))
 *              + p_between * prod U(t; a, b)
 *   prior(t) = U(t; prior), or a sum of windows weighted over usual caps of W
 *   core(t)  = lines(t) * exp(-nu * (1 - prior(t)));  prior(t) without lines
 *   base(t)  = (1 - p_early - p_renewed - p_extend) * core(t)
 *              + p_early * U(t; early_a, early_b)
 *              + p_renewed * U(t; renewed_a, last a)
 *              + p_extend * U(t; extend_a, extend_b) ^ extend_n
 *   late(t)  = (1 - p_soon) * U(t; end, end + late_us)
 *              + p_soon * S(t; end, end + soon_us),
 *              end = last b, or the prior's end
 *   S        = U; where denials outlive their TTL by an unknown scale,
 *              log(1 + (t - end) / 5 s) / log(1 + soon_us / 5 s)
 *   all(t)   = (1 - p_late) * base(t) + p_late * late(t)
 *   cut      = all(from): excluded by the denial seen at `from`
 *   F(t)     = 1 - exp(-lambda*(t - from)) * (1 - (all(t) - cut) / (1 - cut))
 *
 * Each of the two families of an unknown convention has its own bracket; looks
 * at several phases narrow both, so the truth is seldom in between: in
 * chains, whose layers tick at different phases. p_early (12.5): Knot
 * Resolver's `predict` refreshes when a client asks in the last 5 s + 1 % of W.
 * p_renewed (12.1): dnsmasq shows the age of the newest denial of the zone, the
 * entry itself may be older. p_extend: unbound may renew the SOA whose age was
 * read, then the entry lives to its own fill + W; a chain may restart the clock
 * (12.4), or fetch again from a layer with a higher cap or another cache, to
 * restored + W of the authority; servers that a cached NS set still names may
 * deny again. p_late (5.8): restarts, extension, serve-stale; once per target,
 * not per line. The brackets here leave out the bound of the clock's error (at
 * most half of their width) at both sides: the worst case belongs to what is
 * shown, not to where the mass lies. The prior counts popular names (5.6) where
 * the outage was shorter than W: a share of it lies before outage + W + TTL of
 * the record. Weights were tuned on calibration seeds of tests/simulator, see
 * its README. */
#ifndef NX_COLLECTOR_ESTIMATOR_H
#define NX_COLLECTOR_ESTIMATOR_H

#include "collector/infer/verdict.h"

/* Leaves out the lines that are over before another one can end: they never
 * decide. The distribution stays the same. */
void nx_dist_prune(struct nx_dist *dist);

/* Sets cut: conditions the mixture on the denial at from_us. What was excluded
 * altogether makes the distribution unknown. */
void nx_dist_condition(struct nx_dist *dist);

/* P(target is clear by t), 0..1, never falling. dist->known must be true. */
double nx_dist_cdf(const struct nx_dist *dist, int64_t t_us);

/* The same in two parts, each a distribution by itself: F = (1 - p_late) * base
 * + p_late * late, all after what the last denial excluded. */
struct nx_dist_parts {
    double p_late, base, late;
};
void nx_dist_split(const struct nx_dist *dist, int64_t t_us,
                   struct nx_dist_parts *out);

/* cdf(lo) is 0 or a jump ends there; cdf(hi) is 1. */
void nx_dist_span(const struct nx_dist *dist, int64_t *lo_us, int64_t *hi_us);

/* Smallest t with cdf >= q, to the microsecond; q in (0,1). */
int64_t nx_dist_quantile(const struct nx_dist *dist, double q);

/* Median, 50 % and 90 % interval. */
void nx_dist_eta(const struct nx_dist *dist, struct nx_eta *out);

#endif
