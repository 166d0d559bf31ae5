/* Hellos on the record: within what may be stored, and not forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/ingest_bench.h"

static bool hello_stored(void *user) {
    return ask(user, "SELECT count(*) FROM hello") > 0;
}

/* One that says another thing each time is answered, and not kept for ever. */
static void test_hellos_within_quota(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    nx_test_client_close(&f->clients[0]);
    nx_test_client_close(&f->clients[1]);
    stop_collector(f);
    f->per_hour = 2000;
    start_collector(f);
    connect_clients(f);
    for (unsigned i = 0; i < 50; i++) {
        client->epoch = 1000 + i;
        nx_test_client_hello(client, NX_PROTOCOL);
    }
    f->want_n = 50;
    assert_true(nx_test_wait(f->base, client_acked, f));
    assert_int_equal(client->hello_acks_n, 50);
    assert_true(nx_test_wait(f->base, hello_stored, f));
    assert_true(ask(f, "SELECT count(*) FROM hello") <=
                2000 / NX_QUOTA_ROW_BYTES);
}

static bool stopped_storing(void *user) {
    struct fixture *f = user;
    return !nx_group_storing(nx_ingest_group(f->ingest));
}

static bool storing_again(void *user) {
    return !stopped_storing(user);
}

/* It was in a transaction that was rolled back: the next one is stored. */
static void test_hello_rolled_back(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[0];
    nx_test_client_batch(client, 1, 10, 0);
    expect_ack(f, 10, 1);
    sql_run(f->path, "CREATE TRIGGER refuses BEFORE INSERT ON batch BEGIN "
                     "SELECT RAISE(ABORT, 'refused'); END");
    nx_test_client_hello(client, NX_PROTOCOL);
    nx_test_client_batch(client, 11, 10, 0);
    nx_test_await_still(); /* both are in the ROUTER's queue: one group */
    assert_true(nx_test_wait(f->base, stopped_storing, f));
    assert_false(hello_stored(f));
    sql_run(f->path, "DROP TRIGGER refuses");
    assert_true(nx_test_wait(f->base, storing_again, f));
    nx_test_client_hello(client, NX_PROTOCOL);
    assert_true(nx_test_wait(f->base, hello_stored, f));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ALL(test_hellos_within_quota),
        WITH_ALL(test_hello_rolled_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
