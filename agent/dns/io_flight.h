/* A query under way: private to agent/io_probe*.c.
 *
 * A flight has one deadline (timer) and at most one socket event (io). Whatever
 * happens first calls nx_flight_finish, once. */
#ifndef NX_AGENT_IO_FLIGHT_H
#define NX_AGENT_IO_FLIGHT_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "agent/dns/io_dot.h"
#include "agent/dns/io_probe.h"
#include "agent/dns/query.h"
#include "agent/dns/reply.h"

/* Times and port of one exchange. */
struct nx_exchange {
    int64_t tx_mono_us;
    int64_t rx_mono_us;
    uint16_t src_port;
};

struct nx_flight {
    struct nx_prober *prober;
    struct nx_flight *next_free;
    bool active;
    struct event timer;
    struct event io;
    int fd;                 /* -1: none, and io is not in use */
    struct nx_dot_ask *ask; /* TLS, or NULL */

    struct nx_question question; /* name, server_name: the copies here */
    uint8_t name[NX_DNAME_MAX];
    uint8_t server_name[NX_DNAME_MAX];
    nx_probe_fn *callback;
    void *user;

    struct nx_exchange exchange;
    bool invalid_seen; /* a malformed reply came */
    bool withheld;     /* not to be sent any more */
    bool failed;       /* the timer shall report this outcome */
    uint8_t outcome;
    int error_errno;
    uint16_t id;

    /* UDP: the query. TCP: two octets of length, then the query. */
    uint8_t out[2 + NX_QUERY_MAX_BYTES];
    size_t out_len;
    size_t out_sent;

    /* TCP: the message being read. */
    uint8_t in_head[2];
    uint8_t *in; /* owned; NULL while the length is read */
    size_t in_got;
    size_t in_want;

    /* The truncated UDP reply, for when TCP gives nothing better. */
    uint8_t *cut; /* owned, or NULL */
    size_t cut_len;
    struct nx_exchange cut_exchange;
};

#define NX_PROBE_TLS_MAX 16U /* TLS resolvers of one agent */

struct nx_tls_endpoint {
    struct nx_endpoint to;
    uint8_t server_name[NX_DNAME_MAX];
    struct nx_dot *dot;
};

struct nx_prober {
    struct event_base *base; /* borrowed */
    unsigned inflight_max;
    unsigned inflight;
    unsigned used_n;      /* flights[0..used_n) were in use once */
    nx_probe_may_fn *may; /* NULL: everything may be sent */
    void *may_user;
    struct nx_flight *free;
    struct nx_flight *flights; /* inflight_max + 1 of them */
    void *module;              /* of dlopen, or NULL */
    const struct nx_dot_ops *dot;
    size_t tls_n;
    struct nx_tls_endpoint *tls; /* NX_PROBE_TLS_MAX, or NULL */
    struct nx_reply reply;       /* of the callback under way */
    uint8_t packet[NX_MESSAGE_MAX];
};

/* Ends the flight with an answer, or without: then with the outcome of
 * error_errno, or as a timeout (ETIMEDOUT). */
void nx_flight_answer(struct nx_flight *f, const uint8_t *msg, size_t len);
void nx_flight_fail(struct nx_flight *f, enum nx_outcome outcome,
                    int error_errno);

/* As nx_flight_fail, but from the event loop. */
void nx_flight_fail_later(struct nx_flight *f, enum nx_outcome outcome,
                          int error_errno);

/* Closes the socket and stops watching it. */
void nx_flight_close(struct nx_flight *f);

/* May the question still be sent (nx_probe_permit)? */
bool nx_flight_may(const struct nx_flight *f);

/* Watches f->fd for `what` (EV_READ or EV_WRITE, persistent). */
int nx_flight_watch(struct nx_flight *f, short what, event_callback_fn fn);

/* Reads a reply into prober->reply: 0, NX_EMISMATCH or NX_EMALFORMED (which
 * the flight remembers). */
int nx_flight_parse(struct nx_flight *f, const uint8_t *msg, size_t len);

/* The transports. Errors are reported through the flight. */
void nx_flight_start_udp(struct nx_flight *f);
void nx_flight_start_tcp(struct nx_flight *f);
void nx_flight_start_tls(struct nx_flight *f);

/* Ends the TLS part of the prober. */
void nx_probe_unload_tls(struct nx_prober *prober);

/* TLS failed: opens a TCP connection to see whether that at least works, and
 * ends the flight with what it finds. */
void nx_flight_classify(struct nx_flight *f);

#endif
