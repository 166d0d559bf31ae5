/* What a resolver denied that is named no more, or an agent saw that is gone:
 * it stays until it cannot be there any more, or is seen to be over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

static void test_resolver_that_went_away(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 3, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 3, 600, T0 + S);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 3);
    hello(b, LYON, 1, 0, T0 + 2 * S);
    /* The one that never told anything is gone, the one that denied is not. */
    struct seen_targets seen = targets_of(b, 7, T0 + 2 * S);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.at[1].question->to.address[3], 3);
    assert_int_equal(seen.at[1].verdict.state, NX_STATE_UNKNOWN);
    assert_int_equal(seen.at[1].verdict.unknown_reason, NX_UNKNOWN_NOT_LISTED);
    assert_true(seen.at[1].verdict.eta.known);
    /* What was seen before it went does not bring back one that is gone. */
    sees_nxdomain(b, LYON, 2, 599, T0 + S + S / 2);
    assert_int_equal(targets_of(b, 7, T0 + 3 * S).n, 2);
    /* It is not asked, */
    tick(b, T0 + 3 * S);
    const struct nx_plan *plan = plan_of(b, LYON, T0 + 3 * S);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        assert_int_not_equal(plan->tasks[i].endpoint.address[3], 3);
    }
    /* ... comes back with all that was seen of it, */
    hello(b, LYON, 3, 0, T0 + 4 * S);
    seen = targets_of(b, 7, T0 + 4 * S);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.at[2].verdict.state, NX_STATE_CACHED_NXDOMAIN);
    /* ... and goes for good when nothing of it can be left. */
    hello(b, LYON, 1, 0, T0 + 5 * S);
    int64_t bound_us = nx_verdict_latest(&seen.at[2].verdict)->at_us;
    tick(b, bound_us);
    assert_int_equal(targets_of(b, 7, bound_us).n, 2);
    tick(b, bound_us + 40 * S);
    assert_int_equal(targets_of(b, 7, bound_us + 40 * S).n, 1);
}

/* It denied, and was silent for more looks than are kept: that is no word of
 * the name. */
static void test_silent_resolver_that_went_away(void **state) {
    struct engine_bench *b = *state;
    const struct nx_answer refusal = {.rcode = NX_RCODE_REFUSED};
    hello(b, LYON, 3, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 3, 600, T0 + S);
    tick(b, T0 + 2 * S);
    for (unsigned i = 0; i < 2 * NX_LOOKS_MAX; i++) {
        sees(b, LYON, 2, &refusal, 0, T0 + 2 * S + i * S);
        sees(b, LYON, 3, &refusal, 0, T0 + 2 * S + i * S);
    }
    tick(b, T0 + 200 * S);
    hello(b, LYON, 1, 0, T0 + 201 * S);
    struct seen_targets seen = targets_of(b, 7, T0 + 201 * S);
    assert_int_equal(seen.n, 2); /* not the one that never told anything */
    assert_int_equal(seen.at[1].question->to.address[3], 3);
    int64_t over_us = T0 + 7200 * S; /* for twice what the zone's TTLs let it */
    tick(b, over_us);
    tick(b, over_us + 40 * S);
    assert_int_equal(targets_of(b, 7, over_us + 40 * S).n, 1);
}

/* Seen to be clear, there is nothing to wait for. */
static void test_clear_resolver_that_went_away(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 2, 0, T0);
    open_restored(b, 7, T0);
    for (int i = 0; i < 60; i++) {
        sees_address(b, LYON, 2, T0 + S + i * S / 3);
    }
    tick(b, T0 + 30 * S);
    hello(b, LYON, 1, 0, T0 + 31 * S);
    assert_int_equal(targets_of(b, 7, T0 + 31 * S).n, 1);
}

static const struct nx_agent revoked_lyon = {
    .id = LYON, .name = "lyon", .network = "lyon", .revoked_us = T0 + 70 * S};

/* How many targets lyon has, and how many of them are not clear. */
static void check_lyon(struct engine_bench *b, int64_t at_us, size_t n,
                       unsigned unclear_n) {
    tick(b, at_us);
    tick(b, at_us + 1);
    struct seen_targets seen = targets_of(b, 7, at_us + 1);
    unsigned unclear = 0;
    for (size_t i = 0; i < seen.n; i++) {
        unclear += seen.at[i].verdict.state != NX_STATE_CLEAR ? 1U : 0U;
    }
    assert_int_equal(seen.n, n);
    assert_int_equal(unclear, unclear_n);
}

/* A server that says who it is, or does not (NULL). */
static void is_clear_at(struct engine_bench *b, uint32_t agent, unsigned r,
                        const char *nsid, int64_t from_us) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1,
                                  .nsid = (const uint8_t *)nsid,
                                  .nsid_len = nsid != NULL ? 1 : 0};
    for (int i = 0; i < 60; i++) {
        sees(b, agent, r, &yes, 300, from_us + i * S / 10);
    }
}

static void is_clear(struct engine_bench *b, uint32_t agent, unsigned r,
                     int64_t from_us) {
    is_clear_at(b, agent, r, NULL, from_us);
}

/* One of two agents of a network saw a denial: it does not go with it. */
static void test_denial_seen_by_a_revoked_agent(void **state) {
    struct engine_bench *b = *state;
    add_agent(b, 4, "lyon", false);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + 60 * S);
    is_clear(b, 4, 2, T0 + 60 * S);
    check_lyon(b, T0 + 69 * S, 2, 1);
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked_lyon), 0);
    check_lyon(b, T0 + 71 * S, 2, 1);
    const struct nx_target_view left = targets_of(b, 7, T0 + 71 * S).at[0];
    assert_int_equal(left.agent_id, LYON);
    assert_int_equal(plan_of(b, LYON, T0 + 71 * S)->tasks_n, 0);
    sees_address(b, LYON, 1, T0 + 72 * S); /* it has no say any more */
    check_lyon(b, T0 + 300 * S, 2, 1);
    assert_int_equal(targets_of(b, 7, T0 + 300 * S).at[0].verdict.state,
                     NX_STATE_UNKNOWN);
    assert_int_equal(
        targets_of(b, 7, T0 + 300 * S).at[0].verdict.unknown_reason,
        NX_UNKNOWN_AGENT_REVOKED);
    is_clear(b, 4, 2, T0 + 4000 * S); /* past what a cache can keep */
    check_lyon(b, T0 + 4010 * S, 1, 0);
}

static void lyon_denied_then_revoked(struct engine_bench *b,
                                     const uint8_t *nsid, int64_t at_us) {
    const struct nx_answer denial = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_SOA | NX_ANS_RA,
                                     .soa_owner = apex,
                                     .soa_serial = 1,
                                     .soa_minimum_s = 900,
                                     .nsid = nsid,
                                     .nsid_len = nsid != NULL ? 1 : 0};
    sees(b, LYON, 1, &denial, 600, at_us);
    tick(b, at_us + S);
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked_lyon), 0);
}

static void test_denial_seen_to_be_over_by_another_agent(void **state) {
    struct engine_bench *b = *state;
    add_agent(b, 4, "lyon", false);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    lyon_denied_then_revoked(b, (const uint8_t *)"a", T0 + 60 * S);
    check_lyon(b, T0 + 71 * S, 1, 1);
    is_clear(b, 4, 1, T0 + 72 * S); /* which server of that address? */
    tick(b, T0 + 80 * S);
    check_lyon(b, T0 + 120 * S, 2, 1);
    is_clear_at(b, 4, 1, "a", T0 + 130 * S);
    check_lyon(b, T0 + 170 * S, 1, 0);
}

/* The other one's look is older than the denial. */
static void test_denial_after_another_agent_saw_it_clear(void **state) {
    struct engine_bench *b = *state;
    add_agent(b, 4, "lyon", false);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    is_clear_at(b, 4, 1, "a", T0 + 50 * S);
    lyon_denied_then_revoked(b, (const uint8_t *)"a", T0 + 65 * S);
    check_lyon(b, T0 + 71 * S, 2, 1);
    check_lyon(b, T0 + 120 * S, 2, 1);
    is_clear_at(b, 4, 1, "a", T0 + 130 * S);
    check_lyon(b, T0 + 170 * S, 1, 0);
}

/* The other one looks at another server of an anycast address. */
static void test_denial_of_another_instance(void **state) {
    struct engine_bench *b = *state;
    add_agent(b, 4, "lyon", false);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    lyon_denied_then_revoked(b, (const uint8_t *)"a", T0 + 60 * S);
    is_clear_at(b, 4, 1, "b", T0 + 72 * S);
    check_lyon(b, T0 + 120 * S, 2, 1);
    is_clear_at(b, 4, 1, "a", T0 + 130 * S);
    check_lyon(b, T0 + 170 * S, 1, 0);
}

/* As a start finds it: the log is older than the revocation. */
static void test_denial_of_a_revoked_agent_after_a_start(void **state) {
    struct engine_bench *b = *state;
    add_agent(b, 4, "lyon", false);
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked_lyon), 0);
    open_restored(b, 7, T0);
    b->rebuilds = true;
    sees_nxdomain(b, LYON, 1, 600, T0 + 60 * S);
    is_clear(b, 4, 2, T0 + 60 * S);
    sees_nxdomain(b, LYON, 3, 600, T0 + 75 * S); /* later: not believed */
    nx_engine_catch_up(b->engine, T0 + 76 * S);
    check_lyon(b, T0 + 77 * S, 2, 1);
    assert_int_equal(nx_engine_counts(b->engine)->revoked_n, 1);
}

/* The clock was set back: what arrives only seems to be older. */
static void test_revoked_agent_and_a_clock_set_back(void **state) {
    struct engine_bench *b = *state;
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked_lyon), 0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + 60 * S);
    assert_int_equal(nx_engine_counts(b->engine)->revoked_n, 1);
    check_lyon(b, T0 + 61 * S, 0, 0);
}

/* Nobody shut it out: it has another role now. */
static void test_denial_seen_by_an_agent_that_audits_now(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + 60 * S);
    check_lyon(b, T0 + 69 * S, 1, 1);
    add_agent(b, LYON, "lyon", true);
    check_lyon(b, T0 + 300 * S, 1, 1);
    const struct nx_target_view left = targets_of(b, 7, T0 + 300 * S).at[0];
    assert_int_equal(left.verdict.state, NX_STATE_UNKNOWN);
    assert_int_equal(left.verdict.unknown_reason, NX_UNKNOWN_NOT_LISTED);
}

static void test_revoked_auditor_is_not_believed(void **state) {
    struct engine_bench *b = *state;
    struct nx_auth_view view;
    struct nx_incident i = incident(7, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, true, T0 + S);
    tick(b, T0 + S);
    assert_int_equal(nx_engine_authority(b->engine, 7, 0, &view), 0);
    assert_true(view.facts.all_ns_good);
    assert_true(view.apex_known);
    assert_int_equal(view.servers_n, 1);
    assert_int_equal(b->authority_n, 1);
    struct nx_agent revoked = {.id = AUDITOR, .name = "audit", .authority = 1};
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    tick(b, T0 + 2 * S);
    assert_int_equal(nx_engine_authority(b->engine, 7, 0, &view), 0);
    assert_false(view.facts.observed);
    assert_int_equal(view.servers_n, 0);
}

/* Its word has gone, what it saw denied has not: the operator's is older. */
static void test_denial_of_a_revoked_auditor_after_a_start(void **state) {
    struct engine_bench *b = *state;
    struct nx_auth_view view;
    const struct nx_agent revoked = {.id = AUDITOR,
                                     .name = "audit",
                                     .authority = true,
                                     .revoked_us = T0 + 70 * S};
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    b->rebuilds = true;
    audits(b, false, T0 + 60 * S);
    audits(b, true, T0 + 75 * S); /* later: not believed */
    nx_engine_catch_up(b->engine, T0 + 76 * S);
    tick(b, T0 + 300 * S);
    assert_int_equal(nx_engine_authority(b->engine, 7, 0, &view), 0);
    assert_int_equal(view.servers_n, 0);
    assert_false(view.proven);
    assert_int_equal(plan_of(b, LYON, T0 + 300 * S)->tasks_n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_resolver_that_went_away),
        TEST(test_silent_resolver_that_went_away),
        TEST(test_clear_resolver_that_went_away),
        TEST(test_denial_seen_by_a_revoked_agent),
        TEST(test_denial_seen_to_be_over_by_another_agent),
        TEST(test_denial_after_another_agent_saw_it_clear),
        TEST(test_denial_of_another_instance),
        TEST(test_denial_of_a_revoked_agent_after_a_start),
        TEST(test_revoked_agent_and_a_clock_set_back),
        TEST(test_denial_seen_by_an_agent_that_audits_now),
        TEST(test_revoked_auditor_is_not_believed),
        TEST(test_denial_of_a_revoked_auditor_after_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
