/* The agent's configuration: YAML text to values, every one checked. */
#ifndef NX_AGENT_CONF_H
#define NX_AGENT_CONF_H

#include "agent/plan/policy.h"
#include "agent/resolvconf.h"
#include "common/z85.h"

#define NX_CONF_COLLECTORS_MAX 8U
#define NX_CONF_ZONES_MAX 256U
#define NX_CONF_TYPES_MAX 64U
#define NX_CONF_PATH_MAX 1024U
#define NX_CONF_WHY_MAX 512U

struct nx_conf_collector {
    char *endpoint; /* "tcp://ADDRESS:PORT" */
    char key[NX_KEY_TEXT_MAX];
};

/* A resolver that the owner named. */
struct nx_conf_resolver {
    struct nx_listed at; /* at.at.server_name: with transport TLS */
    char *tls_ca_file;   /* NULL: the system's */
};

/* Owns everything it points to. Paths are as written. */
struct nx_agent_conf {
    char *key;
    char *network; /* a label for the log, or NULL */
    struct nx_conf_collector *collectors;
    size_t collectors_n; /* 1..NX_CONF_COLLECTORS_MAX */
    bool discover;
    bool getaddrinfo; /* ask as the host's applications do, too */
    char *resolv_conf;
    char *resolved_conf;
    struct nx_conf_resolver *resolvers;
    size_t resolvers_n; /* 0..NX_POLICY_RESOLVERS_MAX */
    struct nx_policy policy;
    char *root_hints;         /* NULL: the built-in ones */
    unsigned root_hints_line; /* of the file */
    uint32_t probe_timeout_ms;
    char *spool_path;         /* NULL: in memory */
    unsigned spool_path_line; /* of the file; 0: it does not say */
    uint64_t spool_max_bytes;
    uint32_t spool_max_age_s;
    bool spool_sync_always; /* with a path */
    uint32_t spool_sync_interval_s;
    uint32_t batch_max_results;
    uint32_t batch_max_age_ms;
};

/* Parses len bytes of YAML; file is the name used in messages. On failure why
 * has "FILE:LINE: what is wrong": NX_ECONFIG, NX_ELIMIT, NX_ENOMEM. */
int nx_agent_conf_parse(const char *file, const uint8_t *text, size_t len,
                        struct nx_agent_conf **out, char *why,
                        size_t why_cap) NX_MUSTUSE;
void nx_agent_conf_free(struct nx_agent_conf **conf);

#endif
