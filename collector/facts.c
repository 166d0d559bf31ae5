#include "collector/facts.h"

#include <string.h>

void nx_profile_default(struct nx_profile *out) {
    memset(out, 0, sizeof(*out));
    out->conv = NX_CONV_U;
    out->soa_clock = NX_SOA_CLOCK_UNKNOWN;
    out->rd0 = NX_RD0_UNKNOWN;
    out->chain_possible = true;
    out->early_window_s = 5;
    out->p_early = 0.07;
    out->p_late = 0.10;
    out->lambda_early_per_s = 0.02 / 3600.0;
}
