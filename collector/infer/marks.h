/* The flags of a verdict (nxclear-estimator(7) 5.7, 5.12, 6). */
#ifndef NX_COLLECTOR_MARKS_H
#define NX_COLLECTOR_MARKS_H

#include "collector/infer/evidence.h"

/* Adds to out->flags what the looks and lines show; expects state, forecast and
 * clear_lo/hi_us. With `early-clear`, earliest_clear_us is the end that the
 * countdown had promised. */
void nx_marks_fill(const struct nx_evidence *ev, struct nx_verdict *out);

#endif
