/* Retention of a store; also of one in which a wrong clock wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_retain.h"
#include "tests/lib/store_bench.h"

/* A whole pass; how many slices it took. */
static unsigned retain(struct fixture *f, struct nx_store_retention *pass,
                       unsigned rows) {
    unsigned slices = 0;
    int more = 1;
    while (more == 1) {
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        more = nx_store_retain(f->store, pass, rows);
        assert_int_equal(nx_store_commit(f->store), NX_OK);
        slices++;
        assert_in_range(slices, 1, 100);
    }
    assert_int_equal(more, 0);
    return slices;
}

static void hello_at(struct fixture *f, uint32_t agent_id, int64_t at_us) {
    static const uint8_t payload[] = {7};
    assert_int_equal(nx_store_hello_append(f->store, agent_id, at_us, payload,
                                           sizeof(payload)),
                     NX_OK);
}

static void test_retention(void **state) {
    struct fixture *f = *state;
    const struct nx_stream_position at = {
        .acked_seq = 100, .received_n = 100, .dropped_n = 0};
    struct nx_agent_record record = agent_record("a", 'a');
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    hello_at(f, 1, 5);
    hello_at(f, 2, 6);
    for (unsigned i = 0; i < 10; i++) {
        struct nx_store_batch batch = batch_of(1 + 10 * i, 10, 10 + i);
        assert_int_equal(nx_store_batch_append(f->store, &batch), NX_OK);
    }
    hello_at(f, 1, 12);
    hello_at(f, 1, 30);
    assert_int_equal(nx_store_stream_put(f->store, 1, 77, &at, 20), NX_OK);
    struct nx_store_retention pass = {
        .log_before_us = 15, .history_before_us = 15, .now_us = 40};
    assert_true(retain(f, &pass, 2) >= 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_BATCH], 5);
    assert_int_equal(pass.deleted_n[NX_RETAIN_HELLO], 1);
    assert_sql(f, "SELECT min(received_us) || ' ' || count(*) FROM batch",
               "15 5");
    /* The last hello of each before that place is what a restart needs. */
    assert_sql(f,
               "SELECT group_concat(agent_id || '@' || received_us) FROM "
               "(SELECT * FROM hello ORDER BY hello_id)",
               "2@6,1@12,1@30");
    assert_sql(f, "SELECT acked_seq FROM stream", "100");
    /* Nothing more to do: another pass finds that out at once. */
    struct nx_store_retention again = {
        .log_before_us = 15, .history_before_us = 15, .now_us = 40};
    assert_in_range(retain(f, &again, 64), 1, 3);
    assert_int_equal(again.deleted_n[NX_RETAIN_BATCH], 0);
    assert_int_equal(again.deleted_n[NX_RETAIN_HELLO], 0);
}

/* They go with the log, but for the last one before what is kept, and that one
 * two weeks later. */
static void test_retention_of_profiles(void **state) {
    static const int64_t at_us[] = {10, 20, 30, 40};
    struct fixture *f = *state;
    struct nx_book_row row = {.network = "lyon"};
    struct nx_store_retention pass = {.log_before_us = 35, .now_us = 40};
    struct nx_store_retention late = {.log_before_us = 35 + NX_BOOK_KEPT_US,
                                      .now_us = 40 + NX_BOOK_KEPT_US};
    nx_profile_default(&row.measured.profile);
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &row.at), NX_OK);
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    for (unsigned i = 0; i < 4; i++) {
        row.measured_us = at_us[i];
        assert_int_equal(nx_store_resolver_put(f->store, &row), NX_OK);
    }
    row.agent_id = 7; /* the last one of another, in the same moment */
    row.measured_us = 10;
    assert_int_equal(nx_store_resolver_put(f->store, &row), NX_OK);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
    (void)retain(f, &pass, 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_PROFILE], 2);
    assert_sql(f,
               "SELECT group_concat(agent_id || '@' || measured_us) FROM "
               "(SELECT * FROM resolver_profile ORDER BY measured_us)",
               "7@10,0@30,0@40");
    (void)retain(f, &late, 3);
    assert_sql(f, "SELECT group_concat(measured_us) FROM resolver_profile",
               "40");
}

static void test_retention_of_history(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(nx_store_incident_close(f->store, 1, 900), NX_OK);
    sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
           "n WHERE i < 20) INSERT INTO transition(incident_id, agent_id,"
           "resolver, name, type, at_us, to_state) SELECT 1 + i % 2, 1, "
           "'r', 'n', 'A', i, 's' FROM n");
    struct nx_store_retention pass = {.history_before_us = 11, .now_us = 20};
    (void)retain(f, &pass, 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_TRANSITION], 5);
    assert_sql(f, "SELECT count(*) FROM transition WHERE incident_id = 2",
               "10"); /* it is open */
    assert_sql(f, "SELECT min(at_us) FROM transition WHERE incident_id = 1",
               "12");
}

/* What is derived of incidents that were closed long ago goes, and who changed
 * what. */
static void test_retention_of_closed(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    }
    assert_int_equal(nx_store_incident_close(f->store, 1, 10), NX_OK);
    assert_int_equal(nx_store_incident_close(f->store, 2, 90), NX_OK);
    sql(f,
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE "
        "i < 29) INSERT INTO target(incident_id, agent_id, resolver, name, "
        "type, state, basis, since_us, changed_us) SELECT 1 + i / 10, 1, 'r' "
        "|| i, 'n', 'A', 's', 'b', 1, 1 FROM n");
    sql(f,
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE "
        "i < 29) INSERT INTO outcome(incident_id, agent_id, resolver, name, "
        "type, truth_hi_us, truth_lo_us, network, family, base, late, "
        "survive_s, exposure_s) SELECT 1 + i / 10, 1, 'r' || i, 'n', 'A', 1, "
        "1, 'w', 'f', 1, 1, 1, 1 FROM n");
    sql(f, "INSERT INTO door_log(at_us, who, action, subject, key, "
           "detail) VALUES(5, 'w', 'a', 's', 'k', ''), (49, 'w', 'a', "
           "'s', 'k', ''), (50, 'w', 'a', 's', 'k', '')");
    struct nx_store_retention pass = {.history_before_us = 50, .now_us = 99};
    assert_true(retain(f, &pass, 3) >= 8);
    assert_int_equal(pass.deleted_n[NX_RETAIN_TARGET], 10);
    assert_int_equal(pass.deleted_n[NX_RETAIN_OUTCOME], 10);
    assert_int_equal(pass.deleted_n[NX_RETAIN_DOOR], 2);
    assert_sql(f,
               "SELECT (SELECT group_concat(n) FROM (SELECT count(*) AS n FROM "
               "target GROUP BY incident_id)) || ' ' || (SELECT "
               "min(incident_id) FROM outcome) || ' ' || (SELECT min(at_us) "
               "FROM door_log)",
               "10,10 2 50");
}

/* Streams go by the time of their last change, some at a time, and what is
 * remembered of an agent's is the last of those times. */
static void test_retention_of_streams(void **state) {
    struct fixture *f = *state;
    const struct nx_stream_position at = {.acked_seq = 1, .received_n = 1};
    int64_t until_us = 0;
    struct nx_agent_record one = agent_record("a", 'a');
    struct nx_agent_record two = agent_record("b", 'b');
    assert_int_equal(nx_store_agent_put(f->store, &one), NX_OK);
    assert_int_equal(nx_store_agent_put(f->store, &two), NX_OK);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(nx_store_stream_put(f->store, 1 + i % 2,
                                             UINT64_MAX / 20 * i, &at, 1 + i),
                         NX_OK);
    }
    assert_int_equal(nx_store_forgotten(f->store, 1, &until_us), NX_ENOTFOUND);
    struct nx_store_retention pass = {.history_before_us = 11, .now_us = 20};
    assert_true(retain(f, &pass, 3) >= 7);
    assert_int_equal(pass.deleted_n[NX_RETAIN_STREAM], 10);
    assert_sql(f, "SELECT min(changed_us) || ' ' || count(*) FROM stream",
               "11 10");
    assert_int_equal(nx_store_forgotten(f->store, 1, &until_us), NX_OK);
    assert_int_equal(until_us, 9);
    assert_int_equal(nx_store_forgotten(f->store, 2, &until_us), NX_OK);
    assert_int_equal(until_us, 10);
}

/* --- a wrong clock wrote --- */

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
    assert_sql(f,
               "SELECT coalesce(group_concat(batch_id || '@' || received_us), "
               "'') FROM (SELECT * FROM batch ORDER BY batch_id)",
               expected);
}

static unsigned retain_log(struct fixture *f, int64_t before_us,
                           int64_t now_us) {
    struct nx_store_retention pass = {.log_before_us = before_us,
                                      .now_us = now_us};
    return retain(f, &pass, 2);
}

/* A run with the clock a year ahead hides nothing that is behind its rows, and
 * its rows stay until their time has come. */
static void test_rows_of_a_time_to_come(void **state) {
    static const int64_t at_us[] = {10, 11, 9000, 9001, 9002,
                                    12, 13, 20,   9003, 21};
    struct fixture *f = *state;
    receive(f, at_us, sizeof(at_us) / sizeof(at_us[0]));
    (void)retain_log(f, 15, 30);
    expect_left(f, "3@9000,4@9001,5@9002,8@20,9@9003,10@21");
    (void)retain_log(f, 9001, 9500);
    expect_left(f, "4@9001,5@9002,8@20,9@9003,10@21");
    (void)retain_log(f, 9600, 9700);
    expect_left(f, "");
}

/* The first row that is neither old nor of a time to come ends the pass. */
static void test_the_first_that_stays(void **state) {
    static const int64_t at_us[] = {10, 20, 21, 22, 23, 24, 25, 26, 27, 28};
    struct fixture *f = *state;
    receive(f, at_us, sizeof(at_us) / sizeof(at_us[0]));
    assert_int_equal(retain_log(f, 15, 28), 2);
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
    assert_int_equal(retain(f, &pass, 2), 1);
    assert_int_equal(pass.deleted_n[NX_RETAIN_TOKEN], 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_ENROLMENT], 3);
    assert_sql(f, "SELECT count(*) FROM token WHERE hash < x'03'", "0");
    assert_sql(f, "SELECT count(*) FROM token", "4");
    assert_sql(f, "SELECT count(*) FROM enrolment", "3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_retention),
        TEST(test_retention_of_profiles),
        TEST(test_retention_of_history),
        TEST(test_retention_of_closed),
        TEST(test_retention_of_streams),
        TEST(test_rows_of_a_time_to_come),
        TEST(test_the_first_that_stays),
        TEST(test_hello_of_a_time_to_come),
        TEST(test_what_outlives_a_run),
        TEST(test_what_let_somebody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
