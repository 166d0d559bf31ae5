/* An agent and a collector in virtual time: looks as the schedule of the
 * verdict says, verdicts from nx_diagnose, forecasts kept for scoring. */
#ifndef NX_TESTS_SIMULATOR_AGENT_H
#define NX_TESTS_SIMULATOR_AGENT_H

#include "collector/infer/diagnosis.h"
#include "tests/simulator/world.h"

/* When a forecast is kept: ten seconds after the guard opened, and half a W
 * (as the authority sends it) after the restoration. */
enum sim_horizon { SIM_FIRST, SIM_MIDDLE, SIM_HORIZON_N };

struct sim_forecast {
    bool known;
    double at_s;
    uint8_t state, basis;
    struct nx_eta eta;
    struct nx_dist dist;
    struct nx_hard hard, hard_stack;
    bool seen;      /* a TTL was seen: what `now + TTL` would say */
    double naive_s; /* now + TTL of the last reply */
    double last_at_s;
};

struct sim_outcome {
    double start_s;       /* the guard opened */
    double truth_s;       /* last denial; before start_s: nothing to see */
    double restored_hi_s; /* as the collector had it at last */
    struct sim_forecast forecasts[SIM_HORIZON_N];
    bool cleared, premature, recached, false_recached, denied_ever;
    double first_good_s; /* the first answer of the row that made it clear */
    double clear_s;      /* the state became `clear` */
    unsigned looks_n, before_guard_n;
    double shortest_gap_s; /* between two looks of the target */
    bool countdown;        /* the first forecast rested on a countdown */
};

void sim_play(struct sim_world *world, struct sim_outcome *out);

/* The same world watched by `dig` every minute until the first answer. */
struct sim_dig {
    unsigned looks_n;
    double clear_s, truth_s;
    bool premature;
};
void sim_play_dig(struct sim_world *world, double start_s, struct sim_dig *out);

#endif
