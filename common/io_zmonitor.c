/* nx_zmonitor of io_zloop.h. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io_clock.h"
#include "common/io_zloop.h"

#define ADDRESS_MAX 256U
/* Out of files there are events without end, and what matters comes behind
 * those that wait: few. In a storm libzmq waits for us when they are full. */
#define QUEUE_MAX 1000
#define READ_MS 10

struct nx_zmonitor {
    void *monitored;
    void *pair;
    struct nx_zloop *zloop;
    nx_zmonitor_fn fn;
    void *arg;
};

/* Two frames: event number and value in host order, then the address. */
static void on_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_zmonitor *m = arg;
    char address[ADDRESS_MAX];
    uint16_t event = 0;
    uint32_t value = 0;
    if (frames_n != 2 || zmq_msg_size(&frames[0]) < 6) {
        return;
    }
    const char *head = zmq_msg_data(&frames[0]);
    memcpy(&event, head, sizeof(event));
    memcpy(&value, head + sizeof(event), sizeof(value));
    size_t len = zmq_msg_size(&frames[1]);
    len = len < sizeof(address) ? len : sizeof(address) - 1;
    memcpy(address, zmq_msg_data(&frames[1]), len);
    address[len] = '\0';
    m->fn(m->arg, event, value, address);
}

static int attach(struct nx_zmonitor *m, struct event_base *base, void *context,
                  int events) {
    /* The name of a monitor that was just freed is still taken for a moment,
     * and its memory may be this one's: the time makes the difference. */
    char name[64];
    (void)snprintf(name, sizeof(name),
                   "inproc://nx-monitor-%" PRIxPTR "-%" PRId64, (uintptr_t)m,
                   nx_clock_mono_us());
    if (zmq_socket_monitor(m->monitored, name, events) != 0) {
        return NX_EIO;
    }
    m->pair = zmq_socket(context, ZMQ_PAIR);
    const int linger = 0;
    const int queue_max = QUEUE_MAX;
    if (m->pair == NULL ||
        zmq_setsockopt(m->pair, ZMQ_LINGER, &linger, sizeof(linger)) != 0 ||
        zmq_setsockopt(m->pair, ZMQ_RCVHWM, &queue_max, sizeof(queue_max)) !=
            0 ||
        zmq_connect(m->pair, name) != 0) {
        return NX_EIO;
    }
    const struct nx_zloop_handler handler = {.message = on_message, .arg = m};
    return nx_zloop_new(base, m->pair, &handler, &m->zloop);
}

int nx_zmonitor_new(struct event_base *base, void *context, void *socket,
                    int events, nx_zmonitor_fn fn, void *arg,
                    struct nx_zmonitor **out) {
    struct nx_zmonitor *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return NX_ENOMEM;
    }
    m->monitored = socket;
    m->fn = fn;
    m->arg = arg;
    int err = attach(m, base, context, events);
    if (err != NX_OK) {
        nx_zmonitor_free(&m);
        return err;
    }
    *out = m;
    return NX_OK;
}

struct reader {
    void *pair;
    atomic_bool ended; /* no event comes any more */
};

static void *read_on(void *arg) {
    struct reader *reader = arg;
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame);
    while (!atomic_load(&reader->ended)) {
        (void)zmq_msg_recv(&frame, reader->pair, 0);
    }
    (void)zmq_msg_close(&frame);
    return NULL;
}

/* libzmq's thread holds a lock while it waits for room for the next event, and
 * zmq_socket_monitor() waits for that lock: for ever, if nobody reads. So a
 * thread reads meanwhile; the socket is its own from its start to its end. */
static void stop_events(struct nx_zmonitor *m) {
    struct reader reader = {m->pair, false};
    const int wait_ms = READ_MS;
    pthread_t thread;
    bool reads =
        m->pair != NULL &&
        zmq_setsockopt(m->pair, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms)) == 0 &&
        pthread_create(&thread, NULL, read_on, &reader) == 0;
    (void)zmq_socket_monitor(m->monitored, NULL, 0);
    if (reads) {
        atomic_store(&reader.ended, true);
        (void)pthread_join(thread, NULL);
    }
}

void nx_zmonitor_free(struct nx_zmonitor **monitor) {
    struct nx_zmonitor *m = *monitor;
    if (m == NULL) {
        return;
    }
    nx_zloop_free(&m->zloop);
    stop_events(m);
    if (m->pair != NULL) {
        (void)zmq_close(m->pair);
    }
    free(m);
    *monitor = NULL;
}
