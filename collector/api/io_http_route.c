/* Answers requests: what api.h decided, done through the service. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/roster.h"
#include "collector/status/metrics.h"
#include "collector/status/status.h"
#include "collector/status/status_text.h"
#include "common/rfc3339.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void no_incident(struct evhttp_request *request, uint32_t id) {
    struct nx_api_problem problem;
    (void)nx_api_refuse(&problem, 404, "no incident %" PRIu32, id);
    nx_http_reply_problem(request, &problem);
}

/* --- agents --- */

/* Joins enrolment's records with the engine's views, by agent id. */
struct roster {
    struct nx_service *service;
    json_t *list;
};

static void add_record(void *user, const struct nx_agent_record *record) {
    struct roster *roster = user;
    struct nx_agent_view view;
    struct nx_engine *engine = nx_service_engine(roster->service);
    struct nx_labels labels;
    bool known = nx_engine_agent(engine, record->agent.id, &view) == 0;
    json_t *agent = nx_roster_agent(record, known ? &view : NULL);
    nx_engine_agent_labels(engine, &record->agent, &labels);
    if (agent != NULL && record->agent.accepted) {
        (void)json_object_set_new(agent, "labels", nx_json_labels(&labels));
        (void)json_object_set_new(agent, "weight", json_real(labels.weight));
    }
    struct nx_ledger ledger;
    bool said =
        nx_service_ledger(roster->service, record->agent.id, &ledger) == NX_OK;
    if (agent != NULL) {
        (void)json_object_set_new(agent, "ledger",
                                  nx_roster_ledger(said ? &ledger : NULL));
    }
    (void)json_array_append_new(roster->list, agent);
}

json_t *nx_http_agents_json(struct nx_service *service) {
    struct roster roster = {.service = service, .list = json_array()};
    nx_service_agents(service, add_record, &roster);
    return roster.list;
}

static json_t *now_json(struct nx_service *service) {
    char now[NX_TIME_TEXT_MAX];
    return json_string(nx_time_text(nx_service_now_us(service), now));
}

/* --- health and metrics --- */

static void get_health(struct nx_service *service,
                       struct evhttp_request *request) {
    json_t *health = nx_http_health(service);
    bool ok = json_is_true(json_object_get(health, "storing"));
    nx_http_reply_json(request, ok ? 200 : 503, health);
}

static json_t *open_statuses(struct nx_service *service) {
    struct nx_engine *engine = nx_service_engine(service);
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(engine, &incidents);
    int64_t now_us = nx_service_now_us(service);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (incidents[i]->closed_us == NX_TIME_UNKNOWN &&
            !incidents[i]->audit) {
            (void)json_array_append_new(
                list, nx_status_incident(engine, incidents[i]->id, now_us));
        }
    }
    return list;
}

static void get_metrics(struct nx_service *service,
                        struct evhttp_request *request) {
    json_t *statuses = open_statuses(service);
    json_t *agents = nx_http_agents_json(service);
    json_t *networks = nx_status_networks(nx_service_engine(service),
                                          nx_service_now_us(service));
    json_t *health = nx_http_health(service);
    const struct nx_metrics metrics = {
        .statuses = statuses,
        .agents = agents,
        .networks = json_object_get(networks, "networks"),
        .score = nx_service_score_of_late(service),
        .health = health};
    struct nx_text text;
    nx_text_init(&text);
    nx_metrics_text(&metrics, &text);
    char *bytes = nx_text_take(&text);
    nx_http_reply_text(request, 200, METRICS_TYPE, bytes);
    free(bytes);
    json_decref(statuses);
    json_decref(agents);
    json_decref(networks);
    json_decref(health);
}

/* --- what changes something --- */

static json_t *head_of(struct nx_service *service, uint32_t id) {
    const struct nx_incident *incident =
        nx_engine_incident(nx_service_engine(service), id);
    return incident == NULL ? NULL : nx_status_incident_head(incident);
}

static void post_incident(struct nx_service *service,
                          struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_incident incident;
    struct nx_http_body body = nx_http_body(request);
    char location[48];
    int64_t now_us = nx_service_now_us(service);
    if (nx_api_incident(body.bytes, body.len, now_us, &incident, &problem) !=
        0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    incident.opened_us = now_us;
    int err = nx_service_incident_open(service, &incident);
    if (err != 0) {
        nx_http_reply_error(request, err, "the incident was not opened");
        return;
    }
    (void)snprintf(location, sizeof location, "/v1/incidents/%" PRIu32,
                   incident.id);
    (void)evhttp_add_header(evhttp_request_get_output_headers(request),
                            "Location", location);
    nx_http_reply_json(request, 201, head_of(service, incident.id));
}

static void post_close(struct nx_service *service,
                       struct evhttp_request *request, uint32_t id) {
    struct nx_api_problem problem;
    struct nx_http_body body = nx_http_body(request);
    if (nx_api_nothing(body.bytes, body.len, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = nx_service_incident_close(service, id);
    if (err == NX_ENOTFOUND) {
        no_incident(request, id);
    } else if (err != 0) {
        nx_http_reply_error(request, err, "the incident was not closed");
    } else {
        nx_http_reply_json(request, 200, head_of(service, id));
    }
}

/* What the service says about an agent's key or name. */
static void reply_agent_error(struct evhttp_request *request, int err,
                              bool accepting, const char *who) {
    struct nx_api_problem problem;
    if (err == NX_ENOTFOUND && accepting) {
        (void)nx_api_refuse(&problem, 404,
                            "key: no pending key, or more than one, begins "
                            "with %s; give all of it",
                            who);
    } else if (err == NX_ENOTFOUND) {
        (void)nx_api_refuse(&problem, 404,
                            "who: no agent, or more than one, is known by %s",
                            who);
    } else if (err == NX_EMALFORMED) {
        (void)nx_api_refuse(&problem, 422, "key: not a public key: %s", who);
    } else if (err == NX_EEXISTS) {
        (void)nx_api_refuse(&problem, 409,
                            "name: another agent has it; choose another");
    } else {
        nx_http_reply_error(request, err, who);
        return;
    }
    nx_http_reply_problem(request, &problem);
}

static void post_accept(struct nx_service *service,
                        struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_api_accept accept;
    struct nx_agent_record record;
    struct nx_agent agent;
    struct nx_http_body body = nx_http_body(request);
    if (nx_api_accept(body.bytes, body.len, &accept, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    memset(&agent, 0, sizeof agent);
    agent.accepted = true;
    agent.authority = accept.authority;
    memcpy(agent.network, accept.network, sizeof agent.network);
    memcpy(agent.name, accept.name, sizeof agent.name);
    int err = nx_service_agent_accept(service, accept.key, &agent, &record);
    if (err != 0) {
        reply_agent_error(request, err, true, accept.key);
        return;
    }
    nx_http_reply_json(request, 200, nx_roster_agent(&record, NULL));
}

static void post_revoke(struct nx_service *service,
                        struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_agent_record record;
    struct nx_http_body body = nx_http_body(request);
    char who[NX_TEXT_LABEL_MAX];
    if (nx_api_revoke(body.bytes, body.len, who, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = nx_service_agent_revoke(service, who, &record);
    if (err != 0) {
        reply_agent_error(request, err, false, who);
        return;
    }
    nx_http_reply_json(request, 200, nx_roster_agent(&record, NULL));
}

static void post_alert_test(struct nx_service *service,
                            struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_http_body body = nx_http_body(request);
    char receiver[NX_TEXT_LABEL_MAX];
    if (nx_api_alert_test(body.bytes, body.len, receiver, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = nx_service_alert_test(service, receiver);
    if (err == NX_ENOTFOUND) {
        (void)nx_api_refuse(&problem, 404,
                            "receiver: the configuration has no receiver%s%s",
                            receiver[0] != '\0' ? " " : "", receiver);
        nx_http_reply_problem(request, &problem);
    } else if (err != 0) {
        nx_http_reply_error(request, err, "the test was not queued");
    } else {
        nx_http_reply_json(request, 200, nx_service_alert_list(service));
    }
}

/* --- dispatch --- */

static void get_status(struct nx_service *service,
                       struct evhttp_request *request, uint32_t id) {
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    struct nx_api_problem problem;
    struct nx_status_query query;
    if (nx_api_status_query(evhttp_uri_get_query(uri), &query, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_http_reply_json(
        request, 200,
        nx_http_status(service, id, &query, nx_service_now_us(service)));
}

/* A document about an incident that exists; NULL was no memory, or (for a
 * network) nothing of that name. */
static void get_of_incident(struct nx_service *service,
                            struct evhttp_request *request,
                            const struct nx_api_request *asked) {
    struct nx_engine *engine = nx_service_engine(service);
    int64_t now_us = nx_service_now_us(service);
    uint32_t id = asked->incident_id;
    struct nx_api_problem problem;
    if (nx_engine_incident(engine, id) == NULL) {
        no_incident(request, id);
        return;
    }
    if (asked->route == NX_API_INCIDENT) {
        nx_http_reply_json(request, 200, head_of(service, id));
        return;
    }
    if (asked->route == NX_API_INCIDENT_STATUS) {
        get_status(service, request, id);
        return;
    }
    if (asked->route == NX_API_INCIDENT_REPORT) {
        nx_http_reply_json(request, 200, nx_service_report(service, id));
        return;
    }
    json_t *network = nx_status_network(engine, id, asked->network, now_us);
    if (network == NULL) {
        (void)nx_api_refuse(&problem, 404,
                            "incident %" PRIu32 " has no network %s", id,
                            asked->network);
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_http_reply_json(request, 200, network);
}

static void get_events(struct nx_http *http, struct evhttp_request *request,
                       uint32_t id) {
    struct nx_api_problem problem;
    if (nx_engine_incident(nx_service_engine(http->service), id) == NULL) {
        no_incident(request, id);
    } else if (http->streams_n >= NX_HTTP_STREAMS_MAX) {
        (void)nx_api_refuse(&problem, 503,
                            "%u clients watch already; poll the status",
                            NX_HTTP_STREAMS_MAX);
        nx_http_reply_problem(request, &problem);
    } else {
        nx_http_stream_start(http, request, id);
    }
}

static void dispatch(struct nx_http *http, struct evhttp_request *request,
                     const struct nx_api_request *asked) {
    struct nx_service *service = http->service;
    struct nx_engine *engine = nx_service_engine(service);
    int64_t now_us = nx_service_now_us(service);
    switch (asked->route) {
    case NX_API_INCIDENTS:
        if (asked->post) {
            post_incident(service, request);
        } else {
            nx_http_reply_json(request, 200,
                               nx_status_incident_list(engine, now_us));
        }
        break;
    case NX_API_INCIDENT:
    case NX_API_INCIDENT_STATUS:
    case NX_API_INCIDENT_NETWORK:
    case NX_API_INCIDENT_REPORT:
        get_of_incident(service, request, asked);
        break;
    case NX_API_INCIDENT_CLOSE:
        post_close(service, request, asked->incident_id);
        break;
    case NX_API_INCIDENT_EVENTS:
        get_events(http, request, asked->incident_id);
        break;
    case NX_API_INCIDENT_RECORDING:
        nx_http_recording_start(http, request, asked->incident_id);
        break;
    case NX_API_AGENTS:
        nx_http_reply_json(request, 200,
                           json_pack("{s:o, s:o}", "now", now_json(service),
                                     "agents", nx_http_agents_json(service)));
        break;
    case NX_API_AGENT_ACCEPT:
        post_accept(service, request);
        break;
    case NX_API_AGENT_REVOKE:
        post_revoke(service, request);
        break;
    case NX_API_ALERTS:
        nx_http_reply_json(request, 200, nx_service_alert_list(service));
        break;
    case NX_API_ALERT_TEST:
        post_alert_test(service, request);
        break;
    case NX_API_AGENT_LABEL:
        nx_http_label(service, request, NX_LABELS_OF_AGENT);
        break;
    case NX_API_NETWORK_LABEL:
        nx_http_label(service, request, NX_LABELS_OF_NETWORK);
        break;
    case NX_API_NETWORKS:
        nx_http_reply_json(request, 200, nx_status_networks(engine, now_us));
        break;
    case NX_API_SCORE:
        nx_http_score(service, request);
        break;
    case NX_API_HEALTH:
        get_health(service, request);
        break;
    case NX_API_METRICS:
        get_metrics(service, request);
        break;
    }
}

static enum nx_api_method method_of(const struct evhttp_request *request) {
    enum evhttp_cmd_type command = evhttp_request_get_command(request);
    if (command == EVHTTP_REQ_GET) {
        return NX_API_GET;
    }
    if (command == EVHTTP_REQ_HEAD) {
        return NX_API_HEAD;
    }
    return command == EVHTTP_REQ_POST ? NX_API_POST : NX_API_OTHER;
}

/* Is the request ours to obey? A Host inside the request line counts too. */
static int guard(const struct nx_http_door *door,
                 struct evhttp_request *request, bool post,
                 struct nx_api_problem *problem) {
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *host = evhttp_find_header(headers, "Host");
    const char *in_line = uri == NULL ? NULL : evhttp_uri_get_host(uri);
    if (in_line != NULL && !nx_api_host_is_loopback(in_line)) {
        host = NULL;
    }
    return nx_api_guard(post, door->tcp,
                        evhttp_find_header(headers, "Content-Type"), host,
                        evhttp_find_header(headers, "Origin"), problem);
}

void nx_http_handle(struct nx_http_door *door, struct evhttp_request *request) {
    struct nx_api_request asked;
    struct nx_api_problem problem;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
    enum nx_api_method method = method_of(request);
    int err = guard(door, request, method == NX_API_POST, &problem);
    if (err == 0) {
        err = nx_api_route(method, path == NULL ? "" : path, &asked, &problem);
    }
    if (err != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    dispatch(door->http, request, &asked);
}
