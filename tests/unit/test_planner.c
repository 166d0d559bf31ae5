#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/engine/planner.h"
#include "tests/lib/engine_bench.h"

/* The engine has run for long: who is not heard is not there. */
static int setup(void **state) {
    int err = bench_setup(state);
    if (err == 0) {
        struct engine_bench *b = *state;
        tick(b, T0 - 86400 * S);
        memset(b->plans_n, 0, sizeof(b->plans_n));
    }
    return err;
}

/* Ticks twice a second. */
static void pass(struct engine_bench *b, int64_t from, int64_t until) {
    for (int64_t t = from; t <= until; t += S / 2) {
        tick(b, t);
    }
}

static unsigned plans(struct engine_bench *b, uint32_t agent) {
    unsigned n = b->plans_n[agent];
    b->plans_n[agent] = 0;
    return n;
}

/* A name server turns bad: what plans say is taken back with the batch that
 * tells it, not with the next tick. */
static void test_withdrawn_at_once(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, LYON, 2, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    for (int64_t t = T0; t <= T0 + 20 * S; t += 5 * S) {
        audits(b, true, t);
        nx_engine_withdraw(b->engine, t, &b->sink);
        tick(b, t + S);
    }
    assert_int_equal(plan_of(b, LYON, T0 + 21 * S)->tasks_n, 2);
    (void)plans(b, LYON);
    audits(b, true, T0 + 25 * S); /* no news */
    nx_engine_withdraw(b->engine, T0 + 25 * S, &b->sink);
    assert_int_equal(plans(b, LYON), 0);
    uint64_t revision = b->plan.revision;
    audits(b, false, T0 + 26 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 26 * S)->tasks_n, 0);
    nx_engine_withdraw(b->engine, T0 + 26 * S, &b->sink);
    assert_int_equal(plans(b, LYON), 1);
    assert_true(plan_of(b, LYON, T0 + 26 * S)->revision > revision);
    nx_engine_withdraw(b->engine, T0 + 26 * S, &b->sink);
    assert_int_equal(plans(b, LYON), 0); /* once */
    tick(b, T0 + 27 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 27 * S)->tasks_n, 0);
}

/* A visit of n looks; TTL counts down to `end`. */
static void visit(struct engine_bench *b, uint32_t agent, unsigned r,
                  unsigned n, int64_t begin, int64_t end) {
    for (unsigned i = 0; i < n; i++) {
        int64_t at = begin + i * NX_VISIT_GAP_MS * INT64_C(1000);
        sees_nxdomain(b, agent, r, (uint32_t)(end / S - at / S), at);
        tick(b, at + S / 2);
    }
}

/* Rule 1: no resolver task without verified servers. */
static void test_guard(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, LYON, 2, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, 0);
    audits(b, false, T0 + S);
    tick(b, T0 + S);
    for (int64_t t = T0 + 5 * S; t < T0 + 15 * S; t += 5 * S) {
        audits(b, true, t);
        tick(b, t + S);
        assert_int_equal(plan_of(b, LYON, t)->tasks_n, 0);
    }
    (void)plans(b, LYON);
    audits(b, true, T0 + 15 * S);
    tick(b, T0 + 16 * S);
    assert_int_equal(plans(b, LYON), 1);
    const struct nx_plan *plan = plan_of(b, LYON, T0 + 16 * S);
    assert_int_equal(plan->tasks_n, 2);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(plan->tasks[k].kind, NX_TASK_RESOLVER);
        assert_true(plan->tasks[k].authority_verified);
        assert_int_equal(plan->tasks[k].authority_epoch, 1);
        assert_true(plan->tasks[k].has_endpoint);
        assert_int_equal(plan->tasks[k].first_after_ms, 0);
        assert_int_equal(plan->tasks[k].visit_n, 8);
        assert_int_equal(plan->tasks[k].visit_gap_ms, NX_VISIT_GAP_MS);
    }
    /* A denial takes them away in the same tick. */
    audits(b, false, T0 + 20 * S);
    tick(b, T0 + 20 * S + 10000);
    assert_int_equal(plans(b, LYON), 1);
    assert_int_equal(plan_of(b, LYON, T0 + 21 * S)->tasks_n, 0);
}

/* Rule 1: the operator's word does not open the guard before the authority
 * agents that are there could answer. */
static void test_guard_waits_for_the_audit(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    open_restored(b, 1, T0);
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, 0);
    audits(b, false, T0 + 3 * S);
    pass(b, T0 + 4 * S, T0 + 60 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 60 * S)->tasks_n, 0);
}

static void test_audit_tasks(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    tick(b, T0);
    (void)plans(b, AUDITOR);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    tick(b, T0 + S);
    assert_int_equal(plans(b, AUDITOR), 1);
    const struct nx_plan *plan = plan_of(b, AUDITOR, T0 + S);
    assert_int_equal(plan->tasks_n, 1);
    assert_int_equal(plan->tasks[0].kind, NX_TASK_AUTHORITY);
    assert_int_equal(plan->tasks[0].interval_ms, 5000);
    assert_int_equal(plan->tasks[0].audit, 7);
    assert_true(nx_dname_equal(plan->tasks[0].name, www));
    pass(b, T0 + S, T0 + 60 * S);
    assert_int_equal(plans(b, AUDITOR), 0);
}

/* Rule 1: the old server denies, and caches may know it for the minute that NS
 * sets live. It stays in the audit, and nobody asks resolvers. */
static void test_moved_away_from_a_denial(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits_at(b, 2, 2, false, T0 + S);
    tick(b, T0 + S);
    (void)plans(b, AUDITOR);
    for (int64_t t = T0 + 2 * S; t < T0 + 62 * S; t += 4 * S) {
        audits_at(b, 1, 1, true, t);
        audits_at(b, 1, 2, false, t + S);
        tick(b, t + 2 * S);
        assert_int_equal(plan_of(b, LYON, t + 2 * S)->tasks_n, 0);
        const struct nx_plan *plan = plan_of(b, AUDITOR, t + 2 * S);
        assert_int_equal(plan->tasks_n, 2);
        assert_false(plan->tasks[0].has_endpoint);
        assert_true(plan->tasks[1].has_endpoint);
        assert_int_equal(plan->tasks[1].kind, NX_TASK_AUTHORITY);
        assert_int_equal(plan->tasks[1].endpoint.address[3], 2);
    }
    assert_int_equal(plans(b, AUDITOR), 1); /* one new plan, not one a round */
    pass(b, T0 + 63 * S, T0 + 64 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 64 * S)->tasks_n, 1);
    assert_int_equal(plan_of(b, AUDITOR, T0 + 64 * S)->tasks_n, 1);
}

/* Rule 1: the name of another incident does not exist, and never did since; a
 * resolver that minimises names asks for it before the one below. */
static void test_below_a_name_that_is_denied(void **state) {
    static const uint8_t below[] = "\1a\3www\7example\3com";
    struct engine_bench *b = *state;
    struct nx_incident upper = incident(7, T0);
    struct nx_incident lower = incident(8, T0);
    memcpy(lower.items[0].name, below, sizeof(below));
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &upper), 0);
    assert_int_equal(nx_engine_incident_open(b->engine, &lower), 0);
    int64_t t = T0 + S;
    for (; t < T0 + 60 * S; t += 4 * S) {
        audits(b, false, t);
        audits_name(b, below, 1, 1, NX_TYPE_A, true, t + S);
        tick(b, t + 2 * S);
        assert_int_equal(plan_of(b, LYON, t + 2 * S)->tasks_n, 0);
    }
    int64_t last = t - 4 * S;
    while (plan_of(b, LYON, t)->tasks_n < 2) {
        audits(b, true, t);
        audits_name(b, below, 1, 1, NX_TYPE_A, true, t + S);
        tick(b, t + 2 * S);
        t += 4 * S;
        assert_true(t < last + 60 * S);
    }
    assert_true(t >= last + 10 * S);
}

/* The walk of another incident comes before the servers that left. */
static void test_walks_come_first(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, AUDITOR, 0, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits_at(b, 2, 2, false, T0 + S);
    audits_at(b, 1, 1, true, T0 + 2 * S);
    i = incident(8, T0 + 3 * S);
    i.items[0].qtype = NX_TYPE_AAAA;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    tick(b, T0 + 4 * S);
    const struct nx_plan *plan = plan_of(b, AUDITOR, T0 + 4 * S);
    assert_int_equal(plan->tasks_n, 3);
    assert_false(plan->tasks[0].has_endpoint || plan->tasks[1].has_endpoint);
    assert_true(plan->tasks[2].has_endpoint);
}

/* What a walk found: the zone is at name server `of`. */
static void walks(struct engine_bench *b, unsigned of, uint32_t problems,
                  int64_t at_us, int64_t told_us) {
    const struct nx_endpoint at = name_server(of);
    const struct nx_delegation d = {.name = www,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = &at,
                                    .servers_n = 1,
                                    .problems = problems,
                                    .at_mono_us = at_us + THETA};
    const struct nx_batch batch = {.epoch = 1,
                                   .first_seq = 1,
                                   .clock = clock_at(told_us),
                                   .delegations = &d,
                                   .delegations_n = 1};
    assert_int_equal(nx_engine_batch(b->engine, AUDITOR, &batch, 0, told_us),
                     0);
}

/* An audit finds server 2; after it an incident is opened (T0 + 20 s). */
static void open_after_audit(struct engine_bench *b) {
    struct nx_incident before = incident(7, T0);
    struct nx_incident after = incident(8, T0 + 20 * S);
    before.audit = true;
    hello(b, AUDITOR, 0, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &before), 0);
    audits_at(b, 2, 2, true, T0 + S);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 10 * S), 0);
    assert_int_equal(nx_engine_incident_open(b->engine, &after), 0);
}

/* An audit before the move knows whom caches may ask after it. */
static void test_moved_between_audit_and_incident(void **state) {
    struct engine_bench *b = *state;
    open_after_audit(b);
    audits_at(b, 1, 1, true, T0 + 21 * S);
    tick(b, T0 + 22 * S);
    const struct nx_plan *plan = plan_of(b, AUDITOR, T0 + 22 * S);
    assert_int_equal(plan->tasks_n, 2);
    assert_int_equal(plan->tasks[1].endpoint.address[3], 2);
}

/* ... also when the new server is silent to the first walk. */
static void test_moved_and_first_walk_in_vain(void **state) {
    struct engine_bench *b = *state;
    open_after_audit(b);
    walks(b, 1, NX_DELEG_UNREACHED, T0 + 21 * S, T0 + 21 * S);
    walks(b, 1, 0, T0 + 30 * S, T0 + 30 * S);
    tick(b, T0 + 31 * S);
    const struct nx_plan *plan = plan_of(b, AUDITOR, T0 + 31 * S);
    assert_int_equal(plan->tasks_n, 2);
    assert_int_equal(plan->tasks[1].endpoint.address[3], 2);
}

/* The operator's word opens the guard when the auditor has told the set, and
 * what it asked of it stays without an answer. */
static void test_guard_opens_on_word(void **state) {
    struct engine_bench *b = *state;
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = name_server(1)};
    const struct nx_answer silent = {.outcome = NX_TIMEOUT};
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 0, 0, T0);
    open_restored(b, 1, T0);
    pass(b, T0, T0 + 30 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 30 * S)->tasks_n, 0);
    walks(b, 1, 0, T0 + 30 * S, T0 + 30 * S);
    batch_of(b, AUDITOR, &question, &silent, 0, T0 + 31 * S, NULL);
    pass(b, T0 + 31 * S, T0 + 40 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 40 * S)->tasks_n, 0);
    pass(b, T0 + 41 * S, T0 + 60 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 60 * S)->tasks_n, 1);
}

/* A clock that runs ahead does not hold the guard shut for longer. */
static void test_walk_of_the_future(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, AUDITOR, 0, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits_at(b, 2, 2, false, T0 + S);
    walks(b, 1, 0, T0 + 1000000 * S, T0 + 2 * S);
    tick(b, T0 + 3 * S);
    assert_int_equal(plan_of(b, AUDITOR, T0 + 3 * S)->tasks_n, 2);
    tick(b, T0 + 64 * S);
    assert_int_equal(plan_of(b, AUDITOR, T0 + 64 * S)->tasks_n, 1);
}

/* While a visit goes on the plan stands; at its end there is one new plan, and
 * none while time passes until the next visit. */
static void test_revision_grows_only_with_change(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0);
    assert_int_equal(plans(b, LYON), 1);
    uint64_t revision = plan_of(b, LYON, T0)->revision;
    visit(b, LYON, 1, 7, T0 + S / 10, T0 + 200 * S);
    assert_int_equal(plans(b, LYON), 0);
    visit(b, LYON, 1, 1, T0 + 5210000, T0 + 200 * S);
    pass(b, T0 + 6 * S, T0 + 8 * S);
    assert_int_equal(plans(b, LYON), 1);
    assert_true(plan_of(b, LYON, T0 + 8 * S)->revision > revision);
    const struct nx_task task = plan_of(b, LYON, T0 + 8 * S)->tasks[0];
    assert_in_range(task.first_after_ms, 45000, 52000);
    pass(b, T0 + 8 * S, T0 + 50 * S);
    assert_int_equal(plans(b, LYON), 0);
    /* Repeated with the same numbers, so that the agent keeps its phase. */
    assert_int_equal(plan_of(b, LYON, T0 + 50 * S)->tasks[0].first_after_ms,
                     task.first_after_ms);
}

/* Another task must not look like the one before it. */
static void test_another_task_has_other_numbers(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0);
    struct nx_task before = plan_of(b, LYON, T0)->tasks[0];
    hello(b, LYON, 1, 0, T0 + 20 * S); /* the agent started again */
    tick(b, T0 + 20 * S);
    struct nx_task after = plan_of(b, LYON, T0 + 20 * S)->tasks[0];
    assert_int_not_equal(before.first_after_ms, after.first_after_ms);
    assert_true(after.first_after_ms <= 1);
}

static void test_agent_with_our_plan_keeps_it(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0);
    (void)plans(b, LYON);
    uint64_t revision = plan_of(b, LYON, T0)->revision;
    hello(b, LYON, 1, revision, T0 + S);
    tick(b, T0 + S);
    assert_int_equal(plans(b, LYON), 0);
    hello(b, LYON, 1, revision - 1, T0 + 2 * S);
    tick(b, T0 + 2 * S);
    assert_int_equal(plans(b, LYON), 1);
}

/* After a restart of the collector revisions still grow. */
static void test_revisions_grow_over_a_restart(void **state) {
    struct engine_bench *b = *state;
    tick(b, T0);
    uint64_t first = plan_of(b, LYON, T0)->revision;
    assert_true(first > 0);
    nx_engine_free(&b->engine);
    assert_int_equal(nx_engine_new(&b->settings, &b->engine), 0);
    add_agent(b, LYON, "lyon", false);
    tick(b, T0 + S);
    assert_true(plan_of(b, LYON, T0 + S)->revision > first);
}

static void test_plan_is_renewed_before_it_expires(void **state) {
    struct engine_bench *b = *state;
    tick(b, T0);
    uint64_t first = plan_of(b, LYON, T0)->revision;
    (void)plans(b, LYON);
    tick(b, T0 + 1799 * S);
    assert_int_equal(plans(b, LYON), 0);
    tick(b, T0 + 1800 * S);
    assert_int_equal(plans(b, LYON), 1);
    assert_true(plan_of(b, LYON, T0 + 1800 * S)->revision > first);
    assert_int_equal(plan_of(b, LYON, T0 + 1800 * S)->valid_s, 3600);
}

/* A resolver that is gone takes its task along; the others stay. */
static void test_resolver_change(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 3, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, 3);
    uint64_t revision = plan_of(b, LYON, T0)->revision;
    (void)plans(b, LYON);
    hello(b, LYON, 1, revision, T0 + S);
    tick(b, T0 + S);
    assert_int_equal(plans(b, LYON), 1);
    assert_int_equal(plan_of(b, LYON, T0 + S)->tasks_n, 1);
}

static void test_bounds_of_a_task(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    for (int64_t t = T0; t < T0 + 1000 * S; t += 7 * S) {
        sees_nxdomain(b, LYON, 1, (uint32_t)(t / S % 900), t);
        tick(b, t + S);
        const struct nx_plan *plan = plan_of(b, LYON, t + S);
        assert_int_equal(plan->tasks_n, 1);
        assert_in_range(plan->tasks[0].interval_ms, 5000, 300000);
        assert_in_range(plan->tasks[0].first_after_ms, 0, 300001);
        assert_in_range(plan->tasks[0].visit_n, 1, 16);
        /* The visit fits between two. */
        assert_true(plan->tasks[0].interval_ms >=
                    (plan->tasks[0].visit_n - 1U) * NX_VISIT_GAP_MS);
    }
}

static void measured(struct engine_bench *b) {
    struct nx_book_row row = {.network = "lyon",
                              .at = resolver(1),
                              .measured_us = T0,
                              .failed_us = NX_TIME_UNKNOWN};
    nx_profile_default(&row.measured.profile);
    row.measured.nxdomain_cap_s = 3600;
    row.measured.nodata_cap_s = 3600;
    row.measured.floor_s = NX_NOT_MEASURED;
    row.measured.soa_clock = NX_SOA_CLOCK_OWN;
    row.measured.chain = NX_CHAIN_OWN;
    row.measured.profile.conv = NX_CONV_F;
    row.measured.profile.past_ttl = NX_PAST_TTL_NEVER;
    row.measured.profile.early_window_s = 0;
    row.measured.profile.caches = 1;
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
}

/* The end that the countdown of a measured resolver has is looked at from
 * before it until after it, so that it is seen when it came. */
static void test_end_of_a_measured_countdown(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    measured(b);
    open_restored(b, 7, T0);
    int64_t now = T0 + 20 * S;
    int64_t end = now + 100 * S;
    int64_t told = now;
    for (unsigned i = 0; i < 8; i++) {
        sees_nxdomain(b, LYON, 1, (uint32_t)((end - now) / S), now);
        (void)plans(b, LYON);
        tick(b, now + S / 2);
        told = plans(b, LYON) > 0 ? now + S / 2 : told;
        now += S;
    }
    const struct nx_plan *plan = plan_of(b, LYON, now);
    assert_int_equal(plan->tasks_n, 1);
    assert_int_equal(plan->tasks[0].visit_n, 5);
    int64_t first = told + plan->tasks[0].first_after_ms * INT64_C(1000);
    int64_t last = first + INT64_C(4) * NX_VISIT_GAP_MS * 1000;
    assert_true(first < end - S && first > end - 3 * S);
    assert_true(last > end && last < end + S);
}

/* DoT resolvers with the longest names: their plan fits into a message. */
static void test_many_tasks_of_resolvers_with_long_names(void **state) {
    enum { RESOLVERS = NX_HELLO_RESOLVERS_MAX };
    static uint8_t memory[4U * NX_UNPACK_ARENA_BYTES],
        message[NX_MSG_MAX_BYTES];
    static struct nx_endpoint at[RESOLVERS];
    uint8_t tls_name[NX_DNAME_MAX] = {0};
    struct engine_bench *b = *state;
    struct nx_arena arena;
    struct nx_plan plan;
    size_t len = 0;
    for (size_t i = 0; i < 4; i++) { /* 255 octets */
        size_t of = i < 3 ? 63 : 61;
        tls_name[64 * i] = (uint8_t)of;
        memset(&tls_name[64 * i + 1], 'a', of);
    }
    for (unsigned i = 0; i < RESOLVERS; i++) {
        at[i] = resolver(i + 1);
        at[i].transport = NX_TLS;
        at[i].server_name = tls_name;
    }
    const struct nx_hello h = {.protocol = NX_PROTOCOL,
                               .software = "bench",
                               .epoch = 1,
                               .next_seq = 1,
                               .clock = clock_at(T0),
                               .resolvers = at,
                               .resolvers_n = RESOLVERS};
    b->settings.targets_max = RESOLVERS * NX_INCIDENT_ITEMS_MAX;
    assert_int_equal(bench_renew(b), 0);
    assert_int_equal(nx_engine_hello(b->engine, LYON, &h, T0), 0);
    struct nx_incident i = incident(7, T0);
    i.outage_from_us = T0 - 300 * S;
    i.restored_us = T0 - 60 * S;
    i.items_n = NX_INCIDENT_ITEMS_MAX;
    for (uint16_t k = 1; k < i.items_n; k++) {
        i.items[k] = i.items[0];
        i.items[k].qtype = (uint16_t)(NX_TYPE_A + 100 + k);
    }
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    pass(b, T0, T0 + 61 * S);
    nx_arena_init(&arena, memory, sizeof(memory));
    assert_int_equal(
        nx_engine_plan(b->engine, LYON, T0 + 61 * S, &arena, &plan), 0);
    assert_int_equal(plan.tasks_n, RESOLVERS * NX_INCIDENT_ITEMS_MAX);
    assert_int_equal(
        nx_codec_pack_plan(&plan, &arena, message, sizeof(message), &len), 0);
}

static void test_plan_of_nobody_and_small_arena(void **state) {
    struct engine_bench *b = *state;
    struct nx_arena arena;
    struct nx_plan plan;
    nx_arena_init(&arena, b->memory, 16);
    assert_int_equal(nx_engine_plan(b->engine, 99, T0, &arena, &plan),
                     NX_ENOTFOUND);
    assert_int_equal(nx_engine_plan(b->engine, LYON, T0, &arena, &plan),
                     NX_ENOMEM);
}

#define LIVE(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVE(test_guard),
        LIVE(test_withdrawn_at_once),
        LIVE(test_guard_waits_for_the_audit),
        LIVE(test_guard_opens_on_word),
        LIVE(test_audit_tasks),
        LIVE(test_moved_away_from_a_denial),
        LIVE(test_below_a_name_that_is_denied),
        LIVE(test_walks_come_first),
        LIVE(test_many_tasks_of_resolvers_with_long_names),
        LIVE(test_moved_between_audit_and_incident),
        LIVE(test_moved_and_first_walk_in_vain),
        LIVE(test_walk_of_the_future),
        LIVE(test_revision_grows_only_with_change),
        LIVE(test_another_task_has_other_numbers),
        LIVE(test_agent_with_our_plan_keeps_it),
        LIVE(test_revisions_grow_over_a_restart),
        LIVE(test_plan_is_renewed_before_it_expires),
        LIVE(test_resolver_change),
        LIVE(test_bounds_of_a_task),
        LIVE(test_end_of_a_measured_countdown),
        LIVE(test_plan_of_nobody_and_small_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
