/* getaddrinfo in the schedule: one at a time, under policy and guard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/plan/plan.h"

#define S INT64_C(1000000)
#define T0 (1000 * S)

static uint8_t root[1] = {0};
static uint8_t www[NX_DNAME_MAX];
static uint8_t odd[NX_DNAME_MAX];
static const uint8_t *const zones[] = {root};
static const struct nx_policy policy = {.zones = zones,
                                        .zones_n = 1,
                                        .canary_zones = zones,
                                        .canary_zones_n = 1,
                                        .min_interval_ms = 500,
                                        .max_tasks = 100,
                                        .proof_s = 60,
                                        .own_rate = {5000, 20},
                                        .public_rate = {1000, 5},
                                        .server_rate = {5000, 10},
                                        .total_rate = {50000, 50}};
static struct nx_resolver resolver;
static struct nx_ratelimit *limit;
static struct nx_planner *planner;

static int setup(void **state) {
    (void)state;
    nx_system_endpoint(&resolver.at);
    resolver.named = true;
    assert_int_equal(nx_dname_parse("www.example.com", www), 0);
    assert_int_equal(nx_dname_parse("a\\032b.example.com", odd), 0);
    assert_int_equal(nx_ratelimit_new(&policy.total_rate, &limit), NX_OK);
    assert_int_equal(nx_planner_new(&policy, limit, 42, &planner), NX_OK);
    return nx_planner_resolvers(planner, &resolver, 1, T0);
}

static int teardown(void **state) {
    (void)state;
    nx_planner_free(&planner);
    nx_ratelimit_free(&limit);
    return 0;
}

static struct nx_task task_of(const uint8_t *name, uint16_t qtype) {
    return (struct nx_task){.kind = NX_TASK_RESOLVER,
                            .name = name,
                            .qtype = qtype,
                            .has_endpoint = true,
                            .endpoint = resolver.at,
                            .interval_ms = 1000,
                            .visit_n = 1,
                            .authority_verified = true,
                            .authority_epoch = 1};
}

static struct nx_plan_outcome load(const struct nx_task *tasks, size_t n) {
    static uint64_t revision;
    const struct nx_plan plan = {
        .revision = ++revision, .valid_s = 3600, .tasks = tasks, .tasks_n = n};
    struct nx_plan_outcome outcome;
    assert_int_equal(nx_planner_load(planner, &plan, T0, &outcome), NX_OK);
    return outcome;
}

static void test_refusals(void **state) {
    (void)state;
    struct nx_task tasks[] = {task_of(www, NX_TYPE_A),
                              task_of(www, NX_TYPE_AAAA),
                              task_of(www, NX_TYPE_MX), task_of(odd, NX_TYPE_A),
                              task_of(www, NX_TYPE_A)};
    tasks[4].canary = true;
    struct nx_plan_outcome outcome = load(tasks, 5);
    assert_int_equal(outcome.taken_n, 2);
    assert_int_equal(outcome.refused_n[NX_REFUSAL_SYSTEM], 3);
    tasks[0].authority_verified = false;
    outcome = load(tasks, 1);
    assert_int_equal(outcome.refused_n[NX_REFUSAL_UNVERIFIED], 1);
}

/* No identity is asked for, and what is busy is not asked. */
static void test_one_at_a_time(void **state) {
    (void)state;
    const struct nx_task tasks[] = {task_of(www, NX_TYPE_A),
                                    task_of(www, NX_TYPE_AAAA)};
    struct nx_due due;
    load(tasks, 2);
    assert_true(nx_planner_next(planner, T0 + 2 * S, &due));
    assert_int_equal(due.kind, NX_DUE_RESOLVER);
    assert_int_equal(due.to.transport, NX_SYSTEM);
    nx_planner_system_busy(planner, true);
    for (int64_t now = T0 + 2 * S; now < T0 + 5 * S;
         now = nx_planner_wakeup(planner)) {
        assert_false(nx_planner_next(planner, now, &due));
    }
    nx_planner_system_busy(planner, false);
    assert_true(nx_planner_next(planner, T0 + 6 * S, &due));
    assert_true(nx_planner_next(planner, T0 + 6 * S, &due));
    assert_true(due.qtype == NX_TYPE_A || due.qtype == NX_TYPE_AAAA);
    assert_false(nx_planner_next(planner, T0 + 6 * S, &due));
}

static void test_guarded(void **state) {
    (void)state;
    const struct nx_task task = task_of(www, NX_TYPE_A);
    struct nx_question question = {.name = www, .qtype = NX_TYPE_A};
    struct nx_due due;
    question.to = resolver.at;
    assert_false(nx_planner_asks(planner, &question, T0));
    load(&task, 1);
    assert_true(nx_planner_asks(planner, &question, T0));
    question.qtype = NX_TYPE_AAAA; /* not in the plan */
    assert_false(nx_planner_asks(planner, &question, T0));
    question.qtype = NX_TYPE_A;
    nx_planner_own(planner, www, NX_TYPE_A, NX_GUARD_DENIED, T0 + S);
    assert_false(nx_planner_asks(planner, &question, T0 + S));
    assert_false(nx_planner_next(planner, T0 + 3 * S, &due));
    nx_planner_own(planner, www, NX_TYPE_A, NX_GUARD_GOOD, T0 + 3 * S);
    assert_true(nx_planner_asks(planner, &question, T0 + 3 * S));
    nx_planner_lapse(planner);
    nx_planner_own(planner, www, NX_TYPE_A, NX_GUARD_NO_WORD, T0 + 3 * S);
    assert_false(nx_planner_asks(planner, &question, T0 + 3 * S));
    load(&task, 1);
    assert_true(nx_planner_asks(planner, &question, T0 + 3 * S));
    load(NULL, 0);
    assert_false(nx_planner_asks(planner, &question, T0 + 3 * S));
}

/* A failure is not asked again with CD=1: there is no such thing. */
static void test_no_twin(void **state) {
    (void)state;
    const struct nx_task task = task_of(www, NX_TYPE_A);
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver.at};
    const struct nx_answer answer = {.rcode = NX_RCODE_SERVFAIL};
    const struct nx_obs obs = {.question = &question, .answer = &answer};
    load(&task, 1);
    assert_false(nx_planner_seen(planner, &obs, T0 + S));
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_refusals),
        TEST(test_one_at_a_time),
        TEST(test_guarded),
        TEST(test_no_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
