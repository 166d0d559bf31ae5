/* A refetch is no other cache; records held at one time are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/origins.h"

struct row {
    struct nx_look looks[NX_LOOKS_MAX];
    size_t n;
};

/* A record that ends at end_s, in whole seconds of the cache's clock. */
static void answer(struct row *row, double t_s, double end_s) {
    struct nx_look *look = &row->looks[row->n++];

    assert_true(row->n <= NX_LOOKS_MAX);
    memset(look, 0, sizeof(*look));
    look->tx_us = (int64_t)llround(t_s * 1e6);
    look->rx_us = look->tx_us + 1000;
    look->r_s = (int32_t)(end_s - t_s);
    look->kind = NX_KIND_POS;
}

static unsigned caches(const struct row *row) {
    struct nx_chao chao;

    nx_origins_count(row->looks, 0, row->n, &chao);
    assert_true(chao.n == row->n || chao.n == 0);
    return chao.s_obs;
}

/* One cache fetches it again with the first query after each end. */
static void refetch(struct row *row, double from_s, double to_s, double step_s,
                    double ttl_s, double lead_s) {
    double end_s = -1.0;

    for (double t_s = from_s; t_s < to_s; t_s += step_s) {
        if (t_s >= end_s - lead_s) {
            end_s = t_s + ttl_s;
        }
        answer(row, t_s, end_s);
    }
}

static void test_refetch_is_one_cache(void **state) {
    static const double TTL_S[] = {2, 5, 7, 10, 30, 300};

    (void)state;
    for (size_t i = 0; i < sizeof(TTL_S) / sizeof(TTL_S[0]); i++) {
        struct row row = {0};
        refetch(&row, 100.0, 123.0, 0.37, TTL_S[i], 0);
        assert_int_equal(1, caches(&row));
    }
}

/* With pauses longer than the record lives. */
static void test_visits_far_apart(void **state) {
    struct row row = {0};

    (void)state;
    for (double t_s = 0; t_s < 600; t_s += 60) {
        refetch(&row, t_s, t_s + 2, 0.37, 10, 0);
    }
    assert_int_equal(1, caches(&row));
}

/* Knot Resolver refreshes 5 s before the end, unbound in the last tenth. */
static void test_prefetch_is_one_cache(void **state) {
    struct row knot = {0};
    struct row unbound = {0};

    (void)state;
    refetch(&knot, 0, 20, 0.37, 10, 5);
    assert_int_equal(1, caches(&knot));
    refetch(&unbound, 0, 600, 9.7, 300, 30);
    assert_int_equal(1, caches(&unbound));
}

/* Two caches in turn: each is seen again after the other. */
static void test_interleaved_is_two(void **state) {
    struct row row = {0};

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        double t_s = 0.37 * i;
        double end_s = i % 2 == 0 ? 5.0 : 8.0;
        answer(&row, t_s, t_s < end_s ? end_s : end_s + 10);
    }
    assert_int_equal(2, caches(&row));
}

/* Never again, but fetched long before the first could end. */
static void test_overlap_is_two(void **state) {
    struct row row = {0};

    (void)state;
    answer(&row, 0.0, 300.0);
    answer(&row, 0.4, 300.0);
    answer(&row, 0.8, 250.5);
    answer(&row, 1.2, 250.5);
    assert_int_equal(2, caches(&row));
}

static void test_standing_ttl_tells_nothing(void **state) {
    struct row row = {0};

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        answer(&row, 3.0 * i, 3.0 * i + 60.5);
    }
    assert_int_equal(0, caches(&row));
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_refetch_is_one_cache),
        cmocka_unit_test(test_visits_far_apart),
        cmocka_unit_test(test_prefetch_is_one_cache),
        cmocka_unit_test(test_interleaved_is_two),
        cmocka_unit_test(test_overlap_is_two),
        cmocka_unit_test(test_standing_ttl_tells_nothing),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
