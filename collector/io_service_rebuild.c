/* At start: from the store to memory. */
#include "collector/io_service_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/io_log.h"

#define AHEAD_MAX_US                                                           \
    60000000              /* what was received later than now: a step of       \
                           */
#define PART_BATCHES 256U /* the clock so small does no harm */

struct rebuild {
    struct nx_service *service;
    struct nx_arena arena;
    int err;         /* the first one */
    int64_t now_us;  /* at the start */
    int64_t from_us; /* earliest batch that can matter; INT64_MAX: none */
    int64_t tick_us; /* of the last tick */
    uint64_t batches_n, results_n, skipped_n, ahead_n;
};

static void see_agent(void *user, const struct nx_agent_record *record) {
    struct rebuild *r = user;
    int err = nx_service_record_put(r->service, record);
    if (err == NX_ELIMIT) {
        nx_log(NX_LOG_ERROR, "agent %" PRIu32 " is not listened to: %s",
               record->agent.id, nx_strerror(err));
    } else if (r->err == NX_OK) {
        r->err = err;
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
        int64_t from_us = nx_incident_needs_from(incident);
        r->from_us = from_us < r->from_us ? from_us : r->from_us;
    }
}

/* An incident that is too old to be remembered needs none. */
static void see_closed_status(void *user, uint32_t id, const char *document) {
    const struct rebuild *r = user;
    if (nx_engine_incident_keep(r->service->engine, id, document) ==
        NX_ENOMEM) {
        nx_log(NX_LOG_ERROR, "incident %" PRIu32 ": no memory for its status",
               id);
    }
}

/* Time passes in the log as it did then; what comes out of it was stored
 * already. Never beyond now: the engine's time does not go back. */
static void tick_to(struct rebuild *r, int64_t at_us) {
    at_us = at_us < r->now_us ? at_us : r->now_us;
    if (at_us - r->tick_us >= r->service->settings.evaluate_every_us) {
        nx_engine_catch_up(r->service->engine, at_us);
        r->tick_us = at_us;
    }
}

static int fold(struct rebuild *r, const struct nx_store_batch *row,
                const struct nx_up *up) {
    struct nx_engine *engine = r->service->engine;
    int err = NX_EMALFORMED;
    tick_to(r, row->received_us);
    if (up->kind == NX_UP_HELLO) {
        return nx_engine_hello(engine, row->agent_id, &up->u.hello,
                               row->received_us);
    }
    if (row->skip < up->u.batch.obs_n) {
        err = nx_engine_batch(engine, row->agent_id, &up->u.batch, row->skip,
                              row->received_us);
    }
    if (err == NX_OK) {
        r->batches_n++;
        r->results_n += row->results_n;
    }
    return err;
}

static void see_message(void *user, const struct nx_store_batch *row) {
    struct rebuild *r = user;
    struct nx_up up;
    const char *why = "";
    if (row->received_us > r->now_us + AHEAD_MAX_US) {
        r->ahead_n++; /* would look fresh until that time has come */
        return;
    }
    nx_arena_reset(&r->arena);
    int err = row->damaged ? NX_EMALFORMED
                           : nx_codec_unpack_up(row->payload, row->payload_len,
                                                &r->arena, &up, &why);
    if (err == NX_OK) {
        err = fold(r, row, &up);
    }
    r->skipped_n += err == NX_OK ? 0 : 1;
}

static void see_target(void *user, const struct nx_target_past *past) {
    const struct rebuild *r = user;
    nx_engine_recall(r->service->engine, past);
}

/* Hellos, too: a resolver that was named and never answered is unknown, not
 * gone. Without an open incident they are all that matters. */
static int fold_log(struct rebuild *r) {
    struct nx_store *store = r->service->store;
    struct nx_store_mark mark;
    void *memory = malloc(NX_UNPACK_ARENA_BYTES);
    if (memory == NULL) {
        return NX_ENOMEM;
    }
    nx_arena_init(&r->arena, memory, NX_UNPACK_ARENA_BYTES);
    r->tick_us = r->from_us;
    int err = nx_store_mark_at(store, r->from_us, &mark);
    if (err == NX_OK) {
        err = nx_store_hellos_before(store, &mark, see_message, r);
    }
    int more = err == NX_OK ? 1 : err;
    while (more == 1) {
        more = nx_store_log(store, &mark, PART_BATCHES, see_message, r);
    }
    free(memory);
    return more;
}

int nx_service_rebuild(struct nx_service *service, char *why, size_t why_cap) {
    struct rebuild r = {.service = service,
                        .now_us = nx_service_now_us(service),
                        .from_us = INT64_MAX};
    int err = nx_store_agents(service->store, see_agent, &r);
    if (err == NX_OK) {
        err = r.err;
    }
    nx_service_labels_configure(service);
    if (err == NX_OK) {
        err = nx_service_labels_load(service);
    }
    if (err == NX_OK) {
        err = nx_store_incidents(service->store, see_incident, &r);
    }
    if (err == NX_OK) {
        err = nx_store_closed_statuses(service->store, NX_ENGINE_KEPT_MAX,
                                       see_closed_status, &r);
    }
    if (err == NX_OK) {
        err = fold_log(&r);
    }
    if (err == NX_OK) {
        err = nx_store_targets(service->store, see_target, &r);
    }
    if (err != NX_OK) {
        const char *problem = nx_store_problem(service->store);
        snprintf(why, why_cap, "cannot read what is stored: %s",
                 problem[0] != '\0' ? problem : nx_strerror(err));
        return err;
    }
    if (r.skipped_n > 0) {
        nx_log(NX_LOG_ERROR,
               "%" PRIu64 " stored messages are damaged and left out: the "
               "status may lack what they said; see --check",
               r.skipped_n);
    }
    if (r.ahead_n > 0) {
        nx_log(NX_LOG_ERROR,
               "%" PRIu64 " stored messages were received later than now and "
               "are left out: was the clock set back?",
               r.ahead_n);
    }
    nx_log(NX_LOG_INFO,
           "%zu agents; %" PRIu64 " results of %" PRIu64
           " stored batches folded",
           service->records_n, r.results_n, r.batches_n);
    return NX_OK;
}
