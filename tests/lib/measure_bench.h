/* Looks at canary names, and the profile that is made of them. Include after
 * cmocka.h. */
#ifndef NX_TESTS_LIB_MEASURE_BENCH_H
#define NX_TESTS_LIB_MEASURE_BENCH_H

#include <math.h>
#include <string.h>

#include "collector/profile/measure.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define RTT_US 2000

static struct nx_canary_looks looks;

static inline void start(void **state) {
    (void)state;
    memset(&looks, 0, sizeof(looks));
}

static inline int begin(void **state) {
    start(state);
    return 0;
}

static inline struct nx_canary_look *see(enum nx_canary which, double at_s,
                                         enum nx_kind kind, int32_t r_s) {
    struct nx_canary_look *l = &looks.of[which][looks.n[which]++];
    l->look = (struct nx_look){.tx_us = 1000 * S + llround(at_s * 1e6) - RTT_US,
                               .rx_us = 1000 * S + llround(at_s * 1e6),
                               .kind = (uint8_t)kind,
                               .flags = NX_LOOK_RD,
                               .r_s = r_s};
    return l;
}

static inline void nx(enum nx_canary which, double at_s, int32_t r_s) {
    (void)see(which, at_s, NX_KIND_NXDOMAIN, r_s);
}

static inline struct nx_measured measure(void) {
    struct nx_measured m;
    if (looks.n[NX_CANARY_CAP] == 0) {
        nx(NX_CANARY_CAP, 0.1, 3600);
    }
    assert_int_equal(nx_measure(&looks, NULL, 0, &m), 0);
    assert_true(m.profile.verified);
    return m;
}

/* `of` caches, asked in turn; each was filled by its first look. */
static inline void count(unsigned looks_n, unsigned of, double phase) {
    double filled[16];
    for (unsigned i = 0; i < looks_n; i++) {
        double at = phase + i * 2.1;
        if (i < of) {
            filled[i] = at;
        }
        double age = floor(at) - floor(filled[i % of]);
        (void)see(NX_CANARY_COUNT, at, NX_KIND_POS, 86400 - (int32_t)age);
    }
}

#endif
