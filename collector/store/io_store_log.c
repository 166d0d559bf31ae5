/* Streams and the log of batches; io_store_read.c reads it. */
#include "collector/store/io_store_sqlite.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/hash.h"

#define AHEAD_TEXT_MAX (NX_AHEAD_MAX * 2U * 21U) /* digits and a sign each */

static void ahead_text(const struct nx_ahead *ahead, char *out) {
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ahead->n; i++) {
        int n = snprintf(out + len, AHEAD_TEXT_MAX - len,
                         "%s%" PRIu64 "-%" PRIu64, i > 0 ? "," : "",
                         ahead->runs[i].from_seq, ahead->runs[i].to_seq);
        len += (size_t)n;
    }
}

/* What does not parse gives a position that nx_streams_add finds impossible. */
static void ahead_parse(const char *text, struct nx_ahead *out) {
    int used = 0;
    out->n = 0;
    while (*text != '\0' && out->n < NX_AHEAD_MAX) {
        struct nx_seq_range *run = &out->runs[out->n++];
        *run = (struct nx_seq_range){0};
        if (sscanf(text, "%" SCNu64 "-%" SCNu64 "%n", &run->from_seq,
                   &run->to_seq, &used) != 2) {
            return;
        }
        text += used;
        text += *text == ',' ? 1 : 0;
    }
}

int nx_store_stream_get(struct nx_store *store, uint32_t agent_id,
                        uint64_t epoch, struct nx_stream_position *out) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_STREAM_GET,
                  "SELECT acked_seq, received_n, dropped_n, ahead, "
                  "digest <> nx_digest(agent_id, epoch, acked_seq, "
                  "received_n, dropped_n, changed_us, ahead) FROM stream "
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
    char ahead[AHEAD_TEXT_MAX];
    nx_sq_get_text(&sq, 3, ahead, sizeof(ahead));
    ahead_parse(ahead, &out->ahead);
    bool damaged = nx_sq_get_int(&sq, 4) != 0;
    nx_sq_end(&sq);
    return damaged ? NX_EMALFORMED : NX_OK;
}

int nx_store_stream_latest(
    struct nx_store *store,
    void (*visit)(void *user, uint32_t agent_id, uint64_t epoch,
                  const struct nx_stream_position *position),
    void *user) {
    /* SQLite takes the other columns from the row of the maximum. */
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_STREAM_LATEST,
                  "SELECT agent_id, epoch, acked_seq, received_n, dropped_n, "
                  "max(changed_us) FROM stream GROUP BY agent_id");
    int row = 0;
    while ((row = nx_sq_step(&sq)) > 0) {
        const struct nx_stream_position position = {
            .acked_seq = nx_sq_get_u64(&sq, 2),
            .received_n = nx_sq_get_u64(&sq, 3),
            .dropped_n = nx_sq_get_u64(&sq, 4)};
        visit(user, (uint32_t)nx_sq_get_int(&sq, 0), nx_sq_get_u64(&sq, 1),
              &position);
    }
    return row;
}

int nx_store_stream_put(struct nx_store *store, uint32_t agent_id,
                        uint64_t epoch,
                        const struct nx_stream_position *position,
                        int64_t at_us) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_STREAM_PUT,
        "INSERT INTO stream(agent_id, epoch, acked_seq, received_n, dropped_n, "
        "changed_us, ahead, digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
        "nx_digest(?1, ?2, ?3, ?4, ?5, ?6, ?7)) "
        "ON CONFLICT(agent_id, epoch) DO UPDATE SET "
        "acked_seq = excluded.acked_seq, received_n = excluded.received_n, "
        "dropped_n = excluded.dropped_n, changed_us = excluded.changed_us, "
        "ahead = excluded.ahead, digest = excluded.digest");
    char ahead[AHEAD_TEXT_MAX];
    ahead_text(&position->ahead, ahead);
    nx_sq_int(&sq, agent_id);
    nx_sq_u64(&sq, epoch);
    nx_sq_u64(&sq, position->acked_seq);
    nx_sq_u64(&sq, position->received_n);
    nx_sq_u64(&sq, position->dropped_n);
    nx_sq_int(&sq, at_us);
    nx_sq_text(&sq, ahead);
    return nx_sq_run(&sq);
}

uint64_t nx_sq_digest(const struct nx_store_batch *row) {
    uint64_t digest = nx_hash_u64(row->agent_id, 1);
    digest = nx_hash_u64(row->epoch, digest);
    digest = nx_hash_u64(row->first_seq, digest);
    digest = nx_hash_u64(row->results_n, digest);
    digest = nx_hash_u64(row->skip, digest);
    digest = nx_hash_u64((uint64_t)row->received_us, digest);
    return nx_hash(row->payload, row->payload_len, digest);
}

int nx_store_batch_append(struct nx_store *store,
                          const struct nx_store_batch *batch) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_BATCH_ADD,
        "INSERT INTO batch(batch_id, agent_id, epoch, first_seq, results_n, "
        "skip, received_us, payload, digest) VALUES(1 + " NX_SQ_NEWEST_BATCH
        ", ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    nx_sq_int(&sq, batch->agent_id);
    nx_sq_u64(&sq, batch->epoch);
    nx_sq_u64(&sq, batch->first_seq);
    nx_sq_int(&sq, batch->results_n);
    nx_sq_int(&sq, batch->skip);
    nx_sq_int(&sq, batch->received_us);
    nx_sq_blob(&sq, batch->payload, batch->payload_len);
    nx_sq_u64(&sq, nx_sq_digest(batch));
    return nx_sq_run(&sq);
}
