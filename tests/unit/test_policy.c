#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/plan/policy.h"

static uint8_t zone[NX_DNAME_MAX];
static uint8_t inside[NX_DNAME_MAX];
static uint8_t outside[NX_DNAME_MAX];
static const uint8_t *const zones[] = {zone};
static const uint16_t types[] = {NX_TYPE_A, NX_TYPE_AAAA};
static struct nx_policy policy = {.zones = zones,
                                  .zones_n = 1,
                                  .types = types,
                                  .types_n = 2,
                                  .min_interval_ms = 500,
                                  .max_tasks = 10,
                                  .own_rate = {5000, 20},
                                  .public_rate = {1000, 5}};
static struct nx_resolver resolvers[2];

static struct nx_endpoint endpoint(const char *text) {
    struct nx_endpoint e;
    assert_int_equal(nx_endpoint_parse(text, &e), NX_OK);
    return e;
}

static int setup(void **state) {
    (void)state;
    int err = nx_dname_parse("example.com", zone);
    err |= nx_dname_parse("www.EXAMPLE.com", inside);
    err |= nx_dname_parse("www.example.net", outside);
    resolvers[0].at = endpoint("192.0.2.53");
    resolvers[0].at.layer = NX_LAYER_NETWORK;
    resolvers[1].at = endpoint("192.0.2.54/tls");
    resolvers[1].named = true;
    return err;
}

static struct nx_task good(void) {
    return (struct nx_task){.kind = NX_TASK_RESOLVER,
                            .name = inside,
                            .qtype = NX_TYPE_A,
                            .interval_ms = 500,
                            .visit_n = 16,
                            .visit_gap_ms = NX_VISIT_GAP_MAX_MS,
                            .authority_verified = true,
                            .authority_epoch = 1};
}

static enum nx_refusal check(const struct nx_task *task) {
    return nx_policy_check(&policy, resolvers, 2, task);
}

static void test_task(void **state) {
    (void)state;
    struct nx_task task = good();
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    task.name = zone;
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    task.name = outside;
    assert_int_equal(check(&task), NX_REFUSAL_ZONE);
    task = good();
    task.qtype = NX_TYPE_TXT;
    assert_int_equal(check(&task), NX_REFUSAL_TYPE);
    task = good();
    task.interval_ms = 499;
    assert_int_equal(check(&task), NX_REFUSAL_INTERVAL);
    task = good();
    task.visit_n = 17;
    assert_int_equal(check(&task), NX_REFUSAL_VISIT);
    task.visit_n = 0;
    assert_int_equal(check(&task), NX_REFUSAL_VISIT);
    task = good();
    task.visit_gap_ms++;
    assert_int_equal(check(&task), NX_REFUSAL_VISIT);
    task = good();
    task.authority_verified = false;
    assert_int_equal(check(&task), NX_REFUSAL_UNVERIFIED);
}

static void test_endpoint(void **state) {
    (void)state;
    static const struct {
        const char *at;
        enum nx_refusal refusal;
    } rows[] = {
        {"192.0.2.53", NX_REFUSAL_NONE},
        {"192.0.2.54/tls", NX_REFUSAL_NONE},
        {"192.0.2.53@54", NX_REFUSAL_RESOLVER},
        {"192.0.2.53/tcp", NX_REFUSAL_RESOLVER},
        {"127.0.0.1", NX_REFUSAL_RESOLVER},
        {"10.0.0.1", NX_REFUSAL_RESOLVER},
        {"::ffff:192.0.2.53", NX_REFUSAL_RESOLVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_task task = good();
        task.has_endpoint = true;
        task.endpoint = endpoint(rows[i].at);
        assert_int_equal(check(&task), rows[i].refusal);
    }
    /* The layer of the task does not matter, the scope does. */
    struct nx_task task = good();
    task.has_endpoint = true;
    task.endpoint = endpoint("192.0.2.53");
    task.endpoint.layer = NX_LAYER_AUTHORITY;
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    task.endpoint.scope_id = 1;
    assert_int_equal(check(&task), NX_REFUSAL_RESOLVER);
}

static void test_authority(void **state) {
    (void)state;
    struct nx_task task = good();
    task.kind = NX_TASK_AUTHORITY;
    task.authority_verified = false;
    assert_int_equal(check(&task), NX_REFUSAL_ROLE);
    policy.authority_role = true;
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    /* A server beside those that the walk finds: as it could find one. */
    task.has_endpoint = true;
    task.endpoint = endpoint("198.51.100.1");
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    task.endpoint.port = 8053;
    assert_int_equal(check(&task), NX_REFUSAL_SERVER);
    task.endpoint = endpoint("198.51.100.1@53/tls");
    assert_int_equal(check(&task), NX_REFUSAL_SERVER);
    task.has_endpoint = false;
    task.name = outside;
    assert_int_equal(check(&task), NX_REFUSAL_ZONE);
    policy.authority_role = false;
}

/* Without a list of types every RRset, but neither ANY, AXFR nor OPT. */
static void test_any_type(void **state) {
    (void)state;
    static const struct {
        uint16_t type;
        enum nx_refusal refusal;
    } rows[] = {{NX_TYPE_TXT, NX_REFUSAL_NONE}, {65280, NX_REFUSAL_NONE},
                {0, NX_REFUSAL_TYPE},           {NX_TYPE_OPT, NX_REFUSAL_TYPE},
                {252, NX_REFUSAL_TYPE},         {255, NX_REFUSAL_TYPE},
                {128, NX_REFUSAL_TYPE},         {256, NX_REFUSAL_NONE}};
    policy.types_n = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_task task = good();
        task.qtype = rows[i].type;
        assert_int_equal(check(&task), rows[i].refusal);
    }
    policy.types_n = 2;
}

static void test_no_zone_allows_nothing(void **state) {
    (void)state;
    struct nx_task task = good();
    policy.zones_n = 0;
    assert_int_equal(check(&task), NX_REFUSAL_ZONE);
    policy.zones_n = 1;
}

static void test_rates(void **state) {
    (void)state;
    static const struct {
        const char *at;
        bool private;
    } rows[] = {
        {"10.255.0.1", true},
        {"11.0.0.1", false},
        {"127.0.0.53", true},
        {"169.254.1.1", true},
        {"172.15.0.1", false},
        {"172.16.0.1", true},
        {"172.31.255.255", true},
        {"172.32.0.1", false},
        {"192.168.1.1", true},
        {"192.169.1.1", false},
        {"100.64.0.1", true},
        {"100.128.0.1", false},
        {"0.0.0.0", true},
        {"223.255.255.255", false},
        {"224.0.0.251", true},
        {"255.255.255.255", true},
        {"ff02::1", true},
        {"192.0.2.1", false},
        {"::1", true},
        {"::2", false},
        {"fd00::1", true},
        {"fe80::1", true},
        {"fec0::1", true},
        {"192.0.0.1", true},
        {"192.0.1.1", false},
        {"198.17.255.255", false},
        {"198.18.0.1", true},
        {"198.20.0.1", false},
        {"64:ff9b::10.0.0.1", true},
        {"64:ff9b::192.0.2.1", false},
        {"64:ff9b:1::192.0.2.1", true},
        {"64:ff9b:2::10.0.0.1", false},
        {"2002:a00:1::1", true},
        {"2002:c000:201::1", false},
        {"2001:db8::1", false},
        {"::ffff:10.0.0.1", true},
        {"::ffff:192.0.2.1", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_resolver r = {endpoint(rows[i].at), false};
        assert_int_equal(nx_endpoint_is_private(&r.at), rows[i].private);
        assert_ptr_equal(nx_policy_rate(&policy, &r),
                         rows[i].private ? &policy.own_rate
                                         : &policy.public_rate);
        r.named = true;
        assert_ptr_equal(nx_policy_rate(&policy, &r), &policy.own_rate);
        r.at.layer = NX_LAYER_CONTROL; /* not ours, whoever named it */
        assert_ptr_equal(nx_policy_rate(&policy, &r),
                         rows[i].private ? &policy.own_rate
                                         : &policy.public_rate);
    }
}

/* Canary names need no proof, but a zone that was given for them; RD=0 is for
 * them alone. */
static void test_canary(void **state) {
    static uint8_t canary[NX_DNAME_MAX];
    static uint8_t below[NX_DNAME_MAX];
    static const uint8_t *const canary_zones[] = {canary};
    (void)state;
    assert_int_equal(nx_dname_parse("canary.example.net", canary), NX_OK);
    assert_int_equal(nx_dname_parse("x.short.canary.example.net", below),
                     NX_OK);
    struct nx_task task = good();
    task.name = below;
    task.authority_verified = false;
    task.canary = true;
    assert_int_equal(check(&task), NX_REFUSAL_CANARY);
    policy.canary_zones = canary_zones;
    policy.canary_zones_n = 1;
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    task.rd0 = true;
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    task.name = inside; /* an incident's name is not made one by saying so */
    assert_int_equal(check(&task), NX_REFUSAL_CANARY);
    task.canary = false;
    task.authority_verified = true;
    assert_int_equal(check(&task), NX_REFUSAL_CANARY);
    task.rd0 = false;
    assert_int_equal(check(&task), NX_REFUSAL_NONE);
    task.nsid = true; /* it would be asked otherwise than stubs ask */
    assert_int_equal(check(&task), NX_REFUSAL_CANARY);
    task = good();
    task.name = below; /* and a canary zone is not one for incidents */
    assert_int_equal(check(&task), NX_REFUSAL_ZONE);
    task.canary = true;
    task.kind = NX_TASK_AUTHORITY;
    assert_int_equal(check(&task), NX_REFUSAL_CANARY);
    task = good();
    task.name = below;
    task.canary = true;
    task.has_endpoint = true;
    task.endpoint = endpoint("198.51.100.1");
    assert_int_equal(check(&task), NX_REFUSAL_RESOLVER);
    policy.canary_zones_n = 0;
}

static int check_word(const char *name, uint16_t qtype, bool chaos, bool ad) {
    uint8_t wire[NX_DNAME_MAX];
    struct nx_task task = good();
    assert_int_equal(nx_dname_parse(name, wire), NX_OK);
    task.name = wire;
    task.qtype = qtype;
    task.authority_verified = false;
    task.canary = true;
    task.chaos = chaos;
    task.ad = ad;
    return (int)check(&task);
}

/* Who are you, do you validate: only where canary names are allowed at all, and
 * nothing else that way. */
static void test_words_of_itself(void **state) {
    static const uint8_t canary[] = "\6canary\7example";
    static const uint8_t *const canary_zones[] = {canary};
    static const struct {
        const char *name;
        uint16_t qtype;
        bool chaos, ad;
        enum nx_refusal refusal;
    } rows[] = {
        {"id.server", NX_TYPE_TXT, true, false, NX_REFUSAL_NONE},
        {"hostname.bind", NX_TYPE_TXT, true, false, NX_REFUSAL_NONE},
        {".", NX_TYPE_NS, false, true, NX_REFUSAL_NONE},
        {"id.server", NX_TYPE_TXT, false, false, NX_REFUSAL_CANARY},
        {"id.server", NX_TYPE_TXT, false, true, NX_REFUSAL_CANARY},
        {"id.server", NX_TYPE_TXT, true, true, NX_REFUSAL_CANARY},
        {"id.server", NX_TYPE_A, true, false, NX_REFUSAL_CANARY},
        {"version.bind", NX_TYPE_TXT, true, false, NX_REFUSAL_CANARY},
        {"www.example.com", NX_TYPE_NS, false, true, NX_REFUSAL_CANARY},
        {"x.canary.example", NX_TYPE_A, false, true, NX_REFUSAL_CANARY},
        {".", NX_TYPE_TXT, false, true, NX_REFUSAL_CANARY},
        {".", NX_TYPE_NS, false, false, NX_REFUSAL_CANARY},
    };
    (void)state;
    assert_int_equal(check_word("id.server", NX_TYPE_TXT, true, false),
                     NX_REFUSAL_CANARY);
    policy.canary_zones = canary_zones;
    policy.canary_zones_n = 1;
    policy.types_n = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            check_word(rows[i].name, rows[i].qtype, rows[i].chaos, rows[i].ad),
            rows[i].refusal);
    }
    struct nx_task task = good(); /* nor for an incident's name */
    task.chaos = true;
    assert_int_equal(check(&task), NX_REFUSAL_CANARY);
    policy.canary_zones_n = 0;
}

static void test_replies(void **state) {
    static const uint8_t wire[] = {1, 2, 3};
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    const struct nx_answer answer = {.rcode = 3,
                                     .flags = NX_ANS_RDATA | NX_ANS_PARTIAL |
                                              NX_ANS_RA,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 1};
    const struct nx_obs obs = {
        .answer = &answer, .wire = wire, .wire_len = 3, .answer_ttl_s = 60};
    struct nx_policy own = policy;
    struct nx_answer room;
    (void)state;
    struct nx_obs sent = obs;
    nx_policy_withhold(&own, &sent, &room);
    assert_memory_equal(&sent, &obs, sizeof(obs));
    own.replies = NX_REPLIES_DATA;
    nx_policy_withhold(&own, &sent, &room);
    assert_null(sent.wire);
    assert_int_equal(sent.wire_len, 0);
    assert_ptr_equal(sent.answer, &answer);
    own.replies = NX_REPLIES_NONE;
    sent = obs;
    nx_policy_withhold(&own, &sent, &room);
    assert_int_equal(sent.wire_len, 0);
    assert_null(sent.answer->rdata);
    assert_int_equal(sent.answer->rdata_len, 0);
    assert_int_equal(sent.answer->rdata_n, 0);
    assert_int_equal(sent.answer->flags, NX_ANS_RDATA | NX_ANS_RA);
    assert_int_equal(sent.answer->rcode, 3);
    assert_int_equal(sent.answer_ttl_s, 60);
}

static void test_texts(void **state) {
    (void)state;
    for (unsigned i = 0; i < NX_REFUSAL_N; i++) {
        assert_string_not_equal(nx_refusal_text(i), "unknown reason");
    }
    assert_string_equal(nx_refusal_text(NX_REFUSAL_N), "unknown reason");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task),
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_authority),
        cmocka_unit_test(test_any_type),
        cmocka_unit_test(test_no_zone_allows_nothing),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_canary),
        cmocka_unit_test(test_words_of_itself),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
