/* An incident without --expect: an address that is given in place of a cached
 * denial is not the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/other_answers_bench.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_as_the_servers_say),
        TEST(test_unlike_the_servers),
        TEST(test_servers_vary),
        TEST(test_parts_of_a_pool),
        TEST(test_given_before_the_outage),
        TEST(test_a_large_pool),
        cmocka_unit_test(test_what_is_given_again_stays),
        TEST(test_alias_beside_addresses),
        TEST(test_alias_out_of_the_zone),
        TEST(test_more_than_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
