#include "collector/cli/preflight.h"

uint32_t nx_preflight_w_s(uint32_t soa_ttl_s, uint32_t minimum_s) {
    return soa_ttl_s < minimum_s ? soa_ttl_s : minimum_s;
}

uint32_t nx_preflight_lives_s(uint32_t w_s, uint32_t cap_s, uint32_t floor_s) {
    uint32_t lives_s = cap_s > 0 && cap_s < w_s ? cap_s : w_s;
    return floor_s > 1 && floor_s > lives_s ? floor_s : lives_s;
}

/* Is an entry gone t_s after the restoration? */
static double gone(uint32_t lives_s, uint32_t outage_s, uint32_t t_s) {
    uint32_t first_s = outage_s < lives_s ? lives_s - outage_s : 0;
    if (t_s >= lives_s) {
        return 1.0;
    }
    return t_s <= first_s
               ? 0.0
               : (double)(t_s - first_s) / (double)(lives_s - first_s);
}

static double clear(const struct nx_preflight_network *network,
                    uint32_t outage_s, uint32_t t_s) {
    double p = 1.0;
    for (size_t i = 0; i < network->lives_n; i++) {
        p *= gone(network->lives_s[i], outage_s, t_s);
    }
    return p;
}

static uint32_t longest_of(const struct nx_preflight_network *networks,
                           size_t n) {
    uint32_t most_s = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < networks[i].lives_n; k++) {
            most_s = networks[i].lives_s[k] > most_s ? networks[i].lives_s[k]
                                                     : most_s;
        }
    }
    return most_s;
}

static double total_weight(const struct nx_preflight_network *networks,
                           size_t n) {
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += networks[i].weight;
    }
    return total;
}

uint32_t nx_preflight_clear_s(const struct nx_preflight_network *networks,
                              size_t n, uint32_t outage_s, double share) {
    uint32_t lo_s = 0;
    uint32_t hi_s = longest_of(networks, n);
    double total = total_weight(networks, n);
    bool weighted = total > 0.0;
    double wanted = share * (weighted ? total : (double)n);
    while (share < 1.0 && lo_s < hi_s) {
        uint32_t t_s = lo_s + (hi_s - lo_s) / 2;
        double done = 0.0;
        for (size_t i = 0; i < n; i++) {
            done += clear(&networks[i], outage_s, t_s) *
                    (weighted ? networks[i].weight : 1.0);
        }
        if (done >= wanted) {
            hi_s = t_s;
        } else {
            lo_s = t_s + 1;
        }
    }
    return hi_s;
}

static uint32_t longer(uint32_t a_s, uint32_t b_s) {
    return a_s > b_s ? a_s : b_s;
}

uint32_t nx_preflight_longest_s(const struct nx_preflight_negative *negative) {
    return longer(negative->ttl_s, longer(negative->sent_s, negative->nsec_s));
}

size_t nx_preflight_advise(const struct nx_preflight_negative *negative,
                           uint32_t target_s, uint32_t longest_s,
                           struct nx_preflight_change *out) {
    uint32_t w_s = nx_preflight_w_s(negative->soa_ttl_s, negative->minimum_s);
    size_t n = 0;
    if (longest_s <= target_s) {
        return 0;
    }
    /* Either bound alone caps W; MINIMUM does so without making the SOA itself
     * be asked more often. But only where servers cut the SOA's TTL to it
     * (RFC 2308 section 3). */
    if (w_s > target_s) {
        out[n++] =
            (struct nx_preflight_change){"SOA MINIMUM", negative->minimum_s};
    }
    if (negative->sent_s > target_s) {
        out[n++] = (struct nx_preflight_change){"SOA TTL", negative->sent_s};
    }
    /* RFC 9077: it is as long as the negative TTL, and falls with it. */
    if (negative->nsec_s > target_s && negative->nsec_s > w_s) {
        out[n++] = (struct nx_preflight_change){"NSEC TTL", negative->nsec_s};
    }
    return n;
}
