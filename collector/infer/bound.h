/* The hard bound of a target and its reason (nxclear-estimator(7) 5.8). */
#ifndef NX_COLLECTOR_BOUND_H
#define NX_COLLECTOR_BOUND_H

#include "collector/infer/evidence.h"

/* Fills out->hard and out->hard_stack for out->state. No bound where waiting
 * does not help, or where the restoration was not seen. `stack` (12.4) stands
 * beside the bound: two layers, each W and the second of the inclusive
 * family. */
void nx_bound_fill(const struct nx_evidence *ev, struct nx_verdict *out);

/* When a failure usually ends: its bound without what a failed validation has
 * more than the RFCs allow, for the software that may be behind it, and without
 * a denial that the failure may hide. NX_TIME_UNKNOWN without a bound. */
int64_t nx_bound_usual_us(const struct nx_evidence *ev,
                          const struct nx_verdict *verdict);

#endif
