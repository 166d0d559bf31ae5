/* An incident of very many targets is closed at once; they go a few at a time,
 * and nobody finds one of them any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "collector/status/status.h"
#include "tests/lib/engine_bench.h"

#define FIRST 100U
#define AGENTS 140U
#define RESOLVERS 16U
#define ALL (AGENTS * RESOLVERS)

static int many_setup(void **state) {
    struct engine_bench *b = NULL;
    char network[16];
    int err = bench_setup(state);
    b = *state;
    b->settings.targets_max = ALL + 100;
    err = err != 0 ? err : bench_renew(b);
    for (uint32_t i = 0; err == 0 && i < AGENTS; i++) {
        (void)snprintf(network, sizeof(network), "net-%03u", i);
        add_agent(b, FIRST + i, network, false);
        hello(b, FIRST + i, RESOLVERS, 0, T0);
    }
    return err;
}

static size_t targets_n(const struct engine_bench *b) {
    size_t n = 0;
    size_t waiting_n = 0;
    nx_engine_backlog(b->engine, &n, &waiting_n);
    return n;
}

static size_t tasks_n(struct engine_bench *b, uint32_t agent, int64_t now_us) {
    return plan_of(b, agent, now_us)->tasks_n;
}

static void open_judged(struct engine_bench *b, uint32_t id, int64_t now_us) {
    open_restored(b, id, now_us - 70 * S); /* auditors had the time to speak */
    nx_engine_tick(b->engine, now_us, &b->sink);
    assert_int_equal(targets_n(b), ALL);
    assert_int_equal(tasks_n(b, FIRST, now_us), RESOLVERS);
}

static void close_now(struct engine_bench *b, uint32_t id, int64_t now_us) {
    assert_int_equal(nx_engine_incident_close(b->engine, id, now_us), 0);
}

/* Agents are told at once; what is left of it is freed beside all else, and is
 * not judged. */
static void test_in_pieces(void **state) {
    struct engine_bench *b = *state;
    unsigned turns_n = 0;
    open_judged(b, 7, T0);
    memset(b->plans_n, 0, sizeof(b->plans_n));
    close_now(b, 7, T0 + S);
    size_t left_n = targets_n(b);
    assert_in_range(left_n, 1, ALL - 1);
    assert_int_equal(tasks_n(b, FIRST, T0 + S), 0);
    assert_int_equal(tasks_n(b, FIRST + AGENTS - 1, T0 + S), 0);
    unsigned told_n = b->transitions_n;
    nx_engine_retell(b->engine); /* what is judged is told then */
    while (nx_engine_judge(b->engine, T0 + 2 * S, 4, &b->sink)) {
        assert_true(targets_n(b) < left_n);
        left_n = targets_n(b);
        turns_n++;
    }
    assert_int_equal(targets_n(b), 0);
    assert_true(turns_n > 2);
    assert_int_equal(b->transitions_n, told_n);
    nx_engine_tick(b->engine, T0 + 3 * S, &b->sink);
    for (uint32_t i = 0; i < AGENTS; i++) {
        assert_int_equal(b->plans_n[FIRST + i], 1);
    }
}

/* For the next incident of the same name they are as good as gone: they make
 * room, and it begins with nothing. */
static void test_the_next_one(void **state) {
    struct engine_bench *b = *state;
    open_judged(b, 7, T0);
    sees_nxdomain(b, FIRST, 1, 300, T0 + S);
    nx_engine_tick(b->engine, T0 + 2 * S, &b->sink);
    close_now(b, 7, T0 + 3 * S);
    assert_true(targets_n(b) > 100);
    open_restored(b, 8, T0 + 4 * S);
    assert_false(nx_engine_crowded(b->engine));
    nx_engine_tick(b->engine, T0 + 5 * S, &b->sink);
    while (nx_engine_judge(b->engine, T0 + 5 * S, 64, &b->sink)) {
    }
    assert_int_equal(targets_n(b), ALL);
    json_t *status = nx_status_incident(b->engine, 8, T0 + 6 * S);
    json_t *network = nx_status_named(json_object_get(status, "networks"),
                                      "network", "net-000");
    assert_string_equal(json_string_value(json_object_get(network, "state")),
                        "unknown");
    json_decref(network);
    json_decref(status);
}

/* Agents that say hello, are revoked, or are asked for meanwhile; what the
 * engine is freed with is freed, too (LeakSanitizer). */
static void test_agents_meanwhile(void **state) {
    struct engine_bench *b = *state;
    struct nx_agent agent = {.id = FIRST, .name = "net-000", .network = "net"};
    open_judged(b, 7, T0);
    open_restored(b, 8, T0);
    close_now(b, 7, T0 + S);
    assert_true(targets_n(b) > 100);
    hello(b, FIRST + 1, 3, 0, T0 + 2 * S);
    assert_int_equal(nx_engine_agent_set(b->engine, &agent), 0);
    sees_nxdomain(b, FIRST + 2, 1, 300, T0 + 2 * S);
    nx_engine_tick_some(b->engine, T0 + 3 * S, 1, &b->sink);
    assert_int_equal(tasks_n(b, FIRST, T0 + 3 * S), 0);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 4 * S),
                     NX_ESTATE);
}

static void count_one(void *user, const struct nx_target_view *view) {
    size_t *n = user;
    *n += view->question != NULL;
}

static size_t shown_n(const struct engine_bench *b, uint32_t id) {
    size_t n = 0;
    for (unsigned i = 0; i < AGENTS; i++) {
        char network[16];
        (void)snprintf(network, sizeof(network), "net-%03u", i);
        assert_int_equal(nx_engine_targets_of(b->engine, id, network, T0, false,
                                              count_one, &n),
                         0);
    }
    return n;
}

/* Whoever goes on drawing an incident that was closed finds nothing of it, the
 * second of two as well. */
static void test_shown_before(void **state) {
    struct engine_bench *b = *state;
    open_judged(b, 7, T0);
    open_restored(b, 8, T0);
    nx_engine_tick(b->engine, T0, &b->sink);
    assert_in_range(shown_n(b, 8), 1, ALL);
    assert_int_equal(shown_n(b, 7), ALL);
    close_now(b, 7, T0 + S);
    close_now(b, 8, T0 + S);
    assert_int_equal(shown_n(b, 7), 0);
    assert_int_equal(shown_n(b, 8), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_pieces, many_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_the_next_one, many_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_agents_meanwhile, many_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_shown_before, many_setup,
                                        bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
