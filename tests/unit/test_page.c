/* Pages of lists and entity tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/api/api_member.h"
#include "collector/api/page.h"

static struct nx_api_problem problem;

static json_t *ten(void) {
    json_t *list = json_array();
    for (int i = 1; i <= 10; i++) {
        (void)json_array_append_new(list, json_pack("{s:i}", "id", i));
    }
    return list;
}

/* Every entry once, in order, whatever the size of the page. */
static void test_walk(void **state) {
    (void)state;
    for (unsigned limit = 1; limit <= 11; limit++) {
        struct nx_api_request asked = {.limit = limit};
        json_int_t next_id = 1;
        do {
            char next[NX_API_CURSOR_MAX];
            json_t *list = ten();
            assert_int_equal(nx_api_page(list, &asked, next, &problem), 0);
            memcpy(asked.cursor, next, sizeof next);
            assert_in_range(json_array_size(list), 1, limit);
            for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *id =
                    json_object_get(json_array_get(list, i), "id");
                assert_int_equal(json_integer_value(id), next_id++);
            }
            json_decref(list);
        } while (asked.cursor[0] != '\0');
        assert_int_equal(next_id, 11);
    }
}

static void test_whole(void **state) {
    const struct nx_api_request asked = {.limit = 0};
    char next[NX_API_CURSOR_MAX];
    json_t *list = ten();
    (void)state;
    assert_int_equal(nx_api_page(list, &asked, next, &problem), 0);
    assert_int_equal(json_array_size(list), 10);
    assert_string_equal(next, "");
    json_decref(list);
}

static void test_foreign_cursor(void **state) {
    const struct nx_api_request asked = {.limit = 2, .cursor = "11"};
    char next[NX_API_CURSOR_MAX];
    json_t *list = ten();
    (void)state;
    assert_int_equal(nx_api_page(list, &asked, next, &problem), NX_EDENIED);
    assert_int_equal(problem.status, 422);
    json_decref(list);
}

static void test_uri(void **state) {
    char out[NX_URI_CURSOR_MAX];
    char longest[NX_API_CURSOR_MAX];
    (void)state;
    assert_string_equal(nx_api_uri_escape("a.b_c~d-9", out), "a.b_c~d-9");
    assert_string_equal(nx_api_uri_escape("a b/&%\xff", out),
                        "a%20b%2F%26%25%FF");
    memset(longest, '&', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(strlen(nx_api_uri_escape(longest, out)),
                     3 * (NX_API_CURSOR_MAX - 1));
    assert_true(nx_percent_decode(out));
    assert_string_equal(out, longest);
}

static const char *etag(const char *text, char *out) {
    return nx_api_etag(text, strlen(text), out);
}

static void test_etag(void **state) {
    static const char first[] =
        "{\"now\":\"then\",\"as_of\":\"then\",\"list\":[1,\"now\"],\"b\":1}";
    static const char *const others[] = {
        "{\"now\":\"then\",\"as_of\":\"then\",\"list\":[1,\"new\"],\"b\":1}",
        "{\"now\":\"then\",\"as_of\":\"then\",\"list\":[1,\"now\"],\"c\":1}",
        "{\"list\":[1,\"now\"]}",
        "{}",
    };
    char a[NX_ETAG_MAX];
    char b[NX_ETAG_MAX];
    (void)state;
    assert_string_equal(
        etag(first, a),
        etag("{\"now\":\"later\",\"list\":[1,\"now\"],\"b\":1}", b));
    assert_int_equal(strncmp(a, "W/\"", 3), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_string_not_equal(a, etag(others[i], b));
    }
}

static void test_if_none_match(void **state) {
    static const struct {
        const char *sent;
        bool known;
    } rows[] = {
        {NULL, false},          {"", false},        {"*", true},
        {"\"a1\"", true},       {"W/\"a1\"", true}, {"\"b\", W/\"a1\"", true},
        {"\"b\",\"c\"", false}, {"\"a\"", false},   {",,,", false},
        {"W/", false},          {"\"a1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(nx_api_etag_known(rows[i].sent, "W/\"a1\""),
                         rows[i].known);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_foreign_cursor),
        cmocka_unit_test(test_uri),
        cmocka_unit_test(test_etag),
        cmocka_unit_test(test_if_none_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
