/* The list of agents, a few at a time: of very many it takes long. */
#include <stdlib.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/roster.h"
#include "collector/status/status_text.h"

/* Enrolment's records, all of one moment: who took another's name since is not
 * listed beside him. */
struct nx_http_agents {
    struct nx_agent_record *records;
    size_t n, cap, at;
    bool failed;
};

static void take_record(void *user, const struct nx_agent_record *record) {
    struct nx_http_agents *a = user;
    if (a->n == a->cap) {
        size_t cap = a->cap == 0 ? 64 : 2 * a->cap;
        void *grown = realloc(a->records, cap * sizeof *a->records);
        if (grown == NULL) {
            a->failed = true;
            return;
        }
        a->records = grown;
        a->cap = cap;
    }
    a->records[a->n++] = *record;
}

int nx_http_agents_new(struct nx_service *service,
                       struct nx_http_agents **out) {
    struct nx_http_agents *a = calloc(1, sizeof *a);
    if (a != NULL) {
        nx_service_agents(service, take_record, a);
    }
    if (a == NULL || a->failed) {
        nx_http_agents_free(&a);
        return NX_ENOMEM;
    }
    *out = a;
    return 0;
}

void nx_http_agents_free(struct nx_http_agents **agents) {
    if (*agents != NULL) {
        free((*agents)->records);
        free(*agents);
        *agents = NULL;
    }
}

size_t nx_http_agents_n(const struct nx_http_agents *agents) {
    return agents->n;
}

const struct nx_agent_record *
nx_http_agents_at(const struct nx_http_agents *agents, size_t i) {
    return &agents->records[i];
}

/* Joins the record with the engine's view, by agent id. */
json_t *nx_http_agent_json(struct nx_service *service,
                           const struct nx_agent_record *record) {
    struct nx_engine *engine = nx_service_engine(service);
    struct nx_agent_view view;
    struct nx_labels labels;
    struct nx_ledger ledger;
    bool known = nx_engine_agent(engine, record->agent.id, &view) == 0;
    bool said = nx_service_ledger(service, record->agent.id, &ledger) == NX_OK;
    json_t *agent =
        nx_roster_agent(record, known ? &view : NULL, said ? &ledger : NULL);
    nx_engine_agent_labels(engine, &record->agent, &labels);
    bool ok = !record->agent.accepted ||
              (nx_json_set(agent, "labels", nx_json_labels(&labels)) &&
               nx_json_set(agent, "weight", json_real(labels.weight)));
    if (ok &&
        nx_json_set(agent, "ledger", nx_roster_ledger(said ? &ledger : NULL))) {
        return agent;
    }
    json_decref(agent);
    return NULL;
}

int nx_http_agents_some(struct nx_http_agents *a, struct nx_service *service,
                        json_t *list, size_t n) {
    for (; a->at < a->n && n > 0; n--) {
        if (!nx_json_add(list,
                         nx_http_agent_json(service, &a->records[a->at++]))) {
            return NX_ENOMEM;
        }
    }
    return a->at < a->n ? NX_EAGAIN : 0;
}
