/* When an entry ends that shows no countdown (nxclear-estimator(7) 5.6), and
 * what fills say about the outage. */
#ifndef NX_COLLECTOR_PRIOR_H
#define NX_COLLECTOR_PRIOR_H

#include <stddef.h>

#include "collector/infer/verdict.h"

struct nx_window {
    bool known;
    int64_t a_us, b_us;
};

/* An entry alive at restoration was filled in [outage_lo, restored_hi] and
 * lives w: uniform on [max(outage_lo + w, restored_hi), restored_hi + w].
 * outage_lo may be NX_TIME_UNKNOWN; not known without restored_hi. */
struct nx_window nx_prior(int64_t outage_lo_us, int64_t restored_hi_us,
                          int64_t w_us);

/* The same for a popular name whose positive entry of that TTL was warm when
 * the outage began: the fill follows its end. */
struct nx_window nx_prior_popular(int64_t outage_lo_us, int64_t restored_hi_us,
                                  int64_t w_us, int64_t positive_ttl_us);

/* Usual upper limits on W (3.1) and how common they are, those that a TTL of
 * shown_s rules out left aside; 0 when they all allow w_auth_s. Weights sum to
 * 1; the caller fills the windows from w_s. */
struct nx_usual_cap {
    double weight;
    uint32_t w_s; /* what is left of W */
};
size_t nx_usual_caps(uint32_t w_auth_s, uint32_t shown_s,
                     struct nx_usual_cap out[NX_CAPS_MAX]);

struct nx_outage_window {
    int64_t start_at_most_us, restored_at_least_us; /* smallest, largest fill */
    int64_t start_hat_us, restored_hat_us;          /* two-sided German tank */
};

/* From fills of verified profiles; n >= 2, else false and out untouched. */
bool nx_outage_from_fills(const int64_t *fills_us, size_t n,
                          struct nx_outage_window *out);

#endif
