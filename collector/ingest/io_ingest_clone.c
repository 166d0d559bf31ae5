/* Keys that are used twice. */
#include <inttypes.h>
#include <stdio.h>

#include "collector/ingest/io_ingest_priv.h"
#include "common/hash.h"
#include "common/io_log.h"

static const char *how(const struct nx_peer *peer) {
    return peer->in_turn ? "by two machines in turn" : "twice at once";
}

static void found(struct nx_ingest *ingest, struct nx_peer *peer,
                  bool in_turn) {
    peer->cloned = true;
    peer->in_turn = in_turn;
    ingest->clones_n++;
    nx_log(NX_LOG_ERROR,
           "agent %" PRIu32 ": its key is used %s, from %s and %s: "
           "nothing is taken of it any more",
           peer->agent_id, how(peer), peer->address, peer->other_address);
}

bool nx_ingest_is_clone(struct nx_ingest *ingest, struct nx_peer *peer,
                        const struct nx_clock_sample *clock, int64_t now_us) {
    /* 0 is nobody's. */
    uint64_t connection = nx_hash(peer->routing, peer->routing_n, 1) | 1;
    if (!nx_clone_seen(&peer->clone, connection, clock, now_us)) {
        return false;
    }
    found(ingest, peer, false);
    return true;
}

bool nx_ingest_in_turn(struct nx_ingest *ingest, struct nx_peer *peer,
                       const struct nx_hello *hello, int64_t now_us) {
    if (!nx_clone_in_turn(&peer->clone, hello, now_us)) {
        return false;
    }
    found(ingest, peer, true);
    return true;
}

uint32_t nx_ingest_clone(const struct nx_ingest *ingest, uint32_t after_id,
                         char *why, size_t why_cap) {
    size_t i = (size_t)after_id + 1;
    for (; ingest->clones_n > 0 && i < ingest->peers.cap; i++) {
        const struct nx_peer *peer = ingest->peers.by_id[i];
        if (peer != NULL && peer->cloned) {
            snprintf(why, why_cap, "its key is used %s, from %s and %s",
                     how(peer), peer->address, peer->other_address);
            return peer->agent_id;
        }
    }
    return 0;
}

void nx_ingest_clone_over(struct nx_ingest *ingest, struct nx_peer *peer) {
    ingest->clones_n -= peer->cloned ? 1 : 0;
    peer->cloned = false;
    peer->clone = (struct nx_clone){.returns_n = 0};
}
