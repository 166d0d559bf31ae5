/* What stands beside the core of a forecast, and with which weight: families,
 * cures by looking, renewed clocks, chains, caps, servers that deny again
 * (nxclear-estimator(7) 12; the formula: estimator.h). */
#ifndef NX_COLLECTOR_MIXTURE_H
#define NX_COLLECTOR_MIXTURE_H

#include "collector/infer/evidence.h"

/* For a countdown: last is the line that ends last. dist holds lines, late tail
 * and from_us. */
void nx_mixture_of_line(const struct nx_evidence *ev,
                        const struct nx_window *window,
                        const struct nx_line *last, struct nx_dist *dist);

/* For a forecast from the prior window, the inclusive second included. */
void nx_mixture_of_window(const struct nx_evidence *ev,
                          const struct nx_window *window,
                          const struct nx_hard *stack, struct nx_dist *dist);

/* An answer that is not the restored one: its family, and BIND's `prefetch 2`,
 * which renews it before the end (12.5: only positive data). */
void nx_mixture_of_old_answer(const struct nx_evidence *ev,
                              const struct nx_line *line, struct nx_dist *dist);

#endif
