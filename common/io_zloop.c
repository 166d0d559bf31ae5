#include "common/io_zloop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct nx_zloop {
    void *socket;
    struct event *on_fd;
    struct event *on_kick;
    struct nx_zloop_handler handler;
    bool want_write; /* a send gave EAGAIN */
    bool paused;
    uint64_t dropped;
};

static void frames_close(zmq_msg_t *frames, size_t n) {
    for (size_t i = 0; i < n; i++) {
        (void)zmq_msg_close(&frames[i]);
    }
}

/* ZMQ_EVENTS, or 0. An interrupted look is repeated on the next turn. */
static int look(struct nx_zloop *z) {
    int events = 0;
    size_t len = sizeof(events);
    if (zmq_getsockopt(z->socket, ZMQ_EVENTS, &events, &len) != 0) {
        if (errno == EINTR) {
            nx_zloop_kick(z);
        }
        return 0;
    }
    return events;
}

/* Receives one message; the frames beyond NX_ZLOOP_FRAMES_MAX are thrown away
 * and counted. False: nothing there. */
static bool receive(struct nx_zloop *z, zmq_msg_t *frames, size_t *frames_n) {
    size_t n = 0;
    size_t extra = 0;
    int more = 1;
    while (more != 0) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, z->socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frame);
            break;
        }
        more = zmq_msg_more(&frame);
        if (n < NX_ZLOOP_FRAMES_MAX) {
            (void)zmq_msg_init(&frames[n]);
            (void)zmq_msg_move(&frames[n++], &frame);
        } else {
            extra++;
        }
        (void)zmq_msg_close(&frame);
    }
    if (n == 0 || extra > 0 || more != 0) {
        z->dropped += n > 0 ? 1 : 0;
        frames_close(frames, n);
        *frames_n = 0;
        return n > 0;
    }
    *frames_n = n;
    return true;
}

static void tell_writable(struct nx_zloop *z, int events) {
    if (z->want_write && (events & ZMQ_POLLOUT) != 0) {
        z->want_write = false;
        if (z->handler.writable != NULL) {
            z->handler.writable(z->handler.arg);
        }
    }
}

/* The only reader. Calls made by the handlers may swallow the signal, which
 * is why the loop ends only at a look that shows nothing. */
static void pump(struct nx_zloop *z) {
    zmq_msg_t frames[NX_ZLOOP_FRAMES_MAX];
    size_t n = 0;
    bool got = false;
    for (unsigned budget = NX_ZLOOP_BUDGET;; budget--) {
        int events = look(z);
        tell_writable(z, events);
        if (z->paused || (events & ZMQ_POLLIN) == 0) {
            break;
        }
        if (budget == 0) {
            nx_zloop_kick(z); /* go on in the next turn of the loop */
            return;
        }
        if (!receive(z, frames, &n)) {
            break;
        }
        if (n > 0) {
            z->handler.message(z->handler.arg, frames, n);
            frames_close(frames, n);
            got = true;
        }
    }
    if (got && z->handler.drained != NULL) {
        z->handler.drained(z->handler.arg);
        nx_zloop_kick(z);
    }
}

static void on_fd(evutil_socket_t fd, short what, void *arg) {
    struct nx_zloop *z = arg;
    (void)fd;
    (void)what;
    pump(z);
}

/* A timer of no length, not event_active(): libevent runs what is activated
 * while it works in the same turn, and a busy socket would starve the rest. */
void nx_zloop_kick(struct nx_zloop *z) {
    static const struct timeval now = {0, 0};
    if (evtimer_pending(z->on_kick, NULL) == 0) {
        (void)evtimer_add(z->on_kick, &now);
    }
}

int nx_zloop_new(struct event_base *base, void *socket,
                 const struct nx_zloop_handler *handler,
                 struct nx_zloop **out) {
    int fd = -1;
    size_t len = sizeof(fd);
    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &len) != 0) {
        return NX_EIO;
    }
    struct nx_zloop *z = calloc(1, sizeof(*z));
    if (z == NULL) {
        return NX_ENOMEM;
    }
    z->socket = socket;
    z->handler = *handler;
    z->on_fd = event_new(base, fd, EV_READ | EV_PERSIST, on_fd, z);
    z->on_kick = evtimer_new(base, on_fd, z);
    if (z->on_fd == NULL || z->on_kick == NULL ||
        event_add(z->on_fd, NULL) != 0) {
        nx_zloop_free(&z);
        return NX_ENOMEM;
    }
    nx_zloop_kick(z);
    *out = z;
    return NX_OK;
}

void nx_zloop_free(struct nx_zloop **zloop) {
    struct nx_zloop *z = *zloop;
    if (z != NULL) {
        if (z->on_fd != NULL) {
            event_free(z->on_fd);
        }
        if (z->on_kick != NULL) {
            event_free(z->on_kick);
        }
        free(z);
        *zloop = NULL;
    }
}

static int send_error(struct nx_zloop *z) {
    switch (errno) {
    case EAGAIN:
        z->want_write = true;
        return NX_EAGAIN;
    case EHOSTUNREACH:
        return NX_ENOTFOUND;
    default:
        return NX_EIO;
    }
}

int nx_zloop_send(struct nx_zloop *z, zmq_msg_t *frames, size_t frames_n) {
    int err = NX_OK;
    for (size_t i = 0; i < frames_n && err == NX_OK; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < frames_n ? ZMQ_SNDMORE : 0);
        int rc = zmq_msg_send(&frames[i], z->socket, flags);
        while (rc < 0 && errno == EINTR) {
            rc = zmq_msg_send(&frames[i], z->socket, flags);
        }
        if (rc < 0) {
            err = send_error(z);
        }
    }
    frames_close(frames, frames_n); /* harmless for the frames sent */
    nx_zloop_kick(z);
    return err;
}

int nx_zloop_send_bytes(struct nx_zloop *z, const void *bytes, size_t len) {
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, len) != 0) {
        return NX_ENOMEM;
    }
    if (len > 0) {
        memcpy(zmq_msg_data(&frame), bytes, len);
    }
    return nx_zloop_send(z, &frame, 1);
}

void nx_zloop_pause(struct nx_zloop *z) {
    z->paused = true;
}

void nx_zloop_resume(struct nx_zloop *z) {
    if (z->paused) {
        z->paused = false;
        nx_zloop_kick(z);
    }
}

uint64_t nx_zloop_dropped(const struct nx_zloop *z) {
    return z->dropped;
}
