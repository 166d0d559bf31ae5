/* The keys of the configuration file and their types. */
#include "agent/conf.h"
#include "agent/conf_raw.h"

#define OPT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT_MAX 255
#define LABEL_MAX 63

#define STRING(key, type, member, max)                                         \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, max)
#define OPT_STRING(key, type, member, max)                                     \
    CYAML_FIELD_STRING_PTR(key, OPT, type, member, 1, max)
#define OPT_UINT(key, type, member) CYAML_FIELD_UINT_PTR(key, OPT, type, member)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, NX_DNAME_TEXT_MAX)};

static const cyaml_schema_field_t collector_fields[] = {
    STRING("endpoint", struct nx_raw_collector, endpoint, TEXT_MAX),
    STRING("key", struct nx_raw_collector, key, TEXT_MAX), CYAML_FIELD_END};

static const cyaml_schema_value_t collector_value = {CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct nx_raw_collector, collector_fields)};

static const cyaml_strval_t layers[] = {{"host", NX_LAYER_HOST},
                                        {"network", NX_LAYER_NETWORK},
                                        {"upstream", NX_LAYER_UPSTREAM},
                                        {"control", NX_LAYER_CONTROL}};

static const cyaml_schema_field_t named_fields[] = {
    STRING("at", struct nx_raw_named, at, TEXT_MAX),
    OPT_STRING("tls_name", struct nx_raw_named, tls_name, NX_DNAME_TEXT_MAX),
    OPT_STRING("tls_ca_file", struct nx_raw_named, tls_ca_file,
               NX_CONF_PATH_MAX),
    CYAML_FIELD_ENUM_PTR("layer", OPT | CYAML_FLAG_STRICT, struct nx_raw_named,
                         layer, layers, sizeof(layers) / sizeof(layers[0])),
    CYAML_FIELD_BOOL_PTR("may_suggest", OPT, struct nx_raw_named, may_suggest),
    CYAML_FIELD_END};

static const cyaml_schema_value_t named_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct nx_raw_named, named_fields)};

static const cyaml_schema_field_t resolvers_fields[] = {
    CYAML_FIELD_BOOL_PTR("discover", OPT, struct nx_raw_resolvers, discover),
    CYAML_FIELD_BOOL_PTR("getaddrinfo", OPT, struct nx_raw_resolvers,
                         getaddrinfo),
    OPT_STRING("resolv_conf", struct nx_raw_resolvers, resolv_conf,
               NX_CONF_PATH_MAX),
    OPT_STRING("resolved_conf", struct nx_raw_resolvers, resolved_conf,
               NX_CONF_PATH_MAX),
    CYAML_FIELD_SEQUENCE("named", OPT, struct nx_raw_resolvers, named,
                         &named_value, 0, NX_POLICY_RESOLVERS_MAX),
    CYAML_FIELD_END};

static const cyaml_strval_t replies[] = {{"all", NX_REPLIES_ALL},
                                         {"data", NX_REPLIES_DATA},
                                         {"none", NX_REPLIES_NONE}};

static const cyaml_schema_field_t policy_fields[] = {
    CYAML_FIELD_SEQUENCE("zones", OPT, struct nx_raw_policy, zones, &text_value,
                         1, NX_CONF_ZONES_MAX),
    CYAML_FIELD_SEQUENCE("canary_zones", OPT, struct nx_raw_policy,
                         canary_zones, &text_value, 1, NX_CONF_ZONES_MAX),
    CYAML_FIELD_SEQUENCE("sibling_zones", OPT, struct nx_raw_policy,
                         sibling_zones, &text_value, 1, NX_CONF_ZONES_MAX),
    CYAML_FIELD_SEQUENCE("types", OPT, struct nx_raw_policy, types, &text_value,
                         1, NX_CONF_TYPES_MAX),
    OPT_UINT("resolver_qps", struct nx_raw_policy, resolver_qps),
    OPT_UINT("resolver_burst", struct nx_raw_policy, resolver_burst),
    OPT_UINT("total_qps", struct nx_raw_policy, total_qps),
    OPT_UINT("min_interval_ms", struct nx_raw_policy, min_interval_ms),
    OPT_UINT("max_tasks", struct nx_raw_policy, max_tasks),
    OPT_UINT("proof_s", struct nx_raw_policy, proof_s),
    CYAML_FIELD_BOOL_PTR("own_proof", OPT, struct nx_raw_policy, own_proof),
    CYAML_FIELD_ENUM_PTR("replies", OPT | CYAML_FLAG_STRICT,
                         struct nx_raw_policy, replies, replies,
                         sizeof(replies) / sizeof(replies[0])),
    CYAML_FIELD_END};

static const cyaml_schema_field_t authority_fields[] = {
    OPT_STRING("root_hints", struct nx_raw_authority, root_hints,
               NX_CONF_PATH_MAX),
    OPT_UINT("server_qps", struct nx_raw_authority, server_qps),
    CYAML_FIELD_END};

static const cyaml_schema_field_t probe_fields[] = {
    OPT_UINT("timeout_ms", struct nx_raw_probe, timeout_ms), CYAML_FIELD_END};

static const cyaml_strval_t syncs[] = {{"always", NX_RAW_ALWAYS},
                                       {"interval", NX_RAW_INTERVAL}};

static const cyaml_schema_field_t spool_fields[] = {
    OPT_STRING("path", struct nx_raw_spool, path, NX_CONF_PATH_MAX),
    OPT_UINT("max_bytes", struct nx_raw_spool, max_bytes),
    OPT_UINT("max_age_s", struct nx_raw_spool, max_age_s),
    CYAML_FIELD_ENUM_PTR("sync", OPT | CYAML_FLAG_STRICT, struct nx_raw_spool,
                         sync, syncs, 2),
    OPT_UINT("sync_interval_s", struct nx_raw_spool, sync_interval_s),
    CYAML_FIELD_END};

static const cyaml_schema_field_t batch_fields[] = {
    OPT_UINT("max_results", struct nx_raw_batch, max_results),
    OPT_UINT("max_age_ms", struct nx_raw_batch, max_age_ms), CYAML_FIELD_END};

static const cyaml_strval_t roles[] = {{"network", NX_RAW_NETWORK},
                                       {"authority", NX_RAW_AUTHORITY}};

static const cyaml_schema_field_t fields[] = {
    STRING("key", struct nx_raw_conf, key, NX_CONF_PATH_MAX),
    OPT_STRING("network", struct nx_raw_conf, network, LABEL_MAX),
    CYAML_FIELD_ENUM("role", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                     struct nx_raw_conf, role, roles, 2),
    CYAML_FIELD_SEQUENCE("collectors", CYAML_FLAG_POINTER, struct nx_raw_conf,
                         collectors, &collector_value, 1,
                         NX_CONF_COLLECTORS_MAX),
    CYAML_FIELD_MAPPING_PTR("resolvers", OPT, struct nx_raw_conf, resolvers,
                            resolvers_fields),
    CYAML_FIELD_MAPPING_PTR("policy", OPT, struct nx_raw_conf, policy,
                            policy_fields),
    CYAML_FIELD_MAPPING_PTR("authority", OPT, struct nx_raw_conf, authority,
                            authority_fields),
    CYAML_FIELD_MAPPING_PTR("probe", OPT, struct nx_raw_conf, probe,
                            probe_fields),
    CYAML_FIELD_MAPPING_PTR("spool", OPT, struct nx_raw_conf, spool,
                            spool_fields),
    CYAML_FIELD_MAPPING_PTR("batch", OPT, struct nx_raw_conf, batch,
                            batch_fields),
    CYAML_FIELD_END};

const cyaml_schema_value_t nx_agent_conf_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct nx_raw_conf, fields)};
