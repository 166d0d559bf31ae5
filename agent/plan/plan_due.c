/* What to ask next. */
#include "agent/plan/plan_priv.h"

#define AWAIT_US 250000

static const uint8_t root[1] = {0};

int64_t nx_planner_wakeup(const struct nx_planner *planner) {
    return planner->wakeup_us;
}

/* The target goes to its next visit; visits that time has run over are left
 * out, so that lateness never becomes a burst. */
static void next_visit(const struct nx_planner *planner,
                       struct nx_target *target, const struct nx_pace *pace,
                       int64_t now_us) {
    int64_t rest_us = (int64_t)planner->policy->min_interval_ms * 1000;
    int64_t next = target->start_us + pace->interval_us;
    if (next <= now_us) {
        int64_t missed = (now_us - next) / pace->interval_us + 1;
        next += missed * pace->interval_us;
    }
    target->start_us = next;
    target->left = 0;
    if (target->visit_us != INT64_MIN && next < target->visit_us + rest_us) {
        next = target->visit_us + rest_us;
    }
    target->due_us = next;
    target->ready_us = next;
}

static void pace_of(const struct nx_planner *planner,
                    const struct nx_target *target, struct nx_pace *out) {
    nx_target_pace(planner->policy, &planner->current->plan, target, out);
}

/* One query of this target is being sent. */
static void advance(const struct nx_planner *planner, struct nx_target *target,
                    int64_t now_us) {
    struct nx_pace pace;
    if (target->again != 0) { /* beside the visits, which go on as they would */
        bool more = nx_target_asked_again(target, now_us);
        target->ready_us = more ? now_us : target->due_us;
        return;
    }
    pace_of(planner, target, &pace);
    if (target->left == 0) {
        target->left = pace.visit_n;
        target->visit_us = now_us;
    }
    target->left--;
    if (target->left == 0) {
        next_visit(planner, target, &pace, now_us);
        return;
    }
    target->due_us = now_us + pace.gap_us;
    target->ready_us = target->due_us;
}

/* Canary names are there to be denied. */
bool nx_planner_may_canary(const struct nx_planner *planner,
                           const struct nx_task *task, int64_t now_mono_us) {
    return !task->sibling || nx_sibling_may(planner->guard, planner->policy,
                                            planner->signed_seen, now_mono_us);
}

bool nx_planner_vouched(const struct nx_planner *planner,
                        const struct nx_target *target, int64_t now_mono_us) {
    if (target->vouch || !planner->current->plan.tasks[target->task].sibling) {
        return true;
    }
    int64_t said_us = target->vouched_by != NX_VOUCH_NONE
                          ? planner->targets[target->vouched_by].unsigned_us
                          : INT64_MIN;
    return said_us != INT64_MIN &&
           now_mono_us - said_us <= (int64_t)NX_SIBLING_WORD_S * 1000000;
}

/* What the guard says of a task: the same for all of its resolvers, which stand
 * side by side. */
struct guarded {
    const struct nx_task *task; /* NULL: of none yet */
    enum nx_guard_state state;
};

static enum nx_guard_state state_of(const struct nx_planner *planner,
                                    const struct nx_task *task, int64_t now_us,
                                    struct guarded *last) {
    if (last->task != task) {
        last->task = task;
        last->state = nx_guard_state(planner->guard, planner->policy,
                                     task->name, task->qtype, now_us);
    }
    return last->state;
}

/* A target that is ready while the guard is closed passes its visit by; where
 * only the first word of an own walk is missing, and one is under way, it waits
 * for that. */
static void guard(const struct nx_planner *planner, struct nx_target *target,
                  int64_t now_us, struct guarded *last) {
    if (planner->system_busy && target->resolver < planner->resolvers_n &&
        planner->resolvers[target->resolver].at.transport == NX_SYSTEM) {
        target->ready_us = now_us + AWAIT_US;
        return;
    }
    if (target->resolver == NX_RESOLVER_NONE ||
        target->task == NX_TARGET_IDENTITY) {
        return;
    }
    const struct nx_task *task = &planner->current->plan.tasks[target->task];
    struct nx_pace pace;
    if (task->canary) {
        if (!nx_planner_may_canary(planner, task, now_us)) {
            pace_of(planner, target, &pace);
            next_visit(planner, target, &pace, now_us);
        } else if (!nx_planner_vouched(planner, target, now_us)) {
            target->ready_us = now_us + AWAIT_US;
        }
        return;
    }
    switch (state_of(planner, task, now_us, last)) {
    case NX_GUARD_OPEN:
        return;
    case NX_GUARD_AWAITS:
        if (!target->unwalked) {
            target->ready_us = now_us + AWAIT_US;
            return;
        }
        break;
    case NX_GUARD_LAPSED:
    case NX_GUARD_DENIES:
        break;
    }
    target->again = 0;
    if (target->due_us > now_us) { /* it was ready for that alone */
        target->ready_us = target->due_us;
        return;
    }
    pace_of(planner, target, &pace);
    next_visit(planner, target, &pace, now_us);
}

static int64_t waits_since(const struct nx_target *target) {
    return target->again != 0 ? target->again_us : target->due_us;
}

/* The one that has waited longest among the ready; *wakeup_us: when the first
 * of the others will be. */
static struct nx_target *find_ready(struct nx_planner *planner, int64_t now_us,
                                    int64_t *wakeup_us) {
    struct nx_target *best = NULL;
    struct guarded last = {0};
    *wakeup_us = planner->expires_us;
    for (size_t i = 0; i < planner->targets_n; i++) {
        struct nx_target *target = &planner->targets[i];
        if (target->ready_us <= now_us) {
            guard(planner, target, now_us, &last);
        }
        if (target->ready_us > now_us) {
            *wakeup_us =
                target->ready_us < *wakeup_us ? target->ready_us : *wakeup_us;
        } else if (best == NULL || waits_since(target) < waits_since(best)) {
            best = target;
        }
    }
    return best;
}

/* The bucket is empty: nobody needs to try this server before it has one. */
static void postpone(struct nx_planner *planner, const struct nx_endpoint *at,
                     int64_t until_us) {
    bool hit[NX_POLICY_RESOLVERS_MAX];
    for (size_t i = 0; i < planner->resolvers_n; i++) {
        hit[i] = nx_endpoint_same_server(&planner->resolvers[i].at, at);
    }
    for (size_t i = 0; i < planner->targets_n; i++) {
        struct nx_target *target = &planner->targets[i];
        if (target->task != NX_TARGET_GONE &&
            target->resolver < planner->resolvers_n && hit[target->resolver] &&
            target->ready_us < until_us) {
            target->ready_us = until_us;
        }
    }
}

const uint8_t *nx_target_name(const struct nx_planner *planner,
                              const struct nx_target *target) {
    const struct nx_task *task = &planner->current->plan.tasks[target->task];
    return target->vouch ? nx_sibling_zone(task) : task->name;
}

uint16_t nx_target_type(const struct nx_planner *planner,
                        const struct nx_target *target) {
    return target->vouch ? NX_TYPE_NS
                         : planner->current->plan.tasks[target->task].qtype;
}

static void describe(const struct nx_planner *planner,
                     const struct nx_target *target, struct nx_due *out) {
    *out = (struct nx_due){
        .kind = NX_DUE_IDENTITY, .name = root, .qtype = NX_TYPE_NS};
    if (target->resolver != NX_RESOLVER_NONE) {
        out->to = planner->resolvers[target->resolver].at;
    }
    if (target->task != NX_TARGET_IDENTITY) {
        const struct nx_task *task =
            &planner->current->plan.tasks[target->task];
        out->kind = target->resolver != NX_RESOLVER_NONE ? NX_DUE_RESOLVER
                                                         : NX_DUE_AUTHORITY;
        out->name = nx_target_name(planner, target);
        out->qtype = nx_target_type(planner, target);
        out->dnssec = target->vouch;
        if (target->vouch) { /* a question of its own */
            return;
        }
        out->rd0 = task->rd0;
        out->nsid = task->nsid;
        out->chaos = task->chaos;
        out->ad = task->ad;
        nx_target_again(target, &out->cd, &out->udp_bytes);
    }
}

/* Takes the token for a query. GO for walks: their queries take their own. */
static enum nx_ratelimit_verdict take_token(struct nx_planner *planner,
                                            const struct nx_target *target,
                                            int64_t now_us, int64_t *wait_us) {
    if (target->resolver == NX_RESOLVER_NONE) {
        return NX_RATE_GO;
    }
    const struct nx_resolver *resolver = &planner->resolvers[target->resolver];
    return nx_ratelimit_take(planner->limit, &resolver->at,
                             nx_policy_rate(planner->policy, resolver), now_us,
                             wait_us);
}

void nx_planner_system_busy(struct nx_planner *planner, bool busy) {
    planner->system_busy = busy;
}

bool nx_planner_next(struct nx_planner *planner, int64_t now_mono_us,
                     struct nx_due *out) {
    if (!nx_planner_in_force(planner, now_mono_us)) {
        planner->wakeup_us = NX_PLANNER_NEVER;
        return false;
    }
    for (;;) {
        int64_t wait_us = 0;
        struct nx_target *target =
            find_ready(planner, now_mono_us, &planner->wakeup_us);
        if (target == NULL) {
            return false;
        }
        switch (take_token(planner, target, now_mono_us, &wait_us)) {
        case NX_RATE_GO:
            describe(planner, target, out);
            advance(planner, target, now_mono_us);
            return true;
        case NX_RATE_SERVER:
            postpone(planner, &planner->resolvers[target->resolver].at,
                     now_mono_us + wait_us);
            break;
        case NX_RATE_TOTAL:
            planner->wakeup_us = now_mono_us + wait_us;
            return false;
        }
    }
}
