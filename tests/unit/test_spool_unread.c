/* A disk that cannot be read for a while costs no results; one that cannot be
 * read for ever costs those, and neither the agent nor the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/spool_bench.h"

/* 30 results in three batches, on the disk only. */
static void leave_some(struct bench *b) {
    bench_open(b, true);
    for (unsigned i = 0; i < 3; i++) {
        bench_put(b, 10);
    }
    nx_spool_free(&b->spool);
}

/* The same in three segments: each ends with what a start finds. */
static void leave_segments(struct bench *b) {
    for (unsigned i = 0; i < 3; i++) {
        bench_open(b, true);
        bench_put(b, 10);
        assert_int_equal(nx_spool_close(b->spool), NX_OK);
        nx_spool_free(&b->spool);
    }
    assert_int_equal(b->disk->files_n, 3);
}

static void bad(struct bench *b, uint64_t id, uint64_t from, uint64_t to) {
    b->disk->bad_id = id;
    b->disk->bad_from = from;
    b->disk->bad_to = to;
}

/* Tries for a minute and more; what was sent, in order, is seqs. */
static void send_all(struct bench *b, const uint64_t *seqs, size_t n) {
    size_t sent = 0;
    for (int64_t i = 1; i <= 200; i++) {
        uint64_t seq = bench_send(b, i * S);
        if (seq != 0) {
            assert_true(sent < n);
            assert_int_equal(seq, seqs[sent++]);
        }
    }
    assert_int_equal(sent, n);
}

/* What is wrong with the right to read, or for want of files, is not the
 * disk's end: nothing is given up, and the start fails. */
static void test_start(void **state) {
    static const int errors[] = {NX_EDENIED, NX_ENOMEM};
    struct bench *b = *state;
    const struct nx_spool_disk disk = fake_functions(b->disk);
    leave_some(b);
    size_t files_n = b->disk->files_n;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        b->disk->read_error = errors[i];
        assert_int_equal(
            nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
            errors[i]);
        assert_null(b->spool);
        assert_int_equal(b->disk->files_n, files_n);
    }
    b->disk->read_error = NX_OK;
    bench_open(b, true);
    assert_int_equal(bench_ledger(b).held, 30);
}

/* The disk fails at the start only: nothing is lost. */
static void test_start_fails_for_a_while(void **state) {
    struct bench *b = *state;
    leave_segments(b);
    b->disk->read_error = NX_EIO;
    bench_open(b, true);
    assert_int_equal(b->found.unread, 3);
    assert_int_equal(b->found.unsure, 0);
    assert_int_equal(bench_ledger(b).held, 30);
    assert_int_equal(b->disk->files_n, 3);
    bench_put(b, 10); /* goes on above them */
    nx_spool_connected(b->spool, 0);
    assert_int_equal(bench_send(b, S), 0);
    b->disk->read_error = NX_OK;
    const uint64_t seqs[] = {1, 11, 21, 31};
    send_all(b, seqs, 4);
    assert_int_equal(bench_ledger(b).dropped, 0);
    assert_int_equal(nx_spool_damaged(b->spool), 0);
    assert_int_equal(b->batch.gaps_n, 0);
}

/* One file has a bad sector under its beginning: it alone is reported. */
static void test_bad_segment(void **state) {
    struct bench *b = *state;
    leave_segments(b);
    bad(b, 2, 0, 512);
    bench_open(b, true);
    assert_int_equal(b->found.unread, 1);
    assert_int_equal(bench_ledger(b).held, 30);
    nx_spool_connected(b->spool, 0);
    const uint64_t seqs[] = {1, 21};
    send_all(b, seqs, 2);
    bench_expect_gap(b, 0, 11, 20, NX_GAP_DAMAGED);
    assert_int_equal(b->batch.gaps_n, 1);
    assert_int_equal(bench_ledger(b).dropped, 10);
    assert_int_equal(nx_spool_damaged(b->spool), 10);
    int64_t sent_us = 0;
    (void)bench_ack(b, 30, 21, &sent_us);
    assert_int_equal(b->disk->files_n, 0); /* the bad one is gone, too */
    assert_int_equal(nx_spool_disk_bytes(b->spool), 0);
}

/* The newest: it may hold what was numbered last. */
static void test_bad_newest(void **state) {
    struct bench *b = *state;
    leave_segments(b);
    bad(b, 3, 0, 512);
    bench_open(b, true);
    assert_int_equal(bench_ledger(b).held, 30);
    assert_int_equal(nx_spool_next_seq(b->spool), 31);
    bench_put(b, 1);
    nx_spool_connected(b->spool, 0);
    const uint64_t seqs[] = {1, 11, 31};
    send_all(b, seqs, 3);
    bench_expect_gap(b, 0, 21, 30, NX_GAP_DAMAGED);
}

/* Under the results of one record only that is lost; under a head, what is
 * behind it in the file. */
static void test_bad_record(void **state) {
    struct bench *b = *state;
    leave_some(b);
    const size_t record = (b->disk->files[0].len - NX_SEGMENT_HEAD_BYTES) / 3;
    size_t at = NX_SEGMENT_HEAD_BYTES + record + NX_RECORD_HEAD_BYTES;
    bad(b, 1, at, at + 8); /* in the second */
    bench_open(b, true);
    assert_int_equal(b->found.unread, 1);
    uint64_t lost_n = bench_ledger(b).dropped; /* reserved by the crash */
    nx_spool_connected(b->spool, 0);
    const uint64_t some[] = {1, 21};
    send_all(b, some, 2);
    assert_int_equal(bench_ledger(b).dropped, lost_n + 10);
    bench_expect_gap(b, 0, 11, 20, NX_GAP_DAMAGED);
    nx_spool_free(&b->spool);
    bad(b, 1, at - 8, at);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    send_all(b, some, 1);
    (void)bench_ledger(b);
    bench_put(b, 1);
    uint64_t seq = nx_spool_next_seq(b->spool) - 1;
    assert_int_equal(bench_send(b, 300 * S), seq);
    assert_int_equal(b->batch.gaps[0].from_seq, 11);
    assert_int_equal(b->batch.gaps[b->batch.gaps_n - 1].to_seq, seq - 1);
}

/* While nothing is acknowledged all goes again and again: what is before the
 * bad sector can be read each time, which says nothing of the sector. */
static void test_bad_record_and_no_ack(void **state) {
    struct bench *b = *state;
    leave_some(b);
    const size_t record = (b->disk->files[0].len - NX_SEGMENT_HEAD_BYTES) / 3;
    size_t at = NX_SEGMENT_HEAD_BYTES + record + NX_RECORD_HEAD_BYTES;
    int why = NX_OK;
    bad(b, 1, at, at + 8);
    bench_open(b, true);
    uint64_t lost_n = bench_ledger(b).dropped;
    nx_spool_connected(b->spool, 0);
    int64_t now_us = 0;
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(bench_send(b, now_us += S), 1);
        assert_int_equal(nx_spool_unread(b->spool, &why), i > 0 ? 1 : 0);
        assert_int_equal(bench_send(b, now_us += S), 0);
        assert_int_equal(nx_spool_unread(b->spool, &why), 1);
        nx_spool_rewind(b->spool, now_us);
    }
    assert_int_equal(bench_ledger(b).dropped, lost_n);
    assert_int_equal(bench_send(b, now_us += S), 1);
    assert_int_equal(bench_send(b, now_us += S), 21); /* its time is over */
    assert_int_equal(nx_spool_unread(b->spool, &why), 0);
    assert_int_equal(bench_ledger(b).dropped, lost_n + 10);
}

/* Of a ledger one copy is enough, and the numbers of the other are not given
 * out again. Without both, or with a folder that cannot be listed, nobody knows
 * what is there: it stays. */
static void test_ledger(void **state) {
    struct bench *b = *state;
    const struct nx_spool_disk disk = fake_functions(b->disk);
    leave_segments(b);
    struct fake_disk all = {.files_n = 0};
    for (unsigned slot = 0; slot < 2; slot++) {
        fake_copy(b->disk, &all);
        b->disk->ledger_read_error[slot] = NX_EIO;
        bench_open(b, true);
        assert_int_equal(bench_ledger(b).held, 30);
        assert_true(nx_spool_next_seq(b->spool) > 30);
        nx_spool_free(&b->spool);
        fake_free(b->disk);
        *b->disk = all;
    }
    b->disk->ledger_read_error[0] = b->disk->ledger_read_error[1] = NX_EIO;
    assert_int_equal(
        nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
        NX_EIO);
    memset(b->disk->ledger_read_error, 0, sizeof(b->disk->ledger_read_error));
    b->disk->list_error = NX_EIO;
    assert_int_equal(
        nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
        NX_EIO);
    b->disk->list_error = NX_OK;
    bench_open(b, true);
    assert_int_equal(bench_ledger(b).held, 30);
    assert_int_equal(b->found.unread, 0);
}

/* The ledger is gone, and one file fails: what was counted in the others is
 * reported. */
static void test_start_without_ledger(void **state) {
    struct bench *b = *state;
    leave_segments(b);
    b->disk->ledger_there[0] = b->disk->ledger_there[1] = false;
    bad(b, 2, 0, 512);
    bench_open(b, true);
    assert_int_equal(b->found.given_up, 20);
    assert_int_equal(b->found.unread, 1);
    assert_int_equal(bench_ledger(b).dropped, 20);
}

static int list_one_more(void *user, void (*visit)(void *arg, uint64_t id),
                         void *arg) {
    visit(arg, 77);
    return fake_list(user, visit, arg);
}

/* Who looks at a running agent's spool may find that a file is gone. */
static void test_gone_since(void **state) {
    struct bench *b = *state;
    struct nx_spool_disk disk = fake_functions(b->disk);
    disk.list = list_one_more;
    leave_segments(b);
    assert_int_equal(
        nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
        NX_OK);
    assert_int_equal(bench_ledger(b).held, 30);
    assert_int_equal(b->found.damaged, 0);
}

static void test_at_work(void **state) {
    struct bench *b = *state;
    leave_some(b);
    bench_open(b, true);
    uint64_t lost_n = bench_ledger(b).dropped; /* reserved by the crash */
    int why = NX_OK;
    b->disk->read_error = NX_EIO;
    for (int64_t i = 1; i <= 20; i++) {
        assert_int_equal(bench_send(b, i * S), 0);
        bench_tick(b, i * S);
        assert_int_equal(nx_spool_send_at(b->spool), (i + 1) * S);
        assert_int_equal(nx_spool_unread(b->spool, &why), 1);
        assert_int_equal(why, NX_EIO);
        assert_int_equal(nx_spool_problem(b->spool), NX_OK); /* it writes */
    }
    b->disk->read_error = NX_OK;
    for (uint64_t seq = 1; seq <= 30; seq += 10) {
        assert_int_equal(bench_send(b, (21 + (int64_t)seq) * S), seq);
        assert_int_equal(nx_spool_unread(b->spool, &why), 0);
    }
    assert_int_equal(bench_ledger(b).dropped, lost_n);
    bench_tick(b, 60 * S);
    assert_int_equal(nx_spool_problem(b->spool), NX_OK);
}

/* What the disk has failed to read for a minute is damaged; what may not be
 * read yet never is. */
static void test_for_ever(void **state) {
    struct bench *b = *state;
    leave_some(b);
    bench_open(b, true);
    uint64_t lost_n = bench_ledger(b).dropped;
    b->disk->read_error = NX_EDENIED;
    for (int64_t i = 1; i <= 100; i++) {
        assert_int_equal(bench_send(b, i * S), 0);
    }
    assert_int_equal(bench_ledger(b).dropped, lost_n);
    b->disk->read_error = NX_EIO;
    for (int64_t i = 101; i <= 200; i++) {
        assert_int_equal(bench_send(b, i * S), 0);
    }
    assert_int_equal(bench_ledger(b).dropped, lost_n + 30);
}

/* Each file has a minute of its own. */
static void test_minute_per_file(void **state) {
    struct bench *b = *state;
    leave_segments(b);
    bench_open(b, true);
    int why = NX_OK;
    b->disk->read_error = NX_EIO;
    for (int64_t i = 1; i <= 70; i++) {
        assert_int_equal(bench_send(b, i * S), 0);
        assert_int_equal(nx_spool_unread(b->spool, &why), 1);
    }
    b->disk->read_error = NX_OK;
    for (uint64_t seq = 11; seq <= 30; seq += 10) {
        assert_int_equal(bench_send(b, (71 + (int64_t)seq) * S), seq);
    }
    assert_int_equal(nx_spool_unread(b->spool, &why), 0);
    assert_int_equal(bench_ledger(b).dropped, 10);
    assert_int_equal(nx_spool_damaged(b->spool), 10);
}

/* A minute is one however often there is something else to do: puts and acks
 * ask, too. */
static void test_asked_often(void **state) {
    struct bench *b = *state;
    leave_some(b);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    uint64_t lost_n = bench_ledger(b).dropped;
    b->disk->read_error = NX_EIO;
    for (int64_t i = 1; i <= 590; i++) {
        int64_t now_us = i * S / 10;
        assert_int_equal(bench_send(b, now_us), 0);
        assert_true(nx_spool_send_at(b->spool) > now_us);
        assert_true(nx_spool_send_at(b->spool) <= now_us + S);
    }
    assert_int_equal(bench_ledger(b).dropped, lost_n);
    b->disk->read_error = NX_OK;
    for (uint64_t seq = 1; seq <= 30; seq += 10) {
        assert_int_equal(bench_send(b, (61 + (int64_t)seq) * S), seq);
    }
}

/* What goes from memory meanwhile says nothing of the disk, and does not wait
 * for it. */
static void test_memory_goes_on(void **state) {
    struct bench *b = *state;
    leave_some(b);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    uint64_t lost_n = bench_ledger(b).dropped;
    b->disk->read_error = NX_EIO;
    for (int64_t i = 1; i <= 30; i++) {
        bench_put(b, 1);
        assert_int_equal(bench_send(b, i * S), nx_spool_next_seq(b->spool) - 1);
        assert_int_equal(bench_send(b, i * S), 0);
        bench_put(b, 1); /* while the disk rests */
        assert_int_equal(bench_send(b, i * S + 1),
                         nx_spool_next_seq(b->spool) - 1);
        const struct nx_ack ack = {
            .epoch = EPOCH,
            .ahead = {.runs = {{lost_n + 31, nx_spool_next_seq(b->spool) - 1}},
                      .n = 1}};
        int64_t sent_us = 0;
        (void)nx_spool_ack(b->spool, &ack, false, i * S + 1, &sent_us);
    }
    assert_int_equal(bench_ledger(b).dropped, lost_n);
    for (int64_t i = 31; i <= 70; i++) {
        assert_int_equal(bench_send(b, i * S), 0);
    }
    assert_int_equal(bench_ledger(b).dropped, lost_n + 30);
}

/* However much the other lane has: a file that fails is tried once a second. */
static void test_other_lane_goes_on(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    bench_put(b, 10);
    assert_int_equal(nx_spool_close(b->spool), NX_OK);
    nx_spool_free(&b->spool);
    bench_open(b, true);
    for (unsigned i = 0; i < 200; i++) {
        bench_put(b, 1);
    }
    assert_int_equal(nx_spool_close(b->spool), NX_OK);
    nx_spool_free(&b->spool);
    bad(b, 1, 0, 512);
    bench_open(b, true);
    nx_spool_connected(b->spool, 0);
    uint64_t lost_n = bench_ledger(b).dropped;
    /* No room for a run: what is behind the newest takes turns with 1..10. */
    struct nx_ack ack = {
        .epoch = EPOCH,
        .ahead = {.runs = {{20, 22}, {30, 32}, {40, 42}, {50, 53}}, .n = 4}};
    int64_t sent_us = 0;
    (void)nx_spool_ack(b->spool, &ack, true, 0, &sent_us);
    uint64_t sent_n = 0;
    size_t unread_n = 0;
    int why = NX_OK;
    for (int64_t i = 1; i <= 300; i++) { /* half a minute */
        uint64_t seq = bench_send(b, i * S / 10);
        bench_tick(b, i * S / 10);
        /* Once it has failed it does, whatever else is read or written. */
        assert_true(nx_spool_unread(b->spool, &why) >= unread_n);
        unread_n = nx_spool_unread(b->spool, &why);
        assert_int_equal(nx_spool_problem(b->spool), NX_OK);
        if (seq != 0) {
            sent_n++;
            ack.ahead.runs[3].to_seq = seq;
            (void)nx_spool_ack(b->spool, &ack, false, i * S / 10, &sent_us);
        }
    }
    assert_in_range(sent_n, 20, 40);
    assert_int_equal(unread_n, 1);
    assert_int_equal(why, NX_EIO);
    assert_int_equal(bench_ledger(b).dropped, lost_n);
}

static int payload_error;

static int read_heads(void *user, uint64_t id, uint64_t offset, void *out,
                      size_t len, size_t *got) {
    bool head = len <= NX_RECORD_HEAD_BYTES;
    return !head && payload_error != NX_OK
               ? payload_error
               : fake_read(user, id, offset, out, len, got);
}

/* Without memory or a file for it, it is tried again, too. */
static void test_no_memory(void **state) {
    struct bench *b = *state;
    struct nx_spool_disk disk = fake_functions(b->disk);
    disk.read = read_heads;
    leave_some(b);
    assert_int_equal(
        nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
        NX_OK);
    payload_error = NX_ENOMEM;
    for (int64_t i = 1; i <= 100; i++) {
        assert_int_equal(bench_send(b, i * S), 0);
        assert_int_equal(nx_spool_send_at(b->spool), (i + 1) * S);
    }
    payload_error = NX_OK;
    assert_int_equal(bench_send(b, 101 * S), 1);
}

int main(void) {
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_start),
        WITH_BENCH(test_start_fails_for_a_while),
        WITH_BENCH(test_bad_segment),
        WITH_BENCH(test_bad_newest),
        WITH_BENCH(test_bad_record),
        WITH_BENCH(test_bad_record_and_no_ack),
        WITH_BENCH(test_ledger),
        WITH_BENCH(test_start_without_ledger),
        WITH_BENCH(test_gone_since),
        WITH_BENCH(test_at_work),
        WITH_BENCH(test_for_ever),
        WITH_BENCH(test_minute_per_file),
        WITH_BENCH(test_asked_often),
        WITH_BENCH(test_memory_goes_on),
        WITH_BENCH(test_other_lane_goes_on),
        WITH_BENCH(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
