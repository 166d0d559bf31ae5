/* What the agents' door does not take. */
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
#include "tests/lib/newer_batch.h"

static bool counted_rejected(void *user) {
    struct fixture *f = user;
    return counters(f).rejected_n + counters(f).ignored_n >= f->want_n;
}

static bool told_refused(void *user) {
    struct nx_test_client *client = &((struct fixture *)user)->clients[1];
    nx_test_client_read(client);
    return client->refused_n == 1;
}

static bool second_acked(void *user) {
    struct nx_test_client *client = &((struct fixture *)user)->clients[1];
    nx_test_client_read(client);
    return client->acks_n > 0;
}

/* An agent is told which of its messages will never be taken. */
static void test_refused(void **state) {
    struct fixture *f = *state;
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    size_t len = nx_test_batch(f->clients[1].epoch, 1, 200, 0, 0, bytes);
    nx_test_client_send(&f->clients[1], bytes, len / 2);
    assert_true(nx_test_wait(f->base, told_refused, f));
    assert_int_equal(f->clients[1].refused_crc, nx_codec_crc(bytes, len / 2));
    assert_int_equal(f->clients[1].acks_n, 0);
    /* As many as it may have unanswered: it is listened to still. */
    for (size_t i = 1; i <= 64; i++) {
        nx_test_client_send(&f->clients[1], bytes, len / 2 - i);
    }
    nx_test_client_batch(&f->clients[1], 1, 1, 0);
    assert_true(nx_test_wait(f->base, second_acked, f));
    assert_int_equal(counters(f).rejected_n, 65);
    assert_int_equal(counters(f).ignored_n, 0);
}

static bool told_refused_again(void *user) {
    struct nx_test_client *client = &((struct fixture *)user)->clients[1];
    nx_test_client_read(client);
    return client->refused_n == 2;
}

/* What a newer agent sends is to be kept there; what no version sends is not,
 * nor is what is cut. */
static void test_newer(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[1];
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    size_t len = nx_test_batch(client->epoch, 1, 200, 0, 0, bytes);
    len = nx_test_newer(bytes, len, NX_BATCH_FORMAT + 1);
    nx_test_client_send(client, bytes, len);
    assert_true(nx_test_wait(f->base, told_refused, f));
    assert_true(client->keep);
    assert_int_equal(client->refused_crc, nx_codec_crc(bytes, len));
    assert_int_equal(counters(f).too_new_n, 1);
    assert_int_equal(counters(f).rejected_n, 0);
    len = nx_test_batch(client->epoch, 1, 200, 0, 0, bytes);
    len = nx_test_newer(bytes, len, NX_BATCH_FORMAT);
    nx_test_client_send(client, bytes, len);
    assert_true(nx_test_wait(f->base, told_refused_again, f));
    assert_false(client->keep);
    assert_int_equal(counters(f).rejected_n, 1);
    nx_test_client_batch(client, 1, 1, 0);
    assert_true(nx_test_wait(f->base, second_acked, f));
}

static bool told_refused_thrice(void *user) {
    struct nx_test_client *client = &((struct fixture *)user)->clients[1];
    nx_test_client_read(client);
    return client->refused_n == 3;
}

/* Nor is what takes more memory than there is for one, unless it is newer; and
 * it makes no difference what else is in memory just then. */
static void test_too_large(void **state) {
    struct fixture *f = *state;
    struct nx_test_client *client = &f->clients[1];
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    size_t len = nx_test_batch(client->epoch, 1, 10, 0, 0, bytes);
    len = nx_test_unknown(bytes, len);
    nx_test_client_send(client, bytes, len);
    assert_true(nx_test_wait(f->base, told_refused, f));
    assert_false(client->keep);
    nx_test_client_batch(client, 1, 1, 0); /* in the group's memory */
    nx_test_client_send(client, bytes, len);
    assert_true(nx_test_wait(f->base, told_refused_again, f));
    assert_false(client->keep);
    len = nx_test_newer(bytes, len, NX_BATCH_FORMAT + 1);
    nx_test_client_send(client, bytes, len);
    assert_true(nx_test_wait(f->base, told_refused_thrice, f));
    assert_true(client->keep);
    assert_int_equal(client->refused_crc, nx_codec_crc(bytes, len));
    assert_int_equal(counters(f).too_new_n, 1);
    assert_int_equal(counters(f).rejected_n, 2);
}

static void test_malformed(void **state) {
    struct fixture *f = *state;
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    size_t len = nx_test_batch(f->clients[0].epoch, 1, 200, 0, 0, bytes);
    nx_test_client_send(&f->clients[1], bytes, len / 2);
    nx_test_client_send(&f->clients[1], "", 0);
    zmq_send(f->clients[1].socket, "a", 1, ZMQ_SNDMORE);
    nx_test_client_send(&f->clients[1], "b", 1);
    f->want_n = 3;
    assert_true(nx_test_wait(f->base, counted_rejected, f));
    assert_int_equal(counters(f).rejected_n, 3);
    /* One good message in between; the first of them is told only. */
    nx_test_client_batch(&f->clients[1], 1, 1, 0);
    for (unsigned i = 0; i <= NX_PEER_BAD_MAX; i++) {
        nx_test_client_send(&f->clients[1], "nonsense", 8);
    }
    nx_test_client_batch(&f->clients[1], 2, 1, 0); /* not listened to now */
    f->want_n = 3 + NX_PEER_BAD_MAX + 2;
    assert_true(nx_test_wait(f->base, counted_rejected, f));
    assert_int_equal(counters(f).rejected_n, 4 + NX_PEER_BAD_MAX);
    assert_int_equal(counters(f).ignored_n, 1);
    /* The others are served; commits are in order. */
    nx_test_client_batch(&f->clients[0], 1, 200, 0);
    expect_ack(f, 200, 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM batch WHERE agent_id=2"), 1);
}

static void test_hostile_numbers(void **state) {
    struct fixture *f = *state;
    uint64_t last = UINT64_C(1) << 63;
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    nx_test_client_batch(&f->clients[0], last, 1, 0);      /* refused, no ack */
    nx_test_client_batch(&f->clients[0], last - 2, 1, 11); /* jump, refused */
    nx_test_client_batch(&f->clients[0], last - 2, 1, 0);  /* the same */
    nx_test_client_batch(&f->clients[0], 11, 1, 0);
    expect_ack(f, 11, 11);
    assert_int_equal(counters(f).rejected_n, 3);
}

static void test_oversize(void **state) {
    struct fixture *f = *state;
    static uint8_t huge[NX_MSG_MAX_BYTES + 1];
    nx_test_client_batch(&f->clients[0], 1, 10, 0);
    expect_ack(f, 10, 1);
    /* libzmq ends the connection; the agent comes back by itself. */
    nx_test_client_send(&f->clients[0], huge, sizeof(huge));
    f->want_n = f->clients[0].acks_n + 1;
    int64_t end_us = nx_clock_mono_us() + NX_TEST_PATIENCE_US;
    for (unsigned i = 0; !client_acked(f) && nx_clock_mono_us() < end_us; i++) {
        if (i % 100 == 0) { /* its queue is not to be full */
            nx_test_client_batch(&f->clients[0], 11, 10, 0);
        }
        nx_test_turn(f->base);
    }
    assert_int_equal(f->clients[0].ack.acked_seq, 20);
    assert_int_equal(counters(f).rejected_n, 0); /* never reached us */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ALL(test_refused),         WITH_ALL(test_newer),
        WITH_ALL(test_too_large),       WITH_ALL(test_malformed),
        WITH_ALL(test_hostile_numbers), WITH_ALL(test_oversize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
