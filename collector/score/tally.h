/* Scores of many forecasts summed up: over all, per verified flag, per state,
 * and per both (nxclear-estimator(7) 9.2, 11). Pure. */
#ifndef NX_COLLECTOR_TALLY_H
#define NX_COLLECTOR_TALLY_H

#include <jansson.h>

#include "collector/infer/verdict.h"
#include "collector/score/score.h"

#define NX_TALLY_ROWS_MAX 500000U
#define NX_TALLY_PIT_BINS 10U

struct nx_tally_row {
    uint8_t state; /* enum nx_state, when it was shown */
    bool verified; /* canaries measured the resolver */
    bool network;  /* of a network, not of one resolver */
    double weight;
    struct nx_figures figures;
};

struct nx_tally {
    struct nx_tally_row *rows;
    size_t n, cap;
    bool more; /* rows beyond NX_TALLY_ROWS_MAX were left out */
    bool failed;
};

void nx_tally_init(struct nx_tally *tally);
void nx_tally_fini(struct nx_tally *tally);
void nx_tally_add(struct nx_tally *tally, const struct nx_tally_row *row);

/* Weighted sums of the rows that fit. */
struct nx_tally_sum {
    size_t n;
    double weight; /* targets, when all of their forecasts are among them */
    double error50_s, error90_s; /* quantiles of the absolute error */
    double bias_s;               /* mean of the signed error */
    double resolution50_s, width50_s;
    double in50, in90, crps_s;
    double met90; /* share whose 90 % interval meets the truth's: unlike
                     in90 not less where looks are far apart */
    double pit[NX_TALLY_PIT_BINS];
};
#define NX_TALLY_ANY (-1)
struct nx_tally_want {
    int state;    /* enum nx_state or NX_TALLY_ANY */
    int verified; /* 0, 1 or NX_TALLY_ANY */
    bool network;
};
/* False: nothing fits, or out of memory (tally->failed). */
bool nx_tally_sum(struct nx_tally *tally, const struct nx_tally_want *want,
                  struct nx_tally_sum *out);

/* {"overall", "verified", "unverified", "states": [{"state", "verified"}]}, of
 * targets or of networks; groups without a forecast are null or left out. New
 * reference; NULL when out of memory. */
json_t *nx_tally_json(struct nx_tally *tally, bool network);

#endif
