/* Where the levels of a forecast lie: found exactly, with few looks at it. */
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

static bool has(const struct nx_shape *shape, int64_t at_us) {
    for (size_t i = 0; i < shape->n; i++) {
        if (shape->node[i].at_us == at_us) {
            return true;
        }
    }
    return false;
}

/* most_n: looks at it; halving alone takes LEVELS_N times HALVINGS_N. */
static void check(const struct nx_dist *dist, unsigned most_n) {
    static const double levels[] = {0.002, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995};
    struct nx_shape shape;
    unsigned calls_n = 0;
    const struct counted user = {dist, &calls_n};
    int64_t lo_us = 0;
    int64_t hi_us = 0;
    nx_dist_span(dist, &lo_us, &hi_us);
    nx_shape_of_cdf(cdf, &user, lo_us, hi_us, NULL, 0, &shape);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        int64_t at_us = halved(dist, levels[i], lo_us, hi_us);
        if (!has(&shape, at_us)) {
            fail_msg("%g is at %lld", levels[i], (long long)at_us);
        }
    }
    assert_in_range(calls_n, LEVELS_N, most_n);
}

static void test_levels(void **state) {
    struct nx_dist dist = {.known = true,
                           .lines_n = 1,
                           .lines = {{.a_us = 100 * S, .b_us = 110 * S}},
                           .p_late = 0.06,
                           .late_us = 600 * S,
                           .lambda_early_per_s = 0.02 / 3600};
    const unsigned halving_n = LEVELS_N * HALVINGS_N;
    (void)state;
    check(&dist, halving_n * 2 / 3);
    dist.lines_n = 2; /* a square, and steps */
    dist.lines[1] = (struct nx_line){.a_us = 90 * S, .b_us = 107 * S};
    check(&dist, halving_n * 2 / 3);
    dist.lines[0].a_us = dist.lines[0].b_us - 1;
    dist.lines[1].a_us = dist.lines[1].b_us;
    check(&dist, halving_n * 3 / 2);
    dist.p_soon = 0.5; /* many scales */
    dist.soon_us = 3600 * S;
    dist.soon_log = true;
    check(&dist, halving_n * 3 / 2);
    const struct nx_dist window = {
        .known = true, .prior_used = true, .prior_b_us = 10800 * S};
    check(&window, halving_n * 2 / 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
