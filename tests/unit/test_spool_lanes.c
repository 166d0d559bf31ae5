/* The spool's two lanes: what was not taken goes again, and neither lane
 * starves the other. In a world that breaks: tests/ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/spool_bench.h"

static void ack_ahead(struct bench *b, uint64_t acked_seq,
                      struct nx_seq_range run, uint64_t echo, int64_t now_us) {
    const struct nx_ack ack = {.epoch = EPOCH,
                               .acked_seq = acked_seq,
                               .echo = echo,
                               .ahead = {.runs = {run}, .n = 1}};
    int64_t sent_us = 0;
    (void)nx_spool_ack(b->spool, &ack, false, now_us, &sent_us);
}

/* What the collector did not take goes again, also while it takes all that
 * comes behind it; and what is on its way does not. */
static void test_passed_goes_again(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    for (uint64_t seq = 1; seq <= 9; seq++) {
        bench_put(b, 1);
        assert_int_equal(bench_send(b, (int64_t)seq * S), seq);
        if (seq >= 3 && seq < 9) {
            ack_ahead(b, 0, (struct nx_seq_range){3, seq}, seq,
                      (int64_t)seq * S);
        }
    }
    assert_int_equal(nx_spool_timeout_at(b->spool, 10 * S), 11 * S);
    nx_spool_rewind(b->spool, 11 * S);
    assert_int_equal(bench_send(b, 11 * S), 1);
    assert_int_equal(bench_send(b, 11 * S), 2);
    assert_int_equal(bench_send(b, 11 * S), 0);
    /* Nothing was passed: after the last progress. */
    assert_int_equal(nx_spool_timeout_at(b->spool, 10 * S), 21 * S);
}

/* ... sooner when it was answered. */
static void test_answered_goes_again_soon(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    bench_put(b, 1);
    bench_put(b, 1);
    assert_int_equal(bench_send(b, S), 1);
    assert_int_equal(bench_send(b, S), 2);
    int64_t sent_us = 0;
    (void)bench_ack(b, 0, 1, &sent_us);
    assert_int_equal(nx_spool_timeout_at(b->spool, 10 * S), 2 * S);
    (void)bench_ack(b, 1, 1, &sent_us);
    assert_int_equal(nx_spool_timeout_at(b->spool, 10 * S), 60 * S);
}

/* A slow collector is not sent all again: the first alone, and another when
 * nothing is heard of that either. */
static void test_no_storm_of_the_same(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    for (uint64_t seq = 1; seq <= 40; seq++) {
        bench_put(b, 1);
        assert_int_equal(bench_send(b, (int64_t)seq * S / 40), seq);
    }
    for (uint64_t seq = 1; seq <= 2; seq++) {
        nx_spool_rewind(b->spool, (int64_t)(10 * seq) * S);
        assert_int_equal(bench_send(b, (int64_t)(10 * seq) * S), seq);
        assert_int_equal(bench_send(b, (int64_t)(10 * seq) * S), 0);
    }
    int64_t sent_us = 0;
    (void)bench_ack(b, 40, 40, &sent_us);
    assert_int_equal(bench_ledger(b).held, 0);
    assert_int_equal(nx_spool_timeout_at(b->spool, 10 * S), INT64_MAX);
}

/* ... nor when it answers the first copy at last. What is sent once behind it
 * tells of the others. */
static void test_late_answer_to_the_first(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    for (uint64_t seq = 1; seq <= 40; seq++) {
        bench_put(b, 1);
        assert_int_equal(bench_send(b, (int64_t)seq * S / 40), seq);
    }
    nx_spool_rewind(b->spool, 10 * S);
    assert_int_equal(bench_send(b, 10 * S), 1);
    int64_t sent_us = 0;
    (void)bench_ack(b, 1, 1, &sent_us);
    assert_int_equal(nx_spool_timeout_at(b->spool, 10 * S), 60 * S);
    nx_spool_rewind(b->spool, 60 * S);
    assert_int_equal(bench_send(b, 60 * S), 2);
    assert_int_equal(bench_send(b, 60 * S), 0);
    bench_put(b, 1);
    assert_int_equal(bench_send(b, 61 * S), 41);
    ack_ahead(b, 2, (struct nx_seq_range){41, 41}, 41, 62 * S);
    assert_int_equal(nx_spool_timeout_at(b->spool, 10 * S),
                     10 * S + 3 * S / 40);
    nx_spool_rewind(b->spool, 62 * S);
    for (uint64_t seq = 3; seq <= 40; seq++) {
        assert_int_equal(bench_send(b, 62 * S), seq);
    }
}

/* Two of what is new are unanswered at a time, half of what an ack takes apart;
 * the drain's do not count. */
static void test_pace(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, false);
    for (unsigned i = 0; i < 4; i++) {
        bench_put(b, 1);
    }
    nx_spool_connected(b->spool, 0);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        assert_int_equal(bench_send(b, (int64_t)seq * S), seq);
    }
    assert_int_equal(nx_spool_pace_us(b->spool), INT64_MIN);
    bench_put(b, 2);
    assert_int_equal(bench_send(b, 5 * S), 5);
    assert_int_equal(nx_spool_pace_us(b->spool), 5 * S); /* not known yet */
    bench_put(b, 1);
    assert_int_equal(bench_send(b, 6 * S), 7);
    assert_int_equal(nx_spool_pace_us(b->spool), INT64_MAX);
    const struct nx_ack ack = {.epoch = EPOCH, .acked_seq = 6, .echo = 5};
    assert_true(nx_spool_ack(b->spool, &ack, false, 9 * S, &sent_us));
    assert_int_equal(nx_spool_pace_us(b->spool), 8 * S); /* it took 4 s */
    bench_put(b, 1);
    assert_int_equal(bench_send(b, 9 * S), 8);
    assert_int_equal(nx_spool_pace_us(b->spool), INT64_MAX);
    nx_spool_ended(b->spool); /* no ack comes */
    assert_int_equal(nx_spool_pace_us(b->spool), INT64_MIN);
}

static void ack_runs(struct bench *b, size_t runs_n, uint64_t last_to) {
    struct nx_ack ack = {.epoch = EPOCH, .ahead = {.n = runs_n}};
    int64_t sent_us = 0;
    for (size_t i = 0; i < runs_n; i++) {
        ack.ahead.runs[i] =
            (struct nx_seq_range){10 * (i + 1), 10 * (i + 1) + 2};
    }
    ack.ahead.runs[runs_n - 1].to_seq = last_to;
    (void)nx_spool_ack(b->spool, &ack, true, 0, &sent_us);
}

/* With as many runs beyond the first hole as are taken, a batch that would make
 * one more is not sent. What was kept since the newest run goes at the drain's
 * pace, by turns with the oldest; then what is new. */
static void test_no_run_too_many(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    for (unsigned i = 0; i < 50; i++) {
        bench_put(b, 1);
    }
    nx_spool_connected(b->spool, 0);
    bench_put(b, 1);
    ack_runs(b, NX_AHEAD_MAX, 48);
    assert_int_equal(bench_send(b, S), 1);
    assert_int_equal(bench_send(b, S), 0);
    assert_int_equal(nx_spool_send_at(b->spool), S + S / NX_SPOOL_DRAIN_PER_S);
    assert_int_equal(bench_send(b, 2 * S), 49);
    assert_int_equal(bench_send(b, 3 * S), 2);
    assert_int_equal(bench_send(b, 4 * S), 50);
    assert_int_equal(bench_send(b, 4 * S), 51);
    assert_int_equal(bench_send(b, 5 * S), 3);
    /* With room for a run what is new goes at once. */
    nx_spool_connected(b->spool, 5 * S);
    bench_put(b, 1);
    ack_runs(b, NX_AHEAD_MAX - 1, 48);
    assert_int_equal(bench_send(b, 5 * S), 52);
}

/* What the fresh lane has of what was kept is not taken: the oldest goes all
 * the same, and first when it all goes again. Once that has made room for a
 * run, what is new goes before the rest. */
static void test_kept_takes_turns(void **state) {
    struct bench *b = *state;
    int64_t now_us = 0;
    bench_open(b, false);
    for (unsigned i = 0; i < 100; i++) {
        bench_put(b, 1);
    }
    nx_spool_connected(b->spool, 0);
    bench_put(b, 1);
    ack_runs(b, NX_AHEAD_MAX, 43);
    for (uint64_t i = 0; i < NX_SPOOL_DRAIN_WINDOW / 2; i++) {
        assert_int_equal(bench_send(b, now_us += S), 1 + i);
        assert_int_equal(bench_send(b, now_us += S), 44 + i);
    }
    assert_int_equal(bench_send(b, now_us += S), 0);
    nx_spool_rewind(b->spool, now_us);
    assert_int_equal(bench_send(b, now_us += S), 1);
    assert_int_equal(bench_send(b, now_us += S), 0);
    int64_t sent_us = 0;
    const struct nx_ack ack = {
        .epoch = EPOCH,
        .acked_seq = 12,
        .echo = 9,
        .ahead = {.runs = {{20, 22}, {30, 32}, {40, 43}}, .n = 3}};
    (void)nx_spool_ack(b->spool, &ack, false, now_us, &sent_us);
    assert_int_equal(bench_send(b, now_us), 101);
    assert_int_equal(bench_send(b, now_us += S), 13);
}

/* What is not taken of what is new leaves the drain its window. */
static void test_drain_keeps_its_window(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    bench_put(b, 1);
    nx_spool_connected(b->spool, 0);
    for (unsigned i = 0; i < NX_SPOOL_FLIGHT_MAX; i++) {
        bench_put(b, 1);
    }
    for (uint64_t i = 0; i < NX_SPOOL_FLIGHT_MAX - NX_SPOOL_DRAIN_WINDOW; i++) {
        assert_int_equal(bench_send(b, S), i + 2);
    }
    assert_int_equal(bench_send(b, S), 1);
    assert_int_equal(bench_send(b, 2 * S), 0);
}

int main(void) {
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_passed_goes_again),
        WITH_BENCH(test_no_storm_of_the_same),
        WITH_BENCH(test_late_answer_to_the_first),
        WITH_BENCH(test_pace),
        WITH_BENCH(test_answered_goes_again_soon),
        WITH_BENCH(test_no_run_too_many),
        WITH_BENCH(test_kept_takes_turns),
        WITH_BENCH(test_drain_keeps_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
