/* Sibling labels: what the agent's own policy and guard make of them, whatever
 * a plan says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/plan_bench.h"

#define LABEL "\11c01234567"

static const uint8_t zone[] = "\7example\3com";
static const uint8_t name[] = LABEL "\7example\3com";
static const uint8_t *const sibling_zones[] = {zone};

static int allowed(void **state) {
    int err = setup(state);
    policy.sibling_zones = sibling_zones;
    policy.sibling_zones_n = 1;
    policy.proof_s = 30;
    return err;
}

static struct nx_task sibling(const uint8_t *of) {
    struct nx_task task = task_of(of, 100, 60000);
    task.canary = task.sibling = true;
    task.authority_verified = false;
    task.visit_n = 16;
    task.visit_gap_ms = 1000;
    return task;
}

static enum nx_refusal refusal(const struct nx_task *task) {
    return nx_policy_check(&policy, resolvers, 1, task);
}

/* Off unless the owner names the zone; one label below it, with RD=1 and
 * nothing else. */
static void test_policy(void **state) {
    struct nx_task task = sibling(name);
    (void)state;
    assert_int_equal(refusal(&task), NX_REFUSAL_NONE);
    policy.sibling_zones_n = 0;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    policy.sibling_zones_n = 1;
    task.name = zone;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task.name = (const uint8_t *)"\1x" LABEL "\7example\3com";
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task.name = (const uint8_t *)LABEL "\7example\3net";
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(name);
    task.rd0 = true;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(name);
    task.nsid = true;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(name);
    task.canary = false;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task.canary = true;
    task.name = (const uint8_t *)"\3www\7example\3com"; /* may be one in use */
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task.name = (const uint8_t *)"\11c0123456g\7example\3com";
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task.name = (const uint8_t *)"\11001234567\7example\3com";
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(name);
    task.qtype = NX_TYPE_AAAA;
    assert_int_equal(refusal(&task), NX_REFUSAL_NONE);
    task.qtype = NX_TYPE_MX;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(name); /* one that does not say so is no canary name */
    task.sibling = false;
    assert_int_equal(refusal(&task), NX_REFUSAL_CANARY);
}

/* A plan with an incident near the zone has no say, wrong as it is. */
static void test_incident_near(void **state) {
    static const struct {
        const uint8_t *name;
        bool near;
    } others[] = {
        {(const uint8_t *)"\3www\7example\3com", true},
        {(const uint8_t *)"\1a\1b\7example\3com", true},
        {zone, true},
        {(const uint8_t *)"\3com", true},
        {(const uint8_t *)"\3www\7example\3net", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct bench b = new_bench(1);
        struct nx_task tasks[2] = {sibling(name),
                                   task_of(others[i].name, 100, 60000)};
        load(&b, tasks, 2, T0);
        assert_int_equal(b.outcome.refused_n[NX_REFUSAL_BUSY],
                         others[i].near ? 1 : 0);
        tasks[1].kind = NX_TASK_AUTHORITY;
        load(&b, tasks, 2, T0);
        assert_int_equal(b.outcome.refused_n[NX_REFUSAL_BUSY],
                         others[i].near ? 1 : 0);
        free_bench(&b);
    }
}

static unsigned asked(struct bench *b, int64_t *now, int64_t until) {
    struct nx_due due;
    unsigned n = 0;
    while (next_query(b, now, until, &due)) {
        n += nx_dname_equal(due.name, name) ? 1 : 0;
    }
    return n;
}

static struct nx_question question(void) {
    return (struct nx_question){.name = name,
                                .qtype = NX_TYPE_A,
                                .flags = NX_Q_RD,
                                .to = resolvers[0].at};
}

/* Without a word of the collector nobody knows whether it is quiet still. */
static void test_proof_lapses(void **state) {
    struct bench b = new_bench(1);
    const struct nx_task task = sibling(name);
    const struct nx_question q = question();
    int64_t now = T0;
    (void)state;
    policy.proof_s = 5;
    load(&b, &task, 1, T0);
    assert_in_range(asked(&b, &now, T0 + 4 * S), 3, 5);
    assert_true(nx_planner_may(b.planner, &q, T0 + 5 * S));
    assert_false(nx_planner_may(b.planner, &q, T0 + 6 * S)); /* on its way */
    now = T0 + 6 * S;
    assert_int_equal(asked(&b, &now, T0 + 40 * S), 0);
    free_bench(&b);
}

/* Where the plan's word alone opens nothing. */
static void test_own_proof(void **state) {
    struct bench b = new_bench(1);
    const struct nx_task task = sibling(name);
    int64_t now = T0;
    (void)state;
    policy.own_proof = true;
    load(&b, &task, 1, T0);
    assert_int_equal(asked(&b, &now, T0 + 20 * S), 0);
    free_bench(&b);
}

/* A resolver that says it validated an answer out of the zone: it is signed. */
static void test_signed_zone(void **state) {
    static const uint8_t *const names[] = {
        name, (const uint8_t *)"\3www\7example\3com"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct bench b = new_bench(1);
        const struct nx_task task = sibling(name);
        struct nx_question q = question();
        struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN};
        const struct nx_obs obs = {.question = &q, .answer = &answer};
        int64_t now = T0;
        load(&b, &task, 1, T0);
        assert_in_range(asked(&b, &now, T0 + 2 * S), 1, 3);
        q.name = names[i];
        (void)nx_planner_seen(b.planner, &obs, now);
        assert_in_range(asked(&b, &now, T0 + 4 * S), 1, 3);
        answer.flags = NX_ANS_AD;
        (void)nx_planner_seen(b.planner, &obs, now);
        assert_int_equal(asked(&b, &now, T0 + 20 * S), 0);
        load(&b, &task, 1, now); /* a plan does not make it unsigned */
        assert_int_equal(asked(&b, &now, now + 20 * S), 0);
        free_bench(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_policy, allowed),
        cmocka_unit_test_setup(test_incident_near, allowed),
        cmocka_unit_test_setup(test_proof_lapses, allowed),
        cmocka_unit_test_setup(test_own_proof, allowed),
        cmocka_unit_test_setup(test_signed_zone, allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
