#include "tests/simulator/rng.h"

#include <math.h>

#define TWO_PI 6.283185307179586

struct sim_rng sim_rng_of(uint64_t seed, uint64_t stream) {
    struct sim_rng rng = {{seed * UINT64_C(0xd1342543de82ef95)}};

    rng.dice.state =
        dice_u64(&rng.dice) ^ stream * UINT64_C(0xda942042e4dd58b5);
    (void)dice_u64(&rng.dice);
    return rng;
}

/* In (0,1). */
static double unit(struct sim_rng *rng) {
    return ((double)(dice_u64(&rng->dice) >> 12) + 0.5) / 4503599627370496.0;
}

double sim_uniform(struct sim_rng *rng, double a, double b) {
    return a + (b - a) * unit(rng);
}

double sim_log_uniform(struct sim_rng *rng, double a, double b) {
    return exp(sim_uniform(rng, log(a), log(b)));
}

double sim_exponential(struct sim_rng *rng, double mean) {
    return -mean * log(unit(rng));
}

double sim_normal(struct sim_rng *rng, double sigma) {
    double radius = sqrt(-2.0 * log(unit(rng)));

    return sigma * radius * cos(TWO_PI * unit(rng));
}

bool sim_chance(struct sim_rng *rng, double p) {
    return unit(rng) < p;
}

size_t sim_pick(struct sim_rng *rng, const double *weights, size_t n) {
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
    }
    double left = sim_uniform(rng, 0.0, sum);
    for (size_t i = 0; i + 1 < n; i++) {
        left -= weights[i];
        if (left < 0) {
            return i;
        }
    }
    return n - 1;
}
