#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/verdict.h"
#include "collector/status/metrics.h"

static json_t *load(const char *text) {
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

/* In pieces of so many networks, agents or resolvers. */
static char *in_pieces(const struct nx_metrics *metrics, size_t budget,
                       size_t *pieces_n) {
    struct nx_metrics_place place = {0};
    struct nx_text text;
    bool done = false;
    nx_text_init(&text);
    for (*pieces_n = 0; !done && *pieces_n < 10000; ++*pieces_n) {
        done = nx_metrics_step(metrics, &place, budget, &text);
    }
    assert_true(done);
    return nx_text_take(&text);
}

/* However they are cut, the bytes are the same. */
static void check_pieces(const struct nx_metrics *metrics, const char *whole) {
    size_t before_n = SIZE_MAX;
    for (size_t budget = 1; budget < 8; budget++) {
        size_t n = 0;
        char *bytes = in_pieces(metrics, budget, &n);
        assert_string_equal(bytes, whole);
        assert_true(n <= before_n && n > 45 / budget); /* metrics */
        before_n = n;
        free(bytes);
    }
}

static char *render(const char *statuses, const char *agents,
                    const char *health) {
    json_t *s = load(statuses);
    json_t *a = load(agents);
    json_t *h = load(health);
    json_t *n = load("[{\"network\": \"lyon\", \"weight\": 40.5, \"labels\": "
                     "{\"site\": \"a\\\"b\\u001b\", \"provider\": null, "
                     "\"asn\": 64500, \"country\": \"FR\"}}]");
    json_t *score =
        load("{\"targets\": {\"verified\": null, \"unverified\": {"
             "\"median_error_s\": 0.5, \"error90_s\": 12.5, \"coverage50\": "
             "0.5, \"coverage90\": 0.875, \"crps_s\": 1.5, \"clearings\": "
             "7}}, \"learnt\": [{\"family\": \"unknown\", \"p_late\": "
             "{\"learnt\": 0.125}, \"early_per_hour\": {\"learnt\": 0.25}}]}");
    json_t *r = load(
        "[{\"network\": \"lyon\", \"resolver\": \"192.0.2.1@53\", \"scope\": "
        "null, \"nxdomain_cap_s\": 3600, \"nodata_cap_s\": 60}, {\"network\": "
        "\"lyon\", \"resolver\": \"fe80::1@53\", \"scope\": 2, "
        "\"nxdomain_cap_s\": 900, \"nodata_cap_s\": null}, {\"network\": "
        "\"oslo\", \"resolver\": \"192.0.2.2@53\", \"scope\": null}]");
    const struct nx_metrics metrics = {.statuses = s,
                                       .agents = a,
                                       .networks = n,
                                       .resolvers = r,
                                       .resolvers_left_out_n = 3,
                                       .score = score,
                                       .health = h};
    struct nx_text text;
    nx_text_init(&text);
    nx_metrics_text(&metrics, &text);
    check_pieces(&metrics, text.bytes);
    json_decref(s);
    json_decref(a);
    json_decref(h);
    json_decref(n);
    json_decref(r);
    json_decref(score);
    char *bytes = nx_text_take(&text);
    assert_non_null(bytes);
    return bytes;
}

/* Each line must be there, as a whole line. */
static void assert_line(const char *text, const char *line) {
    size_t len = strlen(line);
    const char *p = text;
    while ((p = strstr(p, line)) != NULL) {
        if ((p == text || p[-1] == '\n') && p[len] == '\n') {
            return;
        }
        p++;
    }
    print_error("missing: %s\n", line);
    fail();
}

static size_t samples(const char *text, const char *name) {
    size_t n = 0;
    size_t len = strlen(name);
    for (const char *p = text; (p = strstr(p, name)) != NULL; p++) {
        n += (p == text || p[-1] == '\n') && (p[len] == '{' || p[len] == ' ');
    }
    return n;
}

static const char status[] =
    "[{\"incident\":{\"id\":7},\"summary\":{\"all_clear\":{\"point\":"
    "\"2026-11-20T20:19:06.500Z\",\"hi90\":\"2026-11-20T20:19:08Z\"}},"
    "\"authority\":{\"servers\":[{\"name\":\"ns1.example.com.\",\"address\":"
    "\"192.0.2.1@53\",\"state\":\"good\",\"serial\":2026112003},"
    "{\"name\":\"ns2.example.com.\",\"address\":\"192.0.2.2@53\",\"state\":"
    "\"denies\",\"serial\":null},{\"name\":\"ns3.example.com.\",\"address\":"
    "\"192.0.2.3@53\",\"state\":\"pending\",\"serial\":null}]},"
    "\"networks\":[{\"network\":\"lyon\",\"state\":\"cached-nxdomain\","
    "\"denied\":0.5,\"seen\":\"2026-11-20T20:19:06Z\",\"clears\":{\"point\":"
    "\"2026-11-20T20:19:06.500Z\",\"lo50\":\"2026-11-20T20:19:06Z\",\"hi50\":"
    "\"2026-11-20T20:19:07Z\",\"lo90\":\"2026-11-20T20:19:05Z\",\"hi90\":"
    "\"2026-11-20T20:19:08Z\"},\"hard\":{\"at\":\"2026-11-20T20:39:32Z\","
    "\"reason\":\"auth-window\"}},{\"network\":\"a\\\"\\\\\\nb\\u001b\","
    "\"state\":\"unknown\",\"denied\":null,\"seen\":null,\"clears\":null,"
    "\"hard\":null}]}]";

static void test_incident(void **state) {
    (void)state;
    char *text = render(status, "[]", "{}");
    assert_line(text, "# TYPE nxclear_network_state gauge");
    assert_line(text, "nxclear_network_state{incident=\"7\",network=\"lyon\","
                      "state=\"cached-nxdomain\"} 1");
    assert_line(text, "nxclear_network_state{incident=\"7\",network=\"lyon\","
                      "state=\"clear\"} 0");
    assert_line(text, "nxclear_network_state{incident=\"7\",network="
                      "\"a\\\"\\\\\\\\010b\\\\027\",state=\"unknown\"} 1");
    assert_int_equal(samples(text, "nxclear_network_state"), 2 * NX_STATE_N_);
    assert_line(text, "nxclear_network_denied_ratio{incident=\"7\","
                      "network=\"lyon\"} 0.5");
    assert_int_equal(samples(text, "nxclear_network_denied_ratio"), 1);
    assert_line(text, "nxclear_clear_timestamp_seconds{incident=\"7\","
                      "network=\"lyon\",quantile=\"0.5\"} 1795205946.5");
    assert_line(text, "nxclear_clear_timestamp_seconds{incident=\"7\","
                      "network=\"lyon\",quantile=\"0.05\"} 1795205945");
    assert_int_equal(samples(text, "nxclear_clear_timestamp_seconds"), 5);
    assert_line(text, "nxclear_clear_bound_timestamp_seconds{incident=\"7\","
                      "network=\"lyon\",reason=\"auth-window\"} 1795207172");
    assert_line(text, "nxclear_all_clear_timestamp_seconds{incident=\"7\","
                      "quantile=\"0.95\"} 1795205948");
    assert_int_equal(samples(text, "nxclear_all_clear_timestamp_seconds"), 2);
    assert_line(text, "nxclear_authority_ok{incident=\"7\",ns="
                      "\"ns1.example.com.\",address=\"192.0.2.1@53\"} 1");
    assert_line(text, "nxclear_authority_ok{incident=\"7\",ns="
                      "\"ns2.example.com.\",address=\"192.0.2.2@53\"} 0");
    assert_int_equal(samples(text, "nxclear_authority_ok"), 2);
    assert_line(text, "nxclear_authority_serial{incident=\"7\",ns="
                      "\"ns1.example.com.\",address=\"192.0.2.1@53\"} "
                      "2026112003");
    assert_int_equal(samples(text, "nxclear_authority_serial"), 1);
    free(text);
}

static void test_agents(void **state) {
    (void)state;
    char *text = render(
        "[]",
        "[{\"name\":\"lyon-1\",\"network\":\"lyon\",\"last_result\":"
        "\"2026-11-20T20:19:06Z\",\"clock_offset_s\":-0.25,\"results\":12,"
        "\"dropped\":0,\"state\":\"accepted\",\"changed\":"
        "\"2026-11-20T20:19:06Z\"},{\"name\":\"gone\",\"network\":\"lyon\","
        "\"state\":\"revoked\",\"last_result\":\"2026-11-20T20:19:06Z\","
        "\"results\":5,\"ledger\":{\"spooled\":1}},{\"name\":\"oslo\","
        "\"network\":\"oslo\",\"state\":\"quarantined\"},{\"name\":null,"
        "\"network\":null,\"state\":\"pending\","
        "\"results\":99}]",
        "{\"version\":\"0.1.0\",\"started\":\"2026-11-20T20:19:06Z\","
        "\"storing\":true,\"results\":1234,\"rejected\":0}");
    assert_line(text, "nxclear_agent_last_result_timestamp_seconds{agent="
                      "\"lyon-1\",network=\"lyon\"} 1795205946");
    assert_line(text, "nxclear_agent_clock_offset_seconds{agent=\"lyon-1\","
                      "network=\"lyon\"} -0.25");
    assert_line(text, "nxclear_agent_results_total{agent=\"lyon-1\","
                      "network=\"lyon\"} 12");
    assert_int_equal(samples(text, "nxclear_agent_results_total"), 1);
    assert_line(text, "nxclear_agent_changed_timestamp_seconds{agent="
                      "\"lyon-1\",network=\"lyon\"} 1795205946");
    assert_null(strstr(text, "agent=\"gone\""));
    assert_line(text, "nxclear_agent_quarantined{agent=\"lyon-1\","
                      "network=\"lyon\"} 0");
    assert_line(text, "nxclear_agent_quarantined{agent=\"oslo\","
                      "network=\"oslo\"} 1");
    assert_int_equal(samples(text, "nxclear_agent_quarantined"), 2);
    assert_line(text, "nxclear_results_total 1234");
    assert_line(text, "nxclear_rejected_messages_total 0");
    assert_line(text, "nxclear_storing 1");
    assert_line(text, "nxclear_start_time_seconds 1795205946");
    assert_line(text, "nxclear_build_info{version=\"0.1.0\"} 1");
    assert_int_equal(samples(text, "nxclear_batches_total"), 0);
    free(text);
}

/* Every metric is in nxclear-api(7). */
static void test_manual(void **state) {
    static char manual[65536];
    (void)state;
    FILE *f = fopen(NX_SOURCE_DIR "/deploy/man/nxclear-api.7", "r");
    assert_non_null(f);
    manual[fread(manual, 1, sizeof manual - 1, f)] = '\0';
    (void)fclose(f);
    char *text = render("[]", "[]", "{}");
    size_t n = 0;
    for (char *p = text; (p = strstr(p, "# TYPE ")) != NULL; n++) {
        char macro[80];
        p += strlen("# TYPE ");
        (void)snprintf(macro, sizeof macro, ".It Cm %.*s", (int)strcspn(p, " "),
                       p);
        assert_non_null(strstr(manual, macro));
    }
    assert_true(n > 10);
    free(text);
}

static void test_labels(void **state) {
    (void)state;
    char *text = render("[]", "[]", "{}");
    assert_line(text, "nxclear_network_info{network=\"lyon\",site=\"a\\\"b"
                      "\\\\027\",asn=\"64500\",country=\"FR\"} 1");
    assert_line(text, "nxclear_network_weight{network=\"lyon\"} 40.5");
    free(text);
}

static void test_score(void **state) {
    (void)state;
    char *text = render("[]", "[]", "{}");
    assert_line(text, "nxclear_estimate_error_seconds{verified=\"false\","
                      "quantile=\"0.9\"} 12.5");
    assert_line(text, "nxclear_estimate_coverage_ratio{verified=\"false\","
                      "interval=\"0.9\"} 0.875");
    assert_line(text, "nxclear_estimate_crps_seconds{verified=\"false\"} 1.5");
    assert_line(text, "nxclear_estimate_clearings{verified=\"false\"} 7");
    assert_int_equal(samples(text, "nxclear_estimate_error_seconds"), 2);
    assert_line(text, "nxclear_learnt_late_ratio{family=\"unknown\"} 0.125");
    assert_line(text,
                "nxclear_learnt_early_clear_per_hour{family=\"unknown\"} 0.25");
    free(text);
}

/* Where it was measured and there is one; of each kind of denial. */
static void test_caps(void **state) {
    char *text = render("[]", "[]", "{}");
    (void)state;
    assert_line(text, "# TYPE nxclear_resolver_negative_ttl_cap_seconds gauge");
    assert_line(text,
                "nxclear_resolver_negative_ttl_cap_seconds{network=\"lyon\","
                "resolver=\"192.0.2.1@53\",answer=\"nxdomain\"} 3600");
    assert_line(text,
                "nxclear_resolver_negative_ttl_cap_seconds{network=\"lyon\","
                "resolver=\"192.0.2.1@53\",answer=\"nodata\"} 60");
    assert_line(text,
                "nxclear_resolver_negative_ttl_cap_seconds{network=\"lyon\","
                "resolver=\"fe80::1@53\",scope=\"2\",answer=\"nxdomain\"} "
                "900");
    assert_line(text, "nxclear_left_out{what=\"resolver-caps\"} 3");
    assert_null(strstr(text, "resolver=\"192.0.2.2@53\",answer"));
    assert_null(strstr(text, "scope=\"2\",answer=\"nodata\""));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caps),   cmocka_unit_test(test_labels),
        cmocka_unit_test(test_score),  cmocka_unit_test(test_incident),
        cmocka_unit_test(test_agents), cmocka_unit_test(test_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
