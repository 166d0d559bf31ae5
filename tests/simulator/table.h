/* The tables of nxclear-estimator(7) 9.2, and the figures that the project
 * promises. */
#ifndef NX_TESTS_SIMULATOR_TABLE_H
#define NX_TESTS_SIMULATOR_TABLE_H

#include <stdio.h>

#include "tests/simulator/score.h"

/* Which forecasts and targets count; negative: all. */
struct sim_filter {
    int verified, what, software, incident, horizon, basis, chain;
    int caches_lo, caches_hi;
    uint32_t w_lo, w_hi;
};
extern const struct sim_filter SIM_ALL;

struct sim_figures {
    unsigned forecasts_n;
    double cover50, cover90;
    double error50_s, error90_s, bias_s; /* of |error|; mean of the error */
    double width50_s, width90_s;         /* medians */
    double crps_s[SIM_MODEL_N];          /* means */
    unsigned hard_n, hard_broken_n, hard_unexplained_n;
    double pit[10];

    unsigned targets_n, denied_n, cleared_n;
    double premature, false_recached, dig_premature; /* shares of targets */
    double delay50_s, delay95_s; /* from the end to the first good answer */
    double told50_s, told95_s;   /* from the end to `clear` ... */
    double told_in_minute;       /* ... in less than 60 s: share */
    double queries, dig_queries; /* means */
    unsigned planted_n;          /* looks before the guard opened */
};

void sim_figures(const struct sim_result *results, size_t n,
                 const struct sim_filter *filter, struct sim_figures *out);

void sim_print_coverage(FILE *file, const struct sim_result *results, size_t n,
                        bool by_class);
void sim_print_targets(FILE *file, const struct sim_figures *all);
void sim_print_models(FILE *file, const struct sim_figures *all);

#endif
