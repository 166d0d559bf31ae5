/* Routing, guards and request bodies of the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/api.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(1795205946) * S) /* 2026-11-20T20:19:06Z */

static struct nx_api_problem problem;

/* --- routes --- */

static void test_routes(void **state) {
    static const struct {
        enum nx_api_method method;
        const char *path;
        enum nx_api_route route;
        uint32_t id;
        const char *network;
    } rows[] = {
        {NX_API_GET, "/v1/incidents", NX_API_INCIDENTS, 0, ""},
        {NX_API_HEAD, "/v1/incidents", NX_API_INCIDENTS, 0, ""},
        {NX_API_POST, "/v1/incidents", NX_API_INCIDENTS, 0, ""},
        {NX_API_GET, "/v1/incidents/7", NX_API_INCIDENT, 7, ""},
        {NX_API_GET, "/v1/incidents/4294967295", NX_API_INCIDENT, UINT32_MAX,
         ""},
        {NX_API_POST, "/v1/incidents/7/close", NX_API_INCIDENT_CLOSE, 7, ""},
        {NX_API_GET, "/v1/incidents/7/status", NX_API_INCIDENT_STATUS, 7, ""},
        {NX_API_GET, "/v1/incidents/7/transitions", NX_API_INCIDENT_TRANSITIONS,
         7, ""},
        {NX_API_GET, "/v1/incidents/7/events", NX_API_INCIDENT_EVENTS, 7, ""},
        {NX_API_GET, "/v1/incidents/7/networks/lyon-office",
         NX_API_INCIDENT_NETWORK, 7, "lyon-office"},
        {NX_API_GET, "/v1/incidents/7/networks/a%20b%2Fc",
         NX_API_INCIDENT_NETWORK, 7, "a b/c"},
        {NX_API_GET, "/v1/agents", NX_API_AGENTS, 0, ""},
        {NX_API_POST, "/v1/agents/accept", NX_API_AGENT_ACCEPT, 0, ""},
        {NX_API_POST, "/v1/agents/revoke", NX_API_AGENT_REVOKE, 0, ""},
        {NX_API_GET, "/v1/networks", NX_API_NETWORKS, 0, ""},
        {NX_API_GET, "/v1/resolvers", NX_API_RESOLVERS, 0, ""},
        {NX_API_POST, "/v1/resolvers/measure", NX_API_RESOLVER_MEASURE, 0, ""},
        {NX_API_GET, "/healthz", NX_API_HEALTH, 0, ""},
        {NX_API_GET, "/metrics", NX_API_METRICS, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nx_api_request r;
        assert_int_equal(
            nx_api_route(rows[i].method, rows[i].path, &r, &problem), 0);
        assert_int_equal(r.route, rows[i].route);
        assert_int_equal(r.incident_id, rows[i].id);
        assert_string_equal(r.network, rows[i].network);
        assert_int_equal(r.post, rows[i].method == NX_API_POST);
    }
}

static void test_no_route(void **state) {
    static const char *const rows[] = {
        "",
        "/",
        "v1/incidents",
        "/v1",
        "/v1/incidents/",
        "//v1/incidents",
        "/v1/incidentsx",
        "/v1/incidents/0",
        "/v1/incidents/07",
        "/v1/incidents/x",
        "/v1/incidents/-1",
        "/v1/incidents/4294967296",
        "/v1/incidents/99999999999999999999",
        "/v1/incidents/7/",
        "/v1/incidents/7/frob",
        "/v1/incidents/7/networks/",
        "/v1/incidents/7/networks/a/b",
        "/v1/incidents/7/networks/%",
        "/v1/incidents/7/networks/%4",
        "/v1/incidents/7/networks/%zz",
        "/v1/incidents/7/networks/a%00b",
        "/v1/../healthz",
        "/healthz/",
        "/METRICS",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nx_api_request r = {.incident_id = 42};
        assert_int_equal(nx_api_route(NX_API_GET, rows[i], &r, &problem),
                         NX_EDENIED);
        assert_int_equal(problem.status, 404);
        assert_int_equal(r.incident_id, 42);
    }
}

static void test_long_path(void **state) {
    char path[600] = "/v1/incidents/7/networks/";
    struct nx_api_request r;
    (void)state;
    for (size_t len = strlen(path); len < sizeof path - 1; len++) {
        path[len] = 'a';
        path[len + 1] = '\0';
        bool fits = len < strlen("/v1/incidents/7/networks/") + 63;
        int err = nx_api_route(NX_API_GET, path, &r, &problem);
        assert_int_equal(err, fits ? 0 : NX_EDENIED);
    }
}

static void test_methods(void **state) {
    static const struct {
        enum nx_api_method method;
        const char *path;
        const char *allow;
    } rows[] = {
        {NX_API_OTHER, "/v1/incidents", "GET, HEAD, POST"},
        {NX_API_POST, "/v1/incidents/7", "GET, HEAD"},
        {NX_API_GET, "/v1/incidents/7/close", "POST"},
        {NX_API_HEAD, "/v1/incidents/7/events", "GET"},
        {NX_API_POST, "/metrics", "GET, HEAD"},
        {NX_API_GET, "/v1/agents/accept", "POST"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nx_api_request r;
        assert_int_equal(
            nx_api_route(rows[i].method, rows[i].path, &r, &problem),
            NX_EDENIED);
        assert_int_equal(problem.status, 405);
        assert_string_equal(problem.allow, rows[i].allow);
    }
}

/* --- guards --- */

static void test_host(void **state) {
    static const char *const good[] = {"localhost", "LOCALHOST:8053",
                                       "127.0.0.1", "127.255.0.9:1",
                                       "[::1]",     "[::1]:65535"};
    static const char *const bad[] = {"",
                                      "example.com",
                                      "localhost.example.com",
                                      "127.0.0.1.example.com",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "127.0.0.1:123456",
                                      "127.0.0.256",
                                      "127.1",
                                      "127.0.0.1x",
                                      "[::1",
                                      "[::2]",
                                      "::1",
                                      "128.0.0.1",
                                      "localhost:",
                                      "xlocalhost",
                                      "127.0.0.1/",
                                      "0.0.0.0",
                                      "127.0.0.0000000001"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(nx_api_host_is_loopback(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(nx_api_host_is_loopback(bad[i]));
    }
}

static void test_guard(void **state) {
    static const struct {
        bool post;
        enum nx_api_door door;
        const char *type, *host, *origin;
        unsigned status; /* 0: passes */
    } rows[] = {
        {false, NX_API_UNIX, NULL, NULL, NULL, 0},
        {false, NX_API_UNIX, NULL, "evil.example", "http://evil.example", 0},
        {false, NX_API_LOOPBACK, NULL, "localhost:8053", NULL, 0},
        {false, NX_API_LOOPBACK, NULL, NULL, NULL, 421},
        {false, NX_API_LOOPBACK, NULL, "evil.example", NULL, 421},
        {false, NX_API_LOOPBACK, NULL, "localhost", "http://evil.example", 403},
        {false, NX_API_LOOPBACK, NULL, "localhost", "null", 403},
        {false, NX_API_LOOPBACK, NULL, "localhost", "http://127.0.0.1:8053", 0},
        {true, NX_API_UNIX, NULL, NULL, NULL, 415},
        {true, NX_API_UNIX, "text/plain", NULL, NULL, 415},
        {true, NX_API_UNIX, "application/x-www-form-urlencoded", NULL, NULL,
         415},
        {true, NX_API_UNIX, "application/jsonx", NULL, NULL, 415},
        {true, NX_API_UNIX, "application/json", NULL, NULL, 0},
        {true, NX_API_LOOPBACK, "Application/JSON; charset=utf-8", "[::1]:1",
         NULL, 0},
        {true, NX_API_LOOPBACK, "application/json", "evil.example", NULL, 421},
        {false, NX_API_NETWORK, NULL, "nx.example:8053", NULL, 0},
        {false, NX_API_NETWORK, NULL, NULL, NULL, 0},
        {true, NX_API_NETWORK, "application/json", "nx.example",
         "https://nx.example", 0},
        {true, NX_API_NETWORK, "application/json", "nx.example",
         "https://evil.example", 403},
        {true, NX_API_NETWORK, "application/json", NULL, "https://nx.example",
         403},
        {true, NX_API_NETWORK, "application/json", "null", "null", 403},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int err = nx_api_guard(rows[i].post, rows[i].door, rows[i].type,
                               rows[i].host, rows[i].origin, NULL, &problem);
        assert_int_equal(err, rows[i].status == 0 ? 0 : NX_EDENIED);
        if (err != 0) {
            assert_int_equal(problem.status, rows[i].status);
        }
    }
}

/* TLS ends in front of the collector; pages come from there. */
static void test_guard_behind_a_proxy(void **state) {
    static const char proxy[] = "https://nx.example.com";
    static const struct {
        enum nx_api_door door;
        const char *host, *origin;
        unsigned status;
    } rows[] = {
        {NX_API_LOOPBACK, "nx.example.com", "https://nx.example.com", 0},
        {NX_API_LOOPBACK, "localhost:8053", "https://nx.example.com", 0},
        {NX_API_LOOPBACK, "localhost:8053", "http://localhost:8053", 0},
        {NX_API_LOOPBACK, "nx.example.com", "http://nx.example.com", 403},
        {NX_API_LOOPBACK, "nx.example.com", "https://evil.example", 403},
        {NX_API_LOOPBACK, "evil.example", "https://nx.example.com", 421},
        {NX_API_NETWORK, "192.0.2.7:8053", "https://nx.example.com", 0},
        {NX_API_NETWORK, "192.0.2.7:8053", "https://evil.example", 403},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int err = nx_api_guard(true, rows[i].door, "application/json",
                               rows[i].host, rows[i].origin, proxy, &problem);
        assert_int_equal(err, rows[i].status == 0 ? 0 : NX_EDENIED);
        assert_true(err == 0 || problem.status == rows[i].status);
    }
}

/* --- incidents --- */

static int incident(const char *body, struct nx_incident *out) {
    return nx_api_incident(body, strlen(body), NOW, out, &problem);
}

static void test_incident(void **state) {
    static struct nx_incident i;
    (void)state;
    assert_int_equal(
        incident("{\"name\":\"www.Example.com\",\"types\":[\"A\",\"aaaa\"],"
                 "\"expect\":{\"A\":[\"192.0.2.11\",\"192.0.2.10\"]},"
                 "\"outage\":{\"from\":\"2026-11-20T20:01:10Z\","
                 "\"to\":\"2026-11-20T21:09:00+01:00\"},"
                 "\"restored\":\"auto\",\"note\":\"bad deploy\"}",
                 &i),
        0);
    assert_int_equal(i.items_n, 2);
    assert_int_equal(i.items[0].qtype, NX_TYPE_A);
    assert_int_equal(i.items[0].rdata_n, 2);
    assert_memory_equal(i.items[0].rdata, "\0\4\300\0\2\12", 6); /* sorted */
    assert_int_equal(i.items[1].qtype, NX_TYPE_AAAA);
    assert_int_equal(i.items[1].rdata_n, 0);
    assert_memory_equal(i.items[1].name, "\3www\7Example\3com", 17);
    assert_int_equal(i.outage_from_us, NOW - 1076 * S);
    assert_int_equal(i.outage_to_us, NOW - 606 * S);
    assert_int_equal(i.restored_us, NX_TIME_UNKNOWN);
    assert_int_equal(i.closed_us, NX_TIME_UNKNOWN);
    assert_string_equal(i.note, "bad deploy");
}

static void test_incident_least(void **state) {
    static struct nx_incident i;
    (void)state;
    assert_int_equal(incident("{\"name\":\".\",\"types\":[\"TYPE65280\"],"
                              "\"expect\":null,\"outage\":null,"
                              "\"restored\":null,\"note\":null}",
                              &i),
                     0);
    assert_int_equal(i.outage_from_us, NX_TIME_UNKNOWN);
    assert_int_equal(i.restored_us, NX_TIME_UNKNOWN);
    assert_string_equal(i.note, "");
    assert_int_equal(incident("{\"name\":\"example.com\",\"types\":[\"A\"],"
                              "\"outage\":{\"to\":\"2026-11-20T20:00:00Z\"},"
                              "\"restored\":\"2026-11-20T20:01:00Z\"}",
                              &i),
                     0);
    assert_int_equal(i.outage_from_us, NX_TIME_UNKNOWN);
    assert_int_equal(i.restored_us, NOW - 1086 * S);
}

/* What is wrong, and how the refusal must begin. */
static const char *const bad_incidents[][2] = {
    {"", "line 1, column 0:"},
    {"{", "line 1, column 1:"},
    {"{\"name\":\"\\u0000\"}", "line 1, column"},
    {"{\"name\":\"a\",\"name\":\"b\"}", "line 1, column"},
    {"[]", "body: must be a JSON object"},
    {"{}", "name: missing"},
    {"{\"name\":7,\"types\":[\"A\"]}", "name: must be a string"},
    {"{\"name\":\"\",\"types\":[\"A\"]}", "name: not a domain name"},
    {"{\"name\":\"a..b\",\"types\":[\"A\"]}",
     "name: not a domain name (labels of 1 to 63 octets, 255 in all): a..b"},
    {"{\"name\":\"e.test\"}", "types: must be a list"},
    {"{\"name\":\"e.test\",\"types\":[]}", "types: must be a list"},
    {"{\"name\":\"e.test\",\"types\":\"A\"}", "types: must be a list"},
    {"{\"name\":\"e.test\",\"types\":[\"A\",7]}", "types[1]: must be a string"},
    {"{\"name\":\"e.test\",\"types\":[\"ANY\"]}", "types[0]: not a record"},
    {"{\"name\":\"e.test\",\"types\":[\"A\",\"A\"]}", "types[1]: twice: A"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"frob\":1}",
     "frob: unknown member"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":[]}",
     "expect: must be an object"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":{\"X\":[]}}",
     "expect: not a record type: X"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":{\"AAAA\":[]}}",
     "expect: AAAA is not among the types"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":{\"A\":\"x\"}}",
     "expect.A: must be a list"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":{\"A\":[1]}}",
     "expect.A[0]: must be a string"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":{\"A\":"
     "[\"192.0.2.1\",\"192.0.2.300\"]}}",
     "expect.A[1]: not an IPv4 address: 192.0.2.300"},
    {"{\"name\":\"e.test\",\"types\":[\"AAAA\"],\"expect\":{\"aaaa\":"
     "[\"192.0.2.1\"]}}",
     "expect.AAAA[0]: not an IPv6 address: 192.0.2.1"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"outage\":7}",
     "outage: must be an object"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"outage\":{\"from\":\"20:01\"}}",
     "outage.from: not an RFC 3339 time"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"outage\":{\"from\":7}}",
     "outage.from: must be a string"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"outage\":{"
     "\"from\":\"2026-11-20T20:09:00Z\",\"to\":\"2026-11-20T20:01:00Z\"}}",
     "outage.to: before outage.from"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"outage\":{"
     "\"from\":\"2026-11-20T20:30:00Z\"}}",
     "outage.from: in the future"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"restored\":\"soon\"}",
     "restored: not an RFC 3339 time"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"outage\":{"
     "\"from\":\"2026-11-20T20:09:00Z\"},"
     "\"restored\":\"2026-11-20T20:01:00Z\"}",
     "restored: before outage.from"},
    {"{\"name\":\"e.test\",\"types\":[\"A\"],\"note\":7}",
     "note: must be a string"},
    {"{\"name\":\"e\\u001b[2J.test..\",\"types\":[\"A\"]}",
     "name: not a domain name (labels of 1 to 63 octets, 255 in all): "
     "e\\027[2J.test.."},
    {"{\"\\u001b\":1}", "\\027: unknown member"},
};

static void test_bad_incidents(void **state) {
    static struct nx_incident i;
    (void)state;
    for (size_t n = 0; n < sizeof bad_incidents / sizeof bad_incidents[0];
         n++) {
        i.id = 42;
        int err = incident(bad_incidents[n][0], &i);
        const char *begins = bad_incidents[n][1];
        if (err == 0 || strncmp(problem.detail, begins, strlen(begins)) != 0) {
            print_error("%s gave %s\n", bad_incidents[n][0], problem.detail);
        }
        assert_int_equal(err, NX_EDENIED);
        assert_true(problem.status == 400 || problem.status == 422);
        assert_memory_equal(problem.detail, begins, strlen(begins));
        assert_int_equal(i.id, 42);
    }
}

static void test_long(void **state) {
    static struct nx_incident i;
    char note[NX_INCIDENT_NOTE_MAX + 1];
    char body[1024];
    (void)state;
    memset(note, 'x', sizeof note);
    note[NX_INCIDENT_NOTE_MAX] = '\0';
    (void)snprintf(body, sizeof body,
                   "{\"name\":\"e.test\",\"types\":[\"A\"],\"note\":\"%s\"}",
                   note);
    assert_int_equal(incident(body, &i), NX_EDENIED);
    assert_string_equal(problem.detail, "note: longer than 255 bytes");
    note[NX_INCIDENT_NOTE_MAX - 1] = '\0';
    (void)snprintf(body, sizeof body,
                   "{\"name\":\"e.test\",\"types\":[\"A\"],\"note\":\"%s\"}",
                   note);
    assert_int_equal(incident(body, &i), 0);
}

static void test_too_much(void **state) {
    static struct nx_incident i;
    char body[2048] =
        "{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":{\"A\":[";
    (void)state;
    for (unsigned n = 0; n <= NX_ANSWER_RECORDS_MAX; n++) {
        char one[32];
        (void)snprintf(one, sizeof one, "%s\"192.0.2.%u\"", n > 0 ? "," : "",
                       n);
        (void)strcat(body, one);
    }
    (void)strcat(body, "]}}");
    assert_int_equal(incident(body, &i), NX_EDENIED);
    assert_string_equal(
        problem.detail,
        "expect.A[32]: too much: at most 32 records, 1024 octets");
}

/* --- labels --- */

static void test_label(void **state) {
    static const char good[] =
        "{\"network\":\"lyon\",\"labels\":{\"site\":\"l\",\"asn\":64500,"
        "\"weight\":0.25,\"country\":null}}";
    static const char *const bad[][2] = {
        {"{\"labels\":{\"site\":\"l\"}}", "network: missing"},
        {"{\"agent\":\"l\",\"labels\":{\"site\":\"l\"}}",
         "agent: unknown member"},
        {"{\"network\":\"l\"}", "labels: must be an object"},
        {"{\"network\":\"l\",\"labels\":{}}", "labels: must be an object"},
        {"{\"network\":\"l\",\"labels\":{\"colour\":\"red\"}}",
         "labels.colour: no such label"},
        {"{\"network\":\"l\",\"labels\":{\"site\":[]}}",
         "labels.site: must be a string"},
        {"{\"network\":\"l\",\"labels\":{\"asn\":-1}}",
         "labels.asn: must be the number"},
        {"{\"network\":\"l\",\"labels\":{\"weight\":1e300}}",
         "labels.weight: must be a number"},
        {"{\"network\":\"l\",\"labels\":{\"site\":\"a\\u001b\"}}",
         "labels.site: must be at most 63"},
    };
    struct nx_api_label label;
    (void)state;
    assert_int_equal(
        nx_api_label(good, strlen(good), "network", &label, &problem), 0);
    assert_string_equal(label.name, "lyon");
    assert_int_equal(label.n, 4);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(nx_api_label(bad[i][0], strlen(bad[i][0]), "network",
                                      &label, &problem),
                         NX_EDENIED);
        assert_memory_equal(problem.detail, bad[i][1], strlen(bad[i][1]));
    }
}

static void test_status_query(void **state) {
    static const char *const bad[] = {"where",
                                      "where=",
                                      "where=site",
                                      "group=weight",
                                      "group=site&group=asn",
                                      "colour=red",
                                      "where=site%3D%zz",
                                      "where=site%3Da%1b",
                                      "where=site%3Da%00"};
    struct nx_status_query query;
    (void)state;
    assert_int_equal(nx_api_status_query(NULL, &query, &problem), 0);
    assert_true(query.where.n == 0 && !query.grouped);
    assert_int_equal(
        nx_api_status_query("where=site%3DSaint%20Denis&group=asn&where=asn=1",
                            &query, &problem),
        0);
    assert_int_equal(query.where.n, 2);
    assert_string_equal(query.where.at[0].value, "Saint Denis");
    assert_true(query.grouped && query.group == NX_LABEL_ASN);
    assert_int_equal(nx_api_status_query("group=resolver&where=resolver%3D"
                                         "192.0.2.53%4053",
                                         &query, &problem),
                     0);
    assert_true(query.grouped && query.by_resolver);
    assert_string_equal(query.where.resolver, "192.0.2.53@53");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(nx_api_status_query(bad[i], &query, &problem),
                         NX_EDENIED);
        assert_int_equal(problem.status, 422);
    }
}

/* --- score --- */

static void test_score_query(void **state) {
    static const char *const bad[][2] = {
        {"from", "query: not KEY=VALUE"},
        {"from=yesterday", "from: not an RFC 3339 time"},
        {"to=2026-11-20T20:00:00Z&from=2026-11-20T20:00:00Z",
         "to: not after from"},
        {"incident=0", "incident: not a number"},
        {"incident=x", "incident: not a number"},
        {"colour=red", "query: only from, to and incident"},
    };
    struct nx_api_score score;
    (void)state;
    assert_int_equal(nx_api_score_query(NULL, NOW, &score, &problem), 0);
    assert_int_equal(score.from_us, NX_TIME_UNKNOWN);
    assert_true(score.to_us > NOW && score.incident_id == 0);
    assert_int_equal(
        nx_api_score_query("from=2026-11-20T20%3A00:00Z&incident=7", NOW,
                           &score, &problem),
        0);
    assert_int_equal(score.from_us, INT64_C(1795204800) * S);
    assert_int_equal(score.incident_id, 7);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(nx_api_score_query(bad[i][0], NOW, &score, &problem),
                         NX_EDENIED);
        assert_memory_equal(problem.detail, bad[i][1], strlen(bad[i][1]));
    }
}

/* --- agents --- */

static void test_accept(void **state) {
    static const char good[] =
        "{\"key\":\"abc/.#\",\"network\":\"lyon-office\",\"name\":\"lyon_1\","
        "\"role\":\"authority\"}";
    static const char *const bad[][2] = {
        {"{\"network\":\"x\"}", "key: missing"},
        {"{\"key\":\"short\",\"network\":\"x\"}", "key: not a Z85 key"},
        {"{\"key\":\"abc def\",\"network\":\"x\"}", "key: not a Z85 key"},
        {"{\"key\":\"abcdef\"}", "network: missing"},
        {"{\"key\":\"abcdef\",\"network\":\"\"}", "network: must be 1 to 63"},
        {"{\"key\":\"abcdef\",\"network\":\"a/b\"}", "network: must be"},
        {"{\"key\":\"abcdef\",\"network\":\"-a\"}", "network: must be"},
        {"{\"key\":\"abcdef\",\"network\":\"a\\u001b\"}", "network: must be"},
        {"{\"key\":\"abcdef\",\"network\":\"a\",\"name\":\"b c\"}",
         "name: must be"},
        {"{\"key\":\"abcdef\",\"network\":\"a\",\"role\":\"boss\"}",
         "role: must be network or authority: boss"},
        {"{\"key\":\"abcdef\",\"network\":\"a\",\"id\":1}",
         "id: unknown member"},
        {"{\"key\":\"01234567890123456789012345678901234567890\","
         "\"network\":\"a\"}",
         "key: longer than 40 bytes"},
    };
    struct nx_api_accept a;
    (void)state;
    assert_int_equal(nx_api_accept(good, strlen(good), &a, &problem), 0);
    assert_string_equal(a.key, "abc/.#");
    assert_string_equal(a.network, "lyon-office");
    assert_string_equal(a.name, "lyon_1");
    assert_true(a.authority);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            nx_api_accept(bad[i][0], strlen(bad[i][0]), &a, &problem),
            NX_EDENIED);
        assert_memory_equal(problem.detail, bad[i][1], strlen(bad[i][1]));
        assert_int_equal(problem.status, 422);
    }
}

static void test_revoke(void **state) {
    char who[NX_TEXT_LABEL_MAX];
    (void)state;
    assert_int_equal(nx_api_revoke("{\"who\":\"x\"}", 11, who, &problem), 0);
    assert_string_equal(who, "x");
    assert_int_equal(nx_api_revoke("{\"who\":\"\"}", 10, who, &problem),
                     NX_EDENIED);
    assert_int_equal(nx_api_revoke("{}", 2, who, &problem), NX_EDENIED);
    assert_string_equal(problem.detail, "who: missing");
    assert_int_equal(nx_api_nothing("", 0, &problem), 0);
    assert_int_equal(nx_api_nothing("{}", 2, &problem), 0);
    assert_int_equal(nx_api_nothing("{\"a\":1}", 7, &problem), NX_EDENIED);
    assert_int_equal(nx_api_nothing("x", 1, &problem), NX_EDENIED);
}

static void test_problem(void **state) {
    (void)state;
    assert_int_equal(nx_api_refuse(&problem, 422, "x: \"%s\"", "\033\n"),
                     NX_EDENIED);
    json_t *document = nx_api_problem_json(&problem);
    char *text = json_dumps(document, JSON_COMPACT);
    assert_string_equal(text, "{\"type\":\"about:blank\",\"title\":\"Request "
                              "refused\",\"status\":422,\"detail\":\"x: "
                              "\\\"\\\\027\\\\010\\\"\"}");
    free(text);
    json_decref(document);
}

/* --- queries --- */

static int query(enum nx_api_route route, const char *text,
                 struct nx_api_request *out) {
    *out = (struct nx_api_request){.route = route};
    return nx_api_query(text, out, &problem);
}

static void test_query(void **state) {
    struct nx_api_request r;
    (void)state;
    assert_int_equal(query(NX_API_AGENTS, NULL, &r), 0);
    assert_int_equal(query(NX_API_AGENTS, "", &r), 0);
    assert_int_equal(query(NX_API_INCIDENT_TRANSITIONS,
                           "limit=1000&cursor=12&network=lyon%2Doffice", &r),
                     0);
    assert_int_equal(r.limit, 1000);
    assert_string_equal(r.cursor, "12");
    assert_string_equal(r.network, "lyon-office");
    assert_int_equal(query(NX_API_INCIDENT_STATUS, "targets=false", &r), 0);
    assert_true(r.no_targets);
    assert_int_equal(query(NX_API_INCIDENT_EVENTS, "changes=true", &r), 0);
    assert_true(r.changes);
}

static void test_bad_queries(void **state) {
    static const struct {
        enum nx_api_route route;
        const char *text;
        const char *detail; /* its beginning */
    } rows[] = {
        {NX_API_AGENTS, "limit", "query: not NAME=VALUE: limit"},
        {NX_API_AGENTS, "limit=%zz", "query: not NAME=VALUE"},
        {NX_API_AGENTS, "limit=%00", "query: not NAME=VALUE"},
        {NX_API_AGENTS, "limit=0", "limit: not 1 to 1000: 0"},
        {NX_API_AGENTS, "limit=1001", "limit: not 1 to 1000"},
        {NX_API_AGENTS, "limit=99999", "limit: not 1 to 1000"},
        {NX_API_AGENTS, "limit=-1", "limit: not 1 to 1000"},
        {NX_API_AGENTS, "limit=1&limit=2", "limit: given twice"},
        {NX_API_AGENTS, "cursor=", "cursor: not 1 to 63"},
        {NX_API_AGENTS, "network=a", "network: not a parameter"},
        {NX_API_HEALTH, "x=1", "x: not a parameter"},
        {NX_API_INCIDENT_STATUS, "targets=no", "targets: neither true"},
    };
    char text[600];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nx_api_request r;
        assert_int_equal(query(rows[i].route, rows[i].text, &r), NX_EDENIED);
        assert_int_equal(problem.status, 422);
        assert_memory_equal(problem.detail, rows[i].detail,
                            strlen(rows[i].detail));
    }
    struct nx_api_request r;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(query(NX_API_AGENTS, text, &r), NX_EDENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_no_route),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_guard_behind_a_proxy),
        cmocka_unit_test(test_incident),
        cmocka_unit_test(test_incident_least),
        cmocka_unit_test(test_bad_incidents),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_status_query),
        cmocka_unit_test(test_score_query),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_bad_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
