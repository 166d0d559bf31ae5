/* What the collector keeps of each agent that may connect: its streams, the
 * way back to it, what is owed to it. Pure. */
#ifndef NX_COLLECTOR_PEERS_H
#define NX_COLLECTOR_PEERS_H

#include "collector/ingest/agent_record.h"
#include "collector/ingest/clone.h"
#include "collector/ingest/ledger.h"
#include "collector/ingest/quiet.h"
#include "collector/ingest/quota.h"
#include "collector/ingest/stream.h"
#include "common/bucket.h"

#define NX_PEER_ROUTING_MAX 255U
#define NX_PEER_BAD_MAX 10U          /* bad messages in a row until ... */
#define NX_PEER_IGNORE_US 60000000   /* ... nothing is taken so long */
#define NX_PEER_PLAN_EVERY_US 200000 /* one plan per agent in this time */
/* What the collector has to do for one that comes, with room: agents that lose
 * their connections at once come back over so long each. */
#define NX_PEER_COMES_MS 2U
#define NX_PEERS_SPREAD_MAX_MS 60000U
/* Connections of one agent. It has one, and ends it before it makes the next;
 * those that it does not know to be dead are ended within 45 s. So of more the
 * one that was silent longest is dead, or somebody else's. */
#define NX_PEER_CONNECTIONS 4U
/* Agents say hello at once, and again each 30 s. */
#define NX_PEER_SILENT_US INT64_C(120000000)
#define NX_PEERS_ID_MAX (1U << 20) /* agents ever accepted */
#define NX_PEERS_FD_MAX (1 << 20)  /* descriptors above are not remembered */

struct nx_peer {
    uint32_t agent_id;
    bool accepted;  /* false: revoked, its messages are dropped */
    bool authority; /* the role it was accepted in */
    bool told;      /* it said its role, since start: */
    bool told_authority;
    struct nx_collector_keys kept; /* the keys of ours that it keeps */
    struct nx_streams streams;

    /* The latest connection: the ROUTER's routing id; routing_n 0: none. */
    uint8_t routing[NX_PEER_ROUTING_MAX];
    uint8_t routing_n;
    int source_fd; /* of its TCP connection, -1: not known */
    char address[NX_ADDRESS_TEXT_MAX];
    char other_address[NX_ADDRESS_TEXT_MAX]; /* of the connection before */
    int fds[NX_PEER_CONNECTIONS]; /* all of them, who spoke last first */
    unsigned fds_n;

    struct nx_clone clone;
    bool cloned;  /* its key is used twice: nothing is taken */
    bool in_turn; /* ... not at once */

    struct nx_bucket messages;
    struct nx_bucket kib;
    struct nx_bucket new_streams;
    struct nx_quiet fast_quiet, here_quiet, ledger_quiet, streams_quiet,
        damaged_quiet, surplus_quiet;
    struct nx_quota quota;
    struct nx_ledger_said said;
    struct nx_ledger stored; /* until it says something */

    unsigned bad_n; /* bad messages in a row */
    int64_t ignored_until_us;
    uint32_t refused_crc; /* of the message refused last; 0: none */

    /* The ack owed after the next commit. */
    bool ack_due;
    uint64_t ack_epoch;
    uint64_t ack_echo;
    int64_t ack_received_us;
    struct nx_peer *ack_next;

    bool plan_due;
    bool plan_sent;
    int64_t plan_sent_us;

    bool greeted;               /* a hello came over this connection */
    bool hello_stored;          /* since the start: */
    uint64_t hello_digest;      /* of the one stored last */
    uint64_t hello_transaction; /* ... in this one */
};

struct nx_peers {
    struct nx_peer **by_id;
    size_t cap;
    uint32_t *by_fd;  /* id of the agent that spoke over it last; 0: none */
    int64_t *mute_us; /* accepted then, and nobody spoke over it; 0: no such */
    size_t fds_cap;   /* of both */
    struct nx_peer *ack_first; /* peers with ack_due */
    size_t accepted_n;
};

void nx_peers_init(struct nx_peers *peers);
void nx_peers_fini(struct nx_peers *peers);

/* NULL: no such agent. */
struct nx_peer *nx_peers_get(const struct nx_peers *peers, uint32_t agent_id);
/* The same, made when there is none. NULL: out of memory or of ids. */
struct nx_peer *nx_peers_make(struct nx_peers *peers, uint32_t agent_id);

void nx_peers_accept(struct nx_peers *peers, struct nx_peer *peer,
                     bool accepted);
/* For nx_plan.spread_ms. */
uint32_t nx_peers_spread_ms(const struct nx_peers *peers);

/* The peer speaks over another connection now, of this descriptor (-1: not
 * known). Without memory its end will not be noticed. Returns the descriptor of
 * one that is to be ended, as it has too many; -1: none. */
int nx_peers_connected(struct nx_peers *peers, struct nx_peer *peer, int fd);
/* A connection was accepted; somebody let in spoke over it. */
void nx_peers_accepted(struct nx_peers *peers, int fd, int64_t now_us);
void nx_peers_spoke(struct nx_peers *peers, int fd);
/* The next descriptor above after_fd (-1: the first) over which nobody has
 * spoken since it was accepted, before that time; -1: none. */
int nx_peers_next_mute(const struct nx_peers *peers, int after_fd,
                       int64_t before_us);
/* The connection of this descriptor has ended. The peer that spoke over it, if
 * that was its latest one; NULL: nobody is gone. */
struct nx_peer *nx_peers_gone(struct nx_peers *peers, int fd);

/* The next descriptor above after_fd (-1: the first) that the agent spoke over
 * and whose end was not noticed yet; -1: none. */
int nx_peers_next_fd(const struct nx_peers *peers, uint32_t agent_id,
                     int after_fd);

/* Of all that a hello says, but the clocks and what only counts up: an idle
 * agent says hello again and again. */
uint64_t nx_hello_digest(const struct nx_hello *hello);

/* The peer of a ZAP User-Id ("17"); NULL: not a number, or not accepted. */
struct nx_peer *nx_peers_of_user(const struct nx_peers *peers,
                                 const char *user_id);

/* Owes the peer an ack for this epoch; the newest wish counts. */
void nx_peers_owe_ack(struct nx_peers *peers, struct nx_peer *peer,
                      uint64_t epoch, uint64_t echo, int64_t received_us);
/* Takes one peer off the list of those that are owed an ack; NULL: none. */
struct nx_peer *nx_peers_next_ack(struct nx_peers *peers);

/* A message broke a rule. True: that was too often, the peer is ignored now. */
bool nx_peer_misbehaved(struct nx_peer *peer, int64_t now_us);
/* A message of this nx_codec_crc is refused, and the peer told so: that breaks
 * a rule only when it comes again. As nx_peer_misbehaved. */
bool nx_peer_refused(struct nx_peer *peer, uint32_t crc, int64_t now_us);
void nx_peer_behaved(struct nx_peer *peer);
bool nx_peer_ignored(const struct nx_peer *peer, int64_t now_us);

/* May its plan be sent now? */
bool nx_peer_plan_may(const struct nx_peer *peer, int64_t now_us);

#endif
