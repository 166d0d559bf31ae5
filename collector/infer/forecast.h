/* From evidence to the distribution of the clear time
 * (nxclear-estimator(7) 5.6, 5.8, 12). The formula is in estimator.h; here its
 * parts get their values. */
#ifndef NX_COLLECTOR_FORECAST_H
#define NX_COLLECTOR_FORECAST_H

#include "collector/infer/evidence.h"

/* The prior of an unseen entry as a forecast: late tail and early hazard from
 * the profile, hazard counted from from_us. */
void nx_forecast_window(const struct nx_window *window,
                        const struct nx_profile *profile, uint32_t w_s,
                        int64_t from_us, struct nx_dist *out);

/* Fills lines, fill, prior, dist, eta, basis, p_clear, earliest_clear_us for
 * out->state. Expects out->hard* and the other fields at their rest. */
void nx_forecast_fill(const struct nx_evidence *ev, struct nx_verdict *out);

#endif
