/* How good a forecast was, once it is known when the cache cleared. The truth
 * is an interval: denied at lo, answered at hi; in between nobody asked
 * (nxclear-estimator(7) 5.10, 9.2). Figures are means over that interval. Pure.
 *
 * Which forecasts count: each that was shown, that is told first, with another
 * state, or moved by more than a second. A target that is looked at often shows
 * many; each counts with the part of the time for which it was the one shown,
 * so that all of a target's weigh 1 together: what an operator saw who looked
 * at a random moment before the clearing. */
#ifndef NX_COLLECTOR_SCORE_H
#define NX_COLLECTOR_SCORE_H

#include "collector/score/shape.h"

struct nx_truth {
    int64_t lo_us, hi_us; /* the clearing lies in (lo, hi] */
};

struct nx_figures {
    double error_s;      /* median of the forecast minus middle of the truth */
    double resolution_s; /* half of the truth's width */
    double in50, in90;   /* part of the truth in the intervals, 0..1 */
    double width90_s;    /* of the 90 % interval */
    double pit_lo, pit_hi; /* F at both ends of the truth */
    double crps_s; /* continuous ranked probability score (Gneiting, Raftery
                      2007); the absolute error, had it been certain */
};

void nx_score(const struct nx_shape *shape, const struct nx_eta *eta,
              const struct nx_truth *truth, struct nx_figures *out);

/* Weights of a target's forecasts, shown at at_us[0..n) (ascending): part of
 * the time from the first one to the middle of the truth. Forecasts that came
 * after it weigh 0, and so do all when the first one did. */
void nx_score_weights(const int64_t *at_us, size_t n,
                      const struct nx_truth *truth, double *out);

/* What an outcome says about the late tail and the early hazard: how probable
 * it was under each explanation, without the weights that are to be learnt. */
struct nx_ending {
    double base, late; /* mass of each part in the truth's interval */
    double survive_s;  /* integral over it of what is left of the first two,
                          for p_late as it was: times the hazard, an early
                          end's mass */
    double exposure_s; /* time at risk of an early end */
};
void nx_score_outcome(const struct nx_shape *shape, double p_late,
                      const struct nx_truth *truth, struct nx_ending *out);

#endif
