/* The HTTP server on real sockets: what it answers. */
#include "tests/lib/http.h"

#define KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static void test_documents(void **state) {
    (void)state;
    json_t *value = get("/healthz", 200);
    assert_member(value, "status", "ok");
    assert_true(json_is_null(json_object_get(value, "problem")) ||
                json_object_get(value, "problem") == NULL);
    json_decref(value);
    value = get("/v1/agents", 200);
    assert_true(json_is_array(json_object_get(value, "agents")));
    json_decref(value);
    value = get("/v1/networks", 200);
    assert_true(json_is_array(json_object_get(value, "networks")));
    json_decref(value);
    value = get("/v1/incidents", 200);
    assert_true(json_is_array(json_object_get(value, "incidents")));
    json_decref(value);
    value = get("/v1/score?incident=7", 200);
    assert_int_equal(json_integer_value(json_object_get(value, "incident")), 7);
    json_decref(value);
    json_decref(get("/v1/score?incident=x", 422));
}

static void test_incident(void **state) {
    char path[96];
    (void)state;
    unsigned id = open_incident();
    (void)snprintf(path, sizeof path, "/v1/incidents/%u", id);
    json_t *value = get(path, 200);
    assert_member(value, "name", "www.example.com.");
    json_decref(value);
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/status", id);
    value = get(path, 200);
    assert_non_null(json_object_get(value, "outlook"));
    json_decref(value);
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/networks/x%%1b", id);
    value = get(path, 404);
    char why[64];
    (void)snprintf(why, sizeof why, "incident %u has no network x\\027", id);
    assert_member(value, "detail", why);
    json_decref(value);
    json_decref(post("/v1/incidents",
                     "{\"name\":\"www.example.com\",\"types\":[\"DS\"]}",
                     409)); /* of another zone's servers */
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/close", id);
    value = post(path, "{}", 200);
    assert_true(json_is_string(json_object_get(value, "closed")));
    json_decref(value);
    json_decref(get("/v1/incidents/4000000000", 404));
    json_decref(get("/v1/incidents/4000000000/status", 404));
    json_decref(get("/v1/incidents/4000000000/events", 404));
    json_decref(post("/v1/incidents/4000000000/close", "{}", 404));
}

static void test_recording(void **state) {
    char path[96];
    (void)state;
    unsigned id = open_incident();
    while (id < 3) { /* the second one breaks off */
        id = open_incident();
    }
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/recording", id);
    const struct ask whole = {.path = path};
    struct reply reply = ask(&whole);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.headers.bytes, "application/x-ndjson"));
    assert_memory_equal(reply.body.bytes, "1.0\n1.1\n", 8);
    assert_string_equal(reply.body.bytes + reply.body.len - 8, "3.19999\n");
    reply_fini(&reply);
    const struct ask broken = {.path = "/v1/incidents/2/recording"};
    reply = ask(&broken);
    assert_string_equal(reply.body.bytes + reply.body.len - 8, "1.19999\n");
    reply_fini(&reply);
    json_decref(get("/v1/incidents/4000000000/recording", 404));
}

static void test_headers(void **state) {
    const struct ask what = {.path = "/v1/incidents",
                             .body = "{\"name\":\"e.test\",\"types\":[\"A\"]}",
                             .header = {JSON_TYPE}};
    const struct ask head = {.path = "/healthz", .method = "HEAD"};
    (void)state;
    struct reply reply = ask(&what);
    assert_int_equal(reply.status, 201);
    assert_non_null(strstr(reply.headers.bytes, "Location: /v1/incidents/"));
    assert_non_null(strstr(reply.headers.bytes, "nosniff"));
    assert_non_null(strstr(reply.headers.bytes, "Cache-Control: no-store"));
    assert_non_null(strstr(reply.headers.bytes, "default-src 'none'"));
    reply_fini(&reply);
    reply = ask(&head);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, 0);
    reply_fini(&reply);
}

static void test_refused(void **state) {
    (void)state;
    json_t *value = post("/v1/incidents", "{\"name\":", 400);
    assert_member(value, "title", "Bad request");
    json_decref(value);
    value = post("/v1/incidents",
                 "{\"name\":\"e.test\",\"types\":[\"A\"],\"expect\":{\"A\":"
                 "[\"<script>\\u001b\"]}}",
                 422);
    assert_member(value, "detail",
                  "expect.A[0]: not an IPv4 address: <script>\\027");
    json_decref(value);
    json_decref(get("/nowhere", 404));
    json_decref(get("/v1/incidents/x", 404));
}

static void test_methods(void **state) {
    static const char *const methods[] = {"PUT", "DELETE", "OPTIONS", "PATCH"};
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        const struct ask what = {.path = "/v1/incidents", .method = methods[i]};
        struct reply reply = ask(&what);
        assert_int_equal(reply.status, 405);
        assert_non_null(strstr(reply.headers.bytes, "Allow: GET, HEAD, POST"));
        assert_non_null(
            strstr(reply.headers.bytes, "application/problem+json"));
        reply_fini(&reply);
    }
    const struct ask trace = {.path = "/v1/incidents", .method = "TRACE"};
    assert_true(status_of(&trace) >= 400);
    const struct ask wrong = {
        .path = "/healthz", .body = "{}", .header = {JSON_TYPE}};
    assert_int_equal(status_of(&wrong), 405);
}

/* What a page of another origin can make a browser send. */
static void test_csrf(void **state) {
    const struct server *server = *state;
    const struct ask rows[] = {
        {.path = "/v1/agents/accept", .body = "{}"},
        {.path = "/v1/agents/accept",
         .body = "{}",
         .header = {"Content-Type: text/plain"}},
        {.path = "/v1/agents", .header = {"Host: evil.example"}},
        {.path = "/v1/agents", .header = {"Host:"}},
        {.path = "/v1/agents", .header = {"Origin: http://evil.example"}},
        {.path = "/v1/agents/revoke",
         .body = "{\"who\":\"x\"}",
         .header = {JSON_TYPE, "Origin: null"}},
        {.path = "/v1/agents", .header = {AS_ADMIN}},
    };
    static const long statuses[] = {415, 415, 421, 421, 403, 403, 200};
    static const char absolute[] =
        "GET http://evil.example/v1/agents HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ask what = rows[i];
        what.port = server->port;
        assert_int_equal(status_of(&what), statuses[i]);
    }
    assert_int_equal(raw_status(server->port, absolute, sizeof absolute - 1),
                     421);
}

/* With an accepted agent lyon-1 in the network lyon. */
static void check_labels(void) {
    char path[96];
    json_t *value = post("/v1/networks/label",
                         "{\"network\":\"lyon\",\"labels\":{\"site\":\"L 1\","
                         "\"asn\":64500,\"weight\":0.5}}",
                         200);
    assert_member(value, "network", "lyon");
    assert_member(json_object_get(value, "labels"), "site", "L 1");
    json_decref(value);
    value = post("/v1/agents/label",
                 "{\"agent\":\"lyon-1\",\"labels\":{\"country\":\"fr\"}}", 200);
    assert_member(json_object_get(value, "labels"), "country", "FR");
    assert_member(json_object_get(value, "labels"), "site", "L 1");
    json_decref(value);
    json_decref(post("/v1/networks/label",
                     "{\"network\":\"oslo\",\"labels\":{\"site\":\"x\"}}",
                     404));
    unsigned id = open_incident();
    (void)snprintf(path, sizeof path,
                   "/v1/incidents/%u/status?where=site%%3DL%%201&group=asn",
                   id);
    value = get(path, 200);
    assert_int_equal(json_array_size(json_object_get(value, "networks")), 1);
    assert_member(json_object_get(value, "groups"), "label", "asn");
    json_decref(value);
    (void)snprintf(path, sizeof path,
                   "/v1/incidents/%u/status?where=country=NO", id);
    value = get(path, 200);
    assert_int_equal(json_array_size(json_object_get(value, "networks")), 0);
    json_decref(value);
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/status?where=x=y", id);
    json_decref(get(path, 422));
}

/* By TCP nothing goes without a token; a token given counts on the Unix socket,
 * too. */
static void test_access(void **state) {
    const struct server *server = *state;
    static const struct {
        struct ask ask;
        bool tcp;
        long status;
    } rows[] = {
        {{.path = "/v1/agents"}, true, 401},
        {{.path = "/v1/agents", .header = {AS_READER "x"}}, true, 401},
        {{.path = "/v1/agents", .header = {"Authorization: Basic eDp4"}},
         true,
         401},
        {{.path = "/v1/agents", .header = {AS_READER}}, true, 200},
        {{.path = "/v1/tokens", .header = {AS_READER}}, true, 403},
        {{.path = "/metrics", .header = {AS_READER}}, true, 403},
        {{.path = "/metrics", .header = {AS_ADMIN}}, true, 200},
        {{.path = "/v1/tokens/revoke",
          .body = "{\"who\":\"x\"}",
          .header = {JSON_TYPE}},
         true,
         401},
        {{.path = "/v1/tokens/revoke",
          .body = "{\"who\":\"x\"}",
          .header = {JSON_TYPE, AS_READER}},
         true,
         403},
        {{.path = "/v1/tokens/revoke",
          .body = "{\"who\":\"x\"}",
          .header = {JSON_TYPE, AS_ADMIN}},
         true,
         404},
        {{.path = "/v1/tokens"}, false, 200},
        {{.path = "/v1/tokens", .header = {AS_READER}}, false, 403},
        {{.path = "/v1/tokens", .header = {"Authorization: Bearer x"}},
         false,
         401},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ask what = rows[i].ask;
        what.port = rows[i].tcp ? server->port : 0;
        assert_int_equal(status_of(&what), rows[i].status);
    }
    const struct ask nobody = {.path = "/v1/agents", .port = server->port};
    struct reply reply = ask(&nobody);
    assert_non_null(
        strstr(reply.headers.bytes, "WWW-Authenticate: Bearer realm="));
    assert_non_null(strstr(reply.headers.bytes, "application/problem+json"));
    reply_fini(&reply);
    const struct ask health = {.path = "/healthz", .port = server->port};
    reply = ask(&health);
    assert_string_equal(reply.body.bytes, "{\"status\":\"ok\"}\n");
    reply_fini(&reply);
}

/* A reader of one network sees no other. */
static void test_sight(void **state) {
    static const char *const networks[] = {"lyon", "oslo"};
    char path[64];
    char body[160];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(body, sizeof body, "{\"key\":\"%s\",\"network\":\"%s\"}",
                       KEY, networks[i]);
        json_decref(post("/v1/agents/accept", body, 200));
    }
    const struct ask agents = {.path = "/v1/agents", .header = {AS_READER}};
    json_t *value = document(&agents, 200); /* the stand-in's only one: oslo */
    assert_int_equal(json_array_size(json_object_get(value, "agents")), 0);
    json_decref(value);
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/status",
                   open_incident());
    value = get(path, 200);
    assert_int_equal(json_array_size(json_object_get(value, "networks")), 1);
    json_decref(value);
    char lanes[96];
    (void)snprintf(lanes, sizeof lanes, "%s?targets=false", path);
    const struct ask plain = {.path = lanes, .header = {AS_READER}};
    json_decref(document(&plain, 200)); /* when no stream is to be had */
    const struct ask status = {.path = path, .header = {AS_READER}};
    value = document(&status, 200);
    assert_int_equal(json_array_size(json_object_get(value, "networks")), 0);
    char *text = json_dumps(value, 0);
    assert_null(strstr(text, "oslo"));
    free(text);
    json_decref(value);
    const struct ask health = {.path = "/healthz", .header = {AS_READER}};
    value = document(&health, 200); /* counters would be of all */
    assert_member(value, "status", "ok");
    assert_int_equal(json_object_size(value), 1);
    json_decref(value);
}

static void test_tokens(void **state) {
    (void)state;
    json_t *value = post("/v1/tokens",
                         "{\"name\":\"grafana\",\"scope\":\"read\","
                         "\"networks\":[\"lyon\"]}",
                         201);
    assert_member(value, "token", TOKEN_READ);
    assert_member(value, "state", "valid");
    json_decref(value);
    value = get("/v1/tokens", 200);
    assert_int_equal(json_array_size(json_object_get(value, "tokens")), 1);
    json_decref(value);
    json_decref(
        post("/v1/tokens", "{\"name\":\"taken\",\"scope\":\"admin\"}", 409));
    json_decref(post("/v1/tokens", "{\"name\":\"taken\"}", 422));
}

static void test_enrolments(void **state) {
    (void)state;
    json_t *value = post("/v1/enrolments", "{\"network\":\"lyon\"}", 201);
    assert_member(value, "join", "nxj1abc");
    assert_member(value, "state", "open");
    json_decref(value);
    value = post("/v1/enrolments", "{\"network\":\"noport\"}", 409);
    assert_non_null(strstr(json_string_value(json_object_get(value, "detail")),
                           "enrol.listen"));
    json_decref(value);
    json_decref(post("/v1/enrolments", "{}", 422));
    value = get("/v1/enrolments", 200);
    assert_true(json_is_array(json_object_get(value, "enrolments")));
    json_decref(value);
    json_decref(post("/v1/enrolments/revoke", "{\"id\":3}", 409));
    json_decref(post("/v1/enrolments/revoke", "{\"id\":4}", 404));
    json_decref(post("/v1/enrolments/revoke", "{\"id\":0}", 422));
}

static void test_states(void **state) {
    (void)state;
    json_decref(post("/v1/agents/accept",
                     "{\"key\":\"" KEY "\",\"network\":\"lyon\","
                     "\"name\":\"lyon-1\"}",
                     200));
    json_t *value = post("/v1/agents/quarantine", "{\"who\":\"lyon-1\"}", 200);
    assert_member(value, "state", "quarantined");
    assert_member(value, "reason", "by an operator");
    json_decref(value);
    json_decref(post("/v1/agents/release", "{\"who\":\"lyon-1\"}", 409));
    json_decref(post("/v1/agents/reject", "{\"who\":\"lyon-1\"}", 409));
    json_decref(post("/v1/agents/reject", "{\"who\":\"none\"}", 404));
    json_decref(post("/v1/agents/quarantine", "{\"who\":\"none\"}", 404));
    value = get("/v1/agents/log", 200);
    const json_t *entry = json_array_get(json_object_get(value, "log"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "who")),
                        "unix socket, uid 0");
    json_decref(value);
}

static void test_agents(void **state) {
    (void)state;
    json_t *value = post("/v1/agents/accept",
                         "{\"key\":\"" KEY "\",\"network\":\"lyon\","
                         "\"name\":\"lyon-1\"}",
                         200);
    assert_member(value, "state", "accepted");
    assert_member(value, "role", "network");
    json_decref(value);
    value = get("/v1/agents", 200);
    json_t *agent = json_array_get(json_object_get(value, "agents"), 0);
    assert_member(agent, "key", KEY);
    assert_member(agent, "network", "lyon");
    assert_true(json_is_null(json_object_get(agent, "last_result")));
    assert_int_equal(json_integer_value(json_object_get(agent, "results")), 0);
    json_decref(value);
    value = get("/v1/networks", 200);
    assert_int_equal(json_array_size(json_object_get(value, "networks")), 1);
    json_decref(value);
    check_labels();
    json_decref(post("/v1/agents/accept",
                     "{\"key\":\"unknown\",\"network\":\"x\"}", 404));
    value = post("/v1/agents/revoke", "{\"who\":\"lyon-1\"}", 200);
    assert_member(value, "state", "revoked");
    json_decref(value);
    json_decref(post("/v1/agents/revoke", "{\"who\":\"lyon-2\"}", 404));
}

static void test_metrics(void **state) {
    const struct ask what = {.path = "/metrics"};
    (void)state;
    (void)open_incident();
    struct reply reply = ask(&what);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.headers.bytes, "text/plain; version=0.0.4"));
    assert_non_null(strstr(reply.body.bytes, "\nnxclear_results_total 1234\n"));
    assert_non_null(
        strstr(reply.body.bytes, "# TYPE nxclear_network_state gauge\n"));
    reply_fini(&reply);
}

/* The store refuses: the client learns it, and /healthz says so. */
static void test_broken_store(void **state) {
    (void)state;
    json_t *value = post("/v1/incidents",
                         "{\"name\":\"e.test\",\"types\":[\"A\"],"
                         "\"note\":\"break\"}",
                         507);
    assert_member(value, "detail",
                  "the incident was not opened: no space left");
    json_decref(value);
    value = get("/healthz", 503);
    assert_member(value, "problem", "no space left");
    assert_true(json_is_true(json_object_get(value, "readable")));
    json_decref(value);
    value = post("/v1/agents/revoke", "{\"who\":\"lyon-1\"}", 503);
    assert_member(value, "detail", "nothing can be changed now: no space left");
    json_decref(value);
    json_decref(get("/v1/incidents", 200));
}

/* Nothing of what is stored is known: that there is nothing is not said, and
 * no token is called wrong. */
static void test_unread_store(void **state) {
    const struct server *server = *state;
    json_decref(post("/v1/incidents",
                     "{\"name\":\"e.test\",\"types\":[\"A\"],"
                     "\"note\":\"unread\"}",
                     507));
    json_t *value = get("/v1/incidents", 503);
    assert_member(value, "detail",
                  "what is stored cannot be read now: no space left");
    json_decref(value);
    value = get("/healthz", 503);
    assert_true(json_is_false(json_object_get(value, "readable")));
    json_decref(value);
    struct ask what = {.path = "/metrics"};
    assert_int_equal(status_of(&what), 200);
    what.port = server->port;
    assert_int_equal(status_of(&what), 503);
    what.path = "/v1/agents";
    struct reply reply = ask(&what);
    assert_int_equal(reply.status, 503);
    assert_null(strstr(reply.body.bytes, "no space left"));
    reply_fini(&reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_documents),    WITH_SERVER(test_incident),
        WITH_SERVER(test_recording),    WITH_SERVER(test_headers),
        WITH_SERVER(test_refused),      WITH_SERVER(test_methods),
        WITH_SERVER(test_csrf),         WITH_SERVER(test_agents),
        WITH_SERVER(test_access),       WITH_SERVER(test_sight),
        WITH_SERVER(test_tokens),       WITH_SERVER(test_enrolments),
        WITH_SERVER(test_states),       WITH_SERVER(test_metrics),
        WITH_SERVER(test_broken_store), WITH_SERVER(test_unread_store),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
