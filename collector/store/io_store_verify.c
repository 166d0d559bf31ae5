/* What --check and --rebuild ask of the store. */
#include "collector/store/io_store_sqlite.h"

int nx_store_check_pages(struct nx_store *store,
                         void (*found)(void *user, const char *text),
                         void *user) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_CHECK_PAGES, "PRAGMA integrity_check(20)");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        char text[256];
        nx_sq_get_text(&sq, 0, text, sizeof(text));
        found(user, text);
    }
    return row;
}

/* A stream whose beginning was deleted is known by its first batch: what it
 * lacks then cannot be told from gaps. */
int nx_store_streams(struct nx_store *store,
                     void (*visit)(void *user,
                                   const struct nx_store_stream *stream),
                     void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_STREAMS,
        "WITH run AS (SELECT agent_id, epoch, first_seq, results_n, "
        "lag(first_seq + results_n) OVER (PARTITION BY agent_id, epoch ORDER "
        "BY first_seq) AS due FROM batch), logged AS (SELECT agent_id, epoch, "
        "sum(results_n) AS n, max(first_seq + results_n - 1) AS last, "
        "sum(first_seq < due) AS twice FROM run GROUP BY agent_id, epoch) "
        "SELECT agent_id, epoch, coalesce(n, 0), coalesce(last, 0), "
        "coalesce(twice, 0), acked_seq IS NOT NULL FROM logged LEFT JOIN "
        "stream USING(agent_id, epoch) UNION ALL SELECT agent_id, epoch, 0, 0, "
        "0, 1 FROM stream WHERE (agent_id, epoch) NOT IN (SELECT agent_id, "
        "epoch FROM batch)");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        struct nx_store_stream stream = {
            .agent_id = (uint32_t)nx_sq_get_int(&sq, 0),
            .epoch = nx_sq_get_u64(&sq, 1),
            .logged_n = nx_sq_get_u64(&sq, 2),
            .last_seq = nx_sq_get_u64(&sq, 3),
            .overlaps_n = nx_sq_get_u64(&sq, 4),
        };
        if (nx_sq_get_int(&sq, 5) != 0) {
            int err = nx_store_stream_get(store, stream.agent_id, stream.epoch,
                                          &stream.position);
            stream.known = err == NX_OK;
            stream.damaged = err == NX_EMALFORMED;
        }
        visit(user, &stream);
    }
    return row;
}

int nx_store_log_extent(struct nx_store *store, struct nx_store_extent *out) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_LOG_EXTENT,
                                "SELECT max(from_us) FROM log_begin");
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_EIO : row;
    }
    int64_t from_us = nx_sq_get_time(&sq, 0);
    out->whole = from_us == NX_TIME_UNKNOWN;
    out->from_us = out->whole ? 0 : from_us;
    nx_sq_end(&sq);
    return NX_OK;
}

/* The ids of batches have no holes but those that retention makes. */
int nx_store_log_missing(struct nx_store *store, uint64_t *n) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_LOG_MISSING,
        "SELECT max(batch_id) - begin.after_batch - count(batch_id) FROM "
        "(SELECT coalesce(max(after_batch), 0) AS after_batch FROM log_begin) "
        "AS begin LEFT JOIN batch ON batch_id > after_batch");
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_EIO : row;
    }
    *n = nx_sq_get_u64(&sq, 0); /* NULL, without batches: 0 */
    nx_sq_end(&sq);
    return NX_OK;
}

int nx_store_heard_before(struct nx_store *store, uint32_t agent_id,
                          int64_t at_us) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_HEARD_BEFORE,
                                "SELECT EXISTS (SELECT 1 FROM hello WHERE "
                                "agent_id = ?1 AND received_us < ?2)");
    nx_sq_int(&sq, agent_id);
    nx_sq_int(&sq, at_us);
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_EIO : row;
    }
    int heard = nx_sq_get_int(&sq, 0) != 0 ? 1 : 0;
    nx_sq_end(&sq);
    return heard;
}

int nx_store_derived_drop(struct nx_store *store, uint32_t incident_id) {
    static const struct {
        enum nx_sq_slot slot;
        const char *sql;
    } drops[] = {
        {NX_SQ_DROP_TARGET, "DELETE FROM target WHERE incident_id = ?1"},
        {NX_SQ_DROP_TRANSITION,
         "DELETE FROM transition WHERE incident_id = ?1"},
        {NX_SQ_DROP_FORECAST, "DELETE FROM forecast WHERE incident_id = ?1 "
                              "AND agent_id > 0"}, /* networks' stay */
        {NX_SQ_DROP_OUTCOME, "DELETE FROM outcome WHERE incident_id = ?1"},
        {NX_SQ_DROP_FACT, "DELETE FROM authority_fact WHERE incident_id = ?1"},
    };
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < sizeof(drops) / sizeof(*drops);
         i++) {
        struct nx_sq sq = nx_sq_use(store, drops[i].slot, drops[i].sql);
        nx_sq_int(&sq, incident_id);
        err = nx_sq_run(&sq);
    }
    return err;
}

int nx_store_damaged_drop(struct nx_store *store, uint64_t *n) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_DROP_DAMAGED,
                                "DELETE FROM forecast WHERE agent_id = 0 AND "
                                "digest <> nx_digest(" NX_SQ_FORECAST ")");
    int err = nx_sq_run(&sq);
    *n = err == NX_OK ? (uint64_t)sqlite3_changes(store->db) : 0;
    return err;
}
