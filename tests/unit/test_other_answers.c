/* An incident without --expect: an address that is given in place of a cached
 * denial is not the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

#define OTHER 66U /* 192.0.2.66; the servers have .10 */

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
    /* No denial lives so long: it is what this network is given. */
    v = after(b, OTHER, T0 + 2000 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
}

/* Servers that do not always say the same have nothing to compare with. */
static void test_servers_vary(void **state) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 11};
    struct engine_bench *b = *state;
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1};
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = name_server(1)};
    restore(b);
    batch_of(b, AUDITOR, &question, &yes, 900, T0 + 41 * S, NULL);
    struct nx_verdict v = after(b, OTHER, T0 + 42 * S);
    assert_int_equal(v.state, NX_STATE_CLEAR);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_as_the_servers_say),     TEST(test_unlike_the_servers),
        TEST(test_servers_vary),           TEST(test_rewriter),
        TEST(test_rewrites_to_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
