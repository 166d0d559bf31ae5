/* Labels of networks and agents, as they are set. */
#include "collector/api/io_http_parts.h"
#include "collector/status/status.h"

/* The network or agent as its list shows it after the change. */
static json_t *labelled_json(struct nx_service *service,
                             enum nx_label_kind kind, const char *name) {
    struct nx_engine *engine = nx_service_engine(service);
    bool agent = kind == NX_LABELS_OF_AGENT;
    json_t *all = agent
                      ? nx_http_agent_list(service, NULL)
                      : nx_status_networks(engine, nx_service_now_us(service));
    json_t *found =
        nx_status_named(agent ? all : json_object_get(all, "networks"),
                        agent ? "name" : "network", name);
    json_decref(all);
    return found;
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
