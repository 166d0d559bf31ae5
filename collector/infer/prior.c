#include "collector/infer/prior.h"

struct nx_window nx_prior(int64_t outage_lo_us, int64_t restored_hi_us,
                          int64_t w_us) {
    struct nx_window window = {0};

    if (restored_hi_us == NX_TIME_UNKNOWN) {
        return window;
    }
    window.known = true;
    window.a_us = restored_hi_us;
    window.b_us = restored_hi_us + w_us;
    if (outage_lo_us != NX_TIME_UNKNOWN && outage_lo_us + w_us > window.a_us) {
        window.a_us = outage_lo_us + w_us;
    }
    if (window.a_us > window.b_us) {
        window.a_us = window.b_us;
    }
    return window;
}

struct nx_window nx_prior_popular(int64_t outage_lo_us, int64_t restored_hi_us,
                                  int64_t w_us, int64_t positive_ttl_us) {
    struct nx_window window = nx_prior(outage_lo_us, restored_hi_us, w_us);

    if (window.known && outage_lo_us != NX_TIME_UNKNOWN) {
        int64_t b_us = outage_lo_us + positive_ttl_us + w_us;
        if (b_us < window.b_us && b_us > window.a_us) {
            window.b_us = b_us;
        }
    }
    return window;
}

/* Windows 900, CoreDNS 1800, Unbound and PowerDNS 3600, BIND 10800, none:
 * nxclear-estimator(7) 3.1 and the shares of 9.1. */
static const struct nx_usual_cap CAPS[NX_CAPS_MAX] = {
    {0.12, 900}, {0.06, 1800}, {0.38, 3600}, {0.32, 10800}, {0.12, UINT32_MAX}};

size_t nx_usual_caps(uint32_t w_auth_s, uint32_t shown_s,
                     struct nx_usual_cap out[NX_CAPS_MAX]) {
    size_t n = 0;
    double sum = 0.0;

    for (size_t i = 0; i < NX_CAPS_MAX; i++) {
        bool last = CAPS[i].w_s >= w_auth_s;
        uint32_t w_s = last ? w_auth_s : CAPS[i].w_s;
        if (w_s < shown_s && !last) {
            continue;
        }
        if (n > 0 && out[n - 1].w_s == w_s) {
            out[n - 1].weight += CAPS[i].weight;
        } else {
            out[n++] = (struct nx_usual_cap){CAPS[i].weight, w_s};
        }
        sum += CAPS[i].weight;
    }
    for (size_t i = 0; i < n; i++) {
        out[i].weight /= sum;
    }
    return n > 1 ? n : 0;
}

bool nx_outage_from_fills(const int64_t *fills_us, size_t n,
                          struct nx_outage_window *out) {
    if (n < 2) {
        return false;
    }
    int64_t lo_us = fills_us[0];
    int64_t hi_us = fills_us[0];
    for (size_t i = 1; i < n; i++) {
        lo_us = fills_us[i] < lo_us ? fills_us[i] : lo_us;
        hi_us = fills_us[i] > hi_us ? fills_us[i] : hi_us;
    }
    int64_t gap_us = (hi_us - lo_us) / (int64_t)(n - 1);
    out->start_at_most_us = lo_us;
    out->restored_at_least_us = hi_us;
    out->start_hat_us = lo_us - gap_us;
    out->restored_hat_us = hi_us + gap_us;
    return true;
}
