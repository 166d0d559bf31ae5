/* What is asked once more: with CD=1 after a failure, with other EDNS sizes
 * after a loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/plan_bench.h"

static bool answered(struct bench *b, const struct nx_question *question,
                     uint8_t rcode, int64_t now_us) {
    const struct nx_answer answer = {.outcome = NX_ANSWERED, .rcode = rcode};
    const struct nx_obs obs = {.question = question, .answer = &answer};
    return nx_planner_seen(b->planner, &obs, now_us);
}

static bool failed(struct bench *b, const struct nx_question *question,
                   int64_t now_us) {
    return answered(b, question, NX_RCODE_SERVFAIL, now_us);
}

static bool seen(struct bench *b, const struct nx_question *question,
                 uint8_t outcome, uint16_t flags, int64_t now_us) {
    const struct nx_answer answer = {.outcome = outcome, .flags = flags};
    const struct nx_obs obs = {.question = question, .answer = &answer};
    return nx_planner_seen(b->planner, &obs, now_us);
}

static void ask_sizes(struct bench *b, const struct nx_endpoint *to,
                      int64_t *now) {
    static const uint16_t SIZES[] = {512, 1232, 4096};
    struct nx_due due;
    for (size_t i = 0; i < 3; i++) {
        assert_true(next_query(b, now, *now + 3 * S, &due));
        assert_int_equal(due.udp_bytes, SIZES[i]);
        assert_false(due.cd);
        assert_true(nx_endpoint_equal(&due.to, to));
    }
}

/* A SERVFAIL is asked once more with CD=1, beside the visits, not too often,
 * and not while the guard is closed. */
static void test_twin(void **state) {
    (void)state;
    struct bench b = new_bench(2);
    const struct nx_task task = task_of(www, 0, 10000);
    struct nx_due due;
    int64_t now = T0;
    load(&b, &task, 1, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_false(due.cd);
    struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = due.to};
    assert_false(answered(&b, &question, NX_RCODE_NXDOMAIN, now));
    assert_true(failed(&b, &question, now));
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_true(due.cd);
    assert_true(nx_endpoint_equal(&due.to, &question.to));
    assert_false(failed(&b, &question, now + 4 * S)); /* so soon again */
    assert_false(next_query(&b, &now, T0 + 9 * S, &due));
    question.flags |= NX_Q_CD; /* a twin has none */
    assert_false(failed(&b, &question, now + 6 * S));
    assert_true(next_query(&b, &now, T0 + 12 * S, &due)); /* the next visit */
    assert_false(due.cd);
    question.flags = NX_Q_RD;
    assert_true(next_query(&b, &now, T0 + 12 * S, &due));
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_DENIED, now);
    assert_true(failed(&b, &question, now));
    assert_false(next_query(&b, &now, T0 + 40 * S, &due));
    free_bench(&b);
}

/* Of canary names a failure alone is asked again, where the plan says so, and
 * not what is asked in a way that no user does. */
static void test_twin_of_canary_names(void **state) {
    (void)state;
    static const uint8_t *const canary_zones[] = {www};
    struct bench b = new_bench(1);
    struct nx_task task = task_of(www, 0, 60000);
    struct nx_due due;
    policy.canary_zones = canary_zones;
    policy.canary_zones_n = 1;
    task.canary = true;
    task.authority_verified = false;
    for (unsigned k = 0; k < 4; k++) {
        bool rd0 = k % 2 != 0;
        bool again = k == 2;
        int64_t now = T0;
        task.rd0 = rd0;
        task.cd = k >= 2;
        load(&b, &task, 1, T0);
        assert_true(next_query(&b, &now, T0 + 5 * S, &due));
        const struct nx_question question = {.name = www,
                                             .qtype = NX_TYPE_A,
                                             .flags = rd0 ? 0 : NX_Q_RD,
                                             .to = due.to};
        assert_false(seen(&b, &question, NX_TIMEOUT, 0, now));
        assert_false(seen(&b, &question, NX_ANSWERED, NX_ANS_TC, now));
        assert_int_equal(failed(&b, &question, now), again);
        assert_int_equal(next_query(&b, &now, T0 + 9 * S, &due), again);
        assert_int_equal(due.cd, again);
    }
    free_bench(&b);
}

/* Nor more often than the policy lets anything be asked. */
static void test_twin_min_interval(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 60000);
    struct nx_due due;
    int64_t now = T0;
    policy.min_interval_ms = 20000;
    load(&b, &task, 1, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = due.to};
    const int64_t first = now;
    assert_true(failed(&b, &question, now));
    assert_true(next_query(&b, &now, first, &due));
    assert_true(due.cd);
    assert_false(failed(&b, &question, first + 19 * S));
    now = first + 19 * S;
    assert_false(next_query(&b, &now, first + 19 * S, &due));
    assert_true(failed(&b, &question, first + 20 * S));
    now = first + 20 * S;
    assert_true(next_query(&b, &now, first + 20 * S, &due));
    assert_true(due.cd);
    free_bench(&b);
}

/* A loss is asked again with three sizes, beside the visits, once a minute, and
 * not while the guard is closed. */
static void test_sizes(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 300000);
    struct nx_due due;
    int64_t now = T0;
    load(&b, &task, 1, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_int_equal(due.udp_bytes, 0);
    struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = due.to};
    const int64_t first = now;
    assert_false(seen(&b, &question, NX_CONN_REFUSED, 0, now));
    assert_true(seen(&b, &question, NX_TIMEOUT, 0, now));
    load(&b, &task, 1, now); /* a plan between does not undo it */
    ask_sizes(&b, &due.to, &now);
    assert_false(next_query(&b, &now, first + 59 * S, &due));
    assert_false(seen(&b, &question, NX_TIMEOUT, 0, first + 59 * S));
    question.udp_bytes = 512; /* asked again: never once more */
    assert_false(seen(&b, &question, NX_TIMEOUT, 0, first + 61 * S));
    question.udp_bytes = 0;
    question.to.transport = NX_TCP;
    assert_false(seen(&b, &question, NX_TIMEOUT, 0, first + 61 * S));
    question.to.transport = NX_UDP;
    now = first + 61 * S;
    assert_true(seen(&b, &question, NX_ANSWERED, NX_ANS_TC, now));
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_DENIED, now);
    assert_false(next_query(&b, &now, first + 120 * S, &due));
    free_bench(&b);
}

/* A SERVFAIL and a loss in one time: both are asked again. */
static void test_twin_and_sizes(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 300000);
    struct nx_due due;
    int64_t now = T0;
    load(&b, &task, 1, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = due.to};
    assert_true(seen(&b, &question, NX_TIMEOUT, 0, now));
    assert_true(failed(&b, &question, now));
    assert_true(next_query(&b, &now, now + 3 * S, &due));
    assert_true(due.cd);
    assert_int_equal(due.udp_bytes, 0);
    ask_sizes(&b, &question.to, &now);
    free_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_twin),
        TEST(test_twin_of_canary_names),
        TEST(test_twin_min_interval),
        TEST(test_sizes),
        TEST(test_twin_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
