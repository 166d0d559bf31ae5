/* Settled numbers, against a table of flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/settled.h"

#define SEQ_MAX 60U

static uint64_t seed;

static unsigned pick(unsigned n) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 11) % n);
}

static void expect_same(const bool *flags, uint64_t acked,
                        const struct nx_ahead *ahead) {
    assert_true(nx_settled_valid(acked, ahead));
    for (uint64_t i = 1; i < SEQ_MAX; i++) {
        assert_int_equal(nx_settled_count(acked, ahead, i, i), flags[i]);
        uint64_t next = i;
        while (next < SEQ_MAX && flags[next]) {
            next++;
        }
        assert_int_equal(nx_settled_skip(acked, ahead, i), next);
    }
}

/* How many runs of flags there are beyond the first one that begins at 1. */
static size_t runs_of(const bool *flags) {
    size_t n = 0;
    for (size_t i = 2; i < SEQ_MAX; i++) {
        n += flags[i] && !flags[i - 1] ? 1 : 0;
    }
    return n;
}

static void test_against_flags(void **state) {
    (void)state;
    unsigned full = 0;
    for (unsigned round = 1; round <= 300; round++) {
        bool flags[SEQ_MAX] = {false};
        uint64_t acked = 0;
        struct nx_ahead ahead = {.n = 0};
        seed = round * UINT64_C(0x9e3779b97f4a7c15);
        for (unsigned step = 0; step < 30; step++) {
            bool want[SEQ_MAX];
            uint64_t from = 1 + pick(SEQ_MAX - 8);
            uint64_t to = from + pick(6);
            uint64_t new_n = 99;
            uint64_t expected_n = 0;
            for (uint64_t i = 0; i < SEQ_MAX; i++) {
                bool in = i >= from && i <= to;
                want[i] = flags[i] || in;
                expected_n += in && !flags[i] ? 1 : 0;
            }
            int err = nx_settled_add(&acked, &ahead, from, to, &new_n);
            if (runs_of(want) > NX_AHEAD_MAX) {
                full++;
                assert_int_equal(err, NX_EFULL);
            } else {
                assert_int_equal(err, NX_OK);
                assert_int_equal(new_n, expected_n);
                for (size_t i = 0; i < SEQ_MAX; i++) {
                    flags[i] = want[i];
                }
            }
            expect_same(flags, acked, &ahead);
        }
    }
    assert_true(full > 0);
}

static void test_limits(void **state) {
    (void)state;
    uint64_t acked = 5;
    uint64_t new_n = 0;
    struct nx_ahead ahead = {.n = 0};
    assert_int_equal(nx_settled_add(&acked, &ahead, 0, 9, &new_n), NX_ERANGE);
    assert_int_equal(nx_settled_add(&acked, &ahead, 9, 8, &new_n), NX_ERANGE);
    assert_int_equal(nx_settled_add(&acked, &ahead, 9, UINT64_MAX, &new_n),
                     NX_ERANGE);
    assert_int_equal(nx_settled_add(&acked, &ahead, 8, UINT64_MAX - 1, &new_n),
                     NX_OK);
    assert_int_equal(new_n, UINT64_MAX - 8);
    assert_int_equal(nx_settled_add(&acked, &ahead, 6, 7, &new_n), NX_OK);
    assert_int_equal(acked, UINT64_MAX - 1);
    assert_int_equal(ahead.n, 0);
    const struct nx_ahead touching = {{{UINT64_MAX - 1, UINT64_MAX - 1}}, 1};
    assert_false(nx_settled_valid(UINT64_MAX - 2, &touching));
    assert_false(nx_settled_valid(UINT64_MAX, &ahead));
    const struct nx_ahead disorder = {{{20, 30}, {10, 12}}, 2};
    assert_false(nx_settled_valid(5, &disorder));
    const struct nx_ahead many = {.n = NX_AHEAD_MAX + 1};
    assert_false(nx_settled_valid(5, &many));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_flags),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
