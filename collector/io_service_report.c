/* The report of an incident: the store's rows into the fold, some at a time. */
#include "collector/io_service_priv.h"
#include "collector/status/report.h"

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

/* The end of one kind, for want of rows or because there are too many. */
static void next_kind(struct nx_service_rows *rows, bool more) {
    rows->truncated |= more;
    rows->after_id = 0;
    rows->read_n = 0;
    rows->kind++;
}

int nx_service_report_rows(struct nx_service *service, uint32_t id,
                           struct nx_service_rows *rows, unsigned max,
                           struct nx_report *report) {
    unsigned left = NX_REPORT_EVENTS_MAX - rows->read_n;
    unsigned n = max < left ? max : left;
    if (rows->kind == NX_ROWS_DONE) {
        return NX_OK;
    }
    int more = rows->kind == NX_ROWS_TRANSITIONS
                   ? nx_store_transitions(service->store, id, &rows->after_id,
                                          n, on_transition, report)
                   : nx_store_forecasts(service->store, id, &rows->after_id, n,
                                        on_forecast, report);
    rows->read_n += n;
    if (more < 0) {
        return more;
    }
    if (more == 0 || rows->read_n == NX_REPORT_EVENTS_MAX) {
        next_kind(rows, more > 0);
    }
    return rows->kind == NX_ROWS_DONE ? NX_OK : NX_EAGAIN;
}
