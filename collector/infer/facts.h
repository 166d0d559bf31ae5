/* What the estimator knows beside the looks: the authoritative side and the
 * resolver's habits (nxclear-estimator(7) 5.1, 12). */
#ifndef NX_COLLECTOR_FACTS_H
#define NX_COLLECTOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#define NX_TIME_UNKNOWN INT64_MIN
#define NX_BAD_MAX 4U           /* bad intervals that are told apart */
#define NX_FAILURE_CACHE_S 300U /* RFC 2308 section 7, RFC 9520 section 3.2 */
#define NX_W_UNSEEN_S 3600U     /* a common negative TTL, when none was seen */

/* The later of two times that need not be known, and the sooner: of one that is
 * known and one that is not, both are the known one. */
static inline int64_t nx_time_later(int64_t a_us, int64_t b_us) {
    return a_us > b_us ? a_us : b_us; /* NX_TIME_UNKNOWN is the smallest */
}

static inline int64_t nx_time_sooner(int64_t a_us, int64_t b_us) {
    if (a_us == NX_TIME_UNKNOWN || b_us == NX_TIME_UNKNOWN) {
        return nx_time_later(a_us, b_us);
    }
    return a_us < b_us ? a_us : b_us;
}

/* Is a known time so long ago? */
static inline bool nx_time_past(int64_t at_us, int64_t span_us,
                                int64_t now_us) {
    return at_us != NX_TIME_UNKNOWN && now_us - at_us >= span_us;
}

/* Some server was bad all the while. */
struct nx_bad_interval {
    int64_t from_us, to_us;
};

struct nx_auth_facts {
    int64_t outage_lo_us;   /* start of the outage; NX_TIME_UNKNOWN */
    int64_t restored_lo_us; /* last instant some server was still bad */
    int64_t restored_hi_us; /* all servers good since; NX_TIME_UNKNOWN */
    bool observed;          /* an authority agent (or the operator) told us */
    bool all_ns_good;       /* every server gave the expected answer last */
    bool verified;          /* and for the settle time: the guard may open */
    bool serial_moves;      /* the serial changed with the restoration */
    bool serial_known;
    uint32_t serial_restored;
    uint32_t w_auth_s;      /* largest negative TTL sent in the outage */
    uint32_t w_wire_s;      /* the same without MINIMUM: what BIND and others
                               keep, where a server does not clip; 0: no */
    uint32_t soa_minimum_s; /* largest MINIMUM that the zone was seen with, 0:
                               not known */
    uint32_t w_nsec_s;      /* NSEC TTL of a signed zone, 0: none */
    /* DS and DNSKEY sets from before the restoration (0 and 0: none): the
     * longest TTL of those that nobody watched then; and the end of those that
     * were seen replaced. */
    uint32_t keys_ttl_s;
    int64_t keys_until_us;
    bool no_keys; /* the parent has no DS, and no key was ever seen: there is
                     nothing that validation could fail by */
    uint32_t positive_ttl_s; /* of the restored record, 0: not known */
    uint32_t parent_w_s;     /* negative TTL of the parent, 0: not known */
    uint32_t ns_ttl_s;       /* of the delegation */
    uint32_t old_w_s;        /* negative TTL of the old servers */
    bool ancestor_denied;    /* a name above it, in its own zone (RFC 8020) */
    bool above_denied;       /* a server says now that it, or the zone, does not
                                exist */
    bool held;               /* the servers may be good, and others still hold
                                the guard shut: those, or ones that left */
    bool deleg_changed_ns;
    bool old_servers_negative;
    int64_t fed_us; /* so long after restored_hi old servers may still give a
                       cache a fresh denial; 0: not known, see nx_fed_us */
    uint16_t ns_negative; /* servers that deny the name now */
    uint16_t ns_total;
    uint64_t epoch; /* counts changes of good/bad */
    /* Flapping: when some server was bad, oldest first; 0 or 1: the outage
     * was one. The last one ends with restored_hi. One that goes on now is not
     * among them. */
    uint8_t bad_n;
    struct nx_bad_interval bad[NX_BAD_MAX];
};

/* The last moment, after restored_hi, at which servers that left the set may
 * give one that knows the old set a fresh denial: as long as NS sets live, when
 * nobody saw when they left. */
int64_t nx_fed_us(const struct nx_auth_facts *facts);

/* The longest negative TTL that any of these servers gives. */
uint32_t nx_longest_w(const struct nx_auth_facts *facts);
/* So long a cache keeps a denial, in us; the usual time where no W was seen. */
int64_t nx_longest_life_us(const struct nx_auth_facts *facts);

/* Rounding of the shown TTL (nxclear-estimator(7) 3.3). */
enum nx_conv { NX_CONV_U, NX_CONV_F, NX_CONV_F0, NX_CONV_T };

/* Whose age the SOA TTL shows (nxclear-estimator(7) 12). */
enum nx_soa_clock {
    NX_SOA_CLOCK_UNKNOWN,
    NX_SOA_CLOCK_OWN,
    NX_SOA_CLOCK_SHARED_UNTIL_CHANGE, /* unbound */
    NX_SOA_CLOCK_SHARED_RENEWED,      /* dnsmasq */
};

enum nx_rd0 {
    NX_RD0_UNKNOWN,
    NX_RD0_HONOURED,
    NX_RD0_REFUSED,
    NX_RD0_BYPASSES,
    NX_RD0_RECURSES
};

/* What the canary tests 4 and 5 (5.1) said of denials past their TTL. */
enum nx_past_ttl {
    NX_PAST_TTL_UNKNOWN,
    NX_PAST_TTL_NEVER,
    NX_PAST_TTL_SERVED,
};

/* Was a denial seen to be fetched anew before its end, because it was looked
 * at? NEVER: nor when the last tenth of its time was looked at. */
enum nx_early { NX_EARLY_UNKNOWN, NX_EARLY_SEEN, NX_EARLY_NEVER };

struct nx_profile {
    /* So lately it resolved canary names, whose denials had their SOA; 0:
     * never. */
    int64_t canary_us;
    bool verified;     /* measured whole, by canary names; fresh */
    uint8_t conv;      /* enum nx_conv */
    uint8_t soa_clock; /* enum nx_soa_clock */
    uint8_t rd0;       /* enum nx_rd0 */
    bool never_decrements;
    bool chain_possible;     /* unknown chain: show the `stack` bound too */
    uint32_t cap_hi_s;       /* upper limit on W, 0: not known */
    uint32_t clamp_lo_s;     /* lower clamp on W */
    uint32_t w_eff_s;        /* 0: derive from W_auth, clamp and cap */
    uint32_t display_cap_s;  /* 0: none */
    uint32_t stale_max_s;    /* 0: none known */
    uint32_t early_window_s; /* looking may cure so long (and 1 % of W) before
                                the end (section 12.5); 0: in the last tenth of
                                W, if it was seen to, else it cannot */
    uint8_t early_seen;      /* enum nx_early */
    uint16_t caches;         /* from canary; 0: not known */
    bool never_validates;    /* so no denial is made from an NSEC record */
    uint8_t past_ttl;        /* enum nx_past_ttl */
    bool rewrites_nxdomain;  /* an address where there is no name ... */
    uint8_t rewritten_len;   /* ... this one, of IPv4 or IPv6; 0: not known */
    uint8_t rewritten[16];
    double p_early; /* weight of that cure, where software is unknown */
    double p_late;  /* weight of the late tail (5.8) ... */
    double p_soon;  /* ... and the share of it that ends with a query or two:
                       stale answers that are refreshed after */
    bool soon_log;  /* that share spreads over all scales (log-uniform) */
    double lambda_early_per_s; /* flush, restart, eviction */
};

/* Nothing known, nothing measured: convention U, clock unknown, a chain is
 * possible; weights of the mixture from calibration (tests/simulator).
 * Knot Resolver's `predict` possible: 5 s with a weight that lets the lower end
 * of the 90 % interval, and only that, reach the cure. */
void nx_profile_default(struct nx_profile *out);

/* Looking may cure so long before the end of what is kept for w_us; 0: never.
 */
int64_t nx_profile_early_us(const struct nx_profile *profile, int64_t w_us);

/* The same after canaries measured the address: sets p_early, p_late and
 * lambda_early_per_s from what they saw and what they excluded; what they did
 * neither of weighs as for an address that nobody measured. The other fields
 * are filled before. */
void nx_profile_weigh(struct nx_profile *profile);

#endif
