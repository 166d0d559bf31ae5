#include "collector/infer/origins.h"

/* A cache, by the youngest line it is known to have. */
struct origin {
    int64_t end_us;
    uint8_t last; /* its newest look */
};

/* So long before the end of a record the next one may be there. */
static int64_t refresh_of(int64_t ttl_s) {
    int64_t ttl_us = ttl_s * NX_US_PER_S;

    return nx_max64(ttl_us / 10, 5 * NX_US_PER_S + ttl_us / 100) + NX_US_PER_S;
}

/* The origin that the line follows most closely, if it was fetched after that
 * one's end; NULL: none. */
static struct origin *followed(struct origin *origins, size_t n,
                               const struct nx_line_info *info,
                               int64_t fetched_us) {
    struct origin *best = NULL;

    for (size_t i = 0; i < n; i++) {
        if (origins[i].last < info->first && fetched_us >= origins[i].end_us &&
            (best == NULL || origins[i].end_us > best->end_us)) {
            best = &origins[i];
        }
    }
    return best;
}

size_t nx_origins_of_lines(const struct nx_line_set *set, int64_t ttl_s,
                           int64_t refresh_us, uint16_t *counts) {
    struct origin origins[NX_LOOKS_MAX];
    int64_t life_us = ttl_s * NX_US_PER_S - refresh_us;
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) { /* by their ends */
        const struct nx_line_info *info = &set->at[i];
        struct origin *origin =
            followed(origins, n, info, info->line.b_us - life_us);
        if (origin == NULL) {
            counts[n] = 0;
            origin = &origins[n++];
        }
        origin->end_us = info->line.b_us;
        origin->last = info->last;
        counts[origin - origins] =
            (uint16_t)(counts[origin - origins] + info->line.looks_n);
    }
    return n;
}

void nx_origins_count(const struct nx_look *looks, size_t first, size_t n,
                      struct nx_chao *out) {
    struct nx_line_rule rule = {.conv = NX_CONV_F0};
    struct nx_line_set set;
    uint8_t picked[NX_LOOKS_MAX];
    uint16_t counts[NX_LOOKS_MAX];
    size_t picked_n = 0;
    int32_t ttl_s = 0;
    bool moves = false;

    for (size_t i = first; i < n; i++) {
        if (looks[i].kind == NX_KIND_POS && looks[i].r_s >= 0) {
            moves |= picked_n > 0 && looks[i].r_s != looks[picked[0]].r_s;
            ttl_s = looks[i].r_s > ttl_s ? looks[i].r_s : ttl_s;
            picked[picked_n++] = (uint8_t)i;
        }
    }
    nx_lines_build(looks, picked, moves ? picked_n : 0, &rule, &set);
    nx_chao_estimate(
        counts, nx_origins_of_lines(&set, ttl_s, refresh_of(ttl_s), counts),
        out);
}
