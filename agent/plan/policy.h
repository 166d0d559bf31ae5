/* The agent's own policy: what it may be told to ask. No plan can widen it.
 *
 * Written by the owner of the agent's host (agent/conf.h); the collector is
 * not trusted here. */
#ifndef NX_AGENT_POLICY_H
#define NX_AGENT_POLICY_H

#include "agent/plan/ratelimit.h"
#include "common/codec.h"
#include "common/rrtype.h"

#define NX_POLICY_RESOLVERS_MAX 32U
#define NX_VISIT_N_MAX 16U
#define NX_VISIT_GAP_MAX_MS 60000U

/* A resolver that the owner named or the system lists. */
struct nx_resolver {
    struct nx_endpoint at;
    bool named; /* by the owner in the configuration */
};

/* What of a reply the collector gets, beside codes, flags, TTLs, the numbers of
 * the SOA, and names. */
enum nx_replies {
    NX_REPLIES_ALL,  /* some as they came, see agent/uplink/wires.h */
    NX_REPLIES_DATA, /* the records that were asked for */
    NX_REPLIES_NONE, /* that there were such records */
};

struct nx_policy {
    const uint8_t *const *zones;        /* names at or below one of these */
    size_t zones_n;                     /* 0: nothing may be asked */
    const uint8_t *const *canary_zones; /* canary names, at or below these */
    size_t canary_zones_n;
    const uint8_t *const *sibling_zones; /* see agent/plan/siblings.h */
    size_t sibling_zones_n;
    const uint16_t *types;
    size_t types_n; /* 0: every type */
    uint32_t min_interval_ms;
    uint32_t max_tasks;
    bool authority_role;
    uint32_t proof_s; /* how long a proof holds, see agent/plan/guard.h */
    bool own_proof;
    enum nx_replies replies;
    struct nx_rate own_rate;    /* towards resolvers of the own network */
    struct nx_rate public_rate; /* towards others */
    struct nx_rate server_rate; /* towards each authoritative server */
    struct nx_rate total_rate;
};

/* Why a task is refused. */
#define NX_REFUSAL_MAP(X)                                                      \
    X(ZONE, "the name is outside the zones of the local policy")               \
    X(TYPE, "the record type is not allowed by the local policy")              \
    X(RESOLVER, "the resolver is neither named by the owner nor listed by "    \
                "the system")                                                  \
    X(UNVERIFIED, "the authoritative servers are not verified good")           \
    X(CANARY, "no canary zone of the local policy has this name")              \
    X(SIBLING, "no sibling zone of the local policy has such a name")          \
    X(BUSY, "an incident near the sibling zone is open")                       \
    X(PROOF, "its proof names no epoch of the authoritative servers")          \
    X(SYSTEM, "getaddrinfo is for A and AAAA of host names alone")             \
    X(ROLE, "this agent has not the role authority")                           \
    X(SERVER, "name servers are asked at port 53 alone")                       \
    X(INTERVAL, "the interval is shorter than the local policy allows")        \
    X(VISIT, "more queries per visit, or further apart, than allowed")         \
    X(TASKS, "more tasks than the local policy allows")

enum nx_refusal {
    NX_REFUSAL_NONE,
#define NX_REFUSAL_ENUM_(name, text) NX_REFUSAL_##name,
    NX_REFUSAL_MAP(NX_REFUSAL_ENUM_)
#undef NX_REFUSAL_ENUM_
        NX_REFUSAL_N
};

const char *nx_refusal_text(enum nx_refusal refusal);

/* Is the name below a canary zone of the owner's? */
bool nx_policy_is_canary(const struct nx_policy *policy, const uint8_t *name);
/* The sibling zone of the owner's that has this name directly below it; NULL:
 * none. */
const uint8_t *nx_policy_sibling_zone(const struct nx_policy *policy,
                                      const uint8_t *name);

bool nx_policy_is_sibling_zone(const struct nx_policy *policy,
                               const uint8_t *name);

/* Takes out of obs, a copy, what the collector is not to get; answer has room
 * for obs's own then. */
void nx_policy_withhold(const struct nx_policy *policy, struct nx_obs *obs,
                        struct nx_answer *answer);

/* May this task be done at all? Checks what one task shows; TASKS is the
 * caller's. */
enum nx_refusal nx_policy_check(const struct nx_policy *policy,
                                const struct nx_resolver *resolvers,
                                size_t resolvers_n, const struct nx_task *task);

/* The resolver of the list that stands at this address, port, scope and
 * transport, or NULL. Layer and TLS name are the list's, never the task's. */
const struct nx_resolver *nx_policy_resolver(const struct nx_resolver *list,
                                             size_t n,
                                             const struct nx_endpoint *at);

/* How fast this resolver may be asked: as one of the own network when the
 * owner named it as such or its address is private, else as a public one. */
const struct nx_rate *nx_policy_rate(const struct nx_policy *policy,
                                     const struct nx_resolver *resolver);

#endif
