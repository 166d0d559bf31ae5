#include "collector/cli/preflight.h"

uint32_t nx_preflight_clear_s(uint32_t w_s, uint32_t outage_s, double share) {
    double first = outage_s < w_s ? (double)(w_s - outage_s) : 0.0;
    double at = first + share * ((double)w_s - first);
    return (uint32_t)(at + 0.999); /* never too early */
}

uint32_t nx_preflight_w_s(uint32_t soa_ttl_s, uint32_t minimum_s) {
    return soa_ttl_s < minimum_s ? soa_ttl_s : minimum_s;
}

bool nx_preflight_advise(uint32_t soa_ttl_s, uint32_t minimum_s,
                         uint32_t target_s, struct nx_preflight_change *out) {
    uint32_t w_s = nx_preflight_w_s(soa_ttl_s, minimum_s);
    if (w_s <= target_s) {
        return false;
    }
    /* Either bound alone caps W; MINIMUM does so without making the SOA itself
     * be asked more often. But only when servers trim the SOA TTL to it
     * (RFC 2308 section 3); where they do not, the TTL shows it. */
    *out = (struct nx_preflight_change){
        .minimum = minimum_s > target_s,
        .soa_ttl = minimum_s <= target_s && soa_ttl_s > target_s,
        .to_s = target_s,
        .everywhere_s = w_s,
    };
    return true;
}
