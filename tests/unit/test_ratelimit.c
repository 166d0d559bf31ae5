#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/plan/ratelimit.h"

#define S INT64_C(1000000)

static const struct nx_rate wide = {NX_RATE_MAX_MQPS, NX_BURST_MAX};

static struct nx_endpoint server(unsigned n) {
    struct nx_endpoint e = {.address_len = 4, .port = 53};
    e.address[0] = 198;
    e.address[1] = 51;
    e.address[2] = (uint8_t)(n >> 8);
    e.address[3] = (uint8_t)n;
    return e;
}

static struct nx_ratelimit *new_limit(const struct nx_rate *total) {
    struct nx_ratelimit *limit = NULL;
    assert_int_equal(nx_ratelimit_new(total, &limit), NX_OK);
    return limit;
}

static void test_burst_then_rate(void **state) {
    (void)state;
    struct nx_ratelimit *limit = new_limit(&wide);
    const struct nx_rate rate = {5000, 20};
    struct nx_endpoint at = server(1);
    int64_t now = 1000 * S;
    int64_t wait = 0;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(nx_ratelimit_take(limit, &at, &rate, now, &wait),
                         NX_RATE_GO);
    }
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, now, &wait),
                     NX_RATE_SERVER);
    assert_int_equal(wait, S / 5);
    assert_int_equal(
        nx_ratelimit_take(limit, &at, &rate, now + wait - 1, &wait),
        NX_RATE_SERVER);
    assert_int_equal(wait, 1);
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, now + S / 5, &wait),
                     NX_RATE_GO);
    nx_ratelimit_free(&limit);
}

/* What went unasked is paid for by waiting. */
static void test_charge(void **state) {
    (void)state;
    const struct nx_rate total = {1000, 3};
    const struct nx_rate rate = {1000, 1};
    struct nx_ratelimit *limit = new_limit(&total);
    struct nx_endpoint at = server(1);
    struct nx_endpoint other = server(2);
    int64_t wait = 0;
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, 0, &wait),
                     NX_RATE_GO);
    nx_ratelimit_charge(limit, &at, 0);
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, 0, &wait),
                     NX_RATE_SERVER);
    assert_int_equal(wait, 2 * S);
    assert_int_equal(nx_ratelimit_take(limit, &other, &rate, 0, &wait),
                     NX_RATE_GO);
    nx_ratelimit_charge(limit, &other, 0);
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, 2 * S - 1, &wait),
                     NX_RATE_SERVER);
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, 2 * S, &wait),
                     NX_RATE_GO);
    assert_int_equal(nx_ratelimit_take(limit, &other, &rate, 2 * S, &wait),
                     NX_RATE_TOTAL);
    nx_ratelimit_free(&limit);
}

/* Transports and layers of one address share the bucket; ports do not. */
static void test_what_a_server_is(void **state) {
    (void)state;
    struct nx_ratelimit *limit = new_limit(&wide);
    const struct nx_rate rate = {1, 1};
    struct nx_endpoint at = server(1);
    int64_t wait = 0;
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, S, &wait),
                     NX_RATE_GO);
    at.transport = NX_TCP;
    at.layer = NX_LAYER_CONTROL;
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, S, &wait),
                     NX_RATE_SERVER);
    assert_int_equal(wait, 1000 * S);
    at.port = 5353;
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, S, &wait),
                     NX_RATE_GO);
    nx_ratelimit_free(&limit);
}

static void test_total(void **state) {
    (void)state;
    const struct nx_rate total = {2000, 2};
    const struct nx_rate rate = {1000, 1};
    struct nx_ratelimit *limit = new_limit(&total);
    int64_t wait = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct nx_endpoint at = server(i);
        assert_int_equal(nx_ratelimit_take(limit, &at, &rate, S, &wait),
                         NX_RATE_GO);
    }
    struct nx_endpoint third = server(2);
    assert_int_equal(nx_ratelimit_take(limit, &third, &rate, S, &wait),
                     NX_RATE_TOTAL);
    assert_int_equal(wait, S / 2);
    /* What the total refused is not taken from the server. */
    assert_int_equal(nx_ratelimit_take(limit, &third, &rate, S + S / 2, &wait),
                     NX_RATE_GO);
    nx_ratelimit_free(&limit);
}

/* A table full of servers with empty buckets forgets none of them. */
static void test_more_servers_than_buckets(void **state) {
    (void)state;
    struct nx_ratelimit *limit = new_limit(&wide);
    const struct nx_rate rate = {1000, 1};
    int64_t wait = 0;
    for (unsigned i = 0; i < NX_RATELIMIT_SERVERS_MAX; i++) {
        struct nx_endpoint at = server(i);
        assert_int_equal(nx_ratelimit_take(limit, &at, &rate, S, &wait),
                         NX_RATE_GO);
    }
    struct nx_endpoint late = server(NX_RATELIMIT_SERVERS_MAX);
    struct nx_endpoint first = server(0);
    assert_int_equal(nx_ratelimit_take(limit, &late, &rate, S, &wait),
                     NX_RATE_SERVER);
    assert_true(wait > 0);
    assert_int_equal(nx_ratelimit_take(limit, &first, &rate, S, &wait),
                     NX_RATE_SERVER);
    assert_int_equal(nx_ratelimit_take(limit, &late, &rate, 2 * S, &wait),
                     NX_RATE_GO);
    assert_int_equal(nx_ratelimit_take(limit, &late, &rate, 2 * S, &wait),
                     NX_RATE_SERVER);
    nx_ratelimit_free(&limit);
}

static void test_odd_clocks_and_rates(void **state) {
    (void)state;
    struct nx_ratelimit *limit = new_limit(&wide);
    const struct nx_rate rate = {NX_RATE_MAX_MQPS, 1};
    const struct nx_rate none = {0, 1};
    struct nx_endpoint at = server(1);
    int64_t wait = 0;
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, 5 * S, &wait),
                     NX_RATE_GO);
    /* Back in time: nothing is refilled. Far ahead: nothing overflows. */
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, 0, &wait),
                     NX_RATE_SERVER);
    assert_int_equal(nx_ratelimit_take(limit, &at, &rate, INT64_MAX, &wait),
                     NX_RATE_GO);
    assert_int_equal(nx_ratelimit_take(limit, &at, &none, INT64_MAX, &wait),
                     NX_RATE_SERVER);
    assert_int_equal(nx_ratelimit_set_total(limit, &none), NX_ERANGE);
    nx_ratelimit_free(&limit);
    assert_int_equal(nx_ratelimit_new(&none, &limit), NX_ERANGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_charge),
        cmocka_unit_test(test_what_a_server_is),
        cmocka_unit_test(test_total),
        cmocka_unit_test(test_more_servers_than_buckets),
        cmocka_unit_test(test_odd_clocks_and_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
