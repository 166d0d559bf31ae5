/* Lists by HTTP: page by page, and not again what is known. */
#include "tests/lib/http.h"

static size_t header_value(const struct reply *reply, const char *name,
                           char *out, size_t cap) {
    const char *at = reply->headers.bytes == NULL
                         ? NULL
                         : strstr(reply->headers.bytes, name);
    size_t len = at == NULL ? 0 : strcspn(at + strlen(name), "\r\n");
    assert_in_range(len, 0, cap - 1);
    memcpy(out, at == NULL ? "" : at + strlen(name), len);
    out[len] = '\0';
    return len;
}

static void test_transitions(void **state) {
    char link[256];
    (void)state;
    const struct ask none = {.path = "/v1/incidents/1/transitions"};
    assert_int_equal(status_of(&none), 404);
    assert_int_equal(open_incident(), 1);
    const struct ask page = {
        .path = "/v1/incidents/1/transitions?limit=2&network=lyon"};
    struct reply reply = ask(&page);
    json_t *value = json_loads(reply.body.bytes, 0, NULL);
    json_t *list = json_object_get(value, "transitions");
    assert_int_equal(json_array_size(list), 2);
    assert_true(json_is_null(json_object_get(json_array_get(list, 0), "from")));
    assert_member(json_array_get(list, 1), "name", "www.example.com");
    assert_int_not_equal(header_value(&reply, "Link: ", link, sizeof link), 0);
    assert_string_equal(link, "</v1/incidents/1/transitions?limit=2&cursor=3"
                              "&network=lyon>; rel=\"next\"");
    json_decref(value);
    reply_fini(&reply);
    value =
        get("/v1/incidents/1/transitions?limit=2&network=lyon&cursor=3", 200);
    assert_int_equal(json_array_size(json_object_get(value, "transitions")), 1);
    json_decref(value);
    /* A reader of lyon is shown what is of lyon. */
    const struct ask own = {.path = "/v1/incidents/1/transitions?limit=2",
                            .header = {AS_READER}};
    reply = ask(&own);
    value = json_loads(reply.body.bytes, 0, NULL);
    list = json_object_get(value, "transitions");
    assert_int_equal(json_array_size(list), 2);
    assert_member(json_array_get(list, 0), "network", "lyon");
    assert_member(json_array_get(list, 1), "network", "lyon");
    assert_int_not_equal(header_value(&reply, "Link: ", link, sizeof link), 0);
    assert_string_equal(link, "</v1/incidents/1/transitions?limit=2&cursor=3>; "
                              "rel=\"next\"");
    json_decref(value);
    reply_fini(&reply);
    const struct ask last = {.path =
                                 "/v1/incidents/1/transitions?limit=2&cursor=3",
                             .header = {AS_READER}};
    reply = ask(&last);
    value = json_loads(reply.body.bytes, 0, NULL);
    list = json_object_get(value, "transitions");
    assert_int_equal(json_array_size(list), 1);
    assert_member(json_array_get(list, 0), "network", "lyon");
    assert_int_equal(header_value(&reply, "Link: ", link, sizeof link), 0);
    json_decref(value);
    reply_fini(&reply);
    const struct ask others = {.path =
                                   "/v1/incidents/1/transitions?network=oslo",
                               .header = {AS_READER}};
    assert_int_equal(status_of(&others), 403);
    const struct ask foreign = {.path = "/v1/incidents/1/transitions?cursor=x"};
    assert_int_equal(status_of(&foreign), 422);
}

/* What did not change is not sent again; `now` is no change. */
static void test_conditional(void **state) {
    char etag[128] = "If-None-Match: ";
    (void)state;
    (void)open_incident();
    const struct ask list = {.path = "/v1/incidents"};
    struct reply reply = ask(&list);
    assert_int_equal(reply.status, 200);
    assert_int_not_equal(header_value(&reply, "ETag: ", etag + strlen(etag),
                                      sizeof etag - strlen(etag)),
                         0);
    reply_fini(&reply);
    const struct ask again = {.path = "/v1/incidents", .header = {etag}};
    reply = ask(&again);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.body.len, 0);
    reply_fini(&reply);
    (void)open_incident();
    assert_int_equal(status_of(&again), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_transitions),
        WITH_SERVER(test_conditional),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
