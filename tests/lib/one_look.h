/* The batch of one result. */
#ifndef NX_TESTS_LIB_ONE_LOOK_H
#define NX_TESTS_LIB_ONE_LOOK_H

#include "common/codec.h"

/* All is borrowed. */
static inline struct nx_batch batch_of_one(const struct nx_obs *obs,
                                           struct nx_clock_sample clock) {
    return (struct nx_batch){.epoch = 1,
                             .first_seq = 1,
                             .clock = clock,
                             .questions = obs->question,
                             .questions_n = 1,
                             .answers = obs->answer,
                             .answers_n = 1,
                             .obs = obs,
                             .obs_n = 1};
}

#endif
