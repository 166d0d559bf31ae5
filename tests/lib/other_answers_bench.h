/* An incident without --expect that is over: what the servers give is the
 * record, and what a resolver answers is compared with it. Include after
 * cmocka.h. */
#ifndef NX_TESTS_LIB_OTHER_ANSWERS_BENCH_H
#define NX_TESTS_LIB_OTHER_ANSWERS_BENCH_H

#include "tests/lib/engine_bench.h"

#define OTHER 66U /* 192.0.2.66; the servers have .10 */

static const uint8_t record[] = {0, 4, 192, 0, 2, 10};

static inline void answers(struct engine_bench *b, unsigned last,
                           int64_t at_us) {
    const uint8_t rdata[] = {0, 4, 192, 0, 2, (uint8_t)last};
    const struct nx_answer answer = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 1};
    sees(b, LYON, 1, &answer, 60, at_us);
}

/* Down until T0 + 5 s, verified after; W = 900. */
static inline void restore(struct engine_bench *b) {
    const struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    for (int64_t t = T0 + 5 * S; t <= T0 + 40 * S; t += 5 * S) {
        audits(b, true, t);
        tick(b, t);
    }
    assert_int_equal(plan_of(b, LYON, T0 + 40 * S)->tasks_n, 1);
}

static inline struct nx_verdict verdict_at(struct engine_bench *b,
                                           int64_t now_us) {
    tick(b, now_us);
    struct seen_targets seen = targets_of(b, 7, now_us);
    assert_int_equal(seen.n, 1);
    return seen.at[0].verdict;
}

static inline bool flagged(const struct nx_verdict *v, enum nx_flag flag) {
    return (v->flags & 1U << flag) != 0;
}

/* So many looks, a second apart. */
static inline struct nx_verdict after(struct engine_bench *b, unsigned last,
                                      int64_t from_us) {
    for (unsigned i = 0; i < 16; i++) {
        answers(b, last, from_us + i * S);
    }
    return verdict_at(b, from_us + 17 * S);
}

/* The name server says something. */
static inline void says(struct engine_bench *b, const struct nx_answer *answer,
                        int64_t at_us) {
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = name_server(1)};
    batch_of(b, AUDITOR, &question, answer, 900, at_us, NULL);
    tick(b, at_us + 3000);
}

static inline void gives(struct engine_bench *b, const uint8_t *rdata, size_t n,
                         int64_t at_us) {
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = rdata,
                                  .rdata_len = (uint16_t)(6 * n),
                                  .rdata_n = (uint8_t)n};
    says(b, &yes, at_us);
}

#endif
