/* When is a target clear (nxclear-estimator(7) 5.10)? */
#ifndef NX_COLLECTOR_CONFIDENCE_H
#define NX_COLLECTOR_CONFIDENCE_H

#include "collector/infer/evidence.h"

/* Positives in a row, from distinct source ports, that make `clear`:
 *
 * - caches counted by canary: m(K), criterion 1;
 * - past the hard bound: m of the estimated number, criterion 2;
 * - every seen line past its end: m of the estimated number (at least two),
 *   and 14 independent looks in all. Then a cache that was never seen has at
 *   most a fifth of the queries (95 %) and Chao1 saw none: criterion 1 with
 *   the caches seen;
 * - a line still alive, or denials without countdown: the evidence speaks
 *   against it, so each seen share must be excluded with 99 %, at least 8;
 * - and never more than n_req(clear_max_share), 59 by default: criterion 3. */
unsigned nx_positives_needed(const struct nx_evidence *ev);

/* Is the row long enough, the authority good, and no NSEC record left that
 * denies again? */
bool nx_is_confirmed_clear(const struct nx_evidence *ev);

/* ... all but the last: when that is over; else NX_TIME_UNKNOWN. */
int64_t nx_clear_after_nsec_us(const struct nx_evidence *ev);

/* Fills out->denied_ratio, denied_upper95, positives_in_row, clear_lo/hi_us. */
void nx_confidence_fill(const struct nx_evidence *ev, struct nx_verdict *out);

#endif
