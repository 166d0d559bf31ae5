/* The agents' ledgers. */
#include <inttypes.h>

#include "collector/ingest/io_ingest_priv.h"
#include "common/io_log.h"

#define LOG_EVERY_US INT64_C(600000000)

static const struct nx_stream_position *
position_of(struct nx_peer *peer, uint64_t epoch,
            struct nx_stream_position *out) {
    const struct nx_stream *stream = nx_streams_find(&peer->streams, epoch);
    if (stream == NULL) {
        return NULL;
    }
    *out = stream->done;
    return out;
}

void nx_ingest_note_ledger(struct nx_peer *peer, const struct nx_hello *hello,
                           int64_t now_us) {
    uint64_t held_n = 0;
    struct nx_stream_position position;
    struct nx_ledger ledger;
    const struct nx_stream_position *known =
        position_of(peer, hello->epoch, &position);
    nx_ledger_hello(&peer->said, hello, known);
    nx_ledger_fill(&peer->said, known, &ledger);
    if (ledger.problem != NULL &&
        nx_quiet_pass(&peer->ledger_quiet, now_us, LOG_EVERY_US, &held_n)) {
        nx_log(NX_LOG_WARN,
               "agent %" PRIu32 " (%s): its ledger does not balance: %s",
               peer->agent_id, peer->address, ledger.problem);
    }
}

void nx_ingest_ledger_load(struct nx_ingest *ingest, uint32_t agent_id,
                           const struct nx_ledger *stored) {
    struct nx_peer *peer = nx_peers_get(&ingest->peers, agent_id);
    if (peer != NULL) {
        peer->stored = *stored;
    }
}

int nx_ingest_ledger(const struct nx_ingest *ingest, uint32_t agent_id,
                     struct nx_ledger *out) {
    struct nx_peer *peer = nx_peers_get(&ingest->peers, agent_id);
    struct nx_stream_position position;
    if (peer == NULL) {
        return NX_ENOTFOUND;
    }
    if (!peer->said.known) {
        *out = peer->stored;
        return NX_OK;
    }
    nx_ledger_fill(&peer->said, position_of(peer, peer->said.epoch, &position),
                   out);
    return NX_OK;
}
