#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/table.h"

const struct sim_filter SIM_ALL = {-1, -1, -1, -1, -1,        -1,
                                   -1, 0,  99, 0,  UINT32_MAX};

static bool fits(int want, unsigned have) {
    return want < 0 || (unsigned)want == have;
}

static bool passes(const struct sim_filter *f, const struct sim_result *r) {
    return fits(f->verified, r->verified) && fits(f->what, r->what) &&
           fits(f->software, r->software) && fits(f->incident, r->incident) &&
           fits(f->chain, r->chain) && (int)r->caches_n >= f->caches_lo &&
           (int)r->caches_n <= f->caches_hi && r->w_s >= f->w_lo &&
           r->w_s <= f->w_hi;
}

/* A growing list of numbers. */
struct list {
    double *at;
    size_t n, cap;
};

static void add(struct list *list, double value) {
    if (list->n == list->cap) {
        list->cap = list->cap == 0 ? 256 : 2 * list->cap;
        list->at = realloc(list->at, list->cap * sizeof(*list->at));
        if (list->at == NULL) {
            abort();
        }
    }
    list->at[list->n++] = value;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Takes the list's memory. */
static void quantiles(struct list *list, double lo, double *lo_value, double hi,
                      double *hi_value) {
    *lo_value = *hi_value = (double)NAN;
    if (list->n > 0) {
        qsort(list->at, list->n, sizeof(*list->at), compare);
        *lo_value = list->at[(size_t)(lo * (double)(list->n - 1))];
        *hi_value = list->at[(size_t)(hi * (double)(list->n - 1))];
    }
    free(list->at);
    memset(list, 0, sizeof(*list));
}

struct lists {
    struct list error, width50, width90, delay, told;
};

static void add_score(const struct sim_result *r, const struct sim_score *s,
                      struct sim_figures *out, struct lists *lists) {
    unsigned decile = s->pit >= 1.0 ? 9 : (unsigned)(s->pit * 10.0);

    out->forecasts_n++;
    out->cover50 += s->in50 ? 1.0 : 0.0;
    out->cover90 += s->in90 ? 1.0 : 0.0;
    out->bias_s += s->error_s;
    out->pit[decile] += 1.0;
    for (unsigned i = 0; i < SIM_MODEL_N; i++) {
        out->crps_s[i] += s->crps_s[i];
    }
    out->hard_n += s->hard_known ? 1U : 0U;
    out->hard_broken_n += s->hard_broken ? 1U : 0U;
    out->hard_unexplained_n += s->hard_broken && !r->explained ? 1U : 0U;
    add(&lists->error, fabs(s->error_s));
    add(&lists->width50, s->width50_s);
    add(&lists->width90, s->width90_s);
}

static void add_target(const struct sim_result *r, struct sim_figures *out,
                       struct lists *lists) {
    const struct sim_outcome *o = &r->outcome;

    out->targets_n++;
    out->denied_n += o->denied_ever ? 1U : 0U;
    out->cleared_n += o->cleared ? 1U : 0U;
    out->premature += o->premature ? 1.0 : 0.0;
    out->dig_premature += r->dig.premature ? 1.0 : 0.0;
    out->false_recached += o->false_recached ? 1.0 : 0.0;
    out->queries += o->looks_n;
    out->dig_queries += r->dig.looks_n;
    out->planted_n += o->before_guard_n;
    if (o->denied_ever && o->cleared && !o->premature) {
        add(&lists->delay, fmax(0, o->first_good_s - o->truth_s));
        add(&lists->told, o->clear_s - o->truth_s);
        out->told_in_minute += o->clear_s - o->truth_s <= 60.0 ? 1.0 : 0.0;
    }
}

static void finish(struct sim_figures *out, struct lists *lists) {
    double n = out->forecasts_n > 0 ? out->forecasts_n : 1;
    double targets = out->targets_n > 0 ? out->targets_n : 1;
    double unused = 0;

    out->cover50 /= n;
    out->cover90 /= n;
    out->bias_s /= n;
    for (unsigned i = 0; i < SIM_MODEL_N; i++) {
        out->crps_s[i] /= n;
    }
    for (unsigned i = 0; i < 10; i++) {
        out->pit[i] /= n;
    }
    out->premature /= targets;
    out->dig_premature /= targets;
    out->false_recached /= targets;
    out->queries /= targets;
    out->dig_queries /= targets;
    out->told_in_minute /= lists->told.n > 0 ? (double)lists->told.n : 1;
    quantiles(&lists->error, 0.5, &out->error50_s, 0.9, &out->error90_s);
    quantiles(&lists->width50, 0.5, &out->width50_s, 0.5, &unused);
    quantiles(&lists->width90, 0.5, &out->width90_s, 0.5, &unused);
    quantiles(&lists->delay, 0.5, &out->delay50_s, 0.95, &out->delay95_s);
    quantiles(&lists->told, 0.5, &out->told50_s, 0.95, &out->told95_s);
}

void sim_figures(const struct sim_result *results, size_t n,
                 const struct sim_filter *filter, struct sim_figures *out) {
    struct lists lists = {0};

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        const struct sim_result *r = &results[i];
        if (!passes(filter, r)) {
            continue;
        }
        add_target(r, out, &lists);
        for (unsigned j = 0; j < SIM_HORIZON_N; j++) {
            if (r->scored[j] && fits(filter->horizon, j) &&
                fits(filter->basis, r->scores[j].basis)) {
                add_score(r, &r->scores[j], out, &lists);
            }
        }
    }
    finish(out, &lists);
}
