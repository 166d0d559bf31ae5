/* Brackets and TTL lines (nxclear-estimator(7) 3.3, 5.4, 12.3). */
#ifndef NX_COLLECTOR_LINES_H
#define NX_COLLECTOR_LINES_H

#include "collector/infer/verdict.h"

#define NX_LOOKS_MAX 64U /* looks one evaluation takes */

#define NX_US_PER_S INT64_C(1000000)

static inline int64_t nx_max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline int64_t nx_min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Looks explained by one cached entry. */
struct nx_line_info {
    struct nx_line line;
    uint8_t first, last; /* index of the oldest and newest look */
    int32_t r_min_s, r_max_s;
    bool inconsistent; /* the brackets do not meet: the line is their union */
};

struct nx_line_set {
    size_t n;
    struct nx_line_info at[NX_LOOKS_MAX];
};

/* The end of service that one look allows, in collector time, widened by the
 * error of the clock (5.3). look->r_s must not be negative. conv: F (t+r-1,
 * t+r], F0 and T (t+r, t+r+1], U their union. */
struct nx_line nx_bracket(const struct nx_look *look, enum nx_conv conv);

struct nx_line_rule {
    enum nx_conv conv;
    bool by_serial;   /* serials move: entries of two serials are two */
    int64_t shift_us; /* the entry ends so much before the TTL shown */
};

/* Groups the picked looks (indexes into looks, picked_n <= NX_LOOKS_MAX) into
 * the fewest lines that explain them: greedy stabbing of tx + r in a window of
 * a second and the round trips. A TTL 0 that counted down shows the inclusive
 * family (12.3), so U becomes F0 there. Sorted by a. */
void nx_lines_build(const struct nx_look *looks, const uint8_t *picked,
                    size_t picked_n, const struct nx_line_rule *rule,
                    struct nx_line_set *out);

#endif
