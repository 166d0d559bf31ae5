/* The uplink: what is said on a connection, and what is made of the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/lib/uplink_bench.h"

static void test_hello_batch_ack(void **state) {
    struct fixture *f = *state;
    f->c.send_junk = true;
    start(f);
    put(f, 3);
    put(f, 2);
    run_until_acked(f);
    assert_true(nx_uplink_online(f->uplink));
    assert_int_equal(f->plan_revision, 5);
    assert_int_equal(f->c.hellos, 1);
    assert_int_equal(f->c.seqs_n, 3);
    assert_int_equal(f->c.seqs[0], 0);
    assert_int_equal(f->c.seqs[1], 1);
    assert_int_equal(f->c.seqs[2], 4);
    /* The clocks are known by now, and right. */
    struct nx_clock_sample clock;
    nx_uplink_clock(f->uplink, &clock);
    assert_true(clock.offset_known);
    assert_true(llabs(clock.offset_us + AHEAD) <=
                (int64_t)clock.offset_error_us);
    assert_true(clock.offset_error_us < 60000000);
}

/* What it never was sent it cannot have: nothing is sent to it before it says
 * what can be, over another connection. */
static void test_claims_more(void **state) {
    struct fixture *f = *state;
    f->c.claims = 4;
    start(f);
    put(f, 3);
    run_until_acked(f);
    assert_int_equal(f->behind, 1);
    assert_int_equal(f->c.hellos, 2);
    assert_int_equal(f->c.seqs_n, 3);
    assert_int_equal(f->c.seqs[1], 0);
    assert_int_equal(f->c.seqs[2], 1);
}

/* A batch that the collector never takes is reported as lost with the next. */
static void test_refused_batch(void **state) {
    struct fixture *f = *state;
    struct nx_ledger ledger;
    f->c.never = 1;
    start(f);
    put(f, 3);
    run_until_acked(f);
    assert_int_equal(f->c.seqs_n, 2);
    nx_spool_ledger(f->spool, &ledger);
    assert_int_equal(ledger.dropped, 3);
    put(f, 2);
    run_until_acked(f);
    nx_spool_ledger(f->spool, &ledger);
    assert_int_equal(ledger.acked, 2);
    assert_int_equal(ledger.dropped, 3);
    f->c.never = 6;
    f->uplink->timeouts_n = 1;
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->uplink->timeouts_n, 0); /* it was answered */
    assert_int_equal(f->c.hellos, 1);
}

/* A batch that this collector is too old for is kept until another connection;
 * what comes behind it goes on. */
static void test_kept_batch(void **state) {
    struct fixture *f = *state;
    struct nx_ledger ledger;
    f->c.never = 1;
    f->c.keep = true;
    f->c.silent = true;
    f->c.stop_at = 3;
    start(f);
    put(f, 3);
    put(f, 2);
    while (f->c.seqs_n < 3) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    nx_spool_ledger(f->spool, &ledger);
    assert_int_equal(ledger.held, 5);
    assert_int_equal(ledger.dropped, 0);
    put(f, 1);
    assert_true(nx_spool_pace_us(f->spool) > INT64_MIN);
    close_router(&f->c);
    while (nx_uplink_online(f->uplink)) {
        assert_int_equal(event_base_loop(f->c.base, EVLOOP_ONCE), 0);
    }
    assert_true(nx_spool_pace_us(f->spool) == INT64_MIN); /* no ack comes */
    f->c.never = 0;
    f->c.silent = false;
    f->c.stop_at = 0;
    open_router(&f->c);
    run_until_acked(f);
    nx_spool_ledger(f->spool, &ledger);
    assert_int_equal(ledger.acked, 6);
    assert_int_equal(ledger.dropped, 0);
    assert_int_equal(f->c.hellos, 2);
}

/* A change in what the agent says of itself is said at once. */
static void test_hello_again(void **state) {
    struct fixture *f = *state;
    f->c.stop_at = 1;
    start(f);
    while (f->c.hellos < 1) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    f->c.stop_at = 2;
    nx_uplink_hello(f->uplink);
    while (f->c.hellos < 2) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
}

/* Two at once: the answer to the first is not taken for the second's, which
 * would make the clocks seem nearer than they are known to be. */
static void test_two_hellos(void **state) {
    struct fixture *f = *state;
    const struct timespec while_unanswered = {0, 50000000};
    struct nx_clock_sample clock = {0};
    f->c.stop_at = 1;
    start(f);
    while (f->c.hellos < 1) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    (void)nanosleep(&while_unanswered, NULL);
    nx_uplink_hello(f->uplink);
    while (!clock.offset_known) {
        assert_int_equal(event_base_loop(f->c.base, EVLOOP_ONCE), 0);
        nx_uplink_clock(f->uplink, &clock);
    }
    assert_true(llabs(clock.offset_us + AHEAD) <=
                (int64_t)clock.offset_error_us);
}

/* A machine that was paused: the collector's next answer tells. */
static void test_stood_still(void **state) {
    struct fixture *f = *state;
    start(f);
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->stood, 0);
    f->c.later = 100000000;
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->stood, 1);
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->stood, 1);
}

/* Nothing to say is said, too. */
static void test_idle(void **state) {
    struct fixture *f = *state;
    f->c.stop_at = 3;
    start(f);
    f->uplink->idle_us = 20000;
    while (f->c.hellos < 3) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    assert_int_equal(f->c.seqs_n, f->c.hellos);
}

/* A plan that could not be read or taken is asked for, whatever else is said in
 * the meantime. */
static void test_missed_plan(void **state) {
    struct fixture *f = *state;
    const struct timeval enough = {120, 0};
    f->c.send_junk = true;
    f->refuse_plan = true;
    start(f);
    f->uplink->idle_us = 1000000; /* an answer may take its time, too */
    while (f->plan_revision == 0) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    assert_true(f->unread > 0);
    assert_true(f->uplink->plan_missed);
    unsigned hellos_n = f->c.hellos;
    unsigned unread_n = f->unread;
    f->uplink->sent_us = nx_clock_mono_us() + 1000000000; /* never idle */
    f->refuse_plan = false;
    f->plan_revision = 0;
    assert_int_equal(event_base_loopexit(f->c.base, &enough), 0);
    assert_int_equal(event_base_dispatch(f->c.base), 0);
    assert_true(f->c.hellos > hellos_n);
    assert_int_equal(f->plan_revision, 5);
    assert_true(f->unread > unread_n); /* made up for by the plan behind it */
    assert_false(f->uplink->plan_missed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hello_batch_ack, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claims_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hello_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_hellos, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stood_still, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missed_plan, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
