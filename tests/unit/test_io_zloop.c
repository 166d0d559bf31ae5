/* ZeroMQ in a libevent loop: nothing is left lying, nobody starves. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/io_zloop.h"
#include "tests/lib/loop.h"

#define MESSAGES 5000U

struct peer {
    struct event_base *base;
    void *socket;
    struct nx_zloop *zloop;
    unsigned received;
    unsigned drained;
    unsigned writable;
    unsigned stop_at; /* leave the loop after so many messages */
    bool echo;
    unsigned last;
};

struct pair {
    struct event_base *base;
    void *context;
    struct peer a;
    struct peer b;
};

static void on_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct peer *p = arg;
    p->received++;
    memcpy(&p->last, zmq_msg_data(&frames[0]), sizeof(p->last));
    if (p->echo) {
        zmq_msg_t back;
        assert_int_equal(zmq_msg_init(&back), 0);
        assert_int_equal(zmq_msg_move(&back, &frames[frames_n - 1]), 0);
        assert_int_equal(nx_zloop_send(p->zloop, &back, 1), NX_OK);
    }
    if (p->received == p->stop_at) {
        (void)event_base_loopbreak(p->base);
    }
}

static void on_drained(void *arg) {
    struct peer *p = arg;
    p->drained++;
}

static void on_writable(void *arg) {
    struct peer *p = arg;
    p->writable++;
    (void)event_base_loopbreak(p->base);
}

static void open_peer(struct pair *t, struct peer *p, const char *name,
                      bool bind, int hwm) {
    const struct nx_zloop_handler handler = {on_message, on_drained,
                                             on_writable, p};
    int linger = 0;
    p->base = t->base;
    p->socket = zmq_socket(t->context, ZMQ_PAIR);
    assert_non_null(p->socket);
    assert_int_equal(
        zmq_setsockopt(p->socket, ZMQ_LINGER, &linger, sizeof(linger)), 0);
    assert_int_equal(zmq_setsockopt(p->socket, ZMQ_SNDHWM, &hwm, sizeof(hwm)),
                     0);
    assert_int_equal(zmq_setsockopt(p->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)),
                     0);
    assert_int_equal(
        bind ? zmq_bind(p->socket, name) : zmq_connect(p->socket, name), 0);
    assert_int_equal(nx_zloop_new(t->base, p->socket, &handler, &p->zloop),
                     NX_OK);
}

static void open_pair(struct pair *t, int hwm) {
    memset(t, 0, sizeof(*t));
    t->base = event_base_new();
    t->context = zmq_ctx_new();
    open_peer(t, &t->a, "inproc://test", true, hwm);
    open_peer(t, &t->b, "inproc://test", false, hwm);
}

static void close_pair(struct pair *t) {
    nx_zloop_free(&t->a.zloop);
    nx_zloop_free(&t->b.zloop);
    assert_null(t->a.zloop);
    assert_int_equal(zmq_close(t->a.socket), 0);
    assert_int_equal(zmq_close(t->b.socket), 0);
    assert_int_equal(zmq_ctx_term(t->context), 0);
    event_base_free(t->base);
}

/* More messages than one turn takes, all there before the loop starts. */
static void test_drains(void **state) {
    (void)state;
    struct pair t;
    open_pair(&t, 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(nx_zloop_send_bytes(t.a.zloop, &i, sizeof(i)), NX_OK);
    }
    t.b.stop_at = MESSAGES;
    assert_int_equal(event_base_dispatch(t.base), 0);
    assert_int_equal(t.b.received, MESSAGES);
    assert_int_equal(t.b.last, MESSAGES - 1);
    close_pair(&t);
}

/* Sending from inside the handler swallows the signal; nothing may be lost. */
static void test_sends_while_receiving(void **state) {
    (void)state;
    struct pair t;
    open_pair(&t, 0);
    t.b.echo = true;
    t.a.stop_at = MESSAGES;
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(nx_zloop_send_bytes(t.a.zloop, &i, sizeof(i)), NX_OK);
    }
    assert_int_equal(event_base_dispatch(t.base), 0);
    assert_int_equal(t.a.received, MESSAGES);
    assert_int_equal(t.b.received, MESSAGES);
    assert_true(t.b.drained >= 1);
    close_pair(&t);
}

struct starved {
    struct pair *t;
    unsigned seen; /* messages when the timer came */
};

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    struct starved *s = arg;
    (void)fd;
    (void)what;
    s->seen = s->t->b.received;
}

/* Another event gets its turn while messages wait. */
static void test_budget(void **state) {
    (void)state;
    struct pair t;
    struct starved s = {&t, 0};
    open_pair(&t, 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_int_equal(nx_zloop_send_bytes(t.a.zloop, &i, sizeof(i)), NX_OK);
    }
    t.b.stop_at = MESSAGES;
    const struct timeval now = {0, 0};
    assert_int_equal(
        event_base_once(t.base, -1, EV_TIMEOUT, on_timer, &s, &now), 0);
    assert_int_equal(event_base_dispatch(t.base), 0);
    assert_true(s.seen <= 2 * NX_ZLOOP_BUDGET);
    close_pair(&t);
}

static void test_full_then_writable(void **state) {
    (void)state;
    struct pair t;
    open_pair(&t, 2);
    unsigned i = 0;
    int err = NX_OK;
    while (err == NX_OK) {
        err = nx_zloop_send_bytes(t.a.zloop, &i, sizeof(i));
        i++;
        assert_true(i < 100);
    }
    assert_int_equal(err, NX_EAGAIN);
    assert_int_equal(event_base_dispatch(t.base), 0);
    assert_int_equal(t.a.writable, 1);
    assert_int_equal(nx_zloop_send_bytes(t.a.zloop, &i, sizeof(i)), NX_OK);
    close_pair(&t);
}

static void send_frames(struct peer *p, unsigned frames_n) {
    zmq_msg_t frames[NX_ZLOOP_FRAMES_MAX + 1];
    for (unsigned i = 0; i < frames_n; i++) {
        assert_int_equal(zmq_msg_init_size(&frames[i], sizeof(unsigned)), 0);
        memcpy(zmq_msg_data(&frames[i]), &i, sizeof(i));
    }
    assert_int_equal(nx_zloop_send(p->zloop, frames, frames_n), NX_OK);
}

static void test_too_many_frames(void **state) {
    (void)state;
    struct pair t;
    open_pair(&t, 0);
    send_frames(&t.a, NX_ZLOOP_FRAMES_MAX + 1);
    send_frames(&t.a, NX_ZLOOP_FRAMES_MAX);
    t.b.stop_at = 1;
    assert_int_equal(event_base_dispatch(t.base), 0);
    assert_int_equal(t.b.received, 1);
    assert_int_equal(nx_zloop_dropped(t.b.zloop), 1);
    close_pair(&t);
}

/* --- the monitor --- */

struct seen {
    struct event_base *base;
    unsigned connected;
    unsigned others;
};

static void on_event(void *arg, uint16_t event, uint32_t value,
                     const char *address) {
    struct seen *seen = arg;
    (void)value;
    assert_memory_equal(address, "tcp://127.0.0.1:", 16);
    if (event == ZMQ_EVENT_CONNECTED) {
        seen->connected++;
        (void)event_base_loopbreak(seen->base);
    } else {
        seen->others++;
    }
}

#define ENDPOINT_MAX 64U

static void listen_at(void *server, char endpoint[ENDPOINT_MAX]) {
    size_t len = ENDPOINT_MAX;
    assert_int_equal(zmq_bind(server, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &len),
                     0);
}

static void test_monitor(void **state) {
    (void)state;
    struct seen seen = {.base = event_base_new()};
    void *context = zmq_ctx_new();
    void *server = zmq_socket(context, ZMQ_ROUTER);
    char endpoint[ENDPOINT_MAX];
    listen_at(server, endpoint);
    /* Twice, as the memory of the first may be used again at once. */
    for (unsigned i = 1; i <= 2; i++) {
        struct nx_zmonitor *monitor = NULL;
        void *client = zmq_socket(context, ZMQ_DEALER);
        assert_int_equal(nx_zmonitor_new(seen.base, context, client,
                                         ZMQ_EVENT_CONNECTED, on_event, &seen,
                                         &monitor),
                         NX_OK);
        assert_int_equal(zmq_connect(client, endpoint), 0);
        assert_int_equal(event_base_dispatch(seen.base), 0);
        assert_int_equal(seen.connected, i);
        nx_zmonitor_free(&monitor);
        assert_null(monitor);
        assert_int_equal(zmq_close(client), 0);
    }
    assert_int_equal(seen.others, 0);
    assert_int_equal(zmq_close(server), 0);
    assert_int_equal(zmq_ctx_term(context), 0);
    event_base_free(seen.base);
}

/* Makes a connection to it when no file is left to accept it with. */
static int connect_without_files(const char *endpoint, struct rlimit *before) {
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int next = dup(client);
    assert_true(client >= 0 && next >= 0);
    assert_int_equal(close(next), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
    const struct rlimit none = {(rlim_t)next, before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    return client;
}

/* A server whose monitor's queue is full: out of files there are events without
 * end. libzmq's thread holds a lock while it waits for room for the next one.
 */
struct storm {
    struct event_base *base;
    void *context, *server;
    char other[ENDPOINT_MAX]; /* listened at, too */
    struct nx_zmonitor *monitor;
    struct rlimit before;
    int client;
    unsigned events_n;
};

static void on_failed(void *arg, uint16_t event, uint32_t value,
                      const char *address) {
    struct storm *s = arg;
    (void)address;
    assert_int_equal(event, ZMQ_EVENT_ACCEPT_FAILED);
    assert_int_equal(value, EMFILE);
    s->events_n++;
}

static void storm_begin(struct storm *s) {
    char endpoint[ENDPOINT_MAX];
    *s = (struct storm){.base = event_base_new(), .context = zmq_ctx_new()};
    s->server = zmq_socket(s->context, ZMQ_ROUTER);
    assert_int_equal(nx_zmonitor_new(s->base, s->context, s->server,
                                     ZMQ_EVENT_ACCEPT_FAILED, on_failed, s,
                                     &s->monitor),
                     NX_OK);
    listen_at(s->server, s->other);
    listen_at(s->server, endpoint);
    s->client = connect_without_files(endpoint, &s->before);
    nx_test_await_still(); /* the queue is full */
    (void)alarm(120);      /* what waits for that lock does so for ever */
}

static void storm_end(struct storm *s) {
    nx_zmonitor_free(&s->monitor);
    (void)alarm(0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &s->before), 0);
    assert_int_equal(close(s->client), 0);
    assert_int_equal(zmq_close(s->server), 0);
    assert_int_equal(zmq_ctx_term(s->context), 0);
    event_base_free(s->base);
}

static void test_monitor_full(void **state) {
    struct storm s;
    (void)state;
    storm_begin(&s);
    storm_end(&s);
}

static void test_bind_in_storm(void **state) {
    struct storm s;
    char third[ENDPOINT_MAX];
    (void)state;
    storm_begin(&s);
    assert_int_equal(zmq_unbind(s.server, s.other), 0); /* without that lock */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &s.before), 0);
    assert_int_equal(s.events_n, 0);
    assert_int_equal(nx_zmonitor_busy(s.monitor), NX_OK);
    listen_at(s.server, third);
    nx_zmonitor_idle(s.monitor);
    assert_true(s.events_n > 0);
    storm_end(&s);
}

static void on_first(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct peer *p = arg;
    on_message(arg, frames, frames_n);
    nx_zloop_pause(p->zloop);
}

/* Nothing comes while it is paused, and all of it afterwards. */
static void test_pause(void **state) {
    (void)state;
    struct pair t;
    const struct nx_zloop_handler handler = {.message = on_first, .arg = &t.b};
    open_pair(&t, 0);
    nx_zloop_free(&t.b.zloop);
    assert_int_equal(nx_zloop_new(t.base, t.b.socket, &handler, &t.b.zloop),
                     NX_OK);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(nx_zloop_send_bytes(t.a.zloop, &i, sizeof(i)), NX_OK);
    }
    for (unsigned n = 1; n <= 5; n++) {
        t.b.stop_at = n;
        assert_int_equal(event_base_dispatch(t.base), 0);
        for (unsigned turns = 0; turns < 10; turns++) {
            assert_true(event_base_loop(t.base, EVLOOP_NONBLOCK) >= 0);
        }
        assert_int_equal(t.b.received, n);
        assert_int_equal(t.b.last, n - 1);
        nx_zloop_resume(t.b.zloop);
    }
    close_pair(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drains),
        cmocka_unit_test(test_sends_while_receiving),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_full_then_writable),
        cmocka_unit_test(test_too_many_frames),
        cmocka_unit_test(test_monitor),
        cmocka_unit_test(test_monitor_full),
        cmocka_unit_test(test_bind_in_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
