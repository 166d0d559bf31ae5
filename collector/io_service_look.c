/* Alerts: the networks of each open incident are shown to the state machine, a
 * few at a time; when there is something to tell, the page is drawn that the
 * message is made of. */
#include <stdlib.h>

#include "collector/io_service_priv.h"
#include "collector/status/status.h"
#include "collector/status/status_sheet.h"

/* Networks are looked at when something has changed, but not more often, of
 * very many targets less often; and now and then all the same, because time
 * alone makes some overdue. */
#define LOOK_MIN_US INT64_C(1000000)
#define LOOK_PER_TARGET_US 50
#define LOOK_MAX_US INT64_C(15000000)
/* Pauses between pieces, in times of what they take. */
#define LOOK_PAUSES 3
#define PIECE_MIN 4U /* targets */
#define PIECE_MAX 64U
#define BEYOND_ALL UINT32_MAX

struct nx_alert_look {
    uint32_t id; /* of the incident; the next one has a larger one */
    struct nx_network_list *networks; /* NULL: all were shown */
    struct nx_board *board;           /* NULL: nothing is to be told */
    struct nx_slice slice;
};

static void forget(struct nx_alert_look *look) {
    nx_network_list_free(&look->networks);
    nx_board_free(&look->board);
}

void nx_service_look_fini(struct nx_service *service) {
    if (service->look != NULL) {
        forget(service->look);
        free(service->look);
        service->look = NULL;
    }
    if (service->on_look != NULL) {
        event_free(service->on_look);
        service->on_look = NULL;
    }
}

/* Of very many targets that are not judged yet nothing is to be told. */
static bool is_looked_at(const struct nx_service *service,
                         const struct nx_incident *incident) {
    size_t targets_n = 0;
    size_t waiting_n = 0;
    nx_engine_backlog_of(service->engine, incident->id, &targets_n, &waiting_n);
    return incident->closed_us == NX_TIME_UNKNOWN && !incident->audit &&
           waiting_n <= NX_BOARD_BACKLOG;
}

/* The next open one from that id on; NULL: none. */
static const struct nx_incident *next_from(const struct nx_service *service,
                                           uint32_t id) {
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(service->engine, &incidents);
    for (size_t i = 0; i < n; i++) {
        if (incidents[i]->id >= id && is_looked_at(service, incidents[i])) {
            return incidents[i];
        }
    }
    return NULL;
}

/* NX_EAGAIN: it has begun; 0: there is none. */
static int begin_next(struct nx_service *service, struct nx_alert_look *look) {
    const struct nx_incident *incident = next_from(service, look->id);
    look->id = incident != NULL ? incident->id : BEYOND_ALL;
    int err = incident != NULL ? nx_network_list_new(service->engine, incident,
                                                     &look->networks)
                               : 0;
    return err == 0 && incident != NULL ? NX_EAGAIN : err;
}

/* --- what is so --- */

static int see_network(struct nx_service *service, uint32_t id,
                       const char *network, int64_t now_us, size_t *cost) {
    struct nx_sheet sheet;
    int err = nx_sheet_init_network(&sheet, service->engine, id, network,
                                    now_us, NX_SHEET_JUDGED);
    if (err != NX_OK) {
        return err;
    }
    *cost = sheet.rows_n + 1;
    for (size_t i = 0; err == NX_OK && i < sheet.sites_n; i++) {
        const struct nx_sheet_site *site = &sheet.sites[i];
        err = nx_alerts_see(
            service->alerts, id, site->network, site->rollup.state,
            nx_sheet_site_outlook(&sheet, site) == NX_OUTLOOK_STUCK, now_us);
    }
    nx_sheet_fini(&sheet);
    return err;
}

/* NX_EAGAIN: there are more networks, or there is something to tell. */
static int see_some(struct nx_service *service, struct nx_alert_look *look,
                    int64_t now_us) {
    const struct nx_alert_change *changes = NULL;
    size_t budget = look->slice.n;
    size_t n = 0;
    int err = NX_OK;
    while (err == NX_OK && budget > 0) {
        const char *network = nx_network_list_next(look->networks);
        size_t cost = 0;
        if (network == NULL) {
            nx_network_list_free(&look->networks);
            nx_alerts_seen_all(service->alerts, look->id, now_us);
            err = nx_alerts_decide(service->alerts, look->id, now_us, &changes,
                                   &n);
            if (err == NX_OK && n > 0) {
                err = nx_board_new(&look->board);
                return err == NX_OK ? NX_EAGAIN : err;
            }
            return err;
        }
        err = see_network(service, look->id, network, now_us, &cost);
        budget -= cost < budget ? cost : budget;
    }
    return err == NX_OK ? NX_EAGAIN : err;
}

int nx_service_alerts_see(struct nx_service *service,
                          const struct nx_board_page *page, int64_t now_us) {
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < page->sites_n; i++) {
        const struct nx_board_site *site = &page->sites[i];
        err = nx_alerts_see(service->alerts, page->incident_id, site->network,
                            site->state, site->outlook == NX_OUTLOOK_STUCK,
                            now_us);
    }
    if (err == NX_OK) {
        nx_alerts_seen_all(service->alerts, page->incident_id, now_us);
    }
    return err;
}

/* --- what is told --- */

static int store(struct nx_service *service, const struct nx_board_page *page,
                 int64_t now_us) {
    const struct nx_alert_change *changes = NULL;
    struct nx_group *group = nx_ingest_group(service->ingest);
    size_t n = 0;
    int err = nx_service_alerts_see(service, page, now_us);
    err = err == NX_OK ? nx_alerts_decide(service->alerts, page->incident_id,
                                          now_us, &changes, &n)
                       : err;
    if (err != NX_OK || n == 0) {
        return err; /* meanwhile it is so no more */
    }
    err = nx_group_begin(group);
    if (err == NX_OK) {
        err =
            nx_group_end(group, nx_service_alerts_store(service, page, "change",
                                                        changes, n, now_us));
    }
    if (err == NX_OK) {
        nx_alerts_told(service->alerts);
        nx_postbox_wake(service->postbox);
    }
    return err;
}

/* What is told is what the page says, its numbers and its states. */
static int tell_some(struct nx_service *service, struct nx_alert_look *look,
                     int64_t now_us) {
    const struct nx_board_page *page = NULL;
    int err = nx_board_page(look->board, service->engine, look->id, NULL,
                            now_us, &page);
    if (err == NX_EAGAIN) { /* what ends it is told of in the next turn */
        (void)nx_board_work(look->board, service->engine, NULL, now_us,
                            look->slice.n);
    }
    return err == NX_OK ? store(service, page, now_us) : err;
}

/* --- in pieces --- */

/* NX_EAGAIN: there is more to do. */
static int go_on(struct nx_service *service, struct nx_alert_look *look) {
    const struct nx_incident *incident =
        nx_engine_incident(service->engine, look->id);
    int64_t now_us = nx_service_now_us(service);
    bool begun = look->networks != NULL || look->board != NULL;
    if (!begun) {
        return begin_next(service, look);
    }
    int err =
        NX_ENOTFOUND; /* it was closed meanwhile, or waits for judgement */
    if (incident != NULL && is_looked_at(service, incident)) {
        err = look->networks != NULL ? see_some(service, look, now_us)
                                     : tell_some(service, look, now_us);
    }
    if (err == NX_EAGAIN) {
        return err;
    }
    service->alerts_stale |= err != NX_OK; /* decided again at the next look */
    forget(look);
    look->id++;
    return NX_EAGAIN;
}

static void look_in(struct nx_service *service, int64_t pause_us) {
    const struct timeval in = {pause_us / 1000000, pause_us % 1000000};
    (void)evtimer_add(service->on_look, &in);
}

static void on_look(evutil_socket_t fd, short what, void *arg) {
    struct nx_service *service = arg;
    struct nx_alert_look *look = service->look;
    int64_t from_us = nx_clock_mono_us();
    (void)fd;
    (void)what;
    int err = go_on(service, look);
    int64_t took_us = nx_clock_mono_us() - from_us;
    if (err == NX_EAGAIN) {
        nx_slice_took(&look->slice, took_us);
        look_in(service, took_us * LOOK_PAUSES);
        return;
    }
    service->alerts_stale |= err != NX_OK;
    forget(look);
    free(look);
    service->look = NULL;
}

static int begin(struct nx_service *service) {
    if (service->on_look == NULL) {
        service->on_look = evtimer_new(service->base, on_look, service);
    }
    service->look = calloc(1, sizeof(*service->look));
    if (service->on_look == NULL || service->look == NULL) {
        nx_service_look_fini(service);
        return NX_ENOMEM;
    }
    service->look->slice = (struct nx_slice){PIECE_MAX, PIECE_MIN, PIECE_MAX};
    look_in(service, 0);
    return NX_OK;
}

/* Is it time to look at the networks? */
static bool due(const struct nx_service *service, int64_t now_us) {
    int64_t since_us = now_us - service->alerts_seen_us;
    int64_t next_us = nx_alerts_next_us(service->alerts);
    size_t targets_n = 0;
    size_t waiting_n = 0;
    nx_engine_backlog(service->engine, &targets_n, &waiting_n);
    if (since_us < LOOK_MIN_US + (int64_t)targets_n * LOOK_PER_TARGET_US &&
        since_us >= 0) {
        return false;
    }
    return service->alerts_stale || since_us >= LOOK_MAX_US || since_us < 0 ||
           (next_us != NX_TIME_UNKNOWN && next_us <= now_us);
}

void nx_service_alerts_tick(struct nx_service *service, int64_t now_us) {
    if (service->postbox == NULL || service->look != NULL ||
        !due(service, now_us)) {
        return;
    }
    service->alerts_seen_us = now_us;
    service->alerts_stale = begin(service) != NX_OK;
}
