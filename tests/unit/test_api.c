/* Routing and guards of the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/api.h"

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

/* --- problems --- */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_no_route),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_guard_behind_a_proxy),
        cmocka_unit_test(test_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
