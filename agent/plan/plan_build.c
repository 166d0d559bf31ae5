/* Targets: a plan fanned out to the resolvers, with the memory of before. */
#include <stdlib.h>
#include <string.h>

#include "agent/plan/plan_priv.h"
#include "common/hash.h"

#define FIRST_JITTER_US 1000000 /* where the plan says "from now on" */
#define TIMED_JITTER_US 200000  /* where it says when */
#define OWN_WALKS 3U            /* within the life of a proof */
#define IDENTITY_FIRST_US 1000000
#define IDENTITY_SPREAD_US 5000000

/* --- targets by id --- */

struct index {
    uint32_t *slots; /* position + 1; 0: free */
    size_t mask;
};

static int index_init(struct index *index, size_t capacity) {
    size_t n = 16;
    while (n < 2 * capacity) {
        n *= 2;
    }
    index->slots = calloc(n, sizeof(*index->slots));
    index->mask = n - 1;
    return index->slots != NULL ? NX_OK : NX_ENOMEM;
}

/* The slot that holds id, or the free one where it belongs. */
static uint32_t *index_at(const struct index *index,
                          const struct nx_target *targets, uint64_t id) {
    size_t i = (size_t)id & index->mask;
    while (index->slots[i] != 0 && targets[index->slots[i] - 1].id != id) {
        i = (i + 1) & index->mask;
    }
    return &index->slots[i];
}

/* --- one build --- */

struct build {
    const struct nx_planner *planner;
    const struct nx_rebuild *how;
    struct nx_plan_outcome *outcome;
    struct index old;  /* into planner->targets */
    struct index made; /* into targets */
    struct nx_target *targets;
    size_t n;
};

static bool grow(struct build *b) {
    if ((b->n & (b->n - 1)) != 0) {
        return true; /* capacity is the next power of two */
    }
    size_t cap = b->n > 0 ? 2 * b->n : 1;
    struct nx_target *more = realloc(b->targets, cap * sizeof(*more));
    if (more == NULL) {
        return false;
    }
    b->targets = more;
    return true;
}

static const struct nx_target *old_target(const struct build *b, uint64_t id) {
    const struct nx_target *targets = b->planner->targets;
    uint32_t slot = *index_at(&b->old, targets, id);
    return slot != 0 ? &targets[slot - 1] : NULL;
}

/* Walks for the guard's own proof: a miss or two, and it still holds. */
static int64_t own_interval_us(const struct nx_policy *policy) {
    int64_t us = (int64_t)policy->proof_s * 1000000 / OWN_WALKS;
    int64_t rest_us = (int64_t)policy->min_interval_ms * 1000;
    return us > rest_us ? us : rest_us;
}

void nx_target_pace(const struct nx_policy *policy, const struct nx_plan *plan,
                    const struct nx_target *target, struct nx_pace *out) {
    if (target->task == NX_TARGET_IDENTITY) {
        *out = (struct nx_pace){.first_after_us = 0,
                                .interval_us =
                                    (int64_t)NX_IDENTITY_INTERVAL_S * 1000000,
                                .gap_us = 0,
                                .visit_n = 1};
        return;
    }
    if (target->vouch) {
        *out = (struct nx_pace){
            .interval_us = (int64_t)NX_SIBLING_ASK_S * 1000000, .visit_n = 1};
        return;
    }
    const struct nx_task *task = &plan->tasks[target->task];
    bool walk = target->resolver == NX_RESOLVER_NONE;
    if (walk && task->kind != NX_TASK_AUTHORITY) {
        *out = (struct nx_pace){.interval_us = own_interval_us(policy),
                                .visit_n = 1};
        return;
    }
    *out = (struct nx_pace){
        .first_after_us = (int64_t)task->first_after_ms * 1000,
        .interval_us = (int64_t)task->interval_ms * 1000,
        .gap_us = walk ? 0 : (int64_t)task->visit_gap_ms * 1000,
        .visit_n = walk ? 1 : (uint8_t)task->visit_n};
}

static bool same_pace(const struct build *b, const struct nx_target *old,
                      const struct nx_target *target) {
    struct nx_pace before;
    struct nx_pace after;
    if (old->task == NX_TARGET_GONE ||
        (old->task != NX_TARGET_IDENTITY && b->planner->current == NULL)) {
        return false;
    }
    const struct nx_held_plan *current = b->planner->current;
    const struct nx_policy *policy = b->planner->policy;
    nx_target_pace(policy, current != NULL ? &current->plan : NULL, old,
                   &before);
    nx_target_pace(policy, b->how->held != NULL ? &b->how->held->plan : NULL,
                   target, &after);
    return before.first_after_us == after.first_after_us &&
           before.interval_us == after.interval_us &&
           before.gap_us == after.gap_us && before.visit_n == after.visit_n;
}

static int64_t jitter_us(const struct build *b, const struct nx_target *target,
                         uint64_t phase, const struct nx_pace *pace) {
    int64_t range = pace->interval_us / 10;
    int64_t most = pace->first_after_us > 0 ? TIMED_JITTER_US : FIRST_JITTER_US;
    range = range < most ? range : most;
    uint64_t hash = nx_hash_u64(phase, b->planner->epoch);
    if (target->task == NX_TARGET_IDENTITY) {
        return IDENTITY_FIRST_US + (int64_t)(hash % IDENTITY_SPREAD_US);
    }
    return range > 0 && !target->vouch ? (int64_t)(hash % (uint64_t)range) : 0;
}

/* phase: what the jitter depends on. The types of one name share a walk, so
 * they share a phase too. */
static void set_times(const struct build *b, struct nx_target *target,
                      uint64_t phase) {
    const struct nx_target *old = old_target(b, target->id);
    target->visit_us = old != NULL ? old->visit_us : INT64_MIN;
    target->twin_us = old != NULL ? old->twin_us : INT64_MIN;
    target->sizes_us = old != NULL ? old->sizes_us : INT64_MIN;
    target->again = old != NULL && old->task != NX_TARGET_GONE ? old->again : 0;
    target->again_us = old != NULL ? old->again_us : INT64_MIN;
    target->unwalked = old != NULL && old->unwalked;
    target->unsigned_us = old != NULL ? old->unsigned_us : INT64_MIN;
    if (old != NULL && same_pace(b, old, target)) {
        target->start_us = old->start_us;
        target->due_us = old->due_us;
        target->ready_us = old->ready_us;
        target->left = old->left;
        return;
    }
    struct nx_pace pace;
    nx_target_pace(b->planner->policy,
                   b->how->held != NULL ? &b->how->held->plan : NULL, target,
                   &pace);
    int64_t start = b->how->received_us + pace.first_after_us;
    start = start > b->how->now_us ? start : b->how->now_us;
    start += jitter_us(b, target, phase, &pace);
    int64_t rest_us = (int64_t)b->planner->policy->min_interval_ms * 1000;
    if (target->visit_us != INT64_MIN && start < target->visit_us + rest_us) {
        start = target->visit_us + rest_us;
    }
    target->start_us = start;
    target->due_us = start;
    target->ready_us = start;
    target->left = 0;
}

/* 0, NX_EEXISTS, NX_ELIMIT or NX_ENOMEM. */
static int add_target(struct build *b, const struct nx_target *like,
                      uint64_t phase) {
    uint32_t *slot = index_at(&b->made, b->targets, like->id);
    if (*slot != 0) {
        return NX_EEXISTS;
    }
    if (b->n == NX_PLANNER_TARGETS_MAX) {
        return NX_ELIMIT;
    }
    if (!grow(b)) {
        return NX_ENOMEM;
    }
    struct nx_target *target = &b->targets[b->n++];
    *target = *like;
    *slot = (uint32_t)b->n;
    set_times(b, target, phase);
    return NX_OK;
}

static uint64_t resolver_hash(const struct nx_resolver *resolver,
                              uint64_t seed) {
    struct nx_endpoint at = resolver->at;
    at.layer = 0;
    at.server_name = NULL;
    return nx_endpoint_hash(&at, seed);
}

static int add_for_resolver(struct build *b, uint64_t task_hash, uint32_t task,
                            size_t resolver) {
    uint64_t id = resolver_hash(&b->how->resolvers[resolver], task_hash);
    const struct nx_target like = {
        .id = id, .task = task, .resolver = (uint16_t)resolver};
    return add_target(b, &like, id);
}

static int add_for_all(struct build *b, uint64_t task_hash, uint32_t task) {
    int err = NX_OK;
    bool any = b->how->resolvers_n == 0; /* none yet is no refusal */
    for (size_t i = 0; i < b->how->resolvers_n; i++) {
        if (b->how->resolvers[i].at.layer != NX_LAYER_NETWORK) {
            any = true;
            continue;
        }
        err = add_for_resolver(b, task_hash, task, i);
        any = any || err == NX_OK;
        if (err == NX_ENOMEM || err == NX_ELIMIT) {
            return err;
        }
    }
    return any ? NX_OK : NX_EEXISTS;
}

static int add_walk(struct build *b, const struct nx_task *task,
                    uint32_t index) {
    uint64_t name_hash = nx_dname_hash(task->name, NX_TASK_AUTHORITY + 1);
    uint64_t hash = nx_hash_u64(task->qtype, name_hash);
    const struct nx_target like = {
        .id = hash, .task = index, .resolver = NX_RESOLVER_NONE};
    return add_target(b, &like, name_hash);
}

/* A server for a walk that is counted itself. */
static bool is_extra(const struct nx_task *task) {
    return task->kind == NX_TASK_AUTHORITY && task->has_endpoint;
}

static int add_task(struct build *b, const struct nx_task *task,
                    uint32_t index) {
    const struct nx_rebuild *how = b->how;
    if (task->kind == NX_TASK_AUTHORITY) {
        return is_extra(task) ? NX_OK : add_walk(b, task, index);
    }
    uint64_t name_hash = nx_dname_hash(task->name, (uint64_t)task->kind + 1);
    uint64_t hash =
        nx_hash_u64((uint64_t)task->qtype << 2 | (task->nsid ? 2U : 0U) |
                        (task->rd0 ? 1U : 0U),
                    name_hash);
    bool walk = b->planner->policy->own_proof && !task->canary;
    int err = walk ? add_walk(b, task, index) : NX_OK;
    if (err != NX_OK && err != NX_EEXISTS) { /* one for all resolvers */
        return err;
    }
    if (!task->has_endpoint) {
        return add_for_all(b, hash, index);
    }
    const struct nx_resolver *resolver =
        nx_policy_resolver(how->resolvers, how->resolvers_n, &task->endpoint);
    return add_for_resolver(b, hash, index,
                            (size_t)(resolver - how->resolvers));
}

static void refuse(struct build *b, enum nx_refusal why, size_t index) {
    if (b->outcome->refused_n[why]++ == 0) {
        b->outcome->example[why] = index;
    }
}

static int build_tasks(struct build *b) {
    const struct nx_policy *policy = b->planner->policy;
    const struct nx_plan *plan = &b->how->held->plan;
    for (size_t i = 0; i < plan->tasks_n; i++) {
        const struct nx_task *task = &plan->tasks[i];
        enum nx_refusal why = nx_policy_check(policy, b->how->resolvers,
                                              b->how->resolvers_n, task);
        if (why == NX_REFUSAL_NONE && task->sibling &&
            nx_sibling_rests(plan, task)) {
            why = NX_REFUSAL_BUSY;
        }
        if (why == NX_REFUSAL_NONE && !is_extra(task) &&
            b->outcome->taken_n >= policy->max_tasks) {
            why = NX_REFUSAL_TASKS;
        }
        if (why == NX_REFUSAL_NONE) {
            int err = add_task(b, task, (uint32_t)i);
            if (err == NX_ENOMEM) {
                return err;
            }
            if (err == NX_EEXISTS) { /* for two incidents: asked once */
                continue;
            }
            why = err == NX_ELIMIT ? NX_REFUSAL_TASKS : NX_REFUSAL_NONE;
        }
        if (why != NX_REFUSAL_NONE) {
            refuse(b, why, i);
        } else {
            b->outcome->taken_n += is_extra(task) ? 0 : 1;
        }
    }
    return NX_OK;
}

/* Each resolver is asked first whether the zone of a sibling label is signed,
 * once for all of them. */
static int add_vouch(struct build *b, size_t sibling) {
    const struct nx_target target = b->targets[sibling];
    const struct nx_task *task = &b->how->held->plan.tasks[target.task];
    uint64_t hash =
        nx_hash_u64(NX_TYPE_NS, nx_dname_hash(nx_sibling_zone(task), 0));
    const struct nx_target like = {
        .id = resolver_hash(&b->how->resolvers[target.resolver], hash),
        .task = target.task,
        .resolver = target.resolver,
        .vouch = true};
    int err = add_target(b, &like, like.id);
    uint32_t slot = *index_at(&b->made, b->targets, like.id);
    b->targets[sibling].vouched_by = slot != 0 ? slot - 1 : NX_VOUCH_NONE;
    return err;
}

static int build_vouches(struct build *b) {
    const struct nx_plan *plan = &b->how->held->plan;
    int err = NX_OK;
    for (size_t i = 0, n = b->n; i < n && err != NX_ENOMEM; i++) {
        uint32_t task = b->targets[i].task;
        if (task < NX_TARGET_GONE && plan->tasks[task].sibling) {
            err = add_vouch(b, i);
        }
    }
    return err == NX_ENOMEM ? err : NX_OK; /* without a word none is asked */
}

static int build_identities(struct build *b) {
    for (size_t i = 0; i < b->how->resolvers_n; i++) {
        bool system = b->how->resolvers[i].at.transport == NX_SYSTEM;
        int err =
            system ? NX_OK : add_for_resolver(b, 0, NX_TARGET_IDENTITY, i);
        if (err == NX_ENOMEM) {
            return err;
        }
    }
    return NX_OK;
}

/* Targets that left the plan are remembered while they may not be visited, so
 * that a plan which comes and goes gains nothing. */
static int build_gone(struct build *b) {
    const struct nx_planner *p = b->planner;
    int64_t rest_us = (int64_t)p->policy->min_interval_ms * 1000;
    for (size_t i = 0; i < p->targets_n; i++) {
        const struct nx_target *old = &p->targets[i];
        if (old->visit_us == INT64_MIN || old->task == NX_TARGET_IDENTITY ||
            old->visit_us + rest_us <= b->how->now_us ||
            *index_at(&b->made, b->targets, old->id) != 0 ||
            b->n == NX_PLANNER_TARGETS_MAX) {
            continue;
        }
        if (!grow(b)) {
            return NX_ENOMEM;
        }
        uint32_t *slot = index_at(&b->made, b->targets, old->id);
        b->targets[b->n] = *old;
        b->targets[b->n].task = NX_TARGET_GONE;
        b->targets[b->n].ready_us = NX_PLANNER_NEVER;
        *slot = (uint32_t)++b->n;
    }
    return NX_OK;
}

static size_t most_targets(const struct nx_planner *planner,
                           const struct nx_rebuild *how) {
    size_t tasks_n = how->held != NULL ? how->held->plan.tasks_n : 0;
    size_t each = 2 * how->resolvers_n + 1; /* whom it asks first; a walk */
    size_t n = planner->targets_n + how->resolvers_n + tasks_n * each;
    return n < NX_PLANNER_TARGETS_MAX ? n : NX_PLANNER_TARGETS_MAX;
}

static int build_all(struct build *b) {
    const struct nx_planner *p = b->planner;
    int err = index_init(&b->old, p->targets_n);
    if (err == NX_OK) {
        err = index_init(&b->made, most_targets(p, b->how));
    }
    for (size_t i = 0; err == NX_OK && i < p->targets_n; i++) {
        *index_at(&b->old, p->targets, p->targets[i].id) = (uint32_t)(i + 1);
    }
    if (err == NX_OK && !p->policy->authority_role) { /* it asks none */
        err = build_identities(b);
    }
    if (err == NX_OK && b->how->held != NULL) {
        err = build_tasks(b);
    }
    if (err == NX_OK && b->how->held != NULL) {
        err = build_vouches(b);
    }
    return err == NX_OK ? build_gone(b) : err;
}

int nx_planner_rebuild(const struct nx_planner *planner,
                       const struct nx_rebuild *how,
                       struct nx_plan_outcome *outcome,
                       struct nx_target **targets, size_t *targets_n) {
    struct nx_plan_outcome local;
    memset(&local, 0, sizeof(local));
    struct build b = {.planner = planner, .how = how, .outcome = &local};
    int err = build_all(&b);
    free(b.old.slots);
    free(b.made.slots);
    if (err != NX_OK) {
        free(b.targets);
        return err;
    }
    *outcome = local;
    *targets = b.targets;
    *targets_n = b.n;
    return NX_OK;
}
