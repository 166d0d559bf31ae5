#include "collector/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/conf_labels.h"
#include "collector/conf_parts.h"

/* As libcyaml loads it; NULL: not given. */
struct raw_http {
    char *unix_path;
    char *listen;
    char *origin;
};

struct raw_plan {
    uint32_t *valid_s;
};

struct raw_retention {
    uint32_t *observations_days;
    uint32_t *history_days;
    uint32_t *agent_mib_per_hour;
};

struct raw_limits {
    uint32_t *agent_messages_per_s;
    uint32_t *agent_kib_per_s;
};

struct raw {
    char *key;
    char *next_key;
    char *listen; /* of the schema for one */
    char **listens;
    unsigned listens_count;
    char *store;
    struct raw_http *http;
    struct nx_conf_raw_enrol *enrol;
    struct nx_conf_raw_estimate *estimate;
    struct raw_plan *plan;
    struct nx_conf_raw_canary *canary;
    struct nx_conf_raw_alerts *alerts;
    struct nx_raw_labels *networks;
    unsigned networks_count;
    struct nx_raw_labels *agents;
    unsigned agents_count;
    struct raw_retention *retention;
    struct raw_limits *limits;
};

#define STRING(key, flags, type, member)                                       \
    CYAML_FIELD_STRING_PTR(key, flags, type, member, 1, NX_CONF_TEXT_MAX)
static const cyaml_schema_field_t http_fields[] = {
    STRING("unix", OPTIONAL_PTR, struct raw_http, unix_path),
    STRING("listen", OPTIONAL_PTR, struct raw_http, listen),
    STRING("origin", OPTIONAL_PTR, struct raw_http, origin), CYAML_FIELD_END};

static const cyaml_schema_field_t plan_fields[] = {
    CYAML_FIELD_UINT_PTR("valid_s", OPTIONAL_PTR, struct raw_plan, valid_s),
    CYAML_FIELD_END};

#define KEPT(member)                                                           \
    CYAML_FIELD_UINT_PTR(#member, OPTIONAL_PTR, struct raw_retention, member)
static const cyaml_schema_field_t retention_fields[] = {
    KEPT(observations_days), KEPT(history_days), KEPT(agent_mib_per_hour),
    CYAML_FIELD_END};

#define LIMIT(member)                                                          \
    CYAML_FIELD_UINT_PTR(#member, OPTIONAL_PTR, struct raw_limits, member)
static const cyaml_schema_field_t limits_fields[] = {
    LIMIT(agent_messages_per_s), LIMIT(agent_kib_per_s), CYAML_FIELD_END};

static const cyaml_schema_value_t listen_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, NX_CONF_TEXT_MAX)};

/* What both schemas have beside `listen`. */
#define COMMON_FIELDS                                                          \
    STRING("next_key", OPTIONAL_PTR, struct raw, next_key),                    \
        STRING("store", OPTIONAL_PTR, struct raw, store),                      \
        CYAML_FIELD_MAPPING_PTR("http", OPTIONAL_PTR, struct raw, http,        \
                                http_fields),                                  \
        CYAML_FIELD_MAPPING_PTR("enrol", OPTIONAL_PTR, struct raw, enrol,      \
                                nx_conf_enrol_fields),                         \
        CYAML_FIELD_MAPPING_PTR("estimate", OPTIONAL_PTR, struct raw,          \
                                estimate, nx_conf_estimate_fields),            \
        CYAML_FIELD_MAPPING_PTR("plan", OPTIONAL_PTR, struct raw, plan,        \
                                plan_fields),                                  \
        CYAML_FIELD_MAPPING_PTR("canary", OPTIONAL_PTR, struct raw, canary,    \
                                nx_conf_canary_fields),                        \
        CYAML_FIELD_MAPPING_PTR("alerts", OPTIONAL_PTR, struct raw, alerts,    \
                                nx_conf_alert_fields),                         \
        CYAML_FIELD_SEQUENCE("networks", OPTIONAL_PTR, struct raw, networks,   \
                             &nx_conf_labels_value, 0, NX_CONF_LABELLED_MAX),  \
        CYAML_FIELD_SEQUENCE("agents", OPTIONAL_PTR, struct raw, agents,       \
                             &nx_conf_labels_value, 0, NX_CONF_LABELLED_MAX),  \
        CYAML_FIELD_MAPPING_PTR("retention", OPTIONAL_PTR, struct raw,         \
                                retention, retention_fields),                  \
        CYAML_FIELD_MAPPING_PTR("limits", OPTIONAL_PTR, struct raw, limits,    \
                                limits_fields),                                \
        CYAML_FIELD_END

static const cyaml_schema_field_t one_fields[] = {
    STRING("key", CYAML_FLAG_POINTER, struct raw, key),
    STRING("listen", CYAML_FLAG_POINTER, struct raw, listen), COMMON_FIELDS};
static const cyaml_schema_field_t list_fields[] = {
    STRING("key", CYAML_FLAG_POINTER, struct raw, key),
    CYAML_FIELD_SEQUENCE("listen", CYAML_FLAG_POINTER, struct raw, listens,
                         &listen_value, 1, NX_CONF_LISTEN_MAX),
    COMMON_FIELDS};
static const cyaml_schema_value_t one_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, one_fields)};
static const cyaml_schema_value_t list_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, list_fields)};

/* libcyaml has no "a string or a list of them": is the value of the top-level
 * key `listen` a list? It is when it does not begin with text on its line. */
static bool listen_is_list(const uint8_t *text, size_t len) {
    static const char key[] = "listen:";
    const size_t key_len = sizeof(key) - 1;
    for (size_t i = 0; i + key_len <= len; i++) {
        if ((i > 0 && text[i - 1] != '\n') ||
            memcmp(text + i, key, key_len) != 0) {
            continue;
        }
        i += key_len;
        while (i < len && (text[i] == ' ' || text[i] == '\t')) {
            i++;
        }
        return i < len && strchr("[#\r\n", text[i]) != NULL;
    }
    return false;
}

int nx_conf_copy_text(const char *text, char **out) {
    *out = strdup(text);
    return *out == NULL ? NX_ENOMEM : NX_OK;
}

/* Relative to the folder of the configuration file. */
int nx_conf_copy_path(const struct nx_conf_reader *r, const char *path,
                      char **out) {
    const char *slash = strrchr(r->file, '/');
    if (path[0] == '/' || slash == NULL) {
        return nx_conf_copy_text(path, out);
    }
    size_t folder = (size_t)(slash - r->file) + 1;
    size_t cap = folder + strlen(path) + 1;
    *out = malloc(cap);
    if (*out == NULL) {
        return NX_ENOMEM;
    }
    snprintf(*out, cap, "%.*s%s", (int)folder, r->file, path);
    return NX_OK;
}

static int take_listen(const struct nx_conf_reader *r, const char *key,
                       const char *text) {
    if (!nx_conf_is_listen(text)) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, key,
                             "\"%s\" is not tcp://ADDRESS:PORT", text);
    }
    for (size_t i = 0; i < r->out->listen_n; i++) {
        if (strcmp(r->out->listen[i], text) == 0) {
            return nx_yaml_error(r->doc, r->why, r->why_cap, key,
                                 "\"%s\" is given twice", text);
        }
    }
    return nx_conf_copy_text(text, &r->out->listen[r->out->listen_n++]);
}

static int take_listens(const struct nx_conf_reader *r, const struct raw *raw) {
    if (raw->listen != NULL) {
        return take_listen(r, "listen", raw->listen);
    }
    int err = NX_OK;
    for (unsigned i = 0; err == NX_OK && i < raw->listens_count; i++) {
        char key[24];
        snprintf(key, sizeof(key), "listen[%u]", i);
        err = take_listen(r, key, raw->listens[i]);
    }
    return err;
}

static int take_http_listen(const struct nx_conf_reader *r, const char *text) {
    struct nx_endpoint at;
    unsigned port = 0;
    if (!nx_conf_address_port(text, &at, &port)) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "http.listen",
                             "\"%s\" is not ADDRESS:PORT", text);
    }
    return nx_conf_copy_text(text, &r->out->http_listen);
}

/* As browsers write it (RFC 6454, 6.2): no path, no capitals. */
static int take_http_origin(const struct nx_conf_reader *r, const char *text) {
    static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789-.:[]";
    const char *at = strncmp(text, "https://", 8) == 0  ? text + 8
                     : strncmp(text, "http://", 7) == 0 ? text + 7
                                                        : "";
    if (at[0] == '\0' || at[strspn(at, host)] != '\0') {
        return nx_yaml_error(r->doc, r->why, r->why_cap, "http.origin",
                             "\"%s\" is not https://HOST or "
                             "https://HOST:PORT",
                             text);
    }
    return nx_conf_copy_text(text, &r->out->http_origin);
}

/* One number with its range; absent: *out is the default already. */
int nx_conf_take_number(const struct nx_conf_reader *r, const char *key,
                        const uint32_t *value, uint32_t min, uint32_t max,
                        uint32_t *out) {
    if (value == NULL) {
        return NX_OK;
    }
    if (*value < min || *value > max) {
        return nx_yaml_error(r->doc, r->why, r->why_cap, key,
                             "%u is not within %u..%u", *value, min, max);
    }
    *out = *value;
    return NX_OK;
}

static int take_retention(const struct nx_conf_reader *r,
                          const struct raw_retention *raw) {
    struct nx_retention *out = &r->out->retention;
    int err = nx_conf_take_number(r, "retention.observations_days",
                                  raw->observations_days, 1, 3650,
                                  &out->observations_days);
    if (out->history_days < out->observations_days) {
        out->history_days = out->observations_days;
    }
    if (err == NX_OK) {
        err = nx_conf_take_number(r, "retention.history_days",
                                  raw->history_days, out->observations_days,
                                  36500, &out->history_days);
    }
    return err == NX_OK ? nx_conf_take_number(r, "retention.agent_mib_per_hour",
                                              raw->agent_mib_per_hour, 1, 65536,
                                              &out->agent_mib_per_hour)
                        : err;
}

/* At least the largest message fits into a burst. */
static int take_limits(const struct nx_conf_reader *r,
                       const struct raw_limits *raw) {
    struct nx_limits *out = &r->out->limits;
    int err = nx_conf_take_number(r, "limits.agent_messages_per_s",
                                  raw->agent_messages_per_s, 1, 100000,
                                  &out->agent_messages_per_s);
    return err == NX_OK ? nx_conf_take_number(r, "limits.agent_kib_per_s",
                                              raw->agent_kib_per_s, 64, 1048576,
                                              &out->agent_kib_per_s)
                        : err;
}

static int take_paths(const struct nx_conf_reader *r, const struct raw *raw) {
    const char *store = raw->store != NULL ? raw->store : "nxclear.db";
    const char *sock = raw->http != NULL && raw->http->unix_path != NULL
                           ? raw->http->unix_path
                           : "nxclear.sock";
    int err = nx_conf_copy_path(r, raw->key, &r->out->key_path);
    if (raw->store != NULL) {
        r->out->store_line = nx_yaml_line(r->doc, "store");
    }
    if (raw->http != NULL && raw->http->unix_path != NULL) {
        r->out->http_unix_line = nx_yaml_line(r->doc, "http.unix");
    }
    if (err == NX_OK) {
        err = nx_conf_copy_path(r, store, &r->out->store_path);
    }
    if (err == NX_OK && raw->next_key != NULL) {
        err = nx_conf_copy_path(r, raw->next_key, &r->out->next_key_path);
    }
    return err == NX_OK ? nx_conf_copy_path(r, sock, &r->out->http_unix) : err;
}

static int take(const struct nx_conf_reader *r, const struct raw *raw) {
    int err = take_paths(r, raw);
    if (err == NX_OK) {
        err = take_listens(r, raw);
    }
    if (err == NX_OK && raw->http != NULL && raw->http->listen != NULL) {
        err = take_http_listen(r, raw->http->listen);
    }
    if (err == NX_OK && raw->http != NULL && raw->http->origin != NULL) {
        err = take_http_origin(r, raw->http->origin);
    }
    if (err == NX_OK && raw->enrol != NULL) {
        err = nx_conf_take_enrol(r, raw->enrol);
    }
    if (err == NX_OK && raw->estimate != NULL) {
        err = nx_conf_take_estimate(r, raw->estimate);
    }
    if (err == NX_OK && raw->retention != NULL) {
        err = take_retention(r, raw->retention);
    }
    if (err == NX_OK && raw->limits != NULL) {
        err = take_limits(r, raw->limits);
    }
    if (err == NX_OK && raw->plan != NULL) {
        err = nx_conf_take_number(r, "plan.valid_s", raw->plan->valid_s, 10,
                                  86400, &r->out->engine.plan_valid_s);
    }
    if (err == NX_OK && raw->canary != NULL) {
        err = nx_conf_take_canary(r, raw->canary);
    }
    const struct nx_conf_labels_job job = {
        .doc = r->doc, .out = r->out, .why = r->why, .why_cap = r->why_cap};
    if (err == NX_OK) {
        err = nx_conf_labels_take(&job, NX_LABELS_OF_NETWORK, raw->networks,
                                  raw->networks_count);
    }
    if (err == NX_OK) {
        err = nx_conf_labels_take(&job, NX_LABELS_OF_AGENT, raw->agents,
                                  raw->agents_count);
    }
    return err == NX_OK ? nx_conf_take_alerts(r, raw->alerts) : err;
}

int nx_collector_conf_parse(const char *file, const uint8_t *text, size_t len,
                            struct nx_collector_conf *out, char *why,
                            size_t why_cap) {
    struct nx_collector_conf conf = {0};
    struct nx_conf_reader r = {file, NULL, &conf, why, why_cap};
    void *raw = NULL;
    nx_engine_settings_default(&conf.engine);
    conf.engine.presence = true;
    conf.retention = (struct nx_retention){30, 400, 256};
    conf.limits = (struct nx_limits){500, 16384};
    int err = nx_yaml_load(
        file, text, len, listen_is_list(text, len) ? &list_schema : &one_schema,
        &raw, &r.doc, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    err = take(&r, raw);
    nx_yaml_free(&r.doc);
    if (err == NX_ENOMEM) {
        snprintf(why, why_cap, "%s: %s", file, nx_strerror(err));
    }
    if (err != NX_OK) {
        nx_collector_conf_fini(&conf);
        return err;
    }
    *out = conf;
    return NX_OK;
}

void nx_collector_conf_fini(struct nx_collector_conf *conf) {
    free(conf->key_path);
    free(conf->next_key_path);
    for (size_t i = 0; i < conf->listen_n; i++) {
        free(conf->listen[i]);
    }
    free(conf->store_path);
    free(conf->http_unix);
    free(conf->http_listen);
    free(conf->http_origin);
    nx_alert_conf_fini(&conf->alerts);
    free(conf->labels);
    free(conf->enrol_listen);
    free(conf->enrol_address);
    memset(conf, 0, sizeof(*conf));
}
