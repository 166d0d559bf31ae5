/* At start: from the store to memory. */
#include "collector/io_service_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "collector/store/io_refold.h"
#include "common/io_log.h"

struct rebuild {
    struct nx_service *service;
    int err;         /* the first one */
    int64_t from_us; /* earliest batch that can matter; INT64_MAX: none */
};

static void see_agent(void *user, const struct nx_agent_record *record) {
    struct rebuild *r = user;
    int err = nx_agent_ever_accepted(record)
                  ? nx_service_record_put(r->service, record)
                  : nx_service_stranger_load(r->service, record);
    if (err == NX_ELIMIT) {
        nx_log(NX_LOG_ERROR, "agent %" PRIu32 " is not listened to: %s",
               record->agent.id, nx_strerror(err));
    } else if (r->err == NX_OK) {
        r->err = err;
    }
}

static void see_stream(void *user, uint32_t agent_id, uint64_t epoch,
                       const struct nx_stream_position *position) {
    const struct rebuild *r = user;
    struct nx_ledger stored;
    nx_ledger_stored(epoch, position, &stored);
    nx_ingest_ledger_load(r->service->ingest, agent_id, &stored);
}

static void see_incident(void *user, const struct nx_incident *incident) {
    struct rebuild *r = user;
    int err = nx_engine_incident_open(r->service->engine, incident);
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "incident %" PRIu32 " is not followed: %s",
               incident->id, nx_strerror(err));
        return;
    }
    if (incident->closed_us == NX_TIME_UNKNOWN) {
        int64_t from_us = nx_incident_needs_from(incident);
        r->from_us = from_us < r->from_us ? from_us : r->from_us;
    }
}

/* An incident that is too old to be remembered needs none. What is kept of one
 * that is damaged says nothing, which is refused where it is asked for. */
static void see_closed_status(void *user, uint32_t id, const char *document) {
    const struct rebuild *r = user;
    if (document == NULL) {
        nx_log(NX_LOG_ERROR,
               "incident %" PRIu32 ": its last status is damaged and not "
               "shown: see nxclear-collector(8)",
               id);
        document = "";
    }
    if (nx_engine_incident_keep(r->service->engine, id, document) ==
        NX_ENOMEM) {
        nx_log(NX_LOG_ERROR, "incident %" PRIu32 ": no memory for its status",
               id);
    }
}

static void see_target(void *user, const struct nx_target_past *past) {
    const struct rebuild *r = user;
    nx_engine_recall(r->service->engine, past);
}

static void say_counts(const struct nx_service *service,
                       const struct nx_refold *log) {
    if (log->damaged_n > 0) {
        nx_log(NX_LOG_ERROR,
               "%" PRIu64 " stored messages are damaged and left out: the "
               "status may lack what they said; see nxclear-collector --check",
               log->damaged_n);
    }
    if (log->strangers_n > 0) {
        nx_log(NX_LOG_WARN,
               "%" PRIu64 " stored messages are of agents that are not known, "
               "and left out",
               log->strangers_n);
    }
    if (log->ahead_n > 0) {
        nx_log(NX_LOG_ERROR,
               "%" PRIu64 " stored messages were received later than now and "
               "are left out: was the clock set back?",
               log->ahead_n);
    }
    nx_log(NX_LOG_INFO,
           "%zu agents; %" PRIu64 " results of %" PRIu64
           " stored batches folded",
           service->records_n, log->results_n, log->batches_n);
}

/* What can be read and makes no sense is damage, too. */
static int say_why(const struct nx_service *service, int err, char *why,
                   size_t why_cap) {
    switch (err) {
    case NX_EIO:
    case NX_EFULL:
    case NX_EAGAIN:
    case NX_ENOMEM:
    case NX_ELIMIT:
        snprintf(why, why_cap, "cannot read what is stored: %s",
                 nx_store_reason(service->store, err));
        return err;
    default:
        snprintf(why, why_cap,
                 "store %s: damaged: nxclear-collector(8) says how to repair "
                 "it or put a backup in its place (%s)",
                 service->conf->store_path, nx_strerror(err));
        return NX_EIO;
    }
}

int nx_service_rebuild(struct nx_service *service, char *why, size_t why_cap) {
    struct rebuild r = {.service = service, .from_us = INT64_MAX};
    struct nx_refold log = {.store = service->store,
                            .engine = service->engine,
                            .now_us = nx_service_now_us(service),
                            .every_us = service->settings.evaluate_every_us};
    nx_service_strangers_init(service);
    int err = nx_store_agents(service->store, see_agent, &r);
    if (err == NX_OK) {
        err = r.err;
    }
    if (err == NX_OK) {
        err = nx_store_stream_latest(service->store, see_stream, &r);
    }
    nx_service_labels_configure(service);
    if (err == NX_OK) {
        err = nx_service_labels_load(service);
    }
    if (err == NX_OK) {
        err = nx_service_resolvers_load(service);
    }
    if (err == NX_OK) {
        err = nx_service_zones_load(service);
    }
    if (err == NX_OK) {
        err = nx_store_incidents(service->store, see_incident, &r);
    }
    if (err == NX_OK) {
        err = nx_store_closed_statuses(service->store, NX_ENGINE_KEPT_MAX,
                                       see_closed_status, &r);
    }
    if (err == NX_OK) {
        log.from_us = r.from_us;
        err = nx_refold(&log);
    }
    if (err == NX_OK) {
        err = nx_store_targets(service->store, see_target, &r);
    }
    if (err != NX_OK) {
        return say_why(service, err, why, why_cap);
    }
    say_counts(service, &log);
    return NX_OK;
}
