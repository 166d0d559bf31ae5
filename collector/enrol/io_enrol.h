/* The enrolment port: where somebody with a join string gets his key accepted.
 *
 * A door of its own: its ZeroMQ context, thread and ZAP handler are not those
 * of the agents' port. Any key may connect, for as long as gate.h allows its
 * source, and say one thing: a message of NX_JOIN_REQUEST_BYTES. It is answered
 * once; whatever else comes is counted and not looked at. Nothing is kept of a
 * stranger before the token matches; when more than NX_ENROL_CONNECTIONS_MAX
 * are connected, all are shown out, and who is honest comes again. */
#ifndef NX_COLLECTOR_IO_ENROL_H
#define NX_COLLECTOR_IO_ENROL_H

#include <event2/event.h>

#include "common/io_clock.h"
#include "common/io_keys.h"
#include "common/join.h"

#define NX_ENROL_CONNECTIONS_MAX 64U

struct nx_enrol;

/* Answers a request; key: Z85, the authenticated one. */
typedef void (*nx_enrol_claim)(void *arg, const char *key, const char *address,
                               const struct nx_join_request *request,
                               struct nx_join_reply *reply);

/* Listens on endpoint ("tcp://192.0.2.1:5531"). base and clock are borrowed
 * until _free; keys are copied by libzmq. NX_ENOMEM; NX_EIO with why
 * ("ENDPOINT: reason"). */
int nx_enrol_new(struct event_base *base, const struct nx_steady *clock,
                 const char *endpoint, const struct nx_keypair *keys,
                 nx_enrol_claim claim, void *arg, struct nx_enrol **out,
                 char *why, size_t why_cap) NX_MUSTUSE;
void nx_enrol_free(struct nx_enrol **enrol);

struct nx_enrol_counters {
    uint64_t requests_n; /* answered */
    uint64_t bad_n;      /* not a request, or a second one */
    uint64_t slowed_n;   /* attempts refused by gate.h */
    uint64_t cleared_n;  /* times that all were shown out */
    uint64_t remade_n;   /* ZAP handlers that took the place of another */
};
void nx_enrol_counters(const struct nx_enrol *enrol,
                       struct nx_enrol_counters *out);

/* See nx_zap_problem. */
const char *nx_enrol_problem(const struct nx_enrol *enrol);

#endif
