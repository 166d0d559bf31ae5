#include "collector/infer/facts.h"

#include <string.h>

#define US_PER_S INT64_C(1000000)

/* Tuned on calibration seeds of tests/simulator. */
#define P_LATE_UNKNOWN 0.05
#define P_LATE_NEVER 0.02         /* canary test 4 passed (5.8) */
#define P_LATE_SERVED 0.90        /* ... failed */
#define P_LATE_SERVED_SHARED 0.45 /* ... but with unbound's SOA it may end */
#define P_SOON_UNKNOWN 0.3
#define P_SOON_LOG 0.55 /* hidden extensions: of any length */
#define P_SOON_STALE 0.75
#define P_EARLY_UNKNOWN 0.07
#define P_EARLY_PREDICT 0.90
#define LAMBDA_EARLY_PER_S (0.02 / 3600.0)

int64_t nx_fed_us(const struct nx_auth_facts *facts) {
    return facts->fed_us > 0 ? facts->fed_us
                             : (int64_t)facts->ns_ttl_s * US_PER_S;
}

uint32_t nx_longest_w(const struct nx_auth_facts *facts) {
    uint32_t w_s = facts->w_auth_s;

    w_s = facts->w_wire_s > w_s ? facts->w_wire_s : w_s;
    w_s = facts->w_nsec_s > w_s ? facts->w_nsec_s : w_s;
    w_s = facts->parent_w_s > w_s ? facts->parent_w_s : w_s;
    return facts->old_w_s > w_s ? facts->old_w_s : w_s;
}

int64_t nx_longest_life_us(const struct nx_auth_facts *facts) {
    uint32_t w_s = nx_longest_w(facts);
    w_s = w_s > 0 ? w_s : NX_W_UNSEEN_S;
    return ((int64_t)w_s + 1) * US_PER_S;
}

void nx_profile_default(struct nx_profile *out) {
    memset(out, 0, sizeof(*out));
    out->conv = NX_CONV_U;
    out->soa_clock = NX_SOA_CLOCK_UNKNOWN;
    out->rd0 = NX_RD0_UNKNOWN;
    out->chain_possible = true;
    out->early_window_s = 5;
    out->p_early = P_EARLY_UNKNOWN;
    out->p_late = P_LATE_UNKNOWN;
    out->p_soon = P_SOON_UNKNOWN;
    out->lambda_early_per_s = LAMBDA_EARLY_PER_S;
}

int64_t nx_profile_early_us(const struct nx_profile *profile, int64_t w_us) {
    if (profile->early_window_s > 0) {
        return profile->early_window_s * US_PER_S + w_us / 100;
    }
    return profile->early_seen == NX_EARLY_SEEN ? w_us / 10 : 0;
}

void nx_profile_weigh(struct nx_profile *profile) {
    profile->p_early = profile->early_seen == NX_EARLY_SEEN ? P_EARLY_PREDICT
                       : profile->early_window_s > 0        ? P_EARLY_UNKNOWN
                                                            : 0.0;
    profile->p_soon = 0.0;
    profile->soon_log = false;
    profile->lambda_early_per_s = LAMBDA_EARLY_PER_S;
    switch ((enum nx_past_ttl)profile->past_ttl) {
    case NX_PAST_TTL_UNKNOWN:
        profile->p_late = P_LATE_UNKNOWN;
        break;
    case NX_PAST_TTL_NEVER:
        profile->p_late = P_LATE_NEVER;
        break;
    case NX_PAST_TTL_SERVED:
        profile->p_late = profile->soa_clock == NX_SOA_CLOCK_SHARED_UNTIL_CHANGE
                              ? P_LATE_SERVED_SHARED
                              : P_LATE_SERVED;
        profile->soon_log = profile->stale_max_s == 0;
        profile->p_soon = profile->stale_max_s > 0 ? P_SOON_STALE : P_SOON_LOG;
        break;
    }
}
