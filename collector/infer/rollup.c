#include "collector/infer/rollup.h"

#include <string.h>

#include "collector/infer/estimator.h"
#include "collector/infer/forecaster.h"
#include "collector/infer/rollup_product.h"

/* Does an earlier target of the network show the same cached entries? */
bool nx_is_repeated(const struct nx_rollup_member *member, size_t target) {
    uint32_t group = member->targets[target].group;

    for (size_t i = 0; i < target && group != 0; i++) {
        if (member->targets[i].group == group &&
            nx_part_of(member->targets[i].verdict) == NX_PART_DIST) {
            return true;
        }
    }
    return false;
}

double nx_member_cdf(const struct nx_rollup_member *member, int64_t t_us) {
    double p = 1.0;

    for (size_t i = 0; i < member->targets_n && p > 0; i++) {
        const struct nx_verdict *verdict = member->targets[i].verdict;
        enum nx_part part = nx_part_of(verdict);
        if (part == NX_PART_BLOCKED) {
            return 0.0;
        }
        if (part == NX_PART_DIST && !nx_is_repeated(member, i)) {
            p *= nx_dist_cdf(&verdict->dist, t_us);
        }
    }
    return p;
}

/* A single distribution has its quantiles already. */
static void network_eta(const struct nx_rollup_target *targets, size_t n,
                        struct nx_eta *out) {
    struct nx_rollup_member member = {.targets = targets, .targets_n = n};

    if (n == 1 && nx_part_of(targets[0].verdict) == NX_PART_DIST) {
        *out = targets[0].verdict->eta;
        return;
    }
    memset(out, 0, sizeof(*out));
    nx_forecaster_run(&member, 1, out);
}

/* Takes the latest bound, with a chain where one is possible; false when an
 * affected target has none. */
bool nx_take_hard(const struct nx_rollup_target *targets, size_t n,
                  struct nx_hard *hard) {
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        const struct nx_verdict *verdict = targets[i].verdict;
        if (nx_part_of(verdict) == NX_PART_NONE) {
            continue;
        }
        const struct nx_hard *latest = nx_verdict_latest(verdict);
        if (latest->reason == NX_HARD_NONE) {
            all = false;
        } else if (hard->reason == NX_HARD_NONE ||
                   latest->at_us > hard->at_us) {
            *hard = *latest;
        }
    }
    return all;
}

const struct nx_verdict *nx_worst_of(const struct nx_rollup_target *targets,
                                     size_t n) {
    const struct nx_verdict *worst = NULL;

    for (size_t i = 0; i < n; i++) {
        if (targets[i].weight > 0 &&
            (worst == NULL || targets[i].verdict->state < worst->state)) {
            worst = targets[i].verdict;
        }
    }
    return worst;
}

static double denied(const struct nx_rollup_target *targets, size_t n) {
    double sum = 0.0;
    double weights = 0.0;

    for (size_t i = 0; i < n; i++) {
        if (targets[i].verdict->denied_ratio >= 0) {
            sum += targets[i].weight * targets[i].verdict->denied_ratio;
            weights += targets[i].weight;
        }
    }
    return weights > 0 ? sum / weights : -1.0;
}

/* The oldest of the newest looks: what the network's verdict is as old as. */
static int64_t seen(const struct nx_rollup_target *targets, size_t n) {
    int64_t at_us = NX_TIME_UNKNOWN;

    for (size_t i = 0; i < n; i++) {
        int64_t look_us = targets[i].verdict->last_look_us;
        if (look_us != NX_TIME_UNKNOWN &&
            (at_us == NX_TIME_UNKNOWN || look_us < at_us)) {
            at_us = look_us;
        }
    }
    return at_us;
}

/* Silent, but every forecast says that it is over by now. */
static bool is_presumed_clear(const struct nx_rollup_target *targets,
                              size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct nx_verdict *verdict = targets[i].verdict;
        if (verdict->state != NX_STATE_CLEAR && !verdict->presumed_clear) {
            return false;
        }
    }
    return true;
}

void nx_rollup_network(const struct nx_rollup_target *targets, size_t n,
                       int64_t now_us, struct nx_rollup *out) {
    const struct nx_verdict *worst = nx_worst_of(targets, n);

    (void)now_us;
    memset(out, 0, sizeof(*out));
    out->state = NX_STATE_UNKNOWN;
    out->unknown_reason = NX_UNKNOWN_NEVER_SEEN;
    out->denied_ratio = denied(targets, n);
    out->last_look_us = seen(targets, n);
    if (worst == NULL) {
        return;
    }
    out->state = worst->state;
    out->unknown_reason = worst->unknown_reason;
    out->basis = worst->basis;
    out->looks_n = worst->looks_n;
    out->caches_n = worst->lines_n;
    out->presumed_clear =
        out->state == NX_STATE_UNKNOWN && is_presumed_clear(targets, n);
    out->hard_all_known = nx_take_hard(targets, n, &out->hard);
    network_eta(targets, n, &out->eta);
}

double nx_rollup_share(const struct nx_rollup_member *members, size_t n,
                       int64_t t_us) {
    double sum = 0.0;
    double weights = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += members[i].weight * (1.0 - nx_member_cdf(&members[i], t_us));
        weights += members[i].weight;
    }
    return weights > 0 ? sum / weights : 0.0;
}
