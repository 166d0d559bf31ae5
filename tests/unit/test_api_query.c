/* What follows the "?" in requests to the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/api.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(1795205946) * S) /* 2026-11-20T20:19:06Z */

static struct nx_api_problem problem;

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
    char text[2049];
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
    assert_string_equal(problem.detail, "query: longer than 2047 bytes");
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

static void test_score_query(void **state) {
    static const char *const bad[][2] = {
        {"from", "query: not NAME=VALUE"},
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_bad_queries),
        cmocka_unit_test(test_status_query),
        cmocka_unit_test(test_score_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
