/* A disk that cannot be read for a while costs no results. */
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

static void test_start(void **state) {
    static const int errors[] = {NX_EIO, NX_EDENIED, NX_ENOMEM};
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

/* Nor does a spool whose ledger is gone throw away what it cannot read. */
static void test_start_without_ledger(void **state) {
    struct bench *b = *state;
    const struct nx_spool_disk disk = fake_functions(b->disk);
    leave_some(b);
    size_t files_n = b->disk->files_n;
    b->disk->ledger_there[0] = b->disk->ledger_there[1] = false;
    b->disk->read_error = NX_EIO;
    assert_int_equal(
        nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
        NX_EIO);
    assert_int_equal(b->disk->files_n, files_n);
    b->disk->read_error = NX_OK;
    bench_open(b, true);
    assert_int_equal(b->found.given_up, 30);
}

static void test_at_work(void **state) {
    struct bench *b = *state;
    leave_some(b);
    bench_open(b, true);
    uint64_t lost_n = bench_ledger(b).dropped; /* reserved by the crash */
    b->disk->read_error = NX_EIO;
    for (int64_t i = 1; i <= 5; i++) {
        assert_int_equal(bench_send(b, i * S), 0);
        assert_int_equal(nx_spool_send_at(b->spool), (i + 1) * S);
        assert_int_equal(nx_spool_problem(b->spool), NX_EIO);
    }
    b->disk->read_error = NX_OK;
    for (uint64_t seq = 1; seq <= 30; seq += 10) {
        assert_int_equal(bench_send(b, (6 + (int64_t)seq) * S), seq);
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

int main(void) {
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_start),
        WITH_BENCH(test_start_without_ledger),
        WITH_BENCH(test_at_work),
        WITH_BENCH(test_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
