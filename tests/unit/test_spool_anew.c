/* A spool that was put back to an older copy: its collector has numbers that it
 * would give again. What it holds goes on in another epoch, and a collector
 * that was put back itself makes no difference. */
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

#define EPOCH2 (EPOCH + 1)

/* What the collector has of both epochs. */
struct far_side {
    struct nx_streams streams;
    struct nx_stream *of[2];
};

static void begin(struct far_side *far) {
    memset(far, 0, sizeof(*far));
    far->of[0] = nx_streams_add(&far->streams, EPOCH, NULL);
    far->of[1] = nx_streams_add(&far->streams, EPOCH2, NULL);
}

static struct nx_ack says(const struct far_side *far, uint64_t epoch) {
    const struct nx_stream_position *p = &far->of[epoch - EPOCH]->done;
    return (struct nx_ack){.epoch = epoch,
                           .acked_seq = p->acked_seq,
                           .ahead = p->ahead,
                           .dropped_known = true,
                           .dropped_n = p->dropped_n};
}

/* What was sent last arrives and is committed. */
static enum nx_stream_verdict arrive(struct far_side *far,
                                     const struct bench *b) {
    struct nx_stream_result result;
    struct nx_stream *stream = far->of[b->batch.epoch - EPOCH];
    nx_streams_offer(&far->streams, stream, &b->batch, &result);
    nx_stream_commit(stream);
    return result.verdict;
}

/* The collector gets all that is held, by its pace; its sending times, which
 * are other ones for each result, are added up. */
static int64_t send_all(struct far_side *far, struct bench *b, int64_t now_us) {
    int64_t sum = 0;
    nx_spool_connected(b->spool, now_us);
    while (bench_send(b, now_us += S) != 0) {
        assert_int_equal(arrive(far, b), NX_STREAM_ACCEPT);
        for (size_t i = 0; i < b->batch.obs_n; i++) {
            sum += b->batch.obs[i].tx_mono_us;
        }
        const struct nx_ack ack = says(far, b->batch.epoch);
        int64_t sent_us = 0;
        (void)nx_spool_ack(b->spool, &ack, false, now_us, &sent_us);
    }
    return sum;
}

static int64_t sum_of(int64_t from, int64_t to) {
    return (to * (to + 1) - (from - 1) * from) / 2;
}

/* 20 results are held when the copy is made. Then the original sends them or
 * not, and n batches of 100 more. */
static void run_on(struct bench *b, struct far_side *far, bool sends_old,
                   unsigned n) {
    struct fake_disk copy;
    begin(far);
    bench_open(b, true);
    bench_put(b, 10);
    bench_put(b, 10);
    assert_int_equal(bench_send(b, 0), 1); /* does not arrive */
    nx_spool_lanes_back(b->spool);
    fake_copy(b->disk, &copy);
    if (!sends_old) {
        nx_spool_connected(b->spool, 0); /* the drain waits */
    }
    for (unsigned i = 0; i < n; i++) {
        bench_put(b, 100);
    }
    b->spool->drain_us = sends_old ? 0 : INT64_MAX;
    for (int64_t i = 1; bench_send(b, i * S) != 0; i++) {
        assert_int_equal(arrive(far, b), NX_STREAM_ACCEPT);
        const struct nx_ack ack = says(far, EPOCH);
        int64_t sent_us = 0;
        (void)nx_spool_ack(b->spool, &ack, false, i * S, &sent_us);
    }
    nx_spool_free(&b->spool);
    fake_free(b->disk);
    *b->disk = copy;
}

static int anew(struct bench *b, const struct far_side *far,
                struct nx_spool_moved *moved) {
    const struct nx_ack ack = says(far, EPOCH);
    assert_true(nx_spool_behind(b->spool, &ack));
    return nx_spool_anew(b->spool, &ack, EPOCH2, moved);
}

/* Without a new epoch the collector takes what is new for what it has. */
static void test_what_it_is_for(void **state) {
    struct bench *b = *state;
    struct far_side far;
    run_on(b, &far, true, 6);
    bench_open(b, true);
    assert_int_equal(nx_spool_next_seq(b->spool), 401); /* were reserved */
    nx_spool_connected(b->spool, 0);
    bench_put(b, 5);
    assert_int_equal(bench_send(b, S), 401);
    assert_int_equal(arrive(&far, b), NX_STREAM_DUPLICATE);
}

/* What was held when the copy was made had arrived; what is new arrives. */
static void test_put_back(void **state) {
    struct bench *b = *state;
    struct far_side far;
    struct nx_spool_moved moved;
    run_on(b, &far, true, 6);
    bench_open(b, true);
    b->made_n = 1000;
    bench_put(b, 5);
    bench_put(b, 7);
    assert_int_equal(anew(b, &far, &moved), NX_OK);
    assert_int_equal(moved.held, 12);
    assert_int_equal(moved.lost, 0);
    assert_int_equal(nx_spool_epoch(b->spool), EPOCH2);
    assert_int_equal(b->disk->files_n, 1);
    bench_put(b, 3);
    assert_int_equal(send_all(&far, b, S), sum_of(1001, 1015));
    struct nx_ledger l = bench_ledger(b);
    assert_int_equal(l.acked, 15);
    assert_int_equal(l.dropped, 0);
    /* An answer of before is nobody's. */
    const struct nx_ack old = says(&far, EPOCH);
    assert_false(nx_spool_behind(b->spool, &old));
    b->new_epoch = EPOCH + 7;
    bench_crash(b, true);
    assert_int_equal(nx_spool_epoch(b->spool), EPOCH2);
}

/* Two starts of the copy before the collector says so: what the first one has
 * seen is not the original's. */
static void test_two_starts(void **state) {
    struct bench *b = *state;
    struct far_side far;
    struct nx_spool_moved moved;
    run_on(b, &far, true, 6);
    bench_open(b, true);
    b->made_n = 1000;
    bench_put(b, 5);
    assert_int_equal(nx_spool_close(b->spool), NX_OK);
    nx_spool_free(&b->spool);
    bench_open(b, true);
    assert_int_equal(nx_spool_next_seq(b->spool), 406);
    bench_put(b, 7);
    assert_int_equal(anew(b, &far, &moved), NX_OK);
    assert_int_equal(moved.held, 12);
    assert_int_equal(moved.lost, 0);
    assert_int_equal(send_all(&far, b, S), sum_of(1001, 1012));
}

/* ... nor does anybody know what of it is, when the original had sent nothing.
 */
static void test_copy_of_the_unsent(void **state) {
    struct bench *b = *state;
    struct nx_spool_moved moved;
    struct far_side far;
    const struct nx_ack ack = {.epoch = EPOCH, .acked_seq = 1000};
    begin(&far);
    bench_open(b, true);
    bench_put(b, 5);
    assert_int_equal(nx_spool_close(b->spool), NX_OK);
    nx_spool_free(&b->spool);
    bench_open(b, true);
    assert_int_equal(nx_spool_anew(b->spool, &ack, EPOCH2, &moved), NX_OK);
    assert_int_equal(moved.held, 5);
    assert_int_equal(send_all(&far, b, S), sum_of(1, 5));
}

/* What the original never sent is kept, and one that is lost is reported. */
static void test_holes(void **state) {
    struct bench *b = *state;
    struct far_side far;
    struct nx_spool_moved moved;
    run_on(b, &far, false, 6);
    assert_int_equal(far.of[0]->done.acked_seq, 0);
    bench_open(b, true);
    b->made_n = 1000;
    bench_put(b, 5);
    nx_spool_lost(b->spool, nx_spool_next_seq(b->spool), 4);
    assert_int_equal(anew(b, &far, &moved), NX_OK);
    assert_int_equal(moved.held, 25);
    assert_int_equal(moved.lost, 4);
    bench_put(b, 1);
    assert_int_equal(send_all(&far, b, S), sum_of(1, 20) + sum_of(1001, 1006));
    assert_int_equal(far.of[1]->done.acked_seq, 30);
    assert_int_equal(far.of[1]->done.dropped_n, 4);
    assert_int_equal(bench_ledger(b).dropped, 4);
}

/* The memory of a machine was put back: which of its results are of before, it
 * cannot know, so all that is not acknowledged goes again. */
static void test_in_memory(void **state) {
    struct bench *b = *state;
    struct nx_spool_moved moved;
    struct far_side far;
    begin(&far);
    bench_open(b, false);
    bench_put(b, 10);
    bench_put(b, 10);
    const struct nx_ack first = {.epoch = EPOCH, .acked_seq = 10};
    int64_t sent_us = 0;
    (void)nx_spool_ack(b->spool, &first, true, S, &sent_us);
    const struct nx_ack ack = {.epoch = EPOCH, .acked_seq = 500};
    assert_true(nx_spool_behind(b->spool, &ack));
    assert_int_equal(nx_spool_anew(b->spool, &ack, EPOCH2, &moved), NX_OK);
    assert_int_equal(moved.held, 10);
    assert_int_equal(moved.lost, 0);
    assert_int_equal(send_all(&far, b, S), sum_of(11, 20));
    assert_int_equal(bench_ledger(b).acked, 10);
}

/* A collector that was put back has less, or numbers that were given. */
static void test_collector_put_back(void **state) {
    struct bench *b = *state;
    struct nx_ack ack = {.epoch = EPOCH, .acked_seq = 0};
    bench_open(b, true);
    bench_put(b, 10);
    assert_false(nx_spool_behind(b->spool, &ack));
    ack.acked_seq = 10;
    assert_false(nx_spool_behind(b->spool, &ack));
    ack.acked_seq = 3;
    ack.ahead = (struct nx_ahead){.runs = {{5, 10}}, .n = 1};
    assert_false(nx_spool_behind(b->spool, &ack));
    ack.ahead.runs[0].to_seq = 11;
    assert_true(nx_spool_behind(b->spool, &ack));
    ack.epoch = EPOCH2;
    assert_false(nx_spool_behind(b->spool, &ack));
}

/* --- a disk that fails, is full, or is left in the middle --- */

static unsigned calls_left;

static bool dead(void) {
    if (calls_left > 0) {
        calls_left--;
    }
    return calls_left == 0;
}

static int append(void *user, uint64_t id, const void *bytes, size_t len) {
    return dead() ? NX_EIO : fake_append(user, id, bytes, len);
}

static int sync_segment(void *user, uint64_t id) {
    return dead() ? NX_EIO : fake_sync(user, id);
}

static int remove_segment(void *user, uint64_t id) {
    return dead() ? NX_EIO : fake_remove(user, id);
}

static int ledger_write(void *user, unsigned slot,
                        const uint8_t block[NX_LEDGER_BLOCK_BYTES]) {
    if (dead()) { /* the last that it did */
        if (slot == 0) {
            (void)fake_ledger_write(user, slot, block);
        }
        return NX_EIO;
    }
    return fake_ledger_write(user, slot, block);
}

static void open_mortal(struct bench *b) {
    struct nx_spool_disk disk = fake_functions(b->disk);
    disk.append = append;
    disk.sync = sync_segment;
    disk.remove = remove_segment;
    disk.ledger_write = ledger_write;
    calls_left = UINT32_MAX;
    b->has_disk = true;
    assert_int_equal(
        nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
        NX_OK);
}

/* Killed in any call of the disk: a start finds all of it, by one epoch or by
 * the other; and so does who goes on. */
static void test_killed(void **state) {
    struct bench *b = *state;
    struct nx_spool_moved moved;
    const struct nx_ack ack = {.epoch = EPOCH, .acked_seq = 1U << 20};
    bool done = false;
    unsigned old_n = 0;
    for (unsigned left = 1; !done; left++) {
        fake_free(b->disk);
        open_mortal(b);
        for (unsigned i = 0; i < 10; i++) {
            bench_put(b, 100);
        }
        calls_left = left;
        assert_true(left < 10000);
        done = nx_spool_anew(b->spool, &ack, EPOCH2, &moved) == NX_OK &&
               calls_left > 0;
        assert_int_equal(bench_ledger(b).held, 1000);
        calls_left = UINT32_MAX;
        bench_crash(b, false);
        assert_int_equal(b->found.held, 1000);
        assert_int_equal(b->found.given_up, 0);
        old_n += nx_spool_epoch(b->spool) == EPOCH ? 1 : 0;
        nx_spool_free(&b->spool);
    }
    assert_true(old_n > 20);
}

/* No room for it twice: the oldest goes, as little as may be, and is reported.
 * A disk that fails: all stays as it is, and works by the old epoch. */
static void test_no_room(void **state) {
    struct bench *b = *state;
    struct nx_spool_moved moved;
    const struct nx_ack ack = {
        .epoch = EPOCH, .ahead = {.runs = {{1U << 20, 1U << 20}}, .n = 1}};
    bench_open(b, true);
    for (unsigned i = 0; i < 1000; i++) {
        bench_put(b, 100);
    }
    size_t used = fake_bytes(b->disk);
    b->disk->error = NX_EIO;
    assert_int_equal(nx_spool_anew(b->spool, &ack, EPOCH2, &moved), NX_EIO);
    b->disk->error = NX_OK;
    b->disk->ledger_error = NX_EIO;
    assert_int_equal(nx_spool_anew(b->spool, &ack, EPOCH2, &moved), NX_EIO);
    b->disk->ledger_error = NX_OK;
    bench_crash(b, true);
    assert_int_equal(nx_spool_epoch(b->spool), EPOCH);
    assert_int_equal(b->found.held, 100000);
    b->disk->max_bytes = used + used / 2;
    assert_int_equal(nx_spool_anew(b->spool, &ack, EPOCH2, &moved), NX_OK);
    assert_true(moved.held > 40000);
    assert_true(moved.lost >= 100000 - moved.held);
    assert_int_equal(nx_spool_problem(b->spool), NX_OK);
    b->new_epoch = EPOCH2;
    bench_crash(b, true);
    assert_int_equal(b->found.held, moved.held);
}

/* What is damaged is reported, and no more than that. */
static void test_damaged(void **state) {
    struct bench *b = *state;
    struct nx_spool_moved moved;
    struct far_side far;
    run_on(b, &far, false, 6);
    bench_open(b, true);
    b->disk->files[0].bytes[NX_SEGMENT_HEAD_BYTES + NX_RECORD_HEAD_BYTES] ^= 1;
    assert_int_equal(anew(b, &far, &moved), NX_OK);
    assert_int_equal(moved.held, 10);
    assert_int_equal(moved.lost, 10);
    bench_put(b, 1);
    (void)send_all(&far, b, S);
    bench_expect_gap(b, 0, 11, 20, NX_GAP_DAMAGED);
}

int main(void) {
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_what_it_is_for),
        WITH_BENCH(test_put_back),
        WITH_BENCH(test_two_starts),
        WITH_BENCH(test_copy_of_the_unsent),
        WITH_BENCH(test_holes),
        WITH_BENCH(test_in_memory),
        WITH_BENCH(test_collector_put_back),
        WITH_BENCH(test_killed),
        WITH_BENCH(test_no_room),
        WITH_BENCH(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
