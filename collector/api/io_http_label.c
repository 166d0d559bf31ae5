/* Labels of networks and agents, as they are set. */
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/status/status.h"

/* One that is accepted: of those no two have one name. */
static json_t *agent_json(struct nx_service *service, const char *name) {
    struct nx_http_agents *agents = NULL;
    json_t *found = NULL;
    if (nx_http_agents_new(service, &agents) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < nx_http_agents_n(agents) && found == NULL; i++) {
        const struct nx_agent_record *record = nx_http_agents_at(agents, i);
        if (record->agent.accepted && strcmp(record->agent.name, name) == 0) {
            found = nx_http_agent_json(service, record);
        }
    }
    nx_http_agents_free(&agents);
    return found;
}

/* The network or agent as its list shows it after the change. */
static json_t *labelled_json(struct nx_service *service,
                             enum nx_label_kind kind, const char *name) {
    json_t *found = NULL;
    if (kind == NX_LABELS_OF_AGENT) {
        return agent_json(service, name);
    }
    return nx_status_network_entry(nx_service_engine(service), name, &found) ==
                   0
               ? found
               : NULL;
}

void nx_http_label(struct nx_service *service, struct evhttp_request *request,
                   enum nx_label_kind kind) {
    const char *owner = kind == NX_LABELS_OF_AGENT ? "agent" : "network";
    struct nx_api_problem problem;
    struct nx_api_label label;
    struct nx_http_body body = nx_http_body(request);
    if (nx_api_label(body.bytes, body.len, owner, &label, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err =
        nx_service_label(service, kind, label.name, label.changes, label.n);
    if (err == NX_ENOTFOUND) {
        (void)nx_api_refuse(&problem, 404,
                            kind == NX_LABELS_OF_AGENT
                                ? "agent: no accepted agent has this name: %s"
                                : "network: no accepted agent stands in %s",
                            label.name);
        nx_http_reply_problem(request, &problem);
    } else if (err != 0) {
        nx_http_reply_error(request, err, "the labels were not set");
    } else {
        nx_http_reply_json(request, 200,
                           labelled_json(service, kind, label.name));
    }
}
