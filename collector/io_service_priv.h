/* Inside io_service*.c only. */
#ifndef NX_COLLECTOR_IO_SERVICE_PRIV_H
#define NX_COLLECTOR_IO_SERVICE_PRIV_H

#include "collector/alert/io_alerts.h"
#include "collector/ingest/io_auth.h"
#include "collector/ingest/io_ingest.h"
#include "collector/io_service.h"
#include "collector/status/status.h"

struct nx_retain {
    struct event *on_slice;
    bool passing;
    struct nx_store_retention pass;
    unsigned rows;      /* of the next slice */
    int64_t took_us;    /* the last one, with its commit */
    uint64_t deleted_n; /* batches, since the start */
};

struct nx_service {
    struct event_base *base;
    const struct nx_collector_conf *conf;
    struct nx_engine_settings settings; /* in force: those at the start */
    struct nx_steady clock;
    int64_t started_us;
    void *zmq;
    struct nx_store *store;
    struct nx_engine *engine;
    struct nx_auth *auth;
    struct nx_ingest *ingest;
    struct event *on_tick;
    struct nx_agent_record *records; /* accepted and revoked, by id */
    size_t records_n;
    size_t records_cap;
    /* The tables for people may lack something that could not be written;
     * they are put right from the engine's views. */
    bool derived_stale;
    uint64_t failures_n;        /* of the group, when that was looked at last */
    struct nx_alerts *alerts;   /* NULL without receivers */
    struct nx_postbox *postbox; /* NULL without receivers */
    bool alerts_stale;          /* networks may have changed */
    int64_t alerts_seen_us;     /* when they were looked at last */
    struct nx_retain retain;
    bool networks_told;      /* their forecasts may have changed */
    int64_t networks_due_us; /* not looked at before */
    bool score_stale;        /* the one for /metrics */
    int64_t score_at_us;
    json_t *score; /* NULL: none yet */
};

/* --- io_service_agents.c --- */

/* Keeps a copy of the record and tells everybody who must know. */
int nx_service_record_put(struct nx_service *service,
                          const struct nx_agent_record *record) NX_MUSTUSE;

/* --- io_service_labels.c --- */

int nx_service_labels_load(struct nx_service *service) NX_MUSTUSE;
/* Those of service->conf take the place of the ones before. */
void nx_service_labels_configure(struct nx_service *service);

/* --- io_service_score.c; inside a transaction --- */

/* A target's state or forecast: into the tables, and scored when it is clear.
 */
int nx_score_target_told(struct nx_store *store, uint32_t incident_id,
                         uint32_t agent_id, const struct nx_question *question,
                         const struct nx_verdict *verdict, int64_t since_us,
                         int64_t at_us) NX_MUSTUSE;
/* Networks follow their targets after a while, or at once. */
int nx_service_networks_told(struct nx_service *service, int64_t now_us,
                             bool at_once) NX_MUSTUSE;
/* What outcomes taught until now. */
int nx_service_learnt(struct nx_service *service,
                      struct nx_learnt *out) NX_MUSTUSE;

/* --- io_service_rebuild.c --- */

/* Brings everything in memory up to what is stored. */
int nx_service_rebuild(struct nx_service *service, char *why,
                       size_t why_cap) NX_MUSTUSE;

/* --- io_service_retain.c --- */

int nx_service_retain_init(struct nx_service *service) NX_MUSTUSE;
void nx_service_retain_fini(struct nx_service *service);

/* --- io_service_tick.c --- */

int nx_service_ticks_init(struct nx_service *service) NX_MUSTUSE;
void nx_service_ticks_fini(struct nx_service *service);

/* --- io_service_alerts.c --- */

/* conf: what is to be in force; why: NX_COURIER_WHY_MAX. */
int nx_service_alerts_init(struct nx_service *service,
                           const struct nx_alert_conf *conf,
                           char *why) NX_MUSTUSE;
void nx_service_alerts_fini(struct nx_service *service);
/* Tells what there is to tell. */
void nx_service_alerts_tick(struct nx_service *service, int64_t now_us);
/* An incident is being closed: its last message goes into the transaction that
 * is open. Afterwards, with the transaction's outcome, _closed. */
int nx_service_alerts_closing(struct nx_service *service, uint32_t id,
                              int64_t now_us) NX_MUSTUSE;
void nx_service_alerts_closed(struct nx_service *service, uint32_t id);

#endif
