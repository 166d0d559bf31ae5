#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/cli/preflight.h"

/* The rest of an entry made in the outage is even between W - D and W. */
static void costs(void **state) {
    static const struct {
        uint32_t w_s, outage_s;
        double share;
        uint32_t clear_s;
    } rows[] = {
        {900, 300, 0.0, 600},    {900, 300, 0.5, 750}, {900, 300, 0.9, 870},
        {900, 300, 1.0, 900},    {900, 900, 0.5, 450}, {900, 3600, 0.9, 810},
        {900, 3600, 1.0, 900},   {900, 0, 0.5, 900},   {0, 60, 1.0, 0},
        {86400, 60, 0.5, 86370}, {3, 3, 0.5, 2}, /* 1.5: not too early */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            nx_preflight_clear_s(rows[i].w_s, rows[i].outage_s, rows[i].share),
            rows[i].clear_s);
    }
}

static void advice(void **state) {
    struct nx_preflight_change c;
    (void)state;
    assert_false(nx_preflight_advise(3600, 60, 60, &c));
    assert_false(nx_preflight_advise(30, 3600, 60, &c));
    assert_true(nx_preflight_advise(3600, 900, 60, &c));
    assert_true(c.minimum);
    assert_false(c.soa_ttl);
    assert_int_equal(c.to_s, 60);
    assert_int_equal(c.everywhere_s, 900);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs),
        cmocka_unit_test(advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
