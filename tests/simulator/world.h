/* One synthetic target: an agent, the caches behind one address, the caches
 * above them, the authoritative side, and what clients ask
 * (nxclear-estimator(7) 9.1). Plain values: copy a world to let another
 * observer look at the same one. Times are seconds; the outage begins at 0. */
#ifndef NX_TESTS_SIMULATOR_WORLD_H
#define NX_TESTS_SIMULATOR_WORLD_H

#include "collector/infer/facts.h"
#include "tests/simulator/rng.h"

#define SIM_CACHES_MAX 24U
#define SIM_SERVERS_MAX 4U
#define SIM_BAD_MAX 3U
#define SIM_NEVER_S 1e15

enum sim_software {
    SIM_BIND,
    SIM_UNBOUND_INCLUSIVE, /* up to 1.24 */
    SIM_UNBOUND_EXCLUSIVE, /* since 1.25 */
    SIM_POWERDNS,
    SIM_KNOT,
    SIM_WINDOWS,
    SIM_DNSMASQ,
    SIM_COREDNS,
    SIM_PUBLIC,
    SIM_SOFTWARE_N
};

/* What an address does against the rules. */
enum sim_class {
    SIM_COMPLIANT,
    SIM_NO_SOA,
    SIM_RAISED, /* a lower clamp on W */
    SIM_FLAT,   /* shows W all the time */
    SIM_STALE,  /* serves stale */
    SIM_HIDDEN, /* serves longer than it shows */
    SIM_CLASS_N
};

enum sim_incident {
    SIM_ZONE,   /* the record was missing in the zone */
    SIM_PARENT, /* the parent lost the delegation */
    SIM_MOVED,  /* the delegation pointed to servers that deny the name */
    SIM_INCIDENT_N
};

enum sim_holds {
    SIM_EMPTY,
    SIM_DENIES,
    SIM_GAP,     /* the shared SOA ran out, the entry has not */
    SIM_EXPIRED, /* stale, served until refreshed */
    SIM_ANSWERS
};

struct sim_habits {
    enum sim_class what;
    uint32_t raise_s;     /* SIM_RAISED: least W */
    double extend_ratio;  /* SIM_HIDDEN: of W ... */
    double extend_s;      /* ... or plain */
    bool restart;         /* ... and the TTL shown starts again */
    double stale_until_s; /* SIM_STALE: cannot refresh before */
    int32_t stale_ttl_s;
    bool stale_ede;
};

struct sim_cache {
    enum sim_software software;
    struct sim_habits habits;
    uint8_t conv, clock; /* enum nx_conv, enum nx_soa_clock */
    bool predict;
    uint32_t cap_s, floor_s; /* cap 0: none */
    double phase_s;          /* its clock minus the world's */
    double rate_hz;          /* clients' queries for the name */
    double others_hz;        /* denials of other names of the zone */
    double load;             /* share of the address's queries */
    unsigned up_first, up_n; /* caches it forwards to; 0: none */
    double wrong_until_s;    /* SIM_MOVED: its cached NS set is the old one */

    enum sim_holds holds;
    double since_s, next_s; /* next_s: something happens by itself */
    double end_s;           /* own end of what it holds, extension included */
    double shown_end_s;     /* the end it counts down to */
    int64_t tick_end;       /* the same in whole seconds of its clock */
    uint32_t w_s;
    uint32_t serial;
    uint8_t rel; /* enum nx_soa_rel */
    double soa_end_s, soa_renewed_s;
    int64_t soa_tick_end;
    uint32_t soa_serial;
    double flush_s;
    double last_denial_s; /* nobody was denied after; SIM_NEVER_S negative */
    bool fed_late;        /* was given a denial after all servers were good */
};

struct sim_bad {
    double from_s, to_s;
};

struct sim_server {
    struct sim_bad bad[SIM_BAD_MAX];
    unsigned bad_n;
};

struct sim_authority {
    enum sim_incident incident;
    struct sim_server servers[SIM_SERVERS_MAX];
    unsigned servers_n;
    bool bad_secondary;
    double relapse_s; /* flapping: bad again from then; SIM_NEVER_S */
    double hidden_share, hidden_until_s; /* an instance no auditor meets */
    double good_s;                       /* all good for ever since */
    uint32_t w_s, minimum_s, parent_w_s, ns_ttl_s, old_w_s;
    bool serial_moves;
    double poll_phase_s;
    double stated_outage_s; /* what the operator says; SIM_NEVER_S: nothing */
    uint32_t positive_ttl_s;
};

struct sim_agent {
    double offset_s; /* its monotonic clock minus the collector's */
    double theta_error_s, eps_s;
    bool wrong_eps;
    double rtt_s, loss, gap_s;
    double offline_from_s, offline_to_s;
};

struct sim_world {
    struct sim_rng rng;
    struct sim_cache caches[SIM_CACHES_MAX];
    unsigned caches_n; /* all */
    unsigned front_n;  /* the first ones, behind the address */
    struct sim_authority authority;
    struct sim_agent agent;
    bool verified; /* the profile was measured */
};

/* Draws a target and lets it run until the restoration begins to be watched;
 * nothing in here knows the estimator's parameters. */
void sim_draw(struct sim_world *world, uint64_t seed, uint64_t index);

/* What canaries measured of the address, or nothing. */
void sim_profile(const struct sim_world *world, struct nx_profile *out);

const char *sim_software_text(unsigned software);
const char *sim_class_text(unsigned what);
const char *sim_incident_text(unsigned incident);

#endif
