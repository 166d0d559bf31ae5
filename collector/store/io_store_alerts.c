/* Messages to operators: a queue that outlives the process. */
#include "collector/store/io_store_alerts.h"

#include <inttypes.h>
#include <string.h>

#include "collector/store/io_store_sqlite.h"

#include "common/io_log.h"

const char *nx_alert_state_text(unsigned state) {
    static const char *const text[] = {"queued", "sent", "given-up"};
    return state <= NX_ALERT_GIVEN_UP ? text[state] : "?";
}

#define REDIGEST(state, due, ended, attempts, problem)                         \
    NX_SQ_REDIGEST(NX_SQ_ALERT,                                                \
                   NX_SQ_ALERT_VALUES(state, due, ended, attempts, problem))

/* What is over, and why: the problem of the last attempt is the reason behind
 * the reason. */
#define BEHIND(reason)                                                         \
    reason " || CASE problem WHEN '' THEN '' ELSE ': ' || problem END"
#define GIVEN_UP_FOR(reason, ended)                                            \
    "state = 'given-up', problem = " BEHIND(                                   \
        reason) ", ended_us = " ended                                          \
                ", " REDIGEST("'given-up'", "due_us", ended, "attempts",       \
                              BEHIND(reason))

static int forget_old(struct nx_store *store) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_ALERT_TRIM,
                  "DELETE FROM alert WHERE state != 'queued' AND alert_id IN "
                  "(SELECT alert_id FROM alert WHERE state != 'queued' ORDER "
                  "BY alert_id DESC LIMIT -1 OFFSET ?1)");
    nx_sq_int(&sq, NX_STORE_ALERTS_KEPT_MAX);
    return nx_sq_run(&sq);
}

static int give_up_over_limit(struct nx_store *store, const char *receiver,
                              int64_t at_us) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ALERT_OVER,
        "UPDATE alert SET " GIVEN_UP_FOR(
            "'too many were waiting'", "?1") " WHERE alert_id IN (SELECT "
                                             "alert_id FROM alert WHERE "
                                             "receiver = ?2 AND state = "
                                             "'queued' ORDER BY alert_id DESC "
                                             "LIMIT -1 OFFSET ?3)");
    nx_sq_int(&sq, at_us);
    nx_sq_text(&sq, receiver);
    nx_sq_int(&sq, NX_STORE_ALERTS_QUEUED_MAX);
    int err = nx_sq_run(&sq);
    int n = err == NX_OK ? sqlite3_changes(store->db) : 0;
    store->alerts_over_open_n += (uint64_t)n;
    return n > 0 ? forget_old(store) : err;
}

uint64_t nx_store_alerts_over(const struct nx_store *store) {
    return store->alerts_over_n;
}

void nx_store_alerts_committed(struct nx_store *store) {
    if (store->alerts_over_open_n > 0) {
        nx_log(NX_LOG_WARN,
               "%" PRIu64 " alerts given up: more than %u were waiting for a "
               "receiver (nxclear alerts list)",
               store->alerts_over_open_n, NX_STORE_ALERTS_QUEUED_MAX);
    }
    store->alerts_over_n += store->alerts_over_open_n;
    store->alerts_over_open_n = 0;
}

void nx_store_alerts_rolled_back(struct nx_store *store) {
    store->alerts_over_open_n = 0;
}

int nx_store_alert_add(struct nx_store *store, const char *receiver,
                       const char *key, const char *document, int64_t at_us) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ALERT_ADD,
        "INSERT INTO alert(receiver, key, state, made_us, due_us, attempts, "
        "problem, document, digest) VALUES(?1, ?2, 'queued', ?3, ?3, 0, '', "
        "?4, nx_digest(?1, ?2, 'queued', ?3, ?3, NULL, 0, '', ?4))");
    nx_sq_text(&sq, receiver);
    nx_sq_text(&sq, key);
    nx_sq_int(&sq, at_us);
    nx_sq_text(&sq, document);
    int err = nx_sq_run(&sq);
    return err == NX_OK ? give_up_over_limit(store, receiver, at_us) : err;
}

static uint8_t state_of(const struct nx_sq *sq, int column) {
    char text[16];
    nx_sq_get_text(sq, column, text, sizeof(text));
    uint8_t state = NX_ALERT_QUEUED;
    while (state < NX_ALERT_GIVEN_UP &&
           strcmp(text, nx_alert_state_text(state)) != 0) {
        state++;
    }
    return state;
}

static const char *text_at(const struct nx_sq *sq, int column) {
    const char *text = (const char *)sqlite3_column_text(sq->stmt, column);
    return text != NULL ? text : "";
}

#define COLUMNS                                                                \
    "alert_id, receiver, key, state, made_us, due_us, ended_us, attempts, "    \
    "problem, document, damaged"

static void read_alert(const struct nx_sq *sq, struct nx_store_alert *out) {
    out->alert_id = nx_sq_get_int(sq, 0);
    out->receiver = text_at(sq, 1);
    out->key = text_at(sq, 2);
    out->state = state_of(sq, 3);
    out->made_us = nx_sq_get_int(sq, 4);
    out->due_us = nx_sq_get_int(sq, 5);
    out->ended_us = nx_sq_get_time(sq, 6);
    out->attempts = (uint32_t)nx_sq_get_int(sq, 7);
    out->problem = text_at(sq, 8);
    out->document = text_at(sq, 9);
    out->damaged = nx_sq_get_int(sq, 10) != 0;
}

static int visit_all(struct nx_sq *sq,
                     void (*visit)(void *user,
                                   const struct nx_store_alert *alert),
                     void *user) {
    int row = nx_sq_step(sq);
    while (row > 0) {
        struct nx_store_alert alert;
        read_alert(sq, &alert);
        visit(user, &alert);
        row = nx_sq_step(sq);
    }
    return row;
}

int nx_store_alert_next(struct nx_store *store, const char *receiver,
                        void (*visit)(void *user,
                                      const struct nx_store_alert *alert),
                        void *user) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_ALERT_NEXT,
                                "SELECT " COLUMNS " FROM " NX_SQ_ALERT_ROWS
                                "WHERE receiver = ?1 AND state = 'queued' "
                                "ORDER BY alert_id LIMIT 1");
    nx_sq_text(&sq, receiver);
    return visit_all(&sq, visit, user);
}

int nx_store_alerts(struct nx_store *store, unsigned newest_n,
                    void (*visit)(void *user,
                                  const struct nx_store_alert *alert),
                    void *user) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_ALERTS,
                                "SELECT " COLUMNS " FROM " NX_SQ_ALERT_ROWS
                                "ORDER BY alert_id DESC LIMIT ?1");
    nx_sq_int(&sq, newest_n);
    return visit_all(&sq, visit, user);
}

int nx_store_alert_retry(struct nx_store *store, int64_t alert_id,
                         int64_t due_us, const char *problem) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ALERT_RETRY,
        "UPDATE alert SET due_us = ?1, attempts = attempts + 1, problem = "
        "?2, " REDIGEST("state", "?1", "ended_us", "attempts + 1",
                        "?2") " WHERE alert_id = ?3 AND state = 'queued'");
    nx_sq_int(&sq, due_us);
    nx_sq_text(&sq, problem);
    nx_sq_int(&sq, alert_id);
    return nx_sq_run(&sq);
}

int nx_store_alert_end(struct nx_store *store, int64_t alert_id,
                       const char *problem, int64_t at_us) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ALERT_END,
        "UPDATE alert SET state = ?1, ended_us = ?2, attempts = attempts + 1, "
        "problem = ?3, " REDIGEST(
            "?1", "due_us", "?2", "attempts + 1",
            "?3") " WHERE alert_id = ?4 AND state = 'queued'");
    nx_sq_text(&sq, nx_alert_state_text(problem == NULL ? NX_ALERT_SENT
                                                        : NX_ALERT_GIVEN_UP));
    nx_sq_int(&sq, at_us);
    nx_sq_text(&sq, problem == NULL ? "" : problem);
    nx_sq_int(&sq, alert_id);
    int err = nx_sq_run(&sq);
    return err == NX_OK ? forget_old(store) : err;
}

int nx_store_alert_drop(struct nx_store *store, int64_t alert_id,
                        const char *reason, int64_t at_us) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_ALERT_DROP,
                  "UPDATE alert SET " GIVEN_UP_FOR(
                      "?1", "?2") " WHERE alert_id = ?3 AND state = "
                                  "'queued'");
    nx_sq_text(&sq, reason);
    nx_sq_int(&sq, at_us);
    nx_sq_int(&sq, alert_id);
    int err = nx_sq_run(&sq);
    return err == NX_OK ? forget_old(store) : err;
}

/* --- what was told --- */

int nx_store_told_put(struct nx_store *store, uint32_t incident_id,
                      const struct nx_alert_told *told) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_TOLD_PUT,
                  "INSERT OR REPLACE INTO alert_told(" NX_SQ_TOLD_VALUES
                  ", digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, "
                  "nx_digest(?1, ?2, ?3, ?4, ?5, ?6))");
    nx_sq_int(&sq, incident_id);
    nx_sq_text(&sq, told->network);
    nx_sq_text(&sq, nx_state_text(told->state));
    nx_sq_int(&sq, told->stuck ? 1 : 0);
    nx_sq_int(&sq, told->at_us);
    nx_sq_real(&sq, told->penalty);
    return nx_sq_run(&sq);
}

int nx_store_told_drop(struct nx_store *store, uint32_t incident_id) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_TOLD_DROP,
                                "DELETE FROM alert_told WHERE incident_id = "
                                "?1");
    nx_sq_int(&sq, incident_id);
    return nx_sq_run(&sq);
}

static uint8_t network_state(const struct nx_sq *sq, int column) {
    char text[40];
    nx_sq_get_text(sq, column, text, sizeof(text));
    unsigned state = nx_state_of_text(text);
    return state < NX_STATE_N_ ? (uint8_t)state : NX_STATE_CLEAR;
}

int nx_store_told(struct nx_store *store,
                  void (*visit)(void *user, uint32_t incident_id,
                                const struct nx_alert_told *told),
                  void *user) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_TOLD,
                                "SELECT " NX_SQ_TOLD_VALUES
                                ", damaged FROM " NX_SQ_TOLD_ROWS);
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_alert_told told = {.state = network_state(&sq, 2),
                                     .stuck = nx_sq_get_int(&sq, 3) != 0,
                                     .at_us = nx_sq_get_int(&sq, 4),
                                     .penalty =
                                         sqlite3_column_double(sq.stmt, 5)};
        nx_sq_get_text(&sq, 1, told.network, sizeof(told.network));
        if (nx_sq_get_int(&sq, 6) != 0) {
            nx_log(NX_LOG_ERROR,
                   "what operators were told of network %s last is damaged, "
                   "and taken for nothing",
                   told.network);
        } else {
            visit(user, (uint32_t)nx_sq_get_int(&sq, 0), &told);
        }
    }
    return row;
}
