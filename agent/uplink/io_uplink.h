/* The connection to the collector: ZeroMQ DEALER with CURVE.
 *
 * One attempt at a time, made and ended here (libzmq's own reconnecting stays
 * off: it never comes back after a refused key, and hammers a wrong one).
 * After the handshake: Hello; when it is answered, the spool's batches.
 *
 * Of the keys that a collector may have (pins.h) one is tried after the other;
 * the one that worked is tried first the next time. */
#ifndef NX_AGENT_IO_UPLINK_H
#define NX_AGENT_IO_UPLINK_H

#include "agent/uplink/pins.h"
#include "agent/uplink/spool.h"
#include "common/bucket.h"
#include "common/io_keys.h"

struct event_base;
struct nx_uplink;

/* Of one kind of what a collector does wrong so much is told: a line in ten
 * seconds, ten at once. */
#define NX_TOLD_UNITS 10U
static const struct nx_bucket_rate nx_told_rate = {1, 10 * NX_TOLD_UNITS};

struct nx_uplink_handler {
    /* Fill in what the agent knows; clock, protocol and software are done.
     * Pointers must stay valid until the next call. */
    void (*hello)(void *user, struct nx_hello *hello);
    /* A plan came; borrowed. False: it could not be taken. */
    bool (*plan)(void *user, const struct nx_plan *plan);
    /* A message came that cannot be read; it may have been a plan. As after a
     * plan that was not taken, a hello goes out soon, that it comes again. */
    void (*unread)(void *user);
    /* A message came that makes sense; before what it says. */
    void (*heard)(void *user);
    /* The collector's clock went further than ours (clocksync.h). */
    void (*stood)(void *user);
    /* The collector announced its keys; anchor and used: as in nx_pins_take.
     * Before the plan that they came with. */
    void (*keys)(void *user, const uint8_t *anchor, const uint8_t *used,
                 const struct nx_collector_keys *keys);
    /* The answer to a hello shows that the spool was put back (see
     * nx_spool_behind). The connection ends in any case: nothing is sent before
     * an answer that fits. */
    void (*behind)(void *user, const struct nx_ack *ack);
    /* Results are not held any more: acknowledged, or refused for ever. */
    void (*acked)(void *user);
    void *user;
};

/* conf (collectors), keys, pins and spool are borrowed; pins may change and are
 * looked at for each attempt. Begins at once. NX_ENOMEM,
 * NX_EIO. */
int nx_uplink_new(struct event_base *base, const struct nx_agent_conf *conf,
                  const struct nx_keypair *keys, const struct nx_pins *pins,
                  struct nx_spool *spool,
                  const struct nx_uplink_handler *handler,
                  struct nx_uplink **out) NX_MUSTUSE;
/* Closes at once; what libzmq still holds is given up. */
void nx_uplink_free(struct nx_uplink **uplink);

/* Other collectors or keys: begins anew with the first one. */
void nx_uplink_reload(struct nx_uplink *uplink,
                      const struct nx_agent_conf *conf,
                      const struct nx_keypair *keys);

/* The same collectors and keys in other memory: the connection stays. */
void nx_uplink_conf(struct nx_uplink *uplink, const struct nx_agent_conf *conf,
                    const struct nx_keypair *keys);

/* There is something new in the spool. */
void nx_uplink_flush(struct nx_uplink *uplink);

/* Something in the Hello changed: it is sent again. */
void nx_uplink_hello(struct nx_uplink *uplink);

/* What is on its way here may be from before a pause of this machine: the
 * connection is made anew, and nothing of the old one is heard any more. */
void nx_uplink_renew(struct nx_uplink *uplink);

/* The agent's clocks now. */
void nx_uplink_clock(const struct nx_uplink *uplink,
                     struct nx_clock_sample *out);

/* The configured key of the collector that it is connected to. */
const uint8_t *nx_uplink_anchor(const struct nx_uplink *uplink);

bool nx_uplink_online(const struct nx_uplink *uplink);

#endif
