/* The schedule in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

/* --- no storm under any plan --- */

#define STORM_RESOLVERS 6U
#define STORM_TASKS 3000U
#define STORM_S 40
#define STORM_MAX 8192U

static uint64_t rng;

static uint32_t below(uint32_t n) {
    rng += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = rng;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
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
    rng = seed;
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
        cmocka_unit_test_setup(test_phase_and_interval, setup),
        cmocka_unit_test_setup(test_first_after, setup),
        cmocka_unit_test_setup(test_fan_out, setup),
        cmocka_unit_test_setup(test_resolvers_change, setup),
        cmocka_unit_test_setup(test_named_endpoint_comes_to_life, setup),
        cmocka_unit_test_setup(test_visit, setup),
        cmocka_unit_test_setup(test_postponed_not_dropped, setup),
        cmocka_unit_test_setup(test_revision, setup),
        cmocka_unit_test_setup(test_flapping_plan, setup),
        cmocka_unit_test_setup(test_expiry, setup),
        cmocka_unit_test_setup(test_nothing_without_a_plan, setup),
        cmocka_unit_test_setup(test_denied, setup),
        cmocka_unit_test_setup(test_canary, setup),
        cmocka_unit_test_setup(test_denied_name, setup),
        cmocka_unit_test_setup(test_too_many_denied, setup),
        cmocka_unit_test_setup(test_full_denied_is_exact, setup),
        cmocka_unit_test_setup(test_lapsed_proof, setup),
        cmocka_unit_test_setup(test_missed_plan, setup),
        cmocka_unit_test_setup(test_own_proof, setup),
        cmocka_unit_test_setup(test_own_proof_unwalked, setup),
        cmocka_unit_test_setup(test_unverified, setup),
        cmocka_unit_test_setup(test_refusals, setup),
        cmocka_unit_test_setup(test_authority, setup),
        cmocka_unit_test_setup(test_servers_that_left, setup),
        cmocka_unit_test_setup(test_wants_the_audit, setup),
        cmocka_unit_test_setup(test_identity, setup),
        cmocka_unit_test_setup(test_no_storm, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
