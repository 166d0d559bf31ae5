#include "agent/plan/siblings.h"

bool nx_sibling_rests(const struct nx_plan *plan, const struct nx_task *task) {
    const uint8_t *zone = nx_dname_parent(task->name);
    const uint8_t *top = zone;
    while (nx_dname_labels(top) > 2) {
        top = nx_dname_parent(top);
    }
    for (size_t i = 0; i < plan->tasks_n; i++) {
        const struct nx_task *other = &plan->tasks[i];
        if (!other->canary && (nx_dname_under(other->name, top) ||
                               nx_dname_under(zone, other->name))) {
            return true;
        }
    }
    return false;
}

bool nx_sibling_may(const struct nx_guard *guard,
                    const struct nx_policy *policy, bool signed_seen,
                    int64_t now_mono_us) {
    return !signed_seen && !policy->own_proof &&
           nx_guard_proven(guard, policy, now_mono_us);
}

bool nx_sibling_is_signed(const struct nx_answer *answer) {
    return answer->outcome == NX_ANSWERED && (answer->flags & NX_ANS_AD) != 0;
}
