/* Inside of plan.c, plan_build.c and plan_due.c. */
#ifndef NX_AGENT_PLAN_PRIV_H
#define NX_AGENT_PLAN_PRIV_H

#include "agent/plan/plan.h"
#include "agent/plan/siblings.h"

#define NX_TARGET_IDENTITY UINT32_MAX   /* task: the identity of a resolver */
#define NX_TARGET_GONE (UINT32_MAX - 1) /* task: not in the plan any more */
#define NX_RESOLVER_NONE UINT16_MAX
#define NX_VOUCH_NONE UINT32_MAX

/* What a question is asked with once more (plan_again.c), lowest bit first. */
enum {
    NX_AGAIN_CD = 1 << 0,
    NX_AGAIN_512 = 1 << 1,
    NX_AGAIN_1232 = 1 << 2,
    NX_AGAIN_4096 = 1 << 3,
    NX_AGAIN_SIZES = NX_AGAIN_512 | NX_AGAIN_1232 | NX_AGAIN_4096,
};

/* One (task, resolver). */
struct nx_target {
    uint64_t id;       /* hash of kind, name, type, RD and resolver */
    int64_t start_us;  /* when the current or next visit should begin */
    int64_t due_us;    /* when its next query should go */
    int64_t ready_us;  /* due_us, or later because a bucket was empty */
    int64_t visit_us;  /* when the last visit began; INT64_MIN: never */
    int64_t twin_us;   /* when it was last asked with CD=1; INT64_MIN */
    int64_t sizes_us;  /* ... and with other EDNS sizes */
    uint32_t task;     /* index into the plan, or NX_TARGET_* */
    uint16_t resolver; /* index, or NX_RESOLVER_NONE */
    uint8_t left;      /* queries left in the current visit, 0: between */
    int64_t again_us;  /* when `again` was wanted */
    uint8_t again;     /* NX_AGAIN_*: asked next, beside the visits */
    bool unwalked;     /* no walk of ours will say a word of it */
    bool vouch; /* asks the resolver whether the zone of the task is signed */
    int64_t unsigned_us; /* vouch: when it last said no; INT64_MIN: never */
    uint32_t vouched_by; /* of a sibling label: index of the one that asks */
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
    bool signed_seen; /* below a sibling zone, until the policy is replaced */
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

/* What a target with a task asks for. */
const uint8_t *nx_target_name(const struct nx_planner *planner,
                              const struct nx_target *target);
uint16_t nx_target_type(const struct nx_planner *planner,
                        const struct nx_target *target);

/* May a canary name be asked for now? */
bool nx_planner_may_canary(const struct nx_planner *planner,
                           const struct nx_task *task, int64_t now_mono_us);
/* ... did the resolver say what it must have said before (siblings.h)? */
bool nx_planner_vouched(const struct nx_planner *planner,
                        const struct nx_target *target, int64_t now_mono_us);

/* Takes the next of target->again, as the flags and size of the question. */
void nx_target_again(const struct nx_target *target, bool *cd,
                     uint16_t *udp_bytes);
/* It is being sent: crosses it off. False: it was the last. */
bool nx_target_asked_again(struct nx_target *target, int64_t now_mono_us);

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
