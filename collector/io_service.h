/* The running collector: engine, store and stream behind the operations that
 * the API offers. Every change is stored and synced before it takes effect. */
#ifndef NX_COLLECTOR_IO_SERVICE_H
#define NX_COLLECTOR_IO_SERVICE_H

#include "collector/engine.h"

struct nx_service;

#define NX_KEY_Z85_LEN 40U

/* A key as enrolment sees it. */
enum nx_agent_state {
    NX_AGENT_PENDING, /* tried to connect, not accepted yet */
    NX_AGENT_ACCEPTED,
    NX_AGENT_REVOKED,
};
const char *nx_agent_state_text(unsigned state);

struct nx_agent_record {
    struct nx_agent agent;        /* id 0 while pending */
    uint8_t state;                /* enum nx_agent_state */
    char key[NX_KEY_Z85_LEN + 1]; /* Z85 of the CURVE public key */
    char address[48];             /* last peer address; "" when none */
    int64_t changed_us;
};

/* The service's clock: collector time now, microseconds. */
int64_t nx_service_now_us(const struct nx_service *service);
struct nx_engine *nx_service_engine(struct nx_service *service);

/* Assigns incident->id. opened_us is set. NX_EIO/NX_EFULL from the store. */
int nx_service_incident_open(struct nx_service *service,
                             struct nx_incident *incident) NX_MUSTUSE;
int nx_service_incident_close(struct nx_service *service,
                              uint32_t id) NX_MUSTUSE;

/* key: Z85, or an unambiguous prefix (at least 6 characters) of a pending
 * key. Accepting a known key updates network, name and role.
 * NX_ENOTFOUND, NX_EMALFORMED, NX_EIO. */
int nx_service_agent_accept(struct nx_service *service, const char *key,
                            const struct nx_agent *agent,
                            struct nx_agent_record *out) NX_MUSTUSE;
/* who: key, key prefix or agent name. Its connection is closed. */
int nx_service_agent_revoke(struct nx_service *service, const char *who,
                            struct nx_agent_record *out) NX_MUSTUSE;
void nx_service_agents(struct nx_service *service,
                       void (*visit)(void *user,
                                     const struct nx_agent_record *record),
                       void *user);

/* Counters for /healthz and /metrics. */
struct nx_service_health {
    bool storing;      /* false: the store refuses, acks stopped */
    char problem[256]; /* what is wrong and what to do; "" */
    uint64_t batches_n, results_n, duplicates_n, out_of_order_n;
    uint64_t rejected_n; /* messages that broke a rule */
    uint64_t refused_keys_n;
    int64_t started_us;
};
void nx_service_health(const struct nx_service *service,
                       struct nx_service_health *out);

#endif
