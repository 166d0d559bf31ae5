/* A ZAP handler (ZeroMQ RFC 27): asked by libzmq about each CURVE handshake of
 * its context. Fails closed: what is no well-formed CURVE request is refused.
 *
 * Without a handler libzmq 4.3 lets every key in, without a User-Id, unless its
 * socket is one of nx_zap_guard: then it lets nobody in.
 *
 * It watches itself: each NX_ZAP_LOOK_US it is asked like libzmq asks, and its
 * name is tried. When it is gone, stuck (REP waits for an answer that could not
 * be sent) or silent for some looks, a socket that stands by takes its place.
 * Who is connected does not notice; handshakes that wait are begun again by
 * those who want in. When nobody judges for 30 s all the same, the event loop
 * is ended (event_base_loopbreak): only a new process can help. */
#ifndef NX_COLLECTOR_IO_ZAP_H
#define NX_COLLECTOR_IO_ZAP_H

#include <event2/event.h>
#include <stdbool.h>

#include "collector/ingest/agent_record.h"
#include "common/z85.h"

#define NX_ZAP_USER_MAX 48U
#define NX_ZAP_LOOK_US 500000

struct nx_zap;

enum nx_zap_verdict {
    NX_ZAP_REFUSED, /* told so: libzmq's clients do not come again */
    NX_ZAP_LATER,   /* told nothing: they try again when their time is over */
    NX_ZAP_ADMITTED,
};

/* Is this key let in from there? Then user (NX_ZAP_USER_MAX bytes) gets the
 * User-Id of its messages, not empty. key: NX_KEY_BYTES octets; NULL: the
 * request was none, and is refused. address: without the port. */
typedef enum nx_zap_verdict (*nx_zap_judge)(void *arg, const uint8_t *key,
                                            const char *address, char *user);

/* Binds. base and zmq (a context) are borrowed until _free. NX_ENOMEM; NX_EIO:
 * cannot bind, nobody may connect then. */
int nx_zap_new(struct event_base *base, void *zmq, nx_zap_judge judge,
               void *arg, struct nx_zap **out) NX_MUSTUSE;
void nx_zap_free(struct nx_zap **zap);

/* Of a CURVE socket, before it is bound: nobody gets in unless a handler let
 * him in. NX_EIO: this libzmq cannot do that. */
int nx_zap_guard(void *socket) NX_MUSTUSE;

/* Why nobody is let in, and what is done; "": keys are judged. */
const char *nx_zap_problem(const struct nx_zap *zap);
/* Times that another handler took the place of one that failed. */
uint64_t nx_zap_remade(const struct nx_zap *zap);

#endif
