/* What happened to the targets of an incident, for its report. */
#include "collector/store/io_store_sqlite.h"

static const char *text_at(const struct nx_sq *sq, int column) {
    const char *text = (const char *)sqlite3_column_text(sq->stmt, column);
    return text != NULL ? text : "";
}

/* Columns 0..5: network, agent, resolver, name, type, at_us. */
static void read_event(const struct nx_sq *sq, struct nx_store_event *out) {
    *out = (struct nx_store_event){.key = {.network = text_at(sq, 0),
                                           .agent = text_at(sq, 1),
                                           .resolver = text_at(sq, 2),
                                           .name = text_at(sq, 3),
                                           .type = text_at(sq, 4)},
                                   .at_us = nx_sq_get_int(sq, 5)};
}

/* *after_id: column `column`; whether it is damaged: the next one. */
static int
read_some(struct nx_sq *sq, const char *table, uint32_t incident_id,
          int64_t *after_id, int column, unsigned max,
          void (*read)(const struct nx_sq *sq, struct nx_store_event *out),
          void (*visit)(void *user, const struct nx_store_event *event),
          void *user) {
    unsigned n = 0;
    nx_sq_int(sq, incident_id);
    nx_sq_int(sq, *after_id);
    int row = nx_sq_step(sq);
    while (row > 0 && n++ < max) {
        struct nx_store_event event;
        read_event(sq, &event);
        read(sq, &event);
        *after_id = nx_sq_get_int(sq, column);
        if (nx_sq_get_int(sq, column + 1) != 0) {
            return nx_sq_refuse_row(sq, table, *after_id);
        }
        visit(user, &event);
        row = nx_sq_step(sq);
    }
    if (row > 0) {
        nx_sq_end(sq);
    }
    return row;
}

static void read_transition(const struct nx_sq *sq,
                            struct nx_store_event *out) {
    out->to_state = text_at(sq, 6);
}

int nx_store_transitions(struct nx_store *store, uint32_t incident_id,
                         int64_t *after_id, unsigned max,
                         void (*visit)(void *user,
                                       const struct nx_store_event *event),
                         void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_TRANSITIONS,
        "SELECT a.network, a.name, t.resolver, t.name, t.type, t.at_us, "
        "t.to_state, t.transition_id, damaged FROM " NX_SQ_TRANSITION_ROWS
        "t JOIN agent a USING(agent_id) WHERE t.incident_id = ?1 AND "
        "t.transition_id > ?2 ORDER BY t.transition_id");
    return read_some(&sq, "transition", incident_id, after_id, 7, max,
                     read_transition, visit, user);
}

static void read_forecast(const struct nx_sq *sq, struct nx_store_event *out) {
    out->basis = text_at(sq, 6);
    out->clear_us = nx_sq_get_int(sq, 7);
    out->lo90_us = nx_sq_get_int(sq, 8);
    out->hi90_us = nx_sq_get_int(sq, 9);
}

int nx_store_forecasts(struct nx_store *store, uint32_t incident_id,
                       int64_t *after_id, unsigned max,
                       void (*visit)(void *user,
                                     const struct nx_store_event *event),
                       void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_FORECASTS,
        "SELECT a.network, a.name, f.resolver, f.name, f.type, f.at_us, "
        "f.basis, f.clear_us, f.clear_lo90_us, f.clear_hi90_us, "
        "f.forecast_id, damaged FROM " NX_SQ_FORECAST_ROWS
        "f JOIN agent a USING(agent_id) WHERE f.incident_id = ?1 "
        "AND f.forecast_id > ?2 ORDER BY f.forecast_id");
    return read_some(&sq, "forecast", incident_id, after_id, 10, max,
                     read_forecast, visit, user);
}
