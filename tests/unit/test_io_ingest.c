#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ALL(test_ack_follows_commit),
        WITH_ALL(test_duplicate_overlap_and_hole),
        WITH_ALL(test_hello),
        WITH_ALL(test_plan_that_is_too_large),
        WITH_ALL(test_restart_keeps_positions),
        WITH_ALL(test_many_epochs),
        WITH_ALL(test_listen_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
