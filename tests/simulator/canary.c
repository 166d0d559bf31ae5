/* What an operator's canaries say of an address (nxclear-estimator(7) 5.1). */
#include "tests/simulator/world.h"

/* The first TTL of a fresh name with a huge W: the least cap of the chain. */
static uint32_t cap_of(const struct sim_world *world) {
    const struct sim_cache *c = &world->caches[0];
    uint32_t cap_s = c->cap_s;

    if (c->up_n > 0) {
        uint32_t above_s = world->caches[c->up_first].cap_s;
        cap_s = cap_s == 0 || above_s < cap_s ? above_s : cap_s;
    }
    return cap_s > c->habits.raise_s ? cap_s : c->habits.raise_s;
}

/* Seen around the end of a short one. */
static uint8_t conv_of(const struct sim_world *world) {
    const struct sim_cache *c = &world->caches[0];

    return c->up_n == 0 || world->caches[c->up_first].conv == c->conv
               ? c->conv
               : NX_CONV_U;
}

void sim_profile(const struct sim_world *world, struct nx_profile *out) {
    const struct sim_cache *c = &world->caches[0];
    enum sim_class what = c->habits.what;

    nx_profile_default(out);
    if (!world->verified) {
        return;
    }
    out->verified = true;
    out->conv = conv_of(world);
    out->soa_clock = c->up_n > 0 && c->clock == NX_SOA_CLOCK_OWN
                         ? NX_SOA_CLOCK_UNKNOWN
                         : c->clock;
    out->cap_hi_s = cap_of(world);
    out->clamp_lo_s =
        c->habits.raise_s > c->floor_s ? c->habits.raise_s : c->floor_s;
    out->never_decrements = what == SIM_FLAT;
    out->stale_max_s = what == SIM_STALE ? 86400 : 0;
    out->past_ttl = what == SIM_STALE || what == SIM_HIDDEN ? NX_PAST_TTL_SERVED
                                                            : NX_PAST_TTL_NEVER;
    out->early_window_s = c->predict ? 5 : 0;
    out->early_seen = c->predict;
    out->chain_possible = c->up_n > 0;
    out->caches = (uint16_t)world->front_n;
    nx_profile_weigh(out);
}
