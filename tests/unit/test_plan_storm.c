/* No storm under any plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/lib/dice.h"
#include "tests/lib/plan_bench.h"

#define STORM_RESOLVERS 6U
#define STORM_TASKS 3000U
#define STORM_S 40
#define STORM_MAX 8192U

static struct dice dice;

static uint32_t below(uint32_t n) {
    return dice_below(&dice, n);
}

static struct nx_task hostile_task(const struct nx_resolver *list) {
    static uint8_t names[64][NX_DNAME_MAX];
    static const uint32_t intervals[] = {1, 100, 101, 500, 3600000};
    uint32_t which = below(64);
    char text[32];
    (void)snprintf(text, sizeof(text), "n%u.example.com", which);
    assert_int_equal(nx_dname_parse(text, names[which]), NX_OK);
    struct nx_task task =
        task_of(names[which], below(3) * below(5000), intervals[below(5)]);
    task.qtype = (uint16_t)(1 + below(40));
    task.visit_n = below(20);
    task.visit_gap_ms = below(4) == 0 ? below(2000) : 0;
    task.has_endpoint = below(2) == 0;
    if (task.has_endpoint) {
        task.endpoint = list[below(STORM_RESOLVERS)].at;
    }
    return task;
}

struct log {
    int64_t at_us[STORM_MAX];
    size_t n;
};

static void log_add(struct log *log, int64_t now_us) {
    assert_true(log->n < STORM_MAX);
    log->at_us[log->n++] = now_us;
}

/* In every window: at most burst + rate * length. Exactly. */
static void check_windows(const struct log *log, const struct nx_rate *rate) {
    for (size_t i = 0; i < log->n; i++) {
        for (size_t k = i; k < log->n; k++) {
            int64_t allowed = (int64_t)rate->burst * 1000000000 +
                              (log->at_us[k] - log->at_us[i]) * rate->mqps;
            assert_true((int64_t)(k - i + 1) * 1000000000 <= allowed);
        }
    }
}

static void storm(uint64_t seed) {
    static struct nx_task tasks[STORM_TASKS];
    static struct log logs[STORM_RESOLVERS];
    static struct log all;
    struct nx_resolver list[STORM_RESOLVERS];
    policy.min_interval_ms = 100; /* the least a configuration can say */
    dice.state = seed;
    for (unsigned i = 0; i < STORM_RESOLVERS; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text),
                       i % 2 == 0 ? "10.0.0.%u" : "192.0.2.%u", i);
        list[i] = (struct nx_resolver){endpoint(text), i == 3};
        logs[i].n = 0;
    }
    all.n = 0;
    struct bench b = new_bench(0);
    int64_t now = T0;
    int64_t next_plan = T0;
    while (now < T0 + STORM_S * S) {
        struct nx_due due;
        if (now >= next_plan) {
            size_t n = 1 + below(below(8) == 0 ? STORM_TASKS : 100);
            for (size_t i = 0; i < n; i++) {
                tasks[i] = hostile_task(list);
            }
            load(&b, tasks, n, now);
            if (below(4) == 0) {
                size_t set = STORM_RESOLVERS - below(3);
                assert_int_equal(
                    nx_planner_resolvers(b.planner, list, set, now), NX_OK);
            }
            /* Floods of revisions, and pauses in which buckets fill. */
            next_plan = now + (below(40) == 0 ? below(5000) : below(20)) * MS;
        }
        while (nx_planner_next(b.planner, now, &due)) {
            log_add(&logs[due.to.address[3]], now);
            log_add(&all, now);
        }
        int64_t wakeup = nx_planner_wakeup(b.planner);
        int64_t then = wakeup < next_plan ? wakeup : next_plan;
        now = then > now ? then : now + 1;
    }
    uint32_t scarce = 0;
    for (unsigned i = 0; i < STORM_RESOLVERS; i++) {
        const struct nx_rate *rate = nx_policy_rate(&policy, &list[i]);
        check_windows(&logs[i], rate);
        scarce += rate->mqps;
    }
    /* The pressure was there: what could be used was used. */
    scarce = scarce < policy.total_rate.mqps ? scarce : policy.total_rate.mqps;
    assert_true(all.n * 1000 > scarce * STORM_S * 3 / 4);
    check_windows(&all, &policy.total_rate);
    free_bench(&b);
}

static void test_no_storm(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        print_message("# seed %u\n", (unsigned)seed);
        policy.total_rate = seed % 2 == 0 ? (struct nx_rate){8000, 4}
                                          : (struct nx_rate){50000, 50};
        storm(seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_no_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
