#include "tests/simulator/cache.h"

#include <math.h>

#include "collector/infer/look.h"
#include "tests/simulator/authority.h"

#define FLUSH_HZ (0.02 / 3600.0) /* flush, restart, eviction */

static double arrival(struct sim_world *world, double t_s, double rate_hz) {
    return rate_hz > 0 ? t_s + sim_exponential(&world->rng, 1.0 / rate_hz)
                       : SIM_NEVER_S;
}

static int64_t tick(const struct sim_cache *c, double t_s) {
    return (int64_t)floor(t_s + c->phase_s);
}

/* End of service of what was stored at t for ttl (nxclear-estimator(7) 12.3).
 */
static double end_of(const struct sim_cache *c, double t_s, uint32_t ttl_s) {
    if (c->conv == NX_CONV_T) {
        return t_s + ttl_s;
    }
    return (double)(tick(c, t_s) + ttl_s + (c->conv == NX_CONV_F0 ? 1 : 0)) -
           c->phase_s;
}

static void denied_until(struct sim_cache *c, double t_s) {
    c->last_denial_s = fmax(c->last_denial_s, t_s);
}

static void forget(struct sim_world *world, struct sim_cache *c, double t_s) {
    c->holds = SIM_EMPTY;
    c->since_s = t_s;
    c->next_s = arrival(world, t_s, c->rate_hz);
}

/* --- the SOA that unbound and dnsmasq show for all names of a zone --- */

static void renew_soa(const struct sim_world *world, struct sim_cache *c,
                      double t_s, uint32_t ttl_s) {
    c->soa_renewed_s = t_s;
    c->soa_tick_end = tick(c, t_s) + ttl_s;
    c->soa_end_s = end_of(c, t_s, ttl_s);
    c->soa_serial =
        t_s >= world->authority.good_s && world->authority.serial_moves
            ? SIM_SERIAL_RESTORED
            : c->serial;
}

static bool is_shared(const struct sim_cache *c) {
    return c->clock == NX_SOA_CLOCK_SHARED_UNTIL_CHANGE &&
           c->rel == NX_SOA_APEX;
}

/* A denial of another name renews it when it changed or ran out. */
static double next_renewal(struct sim_world *world, const struct sim_cache *c,
                           double t_s) {
    double good_s = world->authority.good_s;

    if (c->others_hz <= 0 || !world->authority.serial_moves ||
        c->soa_serial == SIM_SERIAL_RESTORED) {
        return SIM_NEVER_S;
    }
    return arrival(world, fmax(t_s, good_s), c->others_hz);
}

/* --- what it holds --- */

/* Knot Resolver's `predict` (nxclear-estimator(7) 12.5). */
static double window_opens(const struct sim_cache *c) {
    return c->predict ? c->end_s - 6.0 - c->w_s / 100.0 : SIM_NEVER_S;
}

/* When the denial held now ends by itself, or changes. */
static double denial_next(struct sim_world *world, const struct sim_cache *c,
                          double t_s) {
    double next_s = fmin(c->end_s, c->flush_s);

    if (is_shared(c)) {
        next_s = fmin(next_s, c->soa_end_s);
        next_s = fmin(next_s, next_renewal(world, c, t_s));
    }
    if (c->predict) {
        double cure_s = arrival(world, fmax(t_s, window_opens(c)), c->rate_hz);
        next_s = fmin(next_s, cure_s);
    }
    return next_s;
}

static void hold_denial(struct sim_world *world, struct sim_cache *c,
                        double t_s, const struct sim_answer *answer) {
    const struct sim_habits *h = &c->habits;
    uint32_t w_s = answer->ttl_s;

    w_s = w_s > c->floor_s ? w_s : c->floor_s;
    w_s = c->cap_s > 0 && w_s > c->cap_s ? c->cap_s : w_s;
    w_s = w_s > h->raise_s ? w_s : h->raise_s;
    c->holds = SIM_DENIES;
    c->since_s = t_s;
    c->w_s = w_s;
    c->serial = answer->serial;
    c->rel = answer->rel;
    c->tick_end = tick(c, t_s) + w_s;
    c->shown_end_s = c->end_s = end_of(c, t_s, w_s);
    if (h->what == SIM_HIDDEN) {
        c->end_s += h->extend_s + h->extend_ratio * w_s;
    }
    if (c->soa_end_s <= t_s || c->clock == NX_SOA_CLOCK_SHARED_RENEWED) {
        c->soa_serial = c->serial;
        renew_soa(world, c, t_s, w_s);
    }
    c->fed_late |= t_s >= world->authority.good_s;
    if (c->flush_s <= t_s) {
        c->flush_s = arrival(world, t_s, FLUSH_HZ);
    }
    c->next_s = denial_next(world, c, t_s);
}

static struct sim_answer ask_above(struct sim_world *world,
                                   const struct sim_cache *c, double t_s,
                                   bool *cacheable) {
    *cacheable = true;
    if (c->up_n == 0) {
        return sim_authority_ask(world, t_s, c->wrong_until_s);
    }
    unsigned up = c->up_first + (unsigned)sim_uniform(&world->rng, 0, c->up_n);
    struct sim_reply reply = sim_cache_ask(world, up, t_s);
    *cacheable = !reply.denied || (reply.has_soa && reply.r_s > 0);
    return (struct sim_answer){.denied = reply.denied,
                               .ttl_s = (uint32_t)fmax(reply.r_s, 0),
                               .serial = reply.serial,
                               .rel = reply.rel};
}

/* Asks above; what came is in *answer. */
static void fetch(struct sim_world *world, struct sim_cache *c, double t_s,
                  struct sim_answer *answer) {
    bool cacheable = false;

    *answer = ask_above(world, c, t_s, &cacheable);
    if (answer->denied && cacheable) {
        hold_denial(world, c, t_s, answer);
    } else if (answer->denied) {
        denied_until(c, t_s);
        forget(world, c, t_s);
    } else {
        c->holds = SIM_ANSWERS;
        c->since_s = t_s;
        c->end_s = t_s + answer->ttl_s;
        c->next_s = c->end_s;
    }
}

/* --- what happens by itself --- */

static void expire(struct sim_world *world, struct sim_cache *c, double t_s) {
    denied_until(c, t_s);
    if (c->habits.what == SIM_STALE && t_s < c->flush_s) {
        c->holds = SIM_EXPIRED;
        c->next_s = arrival(world, t_s, c->rate_hz);
        return;
    }
    forget(world, c, t_s);
}

static void step_denies(struct sim_world *world, struct sim_cache *c,
                        double t_s) {
    struct sim_answer answer;

    if (t_s >= c->end_s || t_s >= c->flush_s) {
        expire(world, c, t_s);
    } else if (is_shared(c) && t_s >= c->soa_end_s) {
        denied_until(c, t_s);
        c->holds = SIM_GAP;
        c->next_s =
            fmin(c->end_s, arrival(world, t_s, c->rate_hz + c->others_hz));
    } else if (c->predict && t_s >= window_opens(c)) {
        denied_until(c, t_s);
        fetch(world, c, t_s, &answer);
    } else {
        renew_soa(world, c, t_s, c->w_s);
        c->next_s = denial_next(world, c, t_s);
    }
}

static void step_gap(struct sim_world *world, struct sim_cache *c, double t_s) {
    double sum_hz = c->rate_hz + c->others_hz;
    struct sim_answer answer;

    if (t_s >= c->end_s) {
        forget(world, c, t_s);
    } else if (sim_chance(&world->rng, c->rate_hz / sum_hz)) {
        fetch(world, c, t_s, &answer);
    } else {
        c->holds = SIM_DENIES;
        renew_soa(world, c, t_s, c->w_s);
        c->next_s = denial_next(world, c, t_s);
    }
}

/* One stale answer, then a refresh as soon as that is possible. */
static void use_stale(struct sim_world *world, struct sim_cache *c,
                      double t_s) {
    struct sim_answer answer;

    denied_until(c, t_s);
    if (t_s >= c->habits.stale_until_s) {
        fetch(world, c, t_s, &answer);
    } else {
        c->next_s = arrival(world, t_s, c->rate_hz);
    }
}

void sim_cache_run(struct sim_world *world, unsigned cache, double t_s) {
    struct sim_cache *c = &world->caches[cache];
    struct sim_answer answer;

    while (c->next_s <= t_s) {
        double at_s = c->next_s;
        switch (c->holds) {
        case SIM_EMPTY:
            fetch(world, c, at_s, &answer);
            break;
        case SIM_DENIES:
            step_denies(world, c, at_s);
            break;
        case SIM_GAP:
            step_gap(world, c, at_s);
            break;
        case SIM_EXPIRED:
            use_stale(world, c, at_s);
            break;
        case SIM_ANSWERS:
            forget(world, c, at_s);
            break;
        }
    }
}

/* --- what it shows --- */

static int32_t own_rest(const struct sim_cache *c, double t_s) {
    if (c->conv == NX_CONV_T) {
        return (int32_t)fmax(1.0, floor(c->shown_end_s - t_s));
    }
    return (int32_t)(c->tick_end - tick(c, t_s));
}

/* dnsmasq: the newest denial of any name of the zone counts. */
static int32_t renewed_rest(struct sim_world *world, struct sim_cache *c,
                            double t_s) {
    double last_s = c->others_hz > 0
                        ? t_s - sim_exponential(&world->rng, 1.0 / c->others_hz)
                        : -SIM_NEVER_S;

    if (last_s > c->soa_renewed_s) {
        renew_soa(world, c, last_s, c->w_s);
    }
    return (int32_t)(c->soa_tick_end - tick(c, t_s));
}

static int32_t rest(struct sim_world *world, struct sim_cache *c, double t_s) {
    int32_t least = c->conv == NX_CONV_F0 ? 0 : 1;
    int32_t r_s = own_rest(c, t_s);

    if (c->habits.what == SIM_FLAT) {
        return (int32_t)c->w_s;
    }
    if (c->habits.what == SIM_HIDDEN && t_s >= c->shown_end_s) {
        double over_s = fmod(t_s - c->shown_end_s, fmax(c->w_s, 1.0));
        return c->habits.restart ? (int32_t)(c->w_s - over_s) : least;
    }
    if (c->rel == NX_SOA_APEX && is_shared(c)) {
        r_s = (int32_t)(c->soa_tick_end - tick(c, t_s));
    } else if (c->rel == NX_SOA_APEX &&
               c->clock == NX_SOA_CLOCK_SHARED_RENEWED) {
        r_s = renewed_rest(world, c, t_s);
    }
    return r_s < least ? least : r_s;
}

static struct sim_reply show(struct sim_world *world, struct sim_cache *c,
                             double t_s) {
    struct sim_reply reply = {.denied = true,
                              .has_soa = c->habits.what != SIM_NO_SOA,
                              .r_s = rest(world, c, t_s),
                              .serial = c->serial,
                              .rel = c->rel};

    if (c->rel == NX_SOA_APEX && c->clock != NX_SOA_CLOCK_OWN) {
        reply.serial = c->soa_serial;
    }
    return reply;
}

static struct sim_reply show_stale(const struct sim_cache *c) {
    return (struct sim_reply){.denied = true,
                              .has_soa = true,
                              .stale = c->habits.stale_ede,
                              .r_s = c->habits.stale_ttl_s,
                              .serial = c->serial,
                              .rel = c->rel};
}

static struct sim_reply show_fetched(struct sim_world *world,
                                     struct sim_cache *c, double t_s,
                                     const struct sim_answer *answer) {
    if (c->holds == SIM_DENIES) {
        return show(world, c, t_s);
    }
    return (struct sim_reply){.denied = answer->denied,
                              .has_soa = answer->denied &&
                                         c->habits.what != SIM_NO_SOA,
                              .r_s = (int32_t)answer->ttl_s,
                              .serial = answer->serial,
                              .rel = answer->rel};
}

struct sim_reply sim_cache_ask(struct sim_world *world, unsigned cache,
                               double t_s) {
    struct sim_cache *c = &world->caches[cache];
    struct sim_answer answer = {0};

    sim_cache_run(world, cache, t_s);
    if (c->holds == SIM_ANSWERS) {
        return (struct sim_reply){.r_s = (int32_t)(c->end_s - t_s)};
    }
    if (c->holds == SIM_EXPIRED) {
        struct sim_reply reply = show_stale(c);
        use_stale(world, c, t_s);
        return reply;
    }
    if (c->holds == SIM_DENIES) {
        struct sim_reply reply = show(world, c, t_s);
        if (t_s >= window_opens(c)) {
            denied_until(c, t_s);
            fetch(world, c, t_s, &answer);
        }
        return reply;
    }
    fetch(world, c, t_s, &answer);
    return show_fetched(world, c, t_s, &answer);
}

/* --- the address --- */

struct sim_reply sim_world_ask(struct sim_world *world, double t_s) {
    double loads[SIM_CACHES_MAX];

    for (unsigned i = 0; i < world->front_n; i++) {
        loads[i] = world->caches[i].load;
    }
    return sim_cache_ask(
        world, (unsigned)sim_pick(&world->rng, loads, world->front_n), t_s);
}

static bool is_denying(const struct sim_cache *c) {
    return c->holds == SIM_DENIES || c->holds == SIM_GAP ||
           c->holds == SIM_EXPIRED;
}

/* Can anybody still get a denial from it, now or after its next change? */
static bool can_deny(struct sim_world *world, const struct sim_cache *c) {
    double hidden_s =
        world->authority.hidden_share > 0 ? world->authority.hidden_until_s : 0;
    bool may = is_denying(c) || c->next_s < hidden_s ||
               (c->up_n == 0 && c->next_s < c->wrong_until_s);

    for (unsigned i = 0; i < c->up_n; i++) {
        sim_cache_run(world, c->up_first + i, c->next_s);
        may |= is_denying(&world->caches[c->up_first + i]);
    }
    return may;
}

static double last_before(struct sim_world *world, double until_s) {
    double last_s = -SIM_NEVER_S;

    for (unsigned i = 0; i < world->front_n; i++) {
        struct sim_cache *c = &world->caches[i];
        sim_cache_run(world, i, until_s);
        last_s = fmax(last_s, is_denying(c) ? until_s : c->last_denial_s);
    }
    return last_s;
}

double sim_world_finish(struct sim_world *world, double declared_s) {
    double last_s = -SIM_NEVER_S;

    if (world->authority.relapse_s < SIM_NEVER_S &&
        declared_s < world->authority.relapse_s) {
        return last_before(world, world->authority.relapse_s);
    }
    for (unsigned i = 0; i < world->front_n; i++) {
        struct sim_cache *c = &world->caches[i];
        sim_cache_run(world, i, world->authority.good_s);
        while (c->next_s < SIM_NEVER_S / 2 && can_deny(world, c)) {
            sim_cache_run(world, i, c->next_s);
        }
        last_s = fmax(last_s, c->last_denial_s);
    }
    return last_s;
}

bool sim_world_fed_late(const struct sim_world *world) {
    for (unsigned i = 0; i < world->caches_n; i++) {
        if (world->caches[i].fed_late && world->caches[i].up_n == 0) {
            return true;
        }
    }
    return false;
}
