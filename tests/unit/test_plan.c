/* The schedule in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/plan_bench.h"

static void test_phase_and_interval(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 5000);
    struct nx_due due;
    int64_t now = T0;
    load(&b, &task, 1, T0);
    assert_int_equal(b.outcome.taken_n, 1);
    assert_true(next_query(&b, &now, T0 + 60 * S, &due));
    assert_int_equal(due.kind, NX_DUE_RESOLVER);
    assert_true(nx_dname_equal(due.name, www));
    assert_true(nx_endpoint_equal(&due.to, &resolvers[0].at));
    /* Jitter: at most a tenth of the interval. */
    assert_true(now >= T0 && now < T0 + 500 * MS);
    int64_t first = now;
    for (int i = 1; i < 5; i++) {
        assert_true(next_query(&b, &now, T0 + 60 * S, &due));
        assert_int_equal(now - first, i * 5 * S);
    }
    free_bench(&b);
}

/* A first moment is never undershot, and missed by at most 200 ms. */
static void test_first_after(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct bench b = new_bench(1);
        const struct nx_task task = task_of(www, 30000 + i, 300000);
        struct nx_due due;
        int64_t now = T0;
        load(&b, &task, 1, T0);
        assert_true(next_query(&b, &now, T0 + 60 * S, &due));
        int64_t wanted = T0 + (30000 + i) * MS;
        assert_true(now >= wanted && now < wanted + 200 * MS);
        free_bench(&b);
    }
}

static void test_fan_out(void **state) {
    (void)state;
    struct bench b = new_bench(3);
    const struct nx_task task = task_of(www, 0, 10000);
    bool seen[3] = {false, false, false};
    struct nx_due due;
    int64_t now = T0;
    load(&b, &task, 1, T0);
    for (int i = 0; i < 3; i++) {
        assert_true(next_query(&b, &now, T0 + 5 * S, &due));
        seen[due.to.address[3] - 1] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_false(next_query(&b, &now, T0 + 5 * S, &due));
    free_bench(&b);
}

/* The set of resolvers changes: the old one keeps its phase. */
static void test_resolvers_change(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 10000);
    struct nx_due due;
    int64_t now = T0;
    load(&b, &task, 1, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    int64_t first = now;
    now += 3 * S;
    assert_int_equal(nx_planner_resolvers(b.planner, resolvers, 2, now), NX_OK);
    int64_t changed = now;
    assert_true(next_query(&b, &now, now + 5 * S, &due));
    assert_int_equal(due.to.address[3], 2);
    assert_true(now < changed + S);
    assert_true(next_query(&b, &now, now + 10 * S, &due));
    assert_int_equal(due.to.address[3], 1);
    assert_int_equal(now, first + 10 * S);
    /* Gone: never asked again. */
    assert_int_equal(nx_planner_resolvers(b.planner, resolvers, 0, now), NX_OK);
    assert_false(next_query(&b, &now, now + 100 * S, &due));
    free_bench(&b);
}

static void test_named_endpoint_comes_to_life(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task task = task_of(www, 0, 10000);
    struct nx_due due;
    int64_t now = T0;
    task.has_endpoint = true;
    task.endpoint = resolvers[2].at;
    load(&b, &task, 1, T0);
    assert_int_equal(b.outcome.taken_n, 0);
    assert_int_equal(b.outcome.refused_n[NX_REFUSAL_RESOLVER], 1);
    assert_false(next_query(&b, &now, T0 + 30 * S, &due));
    now = T0 + 30 * S;
    assert_int_equal(nx_planner_resolvers(b.planner, resolvers, 3, now), NX_OK);
    assert_true(next_query(&b, &now, now + 30 * S, &due));
    assert_int_equal(due.to.address[3], 3);
    free_bench(&b);
}

static void test_visit(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task task = task_of(www, 0, 60000);
    struct nx_due due;
    int64_t now = T0;
    task.visit_n = 4;
    task.visit_gap_ms = 1000;
    load(&b, &task, 1, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    int64_t first = now;
    for (int i = 1; i < 4; i++) {
        assert_true(next_query(&b, &now, T0 + 10 * S, &due));
        assert_int_equal(now - first, i * S);
    }
    assert_true(next_query(&b, &now, T0 + 100 * S, &due));
    assert_int_equal(now - first, 60 * S);
    free_bench(&b);
}

/* The bucket makes a visit slower; no query of it is lost. */
static void test_postponed_not_dropped(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[2] = {task_of(www, 0, 60000), task_of(mail, 0, 60000)};
    struct nx_due due;
    int64_t now = T0;
    int n[2] = {0, 0};
    tasks[0].visit_n = tasks[1].visit_n = 16;
    load(&b, tasks, 2, T0);
    while (next_query(&b, &now, T0 + 59 * S, &due)) {
        n[nx_dname_equal(due.name, mail) ? 1 : 0]++;
    }
    assert_int_equal(n[0], 16);
    assert_int_equal(n[1], 16);
    free_bench(&b);
}

/* A revision keeps the phase of what did not change; a changed schedule counts
 * from the receipt; no change makes a target come before min_interval. */
static void test_revision(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[2] = {task_of(www, 0, 10000), task_of(mail, 0, 10000)};
    struct nx_due due;
    int64_t now = T0;
    load(&b, tasks, 2, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    tasks[1].interval_ms = 20000;
    for (now = T0 + 2 * S; now < T0 + 8 * S; now += 10 * MS) {
        load(&b, tasks, 2, now);
        struct nx_due none;
        while (nx_planner_next(b.planner, now, &none)) {
            /* Only mail, by its new schedule, once. */
            if (none.kind != NX_DUE_IDENTITY) {
                assert_true(nx_dname_equal(none.name, mail));
                assert_true(now < T0 + 4 * S);
            }
        }
    }
    assert_true(next_query(&b, &now, T0 + 20 * S, &due));
    assert_true(nx_dname_equal(due.name, www));
    assert_true(now >= T0 + 10 * S && now < T0 + 11 * S);
    free_bench(&b);
}

/* Tasks that leave a plan and come back gain nothing. */
static void test_flapping_plan(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task tasks[2] = {task_of(www, 0, 500),
                                     task_of(mail, 0, 500)};
    int64_t last[2] = {0, 0};
    int n = 0;
    for (int64_t now = T0; now < T0 + 20 * S; now += MS) {
        struct nx_due due;
        if (now / MS % 200 == 0) {
            load(&b, &tasks[now / MS / 200 % 2], 1, now);
        }
        while (nx_planner_next(b.planner, now, &due)) {
            if (due.kind == NX_DUE_IDENTITY) {
                continue;
            }
            size_t which = nx_dname_equal(due.name, mail) ? 1 : 0;
            assert_true(last[which] == 0 || now - last[which] >= 500 * MS);
            last[which] = now;
            n++;
        }
    }
    assert_true(n > 20);
    free_bench(&b);
}

static void test_expiry(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 1000);
    const struct nx_plan plan = {
        .revision = 1, .valid_s = 10, .tasks = &task, .tasks_n = 1};
    struct nx_due due;
    int64_t now = T0;
    assert_int_equal(nx_planner_load(b.planner, &plan, T0, &b.outcome), NX_OK);
    while (next_query(&b, &now, T0 + 10 * S - 1, &due)) {
        assert_true(nx_planner_in_force(b.planner, now));
    }
    assert_false(nx_planner_in_force(b.planner, T0 + 10 * S));
    assert_false(nx_planner_next(b.planner, T0 + 10 * S, &due));
    assert_int_equal(nx_planner_wakeup(b.planner), NX_PLANNER_NEVER);
    assert_false(nx_planner_next(b.planner, T0 + 1000 * S, &due));
    /* After a long sleep: one visit, not all that were missed. */
    load(&b, &task, 1, T0 + 1000 * S);
    now = T0 + 1000 * S;
    assert_true(next_query(&b, &now, now + 2 * S, &due));
    now += 500 * S;
    int n = 0;
    while (nx_planner_next(b.planner, now, &due)) {
        n += due.kind == NX_DUE_RESOLVER ? 1 : 0;
    }
    assert_int_equal(n, 1);
    free_bench(&b);
}

static void test_refusals(void **state) {
    (void)state;
    struct bench b = new_bench(2);
    struct nx_task tasks[6];
    for (size_t i = 0; i < 6; i++) {
        tasks[i] = task_of(i % 2 == 0 ? www : mail, 0, 1000);
    }
    tasks[1].qtype = 255;
    tasks[3].interval_ms = 1;
    tasks[5].qtype = NX_TYPE_AAAA;
    load(&b, tasks, 6, T0);
    assert_int_equal(b.outcome.taken_n, 2); /* 0 and 5; 2 and 4 are 0 again */
    assert_int_equal(b.outcome.refused_n[NX_REFUSAL_TYPE], 1);
    assert_int_equal(b.outcome.refused_n[NX_REFUSAL_INTERVAL], 1);
    assert_int_equal(b.outcome.example[NX_REFUSAL_INTERVAL], 3);
    policy.max_tasks = 1;
    load(&b, tasks, 6, T0);
    assert_int_equal(b.outcome.taken_n, 1);
    assert_int_equal(b.outcome.refused_n[NX_REFUSAL_TASKS], 3);
    policy.max_tasks = 2000;
    free_bench(&b);
}

static void test_authority(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[2] = {task_of(www, 0, 5000), task_of(www, 0, 5000)};
    uint16_t types[4];
    struct nx_due due;
    int64_t now = T0;
    tasks[0].kind = tasks[1].kind = NX_TASK_AUTHORITY;
    tasks[0].authority_verified = tasks[1].authority_verified = false;
    tasks[1].qtype = NX_TYPE_AAAA;
    load(&b, tasks, 2, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_int_equal(due.kind, NX_DUE_AUTHORITY);
    int64_t first = now;
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_int_equal(now, first); /* the types of a name share the phase */
    assert_int_equal(nx_planner_authority_types(b.planner, www, types, 4), 2);
    assert_int_equal(nx_planner_authority_types(b.planner, www, types, 1), 1);
    assert_int_equal(nx_planner_authority_types(b.planner, mail, types, 4), 0);
    free_bench(&b);
}

/* Which of www (1) and mail (2) are walked to in an interval from now on. */
static unsigned walks(struct bench *b, int64_t now_us) {
    struct nx_due due;
    unsigned found = 0;
    int64_t end_us = now_us + 5 * S - 1;
    while (next_query(b, &now_us, end_us, &due)) {
        assert_int_equal(due.kind, NX_DUE_AUTHORITY);
        found |= nx_dname_equal(due.name, www) ? 1U : 2U;
    }
    return found;
}

/* Servers that left the set go with the walk, and make no target. */
static void test_servers_that_left(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[5];
    struct nx_endpoint left[4];
    for (size_t i = 0; i < 5; i++) {
        tasks[i] = task_of(i == 3 ? mail : www, 0, 5000);
        tasks[i].kind = NX_TASK_AUTHORITY;
        tasks[i].authority_verified = false;
        tasks[i].has_endpoint = i > 0;
        assert_int_equal(nx_endpoint_parse("198.51.100.1", &tasks[i].endpoint),
                         0);
    }
    tasks[2].qtype = NX_TYPE_AAAA; /* the same server for another type */
    tasks[4].endpoint.port = 8053; /* refused */
    load(&b, tasks, 5, T0);
    assert_int_equal(walks(&b, T0), 1);
    assert_int_equal(nx_planner_left(b.planner, www, left, 4), 1);
    assert_int_equal(left[0].address[3], 1);
    assert_int_equal(nx_planner_left(b.planner, www, left, 0), 0);
    /* They take no walk's place. */
    policy.max_tasks = 2;
    tasks[4] = task_of(mail, 0, 5000);
    tasks[4].kind = NX_TASK_AUTHORITY;
    tasks[4].authority_verified = false;
    load(&b, tasks, 5, T0 + 10 * S);
    policy.max_tasks = 2000;
    assert_int_equal(b.outcome.refused_n[NX_REFUSAL_TASKS], 0);
    assert_int_equal(walks(&b, T0 + 10 * S), 3);
    load(&b, tasks, 1, T0 + 16 * S);
    assert_int_equal(nx_planner_left(b.planner, www, left, 4), 0);
    free_bench(&b);
}

/* The newest incident for the name; by older collectors, every plan. */
static void test_wants_the_audit(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[4];
    assert_int_equal(nx_planner_audit(b.planner, www), 0);
    for (size_t i = 0; i < 4; i++) {
        tasks[i] = task_of(i == 3 ? mail : www, 0, 5000);
        tasks[i].kind = NX_TASK_AUTHORITY;
        tasks[i].authority_verified = false;
        tasks[i].audit = (uint32_t)i + 1;
    }
    tasks[2].kind = NX_TASK_RESOLVER;
    load(&b, tasks, 4, T0);
    assert_int_equal(nx_planner_audit(b.planner, www), 2);
    assert_int_equal(nx_planner_audit(b.planner, mail), 4);
    load(&b, tasks, 1, T0);
    assert_int_equal(nx_planner_audit(b.planner, www), 1);
    assert_int_equal(nx_planner_audit(b.planner, mail), 0);
    tasks[0].audit = 0;
    load(&b, tasks, 1, T0);
    uint64_t by = nx_planner_audit(b.planner, www);
    load(&b, tasks, 1, T0);
    assert_true(nx_planner_audit(b.planner, www) > by);
    free_bench(&b);
}

static void test_identity(void **state) {
    (void)state;
    struct bench b = new_bench(3);
    struct nx_due due;
    int n = 0;
    load(&b, NULL, 0, T0);
    assert_false(nx_planner_next(b.planner, T0 + 10 * S, &due)); /* auditor */
    policy.authority_role = false;
    load(&b, NULL, 0, T0);
    for (int64_t now = T0; now < T0 + 3000 * S;) {
        if (nx_planner_next(b.planner, now, &due)) {
            assert_int_equal(due.kind, NX_DUE_IDENTITY);
            assert_int_equal(nx_dname_len(due.name), 1);
            assert_int_equal(due.qtype, NX_TYPE_NS);
            n++;
            continue;
        }
        now = nx_planner_wakeup(b.planner);
    }
    assert_int_equal(n, 3 * 5);
    free_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_phase_and_interval),
        TEST(test_first_after),
        TEST(test_fan_out),
        TEST(test_resolvers_change),
        TEST(test_named_endpoint_comes_to_life),
        TEST(test_visit),
        TEST(test_postponed_not_dropped),
        TEST(test_revision),
        TEST(test_flapping_plan),
        TEST(test_expiry),
        TEST(test_refusals),
        TEST(test_authority),
        TEST(test_servers_that_left),
        TEST(test_wants_the_audit),
        TEST(test_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
