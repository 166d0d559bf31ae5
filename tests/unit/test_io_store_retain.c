/* Retention of a store in which a wrong clock wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/store/io_store_retain.h"
#include "collector/store/io_store_sqlite.h"
#include "tests/lib/store_bench.h"

/* Received at these times, in this order. */
static void receive(struct fixture *f, const int64_t *at_us, size_t n) {
    static const uint8_t payload[] = {0};
    for (size_t i = 0; i < n; i++) {
        const struct nx_store_batch batch = {.agent_id = 1,
                                             .epoch = 7,
                                             .first_seq = 1 + i,
                                             .results_n = 1,
                                             .received_us = at_us[i],
                                             .payload = payload,
                                             .payload_len = 1};
        assert_int_equal(nx_store_batch_append(f->store, &batch), NX_OK);
    }
}

/* "ID@TIME,..." of the batches that are there. */
static void expect_left(struct fixture *f, const char *expected) {
    sqlite3_stmt *left = NULL;
    assert_int_equal(sqlite3_prepare_v2(
                         f->store->db,
                         "SELECT coalesce(group_concat(batch_id || '@' || "
                         "received_us), '') FROM (SELECT * FROM batch ORDER BY "
                         "batch_id)",
                         -1, &left, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(left), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(left, 0), expected);
    sqlite3_finalize(left);
}

static unsigned retain(struct fixture *f, int64_t before_us, int64_t now_us) {
    struct nx_store_retention pass = {.log_before_us = before_us,
                                      .now_us = now_us};
    unsigned slices = 0;
    int more = 1;
    while (more == 1) {
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        more = nx_store_retain(f->store, &pass, 2);
        assert_int_equal(nx_store_commit(f->store), NX_OK);
        assert_true(++slices < 20);
    }
    assert_int_equal(more, NX_OK);
    return slices;
}

/* A run with the clock a year ahead hides nothing that is behind its rows, and
 * its rows stay until their time has come. */
static void test_rows_of_a_time_to_come(void **state) {
    static const int64_t at_us[] = {10, 11, 9000, 9001, 9002,
                                    12, 13, 20,   9003, 21};
    struct fixture *f = *state;
    receive(f, at_us, sizeof(at_us) / sizeof(at_us[0]));
    (void)retain(f, 15, 30);
    expect_left(f, "3@9000,4@9001,5@9002,8@20,9@9003,10@21");
    (void)retain(f, 9001, 9500);
    expect_left(f, "4@9001,5@9002,8@20,9@9003,10@21");
    (void)retain(f, 9600, 9700);
    expect_left(f, "");
}

/* The first row that is neither old nor of a time to come ends the pass. */
static void test_the_first_that_stays(void **state) {
    static const int64_t at_us[] = {10, 20, 21, 22, 23, 24, 25, 26, 27, 28};
    struct fixture *f = *state;
    receive(f, at_us, sizeof(at_us) / sizeof(at_us[0]));
    assert_int_equal(retain(f, 15, 28), 2);
    expect_left(f, "2@20,3@21,4@22,5@23,6@24,7@25,8@26,9@27,10@28");
}

static void count_hello(void *user, const struct nx_store_batch *row) {
    unsigned *n = user;
    *n += row->results_n == 0 ? 1 : 0;
}

/* A hello of a time to come hides none of those behind it. */
static void test_hello_of_a_time_to_come(void **state) {
    static const int64_t at_us[] = {30, 40};
    static const int64_t hellos_us[] = {10, 9000, 20};
    static const uint8_t payload[] = {0};
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(
            nx_store_hello_append(f->store, i + 1, hellos_us[i], payload, 1),
            NX_OK);
    }
    receive(f, at_us, 2);
    for (int64_t from_us = 5; from_us < 60; from_us += 10) {
        struct nx_store_mark mark;
        unsigned n = 0;
        assert_int_equal(nx_store_mark_at(f->store, from_us, &mark), NX_OK);
        assert_int_equal(
            nx_store_hellos_before(f->store, &mark, count_hello, &n), NX_OK);
        assert_int_equal(nx_store_log(f->store, &mark, 10, count_hello, &n), 0);
        assert_int_equal(n, 3);
    }
}

static void test_what_outlives_a_run(void **state) {
    static const int64_t at_us[] = {10, 20};
    static const struct nx_retained_kept rows[] = {
        {30, NX_TIME_UNKNOWN}, {40, 90}, {50, NX_TIME_UNKNOWN}};
    struct fixture *f = *state;
    struct nx_retained_kept kept = {1, 2};
    assert_int_equal(nx_store_retained_get(f->store, &kept), NX_ENOTFOUND);
    assert_int_equal(kept.by_us, 1);
    receive(f, at_us, 2);
    assert_int_equal(nx_store_retained_get(f->store, &kept), NX_OK);
    assert_int_equal(kept.by_us, 20);
    assert_int_equal(kept.doubt_us, NX_TIME_UNKNOWN);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(nx_store_retained_put(f->store, &rows[i]), NX_OK);
        assert_int_equal(nx_store_retained_get(f->store, &kept), NX_OK);
        assert_int_equal(kept.by_us, rows[i].by_us);
        assert_int_equal(kept.doubt_us, rows[i].doubt_us);
    }
}

static unsigned count(struct fixture *f, const char *sql) {
    sqlite3_stmt *rows = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->store->db, sql, -1, &rows, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
    unsigned n = (unsigned)sqlite3_column_int(rows, 0);
    sqlite3_finalize(rows);
    return n;
}

/* By when it was over, not by when it was made. */
static void test_what_let_somebody_in(void **state) {
    static const int64_t times_us[][2] = {
        /* expires, revoked */
        {14, NX_TIME_UNKNOWN}, {99, 14}, {14, 99},
        {15, NX_TIME_UNKNOWN}, {99, 15}, {99, NX_TIME_UNKNOWN},
    };
    struct fixture *f = *state;
    for (uint8_t i = 0; i < sizeof(times_us) / sizeof(times_us[0]); i++) {
        struct nx_token token = {.name = "one",
                                 .created_us = 1,
                                 .expires_us = times_us[i][0],
                                 .revoked_us = times_us[i][1],
                                 .hash = {i}};
        struct nx_enrolment enrolment = {.token_hash = {i},
                                         .network = "lyon",
                                         .created_us = 1,
                                         .expires_us = times_us[i][0],
                                         .revoked_us = times_us[i][1],
                                         .used_us = NX_TIME_UNKNOWN};
        assert_int_equal(nx_store_token_put(f->store, &token), NX_OK);
        assert_int_equal(nx_store_enrolment_put(f->store, &enrolment), NX_OK);
    }
    struct nx_token lasting = {.name = "lasting",
                               .created_us = 1,
                               .expires_us = NX_TIME_UNKNOWN,
                               .revoked_us = NX_TIME_UNKNOWN,
                               .hash = {99}};
    assert_int_equal(nx_store_token_put(f->store, &lasting), NX_OK);
    struct nx_store_retention pass = {.history_before_us = 15, .now_us = 40};
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    assert_int_equal(nx_store_retain(f->store, &pass, 2), 0);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
    assert_int_equal(pass.deleted_n[NX_RETAIN_TOKEN], 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_ENROLMENT], 3);
    assert_int_equal(count(f, "SELECT count(*) FROM token WHERE hash < x'03'"),
                     0);
    assert_int_equal(count(f, "SELECT count(*) FROM token"), 4);
    assert_int_equal(count(f, "SELECT count(*) FROM enrolment"), 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_rows_of_a_time_to_come),  TEST(test_the_first_that_stays),
        TEST(test_hello_of_a_time_to_come), TEST(test_what_outlives_a_run),
        TEST(test_what_let_somebody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
