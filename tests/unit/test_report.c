#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/record.h"
#include "collector/status/report.h"
#include "collector/status/status_text.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1800000000) * S) /* 2027-01-15T08:00:00Z */

static struct nx_report_key key(const char *network, const char *resolver) {
    return (struct nx_report_key){network, network, resolver,
                                  "www.example.com.", "A"};
}

static int setup(void **state) {
    struct nx_report *report = NULL;
    assert_int_equal(nx_report_new(&report), 0);
    *state = report;
    return 0;
}

static int teardown(void **state) {
    struct nx_report *report = *state;
    nx_report_free(&report);
    return 0;
}

static void goes(struct nx_report *report, const char *network,
                 const char *resolver, int64_t at_s, const char *state) {
    const struct nx_report_key k = key(network, resolver);
    nx_report_transition(report, &k, T0 + at_s * S, state);
}

static void predicts(struct nx_report *report, const char *network,
                     const char *resolver, int64_t at_s, int64_t point_s,
                     int64_t width_s) {
    const struct nx_report_key k = key(network, resolver);
    const struct nx_report_forecast f = {
        .at_us = T0 + at_s * S,
        .point_us = T0 + point_s * S,
        .lo90_us = T0 + (point_s - width_s) * S,
        .hi90_us = T0 + (point_s + width_s) * S,
        .basis = "countdown"};
    nx_report_forecast(report, &k, &f);
}

/* The status of an incident whose lyon cleared between 299 and 301 s. */
static json_t *status(void) {
    return json_loads(
        "{\"now\": \"2027-01-15T09:00:00.000Z\", \"outlook\": \"clear\","
        " \"incident\": {\"id\": 7, \"name\": \"www.example.com.\","
        "  \"types\": [\"A\"], \"opened\": \"2027-01-15T08:00:00.000Z\","
        "  \"closed\": null, \"note\": \"\\\\<b>|!x\"},"
        " \"authority\": {\"state\": \"restored\", \"good\": 2, \"total\": 2,"
        "  \"outage_known\": \"observed\","
        "  \"outage_from\": \"2027-01-15T07:59:00.000Z\","
        "  \"restored_hi\": \"2027-01-15T08:00:00.000Z\"},"
        " \"negative\": {\"ttl_s\": 300, \"soa_ttl_s\": 300,"
        "  \"minimum_s\": 900},"
        " \"summary\": {\"networks\": 3, \"states\": {\"unknown\": 1}},"
        " \"networks\": [{\"network\": \"lyon\", \"targets\": [{"
        "  \"agent\": \"lyon\", \"resolver\": \"192.0.2.1@53\","
        "  \"name\": \"www.example.com.\", \"type\": \"A\","
        "  \"clear_observed\": [\"2027-01-15T08:04:59.000Z\","
        "   \"2027-01-15T08:05:01.000Z\"]}]}]}",
        0, NULL);
}

static json_t *document(struct nx_report *report) {
    json_t *s = status();
    assert_non_null(s);
    json_t *d = nx_report_document(report, s, false);
    json_decref(s);
    assert_non_null(d);
    return d;
}

static json_t *at(const json_t *d, const char *list, size_t i,
                  const char *member) {
    return json_object_get(json_array_get(json_object_get(d, list), i), member);
}

static double number(const json_t *d, const char *part, const char *member) {
    return json_number_value(json_object_get(json_object_get(d, part), member));
}

static void fill(struct nx_report *report) {
    goes(report, "lyon", "192.0.2.1@53", 1, "unknown");
    goes(report, "lyon", "192.0.2.1@53", 2, "cached-nxdomain");
    goes(report, "lyon", "192.0.2.1@53", 302, "clear");
    goes(report, "oslo", "192.0.2.2@53", 3, "cached-nodata");
    goes(report, "oslo", "192.0.2.2@53", 100, "clear");
    goes(report, "oslo", "192.0.2.2@53", 200, "recached");
    goes(report, "rome", "192.0.2.3@53", 1, "unknown");
    goes(report, "rome", "192.0.2.3@53", 2, "clear");
    predicts(report, "lyon", "192.0.2.1@53", 2, 305, 5);
    predicts(report, "lyon", "192.0.2.1@53", 90, 300, 1); /* not the first */
    predicts(report, "rome", "192.0.2.3@53", 2, 300, 1);
}

static void test_rows(void **state) {
    struct nx_report *report = *state;
    fill(report);
    json_t *d = document(report);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 2);
    assert_string_equal(json_string_value(at(d, "networks", 0, "cleared")),
                        "2027-01-15T08:05:01.000Z");
    assert_true(json_number_value(at(d, "networks", 0, "after_restoration_s")) >
                300.9);
    assert_true(json_is_null(at(d, "networks", 1, "cleared")));
    assert_int_equal(json_integer_value(at(d, "resolvers", 1, "relapses")), 1);
    /* 305 s is 4 s after the later of the two looks. */
    assert_true(json_number_value(at(d, "resolvers", 0, "error_s")) > 3.9);
    assert_true(json_number_value(at(d, "resolvers", 0, "error_s")) < 4.1);
    assert_true(json_is_true(at(d, "resolvers", 0, "inside_90")));
    assert_true(json_is_null(at(d, "resolvers", 1, "error_s")));
    assert_int_equal((int)number(d, "predictions", "scored"), 1);
    assert_int_equal((int)number(d, "summary", "affected"), 2);
    assert_int_equal((int)number(d, "summary", "cleared"), 1);
    assert_int_equal((int)number(d, "summary", "unknown"), 1);
    assert_true(json_is_null(
        json_object_get(json_object_get(d, "milestones"), "all_clear")));
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(d, "milestones"), "half_clear")),
                        "2027-01-15T08:05:01.000Z");
    json_decref(d);
}

static void test_nothing_happened(void **state) {
    struct nx_report *report = *state;
    json_t *d = document(report);
    struct nx_text text;
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 0);
    nx_text_init(&text);
    nx_record_markdown(d, &text);
    nx_record_html(d, &text);
    assert_non_null(strstr(text.bytes, "Affected: 0 of 3 networks"));
    assert_non_null(strstr(text.bytes, "Not known: 1 of the networks."));
    assert_null(strstr(text.bytes, "<svg"));
    nx_text_fini(&text);
    json_decref(d);
}

static void test_lost_query_is_no_outage(void **state) {
    struct nx_report *report = *state;
    goes(report, "lyon", "192.0.2.1@53", 2, "partly-clear");
    goes(report, "lyon", "192.0.2.1@53", 9, "clear");
    json_t *d = document(report);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 0);
    json_decref(d);
}

/* One that is asked for comparison, one that is silent: no outage of lyon. */
static void test_who_speaks_for_a_network(void **state) {
    struct nx_report *report = *state;
    goes(report, "lyon", "192.0.2.53@53", 1, "cached-nxdomain");
    goes(report, "lyon", "192.0.2.54@53", 1, "unreachable");
    goes(report, "lyon", "192.0.2.55@53", 1, "refused");
    json_t *s = status();
    json_t *targets = json_object_get(
        json_array_get(json_object_get(s, "networks"), 0), "targets");
    assert_int_equal(
        json_array_append_new(targets,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "agent",
                                        "lyon", "resolver", "192.0.2.53@53",
                                        "name", "www.example.com.", "type", "A",
                                        "layer", "control")),
        0);
    json_t *d = nx_report_document(report, s, false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 0);
    assert_int_equal(json_array_size(json_object_get(d, "resolvers")), 0);
    json_decref(d);
    json_decref(s);
}

static void test_sentences(void **state) {
    struct nx_report *report = *state;
    struct nx_text text;
    fill(report);
    json_t *d = document(report);
    nx_text_init(&text);
    nx_record_markdown(d, &text);
    assert_non_null(strstr(text.bytes,
                           "www.example.com A was denied or missing from "
                           "2027-01-15 07:59:00 UTC (observed) until "
                           "2027-01-15 08:00:00 UTC, for 1 min 0 s."));
    assert_non_null(strstr(text.bytes, "Note: \\\\\\<b\\>\\|\\!x"));
    assert_non_null(strstr(text.bytes, "| lyon | 192.0.2.1@53 | A | "
                                       "cached-nxdomain | 2027-01-15 08:05:05 "
                                       "| 2027-01-15 08:05:01 | 4.0 s too late "
                                       "| yes |"));
    nx_text_fini(&text);
    json_decref(d);
}

/* What strangers named reaches neither markup nor table. */
static void test_hostile(void **state) {
    struct nx_report *report = *state;
    struct nx_text text;
    goes(report, "<script>|`\n", "192.0.2.1@53", 2, "cached-nxdomain");
    json_t *d = document(report);
    nx_text_init(&text);
    nx_record_html(d, &text);
    assert_null(strstr(text.bytes, "<script"));
    assert_null(strstr(text.bytes, "<b>"));
    assert_non_null(strstr(text.bytes, "&lt;script&gt;"));
    nx_text_fini(&text);
    nx_text_init(&text);
    nx_record_markdown(d, &text);
    assert_non_null(strstr(text.bytes, "| \\<script\\>\\|\\`\\\\010 |"));
    nx_text_fini(&text);
    json_decref(d);
}

/* Written a few rows at a time it says the same, in order; no turn does all. */
static void test_in_pieces(void **state) {
    struct nx_report *report = *state;
    json_t *s = status();
    struct nx_text text;
    unsigned turns_n = 0;
    int err = NX_EAGAIN;
    for (unsigned i = 0; i < 1500; i++) { /* not in order */
        char network[16];
        char at[24];
        (void)snprintf(network, sizeof(network), "net-%03u", i * 7919 % 100);
        (void)snprintf(at, sizeof(at), "192.0.2.%u@53", i * 7919 / 100 % 15);
        goes(report, network, at, 2, "cached-nxdomain");
    }
    nx_text_init(&text);
    while (err == NX_EAGAIN) {
        err = nx_report_write(report, s, true, 64, &text);
        assert_true(++turns_n < 10000);
    }
    assert_int_equal(err, 0);
    assert_true(turns_n > 1500 / 64);
    json_t *d = nx_put_read(&text);
    const json_t *rows = json_object_get(d, "resolvers");
    const char *before = "";
    size_t i = 0;
    const json_t *row = NULL;
    assert_true(json_is_true(json_object_get(d, "truncated")));
    assert_in_range(json_array_size(rows), 1000, 1500);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 100);
    json_array_foreach(rows, i, row) {
        const char *network =
            json_string_value(json_object_get(row, "network"));
        assert_true(strcmp(before, network) <= 0);
        before = network;
    }
    json_decref(d);
    json_decref(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_rows),
        TEST(test_nothing_happened),
        TEST(test_lost_query_is_no_outage),
        TEST(test_who_speaks_for_a_network),
        TEST(test_sentences),
        TEST(test_hostile),
        TEST(test_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
