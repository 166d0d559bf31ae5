/* The agents' door: ROUTER with CURVE. Messages are decoded, numbered, stored,
 * committed, given to the engine and acknowledged, in this order.
 *
 * Who speaks is the User-Id of the ZAP handler (io_auth), never a field. The
 * way back is the routing id of that agent's latest message. Limits: messages
 * of NX_MSG_MAX_BYTES; after NX_PEER_BAD_MAX bad messages in a row an agent is
 * not listened to for a minute; every kind of drop is counted. */
#ifndef NX_COLLECTOR_IO_INGEST_H
#define NX_COLLECTOR_IO_INGEST_H

#include "collector/engine/engine.h"
#include "collector/ingest/agent_record.h"
#include "collector/ingest/io_group.h"
#include "common/io_keys.h"

#define NX_INGEST_BURST_S 4U

struct nx_ingest;

/* Everything is borrowed until _free. */
struct nx_ingest_parts {
    struct event_base *base;
    void *zmq; /* context whose ZAP handler is bound already */
    struct nx_store *store;
    struct nx_engine *engine;
    const struct nx_steady *clock;
    uint32_t plan_valid_s;         /* plans are sent again in half that time */
    uint64_t agent_bytes_per_hour; /* stored of one agent: quota.h */
    /* What is listened to of one agent; its burst is that of
     * NX_INGEST_BURST_S. */
    uint32_t agent_messages_per_s, agent_kib_per_s;
};

/* Makes the socket without listening. NX_ENOMEM; NX_EIO. */
int nx_ingest_new(const struct nx_ingest_parts *parts,
                  const struct nx_keypair *keys,
                  struct nx_ingest **out) NX_MUSTUSE;
/* Commits, acknowledges, closes; waits at most 2 s for the last acks. */
void nx_ingest_free(struct nx_ingest **ingest);

/* Listens on these endpoints and no others; what is connected through one that
 * is given up has to connect again. On failure the old ones are kept and why
 * has "ENDPOINT: reason": NX_EIO. */
int nx_ingest_listen(struct nx_ingest *ingest, char *const *endpoints, size_t n,
                     char *why, size_t why_cap) NX_MUSTUSE;
/* The endpoint in use, with the port that was given for "*"; NULL: none. */
const char *nx_ingest_endpoint(const struct nx_ingest *ingest, size_t i);

/* Takes messages of this agent, or (accepted false) does not any more and ends
 * its connection. NX_ENOMEM. */
int nx_ingest_agent_set(struct nx_ingest *ingest,
                        const struct nx_agent *agent) NX_MUSTUSE;
/* Where an agent was last seen; "" when not since start. */
const char *nx_ingest_address(const struct nx_ingest *ingest,
                              uint32_t agent_id);

/* The role that the agent's own configuration gives it; NX_CLAIM_NONE: it has
 * not said so since start. */
enum nx_agent_claim nx_ingest_claim(const struct nx_ingest *ingest,
                                    uint32_t agent_id);

/* Every plan says from now on that these keys are ours, the present one first;
 * all agents are sent theirs. */
void nx_ingest_announce(struct nx_ingest *ingest,
                        const struct nx_collector_keys *keys);
/* Does the agent keep the one behind the present one? */
enum nx_agent_next nx_ingest_next_key(const struct nx_ingest *ingest,
                                      uint32_t agent_id);

struct nx_ledger;
/* At start: what is stored of an agent's latest stream. */
void nx_ingest_ledger_load(struct nx_ingest *ingest, uint32_t agent_id,
                           const struct nx_ledger *stored);
/* NX_ENOTFOUND: no such agent. */
int nx_ingest_ledger(const struct nx_ingest *ingest, uint32_t agent_id,
                     struct nx_ledger *out) NX_MUSTUSE;

/* The first agent with an id above after_id whose key is used twice (clone.h),
 * and why that is said; 0: none. Nothing is taken of it until
 * nx_ingest_agent_set. */
uint32_t nx_ingest_clone(const struct nx_ingest *ingest, uint32_t after_id,
                         char *why, size_t why_cap);

/* The agent's plan is another one: it is sent soon. */
void nx_ingest_plan_changed(struct nx_ingest *ingest, uint32_t agent_id);

/* Sends the plans at once that a name server which turned bad, or an incident
 * that was opened, takes back (nx_engine_withdraw). */
void nx_ingest_withdraw(struct nx_ingest *ingest);

/* The transaction, for what else is to be written. */
struct nx_group *nx_ingest_group(struct nx_ingest *ingest);

struct nx_ingest_counters {
    uint64_t duplicates_n;    /* results that were known already */
    uint64_t out_of_order_n;  /* batches not taken, something is missing */
    uint64_t rejected_n;      /* messages that broke a rule */
    uint64_t too_new_n;       /* messages of a newer version, left there */
    uint64_t unidentified_n;  /* messages without an accepted User-Id */
    uint64_t ignored_n;       /* messages of agents not listened to */
    uint64_t not_stored_n;    /* batches while the store could not be written */
    uint64_t over_quota_n;    /* batches not taken yet: too many of one agent */
    uint64_t too_fast_n;      /* messages left for later: above the rate */
    uint64_t acks_unsent_n;   /* the connection was gone or full */
    uint64_t accept_failed_n; /* connections not taken: no files */
    uint64_t surplus_n;       /* connections ended: too many, or nothing said */
};
void nx_ingest_counters(const struct nx_ingest *ingest,
                        struct nx_ingest_counters *out);

/* "" or what keeps agents from connecting. */
const char *nx_ingest_problem(const struct nx_ingest *ingest);

#endif
