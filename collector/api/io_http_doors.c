/* Who may connect and who may ask: agents, join strings, tokens. */
#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "collector/api/api_member.h"
#include "collector/api/io_http_parts.h"
#include "collector/api/roster.h"
#include "collector/status/status_text.h"

/* --- agents --- */

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
    } else if (err == NX_ESTATE && accepting) {
        (void)nx_api_refuse(&problem, 409,
                            "key: an accepted agent's; revoke it instead");
    } else if (err == NX_ESTATE) {
        (void)nx_api_refuse(&problem, 409,
                            "who: not possible in the state that it is in");
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
    if (err == NX_ESTATE) {
        (void)nx_api_refuse(
            &problem, 409,
            "network, role: an incident is open in which its present network "
            "counts; close that before, or give the network up there: revoke "
            "the agent, then reject its key, then accept it");
        nx_http_reply_problem(request, &problem);
        return;
    }
    if (err != 0) {
        reply_agent_error(request, err, true, accept.key);
        return;
    }
    nx_http_reply_json(request, 200, nx_roster_agent(&record, NULL, NULL));
}

static int move_agent(struct nx_service *service, enum nx_api_route route,
                      const char *who, struct nx_agent_record *out) {
    if (route == NX_API_AGENT_REJECT) {
        return nx_service_agent_reject(service, who, out);
    }
    if (route == NX_API_AGENT_QUARANTINE) {
        return nx_service_agent_quarantine(service, who, "by an operator", out);
    }
    return route == NX_API_AGENT_RELEASE
               ? nx_service_agent_release(service, who, out)
               : nx_service_agent_revoke(service, who, out);
}

static void post_move(struct nx_service *service,
                      struct evhttp_request *request, enum nx_api_route route) {
    struct nx_api_problem problem;
    struct nx_agent_record record;
    struct nx_http_body body = nx_http_body(request);
    char who[NX_TEXT_LABEL_MAX];
    if (nx_api_revoke(body.bytes, body.len, who, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = move_agent(service, route, who, &record);
    if (err != 0) {
        reply_agent_error(request, err, route == NX_API_AGENT_REJECT, who);
        return;
    }
    nx_http_reply_json(request, 200, nx_roster_agent(&record, NULL, NULL));
}

static void add_audit(void *user, const struct nx_door_entry *entry) {
    (void)json_array_append_new(user, nx_door_entry_json(entry));
}

static void get_log(struct nx_service *service,
                    struct evhttp_request *request) {
    json_t *list = json_array();
    int err = nx_service_door_log(service, add_audit, list);
    if (err != 0) {
        json_decref(list);
        nx_http_reply_error(request, err, "the log cannot be read");
        return;
    }
    nx_http_reply_json(
        request, 200,
        json_pack("{s:o, s:o}", "now", nx_http_now_json(service), "log", list));
}

/* --- join strings --- */

struct dated_list {
    json_t *list;
    int64_t now_us;
};

static void add_enrolment(void *user, const struct nx_enrolment *enrolment) {
    struct dated_list *list = user;
    (void)json_array_append_new(list->list,
                                nx_enrolment_json(enrolment, list->now_us));
}

static void get_enrolments(struct nx_service *service,
                           struct evhttp_request *request) {
    struct dated_list list = {json_array(), nx_service_doors_us(service)};
    nx_service_enrolments(service, add_enrolment, &list);
    nx_http_reply_json(request, 200,
                       json_pack("{s:o, s:o}", "now", nx_http_now_json(service),
                                 "enrolments", list.list));
}

static void reply_enrol_error(struct evhttp_request *request, int err) {
    struct nx_api_problem problem;
    if (err == NX_ESTATE) {
        (void)nx_api_refuse(
            &problem, 409,
            "there is no enrolment port: configure enrol.listen "
            "(nxclear-collector.yaml(5)), or accept the key by "
            "hand");
    } else if (err == NX_EADDRESS) {
        (void)nx_api_refuse(
            &problem, 409,
            "which address agents reach is not known: configure "
            "enrol.address (nxclear-collector.yaml(5))");
    } else {
        nx_http_reply_error(request, err, "the join string was not made");
        return;
    }
    nx_http_reply_problem(request, &problem);
}

static void post_enrolment(struct nx_service *service,
                           struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_api_enrolment asked;
    struct nx_enrolment enrolment;
    char text[NX_JOIN_TEXT_MAX];
    struct nx_http_body body = nx_http_body(request);
    if (nx_api_enrolment(body.bytes, body.len, &asked, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = nx_service_enrol_create(service, &asked, &enrolment, text);
    if (err != 0) {
        reply_enrol_error(request, err);
        return;
    }
    json_t *made = nx_enrolment_json(&enrolment, nx_service_doors_us(service));
    (void)json_object_set_new(made, "join", json_string(text));
    sodium_memzero(text, sizeof text);
    nx_http_reply_json(request, 201, made);
}

static void post_enrolment_revoke(struct nx_service *service,
                                  struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_enrolment enrolment;
    struct nx_http_body body = nx_http_body(request);
    uint32_t id = 0;
    if (nx_api_enrolment_revoke(body.bytes, body.len, &id, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = nx_service_enrol_revoke(service, id, &enrolment);
    if (err == NX_ENOTFOUND) {
        (void)nx_api_refuse(&problem, 404, "id: no join string %" PRIu32, id);
        nx_http_reply_problem(request, &problem);
    } else if (err == NX_ESTATE) {
        (void)nx_api_refuse(&problem, 409,
                            "join string %" PRIu32
                            " is over already; to shut out who used it, revoke "
                            "the agent",
                            id);
        nx_http_reply_problem(request, &problem);
    } else if (err != 0) {
        nx_http_reply_error(request, err, "the join string was not revoked");
    } else {
        nx_http_reply_json(
            request, 200,
            nx_enrolment_json(&enrolment, nx_service_doors_us(service)));
    }
}

/* --- tokens --- */

static void add_token(void *user, const struct nx_token *token) {
    struct dated_list *tokens = user;
    (void)json_array_append_new(tokens->list,
                                nx_token_json(token, tokens->now_us));
}

static void get_tokens(struct nx_service *service,
                       struct evhttp_request *request) {
    struct dated_list tokens = {json_array(), nx_service_doors_us(service)};
    nx_service_tokens(service, add_token, &tokens);
    nx_http_reply_json(request, 200,
                       json_pack("{s:o, s:o}", "now", nx_http_now_json(service),
                                 "tokens", tokens.list));
}

static void post_token(struct nx_service *service,
                       struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_api_token asked;
    struct nx_token token;
    char text[NX_TOKEN_TEXT_LEN + 1];
    struct nx_http_body body = nx_http_body(request);
    if (nx_api_token(body.bytes, body.len, &asked, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = nx_service_token_create(service, &asked, &token, text);
    if (err == NX_EEXISTS) {
        (void)nx_api_refuse(&problem, 409,
                            "name: a token that is valid has it; choose "
                            "another, or revoke that one");
        nx_http_reply_problem(request, &problem);
        return;
    }
    if (err != 0) {
        nx_http_reply_error(request, err, "the token was not made");
        return;
    }
    json_t *made = nx_token_json(&token, nx_service_doors_us(service));
    (void)json_object_set_new(made, "token", json_string(text));
    sodium_memzero(text, sizeof text);
    nx_http_reply_json(request, 201, made);
}

static void post_token_revoke(struct nx_service *service,
                              struct evhttp_request *request) {
    struct nx_api_problem problem;
    struct nx_token token;
    struct nx_http_body body = nx_http_body(request);
    char who[NX_TEXT_LABEL_MAX];
    if (nx_api_revoke(body.bytes, body.len, who, &problem) != 0) {
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = nx_service_token_revoke(service, who, &token);
    if (err == NX_ENOTFOUND) {
        (void)nx_api_refuse(&problem, 404,
                            "who: no valid token is named " NX_SHOWN, who);
        nx_http_reply_problem(request, &problem);
    } else if (err != 0) {
        nx_http_reply_error(request, err, "the token was not revoked");
    } else {
        nx_http_reply_json(request, 200,
                           nx_token_json(&token, nx_service_doors_us(service)));
    }
}

void nx_http_doors(struct nx_service *service, struct evhttp_request *request,
                   const struct nx_api_request *asked) {
    switch ((int)asked->route) { /* those of dispatch() */
    case NX_API_AGENT_ACCEPT:
        post_accept(service, request);
        break;
    case NX_API_AGENT_LOG:
        get_log(service, request);
        break;
    case NX_API_ENROLMENTS:
        if (asked->post) {
            post_enrolment(service, request);
        } else {
            get_enrolments(service, request);
        }
        break;
    case NX_API_ENROLMENT_REVOKE:
        post_enrolment_revoke(service, request);
        break;
    case NX_API_TOKENS:
        if (asked->post) {
            post_token(service, request);
        } else {
            get_tokens(service, request);
        }
        break;
    case NX_API_TOKEN_REVOKE:
        post_token_revoke(service, request);
        break;
    default:
        post_move(service, request, asked->route);
        break;
    }
}
