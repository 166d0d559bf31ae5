/* In which layer a denial lives, as the documents say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/status_bench.h"

/* A public resolver asked for comparison is shown, but does not count. */
static void test_control_resolver_does_not_count(void **state) {
    struct engine_bench *b = *state;
    struct nx_endpoint resolvers[] = {resolver(1), resolver(2)};
    const struct nx_hello h = {.software = "bench",
                               .clock = clock_at(T0),
                               .resolvers = resolvers,
                               .resolvers_n = 2};
    struct nx_agent revoked = {.id = OSLO, .name = "oslo", .network = "oslo"};
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    resolvers[1].layer = NX_LAYER_CONTROL;
    assert_int_equal(nx_engine_hello(b->engine, LYON, &h, T0), 0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 2, 600, T0 + S);
    clear(b, LYON, 1, T0 + S);
    tick(b, T0 + 10 * S);
    json_t *d = status(b, T0 + 10 * S);
    assert_string_equal(text_at(d, "networks.0.state"), "clear");
    assert_string_equal(text_at(d, "networks.0.targets.1.state"),
                        "cached-nxdomain");
    assert_string_equal(text_at(d, "outlook"), "clear");
    json_decref(d);
}

/* The network's resolver denies, what is behind it and one for comparison are
 * clear: the denial is the forwarder's, and users are sent only where the
 * agent's policy lets them be sent. */
static void test_where_the_denial_lives(void **state) {
    struct engine_bench *b = *state;
    struct nx_endpoint resolvers[] = {resolver(1), resolver(2), resolver(3)};
    const struct nx_hello h = {.software = "bench",
                               .clock = clock_at(T0),
                               .resolvers = resolvers,
                               .resolvers_n = 3};
    resolvers[1].layer = NX_LAYER_UPSTREAM;
    resolvers[2].layer = NX_LAYER_CONTROL;
    resolvers[1].withheld = resolvers[2].withheld = true;
    assert_int_equal(nx_engine_hello(b->engine, LYON, &h, T0), 0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 2 * S);
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0 + 2 * S);
    assert_string_equal(text_at(lyon, "lives_in.layer"), "network");
    json_decref(lyon);
    clear(b, LYON, 2, T0 + S);
    clear(b, LYON, 3, T0 + S);
    tick(b, T0 + 10 * S);
    lyon = nx_status_network(b->engine, 7, "lyon", T0 + 10 * S);
    assert_string_equal(text_at(lyon, "state"), "cached-nxdomain");
    assert_string_equal(text_at(lyon, "lives_in.layer"), "forwarder");
    assert_string_equal(
        text_at(lyon, "lives_in.why"),
        "the forwarder 192.0.2.1@53 serves the denial; the recursive resolver "
        "192.0.2.2@53 behind it answers as restored; of 1 control resolver 1 "
        "answers as restored, 0 deny");
    assert_int_equal(json_array_size(json_object_get(lyon, "meanwhile")), 0);
    assert_null(strstr(text_at(lyon, "advice"), "meanwhile"));
    json_decref(lyon);
    resolvers[2].withheld = false; /* the owner changed his mind */
    assert_int_equal(nx_engine_hello(b->engine, LYON, &h, T0 + 11 * S), 0);
    lyon = nx_status_network(b->engine, 7, "lyon", T0 + 11 * S);
    assert_string_equal(text_at(lyon, "meanwhile.0.resolver"), "192.0.2.3@53");
    assert_string_equal(text_at(lyon, "meanwhile.0.layer"), "control");
    assert_non_null(
        strstr(text_at(lyon, "advice"), "use 192.0.2.3@53 meanwhile"));
    json_decref(lyon);
}

/* What applications on the agent's host see, where its resolvers are good. */
static void test_application_is_told_apart(void **state) {
    struct engine_bench *b = *state;
    struct nx_endpoint resolvers[] = {resolver(1), resolver(2)};
    const struct nx_hello h = {.software = "bench",
                               .clock = clock_at(T0),
                               .resolvers = resolvers,
                               .resolvers_n = 2};
    nx_system_endpoint(&resolvers[1]);
    assert_int_equal(nx_engine_hello(b->engine, LYON, &h, T0), 0);
    open_restored(b, 7, T0);
    clear(b, LYON, 1, T0 + S);
    const struct nx_answer denied = {.rcode = NX_RCODE_NXDOMAIN};
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolvers[1]};
    batch_of(b, LYON, &question, &denied, 0, T0 + 8 * S, NULL);
    tick(b, T0 + 10 * S);
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0 + 10 * S);
    assert_string_equal(text_at(lyon, "targets.0.resolver"), "getaddrinfo");
    assert_string_equal(text_at(lyon, "targets.0.state"), "cached-nxdomain");
    assert_string_equal(text_at(lyon, "lives_in.layer"), "device");
    assert_string_equal(
        text_at(lyon, "lives_in.why"),
        "the device's own cache serves the denial: getaddrinfo says EAI_NONAME "
        "while 192.0.2.1@53 answers as restored");
    json_decref(lyon);
}

/* Lyon's second agent; resolvers of it: those from `first`. */
static void second(struct engine_bench *b, struct nx_endpoint *resolvers,
                   size_t n) {
    const struct nx_agent agent = {
        .id = OSLO, .name = "lyon-2", .network = "lyon", .accepted = true};
    const struct nx_hello h = {.software = "bench",
                               .clock = clock_at(T0),
                               .resolvers = resolvers,
                               .resolvers_n = n};
    assert_int_equal(nx_engine_agent_set(b->engine, &agent), 0);
    assert_int_equal(nx_engine_hello(b->engine, OSLO, &h, T0), 0);
}

/* What is behind the resolver of another agent says nothing of this one's. */
static void test_upstream_of_another_agent(void **state) {
    struct engine_bench *b = *state;
    struct nx_endpoint behind[] = {resolver(2), resolver(3)};
    behind[1].layer = NX_LAYER_UPSTREAM;
    hello(b, LYON, 1, 0, T0);
    second(b, behind, 2);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    clear(b, OSLO, 2, T0 + S);
    clear(b, OSLO, 3, T0 + S);
    tick(b, T0 + 10 * S);
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0 + 10 * S);
    assert_string_equal(text_at(lyon, "state"), "cached-nxdomain");
    assert_string_equal(text_at(lyon, "lives_in.layer"), "network");
    json_decref(lyon);
}

/* Two agents ask one address, with a cache of its own behind it for each. */
static void test_never_the_one_that_denies(void **state) {
    struct engine_bench *b = *state;
    struct nx_endpoint both[] = {resolver(1), resolver(2)};
    hello(b, LYON, 1, 0, T0);
    second(b, both, 2);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    clear(b, OSLO, 1, T0 + S);
    tick(b, T0 + 10 * S);
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", T0 + 10 * S);
    assert_null(strstr(text_at(lyon, "advice"), "meanwhile"));
    json_decref(lyon);
    clear(b, OSLO, 2, T0 + 10 * S);
    tick(b, T0 + 20 * S);
    lyon = nx_status_network(b->engine, 7, "lyon", T0 + 20 * S);
    assert_non_null(
        strstr(text_at(lyon, "advice"), "use 192.0.2.2@53 meanwhile"));
    json_decref(lyon);
}

static void blocked(struct engine_bench *b, unsigned r, int64_t from) {
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_EDNS,
                                     .ede = {15},
                                     .ede_n = 1};
    for (unsigned i = 0; i < 4; i++) {
        sees(b, LYON, r, &answer, 0, from + i * S);
    }
}

static void check_home(struct engine_bench *b, int64_t now_us,
                       const char *layer, const char *why, const char *advice) {
    tick(b, now_us);
    json_t *lyon = nx_status_network(b->engine, 7, "lyon", now_us);
    assert_string_equal(text_at(lyon, "lives_in.layer"), layer);
    assert_string_equal(text_at(lyon, "lives_in.why"), why);
    assert_string_equal(text_at(lyon, "lives_in.advice"), advice);
    json_decref(lyon);
}

static void with_upstream(struct engine_bench *b) {
    struct nx_endpoint resolvers[] = {resolver(1), resolver(2)};
    const struct nx_hello h = {.software = "bench",
                               .clock = clock_at(T0),
                               .resolvers = resolvers,
                               .resolvers_n = 2};
    resolvers[1].layer = NX_LAYER_UPSTREAM;
    assert_int_equal(nx_engine_hello(b->engine, LYON, &h, T0), 0);
    open_restored(b, 7, T0);
}

/* No flush lifts a block: whoever blocks has to. */
static void test_policy_is_lifted_not_flushed(void **state) {
    struct engine_bench *b = *state;
    with_upstream(b);
    blocked(b, 1, T0 + S);
    check_home(b, T0 + 5 * S, "network",
               "192.0.2.1@53, or a resolver behind it, blocks www.example.com "
               "by policy; what is behind it is not asked",
               "ask its operator to lift the block; waiting, flushing or "
               "restarting does not help");
    clear(b, LYON, 2, T0 + S);
    check_home(b, T0 + 10 * S, "forwarder",
               "the forwarder 192.0.2.1@53 blocks www.example.com by policy; "
               "the recursive resolver 192.0.2.2@53 behind it answers as "
               "restored",
               "lift the block in the forwarder 192.0.2.1@53; waiting, "
               "flushing or restarting does not help");
}

static void test_policy_of_the_provider(void **state) {
    struct engine_bench *b = *state;
    with_upstream(b);
    blocked(b, 1, T0 + S);
    blocked(b, 2, T0 + S);
    check_home(b, T0 + 5 * S, "recursive",
               "the recursive resolver 192.0.2.2@53, behind 192.0.2.1@53, "
               "blocks www.example.com by policy",
               "ask its operator (the ISP) to lift the block; until then "
               "waiting, flushing or restarting does not help, in the "
               "forwarder 192.0.2.1@53 neither");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_control_resolver_does_not_count),
        TEST(test_where_the_denial_lives),
        TEST(test_upstream_of_another_agent),
        TEST(test_never_the_one_that_denies),
        TEST(test_application_is_told_apart),
        TEST(test_policy_is_lifted_not_flushed),
        TEST(test_policy_of_the_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
