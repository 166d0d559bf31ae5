/* An incident without --expect: what the servers gave is known as long as one
 * who heard them is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/other_answers_bench.h"

/* Of an auditor that is none any more nothing is believed. */
static void test_given_to_a_revoked_auditor(void **state) {
    struct engine_bench *b = *state;
    struct nx_agent revoked = {
        .id = AUDITOR, .name = "audit", .network = "audit", .authority = true};
    restore(b);
    add_agent(b, 4, "audit", true);
    gives(b, (const uint8_t[]){0, 4, 192, 0, 2, OTHER}, 1, T0 + 41 * S);
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    struct nx_endpoint at = name_server(1);
    for (int64_t t = T0 + 45 * S; t <= T0 + 80 * S; t += 5 * S) {
        const struct nx_delegation d = {.name = www,
                                        .apex = apex,
                                        .ns_ttl_s = 60,
                                        .servers = &at,
                                        .servers_n = 1,
                                        .at_mono_us = t + THETA - 1};
        const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                      .rdata = record,
                                      .rdata_len = sizeof(record),
                                      .rdata_n = 1};
        const struct nx_question q = {
            .name = www, .qtype = NX_TYPE_A, .to = at};
        batch_of(b, 4, &q, &yes, 900, t, &d);
        tick(b, t + 3000);
    }
    struct nx_verdict v = after(b, OTHER, T0 + 81 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
}

/* The set as an auditor finds it, and the answer of its first server. */
static void finds(struct engine_bench *b, uint32_t agent, unsigned servers_n,
                  int64_t at_us) {
    const struct nx_endpoint at[] = {name_server(1), name_server(2)};
    const struct nx_delegation d = {.name = www,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = at,
                                    .servers_n = servers_n,
                                    .at_mono_us = at_us + THETA - 1};
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = record,
                                  .rdata_len = sizeof(record),
                                  .rdata_n = 1};
    for (unsigned i = 0; i < servers_n; i++) {
        const struct nx_question q = {
            .name = www, .qtype = NX_TYPE_A, .to = at[i]};
        batch_of(b, agent, &q, &yes, 900, at_us + i * 1000, &d);
    }
    tick(b, at_us + 5000);
}

/* Verified by these, and an address is made up that no server gave. */
static void doubt_one(struct engine_bench *b, const uint32_t agents[2],
                      unsigned servers_n) {
    const struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    for (int64_t t = T0 + 5 * S; t <= T0 + 60 * S; t += 5 * S) {
        finds(b, agents[0], servers_n, t);
        finds(b, agents[1], servers_n, t + S);
    }
    struct nx_verdict v = after(b, OTHER, T0 + 62 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
}

/* Before another of them is asked again. */
static void still_doubted(struct engine_bench *b, int64_t at_us) {
    tick(b, at_us);
    struct seen_targets seen = targets_of(b, 7, at_us);
    assert_int_equal(seen.at[0].verdict.state, NX_STATE_OLD_POSITIVE);
    struct nx_verdict v = after(b, OTHER, at_us + S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true(flagged(&v, NX_FLAG_UNLIKE_SERVERS));
    v = after(b, 10, at_us + 30 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

static void test_a_good_server_leaves(void **state) {
    struct engine_bench *b = *state;
    const struct nx_endpoint at = name_server(1);
    const struct nx_delegation d = {.name = www,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = &at,
                                    .servers_n = 1,
                                    .at_mono_us = T0 + 80 * S + THETA};
    const struct nx_batch batch = {.epoch = 1,
                                   .first_seq = 1,
                                   .clock = clock_at(T0 + 80 * S),
                                   .delegations = &d,
                                   .delegations_n = 1};
    doubt_one(b, (const uint32_t[]){AUDITOR, AUDITOR}, 2);
    assert_int_equal(
        nx_engine_batch(b->engine, AUDITOR, &batch, 0, T0 + 80 * S), 0);
    still_doubted(b, T0 + 81 * S);
}

static void test_one_of_two_auditors_goes(void **state) {
    struct engine_bench *b = *state;
    struct nx_agent revoked = {
        .id = AUDITOR, .name = "audit", .network = "audit", .authority = true};
    add_agent(b, 4, "audit", true);
    doubt_one(b, (const uint32_t[]){AUDITOR, 4}, 1);
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    still_doubted(b, T0 + 81 * S);
}

/* With the last one goes all there is to compare with. */
static void test_the_last_auditor_goes(void **state) {
    struct nx_given given = {.old = false};
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = record,
                                  .rdata_len = sizeof(record),
                                  .rdata_n = 1};
    struct nx_authority *a = NULL;
    const struct nx_endpoint at = name_server(1);
    const struct nx_delegation d = {
        .name = www, .apex = apex, .servers = &at, .servers_n = 1};
    const struct nx_question q = {.name = www, .qtype = NX_TYPE_A, .to = at};
    const struct nx_obs obs = {.question = &q, .answer = &yes};
    const struct nx_look look = {.tx_us = T0, .rx_us = T0, .flags = NX_LOOK_AA};
    (void)state;
    assert_int_equal(nx_authority_new(&a), 0);
    assert_int_equal(nx_authority_delegation(a, AUDITOR, &d, T0, 0), 0);
    nx_authority_answer(a, AUDITOR, &obs, &look);
    assert_true(nx_given_any(nx_authority_given(a)));
    nx_authority_forget(a, AUDITOR);
    assert_false(nx_given_any(nx_authority_given(a)));
    nx_authority_free(&a);
    /* Nor is it old then. */
    nx_given_age(&given);
    assert_false(given.old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_given_to_a_revoked_auditor),
        TEST(test_a_good_server_leaves),
        TEST(test_one_of_two_auditors_goes),
        cmocka_unit_test(test_the_last_auditor_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
