/* Where the levels of a forecast lie: found with few looks at it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/score/shape.h"

#define S INT64_C(1000000)
#define LEVELS_N 21U /* of a shape */
#define HALVINGS_N 30U

struct counted {
    const struct nx_dist *dist;
    unsigned *calls_n;
};

static double cdf(const void *user, int64_t at_us) {
    const struct counted *c = user;
    ++*c->calls_n;
    return nx_dist_cdf(c->dist, at_us);
}

/* The smallest time with that much of it, by halving alone. */
static int64_t halved(const struct nx_dist *dist, double p, int64_t lo_us,
                      int64_t hi_us) {
    while (hi_us - lo_us > 1) {
        int64_t mid_us = lo_us + (hi_us - lo_us) / 2;
        bool past = nx_dist_cdf(dist, mid_us) >= p;
        hi_us = past ? mid_us : hi_us;
        lo_us = past ? lo_us : mid_us;
    }
    return hi_us;
}

/* Is there a node at the level, or near it: so much later at most? */
static void has_level(const struct nx_shape *shape, const struct nx_dist *dist,
                      double p, int64_t at_us) {
    double most = p + (p < 0.5 ? p : 1 - p) / 10;
    for (size_t i = 0; i < shape->n; i++) {
        int64_t node_us = shape->node[i].at_us;
        if (node_us >= at_us &&
            (node_us == at_us || nx_dist_cdf(dist, node_us) <= most)) {
            return;
        }
    }
    fail_msg("%g is at %lld", p, (long long)at_us);
}

/* Nodes say what it is there, and before a jump, too. */
static void check_nodes(const struct nx_shape *shape,
                        const struct nx_dist *dist) {
    for (size_t i = 1; i + 1 < shape->n; i++) {
        const struct nx_shape_node *node = &shape->node[i];
        double f = nx_dist_cdf(dist, node->at_us);
        double before = nx_dist_cdf(dist, node->at_us - 1);
        if (node->f > f || node->f < f) {
            fail_msg("%lld: %g, not %g", (long long)node->at_us, node->f, f);
        }
        if (f - before > 0.2 && node[-1].at_us != node->at_us - 1) {
            fail_msg("no node before the jump at %lld", (long long)node->at_us);
        }
    }
}

/* Halving alone takes LEVELS_N times HALVINGS_N looks at it. */
static void check(const struct nx_dist *dist) {
    static const double levels[] = {0.002, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995};
    struct nx_shape shape;
    unsigned calls_n = 0;
    const struct counted user = {dist, &calls_n};
    int64_t lo_us = 0;
    int64_t hi_us = 0;
    nx_dist_span(dist, &lo_us, &hi_us);
    nx_shape_of_cdf(cdf, &user, lo_us, hi_us, NULL, 0, &shape);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        has_level(&shape, dist, levels[i],
                  halved(dist, levels[i], lo_us, hi_us));
    }
    check_nodes(&shape, dist);
    if (calls_n > LEVELS_N * HALVINGS_N / 3) {
        fail_msg("%u looks", calls_n);
    }
}

static void test_levels(void **state) {
    struct nx_dist dist = {.known = true,
                           .lines_n = 1,
                           .lines = {{.a_us = 100 * S, .b_us = 110 * S}},
                           .p_late = 0.06,
                           .late_us = 600 * S,
                           .lambda_early_per_s = 0.02 / 3600};
    (void)state;
    check(&dist);
    dist.lines_n = 2; /* a square, and steps */
    dist.lines[1] = (struct nx_line){.a_us = 90 * S, .b_us = 107 * S};
    check(&dist);
    dist.lines[0].a_us = dist.lines[0].b_us - 1;
    dist.lines[1].a_us = dist.lines[1].b_us;
    check(&dist);
    dist.p_soon = 0.5; /* many scales */
    dist.soon_us = 3600 * S;
    dist.soon_log = true;
    check(&dist);
    const struct nx_dist window = {
        .known = true, .prior_used = true, .prior_b_us = 10800 * S};
    check(&window);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
