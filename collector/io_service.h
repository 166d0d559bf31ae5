/* The running collector: engine, store and stream behind the operations that
 * the API offers. Every change is stored and synced before it takes effect. */
#ifndef NX_COLLECTOR_IO_SERVICE_H
#define NX_COLLECTOR_IO_SERVICE_H

#include <event2/event.h>
#include <jansson.h>

#include "collector/conf.h"
#include "collector/ingest/agent_record.h"
#include "collector/store/io_store.h"

struct nx_service;

#define NX_SERVICE_WHY_MAX 512U

/* Starts everything but HTTP, in this order: keys, store, engine rebuilt from
 * the store, ZAP handler, ROUTER. conf and base are borrowed until _free.
 * store_check: look at every page of the store first. why: "what: reason" on
 * failure: NX_EDENIED (key file), NX_ECONFIG, NX_EMALFORMED, NX_EVERSION,
 * NX_ESTATE, NX_EIO, NX_ENOMEM. */
int nx_service_new(struct event_base *base,
                   const struct nx_collector_conf *conf, bool store_check,
                   struct nx_service **out, char *why,
                   size_t why_cap) NX_MUSTUSE;
/* Commits what is open, acknowledges it, closes. */
void nx_service_free(struct nx_service **service);

/* Takes over what can change while running (where to listen); a broken part
 * leaves the old one in force and says so in the log. conf is borrowed from
 * now on instead of the one before. */
void nx_service_reload(struct nx_service *service,
                       const struct nx_collector_conf *conf);

/* The service's clock: collector time now, microseconds. */
int64_t nx_service_now_us(const struct nx_service *service);
struct nx_engine *nx_service_engine(struct nx_service *service);

/* Assigns incident->id. opened_us is set. NX_EIO/NX_EFULL from the store. */
int nx_service_incident_open(struct nx_service *service,
                             struct nx_incident *incident) NX_MUSTUSE;
int nx_service_incident_close(struct nx_service *service,
                              uint32_t id) NX_MUSTUSE;

/* The recording of an incident; see io_export.h. NX_ENOTFOUND, NX_ENOMEM, an
 * error of the store. Ends before the service does. */
struct nx_export;
int nx_service_export(struct nx_service *service, uint32_t id,
                      struct nx_export **out) NX_MUSTUSE;

/* key: Z85, or an unambiguous prefix (at least 6 characters) of a pending
 * key. Accepting a known key updates network, name and role.
 * NX_ENOTFOUND, NX_EMALFORMED (key or label), NX_EEXISTS (another agent has
 * this name), NX_ELIMIT (too many agents), NX_EIO. An empty name becomes the
 * network's, with a number when that is taken. */
int nx_service_agent_accept(struct nx_service *service, const char *key,
                            const struct nx_agent *agent,
                            struct nx_agent_record *out) NX_MUSTUSE;
/* who: key, key prefix or agent name. Its connection is closed. */
int nx_service_agent_revoke(struct nx_service *service, const char *who,
                            struct nx_agent_record *out) NX_MUSTUSE;
void nx_service_agents(struct nx_service *service,
                       void (*visit)(void *user,
                                     const struct nx_agent_record *record),
                       void *user);

/* The report of an incident (report.h); NULL: no such incident, out of memory,
 * or the store cannot be read. */
json_t *nx_service_report(struct nx_service *service, uint32_t id);

/* Alerts: who is told, and the newest messages, as JSON (nxclear-api(7)); NULL
 * when out of memory. */
json_t *nx_service_alert_list(struct nx_service *service);
/* Queues a message that tries receivers out; receiver "": all. NX_ENOTFOUND: no
 * such receiver, or none at all; an error of the store. */
int nx_service_alert_test(struct nx_service *service,
                          const char *receiver) NX_MUSTUSE;
/* Sets labels of a network that an accepted agent stands in, or of an accepted
 * agent, by name. NX_ENOTFOUND, NX_EMALFORMED (a value), NX_ELIMIT, an error of
 * the store. */
int nx_service_label(struct nx_service *service, enum nx_label_kind kind,
                     const char *name, const struct nx_label_change *changes,
                     size_t n) NX_MUSTUSE;

/* The ledger of an agent; NX_ENOTFOUND: it said no hello since the start. */
struct nx_ledger;
int nx_service_ledger(const struct nx_service *service, uint32_t agent_id,
                      struct nx_ledger *out) NX_MUSTUSE;
/* The score of the period as a document (score/document.h); a new reference.
 * NX_ENOMEM, an error of the store. */
int nx_service_scores(struct nx_service *service,
                      const struct nx_store_period *in,
                      json_t **out) NX_MUSTUSE;
/* The same of the last 30 days, at most a minute old while nothing is scored;
 * borrowed until the next call. NULL: could not be read. */
const json_t *nx_service_score_of_late(struct nx_service *service);

/* Counters for /healthz and /metrics. */
struct nx_service_health {
    bool storing;      /* false: the store refuses, acks stopped */
    char problem[256]; /* what is wrong and what to do; "" */
    uint64_t batches_n, results_n, duplicates_n, out_of_order_n;
    uint64_t rejected_n; /* messages that broke a rule */
    uint64_t refused_keys_n;
    uint64_t over_quota_n; /* batches left for later: io_ingest.h */
    uint64_t kept_bytes;   /* the store's file */
    uint64_t free_bytes;   /* of it, to be used again */
    uint64_t deleted_n;    /* batches, by retention */
    int64_t started_us;
    uint64_t alerts_sent_n, alerts_failed_n; /* attempts */
};
void nx_service_health(const struct nx_service *service,
                       struct nx_service_health *out);

#endif
