/* What a denial is: cached, cached again, stale, made by policy
 * (nxclear-estimator(7) 5.5, 5.7, 12). Pure. */
#ifndef NX_COLLECTOR_DENIAL_H
#define NX_COLLECTOR_DENIAL_H

#include "collector/infer/evidence.h"

/* The state that the newest look means; it must be negative. Sets
 * out->unknown_reason when that is `unknown`. */
enum nx_state nx_denial_state(const struct nx_evidence *ev,
                              struct nx_verdict *out);

#endif
