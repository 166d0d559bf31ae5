#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zmq.h>

#include "collector/ingest/io_auth.h"
#include "common/io_log.h"
#include "common/io_zloop.h"
#include "tests/lib/loop.h"

struct keys {
    char public_key[NX_KEY_TEXT_MAX];
    char secret_key[NX_KEY_TEXT_MAX];
};

/* A CURVE server that notes who is said to speak, and one client. */
struct fixture {
    struct event_base *base;
    struct nx_steady clock;
    void *zmq;
    struct nx_auth *auth;
    struct keys server_keys;
    void *server;
    struct nx_zloop *server_loop;
    char endpoint[64];
    char user[32];
    unsigned messages_n;
    void *client_zmq;
    void *client;
    struct nx_zmonitor *monitor;
    unsigned succeeded_n, refused_n;
};

static void make_keys(struct keys *keys) {
    assert_int_equal(zmq_curve_keypair(keys->public_key, keys->secret_key), 0);
}

static void on_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct fixture *f = arg;
    const char *user = zmq_msg_gets(&frames[frames_n - 1], "User-Id");
    snprintf(f->user, sizeof(f->user), "%s", user != NULL ? user : "(none)");
    f->messages_n++;
}

static void on_event(void *arg, uint16_t event, uint32_t value,
                     const char *address) {
    struct fixture *f = arg;
    (void)value;
    (void)address;
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        f->succeeded_n++;
    } else {
        f->refused_n++;
    }
}

static void make_server(struct fixture *f) {
    int on = 1;
    size_t len = sizeof(f->endpoint);
    const struct nx_zloop_handler handler = {.message = on_message, .arg = f};
    f->server = zmq_socket(f->zmq, ZMQ_ROUTER);
    assert_int_equal(
        zmq_setsockopt(f->server, ZMQ_CURVE_SERVER, &on, sizeof(on)), 0);
    assert_int_equal(zmq_setsockopt(f->server, ZMQ_CURVE_SECRETKEY,
                                    f->server_keys.secret_key, NX_KEY_TEXT_MAX),
                     0);
    assert_int_equal(zmq_bind(f->server, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(
        zmq_getsockopt(f->server, ZMQ_LAST_ENDPOINT, f->endpoint, &len), 0);
    assert_int_equal(
        nx_zloop_new(f->base, f->server, &handler, &f->server_loop), NX_OK);
}

static int setup_bare(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    nx_log_set_level(NX_LOG_ERROR);
    f->base = event_base_new();
    nx_steady_init(&f->clock);
    f->zmq = zmq_ctx_new();
    f->client_zmq = zmq_ctx_new();
    make_keys(&f->server_keys);
    *state = f;
    return 0;
}

static int setup(void **state) {
    (void)setup_bare(state);
    struct fixture *f = *state;
    assert_int_equal(nx_auth_new(f->base, f->zmq, &f->clock, &f->auth), NX_OK);
    make_server(f);
    return 0;
}

static void close_client(struct fixture *f) {
    nx_zmonitor_free(&f->monitor);
    if (f->client != NULL) {
        zmq_close(f->client);
        f->client = NULL;
    }
}

static int teardown(void **state) {
    struct fixture *f = *state;
    close_client(f);
    nx_zloop_free(&f->server_loop);
    zmq_close(f->server);
    nx_auth_free(&f->auth);
    zmq_ctx_term(f->client_zmq);
    zmq_ctx_term(f->zmq);
    event_base_free(f->base);
    free(f);
    return 0;
}

static void connect_with(struct fixture *f, const struct keys *keys) {
    const int linger = 0;
    const int once = -1; /* or a second try may come before it is closed */
    f->client = zmq_socket(f->client_zmq, ZMQ_DEALER);
    zmq_setsockopt(f->client, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(f->client, ZMQ_RECONNECT_IVL, &once, sizeof(once));
    zmq_setsockopt(f->client, ZMQ_CURVE_SERVERKEY, f->server_keys.public_key,
                   NX_KEY_TEXT_MAX);
    if (keys != NULL) {
        zmq_setsockopt(f->client, ZMQ_CURVE_PUBLICKEY, keys->public_key,
                       NX_KEY_TEXT_MAX);
        zmq_setsockopt(f->client, ZMQ_CURVE_SECRETKEY, keys->secret_key,
                       NX_KEY_TEXT_MAX);
    }
    assert_int_equal(nx_zmonitor_new(f->base, f->client_zmq, f->client,
                                     ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                                         ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                         ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                         ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                                     on_event, f, &f->monitor),
                     NX_OK);
    f->succeeded_n = f->refused_n = 0;
    assert_int_equal(zmq_connect(f->client, f->endpoint), 0);
    assert_int_equal(zmq_send(f->client, "x", 1, ZMQ_DONTWAIT), 1);
}

static bool decided(void *user) {
    const struct fixture *f = user;
    return f->refused_n > 0 || f->messages_n > 0;
}

static void expect_refused(struct fixture *f, const struct keys *keys) {
    f->messages_n = 0;
    connect_with(f, keys);
    assert_true(nx_test_wait(f->base, decided, f));
    assert_int_equal(f->refused_n, 1);
    assert_int_equal(f->succeeded_n, 0);
    assert_int_equal(f->messages_n, 0);
    close_client(f);
}

static void expect_accepted(struct fixture *f, const struct keys *keys,
                            const char *user) {
    f->messages_n = 0;
    connect_with(f, keys);
    assert_true(nx_test_wait(f->base, decided, f));
    assert_int_equal(f->refused_n, 0);
    assert_int_equal(f->messages_n, 1);
    assert_string_equal(f->user, user);
    close_client(f);
}

static void test_unknown_is_refused_and_remembered(void **state) {
    struct fixture *f = *state;
    struct keys keys;
    const struct nx_auth_pending *pending = NULL;
    make_keys(&keys);
    expect_refused(f, &keys);
    expect_refused(f, &keys);
    assert_int_equal(nx_auth_pending(f->auth, &pending), 1);
    assert_string_equal(pending[0].key, keys.public_key);
    assert_string_equal(pending[0].address, "127.0.0.1");
    assert_int_equal(pending[0].tries_n, 2);
    assert_int_equal(nx_auth_refused(f->auth), 2);
}

static void test_accepted_passes(void **state) {
    struct fixture *f = *state;
    struct keys keys[3];
    const struct nx_auth_pending *pending = NULL;
    for (uint32_t i = 0; i < 3; i++) {
        make_keys(&keys[i]);
    }
    expect_refused(f, &keys[1]);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(nx_auth_allow(f->auth, keys[i].public_key, 100 + i),
                         NX_OK);
    }
    assert_int_equal(nx_auth_pending(f->auth, &pending), 0);
    expect_accepted(f, &keys[0], "100");
    expect_accepted(f, &keys[1], "101");
    expect_accepted(f, &keys[2], "102");
}

static void test_revoked_is_refused(void **state) {
    struct fixture *f = *state;
    struct keys keys;
    const struct nx_auth_pending *pending = NULL;
    make_keys(&keys);
    assert_int_equal(nx_auth_allow(f->auth, keys.public_key, 7), NX_OK);
    assert_int_equal(nx_auth_deny(f->auth, keys.public_key), NX_OK);
    expect_refused(f, &keys);
    assert_int_equal(nx_auth_pending(f->auth, &pending), 0);
    assert_int_equal(nx_auth_allow(f->auth, keys.public_key, 7), NX_OK);
    expect_accepted(f, &keys, "7");
}

/* Refused as before, but unknown: somebody has to decide again. */
static void test_forgotten_is_pending(void **state) {
    struct fixture *f = *state;
    struct keys keys[2];
    const struct nx_auth_pending *pending = NULL;
    make_keys(&keys[0]);
    make_keys(&keys[1]);
    assert_int_equal(nx_auth_deny(f->auth, keys[0].public_key), NX_OK);
    assert_int_equal(nx_auth_allow(f->auth, keys[1].public_key, 7), NX_OK);
    nx_auth_forget(f->auth, "short");
    nx_auth_forget(f->auth, keys[0].public_key);
    nx_auth_forget(f->auth, keys[0].public_key); /* nothing more */
    expect_refused(f, &keys[0]);
    assert_int_equal(nx_auth_pending(f->auth, &pending), 1);
    assert_string_equal(pending[0].key, keys[0].public_key);
    expect_accepted(f, &keys[1], "7");
}

static void test_not_a_key(void **state) {
    struct fixture *f = *state;
    assert_int_equal(nx_auth_allow(f->auth, "short", 1), NX_EMALFORMED);
    assert_int_equal(nx_auth_deny(f->auth, "short"), NX_EMALFORMED);
}

static bool silent_for_a_while(void *user) {
    const int64_t *end_us = user;
    return nx_clock_mono_us() > *end_us;
}

static void test_only_one_handler(void **state) {
    struct fixture *f = *state;
    struct nx_auth *second = NULL;
    assert_int_equal(nx_auth_new(f->base, f->zmq, &f->clock, &second), NX_EIO);
    assert_null(second);
}

/* A handler that is bound but does not answer: nobody gets in. */
static void test_without_answers_nobody_passes(void **state) {
    struct fixture *f = *state;
    struct keys keys;
    int linger = 0;
    void *mute = zmq_socket(f->zmq, ZMQ_REP);
    make_keys(&keys);
    zmq_setsockopt(mute, ZMQ_LINGER, &linger, sizeof(linger));
    assert_int_equal(zmq_bind(mute, "inproc://zeromq.zap.01"), 0);
    make_server(f);
    connect_with(f, &keys);
    int64_t end_us = nx_clock_mono_us() + 300000;
    assert_true(nx_test_wait(f->base, silent_for_a_while, &end_us));
    assert_int_equal(f->succeeded_n, 0);
    assert_int_equal(f->messages_n, 0);
    close_client(f);
    zmq_close(mute);
}

static void test_pending_is_bounded(void **state) {
    struct fixture *f = *state;
    const struct nx_auth_pending *pending = NULL;
    struct keys first;
    make_keys(&first);
    expect_refused(f, &first);
    for (unsigned i = 0; i < NX_AUTH_PENDING_MAX; i++) {
        struct keys keys;
        make_keys(&keys);
        expect_refused(f, &keys);
    }
    assert_int_equal(nx_auth_pending(f->auth, &pending), NX_AUTH_PENDING_MAX);
    for (unsigned i = 0; i < NX_AUTH_PENDING_MAX; i++) {
        assert_string_not_equal(pending[i].key, first.public_key);
    }
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_unknown_is_refused_and_remembered),
        WITH_SERVER(test_accepted_passes),
        WITH_SERVER(test_revoked_is_refused),
        WITH_SERVER(test_forgotten_is_pending),
        WITH_SERVER(test_not_a_key),
        WITH_SERVER(test_only_one_handler),
        cmocka_unit_test_setup_teardown(test_without_answers_nobody_passes,
                                        setup_bare, teardown),
        WITH_SERVER(test_pending_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
