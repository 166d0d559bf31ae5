/* The TCP part of a query: RFC 7766, one query per connection. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "agent/dns/io_flight.h"
#include "agent/dns/io_sock.h"
#include "common/io_clock.h"

#define TCP_READS_MAX 32U /* per turn of the loop: others wait, and timers */

/* The stream ended or broke before an acceptable reply was whole. */
static void stream_over(struct nx_flight *f, int error) {
    nx_flight_fail(f, error != 0 ? nx_sock_outcome(error) : NX_CONN_CLOSED,
                   error);
}

/* The two octets of length are there: makes room. False: out of memory. */
static bool begin_message(struct nx_flight *f) {
    f->in_want = nx_wire_u16(f->in_head);
    f->in_got = 0;
    f->in = malloc(f->in_want > 0 ? f->in_want : 1);
    return f->in != NULL;
}

/* A whole message is there. False when the flight is over. */
static bool take_message(struct nx_flight *f) {
    if (nx_flight_parse(f, f->in, f->in_want) == 0) {
        nx_flight_answer(f, f->in, f->in_want);
        return false;
    }
    free(f->in);
    f->in = NULL;
    f->in_got = 0;
    return true;
}

/* What is complete now, length or message. False when the flight is over. */
static bool advance(struct nx_flight *f) {
    if (f->in == NULL && f->in_got == sizeof(f->in_head) && !begin_message(f)) {
        nx_flight_fail(f, NX_LOCAL_ERROR, ENOMEM);
        return false;
    }
    return f->in == NULL || f->in_got < f->in_want || take_message(f);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    struct nx_flight *f = arg;
    (void)what;
    for (unsigned i = 0; i < TCP_READS_MAX; i++) {
        struct nx_sock_data data;
        uint8_t *to = f->in != NULL ? f->in : f->in_head;
        size_t want = f->in != NULL ? f->in_want : sizeof(f->in_head);
        int error = nx_sock_recv(fd, to + f->in_got, want - f->in_got, &data);
        if (error == EAGAIN) {
            return;
        }
        if (error != 0 || data.len == 0) {
            stream_over(f, error);
            return;
        }
        f->exchange.rx_mono_us = data.rx_mono_us;
        f->in_got += data.len;
        if (!advance(f)) {
            return;
        }
    }
}

/* Connected: sends the query, then waits for the reply. */
static void on_writable(evutil_socket_t fd, short what, void *arg) {
    struct nx_flight *f = arg;
    (void)what;
    int error = nx_sock_error(fd);
    if (f->out_sent == 0 && !nx_flight_may(f)) {
        f->withheld = true;
        nx_flight_fail(f, NX_LOCAL_ERROR, ECANCELED);
        return;
    }
    if (error == 0 && f->out_sent == 0) {
        f->exchange.tx_mono_us = nx_clock_mono_us();
    }
    while (error == 0 && f->out_sent < f->out_len) {
        ssize_t n = send(fd, f->out + f->out_sent, f->out_len - f->out_sent,
                         MSG_NOSIGNAL);
        if (n >= 0) {
            f->out_sent += (size_t)n;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    if (error == 0) {
        (void)event_del(&f->io);
        error = nx_flight_watch(f, EV_READ, on_readable);
    }
    if (error != 0) {
        stream_over(f, error);
    }
}

static void connect_and(struct nx_flight *f, event_callback_fn fn) {
    f->exchange.tx_mono_us = nx_clock_mono_us();
    int error =
        nx_sock_open(&f->question.to, true, &f->fd, &f->exchange.src_port);
    if (error == 0) {
        error = nx_flight_watch(f, EV_WRITE, fn);
    }
    if (error != 0) {
        nx_flight_fail_later(f, nx_sock_outcome(error), error);
    }
}

void nx_flight_start_tcp(struct nx_flight *f) {
    connect_and(f, on_writable);
}

static void on_classified(evutil_socket_t fd, short what, void *arg) {
    struct nx_flight *f = arg;
    (void)what;
    int error = nx_sock_error(fd);
    if (error != 0) {
        stream_over(f, error);
    } else {
        nx_flight_fail(f, NX_TLS_FAILED, 0);
    }
}

void nx_flight_classify(struct nx_flight *f) {
    int64_t tx_mono_us = f->exchange.tx_mono_us;
    connect_and(f, on_classified);
    f->exchange.tx_mono_us = tx_mono_us;
    f->exchange.src_port = 0; /* not what the query was sent from */
}
