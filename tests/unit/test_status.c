#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/status/status_resolvers.h"
#include "collector/status/status_text.h"
#include "tests/lib/status_bench.h"

static void check_outlook(struct engine_bench *b, int64_t now_us,
                          const char *want) {
    json_t *document = status(b, now_us);
    assert_string_equal(text_at(document, "outlook"), want);
    json_decref(document);
}

/* --- outlook --- */

static void test_outlook_without_anything(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    check_outlook(b, T0, "unknown");
}

static void test_outlook_not_restored(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    tick(b, T0 + S);
    check_outlook(b, T0 + S, "stuck");
}

/* What the servers did when the authority agent was last heard is no proof. */
static void test_outlook_silent_audit(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    int64_t now_us = T0 + 2 * S + b->settings.diagnosis.silent_after_us;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    tick(b, now_us);
    json_t *d = status(b, now_us);
    assert_string_equal(text_at(d, "outlook"), "unknown");
    assert_string_equal(text_at(d, "authority.seen"),
                        "2027-01-15T08:00:01.002Z");
    assert_string_equal(
        json_string_value(json_array_get(
            json_object_get(json_object_get(d, "authority"), "findings"), 1)),
        "no name server heard of since 2027-01-15T08:00:01.002Z");
    json_decref(d);
}

/* How the start of the outage is known. */
static void test_outage_known(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    tick(b, T0);
    json_t *d = status(b, T0);
    assert_null(text_at(d, "authority.outage_known"));
    json_decref(d);
    audits(b, true, T0 + S);
    tick(b, T0 + S);
    d = status(b, T0 + S);
    assert_string_equal(text_at(d, "authority.outage_known"), "none");
    assert_null(text_at(d, "authority.outage_from"));
    assert_true(json_is_null(
        json_object_get(json_object_get(d, "authority"), "outage_by_fills")));
    json_decref(d);
    audits(b, false, T0 + 2 * S);
    tick(b, T0 + 2 * S);
    d = status(b, T0 + 2 * S);
    assert_string_equal(text_at(d, "authority.outage_known"), "observed");
    json_decref(d);
}

static void test_outage_assumed(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    tick(b, T0 + S);
    json_t *d = status(b, T0 + S);
    assert_string_equal(text_at(d, "authority.outage_known"), "assumed");
    assert_non_null(text_at(d, "authority.outage_from"));
    json_t *target = json_array_get(
        json_object_get(json_array_get(json_object_get(d, "networks"), 0),
                        "targets"),
        0);
    assert_string_equal(text_at(target, "reason"), "guarded");
    assert_true(json_is_null(json_object_get(target, "denied")));
    json_decref(d);
    /* Nor is the reader led to plant the denial. */
    d = nx_status_network(b->engine, 7, "lyon", T0 + S);
    target = json_array_get(json_object_get(d, "targets"), 0);
    assert_true(json_is_null(
        json_object_get(json_object_get(target, "evidence"), "dig")));
    json_decref(d);
}

static void test_outlook_settling(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, true, T0 + S);
    tick(b, T0 + S);
    check_outlook(b, T0 + 2 * S, "waiting");
}

static void hears_above(struct engine_bench *b, const uint8_t *asked,
                        uint16_t qtype, unsigned of, unsigned rcode,
                        int64_t at_us) {
    const struct nx_question question = {
        .name = asked, .qtype = qtype, .to = name_server(of)};
    const struct nx_answer answer = {.rcode = (uint16_t)rcode,
                                     .flags = NX_ANS_AA};
    batch_of(b, AUDITOR, &question, &answer, 900, at_us, NULL);
    tick(b, at_us + S / 2);
}

/* All name servers are good and all networks clear, and a server of the parent
 * denies the zone: whoever asks that one first is denied anew. */
static void test_outlook_when_the_parent_denies(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    audits(b, true, T0 + S);
    audits(b, true, T0 + 60 * S);
    clear(b, LYON, 1, T0 + 60 * S);
    clear(b, OSLO, 1, T0 + 60 * S);
    tick(b, T0 + 70 * S);
    check_outlook(b, T0 + 70 * S, "clear");
    hears_above(b, apex, NX_TYPE_DS, 9, NX_RCODE_NXDOMAIN, T0 + 71 * S);
    json_t *d = status(b, T0 + 72 * S);
    assert_string_equal(text_at(d, "outlook"), "stuck");
    assert_string_equal(text_at(d, "authority.state"), "restored");
    assert_string_equal(text_at(d, "authority.audit.0.tag"), "PARENT_DENIES");
    assert_string_equal(text_at(d, "authority.findings.0"),
                        "198.51.100.9@53 (of the parent) says that "
                        "example.com. does not exist (NXDOMAIN): resolvers are "
                        "not asked until it does not");
    json_decref(d);
    hears_above(b, apex, NX_TYPE_DS, 9, NX_RCODE_NOERROR, T0 + 73 * S);
    check_outlook(b, T0 + 74 * S, "waiting"); /* it settles */
    audits(b, true, T0 + 84 * S);
    tick(b, T0 + 88 * S);
    check_outlook(b, T0 + 88 * S, "clear");
}

/* Waiting outweighs unknown; clear needs every network. */
static void test_outlook_of_networks(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 50, T0 + S);
    tick(b, T0 + 2 * S);
    check_outlook(b, T0 + 2 * S, "waiting"); /* oslo: never seen */
    clear(b, LYON, 1, T0 + 60 * S);
    tick(b, T0 + 70 * S);
    check_outlook(b, T0 + 70 * S, "unknown");
    sees_address(b, OSLO, 1, T0 + 60 * S);
    tick(b, T0 + 70 * S);
    check_outlook(b, T0 + 70 * S, "waiting"); /* one answer is no proof */
    clear(b, OSLO, 1, T0 + 61 * S);
    tick(b, T0 + 71 * S);
    check_outlook(b, T0 + 71 * S, "clear");
}

/* A resolver for which there is no room is not asked: its network is not clear
 * by the others, until there is room. */
static void test_outlook_without_room(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 2;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 2, 0, T0);
    open_restored(b, 7, T0);
    clear(b, LYON, 1, T0 + 60 * S);
    clear(b, OSLO, 1, T0 + 60 * S);
    tick(b, T0 + 70 * S);
    json_t *d = status(b, T0 + 70 * S);
    assert_string_equal(text_at(d, "outlook"), "unknown");
    assert_string_equal(text_at(d, "networks.0.state"), "clear");
    assert_string_equal(text_at(d, "networks.1.state"), "unknown");
    assert_string_equal(text_at(d, "networks.1.reason"), "no-room");
    assert_string_equal(text_at(d, "networks.1.basis"), "no-room");
    assert_non_null(strstr(text_at(d, "networks.1.why"), "no room"));
    assert_string_equal(text_at(d, "networks.1.targets.0.state"), "clear");
    json_decref(d);
    hello(b, LYON, 0, 0, T0 + 71 * S); /* it was clear: it is dropped */
    tick(b, T0 + 90 * S);
    clear(b, OSLO, 2, T0 + 91 * S);
    tick(b, T0 + 100 * S);
    d = status(b, T0 + 100 * S);
    assert_string_equal(text_at(d, "networks.1.state"), "clear");
    json_decref(d);
}

/* ... nor is one of whose resolvers none has room. */
static void test_network_without_room(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 1;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    clear(b, LYON, 1, T0 + 60 * S);
    tick(b, T0 + 70 * S);
    json_t *d = status(b, T0 + 70 * S);
    assert_string_equal(text_at(d, "networks.1.reason"), "no-room");
    json_decref(d);
    hello(b, OSLO, 0, 0, T0 + 71 * S);
    d = status(b, T0 + 72 * S);
    assert_string_equal(text_at(d, "networks.1.reason"), "never-seen");
    json_decref(d);
}

/* A network whose agent has not said hello is not clear, nor does the forecast
 * take it for clear: without W there is none, with W that of a resolver that
 * was not asked yet. */
static void test_forecast_without_hello(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 300, T0 + S);
    tick(b, T0 + 10 * S);
    json_t *d = status(b, T0 + 10 * S);
    assert_string_equal(text_at(d, "networks.1.reason"), "never-seen");
    const json_t *summary = json_object_get(d, "summary");
    assert_true(json_is_null(json_object_get(summary, "all_clear")));
    assert_true(json_is_null(json_object_get(summary, "affected")));
    json_decref(d);
    audits(b, false, T0 + 11 * S);
    for (int64_t at_us = T0 + 12 * S; at_us <= T0 + 132 * S; at_us += 5 * S) {
        audits(b, true, at_us); /* so long that it counts as verified */
    }
    tick(b, T0 + 132 * S);
    d = status(b, T0 + 132 * S);
    summary = json_object_get(d, "summary");
    assert_non_null(text_at(summary, "all_clear.hi90"));
    assert_true(strcmp(text_at(summary, "all_clear.hi90"),
                       text_at(d, "networks.0.clears.hi90")) > 0);
    assert_true(json_number_value(json_object_get(summary, "affected")) > 0.5);
    json_decref(d);
}

static void test_outlook_policy(void **state) {
    struct engine_bench *b = *state;
    const struct nx_answer blocked = {.rcode = NX_RCODE_NXDOMAIN,
                                      .flags = NX_ANS_EDNS,
                                      .ede = {15},
                                      .ede_n = 1};
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    for (unsigned i = 0; i < 4; i++) {
        sees(b, LYON, 1, &blocked, 0, T0 + i * S);
    }
    tick(b, T0 + 4 * S);
    check_outlook(b, T0 + 4 * S, "stuck");
}

/* Silence is not all-clear (rule 3), however long it lasts. */
static void test_outlook_of_silence(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 50, T0 + S);
    tick(b, T0 + 2 * S);
    clear(b, OSLO, 1, T0 + 2 * S);
    tick(b, T0 + 10 * S);
    check_outlook(b, T0 + 10 * S, "waiting");
    tick(b, T0 + 36000 * S);
    check_outlook(b, T0 + 36000 * S, "unknown");
}

/* --- document --- */

static const char *const document_keys[] = {
    "now",      "outlook", "incident", "authority",
    "negative", "summary", "networks",
};
static const char *const authority_keys[] = {
    "state",       "verified", "verified_at",   "outage_from", "restored_lo",
    "restored_hi", "serial",   "serial_agree",  "good",        "total",
    "servers",     "findings", "verified_from",
};
static const char *const summary_keys[] = {
    "networks",    "states",     "all_clear",   "hard",   "unverified",
    "below_10pct", "below_1pct", "below_01pct", "denied", "affected",
};
static const char *const network_keys[] = {
    "network", "state",  "reason", "denied", "clears",
    "hard",    "basis",  "seen",   "since",  "presumed_clear",
    "targets", "labels", "weight",
};
static const char *const target_keys[] = {
    "agent",  "resolver", "name",       "type",           "state",
    "reason", "flags",    "denied",     "lines",          "fill",
    "clears", "hard",     "basis",      "hard_stack",     "looks",
    "seen",   "since",    "next_probe", "clear_observed", "denied_upper95",
};

#define CHECK_KEYS(value, keys)                                                \
    check_keys((value), (keys), sizeof(keys) / sizeof((keys)[0]))

static void check_keys(const json_t *value, const char *const *keys, size_t n) {
    assert_true(json_is_object(value));
    for (size_t i = 0; i < n; i++) {
        if (json_object_get(value, keys[i]) == NULL) {
            fail_msg("no %s", keys[i]);
        }
    }
}

static void test_every_key_is_there(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 2 * S);
    json_t *d = status(b, T0 + 2 * S);
    json_t *networks = json_object_get(d, "networks");
    json_t *lyon = json_array_get(networks, 0);
    json_t *targets = json_object_get(lyon, "targets");
    CHECK_KEYS(d, document_keys);
    CHECK_KEYS(json_object_get(d, "authority"), authority_keys);
    CHECK_KEYS(json_object_get(d, "summary"), summary_keys);
    assert_int_equal(json_array_size(networks), 2);
    CHECK_KEYS(lyon, network_keys);
    CHECK_KEYS(json_array_get(targets, 0), target_keys);
    assert_string_equal(text_at(d, "now"), "2027-01-15T08:00:02.000Z");
    assert_string_equal(text_at(lyon, "state"), "cached-nxdomain");
    assert_string_equal(text_at(lyon, "basis"), "countdown, 1 look");
    assert_string_equal(text_at(targets, "0.resolver"), "192.0.2.1@53");
    assert_string_equal(text_at(targets, "0.name"), "www.example.com.");
    assert_string_equal(text_at(targets, "0.type"), "A");
    assert_string_equal(text_at(networks, "1.reason"), "never-seen");
    assert_true(
        json_is_null(json_object_get(json_array_get(networks, 1), "clears")));
    json_decref(d);
}

static void test_authority_object(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    json_t *d = status(b, T0);
    assert_string_equal(text_at(d, "authority.state"), "unobserved");
    json_decref(d);
    audits(b, false, T0 + S);
    tick(b, T0 + S);
    d = status(b, T0 + S);
    json_t *authority = json_object_get(d, "authority");
    assert_string_equal(text_at(authority, "state"), "negative");
    assert_string_equal(text_at(authority, "servers.0.address"),
                        "198.51.100.1@53");
    assert_string_equal(text_at(authority, "servers.0.rcode"), "NXDOMAIN");
    assert_string_equal(text_at(authority, "findings.0"),
                        "198.51.100.1@53 denies the name (NXDOMAIN), serial 1");
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(d, "negative"), "ttl_s")),
                     900);
    json_decref(d);
    audits(b, true, T0 + 6 * S);
    tick(b, T0 + 6 * S);
    d = status(b, T0 + 6 * S);
    authority = json_object_get(d, "authority");
    assert_string_equal(text_at(authority, "state"), "restored");
    assert_int_equal(json_integer_value(json_object_get(authority, "good")), 1);
    assert_int_equal(json_array_size(json_object_get(authority, "findings")),
                     0);
    json_decref(d);
}

/* Name servers 1 to 3, the last one by IPv6. */
static void audits_three(struct engine_bench *b, const struct nx_answer *answer,
                         unsigned asked, int64_t at_us) {
    struct nx_endpoint at[3] = {name_server(1), name_server(2), name_server(3)};
    at[2].address_len = 16;
    const struct nx_delegation d = {.name = www,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = at,
                                    .servers_n = 3,
                                    .at_mono_us = at_us + THETA - 1};
    const struct nx_question q = {
        .name = www, .qtype = NX_TYPE_A, .to = at[asked - 1]};
    batch_of(b, AUDITOR, &q, answer, 900, at_us, &d);
}

/* Of another zone, by IPv6. */
static void reaches(struct engine_bench *b, int64_t at_us) {
    static const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA};
    struct nx_endpoint at = name_server(9);
    at.address_len = 16;
    const struct nx_question q = {
        .name = apex, .qtype = NX_TYPE_DS, .flags = NX_Q_DO, .to = at};
    batch_of(b, AUDITOR, &q, &yes, 900, at_us, NULL);
}

/* A dead one is told though the guard waits for it still; an auditor without
 * IPv6 is no fault of the servers; one with it is none of those. */
static void test_servers_without_an_answer(void **state) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    static const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                         .rdata = rdata,
                                         .rdata_len = sizeof(rdata),
                                         .rdata_n = 1};
    static const struct nx_answer lost = {.outcome = NX_TIMEOUT};
    static const struct nx_answer no_way = {.outcome = NX_UNREACHABLE};
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    b->settings.settle_us = 60 * S;
    assert_int_equal(bench_renew(b), 0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    for (int64_t t = T0 + S; t < T0 + 31 * S; t += 5 * S) {
        audits_three(b, &yes, 1, t);
        audits_three(b, &lost, 2, t + S);
        audits_three(b, &no_way, 3, t + 2 * S);
        tick(b, t + 2 * S);
    }
    json_t *d = status(b, T0 + 31 * S);
    json_t *authority = json_object_get(d, "authority");
    assert_string_equal(text_at(authority, "servers.1.state"), "pending");
    assert_int_equal(json_array_size(json_object_get(authority, "audit")), 2);
    assert_string_equal(text_at(authority, "audit.0.tag"), "NS_SILENT");
    assert_string_equal(text_at(authority, "audit.0.server"),
                        "198.51.100.2@53");
    assert_string_equal(text_at(authority, "audit.0.detail"),
                        "198.51.100.2@53 gives no answer of use (timeout), "
                        "last asked 2027-01-15T08:00:27.002Z");
    assert_string_equal(text_at(authority, "audit.1.tag"), "AUDITOR_NO_WAY");
    assert_string_equal(text_at(authority, "audit.1.severity"), "note");
    assert_string_equal(text_at(authority, "audit.1.detail"),
                        "no agent in the role authority has a way by IPv6: 1 "
                        "address of name servers not audited");
    json_decref(d);
    reaches(b, T0 + 31 * S);
    d = status(b, T0 + 31 * S);
    authority = json_object_get(d, "authority");
    assert_int_equal(json_array_size(json_object_get(authority, "audit")), 2);
    assert_string_equal(text_at(authority, "audit.1.tag"), "NS_SILENT");
    assert_string_equal(text_at(authority, "audit.1.severity"), "error");
    assert_non_null(
        strstr(text_at(authority, "audit.1.detail"),
               " gives no answer of use (unreachable), last asked "));
    json_decref(d);
}

/* The first server's SOA is the new one's already. */
static void test_negative_of_all_servers(void **state) {
    struct engine_bench *b = *state;
    struct nx_answer no = {.rcode = NX_RCODE_NXDOMAIN,
                           .flags = NX_ANS_SOA | NX_ANS_AA,
                           .soa_owner = apex,
                           .soa_serial = 1,
                           .soa_minimum_s = 60};
    struct nx_incident i = incident(7, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits_three(b, &no, 1, T0 + S); /* sent whole: 900 */
    no.soa_minimum_s = 600;
    audits_three(b, &no, 2, T0 + 2 * S);
    tick(b, T0 + 3 * S);
    json_t *d = status(b, T0 + 3 * S);
    json_t *negative = json_object_get(d, "negative");
    static const struct {
        const char *key;
        int s;
    } wanted[] = {{"ttl_s", 600},
                  {"soa_ttl_s", 900},
                  {"minimum_s", 600},
                  {"sent_s", 900}};
    for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
        assert_int_equal(
            json_integer_value(json_object_get(negative, wanted[k].key)),
            wanted[k].s);
    }
    assert_true(json_is_null(json_object_get(negative, "nsec_s")));
    json_decref(d);
}

/* One of four name servers has an old copy of the zone that the name is an
 * alias into. The own question of a resolver would plant what the real one
 * denies. */
static void test_alias_followed_out_of_the_zone(void **state) {
    static const uint8_t elsewhere[] = "\3web\7example\3net";
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    static const struct nx_answer alias = {
        .flags = NX_ANS_AA, .cname_n = 1, .denied_name = elsewhere};
    static const struct nx_answer copy = {.flags = NX_ANS_AA | NX_ANS_RDATA,
                                          .cname_n = 1,
                                          .denied_name = elsewhere,
                                          .rdata = rdata,
                                          .rdata_len = sizeof(rdata),
                                          .rdata_n = 1};
    struct engine_bench *b = *state;
    const struct nx_incident in = incident(7, T0);
    struct nx_endpoint at[4];
    for (unsigned i = 0; i < 4; i++) {
        at[i] = name_server(i + 1);
    }
    assert_int_equal(nx_engine_incident_open(b->engine, &in), 0);
    hello(b, LYON, 1, 0, T0);
    for (unsigned i = 0; i < 48; i++) {
        int64_t t = T0 + S + i * S;
        const struct nx_delegation deleg = {.name = www,
                                            .apex = apex,
                                            .ns_ttl_s = 60,
                                            .servers = at,
                                            .servers_n = 4,
                                            .at_mono_us = t + THETA - 1};
        const struct nx_question q = {
            .name = www, .qtype = NX_TYPE_A, .to = at[i % 4]};
        batch_of(b, AUDITOR, &q, i % 4 == 0 ? &copy : &alias, 900, t, &deleg);
        tick(b, t + 10000);
        if (i == 0) { /* told at once, not when it is set aside */
            json_t *d = status(b, t + 10000);
            assert_string_equal(text_at(d, "authority.findings.0"),
                                "198.51.100.1@53 has an alias out of its zone, "
                                "whose target is not audited: open the "
                                "incident for the target, or give --restored");
            assert_string_equal(text_at(d, "authority.audit.0.tag"),
                                "ALIAS_OUT_OF_ZONE");
            json_decref(d);
        }
    }
    for (int64_t t = T0 + 60 * S; t < T0 + 180 * S; t += 10 * S) {
        tick(b, t);
    }
    json_t *d = status(b, T0 + 180 * S);
    assert_string_not_equal(text_at(d, "authority.state"), "restored");
    json_decref(d);
    assert_int_equal(plan_of(b, LYON, T0 + 180 * S)->tasks_n, 0);
}

static void test_declared_is_said(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    tick(b, T0);
    json_t *d = status(b, T0);
    assert_string_equal(text_at(d, "authority.state"), "restored");
    assert_string_equal(text_at(d, "authority.findings.0"),
                        "restoration declared by the operator, not observed");
    assert_string_equal(text_at(d, "authority.restored_hi"),
                        "2027-01-15T07:59:00.000Z");
    assert_string_equal(text_at(d, "incident.restored"),
                        "2027-01-15T07:59:00.000Z");
    json_decref(d);
}

/* Two agents in two networks that see one entry: one group. */
static void test_same_cache_is_counted_once(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 2 * S);
    json_t *alone = status(b, T0 + 3 * S);
    sees_nxdomain(b, OSLO, 1, 600, T0 + S + 1000);
    tick(b, T0 + 3 * S);
    json_t *both = status(b, T0 + 3 * S);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(both, "summary"), "unverified")),
                     0);
    assert_string_equal(text_at(both, "summary.all_clear.hi90"),
                        text_at(both, "networks.0.clears.hi90"));
    json_decref(alone);
    json_decref(both);
}

/* Filled in the same second, but of other addresses, and nothing says that one
 * cache is behind both: the later of two is later than each. */
static void test_caches_filled_at_once(void **state) {
    struct engine_bench *b = *state;
    const struct nx_endpoint other = resolver(2);
    const struct nx_hello h = {.software = "bench",
                               .clock = clock_at(T0),
                               .resolvers = &other,
                               .resolvers_n = 1};
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_hello(b->engine, OSLO, &h, T0), 0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    sees_nxdomain(b, OSLO, 2, 600, T0 + S + 1000);
    tick(b, T0 + 3 * S);
    json_t *d = status(b, T0 + 3 * S);
    assert_string_equal(text_at(d, "networks.1.state"), "cached-nxdomain");
    assert_true(strcmp(text_at(d, "summary.all_clear.hi90"),
                       text_at(d, "networks.0.clears.hi90")) > 0);
    json_decref(d);
}

static void test_what_is_not_there(void **state) {
    struct engine_bench *b = *state;
    assert_null(nx_status_incident(b->engine, 7, T0));
    open_restored(b, 7, T0);
    assert_null(nx_status_network(b->engine, 7, "paris", T0));
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0);
    assert_string_equal(text_at(lyon, "network"), "lyon");
    json_decref(lyon);
}

/* One resolver denies, one is good for every item: that one may be used. */
static void test_evidence(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 2, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0);
    audits(b, true, T0 + S);
    for (unsigned i = 0; i < 4; i++) {
        sees_nxdomain(b, LYON, 1, 400 - i, T0 + (int64_t)(i + 1) * S);
    }
    for (unsigned i = 0; i < 59; i++) {
        sees_address(b, LYON, 2, T0 + 2 * S + i);
    }
    tick(b, T0 + 12 * S); /* the servers have settled */
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0 + 12 * S);
    assert_string_equal(text_at(lyon, "incident.name"), "www.example.com.");
    assert_int_equal(json_array_size(json_object_get(lyon, "meanwhile")), 1);
    assert_string_equal(text_at(lyon, "meanwhile.0.resolver"), "192.0.2.2@53");
    assert_string_equal(text_at(lyon, "authority_dig.0"),
                        "dig @198.51.100.1 www.example.com. A +norecurse "
                        "+nsid");
    assert_string_equal(text_at(lyon, "targets.0.evidence.dig"),
                        "dig @192.0.2.1 www.example.com. A +nsid");
    assert_string_equal(text_at(lyon, "targets.0.evidence.remarks.0"),
                        "4 looks agree on one cached entry");
    assert_string_equal(text_at(lyon, "targets.1.evidence.remarks.0"),
                        "no negative in 59 tries: at most 5 % of queries are "
                        "still denied (95 % confidence)");
    assert_string_equal(text_at(lyon, "targets.0.evidence.looks.3.answer"),
                        "NXDOMAIN");
    assert_string_equal(text_at(lyon, "targets.0.evidence.looks.3.ends"),
                        "2027-01-15T08:06:41.002Z");
    assert_string_equal(text_at(lyon, "targets.0.evidence.profile.soa_clock"),
                        "unknown");
    assert_string_equal(text_at(lyon, "targets.0.evidence.profile.rounding"),
                        "unknown");
    assert_string_equal(text_at(lyon, "targets.0.evidence.profile.rd0"),
                        "unknown");
    json_decref(lyon);
    /* The servers are not looked at any more: nobody knows what they say. */
    tick(b, T0 + 400 * S);
    lyon = nx_status_network(b->engine, 7, "lyon", T0 + 400 * S);
    assert_true(json_is_null(json_object_get(
        json_object_get(json_array_get(json_object_get(lyon, "targets"), 0),
                        "evidence"),
        "dig")));
    json_decref(lyon);
}

static void test_closed_incident(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 400, T0 + S);
    tick(b, T0 + 2 * S);
    json_t *want = status(b, T0 + 3 * S);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 3 * S), 0);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 3 * S), NX_ESTATE);
    json_t *d = status(b, T0 + 20 * S);
    assert_string_equal(text_at(d, "incident.closed"),
                        "2027-01-15T08:00:03.000Z");
    assert_string_equal(text_at(d, "outlook"), "waiting");
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0 + 20 * S);
    assert_string_equal(text_at(lyon, "now"), "2027-01-15T08:00:03.000Z");
    json_decref(lyon);
    assert_null(nx_status_network(b->engine, 7, "paris", T0));
    assert_int_equal(json_object_del(want, "incident"), 0);
    assert_int_equal(json_object_del(d, "incident"), 0);
    assert_true(json_equal(want, d));
    json_decref(want);
    json_decref(d);
    json_t *list = nx_status_incident_list(b->engine, T0 + 2 * S, NULL);
    assert_string_equal(text_at(list, "incidents.0.name"), "www.example.com.");
    assert_null(text_at(list, "incidents.0.outlook"));
    json_decref(list);
}

static json_t *kept_of(struct engine_bench *b, const char *network) {
    struct nx_sight sight = {.networks_n = 1};
    (void)snprintf(sight.networks[0], sizeof(sight.networks[0]), "%s", network);
    const struct nx_status_query query = {.sight = &sight};
    return status_where(b, &query, T0 + 20 * S);
}

/* A part of a closed incident ends as its own networks did. */
static void test_closed_in_part(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 400, T0 + S);
    clear(b, OSLO, 1, T0 + S);
    tick(b, T0 + 10 * S);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 11 * S), 0);
    json_t *d = kept_of(b, "lyon");
    assert_string_equal(text_at(d, "outlook"), "waiting");
    json_decref(d);
    d = kept_of(b, "oslo");
    assert_string_equal(text_at(d, "networks.0.network"), "oslo");
    assert_string_equal(text_at(d, "outlook"), "clear");
    json_decref(d);
    d = kept_of(b, "paris");
    assert_string_equal(text_at(d, "outlook"), "unknown");
    json_decref(d);
}

/* One story, told to a collector that ticks all the time (every_us), or that
 * looks at it at the end. */
static json_t *told(struct engine_bench *b, int64_t every_us, int64_t end_us) {
    struct nx_incident i = incident(7, T0);
    i.outage_from_us = T0 - 100 * S;
    int64_t ticked_us = T0;
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    for (int64_t at_us = T0 + S; at_us < end_us; at_us += 5 * S) {
        while (every_us > 0 && ticked_us + every_us < at_us) {
            ticked_us += every_us;
            tick(b, ticked_us);
        }
        audits(b, at_us > T0 + 10 * S, at_us);
        if (at_us > T0 + 30 * S) {
            sees_nxdomain(b, LYON, 1, (uint32_t)((T0 + 400 * S - at_us) / S),
                          at_us);
        }
    }
    tick(b, end_us);
    return status(b, end_us);
}

static void test_since_without_ticks(void **state) {
    struct engine_bench *b = *state;
    json_t *live = told(b, S / 4, T0 + 60 * S + 100);
    nx_engine_free(&b->engine);
    assert_int_equal(nx_engine_new(&b->settings, &b->engine), 0);
    add_agent(b, LYON, "lyon", false);
    add_agent(b, OSLO, "oslo", false);
    add_agent(b, AUDITOR, "audit", true);
    json_t *rebuilt = told(b, 0, T0 + 60 * S + 100);
    assert_string_equal(text_at(live, "networks.0.state"), "cached-nxdomain");
    assert_string_equal(text_at(live, "networks.0.since"),
                        text_at(rebuilt, "networks.0.since"));
    assert_string_equal(text_at(live, "networks.0.since"),
                        "2027-01-15T08:00:31.002Z");
    assert_string_equal(text_at(live, "authority.verified_at"),
                        text_at(rebuilt, "authority.verified_at"));
    assert_true(json_equal(json_object_get(live, "authority"),
                           json_object_get(rebuilt, "authority")));
    json_decref(live);
    json_decref(rebuilt);
}

/* Of very many closed incidents the newest keep their status. */
static void test_closed_incidents(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    for (uint32_t id = 1; id <= NX_ENGINE_KEPT_MAX + 1; id++) {
        open_restored(b, id, T0);
        assert_int_equal(nx_engine_incident_keep(b->engine, id, "{}"),
                         NX_ESTATE);
        assert_int_equal(nx_status_close(b->engine, id, T0 + id * S), 0);
    }
    assert_null(nx_engine_incident_kept(b->engine, 1));
    assert_non_null(nx_engine_incident_kept(b->engine, 2));
    assert_int_equal(nx_engine_incident_keep(b->engine, 999, "{}"),
                     NX_ENOTFOUND);
}

/* All of them at once. */
static json_t *networks_of(struct engine_bench *b) {
    struct nx_network_list *list = NULL;
    json_t *to = json_array();
    assert_int_equal(nx_network_list_new(b->engine, NULL, &list), 0);
    assert_int_equal(nx_network_list_some(list, b->engine, to, SIZE_MAX), 0);
    nx_network_list_free(&list);
    return to;
}

static void test_lists(void **state) {
    struct engine_bench *b = *state;
    hello(b, OSLO, 3, 0, T0);
    open_restored(b, 7, T0);
    json_t *list = nx_status_incident_list(b->engine, T0, NULL);
    assert_string_equal(text_at(list, "incidents.0.outlook"), "unknown");
    json_decref(list);
    list = networks_of(b);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_at(list, "1.network"), "oslo");
    assert_string_equal(text_at(list, "1.last_seen"),
                        "2027-01-15T08:00:00.000Z");
    assert_null(text_at(list, "0.last_seen"));
    json_decref(list);
}

static void set_agent(struct engine_bench *b, uint32_t id, const char *network,
                      bool accepted) {
    struct nx_agent agent = {.id = id, .accepted = accepted};
    (void)strcpy(agent.network, network);
    (void)strcpy(agent.name, network);
    assert_int_equal(nx_engine_agent_set(b->engine, &agent), 0);
}

/* The list is of those that there were at first, each once: one that has gone
 * since is left out, one that has come is in the next list. */
static void test_networks_in_pieces(void **state) {
    struct engine_bench *b = *state;
    struct nx_network_list *list = NULL;
    json_t *to = json_array();
    set_agent(b, 90, "porto", true);
    assert_int_equal(nx_network_list_new(b->engine, NULL, &list), 0);
    assert_int_equal(nx_network_list_some(list, b->engine, to, 1), NX_EAGAIN);
    set_agent(b, 91, "aarhus", true);
    set_agent(b, 92, "lyon", true);
    set_agent(b, OSLO, "oslo", false);
    assert_int_equal(nx_network_list_some(list, b->engine, to, 1), NX_EAGAIN);
    assert_int_equal(nx_network_list_some(list, b->engine, to, 1), 0);
    assert_int_equal(json_array_size(to), 2);
    assert_string_equal(text_at(to, "0.network"), "lyon");
    assert_string_equal(text_at(to, "1.network"), "porto");
    nx_network_list_free(&list);
    json_decref(to);
    to = networks_of(b);
    assert_string_equal(text_at(to, "0.network"), "aarhus");
    assert_string_equal(text_at(to, "2.network"), "porto");
    json_decref(to);
}

/* Those that have a cap, as of one moment, and how many more there are. */
static void test_capped_in_pieces(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_row row = {
        .network = "lyon",
        .at = {.address = {192, 0, 2, 1}, .address_len = 4, .port = 53},
        .measured_us = T0,
        .failed_us = NX_TIME_UNKNOWN};
    struct nx_resolver_list *capped = NULL;
    json_t *to = json_array();
    for (unsigned i = 0; i < 8; i++) { /* every other one has a cap */
        row.at.address[3] = (uint8_t)(8 - i);
        row.measured.nxdomain_cap_s = i % 2 == 0 ? 900 : 0;
        assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    }
    assert_int_equal(nx_resolver_list_capped(b->engine, 3, &capped), 0);
    assert_int_equal(nx_resolver_list_left_out(capped), 1);
    assert_int_equal(nx_resolver_list_some(capped, b->engine, T0, to, 2),
                     NX_EAGAIN);
    row.measured.nxdomain_cap_s = 60; /* measured anew meanwhile */
    row.at.address[3] = 4;
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    assert_int_equal(nx_resolver_list_some(capped, b->engine, T0, to, 2), 0);
    assert_int_equal(json_array_size(to), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_integer_value(json_object_get(
                             json_array_get(to, i), "nxdomain_cap_s")),
                         900);
    }
    nx_resolver_list_free(&capped);
    json_decref(to);
}

/* What became of a name that cannot be validated, as it was measured. */
static void check_bogus(struct engine_bench *b, const char *answer,
                        const char *errors, json_int_t code) {
    json_t *network = nx_status_network(b->engine, 7, "lyon", T0 + S);
    const json_t *target =
        json_array_get(json_object_get(network, "targets"), 0);
    const json_t *profile =
        json_object_get(json_object_get(target, "evidence"), "profile");
    assert_string_equal(text_at(profile, "bogus_answer"), answer);
    assert_string_equal(text_at(profile, "extended_errors"), errors);
    assert_int_equal(
        json_integer_value(json_object_get(profile, "extended_error_code")),
        code);
    json_decref(network);
}

static void test_evidence_of_a_bogus_name(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_row row = {.network = "lyon",
                              .at = resolver(1),
                              .measured_us = T0,
                              .failed_us = NX_TIME_UNKNOWN};
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0 + S);
    check_bogus(b, "unknown", "unknown", 0);
    row.measured.bogus = NX_BOGUS_FAILED;
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    check_bogus(b, "servfail", "no", 0);
    row.measured.ede_seen = row.measured.bogus_ede_seen = true;
    row.measured.bogus_ede = 9;
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    check_bogus(b, "servfail", "yes", 9);
}

/* Which sign makes it a policy's, and what the answer says itself. */
static void test_evidence_of_policy(void **state) {
    struct engine_bench *b = *state;
    const struct nx_answer blocked = {.rcode = NX_RCODE_NXDOMAIN,
                                      .flags = NX_ANS_RA | NX_ANS_EDNS,
                                      .ede = {15},
                                      .ede_n = 1};
    const char *sign = "policy: the denial says so itself";
    const char *says =
        "the answers say so themselves (RFC 8914): EDE 15 (Blocked)";
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    sees(b, LYON, 1, &blocked, 0, T0 + S);
    tick(b, T0 + 2 * S);
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0 + 2 * S);
    assert_string_equal(text_at(lyon, "state"), "policy-blocked");
    assert_string_equal(text_at(lyon, "targets.0.evidence.remarks.0"), sign);
    assert_string_equal(text_at(lyon, "targets.0.evidence.remarks.1"), says);
    assert_string_equal(text_at(lyon, "targets.0.evidence.extended_error.name"),
                        "Blocked");
    assert_string_equal(
        text_at(lyon, "targets.0.evidence.looks.0.extended_error.name"),
        "Blocked");
    const char *why = text_at(lyon, "why");
    assert_string_equal(why + strlen(why) - 16, "EDE 15 (Blocked)");
    json_decref(lyon);
}

static void check_two(struct engine_bench *b, int64_t now_us, const char *one,
                      const char *two) {
    tick(b, now_us);
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", now_us);
    assert_string_equal(text_at(lyon, "targets.0.state"), one);
    assert_string_equal(text_at(lyon, "targets.1.state"), two);
    json_decref(lyon);
}

/* Canary names were resolved beside denials without SOA: where the resolver has
 * the SOA of what it caches, and only there. */
static void test_evidence_of_a_canary(void **state) {
    struct engine_bench *b = *state;
    const struct nx_answer bare = {.rcode = NX_RCODE_NXDOMAIN,
                                   .flags = NX_ANS_RA | NX_ANS_EDNS};
    struct nx_book_row row = {.network = "lyon",
                              .at = resolver(1),
                              .measured_us = T0 + 15 * S,
                              .failed_us = NX_TIME_UNKNOWN,
                              .measured = {.soa_shown = true}};
    struct nx_incident i = incident(7, T0);
    struct nx_profile *p = &row.measured.profile;
    nx_profile_default(p);
    p->verified = true;
    p->chain_possible = false;
    p->caches = 1;
    p->soa_clock = NX_SOA_CLOCK_OWN;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    hello(b, LYON, 2, 0, T0);
    audits(b, false, T0 + S);
    audits(b, true, T0 + 2 * S);
    tick(b, T0 + 2 * S);
    for (int64_t k = 0; k < 4; k++) {
        sees(b, LYON, 1, &bare, 0, T0 + (14 + k) * S);
        sees_nxdomain(b, LYON, 2, (uint32_t)(600 - k), T0 + (14 + k) * S + 1);
    }
    check_two(b, T0 + 18 * S, "cached-nxdomain", "cached-nxdomain");
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    row.at = resolver(2);
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    check_two(b, T0 + 19 * S, "policy-blocked", "cached-nxdomain");
}

/* --- texts --- */

static void test_basis(void **state) {
    static const struct {
        struct nx_basis_of of;
        const char *text;
    } rows[] = {
        {{.basis = NX_BASIS_COUNTDOWN, .looks_n = 4, .caches_n = 1},
         "countdown, 4 looks"},
        {{.basis = NX_BASIS_COUNTDOWN, .looks_n = 9, .caches_n = 2},
         "countdown, 2 caches"},
        {{.basis = NX_BASIS_PRIOR, .looks_n = 3}, "prior"},
        {{.state = NX_STATE_UNKNOWN,
          .unknown_reason = NX_UNKNOWN_AGENT_SILENT,
          .last_look_us = T0 + 14 * 60 * S},
         "agent silent since 08:14Z"},
        {{.state = NX_STATE_UNKNOWN,
          .unknown_reason = NX_UNKNOWN_AGENT_SILENT,
          .last_look_us = NX_TIME_UNKNOWN},
         "agent silent"},
        {{.state = NX_STATE_UNKNOWN, .unknown_reason = NX_UNKNOWN_GUARDED},
         "guarded"},
    };
    char text[NX_BASIS_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(nx_basis_write(&rows[i].of, text), rows[i].text);
    }
}

/* Whatever was stored, the document is UTF-8 without control characters. */
static void test_texts_are_harmless(void **state) {
    static const char *const rows[][2] = {
        {"Malm\xc3\xb6", "Malm\xc3\xb6"},
        {"a\x1b[31m", "a\\027[31m"},
        {"\xff\xfe", "\\255\\254"},
        {"x\xc2\x9b", "x\\194\\155"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *value = nx_json_text(rows[i][0]);
        assert_non_null(value);
        assert_string_equal(json_string_value(value), rows[i][1]);
        json_decref(value);
    }
}

static void test_hostile_note(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    memcpy(i.note, "\xff\x1b<script>", 11);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    json_t *d = status(b, T0);
    assert_string_equal(text_at(d, "incident.note"), "\\255\\027<script>");
    char *dump = json_dumps(d, 0);
    assert_non_null(dump);
    free(dump);
    json_decref(d);
}

/* Its only agent was revoked while the incident is open: the network stays. */
static void test_revoked(void **state) {
    struct engine_bench *b = *state;
    struct nx_agent oslo = {
        .id = OSLO, .network = "oslo", .revoked_us = T0 + 70 * S};
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    clear(b, LYON, 1, T0 + 60 * S);
    clear(b, OSLO, 1, T0 + 60 * S);
    check_outlook(b, T0 + 65 * S, "clear");
    assert_int_equal(nx_engine_agent_set(b->engine, &oslo), 0);
    json_t *d = status(b, T0 + 71 * S);
    assert_string_equal(text_at(d, "outlook"), "unknown");
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 2);
    assert_string_equal(text_at(d, "networks.1.network"), "oslo");
    assert_string_equal(text_at(d, "networks.1.state"), "unknown");
    assert_string_equal(text_at(d, "networks.1.reason"), "agent-revoked");
    assert_string_equal(text_at(d, "networks.1.since"),
                        "2027-01-15T08:01:10.000Z");
    assert_non_null(strstr(text_at(d, "networks.1.why"), "revoked at 08:01"));
    const json_t *states =
        json_object_get(json_object_get(d, "summary"), "states");
    assert_int_equal(json_integer_value(json_object_get(states, "unknown")), 1);
    json_decref(d);
    oslo.revoked_us = T0 - S; /* before: it never counted */
    assert_int_equal(nx_engine_agent_set(b->engine, &oslo), 0);
    check_outlook(b, T0 + 72 * S, "clear");
    oslo.accepted = true;
    assert_int_equal(nx_engine_agent_set(b->engine, &oslo), 0);
    d = status(b, T0 + 73 * S);
    assert_string_not_equal(text_at(d, "networks.1.reason"), "agent-revoked");
    json_decref(d);
}

static void sees_nothing(struct engine_bench *b, uint32_t agent, unsigned r,
                         int64_t from) {
    const struct nx_answer none = {.outcome = NX_TIMEOUT};
    for (unsigned i = 0; i < 4; i++) {
        sees(b, agent, r, &none, 0, from + 2 * i * S);
    }
}

/* A second resolver that never answers: its network is not clear until all that
 * it may have kept is over, and that is said. */
static void test_dead_resolver(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    const struct nx_agent gone = {.id = OSLO, .network = "oslo"};
    assert_int_equal(nx_engine_agent_set(b->engine, &gone), 0);
    hello(b, LYON, 2, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S); /* W is 900 s */
    audits(b, true, T0 + 2 * S);
    audits(b, true, T0 + 90 * S);
    tick(b, T0 + 90 * S);
    clear(b, LYON, 1, T0 + 91 * S);
    sees_nothing(b, LYON, 2, T0 + 91 * S);
    tick(b, T0 + 100 * S);
    json_t *d = status(b, T0 + 100 * S);
    assert_string_equal(text_at(d, "outlook"), "unknown");
    assert_string_equal(text_at(d, "networks.0.state"), "unreachable");
    assert_string_equal(text_at(d, "networks.0.targets.0.state"), "clear");
    assert_non_null(strstr(text_at(d, "networks.0.why"), "ends by"));
    json_decref(d);
    /* Two layers of caches: 2 (W + 1) after the restoration. */
    int64_t over_us = T0 + (2 + 2 * 901) * S;
    for (int64_t at_us = over_us - 20 * S; at_us < over_us + 40 * S;
         at_us += 50 * S) {
        audits(b, true, at_us);
        hello(b, LYON, 2, 0, at_us);
        clear(b, LYON, 1, at_us);
        sees_nothing(b, LYON, 2, at_us);
        tick(b, at_us + 10 * S);
        check_outlook(b, at_us + 10 * S, at_us < over_us ? "unknown" : "clear");
    }
    d = status(b, over_us + 60 * S);
    assert_string_equal(text_at(d, "outlook"), "clear");
    assert_string_equal(text_at(d, "networks.0.state"), "clear");
    assert_string_equal(text_at(d, "networks.0.targets.1.state"),
                        "unreachable");
    assert_non_null(strstr(text_at(d, "networks.0.why"), "192.0.2.2"));
    assert_non_null(strstr(text_at(d, "networks.0.targets.1.why"), "ended by"));
    json_decref(d);
    /* The other one falls silent, too: nobody has answers then. */
    sees_nothing(b, LYON, 1, over_us + 61 * S);
    tick(b, over_us + 80 * S);
    check_outlook(b, over_us + 80 * S, "unknown");
    /* It is back, and denies. */
    clear(b, LYON, 1, over_us + 81 * S);
    sees_nxdomain(b, LYON, 2, 30, over_us + 85 * S);
    tick(b, over_us + 90 * S);
    d = status(b, over_us + 90 * S);
    assert_string_not_equal(text_at(d, "networks.0.state"), "clear");
    assert_string_not_equal(text_at(d, "outlook"), "clear");
    json_decref(d);
}

/* Lyon has two resolvers; the record is back and audited until this round. */
static void open_audited(struct engine_bench *b, int rounds_n) {
    struct nx_incident in = incident(7, T0);
    hello(b, LYON, 2, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &in), 0);
    audits(b, false, T0 + S);
    for (int k = 1; k < rounds_n; k++) {
        audits(b, true, T0 + S + k * 5 * S);
        tick(b, T0 + S + k * 5 * S + 1000);
    }
}

static void test_flapping_is_told(void **state) {
    struct engine_bench *b = *state;
    open_audited(b, 5);
    json_t *d = status(b, T0 + 30 * S);
    assert_string_equal(text_at(d, "authority.state"), "restored");
    char *once = json_dumps(d, 0);
    assert_null(strstr(once, "FLAPPING"));
    free(once);
    json_decref(d);
    audits(b, false, T0 + 40 * S);
    tick(b, T0 + 41 * S);
    audits(b, true, T0 + 45 * S);
    tick(b, T0 + 46 * S);
    d = status(b, T0 + 46 * S);
    assert_string_equal(text_at(d, "authority.audit.0.tag"), "FLAPPING");
    assert_non_null(
        strstr(text_at(d, "authority.findings.0"), "were bad 2 times"));
    json_decref(d);
}

/* Nor is it missed where the first name never changed. */
static void test_flapping_of_another_item(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident in = incident(7, T0);
    in.items_n = 2;
    memcpy(in.items[1].name, www, sizeof(www));
    in.items[1].qtype = NX_TYPE_AAAA;
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &in), 0);
    for (int k = 0; k <= 8; k++) {
        int64_t at_us = T0 + S + k * 5 * S;
        audits(b, true, at_us);
        audits_type(b, 1, 1, NX_TYPE_AAAA, k != 0 && k != 6, at_us + S / 10);
        tick(b, at_us + S);
    }
    json_t *d = status(b, T0 + 43 * S);
    assert_string_equal(text_at(d, "authority.audit.0.tag"), "FLAPPING");
    assert_non_null(
        strstr(text_at(d, "authority.findings.0"), "were bad 2 times"));
    json_decref(d);
}

/* A resolver that is not named for a moment takes no denial with it. */
static void test_denial_of_a_resolver_not_listed(void **state) {
    struct engine_bench *b = *state;
    open_audited(b, 30);
    for (int i = 0; i < 8; i++) {
        sees_nxdomain(b, LYON, 2, 850 - (uint32_t)i, T0 + 120 * S + i * S);
    }
    for (int i = 0; i < 60; i++) {
        sees_address(b, LYON, 1, T0 + 120 * S + i * S / 3);
    }
    hello(b, LYON, 2, 0, T0 + 141 * S);
    tick(b, T0 + 142 * S);
    check_outlook(b, T0 + 142 * S, "waiting");
    hello(b, LYON, 1, 0, T0 + 143 * S);
    tick(b, T0 + 144 * S);
    check_outlook(b, T0 + 144 * S, "unknown");
    json_t *d = nx_status_incident(b->engine, 7, T0 + 144 * S);
    assert_string_equal(text_at(d, "networks.0.reason"), "not-listed");
    assert_non_null(strstr(text_at(d, "networks.0.why"),
                           "192.0.2.2@53 is no longer listed by the agent"));
    json_decref(d);
    hello(b, LYON, 2, 0, T0 + 145 * S);
    tick(b, T0 + 146 * S);
    check_outlook(b, T0 + 146 * S, "waiting");
}

/* Nor does one that goes on to deny what no bound holds for. */
static void test_recached_resolver_not_listed(void **state) {
    struct engine_bench *b = *state;
    const int64_t late_us = T0 + 4000 * S;
    open_audited(b, 12);
    for (int i = 0; i < 8; i++) {
        sees_nxdomain(b, LYON, 2, 899 - (uint32_t)i * 10, late_us + i * 10 * S);
    }
    for (int i = 0; i < 60; i++) {
        sees_address(b, LYON, 1, late_us + 60 * S + i * S / 3);
        audits(b, true, late_us + 60 * S + i * S / 3);
    }
    hello(b, LYON, 1, 0, late_us + 81 * S);
    tick(b, late_us + 82 * S);
    json_t *d = status(b, late_us + 82 * S);
    const json_t *authority = json_object_get(d, "authority");
    assert_int_equal(
        json_integer_value(json_object_get(authority, "verified_from")), 1);
    json_decref(d);
    for (int i = 0; i < 40; i++) { /* what it has now would end: not all */
        tick(b, late_us + 1000 * S + i * S);
    }
    d = status(b, late_us + 1040 * S);
    assert_string_equal(text_at(d, "networks.0.reason"), "not-listed");
    json_decref(d);
    tick(b, late_us + 3 * 901 * S);
    tick(b, late_us + 3 * 901 * S + 40 * S);
    assert_int_equal(targets_of(b, 7, late_us + 4 * 901 * S).n, 1);
}

/* What denied again and again is not over because it refuses now. */
static void test_refuses_after_it_recached(void **state) {
    struct engine_bench *b = *state;
    open_audited(b, 12);
    const int64_t late_us = T0 + 4000 * S;
    for (int i = 0; i < 8; i++) {
        sees_nxdomain(b, LYON, 2, 899 - (uint32_t)i * 10, late_us + i * 10 * S);
    }
    tick(b, late_us + 81 * S);
    const int64_t end_us = late_us + 2800 * S;
    static const struct nx_answer refused = {.rcode = NX_RCODE_REFUSED};
    for (int i = 0; i < 60; i++) {
        sees_address(b, LYON, 1, end_us + i * S / 3);
    }
    for (int i = 0; i < 3; i++) {
        sees(b, LYON, 2, &refused, 0, end_us + 20 * S + i * S);
    }
    hello(b, LYON, 2, 0, end_us + 24 * S);
    tick(b, end_us + 25 * S);
    json_t *d = nx_status_incident(b->engine, 7, end_us + 25 * S);
    assert_string_equal(text_at(d, "networks.0.state"), "refused");
    json_decref(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_denial_of_a_resolver_not_listed),
        TEST(test_recached_resolver_not_listed),
        TEST(test_refuses_after_it_recached),
        TEST(test_outlook_without_anything),
        TEST(test_outlook_not_restored),
        TEST(test_outlook_settling),
        TEST(test_outlook_of_networks),
        TEST(test_outlook_without_room),
        TEST(test_network_without_room),
        TEST(test_outlook_when_the_parent_denies),
        TEST(test_outlook_of_silence),
        TEST(test_forecast_without_hello),
        TEST(test_outlook_policy),
        TEST(test_every_key_is_there),
        TEST(test_authority_object),
        TEST(test_servers_without_an_answer),
        TEST(test_negative_of_all_servers),
        TEST(test_alias_followed_out_of_the_zone),
        TEST(test_declared_is_said),
        TEST(test_flapping_is_told),
        TEST(test_flapping_of_another_item),
        TEST(test_same_cache_is_counted_once),
        TEST(test_caches_filled_at_once),
        TEST(test_what_is_not_there),
        TEST(test_evidence),
        TEST(test_closed_incident),
        TEST(test_closed_in_part),
        TEST(test_since_without_ticks),
        TEST(test_outlook_silent_audit),
        TEST(test_outage_known),
        TEST(test_outage_assumed),
        TEST(test_closed_incidents),
        TEST(test_lists),
        TEST(test_networks_in_pieces),
        TEST(test_capped_in_pieces),
        TEST(test_evidence_of_a_bogus_name),
        TEST(test_evidence_of_policy),
        TEST(test_evidence_of_a_canary),
        TEST(test_revoked),
        TEST(test_dead_resolver),
        cmocka_unit_test(test_basis),
        cmocka_unit_test(test_texts_are_harmless),
        TEST(test_hostile_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
