#include "collector/api/api.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "collector/api/api_member.h"
#include "common/text.h"

#define PART_MAX 256U

static const char *title_of(unsigned status) {
    switch (status) {
    case 400:
        return "Bad request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not found";
    case 405:
        return "Method not allowed";
    case 409:
        return "Conflict";
    case 415:
        return "Unsupported media type";
    case 421:
        return "Misdirected request";
    case 422:
        return "Request refused";
    case 429:
        return "Too many requests";
    case 503:
        return "Service unavailable";
    case 507:
        return "Insufficient storage";
    default:
        return "Internal error";
    }
}

int nx_api_refuse(struct nx_api_problem *problem, unsigned status,
                  const char *format, ...) {
    char raw[sizeof problem->detail];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    *problem =
        (struct nx_api_problem){.status = status, .title = title_of(status)};
    (void)nx_escape(raw, problem->detail, sizeof problem->detail);
    return NX_EDENIED;
}

json_t *nx_api_problem_json(const struct nx_api_problem *problem) {
    return json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
                     problem->title, "status", (int)problem->status, "detail",
                     problem->detail);
}

/* --- routing --- */

const struct nx_api_resource nx_api_resources[] = {
    {"v1/incidents", NX_API_INCIDENTS, "GET, HEAD, POST", NX_ACCESS_NETWORKS},
    {"v1/incidents/*", NX_API_INCIDENT, "GET, HEAD", NX_ACCESS_NETWORKS},
    {"v1/incidents/*/close", NX_API_INCIDENT_CLOSE, "POST", NX_ACCESS_ADMIN},
    {"v1/incidents/*/status", NX_API_INCIDENT_STATUS, "GET, HEAD",
     NX_ACCESS_NETWORKS},
    {"v1/incidents/*/networks/*", NX_API_INCIDENT_NETWORK, "GET, HEAD",
     NX_ACCESS_NETWORKS},
    {"v1/incidents/*/report", NX_API_INCIDENT_REPORT, "GET, HEAD",
     NX_ACCESS_ALL},
    {"v1/incidents/*/events", NX_API_INCIDENT_EVENTS, "GET",
     NX_ACCESS_NETWORKS},
    {"v1/incidents/*/transitions", NX_API_INCIDENT_TRANSITIONS, "GET, HEAD",
     NX_ACCESS_NETWORKS},
    {"v1/incidents/*/recording", NX_API_INCIDENT_RECORDING, "GET",
     NX_ACCESS_ALL},
    {"v1/agents", NX_API_AGENTS, "GET, HEAD", NX_ACCESS_NETWORKS},
    {"v1/agents/accept", NX_API_AGENT_ACCEPT, "POST", NX_ACCESS_ADMIN},
    {"v1/agents/revoke", NX_API_AGENT_REVOKE, "POST", NX_ACCESS_ADMIN},
    {"v1/agents/reject", NX_API_AGENT_REJECT, "POST", NX_ACCESS_ADMIN},
    {"v1/agents/quarantine", NX_API_AGENT_QUARANTINE, "POST", NX_ACCESS_ADMIN},
    {"v1/agents/release", NX_API_AGENT_RELEASE, "POST", NX_ACCESS_ADMIN},
    {"v1/agents/log", NX_API_AGENT_LOG, "GET, HEAD", NX_ACCESS_ALL},
    {"v1/enrolments", NX_API_ENROLMENTS, "GET, HEAD, POST", NX_ACCESS_ADMIN},
    {"v1/enrolments/revoke", NX_API_ENROLMENT_REVOKE, "POST", NX_ACCESS_ADMIN},
    {"v1/agents/label", NX_API_AGENT_LABEL, "POST", NX_ACCESS_ADMIN},
    {"v1/alerts", NX_API_ALERTS, "GET, HEAD", NX_ACCESS_ALL},
    {"v1/alerts/test", NX_API_ALERT_TEST, "POST", NX_ACCESS_ADMIN},
    {"v1/networks", NX_API_NETWORKS, "GET, HEAD", NX_ACCESS_NETWORKS},
    {"v1/networks/label", NX_API_NETWORK_LABEL, "POST", NX_ACCESS_ADMIN},
    {"v1/tokens", NX_API_TOKENS, "GET, HEAD, POST", NX_ACCESS_ADMIN},
    {"v1/tokens/revoke", NX_API_TOKEN_REVOKE, "POST", NX_ACCESS_ADMIN},
    {"v1/resolvers", NX_API_RESOLVERS, "GET, HEAD", NX_ACCESS_NETWORKS},
    {"v1/resolvers/measure", NX_API_RESOLVER_MEASURE, "POST", NX_ACCESS_ADMIN},
    {"v1/score", NX_API_SCORE, "GET, HEAD", NX_ACCESS_ALL},
    {"healthz", NX_API_HEALTH, "GET, HEAD", NX_ACCESS_OPEN},
    {"metrics", NX_API_METRICS, "GET, HEAD", NX_ACCESS_ALL},
};
const size_t nx_api_resources_n =
    sizeof nx_api_resources / sizeof nx_api_resources[0];

/* Matches path against pattern; the parts that stand for "*" go to parts. */
static bool match(const char *pattern, const char *path,
                  char parts[2][PART_MAX]) {
    unsigned n = 0;
    while (*pattern != '\0') {
        if (*pattern != '*') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        size_t len = strcspn(path, "/");
        if (len == 0 || len >= PART_MAX || n == 2) {
            return false;
        }
        memcpy(parts[n], path, len);
        parts[n++][len] = '\0';
        path += len;
        pattern++;
    }
    return *path == '\0';
}

bool nx_api_parse_id(const char *text, uint32_t *out) {
    uint64_t value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 10 || (text[0] == '0' && len > 1)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value == 0 || value > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static int hex_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool nx_percent_decode(char *text) {
    char *to = text;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p != '%') {
            *to++ = *p;
            continue;
        }
        int high = hex_of(p[1]);
        int low = high < 0 ? -1 : hex_of(p[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        *to++ = (char)(high * 16 + low);
        p += 2;
    }
    *to = '\0';
    return true;
}

static int take_parts(const struct nx_api_resource *route,
                      char parts[2][PART_MAX], struct nx_api_request *out,
                      struct nx_api_problem *problem) {
    if (strchr(route->pattern, '*') != NULL &&
        !nx_api_parse_id(parts[0], &out->incident_id)) {
        return nx_api_refuse(problem, 404,
                             "%.40s: not an incident number (1, 2, ...)",
                             parts[0]);
    }
    if (route->route != NX_API_INCIDENT_NETWORK) {
        return 0;
    }
    if (!nx_percent_decode(parts[1]) ||
        strlen(parts[1]) >= sizeof out->network) {
        return nx_api_refuse(problem, 404, "not a network name");
    }
    (void)snprintf(out->network, sizeof out->network, "%s", parts[1]);
    return 0;
}

static bool allowed(const struct nx_api_resource *route,
                    enum nx_api_method method) {
    switch (method) {
    case NX_API_GET:
        return strstr(route->allow, "GET") != NULL;
    case NX_API_HEAD:
        return strstr(route->allow, "HEAD") != NULL;
    case NX_API_POST:
        return strstr(route->allow, "POST") != NULL;
    case NX_API_OTHER:
        break;
    }
    return false;
}

int nx_api_route(enum nx_api_method method, const char *path,
                 struct nx_api_request *out, struct nx_api_problem *problem) {
    char parts[2][PART_MAX] = {"", ""};
    const struct nx_api_resource *route = NULL;
    for (size_t i = 0;
         path[0] == '/' && route == NULL && i < nx_api_resources_n; i++) {
        if (match(nx_api_resources[i].pattern, path + 1, parts)) {
            route = &nx_api_resources[i];
        }
    }
    if (route == NULL) {
        return nx_api_refuse(problem, 404,
                             "no such resource; nxclear-api(7) lists them");
    }
    if (!allowed(route, method)) {
        (void)nx_api_refuse(problem, 405, "this resource takes %s",
                            route->allow);
        problem->allow = route->allow;
        return NX_EDENIED;
    }
    struct nx_api_request request = {.route = route->route,
                                     .access = route->access,
                                     .post = method == NX_API_POST};
    int err = take_parts(route, parts, &request, problem);
    if (err == 0) {
        *out = request;
    }
    return err;
}

/* --- what a foreign web page could send --- */

/* The port after a host: nothing, or ":" and digits. */
static bool port_ok(const char *p) {
    if (*p == '\0') {
        return true;
    }
    size_t digits = strspn(p + 1, "0123456789");
    return *p == ':' && digits >= 1 && digits <= 5 && p[1 + digits] == '\0';
}

/* 127.x.y.z; its length, 0 when it is none. */
static size_t loopback4(const char *p) {
    size_t len = strspn(p, "0123456789.");
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    int used = 0;
    if (len > 15 || sscanf(p, "127.%3u.%3u.%3u%n", &a, &b, &c, &used) != 3) {
        return 0;
    }
    return (size_t)used == len && a < 256 && b < 256 && c < 256 ? len : 0;
}

bool nx_api_host_is_loopback(const char *host) {
    static const char localhost[] = "localhost";
    size_t n = sizeof localhost - 1;
    size_t i = 0;
    while (i < n && tolower((unsigned char)host[i]) == localhost[i]) {
        i++;
    }
    if (i == n) {
        return port_ok(host + n);
    }
    if (strncmp(host, "[::1]", 5) == 0) {
        return port_ok(host + 5);
    }
    n = loopback4(host);
    return n > 0 && port_ok(host + n);
}

/* Is the origin of the page the place that was asked? */
static bool origin_ok(enum nx_api_door door, const char *origin,
                      const char *host, const char *proxy) {
    const char *at = strstr(origin, "://");
    if (proxy != NULL && strcmp(origin, proxy) == 0) {
        return true;
    }
    if (door == NX_API_LOOPBACK) {
        return strncmp(origin, "http://", 7) == 0 &&
               nx_api_host_is_loopback(origin + 7);
    }
    return at != NULL && host != NULL && strcmp(at + 3, host) == 0;
}

/* A proxy passes on the name that it was asked by, or asks by ours. */
static bool host_ok(const char *host, const char *proxy) {
    const char *at = proxy != NULL ? strstr(proxy, "://") : NULL;
    return host != NULL && (nx_api_host_is_loopback(host) ||
                            (at != NULL && strcasecmp(at + 3, host) == 0));
}

/* "application/json", with or without parameters. */
static bool is_json_type(const char *type) {
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;
    for (size_t i = 0; i < n; i++) {
        if (tolower((unsigned char)type[i]) != json[i]) {
            return false;
        }
    }
    return type[n] == '\0' || type[n] == ';' || type[n] == ' ';
}

int nx_api_guard(bool post, enum nx_api_door door, const char *content_type,
                 const char *host, const char *origin, const char *proxy,
                 struct nx_api_problem *problem) {
    if (door == NX_API_LOOPBACK && !host_ok(host, proxy)) {
        return nx_api_refuse(problem, 421,
                             "Host: must be localhost, a loopback address, or "
                             "that of http.origin");
    }
    if (door != NX_API_UNIX && origin != NULL &&
        !origin_ok(door, origin, host, proxy)) {
        return nx_api_refuse(problem, 403,
                             "Origin: not of this host, nor http.origin");
    }
    if (post && (content_type == NULL || !is_json_type(content_type))) {
        return nx_api_refuse(problem, 415,
                             "Content-Type: must be application/json");
    }
    return 0;
}
