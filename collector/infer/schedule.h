/* When to look again, and how many times (nxclear-estimator(7) 5.11). */
#ifndef NX_COLLECTOR_SCHEDULE_H
#define NX_COLLECTOR_SCHEDULE_H

#include "collector/infer/evidence.h"

#define NX_VISIT_MAX 16U /* queries per visit */
#define NX_VISIT_GAP_US                                                        \
    (300 * 1000) /* between queries of one visit: spread                       \
                    phases, under the agent's rate limit */

/* Without a countdown to wait for, an end is seen this late at most: the more
 * often, the fewer looks are left to spend. */
#define NX_BLIND_MIN_US (8 * INT64_C(1000000))
#define NX_BLIND_MAX_US (30 * INT64_C(1000000))
#define NX_BLIND_LOOKS 120 /* from now to the end, between the two */

/* Optimal inspection interval for a uniform residual of left_us:
 * sqrt(2 c / h) with h = 1/left (Barlow, Hunter, Proschan 1963), clamped to
 * [floor, ceiling]. */
int64_t nx_schedule_interval(const struct nx_diagnosis_settings *settings,
                             int64_t left_us);

/* Fills out->next_probe_us and out->visit_n for the verdict. Before the
 * authority is verified good nothing is asked: NX_TIME_UNKNOWN and 0 (rule 1).
 * The first visit spreads first_visit_n looks over sub-second phases: that
 * shows several caches and narrows the bracket. */
void nx_schedule_fill(const struct nx_evidence *ev, struct nx_verdict *out);

#endif
