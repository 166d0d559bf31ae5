/* Inside io_service*.c only. */
#ifndef NX_COLLECTOR_IO_SERVICE_PRIV_H
#define NX_COLLECTOR_IO_SERVICE_PRIV_H

#include "collector/ingest/io_auth.h"
#include "collector/ingest/io_ingest.h"
#include "collector/io_service.h"

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
    uint64_t failures_n; /* of the group, when that was looked at last */
};

/* --- io_service_agents.c --- */

/* Keeps a copy of the record and tells everybody who must know. */
int nx_service_record_put(struct nx_service *service,
                          const struct nx_agent_record *record) NX_MUSTUSE;

/* --- io_service_labels.c --- */

int nx_service_labels_load(struct nx_service *service) NX_MUSTUSE;
/* Those of service->conf take the place of the ones before. */
void nx_service_labels_configure(struct nx_service *service);

/* --- io_service_rebuild.c --- */

/* Brings everything in memory up to what is stored. */
int nx_service_rebuild(struct nx_service *service, char *why,
                       size_t why_cap) NX_MUSTUSE;

/* --- io_service_tick.c --- */

int nx_service_ticks_init(struct nx_service *service) NX_MUSTUSE;
void nx_service_ticks_fini(struct nx_service *service);

#endif
