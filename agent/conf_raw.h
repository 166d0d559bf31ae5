/* What libcyaml loads, before conf.c checks it. Pointers are NULL when a key is
 * absent. */
#ifndef NX_AGENT_CONF_RAW_H
#define NX_AGENT_CONF_RAW_H

#include "agent/plan/policy.h"
#include "common/obs.h"
#include "common/yaml.h"

struct nx_raw_collector {
    char *endpoint;
    char *key;
};

struct nx_raw_named {
    char *at;
    char *tls_name;
    char *tls_ca_file;
    enum nx_layer *layer;
    bool *may_suggest;
};

struct nx_raw_resolvers {
    bool *discover;
    bool *getaddrinfo;
    char *resolv_conf;
    char *resolved_conf;
    struct nx_raw_named *named;
    unsigned named_count;
};

struct nx_raw_policy {
    char **zones;
    unsigned zones_count;
    char **canary_zones;
    unsigned canary_zones_count;
    char **sibling_zones;
    unsigned sibling_zones_count;
    char **types;
    unsigned types_count;
    uint32_t *resolver_qps;
    uint32_t *resolver_burst;
    uint32_t *total_qps;
    uint32_t *min_interval_ms;
    uint32_t *max_tasks;
    uint32_t *proof_s;
    bool *own_proof;
    enum nx_replies *replies;
};

struct nx_raw_authority {
    char *root_hints;
    uint32_t *server_qps;
};

struct nx_raw_probe {
    uint32_t *timeout_ms;
};

enum nx_raw_sync { NX_RAW_ALWAYS, NX_RAW_INTERVAL };

struct nx_raw_spool {
    char *path;
    uint64_t *max_bytes;
    uint32_t *max_age_s;
    enum nx_raw_sync *sync;
    uint32_t *sync_interval_s;
};

struct nx_raw_batch {
    uint32_t *max_results;
    uint32_t *max_age_ms;
};

enum nx_raw_role { NX_RAW_NETWORK, NX_RAW_AUTHORITY };

struct nx_raw_conf {
    char *key;
    char *network;
    enum nx_raw_role role;
    struct nx_raw_collector *collectors;
    unsigned collectors_count;
    struct nx_raw_resolvers *resolvers;
    struct nx_raw_policy *policy;
    struct nx_raw_authority *authority;
    struct nx_raw_probe *probe;
    struct nx_raw_spool *spool;
    struct nx_raw_batch *batch;
};

extern const cyaml_schema_value_t nx_agent_conf_schema;

#endif
