/* What an accident would cost: the networks that ask for a name while it is
 * missing, and when they are clear after it is back (nxclear-estimator(7) 5.6).
 * Pure.
 *
 * An entry made in an outage of D seconds lives W seconds, so after the
 * restoration its rest is spread evenly between max(0, W - D) and W: nobody
 * clears sooner, everybody at W (plus a second of rounding). W is the zone's,
 * and what each resolver makes of it. */
#ifndef NX_CLI_PREFLIGHT_H
#define NX_CLI_PREFLIGHT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NX_PREFLIGHT_TARGET_S 60U /* what to lower the negative TTL to */
#define NX_PREFLIGHT_NS_S 3600U   /* ... and the NS TTL, if servers change */
#define NX_PREFLIGHT_RECORD_S 300U

/* The negative TTL that follows from a SOA (RFC 2308 section 3). */
uint32_t nx_preflight_w_s(uint32_t soa_ttl_s, uint32_t minimum_s);

/* How long a resolver keeps a denial whose negative TTL is w_s. cap_s 0: none,
 * or not known. floor_s: the shortest it keeps any; 0 or 1: none. */
uint32_t nx_preflight_lives_s(uint32_t w_s, uint32_t cap_s, uint32_t floor_s);

/* A network is clear when each of its resolvers is: how long these keep a
 * denial. weight: its clients; all networks with 0 count the same. */
struct nx_preflight_network {
    double weight;
    const uint32_t *lives_s;
    size_t lives_n; /* 1.. */
};

/* Seconds after the restoration until so large a share (0 < share <= 1) of all
 * clients is expected to be in networks that are clear; share 1: until every
 * network is. */
uint32_t nx_preflight_clear_s(const struct nx_preflight_network *networks,
                              size_t n, uint32_t outage_s, double share);

/* What the name servers send with denials; the last two 0: no more than the
 * negative TTL. */
struct nx_preflight_negative {
    uint32_t ttl_s;                /* the negative TTL */
    uint32_t soa_ttl_s, minimum_s; /* whence it comes */
    uint32_t sent_s; /* the SOA's TTL, where it is not cut to it */
    uint32_t nsec_s;
};

/* The longest that a cache without a cap keeps a denial. */
uint32_t nx_preflight_longest_s(const struct nx_preflight_negative *negative);

/* What to lower so that this is at most target_s. */
struct nx_preflight_change {
    const char *what;
    uint32_t from_s;
};
#define NX_PREFLIGHT_CHANGES 3U
/* Writes up to NX_PREFLIGHT_CHANGES; 0: nothing, because it is, or because no
 * resolver keeps a denial longer than target_s anyway. longest_s: how long one
 * does now. */
size_t nx_preflight_advise(const struct nx_preflight_negative *negative,
                           uint32_t target_s, uint32_t longest_s,
                           struct nx_preflight_change *out);

/* Everything as a document (nxclear(1) has its members). status: of the audit;
 * networks, resolvers: GET /v1/networks, /v1/resolvers. accident_us: how long
 * the accident lasts; NX_TIME_NONE: several are shown. New reference; NULL: no
 * memory. */
json_t *nx_preflight_document(const json_t *status, const json_t *networks,
                              const json_t *resolvers, int64_t accident_us);

#endif
