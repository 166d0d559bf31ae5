#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/backoff.h"
#include "agent/uplink/clocksync.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)
#define WALL (1700000000 * S) /* collector time when the agent's clock is 0 */

/* An exchange at agent time t with these delays there and back. */
static struct nx_clock_exchange exchange(int64_t t, int64_t there, int64_t back,
                                         int64_t collector_at_zero) {
    return (struct nx_clock_exchange){
        .sent_us = t,
        .received_us = collector_at_zero + t + there,
        .replied_us = collector_at_zero + t + there + 3 * MS,
        .answered_us = t + there + 3 * MS + back};
}

static void add(struct nx_clocksync *sync, int64_t t, int64_t there,
                int64_t back) {
    struct nx_clock_exchange e = exchange(t, there, back, WALL);
    nx_clocksync_add(sync, &e);
}

static void test_symmetric(void **state) {
    (void)state;
    struct nx_clocksync sync = {0};
    int64_t offset = 0;
    uint64_t error = 0;
    assert_false(nx_clocksync_get(&sync, S, &offset, &error));
    add(&sync, 100 * S, 20 * MS, 20 * MS);
    assert_true(nx_clocksync_get(&sync, 100 * S + 43 * MS, &offset, &error));
    assert_int_equal(offset, -WALL);
    assert_in_range(error, 20 * MS, 20 * MS + 1);
}

/* Whatever the asymmetry, the truth is inside the error. */
static void test_error_covers_the_truth(void **state) {
    (void)state;
    uint64_t rng = 12345;
    for (int round = 0; round < 200; round++) {
        struct nx_clocksync sync = {0};
        for (int i = 0; i < 20; i++) {
            int64_t offset = 0;
            uint64_t error = 0;
            rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
            int64_t there = (int64_t)((rng >> 33) % 300000);
            int64_t back = (int64_t)((rng >> 13) % 50000);
            add(&sync, (100 + i) * S, there, back);
            assert_true(
                nx_clocksync_get(&sync, (101 + i) * S, &offset, &error));
            assert_true(llabs(offset + WALL) <= (int64_t)error);
        }
    }
}

/* A slow exchange does not spoil a good one; drift ages it. */
static void test_least_error_wins(void **state) {
    (void)state;
    struct nx_clocksync sync = {0};
    int64_t offset = 0;
    uint64_t error = 0;
    add(&sync, 100 * S, 1 * MS, 1 * MS);
    add(&sync, 101 * S, 900 * MS, 1 * MS);
    assert_true(nx_clocksync_get(&sync, 110 * S, &offset, &error));
    assert_int_equal(offset, -WALL);
    assert_true(error < 2 * MS);
    assert_true(nx_clocksync_get(&sync, 1100 * S, &offset, &error));
    assert_in_range(error, 15 * MS, 17 * MS); /* 15 ppm of 1000 s, and 1 ms */
    /* Eight more samples push the first one out. */
    for (int i = 0; i < 8; i++) {
        add(&sync, (1200 + i) * S, 5 * MS, 5 * MS);
    }
    assert_true(nx_clocksync_get(&sync, 1210 * S, &offset, &error));
    assert_in_range(error, 5 * MS, 6 * MS);
}

/* The collector's clock is another one now: forget, do not average. */
static void test_step(void **state) {
    (void)state;
    struct nx_clocksync sync = {0};
    int64_t offset = 0;
    uint64_t error = 0;
    for (int i = 0; i < 8; i++) {
        add(&sync, (100 + i) * S, MS, MS);
    }
    struct nx_clock_exchange e = exchange(110 * S, 5 * MS, 5 * MS, WALL + S);
    assert_false(nx_clocksync_add(&sync, &e)); /* 1 s but for the errors */
    assert_true(nx_clocksync_get(&sync, 111 * S, &offset, &error));
    assert_int_equal(offset, -WALL - S);
    assert_true(error >= (uint64_t)(5 * MS));
}

/* A clock that stood still is behind; that the other one did is no such sign.
 */
static void test_stood_still(void **state) {
    (void)state;
    struct nx_clocksync sync = {0};
    struct nx_clock_exchange e = exchange(100 * S, MS, MS, WALL);
    assert_false(nx_clocksync_add(&sync, &e));
    e = exchange(101 * S, MS, MS, WALL + 30 * S);
    assert_true(nx_clocksync_add(&sync, &e));
    e = exchange(102 * S, MS, MS, WALL + 30 * S);
    assert_false(nx_clocksync_add(&sync, &e));
    e = exchange(103 * S, MS, MS, WALL);
    assert_false(nx_clocksync_add(&sync, &e));
    /* It may have taken so long on its way. */
    e = exchange(104 * S, 40 * S, MS, WALL);
    assert_false(nx_clocksync_add(&sync, &e));
}

static void test_impossible(void **state) {
    (void)state;
    static const struct nx_clock_exchange rows[] = {
        {100, WALL, WALL, 99},              /* answered before it was sent */
        {100, WALL, WALL - 1, 200},         /* replied before received */
        {100, WALL, WALL + 101, 200},       /* longer away than gone */
        {100, INT64_MIN, INT64_MAX, 200},   /* absurd */
        {100, INT64_MAX, INT64_MAX, 200},   /* absurd */
        {INT64_MIN, WALL, WALL, INT64_MAX}, /* absurd */
    };
    struct nx_clocksync sync = {0};
    int64_t offset = 0;
    uint64_t error = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        nx_clocksync_add(&sync, &rows[i]);
        assert_false(nx_clocksync_get(&sync, 300, &offset, &error));
    }
}

/* --- backoff --- */

static void test_backoff_failed(void **state) {
    (void)state;
    static const uint32_t want[] = {1000,  2000,  4000,  8000,
                                    16000, 32000, 60000, 60000};
    struct nx_backoff b = {0};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        struct nx_backoff same = b;
        assert_int_equal(nx_backoff_next(&same, NX_ATTEMPT_FAILED, S, 0, 0),
                         want[i] / 2);
        assert_int_equal(
            nx_backoff_next(&b, NX_ATTEMPT_FAILED, S, 20000, want[i]),
            want[i] / 2 + want[i]);
    }
    for (uint32_t random = 0; random < 100000; random += 777) {
        uint32_t ms = nx_backoff_next(&b, NX_ATTEMPT_FAILED, S, 0, random);
        assert_in_range(ms, 30000, 90000);
    }
}

/* All have lost their connections at once: each tenth of the spread brings a
 * tenth of them, and without one they come soon. */
static void test_backoff_lost(void **state) {
    unsigned in_tenth[10] = {0};
    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        struct nx_backoff b = {0};
        uint32_t random = i * UINT32_C(2654435761);
        uint32_t ms = nx_backoff_next(&b, NX_ATTEMPT_LOST, S, 20000, random);
        assert_in_range(ms, 1000, 21000);
        in_tenth[ms == 21000 ? 9 : (ms - 1000) / 2000]++;
        /* Lost again before it has worked: that may be its own trouble. */
        ms = nx_backoff_next(&b, NX_ATTEMPT_LOST, S, 20000, random);
        assert_in_range(ms, 1000, 3000);
        b = (struct nx_backoff){0};
        ms = nx_backoff_next(&b, NX_ATTEMPT_LOST, S, 0, random);
        assert_in_range(ms, 1000, 1250);
        b = (struct nx_backoff){0};
        ms = nx_backoff_next(&b, NX_ATTEMPT_LOST, S, UINT32_MAX, random);
        assert_in_range(ms, 1000, 61000);
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(in_tenth[i], 900, 1100);
    }
}

static void test_backoff_refused(void **state) {
    (void)state;
    struct nx_backoff b = {0};
    int64_t now = 50 * S;
    /* Eager for a minute, then patient. */
    for (int i = 0; i < 30; i++, now += 2 * S) {
        assert_int_equal(nx_backoff_next(&b, NX_ATTEMPT_REFUSED, now, 20000, 0),
                         2000);
    }
    static const uint32_t want[] = {4000,   8000,   16000,  32000, 64000,
                                    128000, 256000, 300000, 300000};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(nx_backoff_next(&b, NX_ATTEMPT_REFUSED, now, 20000, 0),
                         want[i]);
    }
}

static void test_backoff_same(void **state) {
    (void)state;
    struct nx_backoff b = {0};
    assert_false(nx_backoff_same(&b, false)); /* never reached */
    for (int i = 0; i < 3; i++) {             /* each of the list in turn */
        assert_true(nx_backoff_same(&b, true));
        assert_true(nx_backoff_same(&b, true));
        assert_false(nx_backoff_same(&b, true));
    }
    /* Only losses in a row. */
    assert_true(nx_backoff_same(&b, true));
    assert_true(nx_backoff_same(&b, true));
    assert_false(nx_backoff_same(&b, false));
    assert_true(nx_backoff_same(&b, true));
    assert_true(nx_backoff_same(&b, true));
    b = (struct nx_backoff){0}; /* it has worked */
    assert_true(nx_backoff_same(&b, true));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symmetric),
        cmocka_unit_test(test_error_covers_the_truth),
        cmocka_unit_test(test_least_error_wins),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_stood_still),
        cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_backoff_failed),
        cmocka_unit_test(test_backoff_lost),
        cmocka_unit_test(test_backoff_refused),
        cmocka_unit_test(test_backoff_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
