#include "collector/infer/rollup.h"

#include <string.h>

#include "collector/infer/estimator.h"

#define FILLS_MAX 256U /* enough to date an outage */

/* How a target stands in a forecast. */
enum part {
    PART_NONE,    /* nothing more to come from it */
    PART_DIST,    /* its distribution counts */
    PART_BLOCKED, /* waiting does not help, or nothing is known */
};

static enum part part_of(const struct nx_verdict *verdict) {
    switch ((enum nx_state)verdict->state) {
    case NX_STATE_CLEAR:
    case NX_STATE_REFUSED:
    case NX_STATE_UNREACHABLE:
        return PART_NONE;
    case NX_STATE_PARTLY_CLEAR: /* only the confirmation is missing */
        return verdict->dist.known ? PART_DIST : PART_NONE;
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
    case NX_STATE_RECACHED:
    case NX_STATE_STALE_SERVED:
    case NX_STATE_POLICY_BLOCKED:
        return PART_BLOCKED;
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
    case NX_STATE_OLD_POSITIVE:
    case NX_STATE_UNKNOWN:
    case NX_STATE_N_:
        break;
    }
    return verdict->dist.known ? PART_DIST : PART_BLOCKED;
}

/* One network is one member. */
static bool is_repeated(const struct nx_rollup_member *members, size_t member,
                        size_t target) {
    uint32_t group = members[member].targets[target].group;

    if (group == 0) {
        return false;
    }
    for (size_t i = 0; i <= member; i++) {
        size_t n = i < member ? members[i].targets_n : target;
        for (size_t j = 0; j < n; j++) {
            if (members[i].targets[j].group == group &&
                part_of(members[i].targets[j].verdict) == PART_DIST) {
                return true;
            }
        }
    }
    return false;
}

static double member_cdf(const struct nx_rollup_member *member, int64_t t_us) {
    double p = 1.0;

    for (size_t i = 0; i < member->targets_n && p > 0; i++) {
        const struct nx_verdict *verdict = member->targets[i].verdict;
        enum part part = part_of(verdict);
        if (part == PART_BLOCKED) {
            return 0.0;
        }
        if (part == PART_DIST && !is_repeated(member, 0, i)) {
            p *= nx_dist_cdf(&verdict->dist, t_us);
        }
    }
    return p;
}

/* Targets of one operator: late together, or not at all. */
struct together {
    double base, late, p_late;
    unsigned n;
};

static void add_together(const struct nx_dist *dist, int64_t t_us,
                         struct together *sum) {
    struct nx_dist_parts parts;

    nx_dist_split(dist, t_us, &parts);
    sum->base *= parts.base;
    sum->late *= parts.late;
    sum->p_late += parts.p_late;
    sum->n++;
}

/* Is target j of member i the first of its operator that counts? */
static bool is_first_of_operator(const struct nx_rollup_member *members,
                                 size_t i, size_t j) {
    uint32_t id = members[i].targets[j].operator_id;

    for (size_t k = 0; k <= i; k++) {
        size_t n = k < i ? members[k].targets_n : j;
        for (size_t m = 0; m < n; m++) {
            if (members[k].targets[m].operator_id == id &&
                part_of(members[k].targets[m].verdict) == PART_DIST) {
                return false;
            }
        }
    }
    return true;
}

static double operator_cdf(const struct nx_rollup_member *members, size_t n,
                           uint32_t id, int64_t t_us) {
    struct together sum = {.base = 1.0, .late = 1.0};

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < members[i].targets_n; j++) {
            const struct nx_rollup_target *target = &members[i].targets[j];
            if (target->operator_id == id &&
                part_of(target->verdict) == PART_DIST &&
                !is_repeated(members, i, j)) {
                add_together(&target->verdict->dist, t_us, &sum);
            }
        }
    }
    if (sum.n == 0) {
        return 1.0;
    }
    sum.p_late /= sum.n;
    return (1.0 - sum.p_late) * sum.base + sum.p_late * sum.late;
}

/* Independence is conditional on the authority staying good (7). */
static double all_cdf(const struct nx_rollup_member *members, size_t n,
                      int64_t t_us) {
    double p = 1.0;

    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < members[i].targets_n && p > 0; j++) {
            const struct nx_rollup_target *target = &members[i].targets[j];
            if (part_of(target->verdict) != PART_DIST) {
                continue;
            }
            if (target->operator_id != 0) {
                p *= is_first_of_operator(members, i, j)
                         ? operator_cdf(members, n, target->operator_id, t_us)
                         : 1.0;
            } else if (!is_repeated(members, i, j)) {
                p *= nx_dist_cdf(&target->verdict->dist, t_us);
            }
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
            enum part part = part_of(verdict);
            int64_t lo_us = 0;
            int64_t hi_us = 0;
            span.blocked |= part == PART_BLOCKED;
            if (part != PART_DIST) {
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

static int64_t quantile(const struct nx_rollup_member *members, size_t n,
                        double q, int64_t lo_us, int64_t hi_us) {
    while (hi_us - lo_us > 1) {
        int64_t mid_us = lo_us + (hi_us - lo_us) / 2;
        if (all_cdf(members, n, mid_us) >= q) {
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

    memset(out, 0, sizeof(*out));
    if (!span.any || span.blocked) {
        return;
    }
    out->known = true;
    out->hi90_us = quantile(members, n, 0.95, span.lo_us, span.hi_us);
    out->lo90_us = quantile(members, n, 0.05, span.lo_us, out->hi90_us);
    out->hi50_us = quantile(members, n, 0.75, out->lo90_us - 1, out->hi90_us);
    out->lo50_us = quantile(members, n, 0.25, out->lo90_us - 1, out->hi50_us);
    out->point_us = quantile(members, n, 0.50, out->lo50_us - 1, out->hi50_us);
}

/* A single distribution has its quantiles already. */
static void network_eta(const struct nx_rollup_target *targets, size_t n,
                        struct nx_eta *out) {
    struct nx_rollup_member member = {.targets = targets, .targets_n = n};

    if (n == 1 && part_of(targets[0].verdict) == PART_DIST) {
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
        if (part_of(verdict) == PART_NONE) {
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

/* First time at or after now with no more than that share affected. */
static int64_t milestone(const struct nx_rollup_member *members, size_t n,
                         double share, int64_t lo_us, int64_t hi_us) {
    while (hi_us - lo_us > 1) {
        int64_t mid_us = lo_us + (hi_us - lo_us) / 2;
        if (nx_rollup_share(members, n, mid_us) <= share) {
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
                !is_repeated(members, i, j)) {
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
