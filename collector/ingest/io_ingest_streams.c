/* Streams of agents, from memory or the store. */
#include <inttypes.h>

#include "collector/ingest/io_ingest_priv.h"
#include "common/io_log.h"

/* A spool that is made anew at each start, without a disk for it, is usual; a
 * stolen key could fill the store with streams. */
#define STREAM_S 600U /* one each */
#define STREAMS_BURST 64U
#define LOG_EVERY_US 600000000

/* An agent makes a stream with its spool. NX_EEXISTS: what it says in a new one
 * may have come before. NX_ELIMIT: too many of them. */
static int may_begin(struct nx_ingest *ingest, struct nx_peer *peer,
                     const struct nx_batch *batch, int64_t now_us) {
    static const struct nx_bucket_rate rate = {1, STREAMS_BURST * STREAM_S};
    int64_t until_us = 0;
    uint64_t held_n = 0;
    int err =
        nx_store_forgotten(ingest->parts.store, peer->agent_id, &until_us);
    if (err != NX_ENOTFOUND &&
        (err != NX_OK || nx_stream_forgotten(&batch->clock, until_us))) {
        return err != NX_OK ? err : NX_EEXISTS;
    }
    if (nx_bucket_take(&peer->new_streams, &rate, STREAM_S, now_us)) {
        return NX_OK;
    }
    if (nx_quiet_pass(&peer->streams_quiet, now_us, LOG_EVERY_US, &held_n)) {
        nx_log(NX_LOG_WARN,
               "agent %" PRIu32 " (%s): begins a new spool again and again: "
               "not acknowledged, one each %u minutes is taken",
               peer->agent_id, peer->address, STREAM_S / 60);
    }
    return NX_ELIMIT;
}

/* Nobody knows what of it is stored: nothing of it is taken. */
static void note_damaged(struct nx_peer *peer, uint64_t epoch,
                         const struct nx_stream_position *p, int64_t now_us) {
    uint64_t held_n = 0;
    if (nx_quiet_pass(&peer->damaged_quiet, now_us, LOG_EVERY_US, &held_n)) {
        nx_log(NX_LOG_ERROR,
               "agent %" PRIu32 " (%s): the store is damaged: what it says of "
               "the results of spool %016" PRIx64 " cannot be (all to %" PRIu64
               ", %" PRIu64 " received, %" PRIu64
               " lost): not acknowledged, the agent keeps them until its spool "
               "is full: stop the collector, verify the store, restore it from "
               "a backup",
               peer->agent_id, peer->address, epoch, p->acked_seq,
               p->received_n, p->dropped_n);
    }
}

struct nx_stream *nx_ingest_stream(struct nx_ingest *ingest,
                                   struct nx_peer *peer, uint64_t epoch,
                                   const struct nx_batch *first, int64_t now_us,
                                   int *err) {
    *err = NX_OK;
    struct nx_stream *stream = nx_streams_find(&peer->streams, epoch);
    if (stream != NULL) {
        return stream;
    }
    struct nx_stream_position position;
    int got = nx_store_stream_get(ingest->parts.store, peer->agent_id, epoch,
                                  &position);
    if (got == NX_ENOTFOUND && first == NULL) {
        return NULL;
    }
    if (got == NX_ENOTFOUND) {
        int may = may_begin(ingest, peer, first, now_us);
        got = may == NX_OK ? got : may;
    }
    if (got != NX_OK && got != NX_ENOTFOUND && got != NX_EMALFORMED) {
        *err = got;
        return NULL;
    }
    if (got == NX_EMALFORMED ||
        (got == NX_OK && !nx_stream_possible(&position))) {
        note_damaged(peer, epoch, &position, now_us);
        return NULL;
    }
    const struct nx_stream_position *known = got == NX_OK ? &position : NULL;
    stream = nx_streams_add(&peer->streams, epoch, known);
    return stream;
}
