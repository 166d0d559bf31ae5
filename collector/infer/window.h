/* When entries that nobody saw end: windows from the outage and from W
 * (nxclear-estimator(7) 5.6, 5.7). Pure. */
#ifndef NX_COLLECTOR_WINDOW_H
#define NX_COLLECTOR_WINDOW_H

#include "collector/infer/evidence.h"

/* 5.6 with its tightenings, for entries that live so long; [a, b] as the law of
 * fills gives it, without the second of the inclusive family. */
struct nx_window nx_window_of(const struct nx_evidence *ev, int64_t life_us);

/* Entries are filled again while the NS set of the old servers lives: the last
 * of them ends one W after it. */
struct nx_window nx_window_refed(const struct nx_evidence *ev);

/* Fills dist->caps where the prior is a sum of windows: by bad intervals, by
 * popularity, by usual caps of W. more_us: the inclusive family's second. */
void nx_window_caps(const struct nx_evidence *ev, int64_t more_us,
                    struct nx_dist *dist);

#endif
