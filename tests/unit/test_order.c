/* Sorting in pieces: the same as in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/status/order.h"

#define MOST 300U

struct item {
    unsigned key, place;
};

static int by_key(const void *a, const void *b) {
    const struct item *x = a;
    const struct item *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static unsigned steps_for(const struct item *items, size_t n, size_t budget) {
    struct nx_order order;
    unsigned steps_n = 1;
    size_t left = budget;
    assert_int_equal(nx_order_begin(&order, items, n, sizeof(*items), by_key),
                     0);
    while (!nx_order_step(&order, &left)) {
        assert_int_equal(left, 0); /* all of it was spent */
        left = budget;
        assert_true(++steps_n < 100000);
    }
    for (size_t i = 0; i < n; i++) {
        const struct item *at = order.from[i];
        const struct item *before = i > 0 ? order.from[i - 1] : NULL;
        assert_true(at >= items && at < items + n);
        assert_true(before == NULL || before->key < at->key ||
                    (before->key == at->key && before->place < at->place));
    }
    nx_order_fini(&order);
    return steps_n;
}

static void test_in_order(void **state) {
    static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 64, 65, MOST};
    struct item items[MOST];
    (void)state;
    for (unsigned keys = 1; keys <= MOST; keys = 4 * keys - 1) {
        for (unsigned i = 0; i < MOST; i++) {
            items[i] =
                (struct item){.key = i * 7919U % MOST % keys, .place = i};
        }
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            size_t n = sizes[k];
            assert_int_equal(steps_for(items, n, SIZE_MAX), 1);
            for (size_t budget = 1; budget < 12; budget += 5) {
                unsigned steps_n = steps_for(items, n, budget);
                assert_true(n < 2 || steps_n >= n / budget);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
