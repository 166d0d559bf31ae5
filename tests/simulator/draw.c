/* The distributions of nxclear-estimator(7) 9.1. */
#include <math.h>
#include <string.h>

#include "tests/simulator/cache.h"

#define FLUSH_HZ (0.02 / 3600.0)

struct kind {
    const char *name;
    double weight;
    uint8_t conv, clock;
    uint32_t cap_s, floor_s;
};

/* Caps and clamps: nxclear-estimator(7) 3.1; clocks: 10, 12. */
static const struct kind KINDS[SIM_SOFTWARE_N] = {
    {"bind", 25, NX_CONV_F, NX_SOA_CLOCK_OWN, 10800, 0},
    {"unbound inclusive", 10, NX_CONV_F0, NX_SOA_CLOCK_SHARED_UNTIL_CHANGE,
     3600, 0},
    {"unbound exclusive", 15, NX_CONV_F, NX_SOA_CLOCK_SHARED_UNTIL_CHANGE, 3600,
     0},
    {"powerdns", 10, NX_CONV_F, NX_SOA_CLOCK_OWN, 3600, 1},
    {"knot", 3, NX_CONV_F0, NX_SOA_CLOCK_OWN, 86400, 5},
    {"windows", 12, NX_CONV_T, NX_SOA_CLOCK_OWN, 900, 0},
    {"dnsmasq", 15, NX_CONV_F, NX_SOA_CLOCK_SHARED_RENEWED, 0, 0},
    {"coredns", 5, NX_CONV_F, NX_SOA_CLOCK_OWN, 1800, 5},
    {"public", 5, NX_CONV_F, NX_SOA_CLOCK_OWN, 10800, 0},
};

static const char *const CLASSES[SIM_CLASS_N] = {
    "compliant", "no SOA", "raised clamp", "flat TTL", "stale", "hidden"};

static const char *const INCIDENTS[SIM_INCIDENT_N] = {
    "record missing", "delegation lost", "delegation moved"};

const char *sim_software_text(unsigned software) {
    return software < SIM_SOFTWARE_N ? KINDS[software].name : "?";
}

const char *sim_class_text(unsigned what) {
    return what < SIM_CLASS_N ? CLASSES[what] : "?";
}

const char *sim_incident_text(unsigned incident) {
    return incident < SIM_INCIDENT_N ? INCIDENTS[incident] : "?";
}

static enum sim_software draw_software(struct sim_rng *rng) {
    double weights[SIM_SOFTWARE_N];

    for (size_t i = 0; i < SIM_SOFTWARE_N; i++) {
        weights[i] = KINDS[i].weight;
    }
    return (enum sim_software)sim_pick(rng, weights, SIM_SOFTWARE_N);
}

/* --- the authoritative side --- */

static void add_bad(struct sim_server *server, double from_s, double to_s) {
    server->bad[server->bad_n++] = (struct sim_bad){from_s, to_s};
}

/* Servers come back one after the other, within ten minutes. */
static void draw_zone(struct sim_rng *rng, struct sim_authority *a) {
    double outage_s = sim_log_uniform(rng, 120, 21600);
    double spread_s = sim_uniform(rng, 0, 600);

    a->servers_n = 2 + (unsigned)sim_uniform(rng, 0, 3);
    a->bad_secondary = sim_chance(rng, 0.10);
    for (unsigned i = 0; i < a->servers_n; i++) {
        double to_s = outage_s + (i == 0 ? 0 : sim_uniform(rng, 0, spread_s));
        if (i == 1 && a->bad_secondary) {
            to_s = outage_s + 3600;
        }
        add_bad(&a->servers[i], 0, to_s);
        a->good_s = fmax(a->good_s, to_s);
    }
    if (sim_chance(rng, 0.05)) {
        double from_s = a->good_s + sim_uniform(rng, 30, 1800);
        double to_s = from_s + sim_uniform(rng, 20, 300);
        add_bad(&a->servers[0], from_s, to_s);
        a->relapse_s = from_s;
        a->good_s = to_s;
    }
    if (sim_chance(rng, 0.003)) { /* not in 9.1 */
        a->hidden_share = 1.0 / a->servers_n;
        a->hidden_until_s = a->good_s + 3600;
    }
}

static void draw_delegation(struct sim_rng *rng, struct sim_authority *a) {
    a->servers_n = 1;
    a->good_s = sim_log_uniform(rng, 120, 21600);
    add_bad(&a->servers[0], 0, a->good_s);
    a->parent_w_s = (uint32_t)sim_log_uniform(rng, 300, 86400);
    a->ns_ttl_s = (uint32_t)sim_log_uniform(rng, 3600, 172800);
    a->old_w_s = (uint32_t)sim_log_uniform(rng, 60, 10800);
}

static void draw_authority(struct sim_rng *rng, struct sim_authority *a) {
    static const uint32_t POSITIVE_S[] = {10,  60,  60,   60,   300,
                                          300, 300, 3600, 3600, 3600};
    double minimum_s = sim_log_uniform(rng, 60, 86400);
    double soa_ttl_s = sim_log_uniform(rng, 300, 86400);

    a->minimum_s = (uint32_t)minimum_s;
    a->w_s = (uint32_t)fmin(minimum_s, soa_ttl_s);
    a->positive_ttl_s = POSITIVE_S[(size_t)sim_uniform(rng, 0, 10)];
    a->serial_moves = sim_chance(rng, 0.85);
    a->relapse_s = SIM_NEVER_S;
    a->poll_phase_s = sim_uniform(rng, 0, 5);
    if (sim_chance(rng, 0.85)) {
        draw_zone(rng, a);
    } else {
        a->incident = sim_chance(rng, 0.5) ? SIM_PARENT : SIM_MOVED;
        draw_delegation(rng, a);
    }
    a->stated_outage_s =
        sim_chance(rng, 0.7) ? -sim_uniform(rng, 0, 60) : SIM_NEVER_S;
}

/* --- caches --- */

static void draw_habits(struct sim_rng *rng, enum sim_software software,
                        uint32_t w_s, double good_s, struct sim_habits *h) {
    static const double WEIGHTS[SIM_CLASS_N] = {80, 6, 5, 3, 3, 3};
    double weights[SIM_CLASS_N];

    memcpy(weights, WEIGHTS, sizeof(weights));
    weights[SIM_NO_SOA] = software == SIM_DNSMASQ ? 62 : 6;
    h->what = (enum sim_class)sim_pick(rng, weights, SIM_CLASS_N);
    if (h->what == SIM_RAISED) {
        h->raise_s = (uint32_t)fmin(86400, w_s * sim_log_uniform(rng, 1.2, 8));
    } else if (h->what == SIM_HIDDEN) {
        bool ratio = sim_chance(rng, 0.5);
        h->extend_ratio = ratio ? sim_uniform(rng, 0.1, 1.0) : 0;
        h->extend_s = ratio ? 0 : sim_log_uniform(rng, 5, 1800);
        h->restart = sim_chance(rng, 0.2);
    } else if (h->what == SIM_STALE) {
        bool cut_off = sim_chance(rng, 0.3);
        h->stale_until_s = cut_off ? good_s + sim_exponential(rng, 300) : 0;
        h->stale_ttl_s = sim_chance(rng, 0.7) ? 30 : 0;
        h->stale_ede = sim_chance(rng, 0.5);
    }
}

static double draw_others(struct sim_rng *rng) {
    return sim_chance(rng, 0.5) ? 0 : 1.0 / sim_log_uniform(rng, 30, 7200);
}

static void make_cache(struct sim_world *world, struct sim_cache *c,
                       enum sim_software software) {
    struct sim_rng *rng = &world->rng;
    const struct sim_authority *a = &world->authority;
    double seen_s =
        sim_uniform(rng, fmax(0, a->good_s - a->ns_ttl_s), a->good_s);

    *c = (struct sim_cache){.software = software,
                            .conv = KINDS[software].conv,
                            .clock = KINDS[software].clock,
                            .cap_s = KINDS[software].cap_s,
                            .floor_s = KINDS[software].floor_s};
    c->phase_s = sim_uniform(rng, 0, 1);
    c->predict = software == SIM_KNOT && sim_chance(rng, 0.5);
    c->wrong_until_s = a->incident == SIM_MOVED ? seen_s + a->ns_ttl_s : 0;
    c->last_denial_s = c->soa_end_s = -SIM_NEVER_S;
    c->flush_s = sim_exponential(rng, 1.0 / FLUSH_HZ);
    c->holds = SIM_EMPTY;
}

/* Before the outage: warm with the record, or not. */
static void warm(struct sim_world *world, struct sim_cache *c) {
    uint32_t ttl_s = world->authority.positive_ttl_s;

    if (sim_chance(&world->rng, 0.7)) {
        c->holds = SIM_ANSWERS;
        c->next_s = c->end_s = sim_uniform(&world->rng, 0, ttl_s);
    } else {
        c->next_s = sim_exponential(&world->rng, 1.0 / c->rate_hz);
    }
}

static unsigned draw_n(struct sim_rng *rng, enum sim_software software) {
    static const double WEIGHTS[] = {60, 20, 10, 10};

    if (software == SIM_DNSMASQ) {
        return 1;
    }
    if (software == SIM_PUBLIC) {
        return 4 + (unsigned)sim_uniform(rng, 0, 13);
    }
    return 1 + (unsigned)sim_pick(rng, WEIGHTS, 4);
}

static void draw_loads(struct sim_world *world, double rate_hz) {
    bool zipf = sim_chance(&world->rng, 0.4);
    double sum = 0.0;

    for (unsigned i = 0; i < world->front_n; i++) {
        world->caches[i].load = zipf ? 1.0 / (i + 1) : 1.0;
        sum += world->caches[i].load;
    }
    for (unsigned i = 0; i < world->front_n; i++) {
        world->caches[i].load /= sum;
        world->caches[i].rate_hz = rate_hz * world->caches[i].load;
    }
}

static void draw_front(struct sim_world *world) {
    struct sim_rng *rng = &world->rng;
    enum sim_software software = draw_software(rng);
    struct sim_habits habits = {0};
    double others_hz = draw_others(rng);

    world->front_n = world->caches_n = draw_n(rng, software);
    draw_habits(rng, software, world->authority.w_s, world->authority.good_s,
                &habits);
    for (unsigned i = 0; i < world->front_n; i++) {
        make_cache(world, &world->caches[i], software);
        world->caches[i].habits = habits;
        world->caches[i].others_hz = others_hz / world->front_n;
    }
    draw_loads(world, 1.0 / sim_log_uniform(rng, 5, 7200));
}

/* dnsmasq always forwards, others sometimes: to a provider's resolvers. */
static void draw_chain(struct sim_world *world) {
    struct sim_rng *rng = &world->rng;
    enum sim_software front = world->caches[0].software;
    enum sim_software above = SIM_DNSMASQ;

    if (front == SIM_PUBLIC ||
        (front != SIM_DNSMASQ && !sim_chance(rng, 0.15))) {
        return;
    }
    while (above == SIM_DNSMASQ || above == SIM_PUBLIC) {
        above = draw_software(rng);
    }
    unsigned up_n = draw_n(rng, above);
    double rate_hz = 1.0 / sim_log_uniform(rng, 2, 600);
    double others_hz = draw_others(rng);
    for (unsigned i = 0; i < up_n; i++) {
        struct sim_cache *c = &world->caches[world->caches_n + i];
        make_cache(world, c, above);
        c->rate_hz = rate_hz / up_n;
        c->others_hz = others_hz / up_n;
    }
    for (unsigned i = 0; i < world->front_n; i++) {
        world->caches[i].up_first = world->caches_n;
        world->caches[i].up_n = up_n;
    }
    world->caches_n += up_n;
}

static void draw_agent(struct sim_rng *rng, double good_s,
                       struct sim_agent *agent) {
    agent->offset_s = sim_normal(rng, 2.0);
    agent->eps_s = sim_uniform(rng, 0.002, 0.03);
    agent->wrong_eps = sim_chance(rng, 0.01);
    agent->theta_error_s = sim_uniform(rng, -agent->eps_s, agent->eps_s);
    if (agent->wrong_eps) {
        agent->theta_error_s = sim_uniform(rng, -4, 4);
    }
    agent->rtt_s = sim_log_uniform(rng, 0.0005, 0.05);
    agent->loss = 0.01;
    agent->offline_from_s = agent->offline_to_s = SIM_NEVER_S;
    if (sim_chance(rng, 0.05)) {
        agent->offline_from_s = good_s + sim_uniform(rng, 0, 3600);
        agent->offline_to_s =
            agent->offline_from_s + sim_uniform(rng, 300, 7200);
    }
}

void sim_draw(struct sim_world *world, uint64_t seed, uint64_t index) {
    memset(world, 0, sizeof(*world));
    world->rng = sim_rng_of(seed, index);
    draw_authority(&world->rng, &world->authority);
    draw_front(world);
    draw_chain(world);
    for (unsigned i = 0; i < world->caches_n; i++) {
        warm(world, &world->caches[i]);
    }
    draw_agent(&world->rng, world->authority.good_s, &world->agent);
    world->agent.gap_s = world->caches[0].software == SIM_PUBLIC ? 1.02 : 0.37;
    world->verified = sim_chance(&world->rng, 0.5);
}
