/* Who may connect: the ZAP handler (io_zap.h) of the agents' port with the list
 * of accepted CURVE keys in memory. Fails closed: what is not on the list is
 * refused. A connection that passes gets the agent's decimal id as its User-Id;
 * messages without one are to be dropped. */
#ifndef NX_COLLECTOR_IO_AUTH_H
#define NX_COLLECTOR_IO_AUTH_H

#include <event2/event.h>

#include "collector/ingest/agent_record.h"
#include "common/io_clock.h"
#include "common/z85.h"

#define NX_AUTH_PENDING_MAX 256U /* unknown keys remembered */
#define NX_AUTH_HANDSHAKES 32U   /* of one accepted key at once; one a second */

/* A key that tried and was not known. */
struct nx_auth_pending {
    char key[NX_KEY_TEXT_MAX];
    char address[NX_ADDRESS_TEXT_MAX]; /* of the last try */
    int64_t last_us;
    uint64_t tries_n;
};

struct nx_auth;

/* Binds. base, zmq (a context) and clock are borrowed until _free.
 * NX_ENOMEM; NX_EIO: cannot bind, nobody may connect then. */
int nx_auth_new(struct event_base *base, void *zmq,
                const struct nx_steady *clock, struct nx_auth **out) NX_MUSTUSE;
void nx_auth_free(struct nx_auth **auth);

/* Lets a key in (Z85) as agent_id from now on, and forgets it as pending.
 * NX_EMALFORMED: not a key; NX_ENOMEM. */
int nx_auth_allow(struct nx_auth *auth, const char *key,
                  uint32_t agent_id) NX_MUSTUSE;
/* Refuses new connections of a key, which is not pending any more. What is
 * connected stays connected. NX_EMALFORMED: not a key; NX_ENOMEM. */
int nx_auth_deny(struct nx_auth *auth, const char *key) NX_MUSTUSE;

/* The key is unknown again: still refused, and pending when it tries. One that
 * is none, or not on the list: nothing. */
void nx_auth_forget(struct nx_auth *auth, const char *key);

/* The keys that wait, in the order they came. Borrowed until the loop runs. */
size_t nx_auth_pending(const struct nx_auth *auth,
                       const struct nx_auth_pending **out);

/* Handshakes refused since start. */
uint64_t nx_auth_refused(const struct nx_auth *auth);

/* Handshakes of accepted keys that were put off since start: too many. */
uint64_t nx_auth_crowding(const struct nx_auth *auth);

/* Of its ZAP handler: nx_zap_problem, nx_zap_remade. */
const char *nx_auth_problem(const struct nx_auth *auth);
uint64_t nx_auth_remade(const struct nx_auth *auth);

#endif
