#include "collector/score/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void nx_tally_init(struct nx_tally *tally) {
    *tally = (struct nx_tally){.n = 0};
}

void nx_tally_fini(struct nx_tally *tally) {
    free(tally->rows);
    nx_tally_init(tally);
}

void nx_tally_add(struct nx_tally *t, const struct nx_tally_row *row) {
    if (t->n == NX_TALLY_ROWS_MAX) {
        t->more = true;
        return;
    }
    if (t->n == t->cap) {
        size_t cap = t->cap == 0 ? 64 : 2 * t->cap;
        struct nx_tally_row *rows = realloc(t->rows, cap * sizeof(*rows));
        if (rows == NULL) {
            t->failed = true;
            return;
        }
        t->rows = rows;
        t->cap = cap;
    }
    t->rows[t->n++] = *row;
}

static bool fits(const struct nx_tally_row *row,
                 const struct nx_tally_want *want) {
    return row->weight > 0 && row->network == want->network &&
           (want->state == NX_TALLY_ANY || want->state == row->state) &&
           (want->verified == NX_TALLY_ANY ||
            (want->verified != 0) == row->verified);
}

/* --- weighted quantiles --- */

struct weighted {
    double value, weight;
};

static int by_value(const void *a, const void *b) {
    double x = ((const struct weighted *)a)->value;
    double y = ((const struct weighted *)b)->value;
    return (x > y) - (x < y);
}

static double quantile(const struct weighted *sorted, size_t n, double all,
                       double q) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += sorted[i].weight;
        if (sum >= q * all) {
            return sorted[i].value;
        }
    }
    return n > 0 ? sorted[n - 1].value : 0.0;
}

enum column { ERROR, RESOLUTION, WIDTH };

static double value_of(const struct nx_figures *f, enum column column) {
    switch (column) {
    case ERROR:
        return fabs(f->error_s);
    case RESOLUTION:
        return f->resolution_s;
    case WIDTH:
        return f->width90_s;
    }
    return 0.0;
}

static size_t column_of(const struct nx_tally *t,
                        const struct nx_tally_want *want, enum column column,
                        struct weighted *out) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (fits(&t->rows[i], want)) {
            out[n++] = (struct weighted){value_of(&t->rows[i].figures, column),
                                         t->rows[i].weight};
        }
    }
    qsort(out, n, sizeof(*out), by_value);
    return n;
}

/* --- sums --- */

/* The part of (lo, hi] in each tenth; all of it where there is no width. */
static void add_pit(struct nx_tally_sum *sum, const struct nx_figures *f,
                    double weight) {
    double width = f->pit_hi - f->pit_lo;
    for (unsigned i = 0; i < NX_TALLY_PIT_BINS; i++) {
        double from = (double)i / NX_TALLY_PIT_BINS;
        double to = (double)(i + 1) / NX_TALLY_PIT_BINS;
        bool last = i + 1 == NX_TALLY_PIT_BINS;
        if (width > 0) {
            double in = fmin(to, f->pit_hi) - fmax(from, f->pit_lo);
            sum->pit[i] += in > 0 ? weight * in / width : 0.0;
        } else if (f->pit_lo >= from && (f->pit_lo < to || last)) {
            sum->pit[i] += weight;
        }
    }
}

static void add_row(struct nx_tally_sum *sum, const struct nx_tally_row *row) {
    const struct nx_figures *f = &row->figures;
    sum->n++;
    sum->weight += row->weight;
    sum->bias_s += row->weight * f->error_s;
    sum->in50 += row->weight * f->in50;
    sum->in90 += row->weight * f->in90;
    sum->met90 += f->in90 > 0 ? row->weight : 0.0;
    sum->crps_s += row->weight * f->crps_s;
    add_pit(sum, f, row->weight);
}

static void divide(struct nx_tally_sum *sum) {
    sum->bias_s /= sum->weight;
    sum->in50 /= sum->weight;
    sum->in90 /= sum->weight;
    sum->met90 /= sum->weight;
    sum->crps_s /= sum->weight;
    for (unsigned i = 0; i < NX_TALLY_PIT_BINS; i++) {
        sum->pit[i] /= sum->weight;
    }
}

bool nx_tally_sum(struct nx_tally *t, const struct nx_tally_want *want,
                  struct nx_tally_sum *out) {
    struct nx_tally_sum sum = {.n = 0};
    for (size_t i = 0; i < t->n; i++) {
        if (fits(&t->rows[i], want)) {
            add_row(&sum, &t->rows[i]);
        }
    }
    struct weighted *column = calloc(sum.n + 1, sizeof(*column));
    t->failed |= column == NULL;
    if (sum.n == 0 || column == NULL) {
        free(column);
        return false;
    }
    size_t n = column_of(t, want, ERROR, column);
    sum.error50_s = quantile(column, n, sum.weight, 0.5);
    sum.error90_s = quantile(column, n, sum.weight, 0.9);
    n = column_of(t, want, RESOLUTION, column);
    sum.resolution50_s = quantile(column, n, sum.weight, 0.5);
    n = column_of(t, want, WIDTH, column);
    sum.width50_s = quantile(column, n, sum.weight, 0.5);
    free(column);
    divide(&sum);
    *out = sum;
    return true;
}

/* --- document --- */

static json_t *sum_json(const struct nx_tally_sum *s) {
    json_t *pit = json_array();
    for (unsigned i = 0; i < NX_TALLY_PIT_BINS; i++) {
        (void)json_array_append_new(pit, json_real(s->pit[i]));
    }
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, "
                     "s:o}",
                     "forecasts", (json_int_t)s->n, "clearings", s->weight,
                     "median_error_s", s->error50_s, "error90_s", s->error90_s,
                     "bias_s", s->bias_s, "resolution_s", s->resolution50_s,
                     "width90_s", s->width50_s, "coverage50", s->in50,
                     "coverage90", s->in90, "met90", s->met90, "crps_s",
                     s->crps_s, "pit", pit);
}

static json_t *group_json(struct nx_tally *t, int state, int verified,
                          bool network) {
    const struct nx_tally_want want = {state, verified, network};
    struct nx_tally_sum sum;
    return nx_tally_sum(t, &want, &sum) ? sum_json(&sum) : json_null();
}

static json_t *states_json(struct nx_tally *t, bool network) {
    json_t *list = json_array();
    for (int i = 0; i < 2 * (int)NX_STATE_N_; i++) {
        int state = i / 2;
        int verified = 1 - i % 2;
        json_t *one = group_json(t, state, verified, network);
        if (json_is_object(one)) {
            (void)json_object_set_new(
                one, "state", json_string(nx_state_text((unsigned)state)));
            (void)json_object_set_new(one, "verified", json_boolean(verified));
            (void)json_array_append_new(list, one);
        } else {
            json_decref(one);
        }
    }
    return list;
}

json_t *nx_tally_json(struct nx_tally *t, bool network) {
    json_t *document =
        json_pack("{s:o, s:o, s:o, s:o}", "overall",
                  group_json(t, NX_TALLY_ANY, NX_TALLY_ANY, network),
                  "verified", group_json(t, NX_TALLY_ANY, 1, network),
                  "unverified", group_json(t, NX_TALLY_ANY, 0, network),
                  "states", states_json(t, network));
    if (t->failed) {
        json_decref(document);
        return NULL;
    }
    return document;
}
