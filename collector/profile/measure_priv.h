/* Inside measure*.c: what is read off countdowns. */
#ifndef NX_COLLECTOR_MEASURE_PRIV_H
#define NX_COLLECTOR_MEASURE_PRIV_H

#include "collector/profile/measure.h"

/* Whose age the SOA TTL shows: two names of one zone, asked 7 s apart
 * (nxclear-estimator(7) 12.1). */
enum nx_soa_clock nx_measure_clock(const struct nx_canary_looks *looks);

/* From looks until after the end of a short denial: conv, never_decrements,
 * early_window_s, past_ttl, stale_max_s. */
void nx_measure_end(const struct nx_canary_looks *looks,
                    struct nx_profile *profile);

#endif
