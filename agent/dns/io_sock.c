#include "agent/dns/io_sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/io_clock.h"

static socklen_t make_address(const struct nx_endpoint *to,
                              struct sockaddr_storage *out) {
    memset(out, 0, sizeof(*out));
    if (to->address_len == 4) {
        struct sockaddr_in *in4 = (struct sockaddr_in *)out;
        in4->sin_family = AF_INET;
        in4->sin_port = htons(to->port);
        memcpy(&in4->sin_addr, to->address, 4);
        return sizeof(*in4);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(to->port);
    in6->sin6_scope_id = to->scope_id;
    memcpy(&in6->sin6_addr, to->address, 16);
    return sizeof(*in6);
}

/* Asks for receive stamps, and for UDP for every ICMP error: without RECVERR
 * Linux shows a connected UDP socket only "port unreachable" (ip(7)). */
static void set_options(int fd, int family, bool stream) {
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    if (!stream && family == AF_INET) {
        (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
    } else if (!stream) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
    }
}

static uint16_t local_port(int fd) {
    struct sockaddr_storage local;
    socklen_t len = sizeof(local);
    if (getsockname(fd, (struct sockaddr *)&local, &len) != 0) {
        return 0;
    }
    if (local.ss_family == AF_INET) {
        return ntohs(((struct sockaddr_in *)&local)->sin_port);
    }
    return ntohs(((struct sockaddr_in6 *)&local)->sin6_port);
}

int nx_sock_open(const struct nx_endpoint *to, bool stream, int *fd,
                 uint16_t *src_port) {
    struct sockaddr_storage address;
    socklen_t len = make_address(to, &address);
    int kind = stream ? SOCK_STREAM : SOCK_DGRAM;
    int s = socket(address.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) {
        return errno;
    }
    set_options(s, address.ss_family, stream);
    if (connect(s, (struct sockaddr *)&address, len) != 0 &&
        errno != EINPROGRESS) {
        int error = errno;
        (void)close(s);
        return error;
    }
    *src_port = local_port(s);
    *fd = s;
    return 0;
}

/* The kernel stamps in wall time; what counts is how long ago that was. */
static int64_t stamp_mono_us(struct msghdr *msg) {
    int64_t mono_us = nx_clock_mono_us();
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
         c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) {
            continue;
        }
        struct timespec at;
        memcpy(&at, CMSG_DATA(c), sizeof(at));
        int64_t age_us = ((int64_t)now.tv_sec - at.tv_sec) * 1000000 +
                         ((int64_t)now.tv_nsec - at.tv_nsec) / 1000;
        return age_us > 0 ? mono_us - age_us : mono_us;
    }
    return mono_us;
}

/* Empties the error queue: a full one keeps the socket ready for ever. */
static void drain_errors(int fd) {
    uint8_t byte = 0;
    struct iovec iov = {&byte, sizeof(byte)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    while (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
        msg.msg_flags = 0;
    }
}

int nx_sock_recv(int fd, uint8_t *buf, size_t cap, struct nx_sock_data *out) {
    union {
        struct cmsghdr align;
        uint8_t bytes[256];
    } control;
    struct iovec iov = {buf, cap};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    ssize_t n = 0;
    do {
        n = recvmsg(fd, &msg, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        int error = errno;
        if (error != EAGAIN && error != EWOULDBLOCK) {
            drain_errors(fd);
        }
        return error == EWOULDBLOCK ? EAGAIN : error;
    }
    out->len = (size_t)n;
    out->cut = (msg.msg_flags & MSG_TRUNC) != 0;
    out->rx_mono_us = stamp_mono_us(&msg);
    return 0;
}

int nx_sock_error(int fd) {
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return errno;
    }
    return error;
}

enum nx_outcome nx_sock_outcome(int error_errno) {
    switch (error_errno) {
    case ECONNREFUSED:
        return NX_CONN_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return NX_CONN_CLOSED;
    case ETIMEDOUT:
        return NX_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EACCES: /* ICMPv6 administratively prohibited, prohibit routes */
    case EPROTO:
    case ENOPROTOOPT: /* ICMP protocol unreachable */
    case EAFNOSUPPORT:
        return NX_UNREACHABLE;
    default:
        return NX_LOCAL_ERROR;
    }
}

int nx_sock_random_id(uint16_t *out) {
    uint16_t id = 0;
    if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
        return errno != 0 ? errno : EIO;
    }
    *out = id;
    return 0;
}
