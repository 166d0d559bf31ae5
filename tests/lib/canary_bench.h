/* The engine of tests/lib/engine_bench.h with a canary zone, and what it says
 * of the resolvers that it measured. */
#ifndef NX_TESTS_LIB_CANARY_BENCH_H
#define NX_TESTS_LIB_CANARY_BENCH_H

#include "tests/lib/engine_bench.h"

/* The newest row, and how many there were. */
static struct nx_book_row measured;
static unsigned measured_n;

static inline void on_resolver(void *user, const struct nx_book_row *row) {
    (void)user;
    measured = *row;
    measured_n++;
}

/* siblings_n: the zone is in use, and so many looks count caches; 0: it is one
 * for canary names. Agents: LYON, and AUDITOR in the role authority. */
static inline int canary_bench_setup(void **state, const uint8_t *zone,
                                     size_t size, uint16_t siblings_n) {
    int err = bench_setup(state);
    struct engine_bench *b = *state;
    measured_n = 0;
    nx_engine_free(&b->engine);
    b->settings.canary.on = true;
    memcpy(b->settings.canary.zone, zone, size);
    if (siblings_n > 0) {
        b->settings.canary.sibling = true;
        b->settings.canary.count_n = siblings_n;
    }
    b->sink.resolver = on_resolver;
    err |= nx_engine_new(&b->settings, &b->engine);
    add_agent(b, LYON, "lyon", false);
    add_agent(b, AUDITOR, "audit", true);
    return err;
}

#endif
