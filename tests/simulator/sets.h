/* Parameters are tuned on calibration seeds, figures are shown on evaluation
 * seeds. The two never meet. */
#ifndef NX_TESTS_SIMULATOR_SETS_H
#define NX_TESTS_SIMULATOR_SETS_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t sim_set_seed(bool evaluation, uint64_t series) {
    return series * 2 + (evaluation ? 1 : 0);
}

#endif
