#include "collector/infer/chao.h"

#include <math.h>
#include <string.h>

void nx_chao_estimate(const uint16_t *counts, size_t counts_n,
                      struct nx_chao *out) {
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < counts_n; i++) {
        out->s_obs += counts[i] > 0 ? 1U : 0U;
        out->f1 += counts[i] == 1 ? 1U : 0U;
        out->f2 += counts[i] == 2 ? 1U : 0U;
        out->n += counts[i];
    }
    if (out->f1 > 0) {
        out->unseen = (double)out->f1 * (double)(out->f1 - 1) /
                      (2.0 * (double)(out->f2 + 1));
    }
    out->s_hat = (double)out->s_obs + out->unseen;
    if (out->n > 0) {
        double once = out->f1 > 0 ? (double)out->f1 : 3.0;
        out->gt_mass = fmin(1.0, once / (double)out->n);
    }
}

/* Smallest n with miss^n <= 0.05. */
static unsigned tries(double miss) {
    return (unsigned)ceil(log(0.05) / log(miss) - 1e-9);
}

unsigned nx_probes_to_reach(double caches) {
    double whole = ceil(caches - 1e-9);

    return whole <= 1.0 ? 1U : tries(1.0 - 1.0 / whole);
}

unsigned nx_positives_required(double share) {
    return tries(1.0 - share);
}

double nx_denied_upper95(unsigned positives_n) {
    return positives_n == 0 ? 1.0 : 1.0 - pow(0.05, 1.0 / positives_n);
}
