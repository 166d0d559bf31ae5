/* The spool and the collector's streams together: what both know of the same
 * numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/spool_priv.h"
#include "collector/ingest/stream.h"
#include "tests/lib/spool_bench.h"

/* The collector's side of the bench's epoch. */
struct far_side {
    struct nx_streams streams;
    struct nx_stream *stream;
    int64_t now_us;
};

static void begin(struct far_side *far) {
    memset(far, 0, sizeof(*far));
    far->stream = nx_streams_add(&far->streams, EPOCH, NULL);
    assert_non_null(far->stream);
}

/* What was sent last arrives and is committed. */
static enum nx_stream_verdict arrive(struct far_side *far,
                                     const struct bench *b) {
    struct nx_stream_result result;
    nx_streams_offer(&far->streams, far->stream, &b->batch, &result);
    nx_stream_commit(far->stream);
    return result.verdict;
}

static void ack(struct far_side *far, struct bench *b, uint64_t echo) {
    const struct nx_stream_position *p = &far->stream->done;
    const struct nx_ack said = {.epoch = EPOCH,
                                .acked_seq = p->acked_seq,
                                .ahead = p->ahead,
                                .echo = echo,
                                .dropped_known = true,
                                .dropped_n = p->dropped_n};
    int64_t sent_us = 0;
    (void)nx_spool_ack(b->spool, &said, echo == 0, S, &sent_us);
}

static void expect_ledger(const struct bench *b, uint64_t acked, uint64_t held,
                          uint64_t dropped) {
    struct nx_ledger l = bench_ledger(b);
    assert_int_equal(l.acked, acked);
    assert_int_equal(l.held, held);
    assert_int_equal(l.dropped, dropped);
}

/* The disk wants room while an ack is on the way: what is given up had arrived.
 */
static void test_dropped_and_arrived(void **state) {
    struct bench *b = *state;
    struct far_side far;
    begin(&far);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 1);
    assert_int_equal(arrive(&far, b), NX_STREAM_ACCEPT);
    nx_spool_drop_segment(b->spool, NX_GAP_SPACE);
    expect_ledger(b, 0, 0, 10); /* by what it knows */
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 11);
    bench_expect_gap(b, 0, 1, 10, NX_GAP_SPACE);
    assert_int_equal(arrive(&far, b), NX_STREAM_ACCEPT);
    ack(&far, b, 11);
    expect_ledger(b, 20, 0, 0);

    /* And one that had not. */
    bench_put(b, 5);
    nx_spool_drop_segment(b->spool, NX_GAP_SPACE);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 26);
    assert_int_equal(arrive(&far, b), NX_STREAM_ACCEPT);
    expect_ledger(b, 20, 10, 5);
    ack(&far, b, 26);
    expect_ledger(b, 30, 0, 5);
    assert_int_equal(far.stream->done.received_n, 30);
    assert_int_equal(far.stream->done.dropped_n, 5);
}

/* What the disk knows is older than what was acked. */
static void test_known_again(void **state) {
    struct bench *b = *state;
    struct far_side far;
    begin(&far);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 1);
    assert_int_equal(arrive(&far, b), NX_STREAM_ACCEPT);
    nx_spool_drop_segment(b->spool, NX_GAP_SPACE);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 11); /* tells of it, on the disk, too */
    assert_int_equal(arrive(&far, b), NX_STREAM_ACCEPT);
    bench_crash(b, true);
    expect_ledger(b, 0, 10, 10 + b->found.unsure);
    ack(&far, b, 0);
    expect_ledger(b, 20, 0, b->found.unsure);
}

/* A collector that does not say: what was told counts as lost. */
static void test_older_collector(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 1);
    nx_spool_drop_segment(b->spool, NX_GAP_SPACE);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 11);
    (void)bench_ack(b, 20, 11, &sent_us);
    expect_ledger(b, 10, 0, 10);
}

/* More than there can be. */
static void test_impossible_count(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, true);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, S), 1);
    const struct nx_ack said = {.epoch = EPOCH,
                                .acked_seq = 5,
                                .echo = 1,
                                .dropped_known = true,
                                .dropped_n = UINT64_MAX - 1};
    (void)nx_spool_ack(b->spool, &said, false, S, &sent_us);
    expect_ledger(b, 0, 5, 5);
}

/* --- what the collector is too old for --- */

/* The next message is one of these. */
static void send_kept(struct bench *b, int64_t now_us, uint64_t first) {
    assert_int_equal(bench_send(b, now_us), first);
    uint32_t crc = b->spool->peeked_crc;
    assert_int_equal(nx_spool_keep(b->spool, crc ^ 2), 0);
    assert_int_equal(nx_spool_keep(b->spool, crc), 10);
    assert_int_equal(nx_spool_keep(b->spool, crc), 0);
}

/* It waits, and nothing else for it, until a connection begins. */
static void test_kept(void **state) {
    struct bench *b = *state;
    struct far_side far;
    begin(&far);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    for (uint64_t first = 1; first < 60; first += 20) {
        bench_put(b, 10);
        send_kept(b, S, first);
        bench_put(b, 10);
        assert_int_equal(bench_send(b, S), first + 10);
        assert_int_equal(arrive(&far, b), NX_STREAM_ACCEPT);
        ack(&far, b, first + 10);
        nx_spool_rewind(b->spool, S); /* sends none of those that wait */
        assert_int_equal(bench_send(b, S), 0);
    }
    assert_int_equal(nx_spool_send_at(b->spool), INT64_MAX);
    assert_int_equal(nx_spool_timeout_at(b->spool, S), INT64_MAX);
    expect_ledger(b, 30, 30, 0);
    nx_spool_connected(b->spool, 2 * S);
    assert_int_equal(bench_send(b, 2 * S), 1);
    assert_int_equal(bench_send(b, 3 * S), 21);
    bench_crash(b, true);
    assert_int_equal(bench_ledger(b).held, 60); /* acks are not on the disk */
    assert_int_equal(bench_drain(b), 60);
}

/* Neighbours are one hole: the present goes on however many they are. */
static void test_kept_in_a_row(void **state) {
    struct bench *b = *state;
    struct far_side far;
    begin(&far);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    for (unsigned i = 0; i < 3 * NX_SPOOL_WAITING_MAX; i++) {
        bench_put(b, 10);
        send_kept(b, S, 10 * i + 1);
    }
    assert_int_equal(b->spool->waiting_n, 1);
    for (unsigned i = 0; i < 10; i++) {
        bench_put(b, 10);
        assert_true(bench_send(b, S) > 0);
        assert_int_equal(arrive(&far, b), NX_STREAM_ACCEPT);
        ack(&far, b, b->batch.first_seq);
    }
    expect_ledger(b, 100, 30 * NX_SPOOL_WAITING_MAX, 0);
}

/* Given up in part, for its age or for want of room: the rest waits on. */
static void test_kept_and_given_up(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    for (unsigned i = 0; i < 3; i++) {
        bench_put(b, 10);
        send_kept(b, S, 10 * i + 1);
    }
    nx_spool_hole(b->spool, 1, 9, NX_GAP_AGE);
    nx_spool_hole(b->spool, 25, 30, NX_GAP_SPACE);
    assert_int_equal(b->spool->waiting_n, 1);
    assert_int_equal(b->spool->waiting[0].from_seq, 10);
    assert_int_equal(b->spool->waiting[0].to_seq, 24);
    assert_int_equal(bench_send(b, S), 0);
    nx_spool_hole(b->spool, 1, 30, NX_GAP_AGE);
    assert_int_equal(b->spool->waiting_n, 0);
}

static bool is_kept(uint64_t first, const uint64_t *kept, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (kept[i] == first) {
            return true;
        }
    }
    return false;
}

/* Everything goes that the collector has room for. None that it has not is
 * sent: it would go again and again, and take the place of others. */
static void exchange(struct bench *b, struct far_side *far,
                     const uint64_t *kept, size_t kept_n) {
    uint64_t first = 0;
    while ((first = bench_send(b, far->now_us += S)) != 0) {
        assert_true(far->now_us < 1000 * S);
        if (is_kept(first, kept, kept_n)) {
            assert_true(nx_spool_keep(b->spool, b->spool->peeked_crc) > 0);
            continue;
        }
        assert_int_equal(arrive(far, b), NX_STREAM_ACCEPT);
        ack(far, b, first);
    }
    assert_int_equal(nx_spool_send_at(b->spool), INT64_MAX);
}

/* Four interruptions, each of which left something behind: as many runs as the
 * collector has. */
static void make_runs(struct bench *b, struct far_side *far) {
    begin(far);
    bench_open(b, true);
    for (uint64_t i = 0; i < NX_AHEAD_MAX; i++) {
        bench_put(b, 10);
        bench_put(b, 10);
        bench_put(b, 10);
        nx_spool_connected(b->spool, 0);
        bench_put(b, 10);
        assert_int_equal(bench_send(b, S), 40 * i + 31);
        assert_int_equal(arrive(far, b), NX_STREAM_ACCEPT);
        ack(far, b, 40 * i + 31);
    }
    assert_int_equal(far->stream->done.ahead.n, NX_AHEAD_MAX);
}

/* The first of what was left is too new: a run behind it would be the fifth,
 * and what is left elsewhere goes first. */
static void test_kept_before_all_runs(void **state) {
    static const uint64_t kept[] = {1};
    struct bench *b = *state;
    struct far_side far;
    make_runs(b, &far);
    exchange(b, &far, kept, 1);
    expect_ledger(b, 150, 10, 0);
    bench_put(b, 10); /* and what is new */
    exchange(b, &far, kept, 1);
    expect_ledger(b, 160, 10, 0);
    nx_spool_connected(b->spool, 0); /* an upgrade */
    exchange(b, &far, NULL, 0);
    expect_ledger(b, 170, 0, 0);
}

/* In three of the holes. */
static void test_kept_in_three_holes(void **state) {
    static const uint64_t kept[] = {1, 51, 81};
    struct bench *b = *state;
    struct far_side far;
    make_runs(b, &far);
    exchange(b, &far, kept, 3);
    expect_ledger(b, 130, 30, 0);
    nx_spool_connected(b->spool, 0); /* still the old one */
    bench_put(b, 10);
    exchange(b, &far, kept, 3);
    expect_ledger(b, 140, 30, 0);
    nx_spool_connected(b->spool, 0);
    exchange(b, &far, NULL, 0);
    expect_ledger(b, 170, 0, 0);
}

/* More holes than the collector has runs: what is behind the last one waits,
 * and is not lost. */
static void test_kept_in_too_many(void **state) {
    static const uint64_t kept[] = {1, 21, 41, 61, 81, 101};
    struct bench *b = *state;
    struct far_side far;
    begin(&far);
    bench_open(b, true);
    for (unsigned i = 0; i < 14; i++) {
        bench_put(b, 10);
    }
    nx_spool_connected(b->spool, 0);
    exchange(b, &far, kept, 6);
    expect_ledger(b, 40, 100, 0); /* 11, 31, 51, 71 */
    nx_spool_connected(b->spool, 0);
    exchange(b, &far, NULL, 0);
    expect_ledger(b, 140, 0, 0);
}

#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_dropped_and_arrived),
        WITH_BENCH(test_known_again),
        WITH_BENCH(test_older_collector),
        WITH_BENCH(test_impossible_count),
        WITH_BENCH(test_kept),
        WITH_BENCH(test_kept_in_a_row),
        WITH_BENCH(test_kept_and_given_up),
        WITH_BENCH(test_kept_before_all_runs),
        WITH_BENCH(test_kept_in_three_holes),
        WITH_BENCH(test_kept_in_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
