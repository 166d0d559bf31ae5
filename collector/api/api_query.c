/* Parameters of the query, by a table: each resource knows its own. */
#include <string.h>

#include "collector/api/api_member.h"

enum parameter { LIMIT, CURSOR, NETWORK, TARGETS, CHANGES, PARAMETERS_N };

static const char *const names[PARAMETERS_N] = {"limit", "cursor", "network",
                                                "targets", "changes"};

static unsigned known_by(enum nx_api_route route) {
    switch (route) {
    case NX_API_INCIDENTS:
    case NX_API_AGENTS:
    case NX_API_NETWORKS:
    case NX_API_RESOLVERS:
        return 1U << LIMIT | 1U << CURSOR;
    case NX_API_INCIDENT_TRANSITIONS:
        return 1U << LIMIT | 1U << CURSOR | 1U << NETWORK;
    case NX_API_INCIDENT_STATUS:
        return 1U << TARGETS;
    case NX_API_INCIDENT_EVENTS:
        return 1U << CHANGES | 1U << TARGETS;
    case NX_API_INCIDENT:
    case NX_API_INCIDENT_CLOSE:
    case NX_API_INCIDENT_NETWORK:
    case NX_API_INCIDENT_RECORDING:
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
    case NX_API_AGENT_LABEL:
    case NX_API_INCIDENT_REPORT:
    case NX_API_ALERTS:
    case NX_API_SCORE:
    case NX_API_ALERT_TEST:
    case NX_API_RESOLVER_MEASURE:
    case NX_API_NETWORK_LABEL:
    case NX_API_HEALTH:
    case NX_API_METRICS:
        break;
    }
    return 0;
}

static int take_limit(const char *text, unsigned *out,
                      struct nx_api_problem *problem) {
    size_t len = strspn(text, "0123456789");
    unsigned value = 0;
    if (len == 0 || len > 4 || text[len] != '\0' ||
        sscanf(text, "%4u", &value) != 1 || value == 0 ||
        value > NX_API_LIMIT_MAX) {
        return nx_api_refuse(problem, 422, "limit: not 1 to %u: " NX_SHOWN,
                             NX_API_LIMIT_MAX, text);
    }
    *out = value;
    return 0;
}

static int take_text(const char *name, const char *text, char *out, size_t cap,
                     struct nx_api_problem *problem) {
    size_t len = strlen(text);
    if (len == 0 || len >= cap) {
        return nx_api_refuse(problem, 422, "%s: not 1 to %zu characters", name,
                             cap - 1);
    }
    memcpy(out, text, len + 1);
    return 0;
}

static int take_bool(const char *name, const char *text, bool *out,
                     struct nx_api_problem *problem) {
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return nx_api_refuse(
            problem, 422, "%s: neither true nor false: " NX_SHOWN, name, text);
    }
    *out = text[0] == 't';
    return 0;
}

static int take(enum parameter parameter, const char *text,
                struct nx_api_request *out, struct nx_api_problem *problem) {
    const char *name = names[parameter];
    bool targets = true;
    int err = 0;
    switch (parameter) {
    case LIMIT:
        return take_limit(text, &out->limit, problem);
    case CURSOR:
        return take_text(name, text, out->cursor, sizeof out->cursor, problem);
    case NETWORK:
        return take_text(name, text, out->network, sizeof out->network,
                         problem);
    case TARGETS:
        err = take_bool(name, text, &targets, problem);
        out->no_targets = !targets;
        out->targets = targets;
        return err;
    case CHANGES:
        return take_bool(name, text, &out->changes, problem);
    case PARAMETERS_N:
        break;
    }
    return NX_EDENIED;
}

struct taking {
    struct nx_api_request *out;
    unsigned seen;
};

static int take_pair(void *user, const char *name, const char *value,
                     struct nx_api_problem *problem) {
    struct taking *t = user;
    unsigned i = 0;
    while (i < PARAMETERS_N && strcmp(names[i], name) != 0) {
        i++;
    }
    if (i == PARAMETERS_N || (known_by(t->out->route) & 1U << i) == 0 ||
        t->out->post) {
        return nx_api_refuse(
            problem, 422,
            NX_SHOWN ": not a parameter of this resource; nxclear-api(7) "
                     "lists them",
            name);
    }
    if ((t->seen & 1U << i) != 0) {
        return nx_api_refuse(problem, 422, "%s: given twice", names[i]);
    }
    t->seen |= 1U << i;
    return take((enum parameter)i, value, t->out, problem);
}

bool nx_api_query_is_plain(const char *query) {
    return query == NULL ||
           (strstr(query, "where=") == NULL && strstr(query, "group=") == NULL);
}

int nx_api_query(const char *query, struct nx_api_request *out,
                 struct nx_api_problem *problem) {
    struct taking t = {.out = out};
    /* Those with parameters of their own take them apart themselves. */
    if (out->route == NX_API_SCORE || (out->route == NX_API_INCIDENT_STATUS &&
                                       !nx_api_query_is_plain(query))) {
        return 0;
    }
    return nx_query_pairs(query, take_pair, &t, problem);
}
