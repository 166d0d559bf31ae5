/* The spool alone: order, acks, holes, what the disk may do. Against a
 * collector and bad days: test_spool_days.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/spool_priv.h"
#include "tests/lib/spool_bench.h"

/* --- without a disk --- */

static void test_order_and_acks(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, false);
    bench_put(b, 3);
    bench_put(b, 2);
    bench_put(b, 4);
    assert_int_equal(bench_send(b, 1 * S), 1);
    assert_int_equal(bench_send(b, 2 * S), 4);
    assert_true(bench_ack(b, 3, 1, &sent_us));
    assert_int_equal(sent_us, 1 * S);
    assert_int_equal(bench_ledger(b).held, 6);
    assert_int_equal(bench_ledger(b).acked, 3);
    assert_int_equal(bench_send(b, 3 * S), 6);
    assert_int_equal(bench_send(b, 3 * S), 0);
    /* Late, repeated and foreign acks change nothing. */
    assert_false(bench_ack(b, 2, 1, &sent_us));
    const struct nx_ack foreign = {.epoch = EPOCH + 1, .acked_seq = 9};
    assert_false(nx_spool_ack(b->spool, &foreign, true, 4 * S, &sent_us));
    assert_false(bench_ack(b, 10, 4, &sent_us)); /* never given out */
    assert_int_equal(bench_ledger(b).held, 6);
    assert_true(bench_ack(b, 9, 6, &sent_us));
    assert_int_equal(bench_ledger(b).held, 0);
    assert_int_equal(nx_spool_memory_bytes(b->spool), 0);
}

static void test_go_back(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, false);
    bench_put(b, 1);
    bench_put(b, 1);
    assert_int_equal(nx_spool_timeout_at(b->spool, 5 * S), INT64_MAX);
    assert_int_equal(bench_send(b, 1 * S), 1);
    assert_int_equal(bench_send(b, 2 * S), 2);
    assert_int_equal(nx_spool_timeout_at(b->spool, 5 * S), 6 * S);
    nx_spool_rewind(b->spool, 6 * S);
    assert_int_equal(bench_send(b, 7 * S), 1);
    assert_int_equal(bench_send(b, 7 * S), 0);
    assert_int_equal(nx_spool_timeout_at(b->spool, 5 * S), 11 * S);
    /* Sent twice: which of them is answered is not known, and so neither
     * whether the other was taken. */
    assert_false(bench_ack(b, 1, 1, &sent_us));
    assert_int_equal(nx_spool_timeout_at(b->spool, 5 * S), 55 * S);
    nx_spool_rewind(b->spool, 60 * S);
    assert_int_equal(nx_spool_timeout_at(b->spool, 5 * S), INT64_MAX);
    assert_int_equal(bench_send(b, 60 * S), 2);
    assert_int_equal(nx_spool_timeout_at(b->spool, 5 * S), 65 * S);
}

static void test_wrong_numbers(void **state) {
    struct bench *b = *state;
    const struct nx_clock_sample clock = {0};
    size_t len = 0;
    bench_open(b, false);
    uint8_t *bytes = bench_pack(b, 5, 1, &clock, &len);
    assert_int_equal(nx_spool_put(b->spool, bytes, len, 5, 1, &clock),
                     NX_ESTATE);
    assert_int_equal(bench_ledger(b).produced, 0);
}

static void test_drop_oldest(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    b->conf.max_bytes = 800;
    bench_open(b, false);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 1);
    while (bench_ledger(b).dropped == 0) {
        bench_put(b, 10);
    }
    assert_true(nx_spool_memory_bytes(b->spool) <= 800);
    /* An ack of what was in flight when it was dropped: it had arrived. */
    assert_int_equal(bench_ledger(b).dropped, 10);
    (void)bench_ack(b, 4, 2, &sent_us);
    assert_int_equal(bench_ledger(b).dropped, 6);
    assert_int_equal(bench_send(b, S), 11);
    bench_expect_gap(b, 0, 5, 10, NX_GAP_SPACE);
    assert_int_equal(bench_send(b, S), 21);
    bench_expect_gap(b, 0, 5, 10, NX_GAP_SPACE);
    nx_spool_rewind(b->spool, 2 * S);
    (void)bench_ack(b, 5, 1, &sent_us);
    assert_int_equal(bench_send(b, S), 11);
    bench_expect_gap(b, 0, 6, 10, NX_GAP_SPACE);
    /* But they were told as lost once: counted so by both sides, or arrived. */
    assert_int_equal(bench_ledger(b).dropped, 6);
    /* Everything but the newest may go. */
    struct nx_spool_conf conf = b->conf;
    conf.max_bytes = 1;
    nx_spool_configure(b->spool, &conf);
    assert_int_equal(bench_ledger(b).held, 10);
}

/* A collector restored from a backup asks for what is gone. */
static void test_collector_goes_back(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, false);
    bench_put(b, 10);
    bench_put(b, 10);
    bench_put(b, 10);
    (void)bench_send(b, S);
    (void)bench_send(b, S);
    (void)bench_ack(b, 20, 11, &sent_us);
    assert_int_equal(bench_ledger(b).acked, 20);
    nx_spool_connected(b->spool, 2 * S);
    (void)bench_ack(b, 4, 0, &sent_us); /* its answer to a hello */
    assert_int_equal(bench_ledger(b).acked, 4);
    assert_int_equal(bench_ledger(b).dropped, 16);
    assert_int_equal(bench_send(b, 3 * S), 21);
    bench_expect_gap(b, 0, 5, 20, NX_GAP_SPACE);
}

/* What waits for its turn is not what goes at once. */
static void test_caught_up(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, false);
    assert_true(nx_spool_caught_up(b->spool));
    bench_put(b, 10);
    nx_spool_connected(b->spool, S);
    assert_false(nx_spool_caught_up(b->spool));
    bench_put(b, 10);
    (void)bench_send(b, S);
    assert_false(nx_spool_caught_up(b->spool)); /* it may be lost */
    (void)bench_ack(b, 10, 0, &sent_us);
    assert_true(nx_spool_caught_up(b->spool));
    assert_int_equal(bench_ledger(b).held, 10);
    nx_spool_connected(b->spool, 2 * S);
    assert_false(nx_spool_caught_up(b->spool));
}

/* ... and meanwhile it took what came behind that. */
static void test_collector_goes_back_and_ahead(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, false);
    bench_put(b, 10);
    bench_put(b, 10);
    bench_put(b, 40);
    (void)bench_send(b, S);
    (void)bench_ack(b, 10, 1, &sent_us);
    nx_spool_connected(b->spool, 2 * S);
    const struct nx_ack more = {
        .epoch = EPOCH, .acked_seq = 4, .ahead = {.runs = {{21, 60}}, .n = 1}};
    (void)nx_spool_ack(b->spool, &more, true, 3 * S, &sent_us);
    assert_int_equal(bench_send(b, 4 * S), 11);
    bench_expect_gap(b, 0, 5, 10, NX_GAP_SPACE);
    assert_int_equal(bench_send(b, 5 * S), 0);
}

/* The oldest batch tells of every hole below it: else the collector, with no
 * room for one more run, would refuse it for ever. */
static void test_all_holes_are_told(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    for (unsigned i = 0; i < 30; i++) {
        nx_spool_lost(b->spool, 2 * i + 1, 1);
        bench_put(b, 1);
        nx_spool_hole(b->spool, 2 * i + 2, 2 * i + 2, NX_GAP_AGE);
    }
    bench_put(b, 1);
    assert_int_equal(bench_send(b, S), 61);
    assert_int_equal(b->batch.gaps_n, 60);
}

static void test_lost(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    nx_spool_lost(b->spool, 1, 7);
    assert_int_equal(bench_ledger(b).dropped, 7);
    bench_put(b, 2);
    nx_spool_lost(b->spool, 10, 5);
    assert_int_equal(bench_ledger(b).held, 2);
    bench_put(b, 1);
    assert_int_equal(bench_send(b, S), 8);
    bench_expect_gap(b, 0, 1, 7, NX_GAP_SPACE);
    assert_int_equal(bench_send(b, S), 15);
    bench_expect_gap(b, 0, 1, 7, NX_GAP_SPACE);
    bench_expect_gap(b, 1, 10, 14, NX_GAP_SPACE);
    assert_int_equal(bench_ledger(b).dropped, 12);
}

static void test_age(void **state) {
    struct bench *b = *state;
    b->conf.max_age_us = 100 * S;
    bench_open(b, false);
    bench_put_at(b, 10, 1 * S);
    bench_put_at(b, 10, 90 * S);
    bench_tick(b, 101 * S);
    assert_int_equal(bench_ledger(b).held, 20);
    bench_tick(b, 170 * S);
    assert_int_equal(bench_ledger(b).held, 10);
    assert_int_equal(bench_send(b, 170 * S), 11);
    bench_expect_gap(b, 0, 1, 10, NX_GAP_AGE);
}

/* The present at once, what was kept behind it, slowly and oldest first. */
static void test_lanes(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, false);
    for (unsigned i = 0; i < 40; i++) {
        bench_put(b, 10);
    }
    nx_spool_connected(b->spool, 100 * S);
    assert_int_equal(bench_send(b, 100 * S), 1);
    assert_int_equal(bench_send(b, 100 * S), 0);
    int64_t due_us = nx_spool_send_at(b->spool);
    assert_int_equal(due_us, 100 * S + S / NX_SPOOL_DRAIN_PER_S);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, 100 * S), 401);
    assert_int_equal(bench_send(b, due_us), 11);
    /* No more unanswered than the window. */
    int64_t now_us = 200 * S;
    for (unsigned i = 2; i < NX_SPOOL_DRAIN_WINDOW; i++) {
        assert_int_equal(bench_send(b, now_us), 10 * i + 1);
        now_us += S;
    }
    assert_int_equal(bench_send(b, now_us), 0);
    assert_int_equal(nx_spool_send_at(b->spool), INT64_MAX);
    /* Fresh ones that are settled do not come again after a rewind. */
    struct nx_ack ack = {.epoch = EPOCH,
                         .acked_seq = 20,
                         .echo = 401,
                         .ahead = {{{401, 410}}, 1}};
    assert_true(nx_spool_ack(b->spool, &ack, false, now_us, &sent_us));
    assert_int_equal(sent_us, 100 * S);
    assert_int_equal(bench_ledger(b).acked, 30);
    nx_spool_rewind(b->spool, now_us);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, now_us), 411);
    assert_int_equal(bench_send(b, now_us), 21);
}

/* --- the offset of a batch's clock --- */

static void test_clock_of_this_boot(void **state) {
    struct bench *b = *state;
    bench_open(b, false);
    bench_put_at(b, 1, 50 * S); /* before the first contact */
    struct nx_clock_sample now = bench_clock(b, 1050 * S);
    now.offset_us = -7 * S;
    now.offset_error_us = 100;
    now.offset_known = true;
    assert_int_equal(bench_send_by(b, &now), 1);
    assert_true(b->batch.clock.offset_known);
    assert_int_equal(b->batch.clock.offset_us, -7 * S);
    assert_int_equal(b->batch.clock.mono_us, 50 * S);
    assert_int_equal(b->batch.clock.offset_error_us, 100 + 15 * 1000);
}

/* Another boot, whose offset was never known: what its wall clock said then is
 * taken as far as it is right now. */
static void test_clock_of_another_boot(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    bench_put_at(b, 1, 50 * S);
    b->boot++;
    bench_crash(b, false);
    struct nx_clock_sample now = bench_clock(b, 20 * S);
    now.wall_us = 9000 * S;
    now.offset_us = 20 * S - 8997 * S; /* wall: 3 s ahead of the collector */
    now.offset_known = true;
    assert_int_equal(bench_send_by(b, &now), 1);
    assert_true(b->batch.clock.offset_known);
    int64_t at_us = b->batch.clock.mono_us - b->batch.clock.offset_us;
    assert_int_equal(at_us, WALL0 + 50 * S - 3 * S);
    assert_int_equal(b->batch.clock.offset_error_us, 4 * S);
}

static void test_clock_learned_before_reboot(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    bench_put_at(b, 1, 50 * S);
    b->offset_known = true;
    b->offset_us = -33 * S;
    bench_put_at(b, 1, 60 * S);
    b->offset_known = false;
    b->boot++;
    bench_crash(b, false);
    assert_int_equal(bench_send(b, 20 * S), 1);
    assert_int_equal(b->batch.clock.offset_us, -33 * S);
}

/* --- with a disk --- */

static void test_survives_kill(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, true);
    assert_false(b->found.old);
    for (unsigned i = 0; i < 5; i++) {
        bench_put(b, 10);
    }
    nx_spool_connected(b->spool, S);
    (void)bench_send(b, S);
    (void)bench_ack(b, 10, 1, &sent_us);
    bench_crash(b, true);
    assert_true(b->found.old);
    assert_false(b->found.clean);
    assert_int_equal(nx_spool_epoch(b->spool), EPOCH);
    /* Numbers that may have been given out are not given again. */
    uint64_t next = nx_spool_next_seq(b->spool);
    assert_true(next > 50);
    assert_true(next <= 51 + NX_SPOOL_RESERVE_BATCHES * 100);
    bench_put(b, 10);
    nx_spool_connected(b->spool, 2 * S);
    (void)bench_ack(b, 10, 0, &sent_us);
    for (uint64_t seq = 11; seq <= 41; seq += 10) {
        assert_int_equal(bench_send(b, (int64_t)(seq + 10) * S), seq);
        assert_int_equal(b->batch.gaps_n, 0);
    }
    assert_int_equal(bench_send(b, 100 * S), next);
    bench_expect_gap(b, 0, 51, next - 1, NX_GAP_DAMAGED);
    (void)bench_ack(b, next + 9, next, &sent_us);
    struct nx_ledger l = bench_ledger(b);
    assert_int_equal(l.held, 0);
    assert_int_equal(l.acked, 60);
    assert_int_equal(l.dropped, next - 51);
}

static void test_clean_end_leaves_no_hole(void **state) {
    struct bench *b = *state;
    b->conf.sync_always = false;
    bench_open(b, true);
    bench_put(b, 10);
    bench_put(b, 10);
    assert_int_equal(b->disk->files_n, 0); /* not before its time */
    assert_int_equal(nx_spool_close(b->spool), NX_OK);
    bench_crash(b, true);
    assert_true(b->found.clean);
    assert_int_equal(b->found.held, 20);
    assert_int_equal(b->found.unsure, 0);
    assert_int_equal(nx_spool_next_seq(b->spool), 21);
    assert_int_equal(bench_ledger(b).dropped, 0);
}

/* Where flash is spared: what is acknowledged in time is never written. */
static void test_interval(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    b->conf.sync_always = false;
    b->conf.sync_interval_us = 60 * S;
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    for (int64_t i = 1; i <= 200; i++) {
        bench_put_at(b, 10, i * S);
        bench_tick(b, i * S);
        assert_int_equal(bench_send(b, i * S), 10 * i - 9);
        (void)bench_ack(b, (uint64_t)(10 * i), 1, &sent_us);
    }
    assert_int_equal(b->disk->files_n, 0);
    assert_true(b->disk->ledgers_n <= 8);
    /* Not acknowledged: written after the interval, not before. */
    bench_tick(b, 300 * S);
    bench_put_at(b, 10, 300 * S);
    assert_int_equal(nx_spool_tick_at(b->spool), 360 * S);
    bench_tick(b, 359 * S);
    assert_int_equal(b->disk->files_n, 0);
    bench_tick(b, 360 * S);
    assert_int_equal(b->disk->files_n, 1);
    assert_int_equal(b->disk->syncs_n, 1);
    bench_put_at(b, 10, 361 * S);
    bench_crash(b, true);
    assert_int_equal(b->found.held, 10);
    assert_true(nx_spool_next_seq(b->spool) > 2020);
}

static void test_full_disk(void **state) {
    struct bench *b = *state;
    b->disk->max_bytes = 200000;
    bench_open(b, true);
    for (unsigned i = 0; i < 400; i++) {
        bench_put(b, 100);
        assert_true(fake_bytes(b->disk) <= b->disk->max_bytes);
    }
    struct nx_ledger l = bench_ledger(b);
    assert_int_equal(nx_spool_problem(b->spool), NX_OK);
    assert_true(l.dropped > 0);
    assert_true(l.held > 8000); /* more than half of what fits */
    nx_spool_connected(b->spool, S);
    assert_int_equal(bench_send(b, S), l.dropped + 1);
    bench_expect_gap(b, 0, 1, l.dropped, NX_GAP_SPACE);
    bench_crash(b, true); /* reason and count survive */
    nx_spool_connected(b->spool, S);
    assert_int_equal(bench_send(b, S), l.dropped + 1);
    bench_expect_gap(b, 0, 1, l.dropped, NX_GAP_SPACE);
}

/* A disk that takes nothing: results stay in memory, are sent while their
 * numbers are reserved, and go to the disk when it works again. */
static void test_dead_disk(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    b->disk->error = NX_EIO;
    bench_tick(b, S);
    bench_put_at(b, 10, S);
    assert_int_equal(nx_spool_problem(b->spool), NX_EIO);
    assert_int_equal(bench_send(b, S), 1); /* reserved by the ledger */
    b->disk->ledger_error = NX_EIO;
    uint64_t seq = 11;
    while (bench_send(b, S) != 0 || seq < 1000) {
        bench_put_at(b, 50, S);
        seq += 50;
    }
    assert_int_equal(nx_spool_tick_at(b->spool), S + NX_SPOOL_RETRY_US);
    b->disk->error = NX_OK;
    b->disk->ledger_error = NX_OK;
    bench_tick(b, S);
    assert_int_equal(nx_spool_problem(b->spool), NX_EIO); /* not yet */
    nx_spool_configure(b->spool, &b->conf);
    assert_int_equal(nx_spool_tick_at(b->spool), S);
    bench_tick(b, S);
    assert_int_equal(nx_spool_problem(b->spool), NX_OK);
    assert_int_not_equal(bench_send(b, 9 * S), 0);
    assert_int_equal(bench_ledger(b).dropped, 0);
    bench_crash(b, true);
    assert_int_equal(b->found.held, seq - 1);
}

/* More waits in memory than fits: the disk takes the newest of it. */
static void test_full_after_failing(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    b->disk->error = NX_EIO;
    for (unsigned i = 0; i < 150; i++) {
        bench_put(b, 100);
    }
    b->disk->error = NX_OK;
    b->disk->max_bytes = 50000;
    bench_tick(b, NX_SPOOL_RETRY_US);
    assert_int_equal(nx_spool_problem(b->spool), NX_OK);
    bench_crash(b, true);
    assert_true(b->found.held > 1500);
}

/* Others have filled the disk, and the spool has nothing there to give up: what
 * fits into memory is kept, and goes to the disk when there is room. */
static void test_full_of_others(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    b->disk->max_bytes = 1;
    for (int64_t i = 1; i <= 600; i++) {
        bench_put_at(b, 100, i * S);
        bench_tick(b, i * S);
        assert_true(bench_ledger(b).dropped == 0 ||
                    nx_spool_memory_bytes(b->spool) >
                        NX_SPOOL_MEMORY_BYTES / 10 * 9);
    }
    assert_int_equal(nx_spool_problem(b->spool), NX_EFULL);
    assert_int_equal(b->disk->files_n, 0);
    uint64_t held = bench_ledger(b).held;
    assert_true(held < 60000); /* more came than fits */
    b->disk->max_bytes = 0;
    bench_tick(b, 610 * S);
    assert_int_equal(nx_spool_problem(b->spool), NX_OK);
    bench_crash(b, true);
    assert_int_equal(b->found.held, held);
}

/* A spool far larger than what is kept in memory. */
static void test_memory_is_bounded(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, true);
    for (unsigned i = 0; i < 500; i++) {
        bench_put(b, 100);
        assert_true(nx_spool_memory_bytes(b->spool) <= NX_SPOOL_MEMORY_BYTES);
    }
    assert_int_equal(bench_ledger(b).held, 50000);
    nx_spool_connected(b->spool, 0);
    int64_t now_us = 0;
    for (uint64_t seq = 1; seq < 50000; seq += 100) {
        now_us += S;
        assert_int_equal(bench_send(b, now_us), seq);
        (void)bench_ack(b, seq + 99, seq, &sent_us);
    }
    assert_int_equal(bench_ledger(b).held, 0);
    assert_true(b->disk->files_n <= 1);
}

static void test_ledger_gone(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    bench_put(b, 10);
    bench_put(b, 10);
    b->disk->ledger[0][100] ^= 1;
    b->disk->ledger[1][100] ^= 1;
    b->new_epoch = EPOCH + 5;
    bench_crash(b, true);
    assert_int_equal(nx_spool_epoch(b->spool), EPOCH + 5);
    assert_int_equal(b->found.given_up, 20);
    assert_int_equal(bench_ledger(b).dropped, 20);
    assert_int_equal(nx_spool_next_seq(b->spool), 21);
    assert_int_equal(b->disk->files_n, 0);
}

/* Nothing goes before the new ledger tells of it: not when that cannot be
 * written, and a kill in between leaves what the next start removes. */
static void test_ledger_gone_and_fails(void **state) {
    struct bench *b = *state;
    const struct nx_spool_disk disk = fake_functions(b->disk);
    struct fake_disk before;
    bench_open(b, true);
    bench_put(b, 10);
    nx_spool_free(&b->spool);
    b->disk->ledger[0][100] ^= 1;
    b->disk->ledger[1][100] ^= 1;
    b->disk->ledger_error = NX_EIO;
    assert_int_equal(
        nx_spool_new(&b->conf, &disk, EPOCH + 5, b->boot, &b->spool, &b->found),
        NX_EIO);
    assert_int_equal(b->disk->files_n, 1);
    b->disk->ledger_error = NX_OK;
    fake_copy(b->disk, &before);
    b->new_epoch = EPOCH + 5;
    bench_open(b, true);
    assert_int_equal(b->found.given_up, 10);
    assert_int_equal(b->disk->files_n, 0);
    memcpy(before.ledger, b->disk->ledger, sizeof(before.ledger));
    fake_free(b->disk);
    *b->disk = before;
    bench_crash(b, true);
    assert_int_equal(b->found.given_up, 0);
    assert_int_equal(b->disk->files_n, 0);
    assert_int_equal(bench_ledger(b).held, 0);
    assert_true(bench_ledger(b).dropped >= 10);
}

/* --- a damaged segment: every byte of a file --- */

enum damage { FLIP, CUT, ZEROS, DAMAGES };

static void damage(struct fake_file *f, size_t at, enum damage how) {
    switch (how) {
    case FLIP:
        f->bytes[at] ^= (uint8_t)(1U << (at % 8));
        break;
    case CUT:
        f->len = at;
        break;
    case ZEROS:
        memset(f->bytes + at, 0, f->len - at);
        break;
    case DAMAGES:
        break;
    }
}

/* Three segments of some batches each; the one in the middle is damaged. */
static void make_three(struct bench *b) {
    bench_open(b, true);
    for (unsigned i = 0; i < 3; i++) {
        bench_put(b, 3);
        bench_put(b, 4);
        bench_crash(b, true); /* a new segment begins */
    }
    assert_int_equal(b->disk->files_n, 3);
}

static void test_damage_everywhere(void **state) {
    struct bench *b = *state;
    make_three(b);
    struct fake_disk good;
    fake_copy(b->disk, &good);
    size_t len = good.files[1].len;
    unsigned flips_lost_one = 0, damages_n = 0;
    for (size_t at = 0; at < len; at++) {
        for (enum damage how = FLIP; how < (at % 4 == 0 ? DAMAGES : CUT);
             how++) {
            fake_free(b->disk);
            fake_copy(&good, b->disk);
            damage(&b->disk->files[1], at, how);
            bench_crash(b, true);
            uint64_t results = bench_drain(b);
            assert_in_range(results, 14, 21 - (how == CUT ? 1 : 0));
            flips_lost_one += how == FLIP && results > 14 ? 1 : 0;
            assert_true(how == ZEROS || b->found.damaged > 0 || how == CUT);
            damages_n++;
        }
    }
    assert_true(flips_lost_one > len / 2); /* not the whole segment */
    print_message(
        "# fault | spool file damaged, at every byte of it | %u | 0 | "
        "0 | -\n",
        damages_n);
    fake_free(&good);
}

/* The same after it was opened: found when it is read. */
static void test_damage_while_open(void **state) {
    struct bench *b = *state;
    make_three(b);
    struct fake_disk good;
    fake_copy(b->disk, &good);
    for (size_t at = 0; at < good.files[1].len; at += 3) {
        fake_free(b->disk);
        fake_copy(&good, b->disk);
        bench_crash(b, true);
        damage(&b->disk->files[1], at, FLIP);
        assert_in_range(bench_drain(b), 14, 21);
    }
    fake_free(&good);
}

/* A ledger that cannot be written: nothing may be sent, and it is tried again
 * after a while, not at once. */
static void test_ledger_fails(void **state) {
    struct bench *b = *state;
    b->conf.batch_max_results = 1;
    bench_open(b, true);
    b->disk->ledger_error = NX_EIO;
    for (unsigned i = 0; i < 8; i++) {
        bench_put_at(b, 1, S);
    }
    nx_spool_connected(b->spool, S); /* all of it is to be drained */
    unsigned sent_n = 0;
    for (int64_t t = 2; t < 20 && bench_send(b, t * S) > 0; t++) {
        sent_n++;
    }
    assert_int_equal(sent_n, NX_SPOOL_RESERVE_BATCHES);
    assert_int_equal(bench_send(b, 20 * S), 0);
    assert_int_equal(nx_spool_send_at(b->spool), 21 * S);
    b->disk->ledger_error = NX_OK;
    bench_tick(b, 30 * S);
    assert_int_equal(bench_send(b, 31 * S), NX_SPOOL_RESERVE_BATCHES + 1);
    assert_true(nx_spool_send_at(b->spool) < INT64_MAX);
}

/* What is told is in the ledger before it is told. */
static void test_told_before_sent(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    nx_spool_lost(b->spool, 1, 3);
    bench_put_at(b, 1, S);
    b->disk->ledger_error = NX_EIO;
    assert_int_equal(bench_send(b, S), 0);
    assert_int_equal(nx_spool_send_at(b->spool), 2 * S);
    b->disk->ledger_error = NX_OK;
    unsigned ledgers_n = b->disk->ledgers_n;
    assert_int_equal(bench_send(b, 2 * S), 4);
    assert_int_equal(b->disk->ledgers_n, ledgers_n + 2); /* and: it sends */
    bench_expect_gap(b, 0, 1, 3, NX_GAP_SPACE);
    assert_int_equal(nx_spool_send_at(b->spool), INT64_MAX);
}

/* The ledger's first write after a long failure reserves far more than the one
 * before: when that copy is damaged, the other must not be far below. */
static void test_far_reserve_is_in_both(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    b->disk->ledger_error = NX_EIO;
    for (unsigned i = 0; i < 200; i++) {
        bench_put_at(b, 100, S);
    }
    b->disk->ledger_error = NX_OK;
    bench_put_at(b, 100, S);
    for (unsigned slot = 0; slot < 2; slot++) {
        struct nx_ledger_block block;
        assert_int_equal(nx_ledger_parse(b->disk->ledger[slot], &block), NX_OK);
        assert_true(block.reserved_seq >= 20100);
    }
}

int main(void) {
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_order_and_acks),
        WITH_BENCH(test_go_back),
        WITH_BENCH(test_wrong_numbers),
        WITH_BENCH(test_drop_oldest),
        WITH_BENCH(test_caught_up),
        WITH_BENCH(test_collector_goes_back),
        WITH_BENCH(test_collector_goes_back_and_ahead),
        WITH_BENCH(test_all_holes_are_told),
        WITH_BENCH(test_lost),
        WITH_BENCH(test_age),
        WITH_BENCH(test_lanes),
        WITH_BENCH(test_clock_of_this_boot),
        WITH_BENCH(test_clock_of_another_boot),
        WITH_BENCH(test_clock_learned_before_reboot),
        WITH_BENCH(test_survives_kill),
        WITH_BENCH(test_clean_end_leaves_no_hole),
        WITH_BENCH(test_interval),
        WITH_BENCH(test_full_disk),
        WITH_BENCH(test_dead_disk),
        WITH_BENCH(test_full_after_failing),
        WITH_BENCH(test_full_of_others),
        WITH_BENCH(test_memory_is_bounded),
        WITH_BENCH(test_ledger_gone),
        WITH_BENCH(test_ledger_gone_and_fails),
        WITH_BENCH(test_damage_everywhere),
        WITH_BENCH(test_damage_while_open),
        WITH_BENCH(test_ledger_fails),
        WITH_BENCH(test_told_before_sent),
        WITH_BENCH(test_far_reserve_is_in_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
