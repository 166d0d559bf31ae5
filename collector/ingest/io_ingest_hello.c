/* Hellos on the record: what the resolvers were is part of an incident. */
#include <inttypes.h>

#include "collector/ingest/io_ingest_priv.h"
#include "common/io_log.h"

#define HERE_LOG_US 60000000 /* over one connection */

/* The agent is not kept waiting for it. Within what may be stored of the agent:
 * it may say another thing each time. */
void nx_ingest_store_hello(struct nx_ingest *ingest, struct nx_peer *peer,
                           const uint8_t *bytes, size_t len, uint64_t digest,
                           int64_t received_us) {
    if (!nx_ingest_within_quota(ingest, peer, len, received_us) ||
        nx_group_open(ingest->group) != NX_OK) {
        return;
    }
    if (nx_store_hello_append(ingest->parts.store, peer->agent_id, received_us,
                              bytes, len) != NX_OK) {
        nx_group_abort(ingest->group);
        return;
    }
    nx_quota_add(&peer->quota, len);
    peer->hello_stored = true;
    peer->hello_digest = digest;
    peer->hello_transaction = ingest->transaction;
}

void nx_ingest_hellos_done(struct nx_ingest *ingest, bool committed) {
    for (size_t i = 0; !committed && i < ingest->peers.cap; i++) {
        struct nx_peer *peer = ingest->peers.by_id[i];
        if (peer != NULL && peer->hello_transaction == ingest->transaction) {
            peer->hello_stored = false; /* the next one is */
        }
    }
    ingest->transaction++;
}

void nx_ingest_log_here(struct nx_peer *peer, const struct nx_hello *hello,
                        int64_t now_us) {
    uint64_t held_n = 0;
    if (!peer->greeted ||
        nx_quiet_pass(&peer->here_quiet, now_us, HERE_LOG_US, &held_n)) {
        nx_log(NX_LOG_INFO, "agent %" PRIu32 " is here from %s (%s)",
               peer->agent_id, peer->address, hello->software);
    }
}
