/* A ZAP handler (ZeroMQ RFC 27): asked by libzmq about each CURVE handshake of
 * its context. Fails closed: what is no well-formed CURVE request is refused.
 *
 * It must be bound before any CURVE socket of the same context is: without a
 * handler libzmq 4.3 lets every key in, without a User-Id. */
#ifndef NX_COLLECTOR_IO_ZAP_H
#define NX_COLLECTOR_IO_ZAP_H

#include <event2/event.h>
#include <stdbool.h>

#include "collector/ingest/agent_record.h"
#include "common/z85.h"

#define NX_ZAP_USER_MAX 48U

struct nx_zap;

/* Is this key let in from there? Then user (NX_ZAP_USER_MAX bytes) gets the
 * User-Id of its messages, not empty. key: NX_KEY_BYTES octets; NULL: the
 * request was none. address: without the port. */
typedef bool (*nx_zap_judge)(void *arg, const uint8_t *key, const char *address,
                             char *user);

/* Binds. base and zmq (a context) are borrowed until _free. NX_ENOMEM; NX_EIO:
 * cannot bind, nobody may connect then. */
int nx_zap_new(struct event_base *base, void *zmq, nx_zap_judge judge,
               void *arg, struct nx_zap **out) NX_MUSTUSE;
void nx_zap_free(struct nx_zap **zap);

#endif
