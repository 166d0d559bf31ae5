/* Sockets of the probe: connected, non-blocking, with kernel time stamps. */
#ifndef NX_AGENT_IO_SOCK_H
#define NX_AGENT_IO_SOCK_H

#include "common/obs.h"

/* Opens a socket connected to `to` (UDP), or connecting (TCP, stream true).
 * *src_port: the local port the kernel chose. Returns 0 or an errno; on error
 * no socket is left open. */
int nx_sock_open(const struct nx_endpoint *to, bool stream, int *fd,
                 uint16_t *src_port);

/* What was read. */
struct nx_sock_data {
    size_t len;         /* 0 on a stream: the peer closed */
    bool cut;           /* a datagram larger than the buffer */
    int64_t rx_mono_us; /* kernel stamp on the monotonic clock; now without */
};

/* Reads once. Returns 0 or an errno: EAGAIN when there is nothing to read,
 * or the ICMP error that came back (then it is taken off the socket). */
int nx_sock_recv(int fd, uint8_t *buf, size_t cap, struct nx_sock_data *out);

/* The pending error of a socket, as after connect(): 0 or an errno. */
int nx_sock_error(int fd);

/* How a query ended that ran into this errno. */
enum nx_outcome nx_sock_outcome(int error_errno);

/* A query id that cannot be guessed. Returns 0 or an errno. */
int nx_sock_random_id(uint16_t *out);

#endif
