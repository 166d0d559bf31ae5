/* How many caches stand behind one address, and how sure a row of positives
 * makes us (nxclear-estimator(7) 5.9, 5.10). Counts are of looks from distinct
 * source ports: balancers pin a fixed 5-tuple. */
#ifndef NX_COLLECTOR_CHAO_H
#define NX_COLLECTOR_CHAO_H

#include <stddef.h>
#include <stdint.h>

struct nx_chao {
    unsigned s_obs; /* caches seen */
    unsigned f1;    /* ... once */
    unsigned f2;    /* ... twice */
    unsigned n;     /* looks */
    double unseen;  /* Chao 1984, bias corrected: a lower bound */
    double s_hat;
    double gt_mass; /* share of queries that go to unseen caches: Good 1953;
                       3/n when no cache was seen once */
};

/* counts[i]: looks that cache i got; zeros are skipped. */
void nx_chao_estimate(const uint16_t *counts, size_t counts_n,
                      struct nx_chao *out);

/* Looks that reach one given cache of K equal ones with 95 %: m(K); 1 for
 * K <= 1. A fraction of a cache counts as a whole one. */
unsigned nx_probes_to_reach(double caches);

/* Positives in a row that bound the share of denied queries by `share` with
 * 95 %; share in (0,1). */
unsigned nx_positives_required(double share);

/* That bound for n positives in a row; 1 for n = 0. */
double nx_denied_upper95(unsigned positives_n);

#endif
