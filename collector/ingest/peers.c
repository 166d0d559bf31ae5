#include "collector/ingest/peers.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

void nx_peers_init(struct nx_peers *peers) {
    memset(peers, 0, sizeof(*peers));
}

void nx_peers_fini(struct nx_peers *peers) {
    for (size_t i = 0; i < peers->cap; i++) {
        free(peers->by_id[i]);
    }
    free(peers->by_id);
    free(peers->by_fd);
    free(peers->mute_us);
    memset(peers, 0, sizeof(*peers));
}

struct nx_peer *nx_peers_get(const struct nx_peers *peers, uint32_t agent_id) {
    return agent_id < peers->cap ? peers->by_id[agent_id] : NULL;
}

static bool grow(struct nx_peers *peers, size_t need) {
    size_t cap = peers->cap == 0 ? 64 : peers->cap;
    while (cap < need) {
        cap *= 2;
    }
    struct nx_peer **grown =
        realloc(peers->by_id, cap * sizeof(struct nx_peer *));
    if (grown == NULL) {
        return false;
    }
    for (size_t i = peers->cap; i < cap; i++) {
        grown[i] = NULL;
    }
    peers->by_id = grown;
    peers->cap = cap;
    return true;
}

struct nx_peer *nx_peers_make(struct nx_peers *peers, uint32_t agent_id) {
    struct nx_peer *peer = nx_peers_get(peers, agent_id);
    if (peer != NULL || agent_id > NX_PEERS_ID_MAX) {
        return peer;
    }
    if (agent_id >= peers->cap && !grow(peers, (size_t)agent_id + 1)) {
        return NULL;
    }
    peer = calloc(1, sizeof(*peer));
    if (peer != NULL) {
        peer->agent_id = agent_id;
        peer->source_fd = -1;
        peers->by_id[agent_id] = peer;
    }
    return peer;
}

static bool grow_fds(struct nx_peers *peers, size_t need) {
    size_t cap = peers->fds_cap == 0 ? 64 : peers->fds_cap;
    while (cap < need) {
        cap *= 2;
    }
    uint32_t *grown = realloc(peers->by_fd, cap * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    peers->by_fd = grown;
    int64_t *mute_us = realloc(peers->mute_us, cap * sizeof(*mute_us));
    if (mute_us == NULL) {
        return false;
    }
    peers->mute_us = mute_us;
    memset(&grown[peers->fds_cap], 0, (cap - peers->fds_cap) * sizeof(*grown));
    memset(&mute_us[peers->fds_cap], 0,
           (cap - peers->fds_cap) * sizeof(*mute_us));
    peers->fds_cap = cap;
    return true;
}

/* Room for what is known of it. */
static bool watch(struct nx_peers *peers, int fd) {
    return fd >= 0 && fd < NX_PEERS_FD_MAX &&
           ((size_t)fd < peers->fds_cap || grow_fds(peers, (size_t)fd + 1));
}

void nx_peers_accept(struct nx_peers *peers, struct nx_peer *peer,
                     bool accepted) {
    peers->accepted_n -= peer->accepted ? 1 : 0;
    peers->accepted_n += accepted ? 1 : 0;
    peer->accepted = accepted;
}

uint32_t nx_peers_spread_ms(const struct nx_peers *peers) {
    size_t most_n = NX_PEERS_SPREAD_MAX_MS / NX_PEER_COMES_MS;
    return peers->accepted_n < most_n
               ? (uint32_t)peers->accepted_n * NX_PEER_COMES_MS
               : NX_PEERS_SPREAD_MAX_MS;
}

static void forget_fd(struct nx_peer *peer, int fd) {
    unsigned kept = 0;
    for (unsigned i = 0; peer != NULL && i < peer->fds_n; i++) {
        if (peer->fds[i] != fd) {
            peer->fds[kept++] = peer->fds[i];
        }
    }
    if (peer != NULL) {
        peer->fds_n = kept;
    }
}

/* Puts it to the front; the one that falls off, or -1. */
static int speak_last(struct nx_peer *peer, int fd) {
    int last = -1;
    forget_fd(peer, fd);
    if (peer->fds_n == NX_PEER_CONNECTIONS) {
        last = peer->fds[--peer->fds_n];
    }
    memmove(&peer->fds[1], &peer->fds[0], peer->fds_n * sizeof(peer->fds[0]));
    peer->fds[0] = fd;
    peer->fds_n++;
    return last;
}

int nx_peers_connected(struct nx_peers *peers, struct nx_peer *peer, int fd) {
    peer->source_fd = fd;
    if (!watch(peers, fd)) {
        return -1;
    }
    if (peers->by_fd[fd] != peer->agent_id) { /* the number is used again */
        forget_fd(nx_peers_get(peers, peers->by_fd[fd]), fd);
    }
    peers->by_fd[fd] = peer->agent_id;
    return speak_last(peer, fd);
}

void nx_peers_accepted(struct nx_peers *peers, int fd, int64_t now_us) {
    if (watch(peers, fd)) {
        peers->mute_us[fd] = now_us;
    }
}

void nx_peers_spoke(struct nx_peers *peers, int fd) {
    if (fd >= 0 && (size_t)fd < peers->fds_cap) {
        peers->mute_us[fd] = 0;
    }
}

int nx_peers_next_mute(const struct nx_peers *peers, int after_fd,
                       int64_t before_us) {
    for (size_t fd = (size_t)(after_fd + 1); fd < peers->fds_cap; fd++) {
        if (peers->mute_us[fd] != 0 && peers->mute_us[fd] < before_us) {
            return (int)fd;
        }
    }
    return -1;
}

struct nx_peer *nx_peers_gone(struct nx_peers *peers, int fd) {
    nx_peers_spoke(peers, fd); /* or never will */
    if (fd < 0 || (size_t)fd >= peers->fds_cap || peers->by_fd[fd] == 0) {
        return NULL;
    }
    struct nx_peer *peer = nx_peers_get(peers, peers->by_fd[fd]);
    peers->by_fd[fd] = 0;
    forget_fd(peer, fd);
    if (peer == NULL || peer->source_fd != fd) {
        return NULL;
    }
    peer->source_fd = -1;
    return peer;
}

int nx_peers_next_fd(const struct nx_peers *peers, uint32_t agent_id,
                     int after_fd) {
    for (size_t fd = (size_t)(after_fd + 1); fd < peers->fds_cap; fd++) {
        if (peers->by_fd[fd] == agent_id) {
            return (int)fd;
        }
    }
    return -1;
}

struct nx_peer *nx_peers_of_user(const struct nx_peers *peers,
                                 const char *user_id) {
    uint32_t id = 0;
    if (user_id == NULL || user_id[0] == '\0') {
        return NULL;
    }
    for (; *user_id != '\0'; user_id++) {
        if (*user_id < '0' || *user_id > '9' || id > NX_PEERS_ID_MAX) {
            return NULL;
        }
        id = id * 10 + (uint32_t)(*user_id - '0');
    }
    struct nx_peer *peer = nx_peers_get(peers, id);
    return peer != NULL && peer->accepted ? peer : NULL;
}

void nx_peers_owe_ack(struct nx_peers *peers, struct nx_peer *peer,
                      uint64_t epoch, uint64_t echo, int64_t received_us) {
    peer->ack_epoch = epoch;
    peer->ack_echo = echo;
    peer->ack_received_us = received_us;
    if (!peer->ack_due) {
        peer->ack_due = true;
        peer->ack_next = peers->ack_first;
        peers->ack_first = peer;
    }
}

struct nx_peer *nx_peers_next_ack(struct nx_peers *peers) {
    struct nx_peer *peer = peers->ack_first;
    if (peer != NULL) {
        peers->ack_first = peer->ack_next;
        peer->ack_next = NULL;
        peer->ack_due = false;
    }
    return peer;
}

bool nx_peer_misbehaved(struct nx_peer *peer, int64_t now_us) {
    peer->bad_n++;
    if (peer->bad_n < NX_PEER_BAD_MAX) {
        return false;
    }
    peer->bad_n = 0;
    peer->ignored_until_us = now_us + NX_PEER_IGNORE_US;
    return true;
}

bool nx_peer_refused(struct nx_peer *peer, uint32_t crc, int64_t now_us) {
    bool again = peer->refused_crc == crc;
    peer->refused_crc = crc;
    return again && nx_peer_misbehaved(peer, now_us);
}

void nx_peer_behaved(struct nx_peer *peer) {
    peer->bad_n = 0;
}

bool nx_peer_ignored(const struct nx_peer *peer, int64_t now_us) {
    return now_us < peer->ignored_until_us;
}

bool nx_peer_plan_may(const struct nx_peer *peer, int64_t now_us) {
    return peer->accepted && peer->routing_n > 0 &&
           (!peer->plan_sent ||
            now_us - peer->plan_sent_us >= NX_PEER_PLAN_EVERY_US);
}

static uint64_t endpoint_digest(const struct nx_endpoint *at, uint64_t digest) {
    digest = nx_hash(at->address, at->address_len, digest);
    digest = nx_hash_u64(at->scope_id, digest);
    digest = nx_hash_u64(at->port, digest);
    digest = nx_hash_u64(at->transport, digest);
    digest = nx_hash_u64((uint64_t)at->layer << 1 | (at->withheld ? 1U : 0U),
                         digest);
    return at->server_name == NULL
               ? nx_hash_u64(0, digest)
               : nx_hash(at->server_name, nx_dname_len(at->server_name),
                         digest);
}

uint64_t nx_hello_digest(const struct nx_hello *hello) {
    uint64_t digest = nx_hash(hello->software, strlen(hello->software), 1);
    digest = nx_hash_u64(hello->protocol, digest);
    digest = nx_hash_u64(hello->epoch, digest);
    digest = nx_hash_u64(hello->authority_role ? 1 : 0, digest);
    digest = nx_hash_u64(hello->resolver_rate_mqps, digest);
    for (size_t i = 0; i < hello->resolvers_n; i++) {
        digest = endpoint_digest(&hello->resolvers[i], digest);
    }
    digest = nx_hash(hello->keys.list[0], hello->keys.n * NX_KEY_BYTES, digest);
    return nx_hash_u64(hello->resolvers_n, digest);
}
