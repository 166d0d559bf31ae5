/* Inside of plan.c, plan_build.c and plan_due.c. */
#ifndef NX_AGENT_PLAN_PRIV_H
#define NX_AGENT_PLAN_PRIV_H

#include "agent/plan/plan.h"

#define NX_TARGET_IDENTITY UINT32_MAX   /* task: the identity of a resolver */
#define NX_TARGET_GONE (UINT32_MAX - 1) /* task: not in the plan any more */
#define NX_RESOLVER_NONE UINT16_MAX

/* One (task, resolver). */
struct nx_target {
    uint64_t id;       /* hash of kind, name, type, RD and resolver */
    int64_t start_us;  /* when the current or next visit should begin */
    int64_t due_us;    /* when its next query should go */
    int64_t ready_us;  /* due_us, or later because a bucket was empty */
    int64_t visit_us;  /* when the last visit began; INT64_MIN: never */
    int64_t twin_us;   /* when it was last asked with CD=1; INT64_MIN */
    uint32_t task;     /* index into the plan, or NX_TARGET_* */
    uint16_t resolver; /* index, or NX_RESOLVER_NONE */
    uint8_t left;      /* queries left in the current visit, 0: between */
    bool twin;         /* the next query has CD=1 */
    bool unwalked;     /* no walk of ours will say a word of it */
};

/* A plan with everything in one block. */
struct nx_held_plan {
    struct nx_plan plan; /* tasks point into this block */
};

struct nx_planner {
    const struct nx_policy *policy;
    struct nx_ratelimit *limit;
    uint64_t epoch;
    struct nx_held_plan *current; /* NULL before the first */
    int64_t received_us;
    int64_t expires_us;
    struct nx_resolver resolvers[NX_POLICY_RESOLVERS_MAX];
    uint8_t tls_names[NX_POLICY_RESOLVERS_MAX][NX_DNAME_MAX];
    size_t resolvers_n;
    struct nx_target *targets;
    size_t targets_n;
    int64_t wakeup_us;
    struct nx_guard *guard;
    bool system_busy;
};

/* What a target's schedule is made of. */
struct nx_pace {
    int64_t first_after_us;
    int64_t interval_us;
    int64_t gap_us;
    uint8_t visit_n;
};

void nx_target_pace(const struct nx_policy *policy, const struct nx_plan *plan,
                    const struct nx_target *target, struct nx_pace *out);

/* What is to become of the targets. The old ones stay on failure. */
struct nx_rebuild {
    const struct nx_held_plan *held; /* NULL: no plan */
    int64_t received_us;
    int64_t now_us;
    const struct nx_resolver *resolvers; /* the new set */
    size_t resolvers_n;
};

/* Makes the targets of a plan, carrying over what the old ones know.
 * NX_ENOMEM. */
int nx_planner_rebuild(const struct nx_planner *planner,
                       const struct nx_rebuild *how,
                       struct nx_plan_outcome *outcome,
                       struct nx_target **targets,
                       size_t *targets_n) NX_MUSTUSE;

#endif
