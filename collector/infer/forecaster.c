#include "collector/infer/forecaster.h"

#include <stdlib.h>
#include <string.h>

#include "collector/infer/estimator.h"
#include "collector/infer/rollup_product.h"

#define FILLS_MAX 256U /* enough to date an outage */

/* What is searched for, in this order: each is bounded by those before. */
enum stage {
    HI90,
    LO90,
    HI50,
    LO50,
    POINT,
    BELOW_10PCT,
    BELOW_1PCT,
    BELOW_01PCT,
    AFFECTED, /* no search: one evaluation */
    STAGES_N
};

/* Quantiles, then shares that are still affected; the last is never reached. */
static const double goals[STAGES_N] = {0.95, 0.05, 0.75,  0.25, 0.50,
                                       0.1,  0.01, 0.001, 2.0};

/* Bisection; [at, value] is how far the evaluation in its middle has come. */
struct search {
    bool begun;
    int64_t lo_us, hi_us;
    size_t at;
    double value;
};

struct nx_forecaster {
    const struct nx_rollup_member *members;
    size_t n;
    int64_t now_us;
    bool any, blocked;
    int64_t lo_us, hi_us; /* of all distributions */
    double weights;
    struct nx_picks picks;
    enum stage stage, end;
    struct search search;
    struct nx_incident_forecast out;
};

static void span_of(struct nx_forecaster *f) {
    f->lo_us = INT64_MAX;
    f->hi_us = INT64_MIN;
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = 0; j < f->members[i].targets_n; j++) {
            const struct nx_verdict *verdict = f->members[i].targets[j].verdict;
            enum nx_part part = nx_part_of(verdict);
            int64_t lo_us = 0;
            int64_t hi_us = 0;
            f->blocked |= part == NX_PART_BLOCKED;
            if (part != NX_PART_DIST) {
                continue;
            }
            nx_dist_span(&verdict->dist, &lo_us, &hi_us);
            f->any = true;
            f->lo_us = lo_us < f->lo_us ? lo_us : f->lo_us;
            f->hi_us = hi_us > f->hi_us ? hi_us : f->hi_us;
        }
    }
}

/* --- the searches --- */

/* Where the searched-for time goes. */
static int64_t *place_of(struct nx_forecaster *f, enum stage stage) {
    struct nx_eta *eta = &f->out.all_clear;
    int64_t *const places[STAGES_N] = {
        &eta->hi90_us,         &eta->lo90_us,         &eta->hi50_us,
        &eta->lo50_us,         &eta->point_us,        &f->out.below_10pct_us,
        &f->out.below_1pct_us, &f->out.below_01pct_us};
    return places[stage];
}

static void begin(struct nx_forecaster *f) {
    const struct nx_eta *eta = &f->out.all_clear;
    int64_t latest_us = f->hi_us > f->now_us ? f->hi_us : f->now_us;
    struct search *s = &f->search;
    *s = (struct search){.begun = true};
    switch (f->stage) {
    case HI90:
        s->lo_us = f->lo_us;
        s->hi_us = f->hi_us;
        break;
    case LO90:
        s->lo_us = f->lo_us;
        s->hi_us = eta->hi90_us;
        break;
    case HI50:
        s->lo_us = eta->lo90_us - 1;
        s->hi_us = eta->hi90_us;
        break;
    case LO50:
        s->lo_us = eta->lo90_us - 1;
        s->hi_us = eta->hi50_us;
        break;
    case POINT:
        s->lo_us = eta->lo50_us - 1;
        s->hi_us = eta->hi50_us;
        break;
    case BELOW_10PCT: /* first time at or after now */
    case BELOW_1PCT:
    case BELOW_01PCT:
        s->lo_us = f->now_us - 1;
        s->hi_us = latest_us;
        break;
    case AFFECTED:
    case STAGES_N:
        break;
    }
}

static void evaluation_begins(struct nx_forecaster *f) {
    f->search.at = 0;
    f->search.value = f->stage <= POINT ? 1.0 : 0.0;
}

/* Goes on with the evaluation at t. False: the budget is used up. */
static bool evaluate(struct nx_forecaster *f, int64_t t_us, size_t *budget,
                     bool *reached) {
    struct search *s = &f->search;
    double goal = goals[f->stage];
    if (f->stage <= POINT) {
        return nx_picks_product(&f->picks, t_us, goal, &s->at, &s->value,
                                budget, reached);
    }
    /* What is summed only grows. */
    for (; s->at < f->n && s->value <= goal * f->weights; s->at++) {
        const struct nx_rollup_member *member = &f->members[s->at];
        if (*budget == 0) {
            return false;
        }
        *budget -= member->targets_n < *budget ? member->targets_n : *budget;
        s->value += member->weight * (1.0 - nx_member_cdf(member, t_us));
    }
    *reached = s->value <= goal * f->weights;
    return true;
}

/* True: it is known what share is affected now. */
static bool take_affected(struct nx_forecaster *f, size_t *budget) {
    bool below = false;
    if (!evaluate(f, f->now_us, budget, &below)) {
        return false;
    }
    f->out.affected = f->weights > 0 ? f->search.value / f->weights : 0.0;
    return true;
}

/* True: the search has ended. */
static bool search(struct nx_forecaster *f, size_t *budget) {
    struct search *s = &f->search;
    if (!s->begun) {
        begin(f);
        evaluation_begins(f);
    }
    if (f->stage == AFFECTED) {
        return take_affected(f, budget);
    }
    while (s->hi_us - s->lo_us > 1) {
        int64_t mid_us = s->lo_us + (s->hi_us - s->lo_us) / 2;
        bool reached = false;
        if (!evaluate(f, mid_us, budget, &reached)) {
            return false;
        }
        *(reached ? &s->hi_us : &s->lo_us) = mid_us;
        evaluation_begins(f);
    }
    *place_of(f, f->stage) = s->hi_us;
    s->begun = false;
    return true;
}

bool nx_forecaster_spend(struct nx_forecaster *f, size_t *budget) {
    while (f->stage < f->end) {
        if (!search(f, budget)) {
            return false;
        }
        f->stage++;
    }
    return true;
}

bool nx_forecaster_step(struct nx_forecaster *f, size_t budget) {
    return nx_forecaster_spend(f, &budget);
}

/* --- what needs no search --- */

/* V32: from the fills that are exact to about a second. */
static void date_outage(const struct nx_rollup_member *members, size_t n,
                        struct nx_incident_forecast *out) {
    int64_t fills_us[FILLS_MAX];
    size_t fills_n = 0;

    for (size_t i = 0; i < n && fills_n < FILLS_MAX; i++) {
        for (size_t j = 0; j < members[i].targets_n; j++) {
            const struct nx_verdict *v = members[i].targets[j].verdict;
            if (v->fill_known && v->fill_exact && fills_n < FILLS_MAX &&
                !nx_is_repeated(&members[i], j)) {
                fills_us[fills_n++] =
                    v->fill_lo_us + (v->fill_hi_us - v->fill_lo_us) / 2;
            }
        }
    }
    out->outage_known = nx_outage_from_fills(fills_us, fills_n, &out->outage);
}

static void take_bounds(struct nx_forecaster *f) {
    struct nx_incident_forecast *out = &f->out;
    out->hard_all_known = true;
    for (size_t i = 0; i < f->n; i++) {
        const struct nx_rollup_member *member = &f->members[i];
        const struct nx_verdict *worst =
            nx_worst_of(member->targets, member->targets_n);
        struct nx_hard before = out->hard;
        out->hard_all_known &=
            nx_take_hard(member->targets, member->targets_n, &out->hard);
        if (out->hard.at_us != before.at_us ||
            out->hard.reason != before.reason) {
            out->hard_network = i;
        }
        if (worst == NULL || nx_state_is_unverified(worst->state)) {
            out->unverified_n++;
        }
        f->weights += member->weight;
    }
}

/* --- life --- */

/* end: STAGES_N, or what comes before the milestones. */
static bool init(struct nx_forecaster *f,
                 const struct nx_rollup_member *members, size_t n,
                 int64_t now_us, enum stage end) {
    *f = (struct nx_forecaster){
        .members = members, .n = n, .now_us = now_us, .end = end};
    f->out.affected = -1.0;
    span_of(f);
    if (!f->any || f->blocked) {
        f->end = HI90; /* nothing to be searched for */
        return true;
    }
    if (!nx_picks_init(&f->picks, members, n)) {
        return false;
    }
    f->out.all_clear.known = true;
    f->out.milestones_known = end == STAGES_N;
    return true;
}

int nx_forecaster_new(const struct nx_rollup_member *members, size_t n,
                      int64_t now_us, struct nx_forecaster **out) {
    struct nx_forecaster *f = calloc(1, sizeof(*f));
    if (f == NULL || !init(f, members, n, now_us, STAGES_N)) {
        free(f);
        return NX_ENOMEM;
    }
    take_bounds(f);
    date_outage(members, n, &f->out);
    *out = f;
    return 0;
}

void nx_forecaster_free(struct nx_forecaster **forecaster) {
    if (*forecaster != NULL) {
        nx_picks_fini(&(*forecaster)->picks);
        free(*forecaster);
        *forecaster = NULL;
    }
}

const struct nx_incident_forecast *
nx_forecaster_result(const struct nx_forecaster *forecaster) {
    return &forecaster->out;
}

void nx_forecaster_run(const struct nx_rollup_member *members, size_t n,
                       struct nx_eta *out) {
    struct nx_forecaster f;
    if (init(&f, members, n, 0, BELOW_10PCT) && f.end != HI90) {
        (void)nx_forecaster_step(&f, SIZE_MAX);
        *out = f.out.all_clear;
    }
    nx_picks_fini(&f.picks);
}

/* Without memory: what needs none. */
void nx_rollup_incident(const struct nx_rollup_member *members, size_t n,
                        int64_t now_us, struct nx_incident_forecast *out) {
    struct nx_forecaster f;
    if (!init(&f, members, n, now_us, STAGES_N)) {
        f.end = HI90;
    }
    take_bounds(&f);
    date_outage(members, n, &f.out);
    (void)nx_forecaster_step(&f, SIZE_MAX);
    *out = f.out;
    nx_picks_fini(&f.picks);
}
