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
    size_t order;               /* as the members come */
    bool first;                 /* of its operator */
    const struct nx_pick *next; /* of the same operator; NULL: none */
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

/* Goes on with the question whether the probability that all are clear at t is
 * at least q: from *at, 0 first, with *product, 1.0 first. *budget goes down by
 * one for each distribution. False: it is 0, and the answer is still open. */
bool nx_picks_product(const struct nx_picks *picks, int64_t t_us, double q,
                      size_t *at, double *product, size_t *budget,
                      bool *reached);

/* rollup.c: does an earlier target of the member show the same cached entries?
 */
bool nx_is_repeated(const struct nx_rollup_member *member, size_t target);
/* P(the member is clear by t). */
double nx_member_cdf(const struct nx_rollup_member *member, int64_t t_us);
/* The target that the state is about; NULL: none has a weight. */
const struct nx_verdict *nx_worst_of(const struct nx_rollup_target *targets,
                                     size_t n);
/* Takes the latest bound; false when an affected target has none. */
bool nx_take_hard(const struct nx_rollup_target *targets, size_t n,
                  struct nx_hard *hard);

#endif
