/* How many caches stand behind an address, by looks at canary names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/measure_bench.h"

/* dnsdist before two Unbound, in turn: each backend has a clock of its own. */
static void test_several_caches_hide_the_clock(void **state) {
    static const struct {
        int32_t next_s, last_s;
        uint8_t one, two; /* with so many caches seen */
    } rows[] = {
        {20, 16, NX_SOA_CLOCK_SHARED_RENEWED, NX_SOA_CLOCK_UNKNOWN},
        {20, 11, NX_SOA_CLOCK_OWN, NX_SOA_CLOCK_UNKNOWN},
        {15, 11, NX_SOA_CLOCK_SHARED_UNTIL_CHANGE,
         NX_SOA_CLOCK_SHARED_UNTIL_CHANGE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned of = 1; of <= 2; of++) {
            start(state);
            count(7, of, 0.5);
            nx(NX_CANARY_CLOCK, 0.0, 20);
            nx(NX_CANARY_CLOCK_NEXT, 5.0, rows[i].next_s);
            nx(NX_CANARY_CLOCK, 9.5, rows[i].last_s);
            assert_int_equal(measure().soa_clock,
                             of == 1 ? rows[i].one : rows[i].two);
        }
    }
}

static void test_caches(void **state) {
    for (unsigned of = 1; of <= 5; of++) {
        for (unsigned k = 0; k < 8; k++) {
            start(state);
            count(16, of, 0.06 + 0.12 * k);
            struct nx_measured m = measure();
            assert_int_equal(m.caches_seen, of);
            assert_int_equal(m.profile.caches, of);
        }
    }
}

static void test_caches_not_all_seen_twice(void **state) {
    (void)state;
    count(8, 7, 0.5);
    assert_int_equal(measure().caches_seen, 7);
    assert_int_equal(measure().profile.caches, 0); /* there may be more */
}

static void test_caches_need_looks(void **state) {
    (void)state;
    count(NX_CANARY_COUNT_MIN - 1, 1, 0.5);
    assert_int_equal(measure().caches_seen, 0);
    assert_int_equal(measure().profile.caches, 0);
}

/* Another name's, by NSID, beside those of the looks that count. */
static void answered(unsigned of, uint64_t other) {
    for (unsigned i = 0; i < looks.n[NX_CANARY_COUNT]; i++) {
        looks.of[NX_CANARY_COUNT][i].rdata_hash = 1 + i % of;
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)see(NX_CANARY_NSID, 1.3 + 1.7 * i, NX_KIND_POS, 86400);
        looks.of[NX_CANARY_NSID][i].rdata_hash = other;
    }
}

/* Answers that are unique tell two caches apart that show the same TTL. */
static void test_caches_by_rdata(void **state) {
    (void)state;
    count(10, 1, 0.5);
    answered(2, 1);
    assert_int_equal(measure().profile.caches, 2);
}

/* A TTL that stands still ends elsewhere with each look: a cache each, where
 * answers are not known to be unique. */
static void test_caches_by_rdata_alone(void **state) {
    static const struct {
        unsigned answers;
        uint64_t other;
        unsigned seen, caches;
    } rows[] = {{1, 1, 10, 0}, {1, 9, 1, 1}, {2, 9, 2, 2}, {10, 99, 10, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        for (unsigned k = 0; k < 10; k++) {
            (void)see(NX_CANARY_COUNT, 0.5 + 2.1 * k, NX_KIND_POS, 86400);
        }
        answered(rows[i].answers, rows[i].other);
        struct nx_measured m = measure();
        assert_int_equal(m.caches_seen, rows[i].seen);
        assert_int_equal(m.profile.caches, rows[i].caches);
    }
}

/* What is over soon is fetched anew, and has another answer then. */
static void test_caches_by_rdata_that_lasts(void **state) {
    (void)state;
    count(10, 1, 0.5);
    answered(1, 9);
    for (unsigned i = 0; i < 3; i++) {
        looks.of[NX_CANARY_COUNT][i].look.r_s = 3;
        looks.of[NX_CANARY_COUNT][i].rdata_hash = 20 + i;
    }
    assert_int_equal(measure().profile.caches, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_several_caches_hide_the_clock, begin),
        cmocka_unit_test_setup(test_caches, begin),
        cmocka_unit_test_setup(test_caches_not_all_seen_twice, begin),
        cmocka_unit_test_setup(test_caches_need_looks, begin),
        cmocka_unit_test_setup(test_caches_by_rdata, begin),
        cmocka_unit_test_setup(test_caches_by_rdata_alone, begin),
        cmocka_unit_test_setup(test_caches_by_rdata_that_lasts, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
