/* Tokens, and who may do what at the API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/access.h"
#include "common/base32.h"

#define NOW INT64_C(1795205946000000)

static struct nx_api_problem problem;

/* RFC 4648 section 10, in small letters. */
static void test_base32(void **state) {
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "my"},
                                          {"fo", "mzxq"},
                                          {"foo", "mzxw6"},
                                          {"foob", "mzxw6yq"},
                                          {"fooba", "mzxw6ytb"},
                                          {"foobar", "mzxw6ytboi"}};
    static const char *const bad[] = {"m",   "mz1q", "mzx",   "mzxw6y",
                                      "mz=", "mz",   "mzxw7", "m\xffxq"};
    char text[32];
    uint8_t bytes[16];
    size_t len = 99;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *raw = rows[i][0];
        size_t n = strlen(raw);
        assert_string_equal(nx_base32_text((const uint8_t *)raw, n, text),
                            rows[i][1]);
        assert_int_equal(strlen(text), NX_BASE32_LEN(n));
        assert_int_equal(
            nx_base32_parse(text, strlen(text), bytes, sizeof bytes, &len), 0);
        assert_int_equal(len, n);
        assert_memory_equal(bytes, raw, n);
    }
    assert_int_equal(nx_base32_parse("MZXW6YTB", 8, bytes, 5, &len), 0);
    assert_int_equal(nx_base32_parse("MZXW6YTB", 8, bytes, 4, &len), NX_ELIMIT);
    len = 99;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            nx_base32_parse(bad[i], strlen(bad[i]), bytes, sizeof bytes, &len),
            NX_EMALFORMED);
        assert_int_equal(len, 99);
    }
}

/* --- tokens --- */

static struct nx_token make(const char *name, uint8_t fill, char *text) {
    struct nx_token token = {.id = fill,
                             .scope = NX_SCOPE_READ,
                             .created_us = NOW,
                             .expires_us = NX_TIME_UNKNOWN,
                             .revoked_us = NX_TIME_UNKNOWN};
    uint8_t secret[NX_TOKEN_SECRET_BYTES];
    memset(secret, fill, sizeof secret);
    nx_token_text(secret, text);
    assert_int_equal(strlen(text), NX_TOKEN_TEXT_LEN);
    nx_token_hash(text, NX_TOKEN_TEXT_LEN, token.hash);
    (void)snprintf(token.name, sizeof token.name, "%s", name);
    return token;
}

static void test_token(void **state) {
    char text[3][NX_TOKEN_TEXT_LEN + 1];
    struct nx_token list[3];
    struct nx_grant grant = {.token_id = 77};
    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        list[i] = make("x", (uint8_t)(i + 1), text[i]);
    }
    list[0].scope = NX_SCOPE_ADMIN;
    list[1].expires_us = NOW + 10;
    list[2].revoked_us = NOW;
    assert_int_equal(nx_token_grant(list, 3, text[2], NOW, &grant), NX_EDENIED);
    assert_int_equal(nx_token_grant(list, 3, text[1], NOW + 10, &grant),
                     NX_EDENIED);
    assert_int_equal(nx_token_grant(list, 3, "", NOW, &grant), NX_EDENIED);
    assert_int_equal(nx_token_grant(list, 0, text[0], NOW, &grant), NX_EDENIED);
    text[2][35] ^= 1;
    assert_int_equal(nx_token_grant(list, 3, text[2], NOW, &grant), NX_EDENIED);
    assert_int_equal(grant.token_id, 77); /* untouched */
    assert_int_equal(nx_token_grant(list, 3, text[1], NOW + 9, &grant), 0);
    assert_int_equal(grant.scope, NX_SCOPE_READ);
    assert_int_equal(grant.token_id, 2);
    assert_int_equal(nx_token_grant(list, 3, text[0], NOW, &grant), 0);
    assert_int_equal(grant.scope, NX_SCOPE_ADMIN);
    assert_string_equal(grant.who, "token x");
}

static void test_bearer(void **state) {
    static const char *const bad[] = {"",        "Bearer",      "Bearer ",
                                      "Basic x", "Bearerx nxt", "nxt_x"};
    (void)state;
    assert_string_equal(nx_access_bearer("Bearer nxt_x"), "nxt_x");
    assert_string_equal(nx_access_bearer("bEARER   nxt_x"), "nxt_x");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(nx_access_bearer(bad[i]));
    }
}

/* --- who may do what --- */

static void test_check(void **state) {
    enum { NOBODY, READER, LYON, ADMIN, N };
    static const struct nx_grant grants[N] = {
        [READER] = {.scope = NX_SCOPE_READ},
        [LYON] = {.scope = NX_SCOPE_READ,
                  .sight = {.networks = {"lyon"}, .networks_n = 1}},
        [ADMIN] = {.scope = NX_SCOPE_ADMIN}};
    static const struct {
        const char *path;
        bool post;
        unsigned status[N]; /* 0: allowed */
    } rows[] = {
        {"/healthz", false, {0, 0, 0, 0}},
        {"/metrics", false, {401, 0, 403, 0}},
        {"/v1/incidents", false, {401, 0, 0, 0}},
        {"/v1/incidents", true, {401, 403, 403, 0}},
        {"/v1/incidents/7", false, {401, 0, 0, 0}},
        {"/v1/incidents/7/status", false, {401, 0, 0, 0}},
        {"/v1/incidents/7/events", false, {401, 0, 0, 0}},
        {"/v1/incidents/7/networks/lyon", false, {401, 0, 0, 0}},
        {"/v1/incidents/7/networks/oslo", false, {401, 0, 403, 0}},
        {"/v1/incidents/7/recording", false, {401, 0, 403, 0}},
        {"/v1/incidents/7/close", true, {401, 403, 403, 0}},
        {"/v1/agents", false, {401, 0, 0, 0}},
        {"/v1/agents/accept", true, {401, 403, 403, 0}},
        {"/v1/agents/revoke", true, {401, 403, 403, 0}},
        {"/v1/networks", false, {401, 0, 0, 0}},
        {"/v1/resolvers", false, {401, 0, 0, 0}},
        {"/v1/resolvers/measure", true, {401, 403, 403, 0}},
        {"/v1/agents/log", false, {401, 0, 403, 0}},
        {"/v1/agents/quarantine", true, {401, 403, 403, 0}},
        {"/v1/enrolments", false, {401, 403, 403, 0}},
        {"/v1/enrolments", true, {401, 403, 403, 0}},
        {"/v1/enrolments/revoke", true, {401, 403, 403, 0}},
        {"/v1/tokens", false, {401, 403, 403, 0}},
        {"/v1/tokens", true, {401, 403, 403, 0}},
        {"/v1/tokens/revoke", true, {401, 403, 403, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nx_api_request request;
        assert_int_equal(nx_api_route(rows[i].post ? NX_API_POST : NX_API_GET,
                                      rows[i].path, &request, &problem),
                         0);
        for (int who = 0; who < N; who++) {
            int err = nx_access_check(
                &request, who == NOBODY ? NULL : &grants[who], &problem);
            unsigned status = err == 0 ? 0 : problem.status;
            if (status != rows[i].status[who]) {
                print_error("%s: %d\n", rows[i].path, who);
            }
            assert_int_equal(status, rows[i].status[who]);
        }
    }
}

/* --- requests about tokens --- */

static int parse(const char *body, struct nx_api_token *out) {
    return nx_api_token(body, strlen(body), out, &problem);
}

static void test_request(void **state) {
    static const char *const bad[][2] = {
        {"{\"scope\":\"read\"}", "name: missing"},
        {"{\"name\":\"a b\",\"scope\":\"read\"}", "name: must be"},
        {"{\"name\":\"a\"}", "scope: missing"},
        {"{\"name\":\"a\",\"scope\":\"write\"}", "scope: must be read or"},
        {"{\"name\":\"a\",\"scope\":\"read\",\"networks\":[]}", "networks:"},
        {"{\"name\":\"a\",\"scope\":\"read\",\"networks\":[1]}",
         "networks[0]: not a network"},
        {"{\"name\":\"a\",\"scope\":\"read\",\"networks\":[\"a b\"]}",
         "networks[0]: not a network's name: a b"},
        {"{\"name\":\"a\",\"scope\":\"admin\",\"networks\":[\"a\"]}",
         "networks: only with scope read"},
        {"{\"name\":\"a\",\"scope\":\"read\",\"expires_s\":0}", "expires_s:"},
        {"{\"name\":\"a\",\"scope\":\"read\",\"expires_s\":1.5}", "expires_s:"},
        {"{\"name\":\"a\",\"scope\":\"read\",\"expires_s\":999999999}",
         "expires_s:"},
        {"{\"name\":\"a\",\"scope\":\"read\",\"x\":0}", "x: unknown member"},
    };
    struct nx_api_token token = {.lasts_us = 0};
    (void)state;
    assert_int_equal(parse("{\"name\":\"grafana\",\"scope\":\"read\","
                           "\"networks\":[\"lyon\",\"oslo\"],"
                           "\"expires_s\":3600}",
                           &token),
                     0);
    assert_string_equal(token.name, "grafana");
    assert_int_equal(token.scope, NX_SCOPE_READ);
    assert_int_equal(token.sight.networks_n, 2);
    assert_true(nx_sight_covers(&token.sight, "oslo"));
    assert_false(nx_sight_covers(&token.sight, "osl"));
    assert_int_equal(token.lasts_us, INT64_C(3600000000));
    assert_int_equal(parse("{\"name\":\"a\",\"scope\":\"admin\"}", &token), 0);
    assert_int_equal(token.scope, NX_SCOPE_ADMIN);
    assert_int_equal(token.lasts_us, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i][0], &token), NX_EDENIED);
        if (strncmp(problem.detail, bad[i][1], strlen(bad[i][1])) != 0) {
            print_error("%s: %s\n", bad[i][0], problem.detail);
        }
        assert_memory_equal(problem.detail, bad[i][1], strlen(bad[i][1]));
    }
}

static void test_json(void **state) {
    char text[NX_TOKEN_TEXT_LEN + 1];
    struct nx_token token = make("grafana", 9, text);
    (void)state;
    json_t *json = nx_token_json(&token, NOW);
    assert_string_equal(json_string_value(json_object_get(json, "state")),
                        "valid");
    assert_true(json_is_null(json_object_get(json, "expires")));
    char *shown = json_dumps(json, 0);
    assert_null(strstr(shown, text)); /* nor its hash */
    assert_null(strstr(shown, "hash"));
    free(shown);
    json_decref(json);
    token.expires_us = NOW;
    json = nx_token_json(&token, NOW);
    assert_string_equal(json_string_value(json_object_get(json, "state")),
                        "expired");
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base32),  cmocka_unit_test(test_token),
        cmocka_unit_test(test_bearer),  cmocka_unit_test(test_check),
        cmocka_unit_test(test_request), cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
