/* What an accident would cost: the networks that ask for a name while it is
 * missing, and when they are clear after it is back (nxclear-estimator(7) 5.6).
 * Pure.
 *
 * An entry made in an outage of D seconds lives W seconds, so after the
 * restoration its rest is spread evenly between max(0, W - D) and W: nobody
 * clears sooner, everybody at W (plus a second of rounding). */
#ifndef NX_CLI_PREFLIGHT_H
#define NX_CLI_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds after the restoration until this share (0..1) of the entries has
 * expired. */
uint32_t nx_preflight_clear_s(uint32_t w_s, uint32_t outage_s, double share);

/* The negative TTL that follows from a SOA (RFC 2308 section 3). */
uint32_t nx_preflight_w_s(uint32_t soa_ttl_s, uint32_t minimum_s);

struct nx_preflight_change {
    bool minimum, soa_ttl; /* lower these ... */
    uint32_t to_s;         /* ... to this */
    /* New denials have it as soon as every name server serves the new SOA;
     * resolvers that share one cached SOA (unbound) after so many seconds
     * more. */
    uint32_t everywhere_s;
};

/* What to lower so that W is at most target_s; false: nothing. */
bool nx_preflight_advise(uint32_t soa_ttl_s, uint32_t minimum_s,
                         uint32_t target_s, struct nx_preflight_change *out);

#endif
