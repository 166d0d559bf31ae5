#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

static void test_targets_come_from_hello_and_incident(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 2, 0, T0);
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 2);
    hello(b, OSLO, 1, 0, T0 + S);
    hello(b, AUDITOR, 2, 0, T0 + S); /* resolvers of an auditor: not asked */
    struct seen_targets seen = targets_of(b, 7, T0 + S);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.at[0].agent_id, LYON);
    assert_int_equal(seen.at[1].question->to.address[3], 2);
    assert_int_equal(seen.at[2].agent_id, OSLO);
    assert_int_equal(seen.at[0].verdict.state, NX_STATE_UNKNOWN);
}

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

/* After a restart there are batches before there is a hello. */
static void test_target_from_an_observation(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 2 * S);
    struct seen_targets seen = targets_of(b, 7, T0 + 2 * S);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.at[0].verdict.state, NX_STATE_CACHED_NXDOMAIN);
    assert_int_equal(seen.at[0].since_us, T0 + S + 2000);
    assert_int_equal(b->to_state, NX_STATE_CACHED_NXDOMAIN);
}

static void test_strays_are_left(void **state) {
    struct engine_bench *b = *state;
    static const uint8_t other[] = "\5other\7example\3com";
    static const uint8_t root[] = {0};
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN};
    const struct nx_question strays[] = {
        {.name = other, .qtype = NX_TYPE_A, .to = resolver(1)},
        {.name = www, .qtype = NX_TYPE_AAAA, .to = resolver(1)},
        {.name = root, .qtype = NX_TYPE_NS, .to = resolver(1)},
        {.name = www, .qtype = NX_TYPE_A, .to = name_server(1)},
    };
    open_restored(b, 7, T0);
    for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
        batch_of(b, LYON, &strays[i], &answer, 0, T0 + S, NULL);
    }
    tick(b, T0 + 2 * S);
    assert_int_equal(targets_of(b, 7, T0 + 2 * S).n, 0);
    assert_int_equal(b->transitions_n, 0);
    assert_int_equal(nx_engine_counts(b->engine)->strays_n, 4);
    assert_int_equal(nx_engine_counts(b->engine)->looks_n, 0);
}

static void test_name_case_does_not_matter(void **state) {
    struct engine_bench *b = *state;
    static const uint8_t upper[] = "\3WWW\7EXAMPLE\3com";
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN};
    const struct nx_question question = {
        .name = upper, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver(1)};
    open_restored(b, 7, T0);
    batch_of(b, LYON, &question, &answer, 0, T0 + S, NULL);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 1);
}

static void test_unknown_and_revoked_agents(void **state) {
    struct engine_bench *b = *state;
    const struct nx_hello h = {.software = ""};
    const struct nx_batch batch = {.obs_n = 0};
    assert_int_equal(nx_engine_hello(b->engine, 99, &h, T0), NX_ENOTFOUND);
    assert_int_equal(nx_engine_batch(b->engine, 99, &batch, 0, T0),
                     NX_ENOTFOUND);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 1);
    struct nx_agent revoked = {.id = LYON, .name = "lyon", .network = "lyon"};
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    assert_int_equal(targets_of(b, 7, T0).n, 0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    assert_int_equal(nx_engine_counts(b->engine)->revoked_n, 1);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 0);
    assert_int_equal(plan_of(b, LYON, T0 + S)->tasks_n, 0);
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

static void test_close_frees_targets(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 2, 0, T0);
    open_restored(b, 7, T0 - 70 * S); /* an auditor had the time to speak */
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, 2);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + S), 0);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + S), NX_ESTATE);
    assert_int_equal(nx_engine_incident_close(b->engine, 8, T0), NX_ENOTFOUND);
    b->plans_n[LYON] = 0;
    b->plans_n[AUDITOR] = 0;
    tick(b, T0 + S);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 0);
    assert_int_equal(plan_of(b, LYON, T0 + S)->tasks_n, 0);
    assert_int_equal(b->plans_n[LYON], 1);
    assert_int_equal(b->plans_n[AUDITOR], 1);
    assert_int_equal(nx_engine_incident(b->engine, 7)->closed_us, T0 + S);
    sees_nxdomain(b, LYON, 1, 600, T0 + 2 * S);
    assert_int_equal(targets_of(b, 7, T0 + 2 * S).n, 0);
}

static void test_audits_make_room_first(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(1, T0);
    i.closed_us = T0;
    for (i.id = 1; i.id <= 520; i.id++) {
        i.audit = i.id > 100 && i.id <= 110;
        assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
        assert_int_equal(nx_engine_incident(b->engine, 1) != NULL, true);
    }
    assert_null(nx_engine_incident(b->engine, 101));
    assert_non_null(nx_engine_incident(b->engine, 109));
}

static void test_incident_limits(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(1, T0);
    const struct nx_incident **list = NULL;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), NX_EEXISTS);
    i.id = 2;
    i.items_n = 0;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), NX_ELIMIT);
    i.items_n = 1;
    for (i.id = 2; i.id <= 64; i.id++) {
        assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    }
    assert_int_equal(nx_engine_incident_open(b->engine, &i), NX_ELIMIT);
    /* Closed ones are history, of which the oldest part is dropped. */
    assert_int_equal(nx_engine_incident_close(b->engine, 2, T0), 0);
    i.closed_us = T0;
    for (i.id = 65; i.id <= 600; i.id++) {
        assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    }
    assert_int_equal(nx_engine_incidents(b->engine, &list), 512);
    assert_int_equal(list[0]->id, 1); /* open */
    assert_null(nx_engine_incident(b->engine, 2));
    assert_int_equal(list[511]->id, 600);
}

static void test_target_limit(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 16, 0, T0);
    hello(b, OSLO, 16, 0, T0);
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 20);
    for (unsigned i = 1; i <= 16; i++) {
        sees_nxdomain(b, LYON, i, 600, T0 + S);
        sees_nxdomain(b, OSLO, i, 600, T0 + S);
    }
    assert_int_equal(targets_of(b, 7, T0 + S).n, 20);
}

/* One agent that makes up resolvers has its share, and leaves the others'. */
static void test_share_of_an_agent(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 3U * NX_HELLO_RESOLVERS_MAX;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    for (unsigned i = 2; i < 250; i++) {
        sees_address(b, OSLO, i, T0 + S + i * 1000);
    }
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 0);
    assert_int_equal(nx_engine_counts(b->engine)->no_room_n,
                     248 - (NX_HELLO_RESOLVERS_MAX - 1));
    uint64_t looks_n = nx_engine_counts(b->engine)->looks_n;
    hello(b, LYON, 2, 0, T0 + 2 * S);
    sees_nxdomain(b, LYON, 2, 600, T0 + 3 * S);
    sees_nxdomain(b, OSLO, 250, 600, T0 + 4 * S);
    assert_int_equal(nx_engine_counts(b->engine)->looks_n, looks_n + 1);
    for (unsigned i = 0; i < NX_HELLO_RESOLVERS_MAX; i++) { /* it lists them */
        struct nx_endpoint at = resolver(180 + i);
        struct nx_hello h = {.software = "",
                             .clock = clock_at(T0 + 5 * S),
                             .resolvers = &at,
                             .resolvers_n = 1};
        assert_int_equal(nx_engine_hello(b->engine, OSLO, &h, T0 + 5 * S), 0);
        sees_nxdomain(b, OSLO, 180 + i, 600, T0 + 5 * S);
    }
    assert_int_equal(nx_engine_counts(b->engine)->looks_n,
                     looks_n + 1 + NX_HELLO_RESOLVERS_MAX);
}

/* Who has no room is told, of the incident concerned, until it has some. */
static void test_no_room(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 3;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 2, 0, T0);
    open_restored(b, 7, T0 - 70 * S); /* an auditor had the time to speak */
    assert_false(nx_engine_crowded(b->engine));
    open_restored(b, 8, T0 - 70 * S);
    tick(b, T0 + S);
    assert_true(nx_engine_crowded(b->engine));
    assert_true(nx_engine_counts(b->engine)->no_room_n >= 3);
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 0);
    assert_false(nx_engine_no_room(b->engine, 7, LYON));
    assert_false(nx_engine_no_room(b->engine, 7, OSLO));
    assert_true(nx_engine_no_room(b->engine, 8, LYON));
    assert_true(nx_engine_no_room(b->engine, 8, OSLO));
    assert_false(nx_engine_no_room(b->engine, 8, AUDITOR));
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 2 * S), 0);
    assert_true(nx_engine_no_room(b->engine, 8, OSLO));
    tick(b, T0 + 20 * S);
    tick(b, T0 + 21 * S);
    assert_false(nx_engine_no_room(b->engine, 8, LYON));
    assert_false(nx_engine_no_room(b->engine, 8, OSLO));
    assert_false(nx_engine_crowded(b->engine));
    assert_int_equal(targets_of(b, 8, T0 + 21 * S).n, 3);
    assert_int_equal(plan_of(b, OSLO, T0 + 21 * S)->tasks_n, 2);
}

/* Of one that does not ask any more nothing is lacking. */
static void test_no_room_for_one_that_leaves(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 2;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    hello(b, OSLO, 2, 0, T0 + S);
    assert_true(nx_engine_no_room(b->engine, 7, OSLO));
    hello(b, OSLO, 1, 0, T0 + 2 * S); /* the other one is not used any more */
    assert_false(nx_engine_no_room(b->engine, 7, OSLO));
    hello(b, OSLO, 2, 0, T0 + 3 * S);
    assert_true(nx_engine_no_room(b->engine, 7, OSLO));
    const struct nx_agent revoked = {
        .id = OSLO, .name = "oslo", .network = "oslo"};
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    assert_false(nx_engine_no_room(b->engine, 7, OSLO));
    tick(b, T0 + 20 * S);
    assert_false(nx_engine_crowded(b->engine));
}

static void test_two_incidents_with_one_name(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    open_restored(b, 8, T0 + 10 * S);
    sees_nxdomain(b, LYON, 1, 589, T0 + 12 * S);
    tick(b, T0 + 13 * S);
    assert_int_equal(targets_of(b, 7, T0 + 13 * S).at[0].verdict.looks_n, 2);
    assert_int_equal(targets_of(b, 8, T0 + 13 * S).at[0].verdict.looks_n, 1);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 14 * S), 0);
    sees_nxdomain(b, LYON, 1, 586, T0 + 15 * S);
    assert_int_equal(targets_of(b, 8, T0 + 16 * S).at[0].verdict.looks_n, 2);
}

/* The ring keeps the newest 64, in order of sending. */
static void test_many_looks(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    for (int64_t i = 0; i < 200; i++) {
        sees_nxdomain(b, LYON, 1, (uint32_t)(800 - i), T0 + i * S + 500000);
    }
    sees_nxdomain(b, LYON, 1, 602, T0 + 198 * S + 600000); /* late */
    tick(b, T0 + 201 * S);
    struct seen_targets seen = targets_of(b, 7, T0 + 201 * S);
    assert_int_equal(seen.at[0].verdict.state, NX_STATE_CACHED_NXDOMAIN);
    assert_int_equal(seen.at[0].verdict.lines_n, 1);
    assert_int_equal(seen.at[0].verdict.looks_n, NX_LOOKS_MAX);
    assert_int_equal(seen.at[0].verdict.last_look_us, T0 + 199 * S + 502000);
}

static void test_looks_are_judged_at_a_pace(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(b->transitions_n, 1);
    sees_address(b, LYON, 1, T0 + 2 * S + 1000);
    tick(b, T0 + 2 * S + 10000);
    assert_int_equal(b->transitions_n, 1);
    tick(b, T0 + 2 * S + b->settings.evaluate_every_us);
    assert_int_equal(b->transitions_n, 2);
    assert_int_equal(b->from_state, NX_STATE_CACHED_NXDOMAIN);
}

/* --- clocks --- */

static void raw_look(struct engine_bench *b,
                     const struct nx_clock_sample *clock, int64_t tx_mono_us,
                     int64_t received_us) {
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver(1)};
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN};
    const struct nx_obs obs = {.question = &question,
                               .answer = &answer,
                               .tx_mono_us = tx_mono_us,
                               .rx_mono_us = tx_mono_us + 1000};
    const struct nx_batch batch = {.epoch = 5,
                                   .clock = *clock,
                                   .questions = &question,
                                   .questions_n = 1,
                                   .answers = &answer,
                                   .answers_n = 1,
                                   .obs = &obs,
                                   .obs_n = 1};
    assert_int_equal(nx_engine_batch(b->engine, LYON, &batch, 0, received_us),
                     0);
}

static void test_clock_without_offset_is_guessed(void **state) {
    struct engine_bench *b = *state;
    const struct nx_clock_sample clock = {.mono_us = 100 * S};
    open_restored(b, 7, T0);
    raw_look(b, &clock, 98 * S, T0 + 50 * S);
    assert_int_equal(targets_of(b, 7, T0 + 50 * S).at[0].verdict.last_look_us,
                     T0 + 48 * S + 1000);
}

/* An agent that claims to have sent after we received is not believed. */
static void test_impossible_offset_is_not_believed(void **state) {
    struct engine_bench *b = *state;
    const struct nx_clock_sample clock = {
        .mono_us = 100 * S, .offset_us = -T0 - 1000 * S, .offset_known = true};
    open_restored(b, 7, T0);
    raw_look(b, &clock, 98 * S, T0 + 50 * S);
    assert_int_equal(targets_of(b, 7, T0 + 50 * S).at[0].verdict.last_look_us,
                     T0 + 48 * S + 1000);
}

static void test_impossible_times_are_left(void **state) {
    struct engine_bench *b = *state;
    const struct nx_clock_sample clocks[] = {
        {.mono_us = INT64_MAX, .offset_us = INT64_MIN, .offset_known = true},
        {.mono_us = INT64_MIN, .offset_us = INT64_MAX, .offset_known = true},
        {.mono_us = 100 * S, .offset_error_us = UINT64_MAX},
    };
    open_restored(b, 7, T0);
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        raw_look(b, &clocks[i], INT64_MIN, T0 + 50 * S);
        raw_look(b, &clocks[i], INT64_MAX - 2000, T0 + 50 * S);
        raw_look(b, &clocks[i], 500 * S, T0 + 50 * S); /* after its batch */
    }
    assert_int_equal(targets_of(b, 7, T0 + 50 * S).n, 0);
    assert_int_equal(nx_engine_counts(b->engine)->untimely_n, 9);
}

/* What was seen before the incident belongs to another one. */
static void test_looks_before_the_incident_are_left(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 - 10 * S);
    assert_int_equal(targets_of(b, 7, T0).n, 0);
}

/* The zone may have been put right between a question that was under way and
 * the opening of the incident. */
static void test_servers_are_judged_by_what_was_asked_since(void **state) {
    struct engine_bench *b = *state;
    struct nx_auth_view view;
    const struct nx_incident i = incident(1, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 - 1500); /* the answer came after T0 */
    tick(b, T0 + S);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_int_equal(view.servers_n, 1);
    assert_false(view.servers[0].asked);
    audits(b, true, T0 + 2 * S);
    tick(b, T0 + 3 * S);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_true(view.servers[0].asked);
}

static void check_agent(void *user, const struct nx_agent_view *view) {
    const char *const **next = user;
    assert_string_equal(view->agent->network, **next);
    (*next)++;
}

/* At a restart the log is folded with the incidents open: what came before one
 * of them was opened did not count for it, and does not now. */
static void test_messages_before_the_incident_are_left(void **state) {
    struct engine_bench *b = *state;
    struct nx_auth_view view;
    const struct nx_incident i = incident(1, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 - S / 2);
    sees_nxdomain(b, LYON, 1, 300, T0 - S / 2);
    tick(b, T0);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_false(view.apex_known);
    assert_int_equal(view.servers_n, 0);
    assert_int_equal(targets_of(b, 1, T0).n, 0);
    audits(b, false, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_int_equal(view.servers_n, 1);
}

static void test_agents_are_shown_in_order(void **state) {
    struct engine_bench *b = *state;
    static const char *const order[] = {"audit", "lyon", "oslo"};
    const char *const *next = order;
    hello(b, OSLO, 2, 0, T0);
    assert_int_equal(nx_engine_agents_of(b->engine, NULL, check_agent, &next),
                     0);
    assert_ptr_equal(next, order + 3);
}

static void test_agent_is_shown_alone(void **state) {
    struct engine_bench *b = *state;
    struct nx_agent_view view;
    hello(b, OSLO, 2, 0, T0);
    assert_int_equal(nx_engine_agent(b->engine, OSLO, &view), 0);
    assert_string_equal(view.agent->network, "oslo");
    assert_int_equal(view.last_seen_us, T0);
    assert_int_equal(view.resolvers_n, 2);
    assert_int_equal(nx_engine_agent(b->engine, 0, &view), NX_ENOTFOUND);
}

/* An agent that says hello is there, whether it has results or not. */
static void test_agent_heard(void **state) {
    struct engine_bench *b = *state;
    int64_t away_us = b->settings.diagnosis.silent_after_us + S;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0 + S);
    assert_true(targets_of(b, 7, T0 + S).at[0].agent_heard);
    tick(b, T0 + away_us);
    assert_false(targets_of(b, 7, T0 + away_us).at[0].agent_heard);
    hello(b, LYON, 1, 0, T0 + away_us);
    tick(b, T0 + away_us + S);
    assert_true(targets_of(b, 7, T0 + away_us + S).at[0].agent_heard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_targets_come_from_hello_and_incident),
        TEST(test_resolver_that_went_away),
        TEST(test_silent_resolver_that_went_away),
        TEST(test_clear_resolver_that_went_away),
        TEST(test_target_from_an_observation),
        TEST(test_strays_are_left),
        TEST(test_name_case_does_not_matter),
        TEST(test_unknown_and_revoked_agents),
        TEST(test_denial_seen_by_a_revoked_agent),
        TEST(test_denial_seen_to_be_over_by_another_agent),
        TEST(test_denial_after_another_agent_saw_it_clear),
        TEST(test_denial_of_another_instance),
        TEST(test_denial_of_a_revoked_agent_after_a_start),
        TEST(test_revoked_agent_and_a_clock_set_back),
        TEST(test_denial_seen_by_an_agent_that_audits_now),
        TEST(test_revoked_auditor_is_not_believed),
        TEST(test_servers_are_judged_by_what_was_asked_since),
        TEST(test_denial_of_a_revoked_auditor_after_a_start),
        TEST(test_close_frees_targets),
        TEST(test_incident_limits),
        TEST(test_audits_make_room_first),
        TEST(test_target_limit),
        TEST(test_share_of_an_agent),
        TEST(test_no_room),
        TEST(test_no_room_for_one_that_leaves),
        TEST(test_two_incidents_with_one_name),
        TEST(test_many_looks),
        TEST(test_looks_are_judged_at_a_pace),
        TEST(test_clock_without_offset_is_guessed),
        TEST(test_impossible_offset_is_not_believed),
        TEST(test_impossible_times_are_left),
        TEST(test_looks_before_the_incident_are_left),
        TEST(test_messages_before_the_incident_are_left),
        TEST(test_agents_are_shown_in_order),
        TEST(test_agent_is_shown_alone),
        TEST(test_agent_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
