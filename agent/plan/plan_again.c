/* What is asked, and what once more because of what came of it. */
#include "agent/plan/plan_priv.h"

static const uint8_t root[1] = {0};

static const struct {
    uint8_t bit;
    uint16_t udp_bytes;
} sizes[] = {{NX_AGAIN_512, 512}, {NX_AGAIN_1232, 1232}, {NX_AGAIN_4096, 4096}};

static uint8_t lowest(const struct nx_target *target) {
    return (uint8_t)(target->again & -target->again);
}

void nx_target_again(const struct nx_target *target, bool *cd,
                     uint16_t *udp_bytes) {
    uint8_t bit = lowest(target);
    *cd = bit == NX_AGAIN_CD;
    *udp_bytes = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (bit == sizes[i].bit) {
            *udp_bytes = sizes[i].udp_bytes;
        }
    }
}

bool nx_target_asked_again(struct nx_target *target, int64_t now_mono_us) {
    uint8_t bit = lowest(target);
    if (bit == NX_AGAIN_CD) {
        target->twin_us = now_mono_us;
    }
    target->again = (uint8_t)(target->again & ~bit);
    return target->again != 0;
}

/* Is the question one of this target's? */
static bool is_task_of(const struct nx_planner *planner,
                       const struct nx_target *target,
                       const struct nx_question *question) {
    if (target->task >= NX_TARGET_GONE ||
        target->resolver >= planner->resolvers_n ||
        target->task == NX_TARGET_IDENTITY) {
        return false;
    }
    return nx_target_type(planner, target) == question->qtype &&
           nx_dname_equal(nx_target_name(planner, target), question->name) &&
           nx_endpoint_same_server(&planner->resolvers[target->resolver].at,
                                   &question->to);
}

/* ... and worth to be asked so again? Of canary names one that is to fail by
 * validation, with CD=1: of others that answer would be cached, and the TTLs of
 * the next looks would start with it. */
static bool is_asked(const struct nx_planner *planner,
                     const struct nx_target *target,
                     const struct nx_question *question, uint8_t again) {
    if (!is_task_of(planner, target, question)) {
        return false;
    }
    const struct nx_task *task = &planner->current->plan.tasks[target->task];
    return !task->canary ||
           (again == NX_AGAIN_CD && task->cd && !task->sibling && !task->rd0 &&
            !task->chaos && !task->ad);
}

static bool is_open(const struct nx_planner *planner,
                    const struct nx_target *target,
                    const struct nx_question *question, int64_t now_us) {
    if (!is_task_of(planner, target, question)) {
        return false;
    }
    const struct nx_task *task = &planner->current->plan.tasks[target->task];
    return task->canary
               ? nx_planner_may_canary(planner, task, now_us) &&
                     nx_planner_vouched(planner, target, now_us)
               : nx_guard_state(planner->guard, planner->policy, task->name,
                                task->qtype, now_us) == NX_GUARD_OPEN;
}

bool nx_planner_asks(const struct nx_planner *planner,
                     const struct nx_question *question, int64_t now_mono_us) {
    bool in_force = nx_planner_in_force(planner, now_mono_us);
    bool any = false;
    for (size_t i = 0; !any && in_force && i < planner->targets_n; i++) {
        any = is_open(planner, &planner->targets[i], question, now_mono_us);
    }
    return any;
}

bool nx_planner_may(const struct nx_planner *planner,
                    const struct nx_question *question, int64_t now_mono_us) {
    bool sibling =
        nx_policy_sibling_zone(planner->policy, question->name) != NULL &&
        question->to.layer != NX_LAYER_AUTHORITY;
    return ((question->flags & NX_Q_RD) == 0 && !sibling) ||
           nx_dname_equal(question->name, root) ||
           nx_planner_asks(planner, question, now_mono_us);
}

/* An answer that does not fit shows so: it is lost on the way, or cut and not
 * to be had over TCP. */
static uint8_t wanted_again(const struct nx_obs *obs) {
    const struct nx_question *question = obs->question;
    const struct nx_answer *answer = obs->answer;
    bool cut =
        answer->outcome == NX_ANSWERED && (answer->flags & NX_ANS_TC) != 0;
    if ((question->flags & NX_Q_CD) != 0 || question->udp_bytes != 0 ||
        question->to.transport == NX_SYSTEM) {
        return 0; /* was asked again itself, or there is no way to */
    }
    if (answer->outcome == NX_ANSWERED && answer->rcode == NX_RCODE_SERVFAIL) {
        return NX_AGAIN_CD;
    }
    return (cut || answer->outcome == NX_TIMEOUT) &&
                   question->to.transport == NX_UDP
               ? NX_AGAIN_SIZES
               : 0;
}

static int64_t longer_us(int64_t least_s, uint32_t policy_ms) {
    int64_t least_us = least_s * INT64_C(1000000);
    int64_t policy_us = (int64_t)policy_ms * 1000;
    return policy_us > least_us ? policy_us : least_us;
}

/* Of these, what was not asked too lately. */
static uint8_t rested(const struct nx_planner *planner,
                      const struct nx_target *target, uint8_t wanted,
                      int64_t now_us) {
    int64_t last_us =
        wanted == NX_AGAIN_CD ? target->twin_us : target->sizes_us;
    int64_t rest_us = longer_us(wanted == NX_AGAIN_CD ? NX_TWIN_INTERVAL_S
                                                      : NX_SIZES_INTERVAL_S,
                                planner->policy->min_interval_ms);
    bool may = last_us == INT64_MIN || now_us - last_us >= rest_us;
    return may ? wanted : 0;
}

/* The zone is not signed, a resolver says: sibling labels that waited for that
 * go on where it vouches. */
static bool vouched_for(struct nx_planner *planner,
                        const struct nx_question *question, int64_t now_us) {
    bool any = false;
    for (size_t i = 0; i < planner->targets_n; i++) {
        struct nx_target *target = &planner->targets[i];
        if (target->vouch && is_task_of(planner, target, question)) {
            target->unsigned_us = now_us;
            any = true;
        }
    }
    for (size_t i = 0; any && i < planner->targets_n; i++) {
        struct nx_target *target = &planner->targets[i];
        bool waits = target->task < NX_TARGET_GONE && !target->vouch &&
                     planner->current->plan.tasks[target->task].sibling &&
                     target->due_us < target->ready_us;
        target->ready_us = waits ? target->due_us : target->ready_us;
    }
    return any;
}

bool nx_planner_signed(struct nx_planner *planner, const struct nx_obs *obs) {
    bool shown = nx_sibling_word(planner->policy, obs) == NX_SIBLING_SIGNED;
    bool turned = shown && !planner->signed_seen;
    planner->signed_seen = planner->signed_seen || shown;
    return turned;
}

bool nx_planner_seen(struct nx_planner *planner, const struct nx_obs *obs,
                     int64_t now_mono_us) {
    uint8_t wanted = wanted_again(obs);
    bool any = nx_sibling_word(planner->policy, obs) == NX_SIBLING_UNSIGNED &&
               vouched_for(planner, obs->question, now_mono_us);
    for (size_t i = 0; wanted != 0 && i < planner->targets_n; i++) {
        struct nx_target *target = &planner->targets[i];
        uint8_t again = rested(planner, target, wanted, now_mono_us);
        if (again != 0 && is_asked(planner, target, obs->question, again)) {
            target->again |= again;
            target->ready_us = now_mono_us;
            target->again_us = now_mono_us;
            if (again == NX_AGAIN_SIZES) {
                target->sizes_us = now_mono_us;
            }
            any = true;
        }
    }
    return any;
}
