/* Targets to a network, networks to an incident (nxclear-estimator(7) 7). Pure.
 */
#ifndef NX_COLLECTOR_ROLLUP_H
#define NX_COLLECTOR_ROLLUP_H

#include "collector/infer/prior.h"
#include "collector/infer/verdict.h"

struct nx_rollup_target {
    const struct nx_verdict *verdict; /* borrowed */
    double weight;                    /* of the endpoint in its network */
    uint32_t group; /* targets with equal group share a cache: counted once;
                       0: a cache of its own */
    uint32_t operator_id; /* targets of one operator are late together (one
                             who extends TTLs does so everywhere); 0: alone */
};

struct nx_rollup {
    uint8_t state; /* worst state */
    uint8_t unknown_reason;
    uint8_t basis;
    uint16_t looks_n;
    uint16_t caches_n;   /* live lines of the worst target */
    double denied_ratio; /* negative: not known */
    struct nx_eta eta;   /* product of the targets' distributions */
    struct nx_hard hard; /* latest (nx_verdict_latest), with its reason */
    bool hard_all_known; /* every affected target has a bound */
    bool presumed_clear;
    int64_t last_look_us; /* oldest of the targets' newest looks */
};

/* Worst state, share still denied, and the product of the distributions. No
 * forecast when a target cannot clear by waiting (recached, policy, stale,
 * authority still negative) or nothing is known of it; refused and unreachable
 * endpoints are left out of the forecast: they are no caches. */
void nx_rollup_network(const struct nx_rollup_target *targets, size_t n,
                       int64_t now_us, struct nx_rollup *out);

struct nx_rollup_member {
    const struct nx_rollup_target *targets; /* one network's */
    size_t targets_n;
    double weight; /* clients, 1 by default */
};

/* Expected share of clients still affected at t: sum of w (1 - F) over the
 * members, divided by the sum of w. */
double nx_rollup_share(const struct nx_rollup_member *members, size_t n,
                       int64_t t_us);

struct nx_incident_forecast {
    struct nx_eta all_clear;
    struct nx_hard hard;
    size_t hard_network; /* index of the member that sets it */
    bool hard_all_known;
    size_t unverified_n; /* members that nobody sees, nx_state_is_unverified */
    bool outage_known;   /* what fills of measured profiles say of its window */
    struct nx_outage_window outage;
    double affected; /* share of clients affected now; negative: not known */
    bool milestones_known;
    int64_t below_10pct_us, below_1pct_us, below_01pct_us;
};

/* The all-clear multiplies the targets' distributions; of one operator's,
 * (1 - p) * prod base + p * prod late. */
void nx_rollup_incident(const struct nx_rollup_member *members, size_t n,
                        int64_t now_us, struct nx_incident_forecast *out);

#endif
