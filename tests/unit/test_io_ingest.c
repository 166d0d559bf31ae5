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

static void test_ack_follows_commit(void **state) {
    struct fixture *f = *state;
    nx_test_client_batch(&f->clients[0], 1, 200, 0);
    expect_ack(f, 200, 1);
    assert_int_equal(ask(f, "SELECT sum(results_n) FROM batch"), 200);
    assert_int_equal(ask(f, "SELECT acked_seq FROM stream"), 200);
    assert_int_equal(folded(f), 200);
    /* Many at once: one commit for several, one cumulative ack at the end. */
    for (uint64_t i = 0; i < 100; i++) {
        nx_test_client_batch(&f->clients[0], 201 + 10 * i, 10, 0);
    }
    nx_test_await_still();
    while (f->clients[0].ack.acked_seq < 1200) {
        f->want_n = f->clients[0].acks_n + 1;
        assert_true(nx_test_wait(f->base, client_acked, f));
    }
    assert_int_equal(ask(f, "SELECT count(*) FROM batch"), 101);
    assert_int_equal(folded(f), 1200);
    const struct nx_group_counters *stored =
        nx_group_counters(nx_ingest_group(f->ingest));
    assert_int_equal(stored->results_n, 1200);
    assert_true(stored->commits_n < 90);
}

static void test_duplicate_overlap_and_hole(void **state) {
    struct fixture *f = *state;
    nx_test_client_batch(&f->clients[0], 1, 100, 0);
    expect_ack(f, 100, 1);
    nx_test_client_batch(&f->clients[0], 1, 100, 0);
    expect_ack(f, 100, 1);
    nx_test_client_batch(&f->clients[0], 201, 40, 0); /* 101..200 missing */
    expect_ack(f, 100, 201);
    assert_int_equal(f->clients[0].ack.ahead.n, 1);
    assert_int_equal(f->clients[0].ack.ahead.runs[0].from_seq, 201);
    assert_int_equal(f->clients[0].ack.ahead.runs[0].to_seq, 240);
    assert_int_equal(folded(f), 140);
    assert_int_equal(ask(f, "SELECT ahead = '201-240' FROM stream"), 1);
    nx_test_client_batch(&f->clients[0], 51, 100, 0);
    expect_ack(f, 150, 51);
    nx_test_client_batch(&f->clients[0], 241, 10, 151); /* with a gap */
    expect_ack(f, 250, 241);
    assert_int_equal(folded(f), 200);
    assert_int_equal(ask(f, "SELECT sum(results_n) FROM batch"), 200);
    assert_int_equal(ask(f, "SELECT skip FROM batch WHERE first_seq=101"), 50);
    assert_int_equal(ask(f, "SELECT dropped_n FROM stream"), 50);
    assert_int_equal(ask(f, "SELECT received_n FROM stream"), 200);
    assert_int_equal(counters(f).duplicates_n, 150);
    assert_int_equal(counters(f).out_of_order_n, 0);
}

static void test_hello(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    nx_test_client_hello(client, NX_PROTOCOL);
    nx_test_client_batch(client, 1, 10, 0);
    f->want_n = 2;
    assert_true(nx_test_wait(f->base, client_acked, f));
    assert_int_equal(client->hello_acks_n, 1); /* its own, not shared */
    assert_int_equal(client->ack.acked_seq, 10);
    while (client->plans_n == 0) {
        nx_test_turn(f->base);
        nx_test_client_read(client);
    }
    nx_test_client_hello(client, NX_PROTOCOL);
    expect_ack(f, 10, 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM hello"), 1);
    nx_test_client_hello(client, NX_PROTOCOL + 1);
    nx_test_client_batch(client, 11, 1, 0);
    expect_ack(f, 11, 11);
    assert_int_equal(counters(f).rejected_n, 1);
}

/* More names than a message has room for: what fits is sent, as the plan before
 * it may be of things that are withdrawn. */
static void test_plan_that_is_too_large(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    struct nx_agent auditor = {.id = 1, .authority = true, .accepted = true};
    strcpy(auditor.name, agent_name(0));
    strcpy(auditor.network, "lyon");
    assert_int_equal(nx_engine_agent_set(f->engine, &auditor), NX_OK);
    const unsigned incidents_n = 64; /* so many may be open */
    for (unsigned i = 0; i < incidents_n; i++) {
        struct nx_incident incident = {.id = i + 1,
                                       .opened_us = 1,
                                       .closed_us = NX_TIME_UNKNOWN,
                                       .outage_from_us = NX_TIME_UNKNOWN,
                                       .outage_to_us = NX_TIME_UNKNOWN,
                                       .restored_us = NX_TIME_UNKNOWN,
                                       .items_n = NX_INCIDENT_ITEMS_MAX};
        for (unsigned k = 0; k < incident.items_n; k++) {
            char text[NX_DNAME_TEXT_MAX];
            (void)snprintf(text, sizeof(text),
                           "%060u.%063u.%063u.%049u.example.com", i, k, i, k);
            assert_int_equal(nx_dname_parse(text, incident.items[k].name), 0);
            incident.items[k].qtype = 1;
        }
        assert_int_equal(nx_engine_incident_open(f->engine, &incident), NX_OK);
    }
    nx_test_client_hello(client, NX_PROTOCOL);
    while (client->plan_tasks_n == 0) {
        nx_test_turn(f->base);
        nx_test_client_read(client);
    }
    assert_true(client->plan_tasks_n < incidents_n * NX_INCIDENT_ITEMS_MAX);
    assert_true(client->plan_tasks_n > 500);
}

static void test_restart_keeps_positions(void **state) {
    struct fixture *f = *state;
    nx_test_client_batch(&f->clients[0], 1, 100, 0);
    expect_ack(f, 100, 1);
    nx_test_client_batch(&f->clients[0], 151, 10, 0);
    expect_ack(f, 100, 151);
    nx_test_client_close(&f->clients[0]);
    nx_test_client_close(&f->clients[1]);
    stop_collector(f);
    start_collector(f);
    connect_clients(f);
    nx_test_client_hello(&f->clients[0], NX_PROTOCOL);
    expect_ack(f, 100, 0);
    assert_int_equal(f->clients[0].ack.ahead.n, 1);
    nx_test_client_batch(&f->clients[0], 51, 100, 0);
    expect_ack(f, 160, 51);
    assert_int_equal(ask(f, "SELECT sum(results_n) FROM batch"), 160);
}

static void test_many_epochs(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    uint64_t epoch = client->epoch;
    nx_test_client_batch(client, 1, 10, 0);
    expect_ack(f, 10, 1);
    for (unsigned i = 0; i < 3 * NX_STREAM_EPOCHS_MAX; i++) {
        client->epoch = 1000 + i;
        nx_test_client_batch(client, 1, 10, 0);
        expect_ack(f, 10, 1);
    }
    /* The first is not in memory any more, the store knows it. */
    client->epoch = epoch;
    nx_test_client_batch(client, 6, 10, 0);
    expect_ack(f, 15, 6);
    assert_int_equal(counters(f).duplicates_n, 5);
}

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

static void test_listen_elsewhere(void **state) {
    struct fixture *f = *state;
    char why[128];
    char used[] = "tcp://127.0.0.1:*";
    char taken[64];
    snprintf(taken, sizeof(taken), "%s", nx_ingest_endpoint(f->ingest, 0));
    char other[] = "tcp://127.0.0.2:*";
    char *both[] = {used, other};
    char *only[] = {other};
    char *conflict[] = {other, taken};
    assert_int_equal(nx_ingest_listen(f->ingest, both, 2, why, sizeof(why)),
                     NX_OK);
    assert_string_equal(nx_ingest_endpoint(f->ingest, 0), taken);
    assert_int_equal(nx_ingest_listen(f->ingest, conflict, 2, why, sizeof(why)),
                     NX_EIO);
    assert_non_null(strstr(why, "cannot listen: Address already in use"));
    assert_string_equal(nx_ingest_endpoint(f->ingest, 0), taken);
    assert_int_equal(nx_ingest_listen(f->ingest, only, 1, why, sizeof(why)),
                     NX_OK);
    assert_non_null(strstr(nx_ingest_endpoint(f->ingest, 0), "127.0.0.2"));
    assert_null(nx_ingest_endpoint(f->ingest, 1));
    nx_test_client_close(&f->clients[0]);
    nx_test_client_connect(&f->clients[0], f->client_zmq,
                           nx_ingest_endpoint(f->ingest, 0),
                           f->keys.public_key);
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
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
#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_ALL(test_ack_follows_commit),
        WITH_ALL(test_duplicate_overlap_and_hole),
        WITH_ALL(test_hello),
        WITH_ALL(test_plan_that_is_too_large),
        WITH_ALL(test_restart_keeps_positions),
        WITH_ALL(test_many_epochs),
        WITH_ALL(test_store_stops_and_resumes),
        WITH_ALL(test_full_disk),
        WITH_ALL(test_revoked_is_cut_off),
        WITH_ALL(test_unidentified_is_dropped),
        WITH_ALL(test_nobody_judges),
        cmocka_unit_test_setup_teardown(test_too_fast, setup_rate, teardown),
        WITH_ALL(test_listen_elsewhere),
        WITH_ALL(test_out_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
