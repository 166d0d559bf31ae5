/* The report of an incident: the store's rows into the fold. */
#include "collector/io_service_priv.h"
#include "collector/status/report.h"
#include "collector/status/status.h"

static void on_transition(void *user, const struct nx_store_event *event) {
    nx_report_transition(user, &event->key, event->at_us, event->to_state);
}

static void on_forecast(void *user, const struct nx_store_event *event) {
    const struct nx_report_forecast forecast = {.at_us = event->at_us,
                                                .point_us = event->clear_us,
                                                .lo90_us = event->lo90_us,
                                                .hi90_us = event->hi90_us,
                                                .basis = event->basis};
    nx_report_forecast(user, &event->key, &forecast);
}

json_t *nx_service_report(struct nx_service *service, uint32_t id) {
    struct nx_report *report = NULL;
    json_t *document = NULL;
    json_t *status =
        nx_status_incident(service->engine, id, nx_service_now_us(service));
    if (status != NULL && nx_report_new(&report) == NX_OK) {
        int more = nx_store_transitions(
            service->store, id, NX_REPORT_EVENTS_MAX, on_transition, report);
        int late = more < 0 ? more
                            : nx_store_forecasts(service->store, id,
                                                 NX_REPORT_EVENTS_MAX,
                                                 on_forecast, report);
        if (more >= 0 && late >= 0) {
            document = nx_report_document(report, status, more > 0 || late > 0);
        }
    }
    nx_report_free(&report);
    json_decref(status);
    return document;
}
