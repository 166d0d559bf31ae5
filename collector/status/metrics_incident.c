/* Metrics of the open incidents: their networks, resolvers, name servers. */
#include <stdio.h>
#include <string.h>

#include "collector/infer/verdict.h"
#include "collector/status/metrics_parts.h"
#include "collector/status/status.h"

/* --- incidents --- */

#define INCIDENT_ID_MAX 24U

static const char *incident_id(const json_t *status, char *out) {
    (void)snprintf(out, INCIDENT_ID_MAX, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(
                       json_object_get(status, "incident"), "id")));
    return out;
}

static bool is_clear(const json_t *network) {
    const char *state = nx_metric_text(network, "state");
    return state != NULL && strcmp(state, "clear") == 0;
}

static const json_t *networks_of(const json_t *status) {
    return json_object_get(status, "networks");
}

/* The next network of any incident; NULL: none, or none in this piece.
 * *status: its incident. */
static const json_t *next_network(const struct nx_metrics *m,
                                  struct nx_metric_writer *w,
                                  const json_t **status) {
    size_t *at = w->place->at;
    for (; at[0] < json_array_size(m->statuses); at[0]++, at[1] = 0) {
        *status = json_array_get(m->statuses, at[0]);
        if (at[1] < json_array_size(networks_of(*status))) {
            return nx_metric_more(w)
                       ? json_array_get(networks_of(*status), at[1]++)
                       : NULL;
        }
    }
    return NULL;
}

static void
each_network(const struct nx_metrics *metrics, struct nx_metric_writer *w,
             void (*write)(const struct nx_metric_writer *w, const char *id,
                           const char *name, const json_t *network)) {
    char id[INCIDENT_ID_MAX];
    const json_t *status = NULL;
    const json_t *network = NULL;
    while ((network = next_network(metrics, w, &status)) != NULL) {
        if ((is_clear(network) && !w->place->clear_too) ||
            w->place->n == NX_METRICS_NETWORKS_MAX) {
            continue;
        }
        w->place->n++;
        write(w, incident_id(status, id), nx_metric_text(network, "network"),
              network);
    }
}

static void write_state(const struct nx_metric_writer *w, const char *id,
                        const char *name, const json_t *network) {
    const char *now = nx_metric_text(network, "state");
    for (unsigned i = 0; now != NULL && i < NX_STATE_N_; i++) {
        const char *state = nx_state_text(i);
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"incident", id}, {"network", name}, {"state", state}};
        nx_metric_sample(w, strcmp(now, state) == 0 ? 1 : 0, labels);
    }
}

static void write_denied(const struct nx_metric_writer *w, const char *id,
                         const char *name, const json_t *network) {
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
        {"incident", id}, {"network", name}};
    nx_metric_number(w, json_object_get(network, "denied"), labels);
}

static void write_quantiles(const struct nx_metric_writer *w, const char *id,
                            const char *name, const json_t *clears) {
    static const char *const quantiles[][2] = {{"0.05", "lo90"},
                                               {"0.25", "lo50"},
                                               {"0.5", "point"},
                                               {"0.75", "hi50"},
                                               {"0.95", "hi90"}};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"incident", id}, {"network", name}, {"quantile", quantiles[i][0]}};
        nx_metric_time(w, clears, quantiles[i][1], labels);
    }
}

static void write_clears(const struct nx_metric_writer *w, const char *id,
                         const char *name, const json_t *network) {
    write_quantiles(w, id, name, json_object_get(network, "clears"));
}

static void write_bound(const struct nx_metric_writer *w, const char *id,
                        const char *name, const json_t *network) {
    const json_t *hard = json_object_get(network, "hard");
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
        {"incident", id},
        {"network", name},
        {"reason", nx_metric_text(hard, "reason")}};
    nx_metric_time(w, hard, "at", labels);
}

static void write_seen(const struct nx_metric_writer *w, const char *id,
                       const char *name, const json_t *network) {
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
        {"incident", id}, {"network", name}};
    nx_metric_time(w, network, "seen", labels);
}

static void write_stuck(const struct nx_metric_writer *w, const char *id,
                        const char *name, const json_t *network) {
    const char *outlook = nx_metric_text(network, "outlook");
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
        {"incident", id}, {"network", name}};
    if (outlook != NULL) {
        nx_metric_sample(w, strcmp(outlook, "stuck") == 0 ? 1 : 0, labels);
    }
}

static void network_stuck(const struct nx_metrics *m,
                          struct nx_metric_writer *w) {
    each_network(m, w, write_stuck);
}

static void network_states(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    each_network(m, w, write_state);
}

static void network_denied(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    each_network(m, w, write_denied);
}

static void network_clears(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    each_network(m, w, write_clears);
}

static void network_bounds(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    each_network(m, w, write_bound);
}

static void network_seen(const struct nx_metrics *m,
                         struct nx_metric_writer *w) {
    each_network(m, w, write_seen);
}

static void all_clear(const struct nx_metrics *m, struct nx_metric_writer *w) {
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
                            struct nx_metric_writer *w) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    const json_t *status = NULL;
    json_array_foreach(m->statuses, i, status) {
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"incident", incident_id(status, id)}};
        nx_metric_number(
            w, json_object_get(json_object_get(status, "summary"), "denied"),
            labels);
    }
}

static void outlooks(const struct nx_metrics *m, struct nx_metric_writer *w) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    const json_t *status = NULL;
    json_array_foreach(m->statuses, i, status) {
        const char *now = nx_metric_text(status, "outlook");
        const char *name =
            nx_metric_text(json_object_get(status, "incident"), "name");
        for (unsigned k = 0; now != NULL && k <= NX_OUTLOOK_UNKNOWN; k++) {
            const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
                {"incident", incident_id(status, id)},
                {"name", name},
                {"outlook", nx_outlook_text(k)}};
            nx_metric_sample(w, strcmp(now, nx_outlook_text(k)) == 0 ? 1 : 0,
                             labels);
        }
    }
}

/* Networks by incident and state: what a curve of the recovery needs. */
static void network_counts(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    const json_t *status = NULL;
    json_array_foreach(m->statuses, i, status) {
        const json_t *states =
            json_object_get(json_object_get(status, "summary"), "states");
        for (unsigned k = 0; states != NULL && k < NX_STATE_N_; k++) {
            const json_t *n = json_object_get(states, nx_state_text(k));
            const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
                {"incident", incident_id(status, id)},
                {"state", nx_state_text(k)}};
            nx_metric_sample(w, json_number_value(n), labels);
        }
    }
}

/* --- resolvers that are not clear --- */

static size_t resolver_samples(const struct nx_metric_writer *w, const char *id,
                               const json_t *network, size_t room) {
    size_t n = 0;
    size_t i = 0;
    const json_t *target = NULL;
    json_array_foreach(json_object_get(network, "targets"), i, target) {
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"incident", id},
            {"network", nx_metric_text(network, "network")},
            {"resolver", nx_metric_text(target, "resolver")},
            {"type", nx_metric_text(target, "type")},
            {"agent", nx_metric_text(target, "agent")}};
        if (n == room) {
            break;
        }
        n++;
        nx_metric_sample(
            w, (double)json_array_size(json_object_get(target, "lines")),
            labels);
    }
    return n;
}

static void resolver_caches(const struct nx_metrics *m,
                            struct nx_metric_writer *w) {
    char id[INCIDENT_ID_MAX];
    const json_t *status = NULL;
    const json_t *network = NULL;
    while ((network = next_network(m, w, &status)) != NULL) {
        if (!is_clear(network)) {
            size_t n = resolver_samples(w, incident_id(status, id), network,
                                        NX_METRICS_RESOLVERS_MAX - w->place->n);
            w->place->n += n;
            w->budget -= n < w->budget ? n : w->budget;
        }
    }
}

/* --- what is left out --- */

struct extent {
    size_t networks_n, affected_n, resolvers_n;
};

static struct extent extent_of(const struct nx_metrics *m) {
    struct extent e = {0};
    size_t i = 0;
    size_t j = 0;
    const json_t *status = NULL;
    const json_t *network = NULL;
    json_array_foreach(m->statuses, i, status) {
        json_array_foreach(json_object_get(status, "networks"), j, network) {
            e.networks_n++;
            if (!is_clear(network)) {
                e.affected_n++;
                e.resolvers_n +=
                    json_array_size(json_object_get(network, "targets")) +
                    (size_t)json_integer_value(
                        json_object_get(network, NX_METRICS_UNREAD));
            }
        }
    }
    return e;
}

static void left_out(const struct nx_metrics *m, struct nx_metric_writer *w) {
    const struct extent e = extent_of(m);
    size_t shown = w->place->clear_too ? e.networks_n
                   : e.affected_n < NX_METRICS_NETWORKS_MAX
                       ? e.affected_n
                       : NX_METRICS_NETWORKS_MAX;
    const struct nx_metric_label networks[NX_METRIC_LABELS_MAX] = {
        {"what", "networks"}};
    const struct nx_metric_label resolvers[NX_METRIC_LABELS_MAX] = {
        {"what", "resolvers"}};
    nx_metric_sample(w, (double)(e.networks_n - shown), networks);
    nx_metric_sample(w,
                     e.resolvers_n > NX_METRICS_RESOLVERS_MAX
                         ? (double)(e.resolvers_n - NX_METRICS_RESOLVERS_MAX)
                         : 0,
                     resolvers);
    const struct nx_metric_label caps[NX_METRIC_LABELS_MAX] = {
        {"what", "resolver-caps"}};
    nx_metric_sample(w, (double)m->resolvers_left_out_n, caps);
    const struct nx_metric_label incidents[NX_METRIC_LABELS_MAX] = {
        {"what", "incidents"}};
    nx_metric_sample(w, (double)m->left_out_n, incidents);
}

/* --- the authoritative side --- */

static void each_server(
    const struct nx_metrics *metrics, const struct nx_metric_writer *w,
    void (*write)(const struct nx_metric_writer *w,
                  const struct nx_metric_label labels[NX_METRIC_LABELS_MAX],
                  const json_t *server)) {
    char id[INCIDENT_ID_MAX];
    size_t i = 0;
    size_t j = 0;
    const json_t *status = NULL;
    const json_t *server = NULL;
    json_array_foreach(metrics->statuses, i, status) {
        const json_t *authority = json_object_get(status, "authority");
        json_array_foreach(json_object_get(authority, "servers"), j, server) {
            const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
                {"incident", incident_id(status, id)},
                {"ns", nx_metric_text(server, "name")},
                {"address", nx_metric_text(server, "address")}};
            write(w, labels, server);
        }
    }
}

static void write_ok(const struct nx_metric_writer *w,
                     const struct nx_metric_label labels[NX_METRIC_LABELS_MAX],
                     const json_t *server) {
    const char *state = nx_metric_text(server, "state");
    if (state != NULL && strcmp(state, "pending") != 0) {
        nx_metric_sample(w, strcmp(state, "good") == 0 ? 1 : 0, labels);
    }
}

static void
write_serial(const struct nx_metric_writer *w,
             const struct nx_metric_label labels[NX_METRIC_LABELS_MAX],
             const json_t *server) {
    nx_metric_number(w, json_object_get(server, "serial"), labels);
}

static void authority_ok(const struct nx_metrics *m,
                         struct nx_metric_writer *w) {
    each_server(m, w, write_ok);
}

static void authority_serial(const struct nx_metrics *m,
                             struct nx_metric_writer *w) {
    each_server(m, w, write_serial);
}

const struct nx_metric nx_metrics_of_incidents[] = {
    {"nxclear_network_state", "gauge",
     "1 for the state that the network is in, 0 for the others.",
     network_states, NULL},
    {"nxclear_network_denied_ratio", "gauge",
     "Expected share of queries that are still denied.", network_denied, NULL},
    {"nxclear_network_stuck", "gauge",
     "1 if the network is overdue, or cannot clear as things stand.",
     network_stuck, NULL},
    {"nxclear_networks", "gauge", "Networks in each state.", network_counts,
     NULL},
    {"nxclear_incident_outlook", "gauge",
     "1 for what can be expected of the incident, 0 for the others.", outlooks,
     NULL},
    {"nxclear_resolver_caches", "gauge",
     "Negative entries seen at a resolver, of networks that are not clear.",
     resolver_caches, NULL},
    {"nxclear_left_out", "gauge",
     "Series not exported, to keep their number bounded.", left_out, NULL},
    {"nxclear_network_seen_timestamp_seconds", "gauge",
     "When the network's evidence was last renewed.", network_seen, NULL},
    {"nxclear_clear_timestamp_seconds", "gauge",
     "Forecast of when the network is clear.", network_clears, NULL},
    {"nxclear_clear_bound_timestamp_seconds", "gauge",
     "Latest time at which the network is clear, and why.", network_bounds,
     NULL},
    {"nxclear_all_clear_timestamp_seconds", "gauge",
     "Forecast of when every network is clear.", all_clear, NULL},
    {"nxclear_incident_denied_ratio", "gauge",
     "Expected share of the clients' queries that are still denied.",
     incident_denied, NULL},
    {"nxclear_authority_ok", "gauge",
     "1 if the authoritative server gives the expected answer.", authority_ok,
     NULL},
    {"nxclear_authority_serial", "gauge",
     "SOA serial last seen at the authoritative server.", authority_serial,
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

bool nx_metrics_clear_too(const struct nx_metrics *metrics) {
    return extent_of(metrics).networks_n <= NX_METRICS_NETWORKS_MAX;
}
