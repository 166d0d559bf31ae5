#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/ingest/clone.h"

#define S INT64_C(1000000)
#define T0 (1700000000 * S)
#define A UINT64_C(11)
#define B UINT64_C(13)

/* A message that was made at `made`, by a clock that is `boot` behind. */
static bool seen(struct nx_clone *clone, uint64_t connection, int64_t made,
                 int64_t now) {
    const int64_t boot = T0 - 1000 * S;
    const struct nx_clock_sample clock = {.mono_us = T0 + made * S - boot,
                                          .offset_us = -boot,
                                          .offset_error_us = 30000,
                                          .offset_known = true};
    return nx_clone_seen(clone, connection, &clock, T0 + now * S);
}

static bool seen_unknown(struct nx_clone *clone, uint64_t connection,
                         int64_t now) {
    const struct nx_clock_sample clock = {.mono_us = INT64_MAX};
    return nx_clone_seen(clone, connection, &clock, T0 + now * S);
}

static void test_two_take_turns(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    assert_false(seen(&clone, A, 0, 0));
    assert_false(seen(&clone, B, 5, 5));
    assert_false(seen(&clone, A, 10, 10)); /* 1 */
    assert_false(seen(&clone, A, 11, 11));
    assert_false(seen(&clone, B, 15, 15)); /* 2 */
    assert_true(seen(&clone, A, 20, 20));  /* 3 */
}

/* The same when idle: a hello in 30 s. */
static void test_idle(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    int64_t found = 0;
    (void)state;
    for (int64_t t = 0; found == 0 && t < 600; t += 30) {
        found = seen(&clone, A, t, t) ? t : found;
        found = seen(&clone, B, t + 7, t + 7) ? t : found;
    }
    assert_int_equal(found, 60);
}

/* One that always connects anew does not get by, as long as the other stays. */
static void test_new_connection_each_time(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    int64_t found = 0;
    (void)state;
    for (int64_t t = 0; found == 0 && t < 600; t += 30) {
        found = seen(&clone, A, t, t) ? t : found;
        found = seen(&clone, 100 + (uint64_t)t, t + 7, t + 7) ? t : found;
    }
    assert_int_equal(found, 90);
}

/* One that does not say what time it is for it, so that nothing can be told
 * from that. */
static void test_without_offset(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    int64_t found = 0;
    (void)state;
    for (int64_t t = 0; found == 0 && t < 3600; t += 150) {
        found = seen_unknown(&clone, A, t) ? t : found;
        found = seen_unknown(&clone, B, t + 1) ? t : found;
    }
    assert_true(found > 0 && found <= 600);
}

/* Killed and started, again and again; what it had sent comes late. */
static void test_restarts(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    for (int64_t t = 0; t < 3600; t += 3) {
        uint64_t connection = 100 + (uint64_t)t;
        assert_false(seen(&clone, connection, t, t));
        for (uint64_t back = 3; back <= 9 && t >= 9; back += 3) {
            assert_false(seen(&clone, connection - back, t - 1, t));
            assert_false(seen(&clone, connection, t, t));
        }
    }
}

/* Suspended for days: its clock stood still, so it seems to speak from the
 * past; and its spool holds what is old. */
static void test_suspended(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    assert_false(seen(&clone, A, 0, 0));
    assert_false(seen(&clone, A, 10, 300000));
    assert_false(seen(&clone, B, 12, 300060));
    assert_false(seen(&clone, B, 5, 300061));
    assert_false(seen(&clone, B, 300062, 300062));
}

/* A machine goes back to a state in which the old process runs, and once more.
 * Its connections are new. */
static void test_snapshots(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    for (uint64_t n = 0; n < 50; n++) {
        assert_false(seen(&clone, A + n, (int64_t)n, (int64_t)n));
    }
}

/* The collector itself stood still: all comes in one moment. */
static void test_collector_paused(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    assert_false(seen(&clone, A, 0, 0));
    for (int64_t t = 1; t < 300; t += 2) {
        assert_false(seen(&clone, B, t + 1, 400));
        assert_false(seen(&clone, A, t, 400));
    }
}

/* Signs that are far apart are none. */
static void test_rare_signs(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    for (int64_t t = 0; t < 86400; t += 700) {
        assert_false(seen(&clone, A, t, t));
        assert_false(seen(&clone, (uint64_t)t + 1000, t + 1, t + 1));
    }
}

static void test_numbers_of_strangers(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    const struct nx_clock_sample far = {.mono_us = INT64_MAX,
                                        .offset_us = INT64_MIN,
                                        .offset_error_us = UINT64_MAX,
                                        .offset_known = true};
    (void)state;
    assert_false(nx_clone_seen(&clone, A, &far, T0));
    assert_false(nx_clone_seen(&clone, B, &far, T0));
    (void)nx_clone_seen(&clone, A, &far, T0);
}

/* --- in turn --- */

#define HOUR INT64_C(3600)

/* A hello of a machine that was booted then, said at made, seconds. */
static bool hello_made(struct nx_clone *clone, int64_t boot, uint64_t epoch,
                       uint64_t produced, int64_t made, int64_t now) {
    const struct nx_hello hello = {.epoch = epoch,
                                   .produced = produced,
                                   .clock = {.mono_us = (made - boot) * S,
                                             .offset_us = -(T0 + boot * S),
                                             .offset_error_us = 30000,
                                             .offset_known = true}};
    return nx_clone_in_turn(clone, &hello, T0 + now * S);
}

static bool hello_of(struct nx_clone *clone, int64_t boot, uint64_t epoch,
                     uint64_t produced, int64_t now) {
    return hello_made(clone, boot, epoch, produced, now, now);
}

/* Half a day each, never at once, also when the spool is not the same. */
static void test_patient(void **state) {
    (void)state;
    for (unsigned same = 0; same < 2; same++) {
        struct nx_clone clone = {.returns_n = 0};
        uint64_t produced[2] = {5, 5}; /* from the copy on */
        int64_t found = 0;
        for (int64_t t = 0; found == 0 && t < 100 * HOUR; t += HOUR) {
            bool second = t / (12 * HOUR) % 2 == 1;
            found = hello_of(&clone, second ? 7777 : 0, same ? 9 : second,
                             produced[second]++, t)
                        ? t
                        : found;
        }
        assert_int_equal(found, (same ? 84 : 48) * HOUR);
    }
}

/* A spool that is shared by two machines, of which one runs. */
static void test_moves(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    for (int64_t t = 0; t < 500 * HOUR; t += HOUR) {
        assert_false(hello_of(&clone, t / (12 * HOUR) % 2 == 1 ? 7777 : 0, 9,
                              (uint64_t)t, t));
    }
}

/* Lines that die: what was said over the old one comes after what is said over
 * the new one. */
static void test_late(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    for (int64_t t = 100; t < 2000; t += 100) {
        assert_false(hello_of(&clone, 0, 9, (uint64_t)t, t));
        assert_false(
            hello_made(&clone, 0, 9, (uint64_t)t - 10, t - 20, t + 18));
    }
}

/* On one machine, each with a copy of the same spool. */
static void test_patient_on_one_machine(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    assert_false(hello_of(&clone, 0, 9, 100, 1));
    assert_false(hello_of(&clone, 0, 9, 60, 2)); /* 1 */
    assert_false(hello_of(&clone, 0, 9, 120, 3));
    assert_false(hello_of(&clone, 0, 9, 70, 4)); /* 2 */
    assert_false(hello_of(&clone, 0, 9, 130, 5));
    assert_true(hello_of(&clone, 0, 9, 80, 6)); /* 3 */
}

/* A box that boots each hour, put back to the same copy of its disk each time,
 * or with a new spool each time; whose clock is fast by 100 ppm; that is put
 * back to an older state once in a while. */
static void test_one_machine(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    (void)state;
    for (int64_t t = 0; t < 500 * HOUR; t += HOUR) {
        assert_false(hello_of(&clone, t, 9, 5, t + 60));
        assert_false(hello_of(&clone, t, 9, 50, t + 600));
        assert_false(hello_of(&clone, t, (uint64_t)t, 1, t + 900));
    }
    clone = (struct nx_clone){.returns_n = 0};
    for (int64_t t = 0; t < 5000 * HOUR; t += HOUR) {
        assert_false(hello_of(&clone, -t / 10000, 9, (uint64_t)t, t));
    }
    clone = (struct nx_clone){.returns_n = 0};
    for (int64_t t = 0; t < 50; t++) {
        int64_t at = t * 200 * HOUR;
        assert_false(hello_of(&clone, 0, 9, 100, at));
        assert_false(hello_of(&clone, 0, 9, 50, at + HOUR));
    }
}

/* Numbers of strangers, and agents that do not know the time. */
static void test_hello_says_nothing(void **state) {
    struct nx_clone clone = {.returns_n = 0};
    struct nx_hello hello = {.clock = {.offset_us = INT64_MIN}};
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        hello.clock.offset_known = i % 4 < 2;
        hello.clock.offset_us = i % 2 == 0 ? INT64_MIN : INT64_MAX;
        hello.clock.offset_error_us = i % 4 < 2 ? UINT64_MAX : 0;
        assert_false(nx_clone_in_turn(&clone, &hello, T0));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patient),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_patient_on_one_machine),
        cmocka_unit_test(test_one_machine),
        cmocka_unit_test(test_hello_says_nothing),
        cmocka_unit_test(test_two_take_turns),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_new_connection_each_time),
        cmocka_unit_test(test_without_offset),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_collector_paused),
        cmocka_unit_test(test_rare_signs),
        cmocka_unit_test(test_numbers_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
