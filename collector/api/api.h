/* The API's requests as values: routing and validation (nxclear-api(7)). Pure:
 * what a request means is decided here, io_http does it.
 *
 * Every refusal is a problem document (RFC 9457) that says where and why, so
 * that a person can mend the request. Nothing of the request is repeated in it
 * unescaped. */
#ifndef NX_COLLECTOR_API_H
#define NX_COLLECTOR_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/engine/engine.h"
#include "collector/engine/incident.h"
#include "collector/status/status.h"

enum nx_api_route {
    NX_API_INCIDENTS,            /* GET, POST /v1/incidents */
    NX_API_INCIDENT,             /* GET /v1/incidents/{id} */
    NX_API_INCIDENT_CLOSE,       /* POST /v1/incidents/{id}/close */
    NX_API_INCIDENT_STATUS,      /* GET /v1/incidents/{id}/status */
    NX_API_INCIDENT_NETWORK,     /* GET /v1/incidents/{id}/networks/{network} */
    NX_API_INCIDENT_REPORT,      /* GET /v1/incidents/{id}/report */
    NX_API_INCIDENT_EVENTS,      /* GET /v1/incidents/{id}/events */
    NX_API_INCIDENT_TRANSITIONS, /* GET /v1/incidents/{id}/transitions */
    NX_API_INCIDENT_RECORDING,   /* GET /v1/incidents/{id}/recording */
    NX_API_AGENTS,               /* GET /v1/agents */
    NX_API_AGENT_ACCEPT,         /* POST /v1/agents/accept */
    NX_API_AGENT_REVOKE,         /* POST /v1/agents/revoke */
    NX_API_ALERTS,               /* GET /v1/alerts */
    NX_API_ALERT_TEST,           /* POST /v1/alerts/test */
    NX_API_AGENT_REJECT,         /* POST /v1/agents/reject */
    NX_API_AGENT_QUARANTINE,     /* POST /v1/agents/quarantine */
    NX_API_AGENT_RELEASE,        /* POST /v1/agents/release */
    NX_API_AGENT_LOG,            /* GET /v1/agents/log */
    NX_API_ENROLMENTS,           /* GET, POST /v1/enrolments */
    NX_API_ENROLMENT_REVOKE,     /* POST /v1/enrolments/revoke */
    NX_API_AGENT_LABEL,          /* POST /v1/agents/label */
    NX_API_NETWORKS,             /* GET /v1/networks */
    NX_API_NETWORK_LABEL,        /* POST /v1/networks/label */
    NX_API_RESOLVERS,            /* GET /v1/resolvers */
    NX_API_RESOLVER_MEASURE,     /* POST /v1/resolvers/measure */
    NX_API_SCORE,                /* GET /v1/score */
    NX_API_TOKENS,               /* GET, POST /v1/tokens */
    NX_API_TOKEN_REVOKE,         /* POST /v1/tokens/revoke */
    NX_API_HEALTH,               /* GET /healthz */
    NX_API_METRICS,              /* GET /metrics */
};

enum nx_api_method { NX_API_GET, NX_API_HEAD, NX_API_POST, NX_API_OTHER };

/* Who may read what a route shows; to POST takes an admin in any case. */
enum nx_access {
    NX_ACCESS_ALL,      /* who may read every network */
    NX_ACCESS_NETWORKS, /* every reader: the document shows what he may see */
    NX_ACCESS_ADMIN,
    NX_ACCESS_OPEN, /* everybody: it says nothing about anybody */
};

/* Where a request came in. */
enum nx_api_door {
    NX_API_UNIX,     /* the Unix socket: who may open it may do everything */
    NX_API_LOOPBACK, /* TCP on this host */
    NX_API_NETWORK,  /* TCP for others */
};

/* The resources that there are; openapi.json describes each. */
struct nx_api_resource {
    const char *pattern; /* path without the first "/"; "*" is one part */
    enum nx_api_route route;
    const char *allow;     /* methods, as in an Allow header */
    enum nx_access access; /* not given: the narrowest for readers */
};
extern const struct nx_api_resource nx_api_resources[];
extern const size_t nx_api_resources_n;

#define NX_API_LIMIT_MAX 1000U /* entries of a page */
#define NX_API_CURSOR_MAX 64U  /* bytes with the NUL */

struct nx_api_request {
    enum nx_api_route route;
    enum nx_access access;
    bool post; /* else GET or HEAD */
    uint32_t incident_id;
    char network[NX_TEXT_LABEL_MAX]; /* also of the query; "": none */

    /* Of the query. */
    unsigned limit;                 /* entries of a page; 0: not given */
    char cursor[NX_API_CURSOR_MAX]; /* where the page begins; "": first */
    bool no_targets;                /* targets=false */
    bool targets;                   /* targets=true */
    bool changes;                   /* changes=true */
};

/* Why a request is refused. */
struct nx_api_problem {
    unsigned status;   /* HTTP status */
    const char *title; /* constant */
    const char *allow; /* with 405: value of the Allow header */
    char detail[512];  /* printable ASCII */
};

/* Fills *problem; detail is escaped and cut. Returns NX_EDENIED, so that
 * callers can `return nx_api_refuse(...)`. */
int nx_api_refuse(struct nx_api_problem *problem, unsigned status,
                  const char *format, ...) NX_PRINTF(3, 4);

/* The problem document; NULL when out of memory. */
json_t *nx_api_problem_json(const struct nx_api_problem *problem);

/* Splits an absolute path (no query) into route and parameters.
 * NX_EDENIED with *problem: 404 or 405. */
int nx_api_route(enum nx_api_method method, const char *path,
                 struct nx_api_request *out,
                 struct nx_api_problem *problem) NX_MUSTUSE;

/* The query of a URI ("limit=100&cursor=7", without "?"; NULL: none) into *out,
 * which nx_api_route filled. NX_EDENIED with *problem (422): a parameter that
 * the resource does not know, given twice, or with a value that it has not. */
int nx_api_query(const char *query, struct nx_api_request *out,
                 struct nx_api_problem *problem) NX_MUSTUSE;

/* Is the status of the whole incident asked for, with no where= and no
 * group= (nx_api_status_query)? */
bool nx_api_query_is_plain(const char *query);

/* What a web page of another origin could send must not be obeyed: the second
 * wall behind tokens. content_type, host, origin: header values, NULL when
 * absent. proxy: the origin that a proxy in front is reached at, too
 * ("https://nxclear.example.com"), NULL when there is none. NX_EDENIED with
 * *problem. */
int nx_api_guard(bool post, enum nx_api_door door, const char *content_type,
                 const char *host, const char *origin, const char *proxy,
                 struct nx_api_problem *problem) NX_MUSTUSE;

/* Does a Host header name this machine's loopback? "localhost", "127.0.0.1",
 * "[::1]", each with an optional port. */
bool nx_api_host_is_loopback(const char *host);

/* The body of POST /v1/incidents. id and opened_us are left 0.
 * NX_EDENIED with *problem (400 not JSON, 422 what it says is wrong). */
int nx_api_incident(const char *body, size_t len, int64_t now_us,
                    struct nx_incident *out,
                    struct nx_api_problem *problem) NX_MUSTUSE;

/* The id of the first of these incidents that is open and asks for the DS of
 * the name where this one does not, or the other way round; 0: none. */
uint32_t nx_api_ds_conflict(const struct nx_incident *incident,
                            const struct nx_incident *const *others, size_t n);

struct nx_api_accept {
    char key[41];                 /* Z85 key, or the first characters of one */
    char name[NX_TEXT_LABEL_MAX]; /* "": not given */
    char network[NX_TEXT_LABEL_MAX];
    bool authority;
};
int nx_api_accept(const char *body, size_t len, struct nx_api_accept *out,
                  struct nx_api_problem *problem) NX_MUSTUSE;

/* {"who"}: key, first characters of a key, id, fingerprint, or a name;
 * NX_TEXT_LABEL_MAX. */
int nx_api_revoke(const char *body, size_t len, char *who,
                  struct nx_api_problem *problem) NX_MUSTUSE;

/* receiver: a name, "" for all; NX_TEXT_LABEL_MAX. */
int nx_api_alert_test(const char *body, size_t len, char *receiver,
                      struct nx_api_problem *problem) NX_MUSTUSE;
/* network: a name, "" for all; NX_TEXT_LABEL_MAX. */
int nx_api_measure(const char *body, size_t len, char *network,
                   struct nx_api_problem *problem) NX_MUSTUSE;
struct nx_api_label {
    char name[NX_TEXT_LABEL_MAX]; /* of the network or the agent */
    struct nx_label_change changes[NX_LABEL_KEYS_N_];
    size_t n;
};
/* {"network": "lyon-office", "labels": {"site": "lyon", "asn": null}}; `owner`:
 * "network" or "agent", the member that names it. */
int nx_api_label(const char *body, size_t len, const char *owner,
                 struct nx_api_label *out,
                 struct nx_api_problem *problem) NX_MUSTUSE;

struct nx_api_score {
    int64_t from_us, to_us; /* from: NX_TIME_UNKNOWN: all */
    uint32_t incident_id;   /* 0: every */
};

/* The query of a status request: any number of where=KEY=VALUE, at most one
 * group=KEY, percent-encoded; "" and NULL: none. */
int nx_api_status_query(const char *query, struct nx_status_query *out,
                        struct nx_api_problem *problem) NX_MUSTUSE;

/* The query of a score request: from= and to= (RFC 3339, of the clearing),
 * incident=ID; "" and NULL: all there is. */
int nx_api_score_query(const char *query, int64_t now_us,
                       struct nx_api_score *out,
                       struct nx_api_problem *problem) NX_MUSTUSE;

/* A body that carries nothing: empty, or {}. */
int nx_api_nothing(const char *body, size_t len,
                   struct nx_api_problem *problem) NX_MUSTUSE;

#endif
