/* Answers requests: what api.h decided, done through the service. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collector/api/io_http_parts.h"
#include "collector/status/status.h"
#include "common/rfc3339.h"

static void no_incident(struct evhttp_request *request, uint32_t id) {
    struct nx_api_problem problem;
    (void)nx_api_refuse(&problem, 404, "no incident %" PRIu32, id);
    nx_http_reply_problem(request, &problem);
}

/* --- health --- */

/* Who has not said who he is (a load balancer), or may not see all networks,
 * learns no more than whether all is well: the counters are of all. */
static void get_health(struct nx_service *service,
                       struct evhttp_request *request,
                       const struct nx_grant *grant) {
    json_t *health = nx_http_health(service);
    const char *said = json_string_value(json_object_get(health, "status"));
    bool ok = said != NULL && strcmp(said, "ok") == 0;
    if (grant == NULL || grant->sight.networks_n > 0) {
        json_t *status = json_incref(json_object_get(health, "status"));
        json_decref(health);
        health = json_pack("{s:o*}", "status", status);
    }
    nx_http_reply_json(request, ok ? 200 : 503, health);
}

/* --- what changes something --- */

json_t *nx_http_incident_head(struct nx_service *service, uint32_t id) {
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
    const struct nx_incident **others = NULL;
    size_t n = nx_engine_incidents(nx_service_engine(service), &others);
    uint32_t other = nx_api_ds_conflict(&incident, others, n);
    if (other != 0) {
        (void)nx_api_refuse(&problem, 409,
                            "types: DS is asked of the parent zone's servers, "
                            "and what incident %" PRIu32
                            " asks for the name is not of the same zone: close "
                            "that first",
                            other);
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
    nx_http_reply_json(request, 201,
                       nx_http_incident_head(service, incident.id));
}

static void post_close(struct nx_http *http, struct evhttp_request *request,
                       uint32_t id) {
    struct nx_api_problem problem;
    struct nx_http_body body = nx_http_body(request);
    if (nx_api_nothing(body.bytes, body.len, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_http_close(http, request, id);
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

/* Of some networks only, or in groups. */
static void get_chosen_status(struct nx_http *http,
                              struct evhttp_request *request,
                              const struct nx_api_request *asked,
                              const char *text, const struct nx_sight *sight) {
    struct nx_api_problem problem;
    struct nx_status_query query = {.grouped = false};
    /* A plain query is taken apart already. */
    if (!nx_api_query_is_plain(text) &&
        nx_api_status_query(text, &query, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_http_get_chosen(http, request, asked, &query, sight);
}

/* The board shows every network: it is for those who may see them all. */
static void get_status(struct nx_http *http, struct evhttp_request *request,
                       const struct nx_api_request *asked,
                       const struct nx_sight *sight) {
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *text = evhttp_uri_get_query(uri);
    if (sight->networks_n == 0 && nx_api_query_is_plain(text)) {
        nx_http_get_status(http, request, asked);
    } else {
        get_chosen_status(http, request, asked, text, sight);
    }
}

/* A document about an incident; NULL was no memory, or (for a network) nothing
 * of that name. */
static void get_of_incident(struct nx_http *http,
                            struct evhttp_request *request,
                            const struct nx_api_request *asked,
                            const struct nx_sight *sight) {
    struct nx_service *service = http->service;
    struct nx_engine *engine = nx_service_engine(service);
    int64_t now_us = nx_service_now_us(service);
    uint32_t id = asked->incident_id;
    struct nx_api_problem problem;
    if (asked->route == NX_API_INCIDENT) {
        nx_http_reply_tagged(request, nx_http_incident_head(service, id));
        return;
    }
    if (asked->route == NX_API_INCIDENT_STATUS) {
        get_status(http, request, asked, sight);
        return;
    }
    if (asked->route == NX_API_INCIDENT_REPORT) {
        nx_http_report(http, request, id);
        return;
    }
    json_t *network = nx_status_network(engine, id, asked->network, now_us);
    const char *kept = nx_engine_incident_kept(engine, id);
    if (network == NULL && kept != NULL && kept[0] == '\0') {
        nx_http_reply_not_made(request, NX_EMALFORMED,
                               "the status was not made");
        return;
    }
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
                       const struct nx_api_request *asked,
                       const struct nx_grant *grant) {
    struct nx_api_problem problem;
    if (http->streams_n >= NX_HTTP_STREAMS_MAX) {
        (void)nx_api_refuse(&problem, 503,
                            "%u clients watch already; poll the status",
                            NX_HTTP_STREAMS_MAX);
        nx_http_reply_problem(request, &problem);
    } else if (grant->scope != NX_SCOPE_ADMIN &&
               nx_http_streams_of(http, grant->token_id) >=
                   NX_HTTP_STREAMS_OF_READER_MAX) {
        (void)nx_api_refuse(&problem, 503,
                            "%u clients watch with this token already; poll "
                            "the status",
                            NX_HTTP_STREAMS_OF_READER_MAX);
        nx_http_reply_problem(request, &problem);
    } else {
        nx_http_stream_start(http, request, asked, grant);
    }
}

/* grant: NULL only where the route is open to everybody. Without its incident
 * there is nothing behind a path. */
static void dispatch(struct nx_http *http, struct evhttp_request *request,
                     const struct nx_api_request *asked,
                     const struct nx_grant *grant) {
    const struct nx_sight *sight = grant != NULL ? &grant->sight : NULL;
    struct nx_service *service = http->service;
    uint32_t id = asked->incident_id;
    if (id != 0 && nx_engine_incident(nx_service_engine(service), id) == NULL) {
        no_incident(request, id);
        return;
    }
    switch (asked->route) {
    case NX_API_INCIDENTS:
        if (asked->post) {
            post_incident(service, request);
        } else {
            nx_http_get_list(http, request, asked, sight);
        }
        break;
    case NX_API_INCIDENT_TRANSITIONS:
    case NX_API_AGENTS:
    case NX_API_NETWORKS:
    case NX_API_RESOLVERS:
        nx_http_get_list(http, request, asked, sight);
        break;
    case NX_API_INCIDENT:
    case NX_API_INCIDENT_STATUS:
    case NX_API_INCIDENT_NETWORK:
    case NX_API_INCIDENT_REPORT:
        get_of_incident(http, request, asked, sight);
        break;
    case NX_API_INCIDENT_CLOSE:
        post_close(http, request, id);
        break;
    case NX_API_INCIDENT_EVENTS:
        get_events(http, request, asked, grant);
        break;
    case NX_API_INCIDENT_RECORDING:
        nx_http_recording_start(http, request, id, grant);
        break;
    case NX_API_AGENT_ACCEPT:
    case NX_API_AGENT_REVOKE:
    case NX_API_AGENT_REJECT:
    case NX_API_AGENT_QUARANTINE:
    case NX_API_AGENT_RELEASE:
    case NX_API_AGENT_LOG:
    case NX_API_ENROLMENTS:
    case NX_API_ENROLMENT_REVOKE:
    case NX_API_TOKENS:
    case NX_API_TOKEN_REVOKE:
        nx_http_doors(service, request, asked);
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
    case NX_API_RESOLVER_MEASURE:
        nx_http_measure(service, request);
        break;
    case NX_API_SCORE:
        nx_http_score(service, request);
        break;
    case NX_API_HEALTH:
        get_health(service, request, grant);
        break;
    case NX_API_METRICS:
        nx_http_metrics(http, request);
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
    return nx_api_guard(
        post, door->kind, evhttp_find_header(headers, "Content-Type"), host,
        evhttp_find_header(headers, "Origin"), door->http->origin, problem);
}

/* Whoever is at the other end of the Unix socket. */
static void name_peer(struct evhttp_request *request, char *out, size_t cap) {
    struct ucred peer;
    socklen_t len = sizeof peer;
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(
        evhttp_request_get_connection(request)));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
        (void)snprintf(out, cap, "unix socket, uid %lu",
                       (unsigned long)peer.uid);
    } else {
        (void)snprintf(out, cap, "unix socket");
    }
}

/* Who asks? A token that is given counts, also on the Unix socket (a proxy in
 * front of it passes it on); there, none is needed. NULL: nobody knows. */
static const struct nx_grant *grant_of(const struct nx_http_door *door,
                                       struct evhttp_request *request,
                                       struct nx_grant *out) {
    const char *header = evhttp_find_header(
        evhttp_request_get_input_headers(request), "Authorization");
    const char *token = header == NULL ? NULL : nx_access_bearer(header);
    if (header == NULL && door->kind == NX_API_UNIX) {
        *out = (struct nx_grant){.scope = NX_SCOPE_ADMIN};
        name_peer(request, out->who, sizeof out->who);
        return out;
    }
    return token != NULL &&
                   nx_service_token_grant(door->http->service, token, out) == 0
               ? out
               : NULL;
}

/* So that nobody is offered what would be refused. */
static void say_access(struct evhttp_request *request,
                       const struct nx_grant *grant) {
    if (grant != NULL) {
        (void)evhttp_add_header(evhttp_request_get_output_headers(request),
                                NX_ACCESS_HEADER, nx_scope_text(grant->scope));
    }
}

/* What cannot be done, or not be said, while the store refuses. What is wrong
 * names files: whoever is known may hear it. */
static int check_store(const struct nx_http_door *door,
                       const struct nx_api_request *asked,
                       struct nx_api_problem *problem) {
    const struct nx_service *service = door->http->service;
    const char *why = nx_service_problem(service);
    bool self = asked->route == NX_API_HEALTH ||
                (asked->route == NX_API_METRICS && door->kind == NX_API_UNIX);
    if (nx_service_unread(service) && !self) {
        return nx_api_refuse(
            problem, 503, "what is stored cannot be read now: %s",
            door->kind == NX_API_UNIX
                ? why
                : "GET /healthz on the collector's Unix socket says why");
    }
    return why != NULL && asked->post
               ? nx_api_refuse(problem, 503, "nothing can be changed now: %s",
                               why)
               : 0;
}

void nx_http_handle(struct nx_http_door *door, struct evhttp_request *request) {
    struct nx_api_request asked;
    struct nx_api_problem problem;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
    enum nx_api_method method = method_of(request);
    struct nx_grant room;
    const struct nx_grant *grant = NULL;
    int err = guard(door, request, method == NX_API_POST, &problem);
    if (err == 0 && path != NULL && nx_http_web(request, method, path)) {
        return;
    }
    if (err == 0) {
        err = nx_api_route(method, path == NULL ? "" : path, &asked, &problem);
    }
    /* Nobody's token is known: 401 would be wrong of it. */
    if (err == 0 && nx_service_unread(door->http->service)) {
        err = check_store(door, &asked, &problem);
    }
    if (err == 0) {
        grant = grant_of(door, request, &room);
        err = nx_access_check(&asked, grant, &problem);
    }
    if (err == 0) {
        err = check_store(door, &asked, &problem);
    }
    if (err == 0) {
        err = nx_api_query(evhttp_uri_get_query(uri), &asked, &problem);
    }
    if (err != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_service_act_as(door->http->service, grant != NULL ? grant->who : "");
    say_access(request, grant);
    dispatch(door->http, request, &asked, grant);
}
