/* At start: from the store to memory. */
#include "collector/io_service_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/io_log.h"

#define HOUR_US INT64_C(3600000000)

struct rebuild {
    struct nx_service *service;
    struct nx_arena arena;
    int err;         /* the first one */
    int64_t from_us; /* earliest batch that can matter; INT64_MAX: none */
    int64_t tick_us; /* of the last tick */
    uint64_t batches_n, results_n, skipped_n;
};

static void see_agent(void *user, const struct nx_agent_record *record) {
    struct rebuild *r = user;
    if (r->err == NX_OK) {
        r->err = nx_service_record_put(r->service, record);
    }
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
        int64_t from_us = incident->outage_from_us != NX_TIME_UNKNOWN &&
                                  incident->outage_from_us < incident->opened_us
                              ? incident->outage_from_us
                              : incident->opened_us;
        from_us -= HOUR_US;
        r->from_us = from_us < r->from_us ? from_us : r->from_us;
    }
}

/* Time passes in the log as it did then, so that states have their history;
 * what comes out of it was stored already. */
static void tick_to(struct rebuild *r, int64_t at_us) {
    if (at_us - r->tick_us >= r->service->conf->engine.evaluate_every_us) {
        nx_engine_tick(r->service->engine, at_us, NULL);
        r->tick_us = at_us;
    }
}

static bool see_batch(void *user, const struct nx_store_batch *row) {
    struct rebuild *r = user;
    struct nx_up up;
    const char *why = "";
    nx_arena_reset(&r->arena);
    int err = nx_codec_unpack_up(row->payload, row->payload_len, &r->arena, &up,
                                 &why);
    if (err == NX_OK && up.kind == NX_UP_BATCH &&
        row->skip < up.u.batch.obs_n) {
        tick_to(r, row->received_us);
        err = nx_engine_batch(r->service->engine, row->agent_id, &up.u.batch,
                              row->skip, row->received_us);
    } else if (err == NX_OK) {
        err = NX_EMALFORMED;
    }
    if (err == NX_OK) {
        r->batches_n++;
        r->results_n += row->results_n;
    } else {
        r->skipped_n++;
    }
    return true;
}

static int fold_log(struct rebuild *r) {
    if (r->from_us == INT64_MAX) {
        return NX_OK; /* no incident is open: no batch matters */
    }
    void *memory = malloc(NX_UNPACK_ARENA_BYTES);
    if (memory == NULL) {
        return NX_ENOMEM;
    }
    nx_arena_init(&r->arena, memory, NX_UNPACK_ARENA_BYTES);
    r->tick_us = r->from_us;
    int err = nx_store_batches(r->service->store, r->from_us, see_batch, r);
    free(memory);
    return err;
}

int nx_service_rebuild(struct nx_service *service, char *why, size_t why_cap) {
    struct rebuild r = {.service = service, .from_us = INT64_MAX};
    int err = nx_store_agents(service->store, see_agent, &r);
    if (err == NX_OK) {
        err = r.err;
    }
    if (err == NX_OK) {
        err = nx_store_incidents(service->store, see_incident, &r);
    }
    if (err == NX_OK) {
        err = fold_log(&r);
    }
    if (err != NX_OK) {
        const char *problem = nx_store_problem(service->store);
        snprintf(why, why_cap, "cannot read what is stored: %s",
                 problem[0] != '\0' ? problem : nx_strerror(err));
        return err;
    }
    if (r.skipped_n > 0) {
        nx_log(NX_LOG_ERROR, "%" PRIu64 " stored batches could not be read",
               r.skipped_n);
    }
    nx_log(NX_LOG_INFO,
           "%zu agents; %" PRIu64 " results of %" PRIu64
           " stored batches folded",
           service->records_n, r.results_n, r.batches_n);
    return NX_OK;
}
