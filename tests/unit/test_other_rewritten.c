/* An incident without --expect: resolvers that make up addresses, agents that
 * keep the data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/other_answers_bench.h"

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
        TEST(test_rewriter),
        TEST(test_rewrites_to_the_record),
        TEST(test_data_withheld),
        TEST(test_data_withheld_of_a_rewriter),
        TEST(test_data_withheld_and_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
