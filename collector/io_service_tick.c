/* Time passes: the engine's sink, and the tables for people. */
#include "collector/io_service_priv.h"

#include <inttypes.h>

#include "collector/engine/ns_book.h"
#include "collector/status/board.h"
#include "common/io_log.h"

/* No transaction is open for so long (NX_GROUP_WAIT_US), with all the delay of
 * a slow disk. */
#define ROLLED_BACK_US INT64_C(60000000)
#define LOST_TOLD_US INT64_C(60000000)
#define JUDGED_MIN 4U /* at a time */
#define JUDGED_MAX 64U
/* Pauses between judgements, in times of what they take: the loop has others
 * to serve. All targets in nx_targets_pace_us take a fifth of the time. */
#define JUDGE_PAUSES 2

/* One row for people. What cannot be written now is put right later. */
static bool may_write(struct nx_service *service) {
    if (nx_group_open(nx_ingest_group(service->ingest)) == NX_OK) {
        return true;
    }
    service->derived_stale = true;
    return false;
}

static void wrote(struct nx_service *service, int err) {
    if (err != NX_OK) {
        service->derived_stale = true;
        nx_group_abort(nx_ingest_group(service->ingest));
    }
}

static void on_transition(void *user, uint32_t incident_id, uint32_t agent_id,
                          const struct nx_question *question, int64_t at_us,
                          unsigned from_state, const struct nx_verdict *verdict,
                          int64_t since_us) {
    struct nx_service *service = user;
    (void)from_state; /* the table knows the state before */
    service->alerts_stale = true;
    if (may_write(service)) {
        service->networks_told = true;
        service->score_stale |= verdict->state == NX_STATE_CLEAR;
        wrote(service,
              nx_score_target_told(service->store, incident_id, agent_id,
                                   question, verdict, since_us, at_us));
    }
}

static void on_authority(void *user, uint32_t incident_id, unsigned item,
                         const struct nx_auth_facts *facts, int64_t at_us) {
    struct nx_service *service = user;
    service->alerts_stale = true;
    if (may_write(service)) {
        wrote(service, nx_store_authority_put(service->store, incident_id, item,
                                              facts, at_us));
    }
}

static void on_resolver(void *user, const struct nx_book_row *row) {
    nx_service_resolver_measured(user, row);
}

static void on_plan_changed(void *user, uint32_t agent_id) {
    struct nx_service *service = user;
    nx_ingest_plan_changed(service->ingest, agent_id);
}

/* --- putting the tables right --- */

static void put_authorities(struct nx_service *service,
                            const struct nx_incident *incident,
                            int64_t now_us) {
    for (unsigned i = 0; i < incident->items_n; i++) {
        struct nx_auth_view view;
        if (nx_engine_authority(service->engine, incident->id, i, &view) ==
            NX_OK) {
            on_authority(service, incident->id, i, &view.facts, now_us);
        }
    }
}

/* Targets come with the next ticks: they may be many. */
static void resync(struct nx_service *service, int64_t now_us) {
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(service->engine, &incidents);
    service->derived_stale = false; /* a failure below sets it again */
    nx_service_resolvers_again(service);
    for (size_t i = 0; i < n && !service->derived_stale; i++) {
        if (incidents[i]->closed_us == NX_TIME_UNKNOWN) {
            put_authorities(service, incidents[i], now_us);
        }
    }
    nx_engine_retell(service->engine);
}

/* Rows for people go into the transaction that is open: when it was rolled back
 * they went with it. */
static void notice_failures(struct nx_service *service, int64_t now_us) {
    uint64_t n =
        nx_group_counters(nx_ingest_group(service->ingest))->failures_n;
    if (n != service->failures_n) {
        service->derived_stale = true;
        nx_service_resolvers_lost(service, now_us - ROLLED_BACK_US);
        nx_ns_book_store_again(nx_engine_ns_book(service->engine));
    }
    service->failures_n = n;
}

/* One at a time: closing changes the list. */
static void end_audits(struct nx_service *service, int64_t now_us) {
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(service->engine, &incidents);
    for (size_t i = 0; i < n; i++) {
        if (nx_incident_is_over(incidents[i], now_us)) {
            /* What fails now is tried again with the next tick. */
            int err = nx_service_incident_close(service, incidents[i]->id);
            service->derived_stale |= err != NX_OK;
            return;
        }
    }
}

static struct nx_engine_sink sink_of(struct nx_service *service) {
    return (struct nx_engine_sink){
        .user = service,
        .transition = on_transition,
        .authority = on_authority,
        .resolver = on_resolver,
        .plan_changed = on_plan_changed,
    };
}

static void judge_in(struct nx_service *service, int64_t pause_us) {
    const struct timeval in = {pause_us / 1000000, pause_us % 1000000};
    (void)evtimer_add(service->on_judge, &in);
}

/* Nothing is to be shown of very many targets before they are judged. */
static bool has_backlog(const struct nx_service *service) {
    size_t targets_n = 0;
    size_t waiting_n = 0;
    nx_engine_backlog(service->engine, &targets_n, &waiting_n);
    return waiting_n > NX_BOARD_BACKLOG;
}

/* True: there is more to do. A forecast of networks whose targets are not all
 * judged would not be the one that is shown. */
static bool networks_follow(struct nx_service *service, int64_t now_us) {
    if (service->networks == NULL && has_backlog(service)) {
        nx_service_networks_later(service, now_us);
        return false;
    }
    bool due = service->networks != NULL ||
               (service->networks_told && now_us >= service->networks_due_us);
    if (!due || !may_write(service)) {
        return false;
    }
    int err = nx_service_networks_some(service, now_us);
    if (err != NX_EAGAIN) {
        wrote(service, err);
    }
    return err == NX_EAGAIN;
}

static void on_judge(evutil_socket_t fd, short what, void *arg) {
    struct nx_service *service = arg;
    const struct nx_engine_sink sink = sink_of(service);
    int64_t from_us = nx_clock_mono_us();
    (void)fd;
    (void)what;
    if (nx_group_busy(nx_ingest_group(service->ingest), service->on_judge)) {
        return; /* what is told is written: that would wait for the disk */
    }
    bool more = nx_engine_judge(service->engine, nx_service_now_us(service),
                                service->judged.n, &sink);
    int64_t took_us = nx_clock_mono_us() - from_us;
    if (more) { /* else there were fewer */
        nx_slice_took(&service->judged, took_us);
    }
    if (!more || (service->judge_turn ^= true)) {
        more |= networks_follow(service, nx_service_now_us(service));
        took_us = nx_clock_mono_us() - from_us;
    }
    if (more) {
        judge_in(service, has_backlog(service) ? 0 : took_us * JUDGE_PAUSES);
    }
}

/* Said once per change. */
static void notice_room(struct nx_service *service) {
    bool crowded = nx_engine_crowded(service->engine);
    if (crowded == service->crowded) {
        return;
    }
    service->crowded = crowded;
    if (crowded) {
        nx_log(NX_LOG_WARN,
               "no room for all targets (%zu at most, and each agent has its "
               "share): networks whose resolvers are not all asked stay "
               "unknown (no-room); close incidents that are over, or have "
               "fewer agents and resolvers",
               nx_engine_settings(service->engine)->targets_max);
    } else {
        nx_log(NX_LOG_INFO, "there is room for all targets again");
    }
}

/* The log has them: a start folds them, if there is memory then. */
static void notice_memory(struct nx_service *service, int64_t now_us) {
    uint64_t n = nx_engine_counts(service->engine)->lost_n;
    uint64_t held_n = 0;
    if (n != service->lost_told_n &&
        nx_quiet_pass(&service->lost_quiet, now_us, LOST_TOLD_US, &held_n)) {
        nx_log(NX_LOG_ERROR,
               "no memory for %" PRIu64 " results: they are stored, but no "
               "status rests on them and a denial may be missing; give more "
               "memory and start again",
               n - service->lost_told_n);
        service->lost_told_n = n;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    struct nx_service *service = arg;
    const struct nx_engine_sink sink = sink_of(service);
    int64_t now_us = nx_service_now_us(service);
    (void)fd;
    (void)what;
    bool busy =
        nx_group_busy(nx_ingest_group(service->ingest), service->on_judge);
    nx_engine_tick_some(service->engine, now_us, busy ? 0 : service->judged.n,
                        &sink);
    judge_in(service, 0);
    nx_service_resolvers_notice(service);
    notice_room(service);
    notice_memory(service, now_us);
    nx_service_siblings_audit(service, now_us);
    end_audits(service, now_us);
    nx_service_clones(service);
    notice_failures(service, now_us);
    if (service->derived_stale &&
        nx_group_storing(nx_ingest_group(service->ingest))) {
        resync(service, now_us);
    }
    if (!busy) {
        nx_service_zones_keep(service, now_us);
    }
    nx_service_alerts_tick(service, now_us);
}

int nx_service_ticks_init(struct nx_service *service) {
    int64_t every_us = service->settings.evaluate_every_us / 2;
    const struct timeval every = {0, (suseconds_t)every_us};
    service->on_tick =
        event_new(service->base, -1, EV_PERSIST, on_tick, service);
    service->on_judge = evtimer_new(service->base, on_judge, service);
    service->judged = (struct nx_slice){JUDGED_MIN, JUDGED_MIN, JUDGED_MAX};
    if (service->on_judge == NULL || service->on_tick == NULL ||
        event_add(service->on_tick, &every) != 0) {
        return NX_ENOMEM;
    }
    return NX_OK;
}

void nx_service_ticks_fini(struct nx_service *service) {
    if (service->on_tick != NULL) {
        event_free(service->on_tick);
    }
    if (service->on_judge != NULL) {
        if (service->ingest != NULL) {
            (void)nx_group_busy(nx_ingest_group(service->ingest), NULL);
        }
        event_free(service->on_judge);
    }
    nx_service_networks_forget(service);
}
