/* Streams and the log of batches; io_store_read.c reads it. */
#include "collector/store/io_store_sqlite.h"

int nx_store_stream_get(struct nx_store *store, uint32_t agent_id,
                        uint64_t epoch, struct nx_stream_position *out) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_STREAM_GET,
                  "SELECT acked_seq, received_n, dropped_n FROM stream "
                  "WHERE agent_id = ?1 AND epoch = ?2");
    nx_sq_int(&sq, agent_id);
    nx_sq_u64(&sq, epoch);
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_ENOTFOUND : row;
    }
    out->acked_seq = nx_sq_get_u64(&sq, 0);
    out->received_n = nx_sq_get_u64(&sq, 1);
    out->dropped_n = nx_sq_get_u64(&sq, 2);
    nx_sq_end(&sq);
    return NX_OK;
}

int nx_store_stream_put(struct nx_store *store, uint32_t agent_id,
                        uint64_t epoch,
                        const struct nx_stream_position *position,
                        int64_t at_us) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_STREAM_PUT,
        "INSERT INTO stream(agent_id, epoch, acked_seq, received_n, dropped_n, "
        "changed_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6) "
        "ON CONFLICT(agent_id, epoch) DO UPDATE SET "
        "acked_seq = excluded.acked_seq, received_n = excluded.received_n, "
        "dropped_n = excluded.dropped_n, changed_us = excluded.changed_us");
    nx_sq_int(&sq, agent_id);
    nx_sq_u64(&sq, epoch);
    nx_sq_u64(&sq, position->acked_seq);
    nx_sq_u64(&sq, position->received_n);
    nx_sq_u64(&sq, position->dropped_n);
    nx_sq_int(&sq, at_us);
    return nx_sq_run(&sq);
}

int nx_store_batch_append(struct nx_store *store,
                          const struct nx_store_batch *batch) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_BATCH_ADD,
        "INSERT INTO batch(agent_id, epoch, first_seq, results_n, skip, "
        "received_us, payload) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    nx_sq_int(&sq, batch->agent_id);
    nx_sq_u64(&sq, batch->epoch);
    nx_sq_u64(&sq, batch->first_seq);
    nx_sq_int(&sq, batch->results_n);
    nx_sq_int(&sq, batch->skip);
    nx_sq_int(&sq, batch->received_us);
    nx_sq_blob(&sq, batch->payload, batch->payload_len);
    return nx_sq_run(&sq);
}
