#include "agent/dns/io_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/dns/io_flight.h"
#include "agent/dns/io_sock.h"
#include "common/io_clock.h"

#define INFLIGHT_LIMIT 1024U
#define UDP_READS_MAX 32U /* datagrams per turn of the loop */

static struct nx_flight *take_flight(struct nx_prober *p) {
    struct nx_flight *f = p->free;
    if (p->inflight == p->inflight_max) {
        return NULL;
    }
    if (f != NULL) {
        p->free = f->next_free;
    } else {
        f = &p->flights[p->used_n++];
    }
    memset(f, 0, sizeof(*f));
    f->prober = p;
    f->fd = -1;
    f->active = true;
    p->inflight++;
    return f;
}

void nx_flight_close(struct nx_flight *f) {
    if (f->fd >= 0) {
        (void)event_del(&f->io);
        (void)close(f->fd);
        f->fd = -1;
    }
}

/* Stops everything; the flight's memory stays as it is. */
static void land(struct nx_flight *f) {
    struct nx_prober *p = f->prober;
    nx_flight_close(f);
    (void)event_del(&f->timer);
    if (f->ask != NULL) {
        p->dot->cancel(f->ask);
        f->ask = NULL;
    }
    free(f->in);
    f->in = NULL;
    f->active = false;
    p->inflight--;
}

static void recycle(struct nx_flight *f) {
    free(f->cut);
    f->cut = NULL;
    f->next_free = f->prober->free;
    f->prober->free = f;
}

/* The kernel's stamp may be off by a step of the wall clock; the order of
 * sending, receiving and now is not. */
static void order_times(struct nx_exchange *e) {
    int64_t now_us = nx_clock_mono_us();
    if (e->rx_mono_us > now_us) {
        e->rx_mono_us = now_us;
    }
    if (e->rx_mono_us < e->tx_mono_us) {
        e->rx_mono_us = e->tx_mono_us;
    }
}

/* prober->reply is the reply of msg. */
static void deliver(struct nx_flight *f, const uint8_t *msg, size_t len,
                    struct nx_exchange *exchange) {
    const struct nx_reply *reply = &f->prober->reply;
    order_times(exchange);
    struct nx_probe_result result = {
        .obs = {.question = &f->question,
                .answer = &reply->answer,
                .tx_mono_us = exchange->tx_mono_us,
                .rx_mono_us = exchange->rx_mono_us,
                .soa_ttl_s = reply->soa_ttl_s,
                .answer_ttl_s = reply->answer_ttl_s,
                .src_port = exchange->src_port,
                .wire = msg,
                .wire_len =
                    msg != NULL && len <= NX_OBS_WIRE_MAX ? (uint16_t)len : 0},
        .msg = msg,
        .msg_len = len,
        .error_errno = f->error_errno,
        .repeated = f->cut != NULL && !f->withheld,
        .withheld = f->withheld && msg == NULL,
    };
    f->callback(f->user, &result);
    recycle(f);
}

void nx_flight_answer(struct nx_flight *f, const uint8_t *msg, size_t len) {
    uint8_t *in = f->in; /* msg may be inside */
    f->in = NULL;
    f->error_errno = 0;
    f->prober->reply.answer.over_tcp = f->cut != NULL;
    land(f);
    deliver(f, msg, len, &f->exchange);
    free(in);
}

void nx_flight_fail(struct nx_flight *f, enum nx_outcome outcome,
                    int error_errno) {
    land(f);
    f->error_errno = error_errno;
    if (f->cut != NULL && nx_flight_parse(f, f->cut, f->cut_len) == 0) {
        f->error_errno = 0;
        deliver(f, f->cut, f->cut_len, &f->cut_exchange);
        return;
    }
    if (f->invalid_seen &&
        (outcome == NX_TIMEOUT || outcome == NX_CONN_CLOSED)) {
        outcome = NX_INVALID;
    }
    struct nx_reply *reply = &f->prober->reply;
    reply->answer = (struct nx_answer){.outcome = (uint8_t)outcome};
    reply->soa_ttl_s = 0;
    reply->answer_ttl_s = 0;
    f->exchange.rx_mono_us = nx_clock_mono_us();
    deliver(f, NULL, 0, &f->exchange);
}

void nx_flight_fail_later(struct nx_flight *f, enum nx_outcome outcome,
                          int error_errno) {
    static const struct timeval at_once = {0, 0};
    f->failed = true;
    f->outcome = (uint8_t)outcome;
    f->error_errno = error_errno;
    nx_flight_close(f);
    (void)evtimer_add(&f->timer, &at_once);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    struct nx_flight *f = arg;
    (void)fd;
    (void)what;
    if (f->failed) {
        nx_flight_fail(f, (enum nx_outcome)f->outcome, f->error_errno);
    } else {
        nx_flight_fail(f, NX_TIMEOUT, 0);
    }
}

int nx_flight_watch(struct nx_flight *f, short what, event_callback_fn fn) {
    (void)event_assign(&f->io, f->prober->base, f->fd,
                       (short)(what | EV_PERSIST), fn, f);
    return event_add(&f->io, NULL) == 0 ? 0 : ENOMEM;
}

int nx_flight_parse(struct nx_flight *f, const uint8_t *msg, size_t len) {
    int err = nx_reply_parse(msg, len, f->id, &f->question, &f->prober->reply);
    f->invalid_seen = f->invalid_seen || err == NX_EMALFORMED;
    return err;
}

bool nx_flight_may(const struct nx_flight *f) {
    const struct nx_prober *p = f->prober;
    return p->may == NULL || p->may(p->may_user, &f->question);
}

void nx_probe_permit(struct nx_prober *prober, nx_probe_may_fn *may,
                     void *user) {
    prober->may = may;
    prober->may_user = user;
}

/* Keeps the truncated reply aside and asks again over TCP (RFC 7766 5). */
static void retry_over_tcp(struct nx_flight *f, const uint8_t *msg,
                           size_t len) {
    f->cut = malloc(len);
    if (f->cut == NULL) {
        nx_flight_answer(f, msg, len);
        return;
    }
    memcpy(f->cut, msg, len);
    f->cut_len = len;
    f->cut_exchange = f->exchange;
    nx_flight_close(f);
    nx_flight_start_tcp(f);
}

/* One datagram; false when the flight's UDP part is over. */
static bool take_datagram(struct nx_flight *f,
                          const struct nx_sock_data *data) {
    struct nx_prober *p = f->prober;
    if (data->cut || nx_flight_parse(f, p->packet, data->len) != 0) {
        f->invalid_seen = f->invalid_seen || data->cut;
        return true;
    }
    f->exchange.rx_mono_us = data->rx_mono_us;
    if ((p->reply.answer.flags & NX_ANS_TC) != 0) {
        retry_over_tcp(f, p->packet, data->len);
    } else {
        nx_flight_answer(f, p->packet, data->len);
    }
    return false;
}

static void on_datagram(evutil_socket_t fd, short what, void *arg) {
    struct nx_flight *f = arg;
    (void)what;
    for (unsigned i = 0; i < UDP_READS_MAX; i++) {
        struct nx_sock_data data;
        int error = nx_sock_recv(fd, f->prober->packet, NX_MESSAGE_MAX, &data);
        if (error == EAGAIN) {
            return;
        }
        if (error != 0 && error != EMSGSIZE) {
            nx_flight_fail(f, nx_sock_outcome(error), error);
            return;
        }
        if (error == 0 && !take_datagram(f, &data)) {
            return;
        }
    }
}

void nx_flight_start_udp(struct nx_flight *f) {
    int error =
        nx_sock_open(&f->question.to, false, &f->fd, &f->exchange.src_port);
    if (error == 0) {
        error = nx_flight_watch(f, EV_READ, on_datagram);
    }
    f->exchange.tx_mono_us = nx_clock_mono_us();
    if (error == 0 && send(f->fd, f->out + 2, f->out_len - 2, 0) < 0) {
        error = errno;
    }
    if (error != 0) {
        nx_flight_fail_later(f, nx_sock_outcome(error), error);
    }
}

int nx_probe_new(struct event_base *base, unsigned inflight_max,
                 struct nx_prober **out) {
    if (inflight_max == 0 || inflight_max > INFLIGHT_LIMIT) {
        return NX_ERANGE;
    }
    struct nx_prober *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NX_ENOMEM;
    }
    p->base = base;
    p->inflight_max = inflight_max;
    /* One more: the flight that calls back is landed, but not yet free. */
    p->flights = calloc((size_t)inflight_max + 1, sizeof(p->flights[0]));
    if (p->flights == NULL) {
        free(p);
        return NX_ENOMEM;
    }
    *out = p;
    return 0;
}

static void copy_question(struct nx_flight *f,
                          const struct nx_question *question) {
    f->question = *question;
    memcpy(f->name, question->name, nx_dname_len(question->name));
    f->question.name = f->name;
    const uint8_t *server = question->to.server_name;
    if (server != NULL) {
        memcpy(f->server_name, server, nx_dname_len(server));
        f->question.to.server_name = f->server_name;
    }
}

static void start(struct nx_flight *f) {
    int error = nx_sock_random_id(&f->id);
    size_t len = nx_query_build(&f->question, f->id, f->out + 2);
    f->out[0] = (uint8_t)(len >> 8);
    f->out[1] = (uint8_t)len;
    f->out_len = len + 2;
    f->exchange.tx_mono_us = nx_clock_mono_us();
    if (error != 0) {
        nx_flight_fail_later(f, NX_LOCAL_ERROR, error);
    } else if (f->question.to.transport == NX_UDP) {
        nx_flight_start_udp(f);
    } else if (f->question.to.transport == NX_TCP) {
        nx_flight_start_tcp(f);
    } else {
        nx_flight_start_tls(f);
    }
}

int nx_probe_send(struct nx_prober *prober, const struct nx_question *question,
                  unsigned timeout_ms, nx_probe_fn *callback, void *user) {
    struct nx_flight *f = take_flight(prober);
    if (f == NULL) {
        return NX_EAGAIN;
    }
    struct timeval limit = {(time_t)(timeout_ms / 1000),
                            (suseconds_t)(timeout_ms % 1000) * 1000};
    copy_question(f, question);
    f->callback = callback;
    f->user = user;
    (void)evtimer_assign(&f->timer, prober->base, on_timer, f);
    (void)evtimer_add(&f->timer, &limit);
    start(f);
    return 0;
}

unsigned nx_probe_inflight(const struct nx_prober *prober) {
    return prober->inflight;
}

void nx_probe_free(struct nx_prober **prober) {
    struct nx_prober *p = *prober;
    if (p == NULL) {
        return;
    }
    for (unsigned i = 0; i < p->used_n; i++) {
        if (p->flights[i].active) {
            land(&p->flights[i]);
            recycle(&p->flights[i]);
        }
    }
    nx_probe_unload_tls(p);
    free(p->flights);
    free(p);
    *prober = NULL;
}
