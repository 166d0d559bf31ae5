/* Lists by HTTP: page by page, and not again what is known. */
#include "tests/lib/http.h"

#define KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

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

#define RESOLVERS 200U /* of lyon, which are more than one piece */

static void fill_lists(struct nx_engine *engine) {
    static const char *const networks[] = {"alta", "lyon", "oslo"};
    struct nx_book_row row = {.network = "oslo",
                              .at = {.address_len = 4, .port = 53},
                              .measured_us = NX_TIME_UNKNOWN,
                              .failed_us = NX_TIME_UNKNOWN};
    for (uint32_t i = 0; i < 3; i++) {
        struct nx_agent agent = {.id = i + 1, .accepted = true};
        (void)strcpy(agent.network, networks[i]);
        (void)strcpy(agent.name, networks[i]);
        assert_int_equal(nx_engine_agent_set(engine, &agent), 0);
    }
    memcpy(row.at.address, (const uint8_t[]){192, 0, 2, 1}, 4);
    assert_int_equal(nx_engine_resolver_put(engine, &row), 0);
    (void)strcpy(row.network, "lyon");
    for (unsigned i = RESOLVERS; i > 0; i--) {
        row.at.address[3] = (uint8_t)i;
        assert_int_equal(nx_engine_resolver_put(engine, &row), 0);
    }
}

static int set_up_lists(void **state) {
    fill = fill_lists;
    int err = set_up(state);
    fill = NULL;
    return err;
}

/* The entries of a page; link (256 bytes): where the next one is. */
static json_t *page_of(const struct ask *asked, const char *member,
                       char *link) {
    struct reply reply = ask(asked);
    json_t *value = json_loads(reply.body.bytes, 0, NULL);
    assert_int_equal(reply.status, 200);
    assert_true(json_is_string(json_object_get(value, "now")));
    json_t *list = json_incref(json_object_get(value, member));
    assert_true(json_is_array(list));
    (void)header_value(&reply, "Link: ", link, 256);
    json_decref(value);
    reply_fini(&reply);
    return list;
}

static void test_networks(void **state) {
    char link[256];
    (void)state;
    const struct ask first = {.path = "/v1/networks?limit=2"};
    json_t *list = page_of(&first, "networks", link);
    assert_int_equal(json_array_size(list), 2);
    assert_member(json_array_get(list, 0), "network", "alta");
    assert_string_equal(link,
                        "</v1/networks?limit=2&cursor=lyon>; rel=\"next\"");
    json_decref(list);
    const struct ask second = {.path = "/v1/networks?limit=2&cursor=lyon"};
    list = page_of(&second, "networks", link);
    assert_int_equal(json_array_size(list), 1);
    assert_member(json_array_get(list, 0), "network", "oslo");
    assert_string_equal(link, "");
    json_decref(list);
    json_decref(get("/v1/networks?cursor=porto", 422));
    /* For a reader of lyon there are no others, and no place behind them. */
    const struct ask own = {.path = "/v1/networks?limit=1",
                            .header = {AS_READER}};
    list = page_of(&own, "networks", link);
    assert_int_equal(json_array_size(list), 1);
    assert_member(json_array_get(list, 0), "network", "lyon");
    assert_string_equal(link, "");
    json_decref(list);
    const struct ask behind = {.path = "/v1/networks?cursor=alta",
                               .header = {AS_READER}};
    assert_int_equal(status_of(&behind), 422);
}

static const char *member_at(const json_t *list, size_t i, const char *key) {
    return json_string_value(json_object_get(json_array_get(list, i), key));
}

/* In order, whichever was noted first. */
static void test_resolvers(void **state) {
    char link[256];
    char path[128];
    char at[24];
    (void)state;
    const struct ask whole = {.path = "/v1/resolvers"};
    json_t *list = page_of(&whole, "resolvers", link);
    assert_int_equal(json_array_size(list), RESOLVERS + 1);
    for (unsigned i = 0; i < RESOLVERS; i++) {
        (void)snprintf(at, sizeof at, "192.0.2.%u@53", i + 1);
        assert_string_equal(member_at(list, i, "resolver"), at);
    }
    assert_string_equal(member_at(list, RESOLVERS, "network"), "oslo");
    (void)snprintf(path, sizeof path, "/v1/resolvers?limit=50&cursor=%s",
                   member_at(list, 149, "id"));
    json_decref(list);
    const struct ask page = {.path = path};
    list = page_of(&page, "resolvers", link);
    assert_int_equal(json_array_size(list), 50);
    assert_string_equal(member_at(list, 0, "resolver"), "192.0.2.151@53");
    assert_non_null(strstr(link, member_at(list, 49, "id")));
    json_decref(list);
    const struct ask own = {.path = path, .header = {AS_READER}};
    list = page_of(&own, "resolvers", link);
    assert_int_equal(json_array_size(list), 50);
    assert_string_equal(link, ""); /* what is behind it is not lyon's */
    json_decref(list);
}

/* The same list has the same tag, and another one when an entry changed. */
static void test_tag(void **state) {
    char etag[128] = "If-None-Match: ";
    (void)state;
    json_decref(post(
        "/v1/agents/accept",
        "{\"key\":\"" KEY "\",\"network\":\"lyon\",\"name\":\"lyon-1\"}", 200));
    const struct ask list = {.path = "/v1/agents"};
    struct reply reply = ask(&list);
    assert_int_not_equal(header_value(&reply, "ETag: ", etag + strlen(etag),
                                      sizeof etag - strlen(etag)),
                         0);
    reply_fini(&reply);
    const struct ask again = {.path = "/v1/agents", .header = {etag}};
    assert_int_equal(status_of(&again), 304);
    json_decref(post("/v1/agents/label",
                     "{\"agent\":\"lyon-1\",\"labels\":{\"site\":\"x\"}}",
                     200));
    assert_int_equal(status_of(&again), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_transitions),
        WITH_SERVER(test_conditional),
        WITH_SERVER(test_tag),
        cmocka_unit_test_setup_teardown(test_networks, set_up_lists, tear_down),
        cmocka_unit_test_setup_teardown(test_resolvers, set_up_lists,
                                        tear_down),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
