/* Inside measure*.c: what is read off countdowns. */
#ifndef NX_COLLECTOR_MEASURE_PRIV_H
#define NX_COLLECTOR_MEASURE_PRIV_H

#include "collector/profile/measure.h"

#define NX_UNFAIR_S 2 /* TTLs and clocks are rounded, on both sides */

/* What two looks at a fresh name say of the TTL it is kept for: dnsmasq shows
 * its own upper limit from the second answer on, Knot Resolver only in the
 * first (nxclear-estimator(7) 12.7). Negative: they do not say. */
int64_t nx_measure_kept(const struct nx_canary_looks *looks,
                        enum nx_canary which, enum nx_kind kind);

/* Below a zone in use: nxdomain_cap_s, nodata_cap_s, floor_s, sibling_w_s, and
 * what the next run has to know; after soa_clock and caches_seen. */
void nx_measure_sibling_caps(const struct nx_canary_looks *looks,
                             const struct nx_measured *before,
                             int64_t before_us, struct nx_measured *m);

/* Whose age the SOA TTL shows: two names of one zone, asked 7 s apart
 * (nxclear-estimator(7) 12.1). */
enum nx_soa_clock nx_measure_clock(const struct nx_canary_looks *looks);

/* From looks until after the end of a short denial, and at the last tenth of a
 * longer one: conv, never_decrements,
 * early_window_s, early_seen, past_ttl, stale_max_s. */
void nx_measure_end(const struct nx_canary_looks *looks, unsigned caches_seen,
                    struct nx_profile *profile);

#endif
