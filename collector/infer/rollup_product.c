#include "collector/infer/rollup_product.h"

#include <stdlib.h>

#include "collector/infer/estimator.h"

enum nx_part nx_part_of(const struct nx_verdict *verdict) {
    switch ((enum nx_state)verdict->state) {
    case NX_STATE_CLEAR:
        return NX_PART_NONE;
    case NX_STATE_REFUSED:      /* what it denied last goes on ... */
    case NX_STATE_UNREACHABLE:  /* ... if it denied at all */
    case NX_STATE_PARTLY_CLEAR: /* only the confirmation is missing */
        return verdict->dist.known ? NX_PART_DIST : NX_PART_NONE;
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
    case NX_STATE_RECACHED:
    case NX_STATE_STALE_SERVED:
    case NX_STATE_POLICY_BLOCKED:
        return NX_PART_BLOCKED;
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
    return verdict->dist.known ? NX_PART_DIST : NX_PART_BLOCKED;
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

static int by_group(const void *a, const void *b) {
    const struct nx_pick *x = a;
    const struct nx_pick *y = b;

    if (x->group != y->group) {
        return x->group > y->group ? 1 : -1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

/* What clears last first: so a product falls soonest. */
static int by_end(const void *a, const void *b) {
    const struct nx_pick *x = a;
    const struct nx_pick *y = b;
    int64_t p_us = x->verdict->eta.hi90_us;
    int64_t q_us = y->verdict->eta.hi90_us;

    if (p_us != q_us) {
        return p_us < q_us ? 1 : -1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

static void drop_repeated(struct nx_picks *picks) {
    size_t kept = 0;

    for (size_t i = 0; i < picks->n; i++) {
        const struct nx_pick *p = &picks->list[i];
        if (p->group == 0 || kept == 0 ||
            picks->list[kept - 1].group != p->group) {
            picks->list[kept++] = *p;
        }
    }
    picks->n = kept;
}

static bool collect(struct nx_picks *picks,
                    const struct nx_rollup_member *members, size_t n) {
    size_t cap = 1;

    for (size_t i = 0; i < n; i++) {
        cap += members[i].targets_n;
    }
    *picks = (struct nx_picks){.list = calloc(cap, sizeof(struct nx_pick))};
    for (size_t i = 0; i < n && picks->list != NULL; i++) {
        for (size_t j = 0; j < members[i].targets_n; j++) {
            const struct nx_rollup_target *t = &members[i].targets[j];
            if (nx_part_of(t->verdict) == NX_PART_DIST) {
                picks->list[picks->n] =
                    (struct nx_pick){.verdict = t->verdict,
                                     .group = t->group,
                                     .operator_id = t->operator_id,
                                     .order = picks->n};
                picks->n++;
            }
        }
    }
    return picks->list != NULL;
}

static int by_operator(const void *a, const void *b) {
    const struct nx_pick *x = *(struct nx_pick *const *)a;
    const struct nx_pick *y = *(struct nx_pick *const *)b;

    if (x->operator_id != y->operator_id) {
        return x->operator_id > y->operator_id ? 1 : -1;
    }
    return (x > y) - (x < y);
}

/* Each operator's picks become a chain, in their order. */
static bool chain_operators(struct nx_picks *picks) {
    struct nx_pick **order = calloc(picks->n + 1, sizeof(struct nx_pick *));

    if (order == NULL) {
        return false;
    }
    for (size_t i = 0; i < picks->n; i++) {
        order[i] = &picks->list[i];
    }
    qsort(order, picks->n, sizeof(struct nx_pick *), by_operator);
    for (size_t i = 0; i < picks->n; i++) {
        bool goes_on = i + 1 < picks->n &&
                       order[i]->operator_id == order[i + 1]->operator_id;
        order[i]->first =
            i == 0 || order[i]->operator_id != order[i - 1]->operator_id;
        order[i]->next = goes_on ? order[i + 1] : NULL;
    }
    free(order);
    return true;
}

bool nx_picks_init(struct nx_picks *picks,
                   const struct nx_rollup_member *members, size_t n) {
    if (!collect(picks, members, n)) {
        return false;
    }
    qsort(picks->list, picks->n, sizeof(struct nx_pick), by_group);
    drop_repeated(picks);
    qsort(picks->list, picks->n, sizeof(struct nx_pick), by_end);
    if (!chain_operators(picks)) {
        nx_picks_fini(picks);
        return false;
    }
    return true;
}

static double operator_cdf(const struct nx_pick *first, int64_t t_us,
                           size_t *budget) {
    struct together sum = {.base = 1.0, .late = 1.0};

    for (const struct nx_pick *p = first; p != NULL; p = p->next) {
        add_together(&p->verdict->dist, t_us, &sum);
        *budget -= *budget > 0 ? 1 : 0;
    }
    sum.p_late /= sum.n;
    return (1.0 - sum.p_late) * sum.base + sum.p_late * sum.late;
}

/* The product only falls. Independence is conditional on the authority staying
 * good (7). */
bool nx_picks_product(const struct nx_picks *picks, int64_t t_us, double q,
                      size_t *at, double *product, size_t *budget,
                      bool *reached) {
    for (; *at < picks->n && *product >= q; (*at)++) {
        const struct nx_pick *pick = &picks->list[*at];
        if (*budget == 0) {
            return false;
        }
        if (pick->operator_id == 0) {
            *product *= nx_dist_cdf(&pick->verdict->dist, t_us);
            *budget -= 1;
        } else if (pick->first) {
            *product *= operator_cdf(pick, t_us, budget);
        }
    }
    *reached = *product >= q;
    return true;
}

void nx_picks_fini(struct nx_picks *picks) {
    free(picks->list);
    *picks = (struct nx_picks){0};
}
