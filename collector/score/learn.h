/* What outcomes teach: p_late ~ Beta(3, 47) and the early hazard ~ Gamma(2,
 * 100 h) per family of resolver software (nxclear-estimator(7) 5.8). Pure: the
 * same outcomes in the same order give the same values.
 *
 * An outcome seldom says for sure how it came about. The masses kept with it
 * (nx_score_outcome) give the chance of each explanation, and the values are
 * worked out from these chances again and again until they agree (expectation
 * maximisation).
 *
 * Nobody teaches everybody: the targets of a network in one incident weigh 1
 * together, a network 3 in all, an incident 10. Against the prior's 50, a
 * network that lies moves p_late by 0.06 at most. */
#ifndef NX_COLLECTOR_LEARN_H
#define NX_COLLECTOR_LEARN_H

#include "collector/infer/family.h"
#include "collector/score/score.h"

#define NX_LEARN_OUTCOMES_MAX 20000U /* the newest ones */
#define NX_LEARN_LABEL_MAX 64U

#define NX_LEARN_LATE_A 3.0
#define NX_LEARN_LATE_B 47.0
#define NX_LEARN_EARLY_A 2.0
#define NX_LEARN_EARLY_B_S (100.0 * 3600.0)
#define NX_LEARN_NETWORK_MAX 3.0
#define NX_LEARN_INCIDENT_MAX 10.0

struct nx_lesson {
    uint32_t incident_id;
    char network[NX_LEARN_LABEL_MAX];
    uint8_t family; /* enum nx_family */
    struct nx_ending outcome;
};

struct nx_learning {
    struct {
        size_t n;      /* outcomes */
        double weight; /* ... what they weigh after the caps */
        double late_a, late_b;
        double early_a, early_b_s;
    } of[NX_FAMILY_N_];
};

/* NX_ENOMEM. */
int nx_learn(const struct nx_lesson *lessons, size_t n,
             struct nx_learning *out) NX_MUSTUSE;

/* Means of what was learnt; known even without an outcome: the prior. */
void nx_learning_means(const struct nx_learning *learning,
                       struct nx_learnt *out);

#endif
