/* Join strings as the collector keeps them, the gate of the enrolment port, and
 * what an agent makes of the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/join/joined.h"
#include "collector/enrol/door_log.h"
#include "collector/enrol/enrolment.h"
#include "collector/enrol/gate.h"

#define S INT64_C(1000000)
#define NOW (1795205946 * S)
#define KEY_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_B "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static struct nx_api_problem problem;

static struct nx_enrolment make(uint8_t fill) {
    struct nx_enrolment e = {.id = fill,
                             .network = "lyon",
                             .created_us = NOW,
                             .expires_us = NOW + 60 * S,
                             .revoked_us = NX_TIME_UNKNOWN,
                             .used_us = NX_TIME_UNKNOWN};
    uint8_t token[NX_JOIN_TOKEN_BYTES];
    memset(token, fill, sizeof token);
    nx_join_token_hash(token, e.token_hash);
    return e;
}

static void test_states(void **state) {
    struct nx_enrolment e = make(1);
    (void)state;
    assert_int_equal(nx_enrolment_state(&e, NOW), NX_ENROLMENT_OPEN);
    assert_true(nx_enrolment_admits(&e, KEY_A, NOW + 60 * S - 1));
    assert_int_equal(nx_enrolment_state(&e, NOW + 60 * S),
                     NX_ENROLMENT_EXPIRED);
    assert_false(nx_enrolment_admits(&e, KEY_A, NOW + 60 * S));
    e.revoked_us = NOW;
    assert_int_equal(nx_enrolment_state(&e, NOW), NX_ENROLMENT_REVOKED);
    assert_false(nx_enrolment_admits(&e, KEY_A, NOW));
    e.revoked_us = NX_TIME_UNKNOWN;
    e.used_us = NOW + S;
    (void)snprintf(e.used_key, sizeof e.used_key, "%s", KEY_A);
    /* Once; but whoever lost the answer may ask for it again. */
    assert_true(nx_enrolment_admits(&e, KEY_A, NOW + 2 * S));
    assert_false(nx_enrolment_admits(&e, KEY_B, NOW + 2 * S));
    assert_false(nx_enrolment_admits(&e, KEY_A, NOW + 61 * S));
}

static void test_find(void **state) {
    struct nx_enrolment list[2] = {make(1), make(2)};
    uint8_t token[NX_JOIN_TOKEN_BYTES];
    (void)state;
    memset(token, 2, sizeof token);
    assert_ptr_equal(nx_enrolment_find(list, 2, token), &list[1]);
    token[15] ^= 1;
    assert_null(nx_enrolment_find(list, 2, token));
    assert_null(nx_enrolment_find(NULL, 0, token));
}

static void test_request(void **state) {
    static const char *const bad[][2] = {
        {"{}", "network: missing"},
        {"{\"network\":\"a b\"}", "network: must be"},
        {"{\"network\":\"a\",\"role\":\"boss\"}", "role: must be"},
        {"{\"network\":\"a\",\"expires_s\":0}", "expires_s: must be"},
        {"{\"network\":\"a\",\"token\":1}", "token: unknown member"},
    };
    static const char good[] = "{\"network\":\"hq\",\"name\":\"hq-1\","
                               "\"role\":\"authority\",\"expires_s\":60}";
    struct nx_api_enrolment asked;
    uint32_t id = 7;
    (void)state;
    assert_int_equal(nx_api_enrolment(good, sizeof good - 1, &asked, &problem),
                     0);
    assert_string_equal(asked.network, "hq");
    assert_string_equal(asked.name, "hq-1");
    assert_true(asked.authority);
    assert_int_equal(asked.lasts_us, 60 * S);
    assert_int_equal(
        nx_api_enrolment("{\"network\":\"hq\"}", 16, &asked, &problem), 0);
    assert_int_equal(asked.lasts_us, 3600 * S);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            nx_api_enrolment(bad[i][0], strlen(bad[i][0]), &asked, &problem),
            NX_EDENIED);
        assert_memory_equal(problem.detail, bad[i][1], strlen(bad[i][1]));
    }
    assert_int_equal(nx_api_enrolment_revoke("{\"id\":3}", 8, &id, &problem),
                     0);
    assert_int_equal(id, 3);
    assert_int_equal(
        nx_api_enrolment_revoke("{\"id\":\"3\"}", 10, &id, &problem),
        NX_EDENIED);
}

static void test_json(void **state) {
    struct nx_enrolment e = make(3);
    const struct nx_door_entry entry = {.at_us = NOW,
                                        .who = "token ops",
                                        .action = "agent revoked",
                                        .subject = "lyon-1",
                                        .key = KEY_A,
                                        .detail = ""};
    (void)state;
    json_t *json = nx_enrolment_json(&e, NOW);
    assert_string_equal(json_string_value(json_object_get(json, "state")),
                        "open");
    assert_null(json_object_get(json, "token_hash"));
    json_decref(json);
    json = nx_door_entry_json(&entry);
    assert_string_equal(json_string_value(json_object_get(json, "who")),
                        "token ops");
    assert_true(json_is_null(json_object_get(json, "detail")));
    json_decref(json);
}

/* --- the gate --- */

static void test_gate(void **state) {
    static struct nx_gate gate;
    char address[64];
    unsigned passed_n = 0;
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        passed_n += nx_gate_pass(&gate, "192.0.2.1", NOW) ? 1 : 0;
    }
    assert_int_equal(passed_n, NX_GATE_SOURCE_BURST);
    assert_int_equal(gate.refused_n, 100 - NX_GATE_SOURCE_BURST);
    assert_true(nx_gate_pass(&gate, "192.0.2.2", NOW)); /* another one */
    assert_true(nx_gate_pass(&gate, "192.0.2.1", NOW + 60 * S));
    /* An IPv6 /64 is one source, whatever it calls itself. */
    passed_n = 0;
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(address, sizeof address, "2001:db8::%x", i + 1);
        passed_n += nx_gate_pass(&gate, address, NOW + 100 * S) ? 1 : 0;
    }
    assert_int_equal(passed_n, NX_GATE_SOURCE_BURST);
    /* However many sources there are, there is a limit for all of them. */
    passed_n = 0;
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(address, sizeof address, "198.51.%u.%u", i / 250,
                       i % 250);
        passed_n += nx_gate_pass(&gate, address, NOW + 1000 * S) ? 1 : 0;
    }
    assert_int_equal(passed_n, NX_GATE_ALL_BURST);
}

/* --- the agent's side --- */

static struct nx_join_reply answer(void) {
    struct nx_join_reply reply = {.verdict = NX_JOIN_ACCEPTED,
                                  .network = "lyon-office",
                                  .name = "lyon-office-2",
                                  .addresses_n = 2,
                                  .keys_n = 1};
    assert_int_equal(nx_z85_key_parse(KEY_A, reply.keys[0]), NX_OK);
    assert_int_equal(nx_endpoint_parse("192.0.2.1@5530", &reply.addresses[0]),
                     NX_OK);
    assert_int_equal(
        nx_endpoint_parse("[2001:db8::1]@5530", &reply.addresses[1]), NX_OK);
    return reply;
}

/* What is written is what the agent reads. */
static void test_conf(void **state) {
    struct nx_join_reply reply = answer();
    struct nx_agent_conf *conf = NULL;
    char why[NX_CONF_WHY_MAX] = "";
    struct nx_text text;
    (void)state;
    reply.authority = true;
    nx_text_init(&text);
    nx_joined_conf(&reply, "agent.key", &text);
    assert_int_equal(nx_agent_conf_parse("x.yaml", (uint8_t *)text.bytes,
                                         text.len, &conf, why, sizeof why),
                     NX_OK);
    assert_string_equal(conf->key, "agent.key");
    assert_string_equal(conf->network, "lyon-office");
    assert_true(conf->policy.authority_role);
    assert_int_equal(conf->collectors_n, 2);
    assert_string_equal(conf->collectors[0].endpoint, "tcp://192.0.2.1:5530");
    assert_string_equal(conf->collectors[1].endpoint,
                        "tcp://[2001:db8::1]:5530");
    assert_string_equal(conf->collectors[1].key, KEY_A);
    assert_true(nx_joined_known(&reply, conf));
    reply.keys[0][0] ^= 1;
    assert_false(nx_joined_known(&reply, conf));
    nx_agent_conf_free(&conf);
    nx_text_fini(&text);
}

static void test_odd_answers(void **state) {
    struct nx_join_reply reply = answer();
    (void)state;
    assert_int_equal(nx_joined_check(&reply), NX_OK);
    (void)snprintf(reply.network, sizeof reply.network, "x\nkey: y");
    assert_int_equal(nx_joined_check(&reply), NX_EMALFORMED);
    reply = answer();
    reply.keys_n = 0;
    assert_int_equal(nx_joined_check(&reply), NX_EMALFORMED);
    reply = answer();
    reply.addresses_n = 0;
    assert_int_equal(nx_joined_check(&reply), NX_EMALFORMED);
    reply = answer();
    reply.name[0] = '\0';
    assert_int_equal(nx_joined_check(&reply), NX_EMALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),      cmocka_unit_test(test_find),
        cmocka_unit_test(test_request),     cmocka_unit_test(test_json),
        cmocka_unit_test(test_gate),        cmocka_unit_test(test_conf),
        cmocka_unit_test(test_odd_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
