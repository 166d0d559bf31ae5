#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/conf.h"

static int parse(const char *file, const char *text,
                 struct nx_collector_conf *out, char *why) {
    why[0] = '\0';
    return nx_collector_conf_parse(file, (const uint8_t *)text, strlen(text),
                                   out, why, NX_CONF_WHY_MAX);
}

static void test_defaults(void **state) {
    (void)state;
    struct nx_collector_conf conf;
    struct nx_engine_settings defaults;
    char why[NX_CONF_WHY_MAX];
    nx_engine_settings_default(&defaults);
    assert_int_equal(parse("/etc/nxclear/collector.yaml",
                           "key: collector.key\n"
                           "listen: tcp://192.0.2.1:5530\n",
                           &conf, why),
                     NX_OK);
    assert_string_equal(conf.key_path, "/etc/nxclear/collector.key");
    assert_null(conf.next_key_path);
    assert_string_equal(conf.store_path, "/etc/nxclear/nxclear.db");
    assert_string_equal(conf.http_unix, "/etc/nxclear/nxclear.sock");
    assert_null(conf.http_listen);
    assert_int_equal(conf.listen_n, 1);
    assert_string_equal(conf.listen[0], "tcp://192.0.2.1:5530");
    assert_int_equal(conf.engine.settle_us, defaults.settle_us);
    assert_int_equal(conf.engine.plan_valid_s, defaults.plan_valid_s);
    assert_false(conf.engine.canary.on);
    assert_int_equal(conf.retention.observations_days, 30);
    assert_int_equal(conf.retention.history_days, 400);
    assert_int_equal(conf.retention.agent_mib_per_hour, 256);
    assert_int_equal(conf.limits.agent_messages_per_s, 500);
    assert_int_equal(conf.limits.agent_kib_per_s, 16384);
    assert_int_equal(conf.engine.diagnosis.probe_floor_us,
                     defaults.diagnosis.probe_floor_us);
    assert_int_equal(conf.engine.diagnosis.first_visit_n,
                     defaults.diagnosis.first_visit_n);
    nx_collector_conf_fini(&conf);
    assert_null(conf.key_path);
}

static void test_everything(void **state) {
    (void)state;
    struct nx_collector_conf conf;
    char why[NX_CONF_WHY_MAX];
    assert_int_equal(parse("c.yaml",
                           "key: /run/keys/c.key\n"
                           "listen:\n"
                           "  - tcp://*:5530\n"
                           "  - tcp://[2001:db8::1]:5531\n"
                           "store: data/x.db\n"
                           "http:\n"
                           "  unix: /run/nxclear/api.sock\n"
                           "  listen: '[::1]:8053'\n"
                           "  origin: https://nx.example.com:8443\n"
                           "estimate:\n"
                           "  settle_s: 2\n"
                           "  vantages: 3\n"
                           "  authority_interval_ms: 500\n"
                           "  probe_floor_ms: 1000\n"
                           "  probe_ceiling_ms: 20000\n"
                           "  first_visit: 16\n"
                           "  silent_after_s: 30\n"
                           "  clear_share: 0.01\n"
                           "plan:\n"
                           "  valid_s: 60\n"
                           "canary:\n"
                           "  zone: canary.example.net\n"
                           "  every_s: 3600\n"
                           "  count: 8\n"
                           "retention:\n"
                           "  observations_days: 500\n"
                           "  agent_mib_per_hour: 2\n"
                           "next_key: next.key\n"
                           "limits:\n"
                           "  agent_messages_per_s: 7\n"
                           "  agent_kib_per_s: 64\n",
                           &conf, why),
                     NX_OK);
    assert_string_equal(conf.key_path, "/run/keys/c.key");
    assert_string_equal(conf.next_key_path, "next.key");
    assert_string_equal(conf.store_path, "data/x.db");
    assert_string_equal(conf.http_unix, "/run/nxclear/api.sock");
    assert_string_equal(conf.http_listen, "[::1]:8053");
    assert_string_equal(conf.http_origin, "https://nx.example.com:8443");
    assert_int_equal(conf.listen_n, 2);
    assert_string_equal(conf.listen[1], "tcp://[2001:db8::1]:5531");
    assert_int_equal(conf.engine.settle_us, 2000000);
    assert_int_equal(conf.engine.vantages, 3);
    assert_int_equal(conf.engine.authority_interval_ms, 500);
    assert_int_equal(conf.engine.diagnosis.probe_floor_us, 1000000);
    assert_int_equal(conf.engine.diagnosis.probe_ceiling_us, 20000000);
    assert_int_equal(conf.engine.diagnosis.first_visit_n, 16);
    assert_int_equal(conf.engine.diagnosis.silent_after_us, 30000000);
    assert_true(conf.engine.diagnosis.clear_max_share > 0.0099 &&
                conf.engine.diagnosis.clear_max_share < 0.0101);
    assert_int_equal(conf.engine.plan_valid_s, 60);
    assert_true(conf.engine.canary.on);
    assert_int_equal(conf.engine.canary.every_s, 3600);
    assert_int_equal(conf.engine.canary.count_n, 8);
    assert_int_equal(conf.retention.observations_days, 500);
    assert_int_equal(conf.retention.history_days, 500); /* not less */
    assert_int_equal(conf.retention.agent_mib_per_hour, 2);
    assert_int_equal(conf.limits.agent_messages_per_s, 7);
    assert_int_equal(conf.limits.agent_kib_per_s, 64);
    nx_collector_conf_fini(&conf);
}

#define KEY "key: k\n"
#define HEAD "key: k\nlisten: tcp://127.0.0.1:5530\n"
#define ALERTS HEAD "alerts:\n  receivers:\n"

static const struct {
    const char *text;
    const char *why;
} broken[] = {
    {"", "c.yaml:1: empty"},
    {"listen: tcp://127.0.0.1:5530\n", "c.yaml:1: key \"key\" is missing"},
    {KEY, "c.yaml:1: key \"listen\" is missing"},
    {KEY "listen: 127.0.0.1:5530\n",
     "c.yaml:2: listen: \"127.0.0.1:5530\" is not tcp://ADDRESS:PORT"},
    {KEY "listen: tcp://collector.example.net:5530\n",
     "c.yaml:2: listen: \"tcp://collector.example.net:5530\" is not "
     "tcp://ADDRESS:PORT"},
    {KEY "listen: tcp://127.0.0.1:0\n",
     "c.yaml:2: listen: \"tcp://127.0.0.1:0\" is not tcp://ADDRESS:PORT"},
    {KEY "listen: tcp://127.0.0.1:65536\n",
     "c.yaml:2: listen: \"tcp://127.0.0.1:65536\" is not tcp://ADDRESS:PORT"},
    {KEY "listen: tcp://2001:db8::1:5530\n",
     "c.yaml:2: listen: \"tcp://2001:db8::1:5530\" is not tcp://ADDRESS:PORT"},
    {KEY "listen:\n  - tcp://127.0.0.1:5530\n  - udp://127.0.0.1:5530\n",
     "c.yaml:4: listen[1]: \"udp://127.0.0.1:5530\" is not "
     "tcp://ADDRESS:PORT"},
    {KEY "listen: [tcp://127.0.0.1:1, tcp://127.0.0.1:1]\n",
     "c.yaml:2: listen[1]: \"tcp://127.0.0.1:1\" is given twice"},
    {KEY "listen: []\n", "c.yaml:2: listen: 0 entries, allowed are 1 to 16"},
    {HEAD "stroe: x\n",
     "c.yaml:3: unknown key \"stroe\" (known: key, listen, next_key, store, "
     "http, "
     "enrol, estimate, plan, canary, alerts, networks, agents, retention, "
     "limits)"},
    {HEAD "retention:\n  observations_days: 0\n",
     "c.yaml:4: retention.observations_days: 0 is not within 1..3650"},
    {HEAD "retention:\n  observations_days: 100\n  history_days: 99\n",
     "c.yaml:5: retention.history_days: 99 is not within 100..36500"},
    {HEAD "retention:\n  agent_mib_per_hour: 65537\n",
     "c.yaml:4: retention.agent_mib_per_hour: 65537 is not within 1..65536"},
    {HEAD "limits:\n  agent_messages_per_s: 0\n",
     "c.yaml:4: limits.agent_messages_per_s: 0 is not within 1..100000"},
    {HEAD "limits:\n  agent_kib_per_s: 63\n",
     "c.yaml:4: limits.agent_kib_per_s: 63 is not within 64..1048576"},
    {HEAD "http:\n  listen: localhost:8053\n",
     "c.yaml:4: http.listen: \"localhost:8053\" is not ADDRESS:PORT"},
    {HEAD "http:\n  port: 1\n",
     "c.yaml:4: http: unknown key \"port\" (known: unix, listen, origin)"},
    {HEAD "http:\n  origin: https://nx.example.com/\n",
     "c.yaml:4: http.origin: \"https://nx.example.com/\" is not https://HOST "
     "or https://HOST:PORT"},
    {HEAD "http:\n  origin: nx.example.com\n",
     "c.yaml:4: http.origin: \"nx.example.com\" is not https://HOST or "
     "https://HOST:PORT"},
    {HEAD "estimate:\n  settle_s: 0\n",
     "c.yaml:4: estimate.settle_s: 0 is not within 1..3600"},
    {HEAD "estimate:\n  vantages: 101\n",
     "c.yaml:4: estimate.vantages: 101 is not within 1..100"},
    {HEAD "estimate:\n  first_visit: 17\n",
     "c.yaml:4: estimate.first_visit: 17 is not within 1..16"},
    {HEAD "estimate:\n  probe_floor_ms: 60000\n  probe_ceiling_ms: 50000\n",
     "c.yaml:5: estimate.probe_ceiling_ms: 50000 is not within "
     "60000..3600000"},
    {HEAD "estimate:\n  silent_after_s: -1\n",
     "c.yaml:4: estimate.silent_after_s: -1 is negative"},
    {HEAD "estimate:\n  clear_share: 0\n",
     "c.yaml:4: estimate.clear_share: \"0\" is not a number above 0 and at "
     "most 0.5"},
    {HEAD "estimate:\n  clear_share: nan\n",
     "c.yaml:4: estimate.clear_share: \"nan\" is not a number above 0 and at "
     "most 0.5"},
    {HEAD "estimate:\n  clear_share: 5%\n",
     "c.yaml:4: estimate.clear_share: \"5%\" is not a number above 0 and at "
     "most 0.5"},
    {HEAD "canary:\n  count: 8\n",
     "c.yaml:4: canary: needs zone or siblings_of, one of them"},
    {HEAD "canary:\n  zone: canary.example.net\n  siblings_of: example.com\n",
     "c.yaml:4: canary: needs zone or siblings_of, one of them"},
    {HEAD "canary:\n  siblings_of: com\n",
     "c.yaml:4: canary.siblings_of: \"com\" is not the name of a zone, of two "
     "labels or more and 223 octets at most"},
    {HEAD "canary:\n  zone: net\n",
     "c.yaml:4: canary.zone: \"net\" is not the name of a zone, of two labels "
     "or more and 223 octets at most"},
    {HEAD "canary:\n  zone: canary.example.net\n  bogus_zone: net\n",
     "c.yaml:5: canary.bogus_zone: \"net\" is not the name of a zone, of two "
     "labels or more and 223 octets at most"},
    {HEAD "canary:\n  zone: canary.example.net\n"
          "  bogus_zone: x.canary.example.net\n",
     "c.yaml:5: canary.bogus_zone: must not lie in the other zone, nor that in "
     "it: its parent is signed"},
    {HEAD "canary:\n  zone: canary.example.net\n  count: 6\n",
     "c.yaml:5: canary.count: 6 is not within 7..16"},
    {HEAD "canary:\n  zone: canary.example.net\n  every_s: 259201\n",
     "c.yaml:5: canary.every_s: 259201 is not within 60..259200"},
    {HEAD "plan:\n  valid_s: 5\n",
     "c.yaml:4: plan.valid_s: 5 is not within 10..86400"},
    {HEAD "alerts:\n  hold_s: 5\n",
     "c.yaml:4: alerts: key \"receivers\" is missing"},
    {ALERTS "  - name: a\n",
     "c.yaml:5: alerts.receivers[0]: needs one of url, email, exec"},
    {ALERTS "  - name: a b\n    email: x@example.com\n",
     "c.yaml:5: alerts.receivers[0].name: not 1 to 63 printable characters "
     "without space"},
    {ALERTS "  - name: a\n    url: file:///etc/passwd\n",
     "c.yaml:6: alerts.receivers[0].url: not https://... or http://..."},
    {ALERTS "  - name: a\n    url: https://example.com\n    format: fax\n",
     "c.yaml:7: alerts.receivers[0].format: none of webhook, slack, "
     "mattermost, teams, matrix, alertmanager"},
    {ALERTS "  - name: a\n    email: -oQ/tmp@example.com\n",
     "c.yaml:6: alerts.receivers[0].email: not a mail address "
     "(name@example.com)"},
    {ALERTS "  - name: a\n    exec: [/bin/true]\n",
     "c.yaml:6: alerts.receivers[0].exec: programs are not started unless "
     "alerts.allow_exec is true"},
    {ALERTS "  - name: a\n    email: a@example.com\n  - name: a\n    email: "
            "b@example.com\n",
     "c.yaml:7: alerts.receivers[1].name: another receiver is called so"},
    {HEAD "plan: soon\n",
     "c.yaml:3: plan: expected keys with values (\"key: value\")"},
};

static void test_labels(void **state) {
    (void)state;
    struct nx_collector_conf conf;
    char why[NX_CONF_WHY_MAX];
    assert_int_equal(parse("c.yaml",
                           "key: k\nlisten: tcp://192.0.2.1:5530\n"
                           "networks:\n"
                           "  - name: lyon-office\n"
                           "    site: lyon\n"
                           "    asn: 64500\n"
                           "    weight: 120\n"
                           "  - name: oslo\n"
                           "agents:\n"
                           "  - name: lyon-office\n"
                           "    provider: Example ISP\n",
                           &conf, why),
                     NX_OK);
    assert_int_equal(conf.labels_n, 3);
    assert_string_equal(conf.labels[0].name, "lyon-office");
    assert_string_equal(conf.labels[0].labels.site, "lyon");
    assert_int_equal(conf.labels[0].labels.asn, 64500);
    assert_float_equal(conf.labels[0].labels.weight, 120.0, 0);
    assert_int_equal(conf.labels[2].kind, NX_LABELS_OF_AGENT);
    assert_string_equal(conf.labels[2].labels.provider, "Example ISP");
    nx_collector_conf_fini(&conf);
    static const char *const bad[][2] = {
        {"  - site: lyon\n", "c.yaml:4: networks[0]"},
        {"  - name: a b\n", "c.yaml:4: networks[0].name: must be 1 to 63"},
        {"  - name: a\n  - name: a\n",
         "c.yaml:5: networks[1].name: given twice"},
        {"  - name: a\n    asn: x\n",
         "c.yaml:5: networks[0].asn: must be the number"},
        {"  - name: a\n    colour: red\n",
         "c.yaml:5: networks[0]: unknown key"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text),
                       "key: k\nlisten: tcp://192.0.2.1:5530\nnetworks:\n%s",
                       bad[i][0]);
        assert_int_equal(parse("c.yaml", text, &conf, why), NX_ECONFIG);
        if (strncmp(why, bad[i][1], strlen(bad[i][1])) != 0) {
            fail_msg("%s", why);
        }
    }
}

static void test_broken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct nx_collector_conf conf = {.key_path = NULL, .listen_n = 77};
        char why[NX_CONF_WHY_MAX];
        assert_int_equal(parse("c.yaml", broken[i].text, &conf, why),
                         NX_ECONFIG);
        assert_string_equal(why, broken[i].why);
        assert_int_equal(conf.listen_n, 77); /* untouched */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
