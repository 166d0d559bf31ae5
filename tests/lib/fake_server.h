/* A name server in the test's own event loop, UDP and TCP on one port. What it
 * answers is up to a function. */
#ifndef NX_TESTS_LIB_FAKE_SERVER_H
#define NX_TESTS_LIB_FAKE_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/packet.h"

struct fake;

/* A query is in q (q_len octets). Over UDP: send with fake_udp, or not. Over
 * TCP: send with fake_tcp; the server closes when the peer does. */
typedef void fake_fn(struct fake *s, const uint8_t *q, size_t q_len);

struct fake {
    struct event_base *base;
    uint16_t port;
    int udp;
    int other; /* UDP at 127.0.0.2 */
    int listener;
    int conn; /* the TCP connection of now, or -1 */
    struct event *events[3];
    struct event *conn_event;
    struct sockaddr_in peer; /* of the last UDP query */
    fake_fn *on_udp;
    fake_fn *on_tcp;
    unsigned udp_n; /* queries seen */
    unsigned tcp_n;
    unsigned conns_n;
    struct pkt reply; /* for the functions */
};

static inline void fake_udp(struct fake *s) {
    ssize_t n = sendto(s->udp, s->reply.bytes, s->reply.len, 0,
                       (struct sockaddr *)&s->peer, sizeof(s->peer));
    assert(n == (ssize_t)s->reply.len);
    (void)n;
}

static inline void fake_udp_from_elsewhere(struct fake *s) {
    ssize_t n = sendto(s->other, s->reply.bytes, s->reply.len, 0,
                       (struct sockaddr *)&s->peer, sizeof(s->peer));
    assert(n == (ssize_t)s->reply.len);
    (void)n;
}

static inline void fake_close(struct fake *s) {
    if (s->conn >= 0) {
        event_free(s->conn_event);
        (void)close(s->conn);
        s->conn = -1;
    }
}

/* Writes n bytes to the connection; the socket's buffer takes them. */
static inline void fake_write(struct fake *s, const void *bytes, size_t n) {
    ssize_t sent = send(s->conn, bytes, n, MSG_NOSIGNAL);
    assert(sent == (ssize_t)n);
    (void)sent;
}

static inline void fake_tcp(struct fake *s) {
    uint8_t head[2] = {(uint8_t)(s->reply.len >> 8), (uint8_t)s->reply.len};
    fake_write(s, head, 2);
    fake_write(s, s->reply.bytes, s->reply.len);
}

/* Begins s->reply as an answer to the query: its question, its id. */
static inline void fake_begin(struct fake *s, const uint8_t *q, unsigned bits) {
    size_t n = nx_dname_len(q + 12) + 4;
    s->reply.len = 0;
    pkt_put(&s->reply, q, 2);
    pkt_u16(&s->reply, PKT_QR | bits);
    pkt_put(&s->reply, "\0\1\0\0\0\0\0\0", 8);
    pkt_put(&s->reply, q + 12, n);
}

static inline void fake_on_udp(evutil_socket_t fd, short what, void *arg) {
    struct fake *s = arg;
    uint8_t q[4096];
    socklen_t len = sizeof(s->peer);
    (void)what;
    ssize_t n =
        recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&s->peer, &len);
    if (n > 12) {
        s->udp_n++;
        s->on_udp(s, q, (size_t)n);
    }
}

static inline void fake_on_conn(evutil_socket_t fd, short what, void *arg) {
    struct fake *s = arg;
    uint8_t q[4096];
    (void)what;
    ssize_t n = recv(fd, q, sizeof(q), 0);
    if (n <= 0) {
        fake_close(s);
    } else if (n > 14) {
        s->tcp_n++;
        s->on_tcp(s, q + 2, (size_t)n - 2);
    }
}

static inline void fake_on_accept(evutil_socket_t fd, short what, void *arg) {
    struct fake *s = arg;
    int size = 1 << 20;
    (void)what;
    fake_close(s);
    s->conn = accept(fd, NULL, NULL);
    s->conns_n++;
    assert(s->conn >= 0);
    (void)setsockopt(s->conn, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    s->conn_event =
        event_new(s->base, s->conn, EV_READ | EV_PERSIST, fake_on_conn, s);
    (void)event_add(s->conn_event, NULL);
}

static inline int fake_bind(int kind, uint32_t address, uint16_t *port) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(*port),
                             .sin_addr.s_addr = htonl(address)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        (void)close(fd);
        return -1;
    }
    *port = ntohs(at.sin_port);
    return fd;
}

/* At 127.0.0.1 and a port that is free for both transports, and elsewhere. */
static inline void fake_start(struct fake *s, struct event_base *base) {
    *s = (struct fake){.base = base, .other = -1, .conn = -1};
    while (s->other < 0) {
        s->port = 0;
        s->udp = fake_bind(SOCK_DGRAM, INADDR_LOOPBACK, &s->port);
        assert(s->udp >= 0);
        s->listener = fake_bind(SOCK_STREAM, INADDR_LOOPBACK, &s->port);
        if (s->listener >= 0) {
            s->other = fake_bind(SOCK_DGRAM, INADDR_LOOPBACK + 1, &s->port);
        }
        if (s->other < 0) {
            (void)close(s->listener);
            (void)close(s->udp);
        }
    }
    int bad = listen(s->listener, 16);
    assert(bad == 0);
    (void)bad;
    s->events[0] =
        event_new(base, s->udp, EV_READ | EV_PERSIST, fake_on_udp, s);
    s->events[1] =
        event_new(base, s->listener, EV_READ | EV_PERSIST, fake_on_accept, s);
    (void)event_add(s->events[0], NULL);
    (void)event_add(s->events[1], NULL);
}

static inline void fake_stop(struct fake *s) {
    fake_close(s);
    event_free(s->events[0]);
    event_free(s->events[1]);
    (void)close(s->udp);
    (void)close(s->other);
    (void)close(s->listener);
}

#endif
