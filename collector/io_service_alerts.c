/* Alerts: the engine's networks to the state machine, what it says into the
 * store, in one transaction with what was told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/io_service_priv.h"
#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"
#include "common/io_log.h"

/* Networks are looked at when something has changed, but not more often; and
 * now and then all the same, because time alone makes some overdue. */
#define LOOK_MIN_US INT64_C(1000000)
#define LOOK_MAX_US INT64_C(15000000)
#define LISTED_MAX 100U

/* --- life --- */

struct restore {
    struct nx_service *service;
    int err;
};

static void on_told(void *user, uint32_t incident_id,
                    const struct nx_alert_told *told) {
    struct restore *r = user;
    if (r->err == NX_OK) {
        r->err = nx_alerts_restore(r->service->alerts, incident_id, told,
                                   nx_service_now_us(r->service));
    }
}

static int make_alerts(struct nx_service *service,
                       const struct nx_alert_conf *conf) {
    struct restore r = {.service = service};
    if (service->alerts != NULL) {
        return NX_OK;
    }
    int err = nx_alerts_new(&conf->rules, &service->alerts);
    if (err == NX_OK) {
        err = nx_store_told(service->store, on_told, &r);
    }
    return err == NX_OK ? r.err : err;
}

int nx_service_alerts_init(struct nx_service *service,
                           const struct nx_alert_conf *conf, char *why) {
    const struct nx_postbox_parts parts = {
        .base = service->base,
        .store = service->store,
        .group = nx_ingest_group(service->ingest),
        .clock = &service->clock,
        .retained = &service->retain.clock,
    };
    if (conf->receivers_n == 0) {
        nx_service_alerts_fini(service);
        return NX_OK;
    }
    service->alerts_stale = true;
    (void)snprintf(why, NX_COURIER_WHY_MAX, "%s", nx_strerror(NX_ENOMEM));
    int err = make_alerts(service, conf);
    if (err == NX_OK) {
        err = service->postbox != NULL
                  ? nx_postbox_conf(service->postbox, conf, why)
                  : nx_postbox_new(&parts, conf, &service->postbox, why);
    }
    if (err == NX_OK) {
        nx_alerts_rules(service->alerts, &conf->rules);
    } else if (service->postbox == NULL) { /* else the old receivers stay */
        nx_service_alerts_fini(service);
    }
    return err;
}

void nx_service_alerts_fini(struct nx_service *service) {
    nx_postbox_free(&service->postbox);
    nx_alerts_free(&service->alerts);
}

/* --- messages --- */

/* For each receiver; inside the transaction. */
static int queue(struct nx_service *service, const json_t *document,
                 const char *only, int64_t now_us) {
    const struct nx_alert_conf *conf = nx_postbox_receivers(service->postbox);
    const char *key = json_string_value(json_object_get(document, "key"));
    char *text = document != NULL
                     ? json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII)
                     : NULL;
    int err = text == NULL ? NX_ENOMEM : NX_OK;
    for (size_t i = 0; err == NX_OK && i < conf->receivers_n; i++) {
        const char *name = conf->receivers[i].name;
        if (only[0] == '\0' || strcmp(only, name) == 0) {
            err = nx_store_alert_add(service->store, name, key, text, now_us);
        }
    }
    free(text);
    return err;
}

/* Only a message needs the forecast of all networks. */
static int store_message(struct nx_service *service, struct nx_sheet *sheet,
                         const char *kind,
                         const struct nx_alert_change *changes, size_t n) {
    json_t *document = nx_sheet_foresee(sheet)
                           ? nx_alert_document(sheet, kind, changes, n)
                           : NULL;
    int err = queue(service, document, "", sheet->now_us);
    for (size_t i = 0; err == NX_OK && i < n; i++) {
        err = nx_store_told_put(service->store, sheet->incident->id,
                                &changes[i].now);
    }
    json_decref(document);
    return err;
}

static int see_sites(struct nx_service *service, const struct nx_sheet *sheet) {
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < sheet->sites_n; i++) {
        const struct nx_sheet_site *site = &sheet->sites[i];
        bool stuck = nx_sheet_site_outlook(sheet, site) == NX_OUTLOOK_STUCK;
        err = nx_alerts_see(service->alerts, sheet->incident->id, site->network,
                            site->rollup.state, stuck, sheet->now_us);
    }
    if (err == NX_OK) {
        nx_alerts_seen_all(service->alerts, sheet->incident->id, sheet->now_us);
    }
    return err;
}

static int tell(struct nx_service *service, struct nx_sheet *sheet) {
    const struct nx_alert_change *changes = NULL;
    struct nx_group *group = nx_ingest_group(service->ingest);
    size_t n = 0;
    int err = nx_alerts_decide(service->alerts, sheet->incident->id,
                               sheet->now_us, &changes, &n);
    if (err != NX_OK || n == 0) {
        return err;
    }
    err = nx_group_begin(group);
    if (err == NX_OK) {
        err = nx_group_end(group,
                           store_message(service, sheet, "change", changes, n));
    }
    if (err == NX_OK) {
        nx_alerts_told(service->alerts);
        nx_postbox_wake(service->postbox);
    }
    return err;
}

static void look_at(struct nx_service *service, uint32_t id, int64_t now_us) {
    struct nx_sheet sheet;
    int err = nx_sheet_init(&sheet, service->engine, id, NULL, now_us);
    if (err == NX_OK) {
        err = see_sites(service, &sheet);
        err = err == NX_OK ? tell(service, &sheet) : err;
        nx_sheet_fini(&sheet);
    }
    if (err != NX_OK) {
        service->alerts_stale = true; /* decided again at the next look */
    }
}

/* Is it time to look at the networks? */
static bool due(const struct nx_service *service, int64_t now_us) {
    int64_t since_us = now_us - service->alerts_seen_us;
    int64_t next_us = nx_alerts_next_us(service->alerts);
    if (since_us < LOOK_MIN_US && since_us >= 0) {
        return false;
    }
    return service->alerts_stale || since_us >= LOOK_MAX_US || since_us < 0 ||
           (next_us != NX_TIME_UNKNOWN && next_us <= now_us);
}

void nx_service_alerts_tick(struct nx_service *service, int64_t now_us) {
    const struct nx_incident **incidents = NULL;
    if (service->postbox == NULL || !due(service, now_us)) {
        return;
    }
    service->alerts_stale = false;
    service->alerts_seen_us = now_us;
    size_t n = nx_engine_incidents(service->engine, &incidents);
    for (size_t i = 0; i < n; i++) {
        if (incidents[i]->closed_us == NX_TIME_UNKNOWN &&
            !incidents[i]->audit) {
            look_at(service, incidents[i]->id, now_us);
        }
    }
}

/* --- the end of an incident --- */

static int store_end(struct nx_service *service, uint32_t id, int64_t now_us,
                     const struct nx_alert_change *changes, size_t n) {
    struct nx_sheet sheet;
    int err = nx_sheet_init(&sheet, service->engine, id, NULL, now_us);
    if (err == NX_OK) {
        err = store_message(service, &sheet, "closed", changes, n);
        nx_sheet_fini(&sheet);
    }
    return err;
}

int nx_service_alerts_closing(struct nx_service *service, uint32_t id,
                              int64_t now_us) {
    const struct nx_alert_change *changes = NULL;
    size_t n = 0;
    if (service->postbox == NULL) {
        return NX_OK;
    }
    int err = nx_alerts_ending(service->alerts, id, now_us, &changes, &n);
    if (err == NX_OK && n > 0) {
        err = store_end(service, id, now_us, changes, n);
    }
    return err == NX_OK ? nx_store_told_drop(service->store, id) : err;
}

void nx_service_alerts_closed(struct nx_service *service, uint32_t id) {
    if (service->postbox != NULL) {
        nx_alerts_forget(service->alerts, id);
        nx_postbox_wake(service->postbox);
    }
}

/* --- what operators ask --- */

static json_t *receivers_json(const struct nx_service *service) {
    json_t *list = json_array();
    const struct nx_alert_conf *conf =
        service->postbox != NULL ? nx_postbox_receivers(service->postbox)
                                 : NULL;
    for (size_t i = 0; conf != NULL && i < conf->receivers_n; i++) {
        const struct nx_receiver *r = &conf->receivers[i];
        (void)nx_json_add(list, json_pack("{s:s, s:s}", "name", r->name, "kind",
                                          nx_receiver_kind_text(r->kind)));
    }
    return list;
}

static void list_alert(void *user, const struct nx_store_alert *alert) {
    json_t *one = json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "receiver",
        nx_json_text(alert->receiver), "key", alert->key, "state",
        nx_alert_state_text(alert->state), "made", nx_json_time(alert->made_us),
        "due",
        alert->state == NX_ALERT_QUEUED ? nx_json_time(alert->due_us)
                                        : json_null(),
        "ended", nx_json_time(alert->ended_us), "attempts",
        (json_int_t)alert->attempts, "problem",
        alert->problem[0] != '\0' ? nx_json_text(alert->problem) : json_null());
    (void)nx_json_add(user, one);
}

json_t *nx_service_alert_list(struct nx_service *service) {
    json_t *alerts = json_array();
    if (alerts != NULL && nx_store_alerts(service->store, LISTED_MAX,
                                          list_alert, alerts) != NX_OK) {
        json_decref(alerts);
        alerts = json_null();
    }
    return json_pack("{s:o, s:o, s:o}", "now",
                     nx_json_time(nx_service_now_us(service)), "receivers",
                     receivers_json(service), "alerts", alerts);
}

static bool is_receiver(const struct nx_service *service, const char *name) {
    const struct nx_alert_conf *conf = nx_postbox_receivers(service->postbox);
    for (size_t i = 0; i < conf->receivers_n; i++) {
        if (strcmp(conf->receivers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int nx_service_alert_test(struct nx_service *service, const char *receiver) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    int64_t now_us = nx_service_now_us(service);
    if (service->postbox == NULL ||
        (receiver[0] != '\0' && !is_receiver(service, receiver))) {
        return NX_ENOTFOUND;
    }
    json_t *document = nx_alert_test_document(now_us);
    int err = nx_group_begin(group);
    if (err == NX_OK) {
        err = nx_group_end(group, queue(service, document, receiver, now_us));
    }
    json_decref(document);
    nx_postbox_wake(service->postbox);
    return err;
}
