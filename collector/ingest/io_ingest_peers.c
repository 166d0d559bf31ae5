/* The agents that may connect, and their connections. */
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "collector/ingest/io_ingest_priv.h"
#include "common/io_log.h"

#define SURPLUS_LOG_US 60000000

/* In one role an agent does not do what a plan for the other asks; nothing else
 * would say so. */
void nx_ingest_check_role(const struct nx_peer *peer) {
    if (!peer->accepted || !peer->told ||
        peer->told_authority == peer->authority) {
        return;
    }
    nx_log(NX_LOG_WARN,
           "agent %" PRIu32 " is accepted in the role %s, but its own "
           "configuration says %s: it will do nothing; accept it again with "
           "--role %s or change its configuration",
           peer->agent_id, peer->authority ? "authority" : "network",
           peer->told_authority ? "authority" : "network",
           peer->told_authority ? "authority" : "network");
}

/* All that it ever spoke over: it may have made any number of them. libzmq has
 * no way to end one peer's connection; its descriptor has. That may be another
 * connection's by now, which at worst has to be made again. */
static void end_connections(const struct nx_ingest *ingest,
                            struct nx_peer *peer) {
    const struct nx_peers *peers = &ingest->peers;
    int fd = -1;
    while ((fd = nx_peers_next_fd(peers, peer->agent_id, fd)) >= 0) {
        (void)shutdown(fd, SHUT_RDWR);
    }
    peer->source_fd = -1;
    peer->routing_n = 0;
}

int nx_ingest_agent_set(struct nx_ingest *ingest,
                        const struct nx_agent *agent) {
    struct nx_peer *peer = nx_peers_make(&ingest->peers, agent->id);
    if (peer == NULL) {
        return NX_ENOMEM;
    }
    if (peer->accepted && !agent->accepted) {
        end_connections(ingest, peer);
    }
    nx_ingest_clone_over(ingest, peer);
    nx_peers_accept(&ingest->peers, peer, agent->accepted);
    peer->authority = agent->authority;
    nx_ingest_check_role(peer);
    return NX_OK;
}

void nx_ingest_surplus(struct nx_ingest *ingest, struct nx_peer *peer, int fd,
                       int64_t now_us) {
    uint64_t held_n = 0;
    (void)shutdown(fd, SHUT_RDWR);
    ingest->counters.surplus_n++;
    if (nx_quiet_pass(&peer->surplus_quiet, now_us, SURPLUS_LOG_US, &held_n)) {
        nx_log(NX_LOG_WARN,
               "agent %" PRIu32 " (%s): more than %u connections: the one that "
               "was silent longest is ended (%" PRIu64
               " more since); is its key somebody else's, too?",
               peer->agent_id, peer->address, NX_PEER_CONNECTIONS, held_n);
    }
}

/* What was said in time has been read when the queue was empty since. */
void nx_ingest_end_mute(struct nx_ingest *ingest) {
    int64_t before_us = ingest->drained_us - NX_PEER_SILENT_US;
    uint64_t n = 0;
    int fd = -1;
    while ((fd = nx_peers_next_mute(&ingest->peers, fd, before_us)) >= 0) {
        nx_peers_spoke(&ingest->peers, fd); /* once */
        (void)shutdown(fd, SHUT_RDWR);
        n++;
    }
    ingest->counters.surplus_n += n;
    if (n > 0) {
        nx_log(NX_LOG_WARN,
               "%" PRIu64 " connections are ended: nothing was said over them "
               "for %d minutes",
               n, (int)(NX_PEER_SILENT_US / 60000000));
    }
}

void nx_ingest_gone(struct nx_ingest *ingest, int fd) {
    const struct nx_peer *peer = nx_peers_gone(&ingest->peers, fd);
    if (peer != NULL && peer->accepted) {
        nx_log(NX_LOG_WARN, "agent %" PRIu32 " is gone from %s", peer->agent_id,
               peer->address);
    }
}

enum nx_agent_claim nx_ingest_claim(const struct nx_ingest *ingest,
                                    uint32_t agent_id) {
    const struct nx_peer *peer = nx_peers_get(&ingest->peers, agent_id);
    if (peer == NULL || !peer->told) {
        return NX_CLAIM_NONE;
    }
    return peer->told_authority ? NX_CLAIM_AUTHORITY : NX_CLAIM_NETWORK;
}

enum nx_agent_next nx_ingest_next_key(const struct nx_ingest *ingest,
                                      uint32_t agent_id) {
    const struct nx_peer *peer = nx_peers_get(&ingest->peers, agent_id);
    if (peer == NULL || !peer->told || ingest->keys.n < 2) {
        return NX_NEXT_NONE;
    }
    for (size_t i = 0; i < peer->kept.n; i++) {
        if (memcmp(peer->kept.list[i], ingest->keys.list[1], NX_KEY_BYTES) ==
            0) {
            return NX_NEXT_YES;
        }
    }
    return NX_NEXT_NO;
}

const char *nx_ingest_address(const struct nx_ingest *ingest,
                              uint32_t agent_id) {
    const struct nx_peer *peer = nx_peers_get(&ingest->peers, agent_id);
    return peer != NULL ? peer->address : "";
}
