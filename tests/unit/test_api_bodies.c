/* Request bodies of the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/api.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(1795205946) * S) /* 2026-11-20T20:19:06Z */

static struct nx_api_problem problem;

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
    {"{\"name\":\"e.test\",\"types\":[\"MX\",\"DS\"]}",
     "types: DS is asked of the parent"},
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

/* A walk leads to the servers of one zone. */
static void test_ds_conflict(void **state) {
    static struct nx_incident ds = {.id = 7,
                                    .closed_us = NX_TIME_UNKNOWN,
                                    .items_n = 1,
                                    .items = {{.qtype = NX_TYPE_DS}}};
    static struct nx_incident a;
    const struct nx_incident *const others[] = {&ds};
    (void)state;
    assert_int_equal(nx_dname_parse("e.test", ds.items[0].name), 0);
    a = ds;
    assert_int_equal(nx_api_ds_conflict(&a, others, 1), 0);
    a.items[0].qtype = NX_TYPE_A;
    assert_int_equal(nx_api_ds_conflict(&a, others, 1), 7);
    assert_int_equal(nx_dname_parse("www.e.test", a.items[0].name), 0);
    assert_int_equal(nx_api_ds_conflict(&a, others, 1), 0);
    memcpy(a.items[0].name, ds.items[0].name, NX_DNAME_MAX);
    ds.closed_us = 1;
    assert_int_equal(nx_api_ds_conflict(&a, others, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ds_conflict),
        cmocka_unit_test(test_incident),
        cmocka_unit_test(test_incident_least),
        cmocka_unit_test(test_bad_incidents),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_revoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
