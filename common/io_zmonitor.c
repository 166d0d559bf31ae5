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
    pthread_t reader; /* reads the pair, from _busy to _idle */
    atomic_bool reader_ends;
};

/* Two frames: event number and value in host order, then the address. */
static void on_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_zmonitor *m = arg;
    char address[ADDRESS_MAX];
    uint16_t event = 0;
    uint32_t value = 0;
    if (m->fn == NULL || frames_n != 2 || zmq_msg_size(&frames[0]) < 6) {
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

/* Both frames of an event come at once. */
static void read_one(struct nx_zmonitor *m) {
    zmq_msg_t frames[2];
    (void)zmq_msg_init(&frames[0]);
    (void)zmq_msg_init(&frames[1]);
    if (zmq_msg_recv(&frames[0], m->pair, 0) >= 0 && zmq_msg_more(&frames[0]) &&
        zmq_msg_recv(&frames[1], m->pair, 0) >= 0) {
        on_message(m, frames, 2);
    }
    (void)zmq_msg_close(&frames[0]);
    (void)zmq_msg_close(&frames[1]);
}

static void *read_on(void *arg) {
    struct nx_zmonitor *m = arg;
    while (!atomic_load(&m->reader_ends)) {
        read_one(m);
    }
    return NULL;
}

int nx_zmonitor_busy(struct nx_zmonitor *m) {
    const int wait_ms = READ_MS;
    atomic_store(&m->reader_ends, false);
    return zmq_setsockopt(m->pair, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms)) ==
                       0 &&
                   pthread_create(&m->reader, NULL, read_on, m) == 0
               ? NX_OK
               : NX_ENOMEM;
}

static void stop_reader(struct nx_zmonitor *m) {
    atomic_store(&m->reader_ends, true);
    (void)pthread_join(m->reader, NULL);
}

void nx_zmonitor_idle(struct nx_zmonitor *m) {
    stop_reader(m);
    nx_zloop_kick(m->zloop); /* its signal may be taken */
}

/* Its end takes the same lock. */
static void stop_events(struct nx_zmonitor *m) {
    m->fn = NULL;
    bool reads = m->pair != NULL && nx_zmonitor_busy(m) == NX_OK;
    (void)zmq_socket_monitor(m->monitored, NULL, 0);
    if (reads) {
        stop_reader(m);
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
