/* An incident without --expect: an address that is given in place of a cached
 * denial is not the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

#define OTHER 66U /* 192.0.2.66; the servers have .10 */

static const uint8_t record[] = {0, 4, 192, 0, 2, 10};

static void answers(struct engine_bench *b, unsigned last, int64_t at_us) {
    const uint8_t rdata[] = {0, 4, 192, 0, 2, (uint8_t)last};
    const struct nx_answer answer = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 1};
    sees(b, LYON, 1, &answer, 60, at_us);
}

/* Down until T0 + 5 s, verified after; W = 900. */
static void restore(struct engine_bench *b) {
    const struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    for (int64_t t = T0 + 5 * S; t <= T0 + 40 * S; t += 5 * S) {
        audits(b, true, t);
        tick(b, t);
    }
    assert_int_equal(plan_of(b, LYON, T0 + 40 * S)->tasks_n, 1);
}

static struct nx_verdict verdict_at(struct engine_bench *b, int64_t now_us) {
    tick(b, now_us);
    struct seen_targets seen = targets_of(b, 7, now_us);
    assert_int_equal(seen.n, 1);
    return seen.at[0].verdict;
}

static bool flagged(const struct nx_verdict *v, enum nx_flag flag) {
    return (v->flags & 1U << flag) != 0;
}

/* So many looks, a second apart. */
static struct nx_verdict after(struct engine_bench *b, unsigned last,
                               int64_t from_us) {
    for (unsigned i = 0; i < 16; i++) {
        answers(b, last, from_us + i * S);
    }
    return verdict_at(b, from_us + 17 * S);
}

static void test_as_the_servers_say(void **state) {
    struct engine_bench *b = *state;
    restore(b);
    struct nx_verdict v = after(b, 10, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

static void test_unlike_the_servers(void **state) {
    struct engine_bench *b = *state;
    restore(b);
    struct nx_verdict v = after(b, OTHER, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true(flagged(&v, NX_FLAG_UNLIKE_SERVERS));
    assert_false(flagged(&v, NX_FLAG_REWRITTEN));
    assert_int_equal(v.hard.reason, NX_HARD_AUTH_WINDOW);
    assert_int_equal(v.hard_stack.reason, NX_HARD_STACK);
    /* No denial lives so long, but time makes a record of nothing. */
    v = after(b, OTHER, T0 + 2000 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true(nx_verdict_latest(&v)->at_us < T0 + 2000 * S);
    v = after(b, 10, T0 + 2100 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

/* The name server says something. */
static void says(struct engine_bench *b, const struct nx_answer *answer,
                 int64_t at_us) {
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = name_server(1)};
    batch_of(b, AUDITOR, &question, answer, 900, at_us, NULL);
    tick(b, at_us + 3000);
}

static void gives(struct engine_bench *b, const uint8_t *rdata, size_t n,
                  int64_t at_us) {
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = rdata,
                                  .rdata_len = (uint16_t)(6 * n),
                                  .rdata_n = (uint8_t)n};
    says(b, &yes, at_us);
}

/* Servers that take turns: each of their answers is the record, no other is. */
static void test_servers_vary(void **state) {
    static const uint8_t second[] = {0, 4, 192, 0, 2, 11};
    struct engine_bench *b = *state;
    restore(b);
    gives(b, second, 1, T0 + 41 * S);
    struct nx_verdict v = after(b, OTHER, T0 + 42 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true(flagged(&v, NX_FLAG_UNLIKE_SERVERS));
    v = after(b, 11, T0 + 70 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    v = after(b, 10, T0 + 100 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    gives(b, (const uint8_t[]){0, 4, 192, 0, 2, OTHER}, 1, T0 + 130 * S);
    v = after(b, OTHER, T0 + 131 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

/* Parts of a pool, another one each time. */
static struct nx_verdict after_part(struct engine_bench *b,
                                    const uint8_t rdata[12], int64_t from_us) {
    const struct nx_answer part = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                   .rdata = rdata,
                                   .rdata_len = 12,
                                   .rdata_n = 2};
    for (unsigned i = 0; i < 16; i++) {
        sees(b, LYON, 1, &part, 60, from_us + i * S);
    }
    return verdict_at(b, from_us + 17 * S);
}

static void test_parts_of_a_pool(void **state) {
    static const uint8_t pool[] = {0, 4, 192, 0, 2, 11, 0, 4, 192, 0, 2, 12};
    static const uint8_t mixed[] = {0, 4, 192, 0, 2, 10, 0, 4, 192, 0, 2, 12};
    static const uint8_t odd[] = {0, 4, 192, 0, 2, 10, 0, 4, 192, 0, 2, OTHER};
    struct engine_bench *b = *state;
    restore(b);
    gives(b, pool, 2, T0 + 41 * S);
    struct nx_verdict v = after_part(b, odd, T0 + 42 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    v = after_part(b, mixed, T0 + 70 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    v = after(b, 12, T0 + 100 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

/* What was given before the outage is no record that was restored. */
static void test_given_before_the_outage(void **state) {
    struct engine_bench *b = *state;
    const struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, true, T0 + S / 4);
    gives(b, (const uint8_t[]){0, 4, 192, 0, 2, OTHER}, 1, T0 + S / 2);
    audits(b, false, T0 + S);
    for (int64_t t = T0 + 5 * S; t <= T0 + 40 * S; t += 5 * S) {
        audits(b, true, t);
        tick(b, t);
    }
    struct nx_verdict v = after(b, OTHER, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    v = after(b, 10, T0 + 70 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

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

static void gives_pool(struct engine_bench *b, uint8_t net, unsigned n,
                       int64_t from_us) {
    for (unsigned i = 0; i < n; i++) {
        const uint8_t rdata[] = {0, 4, 198, 51, net, (uint8_t)i};
        gives(b, rdata, 1, from_us + (int64_t)i * S / 10);
    }
}

/* All that a large pool gives is the record, nothing else is. */
static void test_a_large_pool(void **state) {
    struct engine_bench *b = *state;
    restore(b);
    gives_pool(b, 100, 200, T0 + 41 * S);
    struct nx_verdict v = after(b, 10, T0 + 70 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    assert_false(flagged(&v, NX_FLAG_NOT_COMPARED));
    v = after(b, OTHER, T0 + 90 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    gives_pool(b, 101, 100, T0 + 110 * S);
    v = after(b, OTHER, T0 + 130 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    assert_true(flagged(&v, NX_FLAG_NOT_COMPARED));
    assert_false(flagged(&v, NX_FLAG_UNLIKE_SERVERS));
    /* A zone of the resolver's own is none of the pool. */
    const uint8_t rdata[] = {0, 4, 192, 0, 2, OTHER};
    const struct nx_answer own = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1};
    for (unsigned i = 0; i < 16; i++) {
        sees(b, LYON, 1, &own, 60, T0 + (150 + i) * S);
    }
    v = verdict_at(b, T0 + 167 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
}

/* What is given again stays, the one that was not for longest goes. */
static void test_what_is_given_again_stays(void **state) {
    static struct nx_given given;
    uint8_t rdata[] = {0, 4, 198, 51, 100, 0};
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1};
    (void)state;
    for (unsigned i = 0; i < NX_GIVEN_MAX; i++) {
        rdata[5] = (uint8_t)i;
        nx_given_note(&given, &yes);
    }
    rdata[5] = 0;
    nx_given_note(&given, &yes);
    assert_false(given.many);
    assert_int_equal(given.records.n, NX_GIVEN_MAX);
    rdata[4] = 101;
    nx_given_note(&given, &yes);
    assert_true(given.many);
    assert_int_equal(given.records.n, NX_GIVEN_MAX);
    assert_true(nx_given_covers(&given, &yes));
    rdata[4] = 100;
    assert_true(nx_given_covers(&given, &yes));
    rdata[5] = 255;
    assert_true(nx_given_covers(&given, &yes));
    rdata[5] = 1;
    assert_false(nx_given_covers(&given, &yes));
    nx_given_age(&given); /* it begins anew */
    nx_given_note(&given, &yes);
    assert_false(given.many);
    assert_int_equal(given.records.n, 1);
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

static const uint8_t out[] = "\3cdn\7example\3net";
static const struct nx_answer alias = {
    .flags = NX_ANS_AA, .cname_n = 1, .denied_name = out};
static const struct nx_answer whole = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                       .rdata = record,
                                       .rdata_len = sizeof(record),
                                       .rdata_n = 1,
                                       .cname_n = 1,
                                       .denied_name = out};

/* An address in the emergency, an alias later; or of two providers one gives
 * the alias, the other what is behind it. */
static void test_alias_beside_addresses(void **state) {
    static const uint8_t behind[] = {0, 4, 192, 0, 2, 77};
    struct engine_bench *b = *state;
    struct nx_answer chain = whole;
    chain.rdata = behind;
    restore(b); /* to .10 */
    says(b, &alias, T0 + 41 * S);
    for (unsigned k = 0; k < 16; k++) {
        sees(b, LYON, 1, &chain, 60, T0 + (42 + k) * S);
    }
    struct nx_verdict v = verdict_at(b, T0 + 60 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    v = after(b, 10, T0 + 70 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    v = after(b, OTHER, T0 + 100 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    audits(b, true, T0 + 130 * S); /* takes nothing of it back */
    for (unsigned k = 0; k < 16; k++) {
        sees(b, LYON, 1, &chain, 60, T0 + (131 + k) * S);
    }
    v = verdict_at(b, T0 + 150 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

/* The zone has but a way out: who shows none made the address up. */
static void test_alias_out_of_the_zone(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    i.restored_us = T0 - 60 * S;
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, true, T0 + S / 2); /* for the delegation */
    audits(b, false, T0 + S);    /* which takes back what was given */
    for (int64_t t = T0 + 5 * S; t <= T0 + 40 * S; t += 5 * S) {
        says(b, &alias, t);
    }
    struct nx_verdict v = after(b, 10, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    for (unsigned k = 0; k < 16; k++) {
        sees(b, LYON, 1, &whole, 60, T0 + (70 + k) * S);
    }
    v = verdict_at(b, T0 + 90 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

static void says_cut(struct engine_bench *b, uint8_t last, bool server,
                     int64_t at_us) {
    const uint8_t rdata[] = {0, 4, 192, 0, 2, last};
    const struct nx_answer cut = {.flags = NX_ANS_RDATA | NX_ANS_PARTIAL |
                                           (server ? NX_ANS_AA : NX_ANS_RA),
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1};
    if (server) {
        says(b, &cut, at_us);
    } else {
        sees(b, LYON, 1, &cut, 60, at_us);
    }
}

/* Of more records than are kept the same part is. */
static void test_more_than_is_kept(void **state) {
    struct engine_bench *b = *state;
    restore(b);
    says_cut(b, 20, true, T0 + 41 * S);
    for (unsigned k = 0; k < 16; k++) {
        says_cut(b, 21, false, T0 + (42 + k) * S);
    }
    assert_int_equal(verdict_at(b, T0 + 60 * S).state, NX_STATE_OLD_POSITIVE);
    for (unsigned k = 0; k < 16; k++) {
        says_cut(b, 20, false, T0 + (70 + k) * S);
    }
    assert_int_equal(verdict_at(b, T0 + 90 * S).state, NX_STATE_CLEAR);
}

static void rewrites_to(struct engine_bench *b, uint8_t last) {
    struct nx_book_row row = {.network = "lyon",
                              .at = resolver(1),
                              .measured_us = T0,
                              .failed_us = NX_TIME_UNKNOWN};
    nx_profile_default(&row.measured.profile);
    row.measured.nxdomain_cap_s = row.measured.nodata_cap_s = NX_NOT_MEASURED;
    row.measured.floor_s = NX_NOT_MEASURED;
    row.measured.rewrites_nxdomain = true;
    row.measured.rewrites_to = (struct nx_egress){{192, 0, 2, last}, 4};
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
}

static void test_rewriter(void **state) {
    struct engine_bench *b = *state;
    rewrites_to(b, OTHER);
    restore(b);
    struct nx_verdict v = after(b, OTHER, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true(flagged(&v, NX_FLAG_REWRITTEN));
    v = after(b, OTHER, T0 + 2000 * S); /* however long it takes */
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    v = after(b, 10, T0 + 2100 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

/* What the servers give is the record, whatever else is rewritten to it. */
static void test_rewrites_to_the_record(void **state) {
    struct engine_bench *b = *state;
    rewrites_to(b, 10);
    restore(b);
    struct nx_verdict v = after(b, 10, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_PARTLY_CLEAR); /* of how many caches? */
    assert_false(flagged(&v, NX_FLAG_REWRITTEN));
    v = after(b, 10, T0 + 2000 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    assert_false(flagged(&v, NX_FLAG_REWRITTEN));
}

/* The agent keeps the data: any answer counts, and that is said. */
static void test_data_withheld(void **state) {
    struct engine_bench *b = *state;
    const struct nx_answer withheld = {.flags = NX_ANS_RDATA | NX_ANS_RA};
    restore(b);
    for (unsigned i = 0; i < 16; i++) {
        sees(b, LYON, 1, &withheld, 60, T0 + 41 * S + i * S);
    }
    struct nx_verdict v = verdict_at(b, T0 + 58 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    assert_true(flagged(&v, NX_FLAG_DATA_WITHHELD));
    v = after(b, 10, T0 + 60 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    assert_false(flagged(&v, NX_FLAG_DATA_WITHHELD));
}

static struct nx_verdict after_withheld(struct engine_bench *b, uint16_t flags,
                                        int64_t from_us) {
    const struct nx_answer withheld = {
        .flags = (uint16_t)(NX_ANS_RDATA | NX_ANS_RA | flags)};
    for (unsigned i = 0; i < 16; i++) {
        sees(b, LYON, 1, &withheld, 60, from_us + i * S);
    }
    return verdict_at(b, from_us + 17 * S);
}

/* ... but not of who makes up addresses: the denial may be cached still. */
static void test_data_withheld_of_a_rewriter(void **state) {
    struct engine_bench *b = *state;
    rewrites_to(b, OTHER);
    restore(b);
    struct nx_verdict v = after_withheld(b, 0, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true(flagged(&v, NX_FLAG_REWRITTEN));
    assert_true(flagged(&v, NX_FLAG_DATA_WITHHELD));
    sees_nxdomain(b, LYON, 1, 1, T0 + 60 * S); /* it hands on this one */
    v = after_withheld(b, 0, T0 + 2000 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
    v = after_withheld(b, NX_ANS_AA, T0 + 2100 * S); /* this is its own */
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
}

/* Nor where the answer is named: it cannot be compared. */
static void test_data_withheld_and_expected(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    i.items[0].rdata_n = 1;
    i.items[0].rdata_len = sizeof(record);
    memcpy(i.items[0].rdata, record, sizeof(record));
    i.outage_from_us = T0 - 300 * S;
    i.restored_us = T0 - 60 * S;
    rewrites_to(b, OTHER);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    struct nx_verdict v = after_withheld(b, 0, T0 + 41 * S);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_as_the_servers_say),
        TEST(test_unlike_the_servers),
        TEST(test_servers_vary),
        TEST(test_parts_of_a_pool),
        TEST(test_given_before_the_outage),
        TEST(test_given_to_a_revoked_auditor),
        TEST(test_a_large_pool),
        cmocka_unit_test(test_what_is_given_again_stays),
        TEST(test_a_good_server_leaves),
        TEST(test_one_of_two_auditors_goes),
        cmocka_unit_test(test_the_last_auditor_goes),
        TEST(test_alias_beside_addresses),
        TEST(test_alias_out_of_the_zone),
        TEST(test_more_than_is_kept),
        TEST(test_rewriter),
        TEST(test_rewrites_to_the_record),
        TEST(test_data_withheld),
        TEST(test_data_withheld_of_a_rewriter),
        TEST(test_data_withheld_and_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
