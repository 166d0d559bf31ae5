/* DNS over TLS, as a module of its own (nxclear-dot.so): getdns with its
 * libraries costs 2.7 MB of memory per process, which an agent without a TLS
 * resolver does not spend. io_probe loads it when one is configured.
 *
 * getdns is believed nothing but the transport: the bytes of the reply go
 * through agent/dns/reply.c like any other. */
#ifndef NX_AGENT_IO_DOT_H
#define NX_AGENT_IO_DOT_H

#include "common/obs.h"

#define NX_DOT_MODULE "nxclear-dot.so"
#define NX_DOT_SYMBOL "nx_dot_ops"
#define NX_DOT_ABI 1U

struct event_base;
struct nx_dot;     /* one resolver */
struct nx_dot_ask; /* one query under way */

/* error 0: msg is the whole reply, valid during the call; else msg is NULL: the
 * connection, the handshake or the authentication failed. The ask is over. */
typedef void nx_dot_fn(void *user, int error, const uint8_t *msg, size_t len);

struct nx_dot_ops {
    uint32_t abi; /* NX_DOT_ABI of the module */

    /* Copies its arguments. ca_file NULL: the system's certificates.
     * NX_ENOMEM, NX_EADDRESS. */
    int (*open)(struct event_base *base, const struct nx_endpoint *to,
                const char *ca_file, struct nx_dot **out);

    /* Ends its queries without calling back. Not from a callback. */
    void (*close)(struct nx_dot **dot);

    /* Asks; the callback comes from the event loop, unless cancelled before.
     * There is no time limit: cancel it. NX_EIO: nothing was sent. */
    int (*ask)(struct nx_dot *dot, const struct nx_question *question,
               nx_dot_fn *callback, void *user, struct nx_dot_ask **out);

    /* Ends a query without calling back. */
    void (*cancel)(struct nx_dot_ask *ask);
};

#endif
