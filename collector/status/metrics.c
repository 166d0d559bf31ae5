#include "collector/status/metrics_parts.h"

#include <stdio.h>
#include <string.h>

/* --- agents and the collector itself --- */

/* Of one that reports, or would. Not of one that is pending: anybody could make
 * these; nor of one that will never report again: its silence means nothing. */
static bool label_agent(const json_t *agent,
                        struct nx_metric_label labels[NX_METRIC_LABELS_MAX]) {
    const char *state = nx_metric_text(agent, "state");
    labels[0] =
        (struct nx_metric_label){"agent", nx_metric_text(agent, "name")};
    labels[1] =
        (struct nx_metric_label){"network", nx_metric_text(agent, "network")};
    return labels[0].value != NULL && state != NULL &&
           (strcmp(state, "accepted") == 0 ||
            strcmp(state, "quarantined") == 0);
}

/* The next one of a list; NULL: none, or none in this piece. */
static const json_t *next_of(const json_t *list, struct nx_metric_writer *w) {
    return w->place->at[0] < json_array_size(list) && nx_metric_more(w)
               ? json_array_get(list, w->place->at[0]++)
               : NULL;
}

static void each_agent(const struct nx_metrics *metrics,
                       struct nx_metric_writer *w, const char *key, bool time) {
    const json_t *agent = NULL;
    while ((agent = next_of(metrics->agents, w)) != NULL) {
        struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {{NULL, NULL}};
        if (!label_agent(agent, labels)) {
            continue;
        }
        if (time) {
            nx_metric_time(w, agent, key, labels);
        } else {
            nx_metric_number(w, json_object_get(agent, key), labels);
        }
    }
}

static void agent_result(const struct nx_metrics *m,
                         struct nx_metric_writer *w) {
    each_agent(m, w, "last_result", true);
}

static void agent_changed(const struct nx_metrics *m,
                          struct nx_metric_writer *w) {
    each_agent(m, w, "changed", true);
}

static void agent_offset(const struct nx_metrics *m,
                         struct nx_metric_writer *w) {
    each_agent(m, w, "clock_offset_s", false);
}

static void agent_results(const struct nx_metrics *m,
                          struct nx_metric_writer *w) {
    each_agent(m, w, "results", false);
}

static void agent_dropped(const struct nx_metrics *m,
                          struct nx_metric_writer *w) {
    each_agent(m, w, "dropped", false);
}

/* A number of the agent's ledger; of a boolean 0 or 1. */
static void each_ledger(const struct nx_metrics *m, struct nx_metric_writer *w,
                        const char *key) {
    const json_t *agent = NULL;
    while ((agent = next_of(m->agents, w)) != NULL) {
        const json_t *value =
            json_object_get(json_object_get(agent, "ledger"), key);
        struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {{NULL, NULL}};
        if (value != NULL && !json_is_null(value) &&
            label_agent(agent, labels)) {
            json_t *number = json_is_boolean(value)
                                 ? json_integer(json_is_true(value) ? 1 : 0)
                                 : json_integer(json_integer_value(value));
            nx_metric_number(w, number, labels);
            json_decref(number);
        }
    }
}

static void agent_spooled(const struct nx_metrics *m,
                          struct nx_metric_writer *w) {
    each_ledger(m, w, "spooled");
}

static void agent_balanced(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    each_ledger(m, w, "balanced");
}

static void agent_spool(const struct nx_metrics *m,
                        struct nx_metric_writer *w) {
    each_ledger(m, w, "spool_bytes");
}

static void agent_quarantined(const struct nx_metrics *m,
                              struct nx_metric_writer *w) {
    const json_t *agent = NULL;
    while ((agent = next_of(m->agents, w)) != NULL) {
        struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {{NULL, NULL}};
        if (label_agent(agent, labels)) {
            const char *state = nx_metric_text(agent, "state");
            nx_metric_sample(w, strcmp(state, "quarantined") == 0 ? 1 : 0,
                             labels);
        }
    }
}

/* --- what operators say of networks: to be joined with the others --- */

static void network_info(const struct nx_metrics *m,
                         struct nx_metric_writer *w) {
    const json_t *network = NULL;
    while ((network = next_of(m->networks, w)) != NULL) {
        const json_t *of = json_object_get(network, "labels");
        char asn[24];
        (void)snprintf(asn, sizeof(asn), "%" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(of, "asn")));
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"network", nx_metric_text(network, "network")},
            {"site", nx_metric_text(of, "site")},
            {"provider", nx_metric_text(of, "provider")},
            {"asn", json_is_integer(json_object_get(of, "asn")) ? asn : NULL},
            {"country", nx_metric_text(of, "country")}};
        nx_metric_sample(w, 1, labels);
    }
}

static void network_weight(const struct nx_metrics *m,
                           struct nx_metric_writer *w) {
    const json_t *network = NULL;
    while ((network = next_of(m->networks, w)) != NULL) {
        const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
            {"network", nx_metric_text(network, "network")}};
        nx_metric_number(w, json_object_get(network, "weight"), labels);
    }
}

/* --- resolvers as canary names measured them --- */

static void write_cap(const struct nx_metric_writer *w, const json_t *resolver,
                      const char *answer, const char *key) {
    const json_t *scope = json_object_get(resolver, "scope");
    char interface[24];
    (void)snprintf(interface, sizeof(interface), "%" JSON_INTEGER_FORMAT,
                   json_integer_value(scope));
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
        {"network", nx_metric_text(resolver, "network")},
        {"resolver", nx_metric_text(resolver, "resolver")},
        {"scope", json_is_integer(scope) ? interface : NULL},
        {"agent", nx_metric_text(resolver, "agent")},
        {"answer", answer}};
    nx_metric_number(w, json_object_get(resolver, key), labels);
}

/* One that has no cap, or was not measured, has no sample. */
static void resolver_caps(const struct nx_metrics *m,
                          struct nx_metric_writer *w) {
    const json_t *resolver = NULL;
    while ((resolver = next_of(m->resolvers, w)) != NULL) {
        write_cap(w, resolver, "nxdomain", "nxdomain_cap_s");
        write_cap(w, resolver, "nodata", "nodata_cap_s");
    }
}

static const struct nx_metric_label no_labels[NX_METRIC_LABELS_MAX];

static void start_time(const struct nx_metrics *m, struct nx_metric_writer *w) {
    nx_metric_time(w, m->health, "started", no_labels);
}

static void build_info(const struct nx_metrics *m, struct nx_metric_writer *w) {
    const struct nx_metric_label labels[NX_METRIC_LABELS_MAX] = {
        {"version", nx_metric_text(m->health, "version")}};
    nx_metric_sample(w, 1, labels);
}

static const struct nx_metric table[] = {
    {"nxclear_network_info", "gauge",
     "Always 1; what operators say of the network are the labels.",
     network_info, NULL},
    {"nxclear_network_weight", "gauge",
     "Clients that the network stands for; 1 when nobody said.", network_weight,
     NULL},
    {"nxclear_resolver_negative_ttl_cap_seconds", "gauge",
     "The longest that the resolver keeps a denial, where it was measured and "
     "there is a limit.",
     resolver_caps, NULL},
    {"nxclear_agent_last_result_timestamp_seconds", "gauge",
     "When the agent's newest result arrived.", agent_result, NULL},
    {"nxclear_agent_changed_timestamp_seconds", "gauge",
     "When the agent was accepted or, after that, quarantined.", agent_changed,
     NULL},
    {"nxclear_agent_clock_offset_seconds", "gauge",
     "The agent's clock minus the collector's.", agent_offset, NULL},
    {"nxclear_agent_results_total", "counter", "Results of the agent.",
     agent_results, NULL},
    {"nxclear_agent_dropped_results_total", "counter",
     "Results that the agent had to drop.", agent_dropped, NULL},
    {"nxclear_agent_quarantined", "gauge",
     "1 if the agent is shut out until somebody has looked at it.",
     agent_quarantined, NULL},
    {"nxclear_agent_spooled_results", "gauge",
     "Results that the agent produced and that are neither received nor "
     "reported lost.",
     agent_spooled, NULL},
    {"nxclear_agent_ledger_balanced", "gauge",
     "0 if what the agent says of its results cannot be true.", agent_balanced,
     NULL},
    {"nxclear_agent_spool_bytes", "gauge", "The agent's spool on its disk.",
     agent_spool, NULL},
    {"nxclear_alerts_sent_total", "counter", "Alerts taken by a receiver.",
     NULL, "alerts_sent"},
    {"nxclear_alerts_failed_total", "counter",
     "Attempts to send an alert that failed.", NULL, "alerts_failed"},
    {"nxclear_alerts_given_up_total", "counter",
     "Alerts that were never taken: a week old, damaged, or too many waited.",
     NULL, "alerts_given_up"},
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
    {"nxclear_over_quota_batches_total", "counter",
     "Batches left for later: the agent stores too much.", NULL, "over_quota"},
    {"nxclear_too_new_messages_total", "counter",
     "Messages of a newer version, left with their agents.", NULL, "too_new"},
    {"nxclear_too_fast_messages_total", "counter",
     "Messages left for later: the agent sends too fast.", NULL, "too_fast"},
    {"nxclear_targets_refused_total", "counter",
     "Targets, or looks at one, for which there was no room; targets are tried "
     "again every 10 s.",
     NULL, "targets_refused"},
    {"nxclear_results_without_memory_total", "counter",
     "Results that are stored and that no status rests on, as there was no "
     "memory for them; the next start takes them into account.",
     NULL, "without_memory"},
    {"nxclear_surplus_connections_total", "counter",
     "Connections not taken or ended: their key has too many, or nothing was "
     "said over them.",
     NULL, "surplus_connections"},
    {"nxclear_deleted_batches_total", "counter",
     "Batches older than the retention.", NULL, "deleted_batches"},
    {"nxclear_store_bytes", "gauge", "Size of the store.", NULL, "store_bytes"},
    {"nxclear_store_free_bytes", "gauge",
     "Part of the store that is free to be used again.", NULL,
     "store_free_bytes"},
    {"nxclear_storing", "gauge", "1 while the store takes results.", NULL,
     "storing"},
    {"nxclear_store_readable", "gauge",
     "0: nothing of what is stored is known, and incidents are missing here.",
     NULL, "readable"},
    {"nxclear_admitting", "gauge",
     "1 while keys are judged; 0: no agent is let in.", NULL, "admitting"},
    {"nxclear_key_handlers_remade_total", "counter",
     "Times that the handler which judges keys failed and was made again.",
     NULL, "key_handlers_remade"},
    {"nxclear_start_time_seconds", "gauge", "When the collector was started.",
     start_time, NULL},
    {"nxclear_build_info", "gauge", "Always 1; the version is a label.",
     build_info, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* False: there is more of it. */
static bool write_some(const struct nx_metric *metric,
                       const struct nx_metrics *metrics,
                       struct nx_metrics_place *place, size_t *budget,
                       struct nx_text *text) {
    struct nx_metric_writer w = {
        .text = text, .name = metric->name, .place = place, .budget = *budget};
    if (!place->begun) {
        nx_text_addf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
                     metric->help, metric->name, metric->type);
        *place = (struct nx_metrics_place){
            .metric = place->metric,
            .begun = true,
            .clear_too = place->metric == 0 ? nx_metrics_clear_too(metrics)
                                            : place->clear_too};
        (void)nx_metric_more(&w); /* that takes time, too */
    }
    if (metric->write != NULL) {
        metric->write(metrics, &w);
    } else {
        nx_metric_number(&w, json_object_get(metrics->health, metric->health),
                         no_labels);
    }
    *budget = w.budget;
    return !w.cut;
}

static const struct nx_metric *metric_at(size_t at) {
    const struct nx_metric *const tables[] = {nx_metrics_of_incidents,
                                              nx_metrics_of_score, table};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct nx_metric *m = tables[i]; m->name != NULL; m++) {
            if (at-- == 0) {
                return m;
            }
        }
    }
    return NULL;
}

bool nx_metrics_step(const struct nx_metrics *metrics,
                     struct nx_metrics_place *place, size_t budget,
                     struct nx_text *text) {
    const struct nx_metric *metric = NULL;
    while ((metric = metric_at(place->metric)) != NULL) {
        if (budget == 0 || !write_some(metric, metrics, place, &budget, text)) {
            return false;
        }
        place->metric++;
        place->begun = false;
    }
    return true;
}

void nx_metrics_text(const struct nx_metrics *metrics, struct nx_text *text) {
    struct nx_metrics_place place = {0};
    (void)nx_metrics_step(metrics, &place, SIZE_MAX, text);
}
