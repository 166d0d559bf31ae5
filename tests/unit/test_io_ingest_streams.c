/* Streams that retention has forgotten, and agents that begin too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/store/io_store_retain.h"
#include "common/io_clock.h"
#include "tests/lib/ingest_bench.h"

#define HOUR_US INT64_C(3600000000)

/* Everything that was received is too old, as retention has it. */
static void forget_all(struct fixture *f) {
    int64_t at_us = nx_clock_wall_us() + HOUR_US;
    struct nx_store_retention pass = {
        .log_before_us = at_us, .history_before_us = at_us, .now_us = at_us};
    nx_test_client_close(&f->clients[0]);
    nx_test_client_close(&f->clients[1]);
    stop_collector(f);
    start_collector(f);
    int more = 1;
    for (unsigned i = 0; more == 1; i++) {
        assert_in_range(i, 0, 100);
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        more = nx_store_retain(f->store, &pass, 2);
        assert_int_equal(nx_store_commit(f->store), NX_OK);
    }
    assert_int_equal(more, 0);
    connect_clients(f);
}

static bool refused(void *user) {
    struct fixture *f = user;
    nx_test_client_read(&f->clients[0]);
    return f->clients[0].refused_n == f->want_n;
}

/* Exactly once, also after the row that remembered it is gone. */
static void test_replay_of_a_forgotten_stream(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    client->collector_us = nx_clock_wall_us() - HOUR_US;
    nx_test_client_batch(client, 1, 10, 0);
    expect_ack(f, 10, 1);
    nx_test_client_batch(client, 11, 10, 0);
    expect_ack(f, 20, 11);
    forget_all(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM batch"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM stream"), 0);
    for (unsigned i = 0; i < 2; i++) {
        f->want_n = i + 1;
        nx_test_client_batch(client, 1 + 10 * i, 10, 0);
        assert_true(nx_test_wait(f->base, refused, f));
    }
    assert_int_equal(folded(f), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM batch"), 0);
    assert_int_equal(counters(f).rejected_n, 2);
    /* The agent tells them as a gap, and what it makes from now on is taken. */
    client->collector_us = nx_clock_wall_us() + 2 * HOUR_US;
    nx_test_client_batch(client, 21, 10, 1);
    expect_ack(f, 30, 21);
    assert_int_equal(folded(f), 10);
}

/* One that is in the log is known, however old it is. */
static void test_a_stream_in_the_log_stays(void **state) {
    struct fixture *f = *state;
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    struct nx_store_retention pass = {.history_before_us = INT64_MAX,
                                      .now_us = INT64_MAX};
    while (nx_store_retain(f->store, &pass, 64) == 1) {
        ;
    }
    assert_int_equal(nx_store_commit(f->store), NX_OK);
    assert_int_equal(pass.deleted_n[NX_RETAIN_STREAM], 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM stream"), 1);
}

static bool not_stored(void *user) {
    struct fixture *f = user;
    return counters(f).not_stored_n >= f->want_n;
}

static void test_too_many_streams(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    uint64_t epoch = client->epoch;
    for (unsigned i = 0; i < 64; i++) {
        client->epoch = epoch + i;
        nx_test_client_batch(client, 1, 1, 0);
        expect_ack(f, 1, 1);
    }
    f->want_n = 1;
    client->epoch = epoch + 64;
    nx_test_client_batch(client, 1, 1, 0);
    assert_true(nx_test_wait(f->base, not_stored, f));
    assert_int_equal(ask(f, "SELECT count(*) FROM stream"), 64);
    /* Those that it has go on. */
    client->epoch = epoch;
    nx_test_client_batch(client, 2, 1, 0);
    expect_ack(f, 2, 2);
}

/* What the store says of it cannot be: it is not acknowledged, the log says
 * why, once. */
static void test_damaged_position(void **state) {
    struct fixture *f = *state;
    char log[4096] = "";
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    nx_test_client_close(&f->clients[0]);
    nx_test_client_close(&f->clients[1]);
    stop_collector(f);
    sql_run(f->path, "UPDATE stream SET received_n = 11, digest = NULL");
    start_collector(f);
    connect_clients(f);
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    assert_true(file != NULL && saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    for (f->want_n = 1; f->want_n <= 2; f->want_n++) {
        nx_test_client_batch(&f->clients[0], 11, 10, 0);
        (void)nx_test_wait(f->base, not_stored, f);
    }
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    log[fread(log, 1, sizeof(log) - 1, file)] = '\0';
    (void)fclose(file);
    assert_int_equal(counters(f).not_stored_n, 2);
    const char *line = strstr(log, "the store is damaged");
    assert_non_null(line);
    assert_null(strstr(line + 1, "the store is damaged")); /* once */
    assert_int_equal(ask(f, "SELECT sum(results_n) FROM batch"), 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replay_of_a_forgotten_stream,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stream_in_the_log_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_too_many_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_position, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
