#include "collector/status/metrics.h"

#include <stdio.h>
#include <string.h>

#include "collector/infer/verdict.h"
#include "common/rfc3339.h"

#define LABELS_MAX 5U

struct label {
    const char *name;
    const char *value; /* NULL: the label is left out */
};

/* What one metric needs to write its samples. */
struct writer {
    struct nx_text *text;
    const char *name;
};

/* Backslash, quote and newline are escaped as the format says; all else that
 * is not printable ASCII as `\DDD` with its backslash doubled. */
static void add_label_value(struct nx_text *text, const char *value) {
    for (const char *p = value; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            nx_text_addf(text, "\\%c", c);
        } else if (c < 0x20 || c > 0x7e) {
            nx_text_addf(text, "\\\\%03u", (unsigned)c);
        } else {
            nx_text_bytes(text, p, 1);
        }
    }
}

static void sample(const struct writer *w, double value,
                   const struct label labels[LABELS_MAX]) {
    const char *before = "{";
    nx_text_add(w->text, w->name);
    for (unsigned i = 0; i < LABELS_MAX && labels[i].name != NULL; i++) {
        if (labels[i].value == NULL) {
            continue;
        }
        nx_text_addf(w->text, "%s%s=\"", before, labels[i].name);
        add_label_value(w->text, labels[i].value);
        nx_text_add(w->text, "\"");
        before = ",";
    }
    nx_text_addf(w->text, "%s %.17g\n", before[0] == ',' ? "}" : "", value);
}

static const char *string_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* A time as seconds; false when not known. */
static bool time_at(const json_t *object, const char *key, double *out) {
    const char *text = string_at(object, key);
    int64_t us = 0;
    if (text == NULL || nx_time_parse(text, &us) != 0) {
        return false;
    }
    *out = (double)us / 1e6;
    return true;
}

static void number_sample(const struct writer *w, const json_t *value,
                          const struct label labels[LABELS_MAX]) {
    if (json_is_boolean(value)) {
        sample(w, json_is_true(value) ? 1 : 0, labels);
    } else if (json_is_number(value)) {
        sample(w, json_number_value(value), labels);
    }
}

static void time_sample(const struct writer *w, const json_t *object,
                        const char *key,
                        const struct label labels[LABELS_MAX]) {
    double seconds = 0;
    if (time_at(object, key, &seconds)) {
        sample(w, seconds, labels);
    }
}

/* --- incidents --- */

#define INCIDENT_ID_MAX 24U

static const char *incident_id(const json_t *status, char *out) {
    (void)snprintf(out, INCIDENT_ID_MAX, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(
                       json_object_get(status, "incident"), "id")));
    return out;
}

static void
each_network(const struct nx_metrics *metrics, const struct writer *w,
             void (*write)(const struct writer *w, const char *id,
                           const char *name, const json_t *network)) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    size_t j = 0;
    const json_t *status = NULL;
    const json_t *network = NULL;
    json_array_foreach(metrics->statuses, i, status) {
        json_array_foreach(json_object_get(status, "networks"), j, network) {
            const char *name = string_at(network, "network");
            write(w, incident_id(status, id), name, network);
        }
    }
}

static void write_state(const struct writer *w, const char *id,
                        const char *name, const json_t *network) {
    const char *now = string_at(network, "state");
    for (unsigned i = 0; now != NULL && i < NX_STATE_N_; i++) {
        const char *state = nx_state_text(i);
        const struct label labels[LABELS_MAX] = {
            {"incident", id}, {"network", name}, {"state", state}};
        sample(w, strcmp(now, state) == 0 ? 1 : 0, labels);
    }
}

static void write_denied(const struct writer *w, const char *id,
                         const char *name, const json_t *network) {
    const struct label labels[LABELS_MAX] = {{"incident", id},
                                             {"network", name}};
    number_sample(w, json_object_get(network, "denied"), labels);
}

static void write_quantiles(const struct writer *w, const char *id,
                            const char *name, const json_t *clears) {
    static const char *const quantiles[][2] = {{"0.05", "lo90"},
                                               {"0.25", "lo50"},
                                               {"0.5", "point"},
                                               {"0.75", "hi50"},
                                               {"0.95", "hi90"}};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        const struct label labels[LABELS_MAX] = {
            {"incident", id}, {"network", name}, {"quantile", quantiles[i][0]}};
        time_sample(w, clears, quantiles[i][1], labels);
    }
}

static void write_clears(const struct writer *w, const char *id,
                         const char *name, const json_t *network) {
    write_quantiles(w, id, name, json_object_get(network, "clears"));
}

static void write_bound(const struct writer *w, const char *id,
                        const char *name, const json_t *network) {
    const json_t *hard = json_object_get(network, "hard");
    const struct label labels[LABELS_MAX] = {
        {"incident", id},
        {"network", name},
        {"reason", string_at(hard, "reason")}};
    time_sample(w, hard, "at", labels);
}

static void write_seen(const struct writer *w, const char *id, const char *name,
                       const json_t *network) {
    const struct label labels[LABELS_MAX] = {{"incident", id},
                                             {"network", name}};
    time_sample(w, network, "seen", labels);
}

static void network_states(const struct nx_metrics *m, const struct writer *w) {
    each_network(m, w, write_state);
}

static void network_denied(const struct nx_metrics *m, const struct writer *w) {
    each_network(m, w, write_denied);
}

static void network_clears(const struct nx_metrics *m, const struct writer *w) {
    each_network(m, w, write_clears);
}

static void network_bounds(const struct nx_metrics *m, const struct writer *w) {
    each_network(m, w, write_bound);
}

static void network_seen(const struct nx_metrics *m, const struct writer *w) {
    each_network(m, w, write_seen);
}

static void all_clear(const struct nx_metrics *m, const struct writer *w) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    const json_t *status = NULL;
    json_array_foreach(m->statuses, i, status) {
        write_quantiles(
            w, incident_id(status, id), NULL,
            json_object_get(json_object_get(status, "summary"), "all_clear"));
    }
}

static void incident_denied(const struct nx_metrics *m,
                            const struct writer *w) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    const json_t *status = NULL;
    json_array_foreach(m->statuses, i, status) {
        const struct label labels[LABELS_MAX] = {
            {"incident", incident_id(status, id)}};
        number_sample(
            w, json_object_get(json_object_get(status, "summary"), "denied"),
            labels);
    }
}

/* --- the authoritative side --- */

static void each_server(const struct nx_metrics *metrics,
                        const struct writer *w,
                        void (*write)(const struct writer *w,
                                      const struct label labels[LABELS_MAX],
                                      const json_t *server)) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    size_t j = 0;
    const json_t *status = NULL;
    const json_t *server = NULL;
    json_array_foreach(metrics->statuses, i, status) {
        const json_t *authority = json_object_get(status, "authority");
        json_array_foreach(json_object_get(authority, "servers"), j, server) {
            const struct label labels[LABELS_MAX] = {
                {"incident", incident_id(status, id)},
                {"ns", string_at(server, "name")},
                {"address", string_at(server, "address")}};
            write(w, labels, server);
        }
    }
}

static void write_ok(const struct writer *w,
                     const struct label labels[LABELS_MAX],
                     const json_t *server) {
    const char *state = string_at(server, "state");
    if (state != NULL && strcmp(state, "pending") != 0) {
        sample(w, strcmp(state, "good") == 0 ? 1 : 0, labels);
    }
}

static void write_serial(const struct writer *w,
                         const struct label labels[LABELS_MAX],
                         const json_t *server) {
    number_sample(w, json_object_get(server, "serial"), labels);
}

static void authority_ok(const struct nx_metrics *m, const struct writer *w) {
    each_server(m, w, write_ok);
}

static void authority_serial(const struct nx_metrics *m,
                             const struct writer *w) {
    each_server(m, w, write_serial);
}

/* --- agents and the collector itself --- */

static void each_agent(const struct nx_metrics *metrics, const struct writer *w,
                       const char *key, bool time) {
    size_t i = 0;
    const json_t *agent = NULL;
    json_array_foreach(metrics->agents, i, agent) {
        const struct label labels[LABELS_MAX] = {
            {"agent", string_at(agent, "name")},
            {"network", string_at(agent, "network")}};
        if (labels[0].value == NULL) {
            continue; /* pending: anybody could make these */
        }
        if (time) {
            time_sample(w, agent, key, labels);
        } else {
            number_sample(w, json_object_get(agent, key), labels);
        }
    }
}

static void agent_result(const struct nx_metrics *m, const struct writer *w) {
    each_agent(m, w, "last_result", true);
}

static void agent_offset(const struct nx_metrics *m, const struct writer *w) {
    each_agent(m, w, "clock_offset_s", false);
}

static void agent_results(const struct nx_metrics *m, const struct writer *w) {
    each_agent(m, w, "results", false);
}

static void agent_dropped(const struct nx_metrics *m, const struct writer *w) {
    each_agent(m, w, "dropped", false);
}

/* --- what operators say of networks: to be joined with the others --- */

static void network_info(const struct nx_metrics *m, const struct writer *w) {
    size_t i = 0;
    const json_t *network = NULL;
    json_array_foreach(m->networks, i, network) {
        const json_t *of = json_object_get(network, "labels");
        char asn[24];
        (void)snprintf(asn, sizeof(asn), "%" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(of, "asn")));
        const struct label labels[LABELS_MAX] = {
            {"network", string_at(network, "network")},
            {"site", string_at(of, "site")},
            {"provider", string_at(of, "provider")},
            {"asn", json_is_integer(json_object_get(of, "asn")) ? asn : NULL},
            {"country", string_at(of, "country")}};
        sample(w, 1, labels);
    }
}

static void network_weight(const struct nx_metrics *m, const struct writer *w) {
    size_t i = 0;
    const json_t *network = NULL;
    json_array_foreach(m->networks, i, network) {
        const struct label labels[LABELS_MAX] = {
            {"network", string_at(network, "network")}};
        number_sample(w, json_object_get(network, "weight"), labels);
    }
}

static const struct label no_labels[LABELS_MAX];

static void start_time(const struct nx_metrics *m, const struct writer *w) {
    time_sample(w, m->health, "started", no_labels);
}

static void build_info(const struct nx_metrics *m, const struct writer *w) {
    const struct label labels[LABELS_MAX] = {
        {"version", string_at(m->health, "version")}};
    sample(w, 1, labels);
}

struct metric {
    const char *name;
    const char *type;
    const char *help;
    void (*write)(const struct nx_metrics *metrics, const struct writer *w);
    const char *health; /* without write: the member of health */
};

static const struct metric table[] = {
    {"nxclear_network_state", "gauge",
     "1 for the state that the network is in, 0 for the others.",
     network_states, NULL},
    {"nxclear_network_denied_ratio", "gauge",
     "Expected share of queries that are still denied.", network_denied, NULL},
    {"nxclear_network_seen_timestamp_seconds", "gauge",
     "When the network's evidence was last renewed.", network_seen, NULL},
    {"nxclear_clear_timestamp_seconds", "gauge",
     "Forecast of when the network is clear.", network_clears, NULL},
    {"nxclear_clear_bound_timestamp_seconds", "gauge",
     "Latest time at which the network is clear, and why.", network_bounds,
     NULL},
    {"nxclear_all_clear_timestamp_seconds", "gauge",
     "Forecast of when every network is clear.", all_clear, NULL},
    {"nxclear_network_info", "gauge",
     "Always 1; what operators say of the network are the labels.",
     network_info, NULL},
    {"nxclear_network_weight", "gauge",
     "Clients that the network stands for; 1 when nobody said.", network_weight,
     NULL},
    {"nxclear_incident_denied_ratio", "gauge",
     "Expected share of the clients' queries that are still denied.",
     incident_denied, NULL},
    {"nxclear_authority_ok", "gauge",
     "1 if the authoritative server gives the expected answer.", authority_ok,
     NULL},
    {"nxclear_authority_serial", "gauge",
     "SOA serial last seen at the authoritative server.", authority_serial,
     NULL},
    {"nxclear_agent_last_result_timestamp_seconds", "gauge",
     "When the agent's newest result arrived.", agent_result, NULL},
    {"nxclear_agent_clock_offset_seconds", "gauge",
     "The agent's clock minus the collector's.", agent_offset, NULL},
    {"nxclear_agent_results_total", "counter", "Results of the agent.",
     agent_results, NULL},
    {"nxclear_agent_dropped_results_total", "counter",
     "Results that the agent had to drop.", agent_dropped, NULL},
    {"nxclear_results_total", "counter", "Results stored.", NULL, "results"},
    {"nxclear_batches_total", "counter", "Batches stored.", NULL, "batches"},
    {"nxclear_duplicate_results_total", "counter",
     "Results that came again and had no effect.", NULL, "duplicates"},
    {"nxclear_out_of_order_results_total", "counter",
     "Results that came after later ones.", NULL, "out_of_order"},
    {"nxclear_rejected_messages_total", "counter",
     "Messages that broke a rule of the protocol.", NULL, "rejected"},
    {"nxclear_refused_keys_total", "counter",
     "Connections refused because their key is not accepted.", NULL,
     "refused_keys"},
    {"nxclear_storing", "gauge", "1 while the store takes results.", NULL,
     "storing"},
    {"nxclear_start_time_seconds", "gauge", "When the collector was started.",
     start_time, NULL},
    {"nxclear_build_info", "gauge", "Always 1; the version is a label.",
     build_info, NULL},
};

void nx_metrics_text(const struct nx_metrics *metrics, struct nx_text *text) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct metric *metric = &table[i];
        const struct writer w = {text, metric->name};
        nx_text_addf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
                     metric->help, metric->name, metric->type);
        if (metric->write != NULL) {
            metric->write(metrics, &w);
        } else {
            number_sample(&w, json_object_get(metrics->health, metric->health),
                          no_labels);
        }
    }
}
