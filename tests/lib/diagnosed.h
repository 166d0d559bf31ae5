/* A target whose looks a test makes up, and what is said of it. After cmocka.
 */
#ifndef NX_TESTS_LIB_DIAGNOSED_H
#define NX_TESTS_LIB_DIAGNOSED_H

#include <string.h>

#include "collector/infer/diagnosis.h"

#define S NX_US_PER_S
#define RESTORED_S 100
#define W_S 600

struct target {
    struct nx_diagnosis_settings settings;
    struct nx_auth_facts auth;
    struct nx_profile profile;
    struct nx_look looks[NX_LOOKS_MAX];
    size_t n;
    uint16_t port;
    struct nx_verdict verdict;
    bool evaluated;
};

static inline void set_up(struct target *t) {
    memset(t, 0, sizeof(*t));
    nx_diagnosis_settings_default(&t->settings);
    nx_profile_default(&t->profile);
    t->port = 2000;
    t->auth = (struct nx_auth_facts){.outage_lo_us = 20 * S,
                                     .restored_lo_us = (RESTORED_S - 1) * S,
                                     .restored_hi_us = RESTORED_S * S,
                                     .observed = true,
                                     .all_ns_good = true,
                                     .verified = true,
                                     .serial_moves = true,
                                     .serial_known = true,
                                     .serial_restored = 2,
                                     .w_auth_s = W_S,
                                     .ns_total = 4};
}

static inline struct nx_look *saw(struct target *t, double at_s,
                                  unsigned kind) {
    if (t->n == NX_LOOKS_MAX) {
        memmove(t->looks, t->looks + 1, (--t->n) * sizeof(t->looks[0]));
    }
    struct nx_look *look = &t->looks[t->n++];
    *look = (struct nx_look){.tx_us = (int64_t)(at_s * 1e6),
                             .rx_us = (int64_t)(at_s * 1e6) + 2000,
                             .r_s = -1,
                             .flags = NX_LOOK_RD,
                             .src_port = t->port++,
                             .kind = (uint8_t)kind};
    return look;
}

/* A denial by an entry of the exclusive family that ends at end_s. */
static inline struct nx_look *denied(struct target *t, double at_s, int end_s) {
    struct nx_look *look = saw(t, at_s, NX_KIND_NXDOMAIN);

    look->r_s = end_s - (int32_t)at_s;
    look->soa_rel = NX_SOA_APEX;
    look->soa_serial = 1;
    look->flags |= NX_LOOK_SERIAL;
    return look;
}

static inline void eight_denials(struct target *t, double from_s, int end_s) {
    for (unsigned i = 0; i < 8; i++) {
        denied(t, from_s + 0.53 * i, end_s);
    }
}

/* In place: the verdict before is the one that is written. */
static inline const struct nx_verdict *at(struct target *t, double now_s) {
    nx_diagnose(&t->settings, t->looks, t->n, &t->auth, &t->profile,
                (int64_t)(now_s * 1e6), t->evaluated ? &t->verdict : NULL,
                &t->verdict);
    t->evaluated = true;
    return &t->verdict;
}

static inline void positives(struct target *t, double from_s, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        saw(t, from_s + 0.5 * i, NX_KIND_POS);
    }
}

static inline void assert_unknown(const struct nx_verdict *v, unsigned reason) {
    assert_int_equal(NX_STATE_UNKNOWN, v->state);
    assert_int_equal(reason, v->unknown_reason);
}

static inline bool flagged(const struct target *t, enum nx_flag flag) {
    return (t->verdict.flags & 1U << flag) != 0;
}

#endif
