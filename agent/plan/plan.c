#include "agent/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "agent/plan/plan_priv.h"

int nx_planner_new(const struct nx_policy *policy, struct nx_ratelimit *limit,
                   uint64_t epoch, struct nx_planner **out) {
    struct nx_planner *planner = calloc(1, sizeof(*planner));
    if (planner == NULL) {
        return NX_ENOMEM;
    }
    if (nx_guard_new(&planner->guard) != NX_OK) {
        free(planner);
        return NX_ENOMEM;
    }
    planner->policy = policy;
    planner->limit = limit;
    planner->epoch = epoch;
    planner->wakeup_us = NX_PLANNER_NEVER;
    *out = planner;
    return NX_OK;
}

void nx_planner_free(struct nx_planner **planner) {
    struct nx_planner *p = *planner;
    if (p != NULL) {
        free(p->current);
        free(p->targets);
        nx_guard_free(&p->guard);
        free(p);
        *planner = NULL;
    }
}

/* --- a copy of a plan --- */

static size_t plan_bytes(const struct nx_plan *plan) {
    size_t n =
        sizeof(struct nx_held_plan) + plan->tasks_n * sizeof(struct nx_task);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        n += nx_dname_len(plan->tasks[i].name);
    }
    return n;
}

static struct nx_held_plan *held_new(const struct nx_plan *plan) {
    struct nx_held_plan *held = malloc(plan_bytes(plan));
    if (held == NULL) {
        return NULL;
    }
    struct nx_task *tasks = (struct nx_task *)(held + 1);
    uint8_t *names = (uint8_t *)(tasks + plan->tasks_n);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        size_t len = nx_dname_len(plan->tasks[i].name);
        memcpy(names, plan->tasks[i].name, len);
        tasks[i] = plan->tasks[i];
        tasks[i].name = names;
        tasks[i].endpoint.server_name = NULL; /* TLS names are the owner's */
        names += len;
    }
    held->plan = *plan;
    held->plan.tasks = tasks;
    return held;
}

/* --- the guard --- */

bool nx_planner_own(struct nx_planner *planner, const uint8_t *name,
                    uint16_t qtype, enum nx_guard_word word,
                    int64_t at_mono_us) {
    return nx_guard_own(planner->guard, name, qtype, word, at_mono_us);
}

int64_t nx_planner_lapses(const struct nx_planner *planner,
                          int64_t now_mono_us) {
    int64_t proof_us =
        nx_guard_lapses(planner->guard, planner->policy, now_mono_us);
    bool ends = proof_us != NX_PLANNER_NEVER &&
                nx_planner_in_force(planner, now_mono_us) &&
                planner->expires_us < proof_us;
    return ends ? planner->expires_us : proof_us;
}

static bool has_type(const uint16_t *types, size_t n, uint16_t type) {
    size_t i = 0;
    while (i < n && types[i] != type) {
        i++;
    }
    return i < n;
}

void nx_planner_walked(struct nx_planner *planner, const uint8_t *name,
                       const uint16_t *types, size_t types_n) {
    for (size_t i = 0; i < planner->targets_n; i++) {
        struct nx_target *target = &planner->targets[i];
        if (target->task >= NX_TARGET_GONE) {
            continue;
        }
        const struct nx_task *task =
            &planner->current->plan.tasks[target->task];
        if (nx_dname_equal(task->name, name)) {
            target->unwalked = !has_type(types, types_n, task->qtype);
        }
    }
}

void nx_planner_heard(struct nx_planner *planner, int64_t now_mono_us) {
    nx_guard_heard(planner->guard, planner->policy, now_mono_us);
}

void nx_planner_lapse(struct nx_planner *planner) {
    nx_guard_lapse(planner->guard);
}

void nx_planner_stood(struct nx_planner *planner, int64_t now_mono_us) {
    nx_guard_stood(planner->guard, now_mono_us);
}

bool nx_planner_clocks(struct nx_planner *planner, int64_t now_mono_us,
                       int64_t now_wall_us) {
    return nx_guard_clocks(planner->guard, now_mono_us, now_wall_us);
}

bool nx_planner_proven(const struct nx_planner *planner, int64_t now_mono_us) {
    return nx_guard_proven(planner->guard, planner->policy, now_mono_us);
}

/* --- plans --- */

static void take_over(struct nx_planner *planner, struct nx_target *targets,
                      size_t targets_n) {
    free(planner->targets);
    planner->targets = targets;
    planner->targets_n = targets_n;
    planner->wakeup_us = INT64_MIN; /* unknown: look */
}

static int replace(struct nx_planner *planner, const struct nx_plan *plan,
                   int64_t now_mono_us, struct nx_plan_outcome *outcome) {
    struct nx_held_plan *held = held_new(plan);
    if (held == NULL) {
        return NX_ENOMEM;
    }
    const struct nx_rebuild how = {.held = held,
                                   .received_us = now_mono_us,
                                   .now_us = now_mono_us,
                                   .resolvers = planner->resolvers,
                                   .resolvers_n = planner->resolvers_n};
    struct nx_target *targets = NULL;
    size_t targets_n = 0;
    int err = nx_planner_rebuild(planner, &how, outcome, &targets, &targets_n);
    if (err != NX_OK) {
        free(held);
        return err;
    }
    free(planner->current);
    planner->current = held;
    nx_guard_plan(planner->guard, now_mono_us);
    uint32_t valid_s = plan->valid_s < NX_PLAN_VALID_MAX_S
                           ? plan->valid_s
                           : NX_PLAN_VALID_MAX_S;
    planner->received_us = now_mono_us;
    planner->expires_us = now_mono_us + (int64_t)valid_s * 1000000;
    take_over(planner, targets, targets_n);
    return NX_OK;
}

int nx_planner_load(struct nx_planner *planner, const struct nx_plan *plan,
                    int64_t now_mono_us, struct nx_plan_outcome *outcome) {
    int err = replace(planner, plan, now_mono_us, outcome);
    if (err != NX_OK) {
        nx_planner_lapse(planner);
    }
    return err;
}

static int rebuild_same_plan(struct nx_planner *planner,
                             const struct nx_resolver *list, size_t n,
                             int64_t now_mono_us) {
    const struct nx_rebuild how = {.held = planner->current,
                                   .received_us = planner->received_us,
                                   .now_us = now_mono_us,
                                   .resolvers = list,
                                   .resolvers_n = n};
    struct nx_plan_outcome outcome;
    struct nx_target *targets = NULL;
    size_t targets_n = 0;
    int err = nx_planner_rebuild(planner, &how, &outcome, &targets, &targets_n);
    if (err == NX_OK) {
        take_over(planner, targets, targets_n);
    }
    return err;
}

int nx_planner_resolvers(struct nx_planner *planner,
                         const struct nx_resolver *list, size_t n,
                         int64_t now_mono_us) {
    n = n < NX_POLICY_RESOLVERS_MAX ? n : NX_POLICY_RESOLVERS_MAX;
    int err = rebuild_same_plan(planner, list, n, now_mono_us);
    if (err != NX_OK) {
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *tls_name = list[i].at.server_name;
        planner->resolvers[i] = list[i];
        if (tls_name != NULL) {
            memcpy(planner->tls_names[i], tls_name, nx_dname_len(tls_name));
            planner->resolvers[i].at.server_name = planner->tls_names[i];
        }
    }
    planner->resolvers_n = n;
    return NX_OK;
}

int nx_planner_policy(struct nx_planner *planner,
                      const struct nx_policy *policy, int64_t now_mono_us) {
    const struct nx_policy *before = planner->policy;
    planner->policy = policy;
    int err = rebuild_same_plan(planner, planner->resolvers,
                                planner->resolvers_n, now_mono_us);
    if (err != NX_OK) {
        planner->policy = before;
    } else {
        planner->signed_seen = false;
    }
    return err;
}

/* --- looking --- */

bool nx_planner_in_force(const struct nx_planner *planner,
                         int64_t now_mono_us) {
    return planner->current != NULL && now_mono_us < planner->expires_us;
}

uint64_t nx_planner_revision(const struct nx_planner *planner) {
    return planner->current != NULL ? planner->current->plan.revision : 0;
}

size_t nx_planner_authority_types(const struct nx_planner *planner,
                                  const uint8_t *name, uint16_t *types,
                                  size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < planner->targets_n && n < cap; i++) {
        const struct nx_target *target = &planner->targets[i];
        if (target->task >= NX_TARGET_GONE ||
            target->resolver != NX_RESOLVER_NONE) {
            continue;
        }
        const struct nx_task *task =
            &planner->current->plan.tasks[target->task];
        if (nx_dname_equal(task->name, name)) {
            types[n++] = task->qtype;
        }
    }
    return n;
}

/* The newest incident: what was found before it opened is not in its papers.
 * Older collectors do not say which it is. */
uint64_t nx_planner_audit(const struct nx_planner *planner,
                          const uint8_t *name) {
    const struct nx_plan *plan =
        planner->current != NULL ? &planner->current->plan : NULL;
    uint64_t newest = 0;
    for (size_t i = 0; plan != NULL && i < plan->tasks_n; i++) {
        const struct nx_task *task = &plan->tasks[i];
        if (task->kind == NX_TASK_AUTHORITY &&
            nx_dname_equal(task->name, name)) {
            uint64_t by = task->audit != 0 ? task->audit : plan->revision;
            newest = by > newest ? by : newest;
        }
    }
    return newest;
}

static bool has_server(const struct nx_endpoint *servers, size_t n,
                       const struct nx_endpoint *at) {
    size_t i = 0;
    while (i < n && !nx_endpoint_same_server(&servers[i], at)) {
        i++;
    }
    return i < n;
}

size_t nx_planner_left(const struct nx_planner *planner, const uint8_t *name,
                       struct nx_endpoint *servers, size_t cap) {
    const struct nx_plan *plan =
        planner->current != NULL ? &planner->current->plan : NULL;
    size_t n = 0;
    for (size_t i = 0; plan != NULL && i < plan->tasks_n && n < cap; i++) {
        const struct nx_task *task = &plan->tasks[i];
        if (task->kind == NX_TASK_AUTHORITY && task->has_endpoint &&
            nx_dname_equal(task->name, name) &&
            nx_policy_check(planner->policy, planner->resolvers,
                            planner->resolvers_n, task) == NX_REFUSAL_NONE &&
            !has_server(servers, n, &task->endpoint)) {
            servers[n++] = task->endpoint;
        }
    }
    return n;
}
