/* Inside of io_agent.c (results, asking, plan), io_agent_life.c (start, reload)
 * and others. */
#ifndef NX_AGENT_IO_AGENT_PRIV_H
#define NX_AGENT_IO_AGENT_PRIV_H

#include <event2/event.h>

#include "agent/dns/io_lookup.h"
#include "agent/dns/io_probe.h"
#include "agent/io_agent.h"
#include "agent/io_resolvers.h"
#include "agent/io_walks.h"
#include "agent/plan/plan.h"
#include "agent/uplink/batch.h"
#include "agent/uplink/io_pins.h"
#include "agent/uplink/io_spool.h"
#include "agent/uplink/io_uplink.h"
#include "agent/uplink/wires.h"

struct nx_agentd {
    struct event_base *base;
    struct nx_agent_setup setup;
    uint64_t epoch;
    struct nx_ratelimit *limit;
    struct nx_planner *planner;
    struct nx_prober *prober;
    struct nx_lookup *lookup;
    struct nx_walks *walks;
    struct nx_batcher *batcher;
    struct nx_wires wires;          /* which replies are sent as they came */
    struct nx_spool_folder *folder; /* NULL: in memory */
    bool spool_disk_failed;         /* at the start: in memory for that */
    int spool_disk_err;             /* ... when it was tried last */
    int64_t again_said_us;          /* that beginning anew waits; 0: not said */
    int64_t anew_us; /* the last new epoch of a spool that was put back */
    int64_t behind_said_us; /* that there is none; both 0: never */
    bool again;             /* drains to begin anew, with the disk */
    struct nx_spool *spool;
    struct nx_pins pins;        /* believed */
    struct nx_pins kept;        /* on the disk */
    char *pins_folder;          /* NULL: there is no place for them */
    bool pins_due;              /* to be written */
    struct nx_bucket keys_told; /* whatever a collector announces */
    struct nx_bucket refusals_told;
    struct nx_uplink *uplink;
    struct nx_resolver_watch *resolvers;
    struct event *on_due;
    struct event *on_batch;
    struct event *on_spool;
    struct event *on_disk; /* one that failed at the start is tried again */
    struct event *on_drain;
    struct event *on_trim;
    struct event *on_lapse;
    struct nx_plan_outcome outcome; /* of the last plan, as logged */
    bool trim_due;                  /* the spool took much memory */
    int spool_problem;              /* as logged */
    uint64_t spool_damaged_n;       /* as logged */
    bool spool_unread;              /* as logged */
    bool walk_refused;              /* a walk of this plan could not begin */
    unsigned inflight_max;          /* queries at once */
    struct nx_endpoint hello_resolvers[NX_POLICY_RESOLVERS_MAX];
    bool draining;
    int64_t drain_since_us;
};

/* What the parts call; user is the agent. */
void nx_agentd_on_observed(void *user, const struct nx_obs *obs);
void nx_agentd_on_delegation(void *user,
                             const struct nx_delegation *delegation);
void nx_agentd_on_walk_observed(void *user, const struct nx_obs *obs);
bool nx_agentd_on_plan(void *user, const struct nx_plan *plan);
bool nx_agentd_on_resolvers(void *user, const struct nx_resolver *list,
                            size_t n);
void nx_agentd_on_hello(void *user, struct nx_hello *hello);
void nx_agentd_on_keys(void *user, const uint8_t *anchor, const uint8_t *used,
                       const struct nx_collector_keys *keys);
void nx_agentd_on_due(evutil_socket_t fd, short what, void *arg);
void nx_agentd_on_batch(evutil_socket_t fd, short what, void *arg);
void nx_agentd_on_spool(evutil_socket_t fd, short what, void *arg);
void nx_agentd_on_disk(evutil_socket_t fd, short what, void *arg);

/* Makes the prober ready for the DNS over TLS resolvers of the configuration,
 * as their interfaces are now. */
void nx_agentd_add_tls(struct nx_agentd *agent);

/* --- io_agent_guard.c --- */

/* The guard may have closed: what was not sent yet is not sent. */
void nx_agentd_recall(struct nx_agentd *agent);
/* ... if this answer says that the zone of sibling labels is signed. */
void nx_agentd_signed(struct nx_agentd *agent, const struct nx_obs *obs);
/* The monotonic time, held against the clock of day: for what asks, and for
 * what is heard. Resolvers that wait are told in the next turn: this may be one
 * of them. */
int64_t nx_agentd_checked_us(struct nx_agentd *agent);
void nx_agentd_on_own(void *user, const uint8_t *name, uint16_t qtype,
                      enum nx_guard_word word, int64_t at_mono_us);
bool nx_agentd_may(void *user, const struct nx_question *question);
void nx_agentd_on_heard(void *user);
void nx_agentd_on_stood(void *user);
void nx_agentd_on_unread(void *user);
void nx_agentd_on_lapse(evutil_socket_t fd, short what, void *arg);

/* --- io_agent_drain.c --- */

void nx_agentd_on_acked(void *user);
void nx_agentd_on_drain(evutil_socket_t fd, short what, void *arg);
void nx_agentd_on_trim(evutil_socket_t fd, short what, void *arg);

/* --- io_agent_spool.c --- */

/* Opens the spool; what is wrong is in the log. Sets the epoch. */
int nx_agentd_open_spool(struct nx_agentd *agent) NX_MUSTUSE;
/* After a call that may have changed it: the log, sending, the timer. */
void nx_agentd_spool_changed(struct nx_agentd *agent, uint64_t dropped_before);
void nx_agentd_configure_spool(struct nx_agentd *agent,
                               const struct nx_agent_conf *old);
void nx_agentd_close_spool(struct nx_agentd *agent);

/* --- io_agent_anew.c --- */

void nx_agentd_on_behind(void *user, const struct nx_ack *ack);

/* --- io_agent_keys.c --- */

/* Reads the pinned keys; what is wrong is in the log, and the configuration's
 * are believed then. NX_ENOMEM. */
int nx_agentd_load_keys(struct nx_agentd *agent) NX_MUSTUSE;

/* Packs what there is and sends it. */
void nx_agentd_close_batch(struct nx_agentd *agent);
/* Calls nx_agentd_on_batch when it is due, which an ack may change. */
void nx_agentd_arm_batch(struct nx_agentd *agent);

/* Calls the timer at a moment of the monotonic clock, 0: at once. */
void nx_agentd_arm(struct event *timer, int64_t at_us);

#endif
