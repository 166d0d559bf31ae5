/* Rule 1 across the items of an incident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

/* NXDOMAIN for one type: the other one is not asked for before its own round.
 */
static void test_withdrawn_for_every_type(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    i.items_n = 2;
    memcpy(i.items[1].name, www, sizeof(www));
    i.items[1].qtype = NX_TYPE_AAAA;
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    for (int64_t t = T0; t <= T0 + 20 * S; t += 5 * S) {
        audits_type(b, 1, 1, NX_TYPE_A, true, t);
        audits_type(b, 1, 1, NX_TYPE_AAAA, true, t + S / 10);
        tick(b, t + S);
    }
    assert_int_equal(plan_of(b, LYON, T0 + 21 * S)->tasks_n, 2);
    audits_type(b, 1, 1, NX_TYPE_A, true, T0 + 25 * S);
    audits_type(b, 1, 1, NX_TYPE_AAAA, false, T0 + 26 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 26 * S)->tasks_n, 0);
    tick(b, T0 + 27 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 27 * S)->tasks_n, 0);
    audits_type(b, 1, 1, NX_TYPE_A, true, T0 + 30 * S);
    tick(b, T0 + 31 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 31 * S)->tasks_n, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_withdrawn_for_every_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
