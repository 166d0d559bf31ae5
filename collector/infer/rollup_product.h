/* Inside rollup*.c: the product of the distributions of very many targets. */
#ifndef NX_COLLECTOR_ROLLUP_PRODUCT_H
#define NX_COLLECTOR_ROLLUP_PRODUCT_H

#include "collector/infer/rollup.h"

/* How a target stands in a forecast. */
enum nx_part {
    NX_PART_NONE,    /* nothing more to come from it */
    NX_PART_DIST,    /* its distribution counts */
    NX_PART_BLOCKED, /* waiting does not help, or nothing is known */
};

enum nx_part nx_part_of(const struct nx_verdict *verdict);

/* A distribution that counts. */
struct nx_pick {
    const struct nx_verdict *verdict;
    uint32_t group, operator_id;
    size_t order; /* as the members come */
};

/* Those of all members, each cache once. */
struct nx_picks {
    struct nx_pick *list;
    size_t n;
};

/* False: no memory. */
bool nx_picks_init(struct nx_picks *picks,
                   const struct nx_rollup_member *members, size_t n);
void nx_picks_fini(struct nx_picks *picks);

/* Is the probability that all are clear at t at least q? */
bool nx_picks_all_clear(const struct nx_picks *picks, int64_t t_us, double q);

#endif
