/* A small seeded generator: every run of the simulator can be repeated. */
#ifndef NX_TESTS_SIMULATOR_RNG_H
#define NX_TESTS_SIMULATOR_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/dice.h"

struct sim_rng {
    struct dice dice;
};

/* One stream per pair: targets do not depend on each other. */
struct sim_rng sim_rng_of(uint64_t seed, uint64_t stream);

double sim_uniform(struct sim_rng *rng, double a, double b);
double sim_log_uniform(struct sim_rng *rng, double a, double b);
double sim_exponential(struct sim_rng *rng, double mean);
double sim_normal(struct sim_rng *rng, double sigma);
bool sim_chance(struct sim_rng *rng, double p);

/* Index drawn in proportion to the weights. */
size_t sim_pick(struct sim_rng *rng, const double *weights, size_t n);

#endif
