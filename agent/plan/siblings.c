#include "agent/plan/siblings.h"

const uint8_t *nx_sibling_zone(const struct nx_task *task) {
    return nx_rrtype_is_private(task->qtype) ? task->name
                                             : nx_dname_parent(task->name);
}

bool nx_sibling_rests(const struct nx_plan *plan, const struct nx_task *task) {
    const uint8_t *zone = nx_sibling_zone(task);
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

/* The DS of a zone is its parent's, and so is the proof that it has none. */
static bool shows_signed(const struct nx_question *question,
                         const struct nx_answer *answer, bool at_zone) {
    bool there = (answer->flags & NX_ANS_RDATA) != 0;
    if (question->qtype == NX_TYPE_DS) {
        return there && at_zone;
    }
    return (there && question->qtype == NX_TYPE_DNSKEY) ||
           (answer->flags & NX_ANS_AD) != 0 || answer->proof.signatures_n > 0 ||
           answer->proof.denial != NX_DENIAL_NONE;
}

enum nx_sibling_word nx_sibling_word(const struct nx_policy *policy,
                                     const struct nx_obs *obs) {
    const struct nx_question *question = obs->question;
    const struct nx_answer *answer = obs->answer;
    bool at_zone = nx_policy_is_sibling_zone(policy, question->name);
    if ((!at_zone && nx_policy_sibling_zone(policy, question->name) == NULL) ||
        answer->outcome != NX_ANSWERED) {
        return NX_SIBLING_NO_WORD;
    }
    if (shows_signed(question, answer, at_zone)) {
        return NX_SIBLING_SIGNED;
    }
    bool said = at_zone && question->qtype == NX_TYPE_NS &&
                (question->flags & NX_Q_DO) != 0 &&
                question->to.layer != NX_LAYER_AUTHORITY &&
                answer->rcode == NX_RCODE_NOERROR &&
                (answer->flags & NX_ANS_RDATA) != 0 &&
                (answer->flags & NX_ANS_EDNS) != 0 &&
                (answer->flags & NX_ANS_TC) == 0;
    return said ? NX_SIBLING_UNSIGNED : NX_SIBLING_NO_WORD;
}
