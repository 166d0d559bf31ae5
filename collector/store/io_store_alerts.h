/* Messages to operators, in the store: a queue of each receiver that outlives
 * the process, and what was told of each network. */
#ifndef NX_COLLECTOR_IO_STORE_ALERTS_H
#define NX_COLLECTOR_IO_STORE_ALERTS_H

#include "collector/alert/alert.h"
#include "collector/store/io_store.h"

#define NX_STORE_ALERTS_QUEUED_MAX 1000U /* of one receiver */
#define NX_STORE_ALERTS_KEPT_MAX 1000U   /* that are over, of all */
#define NX_STORE_ALERT_PROBLEM_MAX 160U

enum nx_alert_state {
    NX_ALERT_QUEUED,
    NX_ALERT_SENT,
    NX_ALERT_GIVEN_UP,
};
const char *nx_alert_state_text(unsigned state);

/* Queues a document for a receiver, due at once. Over
 * NX_STORE_ALERTS_QUEUED_MAX the oldest one of the receiver is given up, which
 * the log says when that is committed. */
int nx_store_alert_add(struct nx_store *store, const char *receiver,
                       const char *key, const char *document,
                       int64_t at_us) NX_MUSTUSE;

/* How many were given up so, and committed, since the store was opened. */
uint64_t nx_store_alerts_over(const struct nx_store *store);

struct nx_store_alert {
    int64_t alert_id;
    const char *receiver, *key, *problem, *document; /* borrowed for the call */
    uint8_t state;                                   /* enum nx_alert_state */
    int64_t made_us, due_us;
    int64_t ended_us; /* NX_TIME_UNKNOWN */
    uint32_t attempts;
    bool damaged; /* it is not what was written */
};

/* The receiver's oldest message in the queue, if there is one. */
int nx_store_alert_next(struct nx_store *store, const char *receiver,
                        void (*visit)(void *user,
                                      const struct nx_store_alert *alert),
                        void *user) NX_MUSTUSE;

/* An attempt failed: the next one is at due_us. */
int nx_store_alert_retry(struct nx_store *store, int64_t alert_id,
                         int64_t due_us, const char *problem) NX_MUSTUSE;
/* An attempt was the last one: it was sent (problem NULL), or is given up. The
 * oldest ones that are over are forgotten. */
int nx_store_alert_end(struct nx_store *store, int64_t alert_id,
                       const char *problem, int64_t at_us) NX_MUSTUSE;
/* It is given up without another attempt; the problem of the last one stays,
 * behind this reason. */
int nx_store_alert_drop(struct nx_store *store, int64_t alert_id,
                        const char *reason, int64_t at_us) NX_MUSTUSE;

/* The newest ones, newest first. */
int nx_store_alerts(struct nx_store *store, unsigned newest_n,
                    void (*visit)(void *user,
                                  const struct nx_store_alert *alert),
                    void *user) NX_MUSTUSE;

/* What was told of a network last. */
int nx_store_told_put(struct nx_store *store, uint32_t incident_id,
                      const struct nx_alert_told *told) NX_MUSTUSE;
int nx_store_told_drop(struct nx_store *store, uint32_t incident_id) NX_MUSTUSE;
/* What is damaged is left out, and the log says so. */
int nx_store_told(struct nx_store *store,
                  void (*visit)(void *user, uint32_t incident_id,
                                const struct nx_alert_told *told),
                  void *user) NX_MUSTUSE;

#endif
