/* What is not taken: while nothing can be stored or accepted, from who may not
 * speak, and from who speaks too fast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io_log.h"
#include "tests/lib/ingest_bench.h"

static void let_pass(struct fixture *f, int64_t us) {
    int64_t end_us = nx_clock_mono_us() + us;
    while (nx_clock_mono_us() < end_us) {
        nx_test_turn(f->base);
    }
}

static bool stopped_storing(void *user) {
    struct fixture *f = user;
    return !nx_group_storing(nx_ingest_group(f->ingest));
}

static bool storing_again(void *user) {
    return !stopped_storing(user);
}

static bool not_stored(void *user) {
    struct fixture *f = user;
    return counters(f).not_stored_n >= f->want_n;
}

/* Somebody holds the database; later he lets go. */
static void test_store_stops_and_resumes(void **state) {
    struct fixture *f = *state;
    sqlite3 *db = NULL;
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    nx_log_set_level(NX_LOG_ERROR);
    nx_test_client_batch(&f->clients[0], 11, 10, 0);
    assert_true(nx_test_wait(f->base, stopped_storing, f));
    assert_non_null(
        strstr(nx_group_problem(nx_ingest_group(f->ingest)), "locked"));
    nx_test_client_batch(&f->clients[0], 21, 10, 0);
    f->want_n = 2;
    assert_true(nx_test_wait(f->base, not_stored, f)); /* not later, either */
    nx_test_client_read(&f->clients[0]);
    assert_int_equal(f->clients[0].ack.acked_seq, 10);
    assert_int_equal(folded(f), 10); /* nothing believed that is not stored */
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_true(nx_test_wait(f->base, storing_again, f));
    assert_string_equal(nx_group_problem(nx_ingest_group(f->ingest)), "");
    nx_test_client_batch(&f->clients[0], 11, 10, 0);
    expect_ack(f, 20, 11);
    assert_int_equal(folded(f), 20);
}

static void reopen(struct fixture *f, uint32_t max_pages) {
    nx_test_client_close(&f->clients[0]);
    nx_test_client_close(&f->clients[1]);
    stop_collector(f);
    f->max_pages = max_pages;
    start_collector(f);
    connect_clients(f);
}

static bool hello_acked(void *user) {
    struct nx_test_client *client = &((struct fixture *)user)->clients[0];
    nx_test_client_read(client);
    return client->hello_acks_n > 0;
}

/* The disk is full in the middle of a group of batches: none of it is taken,
 * and what does fit is taken later. On a machine that is very busy they may
 * come in several groups: some of them are taken then. */
static void test_full_disk(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    reopen(f, (uint32_t)ask(f, "PRAGMA page_count") + 10);
    nx_test_client_batch(client, 1, 10, 0);
    expect_ack(f, 10, 1);
    for (uint64_t i = 0; i < 60; i++) {
        nx_test_client_batch(client, 11 + 1000 * i, 1000, 0);
    }
    nx_test_client_hello(client, NX_PROTOCOL);
    nx_test_await_still(); /* they are all in the ROUTER's queue: one group */
    assert_true(nx_test_wait(f->base, stopped_storing, f));
    assert_non_null(
        strstr(nx_group_problem(nx_ingest_group(f->ingest)), "no space left"));
    assert_true(nx_test_wait(f->base, hello_acked, f)); /* none is behind it */
    uint64_t stored = (uint64_t)ask(f, "SELECT sum(results_n) FROM batch");
    assert_int_equal(folded(f), stored);
    nx_test_client_read(client);
    assert_true(client->ack.acked_seq <= stored);
    if (stored == 10) { /* else there may be no room for anything */
        assert_true(nx_test_wait(f->base, storing_again, f));
        nx_test_client_batch(client, 11, 20, 0);
        expect_ack(f, 30, 11);
        assert_int_equal(folded(f), 30);
    }
    /* With more room all of it. */
    uint64_t acked_seq = client->ack.acked_seq;
    reopen(f, 0);
    nx_test_client_batch(client, acked_seq + 1, 1000, 0);
    while (client->ack.acked_seq <= acked_seq) {
        f->want_n = client->acks_n + 1;
        assert_true(nx_test_wait(f->base, client_acked, f));
    }
}

static bool second_dropped(void *user) {
    struct fixture *f = user;
    return counters(f).unidentified_n > 0;
}

static void test_revoked_is_cut_off(void **state) {
    struct fixture *f = *state;
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    assert_string_equal(nx_ingest_address(f->ingest, 1), "127.0.0.1");
    /* What is on its way already is dropped, whoever sent it. */
    nx_test_client_batch(&f->clients[0], 11, 10, 0);
    enrol(f, 0, false);
    assert_int_equal(nx_auth_deny(f->auth, f->clients[0].keys.public_key),
                     NX_OK);
    nx_test_client_batch(&f->clients[1], 1, 10, 0);
    uint64_t refused_n = nx_auth_refused(f->auth);
    int64_t end_us = nx_clock_mono_us() + NX_TEST_PATIENCE_US;
    while (nx_auth_refused(f->auth) == refused_n &&
           nx_clock_mono_us() < end_us) {
        nx_test_turn(f->base); /* it was cut off and tries again */
    }
    assert_true(nx_auth_refused(f->auth) > refused_n);
    nx_test_client_read(&f->clients[0]);
    assert_int_equal(f->clients[0].ack.acked_seq, 10);
    assert_int_equal(ask(f, "SELECT count(*) FROM batch WHERE agent_id=1"), 1);
}

static void test_unidentified_is_dropped(void **state) {
    struct fixture *f = *state;
    /* A key that the handler lets in, of an agent that is not known here. */
    assert_int_equal(
        nx_auth_allow(f->auth, f->clients[1].keys.public_key, 4000), NX_OK);
    nx_test_client_batch(&f->clients[1], 1, 10, 0);
    assert_true(nx_test_wait(f->base, second_dropped, f));
    assert_int_equal(ask(f, "SELECT count(*) FROM batch"), 0);
}

/* The ZAP handler is gone: nobody gets in, not even who was accepted. With a
 * handler it goes on. */
static void test_nobody_judges(void **state) {
    struct fixture *f = *state;
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    nx_test_client_close(&f->clients[0]);
    nx_auth_free(&f->auth);
    nx_test_client_connect(&f->clients[0], f->client_zmq,
                           nx_ingest_endpoint(f->ingest, 0),
                           f->keys.public_key);
    nx_test_client_batch(&f->clients[0], 11, 10, 0);
    let_pass(f, 300000); /* it is sent away and comes again */
    assert_int_equal(ask(f, "SELECT count(*) FROM batch"), 1);
    assert_int_equal(counters(f).unidentified_n, 0);
    assert_int_equal(nx_auth_new(f->base, f->zmq, &f->clock, &f->auth), NX_OK);
    assert_int_equal(nx_auth_allow(f->auth, f->clients[0].keys.public_key, 1),
                     NX_OK);
    nx_test_client_batch(&f->clients[0], 11, 10, 0);
    expect_ack(f, 20, 11);
}

static bool second_stored(void *user) {
    return ask(user, "SELECT count(*) FROM batch WHERE agent_id = 2") == 1;
}

static int64_t stored_of_first(const struct fixture *f) {
    return ask(f, "SELECT count(*) FROM batch WHERE agent_id = 1");
}

static bool more_stored(void *user) {
    const struct fixture *f = user;
    return stored_of_first(f) > (int64_t)f->want_n;
}

/* Each message of the first agent was taken or left. */
static bool all_came(void *user) {
    struct fixture *f = user;
    return (uint64_t)stored_of_first(f) + counters(f).too_fast_n +
               counters(f).out_of_order_n >=
           f->want_n;
}

/* Above the rate nothing is looked at, and it may come again; others do not
 * notice. */
static void test_too_fast(void **state) {
    struct fixture *f = *state;
    const uint64_t burst = RATE * NX_INGEST_BURST_S;
    int64_t begun_us = nx_clock_mono_us();
    uint64_t sent_n = 0;
    while (counters(f).too_fast_n == 0) { /* again: the machine was slow */
        for (uint64_t i = 0; i < 2 * burst; i++) {
            nx_test_client_batch(&f->clients[0], ++sent_n, 1, 0);
        }
        f->want_n = (unsigned)sent_n;
        assert_true(nx_test_wait(f->base, all_came, f));
    }
    uint64_t taken_n = sent_n - counters(f).too_fast_n;
    int64_t took_us = nx_clock_mono_us() - begun_us;
    assert_true(taken_n >= burst);
    assert_true(taken_n <= burst + RATE * (uint64_t)took_us / 1000000 + 1);
    nx_test_client_batch(&f->clients[1], 1, 1, 0);
    assert_true(nx_test_wait(f->base, second_stored, f));
    let_pass(f, 2000000 / RATE);
    f->want_n = (unsigned)stored_of_first(f);
    uint64_t left = (uint64_t)ask(
        f, "SELECT min(first_seq) + 1 FROM batch AS b WHERE agent_id = 1 AND "
           "NOT EXISTS (SELECT 1 FROM batch WHERE agent_id = 1 AND "
           "first_seq = b.first_seq + 1)");
    nx_test_client_batch(&f->clients[0], left, 1, 0);
    assert_true(nx_test_wait(f->base, more_stored, f));
}

/* Connects many times without a word when it is told to, in a process with
 * files of its own, and stays until `fd` is closed. */
static pid_t crowd(const struct fixture *f, int fd_to_wait_for) {
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit files = {1024, 1024};
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const char *port = strrchr(nx_ingest_endpoint(f->ingest, 0), ':') + 1;
        char byte = 0;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setrlimit(RLIMIT_NOFILE, &files);
        at.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
        (void)!read(fd_to_wait_for, &byte, 1);
        for (unsigned i = 0; i < 100; i++) {
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            (void)connect(fd, (struct sockaddr *)&at, sizeof(at));
        }
        _exit(read(fd_to_wait_for, &byte, 1) < 0 ? 1 : 0);
    }
    assert_true(pid > 0);
    return pid;
}

static bool accept_failed(void *user) {
    return counters(user).accept_failed_n > 0;
}

/* None for a while. */
static bool accept_failed_no_more(void *user) {
    struct fixture *f = user;
    uint64_t before_n = counters(f).accept_failed_n;
    let_pass(f, ACCEPT_QUIET_US);
    return counters(f).accept_failed_n == before_n;
}

/* Out of files: what is connected is served, and libzmq does not go on trying
 * to accept as fast as it can. */
static void test_out_of_files(void **state) {
    struct fixture *f = *state;
    struct rlimit before, few;
    int ends[2];
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    nx_log_set_level(NX_LOG_ERROR);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)ends[1] + 12;
    pid_t pid = crowd(f, ends[0]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(write(ends[1], "", 1), 1); /* now */
    bool failed = nx_test_wait(f->base, accept_failed, f);
    /* The crowd is sent away, one by one. */
    bool ended = nx_test_wait(f->base, accept_failed_no_more, f);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(failed);
    assert_true(ended);
    assert_non_null(strstr(nx_ingest_problem(f->ingest), "open files"));
    nx_test_client_batch(&f->clients[0], 11, 10, 0);
    expect_ack(f, 20, 11);
    assert_int_equal(close(ends[0]) + close(ends[1]), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ALL(test_store_stops_and_resumes),
        WITH_ALL(test_full_disk),
        WITH_ALL(test_revoked_is_cut_off),
        WITH_ALL(test_unidentified_is_dropped),
        WITH_ALL(test_nobody_judges),
        cmocka_unit_test_setup_teardown(test_too_fast, setup_rate, teardown),
        WITH_ALL(test_out_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
