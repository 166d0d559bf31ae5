/* One key, many connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/io_ingest_priv.h"
#include "tests/lib/ingest_bench.h"

#define MANY 6U
#define HOUR_US INT64_C(3600000000)

struct crowd {
    struct fixture *f;
    struct nx_test_client clients[MANY];
    void *events; /* of the first */
    unsigned lost_n;
};

/* With the first agent's key. */
static void come(struct crowd *c, unsigned i) {
    struct nx_test_client *client = &c->clients[i];
    client->keys = c->f->clients[0].keys;
    client->epoch = c->f->clients[0].epoch;
    nx_test_client_connect(client, c->f->client_zmq,
                           nx_ingest_endpoint(c->f->ingest, 0),
                           c->f->keys.public_key);
}

static void watch(struct crowd *c) {
    static const char at[] = "inproc://crowd-first";
    assert_int_equal(
        zmq_socket_monitor(c->clients[0].socket, at, ZMQ_EVENT_DISCONNECTED),
        0);
    c->events = zmq_socket(c->f->client_zmq, ZMQ_PAIR);
    assert_int_equal(zmq_connect(c->events, at), 0);
}

static bool first_is_lost(void *user) {
    struct crowd *c = user;
    char event[16];
    if (zmq_recv(c->events, event, sizeof(event), ZMQ_DONTWAIT) > 0) {
        c->lost_n++;
    }
    return c->lost_n > 0;
}

static bool said_hello(void *user) {
    struct crowd *c = user;
    unsigned n = 0;
    for (unsigned i = 0; i < MANY; i++) {
        if (c->clients[i].socket != NULL) {
            nx_test_client_read(&c->clients[i]);
            n += c->clients[i].hello_acks_n;
        }
    }
    return n >= c->f->want_n;
}

static void leave(struct crowd *c) {
    (void)zmq_socket_monitor(c->clients[0].socket, NULL, 0);
    zmq_close(c->events);
    for (unsigned i = 0; i < MANY; i++) {
        nx_test_client_close(&c->clients[i]);
    }
}

/* The key's first connection of five is ended, and none of the others. */
static void test_too_many(void **state) {
    struct crowd c = {.f = *state};
    for (unsigned i = 0; i <= NX_PEER_CONNECTIONS; i++) {
        come(&c, i);
        if (i == 0) {
            watch(&c);
        }
        c.f->want_n = i + 1;
        nx_test_client_hello(&c.clients[i], NX_PROTOCOL);
        assert_true(nx_test_wait(c.f->base, said_hello, &c));
        assert_int_equal(counters(c.f).surplus_n,
                         i < NX_PEER_CONNECTIONS ? 0 : 1);
    }
    assert_true(nx_test_wait(c.f->base, first_is_lost, &c));
    c.f->want_n++;
    nx_test_client_hello(&c.clients[NX_PEER_CONNECTIONS], NX_PROTOCOL);
    assert_true(nx_test_wait(c.f->base, said_hello, &c));
    assert_int_equal(counters(c.f).surplus_n, 1);
    leave(&c);
}

/* All but one of the fixture's, which says hello, and the first that came. */
static bool are_mute(void *user) {
    struct crowd *c = user;
    nx_test_client_read(&c->f->clients[1]);
    unsigned n = 0;
    int fd = -1;
    while ((fd = nx_peers_next_mute(&c->f->ingest->peers, fd, INT64_MAX)) >=
           0) {
        n++;
    }
    return n == CLIENTS_N && c->f->clients[1].hello_acks_n > 0;
}

/* It was let in and says nothing: not before two minutes have passed in which
 * it could have been heard. */
static void test_silent(void **state) {
    struct crowd c = {.f = *state};
    c.f->want_n = 1;
    nx_test_client_hello(&c.f->clients[1], NX_PROTOCOL);
    come(&c, 0);
    watch(&c);
    assert_true(nx_test_wait(c.f->base, are_mute, &c));
    c.f->clock.wall0_us += NX_PEER_SILENT_US + 1000000;
    nx_ingest_end_mute(c.f->ingest); /* the queue was not looked at since */
    assert_int_equal(counters(c.f).surplus_n, 0);
    come(&c, 1);
    nx_test_client_hello(&c.clients[1], NX_PROTOCOL);
    assert_true(nx_test_wait(c.f->base, said_hello, &c));
    uint64_t before_n = counters(c.f).surplus_n;
    nx_ingest_end_mute(c.f->ingest);
    assert_true(counters(c.f).surplus_n > before_n);
    assert_true(nx_test_wait(c.f->base, first_is_lost, &c));
    c.f->want_n++;
    nx_test_client_hello(&c.clients[1], NX_PROTOCOL); /* it is still there */
    assert_true(nx_test_wait(c.f->base, said_hello, &c));
    leave(&c);
}

static bool crowded(void *user) {
    struct crowd *c = user;
    return nx_auth_crowding(c->f->auth) > 0;
}

static bool other_acked(void *user) {
    struct nx_test_client *other = &((struct crowd *)user)->f->clients[1];
    nx_test_client_read(other);
    return other->acks_n > 0;
}

/* Connections that are made and left, without a word. */
static void test_again_and_again(void **state) {
    struct crowd c = {.f = *state};
    struct nx_test_client clients[2 * NX_AUTH_HANDSHAKES] = {0};
    for (unsigned i = 0; i < 2 * NX_AUTH_HANDSHAKES; i++) {
        clients[i].keys = c.f->clients[0].keys;
        nx_test_client_connect(&clients[i], c.f->client_zmq,
                               nx_ingest_endpoint(c.f->ingest, 0),
                               c.f->keys.public_key);
    }
    assert_true(nx_test_wait(c.f->base, crowded, &c));
    /* Other keys come in. */
    nx_test_client_batch(&c.f->clients[1], 1, 1, 0);
    assert_true(nx_test_wait(c.f->base, other_acked, &c));
    for (unsigned i = 0; i < 2 * NX_AUTH_HANDSHAKES; i++) {
        nx_test_client_close(&clients[i]);
    }
    /* One more is put off, not refused (libzmq's client does not come again
     * then): it comes in when it may. */
    c.f->clock.wall0_us -= HOUR_US; /* its share is used up, for now */
    c.clients[0].handshake_ms = 500;
    come(&c, 0);
    watch(&c);
    nx_test_client_hello(&c.clients[0], NX_PROTOCOL);
    assert_true(nx_test_wait(c.f->base, first_is_lost, &c));
    c.f->clock.wall0_us += 2 * HOUR_US;
    c.f->want_n = 1;
    assert_true(nx_test_wait(c.f->base, said_hello, &c));
    leave(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again_and_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
