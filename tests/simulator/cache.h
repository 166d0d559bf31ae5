/* One cache of the simulated world: what it holds, shows and forgets, as
 * measured on real resolvers (nxclear-estimator(7) 10 and 12). Clients ask in
 * the background (a Poisson process, sampled only where it matters). */
#ifndef NX_TESTS_SIMULATOR_CACHE_H
#define NX_TESTS_SIMULATOR_CACHE_H

#include "tests/simulator/world.h"

struct sim_reply {
    bool denied;
    bool has_soa;
    bool stale; /* with an extended error */
    int32_t r_s;
    uint32_t serial;
    uint8_t rel;
};

/* A query through the cache at t; never earlier than the one before. */
struct sim_reply sim_cache_ask(struct sim_world *world, unsigned cache,
                               double t_s);

/* A query to the address: which cache gets it is its balancer's choice. */
struct sim_reply sim_world_ask(struct sim_world *world, double t_s);

/* Lets clients act until nothing denies any more: the last instant at which
 * anybody was denied. What was declared clear before the authority relapsed is
 * judged by what was before that. */
double sim_world_finish(struct sim_world *world, double declared_s);

/* Did some cache get a denial after all servers were good? */
bool sim_world_fed_late(const struct sim_world *world);

/* What happens by itself up to t. */
void sim_cache_run(struct sim_world *world, unsigned cache, double t_s);

#endif
