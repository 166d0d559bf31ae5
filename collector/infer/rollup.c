#include "collector/infer/rollup.h"

#include <string.h>

#include "collector/infer/estimator.h"
#include "collector/infer/rollup_product.h"

#define FILLS_MAX 256U /* enough to date an outage */

/* Does an earlier target of the network show the same cached entries? */
static bool is_repeated(const struct nx_rollup_member *member, size_t target) {
    uint32_t group = member->targets[target].group;

    for (size_t i = 0; i < target && group != 0; i++) {
        if (member->targets[i].group == group &&
            nx_part_of(member->targets[i].verdict) == NX_PART_DIST) {
            return true;
        }
    }
    return false;
}

static double member_cdf(const struct nx_rollup_member *member, int64_t t_us) {
    double p = 1.0;

    for (size_t i = 0; i < member->targets_n && p > 0; i++) {
        const struct nx_verdict *verdict = member->targets[i].verdict;
        enum nx_part part = nx_part_of(verdict);
        if (part == NX_PART_BLOCKED) {
            return 0.0;
        }
        if (part == NX_PART_DIST && !is_repeated(member, i)) {
            p *= nx_dist_cdf(&verdict->dist, t_us);
        }
    }
    return p;
}

struct span {
    bool any, blocked;
    int64_t lo_us, hi_us;
};

static struct span span_of(const struct nx_rollup_member *members, size_t n) {
    struct span span = {.lo_us = INT64_MAX, .hi_us = INT64_MIN};

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < members[i].targets_n; j++) {
            const struct nx_verdict *verdict = members[i].targets[j].verdict;
            enum nx_part part = nx_part_of(verdict);
            int64_t lo_us = 0;
            int64_t hi_us = 0;
            span.blocked |= part == NX_PART_BLOCKED;
            if (part != NX_PART_DIST) {
                continue;
            }
            nx_dist_span(&verdict->dist, &lo_us, &hi_us);
            span.any = true;
            span.lo_us = lo_us < span.lo_us ? lo_us : span.lo_us;
            span.hi_us = hi_us > span.hi_us ? hi_us : span.hi_us;
        }
    }
    return span;
}

static int64_t quantile(const struct nx_picks *picks, double q, int64_t lo_us,
                        int64_t hi_us) {
    while (hi_us - lo_us > 1) {
        int64_t mid_us = lo_us + (hi_us - lo_us) / 2;
        if (nx_picks_all_clear(picks, mid_us, q)) {
            hi_us = mid_us;
        } else {
            lo_us = mid_us;
        }
    }
    return hi_us;
}

static void forecast(const struct nx_rollup_member *members, size_t n,
                     struct nx_eta *out) {
    struct span span = span_of(members, n);
    struct nx_picks picks;

    memset(out, 0, sizeof(*out));
    if (!span.any || span.blocked || !nx_picks_init(&picks, members, n)) {
        return;
    }
    out->known = true;
    out->hi90_us = quantile(&picks, 0.95, span.lo_us, span.hi_us);
    out->lo90_us = quantile(&picks, 0.05, span.lo_us, out->hi90_us);
    out->hi50_us = quantile(&picks, 0.75, out->lo90_us - 1, out->hi90_us);
    out->lo50_us = quantile(&picks, 0.25, out->lo90_us - 1, out->hi50_us);
    out->point_us = quantile(&picks, 0.50, out->lo50_us - 1, out->hi50_us);
    nx_picks_fini(&picks);
}

/* A single distribution has its quantiles already. */
static void network_eta(const struct nx_rollup_target *targets, size_t n,
                        struct nx_eta *out) {
    struct nx_rollup_member member = {.targets = targets, .targets_n = n};

    if (n == 1 && nx_part_of(targets[0].verdict) == NX_PART_DIST) {
        *out = targets[0].verdict->eta;
        return;
    }
    forecast(&member, 1, out);
}

/* Takes the latest bound; false when an affected target has none. */
static bool take_hard(const struct nx_rollup_target *targets, size_t n,
                      struct nx_hard *hard) {
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        const struct nx_verdict *verdict = targets[i].verdict;
        if (nx_part_of(verdict) == NX_PART_NONE) {
            continue;
        }
        if (verdict->hard.reason == NX_HARD_NONE) {
            all = false;
        } else if (hard->reason == NX_HARD_NONE ||
                   verdict->hard.at_us > hard->at_us) {
            *hard = verdict->hard;
        }
    }
    return all;
}

static const struct nx_verdict *worst_of(const struct nx_rollup_target *targets,
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
    const struct nx_verdict *worst = worst_of(targets, n);

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
    out->hard_all_known = take_hard(targets, n, &out->hard);
    network_eta(targets, n, &out->eta);
}

double nx_rollup_share(const struct nx_rollup_member *members, size_t n,
                       int64_t t_us) {
    double sum = 0.0;
    double weights = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += members[i].weight * (1.0 - member_cdf(&members[i], t_us));
        weights += members[i].weight;
    }
    return weights > 0 ? sum / weights : 0.0;
}

/* Is no more than that share affected at t? What is summed only grows. */
static bool is_below(const struct nx_rollup_member *members, size_t n,
                     double weights, double share, int64_t t_us) {
    double sum = 0.0;

    for (size_t i = 0; i < n && sum <= share * weights; i++) {
        sum += members[i].weight * (1.0 - member_cdf(&members[i], t_us));
    }
    return sum <= share * weights;
}

/* First time at or after now with no more than that share affected. */
static int64_t milestone(const struct nx_rollup_member *members, size_t n,
                         double share, int64_t lo_us, int64_t hi_us) {
    double weights = 0.0;

    for (size_t i = 0; i < n; i++) {
        weights += members[i].weight;
    }
    while (hi_us - lo_us > 1) {
        int64_t mid_us = lo_us + (hi_us - lo_us) / 2;
        if (is_below(members, n, weights, share, mid_us)) {
            hi_us = mid_us;
        } else {
            lo_us = mid_us;
        }
    }
    return hi_us;
}

static void milestones(const struct nx_rollup_member *members, size_t n,
                       int64_t now_us, struct nx_incident_forecast *out) {
    struct span span = span_of(members, n);
    int64_t hi_us = span.hi_us > now_us ? span.hi_us : now_us;

    if (!span.any || span.blocked) {
        return;
    }
    out->milestones_known = true;
    out->below_10pct_us = milestone(members, n, 0.1, now_us - 1, hi_us);
    out->below_1pct_us = milestone(members, n, 0.01, now_us - 1, hi_us);
    out->below_01pct_us = milestone(members, n, 0.001, now_us - 1, hi_us);
}

/* V32: from the fills that are exact to about a second. */
static void date_outage(const struct nx_rollup_member *members, size_t n,
                        struct nx_incident_forecast *out) {
    int64_t fills_us[FILLS_MAX];
    size_t fills_n = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < members[i].targets_n; j++) {
            const struct nx_verdict *v = members[i].targets[j].verdict;
            if (v->fill_known && v->fill_exact && fills_n < FILLS_MAX &&
                !is_repeated(&members[i], j)) {
                fills_us[fills_n++] =
                    v->fill_lo_us + (v->fill_hi_us - v->fill_lo_us) / 2;
            }
        }
    }
    out->outage_known = nx_outage_from_fills(fills_us, fills_n, &out->outage);
}

void nx_rollup_incident(const struct nx_rollup_member *members, size_t n,
                        int64_t now_us, struct nx_incident_forecast *out) {
    memset(out, 0, sizeof(*out));
    out->hard_all_known = true;
    for (size_t i = 0; i < n; i++) {
        const struct nx_verdict *worst =
            worst_of(members[i].targets, members[i].targets_n);
        struct nx_hard before = out->hard;
        if (!take_hard(members[i].targets, members[i].targets_n, &out->hard)) {
            out->hard_all_known = false;
        }
        if (out->hard.at_us != before.at_us ||
            out->hard.reason != before.reason) {
            out->hard_network = i;
        }
        if (worst == NULL || worst->state == NX_STATE_UNKNOWN) {
            out->unverified_n++;
        }
    }
    date_outage(members, n, out);
    forecast(members, n, &out->all_clear);
    milestones(members, n, now_us, out);
}
