/* Proper scores of forecasts against the known truth (Gneiting and Raftery
 * 2007), with the baselines of nxclear-estimator(7) 9.3. */
#ifndef NX_TESTS_SIMULATOR_SCORE_H
#define NX_TESTS_SIMULATOR_SCORE_H

#include "tests/simulator/agent.h"

enum sim_model {
    SIM_OURS,
    SIM_NOW_MINIMUM,    /* 1. now + SOA.MINIMUM */
    SIM_NOW_TTL,        /* 2. now + TTL of the last reply */
    SIM_RESTORED_W,     /* 4. R_hi + W */
    SIM_WITHOUT_LATE,   /* 5. without lateness */
    SIM_WITHOUT_UNSEEN, /* 6. without unseen caches */
    SIM_MODEL_N
};

/* One forecast. */
struct sim_score {
    uint8_t horizon, state, basis;
    double error_s; /* point - truth */
    double pit;     /* F(truth) */
    double width50_s, width90_s;
    bool in50, in90;
    double crps_s[SIM_MODEL_N];
    bool hard_known, hard_broken;
};

/* One target. */
struct sim_result {
    bool verified, chain, explained; /* a drawn violation excuses the bound */
    uint8_t software, what, incident;
    unsigned caches_n;
    uint32_t w_s;
    struct sim_outcome outcome;
    struct sim_dig dig;
    struct sim_score scores[SIM_HORIZON_N];
    bool scored[SIM_HORIZON_N];
};

/* Draws, plays and scores one target. */
void sim_run(uint64_t seed, uint64_t index, struct sim_result *out);

#endif
