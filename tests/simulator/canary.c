/* What an operator's canaries say of an address (estimator.md 5.1). */
#include "tests/simulator/world.h"

void sim_profile(const struct sim_world *world, struct nx_profile *out) {
    const struct sim_cache *c = &world->caches[0];

    nx_profile_default(out);
    if (!world->verified) {
        return;
    }
    out->verified = true;
    out->conv = c->conv;
    out->soa_clock = c->clock;
    out->cap_hi_s = c->cap_s;
    out->clamp_lo_s =
        c->habits.raise_s > c->floor_s ? c->habits.raise_s : c->floor_s;
    out->never_decrements = c->habits.what == SIM_FLAT;
    out->stale_max_s = c->habits.what == SIM_STALE ? 86400 : 0;
    out->chain_possible = c->up_n > 0;
    out->caches = (uint16_t)world->front_n;
}
