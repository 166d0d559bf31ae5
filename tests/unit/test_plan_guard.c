/* Whom the schedule does not ask: without a plan, without a proof that the
 * records are served, and what a walk sees denied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/plan_bench.h"

static void test_nothing_without_a_plan(void **state) {
    (void)state;
    struct bench b = new_bench(3);
    struct nx_due due;
    assert_false(nx_planner_next(b.planner, T0 + 10000 * S, &due));
    assert_int_equal(nx_planner_wakeup(b.planner), NX_PLANNER_NEVER);
    free_bench(&b);
}

/* Rule 1: what our own walk sees denied is not asked, whatever the plan says.
 */
static void test_denied(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[2] = {task_of(www, 0, 1000), task_of(mail, 0, 1000)};
    struct nx_due due;
    int64_t now = T0;
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_DENIED, T0);
    load(&b, tasks, 2, T0);
    while (next_query(&b, &now, T0 + 10 * S, &due)) {
        assert_true(nx_dname_equal(due.name, mail));
    }
    nx_planner_own(b.planner, www, NX_TYPE_AAAA, NX_GUARD_NO_WORD, T0);
    now = T0 + 20 * S;
    while (next_query(&b, &now, T0 + 30 * S, &due)) {
        assert_true(nx_dname_equal(due.name, mail));
    }
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_NO_WORD, T0);
    now = T0 + 40 * S;
    int n = 0;
    while (next_query(&b, &now, T0 + 45 * S, &due)) {
        n += nx_dname_equal(due.name, www) ? 1 : 0;
    }
    assert_in_range(n, 4, 6);
    free_bench(&b);
}

/* The same name with and without RD; that it is denied is what it is for. */
static void test_canary(void **state) {
    static const uint8_t *const canary_zones[] = {www};
    (void)state;
    policy.canary_zones = canary_zones;
    policy.canary_zones_n = 1;
    struct bench b = new_bench(1);
    struct nx_task tasks[2] = {task_of(www, 100, 60000),
                               task_of(www, 1000, 60000)};
    struct nx_due due;
    int64_t now = T0;
    for (unsigned i = 0; i < 2; i++) {
        tasks[i].canary = true;
        tasks[i].authority_verified = false;
        tasks[i].rd0 = i == 1;
        tasks[i].nsid = i == 0;
    }
    load(&b, tasks, 2, T0);
    assert_int_equal(b.outcome.taken_n, 2);
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_DENIED, T0);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_false(due.rd0);
    assert_true(due.nsid);
    assert_true(next_query(&b, &now, T0 + 5 * S, &due));
    assert_true(due.rd0);
    assert_false(due.nsid);
    assert_in_range(now, T0 + 1 * S, T0 + 2 * S);
    assert_false(next_query(&b, &now, T0 + 5 * S, &due));
    free_bench(&b);
    policy.canary_zones_n = 0;
}

/* A name that does not exist has no type that could be asked. */
static void test_denied_name(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[2] = {task_of(www, 0, 1000), task_of(www, 0, 1000)};
    struct nx_due due;
    int64_t now = T0;
    tasks[1].qtype = NX_TYPE_AAAA;
    nx_planner_own(b.planner, www, NX_GUARD_EVERY_TYPE, NX_GUARD_DENIED, T0);
    load(&b, tasks, 2, T0);
    assert_false(next_query(&b, &now, T0 + 10 * S, &due));
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_NO_WORD, T0);
    now = T0 + 20 * S;
    assert_false(next_query(&b, &now, T0 + 30 * S, &due));
    nx_planner_own(b.planner, www, NX_GUARD_EVERY_TYPE, NX_GUARD_NO_WORD, T0);
    now = T0 + 40 * S;
    assert_true(next_query(&b, &now, T0 + 45 * S, &due));
    free_bench(&b);
}

static void deny_types(struct bench *b, unsigned n, bool denied) {
    for (unsigned i = 0; i < n; i++) {
        nx_planner_own(b->planner, mail, (uint16_t)(i + 1),
                       denied ? NX_GUARD_DENIED : NX_GUARD_NO_WORD, T0);
    }
}

/* A denial that did not fit must not be forgotten because others are over. */
static void test_too_many_denied(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 1000);
    struct nx_due due;
    int64_t now = T0;
    load(&b, &task, 1, T0);
    deny_types(&b, NX_GUARD_WORDS_MAX, true);
    assert_true(next_query(&b, &now, T0 + 10 * S, &due));
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_DENIED, T0);
    assert_false(next_query(&b, &now, T0 + 20 * S, &due));
    load(&b, &task, 1, T0 + 20 * S); /* the table is still full */
    now = T0 + 20 * S;
    assert_false(next_query(&b, &now, T0 + 30 * S, &due));
    deny_types(&b, NX_GUARD_WORDS_MAX, false);
    now = T0 + 30 * S;
    assert_false(next_query(&b, &now, T0 + 40 * S, &due));
    load(&b, &task, 1, T0 + 40 * S);
    now = T0 + 40 * S;
    assert_true(next_query(&b, &now, T0 + 50 * S, &due));
    free_bench(&b);
}

/* All that the walks can say at once has room. */
static void test_full_denied_is_exact(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task tasks[2] = {task_of(www, 0, 1000), task_of(mail, 0, 1000)};
    struct nx_due due;
    int64_t now = T0;
    load(&b, tasks, 2, T0);
    deny_types(&b, NX_GUARD_WORDS_MAX, true);
    deny_types(&b, NX_GUARD_WORDS_MAX, true); /* said again: no more */
    int n = 0;
    while (next_query(&b, &now, T0 + 5 * S, &due)) {
        assert_true(nx_dname_equal(due.name, www));
        n++;
    }
    assert_in_range(n, 4, 6);
    free_bench(&b);
}

static unsigned count_asked(struct bench *b, int64_t from_us, int64_t to_us,
                            enum nx_due_kind kind) {
    struct nx_due due;
    unsigned n = 0;
    while (next_query(b, &from_us, to_us, &due)) {
        n += due.kind == kind ? 1 : 0;
    }
    return n;
}

/* Without the collector the plan proves nothing for long; what comes back with
 * it needs a plan. */
static void test_lapsed_proof(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 1000);
    policy.proof_s = 10;
    load(&b, &task, 1, T0);
    nx_planner_heard(b.planner, T0 + 5 * S);
    assert_in_range(count_asked(&b, T0, T0 + 15 * S, NX_DUE_RESOLVER), 14, 16);
    assert_true(nx_planner_proven(b.planner, T0 + 15 * S));
    assert_false(nx_planner_proven(b.planner, T0 + 15 * S + 1));
    assert_int_equal(
        count_asked(&b, T0 + 15 * S + 1, T0 + 60 * S, NX_DUE_RESOLVER), 0);
    nx_planner_heard(b.planner, T0 + 60 * S);
    assert_int_equal(count_asked(&b, T0 + 60 * S, T0 + 70 * S, NX_DUE_RESOLVER),
                     0);
    load(&b, &task, 1, T0 + 70 * S);
    assert_in_range(count_asked(&b, T0 + 70 * S, T0 + 80 * S, NX_DUE_RESOLVER),
                    9, 11);
    free_bench(&b);
}

static bool no_memory;
int __real_nx_planner_rebuild(const struct nx_planner *planner,
                              const struct nx_rebuild *how,
                              struct nx_plan_outcome *outcome,
                              struct nx_target **targets, size_t *targets_n);
int __wrap_nx_planner_rebuild(const struct nx_planner *planner,
                              const struct nx_rebuild *how,
                              struct nx_plan_outcome *outcome,
                              struct nx_target **targets, size_t *targets_n);

int __wrap_nx_planner_rebuild(const struct nx_planner *planner,
                              const struct nx_rebuild *how,
                              struct nx_plan_outcome *outcome,
                              struct nx_target **targets, size_t *targets_n) {
    return no_memory ? NX_ENOMEM
                     : __real_nx_planner_rebuild(planner, how, outcome, targets,
                                                 targets_n);
}

static void expect_lapsed(struct bench *b, int64_t from_us) {
    const struct nx_task task = task_of(www, 0, 1000);
    assert_false(nx_planner_proven(b->planner, from_us));
    nx_planner_heard(b->planner, from_us + S); /* acks go on */
    assert_false(nx_planner_proven(b->planner, from_us + S));
    assert_int_equal(count_asked(b, from_us, from_us + 10 * S, NX_DUE_RESOLVER),
                     0);
    load(b, &task, 1, from_us + 10 * S);
    assert_in_range(
        count_asked(b, from_us + 10 * S, from_us + 20 * S, NX_DUE_RESOLVER), 9,
        11);
}

/* A plan that could not be taken may have been the one that takes back. */
static void test_missed_plan(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_plan none = {.revision = 77, .valid_s = 3600};
    const struct nx_task task = task_of(www, 0, 1000);
    load(&b, &task, 1, T0);
    uint64_t revision = nx_planner_revision(b.planner);
    assert_in_range(count_asked(&b, T0, T0 + 10 * S, NX_DUE_RESOLVER), 9, 11);
    no_memory = true;
    assert_int_equal(nx_planner_load(b.planner, &none, T0 + 10 * S, &b.outcome),
                     NX_ENOMEM);
    no_memory = false;
    assert_int_equal(nx_planner_revision(b.planner), revision);
    expect_lapsed(&b, T0 + 10 * S);
    nx_planner_lapse(b.planner); /* not even read */
    expect_lapsed(&b, T0 + 30 * S);
    free_bench(&b);
}

/* No plan opens the guard alone: the agent looks itself, and again. */
static void test_own_proof(void **state) {
    (void)state;
    struct bench b = new_bench(2);
    const struct nx_task task = task_of(www, 0, 1000);
    policy.proof_s = 9;
    policy.own_proof = true;
    policy.authority_role = false;
    load(&b, &task, 1, T0);
    assert_int_equal(b.outcome.taken_n, 1);
    uint16_t types[2] = {0};
    assert_int_equal(nx_planner_authority_types(b.planner, www, types, 2), 1);
    assert_int_equal(types[0], NX_TYPE_A);
    assert_int_equal(count_asked(&b, T0, T0 + 5 * S, NX_DUE_AUTHORITY), 2);
    assert_int_equal(count_asked(&b, T0, T0 + 5 * S, NX_DUE_RESOLVER), 0);
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_GOOD, T0 + 5 * S);
    /* The visit has waited, and the plan's own life does not matter. */
    assert_in_range(count_asked(&b, T0 + 5 * S, T0 + 14 * S, NX_DUE_RESOLVER),
                    16, 22);
    assert_int_equal(
        count_asked(&b, T0 + 14 * S + 1, T0 + 20 * S, NX_DUE_RESOLVER), 0);
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_DENIED, T0 + 20 * S);
    load(&b, &task, 1, T0 + 20 * S);
    assert_int_equal(count_asked(&b, T0 + 20 * S, T0 + 30 * S, NX_DUE_RESOLVER),
                     0);
    free_bench(&b);
}

/* How often somebody has to look what is due; no resolver is asked. */
static unsigned count_looks(struct bench *b, int64_t now_us, int64_t end_us) {
    struct nx_due due;
    unsigned n = 0;
    while (now_us < end_us) {
        while (nx_planner_next(b->planner, now_us, &due)) {
            assert_int_not_equal(due.kind, NX_DUE_RESOLVER);
        }
        now_us = nx_planner_wakeup(b->planner);
        n++;
    }
    return n;
}

/* A walk that is refused has no word to wait for: nothing is asked, and nobody
 * looks every moment. With a later walk it goes on. */
static void test_own_proof_unwalked(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    const struct nx_task task = task_of(www, 0, 5000);
    const uint16_t types[] = {NX_TYPE_AAAA, NX_TYPE_A};
    policy.own_proof = true;
    policy.authority_role = false;
    load(&b, &task, 1, T0);
    assert_true(count_looks(&b, T0, T0 + 60 * S) > 200); /* awaited */
    nx_planner_walked(b.planner, www, types, 0);         /* refused */
    assert_in_range(count_looks(&b, T0 + 60 * S, T0 + 120 * S), 1, 40);
    nx_planner_walked(b.planner, www, types, 1); /* for another type alone */
    load(&b, &task, 1, T0 + 120 * S);            /* nothing is forgotten */
    assert_in_range(count_looks(&b, T0 + 120 * S, T0 + 180 * S), 1, 40);
    nx_planner_walked(b.planner, www, types, 2);
    assert_true(count_looks(&b, T0 + 180 * S, T0 + 240 * S) > 200);
    nx_planner_own(b.planner, www, NX_TYPE_A, NX_GUARD_GOOD, T0 + 240 * S);
    assert_int_equal(
        count_asked(&b, T0 + 240 * S, T0 + 241 * S, NX_DUE_RESOLVER), 1);
    free_bench(&b);
}

static void test_unverified(void **state) {
    (void)state;
    struct bench b = new_bench(1);
    struct nx_task task = task_of(www, 0, 1000);
    struct nx_due due;
    int64_t now = T0;
    task.authority_verified = false;
    load(&b, &task, 1, T0);
    assert_int_equal(b.outcome.refused_n[NX_REFUSAL_UNVERIFIED], 1);
    assert_false(next_query(&b, &now, T0 + 100 * S, &due));
    free_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_without_a_plan),
        TEST(test_denied),
        TEST(test_canary),
        TEST(test_denied_name),
        TEST(test_too_many_denied),
        TEST(test_full_denied_is_exact),
        TEST(test_lapsed_proof),
        TEST(test_missed_plan),
        TEST(test_own_proof),
        TEST(test_own_proof_unwalked),
        TEST(test_unverified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
