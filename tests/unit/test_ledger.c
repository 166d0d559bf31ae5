#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/ingest/ledger.h"

static const struct nx_stream_position whole = {
    .acked_seq = 100, .received_n = 90, .dropped_n = 10};
static const struct nx_stream_position holed = {
    .acked_seq = 100,
    .received_n = 110,
    .dropped_n = 10,
    .ahead = {.runs = {{151, 170}}, .n = 1}};

static struct nx_ledger_said hears(uint64_t produced, uint64_t dropped,
                                   const struct nx_stream_position *position) {
    struct nx_ledger_said said = {0};
    const struct nx_hello hello = {.epoch = 7,
                                   .produced = produced,
                                   .dropped = dropped,
                                   .spool_bytes = 4096};
    nx_ledger_hello(&said, &hello, position);
    assert_true(said.known);
    return said;
}

static void test_balances(void **state) {
    struct nx_ledger_said said = hears(150, 10, &whole);
    struct nx_ledger ledger;
    (void)state;
    nx_ledger_fill(&said, &whole, &ledger);
    assert_null(ledger.problem);
    assert_int_equal(ledger.epoch, 7);
    assert_int_equal(ledger.spool_bytes, 4096);
    assert_int_equal(ledger.produced, 150);
    assert_int_equal(ledger.spooled, 50);
    assert_int_equal(ledger.produced,
                     ledger.received + ledger.dropped + ledger.spooled);
    /* It has gone on since it said hello; 101..150 are still to come. */
    nx_ledger_fill(&said, &holed, &ledger);
    assert_null(ledger.problem);
    assert_int_equal(ledger.produced, 170);
    assert_int_equal(ledger.spooled, 50);
}

static void test_stored(void **state) {
    struct nx_ledger ledger;
    (void)state;
    nx_ledger_stored(7, &whole, &ledger);
    assert_false(ledger.heard);
    assert_int_equal(ledger.epoch, 7);
    assert_int_equal(ledger.received, 90);
    assert_int_equal(ledger.dropped, 10);
}

static void test_never_seen(void **state) {
    struct nx_ledger_said said = hears(5, 0, NULL);
    struct nx_ledger ledger;
    (void)state;
    nx_ledger_fill(&said, NULL, &ledger);
    assert_null(ledger.problem);
    assert_int_equal(ledger.spooled, 5);
}

/* It was put back to a copy, or two of them run. */
static void test_does_not_balance(void **state) {
    struct nx_ledger_said said = hears(99, 10, &whole);
    struct nx_ledger ledger;
    (void)state;
    nx_ledger_fill(&said, &whole, &ledger);
    assert_non_null(ledger.problem);
    said = hears(169, 10, &holed);
    nx_ledger_fill(&said, &holed, &ledger);
    assert_non_null(ledger.problem);
    said = hears(150, 9, &whole);
    nx_ledger_fill(&said, &whole, &ledger);
    assert_non_null(ledger.problem);
    /* The next hello may be right again. */
    said = hears(100, 10, &whole);
    nx_ledger_fill(&said, &whole, &ledger);
    assert_null(ledger.problem);
    assert_int_equal(ledger.spooled, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balances),
        cmocka_unit_test(test_never_seen),
        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_does_not_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
