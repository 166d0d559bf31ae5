/* What nxclear says about one target: state, evidence, forecast
 * (nxclear-estimator(7) 5.4 to 5.11). Values only; times in collector
 * microseconds. */
#ifndef NX_COLLECTOR_VERDICT_H
#define NX_COLLECTOR_VERDICT_H

#include <stddef.h>

#include "collector/infer/facts.h"
#include "collector/infer/look.h"

#define NX_STATE_MAP(X)                                                        \
    X(STILL_NEGATIVE_AT_AUTHORITY, "still-negative-at-authority")              \
    X(RECACHED, "recached")                                                    \
    X(ANCESTOR_NXDOMAIN, "ancestor-nxdomain")                                  \
    X(STALE_SERVED, "stale-served")                                            \
    X(CACHED_NXDOMAIN, "cached-nxdomain")                                      \
    X(CACHED_NODATA, "cached-nodata")                                          \
    X(SYNTHESIZED_NEGATIVE, "synthesized-negative")                            \
    X(PARTLY_CLEAR, "partly-clear")                                            \
    X(POLICY_BLOCKED, "policy-blocked")                                        \
    X(SERVFAIL_DNSSEC, "servfail-dnssec")                                      \
    X(SERVFAIL_OTHER, "servfail-other")                                        \
    X(OLD_POSITIVE, "old-positive")                                            \
    X(REFUSED, "refused")                                                      \
    X(UNREACHABLE, "unreachable")                                              \
    X(UNKNOWN, "unknown")                                                      \
    X(CLEAR, "clear")

/* In order of badness, worst first (nxclear-estimator(7) 7). */
enum nx_state {
#define NX_STATE_ENUM_(name, text) NX_STATE_##name,
    NX_STATE_MAP(NX_STATE_ENUM_)
#undef NX_STATE_ENUM_
        NX_STATE_N_
};
const char *nx_state_text(unsigned state);
/* NX_STATE_N_: none, or NULL. */
enum nx_state nx_state_of_text(const char *text);
/* Nothing is seen of it now: silence is no all-clear. */
bool nx_state_is_unverified(unsigned state);

#define NX_FLAG_MAP(X)                                                         \
    X(NO_SOA, "no-soa")                                                        \
    X(NON_DECREMENTING, "non-decrementing")                                    \
    X(DISPLAY_CAPPED, "display-capped")                                        \
    X(TTL_RAISED, "ttl-raised")                                                \
    X(EARLY_CLEAR, "early-clear")                                              \
    X(OBSERVER_PLANTED, "observer-planted")                                    \
    X(SERIAL_CURRENT, "serial-current")                                        \
    X(SHARED_SOA, "shared-soa")                                                \
    X(RESOLVER_CLOCK_STEP, "resolver-clock-step")                              \
    X(FLAPPING, "flapping")                                                    \
    X(MIXED, "mixed")                                                          \
    X(INCONSISTENT, "inconsistent")                                            \
    X(LINE_EXPIRED_UNVERIFIED, "line-expired-unverified")                      \
    X(CD_ANSWERED, "cd-answered")                                              \
    X(CD_FAILS, "cd-fails")                                                    \
    X(TRUNCATED, "truncated")                                                  \
    X(HOSTS_FILE, "hosts-file")                                                \
    X(SIZE_LIMITED, "size-limited")                                            \
    X(SIZE_BLOCKED, "size-blocked")                                            \
    X(OWN_ZONE, "own-zone")                                                    \
    X(RENEWED, "renewed")                                                      \
    X(REWRITTEN, "rewritten")                                                  \
    X(REFERRAL, "referral")                                                    \
    X(UNLIKE_SERVERS, "unlike-servers")                                        \
    X(DATA_WITHHELD, "data-withheld")                                          \
    X(NOT_COMPARED, "not-compared")                                            \
    X(CANARY_RESOLVES, "canary-resolves")                                      \
    X(NSEC_ALIVE, "nsec-alive")

enum nx_flag {
#define NX_FLAG_ENUM_(name, text) NX_FLAG_##name,
    NX_FLAG_MAP(NX_FLAG_ENUM_)
#undef NX_FLAG_ENUM_
        NX_FLAG_N_
};
const char *nx_flag_text(unsigned flag);

/* Why `unknown`. */
enum nx_unknown_reason {
    NX_UNKNOWN_NONE,
    NX_UNKNOWN_NEVER_SEEN,
    NX_UNKNOWN_AGENT_SILENT,
    NX_UNKNOWN_NOT_CACHED,
    NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED,
    NX_UNKNOWN_INCONSISTENT,
    NX_UNKNOWN_GUARDED,    /* rule 1: not asked before verified restoration */
    NX_UNKNOWN_NOT_LISTED, /* the agent no longer names the resolver */
    NX_UNKNOWN_AGENT_REVOKED, /* of a network: nobody is there to look */
    NX_UNKNOWN_NO_ROOM, /* of a network: not all its resolvers are asked */
};
const char *nx_unknown_reason_text(unsigned reason);

/* Why the hard bound is what it is (5.8). */
enum nx_hard_reason {
    NX_HARD_NONE,
    NX_HARD_DELEGATION,
    NX_HARD_NSEC_WINDOW,
    NX_HARD_STACK,
    NX_HARD_MIN_CLAMP,
    NX_HARD_CAP,
    NX_HARD_AUTH_WINDOW,
    NX_HARD_FAILURE_CACHE_300,
    NX_HARD_STALE_MAX,
    NX_HARD_DNSSEC_KEYS, /* DS and DNSKEY from before a repair */
    NX_HARD_BOGUS_CACHE, /* what failed validation: PowerDNS Recursor's hour */
};
const char *nx_hard_reason_text(unsigned reason);

/* What the estimate rests on (rule 2). */
enum nx_basis {
    NX_BASIS_NONE,
    NX_BASIS_COUNTDOWN, /* observed SOA countdown */
    NX_BASIS_PRIOR,     /* outage window and W */
    NX_BASIS_POSITIVE,  /* restored answers seen */
    NX_BASIS_LAST_SEEN, /* agent silent: the last forecast goes on */
};
const char *nx_basis_text(unsigned basis);

#define NX_LINES_MAX 16U

struct nx_line {
    int64_t a_us; /* end of service lies in (a, b] */
    int64_t b_us;
    uint16_t looks_n;
    bool is_union; /* of two families a second apart (5.4, convention U) */
};

/* Forecast quantiles of the time of clearing. */
struct nx_eta {
    bool known;
    int64_t point_us; /* median */
    int64_t lo50_us, hi50_us;
    int64_t lo90_us, hi90_us;
};

struct nx_hard {
    uint8_t reason; /* enum nx_hard_reason; NX_HARD_NONE: no bound */
    int64_t at_us;
};

/* An entry that shows no TTL ends here, if the resolver caps W like this, or
 * if it was filled in this one of several bad intervals. */
struct nx_cap_window {
    double weight;
    int64_t a_us, b_us;
};
#define NX_CAPS_MAX 5U

/* The distribution behind the quantiles, for roll-up: evaluate with
 * nx_dist_cdf. What each part means: estimator.h. */
struct nx_dist {
    bool known;
    bool prior_used; /* no countdown: the prior is the forecast */
    uint8_t lines_n;
    uint8_t caps_n; /* 0: the prior is one window */
    struct nx_line lines[NX_LINES_MAX];
    double p_inclusive; /* weight of the later family of a union ... */
    double p_between;   /* ... and of neither: anywhere in it */
    double nu;          /* expected unseen entries, spread over the prior */
    int64_t prior_a_us, prior_b_us;
    struct nx_cap_window caps[NX_CAPS_MAX]; /* weights sum to 1 */
    double p_early; /* weight of an end in (early_a, early_b] */
    int64_t early_a_us, early_b_us;
    double p_renewed; /* weight of an end between renewed_a and the line */
    int64_t renewed_a_us;
    double p_extend; /* weight of an end in (extend_a, extend_b], the latest of
                        extend_n such */
    int64_t extend_a_us, extend_b_us;
    uint8_t extend_n;
    double p_late;   /* weight of the late tail */
    int64_t late_us; /* its length */
    double p_soon;   /* share of it that is over after soon_us */
    int64_t soon_us;
    bool soon_log; /* log-uniform, not uniform */
    double lambda_early_per_s;
    int64_t from_us; /* last negative look: lambda counts from here */
    double cut;      /* what that look excluded: the mixture before from */
};

struct nx_verdict {
    uint8_t state;          /* enum nx_state */
    uint8_t unknown_reason; /* enum nx_unknown_reason */
    uint8_t basis;          /* enum nx_basis */
    uint32_t flags;         /* 1 << enum nx_flag */
    uint8_t lines_n;
    struct nx_line lines[NX_LINES_MAX]; /* live lines, by a */
    bool fill_known;
    int64_t fill_lo_us, fill_hi_us; /* of the last line */
    bool fill_exact;   /* W and the clock were measured: it dates the outage */
    bool serial_known; /* of the zone, in the newest denial of its apex */
    uint32_t serial;
    bool prior_known;
    int64_t prior_a_us, prior_b_us;
    struct nx_eta eta;
    struct nx_hard hard;
    struct nx_hard hard_stack; /* beside it when a chain is possible */
    struct nx_dist dist;
    double denied_ratio;   /* expected share of queries denied, 0..1;
                              negative: not known */
    double denied_upper95; /* bound from positives in a row; negative: no */
    double p_clear;        /* F(now) when a forecast exists, else -1 */
    double refill_negative_probability; /* authority partly bad; else -1 */
    int64_t extra_wait_us;              /* ... mean of the rounds to come */
    bool presumed_clear;                /* silent, but F(now) > 0.9 */
    bool wants_canary; /* measured now, its resolver would tell more of it */
    uint16_t size_limit_bytes; /* with NX_FLAG_SIZE_*, else 0 */
    uint16_t looks_n;          /* looks the verdict rests on */
    uint16_t positives_in_row; /* from distinct source ports */
    int64_t earliest_clear_us; /* NX_TIME_UNKNOWN */
    int64_t clear_lo_us;       /* observed clearing lies in (lo, hi] ... */
    int64_t clear_hi_us;       /* ... NX_TIME_UNKNOWN when not observed */
    int64_t doubt_us;      /* clear, but this look was not positive and waits
                              for a second; NX_TIME_UNKNOWN */
    int64_t last_look_us;  /* NX_TIME_UNKNOWN: never */
    int64_t next_probe_us; /* NX_TIME_UNKNOWN: not before the guard opens */
    uint16_t visit_n;      /* queries for the next visit; 0: none */
    /* Extended error (RFC 8914) of the answers behind the state; 0: none. */
    uint16_t ede;
    /* Of the resolver, for scores: set by who judges. */
    bool verified;  /* canaries measured it */
    uint8_t family; /* enum nx_family */
};

/* Leaves what follows the last line of a list of lines as it is in `to`. */
void nx_verdict_copy(const struct nx_verdict *from, struct nx_verdict *to);

/* The later of both bounds: hard_stack where a chain is possible, else hard;
 * NX_HARD_NONE: unbounded. Borrowed from v. */
const struct nx_hard *nx_verdict_latest(const struct nx_verdict *v);

#endif
