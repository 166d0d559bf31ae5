#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/conf.h"

#define KEY "\"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\""
#define HEAD                                                                   \
    "key: agent.key\n"                                                         \
    "collectors:\n"                                                            \
    "  - endpoint: tcp://192.0.2.1:5530\n"                                     \
    "    key: " KEY "\n"
#define ADDRESS_HINT                                                           \
    " is not tcp://ADDRESS:PORT (an address, as the agent must work when "     \
    "names do not)"

static int parse(const char *text, struct nx_agent_conf **out, char *why) {
    why[0] = '\0';
    return nx_agent_conf_parse("a.yaml", (const uint8_t *)text, strlen(text),
                               out, why, NX_CONF_WHY_MAX);
}

static void test_defaults(void **state) {
    (void)state;
    struct nx_agent_conf *conf = NULL;
    char why[NX_CONF_WHY_MAX];
    uint8_t name[NX_DNAME_MAX];
    assert_int_equal(parse(HEAD, &conf, why), NX_OK);
    assert_string_equal(conf->key, "agent.key");
    assert_null(conf->network);
    assert_int_equal(conf->collectors_n, 1);
    assert_string_equal(conf->collectors[0].endpoint, "tcp://192.0.2.1:5530");
    assert_true(conf->discover);
    assert_string_equal(conf->resolv_conf, "/etc/resolv.conf");
    assert_string_equal(conf->resolved_conf,
                        "/run/systemd/resolve/resolv.conf");
    assert_int_equal(conf->resolvers_n, 0);
    assert_int_equal(conf->policy.zones_n, 1);
    assert_int_equal(nx_dname_parse(".", name), NX_OK);
    assert_true(nx_dname_equal(conf->policy.zones[0], name));
    assert_int_equal(conf->policy.types_n, 0);
    assert_int_equal(conf->policy.own_rate.mqps, 5000);
    assert_int_equal(conf->policy.own_rate.burst, 20);
    assert_int_equal(conf->policy.public_rate.mqps, 1000);
    assert_int_equal(conf->policy.public_rate.burst, 5);
    assert_int_equal(conf->policy.total_rate.mqps, 50000);
    assert_int_equal(conf->policy.server_rate.mqps, 5000);
    assert_int_equal(conf->policy.min_interval_ms, 500);
    assert_int_equal(conf->policy.max_tasks, 2000);
    assert_int_equal(conf->policy.proof_s, 60);
    assert_false(conf->policy.own_proof);
    assert_int_equal(conf->policy.replies, NX_REPLIES_ALL);
    assert_false(conf->policy.authority_role);
    assert_null(conf->root_hints);
    assert_int_equal(conf->probe_timeout_ms, 2000);
    assert_null(conf->spool_path);
    assert_int_equal(conf->spool_max_bytes, 16777216);
    assert_int_equal(conf->spool_max_age_s, 604800);
    assert_true(conf->spool_sync_always);
    assert_int_equal(conf->spool_sync_interval_s, 60);
    assert_int_equal(conf->batch_max_results, 200);
    assert_int_equal(conf->batch_max_age_ms, 500);
    nx_agent_conf_free(&conf);
    assert_null(conf);
}

static void test_everything(void **state) {
    (void)state;
    static const char text[] = "key: /etc/nxclear/agent.key\n"
                               "network: lyon-office\n"
                               "role: authority\n"
                               "collectors:\n"
                               "  - endpoint: tcp://[2001:db8::1]:5530\n"
                               "    key: " KEY "\n"
                               "  - endpoint: tcp://192.0.2.2:5530\n"
                               "    key: " KEY "\n"
                               "resolvers:\n"
                               "  discover: false\n"
                               "  getaddrinfo: true\n"
                               "  resolv_conf: /r\n"
                               "  resolved_conf: /s\n"
                               "  named:\n"
                               "    - at: 192.0.2.53@5353\n"
                               "    - at: 192.0.2.53@5353/tcp\n"
                               "    - at: fe80::1%eth0\n"
                               "      layer: upstream\n"
                               "    - at: \"[2001:db8::53]/tls\"\n"
                               "      tls_name: dot.example.net\n"
                               "      tls_ca_file: ca.pem\n"
                               "      layer: control\n"
                               "      may_suggest: true\n"
                               "policy:\n"
                               "  zones: [example.com, Example.NET.]\n"
                               "  canary_zones: [canary.example.net]\n"
                               "  sibling_zones: [example.com]\n"
                               "  types: [A, aaaa, TYPE64]\n"
                               "  resolver_qps: 2\n"
                               "  resolver_burst: 3\n"
                               "  total_qps: 7\n"
                               "  min_interval_ms: 1000\n"
                               "  max_tasks: 9\n"
                               "  proof_s: 3\n"
                               "  own_proof: true\n"
                               "  replies: data\n"
                               "authority:\n"
                               "  root_hints: root.hints\n"
                               "  server_qps: 4\n"
                               "probe:\n"
                               "  timeout_ms: 1500\n"
                               "spool:\n"
                               "  path: spool\n"
                               "  max_bytes: 2000000\n"
                               "  max_age_s: 3600\n"
                               "  sync: interval\n"
                               "  sync_interval_s: 300\n"
                               "batch:\n"
                               "  max_results: 50\n"
                               "  max_age_ms: 100\n";
    struct nx_agent_conf *conf = NULL;
    char why[NX_CONF_WHY_MAX];
    uint8_t name[NX_DNAME_MAX];
    assert_int_equal(parse(text, &conf, why), NX_OK);
    assert_string_equal(conf->network, "lyon-office");
    assert_true(conf->policy.authority_role);
    assert_int_equal(conf->collectors_n, 2);
    assert_false(conf->discover);
    assert_true(conf->getaddrinfo);
    assert_int_equal(conf->resolvers_n, 4);
    assert_int_equal(conf->resolvers[0].at.at.port, 5353);
    assert_int_equal(conf->resolvers[0].at.at.layer, NX_LAYER_NETWORK);
    assert_false(conf->resolvers[0].at.at.withheld);
    assert_int_equal(conf->resolvers[1].at.at.transport, NX_TCP);
    assert_int_equal(conf->resolvers[2].at.at.layer, NX_LAYER_UPSTREAM);
    assert_true(conf->resolvers[2].at.at.withheld);
    assert_int_equal(conf->resolvers[3].at.at.layer, NX_LAYER_CONTROL);
    assert_false(conf->resolvers[3].at.at.withheld);
    assert_string_equal(conf->resolvers[2].at.scope, "eth0");
    assert_int_equal(conf->resolvers[3].at.at.transport, NX_TLS);
    assert_int_equal(conf->resolvers[3].at.at.port, 853);
    assert_int_equal(nx_dname_parse("dot.example.net", name), NX_OK);
    assert_true(nx_dname_equal(conf->resolvers[3].at.at.server_name, name));
    assert_string_equal(conf->resolvers[3].tls_ca_file, "ca.pem");
    assert_int_equal(conf->policy.zones_n, 2);
    assert_int_equal(conf->policy.canary_zones_n, 1);
    assert_int_equal(conf->policy.sibling_zones_n, 1);
    assert_true(nx_dname_equal(conf->policy.sibling_zones[0],
                               (const uint8_t *)"\7example\3com"));
    assert_int_equal(conf->policy.types_n, 3);
    assert_int_equal(conf->policy.types[2], NX_TYPE_SVCB);
    assert_int_equal(conf->policy.proof_s, 3);
    assert_true(conf->policy.own_proof);
    assert_int_equal(conf->policy.replies, NX_REPLIES_DATA);
    assert_int_equal(conf->policy.own_rate.mqps, 2000);
    assert_int_equal(conf->policy.public_rate.mqps, 1000);
    assert_int_equal(conf->policy.public_rate.burst, 3);
    assert_int_equal(conf->policy.server_rate.mqps, 4000);
    assert_string_equal(conf->root_hints, "root.hints");
    assert_int_equal(conf->batch_max_results, 50);
    assert_string_equal(conf->spool_path, "spool");
    assert_int_equal(conf->spool_path_line, 43);
    assert_int_equal(conf->spool_max_bytes, 2000000);
    assert_int_equal(conf->spool_max_age_s, 3600);
    assert_false(conf->spool_sync_always);
    assert_int_equal(conf->spool_sync_interval_s, 300);
    nx_agent_conf_free(&conf);
}

static const struct {
    const char *text;
    const char *why;
} broken[] = {
    {"", "a.yaml:1: empty"},
    {"key: k\n", "a.yaml:1: key \"collectors\" is missing"},
    {"key: k\ncollectors: []\n",
     "a.yaml:2: collectors: 0 entries, allowed are 1 to 8"},
    {HEAD "netwrk: x\n",
     "a.yaml:5: unknown key \"netwrk\" (known: key, network, role, collectors, "
     "resolvers, policy, authority, probe, spool, batch)"},
    {HEAD "role: boss\n",
     "a.yaml:5: role: \"boss\" is none of: network, authority"},
    {HEAD "policy:\n  zone: [x]\n",
     "a.yaml:6: policy: unknown key \"zone\" (known: zones, "
     "canary_zones, sibling_zones, types, resolver_qps, resolver_burst, "
     "total_qps, "
     "min_interval_ms, max_tasks, proof_s, own_proof, replies)"},
    {HEAD "policy:\n  replies: some\n",
     "a.yaml:6: policy.replies: \"some\" is none of: all, data, none"},
    {HEAD "role: authority\npolicy:\n  replies: none\n",
     "a.yaml:7: policy.replies: none is not for the role authority: by what "
     "name servers answer a restoration is judged"},
    {HEAD "policy:\n  zones: []\n",
     "a.yaml:6: policy.zones: 0 entries, allowed are 1 to 256"},
    {HEAD "policy:\n  zones:\n    - example.com\n    - a..b\n",
     "a.yaml:8: policy.zones[1]: \"a..b\" is not a domain name"},
    {HEAD "policy:\n  sibling_zones: [com]\n",
     "a.yaml:6: policy.sibling_zones: \"com\" is no zone of two labels or "
     "more"},
    {HEAD "policy:\n  canary_zones: [.]\n",
     "a.yaml:6: policy.canary_zones: \".\" is no zone that is run for canary "
     "names"},
    {HEAD "policy:\n  types:\n    - A\n    - ANY\n",
     "a.yaml:8: policy.types[1]: \"ANY\" is not a record type"},
    {HEAD "policy:\n  types: [AXFR]\n",
     "a.yaml:6: policy.types[0]: \"AXFR\" is not a record type"},
    {HEAD "policy:\n  resolver_qps: 0\n",
     "a.yaml:6: policy.resolver_qps: 0 is not from 1 to 1000"},
    {HEAD "policy:\n  resolver_burst: 1001\n",
     "a.yaml:6: policy.resolver_burst: 1001 is not from 1 to 1000"},
    {HEAD "policy:\n  resolver_qps: 5/s\n",
     "a.yaml:6: policy.resolver_qps: \"5/s\" is not a whole number"},
    {HEAD "policy:\n  total_qps: 10001\n",
     "a.yaml:6: policy.total_qps: 10001 is not from 1 to 10000"},
    {HEAD "policy:\n  min_interval_ms: 99\n",
     "a.yaml:6: policy.min_interval_ms: 99 is not from 100 to 3600000"},
    {HEAD "policy:\n  proof_s: 2\n",
     "a.yaml:6: policy.proof_s: 2 is not from 3 to 3600"},
    {HEAD "policy:\n  max_tasks: 4001\n",
     "a.yaml:6: policy.max_tasks: 4001 is not from 1 to 4000"},
    {HEAD "authority:\n  server_qps: 0\n",
     "a.yaml:6: authority.server_qps: 0 is not from 1 to 1000"},
    {HEAD "probe:\n  timeout_ms: 30001\n",
     "a.yaml:6: probe.timeout_ms: 30001 is not from 100 to 30000"},
    {HEAD "spool:\n  sync: interval\n", "a.yaml:6: spool.sync: is for a spool "
                                        "on a disk: give spool.path, or leave "
                                        "it out"},
    {HEAD "spool:\n  sync_interval_s: 9\n",
     "a.yaml:6: spool.sync_interval_s: is for a spool on a disk: give "
     "spool.path, or leave it out"},
    {HEAD "spool:\n  path: s\n  sync_interval_s: 9\n",
     "a.yaml:7: spool.sync_interval_s: is for spool.sync: interval only"},
    {HEAD "spool:\n  path: s\n  max_age_s: 1\n",
     "a.yaml:7: spool.max_age_s: 1 is not from 60 to 2592000"},
    {HEAD "spool:\n  max_bytes: 1000\n",
     "a.yaml:6: spool.max_bytes: 1000 is not from 1048576 to 1073741824"},
    {HEAD "batch:\n  max_results: 2001\n",
     "a.yaml:6: batch.max_results: 2001 is not from 1 to 2000"},
    {HEAD "batch:\n  max_age_ms: 9\n",
     "a.yaml:6: batch.max_age_ms: 9 is not from 10 to 60000"},
    {HEAD "resolvers:\n  discover: sometimes\n",
     "a.yaml:6: resolvers.discover: \"sometimes\" is not true or false"},
    {HEAD "resolvers:\n  named:\n    - at: dns.example.com\n",
     "a.yaml:7: resolvers.named[0].at: \"dns.example.com\" is not "
     "ADDRESS[@PORT][/udp|/tcp|/tls]"},
    {HEAD "resolvers:\n  named:\n    - at: getaddrinfo\n",
     "a.yaml:7: resolvers.named[0].at: \"getaddrinfo\" is not "
     "ADDRESS[@PORT][/udp|/tcp|/tls]"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53@70000\n",
     "a.yaml:7: resolvers.named[0].at: \"192.0.2.53@70000\" is not "
     "ADDRESS[@PORT][/udp|/tcp|/tls]"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53%eth0\n",
     "a.yaml:7: resolvers.named[0].at: \"192.0.2.53%eth0\" is not "
     "ADDRESS[@PORT][/udp|/tcp|/tls]"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53\n    - at: "
          "192.0.2.53@53\n",
     "a.yaml:8: resolvers.named[1].at: \"192.0.2.53@53\" is named twice"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53\n    - at: "
          "192.0.2.53\n      layer: control\n",
     "a.yaml:8: resolvers.named[1].at: \"192.0.2.53\" is named twice"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53\n      layer: "
          "authority\n",
     "a.yaml:8: resolvers.named[0].layer: \"authority\" is none of: host, "
     "network, upstream, control"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53/tls\n",
     "a.yaml:7: resolvers.named[0]: \"192.0.2.53/tls\" needs tls_name, the "
     "name to authenticate"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53\n      tls_name: x\n",
     "a.yaml:7: resolvers.named[0]: tls_name and tls_ca_file are for transport "
     "/tls only"},
    {HEAD "resolvers:\n  named:\n    - at: 192.0.2.53/tls\n      tls_name: "
          "a..b\n",
     "a.yaml:8: resolvers.named[0].tls_name: \"a..b\" is not a domain name"},
    {"key: k\ncollectors:\n  - endpoint: tcp://collector.example.com:5530\n    "
     "key: " KEY "\n",
     "a.yaml:3: collectors[0].endpoint: "
     "\"tcp://collector.example.com:5530\"" ADDRESS_HINT},
    {"key: k\ncollectors:\n  - endpoint: 192.0.2.1:5530\n    key: " KEY "\n",
     "a.yaml:3: collectors[0].endpoint: \"192.0.2.1:5530\"" ADDRESS_HINT},
    {"key: k\ncollectors:\n  - endpoint: tcp://2001:db8::1:5530\n    key: " KEY
     "\n",
     "a.yaml:3: collectors[0].endpoint: "
     "\"tcp://2001:db8::1:5530\"" ADDRESS_HINT},
    {"key: k\ncollectors:\n  - endpoint: tcp://192.0.2.1\n    key: " KEY "\n",
     "a.yaml:3: collectors[0].endpoint: \"tcp://192.0.2.1\"" ADDRESS_HINT},
    {"key: k\ncollectors:\n  - endpoint: tcp://192.0.2.1:1\n    key: short\n",
     "a.yaml:4: collectors[0].key: not a public key (40 characters of Z85, see "
     "`nxclear-collector pubkey`)"},
    {"key: k\ncollectors:\n  - endpoint: tcp://192.0.2.1:1\n",
     "a.yaml:3: collectors[0]: key \"key\" is missing"},
};

static void test_broken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct nx_agent_conf *conf = NULL;
        char why[NX_CONF_WHY_MAX];
        assert_int_equal(parse(broken[i].text, &conf, why), NX_ECONFIG);
        assert_string_equal(why, broken[i].why);
        assert_null(conf);
    }
}

/* A name of 255 octets is one, of 256 is none. */
static void test_longest_name(void **state) {
    (void)state;
    char text[2048];
    char name[300] = "";
    for (int i = 0; i < 126; i++) {
        strcat(name, "a.");
    }
    strcat(name, "a");
    struct nx_agent_conf *conf = NULL;
    char why[NX_CONF_WHY_MAX];
    (void)snprintf(text, sizeof(text), "%spolicy:\n  zones: [%s]\n", HEAD,
                   name);
    assert_int_equal(parse(text, &conf, why), NX_OK);
    assert_int_equal(nx_dname_len(conf->policy.zones[0]), NX_DNAME_MAX);
    nx_agent_conf_free(&conf);
    (void)snprintf(text, sizeof(text), "%spolicy:\n  zones: [%sa]\n", HEAD,
                   name);
    assert_int_equal(parse(text, &conf, why), NX_ECONFIG);
    assert_non_null(strstr(why, "a.yaml:6: policy.zones[0]: "));
    assert_non_null(strstr(why, "is not a domain name"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_longest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
