/* The client of nxclear against the HTTP server. */
#include "tests/lib/http.h"

#include "collector/cli/io_api.h"

static void test_client(void **state) {
    char where[96];
    struct nx_api *api = NULL;
    struct nx_api_error error;
    json_t *value = NULL;
    (void)state;
    (void)snprintf(where, sizeof where, "unix:%s", socket_path);
    assert_int_equal(nx_api_new(where, NULL, &api), 0);
    assert_int_equal(nx_api_get(api, "/healthz", &value, &error), 0);
    assert_member(value, "status", "ok");
    json_decref(value);
    assert_int_equal(nx_api_get(api, "/v1/incidents/999", &value, &error),
                     NX_EIO);
    assert_int_equal(error.exit_code, NX_EXIT_USAGE);
    assert_string_equal(error.why, "no incident 999");
    json_t *body = json_pack("{s:s}", "name", "a..b");
    assert_int_equal(nx_api_post(api, "/v1/incidents", body, &value, &error),
                     NX_EIO);
    assert_non_null(strstr(error.why, "name: not a domain name"));
    json_decref(body);
    assert_int_equal(nx_api_get(api, "/metrics", &value, &error), NX_EIO);
    assert_non_null(strstr(error.why, "is no nxclear-collector"));
    nx_api_free(&api);
}

static void test_client_alone(void **state) {
    struct nx_api *api = NULL;
    struct nx_api_error error;
    json_t *value = NULL;
    (void)state;
    assert_int_equal(nx_api_new("unix:/nonexistent/\033.sock", NULL, &api), 0);
    assert_int_equal(nx_api_get(api, "/healthz", &value, &error), NX_EIO);
    assert_int_equal(error.exit_code, NX_EXIT_UNAVAILABLE);
    assert_string_equal(error.why,
                        "collector not reachable at unix:/nonexistent/"
                        "\\027.sock (No such file or directory): is "
                        "nxclear-collector running, and is that its address? "
                        "Else give it with --api or NXCLEAR_API");
    nx_api_free(&api);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_client),
        cmocka_unit_test(test_client_alone),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
