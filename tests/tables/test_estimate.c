/* What `nxclear estimate` writes for the tables, and what it says of input
 * that is wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/replay/vector.h"

#define TOLERANCE 0.0030001 /* quantiles; times are nearer */

static json_t *VECTORS;

/* Is every part of `want` in `got`? Arrays are of equal length, but flags are
 * a subset. */
static bool fits(const json_t *want, const json_t *got) {
    const char *key = NULL;
    json_t *value = NULL;
    json_t *inner = NULL;
    size_t i = 0;
    if (json_is_number(want) && json_is_number(got)) {
        return fabs(json_number_value(want) - json_number_value(got)) <=
               TOLERANCE;
    }
    if (json_is_object(want)) {
        json_object_foreach((json_t *)(uintptr_t)want, key, inner) {
            if (!fits(inner, json_object_get(got, key))) {
                return false;
            }
        }
        return json_is_object(got);
    }
    if (json_is_array(want) && json_array_size(want) == json_array_size(got)) {
        json_array_foreach(want, i, value) {
            if (!fits(value, json_array_get(got, i))) {
                return false;
            }
        }
        return true;
    }
    return json_equal(want, got) != 0;
}

static bool flags_fit(const json_t *want, const json_t *got) {
    size_t i = 0;
    size_t k = 0;
    const json_t *flag = NULL;
    json_t *other = NULL;
    json_array_foreach(want, i, flag) {
        bool found = false;
        json_array_foreach(got, k, other) {
            found |= json_equal(flag, other) != 0;
        }
        if (!found) {
            return false;
        }
    }
    return json_is_array(got);
}

/* Those that test_vectors checks by other means. */
static bool elsewhere(const char *key) {
    static const char *const KEYS[] = {"eta_not_before", "line_agent",
                                       "line_collector", "fill_collector",
                                       "line_F",         "line_F0"};
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        if (strcmp(KEYS[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static void compare(const json_t *vector, const json_t *answer) {
    const char *id = json_string_value(json_object_get(vector, "id"));
    const char *key = NULL;
    json_t *want = NULL;
    json_object_foreach(json_object_get(vector, "expect"), key, want) {
        const json_t *got = json_object_get(answer, key);
        bool ok =
            elsewhere(key) || (strcmp(key, "flags") == 0 ? flags_fit(want, got)
                                                         : fits(want, got));
        if (!ok) {
            char *text = json_dumps(got, JSON_ENCODE_ANY);
            fail_msg("%s %s: got %s", id, key, text != NULL ? text : "none");
        }
    }
}

/* An array in, an array out, in order. */
static void test_tables(void **state) {
    struct nx_json_fault fault;
    size_t cases_n = 0;
    (void)state;
    json_t *answers = nx_vector_estimate(VECTORS, &fault);
    if (answers == NULL) {
        fail_msg("%s", fault.why);
    }
    assert_int_equal(json_array_size(answers), json_array_size(VECTORS));
    for (size_t i = 0; i < json_array_size(VECTORS); i++) {
        const json_t *vector = json_array_get(VECTORS, i);
        const json_t *answer = json_array_get(answers, i);
        if (nx_vector_is_case(vector)) {
            compare(vector, answer);
            cases_n++;
        } else {
            assert_true(json_is_null(answer));
        }
    }
    assert_true(cases_n >= 25);
    json_decref(answers);
}

static void test_one(void **state) {
    struct nx_json_fault fault;
    (void)state;
    json_t *answer = nx_vector_estimate(json_array_get(VECTORS, 0), &fault);
    assert_true(json_is_object(answer));
    compare(json_array_get(VECTORS, 0), answer);
    json_decref(answer);
}

static void says(const char *input, const char *why) {
    struct nx_json_fault fault;
    json_t *document = json_loads(input, JSON_DECODE_ANY, NULL);
    assert_non_null(document);
    assert_null(nx_vector_estimate(document, &fault));
    assert_string_equal(fault.why, why);
    json_decref(document);
}

#define OBS(o) "{\"auth\":{},\"now\":9,\"obs\":[" o "]}"
#define AUTH(a) "{\"auth\":{" a "},\"now\":9,\"obs\":[]}"

static void test_faults(void **state) {
    (void)state;
    says("3", "not an object: 3");
    says("[{}]", "[0].auth: missing");
    says("{\"auth\":{},\"obs\":[]}", "now: missing");
    says("{\"auth\":{},\"now\":1}", "obs: missing");
    says("{\"auth\":{},\"now\":\"x\",\"obs\":[]}", "now: not a number: \"x\"");
    says("{\"auth\":[],\"now\":1,\"obs\":[]}",
         "auth: not an object, but an array");
    says("{\"auth\":{},\"now\":1e300,\"obs\":[]}",
         "now: not in -1e+11..1e+11: 1e+300");
    says(AUTH("\"w_auth\":-1"), "auth.w_auth: not in 0..4294967295: -1");
    says(AUTH("\"w_auth\":1.5"), "auth.w_auth: not a whole number: 1.5");
    says(AUTH("\"apex\":\"a..b\""), "auth.apex: not a domain name: \"a..b\"");
    says(AUTH("\"expected\":[\"192.0.2.1\",7]"),
         "auth.expected[1]: not a text: 7");
    says(AUTH("\"expected\":[\"192.0.2.300\"]"),
         "auth.expected[0]: not RDATA of this type: \"192.0.2.300\"");
    says("{\"auth\":{},\"now\":9,\"obs\":[],\"profile\":{\"conv\":\"G\"}}",
         "profile.conv: not one of U, F, F0, T: \"G\"");
    says("{\"auth\":{},\"now\":9,\"obs\":[],\"type\":\"\\u001b\"}",
         "type: not a record type: \"\\027\"");
    says(OBS("7"), "obs[0]: not an object: 7");
    says(OBS("{\"rx\":1}"), "obs[0].kind: missing");
    says(OBS("{\"kind\":\"NODATA\"}"), "obs[0].rx: missing");
    says(OBS("{\"kind\":\"NODATA\",\"tx\":2,\"rx\":1}"),
         "obs[0].rx: before tx");
    says(OBS("{\"kind\":\"NODATA\",\"rx\":1},{\"kind\":\"NXDOMAIN\",\"rx\":1,"
             "\"r\":\"x\"}"),
         "obs[1].r: not a number: \"x\"");
    says(OBS("{\"kind\":\"NODATA\",\"rx\":1,\"ede\":[1,2,3,4,5]}"),
         "obs[0].ede: more than 4 elements: 5");
    says(OBS("{\"kind\":\"MISS\",\"rx\":1}"),
         "obs[0].kind: MISS, but the rest of it says NODATA");
}

static void test_many_observations(void **state) {
    struct nx_json_fault fault;
    (void)state;
    json_t *document = json_loads(AUTH("\"restored_hi\":0"), 0, NULL);
    json_t *obs = json_object_get(document, "obs");
    for (int i = 0; i < 10000; i++) { /* the newest come first */
        json_array_append_new(obs, json_pack("{s:s, s:i, s:i}", "kind", "POS",
                                             "rx", 9999 - i, "r", 1));
    }
    struct nx_in in = nx_in_root(document, &fault);
    struct nx_vector vector;
    nx_vector_read(&in, &vector);
    assert_false(fault.failed);
    assert_int_equal(vector.looks_n, NX_LOOKS_MAX);
    for (size_t i = 0; i < NX_LOOKS_MAX; i++) {
        assert_int_equal(vector.looks[i].rx_us,
                         (INT64_C(10000) - NX_LOOKS_MAX + (int64_t)i) *
                             1000000);
    }
    json_array_append_new(obs, json_object());
    assert_null(nx_vector_estimate(document, &fault));
    assert_string_equal(fault.why, "obs: more than 10000 elements: 10001");
    json_decref(document);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_tables), cmocka_unit_test(test_one),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_many_observations)};
    VECTORS =
        json_load_file(NX_SOURCE_DIR "/tests/tables/estimator.json", 0, NULL);
    if (VECTORS == NULL) {
        return 1;
    }
    int failed = cmocka_run_group_tests(TESTS, NULL, NULL);
    json_decref(VECTORS);
    return failed;
}
