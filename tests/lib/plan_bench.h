/* A schedule with its policy, in virtual time. After cmocka. */
#ifndef NX_TESTS_LIB_PLAN_BENCH_H
#define NX_TESTS_LIB_PLAN_BENCH_H

#include <stdio.h>

#include "agent/plan/plan_priv.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)
#define T0 (1000 * S)

static uint8_t root[1] = {0};
static uint8_t www[NX_DNAME_MAX];
static uint8_t mail[NX_DNAME_MAX];
static const uint8_t *const zones[] = {root};
static struct nx_policy policy;
static struct nx_resolver resolvers[3];

struct bench {
    struct nx_ratelimit *limit;
    struct nx_planner *planner;
    struct nx_plan_outcome outcome;
};

static inline struct nx_endpoint endpoint(const char *text) {
    struct nx_endpoint e;
    assert_int_equal(nx_endpoint_parse(text, &e), NX_OK);
    e.layer = NX_LAYER_NETWORK;
    return e;
}

static inline int setup(void **state) {
    (void)state;
    policy = (struct nx_policy){.zones = zones,
                                .zones_n = 1,
                                .min_interval_ms = 500,
                                .max_tasks = 2000,
                                .authority_role = true,
                                .proof_s = 86400,
                                .own_rate = {5000, 20},
                                .public_rate = {1000, 5},
                                .server_rate = {5000, 10},
                                .total_rate = {50000, 50}};
    for (unsigned i = 0; i < 3; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "10.0.0.%u", i + 1);
        resolvers[i] = (struct nx_resolver){endpoint(text), false};
    }
    return nx_dname_parse("www.example.com", www) |
           nx_dname_parse("mail.example.com", mail);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

static inline struct bench new_bench(size_t resolvers_n) {
    struct bench b = {0};
    assert_int_equal(nx_ratelimit_new(&policy.total_rate, &b.limit), NX_OK);
    assert_int_equal(nx_planner_new(&policy, b.limit, 42, &b.planner), NX_OK);
    assert_int_equal(
        nx_planner_resolvers(b.planner, resolvers, resolvers_n, T0), NX_OK);
    return b;
}

static inline void free_bench(struct bench *b) {
    nx_planner_free(&b->planner);
    nx_ratelimit_free(&b->limit);
}

static inline struct nx_task
task_of(const uint8_t *name, uint32_t first_after_ms, uint32_t interval_ms) {
    return (struct nx_task){.kind = NX_TASK_RESOLVER,
                            .name = name,
                            .qtype = NX_TYPE_A,
                            .first_after_ms = first_after_ms,
                            .interval_ms = interval_ms,
                            .visit_n = 1,
                            .authority_verified = true,
                            .authority_epoch = 1};
}

static inline void load(struct bench *b, const struct nx_task *tasks, size_t n,
                        int64_t now_us) {
    static uint64_t revision;
    const struct nx_plan plan = {
        .revision = ++revision, .valid_s = 3600, .tasks = tasks, .tasks_n = n};
    assert_int_equal(nx_planner_load(b->planner, &plan, now_us, &b->outcome),
                     NX_OK);
    assert_int_equal(nx_planner_revision(b->planner), revision);
}

/* Runs to the next query that is not about identity, at most until end_us. */
static inline bool next_query(struct bench *b, int64_t *now_us, int64_t end_us,
                              struct nx_due *due) {
    while (*now_us <= end_us) {
        if (nx_planner_next(b->planner, *now_us, due)) {
            if (due->kind != NX_DUE_IDENTITY) {
                return true;
            }
            continue;
        }
        int64_t wakeup_us = nx_planner_wakeup(b->planner);
        assert_true(wakeup_us > *now_us);
        *now_us = wakeup_us;
    }
    return false;
}

#endif
