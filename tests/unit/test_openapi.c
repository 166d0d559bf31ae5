/* The description of the API and the API's own tables say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/api.h"
#include "collector/infer/family.h"
#include "collector/infer/verdict.h"
#include "collector/web/web.h"

#define ITSELF "/v1/openapi.json"
#define PATH_MAX_BYTES 128U

static int load(void **state) {
    const struct nx_web_file *file = nx_web_find(ITSELF);
    assert_non_null(file);
    assert_string_equal(file->type, "application/json");
    *state = json_loadb((const char *)file->bytes, file->len,
                        JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(*state);
    return 0;
}

static int unload(void **state) {
    json_decref(*state);
    return 0;
}

/* A path of the document as a pattern: each {name} is one asterisk. */
static void pattern_of(const char *path, char *out) {
    size_t n = 0;
    for (const char *p = path + 1; *p != '\0'; p++) {
        assert_true(n + 1 < PATH_MAX_BYTES);
        out[n++] = *p == '{' ? '*' : *p;
        p = *p == '{' ? strchr(p, '}') : p;
    }
    out[n] = '\0';
}

static const char *access_text(enum nx_access access) {
    switch (access) {
    case NX_ACCESS_ALL:
        return "all";
    case NX_ACCESS_NETWORKS:
        return "networks";
    case NX_ACCESS_ADMIN:
        return "admin";
    case NX_ACCESS_OPEN:
        return "open";
    }
    return "?";
}

static void check_operation(const json_t *item, const char *method,
                            const struct nx_api_resource *resource) {
    const json_t *operation = json_object_get(item, method);
    bool post = strcmp(method, "post") == 0;
    bool has = strstr(resource->allow, post ? "POST" : "GET") != NULL;
    if (has != (operation != NULL)) {
        fail_msg("%s: %s", resource->pattern, method);
    }
    if (has) {
        assert_string_equal(
            json_string_value(json_object_get(operation, "x-access")),
            access_text(post ? NX_ACCESS_ADMIN : resource->access));
    }
}

static void test_every_resource(void **state) {
    json_t *paths = json_object_get(*state, "paths");
    size_t found = 0;
    const char *path = NULL;
    json_t *item = NULL;
    json_object_foreach(paths, path, item) {
        char pattern[PATH_MAX_BYTES];
        size_t i = 0;
        pattern_of(path, pattern);
        while (i < nx_api_resources_n &&
               strcmp(nx_api_resources[i].pattern, pattern) != 0) {
            i++;
        }
        if (i == nx_api_resources_n) {
            assert_string_equal(path, ITSELF);
            continue;
        }
        found++;
        check_operation(item, "get", &nx_api_resources[i]);
        check_operation(item, "post", &nx_api_resources[i]);
    }
    if (found != nx_api_resources_n) {
        fail_msg("%zu resources, %zu described", nx_api_resources_n, found);
    }
}

/* Counts the words that an enumeration lists; null is none of them. */
static size_t words(const json_t *schema, const char *(*text)(unsigned),
                    unsigned first, unsigned end) {
    const json_t *list = json_object_get(schema, "enum");
    size_t n = json_array_size(list);
    for (unsigned value = first; value < end; value++) {
        bool listed = false;
        for (size_t i = 0; i < n && !listed; i++) {
            const char *word = json_string_value(json_array_get(list, i));
            listed = word != NULL && strcmp(word, text(value)) == 0;
        }
        if (!listed) {
            fail_msg("not listed: %s", text(value));
        }
    }
    return n;
}

static void test_words(void **state) {
    const json_t *schemas =
        json_object_get(json_object_get(*state, "components"), "schemas");
    assert_int_equal(
        words(json_object_get(schemas, "State"), nx_state_text, 0, NX_STATE_N_),
        NX_STATE_N_);
    assert_int_equal(
        words(json_object_get(schemas, "Flag"), nx_flag_text, 0, NX_FLAG_N_),
        NX_FLAG_N_);
    assert_int_equal(words(json_object_get(schemas, "BoundReason"),
                           nx_hard_reason_text, NX_HARD_NONE + 1,
                           NX_HARD_BOGUS_CACHE + 1),
                     NX_HARD_BOGUS_CACHE - NX_HARD_NONE);
    /* and null */
    assert_int_equal(words(json_object_get(schemas, "Reason"),
                           nx_unknown_reason_text, NX_UNKNOWN_NONE + 1,
                           NX_UNKNOWN_NO_ROOM + 1),
                     NX_UNKNOWN_NO_ROOM - NX_UNKNOWN_NONE + 1);
    assert_int_equal(words(json_object_get(schemas, "Family"), nx_family_text,
                           0, NX_FAMILY_N_),
                     NX_FAMILY_N_);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_resource),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("openapi", tests, load, unload);
}
