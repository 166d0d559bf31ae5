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

/* What the resolver says when it is asked whether the zone is signed. */
static struct nx_answer says;
static unsigned vouches_n;

static const struct nx_answer unsigned_ = {.flags = NX_ANS_RDATA | NX_ANS_EDNS};

static int allowed(void **state) {
    int err = setup(state);
    policy.sibling_zones = sibling_zones;
    policy.sibling_zones_n = 1;
    policy.proof_s = 30;
    says = unsigned_;
    vouches_n = 0;
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
    assert_int_equal(refusal(&task), NX_REFUSAL_NONE);
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
    task = sibling(zone); /* NODATA of a type that nobody asks for */
    task.qtype = NX_TYPE_PRIVATE_FIRST;
    assert_int_equal(refusal(&task), NX_REFUSAL_NONE);
    task.rd0 = true;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(name);
    task.qtype = NX_TYPE_PRIVATE_FIRST;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(zone);
    task.qtype = NX_TYPE_PRIVATE_FIRST + NX_TYPE_PRIVATE_N;
    assert_int_equal(refusal(&task), NX_REFUSAL_SIBLING);
    task = sibling(root); /* who answers: of what is there everywhere */
    task.sibling = false;
    task.nsid = true;
    task.qtype = NX_TYPE_NS;
    assert_int_equal(refusal(&task), NX_REFUSAL_NONE);
    task.qtype = NX_TYPE_A;
    assert_int_equal(refusal(&task), NX_REFUSAL_CANARY);
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

static void see(struct bench *b, const struct nx_question *question,
                const struct nx_answer *answer, int64_t now) {
    const struct nx_obs obs = {.question = question, .answer = answer};
    (void)nx_planner_signed(b->planner, &obs); /* as the agent does */
    (void)nx_planner_seen(b->planner, &obs, now);
}

static unsigned asked(struct bench *b, int64_t *now, int64_t until) {
    struct nx_due due;
    unsigned n = 0;
    while (next_query(b, now, until, &due)) {
        n += nx_dname_equal(due.name, name) ? 1 : 0;
        if (due.dnssec) {
            const struct nx_question q = {.name = due.name,
                                          .qtype = due.qtype,
                                          .flags = NX_Q_RD | NX_Q_DO,
                                          .to = due.to};
            assert_true(nx_dname_equal(due.name, zone));
            assert_int_equal(due.qtype, NX_TYPE_NS);
            assert_false(due.rd0 || due.nsid || due.ad || due.cd);
            assert_true(nx_planner_may(b->planner, &q, *now));
            vouches_n++;
            see(b, &q, &says, *now);
        }
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

/* The zone shows that it is signed, whoever says so. */
static void test_signed_zone(void **state) {
    static const uint8_t host[] = "\3www\7example\3com";
    static const uint8_t below[] = "\1a\3www\7example\3com";
    static const struct {
        const uint8_t *name;
        uint16_t qtype;
        uint8_t layer;
        uint16_t flags;
        struct nx_proof proof;
        bool is_signed;
    } rows[] = {
        {name, NX_TYPE_A, 0, NX_ANS_AD, {0}, true},
        {host, NX_TYPE_A, 0, NX_ANS_AD, {0}, true},
        {below, NX_TYPE_A, 0, NX_ANS_AD, {0}, false}, /* of another zone? */
        {zone, NX_TYPE_NS, 0, NX_ANS_AD | NX_ANS_RDATA, {0}, true},
        {zone, NX_TYPE_NS, 0, NX_ANS_RDATA, {.signatures_n = 1}, true},
        {name, NX_TYPE_A, 0, NX_ANS_SOA, {.denial = NX_DENIAL_NSEC}, true},
        {name, NX_TYPE_A, 0, NX_ANS_SOA, {0}, false},
        {zone, NX_TYPE_DNSKEY, NX_LAYER_AUTHORITY, NX_ANS_RDATA, {0}, true},
        {zone, NX_TYPE_DNSKEY, NX_LAYER_AUTHORITY, NX_ANS_SOA, {0}, false},
        {zone, NX_TYPE_DS, NX_LAYER_AUTHORITY, NX_ANS_RDATA, {0}, true},
        /* The parent is signed, and says that this one is not. */
        {zone,
         NX_TYPE_DS,
         NX_LAYER_AUTHORITY,
         NX_ANS_SOA,
         {.signatures_n = 2, .denial = NX_DENIAL_NSEC3},
         false},
        {host,
         NX_TYPE_A,
         NX_LAYER_AUTHORITY,
         NX_ANS_RDATA,
         {.signatures_n = 1},
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench b = new_bench(1);
        const struct nx_task task = sibling(name);
        const struct nx_question on_its_way = question();
        struct nx_question q = question();
        const struct nx_answer answer = {.flags = rows[i].flags,
                                         .proof = rows[i].proof};
        int64_t now = T0;
        q.name = rows[i].name;
        q.qtype = rows[i].qtype;
        q.flags |= NX_Q_DO;
        q.to.layer = rows[i].layer != 0 ? rows[i].layer : q.to.layer;
        load(&b, &task, 1, T0);
        assert_in_range(asked(&b, &now, T0 + 2 * S), 1, 3);
        see(&b, &q, &answer, now);
        assert_int_equal(nx_planner_may(b.planner, &on_its_way, now),
                         !rows[i].is_signed);
        unsigned n = asked(&b, &now, T0 + 12 * S);
        assert_int_equal(n > 0, !rows[i].is_signed);
        load(&b, &task, 1, now); /* a plan does not make it unsigned */
        n = asked(&b, &now, now + 20 * S);
        assert_int_equal(n > 0, !rows[i].is_signed);
        free_bench(&b);
    }
}

/* Told once, so that what is on its way is called back. */
static void test_turns_once(void **state) {
    struct bench b = new_bench(1);
    const struct nx_task task = sibling(name);
    const struct nx_question q = question();
    const struct nx_answer plain = {.flags = NX_ANS_SOA};
    const struct nx_answer valid = {.flags = NX_ANS_AD};
    const struct nx_obs unsaid = {.question = &q, .answer = &plain};
    const struct nx_obs said = {.question = &q, .answer = &valid};
    (void)state;
    load(&b, &task, 1, T0);
    assert_false(nx_planner_signed(b.planner, &unsaid));
    assert_true(nx_planner_signed(b.planner, &said));
    assert_false(nx_planner_signed(b.planner, &said));
    free_bench(&b);
}

/* Whatever the plan says: the agent asks the resolver itself, and without its
 * word nothing else; each resolver for itself. */
static void test_asks_first(void **state) {
    static const struct nx_answer words[] = {
        {.outcome = NX_TIMEOUT},
        {.rcode = NX_RCODE_SERVFAIL, .flags = NX_ANS_EDNS},
        {.flags = NX_ANS_EDNS | NX_ANS_SOA}, /* no NS set: what is it? */
        {.flags = NX_ANS_RDATA},             /* without EDNS */
        {.flags = NX_ANS_RDATA | NX_ANS_EDNS | NX_ANS_TC},
        {.flags = NX_ANS_RDATA | NX_ANS_EDNS, .proof = {.signatures_n = 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct bench b = new_bench(1);
        struct nx_task tasks[3] = {sibling(name), sibling(name), sibling(zone)};
        const struct nx_question q = question();
        int64_t now = T0;
        tasks[1].rd0 = true;
        tasks[2].qtype = NX_TYPE_PRIVATE_FIRST;
        says = words[i];
        vouches_n = 0;
        load(&b, tasks, 3, T0);
        assert_int_equal(b.outcome.taken_n, 3);
        assert_int_equal(asked(&b, &now, T0 + 29 * S), 0);
        assert_int_equal(vouches_n, 1); /* for all of them */
        assert_false(nx_planner_may(b.planner, &q, now));
        says = unsigned_;
        unsigned n = asked(&b, &now, T0 + 50 * S); /* asked again after 30 s */
        bool is_signed = words[i].proof.signatures_n > 0;
        assert_int_equal(vouches_n, is_signed ? 1 : 2);
        assert_int_equal(n > 0, !is_signed);
        free_bench(&b);
    }
}

static void test_each_resolver_for_itself(void **state) {
    struct bench b = new_bench(2);
    struct nx_task tasks[2] = {sibling(name), sibling(name)};
    const struct nx_question vouch = {.name = zone,
                                      .qtype = NX_TYPE_NS,
                                      .flags = NX_Q_RD | NX_Q_DO,
                                      .to = resolvers[0].at};
    struct nx_question q = question();
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        tasks[i].has_endpoint = true;
        tasks[i].endpoint = resolvers[i].at;
    }
    load(&b, tasks, 2, T0);
    see(&b, &vouch, &unsigned_, T0);
    assert_true(nx_planner_may(b.planner, &q, T0));
    q.to = resolvers[1].at;
    assert_false(nx_planner_may(b.planner, &q, T0));
    q.to = resolvers[0].at; /* its word is old */
    assert_true(
        nx_planner_may(b.planner, &q, T0 + (NX_SIBLING_WORD_S - 60) * S));
    policy.proof_s = 3600;
    assert_false(
        nx_planner_may(b.planner, &q, T0 + (NX_SIBLING_WORD_S + 1) * S));
    free_bench(&b);
}

/* RD=0 waits for nothing else, but is not sent when the plan is withdrawn. */
static void test_without_rd(void **state) {
    struct bench b = new_bench(1);
    struct nx_task task = sibling(name);
    const struct nx_question q = {
        .name = name, .qtype = NX_TYPE_A, .to = resolvers[0].at};
    int64_t now = T0;
    (void)state;
    task.rd0 = true;
    load(&b, &task, 1, T0);
    assert_false(nx_planner_may(b.planner, &q, T0));
    assert_in_range(asked(&b, &now, T0 + 3 * S), 1, 4);
    assert_true(nx_planner_may(b.planner, &q, now));
    load(&b, NULL, 0, now);
    assert_false(nx_planner_may(b.planner, &q, now));
    free_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_policy, allowed),
        cmocka_unit_test_setup(test_incident_near, allowed),
        cmocka_unit_test_setup(test_proof_lapses, allowed),
        cmocka_unit_test_setup(test_own_proof, allowed),
        cmocka_unit_test_setup(test_signed_zone, allowed),
        cmocka_unit_test_setup(test_turns_once, allowed),
        cmocka_unit_test_setup(test_asks_first, allowed),
        cmocka_unit_test_setup(test_each_resolver_for_itself, allowed),
        cmocka_unit_test_setup(test_without_rd, allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
