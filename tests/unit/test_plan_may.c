/* Questions that are on their way when the guard closes: none that was not sent
 * may be sent any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/plan/plan.h"
#include "tests/lib/dice.h"

#define S INT64_C(1000000)
#define T0 (1000 * S)
#define NAMES_N 3U

static uint8_t root[1] = {0};
static uint8_t names[NAMES_N][NX_DNAME_MAX];
static const uint8_t *const zones[] = {root};
static uint8_t canary[NX_DNAME_MAX];
static const uint8_t *const canary_zones[] = {canary};
static struct nx_policy policy;
static struct nx_resolver resolvers[2];
static struct nx_ratelimit *limit;
static struct nx_planner *planner;
static uint64_t revision;

static int setup(void **state) {
    (void)state;
    policy = (struct nx_policy){.zones = zones,
                                .zones_n = 1,
                                .canary_zones = canary_zones,
                                .canary_zones_n = 1,
                                .min_interval_ms = 100,
                                .max_tasks = 100,
                                .proof_s = 30,
                                .own_rate = {1000000, 1000},
                                .public_rate = {1000000, 1000},
                                .server_rate = {1000000, 1000},
                                .total_rate = {1000000, 1000}};
    int err = nx_dname_parse("canary.example.net", canary);
    for (unsigned i = 0; i < NAMES_N; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "www%u.example.com", i);
        err |= nx_dname_parse(text, names[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        resolvers[i].at = (struct nx_endpoint){.address = {10, 0, 0, 1},
                                               .address_len = 4,
                                               .port = 53,
                                               .layer = NX_LAYER_NETWORK};
        resolvers[i].at.address[3] = (uint8_t)(i + 1);
    }
    err |= nx_ratelimit_new(&policy.total_rate, &limit);
    err |= nx_planner_new(&policy, limit, 42, &planner);
    return err | nx_planner_resolvers(planner, resolvers, 2, T0);
}

static int teardown(void **state) {
    (void)state;
    nx_planner_free(&planner);
    nx_ratelimit_free(&limit);
    return 0;
}

/* The names of the mask are asked. */
static void load(unsigned mask, int64_t now_us) {
    struct nx_task tasks[NAMES_N];
    struct nx_plan_outcome outcome;
    size_t n = 0;
    for (unsigned i = 0; i < NAMES_N; i++) {
        if ((mask & 1U << i) != 0) {
            tasks[n++] = (struct nx_task){.kind = NX_TASK_RESOLVER,
                                          .name = names[i],
                                          .qtype = NX_TYPE_A,
                                          .interval_ms = 1000,
                                          .visit_n = 3,
                                          .visit_gap_ms = 200,
                                          .authority_verified = true,
                                          .authority_epoch = 1};
        }
    }
    const struct nx_plan plan = {
        .revision = ++revision, .valid_s = 60, .tasks = tasks, .tasks_n = n};
    assert_int_equal(nx_planner_load(planner, &plan, now_us, &outcome), 0);
    assert_int_equal(outcome.taken_n, n);
}

static struct nx_question ask(unsigned i, unsigned resolver) {
    return (struct nx_question){.name = names[i],
                                .qtype = NX_TYPE_A,
                                .flags = NX_Q_RD,
                                .to = resolvers[resolver].at};
}

static bool may(unsigned i, int64_t now_us) {
    const struct nx_question q = ask(i, 0);
    return nx_planner_may(planner, &q, now_us);
}

static void what_is_harmless(void **state) {
    struct nx_question q = ask(0, 0);
    (void)state;
    assert_false(nx_planner_may(planner, &q, T0)); /* no plan */
    q.flags = 0;
    assert_true(nx_planner_may(planner, &q, T0));
    q = ask(0, 0);
    q.name = root;
    q.qtype = NX_TYPE_NS;
    assert_true(nx_planner_may(planner, &q, T0));
}

static void what_the_plan_has(void **state) {
    struct nx_question q = ask(0, 1);
    (void)state;
    load(1, T0);
    assert_true(may(0, T0 + S));
    assert_false(may(1, T0 + S));
    assert_true(nx_planner_may(planner, &q, T0 + S));
    q.to.transport = NX_TCP; /* the truncated answer is fetched */
    assert_true(nx_planner_may(planner, &q, T0 + S));
    q.flags |= NX_Q_CD; /* the twin */
    assert_true(nx_planner_may(planner, &q, T0 + S));
    q.qtype = NX_TYPE_AAAA;
    assert_false(nx_planner_may(planner, &q, T0 + S));
    q = ask(0, 1);
    q.to.address[3] = 9;
    assert_false(nx_planner_may(planner, &q, T0 + S));
    load(2, T0 + 2 * S); /* taken back */
    assert_false(may(0, T0 + 2 * S));
    assert_true(may(1, T0 + 2 * S));
    nx_planner_lapse(planner);
    assert_false(may(1, T0 + 2 * S));
    load(2, T0 + 3 * S);
    assert_true(may(1, T0 + 32 * S));
    assert_false(may(1, T0 + 34 * S)); /* nothing was heard since */
}

/* By its clock the proof is young; by the clock of day the machine stood still
 * for five minutes. Clocks that go alike, or the other way, say nothing. */
static void paused_machine(void **state) {
    const int64_t wall_us = 1700000000 * S;
    (void)state;
    load(1, T0);
    assert_false(nx_planner_clocks(planner, T0, wall_us));
    assert_false(nx_planner_clocks(planner, T0 + 2 * S, wall_us + 2 * S));
    assert_false(nx_planner_clocks(planner, T0 + 3 * S, wall_us + 3 * S + S));
    assert_false(nx_planner_clocks(planner, T0 + 4 * S, wall_us - 9000 * S));
    assert_true(may(0, T0 + 4 * S));
    assert_true(nx_planner_clocks(planner, T0 + 5 * S, wall_us - 8700 * S));
    assert_false(may(0, T0 + 5 * S));
    assert_false(nx_planner_clocks(planner, T0 + 6 * S, wall_us - 8699 * S));
    nx_planner_heard(planner, T0 + 6 * S); /* only a plan proves */
    assert_false(may(0, T0 + 6 * S));
    assert_true(nx_planner_lapses(planner, T0 + 6 * S) == NX_PLANNER_NEVER);
    load(1, T0 + 7 * S);
    assert_true(may(0, T0 + 7 * S));
}

/* An own walk that began before proves nothing either; its denial stays. */
static void paused_walk(void **state) {
    (void)state;
    policy.own_proof = true;
    load(3, T0);
    (void)nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_GOOD, T0);
    (void)nx_planner_own(planner, names[1], NX_TYPE_A, NX_GUARD_GOOD, T0);
    assert_true(may(0, T0 + S) && may(1, T0 + S));
    nx_planner_stood(planner, T0 + 2 * S);
    load(3, T0 + 2 * S);
    assert_false(may(0, T0 + 2 * S));
    (void)nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_GOOD, T0 + S);
    (void)nx_planner_own(planner, names[1], NX_TYPE_A, NX_GUARD_DENIED, T0 + S);
    assert_false(may(0, T0 + 3 * S));
    assert_false(may(1, T0 + 3 * S));
    (void)nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_GOOD,
                         T0 + 3 * S);
    assert_true(may(0, T0 + 3 * S));
}

static void what_is_denied(void **state) {
    (void)state;
    load(3, T0);
    assert_true(may(0, T0));
    assert_true(
        nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_DENIED, T0 + S));
    assert_false(may(0, T0 + S));
    assert_true(may(1, T0 + S));
    /* That is no news any more, until it was good between. */
    assert_false(nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_DENIED,
                                T0 + 2 * S));
    load(3, T0 + 2 * S); /* whatever a plan says */
    assert_false(may(0, T0 + 2 * S));
    assert_false(nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_GOOD,
                                T0 + 3 * S));
    assert_true(may(0, T0 + 3 * S));
    assert_true(nx_planner_own(planner, names[0], NX_GUARD_EVERY_TYPE,
                               NX_GUARD_DENIED, T0 + 4 * S));
    assert_false(may(0, T0 + 4 * S));
}

static void canary_names(void **state) {
    uint8_t name[NX_DNAME_MAX];
    struct nx_plan_outcome outcome;
    (void)state;
    assert_int_equal(nx_dname_parse("a.canary.example.net", name), 0);
    const struct nx_task task = {.kind = NX_TASK_RESOLVER,
                                 .name = name,
                                 .qtype = NX_TYPE_A,
                                 .interval_ms = 1000,
                                 .visit_n = 1,
                                 .canary = true};
    struct nx_plan plan = {
        .revision = ++revision, .valid_s = 60, .tasks = &task, .tasks_n = 1};
    struct nx_question q = ask(0, 0);
    q.name = name;
    assert_int_equal(nx_planner_load(planner, &plan, T0, &outcome), 0);
    assert_int_equal(outcome.taken_n, 1);
    nx_planner_lapse(planner);
    assert_true(nx_planner_may(planner, &q, T0)); /* there to be denied */
    plan.tasks_n = 0; /* an incident near it: it must rest */
    plan.revision = ++revision;
    assert_int_equal(nx_planner_load(planner, &plan, T0, &outcome), 0);
    assert_false(nx_planner_may(planner, &q, T0));
}

/* Questions that connect, or wait for a handshake: sent late, or never. */
struct on_its_way {
    struct nx_question question;
    unsigned name;
};
#define ON_ITS_WAY_MAX 64U

static struct on_its_way underway[ON_ITS_WAY_MAX];
static size_t underway_n;

static unsigned index_of(const uint8_t *name) {
    unsigned i = 0;
    while (!nx_dname_equal(names[i], name)) {
        i++;
        assert_true(i < NAMES_N);
    }
    return i;
}

static void take_all(int64_t now_us) {
    struct nx_due due;
    while (underway_n < ON_ITS_WAY_MAX &&
           nx_planner_next(planner, now_us, &due)) {
        if (due.kind == NX_DUE_RESOLVER) {
            unsigned i = index_of(due.name);
            struct on_its_way *o = &underway[underway_n++];
            *o = (struct on_its_way){ask(i, 0), i};
            o->question.to = due.to;
            assert_true(nx_planner_may(planner, &o->question, now_us));
        }
    }
}

/* Whatever happens in which order: what is denied by our own walk, or is not in
 * the plan, or whose proof has lapsed, is never sent; what is in order is. */
static void whatever_happens(void **state) {
    const char *seed = getenv("NX_SEED");
    struct dice d = {seed != NULL ? strtoull(seed, NULL, 0) : 4};
    bool denied[NAMES_N] = {false};
    unsigned in_plan = 0;
    unsigned sent_n = 0;
    unsigned withheld_n = 0;
    int64_t heard_us = T0;
    bool proven = false;
    int64_t now_us = T0;
    (void)state;
    print_message("# NX_SEED=%llu\n", (unsigned long long)d.state);
    int64_t loaded_us = T0;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = dice_below(&d, NAMES_N);
        now_us += dice_one_in(&d, 200) ? 31 * S : dice_below(&d, 300000);
        proven = proven && now_us - heard_us <= (int64_t)policy.proof_s * S;
        switch (dice_below(&d, 8)) {
        case 0:
            (void)nx_planner_own(planner, names[i], NX_TYPE_A, NX_GUARD_DENIED,
                                 now_us);
            denied[i] = true;
            break;
        case 1:
        case 2:
            (void)nx_planner_own(planner, names[i], NX_TYPE_A, NX_GUARD_NO_WORD,
                                 now_us);
            denied[i] = false;
            break;
        case 3:
            in_plan = dice_below(&d, 1U << NAMES_N);
            load(in_plan, now_us);
            loaded_us = heard_us = now_us;
            proven = true;
            break;
        case 4:
            nx_planner_heard(planner, now_us);
            heard_us = proven ? now_us : heard_us;
            break;
        default:
            take_all(now_us);
            break;
        }
        bool sends = dice_one_in(&d, 3);
        for (size_t k = 0; sends && k < underway_n; k++) {
            unsigned n = underway[k].name;
            bool right = proven && !denied[n] && (in_plan & 1U << n) != 0 &&
                         now_us - loaded_us < 60 * S;
            assert_int_equal(
                nx_planner_may(planner, &underway[k].question, now_us), right);
            sent_n += right ? 1 : 0;
            withheld_n += right ? 0 : 1;
        }
        underway_n = sends ? 0 : underway_n;
    }
    print_message("# %u sent, %u withheld\n", sent_n, withheld_n);
    assert_true(sent_n > 500 && withheld_n > 500);
}

/* A name that does not exist has nothing below it (RFC 8020): a resolver that
 * minimises names asks for it first. */
static void what_is_below_a_denied_name(void **state) {
    (void)state;
    uint8_t above[NX_DNAME_MAX];
    struct nx_question q = {.name = names[0],
                            .qtype = NX_TYPE_A,
                            .flags = NX_Q_RD,
                            .to = resolvers[0].at};
    load(1, T0);
    assert_true(nx_planner_may(planner, &q, T0));
    assert_int_equal(nx_dname_parse("example.com", above), 0);
    (void)nx_planner_own(planner, above, NX_TYPE_A, NX_GUARD_DENIED, T0);
    assert_true(nx_planner_may(planner, &q, T0)); /* NODATA: it exists */
    (void)nx_planner_own(planner, above, NX_GUARD_EVERY_TYPE, NX_GUARD_DENIED,
                         T0);
    assert_false(nx_planner_may(planner, &q, T0));
    (void)nx_planner_own(planner, above, NX_GUARD_EVERY_TYPE, NX_GUARD_NO_WORD,
                         T0);
    assert_true(nx_planner_may(planner, &q, T0));
}

/* A proof that ends by time recalls questions as a plan does. */
static void when_it_closes_by_itself(void **state) {
    (void)state;
    assert_true(nx_planner_lapses(planner, T0) == NX_PLANNER_NEVER);
    load(1, T0);
    int64_t at = nx_planner_lapses(planner, T0);
    assert_true(at > T0 && at <= T0 + 31 * S);
    assert_true(may(0, at - 1));
    assert_false(may(0, at));
    assert_true(nx_planner_lapses(planner, at) == NX_PLANNER_NEVER);
    (void)nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_GOOD, at);
    assert_true(may(0, at));
    int64_t again = nx_planner_lapses(planner, at);
    assert_true(again > at && again <= at + 31 * S);
    assert_true(may(0, again - 1));
    assert_false(may(0, again));
    (void)nx_planner_own(planner, names[0], NX_TYPE_A, NX_GUARD_DENIED, again);
    assert_true(nx_planner_lapses(planner, again) == NX_PLANNER_NEVER);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(what_is_harmless),
        T(what_the_plan_has),
        T(paused_machine),
        T(paused_walk),
        T(what_is_denied),
        T(canary_names),
        T(when_it_closes_by_itself),
        T(whatever_happens),
        T(what_is_below_a_denied_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
