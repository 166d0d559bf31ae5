#include "collector/score/learn.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 60U

/* A lesson with what it weighs. */
struct share {
    const struct nx_lesson *lesson;
    double weight;
};

static int by_network(const void *a, const void *b) {
    const struct nx_lesson *x = ((const struct share *)a)->lesson;
    const struct nx_lesson *y = ((const struct share *)b)->lesson;
    int order = strcmp(x->network, y->network);
    order = order != 0 ? order
                       : (x->incident_id > y->incident_id) -
                             (x->incident_id < y->incident_id);
    return order != 0 ? order : (x > y) - (x < y);
}

static int by_incident(const void *a, const void *b) {
    const struct nx_lesson *x = ((const struct share *)a)->lesson;
    const struct nx_lesson *y = ((const struct share *)b)->lesson;
    int order =
        (x->incident_id > y->incident_id) - (x->incident_id < y->incident_id);
    return order != 0 ? order : (x > y) - (x < y);
}

static bool same_network(const struct share *a, const struct share *b) {
    return strcmp(a->lesson->network, b->lesson->network) == 0;
}

static bool same_incident(const struct share *a, const struct share *b) {
    return a->lesson->incident_id == b->lesson->incident_id;
}

static bool same_both(const struct share *a, const struct share *b) {
    return same_network(a, b) && same_incident(a, b);
}

/* Scales down each run of shares that are alike and weigh more than `most`. */
static void cap(struct share *shares, size_t n,
                bool (*alike)(const struct share *a, const struct share *b),
                double most) {
    size_t end = 0;
    for (size_t from = 0; from < n; from = end) {
        double sum = 0.0;
        end = from;
        while (end < n && alike(&shares[from], &shares[end])) {
            sum += shares[end++].weight;
        }
        for (size_t i = from; i < end && sum > most; i++) {
            shares[i].weight *= most / sum;
        }
    }
}

static void weigh(struct share *shares, size_t n) {
    qsort(shares, n, sizeof(*shares), by_network);
    cap(shares, n, same_both, 1.0);
    cap(shares, n, same_network, NX_LEARN_NETWORK_MAX);
    qsort(shares, n, sizeof(*shares), by_incident);
    cap(shares, n, same_incident, NX_LEARN_INCIDENT_MAX);
}

/* Chances of the three explanations of one outcome. */
struct chances {
    double late, early, all;
};

static struct chances chances_of(const struct nx_ending *o, double p_late,
                                 double lambda_per_s) {
    struct chances c = {.late = p_late * o->late,
                        .early = lambda_per_s * o->survive_s};
    c.all = (1.0 - p_late) * o->base + c.late + c.early;
    return c;
}

/* One round: the outcomes explained by the values as they are. An early end
 * says nothing of the tail; one that nothing explains says nothing at all. */
static void explain(const struct share *shares, size_t n, unsigned family,
                    const struct nx_learnt *now, struct nx_learning *out) {
    double late_a = NX_LEARN_LATE_A;
    double late_b = NX_LEARN_LATE_B;
    double early_a = NX_LEARN_EARLY_A;
    double early_b_s = NX_LEARN_EARLY_B_S;
    for (size_t i = 0; i < n; i++) {
        const struct nx_ending *o = &shares[i].lesson->outcome;
        double w = shares[i].weight;
        struct chances c = chances_of(o, now->of[family].p_late,
                                      now->of[family].lambda_early_per_s);
        if (shares[i].lesson->family != family || c.all <= 0) {
            continue;
        }
        late_a += w * c.late / c.all;
        late_b += w * (c.all - c.late - c.early) / c.all;
        early_a += w * c.early / c.all;
        early_b_s += w * o->exposure_s;
    }
    out->of[family].late_a = late_a;
    out->of[family].late_b = late_b;
    out->of[family].early_a = early_a;
    out->of[family].early_b_s = early_b_s;
}

static void count(const struct share *shares, size_t n,
                  struct nx_learning *out) {
    for (size_t i = 0; i < n; i++) {
        unsigned family = shares[i].lesson->family;
        if (family < NX_FAMILY_N_) {
            out->of[family].n++;
            out->of[family].weight += shares[i].weight;
        }
    }
}

void nx_learning_means(const struct nx_learning *learning,
                       struct nx_learnt *out) {
    out->known = true;
    for (unsigned f = 0; f < NX_FAMILY_N_; f++) {
        out->of[f].p_late = learning->of[f].late_a /
                            (learning->of[f].late_a + learning->of[f].late_b);
        out->of[f].lambda_early_per_s =
            learning->of[f].early_a / learning->of[f].early_b_s;
    }
}

static void settle(const struct share *shares, size_t n, unsigned family,
                   struct nx_learning *out) {
    struct nx_learnt now;
    for (unsigned round = 0; round < ROUNDS; round++) {
        nx_learning_means(out, &now);
        explain(shares, n, family, &now, out);
    }
}

static void prior(struct nx_learning *out) {
    memset(out, 0, sizeof(*out));
    for (unsigned f = 0; f < NX_FAMILY_N_; f++) {
        out->of[f].late_a = NX_LEARN_LATE_A;
        out->of[f].late_b = NX_LEARN_LATE_B;
        out->of[f].early_a = NX_LEARN_EARLY_A;
        out->of[f].early_b_s = NX_LEARN_EARLY_B_S;
    }
}

int nx_learn(const struct nx_lesson *lessons, size_t n,
             struct nx_learning *out) {
    struct share *shares = calloc(n + 1, sizeof(*shares));
    if (shares == NULL) {
        return NX_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        shares[i] = (struct share){&lessons[i], 1.0};
    }
    weigh(shares, n);
    prior(out);
    count(shares, n, out);
    for (unsigned f = 0; f < NX_FAMILY_N_; f++) {
        if (out->of[f].n > 0) {
            settle(shares, n, f, out);
        }
    }
    free(shares);
    return 0;
}
