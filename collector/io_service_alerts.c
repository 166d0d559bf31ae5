/* Alerts: what the state machine says goes into the store, in one transaction
 * with what was told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/io_service_priv.h"
#include "collector/status/status_text.h"
#include "common/io_log.h"

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
    int err = make_alerts(service, conf);
    (void)snprintf(why, NX_COURIER_WHY_MAX, "%s",
                   err == NX_OK ? nx_strerror(NX_ENOMEM)
                                : nx_store_reason(service->store, err));
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
    nx_service_look_fini(service);
    nx_postbox_free(&service->postbox);
    nx_alerts_free(&service->alerts);
}

/* --- messages --- */

/* For each receiver; inside the transaction. */
static int queue(struct nx_service *service, const char *key, const char *text,
                 const char *only, int64_t now_us) {
    const struct nx_alert_conf *conf = nx_postbox_receivers(service->postbox);
    int err = text == NULL ? NX_ENOMEM : NX_OK;
    for (size_t i = 0; err == NX_OK && i < conf->receivers_n; i++) {
        const char *name = conf->receivers[i].name;
        if (only[0] == '\0' || strcmp(only, name) == 0) {
            err = nx_store_alert_add(service->store, name, key, text, now_us);
        }
    }
    return err;
}

int nx_service_alerts_store(struct nx_service *service,
                            const struct nx_board_page *page, const char *kind,
                            const struct nx_alert_change *changes, size_t n,
                            int64_t now_us) {
    char key[NX_ALERT_KEY_MAX];
    struct nx_text text;
    nx_text_init(&text);
    nx_alert_put_document(&text, page, kind, now_us, changes, n);
    int err = queue(service, nx_alert_key(page->incident_id, now_us, key),
                    text.failed ? NULL : text.bytes, "", now_us);
    for (size_t i = 0; err == NX_OK && i < n; i++) {
        err = nx_store_told_put(service->store, page->incident_id,
                                &changes[i].now);
    }
    nx_text_fini(&text);
    return err;
}

/* --- the end of an incident --- */

int nx_service_alerts_closing(struct nx_service *service,
                              const struct nx_board_page *page,
                              int64_t now_us) {
    const struct nx_alert_change *changes = NULL;
    uint32_t id = page->incident_id;
    size_t n = 0;
    if (service->postbox == NULL) {
        return NX_OK;
    }
    int err = nx_service_alerts_see(service, page, now_us);
    err = err == NX_OK
              ? nx_alerts_ending(service->alerts, id, now_us, &changes, &n)
              : err;
    if (err == NX_OK && n > 0) {
        err = nx_service_alerts_store(service, page, "closed", changes, n,
                                      now_us);
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
    const char *problem =
        alert->damaged ? "this is not what was written" : alert->problem;
    json_t *one =
        json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "receiver",
                  nx_json_text(alert->receiver), "key", alert->key, "state",
                  nx_alert_state_text(alert->state), "made",
                  nx_json_time(alert->made_us), "due",
                  alert->state == NX_ALERT_QUEUED ? nx_json_time(alert->due_us)
                                                  : json_null(),
                  "ended", nx_json_time(alert->ended_us), "attempts",
                  (json_int_t)alert->attempts, "problem",
                  problem[0] != '\0' ? nx_json_text(problem) : json_null());
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
    char key[NX_ALERT_KEY_MAX];
    struct nx_text text;
    nx_text_init(&text);
    nx_put_value(&text, nx_alert_test_document(now_us));
    int err = nx_group_begin(group);
    if (err == NX_OK) {
        err = nx_group_end(group, queue(service, nx_alert_key(0, now_us, key),
                                        text.failed ? NULL : text.bytes,
                                        receiver, now_us));
    }
    nx_text_fini(&text);
    nx_postbox_wake(service->postbox);
    return err;
}
